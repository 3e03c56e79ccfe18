//! So many calls in any interval of so many seconds.

use crate::time::{ms_of_seconds, seconds_of_ms};
use policy_headers::EditableName;
use tollgate_sdk::limiter::{self, Counter, Decision, Rule};
use tollgate_sdk::{ConfigError, Failure, Verdict, configuration, context, variables};

/// What `rate-limit` and `rate-limit-by-key` let operators say.
#[configuration]
#[derive(Clone, Debug)]
pub struct Rate {
    /// How many calls are let through in any interval of `renewal-period` seconds.
    #[schema(range(min = 1))]
    pub calls: u64,
    /// The length of the interval in seconds.
    #[schema(range(min = 1, max = 300))]
    pub renewal_period: u64,
    /// The response header that tells a refused client how many seconds to wait; by default Retry-After.
    #[serde(default)]
    #[schema(with = "Option<EditableName>")]
    pub retry_after_header_name: Option<String>,
    /// The variable that gets the seconds to wait when a call is refused.
    #[serde(default)]
    pub retry_after_variable_name: Option<String>,
    /// The response header that tells how many calls are left.
    #[serde(default)]
    #[schema(with = "Option<EditableName>")]
    pub remaining_calls_header_name: Option<String>,
    /// The variable that gets how many calls are left.
    #[serde(default)]
    pub remaining_calls_variable_name: Option<String>,
    /// The response header that tells the value of `calls`.
    #[serde(default)]
    #[schema(with = "Option<EditableName>")]
    pub total_calls_header_name: Option<String>,
}

/// A [`Rate`] at work.
#[derive(Debug)]
pub struct RateLimit {
    rule: Rule,
    cost: u64,
    total: String,
    retry_after_header: EditableName,
    retry_after_variable: Option<String>,
    remaining_header: Option<EditableName>,
    remaining_variable: Option<String>,
    total_header: Option<EditableName>,
}

impl RateLimit {
    /// Each call costs `cost` of the rate's calls.
    pub fn new(rate: Rate, cost: u64) -> Result<Self, ConfigError> {
        if cost > rate.calls {
            let message = format!("one call counts {cost}, but only {} are allowed; no call could pass", rate.calls);
            return Err(ConfigError::new("/increment-count", message));
        }
        // Checked here and not while it is read, because serde loses the place of what it flattens.
        let header = |name: Option<String>, pointer| {
            let name = name.map(|name| EditableName::parse(&name)).transpose();
            name.map_err(|message| ConfigError::new(pointer, message))
        };
        let retry_after = rate.retry_after_header_name.unwrap_or_else(|| "retry-after".into());
        Ok(Self {
            rule: Rule::sliding_window(rate.calls, ms_of_seconds(rate.renewal_period, "/renewal-period")?),
            cost,
            total: rate.calls.to_string(),
            retry_after_header: EditableName::parse(&retry_after)
                .map_err(|message| ConfigError::new("/retry-after-header-name", message))?,
            retry_after_variable: rate.retry_after_variable_name,
            remaining_header: header(rate.remaining_calls_header_name, "/remaining-calls-header-name")?,
            remaining_variable: rate.remaining_calls_variable_name,
            total_header: header(rate.total_calls_header_name, "/total-calls-header-name")?,
        })
    }

    /// Count a call, or refuse it; either way tell what is left.
    pub fn admit(&self, counter: &Counter) -> Result<(), Verdict> {
        let decision = limiter::admit(counter, self.cost, self.rule)?;
        self.tell(&decision)?;
        if decision.admitted { Ok(()) } else { Err(self.refuse(&decision)?) }
    }

    fn tell(&self, decision: &Decision) -> Result<(), Verdict> {
        if let Some(name) = &self.remaining_header {
            context::stage_response_header(name, decision.remaining.to_string())?;
        }
        if let Some(name) = &self.total_header {
            context::stage_response_header(name, &self.total)?;
        }
        if let Some(name) = &self.remaining_variable {
            variables::set(name, &decision.remaining)?;
        }
        Ok(())
    }

    fn refuse(&self, decision: &Decision) -> Result<Verdict, Verdict> {
        let seconds = seconds_of_ms(decision.retry_after_ms);
        if let Some(name) = &self.retry_after_variable {
            variables::set(name, &seconds)?;
        }
        let message = format!("Rate limit is exceeded. Try again in {seconds} seconds.");
        let failure = Failure::new(429, "RateLimitExceeded", message);
        Ok(failure.header(&*self.retry_after_header, seconds.to_string()).into())
    }
}
