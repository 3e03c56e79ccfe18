//! Which characters XML 1.0 (fifth edition) allows where. Names are namespace-aware: a colon is no name character.

use crate::scan::find_or_control;

/// `Char` (production 2).
pub fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// `NameStartChar` (production 4) without the colon.
pub fn is_name_start(c: char) -> bool {
    matches!(c,
        'A'..='Z' | '_' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}' | '\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}'
        | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

/// `NameChar` (production 4a) without the colon.
pub fn is_name_char(c: char) -> bool {
    is_name_start(c) || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}' | '\u{2040}')
}

/// `S` (production 3), as a byte.
pub fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Offset of the first character that no XML document may hold, not even as a reference.
pub fn first_illegal(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        // U+FFFE and U+FFFF are, beside control characters, the only ones that a `str` can hold.
        at = find_or_control(bytes, at, [0xEF]);
        match bytes.get(at..)? {
            [] => return None,
            [0xEF, 0xBF, 0xBE | 0xBF, ..] => return Some(at),
            [byte @ 0..=0x1F, ..] if !is_space(*byte) => return Some(at),
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scan_and_the_character_class_agree() {
        for c in (0..=0x10FFFF).filter_map(char::from_u32) {
            assert_eq!(first_illegal(c.encode_utf8(&mut [0; 4])).is_none(), is_xml_char(c), "{c:?}");
        }
        assert_eq!(first_illegal("abc\u{FFFF}"), Some(3));
    }

    #[test]
    fn a_name_starts_with_fewer_characters_than_it_goes_on_with() {
        for c in ['-', '.', '7', '\u{B7}', '\u{301}', '\u{2040}'] {
            assert!(is_name_char(c) && !is_name_start(c), "{c:?}");
        }
        for c in [':', ' ', '\u{D7}', '\u{F7}', '\u{37E}', '\u{2000}', '\u{3000}', '\u{F0000}'] {
            assert!(!is_name_char(c), "{c:?}");
        }
        for c in ['_', 'é', '日', '\u{10000}'] {
            assert!(is_name_start(c), "{c:?}");
        }
    }
}
