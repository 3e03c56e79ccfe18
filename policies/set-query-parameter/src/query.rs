//! A query with one parameter changed. Everything else keeps its bytes, and its place.

/// What to do with a parameter; values are in the clear.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Edit<'a, V> {
    /// Where the parameter first stood, or at the end.
    Replace(&'a [V]),
    /// At the end.
    Append(&'a [V]),
    Remove,
}

/// Whether a parameter is there.
pub(crate) fn has(query: &str, name: &str) -> bool {
    query.split('&').any(|pair| is_named(pair, name))
}

/// The query after the edit; none if nothing is left of it.
pub(crate) fn edited<V: AsRef<str>>(query: Option<&str>, name: &str, edit: Edit<'_, V>) -> Option<String> {
    let written = |values: &[V]| -> Vec<String> {
        values.iter().map(|value| format!("{}={}", encoded(name), encoded(value.as_ref()))).collect()
    };
    let (mut new, removes) = match edit {
        Edit::Replace(values) => (written(values), true),
        Edit::Append(values) => (written(values), false),
        Edit::Remove => (Vec::new(), true),
    };
    let mut pairs = Vec::new();
    for pair in query.into_iter().flat_map(|query| query.split('&')) {
        if !removes || !is_named(pair, name) {
            pairs.push(pair.to_owned());
        } else {
            pairs.append(&mut new);
        }
    }
    // An empty query has one empty pair, which is no reason for an `&`.
    if !new.is_empty() && pairs.len() == 1 && pairs[0].is_empty() {
        pairs.clear();
    }
    pairs.append(&mut new);
    let query = pairs.join("&");
    (!query.is_empty()).then_some(query)
}

fn is_named(pair: &str, name: &str) -> bool {
    let key = pair.split_once('=').map_or(pair, |(key, _)| key);
    // An empty pair has no name, not even an empty one.
    !pair.is_empty() && decoded(key) == name.as_bytes()
}

/// Percent- and plus-decoded.
fn decoded(text: &str) -> Vec<u8> {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = digit(bytes.get(at + 1)).zip(digit(bytes.get(at + 2)));
        match (byte, escaped) {
            (b'%', Some((high, low))) => {
                decoded.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', _) => decoded.push(b' '),
            _ => decoded.push(byte),
        }
        at += 1;
    }
    decoded
}

/// Percent-encoded but for what RFC 3986 §2.3 leaves alone.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &[&str] = &["x y", "é&"];

    fn after(query: Option<&str>, edit: Edit<'_, &str>) -> Option<String> {
        edited(query, "a b", edit)
    }

    #[test]
    fn a_parameter_is_replaced_where_it_stood_first() {
        for (query, expected) in [
            (None, "a%20b=x%20y&a%20b=%C3%A9%26"),
            (Some(""), "a%20b=x%20y&a%20b=%C3%A9%26"),
            (Some("p=%zz&a+b=1&q&a%20b&r=%2f"), "p=%zz&a%20b=x%20y&a%20b=%C3%A9%26&q&r=%2f"),
            (Some("A+b=1"), "A+b=1&a%20b=x%20y&a%20b=%C3%A9%26"),
        ] {
            assert_eq!(after(query, Edit::Replace(NEW)).as_deref(), Some(expected), "{query:?}");
        }
    }

    #[test]
    fn what_is_appended_comes_last() {
        for (query, expected) in
            [(None, "a%20b=1"), (Some("a+b=0&c"), "a+b=0&c&a%20b=1"), (Some("c&&d&"), "c&&d&&a%20b=1")]
        {
            assert_eq!(after(query, Edit::Append(&["1"])).as_deref(), Some(expected), "{query:?}");
        }
    }

    #[test]
    fn what_is_removed_leaves_the_rest_as_it_was() {
        for (query, expected) in [
            (None, None),
            (Some(""), None),
            (Some("a+b=1"), None),
            (Some("a+b=1&a%20b&a+b"), None),
            (Some("c=+%2b&a+b=1&&d=é"), Some("c=+%2b&&d=é")),
            (Some("c"), Some("c")),
        ] {
            assert_eq!(after(query, Edit::Remove).as_deref(), expected, "{query:?}");
        }
    }

    #[test]
    fn a_parameter_is_found_by_its_decoded_name() {
        assert!(has("x&a+b", "a b") && has("a%20b=1", "a b") && has("%61=", "a"));
        assert!(!has("", "a") && !has("A=1", "a") && !has("b=a", "a"));
    }
}
