//! `tollgate:policy/variables`: values that statements pass to later statements of the same exchange.

use std::sync::Arc;

use serde::de::IgnoredAny;
use tollgate_bindings::policy::variables::{Host, VariableError};
use tollgate_expression::Value;
use wasmtime::Result;

use crate::session::Session;

/// Bytes of all variables of one exchange, whatever statements set them.
const MAX_EXCHANGE_BYTES: usize = 4 << 20;

/// Bytes that are copied in about the time that it takes to compare a name.
const NAME_WORK: usize = 16;

/// A byte is copied in about an eighth of the time that it takes to read it as JSON.
const JSON_WORK: usize = 8;

/// About how much memory a value takes; what it shares with others counts as its own.
fn bytes_of(value: &Value) -> usize {
    let held = match value {
        Value::String(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) => items.iter().map(bytes_of).sum(),
        Value::Map(members) => members.iter().map(|(name, member)| name.len() + bytes_of(member)).sum(),
        _ => 0,
    };
    held + size_of::<Value>()
}

/// What the statements of one exchange have set. Few, so a list.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    list: Vec<Variable>,
}

#[derive(Clone, Debug)]
struct Variable {
    name: Arc<str>,
    value: Value,
    bytes: usize,
}

/// The exchange's variables would take more memory than an exchange may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the variables of one exchange may take {MAX_EXCHANGE_BYTES} bytes")]
pub struct TooMany;

impl Variables {
    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.list.iter().find(|variable| *variable.name == *name).map(|variable| &variable.value)
    }

    /// Set a variable.
    pub fn set(&mut self, name: &str, value: Value) -> std::result::Result<(), TooMany> {
        let bytes = name.len() + bytes_of(&value);
        let known = self.list.iter().position(|variable| *variable.name == *name);
        let before = self.bytes() - known.and_then(|at| self.list.get(at)).map_or(0, |variable| variable.bytes);
        if before + bytes > MAX_EXCHANGE_BYTES {
            return Err(TooMany);
        }
        match known.and_then(|at| self.list.get_mut(at)) {
            Some(variable) => (variable.value, variable.bytes) = (value, bytes),
            None => self.list.push(Variable { name: Arc::from(name), value, bytes }),
        }
        Ok(())
    }

    /// Set a variable to a JSON text that a guest gave, which is one.
    pub fn set_json(&mut self, name: &str, json: &str) -> std::result::Result<(), TooMany> {
        self.set(name, Value::from_json_text(json).unwrap_or(Value::Null))
    }

    /// All variables, in the order in which they were first set.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Value)> {
        self.list.iter().map(|variable| (&variable.name, &variable.value))
    }

    /// About how much memory they take.
    pub(crate) fn bytes(&self) -> usize {
        self.list.iter().map(|variable| variable.bytes).sum()
    }
}

impl Session {
    /// The JSON text of a variable, as the call sees it.
    fn find(&self, name: &str) -> Option<String> {
        let own = self.effects.diff.variables.iter().rev().find(|(key, _)| *key == name);
        let earlier = || self.exchange.as_deref()?.variables.get(name).map(Value::to_json_text);
        own.map(|(_, json)| json.clone()).or_else(earlier)
    }
}

impl Host for Session {
    fn get(&mut self, name: String) -> Result<Option<String>> {
        self.enter()?;
        let found = self.find(&name);
        self.spend(found.as_ref().map_or(0, String::len) + self.effects.diff.variables.len() * NAME_WORK)?;
        Ok(found)
    }

    fn set(&mut self, name: String, json: String) -> Result<std::result::Result<(), VariableError>> {
        self.enter()?;
        let bytes = self.effects.diff.variable_bytes + name.len() + json.len();
        if bytes > self.limits.variable_bytes || self.exchange()?.variables.bytes() + bytes > MAX_EXCHANGE_BYTES {
            return Ok(Err(VariableError::TooLarge));
        }
        self.spend(json.len().saturating_mul(JSON_WORK))?;
        if serde_json::from_str::<IgnoredAny>(&json).is_err() {
            return Ok(Err(VariableError::InvalidJson));
        }
        self.effects.diff.variable_bytes = bytes;
        self.effects.diff.variables.push((name, json));
        Ok(Ok(()))
    }
}
