//! Names of header fields.

use std::fmt;
use std::ops::Deref;
use tollgate_sdk::deserialize_text;
use tollgate_sdk::dynamic::Scalar;
use tollgate_sdk::expression::Value;
use tollgate_sdk::schema::{Node, Schema};
use tollgate_sdk::serde::{Deserialize, Deserializer};

/// What the gateway sees to itself: framing and routing. The contract refuses edits of these; `host` has a function of its
/// own.
const GATEWAYS_OWN: [&str; 9] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A header's name: a token of RFC 9110 §5.1, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldName(String);

/// The name of a header that a policy may change: none of the gateway's own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EditableName(FieldName);

impl FieldName {
    /// A name, unless the text is no token; the error is for the operator.
    pub fn parse(text: &str) -> Result<Self, String> {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        match text {
            "" => Err("the name is empty".into()),
            _ if !text.bytes().all(token) => Err(format!("`{text}` is no header name")),
            _ => Ok(Self(text.to_ascii_lowercase())),
        }
    }

    /// Refuse what the gateway sees to itself; the error is for the operator.
    pub fn check_editable(&self) -> Result<(), String> {
        match GATEWAYS_OWN.contains(&&**self) {
            true => Err(format!("`{self}` belongs to the gateway and can't be changed")),
            false => Ok(()),
        }
    }
}

impl EditableName {
    /// A name, unless the text is no token or one of the gateway's own; the error is for the operator.
    pub fn parse(text: &str) -> Result<Self, String> {
        let name = FieldName::parse(text)?;
        name.check_editable().map(|()| Self(name))
    }
}

/// Read from a string and shown as one.
macro_rules! name {
    ($name:ident, $description:literal, $expected:literal) => {
        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserialize_text(deserializer, Self::parse)
            }
        }

        /// The error tells what is wrong and not the text, which may be anything.
        impl Scalar for $name {
            fn from_value(value: Value) -> Result<Self, String> {
                Self::parse(&String::from_value(value)?).map_err(|_| concat!("expected ", $expected).to_owned())
            }
        }

        impl Schema for $name {
            const SCHEMA: Node = Node::text().described($description).pattern("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$");
        }
    };
}

name!(FieldName, "A header's name.", "a header's name");
name!(
    EditableName,
    "A header's name; framing headers and Host belong to the gateway.",
    "the name of a header that isn't the gateway's own"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tokens_in_lower_case() {
        assert_eq!(&*FieldName::parse("X-Tenant").unwrap(), "x-tenant");
        for text in ["", "a b", "a:", "ä", "a\r\nb"] {
            assert!(FieldName::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_expression_gives_a_name_too() {
        let name = |text: &str| EditableName::from_value(Value::Text(text.into()));
        assert_eq!(&*name("X-Tenant").unwrap(), "x-tenant");
        assert_eq!(name("Host").unwrap_err(), "expected the name of a header that isn't the gateway's own");
        assert_eq!(FieldName::from_value(Value::Null).unwrap_err(), "expected a header's name");
    }

    #[test]
    fn the_gateways_own_can_be_read_but_not_changed() {
        for text in ["Connection", "Content-Length", "Keep-Alive", "Transfer-Encoding", "Host"] {
            assert!(FieldName::parse(text).is_ok());
            assert!(EditableName::parse(text).unwrap_err().contains("belongs to the gateway"));
        }
    }
}
