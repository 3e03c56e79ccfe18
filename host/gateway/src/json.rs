//! JSON text without a tree, for log lines and error bodies.

/// Append `text` as a JSON string. Bytes that are no UTF-8 become U+FFFD, so a line stays JSON whatever a client sent.
pub(crate) fn push_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        push_escaped(out, chunk.valid().as_bytes());
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    out.push(b'"');
}

fn push_escaped(out: &mut Vec<u8>, text: &[u8]) {
    let mut plain = 0;
    for (at, &byte) in text.iter().enumerate() {
        // DEL, the C1 controls and what reorders or hides its neighbours are valid in JSON, but terminals act on them.
        let special = byte < 0x20 || matches!(byte, b'"' | b'\\' | 0x7f);
        let c1 = byte == 0xc2 && text.get(at + 1).is_some_and(|next| (0x80..0xa0).contains(next));
        let hidden = if byte >= 0xe2 { hidden(&text[at..]) } else { None };
        if !special && !c1 && hidden.is_none() {
            continue;
        }
        out.extend_from_slice(&text[plain..at]);
        plain = at + 1;
        if let Some(code) = hidden {
            plain = at + 3;
            out.extend_from_slice(b"\\u");
            let [high, low] = code.to_be_bytes();
            push_hex(out, high);
            push_hex(out, low);
            continue;
        }
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0xc2 => {
                push_code(out, text[at + 1]);
                plain = at + 2;
            }
            other => push_code(out, other),
        }
    }
    out.extend_from_slice(&text[plain.min(text.len())..]);
}

/// The code of a character at the beginning of a valid text that shows what stands beside it in another order, or not at
/// all: zero-width ones, line ends of Unicode, marks of direction. All of them are three bytes long.
fn hidden(text: &[u8]) -> Option<u16> {
    let code = match *text.first_chunk()? {
        [0xe2, 0x80, last @ (0x8b..=0x8f | 0xa8..=0xae)] => 0x2000 | u16::from(last & 0x3f),
        [0xe2, 0x81, last @ 0xa0..=0xaf] => 0x2040 | u16::from(last & 0x3f),
        [0xef, 0xbb, 0xbf] => 0xfeff,
        _ => return None,
    };
    Some(code)
}

fn push_code(out: &mut Vec<u8>, code: u8) {
    out.extend_from_slice(b"\\u00");
    push_hex(out, code);
}

fn push_hex(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(HEX[usize::from(byte >> 4)]);
    out.push(HEX[usize::from(byte & 15)]);
}

/// Append a number.
pub(crate) fn push_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &[u8]) -> String {
        let mut out = Vec::new();
        push_string(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn hostile_bytes_stay_within_the_string() {
        for (text, expected) in [
            (&b"plain"[..], "\"plain\""),
            (b"", "\"\""),
            (b"a\"b\\c", "\"a\\\"b\\\\c\""),
            (b"a\r\nb\tc", "\"a\\r\\nb\\tc\""),
            (b"\x00\x1b[31m\x7f", "\"\\u0000\\u001b[31m\\u007f\""),
            (b"\xff\xfeok\xc3", "\"\u{fffd}\u{fffd}ok\u{fffd}\""),
            ("a\u{202e}b\u{200b}\u{2066}\u{feff}€".as_bytes(), "\"a\\u202eb\\u200b\\u2066\\ufeff€\""),
            ("ä\u{85}é\u{9b}".as_bytes(), "\"ä\\u0085é\\u009b\""),
        ] {
            assert_eq!(string(text), expected);
        }
    }

    #[test]
    fn every_byte_pair_gives_valid_utf8_without_controls() {
        for pair in 0..=u16::MAX {
            let text = string(&pair.to_be_bytes());
            assert!(!text.chars().any(char::is_control), "{pair:#x}");
        }
    }

    #[test]
    fn numbers_are_decimal() {
        for number in [0, 7, 10, 1234567890, u64::MAX] {
            let mut out = Vec::new();
            push_number(&mut out, number);
            assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
        }
    }
}
