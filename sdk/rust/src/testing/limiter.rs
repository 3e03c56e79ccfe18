//! The limiter's algorithms, exact, on the world's clock.

use crate::limiter::{Counter, Decision, Exhausted, LimiterError, Quota, QuotaDecision, Rule, Sharing};
use std::collections::{HashMap, VecDeque};

/// A counter of one statement or component.
pub(crate) type Owned = (String, String);

#[derive(Debug, Default)]
pub(crate) struct Limiter {
    windows: HashMap<(Owned, String), Window>,
    quotas: HashMap<QuotaKey, Used>,
    permits: HashMap<Owned, u32>,
}

/// What is asked of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Count if there is room.
    Admit,
    /// Is there room? Nothing is counted.
    Look,
    /// Count, whether there is room or not.
    Charge,
}

#[derive(Debug)]
enum Window {
    Sliding(VecDeque<(u64, u64)>),
    /// Tokens times the period, so that whole numbers do.
    Bucket {
        level: u128,
        at: u64,
    },
    Fixed {
        period: i64,
        used: u64,
    },
}

/// A quota's counter in one of its periods.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct QuotaKey {
    owned: Owned,
    period_ms: u64,
    anchor_unix_ms: i64,
    period: i64,
}

#[derive(Debug, Default)]
struct Used {
    calls: u64,
    bytes: u64,
}

/// The counter's full name: who shares it, and its key.
pub(crate) fn owned(counter: &Counter, component: &str, statement: &str) -> Result<Owned, LimiterError> {
    if counter.key.len() > 1024 {
        return Err(LimiterError::Invalid("the key is longer than 1,024 bytes".into()));
    }
    let owner = match counter.sharing {
        Sharing::Statement => format!("statement {statement}"),
        Sharing::Gateway => format!("component {component}"),
    };
    Ok((owner, counter.key.clone()))
}

impl Limiter {
    pub(crate) fn admit(
        &mut self,
        owned: Owned,
        ask: Ask,
        cost: u64,
        rule: Rule,
        now: u64,
        unix: u64,
    ) -> Result<Decision, LimiterError> {
        let zero = match &rule {
            Rule::SlidingWindow(rule) => rule.calls == 0 || rule.period_ms == 0,
            Rule::TokenBucket(rule) => rule.capacity == 0 || rule.refill == 0 || rule.period_ms == 0,
            Rule::FixedWindow(rule) => rule.calls == 0 || rule.period_ms == 0,
        };
        if zero {
            return Err(LimiterError::Invalid("a period or limit of the rule is 0".into()));
        }
        let window = self.windows.entry((owned, format!("{rule:?}"))).or_insert_with(|| match &rule {
            Rule::SlidingWindow(_) => Window::Sliding(VecDeque::new()),
            Rule::TokenBucket(rule) => {
                Window::Bucket { level: u128::from(rule.capacity) * u128::from(rule.period_ms), at: now }
            }
            Rule::FixedWindow(_) => Window::Fixed { period: 0, used: 0 },
        });
        Ok(match (rule, window) {
            (Rule::SlidingWindow(rule), Window::Sliding(stamps)) => {
                slide(stamps, ask, cost, rule.calls, rule.period_ms, now)
            }
            (Rule::TokenBucket(rule), Window::Bucket { level, at }) => {
                let period = u128::from(rule.period_ms);
                let refilled = *level + u128::from(rule.refill) * u128::from(now - *at);
                *level = refilled.min(u128::from(rule.capacity) * period);
                *at = now;
                let wanted = u128::from(cost) * period;
                let admitted = wanted <= *level || ask == Ask::Charge;
                let retry_after_ms = if admitted {
                    *level = if ask == Ask::Look { *level } else { level.saturating_sub(wanted) };
                    0
                } else {
                    narrow((wanted - *level).div_ceil(u128::from(rule.refill)))
                };
                Decision { admitted, remaining: narrow(*level / period), retry_after_ms }
            }
            (Rule::FixedWindow(rule), Window::Fixed { period, used }) => {
                let (current, ends_in) = period_at(unix, rule.anchor_unix_ms, rule.period_ms);
                if *period != current {
                    (*period, *used) = (current, 0);
                }
                let admitted = cost <= rule.calls.saturating_sub(*used) || ask == Ask::Charge;
                *used += if admitted && ask != Ask::Look { cost } else { 0 };
                let retry_after_ms = if admitted { 0 } else { ends_in };
                Decision { admitted, remaining: rule.calls.saturating_sub(*used), retry_after_ms }
            }
            _ => unreachable!("the rule is part of the key"),
        })
    }

