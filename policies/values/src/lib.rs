//! Values in the gateway's cache: the keys and the choice of a cache that three statements share.
//! A library; it is no statement itself.

use tollgate_sdk::dynamic::resolved;
use tollgate_sdk::serde_json::Value;
use tollgate_sdk::{ConfigError, Dynamic, ExpressionError, configuration};

/// Operators' keys stand behind this, so that none of them can name what another built-in statement keeps for itself
/// under a name of its own, such as the keys of a token's issuer.
const PREFIX: &str = "value/";

/// Which cache.
#[configuration]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CachingType {
    /// An external one if there is one; so far there is none.
    #[default]
    PreferExternal,
    /// An external one: refused, for there is none.
    External,
    /// The gateway's own.
    Internal,
}

/// The key of a value, as the operator writes it.
#[derive(Clone, Debug)]
pub struct Key(Dynamic<String>);

impl Key {
    /// The `key` of a configuration, and its `caching-type`.
    pub fn new(key: Dynamic<String>, caching_type: CachingType) -> Result<Self, ConfigError> {
        if caching_type == CachingType::External {
            let message = "this gateway has no external cache; `prefer-external` uses its own";
            return Err(ConfigError::new("/caching-type", message));
        }
        if key.literal().is_some_and(String::is_empty) {
            return Err(ConfigError::new("/key", "a key can't be empty"));
        }
        Ok(Self(key))
    }

    /// The key in the gateway's cache.
    pub fn get(&self) -> Result<String, ExpressionError> {
        self.0.get().map(|key| format!("{PREFIX}{key}"))
    }
}

/// A value with the expressions that stand inside of a list or a mapping put in. What an expression gives is taken as it
/// is: it may be a client's.
pub fn whole(value: &Dynamic<Value>) -> Result<Value, ExpressionError> {
    match value.literal() {
        Some(literal) => resolved(literal),
        None => value.get().map(|value| value.into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(caching_type: CachingType, text: &str) -> Result<Key, ConfigError> {
        Key::new(Dynamic::from(text.to_owned()), caching_type)
    }

    #[test]
    fn an_operators_key_is_never_another_statements() {
        assert_eq!(key(CachingType::Internal, "jwks").unwrap().get().unwrap(), "value/jwks");
    }

    #[test]
    fn a_cache_that_is_not_there_is_refused() {
        let refused = key(CachingType::External, "a").unwrap_err();
        assert_eq!(refused.pointer, "/caching-type");
        assert!(refused.message.contains("no external cache"), "{refused}");
        assert!(key(CachingType::PreferExternal, "a").is_ok());
    }

    #[test]
    fn an_empty_key_is_refused() {
        assert_eq!(key(CachingType::Internal, "").unwrap_err().pointer, "/key");
    }
}
