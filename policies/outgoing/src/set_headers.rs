//! `set-header` as a child: one header or a list of them.

use policy_headers::{HeaderEdit, SetHeader};
use std::fmt;
use tollgate_sdk::schema::{Node, Schema};
use tollgate_sdk::serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use tollgate_sdk::serde::de::{MapAccess, SeqAccess, Visitor};
use tollgate_sdk::serde::{Deserialize, Deserializer};
use tollgate_sdk::{ConfigError, Field, HeaderError, Headers};

/// One header or a list of them. Not a serde enum: those forget where in the text an error was.
#[derive(Debug)]
pub enum SetHeaders {
    /// One.
    One(SetHeader),
    /// A list.
    Many(Vec<SetHeader>),
}

impl SetHeaders {
    /// The edits in order.
    pub(crate) fn edits(self) -> Result<Vec<HeaderEdit>, ConfigError> {
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

/// The header section while it is made.
pub(crate) struct Section(pub(crate) Vec<Field>);

impl Headers for Section {
    fn header(&self, name: &str) -> Option<Vec<u8>> {
        self.0.iter().find(|field| field.name == name).map(|field| field.value.clone())
    }

    fn header_values(&self, name: &str) -> Vec<Vec<u8>> {
        self.0.iter().filter(|field| field.name == name).map(|field| field.value.clone()).collect()
    }

    fn set_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), HeaderError> {
        self.remove_header(name)?;
        self.append_header(name, value)
    }

    fn append_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), HeaderError> {
        self.0.push(Field { name: name.into(), value: value.as_ref().into() });
        Ok(())
    }

    fn remove_header(&mut self, name: &str) -> Result<(), HeaderError> {
        self.0.retain(|field| field.name != name);
        Ok(())
    }
}
