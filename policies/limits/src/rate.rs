//! So many calls in any interval of so many seconds.

use crate::impossible;
use crate::increment::Increment;
use crate::telling::Asked;
use tollgate_sdk::Verdict;
use tollgate_sdk::limiter::{self, Counter, Rule};

/// The longest interval in seconds; what lasts longer is a quota.
const LONGEST: u64 = 300;

/// How many calls are let through in any interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// At least 1.
    pub calls: u64,
    /// In seconds, 1 to 300.
    pub period: u64,
}

impl Rate {
    /// For numbers that expressions came to, which no schema has seen.
    pub fn computed(calls: u64, period: u64) -> Result<Self, Verdict> {
        match (calls, period) {
            (0, _) => Err(impossible("calls", calls, "at least 1")),
            (_, 1..=LONGEST) => Ok(Self { calls, period }),
            _ => Err(impossible("renewal-period", period, "1 to 300")),
        }
    }

    fn rule(self) -> Rule {
        Rule::sliding_window(self.calls, self.period.saturating_mul(1000))
    }
}

/// Ask one limit. What comes of it is for [`Telling::settle`](crate::Telling::settle).
pub fn admit(name: &'static str, counter: &Counter, increment: &Increment, rate: Rate) -> Result<Asked, Verdict> {
    let decision = match increment.is_late() {
        false => limiter::admit(counter, increment.cost, rate.rule())?,
        true => limiter::admit_later(counter, increment.cost, rate.rule(), increment.condition, increment.count)?,
    };
    Ok(Asked { name, rate, decision })
}
