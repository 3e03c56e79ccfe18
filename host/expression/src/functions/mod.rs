//! The functions of the language: their names, what they take and give, and what they do.

/// Between texts and bytes: base64, hex, JSON, digests.
pub(crate) mod codec;

/// Between types: `int(x)`, `string(x)`.
pub(crate) mod convert;

/// Parts of credentials in headers.
pub(crate) mod credentials;

/// `math.…`.
pub(crate) mod math;

/// Addresses and URLs.
pub(crate) mod net;

/// Regular expressions.
pub(crate) mod regex;

/// Texts.
pub(crate) mod text;

/// Points and lengths of time.
pub(crate) mod time;

use crate::budget::Budget;
use crate::error::EvaluationError;
use crate::kinds::Kinds;
use crate::value::Value;

/// What a function does with arguments of the kinds that it takes.
pub(crate) type Run = fn(&[Value], &mut Budget) -> Result<Value, EvaluationError>;

/// How a function is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// `size(x)`.
    Global,
    /// `x.trim()`.
    Member,
    /// Either.
    Both,
}

/// A function of the language.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) style: Style,
    /// What it takes; of a member, the value that it is called on is the first.
    pub(crate) takes: &'static [Kinds],
    /// How many of these have to be there.
    pub(crate) required: usize,
    /// Whether the last may be there any number of times.
    pub(crate) repeats: bool,
    pub(crate) gives: Kinds,
    pub(crate) run: Run,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Function {
    pub(crate) const fn global(name: &'static str, takes: &'static [Kinds], gives: Kinds, run: Run) -> Function {
        Function { name, style: Style::Global, takes, required: takes.len(), repeats: false, gives, run }
    }

    pub(crate) const fn member(name: &'static str, takes: &'static [Kinds], gives: Kinds, run: Run) -> Function {
        Function { style: Style::Member, ..Function::global(name, takes, gives, run) }
    }

    /// With so many of the last arguments optional.
    pub(crate) const fn optional(self, arguments: usize) -> Function {
        Function { required: self.takes.len() - arguments, ..self }
    }

    pub(crate) const fn both(self) -> Function {
        Function { style: Style::Both, ..self }
    }

    pub(crate) const fn repeating(self) -> Function {
        Function { repeats: true, ..self }
    }

    /// What it takes as argument number `place`, from 0.
    pub(crate) fn takes_at(&self, place: usize) -> Option<Kinds> {
        match self.takes.get(place) {
            None if self.repeats => self.takes.last().copied(),
            kinds => kinds.copied(),
        }
    }

    /// The value for these arguments.
    pub(crate) fn call(&self, arguments: &[Value], budget: &mut Budget) -> Result<Value, EvaluationError> {
        for (place, argument) in arguments.iter().enumerate() {
            if !self.takes_at(place).is_some_and(|kinds| kinds.meets(Kinds::of(argument))) {
                return Err(EvaluationError::Argument {
                    function: self.name,
                    place: ordinal(place),
                    found: argument.kind(),
                });
            }
        }
        (self.run)(arguments, budget)
    }
}

/// The place of an argument, from 0, as a word.
pub(crate) fn ordinal(place: usize) -> &'static str {
    match place {
        0 => "first",
        1 => "second",
        2 => "third",
        _ => "last",
    }
}

/// Every function, by concept.
const ALL: &[&[Function]] = &[
    convert::FUNCTIONS,
    text::FUNCTIONS,
    time::FUNCTIONS,
    codec::FUNCTIONS,
    credentials::FUNCTIONS,
    math::FUNCTIONS,
    net::FUNCTIONS,
    regex::FUNCTIONS,
];

/// Every function.
pub(crate) fn all() -> impl Iterator<Item = &'static Function> {
    ALL.iter().copied().flatten()
}

/// The function of that name.
pub(crate) fn named(name: &str) -> Option<&'static Function> {
    all().find(|function| function.name == name)
}

/// The argument's text; empty if it isn't there or is none, which the kinds that a function takes rule out.
fn text_at(arguments: &[Value], place: usize) -> &str {
    arguments.get(place).and_then(Value::as_str).unwrap_or_default()
}

/// The argument's bytes, or those of its text.
fn bytes_at(arguments: &[Value], place: usize) -> &[u8] {
    match arguments.get(place) {
        Some(Value::Bytes(bytes)) => bytes,
        Some(Value::String(text)) => text.as_bytes(),
        _ => &[],
    }
}
