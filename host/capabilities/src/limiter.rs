//! `tollgate:limiter/limiter`: whoever admits also counts, in one step, for all workers.

/// The three algorithms, on one key each, without a clock of their own.
mod algorithm;

/// Rate limits and permits of all keys.
mod store;

/// Quotas: counters that outlive the process.
mod quota;

/// Where quotas are kept on disk.
mod ledger;

use tollgate_bindings::limiter::limiter as wit;
use tollgate_bindings::limiter::limiter::{Counter, Host, LimiterError, Sharing};
use wasmtime::Result;

use crate::clock::{monotonic_us, unix_ms};
use crate::session::Session;

pub use algorithm::Rule;
pub use ledger::LedgerError;
pub use quota::QuotaStore;
pub use store::{Holds, LimiterStore};

/// The longest key of a counter.
const MAX_KEY_BYTES: usize = 1024;

/// A counter's name, with whoever shares it.
struct Name<'a> {
    sharing: &'static str,
    owner: &'a str,
    key: &'a str,
}

impl Session {
    fn counter_name<'a>(&'a self, counter: &'a Counter) -> Result<std::result::Result<Name<'a>, LimiterError>> {
        if counter.key.len() > MAX_KEY_BYTES {
            let problem = format!("the key has {} bytes; at most {MAX_KEY_BYTES} are taken", counter.key.len());
            return Ok(Err(LimiterError::Invalid(problem)));
        }
        let identity = self.identity()?;
        Ok(Ok(match counter.sharing {
            Sharing::Statement => Name { sharing: "s", owner: &identity.key, key: &counter.key },
            Sharing::Gateway => Name { sharing: "g", owner: &identity.name, key: &counter.key },
        }))
    }
}

fn rule(rule: wit::Rule) -> std::result::Result<Rule, LimiterError> {
    let rule = match rule {
        wit::Rule::SlidingWindow(w) => Rule::SlidingWindow { calls: w.calls, period_us: micros(w.period_ms) },
        wit::Rule::TokenBucket(b) => {
            Rule::TokenBucket { capacity: b.capacity, refill: b.refill, period_us: micros(b.period_ms) }
        }
        wit::Rule::FixedWindow(w) => {
            Rule::FixedWindow { calls: w.calls, period_ms: w.period_ms, anchor_unix_ms: w.anchor_unix_ms }
        }
    };
    match rule.problem() {
        Some(problem) => Err(LimiterError::Invalid(problem.into())),
        None => Ok(rule),
    }
}

fn micros(ms: u64) -> u64 {
    ms.saturating_mul(1000)
}

impl Host for Session {
    fn admit(
        &mut self,
        counter: Counter,
        cost: u64,
        asked: wit::Rule,
    ) -> Result<std::result::Result<wit::Decision, LimiterError>> {
        self.enter()?;
        let rule = match rule(asked) {
            Ok(rule) => rule,
            Err(error) => return Ok(Err(error)),
        };
        let name = match self.counter_name(&counter)? {
            Ok(name) => name,
            Err(error) => return Ok(Err(error)),
        };
        let parts = [name.sharing.as_bytes(), name.owner.as_bytes(), name.key.as_bytes()];
        let decision = self.services.limiter.admit(&parts, cost, rule, monotonic_us(), unix_ms());
        Ok(match decision {
            Some(decision) => Ok(wit::Decision {
                admitted: decision.admitted,
                remaining: decision.remaining,
                retry_after_ms: decision.retry_after_us.div_ceil(1000),
            }),
            None => Err(LimiterError::Capacity),
        })
    }

    fn admit_quota(
        &mut self,
        counter: Counter,
        cost: u64,
        asked: wit::Quota,
    ) -> Result<std::result::Result<wit::QuotaDecision, LimiterError>> {
        self.enter()?;
        let name = match self.counter_name(&counter)? {
            Ok(name) => name,
            Err(error) => return Ok(Err(error)),
        };
        let key = format!("{}/{}/{}", name.sharing, name.owner, name.key);
        let budget = quota::Budget {
            calls: asked.calls,
            bytes: asked.bytes,
            period_ms: asked.period_ms,
            anchor_unix_ms: asked.anchor_unix_ms,
        };
        let quotas = self.services.quotas.clone();
        let counted = self.exchange()?.holds.has_quota(&key);
        let cost = if counted { 0 } else { cost };
        let Some(decision) = quotas.admit(&key, cost, &budget, unix_ms()) else {
            return Ok(Err(LimiterError::Capacity));
        };
        if decision.exhausted.is_none() && !counted {
            self.exchange_mut()?.holds.add_quota(quotas, key, budget);
        }
        Ok(Ok(wit::QuotaDecision {
            exhausted: decision.exhausted.map(|part| match part {
                quota::Exhausted::Calls => wit::Exhausted::Calls,
                quota::Exhausted::Bytes => wit::Exhausted::Bytes,
            }),
            remaining_calls: decision.remaining_calls,
            remaining_bytes: decision.remaining_bytes,
            renews_in_ms: decision.renews_in_ms,
        }))
    }

    fn acquire(&mut self, counter: Counter, max: u32) -> Result<std::result::Result<bool, LimiterError>> {
        self.enter()?;
        let name = match self.counter_name(&counter)? {
            Ok(name) => name,
            Err(error) => return Ok(Err(error)),
        };
        let parts = [b"p".as_slice(), name.sharing.as_bytes(), name.owner.as_bytes(), name.key.as_bytes()];
        let permit = self.services.limiter.acquire(&parts, max);
        match permit {
            store::Acquired::Permit(permit) => {
                self.exchange_mut()?.holds.add_permit(permit);
                Ok(Ok(true))
            }
            store::Acquired::Taken => Ok(Ok(false)),
            store::Acquired::Full => Ok(Err(LimiterError::Capacity)),
        }
    }
}
