//! Which origin of a backend a request goes to, and whether it may go there at all.
//!
//! A backend is one origin or a pool. Of a pool, the origins of the lowest priority number that can be asked share the
//! requests by their weights; those whose circuit breaker is open or that were ejected are passed over. An ejection is a
//! guess, so it counts for nothing where there would be nobody left; an open circuit breaker is the operator's word.
//!
//! All workers share this, so that shares and counts are those of the gateway. What it costs: nothing for a single origin
//! without a circuit breaker, otherwise a lock for the length of a few additions.

/// When an origin isn't asked.
pub(crate) mod breaker;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, header};
use smallvec::SmallVec;
use tollgate_document::{BreakerRule, FailureReason};

use crate::respond::Rejection;
use crate::upstream::Target;
use breaker::{Admission, Breaker, Outcome};

/// Where requests go.
pub(crate) struct Backend {
    members: Vec<Member>,
    /// The priorities that there are, lowest first.
    priorities: Vec<u32>,
    /// For each member, how much it is owed: the smooth weighted round robin.
    owed: Mutex<Vec<i64>>,
}

/// An origin of a backend.
pub(crate) struct Member {
    pub(crate) target: Arc<Target>,
    pub(crate) weight: u32,
    pub(crate) priority: u32,
    pub(crate) breaker: Option<Arc<Breaker>>,
    pub(crate) ejection: Option<Arc<Breaker>>,
}

/// Nobody can be asked before this time has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unavailable(Duration);

impl From<Unavailable> for Rejection {
    fn from(unavailable: Unavailable) -> Rejection {
        // Rounded up: who comes back too early is refused again.
        let seconds = unavailable.0.as_millis().div_ceil(1000).max(1);
        Rejection::OriginUnavailable { retry_seconds: u32::try_from(seconds).unwrap_or(u32::MAX) }
    }
}

/// Leave to send one request to one origin. What becomes of the request is told to it; if nothing is, its client left.
pub(crate) struct Leave {
    backend: Arc<Backend>,
    number: usize,
    /// The outcome decides whether the breaker, or the ejection, ends.
    probes: Probes,
}

#[derive(Clone, Copy, Default)]
struct Probes {
    breaker: bool,
    ejection: bool,
}

/// Members that were tried for a request.
pub(crate) type Tried = SmallVec<[usize; 4]>;

impl Backend {
    /// A backend of at least one member.
    pub(crate) fn new(members: Vec<Member>) -> Arc<Backend> {
        let mut priorities: Vec<u32> = members.iter().map(|member| member.priority).collect();
        priorities.sort_unstable();
        priorities.dedup();
        let owed = Mutex::new(vec![0; members.len()]);
        Arc::new(Backend { members, priorities, owed })
    }

    /// A single origin that is always asked.
    pub(crate) fn single(target: Target) -> Arc<Backend> {
        Backend::new(vec![Member { target: Arc::new(target), weight: 1, priority: 1, breaker: None, ejection: None }])
    }

    /// Is there a choice, or somebody who counts?
    fn is_plain(&self) -> bool {
        matches!(self.members.as_slice(), [Member { breaker: None, ejection: None, .. }])
    }

    /// Choose an origin that wasn't tried yet.
    pub(crate) fn choose(self: &Arc<Backend>, tried: &Tried) -> Result<Leave, Unavailable> {
        let leave = |number, probes| Leave { backend: Arc::clone(self), number, probes };
        if self.is_plain() && tried.is_empty() {
            return Ok(leave(0, Probes::default()));
        }
        let now = Instant::now();
        let mut passed_over: Tried = tried.clone();
        for heeds_ejection in [true, false] {
            for priority in &self.priorities {
                while let Some(number) = self.next(*priority, &passed_over, heeds_ejection, now) {
                    let Some(member) = self.members.get(number) else { break };
                    match member.admit(heeds_ejection, now) {
                        Some(probes) => return Ok(leave(number, probes)),
                        // Another request was faster.
                        None => passed_over.push(number),
                    }
                }
            }
        }
        Err(Unavailable(self.wait(tried, now)))
    }

    /// The member of a priority whose turn it is.
    fn next(&self, priority: u32, passed_over: &Tried, heeds_ejection: bool, now: Instant) -> Option<usize> {
        let mut owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut total = 0;
        let mut best: Option<(usize, i64)> = None;
        for (number, (member, owed)) in self.members.iter().zip(owed.iter_mut()).enumerate() {
            if member.priority != priority || passed_over.contains(&number) || !member.would_admit(heeds_ejection, now)
            {
                continue;
            }
            let weight = i64::from(member.weight);
            total += weight;
            *owed += weight;
            if best.is_none_or(|(_, most)| *owed > most) {
                best = Some((number, *owed));
            }
        }
        let (number, _) = best?;
        if let Some(owed) = owed.get_mut(number) {
            *owed -= total;
        }
        Some(number)
    }

