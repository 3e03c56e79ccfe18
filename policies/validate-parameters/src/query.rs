//! Which names a query has.

/// Decoded names, each once, in order.
pub(crate) fn names(query: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let name = decoded(pair.split('=').next().unwrap_or_default());
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Percent- and plus-decoded.
fn decoded(text: &str) -> String {
    let mut rest = text.as_bytes();
    let mut bytes = Vec::with_capacity(rest.len());
    while let [byte, tail @ ..] = rest {
        rest = tail;
        let hex = tail.get(..2).filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        let escaped = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(match (byte, escaped) {
            (b'%', Some(value)) => {
                rest = tail.get(2..).unwrap_or_default();
                value
            }
            (b'+', _) => b' ',
            (byte, _) => *byte,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_decoded_and_told_once() {
        assert_eq!(names("a=1&b&&a=2&c%5B%5D=x&d+e=&%zz=&=x"), ["a", "b", "c[]", "d e", "%zz", ""]);
        assert!(names("").is_empty());
    }
}
