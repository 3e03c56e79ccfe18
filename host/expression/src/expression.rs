//! A compiled expression.

use std::fmt;
use std::ops::BitOr;
use std::sync::Arc;

use crate::budget::Budget;
use crate::compile::{Code, compile};
use crate::context::Context;
use crate::error::{CompileError, EvaluationError};
use crate::evaluate::Evaluation;
use crate::node::Node;
use crate::value::Value;

/// An expression, compiled. Cheap to clone.
#[derive(Clone)]
pub struct Expression(Arc<Compiled>);

struct Compiled {
    source: Box<str>,
    code: Code,
}

/// Which bodies have to be there when an expression is evaluated.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Needs {
    /// `request.body` or `request.json`.
    pub request_body: bool,
    /// `response.body` or `response.json`.
    pub response_body: bool,
}

impl BitOr for Needs {
    type Output = Needs;
    fn bitor(self, other: Needs) -> Needs {
        Needs {
            request_body: self.request_body || other.request_body,
            response_body: self.response_body || other.response_body,
        }
    }
}

impl Expression {
    /// Compiles a source: names, functions and their arguments, literals of patterns, networks and times are checked.
    ///
    /// # Errors
    /// If it isn't an expression, or can never have a value.
    pub fn compile(source: &str) -> Result<Expression, CompileError> {
        let code = compile(source)?;
        Ok(Expression(Arc::new(Compiled { source: Box::from(source), code })))
    }

    /// What it was compiled from.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// What has to be there when it is evaluated.
    pub fn needs(&self) -> Needs {
        self.0.code.needs
    }

    /// Its value, if that is always the same.
    pub fn constant(&self) -> Option<&Value> {
        match &self.0.code.root {
            Node::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// The kind of its value, as [`Value::kind`] says it, if that is certain.
    pub fn kind(&self) -> Option<&'static str> {
        self.0.code.kinds.only()
    }

    /// What it is instead, if its value can be of none of these kinds.
    pub fn misses(&self, kinds: &[&str]) -> Option<&'static str> {
        self.0.code.kinds.misses(kinds)
    }

    /// Its value here and now.
    ///
    /// # Errors
    /// If it has none, or takes more than an evaluation may.
    pub fn evaluate(&self, context: &dyn Context) -> Result<Value, EvaluationError> {
        Evaluation::new(context, Budget::new()).result(self.root())
    }

    /// [`Expression::evaluate`] of a condition.
    ///
    /// # Errors
    /// Also if the value isn't a boolean.
    pub fn holds(&self, context: &dyn Context) -> Result<bool, EvaluationError> {
        match self.evaluate(context)? {
            Value::Bool(value) => Ok(value),
            other => Err(EvaluationError::Kind { what: "a condition", expected: "bool", found: other.kind() }),
        }
    }

    pub(crate) fn root(&self) -> &Node {
        &self.0.code.root
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.0.source).finish()
    }
}
