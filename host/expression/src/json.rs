//! JSON text becomes values at once, and no more of them than the caller can bear.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::map::Map;
use crate::value::Value;

/// Why a text gave no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unparsed {
    /// It isn't JSON, or nests more than 128 levels.
    NotJson,
    /// Its values take more bytes than they may.
    TooLarge,
}

/// The value of a text, and about how many bytes it takes: `most` at most. A number is an int where it fits, then a
/// uint, then a double.
///
/// # Errors
/// See [`Unparsed`].
pub(crate) fn parse(text: &[u8], most: usize) -> Result<(Value, usize), Unparsed> {
    // RFC 8259 §8.1 lets a reader pass over it; those of bodies all do.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let left = Cell::new(most);
    let is_too_large = Cell::new(false);
    let reader = Reader { left: &left, is_too_large: &is_too_large };
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = reader.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    match value {
        Ok(value) => Ok((value, most - left.get())),
        Err(_) if is_too_large.get() => Err(Unparsed::TooLarge),
        Err(_) => Err(Unparsed::NotJson),
    }
}

/// Reads one value and takes from what is left.
#[derive(Clone, Copy)]
struct Reader<'l> {
    left: &'l Cell<usize>,
    is_too_large: &'l Cell<bool>,
}

impl Reader<'_> {
    fn take<E: Error>(self, bytes: usize) -> Result<(), E> {
        match self.left.get().checked_sub(bytes) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => {
                self.is_too_large.set(true);
                Err(E::custom("too large"))
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.take(size_of::<Value>())?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Uint(value), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Double(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        self.take(text.len())?;
        Ok(Value::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::from(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut list: Vec<(Arc<str>, Value)> = Vec::new();
        while let Some(name) = members.next_key::<String>()? {
            self.take(size_of::<Arc<str>>() + name.len())?;
            list.push((Arc::from(name), members.next_value_seed(self)?));
        }
        Ok(Value::from(list.into_iter().collect::<Map>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_serde_json_makes_of_the_text() {
        for text in [
            "null",
            "[true, -1, 1.5, 18446744073709551615, 1e3, \"\\u00e4\\n\"]",
            "{\"b\": [], \"a\": {\"x\": {}}, \"b\": 2}",
        ] {
            let json: serde_json::Value = serde_json::from_str(text).unwrap();
            assert_eq!(parse(text.as_bytes(), 1 << 20).unwrap().0, Value::from_json(&json), "{text}");
        }
        for text in ["", "1 2", "{", "[1,]", "{\"a\": tru}", &"[".repeat(200)] {
            assert_eq!(parse(text.as_bytes(), 1 << 20).unwrap_err(), Unparsed::NotJson, "{text}");
        }
    }

    #[test]
    fn what_takes_too_much_memory_is_refused_before_it_does() {
        let many = format!("[{}1]", "1,".repeat(10_000));
        assert_eq!(parse(many.as_bytes(), 1 << 10).unwrap_err(), Unparsed::TooLarge);
        let (_, bytes) = parse(many.as_bytes(), 1 << 20).unwrap();
        assert_eq!(bytes, 10_002 * size_of::<Value>());
        assert_eq!(parse(b"\"0123456789\"", size_of::<Value>() + 9).unwrap_err(), Unparsed::TooLarge);
    }
}
