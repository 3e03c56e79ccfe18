//! Order and equality of values, across the types of numbers.

use std::cmp::Ordering;

use crate::budget::Budget;
use crate::error::EvaluationError;
use crate::value::Value;

/// How two numbers compare by their value. None if one isn't a number, or is no number (NaN).
pub(crate) fn numbers(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Double(one), Value::Double(other)) => one.partial_cmp(other),
        (Value::Double(one), other) => integer(other).and_then(|other| with_integer(*one, other)),
        (one, Value::Double(other)) => integer(one).and_then(|one| with_integer(*other, one)).map(Ordering::reverse),
        (one, other) => Some(integer(one)?.cmp(&integer(other)?)),
    }
}

/// The integer, whichever type it has.
pub(crate) fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Int(value) => Some(i128::from(*value)),
        Value::Uint(value) => Some(i128::from(*value)),
        _ => None,
    }
}

/// How a double compares with an integer, exactly: not every integer is a double.
fn with_integer(double: f64, integer: i128) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    // The conversion saturates far outside what the integers here can be.
    let whole = double.trunc() as i128;
    Some(whole.cmp(&integer).then_with(|| double.fract().partial_cmp(&0.0).unwrap_or(Ordering::Equal)))
}

/// How two values of one kind compare. None if they don't, as `1 < "a"`, or a number that isn't one.
pub(crate) fn order(one: &Value, other: &Value, budget: &mut Budget) -> Result<Option<Ordering>, EvaluationError> {
    Ok(match (one, other) {
        (Value::String(one), Value::String(other)) => {
            budget.work(one.len().min(other.len()))?;
            Some(one.as_bytes().cmp(other.as_bytes()))
        }
        (Value::Bytes(one), Value::Bytes(other)) => {
            budget.work(one.len().min(other.len()))?;
            Some(one.cmp(other))
        }
        (Value::Bool(one), Value::Bool(other)) => Some(one.cmp(other)),
        (Value::Timestamp(one), Value::Timestamp(other)) => Some(one.cmp(other)),
        (Value::Duration(one), Value::Duration(other)) => Some(one.cmp(other)),
        _ => numbers(one, other),
    })
}

/// `==` within the budget: large values take as many steps as they have parts.
pub(crate) fn equal(one: &Value, other: &Value, budget: &mut Budget) -> Result<bool, EvaluationError> {
    match (one, other) {
        (Value::String(one), Value::String(other)) if one.len() == other.len() => {
            budget.work(one.len())?;
            Ok(one == other)
        }
        (Value::Bytes(one), Value::Bytes(other)) if one.len() == other.len() => {
            budget.work(one.len())?;
            Ok(one == other)
        }
        (Value::List(one), Value::List(other)) => {
            if one.len() != other.len() {
                return Ok(false);
            }
            for (one, other) in one.iter().zip(other.iter()) {
                budget.step()?;
                if !equal(one, other, budget)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Map(one), Value::Map(other)) => {
            if one.len() != other.len() {
                return Ok(false);
            }
            for (name, value) in one.iter() {
                budget.step()?;
                match other.get(name) {
                    Some(other) if equal(value, other, budget)? => {}
                    _ => return Ok(false),
                }
            }
            Ok(true)
        }
        _ => Ok(one == other),
    }
}
