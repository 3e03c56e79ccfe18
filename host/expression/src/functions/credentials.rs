//! Parts of credentials in headers. None of them is verified here.

use std::sync::Arc;

use base64::Engine as _;

use super::codec::URL_SAFE;
use super::{Function, text_at};
use crate::budget::Budget;
use crate::error::EvaluationError;
use crate::kinds::Kinds;
use crate::map::Map;
use crate::value::Value;

type Evaluated = Result<Value, EvaluationError>;

const TEXT_OR_NULL: Kinds = Kinds::STRING.or(Kinds::NULL);
const MAP_OR_NULL: Kinds = Kinds::MAP.or(Kinds::NULL);

/// The longest header whose credentials are read, in bytes.
const MAX_CREDENTIALS: usize = 64 << 10;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("jwt", &[TEXT_OR_NULL], MAP_OR_NULL, |arguments, budget| read(arguments, budget, jwt)),
    Function::global("basic", &[TEXT_OR_NULL], MAP_OR_NULL, |arguments, budget| read(arguments, budget, basic)),
];

fn read(arguments: &[Value], budget: &mut Budget, parse: fn(&str) -> Option<Value>) -> Evaluated {
    let text = text_at(arguments, 0);
    if text.len() > MAX_CREDENTIALS {
        return Ok(Value::Null);
    }
    budget.produce(text.len().saturating_mul(8))?;
    Ok(parse(text).unwrap_or(Value::Null))
}

/// What follows a scheme's name, written in any case.
fn after_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (first, rest) = text.split_once(' ')?;
    first.eq_ignore_ascii_case(scheme).then(|| rest.trim_start())
}

fn map(entries: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::from(entries.into_iter().map(|(name, value)| (Arc::from(name), value)).collect::<Map>())
}

/// `{ header, payload, signature }` of a token of three parts, of which the first two are JSON objects.
fn jwt(text: &str) -> Option<Value> {
    let text = text.trim();
    let token = after_scheme(text, "Bearer").unwrap_or(text);
    let mut parts = token.split('.');
    let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let object = |part: &str| {
        let json: serde_json::Value = serde_json::from_slice(&URL_SAFE.decode(part).ok()?).ok()?;
        json.is_object().then(|| Value::from_json(&json))
    };
    Some(map([("header", object(header)?), ("payload", object(payload)?), ("signature", Value::from(signature))]))
}

/// `{ username, password }` of a header of RFC 7617.
fn basic(text: &str) -> Option<Value> {
    let encoded = after_scheme(text.trim(), "Basic")?;
    let decoded = super::codec::STANDARD.decode(encoded).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (username, password) = decoded.split_once(':')?;
    Some(map([("username", Value::from(username)), ("password", Value::from(password))]))
}
