//! `{{name}}` inside scalars: a named value, or a fragment's parameter.

use std::ops::Range;

use super::Scalar;
use super::origin::{Inserted, Origin};

/// `{{name}}` in a text.
#[derive(Debug, PartialEq)]
pub(crate) struct Reference<'t> {
    /// All of it, braces included.
    pub(crate) range: Range<usize>,
    /// What stands between the braces.
    pub(crate) name: &'t str,
}

/// May a named value or a parameter be called so?
pub(crate) fn is_name(text: &str) -> bool {
    (1..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// What stands before the name of a parameter.
pub(crate) const PARAMETERS: &str = "parameters.";

/// Every `{{name}}` and `{{parameters.name}}`. Other braces, such as `{{ body.id }}` of a template, are text.
pub(crate) fn references(text: &str) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find("{{").map(|at| from + at) {
        let inside = &text[at + 2..];
        let name = inside.find("}}").map(|end| &inside[..end]);
        match name.filter(|name| is_name(name.strip_prefix(PARAMETERS).unwrap_or(name))) {
            Some(name) => {
                from = at + 4 + name.len();
                found.push(Reference { range: at..from, name });
            }
            None => from = at + 1,
        }
    }
    found
}

impl Scalar {
    /// The references in what is written; there are none in what was put in already.
    pub(crate) fn references(&self) -> Vec<Reference<'_>> {
        let mut found = references(self.text());
        if let Some(origin) = &self.origin {
            found.retain(|reference| !origin.is_inserted(&reference.range));
        }
        found
    }

    /// This scalar with values put in, in order. One whose whole text is a reference becomes the value, with its
    /// type; any other is text.
    pub(crate) fn with(&self, values: &[(Range<usize>, &Scalar)]) -> Scalar {
        if self.is_refused() || values.iter().any(|(_, value)| value.is_refused()) {
            return Scalar::refused(self.text());
        }
        let is_whole = matches!(values, [(range, _)] if *range == (0..self.text.len()));
        let old = self.origin.as_deref().cloned().unwrap_or_else(|| Origin::of(&self.text));
        let mut origin = Origin { inserted: Vec::new(), opaque: Vec::new(), ..old.clone() };
        let mut text = String::new();
        let mut done = 0;
        let keep = |origin: &mut Origin, text: &mut String, range: Range<usize>| {
            // `range` is what stays: with it the pieces that were put in before.
            let moved =
                |piece: &Range<usize>| piece.start - range.start + text.len()..piece.end - range.start + text.len();
            let inside = |piece: &Range<usize>| range.start <= piece.start && piece.end <= range.end;
            let pieces = old.inserted.iter().filter(|piece| inside(&piece.at));
            origin
                .inserted
                .extend(pieces.map(|piece| Inserted { at: moved(&piece.at), written: piece.written.clone() }));
            origin.opaque.extend(old.opaque.iter().filter(|piece| inside(piece)).map(moved));
            text.push_str(&self.text[range]);
        };
        for (range, value) in values {
            keep(&mut origin, &mut text, done..range.start);
            let start = text.len();
            text.push_str(&value.text);
            let written = old.written_offset(range.start)..old.written_offset(range.end);
            origin.inserted.push(Inserted { at: start..text.len(), written });
            if let Some(of_value) = &value.origin {
                origin.opaque.extend(of_value.opaque.iter().map(|piece| piece.start + start..piece.end + start));
                origin.is_secret |= of_value.is_secret;
            }
            done = range.end;
        }
        keep(&mut origin, &mut text, done..self.text.len());
        let plain = is_whole && values.iter().all(|(_, value)| value.plain);
        Scalar { text: text.into(), plain, refused: false, origin: Some(Box::new(origin)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<&str> {
        references(text).into_iter().map(|reference| reference.name).collect()
    }

    #[test]
    fn braces_without_a_name_are_text() {
        assert_eq!(names("{{a}} {{B-1_c}}{{parameters.x}}"), ["a", "B-1_c", "parameters.x"]);
        assert_eq!(names("{{{a}}} ${{{b}}}"), ["a", "b"]);
        for text in
            ["{{}}", "{{ a }}", "{{body.id}}", "{{a}", "{a}", "{{a} }", "{{parameters.}}", "${{\"a\": 1}}", "{{"]
        {
            assert!(names(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn values_are_put_in_once_and_keep_their_type_if_they_are_all() {
        let number = Scalar::new("20", true);
        let brace = Scalar::new("{{a}}", false);
        let text = Scalar::new("x{{a}}{{b}}", true);
        let references: Vec<_> = text.references().into_iter().map(|reference| reference.range).collect();
        let filled = text.with(&[(references[0].clone(), &number), (references[1].clone(), &brace)]);
        assert_eq!(filled.text(), "x20{{a}}");
        assert!(filled.references().is_empty(), "what was put in isn't looked at");
        let whole = Scalar::new("{{a}}", false);
        assert_eq!(whole.with(&[(0..5, &number)]).resolve(), crate::yaml::Resolved::Number(20.into()));
        assert_eq!(Scalar::new("1{{a}}", true).with(&[(1..6, &number)]).resolve(), crate::yaml::Resolved::Text("120"));
    }
}
