//! Addresses and URLs.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::{Function, text_at};
use crate::budget::Budget;
use crate::error::EvaluationError;
use crate::kinds::Kinds;
use crate::map::Map;
use crate::value::Value;

type Evaluated = Result<Value, EvaluationError>;

const STRING: Kinds = Kinds::STRING;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("inCidr", &[STRING.or(Kinds::NULL), STRING], Kinds::BOOL, in_cidr).both(),
    Function::global("url.encode", &[STRING], STRING, encode),
    Function::global("url.decode", &[STRING], STRING, decode),
    Function::global("url.parse", &[STRING], Kinds::MAP, parse),
];

/// A network, or an address by itself.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn in_cidr(arguments: &[Value], _: &mut Budget) -> Evaluated {
    let network = network(text_at(arguments, 1))
        .ok_or_else(|| EvaluationError::function("inCidr", "the second text is no network, like `10.0.0.0/8`"))?;
    let address = text_at(arguments, 0).parse::<IpAddr>().ok();
    Ok(Value::Bool(
        address.is_some_and(|address| network.contains(&address.to_canonical()) || network.contains(&address)),
    ))
}

/// Everything but letters, digits and `-._~` as percent and two digits (RFC 3986).
fn encode(arguments: &[Value], budget: &mut Budget) -> Evaluated {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let text = text_at(arguments, 0);
    budget.produce(text.len().saturating_mul(3))?;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(DIGITS[usize::from(byte >> 4)]));
            encoded.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    Ok(Value::from(encoded))
}

fn decode(arguments: &[Value], budget: &mut Budget) -> Evaluated {
    let text = text_at(arguments, 0).as_bytes();
    budget.produce(text.len())?;
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high << 4 | low).unwrap_or_default());
                at += 3;
            }
            (b'%', ..) => return Err(EvaluationError::function("url.decode", "two digits have to follow `%`")),
            _ => {
                decoded.push(*byte);
                at += 1;
            }
        }
    }
    let decoded = String::from_utf8(decoded);
    decoded.map(Value::from).map_err(|_| EvaluationError::function("url.decode", "what is encoded is no UTF-8"))
}

/// `{ scheme, host, port, path, query, fragment }` of an absolute URL; what isn't there is null.
fn parse(arguments: &[Value], budget: &mut Budget) -> Evaluated {
    let text = text_at(arguments, 0);
    budget.produce(text.len().saturating_mul(2).saturating_add(512))?;
    let bad = || EvaluationError::function("url.parse", "the text is no absolute URL");
    let (scheme, rest) = text.split_once("://").ok_or_else(bad)?;
    let (rest, fragment) = rest.split_once('#').map_or((rest, None), |(rest, fragment)| (rest, Some(fragment)));
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let authority = authority.rsplit_once('@').map_or(authority, |(_, authority)| authority);
    let port_at = authority.rfind(':').filter(|at| !authority.get(*at..).is_some_and(|rest| rest.contains(']')));
    let (host, port) = port_at.map_or((authority, ""), |at| authority.split_at(at));
    let port = match port.trim_start_matches(':') {
        "" => None,
        port => Some(i64::from(port.parse::<u16>().map_err(|_| bad())?)),
    };
    if scheme.is_empty() || host.is_empty() {
        return Err(bad());
    }
    let parts = [
        ("scheme", Value::from(scheme)),
        ("host", Value::from(host)),
        ("port", Value::from(port)),
        ("path", Value::from(if path.is_empty() { "/" } else { path })),
        ("query", Value::from(query)),
        ("fragment", Value::from(fragment)),
    ];
    Ok(Value::from(parts.into_iter().map(|(name, value)| (Arc::from(name), value)).collect::<Map>()))
}
