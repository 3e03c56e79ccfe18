//! Member names, as XML names.

use std::fmt::Write;

use tollgate_xml::{is_name_char, is_name_start};

/// A member's name without a namespace prefix: itself where XML allows it, else escaped as .NET's
/// `XmlConvert.EncodeLocalName` does (`a b` → `a_x0020_b`), or with `replacement` for what XML doesn't allow.
pub(crate) fn encode(name: &str, replacement: Option<&str>) -> String {
    let mut encoded = String::with_capacity(name.len());
    for (at, c) in name.char_indices() {
        let fits = if encoded.is_empty() { is_name_start(c) } else { is_name_char(c) };
        match replacement {
            _ if fits && !(replacement.is_none() && begins_escape(&name[at..])) => encoded.push(c),
            None => escape(c, &mut encoded),
            // A digit may stand in a name, only not first.
            Some(_) if is_name_char(c) => encoded.extend(['_', c]),
            Some(replacement) => {
                let begins = replacement.starts_with(is_name_start);
                if encoded.is_empty() && !begins && !replacement.is_empty() {
                    encoded.push('_');
                }
                encoded.push_str(replacement);
            }
        }
    }
    if encoded.is_empty() { "_".to_owned() } else { encoded }
}

/// True if the whole text is a name without a colon.
pub(crate) fn is_ncname(text: &str) -> bool {
    text.starts_with(is_name_start) && text.chars().all(is_name_char)
}

/// True where an unescaped name would be taken for an escape: `_x` and 4 or 8 hexadecimal digits and `_`.
fn begins_escape(rest: &str) -> bool {
    let Some(digits) = rest.strip_prefix("_x") else { return false };
    [4, 8].iter().any(|&length| {
        digits.as_bytes().get(length) == Some(&b'_') && digits.bytes().take(length).all(|b| b.is_ascii_hexdigit())
    })
}

fn escape(c: char, encoded: &mut String) {
    let code = u32::from(c);
    let width = if code > 0xFFFF { 8 } else { 4 };
    // Writing to a String can't fail.
    let _ = write!(encoded, "_x{code:0width$X}_");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped() {
        for (name, expected) in [
            ("a", "a"),
            ("first_name", "first_name"),
            ("a b", "a_x0020_b"),
            ("1a", "_x0031_a"),
            ("-", "_x002D_"),
            ("a-1.b", "a-1.b"),
            ("a:b", "a_x003A_b"),
            ("@id", "_x0040_id"),
            ("a_x0020_b", "a_x005F_x0020_b"),
            ("_x0001F600_", "_x005F_x0001F600_"),
            ("_x12_", "_x12_"),
            ("é日", "é日"),
            ("😀", "😀"),
            ("\u{F0000}", "_x000F0000_"),
            ("a\u{0}", "a_x0000_"),
            ("", "_"),
            ("\u{301}a", "_x0301_a"),
        ] {
            assert_eq!(encode(name, None), expected, "{name:?}");
            assert!(is_ncname(expected), "{expected}");
        }
    }

    #[test]
    fn different_names_stay_different() {
        let names = ["a b", "a_x0020_b", "a_x005F_x0020_b", "a__x0020_b", "1", "_1", "_x0031_", "_x005F_x0031_", "_"];
        let encoded: std::collections::BTreeSet<String> = names.iter().map(|name| encode(name, None)).collect();
        assert_eq!(encoded.len(), names.len());
    }

    #[test]
    fn names_are_repaired() {
        for (name, replacement, expected) in [
            ("a b", "_", "a_b"),
            ("a b", "", "ab"),
            ("a b", "--", "a--b"),
            (" b", "-", "_-b"),
            ("1a", "x", "_1a"),
            ("-", "", "_-"),
            ("$$", "", "_"),
            ("a_x0020_b", "_", "a_x0020_b"),
            ("", "_", "_"),
        ] {
            assert_eq!(encode(name, Some(replacement)), expected, "{name:?}");
            assert!(is_ncname(expected), "{expected}");
        }
    }
}
