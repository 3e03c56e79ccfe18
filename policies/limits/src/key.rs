//! Counters by key.

use tollgate_sdk::limiter::Counter;
use tollgate_sdk::{CounterKey, ExpressionError, Request};

/// Finds the counter of a request.
///
/// The counter's name tells what was counted by, so that a header can't spend an address's budget:
/// `client-ip=192.0.2.7`, `header:x-tenant=gold`, `expression=gold`. All statements of a component share it.
#[derive(Clone, Debug)]
pub struct KeyedCounter {
    key: CounterKey,
    prefix: String,
}

impl KeyedCounter {
    /// Count by this key.
    pub fn new(key: CounterKey) -> Self {
        Self { prefix: format!("{key}="), key }
    }

    /// The counter of this request. Requests without the header, without a subscription key or with an expression that
    /// gives null share one: what can't be told apart is limited together, not let through.
    pub fn of(&self, request: &Request) -> Result<Counter, ExpressionError> {
        let value = self.key.resolve(request)?.unwrap_or_default();
        Ok(Counter::of_gateway([self.prefix.as_str(), value.as_str()].concat()))
    }
}
