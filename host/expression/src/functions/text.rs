//! Texts. Positions count characters, from 0.

use std::sync::Arc;

use super::{Function, text_at};
use crate::budget::Budget;
use crate::error::EvaluationError;
use crate::kinds::Kinds;
use crate::value::Value;

type Evaluated = Result<Value, EvaluationError>;

const STRING: Kinds = Kinds::STRING;
const INT: Kinds = Kinds::INT;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::member("contains", &[STRING, STRING], Kinds::BOOL, |arguments, budget| {
        test(arguments, budget, |text, part| text.contains(part))
    }),
    Function::member("startsWith", &[STRING, STRING], Kinds::BOOL, |arguments, budget| {
        test(arguments, budget, |text, part| text.starts_with(part))
    }),
    Function::member("endsWith", &[STRING, STRING], Kinds::BOOL, |arguments, budget| {
        test(arguments, budget, |text, part| text.ends_with(part))
    }),
    Function::member("lowerAscii", &[STRING], STRING, |arguments, budget| {
        changed(arguments, budget, |text| text.to_ascii_lowercase())
    }),
    Function::member("upperAscii", &[STRING], STRING, |arguments, budget| {
        changed(arguments, budget, |text| text.to_ascii_uppercase())
    }),
    Function::member("lower", &[STRING], STRING, |arguments, budget| {
        changed(arguments, budget, |text| text.to_lowercase())
    }),
    Function::member("upper", &[STRING], STRING, |arguments, budget| {
        changed(arguments, budget, |text| text.to_uppercase())
    }),
    Function::member("trim", &[STRING], STRING, |arguments, budget| {
        changed(arguments, budget, |text| text.trim().to_owned())
    }),
    Function::member("reverse", &[STRING.or(Kinds::LIST)], STRING.or(Kinds::LIST), reverse),
    Function::member("charAt", &[STRING, INT], STRING, char_at),
    Function::member("substring", &[STRING, INT, INT], STRING, substring).optional(1),
    Function::member("indexOf", &[STRING, STRING, INT], INT, index_of).optional(1),
    Function::member("lastIndexOf", &[STRING, STRING, INT], INT, last_index_of).optional(1),
    Function::member("replace", &[STRING, STRING, STRING, INT], STRING, replace).optional(1),
    Function::member("split", &[STRING, STRING, INT], Kinds::LIST, split).optional(1),
    Function::member("join", &[Kinds::LIST, STRING], STRING, join).optional(1),
];

fn test(arguments: &[Value], budget: &mut Budget, holds: fn(&str, &str) -> bool) -> Evaluated {
    let text = text_at(arguments, 0);
    budget.work(text.len())?;
    Ok(Value::Bool(holds(text, text_at(arguments, 1))))
}

fn changed(arguments: &[Value], budget: &mut Budget, change: fn(&str) -> String) -> Evaluated {
    let text = text_at(arguments, 0);
    budget.produce(text.len())?;
    Ok(Value::from(change(text)))
}

fn reverse(arguments: &[Value], budget: &mut Budget) -> Evaluated {
    if let Some(Value::List(items)) = arguments.first() {
        budget.produce_values(items.len())?;
        return Ok(Value::List(items.iter().rev().cloned().collect()));
    }
    changed(arguments, budget, |text| text.chars().rev().collect())
}

/// The position that an argument says, as bytes. None outside the text; its end is inside.
fn byte_at(text: &str, arguments: &[Value], place: usize) -> Option<usize> {
    let Some(Value::Int(characters)) = arguments.get(place) else { return None };
    let characters = usize::try_from(*characters).ok()?;
    text.char_indices().map(|(byte, _)| byte).chain([text.len()]).nth(characters)
}

fn outside(function: &'static str) -> EvaluationError {
    EvaluationError::function(function, "the position is outside the text")
}

fn char_at(arguments: &[Value], budget: &mut Budget) -> Evaluated {
    let text = text_at(arguments, 0);
    budget.work(text.len())?;
    let start = byte_at(text, arguments, 1).ok_or_else(|| outside("charAt"))?;
    let character = text.get(start..).and_then(|rest| rest.chars().next());
    Ok(Value::from(character.map(String::from).unwrap_or_default()))
}

