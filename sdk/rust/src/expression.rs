//! Values that are computed anew for each exchange: the `"${…}"` in a statement's configuration.
//!
//! [`Dynamic`](crate::Dynamic) is what configurations are made of; this is the capability underneath.

use crate::bindings::imports::tollgate::expression::expression as wit;
use crate::host::expression as host;
use crate::schema::{Node, Schema};
use crate::verdict::{Failure, Verdict};
use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// What an expression gave, and why it gave nothing.
pub use wit::{ExpressionError, Value};

/// The member that the gateway writes in place of an expression: `{ "$expression": N }`.
pub(crate) const MEMBER: &str = "$expression";

/// Compute the expression with this number, on the exchange as it is before this call's edits. Not from `configure`.
pub fn evaluate(expression: u32) -> Result<Value, ExpressionError> {
    host::evaluate(expression)
}

/// An attribute that is always an expression: its number, which [`evaluate`] and the limiter take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expression(pub u32);

impl Expression {
    /// Compute it.
    pub fn evaluate(self) -> Result<Value, ExpressionError> {
        evaluate(self.0)
    }
}

/// The number in `{ "$expression": N }`, whose name has been read.
pub(crate) fn number<'de, A: MapAccess<'de>>(mut map: A) -> Result<u32, A::Error> {
    let number = map.next_value()?;
    match map.next_key::<IgnoredAny>()? {
        None => Ok(number),
        Some(_) => Err(A::Error::custom(format_args!("`{MEMBER}` stands alone"))),
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Expression;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an expression such as \"${request.method}\"")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Expression, A::Error> {
                match map.next_key::<String>()? {
                    Some(name) if name == MEMBER => number(map).map(Expression),
                    _ => Err(A::Error::custom("expected an expression, found a mapping")),
                }
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

impl Schema for Expression {
    const SCHEMA: Node = Node::raw("\"type\":\"object\",\"required\":[\"$expression\"]");
}

/// The gateway has logged what went wrong; the client learns nothing of it.
impl From<ExpressionError> for Verdict {
    fn from(_: ExpressionError) -> Self {
        Failure::new(500, "ExpressionValueEvaluationFailure", "Internal server error.").into()
    }
}
