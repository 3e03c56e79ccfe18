//! A body, as text: UTF-8, or UTF-16 with a byte order mark, and a declaration that says nothing else.

use std::borrow::Cow;

use crate::chars::first_illegal;
use crate::cursor::Cursor;
use crate::fault::Fault;

/// The text of an XML body: without its byte order mark, of characters that XML allows, and declared rightly if at all.
#[derive(Debug)]
pub struct Document<'a> {
    text: Cow<'a, str>,
    /// Past the declaration.
    start: usize,
}

impl Document<'_> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where the text goes on behind its declaration.
    pub(crate) fn start(&self) -> usize {
        self.start
    }
}

/// Make text of a body.
pub fn decode(body: &[u8]) -> Result<Document<'_>, Fault> {
    let (text, utf16) = match body {
        [0xFF, 0xFE, rest @ ..] => (Cow::Owned(utf16(rest, u16::from_le_bytes)?), true),
        [0xFE, 0xFF, rest @ ..] => (Cow::Owned(utf16(rest, u16::from_be_bytes)?), true),
        [0xEF, 0xBB, 0xBF, rest @ ..] => (Cow::Borrowed(utf8(rest)?), false),
        _ => (Cow::Borrowed(utf8(body)?), false),
    };
    if let Some(offset) = first_illegal(&text) {
        return Err(Fault::malformed("a character that XML doesn't allow", &text, offset));
    }
    let declaration = declaration(&text)?;
    if let Some(encoding) = declaration.encoding {
        check_encoding(encoding, utf16)?;
    }
    let start = declaration.end;
    Ok(Document { text, start })
}

fn utf8(body: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(body).map_err(|error| {
        let valid = std::str::from_utf8(&body[..error.valid_up_to()]).unwrap_or("");
        // A document in another encoding usually says so: name that cause rather than a stray byte.
        if let Ok(Declaration { encoding: Some(encoding), .. }) = declaration(valid)
            && let Err(fault) = check_encoding(encoding, false)
        {
            return fault;
        }
        Fault::malformed("bytes that are no UTF-8", valid, valid.len())
    })
}

fn utf16(body: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Fault> {
    let bad = |text: &str| Fault::malformed("bytes that are no UTF-16", text, text.len());
    let mut text = String::new();
    // Three bytes of UTF-8 are the most that one unit becomes.
    if text.try_reserve_exact(body.len() / 2 * 3).is_err() {
        return Err(Fault::too_large("the document needs more memory than the statement may use"));
    }
    let units = body.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    for c in char::decode_utf16(units) {
        text.push(c.map_err(|_| bad(&text))?);
    }
    if body.len() % 2 == 1 { Err(bad(&text)) } else { Ok(text) }
}

fn check_encoding(declared: &str, utf16: bool) -> Result<(), Fault> {
    let is = |names: &[&str]| names.iter().any(|name| declared.eq_ignore_ascii_case(name));
    let known = is(&["utf-8", "us-ascii", "ascii", "utf-16", "utf-16le", "utf-16be"]);
    let fits = if utf16 { is(&["utf-16", "utf-16le", "utf-16be"]) } else { is(&["utf-8", "us-ascii", "ascii"]) };
    match (known, fits) {
        (true, true) => Ok(()),
        (true, false) => Err(Fault::malformed_at("the declared encoding is not the one that is used", Some((1, 1)))),
        _ => Err(Fault::malformed_at("the declared encoding is not supported: use UTF-8 or UTF-16", Some((1, 1)))),
    }
}

fn has_declaration(text: &str) -> bool {
    text.strip_prefix("<?xml").is_some_and(|rest| rest.starts_with([' ', '\t', '\r', '\n', '?']))
}

/// What an XML declaration says, and where it ends.
#[derive(Default)]
struct Declaration<'a> {
    encoding: Option<&'a str>,
    end: usize,
}

/// Check the XML declaration (productions 23–26, 32, 80, 81), if there is one.
fn declaration(text: &str) -> Result<Declaration<'_>, Fault> {
    if !has_declaration(text) {
        return Ok(Declaration::default());
    }
    let mut cursor = Cursor { source: text, at: "<?xml".len() };
    // XML 1.1 has other characters and line ends; nobody sends it, and .NET refuses it too.
    if pseudo_attribute(&mut cursor, "version")? != Some("1.0") {
        return Err(cursor.fault("the XML declaration must begin with version 1.0"));
    }
    let encoding = pseudo_attribute(&mut cursor, "encoding")?;
    if encoding.is_some_and(|name| !is_encoding_name(name)) {
        return Err(cursor.fault("the XML declaration names no encoding"));
    }
    let standalone = pseudo_attribute(&mut cursor, "standalone")?;
    if standalone.is_some_and(|value| value != "yes" && value != "no") {
        return Err(cursor.fault("standalone must be yes or no in the XML declaration"));
    }
    cursor.skip_space();
    if cursor.source[cursor.at..].starts_with("?>") {
        Ok(Declaration { encoding, end: cursor.at + "?>".len() })
    } else {
        Err(cursor.fault("the XML declaration may hold version, encoding and standalone, in this order"))
    }
}

