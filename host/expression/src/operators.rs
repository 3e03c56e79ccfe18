//! Arithmetic and comparison: which kinds they take, and what comes of it.

use std::cmp::Ordering;

use bytes::{Bytes, BytesMut};
use jiff::SignedDuration;

use crate::budget::Budget;
use crate::compare::{integer, order};
use crate::error::EvaluationError;
use crate::kinds::Kinds;
use crate::value::Value;

/// An operator with two sides of which both are evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    /// The operator that the parser calls so.
    pub(crate) fn named(name: &str) -> Option<Operator> {
        Some(match name {
            "_+_" => Operator::Add,
            "_-_" => Operator::Subtract,
            "_*_" => Operator::Multiply,
            "_/_" => Operator::Divide,
            "_%_" => Operator::Remainder,
            "_<_" => Operator::Less,
            "_<=_" => Operator::LessOrEqual,
            "_>_" => Operator::Greater,
            "_>=_" => Operator::GreaterOrEqual,
            _ => return None,
        })
    }

    /// As it is written.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::Remainder => "%",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
        }
    }

    /// What comes of sides of these kinds; nothing if no pair of them is taken.
    pub(crate) fn gives(self, left: Kinds, right: Kinds) -> Kinds {
        let pairs = left.each().flat_map(|left| right.each().map(move |right| self.gives_of_two(left, right)));
        pairs.fold(Kinds::NOTHING, Kinds::or)
    }

    fn gives_of_two(self, left: Kinds, right: Kinds) -> Kinds {
        let numbers = left.meets(Kinds::NUMBER) && right.meets(Kinds::NUMBER);
        let number = if left == right {
            left
        } else if left == Kinds::DOUBLE || right == Kinds::DOUBLE {
            Kinds::DOUBLE
        } else {
            Kinds::INT
        };
        let times = (left, right);
        match self {
            Operator::Add if left == right && left.meets(Kinds::TEXT | Kinds::LIST | Kinds::DURATION) => left,
            Operator::Add
                if times == (Kinds::TIMESTAMP, Kinds::DURATION) || times == (Kinds::DURATION, Kinds::TIMESTAMP) =>
            {
                Kinds::TIMESTAMP
            }
            Operator::Subtract if left == right && left.meets(Kinds::TIMESTAMP | Kinds::DURATION) => Kinds::DURATION,
            Operator::Subtract if times == (Kinds::TIMESTAMP, Kinds::DURATION) => Kinds::TIMESTAMP,
            Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide if numbers => number,
            Operator::Remainder if numbers && number != Kinds::DOUBLE => number,
            _ if !self.compares() => Kinds::NOTHING,
            _ if numbers => Kinds::BOOL,
            _ if left == right && !left.meets(Kinds::NULL | Kinds::LIST | Kinds::MAP) => Kinds::BOOL,
            _ => Kinds::NOTHING,
        }
    }

    fn compares(self) -> bool {
        matches!(self, Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual)
    }

    /// The value of `left` operator `right`.
    pub(crate) fn apply(self, left: &Value, right: &Value, budget: &mut Budget) -> Result<Value, EvaluationError> {
        if self.gives_of_two(Kinds::of(left), Kinds::of(right)) == Kinds::NOTHING {
            return Err(self.refusal(left, right));
        }
        if self.compares() {
            let ordering = order(left, right, budget)?;
            return Ok(Value::Bool(ordering.is_some_and(|ordering| self.holds(ordering))));
        }
        match (left, right) {
            (Value::String(left), Value::String(right)) => {
                budget.produce(left.len() + right.len())?;
                Ok(Value::from([&**left, &**right].concat()))
            }
            (Value::Bytes(left), Value::Bytes(right)) => {
                budget.produce(left.len() + right.len())?;
                let mut both = BytesMut::with_capacity(left.len() + right.len());
                both.extend_from_slice(left);
                both.extend_from_slice(right);
                Ok(Value::Bytes(Bytes::from(both)))
            }
            (Value::List(left), Value::List(right)) => {
                budget.produce_values(left.len() + right.len())?;
                Ok(Value::List(left.iter().chain(right.iter()).cloned().collect()))
            }
            (Value::Timestamp(_) | Value::Duration(_), _) => self.of_times(left, right),
            (Value::Double(_), _) | (_, Value::Double(_)) => Ok(Value::Double(self.of_doubles(left, right))),
            _ => self.of_integers(left, right),
        }
    }

    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Operator::Less => ordering.is_lt(),
            Operator::LessOrEqual => ordering.is_le(),
            Operator::Greater => ordering.is_gt(),
            _ => ordering.is_ge(),
        }
    }

    fn of_integers(self, left: &Value, right: &Value) -> Result<Value, EvaluationError> {
        let overflow = EvaluationError::Overflow(self.text());
        let (Some(one), Some(other)) = (integer(left), integer(right)) else { return Err(self.refusal(left, right)) };
        if other == 0 && matches!(self, Operator::Divide | Operator::Remainder) {
            return Err(EvaluationError::DivisionByZero(self.text()));
        }
        let result = match self {
            Operator::Add => one.checked_add(other),
            Operator::Subtract => one.checked_sub(other),
            Operator::Multiply => one.checked_mul(other),
            Operator::Divide => one.checked_div(other),
            _ => one.checked_rem(other),
        };
        let result = result.ok_or(overflow.clone())?;
        if matches!((left, right), (Value::Uint(_), Value::Uint(_))) {
            return u64::try_from(result).map(Value::Uint).map_err(|_| overflow);
        }
        i64::try_from(result).map(Value::Int).map_err(|_| overflow)
    }

    fn of_doubles(self, left: &Value, right: &Value) -> f64 {
        let (left, right) = (as_double(left), as_double(right));
        match self {
            Operator::Add => left + right,
            Operator::Subtract => left - right,
            Operator::Multiply => left * right,
            _ => left / right,
        }
    }

    fn of_times(self, left: &Value, right: &Value) -> Result<Value, EvaluationError> {
        let overflow = || EvaluationError::Overflow(self.text());
        let minus = self == Operator::Subtract;
        match (left, right) {
            (Value::Timestamp(left), Value::Timestamp(right)) => Ok(Value::Duration(left.duration_since(*right))),
            (Value::Timestamp(timestamp), Value::Duration(duration))
            | (Value::Duration(duration), Value::Timestamp(timestamp)) => {
                let moved = if minus { timestamp.checked_sub(*duration) } else { timestamp.checked_add(*duration) };
                moved.map(Value::Timestamp).map_err(|_| overflow())
            }
            (Value::Duration(left), Value::Duration(right)) => {
                let sum: Option<SignedDuration> =
                    if minus { left.checked_sub(*right) } else { left.checked_add(*right) };
                sum.map(Value::Duration).ok_or_else(overflow)
            }
            _ => Err(self.refusal(left, right)),
        }
    }

    fn refusal(self, left: &Value, right: &Value) -> EvaluationError {
        let operator = self.text();
        if left.is_null() {
            EvaluationError::NullOperand { operator, side: "left" }
        } else if right.is_null() {
            EvaluationError::NullOperand { operator, side: "right" }
        } else {
            EvaluationError::Operands { operator, left: left.kind(), right: right.kind() }
        }
    }
}

/// The number as a double, which may be the nearest only.
pub(crate) fn as_double(value: &Value) -> f64 {
    match value {
        Value::Int(value) => *value as f64,
        Value::Uint(value) => *value as f64,
        Value::Double(value) => *value,
        _ => f64::NAN,
    }
}

/// `-value`.
pub(crate) fn negate(value: &Value) -> Result<Value, EvaluationError> {
    let overflow = EvaluationError::Overflow("-");
    match value {
        Value::Int(value) => value.checked_neg().map(Value::Int).ok_or(overflow),
        Value::Double(value) => Ok(Value::Double(-value)),
        Value::Duration(value) => value.checked_neg().map(Value::Duration).ok_or(overflow),
        other => Err(EvaluationError::Kind { what: "the operand of `-`", expected: "number", found: other.kind() }),
    }
}
