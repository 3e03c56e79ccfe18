//! Between types.

use std::sync::Arc;

use bytes::Bytes;

use super::{Function, text_at};
use crate::budget::Budget;
use crate::error::EvaluationError;
use crate::kinds::Kinds;
use crate::value::{Value, duration_text};

type Evaluated = Result<Value, EvaluationError>;

const SIZED: Kinds = Kinds::TEXT.or(Kinds::LIST).or(Kinds::MAP);
const SCALAR: Kinds = Kinds::NUMBER.or(Kinds::TEXT).or(Kinds::BOOL).or(Kinds::TIMESTAMP).or(Kinds::DURATION);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("size", &[SIZED], Kinds::INT, size).both(),
    Function::global("int", &[Kinds::NUMBER.or(Kinds::STRING).or(Kinds::TIMESTAMP)], Kinds::INT, int),
    Function::global("uint", &[Kinds::NUMBER.or(Kinds::STRING)], Kinds::UINT, uint),
    Function::global("double", &[Kinds::NUMBER.or(Kinds::STRING)], Kinds::DOUBLE, double),
    Function::global("string", &[SCALAR], Kinds::STRING, string),
    Function::global("bytes", &[Kinds::TEXT], Kinds::BYTES, bytes),
    Function::global("bool", &[Kinds::BOOL.or(Kinds::STRING)], Kinds::BOOL, bool),
    Function::global("type", &[Kinds::ANY], Kinds::STRING, type_),
    Function::global("dyn", &[Kinds::ANY], Kinds::ANY, |arguments, _| {
        Ok(arguments.first().cloned().unwrap_or(Value::Null))
    }),
];

fn size(arguments: &[Value], budget: &mut Budget) -> Evaluated {
    let size = match arguments.first() {
        Some(Value::String(text)) => {
            budget.work(text.len())?;
            text.chars().count()
        }
        Some(Value::Bytes(bytes)) => bytes.len(),
        Some(Value::List(items)) => items.len(),
        Some(Value::Map(map)) => map.len(),
        _ => 0,
    };
    Ok(Value::Int(i64::try_from(size).unwrap_or(i64::MAX)))
}

fn int(arguments: &[Value], _: &mut Budget) -> Evaluated {
    let overflow = EvaluationError::Overflow("int");
    match arguments.first() {
        Some(Value::Uint(value)) => i64::try_from(*value).map(Value::Int).map_err(|_| overflow),
        // Both ends are excluded, as in CEL: the largest int isn't a double.
        Some(Value::Double(value)) if value.abs() < 9_223_372_036_854_775_808.0 => Ok(Value::Int(*value as i64)),
        Some(Value::Double(_)) => Err(overflow),
        Some(Value::Timestamp(timestamp)) => Ok(Value::Int(timestamp.as_second())),
        Some(Value::String(text)) => {
            text.parse().map(Value::Int).map_err(|_| EvaluationError::function("int", "the text is no int"))
        }
        other => Ok(other.cloned().unwrap_or(Value::Null)),
    }
}

fn uint(arguments: &[Value], _: &mut Budget) -> Evaluated {
    let overflow = EvaluationError::Overflow("uint");
    match arguments.first() {
        Some(Value::Int(value)) => u64::try_from(*value).map(Value::Uint).map_err(|_| overflow),
        Some(Value::Double(value)) if *value > -1.0 && *value < 18_446_744_073_709_551_616.0 => {
            Ok(Value::Uint(*value as u64))
        }
        Some(Value::Double(_)) => Err(overflow),
        Some(Value::String(text)) => {
            text.parse().map(Value::Uint).map_err(|_| EvaluationError::function("uint", "the text is no uint"))
        }
        other => Ok(other.cloned().unwrap_or(Value::Null)),
    }
}

fn double(arguments: &[Value], _: &mut Budget) -> Evaluated {
    match arguments.first() {
        Some(Value::String(text)) => {
            text.parse().map(Value::Double).map_err(|_| EvaluationError::function("double", "the text is no number"))
        }
        Some(number) => Ok(Value::Double(crate::operators::as_double(number))),
        None => Ok(Value::Null),
    }
}

fn string(arguments: &[Value], budget: &mut Budget) -> Evaluated {
    let text = match arguments.first() {
        Some(Value::Bytes(bytes)) => {
            budget.produce(bytes.len())?;
            let text = std::str::from_utf8(bytes);
            text.map_err(|_| EvaluationError::function("string", "the bytes are no UTF-8"))?.to_owned()
        }
        Some(Value::Double(value)) => value.to_string(),
        Some(Value::Duration(duration)) => duration_text(*duration),
        Some(value @ Value::String(_)) => return Ok(value.clone()),
        Some(other) => other.to_text().into_owned(),
        None => String::new(),
    };
    budget.produce(text.len())?;
    Ok(Value::from(text))
}

fn bytes(arguments: &[Value], budget: &mut Budget) -> Evaluated {
    match arguments.first() {
        Some(Value::String(text)) => {
            budget.produce(text.len())?;
            Ok(Value::Bytes(Bytes::copy_from_slice(text.as_bytes())))
        }
        other => Ok(other.cloned().unwrap_or(Value::Null)),
    }
}

fn bool(arguments: &[Value], _: &mut Budget) -> Evaluated {
    if let Some(value @ Value::Bool(_)) = arguments.first() {
        return Ok(value.clone());
    }
    match text_at(arguments, 0) {
        "true" | "True" | "TRUE" | "t" | "1" => Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" | "f" | "0" => Ok(Value::Bool(false)),
        _ => Err(EvaluationError::function("bool", "the text is neither `true` nor `false`")),
    }
}

fn type_(arguments: &[Value], _: &mut Budget) -> Evaluated {
    let kind = match arguments.first() {
        None | Some(Value::Null) => "null_type",
        Some(value) => value.kind(),
    };
    Ok(Value::String(Arc::from(kind)))
}
