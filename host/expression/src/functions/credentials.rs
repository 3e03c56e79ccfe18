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

/// A token of three parts, of which the first two are JSON objects: `header`, `payload` (as `claims` too), `signature`,
/// and the members of `apim.md` §2 (Jwt) under the names that `validate-jwt` gives them.
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
    let (header, claims) = (object(header)?, object(payload)?);
    let named = |whole: &Value, name: &str| match whole {
        Value::Map(members) => members.get(name).cloned().unwrap_or(Value::Null),
        _ => Value::Null,
    };
    let audiences = match named(&claims, "aud") {
        Value::Null => Value::from(Vec::new()),
        list @ Value::List(_) => list,
        one => Value::from(vec![one]),
    };
    Some(map([
        ("algorithm", named(&header, "alg")),
        ("audiences", audiences),
        ("expiration_time", named(&claims, "exp")),
        ("id", named(&claims, "jti")),
        ("issued_at", named(&claims, "iat")),
        ("issuer", named(&claims, "iss")),
        ("not_before", named(&claims, "nbf")),
        ("subject", named(&claims, "sub")),
        ("type", named(&header, "typ")),
        ("header", header),
        ("payload", claims.clone()),
        ("claims", claims),
        ("signature", Value::from(signature)),
    ]))
}

/// `{ username, password }` of a header of RFC 7617.
fn basic(text: &str) -> Option<Value> {
    let encoded = after_scheme(text.trim(), "Basic")?;
    let decoded = super::codec::STANDARD.decode(encoded).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (username, password) = decoded.split_once(':')?;
    Some(map([("username", Value::from(username)), ("password", Value::from(password))]))
}
