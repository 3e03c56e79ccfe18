//! Plain search in bytes.

/// The bytes with every occurrence of `from` replaced, from the left and without overlap; none if there is none.
/// `from` is not empty.
pub(crate) fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Option<Vec<u8>> {
    let mut found = find(bytes, from)?;
    let mut result = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        result.extend_from_slice(&rest[..found]);
        result.extend_from_slice(to);
        rest = &rest[found + from.len()..];
        match find(rest, from) {
            Some(next) => found = next,
            None => break,
        }
    }
    result.extend_from_slice(rest);
    Some(result)
}

/// Where `pattern` first stands. In time proportional to the length of `bytes` for all patterns that people write: the
/// place of the pattern's last byte decides how far to go on (Horspool).
fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    let (&last, head) = pattern.split_last()?;
    let mut shifts = [pattern.len(); 256];
    for (index, &byte) in head.iter().enumerate() {
        shifts[usize::from(byte)] = head.len() - index;
    }
    let mut at = 0;
    while let Some(window) = bytes.get(at..at + pattern.len()) {
        let end = window[head.len()];
        if end == last && window.starts_with(head) {
            return Some(at);
        }
        at += shifts[usize::from(end)];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str, from: &str, to: &str) -> Option<String> {
        replaced(text.as_bytes(), from.as_bytes(), to.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn every_occurrence_is_replaced_from_the_left() {
        for (before, from, to, after) in [
            ("abcabc", "b", "xyz", Some("axyzcaxyzc")),
            ("aaaa", "aa", "a", Some("aa")),
            ("aaa", "aa", "b", Some("ba")),
            ("abc", "abc", "", Some("")),
            ("ababac", "abac", "-", Some("ab-")),
            ("grün", "ü", "ue", Some("gruen")),
            ("abc", "d", "x", None),
            ("ab", "abc", "x", None),
            ("", "a", "x", None),
            ("a.b", ".", "$1", Some("a$1b")),
        ] {
            assert_eq!(text(before, from, to).as_deref(), after, "{before} {from}");
        }
        assert_eq!(replaced(b"\xff\x00\xff", b"\xff", b"\x01"), Some(b"\x01\x00\x01".to_vec()));
    }

    #[test]
    fn it_finds_what_the_standard_library_finds() {
        let source = "abacabadabacabaeabacabadabacaba";
        for length in 1..6 {
            for start in 0..source.len() - length {
                let pattern = &source[start..start + length];
                assert_eq!(text(source, pattern, "<>"), Some(source.replace(pattern, "<>")), "{pattern}");
            }
        }
    }
}
