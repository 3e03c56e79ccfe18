//! `rate-limit`: so many calls of one subscription in any interval of so many seconds.

mod config;

use config::Config;
use policy_limits::{Increment, Parts, Rate, Telling, admit};
use tollgate_sdk::limiter::Counter;
use tollgate_sdk::{ConfigError, Policy, Request, Verdict, context, policy};

/// The statement.
#[derive(Debug)]
pub struct Statement {
    rate: Rate,
    parts: Parts<Rate>,
    telling: Telling,
}

/// Limits how often each subscription may call.
#[policy(sections(inbound), scopes(product, api, operation), once, rejects(429 = "RateLimitExceeded"))]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let Config { calls, renewal_period, apis, operations, telling } = config;
        Ok(Self {
            rate: Rate { calls, period: renewal_period },
            parts: config::parts(apis, operations)?,
            telling: Telling::new(telling)?,
        })
    }

    fn on_request(&self, _: &mut Request) -> Result<(), Verdict> {
        // Without a key there is nobody to count for.
        let Some(subscription) = context::subscription() else { return Ok(()) };
        let mut asked = Vec::new();
        for part in self.parts.matching() {
            let counter = Counter::of_statement([subscription.id.as_str(), part.suffix.as_str()].concat());
            asked.push(admit(part.name, &counter, &Increment::ONE, *part.limit)?);
            if asked.last().is_some_and(|asked| !asked.is_admitted()) {
                return self.telling.settle(&asked);
            }
        }
        let own = admit("default", &Counter::of_statement(subscription.id), &Increment::ONE, self.rate)?;
        if asked.is_empty() {
            return self.telling.settle(&[own]);
        }
        asked.push(own);
        self.telling.settle(&asked)
    }
}

#[cfg(test)]
mod tests;
