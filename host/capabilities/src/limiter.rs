//! `tollgate:limiter/limiter`: whoever admits also counts, in one step, for all workers.

/// The three algorithms, on one key each, without a clock of their own.
mod algorithm;

/// Rate limits and permits of all keys.
mod store;

/// Quotas: counters that outlive the process.
mod quota;

/// Where quotas are kept on disk.
mod ledger;

/// What an exchange holds until it ends.
mod holds;

/// Charges that are known only at the end of an exchange.
mod later;

use tollgate_bindings::limiter::limiter as wit;
use tollgate_bindings::limiter::limiter::{Counter, Host, LimiterError, Sharing};
use wasmtime::Result;

use crate::clock::{monotonic_us, unix_ms};
use crate::session::Session;
use algorithm::{Ask, Decision};
use later::{Later, LaterCounter};

pub use algorithm::Rule;
pub use holds::Holds;
pub use ledger::LedgerError;
pub use quota::{Durability, QuotaHealth, QuotaStore, Unwritten};
pub use store::{Acquired, LimiterStore, Permit};

/// The longest key of a counter.
const MAX_KEY_BYTES: usize = 1024;

/// What the limiter said of a counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The counter's key.
    pub key: String,
    /// Whether the cost was admitted, or a permit given.
    pub admitted: bool,
    /// What may still be spent; none for permits and for quotas of bytes alone.
    pub remaining: Option<u64>,
}

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

    /// Leave a charge for the end of the outbound section.
    fn charge_later(
        &mut self,
        counter: LaterCounter,
        cost: u64,
        condition: Option<u32>,
        count: Option<u32>,
    ) -> Result<std::result::Result<(), LimiterError>> {
        let mut found = [None, None];
        for (slot, number) in found.iter_mut().zip([condition, count]) {
            let Some(number) = number else { continue };
            match self.expression(number)? {
                Some(expression) => *slot = Some(expression.clone()),
                None => return Ok(Err(LimiterError::Invalid(format!("there is no expression {number}")))),
            }
        }
        let [condition, count] = found;
        self.exchange_mut()?.holds.add_later(Later { counter, cost, condition, count });
        Ok(Ok(()))
    }
}

impl Name<'_> {
    /// Periods are a part of it: statements that share a key and not its period count apart.
    fn quota_key(&self, budget: &quota::Budget) -> String {
        let quota::Budget { period_ms, anchor_unix_ms, .. } = budget;
        format!("{}/{}/{period_ms}+{anchor_unix_ms}/{}", self.sharing, self.owner, self.key)
    }
}

fn told(decision: Decision) -> wit::Decision {
    wit::Decision {
        admitted: decision.admitted,
        remaining: decision.remaining,
        retry_after_ms: decision.retry_after_us.div_ceil(1000),
    }
}

fn budget(asked: &wit::Quota) -> quota::Budget {
    quota::Budget {
        calls: asked.calls,
        bytes: asked.bytes,
        period_ms: asked.period_ms,
        anchor_unix_ms: asked.anchor_unix_ms,
    }
}

