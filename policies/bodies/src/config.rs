//! What the operator wrote below `set-body`, the statement or the child of another.

use std::fmt;
use tollgate_sdk::schema::{Node, Schema};
use tollgate_sdk::serde::de::value::{MapAccessDeserializer, StrDeserializer};
use tollgate_sdk::serde::de::{Error, MapAccess, Visitor};
use tollgate_sdk::serde::{Deserialize, Deserializer};
use tollgate_sdk::serde_json::{Map, Value, from_value};
use tollgate_sdk::{Dynamic, configuration};

/// The body, bare or as a member: `set-body: text` or `set-body: { value: text }`.
#[derive(Debug)]
pub enum SetBody {
    /// The body alone.
    Bare(Dynamic<Vec<u8>>),
    /// The body, and how it is made.
    Long(Box<Long>),
}

/// The body, and how it is made.
#[configuration]
#[derive(Debug)]
pub struct Long {
    /// The body, or the template.
    #[serde(default)]
    pub(crate) value: Option<Dynamic<Vec<u8>>>,
    /// Another name for `value`.
    #[serde(default)]
    pub(crate) body: Option<Dynamic<Vec<u8>>>,
    /// Whether the value is a Liquid template.
    #[serde(default)]
    pub(crate) template: Language,
    /// What a template finds in an XML element that says `xsi:nil="true"`.
    #[serde(default)]
    pub(crate) xsi_nil: XsiNil,
    /// Whether dates of the form `/Date(1198908717056)/` in a JSON body are written as `2007-12-29T06:11:57.056Z`.
    #[serde(default = "yes")]
    pub(crate) parse_date: bool,
}

fn yes() -> bool {
    true
}

/// See `Long::template`.
#[configuration]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Language {
    /// The value is the body.
    #[default]
    None,
    /// The value is a Liquid template.
    Liquid,
}

/// See `Long::xsi_nil`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum XsiNil {
    /// An empty text.
    #[default]
    Blank,
    /// Nothing: `nil`.
    Null,
}

/// By hand, because `null` without quotes is no text in YAML.
impl<'de> Deserialize<'de> for XsiNil {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<String>::deserialize(deserializer)?.as_deref() {
            None | Some("null") => Ok(Self::Null),
            Some("blank") => Ok(Self::Blank),
            Some(_) => Err(D::Error::custom("expected `blank` or `null`")),
        }
    }
}

impl Schema for XsiNil {
    const SCHEMA: Node = Node::raw(r#""enum":["blank","null",null]"#);
}

impl<'de> Deserialize<'de> for SetBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BareOrMember;

        impl<'de> Visitor<'de> for BareOrMember {
            type Value = SetBody;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a body or `{ value: … }`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<SetBody, E> {
                Dynamic::deserialize(StrDeserializer::new(text)).map(SetBody::Bare)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SetBody, A::Error> {
                // The schema has told already whether it is an expression or a mapping of ours.
                let members = Map::deserialize(MapAccessDeserializer::new(map))?;
                let is_expression = members.contains_key("$expression");
                let value = Value::Object(members);
                match is_expression {
                    true => from_value(value).map(SetBody::Bare),
                    false => from_value(value).map(|long| SetBody::Long(Box::new(long))),
                }
                .map_err(A::Error::custom)
            }
        }

        deserializer.deserialize_any(BareOrMember)
    }
}

impl Schema for SetBody {
    const SCHEMA: Node = Node::either(&[<Dynamic<Vec<u8>>>::SCHEMA, Long::SCHEMA]).described("The body.");
}
