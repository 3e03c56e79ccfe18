//! A schema's parts once they are compiled.

use super::format::Format;
use crate::pattern::Pattern;
use std::collections::BTreeMap;
use tollgate_sdk::serde_json::{Number, Value};

/// A schema or subschema. One without keywords accepts everything.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// In the order in which they are asked: what wants to know what others have looked at comes last.
    pub(crate) keywords: Vec<Keyword>,
    /// The `$id` it belongs to, by number.
    pub(crate) resource: usize,
}

/// Subschemas are numbers of nodes.
#[derive(Debug)]
pub(crate) enum Keyword {
    /// The schema `false`.
    Nothing,
    Ref(usize),
    /// Where the reference leads by itself, and the anchor that an outer resource may have too.
    DynamicRef(usize, Option<String>),
    Type(Types),
    Enum(Vec<Value>),
    Const(Value),
    MultipleOf(Number),
    Maximum {
        limit: Number,
        exclusive: bool,
    },
    Minimum {
        limit: Number,
        exclusive: bool,
    },
    MaxLength(u64),
    MinLength(u64),
    Pattern(Pattern),
    Format(Format),
    MaxItems(u64),
    MinItems(u64),
    UniqueItems,
    MaxProperties(u64),
    MinProperties(u64),
    Required(Vec<String>),
    DependentRequired(Vec<(String, Vec<String>)>),
    DependentSchemas(Vec<(String, usize)>),
    Items {
        prefix: Vec<usize>,
        rest: Option<usize>,
    },
    Contains {
        schema: usize,
        min: u64,
        max: Option<u64>,
        marks: bool,
    },
    Properties(Properties),
    PropertyNames(usize),
    AllOf(Vec<usize>),
    AnyOf(Vec<usize>),
    OneOf(Vec<usize>),
    Not(usize),
    If {
        condition: usize,
        then: Option<usize>,
        otherwise: Option<usize>,
    },
    UnevaluatedItems(usize),
    UnevaluatedProperties(usize),
}

/// The properties of an object: by name, by pattern, and those that fit neither.
#[derive(Debug)]
pub(crate) struct Properties {
    pub(crate) named: BTreeMap<String, usize>,
    pub(crate) patterns: Vec<(Pattern, usize)>,
    pub(crate) rest: Option<usize>,
}

/// What a value may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Types {
    bits: u8,
    /// Draft 4: `1.0` is no integer.
    strict_integers: bool,
}

const NAMES: [(&str, &str); 7] = [
    ("null", "null"),
    ("boolean", "true or false"),
    ("integer", "an integer"),
    ("number", "a number"),
    ("string", "text"),
    ("array", "a list"),
    ("object", "an object"),
];

impl Types {
    /// No type yet.
    pub(crate) fn new(strict_integers: bool) -> Self {
        Self { bits: 0, strict_integers }
    }

    /// Add a type by its name.
    pub(crate) fn add(&mut self, name: &str) -> Result<(), String> {
        let bit = NAMES.iter().position(|(known, _)| *known == name);
        self.bits |= 1 << bit.ok_or_else(|| format!("`{name}` is no type"))?;
        Ok(())
    }

    fn has(self, name: &str) -> bool {
        NAMES.iter().position(|(known, _)| *known == name).is_some_and(|bit| self.bits & (1 << bit) != 0)
    }

    pub(crate) fn contains(self, value: &Value) -> bool {
        match value {
            Value::Null => self.has("null"),
            Value::Bool(_) => self.has("boolean"),
            Value::String(_) => self.has("string"),
            Value::Array(_) => self.has("array"),
            Value::Object(_) => self.has("object"),
            Value::Number(number) => self.has("number") || (self.has("integer") && self.is_integer(number)),
        }
    }

    fn is_integer(self, number: &Number) -> bool {
        !number.is_f64() || (!self.strict_integers && number.as_f64().is_some_and(|float| float.fract() == 0.0))
    }

    /// What was expected, in words.
    pub(crate) fn describe(self) -> String {
        let words: Vec<&str> =
            NAMES.iter().enumerate().filter(|(bit, _)| self.bits & (1 << bit) != 0).map(|(_, name)| name.1).collect();
        words.join(" or ")
    }
}

/// What a value is, in words.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
