//! What is wrong with a document: every error with its place, in the order of the file.
//!
//! The reader fills a [`Diagnostics`]; whoever goes on with the document (schemas, components, routes) pushes to
//! the same collection, so that an operator sees everything at once.

use std::fmt;
use std::path::{Path, PathBuf};

/// How many errors are kept. More than this are one mistake made many times, and are only counted.
pub const MAX_DIAGNOSTICS: usize = 1_000;

/// A place in the document. Both numbers begin at 1; the column counts characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mark {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl Mark {
    /// The beginning of the file: the place of what is missing altogether.
    pub const START: Mark = Mark { line: 1, column: 1 };
}

/// One error.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// Where.
    pub mark: Mark,
    /// One sentence: what was found and what was expected, lower-case, without a full stop.
    pub message: String,
}

/// Every error of one document, sorted by place. A document is good exactly if this [is empty](Self::is_empty).
#[derive(Clone, Debug)]
pub struct Diagnostics {
    file: PathBuf,
    kept: Vec<Diagnostic>,
    more: usize,
}

impl Diagnostics {
    /// None yet.
    pub fn new(file: impl Into<PathBuf>) -> Diagnostics {
        Diagnostics { file: file.into(), kept: Vec::new(), more: 0 }
    }

    /// The document's file, as it was given.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Add an error. The same sentence at the same place is kept once: a value under a YAML alias is read often.
    pub fn push(&mut self, mark: Mark, message: impl Into<String>) {
        let diagnostic = Diagnostic { mark, message: message.into() };
        let Err(at) = self.kept.binary_search(&diagnostic) else {
            return;
        };
        if self.is_full() {
            self.more += 1;
        } else {
            self.kept.insert(at, diagnostic);
        }
    }

    /// True if nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// How many errors there are, including those that were only counted.
    pub fn len(&self) -> usize {
        self.kept.len() + self.more
    }

    /// True if further errors are only counted, so that nobody need think about suggestions for them.
    pub fn is_full(&self) -> bool {
        self.kept.len() >= MAX_DIAGNOSTICS
    }

    /// The errors in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.kept.iter()
    }
}

/// One line for each error, `file:line:column: message`, each ended by a line feed.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        for Diagnostic { mark, message } in &self.kept {
            writeln!(f, "{file}:{}:{}: {message}", mark.line, mark.column)?;
        }
        if self.more > 0 {
            writeln!(f, "{file}: and {} more errors", self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: usize, column: usize) -> Mark {
        Mark { line, column }
    }

    #[test]
    fn errors_come_in_the_order_of_the_file_and_once() {
        let mut found = Diagnostics::new("t.yaml");
        found.push(at(2, 3), "b");
        found.push(at(1, 9), "a");
        found.push(at(2, 3), "b");
        found.push(at(2, 3), "a");
        assert_eq!(found.to_string(), "t.yaml:1:9: a\nt.yaml:2:3: a\nt.yaml:2:3: b\n");
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn a_flood_is_counted_and_not_kept() {
        let mut found = Diagnostics::new("t.yaml");
        for line in 0..MAX_DIAGNOSTICS + 7 {
            found.push(at(line, 1), "x");
        }
        assert_eq!(found.iter().count(), MAX_DIAGNOSTICS);
        assert!(found.to_string().ends_with("t.yaml: and 7 more errors\n"));
    }
}
