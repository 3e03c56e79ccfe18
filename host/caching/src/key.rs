//! Parts of a key that clients may write in several ways for the same resource.

use std::borrow::Cow;

use tollgate_core::message::Scheme;

/// The query with its parameters in order of their names (`reliability.md` §2.6, row 54). Those of one name stay in
/// their order, which may matter.
pub fn canonical_query(query: &str) -> Cow<'_, str> {
    fn name(pair: &str) -> &str {
        pair.split('=').next().unwrap_or_default()
    }
    let mut pairs = query.split('&');
    let mut before = pairs.next().map(name);
    let is_sorted = pairs.all(|pair| before.replace(name(pair)).is_none_or(|before| before <= name(pair)));
    if is_sorted {
        return Cow::Borrowed(query);
    }
    let mut pairs: Vec<&str> = query.split('&').collect();
    pairs.sort_by_key(|pair| name(pair));
    Cow::Owned(pairs.join("&"))
}

/// Host and port in lower case, without the port that the scheme has anyway.
pub fn canonical_authority(scheme: Scheme, authority: &str) -> Cow<'_, str> {
    let usual = match scheme {
        Scheme::Http => ":80",
        Scheme::Https => ":443",
    };
    let bare = authority.strip_suffix(usual).unwrap_or(authority);
    match bare.bytes().any(|byte| byte.is_ascii_uppercase()) {
        false => Cow::Borrowed(bare),
        true => Cow::Owned(bare.to_ascii_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_order_of_parameters_makes_no_difference_but_that_of_values_does() {
        assert_eq!(canonical_query("b=2&a=1"), canonical_query("a=1&b=2"));
        assert_ne!(canonical_query("a=1&a=2"), canonical_query("a=2&a=1"));
        assert_ne!(canonical_query("a"), canonical_query("a="));
        assert_ne!(canonical_query("a=1&b"), canonical_query("a=1"));
        assert_ne!(canonical_query("a=1&"), canonical_query("a=1"));
        assert_ne!(canonical_query("a=b%26c=d"), canonical_query("a=b&c=d"));
        assert!(matches!(canonical_query("a=2&a=1&b&c=3"), Cow::Borrowed(_)));
    }

    #[test]
    fn an_authority_is_the_same_in_any_case_and_with_its_usual_port() {
        let of = canonical_authority;
        assert_eq!(of(Scheme::Http, "A.Example:80"), "a.example");
        assert_eq!(of(Scheme::Https, "a.example:443"), "a.example");
        assert_eq!(of(Scheme::Https, "a.example:80"), "a.example:80");
        assert_eq!(of(Scheme::Http, "[::1]:80"), "[::1]");
        assert_eq!(of(Scheme::Http, ""), "");
    }

    proptest! {
        #[test]
        fn no_query_becomes_another_one(a in "[ab=&]{0,10}", b in "[ab=&]{0,10}") {
            let pairs = |query: &str| {
                let mut pairs: Vec<String> = query.split('&').map(str::to_owned).collect();
                pairs.sort();
                pairs
            };
            if canonical_query(&a) == canonical_query(&b) {
                prop_assert_eq!(pairs(&a), pairs(&b));
            }
            prop_assert_eq!(canonical_query(&canonical_query(&a)).into_owned(), canonical_query(&a).into_owned());
        }
    }
}
