//! Mappings with known keys.

use std::sync::Arc;

use super::Reader;
use crate::diagnostics::Mark;
use crate::yaml::{Content, Key, Node};

/// The entries of a mapping whose unknown keys were reported.
pub(super) struct Fields<'n> {
    /// Where the mapping begins.
    pub(super) mark: Mark,
    entries: &'n [(Key, Arc<Node>)],
}

impl<'n> Fields<'n> {
    pub(super) fn get(&self, key: &str) -> Option<&'n Arc<Node>> {
        self.entry(key).map(|(_, node)| node)
    }

    pub(super) fn entry(&self, key: &str) -> Option<(&'n Key, &'n Arc<Node>)> {
        self.entries.iter().find(|(k, _)| &*k.text == key).map(|(k, node)| (k, node))
    }

    /// Where the value of `key` is, or else the mapping.
    pub(super) fn mark_of(&self, key: &str) -> Mark {
        self.get(key).map_or(self.mark, |node| node.mark)
    }
}

impl Reader<'_> {
    /// The entries of a mapping. Reports a value that isn't one, and keys beside `keys`.
    pub(super) fn fields<'n>(&mut self, node: &'n Node, expected: &str, keys: &[&str]) -> Fields<'n> {
        let Content::Mapping(entries) = &node.content else {
            self.expected(expected, node);
            return Fields { mark: node.mark, entries: &[] };
        };
        for (key, _) in entries {
            if !keys.contains(&&*key.text) {
                self.unknown(key.mark, "key", &key.text, keys);
            }
        }
        Fields { mark: node.mark, entries }
    }

    /// The fields of each item of a list of mappings; none if there is no list.
    pub(super) fn each<'n>(&mut self, node: Option<&'n Arc<Node>>, what: &str, keys: &[&str]) -> Vec<Fields<'n>> {
        let Some(items) = node.and_then(|node| self.list(node, &format!("a list of {what}"))) else {
            return Vec::new();
        };
        let expected = format!("a mapping with keys such as `{}`", keys.first().copied().unwrap_or("id"));
        let mut each = Vec::with_capacity(items.len());
        for item in items {
            let fields = self.fields(item, &expected, keys);
            if matches!(item.content, Content::Mapping(_)) {
                each.push(fields);
            }
        }
        each
    }

    /// A key that must be there.
    pub(super) fn required<'n>(&mut self, fields: &Fields<'n>, key: &str, what: &str) -> Option<&'n Arc<Node>> {
        let node = fields.get(key);
        if node.is_none() {
            self.error(fields.mark, format!("missing key `{key}` in {what}"));
        }
        node
    }
}