    /// `counted`: this exchange has been counted already, so only look.
    pub(crate) fn admit_quota(
        &mut self,
        owned: Owned,
        ask: Ask,
        cost: u64,
        quota: Quota,
        unix: u64,
        counted: bool,
    ) -> Result<(QuotaDecision, QuotaKey), LimiterError> {
        let (period, renews_in_ms) = match quota.period_ms {
            0 => (0, None),
            ms => {
                let (period, ends_in) = period_at(unix, quota.anchor_unix_ms, ms);
                (period, Some(ends_in))
            }
        };
        let key = QuotaKey { owned, period_ms: quota.period_ms, anchor_unix_ms: quota.anchor_unix_ms, period };
        let used = self.quotas.entry(key.clone()).or_default();
        let cost = if counted { 0 } else { cost };
        let exhausted = match (quota.calls, quota.bytes) {
            _ if ask == Ask::Charge => None,
            (Some(calls), _) if cost > calls.saturating_sub(used.calls) => Some(Exhausted::Calls),
            (_, Some(bytes)) if !counted && used.bytes >= bytes => Some(Exhausted::Bytes),
            _ => None,
        };
        if exhausted.is_none() && ask != Ask::Look {
            used.calls += cost;
        }
        let decision = QuotaDecision {
            exhausted,
            remaining_calls: quota.calls.map(|calls| calls.saturating_sub(used.calls)),
            remaining_bytes: quota.bytes.map(|bytes| bytes.saturating_sub(used.bytes)),
            renews_in_ms,
        };
        Ok((decision, key))
    }

    pub(crate) fn add_bytes(&mut self, key: &QuotaKey, bytes: u64) {
        self.quotas.entry(key.clone()).or_default().bytes += bytes;
    }

    pub(crate) fn acquire(&mut self, owned: Owned, max: u32) -> bool {
        let taken = self.permits.entry(owned).or_default();
        let free = *taken < max;
        *taken += u32::from(free);
        free
    }

    pub(crate) fn release(&mut self, owned: &Owned) {
        if let Some(taken) = self.permits.get_mut(owned) {
            *taken = taken.saturating_sub(1);
        }
    }
}

fn slide(stamps: &mut VecDeque<(u64, u64)>, ask: Ask, cost: u64, calls: u64, period: u64, now: u64) -> Decision {
    while stamps.front().is_some_and(|(at, _)| at + period <= now) {
        stamps.pop_front();
    }
    let used: u64 = stamps.iter().map(|(_, cost)| cost).sum();
    let free = calls.saturating_sub(used);
    if ask == Ask::Look && cost <= free {
        return Decision { admitted: true, remaining: free, retry_after_ms: 0 };
    }
    if ask == Ask::Charge || cost <= free {
        stamps.push_back((now, cost));
        return Decision { admitted: true, remaining: free.saturating_sub(cost), retry_after_ms: 0 };
    }
    let mut freed = 0;
    let wait = stamps.iter().find_map(|(at, cost_then)| {
        freed += cost_then;
        (cost + used <= calls + freed).then_some(at + period - now)
    });
    Decision { admitted: false, remaining: free, retry_after_ms: wait.unwrap_or(period) }
}

