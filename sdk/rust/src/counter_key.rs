//! What a counter counts by, as the operator writes it.

use crate::configuration::deserialize_text;
use crate::context;
use crate::dynamic;
use crate::expression::ExpressionError;
use crate::messages::Request;
use crate::schema::{Node, Schema};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// A longer value is shortened, so that a client can't break a counter with a long header.
const LONGEST: usize = 256;
/// What is kept of a longer value, in front of its hash.
const KEPT: usize = 128;

/// What tells the counters of a statement apart: `client-ip`, `subscription`, `header:NAME`, or an expression.
///
/// Its text form (`Display`) goes in front of a value that counters of several keys share: `client-ip=192.0.2.7` and
/// `expression=192.0.2.7` are two counters. The text of every expression is `expression`, so that two statements that
/// compute the same value count together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CounterKey {
    /// The client's address as trusted proxies tell it; of an IPv6 address the network (`context::client_network`).
    ClientIp,
    /// The id of the subscription whose key was used.
    Subscription,
    /// The first value of a request header. The name is in lower case.
    Header(String),
    /// What the expression with this number gives, as text.
    Expression(u32),
}

impl CounterKey {
    /// The value to count by; none if no key was used, the header is absent, or the expression gives null.
    ///
    /// At most 256 bytes: of a longer value the first 128 bytes and a hash of the whole.
    pub fn resolve(&self, request: &Request) -> Result<Option<String>, ExpressionError> {
        let value = match self {
            Self::ClientIp => Some(context::client_network()),
            Self::Subscription => context::subscription().map(|subscription| subscription.id),
            Self::Header(name) => request.header(name).map(text),
            Self::Expression(number) => dynamic::text_of(*number)?,
        };
        Ok(value.map(shortened))
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "client-ip" => Some(Self::ClientIp),
            "subscription" => Some(Self::Subscription),
            _ => {
                let name = text.strip_prefix("header:")?;
                let token = !name.is_empty() && name.bytes().all(is_token);
                token.then(|| Self::Header(name.to_ascii_lowercase()))
            }
        }
    }
}

/// Bytes that are no UTF-8 are replaced: they may then share a counter, but never get one more.
fn text(value: Vec<u8>) -> String {
    String::from_utf8(value).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn shortened(value: String) -> String {
    if value.len() <= LONGEST {
        return value;
    }
    let hash = fnv1a(value.as_bytes());
    let kept = value.floor_char_boundary(KEPT);
    format!("{}#{hash:032x}", &value[..kept])
}

/// FNV-1a with 128 bits: the same in every release, since quotas outlive the process. That one can look for
/// collisions helps nobody: whoever knows a key's value can also just send it.
fn fnv1a(bytes: &[u8]) -> u128 {
    const OFFSET: u128 = 0x6c62272e07bb014262b821756295c58d;
    const PRIME: u128 = 0x0000000001000000000000000000013b;
    bytes.iter().fold(OFFSET, |hash, &byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

impl fmt::Display for CounterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientIp => f.write_str("client-ip"),
            Self::Subscription => f.write_str("subscription"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Expression(_) => f.write_str("expression"),
        }
    }
}

/// What is no expression.
struct Fixed(CounterKey);

impl dynamic::Literal for Fixed {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_text(deserializer, |text| {
            let expected = || format!("`{text}` is no counter key; expected client-ip, subscription or header:NAME");
            CounterKey::parse(text).map(Self).ok_or_else(expected)
        })
    }
}

impl<'de> Deserialize<'de> for CounterKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match dynamic::Form::deserialize(deserializer)? {
            dynamic::Form::Literal(Fixed(key)) => key,
            dynamic::Form::Expression(number) => Self::Expression(number),
        })
    }
}

impl Schema for CounterKey {
    const SCHEMA: Node = Node::dynamic(&FIXED);
}

const FIXED: Node = Node::text()
    .described("What to count by: client-ip, subscription or header:NAME.")
    .pattern("^(client-ip|subscription|header:[!#$%&'*+.^_`|~0-9A-Za-z-]+)$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_are_read_and_written_alike() {
        for text in ["client-ip", "subscription", "header:x-tenant"] {
            assert_eq!(CounterKey::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(CounterKey::parse("header:X-Tenant"), Some(CounterKey::Header("x-tenant".into())));
    }

    #[test]
    fn an_expression_is_a_key_of_its_own_kind() {
        let key: CounterKey = serde_json::from_str(r#"{ "$expression": 3 }"#).unwrap();
        assert_eq!((key.clone(), key.to_string().as_str()), (CounterKey::Expression(3), "expression"));
        assert!(serde_json::from_str::<CounterKey>("5").is_err());
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "ip", "header:", "header:a b", "header:ä", "Client-IP", "${request.path}"] {
            assert_eq!(CounterKey::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_long_value_keeps_its_head_and_its_difference() {
        let long = |tail: &str| shortened(format!("{}{tail}", "é".repeat(200)));
        assert!(long("a").len() <= LONGEST);
        assert_ne!(long("a"), long("b"));
        assert_eq!(long("a"), long("a"));
        assert_eq!(shortened("x".repeat(LONGEST)), "x".repeat(LONGEST));
    }
}
