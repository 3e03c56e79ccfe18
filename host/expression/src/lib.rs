//! The expression language of policy documents: CEL, compiled once and evaluated within bounds.
//!
//! source → `nesting` (length, depth) → `parse` (the parser's tree) → `compile` (names, kinds, constants) →
//! [`Expression`], which `evaluate` walks with a budget of steps and bytes. What an expression names it asks a
//! [`Context`] for, and only when it gets there. `docs/expressions.md` is the language's reference.

mod budget;
mod compare;
mod compile;
mod context;
mod dynamic;
mod error;
mod evaluate;
mod expression;
mod functions;
mod json;
mod kinds;
mod limits;
mod map;
mod names;
mod nesting;
mod node;
mod operators;
mod parse;
mod scan;
mod value;

pub use context::{Context, Fact, Object, Table};
pub use dynamic::{Dynamic, Parsed};
pub use error::{CompileError, EvaluationError};
pub use expression::{Expression, Needs};
pub use map::Map;
pub use value::Value;
