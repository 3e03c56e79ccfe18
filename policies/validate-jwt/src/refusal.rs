//! Why a statement doesn't let a request pass.

use crate::denial::Denial;
use tollgate_sdk::{ExpressionError, Failure, Verdict, log};

/// Either the token is at fault, or the statement.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The token: the client gets the status that the operator chose.
    Denied(Denial),
    /// The statement: an expression has failed, or the gateway can't do what it should.
    Failed(Verdict),
}

impl Refusal {
    /// An attribute came to a value that it can't have.
    pub(crate) fn value(attribute: &str, why: &str) -> Self {
        Self::Failed(impossible(attribute, why))
    }

    /// The gateway can't do what it should; `on-failure` decides.
    pub(crate) fn failed(why: String) -> Self {
        Self::Failed(Verdict::fail(why))
    }
}

/// What an expression that fails comes to as well.
pub(crate) fn impossible(attribute: &str, why: &str) -> Verdict {
    log::warn!("`{attribute}` came to a value that it can't have: {why}");
    Failure::new(500, "ExpressionValueEvaluationFailure", "Internal server error.").into()
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl From<ExpressionError> for Refusal {
    fn from(error: ExpressionError) -> Self {
        Self::Failed(error.into())
    }
}
