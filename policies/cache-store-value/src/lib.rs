//! `cache-store-value`: keep a value in the cache.

use policy_values::{CachingType, Key, whole};
use tollgate_sdk::serde_json::Value;
use tollgate_sdk::{
    ConfigError, Dynamic, LastError, Policy, Request, Response, Verdict, cache, configuration, log, policy,
};

/// Which value, and for how long.
#[configuration]
pub struct Config {
    /// The key to find the value by.
    key: Dynamic<String>,
    /// The value: a text, a number, a boolean, a list or a mapping.
    value: Dynamic<Value>,
    /// For how many seconds it is kept.
    duration: Dynamic<u64>,
    /// Which cache: prefer-external and internal mean the gateway's own.
    #[serde(default)]
    caching_type: CachingType,
}

/// The statement.
#[derive(Debug)]
pub struct Statement {
    key: Key,
    value: Dynamic<Value>,
    duration: Dynamic<u64>,
}

/// Keeps a value in the cache.
#[policy(sections(inbound, backend, outbound, on_error), scopes(global, product, api, operation))]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let Config { key, value, duration, caching_type } = config;
        if duration.literal() == Some(&0) {
            return Err(ConfigError::new("/duration", "0 seconds keep nothing; `cache-remove-value` forgets a value"));
        }
        Ok(Self { key: Key::new(key, caching_type)?, value, duration })
    }

    fn on_request(&self, _: &mut Request) -> Result<(), Verdict> {
        self.store()
    }

    fn on_response(&self, _: &Request, _: &mut Response) -> Result<(), Verdict> {
        self.store()
    }

    fn on_error(&self, _: &Request, _: &mut Response, _: &LastError) -> Result<(), Verdict> {
        self.store()
    }
}

impl Statement {
    fn store(&self) -> Result<(), Verdict> {
        let (key, seconds) = (self.key.get()?, *self.duration.get()?);
        let json = whole(&self.value)?.to_string();
        // A token's remaining life may well be nothing; whatever was kept under the key is outdated then.
        let stored = match seconds {
            0 => cache::remove(&key),
            _ => cache::put(&key, json.as_bytes(), seconds.saturating_mul(1000)),
        };
        if let Err(error) = stored {
            log::warn!("a value of {} bytes was not kept: {error:?}", json.len());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
