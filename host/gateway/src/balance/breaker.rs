//! A circuit breaker: too many failures, and nothing is sent for a while; then one request at a time asks whether it is
//! over (`apim.md` §3, Backend).
//!
//! One for the whole gateway and not one per worker, so that `count: 5` means five. While it is closed and nothing fails,
//! a request costs one load; a failure takes a short lock.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tollgate_document::{BreakerRule, FailureReason, Threshold};

/// The parts that a percentage rule's interval has: what is counted leaves it in tenths.
const BUCKETS: usize = 10;

/// Whoever comes while a probe is under way may ask again after this time.
const PROBE_RETRY: Duration = Duration::from_secs(1);

/// The longest that an origin's `Retry-After` is heeded: a day.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(86_400);

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The status that the origin gave, or that the client is told because it gave none.
    pub(crate) status: u16,
    /// Why it gave none.
    pub(crate) reason: Option<FailureReason>,
    /// What its `Retry-After` says.
    pub(crate) retry_after: Option<Duration>,
}

/// What a breaker says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Go on.
    Closed,
    /// Go on, and the breaker waits for the outcome.
    Probe,
    /// Don't; ask again after this time.
    Open(Duration),
}

#[derive(Debug)]
pub(crate) struct Breaker {
    rules: Vec<BreakerRule>,
    /// Some rule counts what succeeds, too.
    counts_all: bool,
    /// Closed, and nothing that a success would have to reset.
    is_calm: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// One for each rule.
    counts: Vec<Counts>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Closed,
    /// How long it is open each time is the rule's that tripped it.
    Open {
        until: Instant,
        rule: usize,
    },
    Probing {
        rule: usize,
    },
}

#[derive(Debug)]
enum Counts {
    /// How many failed since the last success.
    InARow(u32),
    /// When the last failures were, no more than it takes.
    Failures(VecDeque<Instant>),
    /// All and failed, by part of the interval; `part` is the newest's number, from `since` on.
    Parts { since: Instant, part: u64, parts: [(u32, u32); BUCKETS] },
}

impl Breaker {
    pub(crate) fn new(rules: Vec<BreakerRule>) -> Breaker {
        let counts_all = rules.iter().any(|rule| matches!(rule.threshold, Threshold::Percentage { .. }));
        let counts = rules.iter().map(|rule| Counts::of(rule, Instant::now())).collect();
        let state = Mutex::new(State { phase: Phase::Closed, counts });
        Breaker { rules, counts_all, is_calm: AtomicBool::new(true), state }
    }

