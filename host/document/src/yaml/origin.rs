//! Where the text of a scalar comes from: what is written in the file, and what was put in.

use std::ops::Range;

use super::place::Source;
use crate::diagnostics::Mark;

/// The origin of a text that isn't simply what is written, or whose places somebody may ask for.
#[derive(Clone, Default)]
pub(crate) struct Origin {
    /// The scalar's text as it stands in the file, escapes of YAML resolved.
    pub(super) written: Box<str>,
    /// Its characters in the file, if places within it may be asked for.
    pub(super) source: Option<Source>,
    /// What was put in, in order.
    pub(super) inserted: Vec<Inserted>,
    /// Ranges of the text in which `${` means nothing, in order: they came from the environment or a file.
    pub(super) opaque: Vec<Range<usize>>,
    /// True if something came from the environment, a file or a secret named value: it must not be shown.
    pub(super) is_secret: bool,
}

/// A piece of the text that was put in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Inserted {
    /// Where it is in the text.
    pub(super) at: Range<usize>,
    /// In place of which part of what is written.
    pub(super) written: Range<usize>,
}

impl Origin {
    /// That of a text in which nothing is put in.
    pub(super) fn of(written: &str) -> Origin {
        Origin { written: written.into(), ..Origin::default() }
    }

    /// The offset in what is written of an offset in the text; for what was put in, that of its place-holder.
    pub(super) fn written_offset(&self, offset: usize) -> usize {
        let (mut text, mut written) = (0, 0);
        for piece in &self.inserted {
            if offset < piece.at.start {
                break;
            }
            if offset < piece.at.end {
                return piece.written.start;
            }
            (text, written) = (piece.at.end, piece.written.end);
        }
        written + offset.saturating_sub(text)
    }

    /// Where an offset in the text is in the file, if that can be told.
    pub(super) fn locate(&self, offset: usize) -> Option<Mark> {
        self.source.as_ref()?.locate(&self.written, self.written_offset(offset))
    }

    /// Does a range of the text touch a piece that was put in?
    pub(super) fn is_inserted(&self, range: &Range<usize>) -> bool {
        self.inserted.iter().any(|piece| piece.at.start < range.end && range.start < piece.at.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_behind_what_was_put_in_are_moved_back() {
        // `a{{n}}b{{m}}` with "longer" and "" put in: `alongerb`.
        let inserted = vec![Inserted { at: 1..7, written: 1..6 }, Inserted { at: 8..8, written: 7..12 }];
        let origin = Origin { written: "a{{n}}b{{m}}".into(), inserted, ..Origin::default() };
        for (offset, expected) in [(0, 0), (1, 1), (6, 1), (7, 6), (8, 12)] {
            assert_eq!(origin.written_offset(offset), expected, "{offset}");
        }
    }
}
