//! What can be wrong with an expression, when it is compiled and when it is evaluated.

use std::sync::Arc;

/// Why a source is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CompileError {
    /// What is wrong, as a sentence without its first capital.
    pub message: String,
    /// Where, in bytes from the start of the given source.
    pub offset: usize,
}

impl CompileError {
    pub(crate) fn new(message: impl Into<String>, offset: usize) -> CompileError {
        CompileError { message: message.into(), offset }
    }
}

/// Why an expression has no value this time. Says kinds, keys and names, and never values: they may be secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// A key that a map doesn't have. Only keys that the expression's source spells are said.
    #[error("there is no key `{0}` in the map")]
    MissingKey(Arc<str>),
    /// A key that was computed, so that it may be a secret.
    #[error("there is no such key in the map")]
    MissingComputedKey,
    /// A member of something that has no members.
    #[error("{kind} has no field `{field}`")]
    NoField {
        /// What it was.
        kind: &'static str,
        /// The member that was selected.
        field: Arc<str>,
    },
    /// An index that a list doesn't have.
    #[error("there is no item {index} in a list of {length}")]
    OutOfBounds {
        /// The index.
        index: i64,
        /// How many items there are.
        length: usize,
    },
    /// An operator that doesn't take such operands.
    #[error("`{operator}` doesn't take {} and {}", with_article(.left), with_article(.right))]
    Operands {
        /// The operator.
        operator: &'static str,
        /// What stands on its left.
        left: &'static str,
        /// What stands on its right.
        right: &'static str,
    },
    /// A null where an operator needs a value.
    #[error("`{operator}` doesn't take null, and its {side} side is null")]
    NullOperand {
        /// The operator.
        operator: &'static str,
        /// `left` or `right`.
        side: &'static str,
    },
    /// Something that has to be of another kind.
    #[error("{what} has to be {}, and is {}", with_article(.expected), with_article(.found))]
    Kind {
        /// What it is that has the wrong kind.
        what: &'static str,
        /// What it has to be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A function that can't work with what it got.
    #[error("`{function}`: {problem}")]
    Function {
        /// The function.
        function: &'static str,
        /// What is wrong, without values.
        problem: String,
    },
    /// A function that doesn't take such an argument.
    #[error("`{function}` doesn't take {} as its {place} argument", with_article(.found))]
    Argument {
        /// The function.
        function: &'static str,
        /// `first`, `second`, …; of a function that is called on a value, the value is the first.
        place: &'static str,
        /// What it got.
        found: &'static str,
    },
    /// A number that doesn't fit its type.
    #[error("the result of `{0}` doesn't fit its type")]
    Overflow(&'static str),
    /// `/` or `%` by zero.
    #[error("`{0}` by zero")]
    DivisionByZero(&'static str),
    /// A key that stands twice in the literal of a map.
    #[error("a key stands twice in a map")]
    RepeatedKey,
    /// A body that isn't JSON.
    #[error("the {0}'s body isn't JSON")]
    BodyNotJson(&'static str),
    /// A body that takes too much memory as JSON.
    #[error("the {0}'s body takes more than {limit} bytes as JSON values", limit = crate::limits::MAX_BODY_JSON_BYTES)]
    BodyTooLarge(&'static str),
    /// Too many steps.
    #[error("the expression takes more than {} steps", crate::limits::MAX_STEPS)]
    TooManySteps,
    /// Too many bytes.
    #[error("the expression produces more than {} bytes", crate::limits::MAX_BYTES)]
    TooManyBytes,
    /// Lists and maps in one another.
    #[error("lists and maps nest more than {} levels in the result", crate::limits::MAX_RESULT_DEPTH)]
    TooDeep,
}

impl EvaluationError {
    /// Whether the evaluation has to end: no operator absorbs it.
    pub(crate) fn is_final(&self) -> bool {
        matches!(
            self,
            EvaluationError::TooManySteps
                | EvaluationError::TooManyBytes
                | EvaluationError::TooDeep
                | EvaluationError::BodyTooLarge(_)
        )
    }

    /// Whether what was asked for isn't there: what `coalesce` passes over.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(
            self,
            EvaluationError::MissingKey(_)
                | EvaluationError::MissingComputedKey
                | EvaluationError::OutOfBounds { .. }
                | EvaluationError::NoField { kind: "null", .. }
                | EvaluationError::Operands { operator: "[]", left: "null", .. }
        )
    }

    pub(crate) fn function(function: &'static str, problem: impl Into<String>) -> EvaluationError {
        EvaluationError::Function { function, problem: problem.into() }
    }
}

/// `a string`, `an int`, and `null` without one.
pub(crate) fn with_article(kind: &str) -> String {
    match kind {
        "null" | "bytes" => kind.to_owned(),
        _ if kind.starts_with(['a', 'e', 'i', 'o']) => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}
