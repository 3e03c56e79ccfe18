//! From the configuration's JSON text to the policy's type. The text has passed the schema already, so an error
//! here is about what a schema can't say; it still gets a pointer to its place.

use crate::policy::ConfigError;
use serde::Deserializer;
use serde::de::{DeserializeOwned, Error, Visitor};
use std::fmt::{self, Display};
use std::marker::PhantomData;

/// Read a configuration. `null` stands for one that was left out.
pub(crate) fn parse<C: DeserializeOwned>(text: &str) -> Result<C, ConfigError> {
    let text = if text.trim_ascii() == "null" { "{}" } else { text };
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let read = offset(text, line, column);
        let mut message = error.to_string();
        // serde_json adds a place within the text, which the operator never wrote.
        let place = format!(" at line {line} column {column}");
        if message.ends_with(&place) {
            message.truncate(message.len() - place.len());
        }
        ConfigError::new(pointer(text.as_bytes().get(..read).unwrap_or_default()), message)
    })
}

/// For a `Deserialize` of a type that is written as a text of its own form: read the text and parse it.
///
/// The error points at the text itself; one that is made of a finished `String` points at what the text is in.
pub fn deserialize_text<'de, D: Deserializer<'de>, T, E: Display>(
    deserializer: D,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, D::Error> {
    struct Text<T, P>(P, PhantomData<T>);

    impl<T, E: Display, P: FnOnce(&str) -> Result<T, E>> Visitor<'_> for Text<T, P> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }

        fn visit_str<F: Error>(self, text: &str) -> Result<T, F> {
            (self.0)(text).map_err(F::custom)
        }
    }

    deserializer.deserialize_str(Text(parse, PhantomData))
}

/// How many bytes had been read when the error arose.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column).min(text.len())
}

/// An object or array that hasn't been closed yet, and where in it the reader is.
enum Open {
    Object { key: String, at_key: bool },
    Array { index: Option<usize> },
}

/// The JSON Pointer to the value that ends where `read`, the beginning of a JSON text, ends.
fn pointer(read: &[u8]) -> String {
    let mut open: Vec<Open> = Vec::new();
    let mut rest = read;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        if matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b':') {
            continue;
        }
        if !matches!(byte, b',' | b']')
            && let Some(Open::Array { index: index @ None }) = open.last_mut()
        {
            *index = Some(0);
        }
        match byte {
            b'{' => open.push(Open::Object { key: String::new(), at_key: true }),
            b'[' => open.push(Open::Array { index: None }),
            b'}' | b']' => drop(open.pop()),
            b',' => match open.last_mut() {
                Some(Open::Object { at_key, .. }) => *at_key = true,
                Some(Open::Array { index }) => *index = Some(index.map_or(0, |index| index + 1)),
                None => {}
            },
            b'"' => {
                let (string, after) = split_string(rest);
                rest = after;
                if let Some(Open::Object { key, at_key: at_key @ true }) = open.last_mut() {
                    *key = string;
                    *at_key = false;
                }
            }
            _ => {}
        }
    }
    let mut pointer = String::new();
    for place in open {
        match place {
            Open::Object { key, at_key: false } => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Open::Array { index } => {
                pointer.push('/');
                pointer.push_str(&index.unwrap_or(0).to_string());
            }
            Open::Object { .. } => {}
        }
    }
    pointer
}

/// A string's text and what follows it; `bytes` begins behind the opening quote.
///
/// Escapes stay as they are: the gateway writes none into names but of quotes and control characters, and a pointer
/// with one of those is still good for people.
fn split_string(bytes: &[u8]) -> (String, &[u8]) {
    let mut end = 0;
    while let Some(&byte) = bytes.get(end) {
        match byte {
            b'"' => break,
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
    let string = bytes.get(..end).and_then(|string| std::str::from_utf8(string).ok());
    (string.unwrap_or_default().to_owned(), bytes.get(end + 1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only read by serde")]
    struct Config {
        addresses: Vec<std::net::IpAddr>,
        #[serde(default)]
        inner: Option<Inner>,
        #[serde(default)]
        key: Option<crate::CounterKey>,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "only read by serde")]
    struct Inner {
        #[serde(rename = "a/b")]
        count: Vec<Vec<u8>>,
    }

    fn refused(text: &str) -> ConfigError {
        parse::<Config>(text).unwrap_err()
    }

    #[test]
    fn an_error_points_at_the_value_that_is_wrong() {
        assert_eq!(refused(r#"{"addresses": ["::1", "1.2.3.4", "x,]}", "::2"]}"#).pointer, "/addresses/2");
        assert_eq!(
            refused("{\n \"addresses\":\n [],\n \"inner\": {\"a/b\": [[1], [2, 3, \"four\"]]}}").pointer,
            "/inner/a~1b/1/2"
        );
        assert_eq!(refused(r#"{"addresses": 5}"#).pointer, "/addresses");
        assert_eq!(refused(r#"{"addresses": [], "key": "?"}"#).pointer, "/key");
        assert_eq!(refused(r#"{"addresses": {"a": 1}}"#).pointer, "/addresses");
        assert_eq!(refused(r#"{"addresses": [], "inner": {"a/b": [[], [[]]]}}"#).pointer, "/inner/a~1b/1/0");
    }

    #[test]
    fn a_missing_or_unknown_member_is_told_with_its_object() {
        assert_eq!(refused("{}"), ConfigError::new("", "missing field `addresses`"));
        assert_eq!(refused(r#"{"addresses": [], "inner": {"c": 1}}"#).pointer, "/inner");
        let unknown = refused(r#"{"addresses": [], "addreses": []}"#);
        assert_eq!(unknown.pointer, "/addreses");
        assert!(unknown.message.starts_with("unknown field `addreses`"), "{unknown}");
        assert!(!unknown.message.contains("line"), "{unknown}");
    }

    #[test]
    fn null_is_a_configuration_that_was_left_out() {
        assert!(parse::<crate::NoConfig>(" null ").is_ok());
        assert!(parse::<crate::NoConfig>("{}").is_ok());
        assert_eq!(refused("null").message, "missing field `addresses`");
    }
}
