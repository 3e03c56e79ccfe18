//! Counting that is exact: whoever admits also counts, in one step, for all workers of the gateway.
//!
//! Needs the grant `limiter`.

use crate::bindings::imports::tollgate::limiter::limiter as wit;
use crate::host::limiter as host;
use crate::verdict::Verdict;

pub use wit::{
    Counter, Decision, Exhausted, FixedWindow, LimiterError, Quota, QuotaDecision, Rule, Sharing, SlidingWindow,
    TokenBucket,
};

/// Admit `cost` under `rule`, or refuse, in one atomic step. A refusal counts nothing.
///
/// A counter takes on the rule it is used with: using one key with two rules makes two counters.
pub fn admit(counter: &Counter, cost: u64, rule: Rule) -> Result<Decision, LimiterError> {
    host::admit(counter, cost, rule)
}

/// Look whether `cost` could be admitted now, and count nothing. At the end of the outbound section the gateway evaluates
/// `condition` (true if there is none) and `count` (`cost` if there is none), numbers of expressions as
/// [`Dynamic::expression`](crate::Dynamic::expression) gives them, and counts then, whether the limit is passed or not.
pub fn admit_later(
    counter: &Counter,
    cost: u64,
    rule: Rule,
    condition: Option<u32>,
    count: Option<u32>,
) -> Result<Decision, LimiterError> {
    host::admit_later(counter, cost, rule, condition, count)
}

/// Admit `cost` calls under a quota that outlives the process, or refuse.
///
/// The gateway adds an admitted exchange's body bytes when it ends. One exchange counts once per counter,
/// however many statements name it.
pub fn admit_quota(counter: &Counter, cost: u64, quota: Quota) -> Result<QuotaDecision, LimiterError> {
    host::admit_quota(counter, cost, quota)
}

/// Like [`admit_quota`], but counts at the end of the outbound section, as [`admit_later`] does.
pub fn admit_quota_later(
    counter: &Counter,
    cost: u64,
    quota: Quota,
    condition: Option<u32>,
    count: Option<u32>,
) -> Result<QuotaDecision, LimiterError> {
    host::admit_quota_later(counter, cost, quota, condition, count)
}

/// Take one of `max` permits; false if all are taken. The gateway gives it back when the exchange ends.
pub fn acquire(counter: &Counter, max: u32) -> Result<bool, LimiterError> {
    host::acquire(counter, max)
}

impl Counter {
    /// A counter of this statement alone, at this place in the document.
    pub fn of_statement(key: impl Into<String>) -> Self {
        Self { sharing: Sharing::Statement, key: key.into() }
    }

    /// A counter of every statement of this component, wherever it stands in the document.
    pub fn of_gateway(key: impl Into<String>) -> Self {
        Self { sharing: Sharing::Gateway, key: key.into() }
    }
}

impl Rule {
    /// At most `calls` in every interval of `period_ms`, wherever the interval begins.
    pub fn sliding_window(calls: u64, period_ms: u64) -> Self {
        Self::SlidingWindow(SlidingWindow { calls, period_ms })
    }

    /// Holds `capacity` tokens, full at first; `refill` come back every `period_ms`, evenly.
    pub fn token_bucket(capacity: u64, refill: u64, period_ms: u64) -> Self {
        Self::TokenBucket(TokenBucket { capacity, refill, period_ms })
    }

    /// At most `calls` in each period; periods follow one another from `anchor_unix_ms`.
    pub fn fixed_window(calls: u64, period_ms: u64, anchor_unix_ms: i64) -> Self {
        Self::FixedWindow(FixedWindow { calls, period_ms, anchor_unix_ms })
    }
}

impl From<LimiterError> for Verdict {
    fn from(error: LimiterError) -> Self {
        Verdict::Fail(format!("the limiter can't count: {error:?}"))
    }
}
