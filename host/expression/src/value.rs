//! What an expression evaluates to, and how it becomes JSON and text.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::map::Map;

/// A value of the expression language. Cheap to clone: what is large is shared.
#[derive(Clone, Debug)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A signed integer of 64 bits.
    Int(i64),
    /// An unsigned integer of 64 bits, `1u`.
    Uint(u64),
    /// A floating point number of 64 bits.
    Double(f64),
    /// Text.
    String(Arc<str>),
    /// Bytes that needn't be text.
    Bytes(Bytes),
    /// A point in time.
    Timestamp(jiff::Timestamp),
    /// A length of time, which may be negative.
    Duration(jiff::SignedDuration),
    /// Values in an order.
    List(Arc<[Value]>),
    /// Values by name.
    Map(Arc<Map>),
}

impl Value {
    /// The value that a JSON value stands for. A number is an int where it fits, then a uint, then a double.
    pub fn from_json(json: &serde_json::Value) -> Value {
        use serde_json::Value as Json;
        match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => number
                .as_i64()
                .map(Value::Int)
                .or_else(|| number.as_u64().map(Value::Uint))
                .or_else(|| number.as_f64().map(Value::Double))
                .unwrap_or(Value::Null),
            Json::String(text) => Value::from(text.as_str()),
            Json::Array(items) => Value::List(items.iter().map(Value::from_json).collect()),
            Json::Object(members) => Value::from(
                members.iter().map(|(key, value)| (Arc::from(key.as_str()), Value::from_json(value))).collect::<Map>(),
            ),
        }
    }

    /// [`Value::from_json`] of JSON text.
    ///
    /// # Errors
    /// If the text isn't JSON, or nests more than 128 levels.
    pub fn from_json_text(text: &str) -> Result<Value, serde_json::Error> {
        serde_json::from_str(text).map(|json| Value::from_json(&json))
    }

    /// The value as JSON: timestamps as RFC 3339 text, durations as `"1.5s"`, bytes as base64,
    /// and doubles that JSON doesn't know (infinite, not a number) as null.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Int(value) => Json::from(*value),
            Value::Uint(value) => Json::from(*value),
            Value::Double(value) => Json::from(*value),
            Value::String(text) => Json::String(text.to_string()),
            Value::Bytes(bytes) => Json::String(STANDARD.encode(bytes)),
            Value::Timestamp(timestamp) => Json::String(timestamp.to_string()),
            Value::Duration(duration) => Json::String(duration_text(*duration)),
            Value::List(items) => Json::Array(items.iter().map(Value::to_json).collect()),
            Value::Map(map) => Json::Object(map.iter().map(|(key, value)| (key.to_owned(), value.to_json())).collect()),
        }
    }

    /// The text of [`Value::to_json`].
    pub fn to_json_text(&self) -> String {
        self.to_json().to_string()
    }

    /// The value as it stands in a text with `${…}`: null is empty, text is itself, bytes are UTF-8 with replacement
    /// characters where they aren't, timestamps and durations are as in JSON without quotes, everything else is JSON.
    pub fn to_text(&self) -> Cow<'_, str> {
        match self {
            Value::Null => Cow::Borrowed(""),
            Value::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
            Value::Int(value) => Cow::Owned(value.to_string()),
            Value::Uint(value) => Cow::Owned(value.to_string()),
            Value::String(text) => Cow::Borrowed(text),
            Value::Bytes(bytes) => String::from_utf8_lossy(bytes),
            Value::Timestamp(timestamp) => Cow::Owned(timestamp.to_string()),
            Value::Duration(duration) => Cow::Owned(duration_text(*duration)),
            Value::Double(_) | Value::List(_) | Value::Map(_) => Cow::Owned(self.to_json_text()),
        }
    }

    /// The name of what it is: `null`, `bool`, `int`, `uint`, `double`, `string`, `bytes`, `timestamp`, `duration`,
    /// `list` or `map`.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Uint(_) => "uint",
            Value::Double(_) => "double",
            Value::String(_) => "string",
            Value::Bytes(_) => "bytes",
            Value::Timestamp(_) => "timestamp",
            Value::Duration(_) => "duration",
            Value::List(_) => "list",
            Value::Map(_) => "map",
        }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// Whether lists and maps nest at most `levels` deep in it.
    pub(crate) fn nests_at_most(&self, levels: usize) -> bool {
        match self {
            Value::List(items) => levels > 0 && items.iter().all(|item| item.nests_at_most(levels - 1)),
            Value::Map(map) => levels > 0 && map.iter().all(|(_, value)| value.nests_at_most(levels - 1)),
            _ => true,
        }
    }
}

/// Seconds with as many decimals as it takes: `1.5s`, `-0.000000001s`.
pub(crate) fn duration_text(duration: jiff::SignedDuration) -> String {
    let nanoseconds = duration.as_nanos();
    let magnitude = nanoseconds.unsigned_abs();
    let mut text = String::new();
    if nanoseconds < 0 {
        text.push('-');
    }
    // Writing to a string can't fail.
    let _ = write!(text, "{}", magnitude / 1_000_000_000);
    let fraction = magnitude % 1_000_000_000;
    if fraction > 0 {
        let _ = write!(text, ".{fraction:09}");
        text.truncate(text.trim_end_matches('0').len());
    }
    text.push('s');
    text
}

/// As CEL's `==`: numbers by their value whatever their type, and values of different kinds are different.
impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(one), Value::Bool(other)) => one == other,
            (Value::String(one), Value::String(other)) => one == other,
            (Value::Bytes(one), Value::Bytes(other)) => one == other,
            (Value::Timestamp(one), Value::Timestamp(other)) => one == other,
            (Value::Duration(one), Value::Duration(other)) => one == other,
            (Value::List(one), Value::List(other)) => one == other,
            (Value::Map(one), Value::Map(other)) => one == other,
            _ => crate::compare::numbers(self, other).is_some_and(std::cmp::Ordering::is_eq),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Value {
        Value::Uint(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Value {
        Value::Double(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::String(Arc::from(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::String(Arc::from(text))
    }
}

impl From<Bytes> for Value {
    fn from(bytes: Bytes) -> Value {
        Value::Bytes(bytes)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Value {
        Value::List(Arc::from(items))
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Value {
        Value::Map(Arc::new(map))
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}
