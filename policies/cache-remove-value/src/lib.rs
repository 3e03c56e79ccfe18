//! `cache-remove-value`: forget a value of the cache.

use policy_values::{CachingType, Key};
use tollgate_sdk::{
    ConfigError, Dynamic, LastError, Policy, Request, Response, Verdict, cache, configuration, log, policy,
};

/// Which value.
#[configuration]
pub struct Config {
    /// The key that the value was stored under.
    key: Dynamic<String>,
    /// Which cache: prefer-external and internal mean the gateway's own.
    #[serde(default)]
    caching_type: CachingType,
}

/// The statement.
#[derive(Debug)]
pub struct Statement(Key);

/// Forgets a value of the cache.
#[policy(sections(inbound, backend, outbound, on_error), scopes(global, product, api, operation))]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        Key::new(config.key, config.caching_type).map(Self)
    }

    fn on_request(&self, _: &mut Request) -> Result<(), Verdict> {
        self.remove()
    }

    fn on_response(&self, _: &Request, _: &mut Response) -> Result<(), Verdict> {
        self.remove()
    }

    fn on_error(&self, _: &Request, _: &mut Response, _: &LastError) -> Result<(), Verdict> {
        self.remove()
    }
}

impl Statement {
    fn remove(&self) -> Result<(), Verdict> {
        if let Err(error) = cache::remove(&self.0.get()?) {
            log::warn!("a value was not removed and may be found until it expires: {error:?}");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
