//! References (`&amp;`, `&#x41;`) and the other places where a document's text is not what it says.

use crate::chars::is_xml_char;
use crate::fault::Fault;
use crate::scan::find;

/// The longest reference that can be right: zeros may lead, but nobody writes thousands of them.
const MAX_REFERENCE: usize = 64;

/// Which rules turn the raw text into what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Between tags: references, and line ends become `\n` (§2.11).
    Text,
    /// A CDATA section: line ends only.
    CData,
    /// An attribute's value: references, and white space becomes spaces (§3.3.3).
    Attribute,
}

/// The character that the reference at `start` of `source` stands for, and where the reference ends.
pub(crate) fn reference(source: &str, start: usize) -> Result<(char, usize), Fault> {
    let rest = &source.as_bytes()[start + 1..];
    let Some(length) = rest.iter().take(MAX_REFERENCE).position(|&b| b == b';') else {
        return Err(Fault::malformed("`&` must begin a reference that ends with `;`", source, start));
    };
    let body = &rest[..length];
    let found = match body {
        b"amp" => Some('&'),
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"quot" => Some('"'),
        b"apos" => Some('\''),
        [b'#', b'x', digits @ ..] => number(digits, 16).filter(|&c| is_xml_char(c)),
        [b'#', digits @ ..] => number(digits, 10).filter(|&c| is_xml_char(c)),
        _ => return Err(Fault::malformed("only the five predefined entities may be referred to", source, start)),
    };
    match found {
        Some(c) => Ok((c, start + length + 2)),
        None => Err(Fault::malformed("a character reference must name a character that XML allows", source, start)),
    }
}

fn number(digits: &[u8], radix: u32) -> Option<char> {
    let mut value = 0u32;
    for &digit in digits {
        value = value.checked_mul(radix)?.checked_add(char::from(digit).to_digit(radix)?)?;
    }
    // No digits at all is NUL, which XML allows nowhere.
    char::from_u32(value)
}

/// Hand what `raw` says, piece by piece, to `write`. `raw` comes from a `Reader`, so its references are right.
pub fn unescape(raw: &str, content: Content, mut write: impl FnMut(&str)) {
    let bytes = raw.as_bytes();
    let mut kept = 0;
    loop {
        let at = match content {
            Content::Text => find(bytes, kept, [b'&', b'\r']),
            Content::CData => find(bytes, kept, [b'\r']),
            Content::Attribute => find(bytes, kept, [b'&', b'\r', b'\n', b'\t']),
        };
        write(&raw[kept..at]);
        kept = match bytes.get(at) {
            None => return,
            Some(b'&') => {
                let (c, end) = reference(raw, at).unwrap_or(('\u{FFFD}', raw.len()));
                write(c.encode_utf8(&mut [0; 4]));
                end
            }
            Some(&byte) => {
                // A line end counts once, whether it is written as CR, LF or both.
                let pair = byte == b'\r' && bytes.get(at + 1) == Some(&b'\n');
                write(if content == Content::Attribute { " " } else { "\n" });
                at + 1 + usize::from(pair)
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(raw: &str, content: Content) -> String {
        let mut said = String::new();
        unescape(raw, content, |piece| said.push_str(piece));
        said
    }

    #[test]
    fn references_say_their_character() {
        for (raw, expected) in [
            ("&amp;&lt;&gt;&quot;&apos;", "&<>\"'"),
            ("a&#65;b&#x41;&#x1F600;c", "aAbA😀c"),
            ("&#10;&#13;&#9;", "\n\r\t"),
            ("&#000000000065;", "A"),
            ("&amp;amp;", "&amp;"),
        ] {
            assert_eq!(say(raw, Content::Text), expected);
            assert_eq!(say(raw, Content::Attribute), expected);
            assert_eq!(say(raw, Content::CData), raw);
        }
    }

    #[test]
    fn line_ends_are_one_line_feed_and_a_space_in_attributes() {
        assert_eq!(say("a\r\nb\rc\n\rd\te", Content::Text), "a\nb\nc\n\nd\te");
        assert_eq!(say("a\r\nb", Content::CData), "a\nb");
        assert_eq!(say("a\r\nb\rc\nd\te", Content::Attribute), "a b c d e");
    }

    #[test]
    fn wrong_references_are_refused() {
        for raw in [
            "&",
            "&;",
            "&a",
            "&nbsp;",
            "&AMP;",
            "&#;",
            "&#x;",
            "&#0;",
            "&#x0;",
            "&#xD800;",
            "&#xFFFE;",
            "&#x110000;",
            "&#99999999999;",
            "&#65",
            "&#X41;",
            "&#x4G;",
            "&#-1;",
            "&#+65;",
            "& amp;",
            "&amp ;",
            "&#11;",
            "&#xffff;",
        ] {
            assert!(reference(raw, 0).is_err(), "{raw}");
        }
        assert!(reference(&format!("&#{}65;", "0".repeat(100)), 0).is_err());
    }
}