    pub(crate) fn rules(&self) -> &[BreakerRule] {
        &self.rules
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Would a request be let through? Changes nothing.
    pub(crate) fn would_admit(&self, now: Instant) -> Result<(), Duration> {
        if self.is_calm.load(Ordering::Acquire) {
            return Ok(());
        }
        match self.state().phase {
            Phase::Closed => Ok(()),
            Phase::Open { until, .. } if until <= now => Ok(()),
            Phase::Open { until, .. } => Err(until - now),
            Phase::Probing { .. } => Err(PROBE_RETRY),
        }
    }

    /// Let a request through, or not. After [`Admission::Probe`], `record` or `abandon` must follow.
    pub(crate) fn admit(&self, now: Instant) -> Admission {
        if self.is_calm.load(Ordering::Acquire) {
            return Admission::Closed;
        }
        let mut state = self.state();
        match state.phase {
            Phase::Closed => Admission::Closed,
            Phase::Open { until, rule } if until <= now => {
                state.phase = Phase::Probing { rule };
                Admission::Probe
            }
            Phase::Open { until, .. } => Admission::Open(until - now),
            Phase::Probing { .. } => Admission::Open(PROBE_RETRY),
        }
    }

    /// A probe ended without an outcome, because its client went away: the next request is one.
    pub(crate) fn abandon(&self, now: Instant) {
        let mut state = self.state();
        if let Phase::Probing { rule } = state.phase {
            state.phase = Phase::Open { until: now, rule };
        }
    }

    /// Count what became of a request. True if this opened the breaker.
    pub(crate) fn record(&self, outcome: &Outcome, was_probe: bool, now: Instant) -> bool {
        let failed = self.rules.iter().any(|rule| fails(rule, outcome));
        if !failed && !was_probe && !self.counts_all && self.is_calm.load(Ordering::Acquire) {
            return false;
        }
        let mut state = self.state();
        let opened = match state.phase {
            Phase::Probing { rule } if was_probe => {
                let rule = self.rules.iter().position(|rule| fails(rule, outcome)).or(failed.then_some(rule));
                match rule {
                    Some(rule) => self.open(&mut state, rule, outcome, now),
                    None => {
                        state.phase = Phase::Closed;
                        false
                    }
                }
            }
            Phase::Closed => self.count(&mut state, outcome, now),
            // It was sent before the breaker opened, and says nothing about now.
            Phase::Open { .. } | Phase::Probing { .. } => false,
        };
        let is_calm = state.phase == Phase::Closed && state.counts.iter().all(Counts::is_empty);
        self.is_calm.store(is_calm, Ordering::Release);
        opened
    }

    fn count(&self, state: &mut State, outcome: &Outcome, now: Instant) -> bool {
        let mut tripped = None;
        for (number, (rule, counts)) in self.rules.iter().zip(&mut state.counts).enumerate() {
            if counts.add(rule, fails(rule, outcome), now) {
                tripped = tripped.or(Some(number));
            }
        }
        tripped.is_some_and(|rule| self.open(state, rule, outcome, now))
    }

    fn open(&self, state: &mut State, rule: usize, outcome: &Outcome, now: Instant) -> bool {
        let Some(tripped) = self.rules.get(rule) else { return false };
        let told = outcome.retry_after.filter(|_| tripped.accept_retry_after);
        let time = told.map_or(tripped.trip_duration, |told| told.min(MAX_RETRY_AFTER));
        state.phase = Phase::Open { until: now + time, rule };
        state.counts = self.rules.iter().map(|rule| Counts::of(rule, now)).collect();
        true
    }
}

fn fails(rule: &BreakerRule, outcome: &Outcome) -> bool {
    rule.statuses.iter().any(|range| range.contains(&outcome.status))
        || outcome.reason.is_some_and(|reason| rule.reasons.contains(&reason))
}

impl Counts {
    fn of(rule: &BreakerRule, now: Instant) -> Counts {
        match rule.threshold {
            Threshold::InARow(_) => Counts::InARow(0),
            Threshold::Count(_) => Counts::Failures(VecDeque::new()),
            Threshold::Percentage { .. } => Counts::Parts { since: now, part: 0, parts: [(0, 0); BUCKETS] },
        }
    }

    /// Nothing that failed.
    fn is_empty(&self) -> bool {
        match self {
            Counts::InARow(failed) => *failed == 0,
            Counts::Failures(_) => true,
            Counts::Parts { .. } => true,
        }
    }

    /// Count a request; true if the rule's threshold is reached.
    fn add(&mut self, rule: &BreakerRule, failed: bool, now: Instant) -> bool {
        match (self, rule.threshold) {
            (Counts::InARow(count), Threshold::InARow(threshold)) => {
                *count = if failed { count.saturating_add(1) } else { 0 };
                *count >= threshold
            }
            (Counts::Failures(failures), Threshold::Count(threshold)) if failed => {
                let is_old = |at: &Instant| now.saturating_duration_since(*at) >= rule.interval;
                while failures.front().is_some_and(is_old) || failures.len() >= threshold as usize {
                    failures.pop_front();
                }
                failures.push_back(now);
                failures.len() >= threshold as usize
            }
            (Counts::Parts { since, part, parts }, Threshold::Percentage { percent, minimum }) => {
                let length = (rule.interval / BUCKETS as u32).max(Duration::from_millis(1));
                let current = (now.saturating_duration_since(*since).as_millis() / length.as_millis()) as u64;
                for past in 0..current.saturating_sub(*part).min(BUCKETS as u64) {
                    parts[((current - past) % BUCKETS as u64) as usize] = (0, 0);
                }
                *part = current.max(*part);
                let (all, bad) = &mut parts[(*part % BUCKETS as u64) as usize];
                *all = all.saturating_add(1);
                *bad = bad.saturating_add(u32::from(failed));
                let sum = |of: fn(&(u32, u32)) -> u32| parts.iter().map(|part| u64::from(of(part))).sum::<u64>();
                let (all, bad) = (sum(|part| part.0), sum(|part| part.1));
                failed && all >= u64::from(minimum) && bad * 100 >= all * u64::from(percent)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
#[path = "breaker/tests.rs"]
mod tests;
