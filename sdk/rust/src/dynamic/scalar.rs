//! What expressions' values turn into.

use crate::configuration::deserialize_text;
use crate::expression::{ExpressionError, MEMBER, Value};
use crate::schema::{Node, Schema};
use serde::Deserializer;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

/// A type that an expression's value can be turned into: what may stand in a [`Dynamic`](crate::Dynamic).
///
/// ```
/// use tollgate_sdk::dynamic::Scalar;
/// use tollgate_sdk::{Dynamic, configuration, expression::Value};
///
/// #[configuration]
/// #[derive(Clone)]
/// struct Status(u16);
///
/// impl Scalar for Status {
///     fn from_value(value: Value) -> Result<Self, String> {
///         match u16::from_value(value)? {
///             status @ 200..=599 => Ok(Self(status)),
///             _ => Err("expected a status, found a number outside 200–599".into()),
///         }
///     }
/// }
///
/// #[configuration]
/// struct Config {
///     code: Dynamic<Status>,
/// }
/// ```
pub trait Scalar: DeserializeOwned + Schema {
    /// The schema of a literal: that of the type, if nothing else is said.
    const LITERAL: Node = Self::SCHEMA;

    /// Convert what an expression gave. The error says which kind was expected and which was found, but not the value,
    /// which is nobody's business: it is logged.
    fn from_value(value: Value) -> Result<Self, String>;

    /// Read a literal: as the type is read, if nothing else is said.
    fn literal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

/// Text as it is, nothing for null, numbers and booleans as JSON has them, lists and maps as JSON text.
impl Scalar for String {
    fn from_value(value: Value) -> Result<Self, String> {
        Ok(match value {
            Value::Null => String::new(),
            Value::Boolean(value) => value.to_string(),
            Value::Integer(value) => value.to_string(),
            Value::Number(value) => Json::from(value).to_string(),
            Value::Text(text) | Value::Json(text) => text,
            Value::Bytes(bytes) => lossy(bytes),
        })
    }
}

/// Booleans, and the texts `true` and `false` in any case.
impl Scalar for bool {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Boolean(value) => Ok(value),
            Value::Text(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Value::Text(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            other => Err(unexpected("a boolean", &other)),
        }
    }
}

/// Integers, floats without a fraction, and decimal text, as far as they fit.
macro_rules! integers {
    ($($type:ty),*) => {
        $(impl Scalar for $type {
            fn from_value(value: Value) -> Result<Self, String> {
                let integer = match &value {
                    Value::Integer(integer) => <$type>::try_from(*integer).ok(),
                    Value::Number(number) => whole(*number).and_then(|integer| <$type>::try_from(integer).ok()),
                    Value::Text(text) => text.parse().ok(),
                    _ => None,
                };
                integer.ok_or_else(|| {
                    unexpected(concat!("an integer that fits ", stringify!($type)), &value)
                })
            }
        })*
    };
}

integers!(u64, i64, u32, u16);

/// Numbers, and decimal text.
impl Scalar for f64 {
    fn from_value(value: Value) -> Result<Self, String> {
        let number = match &value {
            Value::Integer(integer) => Some(*integer as f64),
            Value::Number(number) => Some(*number),
            Value::Text(text) => text.parse().ok(),
            _ => None,
        };
        number.filter(|number| number.is_finite()).ok_or_else(|| unexpected("a finite number", &value))
    }
}

/// Bodies. Bytes as they are, anything else as text; a literal is a text.
impl Scalar for Vec<u8> {
    const LITERAL: Node = Node::text();

    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Bytes(bytes) => Ok(bytes),
            other => String::from_value(other).map(String::into_bytes),
        }
    }

    fn literal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_text(deserializer, |text| Ok::<_, String>(text.as_bytes().to_vec()))
    }
}

/// Anything. Bytes become text.
impl Scalar for Json {
    fn from_value(value: Value) -> Result<Self, String> {
        Ok(match value {
            Value::Null => Json::Null,
            Value::Boolean(value) => Json::Bool(value),
            Value::Integer(value) => value.into(),
            Value::Number(value) => value.into(),
            Value::Text(text) => Json::String(text),
            Value::Bytes(bytes) => Json::String(lossy(bytes)),
            Value::Json(text) => serde_json::from_str(&text).map_err(|error| error.to_string())?,
        })
    }
}

/// A literal in which expressions stand, with their values put in: for a `Dynamic<serde_json::Value>` such as
/// `{ "user": "${variables.user}", "count": 5 }`.
pub fn resolved(literal: &Json) -> Result<Json, ExpressionError> {
    Ok(match literal {
        Json::Object(members) => match members.get(MEMBER).and_then(Json::as_u64).map(u32::try_from) {
            Some(Ok(number)) if members.len() == 1 => super::value_of(number)?,
            _ => {
                let resolved = members.iter().map(|(name, value)| Ok((name.clone(), resolved(value)?)));
                Json::Object(resolved.collect::<Result<_, ExpressionError>>()?)
            }
        },
        Json::Array(items) => Json::Array(items.iter().map(resolved).collect::<Result<_, _>>()?),
        other => other.clone(),
    })
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// A float without a fraction, within 64 bits.
fn whole(number: f64) -> Option<i128> {
    // 2^64 is exact; anything beyond it fits no integer here.
    const MOST: f64 = 18_446_744_073_709_551_616.0;
    (number.trunc() == number && number.abs() <= MOST).then_some(number as i128)
}

fn unexpected(expected: &str, found: &Value) -> String {
    let found = match found {
        Value::Null => "null",
        Value::Boolean(_) => "a boolean",
        Value::Integer(_) => "an integer",
        Value::Number(_) => "a number",
        Value::Text(_) => "a text",
        Value::Bytes(_) => "bytes",
        Value::Json(_) => "a list or a map",
    };
    ["expected ", expected, ", found ", found].concat()
}
