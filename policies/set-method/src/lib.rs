//! `set-method`: forward the request with another method.

use tollgate_sdk::schema::{Node, Schema};
use tollgate_sdk::serde::de::value::{MapAccessDeserializer, StrDeserializer};
use tollgate_sdk::serde::de::{Error, MapAccess, Visitor};
use tollgate_sdk::serde::{Deserialize, Deserializer};
use tollgate_sdk::serde_json::{Map, Value, from_value};
use tollgate_sdk::{ConfigError, Dynamic, Policy, Request, Verdict, configuration, policy};

use std::fmt;

/// The method, bare or as a member: `POST` or `{ method: POST }`.
#[derive(Debug)]
pub struct Config {
    method: Dynamic<String>,
    /// Where an error about the method points.
    pointer: &'static str,
}

#[configuration]
struct Long {
    /// The method.
    method: Dynamic<String>,
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BareOrMember;

        impl<'de> Visitor<'de> for BareOrMember {
            type Value = Config;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a method or `{ method: … }`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Config, E> {
                Ok(Config { method: Dynamic::deserialize(StrDeserializer::new(text))?, pointer: "" })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Config, A::Error> {
                // The schema has told already whether it is an expression or a member.
                let members = Map::deserialize(MapAccessDeserializer::new(map))?;
                let is_member = members.contains_key("method");
                let value = Value::Object(members);
                match is_member {
                    true => from_value(value).map(|Long { method }| Config { method, pointer: "/method" }),
                    false => from_value(value).map(|method| Config { method, pointer: "" }),
                }
                .map_err(A::Error::custom)
            }
        }

        deserializer.deserialize_any(BareOrMember)
    }
}

impl Schema for Config {
    const SCHEMA: Node = Node::either(&[<Dynamic<String>>::SCHEMA, LONG]).described("The method.");
}

const LONG: Node = Long::SCHEMA;

/// The statement.
#[derive(Debug)]
pub struct Statement(Dynamic<String>);

/// Forwards the request with another method.
#[policy(sections(inbound, backend))]
impl Policy for Statement {
    type Config = Config;

    fn configure(Config { method, pointer }: Config) -> Result<Self, ConfigError> {
        match method.literal() {
            Some(text) if !is_token(text) => Err(ConfigError::new(pointer, format!("`{text}` is no method"))),
            _ => Ok(Self(method)),
        }
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        let method = self.0.get()?;
        Ok(request.set_method(&method)?)
    }
}

/// RFC 9110 §9.1, as the gateway checks it.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::json;
    use tollgate_sdk::testing::{Gateway, Request};

    #[test]
    fn the_method_is_written_bare_or_as_a_member() {
        for config in [json!("PATCH"), json!({ "method": "PATCH" })] {
            let outcome = Gateway::<Statement>::with(config).unwrap().request(Request::post("/a?b"));
            assert_eq!((outcome.request.method(), outcome.request.target().as_str()), ("PATCH", "/a?b"));
        }
    }

    #[test]
    fn the_method_may_be_an_expression() {
        for config in [json!("${variables.method}"), json!({ "method": "${variables.method}" })] {
            let gateway = Gateway::<Statement>::with(config).unwrap();
            gateway.expression("${variables.method}", json!("PUT"));
            assert_eq!(gateway.request(Request::post("/")).request.method(), "PUT");
            gateway.expression("${variables.method}", json!("no method"));
            let outcome = gateway.request(Request::post("/"));
            assert!(matches!(outcome.verdict, Verdict::Fail(_)));
            assert_eq!(outcome.request.method(), "POST");
        }
    }

    #[test]
    fn what_is_no_method_is_refused_with_its_place() {
        for (config, pointer) in [(json!("a b"), ""), (json!({ "method": "" }), "/method")] {
            assert_eq!(Gateway::<Statement>::with(config).unwrap_err().pointer, pointer);
        }
        for config in [json!({}), json!(5), json!(null), json!({ "method": "GET", "more": 1 })] {
            assert!(Gateway::<Statement>::with(config.clone()).is_err(), "{config}");
        }
    }
}