/// `S name = "value"`, or nothing.
fn pseudo_attribute<'a>(cursor: &mut Cursor<'a>, name: &str) -> Result<Option<&'a str>, Fault> {
    let mut ahead = *cursor;
    let spaced = ahead.skip_space();
    if !ahead.source[ahead.at..].starts_with(name) {
        return Ok(None);
    }
    if !spaced {
        return Err(ahead.fault("white space is missing in the XML declaration"));
    }
    ahead.at += name.len();
    ahead.skip_space();
    ahead.expect(b'=', "`=` is missing in the XML declaration")?;
    ahead.skip_space();
    let value = ahead.quoted()?;
    *cursor = ahead;
    Ok(Some(value))
}

fn is_encoding_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16_bytes(text: &str, big: bool) -> Vec<u8> {
        let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
        units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    }

    #[test]
    fn utf8_and_marked_utf16_are_read() {
        let text = "<a>é😀</a>";
        assert_eq!(decode(text.as_bytes()).unwrap().as_str(), text);
        assert_eq!(decode(&[b"\xEF\xBB\xBF", text.as_bytes()].concat()).unwrap().as_str(), text);
        assert_eq!(decode(&utf16_bytes(text, false)).unwrap().as_str(), text);
        assert_eq!(decode(&utf16_bytes(text, true)).unwrap().as_str(), text);
        let declared = "<?xml version='1.0' encoding='UTF-16'?><a/>";
        assert_eq!(decode(&utf16_bytes(declared, true)).unwrap().as_str(), declared);
    }

    #[test]
    fn right_declarations_are_read() {
        for declaration in [
            "<?xml version=\"1.0\"?>",
            "<?xml version='1.0'?>",
            "<?xml\tversion\n=\r\"1.0\" ?>",
            "<?xml version='1.0' encoding='utf-8'?>",
            "<?xml version='1.0' encoding=\"UTF-8\" standalone='yes'?>",
            "<?xml version='1.0' standalone='no' ?>",
            "<?xml version='1.0' encoding='US-ASCII'?>",
        ] {
            let text = format!("{declaration}<a/>");
            assert_eq!(decode(text.as_bytes()).unwrap().as_str(), text);
        }
        decode(b"<?xml-stylesheet href='a'?><a/>").unwrap();
    }

    #[test]
    fn wrong_declarations_are_refused() {
        for text in [
            "<?xml?><a/>",
            "<?xml ?><a/>",
            "<?xml encoding='utf-8'?><a/>",
            "<?xml version='2.0'?><a/>",
            "<?xml version='1.1'?><a/>",
            "<?xml version='1.'?><a/>",
            "<?xml version='1.0a'?><a/>",
            "<?xml version=' 1.0'?><a/>",
            "<?xml version=1.0?><a/>",
            "<?xml version='1.0\"?><a/>",
            "<?xml version?><a/>",
            "<?xml version=\"1.0\"encoding=\"utf-8\"?><a/>",
            "<?xml version='1.0' encoding=''?><a/>",
            "<?xml version='1.0' encoding='8bit'?><a/>",
            "<?xml version='1.0' encoding='u\u{308}'?><a/>",
            "<?xml version='1.0' standalone='true'?><a/>",
            "<?xml version='1.0' standalone='yes' encoding='utf-8'?><a/>",
            "<?xml version='1.0' version='1.0'?><a/>",
            "<?xml version='1.0' x='y'?><a/>",
            "<?xml version='1.0'><a/>",
            "<?xml Version='1.0'?><a/>",
            "<?xml version='1.0'",
        ] {
            assert!(decode(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn other_encodings_are_refused_by_name_of_the_cause() {
        let latin1 = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xE9</a>";
        assert!(decode(latin1).unwrap_err().to_string().contains("not supported"));
        let ascii = b"<?xml version='1.0' encoding='windows-1252'?><a/>";
        assert!(decode(ascii).unwrap_err().to_string().contains("not supported"));
        let lying = b"<?xml version='1.0' encoding='UTF-16'?><a/>";
        assert!(decode(lying).unwrap_err().to_string().contains("not the one that is used"));
        let lying = utf16_bytes("<?xml version='1.0' encoding='UTF-8'?><a/>", false);
        assert!(decode(&lying).unwrap_err().to_string().contains("not the one that is used"));
    }

    #[test]
    fn broken_encodings_are_refused_with_their_place() {
        let fault = decode(b"<a>\n\xC0\xAF</a>").unwrap_err();
        assert_eq!(fault.to_string(), "bytes that are no UTF-8 (line 2, column 1)");
        for body in [
            &b"<a>\xED\xA0\x80</a>"[..],
            b"<a>\xF4\x90\x80\x80</a>",
            b"<a>\xE9</a>",
            b"\xFF\xFE<\0a\0/\0>",
            b"\xFF\xFE\x00\xD8",
            b"\xFE\xFF\xDC\x00\x00\x00",
            b"<\0a\0/\0>\0",
            b"<a>\x0B</a>",
            b"<a>\0</a>",
            "<a>\u{FFFE}</a>".as_bytes(),
        ] {
            assert!(decode(body).is_err(), "{body:?}");
        }
    }
}
