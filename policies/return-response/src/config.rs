//! What the operator wrote below `return-response`.

use policy_headers::{SetHeader, Status, Values};
use std::collections::BTreeMap;
use std::fmt;
use tollgate_sdk::schema::{Node, Schema};
use tollgate_sdk::serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use tollgate_sdk::serde::de::{MapAccess, SeqAccess, Visitor};
use tollgate_sdk::serde::{Deserialize, Deserializer};
use tollgate_sdk::{Dynamic, configuration};

/// The response, with children named after the statements that they resemble, or in short.
#[configuration]
#[derive(Debug)]
pub struct Config {
    /// The variable that holds a response, as `send-request` puts it there. What follows changes it.
    #[serde(default)]
    pub(crate) response_variable_name: Option<String>,
    /// The status, and the reason phrase of HTTP/1.1.
    #[serde(default)]
    pub(crate) set_status: Option<SetStatus>,
    /// One header or a list of them, edited in order.
    #[serde(default)]
    pub(crate) set_header: Option<SetHeaders>,
    /// The body.
    #[serde(default)]
    pub(crate) set_body: Option<Dynamic<Vec<u8>>>,
    /// The status, in short.
    #[serde(default)]
    pub(crate) status: Option<Dynamic<Status>>,
    /// Headers by name, in short.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Values>,
    /// The body, in short.
    #[serde(default)]
    pub(crate) body: Option<Dynamic<Vec<u8>>>,
}

/// A status, with a reason phrase of its own if need be.
#[configuration]
#[derive(Debug)]
pub(crate) struct SetStatus {
    /// The status.
    pub(crate) code: Dynamic<Status>,
    /// The reason phrase, if it isn't the usual one.
    #[serde(default)]
    pub(crate) reason: Option<Dynamic<String>>,
}

/// One header or a list of them. Not a serde enum: those forget where in the text an error was.
#[derive(Debug)]
pub(crate) enum SetHeaders {
    One(SetHeader),
    Many(Vec<SetHeader>),
}

impl<'de> Deserialize<'de> for SetHeaders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = SetHeaders;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a header or a list of headers")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SetHeaders, A::Error> {
                SetHeader::deserialize(MapAccessDeserializer::new(map)).map(SetHeaders::One)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<SetHeaders, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq)).map(SetHeaders::Many)
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}

impl Schema for SetHeaders {
    const SCHEMA: Node = Node::either(&[SetHeader::SCHEMA, Node::list(&SetHeader::SCHEMA)]);
}
