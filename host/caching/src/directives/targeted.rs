//! `CDN-Cache-Control` (RFC 9213): for the caches that act for the origin, such as this one. A dictionary of RFC 9651,
//! and as such all or nothing: what isn't one is as if it weren't there.

use std::borrow::Cow;

use http::header::{HeaderMap, HeaderName};

use super::{Argument, ResponseDirectives};

const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");

/// The directives; none if the field isn't there, is empty, or is no dictionary.
pub(super) fn directives(headers: &HeaderMap) -> Option<ResponseDirectives> {
    let mut lines = headers.get_all(&CDN_CACHE_CONTROL).iter().peekable();
    lines.peek()?;
    let mut directives = ResponseDirectives { is_targeted: true, ..ResponseDirectives::default() };
    let mut is_empty = true;
    for line in lines {
        let mut rest = line.as_bytes().trim_ascii();
        while !rest.is_empty() {
            let (name, argument) = member(&mut rest)?;
            if let Some(argument) = argument {
                directives.add(name, &argument);
            }
            is_empty = false;
            comma(&mut rest)?;
        }
    }
    (!is_empty).then_some(directives)
}

/// A key and its value; no value for `?0`, which says that the directive isn't there.
fn member<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8], Option<Argument<'a>>)> {
    let name = key(rest)?;
    let value = match rest.strip_prefix(b"=") {
        None => Some(Argument::Absent),
        Some(behind) => {
            *rest = behind;
            item(rest)?
        }
    };
    while let Some(behind) = rest.strip_prefix(b";") {
        *rest = behind.trim_ascii_start();
        key(rest)?;
        if let Some(behind) = rest.strip_prefix(b"=") {
            *rest = behind;
            item(rest)?;
        }
    }
    Some((name, value))
}

fn key<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let begins = |byte: u8| byte.is_ascii_lowercase() || byte == b'*';
    let goes_on = |byte: &u8| begins(*byte) || byte.is_ascii_digit() || b"_-.".contains(byte);
    rest.first().filter(|byte| begins(**byte))?;
    Some(take(rest, goes_on))
}

/// A bare item: integer, decimal, string, token or boolean; `Some(None)` is false.
fn item<'a>(rest: &mut &'a [u8]) -> Option<Option<Argument<'a>>> {
    match rest.first()? {
        b'"' => match super::quoted(rest) {
            Argument::Text(text) | Argument::String(text) => Some(Some(Argument::String(text))),
            Argument::Absent | Argument::Malformed => None,
        },
        b'?' => {
            let value = match rest.get(1)? {
                b'0' => None,
                b'1' => Some(Argument::Absent),
                _ => return None,
            };
            *rest = &rest[2..];
            Some(value)
        }
        b'-' | b'0'..=b'9' => {
            let text = take(rest, |byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'));
            Some(Some(Argument::Text(Cow::Borrowed(text))))
        }
        byte if byte.is_ascii_alphabetic() || *byte == b'*' => {
            let text = take(rest, |byte| super::is_token(*byte) || matches!(byte, b':' | b'/'));
            Some(Some(Argument::Text(Cow::Borrowed(text))))
        }
        _ => None,
    }
}

/// A comma with another member behind it, or the end.
fn comma(rest: &mut &[u8]) -> Option<()> {
    *rest = rest.trim_ascii_start();
    if rest.is_empty() {
        return Some(());
    }
    *rest = rest.strip_prefix(b",")?.trim_ascii_start();
    (!rest.is_empty()).then_some(())
}

fn take<'a>(rest: &mut &'a [u8], belongs: impl Fn(&u8) -> bool) -> &'a [u8] {
    let length = rest.iter().position(|byte| !belongs(byte)).unwrap_or(rest.len());
    let (taken, behind) = rest.split_at(length);
    *rest = behind;
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cdn: &str, cache_control: &str) -> ResponseDirectives {
        let mut headers = HeaderMap::new();
        headers.insert("cdn-cache-control", cdn.parse().unwrap());
        headers.insert("cache-control", cache_control.parse().unwrap());
        ResponseDirectives::of(&headers)
    }

    #[test]
    fn it_takes_the_place_of_cache_control() {
        let said = of("max-age=60, must-revalidate", "no-store");
        assert!(said.is_targeted && !said.no_store && said.must_revalidate);
        assert_eq!(said.max_age, Some(60));
        assert!(of("no-store", "max-age=60").no_store);
        assert_eq!(of("max-age=60;x=1;y, no-store=?0", "no-store").max_age, Some(60));
        assert!(of("private=\"a, b\", x=token/a:b", "").private.fields().len() == 2);
        // A string is no number (RFC 9213 §2.1): stale, as with any lifetime that can't be read.
        assert_eq!(of("max-age=\"x\"", "").max_age, Some(0));
        assert_eq!(of("max-age=\"10000\"", "no-store").max_age, Some(0));
        assert_eq!(of("max-age=-5", "").max_age, Some(0));
    }

    #[test]
    fn what_is_no_dictionary_is_as_if_it_were_not_there() {
        for cdn in [
            "",
            "Max-Age=60",
            "max-age=60,",
            "max-age = 60",
            "max-age=60 no-store",
            "max-age=(1)",
            "max-age=\"",
            "max-age=?2",
            "a=é",
        ] {
            let said = of(cdn, "max-age=5");
            assert_eq!((said.is_targeted, said.max_age), (false, Some(5)), "{cdn}");
        }
    }
}