fn substring(arguments: &[Value], budget: &mut Budget) -> Evaluated {
    let text = text_at(arguments, 0);
    budget.work(text.len())?;
    let start = byte_at(text, arguments, 1).ok_or_else(|| outside("substring"))?;
    let end = match arguments.get(2) {
        None => text.len(),
        Some(_) => byte_at(text, arguments, 2).ok_or_else(|| outside("substring"))?,
    };
    let part =
        text.get(start..end).ok_or_else(|| EvaluationError::function("substring", "it ends before it starts"))?;
    budget.produce(part.len())?;
    Ok(Value::from(part))
}

/// The position in characters of a position in bytes; -1 without one.
fn position(text: &str, byte: Option<usize>) -> Value {
    let before = byte.and_then(|byte| text.get(..byte));
    Value::Int(before.map_or(-1, |before| i64::try_from(before.chars().count()).unwrap_or(i64::MAX)))
}

fn index_of(arguments: &[Value], budget: &mut Budget) -> Evaluated {
    let (text, part) = (text_at(arguments, 0), text_at(arguments, 1));
    budget.work(text.len())?;
    let from = match arguments.get(2) {
        None => 0,
        Some(_) => byte_at(text, arguments, 2).ok_or_else(|| outside("indexOf"))?,
    };
    let found = text.get(from..).and_then(|rest| rest.find(part)).map(|found| from + found);
    Ok(position(text, found))
}

fn last_index_of(arguments: &[Value], budget: &mut Budget) -> Evaluated {
    let (text, part) = (text_at(arguments, 0), text_at(arguments, 1));
    budget.work(text.len())?;
    let found = match arguments.get(2) {
        None => text.rfind(part),
        Some(_) => {
            let last = byte_at(text, arguments, 2).ok_or_else(|| outside("lastIndexOf"))?;
            let end = text.len().min(last.saturating_add(part.len()));
            // Where that is inside a character, no match ends there.
            let end = (end..=text.len()).find(|end| text.is_char_boundary(*end)).unwrap_or(text.len());
            text.get(..end).and_then(|head| head.rfind(part)).filter(|found| *found <= last)
        }
    };
    Ok(position(text, found))
}

/// How many an optional limit allows: all if it is negative or isn't there.
fn limit(arguments: &[Value], place: usize) -> usize {
    match arguments.get(place) {
        Some(Value::Int(limit)) => usize::try_from(*limit).unwrap_or(usize::MAX),
        _ => usize::MAX,
    }
}

fn replace(arguments: &[Value], budget: &mut Budget) -> Evaluated {
    let (text, part, by) = (text_at(arguments, 0), text_at(arguments, 1), text_at(arguments, 2));
    budget.work(text.len())?;
    let count = text.matches(part).take(limit(arguments, 3)).count();
    // Before it is built: every match may grow it by all of `by`.
    budget.produce(text.len().saturating_add(by.len().saturating_mul(count)))?;
    Ok(Value::from(text.replacen(part, by, count)))
}

fn split(arguments: &[Value], budget: &mut Budget) -> Evaluated {
    let (text, separator) = (text_at(arguments, 0), text_at(arguments, 1));
    let limit = limit(arguments, 2);
    budget.produce(text.len())?;
    let mut parts: Vec<Value> = Vec::new();
    let mut push = |part: &str| {
        budget.produce_values(1)?;
        parts.push(Value::from(part));
        Ok::<(), EvaluationError>(())
    };
    if separator.is_empty() {
        // Every character by itself, the rest in the last.
        let starts: Vec<usize> = text.char_indices().map(|(byte, _)| byte).take(limit).collect();
        for (number, start) in starts.iter().enumerate() {
            let end = starts.get(number + 1).copied().unwrap_or(text.len());
            let last = number + 1 == limit;
            let width = text.get(*start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
            push(text.get(*start..if last { text.len() } else { end.min(start + width) }).unwrap_or_default())?;
        }
    } else {
        text.splitn(limit, separator).try_for_each(&mut push)?;
    }
    Ok(Value::from(parts))
}

fn join(arguments: &[Value], budget: &mut Budget) -> Evaluated {
    let Some(Value::List(items)) = arguments.first() else { return Ok(Value::Null) };
    let separator = text_at(arguments, 1);
    let mut joined = String::new();
    for (number, item) in items.iter().enumerate() {
        let Value::String(text) = item else {
            return Err(EvaluationError::function("join", "every item has to be a string"));
        };
        budget.step()?;
        budget.produce(text.len().saturating_add(separator.len()))?;
        if number > 0 {
            joined.push_str(separator);
        }
        joined.push_str(text);
    }
    Ok(Value::String(Arc::from(joined)))
}