    /// How long until the first of those that weren't tried can be asked.
    fn wait(&self, tried: &Tried, now: Instant) -> Duration {
        let untried = self.members.iter().enumerate().filter(|(number, _)| !tried.contains(number));
        let waits = untried.filter_map(|(_, member)| member.breaker.as_ref()?.would_admit(now).err());
        waits.min().unwrap_or_default()
    }
}

impl Member {
    fn would_admit(&self, heeds_ejection: bool, now: Instant) -> bool {
        let admits = |breaker: &Option<Arc<Breaker>>| breaker.as_ref().is_none_or(|it| it.would_admit(now).is_ok());
        admits(&self.breaker) && (!heeds_ejection || admits(&self.ejection))
    }

    /// None if it doesn't after all.
    fn admit(&self, heeds_ejection: bool, now: Instant) -> Option<Probes> {
        let ask = |breaker: &Option<Arc<Breaker>>| match breaker.as_ref().map(|breaker| breaker.admit(now)) {
            None | Some(Admission::Closed) => Some(false),
            Some(Admission::Probe) => Some(true),
            Some(Admission::Open(_)) => None,
        };
        let breaker = ask(&self.breaker)?;
        let ejection = ask(&self.ejection);
        if ejection.is_none() && heeds_ejection {
            if let Some(it) = self.breaker.as_ref().filter(|_| breaker) {
                it.abandon(now);
            }
            return None;
        }
        Some(Probes { breaker, ejection: ejection.unwrap_or(false) })
    }
}

impl Leave {
    /// Where it goes.
    pub(crate) fn target(&self) -> Option<&Arc<Target>> {
        self.backend.members.get(self.number).map(|member| &member.target)
    }

    /// Which member it is.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// The origin responded.
    pub(crate) fn responded(self, status: u16, headers: &HeaderMap) {
        let Some(member) = self.backend.members.get(self.number) else { return };
        if member.breaker.is_none() && member.ejection.is_none() {
            return;
        }
        let retry_after = if status >= 400 { retry_after(headers) } else { None };
        self.record(&Outcome { status, reason: None, retry_after });
    }

    /// The origin failed, and this is what its client is about to be told; what isn't its fault isn't counted.
    pub(crate) fn failed(self, rejection: &Rejection) {
        let reason = match rejection {
            Rejection::OriginFailed(_) => FailureReason::Connection,
            Rejection::OriginTimeout(_) => FailureReason::Timeout,
            _ => return,
        };
        let status = rejection.status().as_u16();
        self.record(&Outcome { status, reason: Some(reason), retry_after: None });
    }

    fn record(mut self, outcome: &Outcome) {
        let probes = std::mem::take(&mut self.probes);
        let Some(member) = self.backend.members.get(self.number) else { return };
        let now = Instant::now();
        let origin = member.target.origin.name();
        for (breaker, was_probe, what) in [
            (&member.breaker, probes.breaker, "the circuit breaker of an origin has opened"),
            (&member.ejection, probes.ejection, "an origin of a pool is passed over for a while"),
        ] {
            if breaker.as_ref().is_some_and(|breaker| breaker.record(outcome, was_probe, now)) {
                tracing::warn!(origin, status = outcome.status, "{what}");
            }
        }
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        let Some(member) = self.backend.members.get(self.number) else { return };
        for (breaker, was_probe) in [(&member.breaker, self.probes.breaker), (&member.ejection, self.probes.ejection)] {
            if let Some(breaker) = breaker.as_ref().filter(|_| was_probe) {
                breaker.abandon(Instant::now());
            }
        }
    }
}

/// `Retry-After` (RFC 9110 §10.2.3): seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).ok()
}

/// Circuit breakers by name. They outlive plans, so that a reload closes none: as long as its rules stay what they are.
#[derive(Default)]
pub(crate) struct Breakers {
    known: Mutex<HashMap<String, Weak<Breaker>>>,
}

impl Breakers {
    /// The breaker of this name with these rules; none without rules.
    pub(crate) fn of(&self, name: &str, rules: &[BreakerRule]) -> Option<Arc<Breaker>> {
        if rules.is_empty() {
            return None;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(breaker) = known.get(name).and_then(Weak::upgrade).filter(|breaker| breaker.rules() == rules) {
            return Some(breaker);
        }
        known.retain(|_, breaker| breaker.strong_count() > 0);
        let breaker = Arc::new(Breaker::new(rules.to_vec()));
        known.insert(name.to_owned(), Arc::downgrade(&breaker));
        Some(breaker)
    }
}

#[cfg(test)]
#[path = "balance/tests.rs"]
mod tests;
