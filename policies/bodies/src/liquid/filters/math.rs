//! Filters on numbers. Texts that are numbers are numbers here.

use super::super::render::Globals;
use super::super::value::{Number, number, text};
use super::{Problem, argument, integer_argument};
use std::borrow::Cow;
use tollgate_sdk::serde_json::Value;

type Arguments<'a, 'v> = &'a [Cow<'v, Value>];
type Outcome = Result<Value, Problem>;

fn needed(value: &Value) -> Result<Number, Problem> {
    number(value).ok_or_else(|| Problem(format!("`{}` is no number", text(value).chars().take(40).collect::<String>())))
}

/// With whole numbers the one, unless the result is too large; else the other.
fn reckon(
    input: &Value,
    arguments: Arguments<'_, '_>,
    whole: fn(i64, i64) -> Option<i64>,
    float: fn(f64, f64) -> f64,
) -> Outcome {
    let (left, right) = (needed(input)?, needed(argument(arguments, 0))?);
    let exact = match (left, right) {
        (Number::Integer(left), Number::Integer(right)) => whole(left, right),
        _ => None,
    };
    Ok(exact.map_or_else(|| Number::Float(float(left.float(), right.float())), Number::Integer).into())
}

pub(super) fn plus(input: &Value, arguments: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    reckon(input, arguments, i64::checked_add, |left, right| left + right)
}

pub(super) fn minus(input: &Value, arguments: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    reckon(input, arguments, i64::checked_sub, |left, right| left - right)
}

pub(super) fn times(input: &Value, arguments: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    reckon(input, arguments, i64::checked_mul, |left, right| left * right)
}

/// Whole numbers give a whole number, rounded towards zero as in C#.
pub(super) fn divided_by(input: &Value, arguments: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    not_zero(arguments)?;
    reckon(input, arguments, i64::checked_div, |left, right| left / right)
}

pub(super) fn modulo(input: &Value, arguments: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    not_zero(arguments)?;
    reckon(input, arguments, i64::checked_rem, |left, right| left % right)
}

fn not_zero(arguments: Arguments<'_, '_>) -> Result<(), Problem> {
    match needed(argument(arguments, 0))?.float() {
        0.0 => Err(Problem("nothing can be divided by zero".into())),
        _ => Ok(()),
    }
}

pub(super) fn abs(input: &Value, _: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    Ok(match needed(input)? {
        Number::Integer(integer) => integer.checked_abs().map_or(Number::Float(-(integer as f64)), Number::Integer),
        Number::Float(float) => Number::Float(float.abs()),
    }
    .into())
}

pub(super) fn at_least(input: &Value, arguments: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    reckon(input, arguments, |left, right| Some(left.max(right)), f64::max)
}

pub(super) fn at_most(input: &Value, arguments: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    reckon(input, arguments, |left, right| Some(left.min(right)), f64::min)
}

pub(super) fn ceil(input: &Value, _: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    Ok(whole(needed(input)?, f64::ceil))
}

pub(super) fn floor(input: &Value, _: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    Ok(whole(needed(input)?, f64::floor))
}

fn whole(number: Number, round: fn(f64) -> f64) -> Value {
    match number {
        Number::Integer(integer) => integer.into(),
        // What a float says exactly in 53 bits is a whole number in 64.
        Number::Float(float) => match round(float) {
            rounded if rounded.abs() < 9e15 => Value::from(rounded as i64),
            rounded => Value::from(rounded),
        },
    }
}

/// To so many digits behind the point; halves go away from zero.
pub(super) fn round(input: &Value, arguments: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    let digits = integer_argument(arguments, 0)?.unwrap_or(0).clamp(0, 15);
    let number = needed(input)?;
    match number {
        Number::Float(float) if digits > 0 => {
            let scale = 10f64.powi(i32::try_from(digits).unwrap_or(0));
            Ok(Number::Float((float * scale).round() / scale).into())
        }
        number => Ok(whole(number, f64::round)),
    }
}

/// `$1,234.50`, as en-US writes it; a minus stands before the sign.
pub(super) fn currency(input: &Value, _: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    let Some(number) = number(input) else { return Ok(input.clone()) };
    let written = format!("{:.2}", number.float().abs());
    let (whole, cents) = written.split_once('.').unwrap_or((&written, "00"));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if number.float() < 0.0 { "-" } else { "" };
    Ok(Value::from(format!("{sign}${grouped}.{cents}")))
}
