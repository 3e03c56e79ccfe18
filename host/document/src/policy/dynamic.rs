//! Values that the document says itself, or that are found for each request.
//!
//! What a secret named value was put into must not be printed, so `Debug` shows places and no values.

use std::fmt;

use tollgate_expression::{Dynamic, Expression};

use crate::diagnostics::Mark;

/// A condition. Its expression gives a boolean, or else fails.
#[derive(Clone)]
pub struct Condition {
    /// Whole: never text with expressions in it.
    pub expression: Expression,
    /// Where it is in the file.
    pub mark: Mark,
}

/// A value of an attribute that may be an expression.
#[derive(Clone)]
pub enum Setting<T> {
    /// The document says it, and it was checked.
    Literal(T),
    /// It is found when the entry runs, and can be wrong only then.
    Dynamic(Located),
}

impl<T> Setting<T> {
    /// The value, if it is no expression.
    pub fn literal(&self) -> Option<&T> {
        match self {
            Setting::Literal(value) => Some(value),
            Setting::Dynamic(_) => None,
        }
    }
}

/// A text with expressions in it, and where it stands.
#[derive(Clone)]
pub struct Located {
    /// The text.
    pub dynamic: Dynamic,
    /// Where it is in the configuration (RFC 6901). Example: `/values/0`.
    pub pointer: String,
    /// Where it is in the file.
    pub mark: Mark,
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition").field("mark", &self.mark).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Setting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Setting::Literal(_) => f.write_str("Literal(..)"),
            Setting::Dynamic(located) => f.debug_tuple("Dynamic").field(located).finish(),
        }
    }
}

impl fmt::Debug for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Located");
        shown.field("pointer", &self.pointer).field("mark", &self.mark).finish_non_exhaustive()
    }
}
