//! Between texts and bytes: base64, hex, JSON, digests.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::{Function, bytes_at, text_at};
use crate::budget::Budget;
use crate::error::EvaluationError;
use crate::json;
use crate::kinds::Kinds;
use crate::value::Value;

type Evaluated = Result<Value, EvaluationError>;

const TEXT: Kinds = Kinds::TEXT;
const STRING: Kinds = Kinds::STRING;
const BYTES: Kinds = Kinds::BYTES;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
pub(super) const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
/// Without padding where it encodes, with or without where it decodes.
pub(super) const URL_SAFE: GeneralPurpose =
    GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT.with_encode_padding(false));

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("base64.encode", &[TEXT], STRING, |arguments, budget| encode(&STANDARD, arguments, budget)),
    Function::global("base64.decode", &[STRING], BYTES, |arguments, budget| {
        decode("base64.decode", &STANDARD, arguments, budget)
    }),
    Function::global("base64url.encode", &[TEXT], STRING, |arguments, budget| encode(&URL_SAFE, arguments, budget)),
    Function::global("base64url.decode", &[STRING], BYTES, |arguments, budget| {
        decode("base64url.decode", &URL_SAFE, arguments, budget)
    }),
    Function::global("hex.encode", &[TEXT], STRING, hex_encode),
    Function::global("hex.decode", &[STRING], BYTES, hex_decode),
    Function::global("sha256", &[TEXT], BYTES, digest::<Sha256>),
    Function::global("sha384", &[TEXT], BYTES, digest::<Sha384>),
    Function::global("sha512", &[TEXT], BYTES, digest::<Sha512>),
    Function::global("hmac.sha256", &[TEXT, TEXT], BYTES, |arguments, budget| {
        authenticate("hmac.sha256", Hmac::<Sha256>::new_from_slice(bytes_at(arguments, 0)).ok(), arguments, budget)
    }),
    Function::global("hmac.sha384", &[TEXT, TEXT], BYTES, |arguments, budget| {
        authenticate("hmac.sha384", Hmac::<Sha384>::new_from_slice(bytes_at(arguments, 0)).ok(), arguments, budget)
    }),
    Function::global("hmac.sha512", &[TEXT, TEXT], BYTES, |arguments, budget| {
        authenticate("hmac.sha512", Hmac::<Sha512>::new_from_slice(bytes_at(arguments, 0)).ok(), arguments, budget)
    }),
    Function::global("json", &[TEXT], Kinds::ANY, json),
    Function::global("toJson", &[Kinds::ANY], STRING, to_json),
];

fn encode(engine: &GeneralPurpose, arguments: &[Value], budget: &mut Budget) -> Evaluated {
    let bytes = bytes_at(arguments, 0);
    budget.produce(bytes.len() / 3 * 4 + 4)?;
    Ok(Value::from(engine.encode(bytes)))
}

fn decode(function: &'static str, engine: &GeneralPurpose, arguments: &[Value], budget: &mut Budget) -> Evaluated {
    let text = text_at(arguments, 0);
    budget.produce(text.len())?;
    let decoded = engine.decode(text).map_err(|_| EvaluationError::function(function, "the text isn't base64"))?;
    Ok(Value::Bytes(Bytes::from(decoded)))
}

fn hex_encode(arguments: &[Value], budget: &mut Budget) -> Evaluated {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let bytes = bytes_at(arguments, 0);
    budget.produce(2 * bytes.len())?;
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    let text: String = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect();
    Ok(Value::from(text))
}

fn hex_decode(arguments: &[Value], budget: &mut Budget) -> Evaluated {
    let text = text_at(arguments, 0);
    budget.produce(text.len() / 2)?;
    let bad = || EvaluationError::function("hex.decode", "the text isn't hexadecimal");
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    let decoded: Option<Vec<u8>> = text.as_bytes().chunks(2).map(pair).collect();
    decoded.map(|bytes| Value::Bytes(Bytes::from(bytes))).ok_or_else(bad)
}

fn digest<D: Digest>(arguments: &[Value], budget: &mut Budget) -> Evaluated {
    let bytes = bytes_at(arguments, 0);
    budget.hard_work(bytes.len())?;
    budget.produce(64)?;
    Ok(Value::Bytes(Bytes::copy_from_slice(&D::digest(bytes))))
}

fn authenticate<M: Mac>(function: &'static str, mac: Option<M>, arguments: &[Value], budget: &mut Budget) -> Evaluated {
    budget.hard_work(bytes_at(arguments, 0).len())?;
    budget.hard_work(bytes_at(arguments, 1).len())?;
    budget.produce(64)?;
    let mut mac = mac.ok_or_else(|| EvaluationError::function(function, "the key can't be used"))?;
    mac.update(bytes_at(arguments, 1));
    Ok(Value::Bytes(Bytes::copy_from_slice(&mac.finalize().into_bytes())))
}

fn json(arguments: &[Value], budget: &mut Budget) -> Evaluated {
    match json::parse(bytes_at(arguments, 0), budget.bytes_left()) {
        Ok((value, bytes)) => {
            budget.produce(bytes)?;
            Ok(value)
        }
        Err(json::Unparsed::TooLarge) => Err(EvaluationError::TooManyBytes),
        Err(json::Unparsed::NotJson) => Err(EvaluationError::function("json", "the text isn't JSON")),
    }
}

fn to_json(arguments: &[Value], budget: &mut Budget) -> Evaluated {
    let Some(value) = arguments.first() else { return Ok(Value::Null) };
    let mut size = 0_usize;
    measure(value, &mut size, budget)?;
    budget.produce(size)?;
    Ok(Value::from(value.to_json_text()))
}

/// About how long a value is as JSON, before it is written.
pub(crate) fn measure(value: &Value, size: &mut usize, budget: &mut Budget) -> Result<(), EvaluationError> {
    budget.step()?;
    match value {
        Value::String(text) => *size += text.len() + 2,
        Value::Bytes(bytes) => *size += bytes.len() / 3 * 4 + 6,
        Value::List(items) => {
            *size += items.len() + 2;
            items.iter().try_for_each(|item| measure(item, size, budget))?;
        }
        Value::Map(map) => {
            for (name, value) in map.iter() {
                *size += name.len() + 4;
                measure(value, size, budget)?;
            }
        }
        _ => *size += 8,
    }
    if *size > crate::limits::MAX_BYTES { Err(EvaluationError::TooManyBytes) } else { Ok(()) }
}
