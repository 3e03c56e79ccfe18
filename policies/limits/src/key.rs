//! Counters by key.

use tollgate_sdk::limiter::Counter;
use tollgate_sdk::{CounterKey, Failure, Request, Verdict};

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
    ///
    /// A header with several lines is refused: whoever reads another line than this counts by would let a client pass
    /// under as many names as it likes.
    pub fn of(&self, request: &Request) -> Result<Counter, Verdict> {
        if let CounterKey::Header(name) = &self.key
            && request.header_values(name).len() > 1
        {
            return Err(Failure::new(400, "CounterKeyAmbiguous", "Bad request").into());
        }
        let value = self.key.resolve(request)?.unwrap_or_default();
        Ok(Counter::of_gateway([self.prefix.as_str(), value.as_str()].concat()))
    }
}
