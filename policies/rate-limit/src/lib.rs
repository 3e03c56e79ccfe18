//! `rate-limit`: so many calls of one subscription in any interval of so many seconds.

use policy_limits::{Rate, RateLimit};
use tollgate_sdk::limiter::Counter;
use tollgate_sdk::{ConfigError, Policy, Request, Verdict, context, policy};

/// The statement.
#[derive(Debug)]
pub struct Statement(RateLimit);

/// Limits how often each subscription may call.
#[policy]
impl Policy for Statement {
    type Config = Rate;

    fn configure(config: Rate) -> Result<Self, ConfigError> {
        RateLimit::new(config, 1).map(Self)
    }

    fn on_request(&self, _: &mut Request) -> Result<(), Verdict> {
        // Without a key there is nobody to count for.
        let Some(subscription) = context::subscription() else { return Ok(()) };
        self.0.admit(&Counter::of_statement(subscription.id))
    }
}

#[cfg(test)]
mod tests;
