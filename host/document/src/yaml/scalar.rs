//! Scalars by the core schema of YAML 1.2 (§10.3.2): quoted is text, plain may be null, a boolean or a number.

use std::fmt;
use std::ops::Range;

use serde_json::Number;

use super::origin::Origin;
use super::place::Source;
use crate::diagnostics::Mark;

/// A scalar: what stands in the file, with the environment and named values put in.
#[derive(Clone)]
pub(crate) struct Scalar {
    pub(super) text: Box<str>,
    pub(super) plain: bool,
    pub(super) refused: bool,
    /// If something was put in, or somebody may ask for places within the text.
    pub(super) origin: Option<Box<Origin>>,
}

/// What a scalar means.
#[derive(Debug, PartialEq)]
pub(crate) enum Resolved<'a> {
    Null,
    Bool(bool),
    Number(Number),
    /// An integer or a float beyond 64 bits.
    TooLarge,
    /// `.inf` and `.nan`
    NotFinite,
    Text(&'a str),
}

impl Scalar {
    pub(crate) fn new(text: &str, plain: bool) -> Scalar {
        Scalar { text: text.into(), plain, refused: false, origin: None }
    }

    pub(super) fn filled(text: String, origin: Origin, plain: bool) -> Scalar {
        Scalar { text: text.into(), plain, refused: false, origin: Some(Box::new(origin)) }
    }

    /// One whose value was reported, or isn't known yet, so that nothing else need be said of it.
    pub(crate) fn refused(written: &str) -> Scalar {
        let origin = Origin { is_secret: true, ..Origin::of(written) };
        Scalar { text: "".into(), plain: false, refused: true, origin: Some(Box::new(origin)) }
    }

    /// A text from elsewhere, in which `${` means nothing.
    pub(crate) fn opaque(text: &str) -> Scalar {
        let whole = 0..text.len();
        Scalar::filled(text.to_owned(), Origin { opaque: vec![whole], ..Origin::default() }, false)
    }

    /// This scalar, never to be shown.
    pub(crate) fn into_secret(mut self) -> Scalar {
        self.origin.get_or_insert_with(|| Box::new(Origin::of(&self.text))).is_secret = true;
        self
    }

    /// This scalar, knowing its place in the file.
    pub(super) fn placed(mut self, written: &str, source: Option<Source>) -> Scalar {
        self.origin.get_or_insert_with(|| Box::new(Origin::of(written))).source = source;
        self
    }

    pub(crate) fn is_refused(&self) -> bool {
        self.refused
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Must the text not be shown?
    pub(crate) fn is_secret(&self) -> bool {
        self.origin.as_ref().is_some_and(|origin| origin.is_secret)
    }

    /// As it stands in the file, if the text is secret.
    pub(crate) fn written(&self) -> Option<&str> {
        self.origin.as_ref().filter(|origin| origin.is_secret).map(|origin| &*origin.written)
    }

    /// Where a byte of the text is in the file, if that can be told.
    pub(crate) fn locate(&self, offset: usize) -> Option<Mark> {
        self.origin.as_ref()?.locate(offset)
    }

    /// Ranges of the text in which `${` means nothing.
    pub(crate) fn opaque_ranges(&self) -> &[Range<usize>] {
        self.origin.as_ref().map(|origin| origin.opaque.as_slice()).unwrap_or_default()
    }

    /// The value. Plain scalars are resolved after the environment was filled in, so `${env:PORT}` can be a number.
    pub(crate) fn resolve(&self) -> Resolved<'_> {
        if self.plain { resolve_plain(&self.text) } else { Resolved::Text(&self.text) }
    }

    /// The text where text is wanted: what resolves to text, and whatever was put in.
    pub(crate) fn as_text(&self) -> Option<&str> {
        if self.refused {
            return None;
        }
        match self.resolve() {
            Resolved::Text(text) => Some(text),
            _ => self.origin.as_ref().filter(|origin| !origin.inserted.is_empty()).map(|_| &*self.text),
        }
    }
}

/// Secrets are shown as they are written: `${env:TOKEN}`.
impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scalar").field(&self.written().unwrap_or(&self.text)).finish()
    }
}

fn resolve_plain(text: &str) -> Resolved<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "true" | "True" | "TRUE" => return Resolved::Bool(true),
        "false" | "False" | "FALSE" => return Resolved::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Resolved::NotFinite,
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Resolved::Text(text);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Resolved::NotFinite;
    }
    for (prefix, radix) in [("0o", 8), ("0x", 16)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
            return match u64::from_str_radix(digits, radix) {
                _ if !is_number => Resolved::Text(text),
                Ok(value) => Resolved::Number(value.into()),
                Err(_) => Resolved::TooLarge,
            };
        }
    }
    if !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit()) {
        return resolve_decimal(text, unsigned);
    }
    if is_float(unsigned) {
        // Rust reads every form that `is_float` lets through.
        return match text.parse().ok().and_then(Number::from_f64) {
            Some(value) => Resolved::Number(value),
            None => Resolved::TooLarge,
        };
    }
    Resolved::Text(text)
}

fn resolve_decimal<'a>(text: &str, digits: &str) -> Resolved<'a> {
    let number = if text.starts_with('-') {
        text.parse::<i64>().ok().map(Number::from)
    } else {
        digits.parse::<u64>().ok().map(Number::from)
    };
    number.map_or(Resolved::TooLarge, Resolved::Number)
}

/// `(\. [0-9]+ | [0-9]+ (\. [0-9]*)?) ([eE] [-+]? [0-9]+)?`
fn is_float(unsigned: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let mantissa = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            if !digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)) {
                return false;
            }
            mantissa
        }
        None => unsigned,
    };
    match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(mantissa),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        let int = |value: i64| Resolved::Number(value.into());
        let float = |value: f64| Resolved::Number(Number::from_f64(value).unwrap());
        for (text, expected) in [
            ("", Resolved::Null),
            ("Null", Resolved::Null),
            ("TRUE", Resolved::Bool(true)),
            ("yes", Resolved::Text("yes")),
            ("off", Resolved::Text("off")),
            ("12", int(12)),
            ("+12", int(12)),
            ("-12", int(-12)),
            ("007", int(7)),
            ("0o17", int(15)),
            ("0xfF", int(255)),
            ("0x", Resolved::Text("0x")),
            ("0o8", Resolved::Text("0o8")),
            ("18446744073709551615", Resolved::Number(u64::MAX.into())),
            ("18446744073709551616", Resolved::TooLarge),
            ("-9223372036854775809", Resolved::TooLarge),
            ("1.5", float(1.5)),
            (".5", float(0.5)),
            ("-1.e3", float(-1000.0)),
            ("1e400", Resolved::TooLarge),
            (".inf", Resolved::NotFinite),
            ("-.INF", Resolved::NotFinite),
            (".nan", Resolved::NotFinite),
            (".", Resolved::Text(".")),
            ("-", Resolved::Text("-")),
            ("1.2.3", Resolved::Text("1.2.3")),
            ("1e", Resolved::Text("1e")),
            ("127.0.0.1:80", Resolved::Text("127.0.0.1:80")),
            ("2026-01-01", Resolved::Text("2026-01-01")),
            ("1_000", Resolved::Text("1_000")),
        ] {
            assert_eq!(Scalar::new(text, true).resolve(), expected, "{text}");
            assert_eq!(Scalar::new(text, false).resolve(), Resolved::Text(text), "{text}");
        }
    }
}
