//! Directories that a component may read: its grant `files`.

use std::collections::HashMap;

use super::Reader;
use crate::document::GrantedDirectory;
use crate::yaml::{Content, Node};

/// What one component may be given.
const MAX_DIRECTORIES: usize = 16;

/// A path in a component's eyes.
const MAX_AT_BYTES: usize = 256;

const AT_FORM: &str = "an absolute path without `.`, `..` and empty parts, such as `/data`";

impl Reader<'_> {
    /// A list of `{ directory: …, at: … }`.
    pub(super) fn directories(&mut self, node: &Node) -> Vec<GrantedDirectory> {
        const EXPECTED: &str =
            "a list of the directories that may be read, such as `[{ directory: ./data, at: /data }]`";
        let Some(items) = self.list(node, EXPECTED) else { return Vec::new() };
        if items.len() > MAX_DIRECTORIES {
            self.error(node.mark, format!("expected at most {MAX_DIRECTORIES} directories, found {}", items.len()));
        }
        let mut lines = HashMap::new();
        let mut directories = Vec::with_capacity(items.len());
        for node in items {
            let fields =
                self.fields(node, "a mapping such as `{ directory: ./data, at: /data }`", &["directory", "at"]);
            if !matches!(node.content, Content::Mapping(_)) {
                continue;
            }
            let directory = self.required(&fields, "directory", "a directory that may be read");
            let mark = directory.map_or(node.mark, |node| node.mark);
            let directory = directory.and_then(|node| self.file(node, "the path of a directory"));
            let at =
                self.required(&fields, "at", "a directory that may be read").and_then(|node| self.guest_path(node));
            let (Some(directory), Some(at)) = (directory, at) else { continue };
            let mark_of_at = fields.mark_of("at");
            if let Some(line) = lines.insert(at.clone(), mark_of_at.line) {
                self.error(mark_of_at, format!("duplicate `at` of a directory; the one on line {line} is the same"));
            }
            directories.push(GrantedDirectory { directory, at, mark });
        }
        directories
    }

    fn guest_path(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node, AT_FORM)?;
        if is_guest_path(text) {
            return Some(text.to_owned());
        }
        self.expected(AT_FORM, node);
        None
    }
}

fn is_guest_path(text: &str) -> bool {
    let Some(parts) = text.strip_prefix('/').filter(|_| text.len() <= MAX_AT_BYTES) else { return false };
    let is_part = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
    parts.is_empty() || parts.split('/').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::is_guest_path;

    #[test]
    fn paths_of_components_are_absolute_and_plain() {
        for (path, is_one) in [
            ("/", true),
            ("/data", true),
            ("/data/geo", true),
            ("data", false),
            ("", false),
            ("/data/", false),
            ("//data", false),
            ("/data/../x", false),
            ("/./data", false),
        ] {
            assert_eq!(is_guest_path(path), is_one, "{path}");
        }
    }
}
