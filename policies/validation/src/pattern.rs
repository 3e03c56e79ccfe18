//! Regular expressions of JSON Schema, matched in time that is bounded by the text's length times the pattern's size.
//!
//! Written out, because a client chooses the text: an engine that tracks back can be made to run for ever, and one that
//! doesn't comes with tables that are larger than a whole policy.

mod class;
mod machine;
mod parse;
mod program;

use machine::Machine;
use program::Program;
use std::fmt;

/// A regular expression of ECMA-262, as schemas have them: found anywhere in the text unless it is anchored.
///
/// Back-references and looking behind are not supported. `\d`, `\w` and `\b` know ASCII; of Unicode's properties there
/// are letters, cases and numbers.
#[derive(Clone)]
pub struct Pattern {
    source: String,
    /// What looks ahead comes before what contains it; the last is the pattern itself.
    programs: Vec<Program>,
    /// The pattern as a machine, if it looks nowhere else than at the next character.
    machine: Option<Machine>,
}

impl Pattern {
    /// Read a pattern; the error is for whoever wrote it.
    pub fn new(source: &str) -> Result<Self, String> {
        let refuse = |why: String| format!("the pattern `{source}` {why}");
        let expression = parse::parse(source).map_err(refuse)?;
        let programs = program::compile(&expression).map_err(refuse)?;
        let machine = Machine::new(&programs);
        Ok(Self { source: source.to_owned(), programs, machine })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether it is found in the text.
    pub fn is_match(&self, text: &str) -> bool {
        match &self.machine {
            Some(machine) => machine.is_match(text),
            None => program::is_match(&self.programs, text),
        }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.source)
    }
}

#[cfg(test)]
mod tests;
