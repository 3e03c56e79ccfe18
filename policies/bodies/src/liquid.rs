//! Liquid templates, as API Management's `set-body` has them: the DotLiquid dialect with C# names.
//!
//! Written out instead of laid over the crate `liquid`: that one fails at every value that is missing, where DotLiquid
//! writes nothing; it copies each value that it looks at, keeps members in no order, reads the system's clock, which
//! a policy doesn't have, and makes the component several times as large.

mod block;
mod condition;
mod date;
mod expression;
mod filters;
mod format;
mod render;
mod segment;
mod token;
mod value;

pub(crate) use render::Globals;
pub(crate) use value::member;

use block::Node;
use std::fmt;

/// A template that was read.
#[derive(Debug)]
pub(crate) struct Template {
    source: String,
    nodes: Vec<Node>,
    uses_body: bool,
}

/// What is wrong with a template, or went wrong in it, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Where in the template, in bytes.
    at: usize,
    /// One lower-case sentence without a full stop.
    message: String,
}

/// A fault with its place for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    line: usize,
    column: usize,
    message: String,
}

impl Template {
    /// Read a template.
    pub(crate) fn parse(source: String) -> Result<Self, Complaint> {
        let read = segment::split(&source).and_then(|pieces| block::parse(&pieces));
        match read {
            Ok(read) => Ok(Self { source, nodes: read.nodes, uses_body: read.uses_body }),
            Err(fault) => Err(fault.in_source(&source)),
        }
    }

    /// Whether it looks at the message's body.
    pub(crate) fn uses_body(&self) -> bool {
        self.uses_body
    }

    /// Write what the template makes of these values. How long that takes and how large it gets is bounded by the
    /// statement's fuel and memory.
    pub(crate) fn render(&self, globals: &dyn Globals) -> Result<String, Complaint> {
        render::render(&self.nodes, globals).map_err(|fault| fault.in_source(&self.source))
    }
}

impl Fault {
    pub(crate) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }

    fn in_source(self, source: &str) -> Complaint {
        let before = source.get(..self.at).unwrap_or(source);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Complaint { line, column, message: self.message }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (line {}, column {} of the template)", self.message, self.line, self.column)
    }
}

#[cfg(test)]
mod tests;
