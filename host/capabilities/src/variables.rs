//! `tollgate:policy/variables`: values that statements pass to later statements of the same exchange.

use serde::de::IgnoredAny;
use tollgate_bindings::policy::variables::{Host, VariableError};
use wasmtime::Result;

use crate::session::Session;

/// Bytes of all variables of one exchange, whatever statements set them.
const MAX_EXCHANGE_BYTES: usize = 1 << 20;

impl Host for Session {
    fn get(&mut self, name: String) -> Result<Option<String>> {
        self.enter()?;
        let own = self.effects.diff.variables.iter().rev().find(|(key, _)| *key == name);
        let earlier = || self.exchange.as_deref()?.variables.iter().find(|(key, _)| *key == name);
        Ok(own.or_else(earlier).map(|(_, json)| json.clone()))
    }

    fn set(&mut self, name: String, json: String) -> Result<std::result::Result<(), VariableError>> {
        self.enter()?;
        let bytes = self.effects.diff.variable_bytes + name.len() + json.len();
        let before: usize = self.exchange()?.variables.iter().map(|(name, json)| name.len() + json.len()).sum();
        if bytes > self.limits.variable_bytes || before + bytes > MAX_EXCHANGE_BYTES {
            return Ok(Err(VariableError::TooLarge));
        }
        if serde_json::from_str::<IgnoredAny>(&json).is_err() {
            return Ok(Err(VariableError::InvalidJson));
        }
        self.effects.diff.variable_bytes = bytes;
        self.effects.diff.variables.push((name, json));
        Ok(Ok(()))
    }
}
