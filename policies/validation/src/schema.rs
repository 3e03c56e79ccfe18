//! JSON Schema: drafts 4, 6, 7, 2019-09 and 2020-12, and what OpenAPI 3.0 says differently.
//!
//! Written out, because a component has to be small: the crate of the same name is larger by itself than a policy may be,
//! asks for random numbers, and its patterns track back.

mod compile;
mod evaluate;
mod format;
mod keyword;
mod number;
mod reference;
mod resources;

use keyword::Node;
use std::borrow::Cow;
use tollgate_sdk::serde_json::{Map, Value};

/// A schema, ready to be asked.
#[derive(Debug)]
pub struct Schema {
    /// The first is the whole schema.
    nodes: Vec<Node>,
    /// Nodes that a `$dynamicAnchor` names: its name, its resource, the node.
    dynamic_anchors: Vec<(String, usize, usize)>,
    adjustment: Adjustment,
    /// Whether somebody asks which properties and items others have looked at.
    tracks: bool,
}

/// How a schema is read otherwise than it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Adjustment {
    /// Whether objects may have properties that their schema doesn't list; none to go by the schema.
    pub additional_properties: Option<bool>,
    /// Whether `Name` is the property `name`.
    pub ignores_case: bool,
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// JSON Pointer to it; empty for the whole value.
    pub pointer: String,
    /// One lower-case sentence without a full stop. It quotes the schema and names of properties, never values.
    pub message: String,
}

impl Schema {
    /// Compile a schema; the error is one sentence for whoever wrote it, with the place in it.
    pub fn new(schema: &Value) -> Result<Self, String> {
        Self::adjusted(schema, Adjustment::default())
    }

    /// Compile a schema that is read otherwise than it is written.
    pub fn adjusted(schema: &Value, adjustment: Adjustment) -> Result<Self, String> {
        compile::compile(schema, adjustment)
    }

    /// What is wrong with a value: at most `MAX_FAULTS`, in the order of the schema. Empty if nothing is.
    pub fn faults(&self, value: &Value) -> Vec<Fault> {
        evaluate::faults(self, value)
    }

    /// Whether nothing is wrong with a value.
    pub fn accepts(&self, value: &Value) -> bool {
        self.faults(value).is_empty()
    }
}

impl Adjustment {
    /// A property's name as it is compared.
    fn name(self, name: &str) -> Cow<'_, str> {
        if self.ignores_case { Cow::Owned(name.to_lowercase()) } else { Cow::Borrowed(name) }
    }

    /// A property by a name as it is compared.
    fn find<'v>(self, properties: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
        if !self.ignores_case {
            return properties.get(name);
        }
        properties.iter().find(|(other, _)| *self.name(other) == *name).map(|(_, value)| value)
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.pointer.as_str() {
            "" => f.write_str(&self.message),
            pointer => write!(f, "`{pointer}`: {}", self.message),
        }
    }
}

#[cfg(test)]
mod tests;
