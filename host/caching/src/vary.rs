//! `Vary`: which request fields tell a resource's variants apart (RFC 9111 §4.1).

use http::header::{self, HeaderMap, HeaderName};
use smallvec::SmallVec;

/// Names in one `Vary`. Who varies by more than this varies by everything.
const MAX_NAMES: usize = 32;

/// Bytes of what a request holds in those fields. More than this isn't worth a variant.
const MAX_BYTES: usize = 8 << 10;

/// The fields that a response varies by, in order, each once; mostly none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vary(Box<[HeaderName]>);

/// What a request holds in the fields of a [`Vary`], so that equal bytes mean that both requests match.
pub type Selection = SmallVec<[u8; 128]>;

impl Vary {
    /// What a response varies by; none if no other request can match it: `*`, or what can't be understood.
    pub fn of(headers: &HeaderMap) -> Option<Vary> {
        let mut names: SmallVec<[HeaderName; 4]> = SmallVec::new();
        for line in headers.get_all(header::VARY) {
            let items = line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
            for item in items.filter(|item| !item.is_empty()) {
                // `*` is a token too, so it would pass for a name.
                let name = HeaderName::from_bytes(item).ok().filter(|_| item != b"*")?;
                names.push(name);
            }
        }
        names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        names.dedup();
        (names.len() <= MAX_NAMES).then(|| Vary(names.into_vec().into_boxed_slice()))
    }

    /// True if all requests get the same.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names.
    pub fn names(&self) -> &[HeaderName] {
        &self.0
    }

    /// What a request holds there, in the form in which requests are compared: lines joined, white space around commas
    /// gone, and what is known to mean the same written the same. None if it is too much.
    pub fn selection(&self, request: &HeaderMap) -> Option<Selection> {
        let mut selection = Selection::new();
        for name in &self.0 {
            // NUL is in no name and no value.
            selection.extend_from_slice(name.as_str().as_bytes());
            selection.push(0);
            if request.contains_key(name) {
                // An empty value is another than none.
                selection.push(b'=');
                write_value(&mut selection, name, request);
            }
            selection.push(0);
            if selection.len() > MAX_BYTES {
                return None;
            }
        }
        Some(selection)
    }
}

fn write_value(selection: &mut Selection, name: &HeaderName, request: &HeaderMap) {
    let lines = request.get_all(name);
    let mut members: SmallVec<[&[u8]; 8]> = lines.into_iter().flat_map(|line| split(line.as_bytes())).collect();
    // The order of codings says nothing (RFC 9110 §12.5.3). That of languages does to some origins.
    let is_unordered = *name == header::ACCEPT_ENCODING;
    if is_unordered {
        members.sort_unstable_by_key(|member| member.to_ascii_lowercase());
    }
    let ignores_case = is_unordered || *name == header::ACCEPT_LANGUAGE;
    for (number, member) in members.iter().enumerate() {
        if number > 0 {
            selection.push(b',');
        }
        match ignores_case {
            true => selection.extend(member.iter().map(u8::to_ascii_lowercase)),
            false => selection.extend_from_slice(member),
        }
    }
}

/// Members of a list: at commas outside quotes, without white space around them. Empty ones stay: only a list may lose
/// them, and not every field is one.
fn split(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut is_quoted = false;
    let mut is_escaped = false;
    line.split(move |byte| {
        let escaped = std::mem::take(&mut is_escaped);
        match byte {
            b'\\' if is_quoted && !escaped => is_escaped = true,
            b'"' if !escaped => is_quoted = !is_quoted,
            _ => {}
        }
        *byte == b',' && !is_quoted
    })
    .map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(fields: &[(&str, &str)]) -> HeaderMap {
        let field = |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        fields.iter().map(field).collect()
    }

    fn vary(lines: &[&str]) -> Option<Vary> {
        let lines: Vec<_> = lines.iter().map(|line| ("vary", *line)).collect();
        Vary::of(&headers(&lines))
    }

    #[test]
    fn a_star_matches_nobody_wherever_it_stands() {
        for lines in
            [&["*"][..], &["*, *"], &["*", "*"], &[", *"], &["", "*"], &["*, Foo"], &["Foo, *"], &["Foo", " * "]]
        {
            assert_eq!(vary(lines), None, "{lines:?}");
        }
        for lines in [&["a b"][..], &["a;b"], &["\"a\""]] {
            assert_eq!(vary(lines), None, "{lines:?}");
        }
    }

    #[test]
    fn names_are_a_set_and_not_too_many() {
        assert_eq!(vary(&["Foo, bar", "FOO", ", ,"]), vary(&["bar,foo"]));
        assert!(vary(&[""]).unwrap().is_empty() && vary(&[]).unwrap().is_empty());
        let many: Vec<String> = (0..33).map(|number| format!("x-{number}")).collect();
        assert!(vary(&[&many[..32].join(",")]).is_some());
        assert!(vary(&[&many.join(",")]).is_none());
    }

    fn same(name: &str, a: &[&str], b: &[&str]) -> bool {
        let vary = vary(&[name]).unwrap();
        let request = |values: &[&str]| headers(&values.iter().map(|value| (name, *value)).collect::<Vec<_>>());
        vary.selection(&request(a)).unwrap() == vary.selection(&request(b)).unwrap()
    }

    #[test]
    fn what_means_the_same_matches() {
        assert!(same("foo", &["1"], &["1"]));
        assert!(same("foo", &[], &[]));
        assert!(same("foo", &["1, 2"], &["1", "2"]));
        assert!(same("foo", &["1,2"], &["1 ,  2"]));
        assert!(same("accept-language", &["en, de"], &["eN,De"]));
        assert!(same("accept-encoding", &["gzip, br"], &["BR,gzip"]));
    }

    #[test]
    fn what_may_mean_something_else_does_not() {
        assert!(!same("foo", &["1"], &["2"]));
        assert!(!same("foo", &["a"], &["A"]));
        assert!(!same("foo", &[], &[""]));
        assert!(!same("foo", &["1, 2"], &["2, 1"]));
        assert!(!same("foo", &["\"1, 2\""], &["\"1,2\""]));
        assert!(!same("foo", &["\"\\\", 2\""], &["\"\\\",2\""]));
        assert!(!same("foo", &["a b"], &["ab"]));
        assert!(!same("accept-language", &["en, de"], &["de, en"]));
    }

    #[test]
    fn values_stay_with_their_fields_and_are_bounded() {
        let vary = vary(&["a, b"]).unwrap();
        let of = |fields: &[(&str, &str)]| vary.selection(&headers(fields));
        assert_ne!(of(&[("a", "1")]), of(&[("b", "1")]));
        assert_ne!(of(&[("a", "1,b"), ("b", "2")]), of(&[("a", "1"), ("b", "b,2")]));
        assert_eq!(of(&[("a", "1"), ("b", "2"), ("c", "3")]), of(&[("b", "2"), ("a", "1")]));
        assert_eq!(of(&[("a", &"x".repeat(9000))]), None);
    }

    proptest! {
        #[test]
        fn white_space_around_commas_never_matters(members in proptest::collection::vec("[a-z;=0-9]{0,6}", 1..6)) {
            let joined = |comma: &str| members.join(comma);
            prop_assert!(same("foo", &[&joined(",")], &[&joined(" , ")]));
        }

        #[test]
        fn other_values_never_match(a in "[ -~]{0,12}", b in "[ -~]{0,12}") {
            let bare = |text: &str| -> String { text.chars().filter(|c| *c != ' ').collect() };
            if bare(&a) != bare(&b) {
                prop_assert!(!same("foo", &[&a], &[&b]));
            }
        }
    }
}
