//! So many calls or bytes in each period of so many seconds, counted for good.

use crate::increment::Increment;
use crate::time::{ms_of_seconds, seconds_of_ms, time_span};
use tollgate_sdk::limiter::{self, Counter, Exhausted};
use tollgate_sdk::{ConfigError, Failure, Verdict, configuration};

/// What `quota` and `quota-by-key` let operators say.
#[configuration]
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    /// How many calls are let through in each period.
    #[serde(default)]
    #[schema(range(min = 1))]
    pub calls: Option<u64>,
    /// How many kilobytes (1,024 bytes) of request and response bodies are let through in each period.
    #[serde(default)]
    #[schema(range(min = 1))]
    pub bandwidth: Option<u64>,
    /// The length of a period in seconds; 0 for one that never ends.
    pub renewal_period: u64,
}

/// A [`Quota`] at work.
#[derive(Debug)]
pub struct QuotaLimit {
    calls: Option<u64>,
    bytes: Option<u64>,
    period_ms: u64,
    increment: Increment,
}

impl QuotaLimit {
    /// Calls count as `increment` says.
    pub fn new(quota: Quota, increment: Increment) -> Result<Self, ConfigError> {
        let Quota { calls, bandwidth, renewal_period } = quota;
        if calls.is_none() && bandwidth.is_none() {
            return Err(ConfigError::new("", "`calls` or `bandwidth` is needed"));
        }
        if let Some(calls) = calls {
            increment.fits(calls)?;
        }
        let bytes = |kilobytes: u64| {
            kilobytes
                .checked_mul(1024)
                .ok_or_else(|| ConfigError::new("/bandwidth", "more kilobytes than can be counted"))
        };
        Ok(Self {
            calls,
            bytes: bandwidth.map(bytes).transpose()?,
            period_ms: ms_of_seconds(renewal_period, "/renewal-period")?,
            increment,
        })
    }

    /// Count a call in the period that `anchor_unix_ms` sets, or refuse it.
    pub fn admit(&self, counter: &Counter, anchor_unix_ms: i64) -> Result<(), Verdict> {
        let quota = limiter::Quota { calls: self.calls, bytes: self.bytes, period_ms: self.period_ms, anchor_unix_ms };
        let Increment { condition, count, cost } = self.increment;
        let decision = match self.increment.is_late() {
            false => limiter::admit_quota(counter, cost, quota)?,
            true => limiter::admit_quota_later(counter, cost, quota, condition, count)?,
        };
        match decision.exhausted {
            None => Ok(()),
            Some(exhausted) => Err(refuse(exhausted, decision.renews_in_ms).into()),
        }
    }
}

fn refuse(exhausted: Exhausted, renews_in_ms: Option<u64>) -> Failure {
    let what = match exhausted {
        Exhausted::Calls => "Out of call volume quota.",
        Exhausted::Bytes => "Out of bandwidth quota.",
    };
    let Some(ms) = renews_in_ms else {
        return Failure::new(403, "QuotaExceeded", what);
    };
    let seconds = seconds_of_ms(ms);
    let message = format!("{what} Quota will be replenished in {}.", time_span(seconds));
    Failure::new(403, "QuotaExceeded", message).header("retry-after", seconds.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_tells_when_the_period_ends() {
        let failure = refuse(Exhausted::Calls, Some(780_862_001));
        assert_eq!((failure.status(), failure.reason()), (403, "QuotaExceeded"));
        assert_eq!(failure.message(), "Out of call volume quota. Quota will be replenished in 9.00:54:23.");
        assert_eq!(failure.headers()[0].value, b"780863");
    }

    #[test]
    fn a_quota_without_end_promises_nothing() {
        let failure = refuse(Exhausted::Bytes, None);
        assert_eq!(failure.message(), "Out of bandwidth quota.");
        assert!(failure.headers().is_empty());
    }

    #[test]
    fn what_can_not_be_counted_is_refused() {
        let pointer = |quota, cost| QuotaLimit::new(quota, Increment { cost, ..Increment::ONE }).unwrap_err().pointer;
        let quota = Quota { calls: Some(2), bandwidth: None, renewal_period: 0 };
        assert_eq!(pointer(Quota { calls: None, ..quota }, 1), "");
        assert_eq!(pointer(quota, 3), "/increment-count");
        assert_eq!(pointer(Quota { bandwidth: Some(u64::MAX), ..quota }, 1), "/bandwidth");
        assert_eq!(pointer(Quota { renewal_period: u64::MAX, ..quota }, 1), "/renewal-period");
    }
}
