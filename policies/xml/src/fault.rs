//! Why a document can't be converted: in words that repeat nothing of the document.

use std::fmt;

/// Whose limits or rules the document broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Not well-formed, or beyond a limit that says what a document may look like.
    Malformed,
    /// Its conversion would take more room than it may.
    TooLarge,
}

/// Why a document can't be converted, and where. Never quotes the document: it may hold secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: FaultKind,
    what: String,
    /// Line and column, from 1, in characters.
    place: Option<(usize, usize)>,
}

impl Fault {
    /// The document breaks a rule at the byte `offset` of `source`.
    pub fn malformed(what: &'static str, source: &str, offset: usize) -> Fault {
        let before = &source.as_bytes()[..offset.min(source.len())];
        let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |newline| newline + 1);
        let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
        // A character has exactly one byte that is no continuation byte.
        let column = before[line_start..].iter().filter(|&&b| b & 0xC0 != 0x80).count() + 1;
        Fault { kind: FaultKind::Malformed, what: what.to_owned(), place: Some((line, column)) }
    }

    /// The document breaks a rule at a place that another parser found, or at none.
    pub fn malformed_at(what: impl Into<String>, place: Option<(usize, usize)>) -> Fault {
        Fault { kind: FaultKind::Malformed, what: what.into(), place }
    }

    /// The conversion needs more than it may have.
    pub fn too_large(what: &'static str) -> Fault {
        Fault { kind: FaultKind::TooLarge, what: what.to_owned(), place: None }
    }

    /// Whose limits or rules were broken.
    pub fn kind(&self) -> FaultKind {
        self.kind
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match self.place {
            Some((line, column)) => write!(f, " (line {line}, column {column})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_lines_and_characters_from_one() {
        for (source, offset, expected) in [
            ("", 0, "x (line 1, column 1)"),
            ("abc", 2, "x (line 1, column 3)"),
            ("a\nbc", 3, "x (line 2, column 2)"),
            ("é日x", 5, "x (line 1, column 3)"),
            ("ab", 99, "x (line 1, column 3)"),
        ] {
            assert_eq!(Fault::malformed("x", source, offset).to_string(), expected, "{source:?}");
        }
    }
}