fn quota_told(decision: quota::QuotaDecision) -> wit::QuotaDecision {
    wit::QuotaDecision {
        exhausted: decision.exhausted.map(|part| match part {
            quota::Exhausted::Calls => wit::Exhausted::Calls,
            quota::Exhausted::Bytes => wit::Exhausted::Bytes,
        }),
        remaining_calls: decision.remaining_calls,
        remaining_bytes: decision.remaining_bytes,
        renews_in_ms: decision.renews_in_ms,
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

impl Session {
    /// Tell a test of a policy what became of a counter; everywhere else it isn't asked for.
    fn note_count(&mut self, counter: &Counter, decided: Option<(bool, Option<u64>)>) -> Result<()> {
        if let (Some(counted), Some((admitted, remaining))) = (&mut self.exchange_mut()?.counted, decided) {
            counted.push(Counted { key: counter.key.clone(), admitted, remaining });
        }
        Ok(())
    }
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
        self.note_count(&counter, decision.map(|decision| (decision.admitted, Some(decision.remaining))))?;
        Ok(decision.map(told).ok_or(LimiterError::Capacity))
    }

    fn admit_later(
        &mut self,
        counter: Counter,
        cost: u64,
        asked: wit::Rule,
        condition: Option<u32>,
        count: Option<u32>,
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
        let key = self.services.limiter.meter_key(&parts, &rule);
        let Some(decision) = self.services.limiter.ask(key, Ask::Look, cost, rule, monotonic_us(), unix_ms()) else {
            return Ok(Err(LimiterError::Capacity));
        };
        self.note_count(&counter, Some((decision.admitted, Some(decision.remaining))))?;
        if decision.admitted
            && let Err(error) = self.charge_later(LaterCounter::Rate { key, rule }, cost, condition, count)?
        {
            return Ok(Err(error));
        }
        Ok(Ok(told(decision)))
    }

    fn admit_quota(
        &mut self,
        counter: Counter,
        cost: u64,
        asked: wit::Quota,
    ) -> Result<std::result::Result<wit::QuotaDecision, LimiterError>> {
        self.enter()?;
        let budget = budget(&asked);
        let key = match self.counter_name(&counter)? {
            Ok(name) => name.quota_key(&budget),
            Err(error) => return Ok(Err(error)),
        };
        let quotas = self.services.quotas.clone();
        let cost = if self.exchange()?.holds.has_counted(&key) { 0 } else { cost };
        let Some(decision) = quotas.admit(&key, cost, &budget, unix_ms()) else {
            return Ok(Err(LimiterError::Capacity));
        };
        self.note_count(&counter, Some((decision.exhausted.is_none(), decision.remaining_calls)))?;
        if decision.exhausted.is_none() {
            let unwritten = if cost > 0 { quotas.unwritten() } else { None };
            let holds = &mut self.exchange_mut()?.holds;
            holds.hold_quota(quotas, &key, budget);
            holds.set_counted(&key);
            if let Some(unwritten) = unwritten {
                holds.add_unwritten(unwritten);
            }
        }
        Ok(Ok(quota_told(decision)))
    }

    fn admit_quota_later(
        &mut self,
        counter: Counter,
        cost: u64,
        asked: wit::Quota,
        condition: Option<u32>,
        count: Option<u32>,
    ) -> Result<std::result::Result<wit::QuotaDecision, LimiterError>> {
        self.enter()?;
        let budget = budget(&asked);
        let key = match self.counter_name(&counter)? {
            Ok(name) => name.quota_key(&budget),
            Err(error) => return Ok(Err(error)),
        };
        let quotas = self.services.quotas.clone();
        let counted = self.exchange()?.holds.has_counted(&key);
        let Some(decision) = quotas.look(&key, if counted { 0 } else { cost }, &budget, unix_ms()) else {
            return Ok(Err(LimiterError::Capacity));
        };
        self.note_count(&counter, Some((decision.exhausted.is_none(), decision.remaining_calls)))?;
        if decision.exhausted.is_none() {
            // Held from now on; whether its bytes are counted is known when its calls are.
            self.exchange_mut()?.holds.hold_quota(quotas, &key, budget);
            if !counted
                && let Err(error) = self.charge_later(LaterCounter::Quota { key, budget }, cost, condition, count)?
            {
                return Ok(Err(error));
            }
        }
        Ok(Ok(quota_told(decision)))
    }

    fn acquire(&mut self, counter: Counter, max: u32) -> Result<std::result::Result<bool, LimiterError>> {
        self.enter()?;
        let name = match self.counter_name(&counter)? {
            Ok(name) => name,
            Err(error) => return Ok(Err(error)),
        };
        let parts = [b"p".as_slice(), name.sharing.as_bytes(), name.owner.as_bytes(), name.key.as_bytes()];
        let permit = self.services.limiter.acquire(&parts, max);
        self.note_count(&counter, Some((matches!(permit, store::Acquired::Permit(_)), None)))?;
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
