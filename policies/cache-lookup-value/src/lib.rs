//! `cache-lookup-value`: put a value of the cache into a variable.

use policy_values::{CachingType, Key, whole};
use tollgate_sdk::serde_json::Value;
use tollgate_sdk::{
    ConfigError, Dynamic, LastError, Policy, Request, Response, Verdict, cache, configuration, log, policy, variables,
};

/// Which value, and where it goes.
#[configuration]
pub struct Config {
    /// The key that the value was stored under.
    key: Dynamic<String>,
    /// The variable that gets the value.
    #[schema(length(min = 1))]
    variable_name: String,
    /// What the variable gets if there is no such value; without it the variable stays as it is.
    #[serde(default)]
    default_value: Option<Dynamic<Value>>,
    /// Which cache: prefer-external and internal mean the gateway's own.
    #[serde(default)]
    caching_type: CachingType,
}

/// The statement.
#[derive(Debug)]
pub struct Statement {
    key: Key,
    variable: String,
    default: Option<Dynamic<Value>>,
}

/// Puts a value of the cache into a variable.
#[policy(sections(inbound, backend, outbound, on_error), scopes(global, product, api, operation))]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let Config { key, variable_name: variable, default_value: default, caching_type } = config;
        Ok(Self { key: Key::new(key, caching_type)?, variable, default })
    }

    fn on_request(&self, _: &mut Request) -> Result<(), Verdict> {
        self.look_up()
    }

    fn on_response(&self, _: &Request, _: &mut Response) -> Result<(), Verdict> {
        self.look_up()
    }

    fn on_error(&self, _: &Request, _: &mut Response, _: &LastError) -> Result<(), Verdict> {
        self.look_up()
    }
}

impl Statement {
    fn look_up(&self) -> Result<(), Verdict> {
        let key = self.key.get()?;
        if self.take(&key) {
            return Ok(());
        }
        match &self.default {
            Some(default) => Ok(variables::set(&self.variable, &whole(default)?)?),
            None => Ok(()),
        }
    }

    /// Whether the variable has got the cached value. Whatever goes wrong here is a miss: no request is worse off for
    /// the cache.
    fn take(&self, key: &str) -> bool {
        let found = match cache::get(key) {
            Ok(found) => found,
            Err(error) => {
                log::debug!("taken for a miss: {error:?}");
                return false;
            }
        };
        let Some(json) = found.and_then(|bytes| String::from_utf8(bytes).ok()) else { return false };
        match variables::set_json(&self.variable, &json) {
            Ok(()) => true,
            Err(error) => {
                log::warn!("the cached value can't be put into `{}`: {error:?}", self.variable);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests;
