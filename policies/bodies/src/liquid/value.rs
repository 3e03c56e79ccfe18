//! Values as Liquid sees them: JSON's, with looser ideas of truth, equality and members.

use std::borrow::Cow;
use std::cmp::Ordering;
use tollgate_sdk::serde_json::{Map, Value};

/// A number as filters reckon with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Integer(i64),
    Float(f64),
}

/// What is missing.
pub(crate) const NIL: Value = Value::Null;

/// What is written for a value: nothing for nil, lists one element after the other, objects as JSON. An XML element
/// that has attributes and text is its text.
pub(crate) fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => Cow::Borrowed(text),
        Value::Array(items) => Cow::Owned(items.iter().map(text).collect()),
        Value::Object(members) if is_element(members) => members.get("#text").map(text).unwrap_or_default(),
        other => Cow::Owned(other.to_string()),
    }
}

fn is_element(members: &Map<String, Value>) -> bool {
    members.contains_key("#text") && members.keys().all(|name| name == "#text" || name.starts_with('@'))
}

/// All but nil and `false`.
pub(crate) fn is_true(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

/// Whether it equals `empty`.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// The value as a number; texts that are numbers are.
pub(crate) fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Some(Number::Integer(integer)),
            None => number.as_f64().map(Number::Float),
        },
        Value::String(text) => {
            let text = text.trim();
            let is_decimal = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
            if !is_decimal {
                return None;
            }
            text.parse().map(Number::Integer).or_else(|_| text.parse().map(Number::Float)).ok()
        }
        _ => None,
    }
}

impl Number {
    pub(crate) fn float(self) -> f64 {
        match self {
            Self::Integer(integer) => integer as f64,
            Self::Float(float) => float,
        }
    }
}

impl From<Number> for Value {
    /// What no JSON can hold, such as infinity, is nil.
    fn from(number: Number) -> Self {
        match number {
            Number::Integer(integer) => Value::from(integer),
            Number::Float(float) => Value::from(float),
        }
    }
}

/// Whether two values are the same. 1 and 1.0 are, 1 and "1" aren't.
pub(crate) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(_), Value::Number(_)) => compare(left, right) == Some(Ordering::Equal),
        _ => left == right,
    }
}

/// Which comes first; none if they can't be compared.
pub(crate) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Number(_), _) | (_, Value::Number(_)) => match (number(left)?, number(right)?) {
            (Number::Integer(left), Number::Integer(right)) => Some(left.cmp(&right)),
            (left, right) => left.float().partial_cmp(&right.float()),
        },
        _ => None,
    }
}

/// Whether a text holds a text, or a list a value.
pub(crate) fn contains(whole: &Value, part: &Value) -> bool {
    match whole {
        Value::String(whole) => !part.is_null() && whole.contains(&*text(part)),
        Value::Array(items) => items.iter().any(|item| equal(item, part)),
        Value::Object(members) => matches!(part, Value::String(name) if members.contains_key(name)),
        _ => false,
    }
}

/// A member of a value: of an object by name, if need be in another case; of a list by number, or its `first`, `last`
/// and `size`. None if there is nothing of the kind.
pub(crate) fn member<'v>(value: &'v Value, key: &Value) -> Option<Cow<'v, Value>> {
    match (value, key) {
        (Value::Object(members), Value::String(name)) => {
            let found = members
                .get(name)
                .or_else(|| members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value));
            match found {
                Some(found) => Some(Cow::Borrowed(found)),
                None if name.eq_ignore_ascii_case("size") => Some(Cow::Owned(Value::from(members.len()))),
                None => None,
            }
        }
        (Value::Array(items), Value::Number(index)) => {
            let index = index.as_i64()?;
            let distance = usize::try_from(index.unsigned_abs()).ok()?;
            let place = if index < 0 { items.len().checked_sub(distance)? } else { distance };
            items.get(place).map(Cow::Borrowed)
        }
        (Value::Array(items), Value::String(name)) => match name.to_ascii_lowercase().as_str() {
            "first" => items.first().map(Cow::Borrowed),
            "last" => items.last().map(Cow::Borrowed),
            "size" => Some(Cow::Owned(Value::from(items.len()))),
            _ => None,
        },
        (Value::String(text), Value::String(name)) if name.eq_ignore_ascii_case("size") => {
            Some(Cow::Owned(Value::from(text.chars().count())))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::json;

    #[test]
    fn values_are_written() {
        for (value, written) in [
            (json!(null), ""),
            (json!(true), "true"),
            (json!(1.5), "1.5"),
            (json!(18446744073709551615u64), "18446744073709551615"),
            (json!("a\"b"), "a\"b"),
            (json!(["a", 1, ["b"]]), "a1b"),
            (json!({ "b": 1, "a": [] }), r#"{"b":1,"a":[]}"#),
            (json!({ "@id": "7", "#text": "x" }), "x"),
        ] {
            assert_eq!(text(&value), written);
        }
    }

    #[test]
    fn members_are_found_in_any_case_but_first_in_theirs() {
        let value = json!({ "Envelope": 1, "envelope": 2, "Body": 3 });
        let get = |name: &str| member(&value, &json!(name)).map(Cow::into_owned);
        assert_eq!(get("envelope"), Some(json!(2)));
        assert_eq!(get("ENVELOPE"), Some(json!(1)));
        assert_eq!(get("body"), Some(json!(3)));
        assert_eq!(get("size"), Some(json!(3)));
        assert_eq!(get("none"), None);
        let list = json!(["a", "b"]);
        for (key, found) in
            [(json!(0), Some("a")), (json!(-1), Some("b")), (json!(-3), None), (json!("Last"), Some("b"))]
        {
            assert_eq!(member(&list, &key).map(Cow::into_owned), found.map(Value::from));
        }
    }

    #[test]
    fn numbers_compare_as_numbers() {
        assert!(equal(&json!(1), &json!(1.0)));
        assert!(!equal(&json!(1), &json!("1")));
        assert_eq!(compare(&json!("10"), &json!(9)), Some(Ordering::Greater));
        assert_eq!(compare(&json!("x"), &json!(9)), None);
        assert_eq!(compare(&json!(null), &json!(1)), None);
    }
}