/// Which period this is, and how long it lasts yet.
fn period_at(unix_ms: u64, anchor_unix_ms: i64, period_ms: u64) -> (i64, u64) {
    let since = i128::from(unix_ms) - i128::from(anchor_unix_ms);
    let period = i128::from(period_ms);
    let ends_in = period - since.rem_euclid(period);
    (since.div_euclid(period) as i64, ends_in as u64)
}

fn narrow(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Owned {
        ("statement s".into(), "k".into())
    }

    #[test]
    fn a_sliding_window_holds_in_every_interval() {
        let mut limiter = Limiter::default();
        let mut admit = |now| limiter.admit(key(), Ask::Admit, 1, Rule::sliding_window(2, 1000), now, 0).unwrap();
        assert_eq!(admit(0), Decision { admitted: true, remaining: 1, retry_after_ms: 0 });
        assert_eq!(admit(600), Decision { admitted: true, remaining: 0, retry_after_ms: 0 });
        assert_eq!(admit(999), Decision { admitted: false, remaining: 0, retry_after_ms: 1 });
        assert!(admit(1000).admitted);
        assert_eq!(admit(1001), Decision { admitted: false, remaining: 0, retry_after_ms: 599 });
    }

    #[test]
    fn a_bucket_refills_evenly() {
        let mut limiter = Limiter::default();
        let mut admit = |now| limiter.admit(key(), Ask::Admit, 1, Rule::token_bucket(2, 1, 300), now, 0).unwrap();
        assert!(admit(0).admitted && admit(0).admitted);
        assert_eq!(admit(100), Decision { admitted: false, remaining: 0, retry_after_ms: 200 });
        assert!(admit(300).admitted);
    }

    #[test]
    fn a_fixed_window_begins_at_its_anchor() {
        let mut limiter = Limiter::default();
        let mut admit = |unix| limiter.admit(key(), Ask::Admit, 1, Rule::fixed_window(1, 1000, -300), 0, unix).unwrap();
        assert!(admit(0).admitted);
        assert_eq!(admit(100), Decision { admitted: false, remaining: 0, retry_after_ms: 600 });
        assert!(admit(700).admitted);
    }

    #[test]
    fn looking_counts_nothing_and_charging_counts_beyond_the_limit() {
        for rule in [Rule::sliding_window(2, 1000), Rule::token_bucket(2, 2, 1000), Rule::fixed_window(2, 1000, 0)] {
            let mut limiter = Limiter::default();
            let mut ask = |ask, cost| limiter.admit(key(), ask, cost, rule, 0, 0).unwrap();
            for _ in 0..5 {
                assert_eq!(ask(Ask::Look, 1), Decision { admitted: true, remaining: 2, retry_after_ms: 0 });
            }
            ask(Ask::Charge, 5);
            let refused = ask(Ask::Look, 1);
            assert!(!refused.admitted && refused.remaining == 0, "{rule:?}");
        }
    }

    #[test]
    fn a_rule_of_nothing_is_invalid() {
        let refused = Limiter::default().admit(key(), Ask::Admit, 1, Rule::sliding_window(0, 1), 0, 0);
        assert!(matches!(refused, Err(LimiterError::Invalid(_))));
    }

    #[test]
    fn bytes_exhaust_a_quota_until_its_period_ends() {
        let mut limiter = Limiter::default();
        let quota = Quota { calls: None, bytes: Some(10), period_ms: 1000, anchor_unix_ms: 0 };
        let admit =
            |limiter: &mut Limiter, unix| limiter.admit_quota(key(), Ask::Admit, 1, quota, unix, false).unwrap();
        let (decision, used) = admit(&mut limiter, 0);
        assert_eq!((decision.exhausted, decision.remaining_bytes), (None, Some(10)));
        limiter.add_bytes(&used, 12);
        let (decision, _) = admit(&mut limiter, 400);
        assert_eq!((decision.exhausted, decision.renews_in_ms), (Some(Exhausted::Bytes), Some(600)));
        assert_eq!(admit(&mut limiter, 1000).0.exhausted, None);
    }
}
