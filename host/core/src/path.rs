//! One normalised path for routing, policies, keys, cache and the origin (RFC 3986 §6.2.2, RFC 9110 §4.2.3).
//!
//! - Percent-encoded unreserved characters are decoded; other escapes stay, with upper-case digits.
//! - Dot segments are resolved, encoded ones too; none climbs above the root.
//! - What servers disagree about is refused: `%2F`, `%5C`, `%00`, a bare `\`, control characters, escapes that aren't
//!   any, and dot segments with parameters (`..;a`), which some resolve.
//! - Empty segments (`//`) stay: they are different paths for some origins.

use std::borrow::Cow;

/// Why a path was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It doesn't begin with a slash.
    #[error("the path doesn't begin with a slash")]
    NoSlash,
    /// A `%` without two hexadecimal digits.
    #[error("the path holds a `%` that is no escape")]
    BadEscape,
    /// An escaped slash, backslash or NUL, a bare backslash, a dot segment with parameters, or a character that no URI
    /// may hold.
    #[error("the path holds a character that servers read differently")]
    Ambiguous,
}

/// Normalise a path without its query.
///
/// Paths that are normal already, nearly all, are returned as they came and without allocation.
pub fn normalise(path: &str) -> Result<Cow<'_, str>, PathError> {
    if !path.starts_with('/') {
        return Err(PathError::NoSlash);
    }
    let mut plain = true;
    let bytes = path.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'%' => plain = false,
            b'.' if at > 0 && bytes[at - 1] == b'/' => plain = false,
            b'\\' | 0..=0x20 | 0x7f..=0xff => return Err(PathError::Ambiguous),
            _ => {}
        }
    }
    if plain {
        return Ok(Cow::Borrowed(path));
    }
    let decoded = decode_unreserved(path)?;
    resolve_dots(&decoded).map(Cow::Owned)
}

fn decode_unreserved(path: &str) -> Result<String, PathError> {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let byte = rest.as_bytes().get(at + 1..at + 3).and_then(hex_pair).ok_or(PathError::BadEscape)?;
        match byte {
            b'/' | b'\\' | 0 => return Err(PathError::Ambiguous),
            b'-' | b'.' | b'_' | b'~' => out.push(byte as char),
            _ if byte.is_ascii_alphanumeric() => out.push(byte as char),
            _ => {
                out.push('%');
                out.push_str(&rest[at + 1..at + 3].to_ascii_uppercase());
            }
        }
        rest = &rest[at + 3..];
    }
    out.push_str(rest);
    Ok(out)
}

/// Remove dot segments (RFC 3986 §5.2.4).
fn resolve_dots(path: &str) -> Result<String, PathError> {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path[1..].split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." if last => kept.push(""),
            "." => {}
            ".." => {
                kept.pop();
                if last {
                    kept.push("");
                }
            }
            _ if segment.starts_with(".;") || segment.starts_with("..;") => return Err(PathError::Ambiguous),
            _ => kept.push(segment),
        }
    }
    let mut out = String::with_capacity(path.len());
    for segment in &kept {
        out.push('/');
        out.push_str(segment);
    }
    if out.is_empty() {
        out.push('/');
    }
    Ok(out)
}

/// Decode every escape of a segment that [`normalise`] let through. Bytes that are no UTF-8 become U+FFFD.
pub fn decode_segment(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return Cow::Borrowed(segment);
    }
    decode_bytes(segment, false)
}

/// Decode a query parameter's name or value: escapes, and `+` as a space.
pub fn decode_query(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    decode_bytes(text, true)
}

fn decode_bytes(text: &str, plus_is_space: bool) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'%' => match bytes.get(at + 1..at + 3).and_then(hex_pair) {
                Some(decoded) => {
                    out.push(decoded);
                    at += 2;
                }
                None => out.push(byte),
            },
            b'+' if plus_is_space => out.push(b' '),
            _ => out.push(byte),
        }
        at += 1;
    }
    Cow::Owned(match String::from_utf8(out) {
        Ok(text) => text,
        Err(bad) => String::from_utf8_lossy(bad.as_bytes()).into_owned(),
    })
}

fn hex_pair(pair: &[u8]) -> Option<u8> {
    let high = (*pair.first()? as char).to_digit(16)?;
    let low = (*pair.get(1)? as char).to_digit(16)?;
    Some((high * 16 + low) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_paths_are_borrowed() {
        for path in ["/", "/a/b", "/a//b", "/a.b/c", "/a;x=1", "/orders/"] {
            assert!(matches!(normalise(path), Ok(Cow::Borrowed(p)) if p == path), "{path}");
        }
    }

    #[test]
    fn dots_and_escapes_are_resolved() {
        for (path, expected) in [
            ("/a/../b", "/b"),
            ("/a/%2e%2e/b", "/b"),
            ("/a/.%2E/b", "/b"),
            ("/../../x", "/x"),
            ("/a/./b/.", "/a/b/"),
            ("/a/..", "/"),
            ("/%61%2d%7e", "/a-~"),
            ("/%c3%a4%20", "/%C3%A4%20"),
            ("/%2525", "/%2525"),
            ("/.well-known/x", "/.well-known/x"),
            ("/...", "/..."),
        ] {
            assert_eq!(normalise(path).unwrap(), expected, "{path}");
        }
    }

    #[test]
    fn what_servers_disagree_about_is_refused() {
        for path in ["/a%2fb", "/a%2Fb", "/a%5cb", "/a%00", "/a\\b", "/a\u{7f}", "/ä", "/a b"] {
            assert_eq!(normalise(path), Err(PathError::Ambiguous), "{path}");
        }
        for path in ["/%", "/%2", "/%zz", "/a%g1"] {
            assert_eq!(normalise(path), Err(PathError::BadEscape), "{path}");
        }
        assert_eq!(normalise("*"), Err(PathError::NoSlash));
    }

    #[test]
    fn normalising_twice_changes_nothing() {
        for path in ["/a/%2e/%2e%2e/b%20c/%7Euser", "/%41/../%2525/."] {
            let once = normalise(path).unwrap().into_owned();
            assert_eq!(normalise(&once).unwrap(), once);
        }
    }

    #[test]
    fn decoding_is_for_values_only() {
        assert_eq!(decode_segment("a%20b+c"), "a b+c");
        assert_eq!(decode_query("a%20b+c%"), "a b c%");
        assert_eq!(decode_segment("%ff"), "\u{fffd}");
    }
}
