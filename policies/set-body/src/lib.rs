//! `set-body`: another body.

use policy_headers::body_was_replaced;
use tollgate_sdk::schema::{Node, Schema};
use tollgate_sdk::serde::de::value::{MapAccessDeserializer, StrDeserializer};
use tollgate_sdk::serde::de::{Error, MapAccess, Visitor};
use tollgate_sdk::serde::{Deserialize, Deserializer};
use tollgate_sdk::serde_json::{Map, Value, from_value};
use tollgate_sdk::{ConfigError, Dynamic, LastError, Policy, Request, Response, Verdict, configuration, policy};

use std::fmt;

/// The body, bare or as a member: `hello` or `{ value: hello }`.
#[derive(Debug)]
pub struct Config {
    value: Dynamic<Vec<u8>>,
}

#[configuration]
struct Long {
    /// The body.
    value: Dynamic<Vec<u8>>,
    /// `none`: the text is the body, but for its expressions.
    #[serde(default)]
    template: Template,
}

#[configuration]
#[derive(Default)]
enum Template {
    #[default]
    None,
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BareOrMember;

        impl<'de> Visitor<'de> for BareOrMember {
            type Value = Config;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or `{ value: … }`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Config, E> {
                Ok(Config { value: Dynamic::deserialize(StrDeserializer::new(text))? })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Config, A::Error> {
                // The schema has told already whether it is an expression or a member.
                let members = Map::deserialize(MapAccessDeserializer::new(map))?;
                let is_member = members.contains_key("value");
                let value = Value::Object(members);
                match is_member {
                    true => from_value(value).map(|Long { value, template: Template::None }| Config { value }),
                    false => from_value(value).map(|value| Config { value }),
                }
                .map_err(A::Error::custom)
            }
        }

        deserializer.deserialize_any(BareOrMember)
    }
}

impl Schema for Config {
    const SCHEMA: Node = Node::either(&[<Dynamic<Vec<u8>>>::SCHEMA, LONG]).described("The body.");
}

const LONG: Node = Long::SCHEMA;

/// The statement.
#[derive(Debug)]
pub struct Statement(Dynamic<Vec<u8>>);

/// Replaces the body of the request or the response.
#[policy(sections(inbound, backend, outbound, on_error))]
impl Policy for Statement {
    type Config = Config;

    fn configure(Config { value }: Config) -> Result<Self, ConfigError> {
        Ok(Self(value))
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        request.set_body(&*self.0.get()?)?;
        Ok(body_was_replaced(request)?)
    }

    fn on_response(&self, _: &Request, response: &mut Response) -> Result<(), Verdict> {
        self.replace(response)
    }

    fn on_error(&self, _: &Request, response: &mut Response, _: &LastError) -> Result<(), Verdict> {
        self.replace(response)
    }
}

impl Statement {
    fn replace(&self, response: &mut Response) -> Result<(), Verdict> {
        response.set_body(&*self.0.get()?)?;
        Ok(body_was_replaced(response)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::json;
    use tollgate_sdk::testing::{Gateway, Request, Response};

    #[test]
    fn the_body_is_written_bare_or_as_a_member() {
        for config in [json!("new"), json!({ "value": "new" }), json!({ "value": "new", "template": "none" })] {
            let gateway = Gateway::<Statement>::with(config).unwrap();
            let outcome = gateway.request(Request::post("/").with_body("old"));
            assert_eq!(outcome.request.body(), b"new");
            let outcome = gateway.response(Request::get("/"), Response::new(200).with_body("old"));
            assert_eq!(outcome.response().body(), b"new");
        }
    }

    #[test]
    fn the_body_may_be_an_expression_and_its_bytes_are_left_alone() {
        let gateway = Gateway::<Statement>::with(json!("${variables.a}")).unwrap();
        gateway.expression("${variables.a}", json!({ "b": 1 }));
        assert_eq!(gateway.request(Request::post("/")).request.body(), br#"{"b":1}"#);
    }

    #[test]
    fn what_described_the_old_body_goes_with_it() {
        let gateway = Gateway::<Statement>::with(json!("new")).unwrap();
        let old =
            Response::new(200).with_header("content-encoding", "gzip").with_header("etag", "\"a\"").with_body("old");
        let outcome = gateway.response(Request::get("/"), old);
        assert_eq!(outcome.response().header("content-encoding"), None);
        assert_eq!(outcome.response().header_str("etag"), Some("W/\"a\""));
    }

    #[test]
    fn what_is_no_body_is_refused() {
        for config in [json!({}), json!({ "value": "a", "template": "liquid" }), json!({ "value": "a", "more": 1 })] {
            assert!(Gateway::<Statement>::with(config.clone()).is_err(), "{config}");
        }
    }
}
