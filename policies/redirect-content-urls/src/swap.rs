//! URLs in a text, of one base put in place of another.

/// What URLs begin with: scheme, authority and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Base {
    scheme: String,
    authority: String,
    /// Without a slash at its end; empty for none.
    path: String,
}

impl Base {
    pub(crate) fn new(scheme: &str, authority: &str, path: &str) -> Self {
        let path = path.trim_matches('/');
        let path = if path.is_empty() { String::new() } else { format!("/{path}") };
        Self { scheme: scheme.into(), authority: authority.into(), path }
    }

    /// Of `https://a.example/v2`; none if it is no such URL.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        (!scheme.is_empty() && !authority.is_empty()).then(|| Self::new(scheme, authority, path))
    }

    /// How long the URL is whose `:` is at `colon`, if it begins with this base, and where it begins. Slashes may be
    /// written as `slash`.
    fn at(&self, text: &[u8], colon: usize, slash: &[u8]) -> Option<(usize, usize)> {
        let start = colon.checked_sub(self.scheme.len())?;
        let before = start.checked_sub(1).map(|before| text[before]);
        let goes_on = before.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        if goes_on || !text[start..colon].eq_ignore_ascii_case(self.scheme.as_bytes()) {
            return None;
        }
        let mut at = colon + 1;
        for _ in 0..2 {
            at = past(text, at, slash, false)?;
        }
        at = past(text, at, self.authority.as_bytes(), true)?;
        for part in self.path.split('/').skip(1) {
            at = past(text, at, slash, false)?;
            at = past(text, at, part.as_bytes(), false)?;
        }
        ends(&text[at..]).then_some((start, at))
    }

    fn write(&self, text: &mut Vec<u8>, slash: &[u8]) {
        text.extend_from_slice(self.scheme.as_bytes());
        text.push(b':');
        text.extend_from_slice(slash);
        text.extend_from_slice(slash);
        text.extend_from_slice(self.authority.as_bytes());
        for part in self.path.split('/').skip(1) {
            text.extend_from_slice(slash);
            text.extend_from_slice(part.as_bytes());
        }
    }
}

/// Where `part` ends if it stands at `at`.
fn past(text: &[u8], at: usize, part: &[u8], any_case: bool) -> Option<usize> {
    let found = text.get(at..at + part.len())?;
    let same = if any_case { found.eq_ignore_ascii_case(part) } else { found == part };
    same.then_some(at + part.len())
}

/// Whether a host or a segment of a path ends before this: `https://a.example` isn't in `https://a.example.org`.
fn ends(rest: &[u8]) -> bool {
    match rest {
        [] => true,
        [b'.' | b':', next, ..] => !next.is_ascii_alphanumeric(),
        [byte, ..] => !(byte.is_ascii_alphanumeric() || b"-_~%@".contains(byte) || *byte >= 0x80),
    }
}

/// The text with the URLs of `from` made ones of `to`; none if it has none. In JSON slashes may be escaped.
pub(crate) fn swapped(text: &[u8], from: &Base, to: &Base) -> Option<Vec<u8>> {
    let mut swapped = Vec::new();
    let mut copied = 0;
    for (colon, _) in text.iter().enumerate().filter(|(_, byte)| **byte == b':') {
        let slash: &[u8] = match text.get(colon + 1) {
            Some(b'/') => b"/",
            Some(b'\\') => b"\\/",
            _ => continue,
        };
        let Some((start, end)) = from.at(text, colon, slash) else { continue };
        if start < copied {
            continue;
        }
        swapped.extend_from_slice(&text[copied..start]);
        to.write(&mut swapped, slash);
        copied = end;
    }
    if copied == 0 {
        return None;
    }
    swapped.extend_from_slice(&text[copied..]);
    Some(swapped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str) -> Option<String> {
        let from = Base::parse("http://b.example:81/v2/").unwrap();
        let to = Base::new("https", "api.example", "shop/orders");
        swapped(text.as_bytes(), &from, &to).map(|text| String::from_utf8(text).unwrap())
    }

    #[test]
    fn urls_of_the_base_are_swapped() {
        for (before, expected) in [
            ("http://b.example:81/v2", "https://api.example/shop/orders"),
            ("<a href='HTTP://B.Example:81/v2/x?y'>", "<a href='https://api.example/shop/orders/x?y'>"),
            (r#"["http:\/\/b.example:81\/v2\/x"]"#, r#"["https:\/\/api.example\/shop\/orders\/x"]"#),
            (
                "http://b.example:81/v2. http://b.example:81/v2,",
                "https://api.example/shop/orders. https://api.example/shop/orders,",
            ),
        ] {
            assert_eq!(after(before).as_deref(), Some(expected), "{before}");
        }
    }

    #[test]
    fn other_urls_stay() {
        for text in [
            "http://b.example/v2",
            "http://b.example:81",
            "http://b.example:81/v20",
            "http://b.example:81/V2",
            "http://b.example:81/v2.1",
            "https://b.example:81/v2",
            "xhttp://b.example:81/v2",
            "//b.example:81/v2",
            "http:\\/\\/b.example:81/v2",
            "a: b",
            "",
            ":",
            "http:/",
        ] {
            assert_eq!(after(text), None, "{text}");
        }
    }

    #[test]
    fn a_base_may_have_no_path() {
        let (from, to) = (Base::parse("http://b").unwrap(), Base::new("https", "g", ""));
        let swap = |text: &str| swapped(text.as_bytes(), &from, &to).map(|text| String::from_utf8(text).unwrap());
        assert_eq!(swap("http://b/x http://b").as_deref(), Some("https://g/x https://g"));
        for text in ["http://b.c", "http://bc", "http://b:1", "http://b-c", "http://b@c"] {
            assert_eq!(swap(text), None, "{text}");
        }
        assert_eq!(Base::parse("b.example"), None);
    }
}
