//! A query with one parameter changed. Everything else keeps its bytes, and its place.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

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
    let (mut new, removes) = match edit {
        Edit::Replace(values) => (values, true),
        Edit::Append(values) => (values, false),
        Edit::Remove => (&[][..], true),
    };
    // An empty query has one empty pair, which is no reason for an `&`.
    let query = query.filter(|query| !query.is_empty() || new.is_empty());
    let mut written = Written::with_capacity(query.map_or(0, str::len) + 32);
    for pair in query.into_iter().flat_map(|query| query.split('&')) {
        if !removes || !is_named(pair, name) {
            written.pair(pair);
        } else {
            written.parameters(name, std::mem::take(&mut new));
        }
    }
    written.parameters(name, new);
    Some(written.query).filter(|query| !query.is_empty())
}

/// A query that is being written.
struct Written {
    query: String,
    has_pairs: bool,
}

impl Written {
    fn with_capacity(bytes: usize) -> Self {
        Self { query: String::with_capacity(bytes), has_pairs: false }
    }

    fn pair(&mut self, pair: &str) {
        if self.has_pairs {
            self.query.push('&');
        }
        self.has_pairs = true;
        self.query.push_str(pair);
    }

    fn parameters<V: AsRef<str>>(&mut self, name: &str, values: &[V]) {
        for value in values {
            self.pair("");
            self.query.extend(utf8_percent_encode(name, ENCODED));
            self.query.push('=');
            self.query.extend(utf8_percent_encode(value.as_ref(), ENCODED));
        }
    }
}

fn is_named(pair: &str, name: &str) -> bool {
    let key = pair.split_once('=').map_or(pair, |(key, _)| key);
    // An empty pair has no name, not even an empty one.
    !pair.is_empty() && form_urlencoded::parse(key.as_bytes()).next().is_some_and(|(key, _)| key == name)
}

/// Everything but what RFC 3986 §2.3 leaves alone.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

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
