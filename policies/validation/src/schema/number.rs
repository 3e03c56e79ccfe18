//! Numbers, compared and divided without the errors of floating point where that is possible.

use std::cmp::Ordering;
use tollgate_sdk::serde_json::{Number, Value};

/// Which one is larger. Integers are compared exactly.
pub(crate) fn compare(one: &Number, other: &Number) -> Ordering {
    match (integer(one), integer(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => float(one).total_cmp(&float(other)),
    }
}

/// Whether `number` is a multiple of `step`, which isn't 0.
pub(crate) fn is_multiple(number: &Number, step: &Number) -> bool {
    match (Decimal::of(number), Decimal::of(step)) {
        (Some(number), Some(step)) => number.is_multiple_of(step),
        _ => {
            let quotient = float(number) / float(step);
            quotient.is_finite() && quotient.fract() == 0.0
        }
    }
}

/// Whether two values are the same by JSON Schema: `1.0` is `1`.
pub(crate) fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => compare(one, other) == Ordering::Equal,
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| equal(value, other)))
        }
        _ => one == other,
    }
}

fn integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

/// Adding 0 makes -0 the same as 0.
fn float(number: &Number) -> f64 {
    number.as_f64().unwrap_or(f64::NAN) + 0.0
}

/// `digits` times ten to the power of `-scale`.
#[derive(Clone, Copy)]
struct Decimal {
    digits: i128,
    scale: u32,
}

impl Decimal {
    /// As its shortest text says it; none if it has too many digits for that.
    fn of(number: &Number) -> Option<Self> {
        if let Some(digits) = integer(number) {
            return Some(Self { digits, scale: 0 });
        }
        // Without an exponent: `{}` of a float never writes one.
        let text = float(number).to_string();
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let digits = format!("{whole}{fraction}").parse().ok()?;
        Some(Self { digits, scale: fraction.len().try_into().ok()? })
    }

    fn is_multiple_of(self, step: Self) -> bool {
        let scale = self.scale.max(step.scale);
        let raise = |decimal: Self| {
            let factor = 10_i128.checked_pow(scale - decimal.scale)?;
            decimal.digits.checked_mul(factor)
        };
        match (raise(self), raise(step)) {
            (Some(number), Some(step)) => number.checked_rem(step) == Some(0),
            // One is smaller than the other by more than thirty digits.
            (number, _) => number == Some(0),
        }
    }
}
