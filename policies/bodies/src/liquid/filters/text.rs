//! Filters on texts. Every value has a text; nil has the empty one.

use super::super::render::Globals;
use super::super::value::text;
use super::{Problem, integer_argument, text_argument};
use std::borrow::Cow;
use tollgate_sdk::serde_json::Value;

type Arguments<'a, 'v> = &'a [Cow<'v, Value>];
type Outcome = Result<Value, Problem>;

pub(super) fn append(input: &Value, arguments: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    Ok(Value::from(text(input).into_owned() + &text_argument(arguments, 0).unwrap_or_default()))
}

pub(super) fn prepend(input: &Value, arguments: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    Ok(Value::from(text_argument(arguments, 0).unwrap_or_default().into_owned() + &text(input)))
}

/// The first letter of each word in upper case, as DotLiquid has it.
pub(super) fn capitalize(input: &Value, _: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    let mut begins = true;
    let mut capitalized = String::new();
    for c in text(input).chars() {
        if begins {
            capitalized.extend(c.to_uppercase());
        } else {
            capitalized.push(c);
        }
        begins = c.is_whitespace();
    }
    Ok(Value::from(capitalized))
}

pub(super) fn downcase(input: &Value, _: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    Ok(Value::from(text(input).to_lowercase()))
}

pub(super) fn upcase(input: &Value, _: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    Ok(Value::from(text(input).to_uppercase()))
}

pub(super) fn escape(input: &Value, _: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    Ok(Value::from(escaped(&text(input), false)))
}

pub(super) fn escape_once(input: &Value, _: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    Ok(Value::from(escaped(&text(input), true)))
}

fn escaped(text: &str, once: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match c {
            '&' if once && is_reference(&text[at..]) => escaped.push('&'),
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Whether a text begins with something like `&amp;` or `&#39;`.
fn is_reference(text: &str) -> bool {
    let name = text[1..].bytes().take(12).take_while(|&b| b.is_ascii_alphanumeric() || b == b'#').count();
    name > 0 && text.as_bytes().get(1 + name) == Some(&b';')
}

pub(super) fn strip(input: &Value, _: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    Ok(Value::from(text(input).trim()))
}

pub(super) fn lstrip(input: &Value, _: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    Ok(Value::from(text(input).trim_start()))
}

pub(super) fn rstrip(input: &Value, _: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    Ok(Value::from(text(input).trim_end()))
}

pub(super) fn strip_newlines(input: &Value, _: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    Ok(Value::from(text(input).replace(['\r', '\n'], "")))
}

pub(super) fn newline_to_br(input: &Value, _: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    Ok(Value::from(text(input).replace("\r\n", "\n").replace('\n', "<br />\n")))
}

/// Without tags, comments, and all of `script` and `style`. No defence against what an attacker writes.
pub(super) fn strip_html(input: &Value, _: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    let input = text(input);
    let mut stripped = String::with_capacity(input.len());
    let mut rest = &*input;
    while let Some(open) = rest.find('<') {
        let tag = &rest[open..];
        let named = |name: &str| tag.get(1..=name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name));
        let close = if tag.starts_with("<!--") {
            "-->"
        } else if named("script") {
            "</script>"
        } else if named("style") {
            "</style>"
        } else {
            ">"
        };
        let Some(end) = find_ignoring_case(tag, close) else { break };
        stripped.push_str(&rest[..open]);
        rest = &tag[end + close.len()..];
    }
    stripped.push_str(rest);
    Ok(Value::from(stripped))
}

fn find_ignoring_case(text: &str, ascii: &str) -> Option<usize> {
    text.as_bytes().windows(ascii.len()).position(|window| window.eq_ignore_ascii_case(ascii.as_bytes()))
}

pub(super) fn remove(input: &Value, arguments: Arguments<'_, '_>, globals: &dyn Globals) -> Outcome {
    replace(input, arguments, globals)
}

pub(super) fn remove_first(input: &Value, arguments: Arguments<'_, '_>, globals: &dyn Globals) -> Outcome {
    replace_first(input, arguments, globals)
}

/// All occurrences of a plain text; DotLiquid takes a regular expression.
pub(super) fn replace(input: &Value, arguments: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    let from = text_argument(arguments, 0).unwrap_or_default();
    let to = text_argument(arguments, 1).unwrap_or_default();
    let input = text(input);
    Ok(Value::from(if from.is_empty() { input.into_owned() } else { input.replace(&*from, &to) }))
}

pub(super) fn replace_first(input: &Value, arguments: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    let from = text_argument(arguments, 0).unwrap_or_default();
    let to = text_argument(arguments, 1).unwrap_or_default();
    let input = text(input);
    Ok(Value::from(if from.is_empty() { input.into_owned() } else { input.replacen(&*from, &to, 1) }))
}

/// Nothing between two separators is an element too, at the end of the text it is none.
pub(super) fn split(input: &Value, arguments: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    let (input, separator) = (text(input), text_argument(arguments, 0).unwrap_or_default());
    if input.is_empty() {
        return Ok(Value::Array(Vec::new()));
    }
    let mut parts: Vec<Value> = if separator.is_empty() {
        input.chars().map(|c| Value::from(c.to_string())).collect()
    } else {
        input.split(&*separator).map(Value::from).collect()
    };
    while parts.last().is_some_and(|last| last.as_str() == Some("")) {
        parts.pop();
    }
    Ok(Value::Array(parts))
}

/// At most so many characters, those of the ellipsis among them.
pub(super) fn truncate(input: &Value, arguments: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    let length = usize::try_from(integer_argument(arguments, 0)?.unwrap_or(50)).unwrap_or(0);
    let ellipsis = text_argument(arguments, 1).unwrap_or(Cow::Borrowed("..."));
    let input = text(input);
    if input.chars().count() <= length {
        return Ok(Value::from(&*input));
    }
    let kept = length.saturating_sub(ellipsis.chars().count());
    Ok(Value::from(input.chars().take(kept).collect::<String>() + &ellipsis))
}

pub(super) fn truncate_words(input: &Value, arguments: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    let count = usize::try_from(integer_argument(arguments, 0)?.unwrap_or(15)).unwrap_or(0).max(1);
    let ellipsis = text_argument(arguments, 1).unwrap_or(Cow::Borrowed("..."));
    let input = text(input);
    let words: Vec<&str> = input.split_whitespace().collect();
    match words.get(..count) {
        Some(kept) if words.len() > count => Ok(Value::from(kept.join(" ") + &ellipsis)),
        _ => Ok(Value::from(&*input)),
    }
}

/// As a form writes it: a space is `+`.
pub(super) fn url_encode(input: &Value, _: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    let mut encoded = String::new();
    for byte in text(input).bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            b' ' => encoded.push('+'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    Ok(Value::from(encoded))
}

pub(super) fn url_decode(input: &Value, _: Arguments<'_, '_>, _: &dyn Globals) -> Outcome {
    let input = text(input);
    let mut rest = input.as_bytes();
    let mut decoded = Vec::with_capacity(rest.len());
    while let [byte, tail @ ..] = rest {
        rest = tail;
        let digits = tail.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let value = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match (byte, value) {
            (b'%', Some(value)) => {
                decoded.push(value);
                rest = &tail[2..];
            }
            (b'+', _) => decoded.push(b' '),
            (byte, _) => decoded.push(*byte),
        }
    }
    Ok(Value::from(String::from_utf8_lossy(&decoded).into_owned()))
}
