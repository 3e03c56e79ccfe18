//! `set-header` as a child: one header or a list of them.

use crate::{HeaderEdit, SetHeader};
use std::fmt;
use tollgate_sdk::ConfigError;
use tollgate_sdk::schema::{Node, Schema};
use tollgate_sdk::serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use tollgate_sdk::serde::de::{MapAccess, SeqAccess, Visitor};
use tollgate_sdk::serde::{Deserialize, Deserializer};

/// One header or a list of them. Not a serde enum: those forget where in the text an error was.
#[derive(Debug)]
pub enum SetHeaders {
    /// One.
    One(SetHeader),
    /// A list.
    Many(Vec<SetHeader>),
}

impl SetHeaders {
    /// The edits in order; errors point below `/set-header`.
    pub fn edits(self) -> Result<Vec<HeaderEdit>, ConfigError> {
        let edit = |header: SetHeader, pointer: String| {
            HeaderEdit::try_from(header)
                .map_err(|error| ConfigError::new(format!("{pointer}{}", error.pointer), error.message))
        };
        match self {
            Self::One(header) => Ok(vec![edit(header, "/set-header".into())?]),
            Self::Many(headers) => headers
                .into_iter()
                .enumerate()
                .map(|(index, header)| edit(header, format!("/set-header/{index}")))
                .collect(),
        }
    }
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
