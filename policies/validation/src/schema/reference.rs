//! Where references lead: URIs resolved against each other (RFC 3986 §5.2), and JSON Pointers.

/// A reference without its fragment, resolved against a base that has none either; and its fragment.
pub(crate) fn resolve(base: &str, reference: &str) -> (String, String) {
    let (reference, fragment) = split_fragment(reference);
    (join(base, reference), decode(fragment))
}

fn split_fragment(uri: &str) -> (&str, &str) {
    uri.split_once('#').unwrap_or((uri, ""))
}

fn join(base: &str, reference: &str) -> String {
    if reference.is_empty() {
        return base.to_owned();
    }
    if scheme_end(reference).is_some() {
        return reference.to_owned();
    }
    let after_scheme = scheme_end(base).unwrap_or(0);
    let (scheme, hierarchy) = base.split_at(after_scheme);
    if reference.starts_with("//") {
        return format!("{scheme}{reference}");
    }
    let authority_end = match hierarchy.strip_prefix("//") {
        Some(rest) => 2 + rest.find(['/', '?']).unwrap_or(rest.len()),
        None => 0,
    };
    let (authority, path_and_query) = hierarchy.split_at(authority_end);
    let path = path_and_query.split('?').next().unwrap_or_default();
    let joined = match reference.chars().next() {
        Some('/') => reference.to_owned(),
        Some('?') => format!("{path}{reference}"),
        // Relative to what has no path of its own: a URN, or nothing at all.
        _ => format!(
            "{}{reference}",
            path.rfind('/').and_then(|slash| path.get(..=slash)).unwrap_or(if authority.is_empty() { "" } else { "/" })
        ),
    };
    let (joined_path, query) = joined.split_at(joined.find('?').unwrap_or(joined.len()));
    format!("{scheme}{authority}{}{query}", without_dots(joined_path))
}

/// Past the colon of a scheme.
fn scheme_end(uri: &str) -> Option<usize> {
    let colon = uri.find(':')?;
    let scheme = uri.get(..colon)?;
    let fits = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    fits.then_some(colon + 1)
}

fn without_dots(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    let all: Vec<&str> = path.split('/').collect();
    for (index, segment) in all.iter().enumerate() {
        let is_last = index + 1 == all.len();
        match *segment {
            "." | ".." => {
                if *segment == ".." && segments.len() > 1 {
                    segments.pop();
                }
                if is_last {
                    segments.push("");
                }
            }
            segment => segments.push(segment),
        }
    }
    segments.join("/")
}

/// Percent-decoded; what is no escape stays.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (byte, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(value)) => {
                bytes.push(value);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A step of a JSON Pointer as the name it stands for.
pub(crate) fn unescape(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

/// A name as a step of a JSON Pointer.
pub(crate) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_as_the_rfc_says() {
        for (base, reference, expected) in [
            ("", "", ""),
            ("", "a.json", "a.json"),
            ("", "#/x", ""),
            ("http://a/b/c?q", "", "http://a/b/c?q"),
            ("http://a/b/c", "d", "http://a/b/d"),
            ("http://a/b/c", "./d", "http://a/b/d"),
            ("http://a/b/c", "../d/e", "http://a/d/e"),
            ("http://a/b/c", "/d", "http://a/d"),
            ("http://a/b/c", "//e/d", "http://e/d"),
            ("http://a/b/c", "?x", "http://a/b/c?x"),
            ("http://a", "d", "http://a/d"),
            ("http://a/b/c", "urn:x:y", "urn:x:y"),
            ("a/b.json", "c.json", "a/c.json"),
        ] {
            assert_eq!(resolve(base, reference).0, expected, "{base} + {reference}");
        }
        assert_eq!(resolve("x", "y#/a%25b").1, "/a%b");
    }
}
