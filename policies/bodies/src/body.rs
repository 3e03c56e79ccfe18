//! A message's body as a template sees it.

use crate::config::XsiNil;
use crate::xml;
use tollgate_sdk::serde_json::{Value, from_slice};
use tollgate_xml::Format;

/// How bodies are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) xsi_nil: XsiNil,
    pub(crate) parse_date: bool,
}

/// A body that was read.
#[derive(Debug, PartialEq)]
pub(crate) struct Body {
    pub(crate) value: Value,
    pub(crate) is_xml: bool,
}

/// Why a body can't be read.
#[derive(Debug)]
pub(crate) struct Malformed {
    /// The word for metrics.
    pub(crate) reason: &'static str,
    /// What it should have been, and where it isn't, in words that repeat nothing of it.
    pub(crate) what: String,
}

impl Body {
    /// JSON and XML by the `content-type`, anything else as text. An empty body is nil.
    pub(crate) fn read(bytes: &[u8], content_type: &[u8], reading: Reading) -> Result<Self, Malformed> {
        let is_xml = Format::Xml.is_named_by(content_type);
        let value = if bytes.is_empty() {
            Value::Null
        } else if is_xml {
            xml::read(bytes, reading.xsi_nil)
                .map_err(|fault| Malformed { reason: "XmlInvalid", what: format!("isn't XML: {fault}") })?
        } else if Format::Json.is_named_by(content_type) {
            let mut value = json(bytes)?;
            if reading.parse_date {
                rewrite_dates(&mut value);
            }
            value
        } else {
            Value::from(String::from_utf8_lossy(bytes))
        };
        Ok(Self { value, is_xml })
    }

    /// None at all.
    pub(crate) fn none() -> Self {
        Self { value: Value::Null, is_xml: false }
    }
}

fn json(bytes: &[u8]) -> Result<Value, Malformed> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    from_slice(bytes).map_err(|error| {
        // What serde_json says may quote the body.
        let what = format!("isn't JSON (line {}, column {})", error.line(), error.column());
        Malformed { reason: "JsonInvalid", what }
    })
}

fn rewrite_dates(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(date) = policy_dates::rewrite(text) {
                *text = date;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(rewrite_dates),
        Value::Object(members) => members.values_mut().for_each(rewrite_dates),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::json;

    const READING: Reading = Reading { xsi_nil: XsiNil::Blank, parse_date: true };

    #[test]
    fn a_body_is_what_its_type_says() {
        for (content_type, bytes, expected) in [
            ("application/json", &b"\xef\xbb\xbf{\"a\":[\"/Date(0)/\"]}"[..], json!({ "a": ["1970-01-01T00:00:00Z"] })),
            ("application/problem+json; charset=utf-8", b"1", json!(1)),
            ("text/xml", b"<a>1</a>", json!({ "a": "1" })),
            ("text/plain", b"{}", json!("{}")),
            ("", b"\xff", json!("\u{fffd}")),
            ("application/json", b"", json!(null)),
        ] {
            assert_eq!(Body::read(bytes, content_type.as_bytes(), READING).unwrap().value, expected);
        }
        let as_sent = Reading { parse_date: false, ..READING };
        assert_eq!(Body::read(b"\"/Date(0)/\"", b"text/json", as_sent).unwrap().value, json!("/Date(0)/"));
    }

    #[test]
    fn what_is_wrong_is_told_without_the_body() {
        let malformed = Body::read(b"{\"secret\": secret}", b"application/json", READING).unwrap_err();
        assert_eq!((malformed.reason, malformed.what.as_str()), ("JsonInvalid", "isn't JSON (line 1, column 12)"));
        let malformed = Body::read(b"<a>", b"application/xml", READING).unwrap_err();
        assert_eq!(malformed.reason, "XmlInvalid");
    }
}
