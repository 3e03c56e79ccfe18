//! Filters on lists. What is no list is taken for one of one element, nil for an empty one.

use super::super::render::Globals;
use super::super::value::{NIL, compare, equal, is_true, member, text};
use super::{Problem, argument, integer_argument, text_argument};
use std::borrow::Cow;
use std::cmp::Ordering;
use tollgate_sdk::serde_json::Value;

type Arguments<'a, 'v> = &'a [Cow<'v, Value>];
type Outcome = Result<Value, Problem>;

fn items(input: &Value) -> &[Value] {
    match input {
        Value::Array(items) => items,
        Value::Null => &[],
        alone => std::slice::from_ref(alone),
    }
}

fn list(items: impl IntoIterator<Item = Value>) -> Outcome {
    Ok(Value::Array(items.into_iter().collect()))
}

pub(super) fn first(input: &Value, _: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    Ok(items(input).first().cloned().unwrap_or(NIL))
}

pub(super) fn last(input: &Value, _: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    Ok(items(input).last().cloned().unwrap_or(NIL))
}

/// Elements of a list, members of an object, characters of anything else.
pub(super) fn size(input: &Value, _: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    Ok(Value::from(match input {
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        other => text(other).chars().count(),
    }))
}

pub(super) fn compact(input: &Value, _: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    list(items(input).iter().filter(|item| !item.is_null()).cloned())
}

pub(super) fn concat(input: &Value, arguments: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    list(items(input).iter().chain(items(argument(arguments, 0))).cloned())
}

pub(super) fn reverse(input: &Value, _: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    list(items(input).iter().rev().cloned())
}

pub(super) fn join(input: &Value, arguments: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    let separator = text_argument(arguments, 0).unwrap_or(Cow::Borrowed(" "));
    let texts: Vec<Cow<'_, str>> = items(input).iter().map(text).collect();
    Ok(Value::from(texts.join(&*separator)))
}

/// The member of this name of each element.
pub(super) fn map(input: &Value, arguments: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    let name = argument(arguments, 0);
    list(items(input).iter().map(|item| member(item, name).map_or(NIL, Cow::into_owned)))
}

/// The elements whose member of this name is as given, or is true.
pub(super) fn select(input: &Value, arguments: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    let name = argument(arguments, 0);
    let fits = |item: &&Value| {
        let found = member(item, name);
        match arguments.get(1) {
            Some(wanted) => found.is_some_and(|found| equal(&found, wanted)),
            None => found.is_some_and(|found| is_true(&found)),
        }
    };
    list(items(input).iter().filter(fits).cloned())
}

pub(super) fn sort(input: &Value, arguments: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    sorted(input, arguments, compare)
}

/// The case of letters doesn't matter.
pub(super) fn sort_natural(input: &Value, arguments: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    sorted(input, arguments, |left, right| Some(text(left).to_lowercase().cmp(&text(right).to_lowercase())))
}

/// By the member of a name, if one is given. Nil comes last, and what can't be compared stays in its order.
fn sorted(input: &Value, arguments: Arguments<'_, '_>, order: impl Fn(&Value, &Value) -> Option<Ordering>) -> Outcome {
    let key = |item: &Value| match arguments.first() {
        Some(name) => member(item, name).map_or(NIL, Cow::into_owned),
        None => item.clone(),
    };
    let mut keyed: Vec<(Value, &Value)> = items(input).iter().map(|item| (key(item), item)).collect();
    // Texts and numbers in one list have no order of their own, and a sort needs one: kinds stand together.
    let kind = |value: &Value| match value {
        Value::Bool(_) => 0,
        Value::Number(_) => 1,
        Value::String(_) => 2,
        Value::Array(_) | Value::Object(_) => 3,
        Value::Null => 4,
    };
    keyed.sort_by(|(left, _), (right, _)| {
        let kinds = kind(left).cmp(&kind(right));
        kinds.then_with(|| order(left, right).unwrap_or(Ordering::Equal))
    });
    list(keyed.into_iter().map(|(_, item)| item.clone()))
}

/// Each value once, where it first stood.
pub(super) fn uniq(input: &Value, _: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    let mut kept: Vec<Value> = Vec::new();
    for item in items(input) {
        if !kept.iter().any(|other| equal(other, item)) {
            kept.push(item.clone());
        }
    }
    Ok(Value::Array(kept))
}

/// So many elements or characters, from a place that counts from the end if it is negative.
pub(super) fn slice(input: &Value, arguments: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    let start = integer_argument(arguments, 0)?.unwrap_or(0);
    let length = usize::try_from(integer_argument(arguments, 1)?.unwrap_or(1)).unwrap_or(0);
    let from = |size: usize| match start {
        0.. => usize::try_from(start).unwrap_or(usize::MAX),
        _ => size.saturating_sub(usize::try_from(start.unsigned_abs()).unwrap_or(usize::MAX)),
    };
    if let Value::Array(items) = input {
        return list(items.iter().skip(from(items.len())).take(length).cloned());
    }
    let text = text(input);
    let size = text.chars().count();
    Ok(Value::from(text.chars().skip(from(size)).take(length).collect::<String>()))
}
