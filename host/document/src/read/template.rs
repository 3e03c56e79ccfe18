//! URL templates of operations: `/`, `/{id}`, `/img-{id}.png`, `/files/*`.

use tollgate_core::path;

use crate::document::{Segment, Template};

/// How a `url` is described in messages.
pub(super) const EXPECTED: &str = "a URL template such as `/`, `/{orderId}` or `/files/*`";

/// Stands for a template that couldn't be read.
pub(super) fn placeholder() -> Template {
    Template { text: "/".into(), segments: vec![Segment::Literal(String::new())], wildcard: false }
}

/// Read a template, or say what was expected.
pub(super) fn parse(text: &str) -> Result<Template, String> {
    let Some(inner) = text.strip_prefix('/') else {
        return Err("expected a URL template that begins with a slash".into());
    };
    if text.contains(['?', '#']) {
        return Err("expected a URL template without query and fragment".into());
    }
    let (inner, wildcard) = match inner.strip_suffix('*') {
        Some("") => ("", true),
        Some(inner) if inner.ends_with('/') => (&inner[..inner.len() - 1], true),
        _ => (inner, false),
    };
    let mut segments = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    if !(wildcard && text == "/*") {
        for segment in inner.split('/') {
            let parsed = parse_segment(segment)?;
            if let Some(name) = parsed.name {
                if names.contains(&name) {
                    return Err(format!("expected different names of parameters, `{name}` twice"));
                }
                names.push(name);
            }
            segments.push(parsed.segment);
        }
    }
    Ok(Template { text: text.to_owned(), segments, wildcard })
}

struct Parsed<'a> {
    segment: Segment,
    name: Option<&'a str>,
}

fn parse_segment(segment: &str) -> Result<Parsed<'_>, String> {
    if segment.contains('*') {
        return Err("expected `*` only as the whole last segment".into());
    }
    let Some(open) = segment.find('{') else {
        return Ok(Parsed { segment: Segment::Literal(literal(segment)?), name: None });
    };
    let (prefix, rest) = (&segment[..open], &segment[open + 1..]);
    let Some(close) = rest.find('}') else {
        return Err("expected a `}` after `{` in the same segment".into());
    };
    let (name, suffix) = (&rest[..close], &rest[close + 1..]);
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty() || !name.chars().all(is_name) {
        return Err(format!("expected a parameter's name of letters, digits, `_`, `-` and `.`, not `{{{name}}}`"));
    }
    if suffix.contains('{') {
        return Err("expected one parameter in a segment at most".into());
    }
    let parameter = Segment::Parameter { prefix: literal(prefix)?, name: name.to_owned(), suffix: literal(suffix)? };
    Ok(Parsed { segment: parameter, name: Some(name) })
}

/// Literal text, in the form that request paths have after they were normalised.
fn literal(text: &str) -> Result<String, String> {
    const EXPECTED: &str = "expected a URL template in normal form (percent-encoded, without `.` and `..`)";
    if text.contains('}') {
        return Err("expected a `{` before `}` in the same segment".into());
    }
    let path = format!("/{text}");
    match path::normalise(&path) {
        Ok(normal) if normal == path => Ok(text.to_owned()),
        _ => Err(EXPECTED.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_have_segments_and_a_shape() {
        for (text, segments, wildcard, shape) in [
            ("/", 1, false, "/"),
            ("/*", 0, true, "/*"),
            ("/{a}", 1, false, "/{}"),
            ("/{a}/", 2, false, "/{}/"),
            ("/{a}/x/{b-2}", 3, false, "/{}/x/{}"),
            ("/img-{id}.png", 1, false, "/img-{}.png"),
            ("/files/*", 1, true, "/files/*"),
            ("/a%20b//c", 3, false, "/a%20b//c"),
        ] {
            let template = parse(text).unwrap();
            assert_eq!(template.segments.len(), segments, "{text}");
            assert_eq!(template.wildcard, wildcard, "{text}");
            assert_eq!(template.shape(), shape, "{text}");
        }
    }

    #[test]
    fn what_is_no_template_is_refused_with_the_reason() {
        for (text, expected) in [
            ("", "begins with a slash"),
            ("a", "begins with a slash"),
            ("/a?x={y}", "without query"),
            ("/a*", "whole last segment"),
            ("/*/a", "whole last segment"),
            ("/{a", "`}` after"),
            ("/a}", "`{` before"),
            ("/{a}}", "`{` before"),
            ("/{a}{b}", "one parameter"),
            ("/{}", "name"),
            ("/{*a}", "whole last segment"),
            ("/{a b}", "name"),
            ("/{a}/{a}", "different names"),
            ("/a b", "normal form"),
            ("/ä", "normal form"),
            ("/../a", "normal form"),
            ("/%61", "normal form"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
