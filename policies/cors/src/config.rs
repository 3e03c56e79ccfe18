//! What the operator writes.

use crate::origin::AllowedOrigin;
use policy_headers::FieldName;
use std::fmt;
use std::ops::Deref;
use tollgate_sdk::schema::{Node, Schema};
use tollgate_sdk::serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use tollgate_sdk::serde::de::{MapAccess, SeqAccess, Visitor};
use tollgate_sdk::serde::{Deserialize, Deserializer};
use tollgate_sdk::{ConfigError, Dynamic, configuration, deserialize_text};

/// Who may call from a page of another origin, and how.
#[configuration]
#[derive(Debug)]
pub struct Config {
    /// Whether calls may carry cookies, and their answers be read nevertheless.
    #[serde(default)]
    pub(crate) allow_credentials: Dynamic<bool>,
    /// Whether a call from an origin that isn't listed is answered at once, with an empty 200.
    #[serde(default = "on")]
    pub(crate) terminate_unmatched_request: Dynamic<bool>,
    /// The origins that may call; `*` for any.
    #[schema(length(min = 1))]
    pub(crate) allowed_origins: Vec<AllowedOrigin>,
    /// The methods that may be called; `*` for any.
    #[serde(default)]
    pub(crate) allowed_methods: AllowedMethods,
    /// The headers that a call may have; `*` for any.
    #[serde(default)]
    pub(crate) allowed_headers: Vec<FieldName>,
    /// The headers of the answer that a page may read; `*` for any.
    #[serde(default)]
    pub(crate) expose_headers: Vec<FieldName>,
}

fn on() -> Dynamic<bool> {
    true.into()
}

/// Methods, and how long a browser may remember the answer to a preflight.
#[configuration]
#[derive(Debug)]
pub(crate) struct Methods {
    /// The methods that may be called; `*` for any.
    #[serde(default = "get_and_post")]
    #[schema(length(min = 1))]
    pub(crate) methods: Vec<Method>,
    /// For how many seconds a browser may remember the answer to a preflight.
    #[serde(default)]
    pub(crate) preflight_result_max_age: Dynamic<u64>,
}

fn get_and_post() -> Vec<Method> {
    vec![Method("GET".into()), Method("POST".into())]
}

/// Methods, with or without the rest. Not a serde enum: those forget where in the text an error was.
#[derive(Debug)]
pub(crate) struct AllowedMethods(pub(crate) Methods);

impl Default for AllowedMethods {
    fn default() -> Self {
        Self(Methods { methods: get_and_post(), preflight_result_max_age: Dynamic::default() })
    }
}

impl<'de> Deserialize<'de> for AllowedMethods {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListOrMore;

        impl<'de> Visitor<'de> for ListOrMore {
            type Value = AllowedMethods;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of methods, or `methods` and `preflight-result-max-age`")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AllowedMethods, A::Error> {
                Methods::deserialize(MapAccessDeserializer::new(map)).map(AllowedMethods)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<AllowedMethods, A::Error> {
                let methods = Vec::deserialize(SeqAccessDeserializer::new(seq))?;
                Ok(AllowedMethods(Methods { methods, preflight_result_max_age: Dynamic::default() }))
            }
        }

        deserializer.deserialize_any(ListOrMore)
    }
}

impl Schema for AllowedMethods {
    const SCHEMA: Node = Node::either(&[Methods::SCHEMA, Node::list(&Method::SCHEMA).at_least(1)]);
}

/// A method, or `*`. Case matters in methods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Method(String);

impl Deref for Method {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Method {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_text(deserializer, |text| match FieldName::parse(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Err(format!("`{text}` is no method")),
        })
    }
}

impl Schema for Method {
    const SCHEMA: Node = Node::text().pattern("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$");
}

impl Config {
    /// What the schema can't say: `*` and credentials don't go together (Fetch standard §3.2.5).
    pub(crate) fn check(self) -> Result<Self, ConfigError> {
        let credentials = self.allow_credentials.literal();
        if self.allows_any_origin() && credentials != Some(&false) {
            return Err(ConfigError::new(
                "/allow-credentials",
                "credentials can't be allowed to every origin: list the origins instead of `*`",
            ));
        }
        if self.expose_headers.iter().any(|name| &**name == "*") && credentials != Some(&false) {
            return Err(ConfigError::new(
                "/expose-headers",
                "`*` exposes nothing to calls with credentials: list the headers instead",
            ));
        }
        Ok(self)
    }

    /// Whether `*` is among the origins.
    pub(crate) fn allows_any_origin(&self) -> bool {
        self.allowed_origins.contains(&AllowedOrigin::Any)
    }
}
