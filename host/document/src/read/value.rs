//! Single values: texts, booleans, numbers, sizes, durations, words, ids.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tollgate_core::manifest::is_id;

use super::Reader;
use super::fields::Fields;
use crate::document::PLACEHOLDER_ID;
use crate::yaml::{Content, Node, Resolved, Scalar};

impl Node {
    /// A number, plain or from the environment.
    fn number(&self) -> Option<serde_json::Number> {
        match self.scalar()?.resolve() {
            Resolved::Number(number) => Some(number),
            _ => None,
        }
    }

    /// True for a plain `false`.
    pub(super) fn is_false(&self) -> bool {
        self.scalar().is_some_and(|scalar| scalar.resolve() == Resolved::Bool(false))
    }
}

impl Reader<'_> {
    pub(super) fn text<'n>(&mut self, node: &'n Node, expected: &str) -> Option<&'n str> {
        let text = node.scalar().and_then(Scalar::as_text);
        if text.is_some() || node.is_refused() {
            return text;
        }
        match node.scalar().map(Scalar::resolve) {
            Some(Resolved::Null) | None => self.expected(expected, node),
            Some(_) => self.error(node.mark, format!("expected {expected}, found {node}; put it in quotes")),
        }
        None
    }

    /// The path of a file, joined to the document's folder.
    pub(super) fn file(&mut self, node: &Node, expected: &str) -> Option<PathBuf> {
        match self.text(node, expected)? {
            "" => {
                self.expected(expected, node);
                None
            }
            file => Some(self.folder.join(file)),
        }
    }

    pub(super) fn boolean(&mut self, node: &Node) -> Option<bool> {
        match node.scalar().map(Scalar::resolve) {
            Some(Resolved::Bool(value)) => Some(value),
            _ => {
                self.expected("`true` or `false`", node);
                None
            }
        }
    }

    /// A boolean, or `default` if it isn't there.
    pub(super) fn flag(&mut self, fields: &Fields<'_>, key: &str, default: bool) -> bool {
        fields.get(key).and_then(|node| self.boolean(node)).unwrap_or(default)
    }

    pub(super) fn integer(&mut self, node: &Node, min: u64, max: u64) -> Option<u64> {
        let value = node.number().and_then(|number| number.as_u64());
        self.in_range(node, value, min, max, "an integer")
    }

    /// An integer, or one with `KiB`, `MiB` or `GiB` behind it.
    pub(super) fn bytes(&mut self, node: &Node, min: u64, max: u64) -> Option<u64> {
        let value = match node.number() {
            Some(number) => number.as_u64(),
            None => node.scalar().and_then(Scalar::as_text).and_then(size),
        };
        self.in_range(node, value, min, max, "a size in bytes such as `65536` or `64KiB`")
    }

    fn in_range(&mut self, node: &Node, value: Option<u64>, min: u64, max: u64, what: &str) -> Option<u64> {
        let value = value.filter(|value| (min..=max).contains(value));
        if value.is_none() {
            self.expected(&format!("{what} from {min} to {max}"), node);
        }
        value
    }

    /// Seconds, with a fraction if need be: from a millisecond, or from zero, to `max`.
    pub(super) fn seconds(&mut self, node: &Node, from_zero: bool, max: u64) -> Option<Duration> {
        let min = if from_zero { 0.0 } else { 0.001 };
        let value = node.number().and_then(|number| number.as_f64());
        match value.filter(|value| (min..=max as f64).contains(value)) {
            Some(value) => Duration::try_from_secs_f64(value).ok(),
            None => {
                self.expected(&format!("a number of seconds from {min} to {max}"), node);
                None
            }
        }
    }

    pub(super) fn list<'n>(&mut self, node: &'n Node, expected: &str) -> Option<&'n [Arc<Node>]> {
        match &node.content {
            Content::List(items) => Some(items),
            _ if node.is_null() => {
                self.error(node.mark, format!("expected {expected}, found nothing; write `[]` for an empty list"));
                None
            }
            _ => {
                self.expected(expected, node);
                None
            }
        }
    }

    /// One text or a list of texts, as nodes.
    pub(super) fn one_or_many<'n>(&mut self, node: &'n Arc<Node>, expected: &str) -> &'n [Arc<Node>] {
        match &node.content {
            Content::List(items) => items,
            Content::Scalar(scalar) if scalar.as_text().is_some() => std::slice::from_ref(node),
            _ => {
                self.expected(expected, node);
                &[]
            }
        }
    }

    /// One word of a few.
    pub(super) fn choice<T: Copy>(&mut self, node: &Node, words: &[(&str, T)]) -> Option<T> {
        let all: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        let text = self.text(node, &format!("one of {}", all.join(", ")))?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            self.expected(&format!("one of {}", all.join(", ")), node);
        }
        found.map(|(_, value)| *value)
    }

    /// A word, or the default if it isn't there.
    pub(super) fn word<T: Copy + Default>(&mut self, fields: &Fields<'_>, key: &str, words: &[(&str, T)]) -> T {
        fields.get(key).and_then(|node| self.choice(node, words)).unwrap_or_default()
    }

    /// The required key `id`, or the placeholder.
    pub(super) fn id(&mut self, fields: &Fields<'_>, what: &str) -> String {
        let id = self.required(fields, "id", what).and_then(|node| self.id_at(node));
        id.unwrap_or_else(|| PLACEHOLDER_ID.to_owned())
    }

    pub(super) fn id_at(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node, ID_FORM)?;
        if is_id(text) {
            return Some(text.to_owned());
        }
        self.expected(ID_FORM, node);
        None
    }
}

/// How an id is described in messages.
pub(super) const ID_FORM: &str = "an id of 1 to 64 lower-case letters, digits and hyphens";

fn size(text: &str) -> Option<u64> {
    let (number, unit) = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1_u64 << 30)]
        .into_iter()
        .find_map(|(suffix, unit)| text.strip_suffix(suffix).map(|number| (number, unit)))
        .unwrap_or((text, 1));
    let number = number.trim_end();
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_have_binary_units() {
        for (text, expected) in [
            ("0", Some(0)),
            ("64KiB", Some(65_536)),
            ("1 MiB", Some(1 << 20)),
            ("2GiB", Some(2 << 30)),
            ("64kB", None),
            ("KiB", None),
            ("-1KiB", None),
            ("1.5MiB", None),
            ("18446744073709551615GiB", None),
        ] {
            assert_eq!(size(text), expected, "{text}");
        }
    }
}
