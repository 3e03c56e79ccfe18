//! `math.…`.

use std::cmp::Ordering;

use super::Function;
use crate::budget::Budget;
use crate::compare::numbers;
use crate::error::EvaluationError;
use crate::kinds::Kinds;
use crate::value::Value;

type Evaluated = Result<Value, EvaluationError>;

const NUMBER: Kinds = Kinds::NUMBER;
const NUMBERS: Kinds = Kinds::NUMBER.or(Kinds::LIST);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("math.least", &[NUMBERS, NUMBER], NUMBER, |arguments, budget| {
        best("math.least", arguments, Ordering::Less, budget)
    })
    .optional(1)
    .repeating(),
    Function::global("math.greatest", &[NUMBERS, NUMBER], NUMBER, |arguments, budget| {
        best("math.greatest", arguments, Ordering::Greater, budget)
    })
    .optional(1)
    .repeating(),
    Function::global("math.abs", &[NUMBER], NUMBER, abs),
    Function::global("math.ceil", &[NUMBER], NUMBER, |arguments, _| rounded(arguments, f64::ceil)),
    Function::global("math.floor", &[NUMBER], NUMBER, |arguments, _| rounded(arguments, f64::floor)),
    Function::global("math.round", &[NUMBER], NUMBER, |arguments, _| rounded(arguments, f64::round)),
];

fn best(function: &'static str, arguments: &[Value], wanted: Ordering, budget: &mut Budget) -> Evaluated {
    let candidates = match arguments {
        [Value::List(items)] => items,
        more => more,
    };
    budget.steps(candidates.len())?;
    let mut best: Option<&Value> = None;
    for candidate in candidates {
        if !Kinds::NUMBER.meets(Kinds::of(candidate)) {
            return Err(EvaluationError::function(function, "every one has to be a number"));
        }
        if best.is_none_or(|best| numbers(candidate, best) == Some(wanted)) {
            best = Some(candidate);
        }
    }
    best.cloned().ok_or_else(|| EvaluationError::function(function, "there is no number in the list"))
}

fn abs(arguments: &[Value], _: &mut Budget) -> Evaluated {
    match arguments.first() {
        Some(Value::Int(value)) => value.checked_abs().map(Value::Int).ok_or(EvaluationError::Overflow("math.abs")),
        Some(Value::Double(value)) => Ok(Value::Double(value.abs())),
        other => Ok(other.cloned().unwrap_or(Value::Null)),
    }
}

/// Integers are round already.
fn rounded(arguments: &[Value], round: fn(f64) -> f64) -> Evaluated {
    match arguments.first() {
        Some(Value::Double(value)) => Ok(Value::Double(round(*value))),
        other => Ok(other.cloned().unwrap_or(Value::Null)),
    }
}
