//! What a JSON string says, and how that stands in XML.

use std::borrow::Cow;

use tollgate_xml::{Fault, Output, find, find_or_control, is_xml_char};

/// The text of a JSON string, from between its quotes. The document is known to be JSON; `offset` is for the fault.
pub(crate) fn decode<'a>(raw: &'a str, document: &str, offset: usize) -> Result<Cow<'a, str>, Fault> {
    let bytes = raw.as_bytes();
    let first = find(bytes, 0, [b'\\']);
    if first == bytes.len() {
        return Ok(Cow::Borrowed(raw));
    }
    let mut text = String::with_capacity(raw.len());
    let (mut kept, mut at) = (0, first);
    while at < bytes.len() {
        text.push_str(&raw[kept..at]);
        let (c, end) = match bytes[at + 1] {
            b'b' => ('\u{8}', at + 2),
            b'f' => ('\u{C}', at + 2),
            b'n' => ('\n', at + 2),
            b'r' => ('\r', at + 2),
            b't' => ('\t', at + 2),
            b'u' => unicode(raw, at)
                .ok_or_else(|| Fault::malformed("a string holds half of a surrogate pair", document, offset))?,
            itself => (char::from(itself), at + 2),
        };
        text.push(c);
        kept = end;
        at = find(bytes, end, [b'\\']);
    }
    text.push_str(&raw[kept..]);
    Ok(Cow::Owned(text))
}

/// The character of `\uXXXX` or of a surrogate pair of them, and where it ends.
fn unicode(raw: &str, at: usize) -> Option<(char, usize)> {
    let unit = |at: usize| u32::from_str_radix(raw.get(at + 2..at + 6)?, 16).ok();
    let high = unit(at)?;
    if !(0xD800..0xDC00).contains(&high) {
        return Some((char::from_u32(high)?, at + 6));
    }
    if !raw[at + 6..].starts_with("\\u") {
        return None;
    }
    let low = unit(at + 6).filter(|low| (0xDC00..0xE000).contains(low))?;
    Some((char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))?, at + 12))
}

/// Where text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Between tags.
    Text,
    /// In an attribute's value, between double quotes.
    Attribute,
}

/// Write text, escaped for its place; false if it holds a character that XML can't and nothing replaces it.
#[must_use]
pub(crate) fn write(text: &str, place: Place, replacement: Option<&str>, output: &mut Output) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut kept = 0;
    loop {
        at = match place {
            Place::Text => find_or_control(bytes, at, [b'&', b'<', b'>', 0xEF]),
            Place::Attribute => find_or_control(bytes, at, [b'&', b'<', b'>', b'"', 0xEF]),
        };
        let Some(c) = text[at..].chars().next() else { break };
        let written = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            // So that `]]>` never stands in text.
            '>' => "&gt;",
            '"' => "&quot;",
            // What a reader would turn into something else.
            '\r' => "&#13;",
            '\n' if place == Place::Attribute => "&#10;",
            '\t' if place == Place::Attribute => "&#9;",
            c if is_xml_char(c) => {
                at += c.len_utf8();
                continue;
            }
            _ => match replacement {
                Some(replacement) => replacement,
                None => return false,
            },
        };
        output.write(&bytes[kept..at]);
        output.write_str(written);
        at += c.len_utf8();
        kept = at;
    }
    output.write(&bytes[kept..]);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(raw: &str) -> Option<String> {
        decode(raw, "", 0).ok().map(Cow::into_owned)
    }

    #[test]
    fn escapes_are_decoded_as_serde_json_does() {
        for raw in [
            "",
            "plain é😀",
            r#"\"\\\/\b\f\n\r\t"#,
            r"a\u0041b",
            r"\ud83d\ude00",
            r"\uFFFF\u0000",
            r"\\u0041",
            r"x\\",
            r"\uD7FF\uE000",
        ] {
            let expected: String = serde_json::from_str(&format!("\"{raw}\"")).unwrap();
            assert_eq!(decoded(raw), Some(expected), "{raw}");
        }
        for raw in [r"\ud800", r"\udc00", r"\ud800\ud800", r"\ud800x", r"\ud800\n", r"a\ud83d\u0041", r"\uDFFF\uD800"] {
            assert!(serde_json::from_str::<String>(&format!("\"{raw}\"")).is_err(), "{raw}");
            assert_eq!(decoded(raw), None, "{raw}");
        }
    }

    fn written(text: &str, place: Place, replacement: Option<&str>) -> Option<String> {
        let mut output = Output::for_input(100);
        write(text, place, replacement, &mut output).then(|| String::from_utf8(output.finish().unwrap()).unwrap())
    }

    #[test]
    fn text_is_escaped_for_its_place() {
        assert_eq!(written("a<b>&\"'\t\n\rz", Place::Text, None).unwrap(), "a&lt;b&gt;&amp;\"'\t\n&#13;z");
        assert_eq!(written("<\"'\t\n\r>", Place::Attribute, None).unwrap(), "&lt;&quot;'&#9;&#10;&#13;&gt;");
        assert_eq!(written("é\u{7F}\u{FFFD}\u{10FFFF}", Place::Text, None).unwrap(), "é\u{7F}\u{FFFD}\u{10FFFF}");
    }

    #[test]
    fn what_xml_cannot_hold_is_refused_or_replaced() {
        for text in ["a\u{0}b", "a\u{B}b", "a\u{1F}b", "a\u{FFFE}b", "a\u{FFFF}b"] {
            assert_eq!(written(text, Place::Text, None), None, "{text:?}");
            assert_eq!(written(text, Place::Text, Some("?")).unwrap(), "a?b");
            assert_eq!(written(text, Place::Attribute, Some("")).unwrap(), "ab");
        }
    }
}
