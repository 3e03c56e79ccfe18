//! A response that a statement before this one has put into a variable.

use std::collections::BTreeMap;
use tollgate_sdk::serde::Deserialize;
use tollgate_sdk::{Field, Verdict, variables};

/// A response.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) status: u16,
    pub(crate) reason: Option<String>,
    pub(crate) headers: Vec<Field>,
    pub(crate) body: Vec<u8>,
}

/// What `send-request` writes.
#[derive(Deserialize)]
#[serde(crate = "tollgate_sdk::serde")]
struct Variable {
    status: u16,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Lines that joining would spoil.
    #[serde(default)]
    set_cookies: Vec<String>,
    #[serde(default)]
    body: Option<String>,
    /// A body that is no text.
    #[serde(default)]
    body_base64: Option<String>,
}

impl Stored {
    /// What is answered if nobody says anything.
    pub(crate) fn empty() -> Self {
        Self { status: 200, reason: None, headers: Vec::new(), body: Vec::new() }
    }

    /// The response in a variable.
    pub(crate) fn read(name: &str) -> Result<Self, Verdict> {
        let none = || Verdict::fail(format!("there is no response in the variable `{name}`"));
        let variable: Variable = variables::get(name).ok_or_else(none)?;
        if !(200..=599).contains(&variable.status) {
            return Err(none());
        }
        let body = match variable.body_base64 {
            Some(text) => decoded(&text).ok_or_else(none)?,
            None => variable.body.unwrap_or_default().into_bytes(),
        };
        let field =
            |(name, value): (String, String)| Field { name: name.to_ascii_lowercase(), value: value.into_bytes() };
        let mut headers: Vec<Field> = variable.headers.into_iter().map(field).collect();
        if !variable.set_cookies.is_empty() {
            headers.retain(|field| field.name != "set-cookie");
            headers.extend(variable.set_cookies.into_iter().map(|line| field(("set-cookie".to_owned(), line))));
        }
        Ok(Self { status: variable.status, reason: variable.reason, headers, body })
    }
}

/// Base64 of RFC 4648 §4, with or without its padding.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    let (mut bits, mut count) = (0u32, 0);
    for &digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    // One digit alone is no byte.
    (count < 6).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded() {
        for (text, bytes) in [
            ("", Some(&b""[..])),
            ("Zg==", Some(b"f")),
            ("Zm8", Some(b"fo")),
            ("Zm9v", Some(b"foo")),
            ("/+8A", Some(b"\xff\xef\x00")),
            ("Z", None),
            ("Z g=", None),
        ] {
            assert_eq!(decoded(text).as_deref(), bytes, "{text}");
        }
    }
}
