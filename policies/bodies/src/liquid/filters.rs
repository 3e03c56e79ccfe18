//! The standard filters, under the names of Ruby's Liquid (`strip_html`) and of DotLiquid in C# (`StripHtml`).

mod list;
mod math;
mod text;

use super::render::Globals;
use super::value;
use super::{date, format};
use std::borrow::Cow;
use std::ops::RangeInclusive;
use tollgate_sdk::serde_json::Value;

/// A filter.
pub(crate) struct Filter {
    pub(crate) name: &'static str,
    /// How many arguments it takes.
    pub(crate) arguments: RangeInclusive<usize>,
    pub(crate) apply: Apply,
}

/// From a value and arguments, of which there are as many as the filter takes.
pub(crate) type Apply = fn(&Value, &[Cow<'_, Value>], &dyn Globals) -> Result<Value, Problem>;

/// Why a filter can't do its work.
#[derive(Debug)]
pub(crate) struct Problem(pub(crate) String);

impl std::fmt::Debug for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The filter of this name; case and underscores don't matter.
pub(crate) fn named(name: &str) -> Option<&'static Filter> {
    let plain = |name: &str| name.replace('_', "").to_ascii_lowercase();
    let name = plain(name);
    FILTERS.iter().find(|filter| plain(filter.name) == name)
}

const fn filter(name: &'static str, arguments: RangeInclusive<usize>, apply: Apply) -> Filter {
    Filter { name, arguments, apply }
}

static FILTERS: &[Filter] = &[
    filter("abs", 0..=0, math::abs),
    filter("append", 1..=1, text::append),
    filter("at_least", 1..=1, math::at_least),
    filter("at_most", 1..=1, math::at_most),
    filter("capitalize", 0..=0, text::capitalize),
    filter("ceil", 0..=0, math::ceil),
    filter("compact", 0..=0, list::compact),
    filter("concat", 1..=1, list::concat),
    filter("currency", 0..=0, math::currency),
    filter("date", 1..=1, date),
    filter("default", 1..=1, default),
    filter("divided_by", 1..=1, math::divided_by),
    filter("downcase", 0..=0, text::downcase),
    filter("escape", 0..=0, text::escape),
    filter("escape_once", 0..=0, text::escape_once),
    filter("first", 0..=0, list::first),
    filter("floor", 0..=0, math::floor),
    filter("h", 0..=0, text::escape),
    filter("join", 0..=1, list::join),
    filter("json", 0..=0, json),
    filter("last", 0..=0, list::last),
    filter("lstrip", 0..=0, text::lstrip),
    filter("map", 1..=1, list::map),
    filter("minus", 1..=1, math::minus),
    filter("modulo", 1..=1, math::modulo),
    filter("newline_to_br", 0..=0, text::newline_to_br),
    filter("plus", 1..=1, math::plus),
    filter("prepend", 1..=1, text::prepend),
    filter("remove", 1..=1, text::remove),
    filter("remove_first", 1..=1, text::remove_first),
    filter("replace", 1..=2, text::replace),
    filter("replace_first", 1..=2, text::replace_first),
    filter("reverse", 0..=0, list::reverse),
    filter("round", 0..=1, math::round),
    filter("rstrip", 0..=0, text::rstrip),
    filter("size", 0..=0, list::size),
    filter("slice", 1..=2, list::slice),
    filter("sort", 0..=1, list::sort),
    filter("sort_natural", 0..=1, list::sort_natural),
    filter("split", 1..=1, text::split),
    filter("strip", 0..=0, text::strip),
    filter("strip_html", 0..=0, text::strip_html),
    filter("strip_newlines", 0..=0, text::strip_newlines),
    filter("times", 1..=1, math::times),
    filter("truncate", 0..=2, text::truncate),
    filter("truncate_words", 0..=2, text::truncate_words),
    filter("uniq", 0..=0, list::uniq),
    filter("upcase", 0..=0, text::upcase),
    filter("url_decode", 0..=0, text::url_decode),
    filter("url_encode", 0..=0, text::url_encode),
    filter("where", 1..=2, list::select),
];

/// The argument if the value is nil, false or empty.
fn default(input: &Value, arguments: &[Cow<'_, Value>], _: &dyn Globals) -> Result<Value, Problem> {
    let given = value::is_true(input) && !value::is_empty(input);
    Ok(if given { input.clone() } else { argument(arguments, 0).clone() })
}

/// The value as JSON: a text in quotes and escaped. Tollgate's own.
fn json(input: &Value, _: &[Cow<'_, Value>], _: &dyn Globals) -> Result<Value, Problem> {
    Ok(Value::from(input.to_string()))
}

/// A date in another form; what is no date stays as it is.
fn date(input: &Value, arguments: &[Cow<'_, Value>], globals: &dyn Globals) -> Result<Value, Problem> {
    let written = value::text(input);
    let moment = match written.trim().to_ascii_lowercase().as_str() {
        "now" | "today" => Some(date::Moment::from_unix_ms(globals.now_unix_ms())),
        _ => date::parse(&written),
    };
    let format = value::text(argument(arguments, 0));
    match moment {
        Some(moment) if !format.trim().is_empty() => Ok(Value::from(format::format(&moment, &format))),
        _ => Ok(input.clone()),
    }
}

/// An argument that is there, or nil.
fn argument<'v>(arguments: &'v [Cow<'_, Value>], index: usize) -> &'v Value {
    arguments.get(index).map_or(&value::NIL, |value| &**value)
}

/// An argument as text, if it is there.
fn text_argument<'v>(arguments: &'v [Cow<'_, Value>], index: usize) -> Option<Cow<'v, str>> {
    arguments.get(index).map(|argument| value::text(argument))
}

/// An argument that has to be a whole number if it is there.
fn integer_argument(arguments: &[Cow<'_, Value>], index: usize) -> Result<Option<i64>, Problem> {
    match arguments.get(index).map(|argument| value::number(argument)) {
        None => Ok(None),
        Some(Some(value::Number::Integer(integer))) => Ok(Some(integer)),
        Some(_) => Err(Problem("a whole number is needed".into())),
    }
}

#[cfg(test)]
mod tests;
