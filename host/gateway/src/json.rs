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
        // DEL and the C1 controls are valid in JSON, but terminals act on them.
        let special = byte < 0x20 || matches!(byte, b'"' | b'\\' | 0x7f);
        let c1 = byte == 0xc2 && text.get(at + 1).is_some_and(|next| (0x80..0xa0).contains(next));
        if !special && !c1 {
            continue;
        }
        out.extend_from_slice(&text[plain..at]);
        plain = at + 1;
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

fn push_code(out: &mut Vec<u8>, code: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(b"\\u00");
    out.push(HEX[usize::from(code >> 4)]);
    out.push(HEX[usize::from(code & 15)]);
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
