//! What an expression may cost, in its source and in its evaluation.

/// The longest source, in bytes.
pub(crate) const MAX_SOURCE: usize = 4096;

/// How many operators, selections, calls and brackets may stand in one another. The parser and everything after it
/// take stack for each.
pub(crate) const MAX_DEPTH: usize = 64;

/// How many brackets may stand in one another: each takes the parser far more stack than an operator does.
pub(crate) const MAX_BRACKETS: usize = 24;

/// Steps of one evaluation. A step is an operation, or work on about a kilobyte.
pub(crate) const MAX_STEPS: u32 = 100_000;

/// Bytes that one evaluation may produce in strings, lists and maps, whether they are kept or not.
pub(crate) const MAX_BYTES: usize = 4 << 20;

/// Bytes that a body may take as values, when an expression reads it as JSON: a body of 16 MiB could be eight million
/// numbers, which take a hundred times that.
pub(crate) const MAX_BODY_JSON_BYTES: usize = 32 << 20;

/// How deep lists and maps nest in a result; more than JSON may nest. Values are walked and dropped recursively.
pub(crate) const MAX_RESULT_DEPTH: usize = 200;

/// The longest regular expression, in bytes.
pub(crate) const MAX_PATTERN: usize = 1024;
