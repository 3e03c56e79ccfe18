//! The three algorithms, on one key each. Pure: time comes in, a decision comes out.

use std::collections::VecDeque;

/// How many time stamps a sliding window keeps before neighbours share one.
const STAMPS: u64 = 64;

/// How a key is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// At most `calls` in every interval of `period_us`.
    SlidingWindow {
        /// The limit.
        calls: u64,
        /// Microseconds.
        period_us: u64,
    },
    /// `capacity` tokens, of which `refill` come back every `period_us`.
    TokenBucket {
        /// The most tokens there are.
        capacity: u64,
        /// Tokens per period.
        refill: u64,
        /// Microseconds.
        period_us: u64,
    },
    /// At most `calls` in each period on the wall clock.
    FixedWindow {
        /// The limit.
        calls: u64,
        /// Milliseconds.
        period_ms: u64,
        /// Where periods begin: milliseconds since 1970-01-01T00:00:00Z.
        anchor_unix_ms: i64,
    },
}

impl Rule {
    /// Why this is no rule, if it isn't.
    pub fn problem(&self) -> Option<&'static str> {
        let (limit, period) = match *self {
            Rule::SlidingWindow { calls, period_us } => (calls, period_us),
            Rule::TokenBucket { capacity, refill, period_us } => (capacity.min(refill), period_us),
            Rule::FixedWindow { calls, period_ms, .. } => (calls, period_ms),
        };
        match (limit, period) {
            (0, _) => Some("a limit of 0 admits nothing"),
            (_, 0) => Some("a period of 0 has no meaning"),
            _ => None,
        }
    }

    /// A number that tells rules apart, for keys.
    pub(crate) fn bytes(&self) -> [u8; 25] {
        let (kind, a, b, c) = match *self {
            Rule::SlidingWindow { calls, period_us } => (0, calls, period_us, 0),
            Rule::TokenBucket { capacity, refill, period_us } => (1, capacity, refill, period_us),
            Rule::FixedWindow { calls, period_ms, anchor_unix_ms } => {
                (2, calls, period_ms, u64::from_ne_bytes(anchor_unix_ms.to_ne_bytes()))
            }
        };
        let mut bytes = [kind; 25];
        for (at, number) in [a, b, c].into_iter().enumerate() {
            let from = 1 + at * 8;
            bytes[from..from + 8].copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }
}

/// The two clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// Monotonic microseconds.
    pub(crate) us: u64,
    /// Wall-clock milliseconds since 1970.
    pub(crate) unix_ms: i64,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// True: the cost has been counted.
    pub admitted: bool,
    /// What may still be spent now.
    pub remaining: u64,
    /// Until the same cost can be admitted.
    pub retry_after_us: u64,
}

/// What is asked of a meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Count if there is room.
    Admit,
    /// Is there room? Nothing is counted.
    Look,
    /// Count, whether there is room or not.
    Charge,
}

/// What is known of one key.
#[derive(Debug)]
pub(crate) enum Meter {
    Window(Window),
    Bucket(Bucket),
    Period(Period),
}

impl Meter {
    pub(crate) fn new(rule: &Rule, now: Now) -> Meter {
        match rule {
            Rule::SlidingWindow { .. } => Meter::Window(Window::default()),
            Rule::TokenBucket { capacity, period_us, .. } => {
                Meter::Bucket(Bucket { level: u128::from(*capacity) * u128::from(*period_us), at: now.us })
            }
            Rule::FixedWindow { .. } => Meter::Period(Period { index: i128::MIN, spent: 0 }),
        }
    }

    /// Admit or refuse. `None` if the meter was made for another kind of rule, which keys exclude.
    pub(crate) fn admit(&mut self, rule: &Rule, ask: Ask, cost: u64, now: Now) -> Option<Decision> {
        match (self, *rule) {
            (Meter::Window(window), Rule::SlidingWindow { calls, period_us }) => {
                Some(window.admit(ask, cost, calls, period_us, now.us))
            }
            (Meter::Bucket(bucket), Rule::TokenBucket { capacity, refill, period_us }) => {
                Some(bucket.admit(ask, cost, capacity, refill, period_us, now.us))
            }
            (Meter::Period(period), Rule::FixedWindow { calls, period_ms, anchor_unix_ms }) => {
                Some(period.admit(ask, cost, calls, period_ms, anchor_unix_ms, now.unix_ms))
            }
            _ => None,
        }
    }

    /// How much of the limit is used, in parts of 1,000: 0 for a key that might as well not be known.
    pub(crate) fn used_permille(&mut self, rule: &Rule, now: Now) -> u64 {
        let (limit, remaining) = match (self, *rule) {
            (Meter::Window(window), Rule::SlidingWindow { calls, period_us }) => {
                window.expire(period_us, now.us);
                (calls, calls.saturating_sub(window.spent))
            }
            (Meter::Bucket(bucket), Rule::TokenBucket { capacity, refill, period_us }) => {
                bucket.refill(capacity, refill, period_us, now.us);
                (capacity, whole(bucket.level, period_us))
            }
            (Meter::Period(period), Rule::FixedWindow { calls, period_ms, anchor_unix_ms }) => {
                period.turn(period_ms, anchor_unix_ms, now.unix_ms);
                (calls, calls.saturating_sub(period.spent))
            }
            _ => return 0,
        };
        let used = limit.saturating_sub(remaining);
        if used == 0 { 0 } else { (used.saturating_mul(1000) / limit.max(1)).max(1) }
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Meter::Window(window) => window.stamps.capacity() * size_of::<Stamp>(),
            Meter::Bucket(_) | Meter::Period(_) => 0,
        }
    }
}

/// Costs that were admitted between `first` and `last`. They count until `last` is a period ago: never too short.
#[derive(Debug)]
struct Stamp {
    first: u64,
    last: u64,
    cost: u64,
}

/// A sliding window.
#[derive(Debug, Default)]
pub(crate) struct Window {
    stamps: VecDeque<Stamp>,
    spent: u64,
}

impl Window {
    fn expire(&mut self, period_us: u64, now: u64) {
        while let Some(stamp) = self.stamps.front() {
            if stamp.last.saturating_add(period_us) > now {
                break;
            }
            self.spent = self.spent.saturating_sub(stamp.cost);
            self.stamps.pop_front();
        }
    }

    fn admit(&mut self, ask: Ask, cost: u64, calls: u64, period_us: u64, now: u64) -> Decision {
        self.expire(period_us, now);
        let after = self.spent.saturating_add(cost);
        if after > calls && ask != Ask::Charge {
            let retry_after_us = self.wait(after - calls, period_us, now);
            return Decision { admitted: false, remaining: calls.saturating_sub(self.spent), retry_after_us };
        }
        if ask == Ask::Look {
            return Decision { admitted: true, remaining: calls.saturating_sub(self.spent), retry_after_us: 0 };
        }
        if cost > 0 {
            self.spent = after;
            let grain = if calls <= STAMPS { 0 } else { period_us / STAMPS };
            match self.stamps.back_mut() {
                Some(stamp) if now.saturating_sub(stamp.first) < grain => {
                    stamp.last = stamp.last.max(now);
                    stamp.cost = stamp.cost.saturating_add(cost);
                }
                _ => self.stamps.push_back(Stamp { first: now, last: now, cost }),
            }
        }
        Decision { admitted: true, remaining: calls.saturating_sub(after), retry_after_us: 0 }
    }

    /// Until `excess` has left the window.
    fn wait(&self, excess: u64, period_us: u64, now: u64) -> u64 {
        let mut freed = 0u64;
        for stamp in &self.stamps {
            freed = freed.saturating_add(stamp.cost);
            if freed >= excess {
                return stamp.last.saturating_add(period_us).saturating_sub(now);
            }
        }
        period_us
    }
}

/// A token bucket. `level` is in tokens × `period_us`, so that refilling is exact in whole numbers.
#[derive(Debug)]
pub(crate) struct Bucket {
    level: u128,
    at: u64,
}

fn whole(level: u128, period_us: u64) -> u64 {
    u64::try_from(level / u128::from(period_us.max(1))).unwrap_or(u64::MAX)
}

impl Bucket {
    fn refill(&mut self, capacity: u64, refill: u64, period_us: u64, now: u64) {
        let gained = u128::from(now.saturating_sub(self.at)) * u128::from(refill);
        let full = u128::from(capacity) * u128::from(period_us);
        self.level = self.level.saturating_add(gained).min(full);
        self.at = self.at.max(now);
    }

    fn admit(&mut self, ask: Ask, cost: u64, capacity: u64, refill: u64, period_us: u64, now: u64) -> Decision {
        self.refill(capacity, refill, period_us, now);
        let price = u128::from(cost) * u128::from(period_us);
        if price > self.level && ask != Ask::Charge {
            let wait = (price - self.level).div_ceil(u128::from(refill.max(1)));
            return Decision {
                admitted: false,
                remaining: whole(self.level, period_us),
                retry_after_us: u64::try_from(wait).unwrap_or(u64::MAX),
            };
        }
        if ask != Ask::Look {
            self.level = self.level.saturating_sub(price);
        }
        Decision { admitted: true, remaining: whole(self.level, period_us), retry_after_us: 0 }
    }
}

/// A period on the wall clock.
#[derive(Debug)]
pub(crate) struct Period {
    index: i128,
    spent: u64,
}

/// Which period a moment lies in, counted from the anchor.
pub(crate) fn period_index(period_ms: u64, anchor_unix_ms: i64, unix_ms: i64) -> i128 {
    (i128::from(unix_ms) - i128::from(anchor_unix_ms)).div_euclid(i128::from(period_ms.max(1)))
}

/// When that period ends, from now.
pub(crate) fn period_ends_in_ms(period_ms: u64, anchor_unix_ms: i64, unix_ms: i64) -> u64 {
    let into = (i128::from(unix_ms) - i128::from(anchor_unix_ms)).rem_euclid(i128::from(period_ms.max(1)));
    period_ms - u64::try_from(into).unwrap_or(0)
}

impl Period {
    /// A wall clock that is stepped back gives nobody a period a second time.
    fn turn(&mut self, period_ms: u64, anchor_unix_ms: i64, unix_ms: i64) {
        let index = period_index(period_ms, anchor_unix_ms, unix_ms);
        if index > self.index {
            self.index = index;
            self.spent = 0;
        }
    }

    fn admit(
        &mut self,
        ask: Ask,
        cost: u64,
        calls: u64,
        period_ms: u64,
        anchor_unix_ms: i64,
        unix_ms: i64,
    ) -> Decision {
        self.turn(period_ms, anchor_unix_ms, unix_ms);
        let after = self.spent.saturating_add(cost);
        if after > calls && ask != Ask::Charge {
            let retry_after_us = period_ends_in_ms(period_ms, anchor_unix_ms, unix_ms).saturating_mul(1000);
            return Decision { admitted: false, remaining: calls.saturating_sub(self.spent), retry_after_us };
        }
        if ask != Ask::Look {
            self.spent = after;
        }
        Decision { admitted: true, remaining: calls.saturating_sub(self.spent), retry_after_us: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(us: u64) -> Now {
        Now { us, unix_ms: i64::try_from(us / 1000).unwrap() }
    }

    #[test]
    fn a_window_admits_its_calls_and_tells_when_the_next_may_come() {
        let rule = Rule::SlidingWindow { calls: 2, period_us: 1000 };
        let mut meter = Meter::new(&rule, at(0));
        assert_eq!(meter.admit(&rule, Ask::Admit, 1, at(0)).unwrap().remaining, 1);
        assert!(meter.admit(&rule, Ask::Admit, 1, at(400)).unwrap().admitted);
        let refused = meter.admit(&rule, Ask::Admit, 1, at(600)).unwrap();
        assert_eq!(refused, Decision { admitted: false, remaining: 0, retry_after_us: 400 });
        assert!(meter.admit(&rule, Ask::Admit, 1, at(1000)).unwrap().admitted);
        assert_eq!(meter.admit(&rule, Ask::Admit, 2, at(1000)).unwrap().retry_after_us, 1000);
    }

    #[test]
    fn a_bucket_refills_evenly() {
        let rule = Rule::TokenBucket { capacity: 2, refill: 1, period_us: 1000 };
        let mut meter = Meter::new(&rule, at(0));
        assert!(meter.admit(&rule, Ask::Admit, 2, at(0)).unwrap().admitted);
        assert_eq!(meter.admit(&rule, Ask::Admit, 1, at(250)).unwrap().retry_after_us, 750);
        assert!(meter.admit(&rule, Ask::Admit, 1, at(1000)).unwrap().admitted);
        assert_eq!(meter.admit(&rule, Ask::Admit, 0, at(9000)).unwrap().remaining, 2);
    }

    #[test]
    fn a_period_begins_at_its_anchor_and_is_never_given_twice() {
        let rule = Rule::FixedWindow { calls: 1, period_ms: 1000, anchor_unix_ms: 300 };
        let mut meter = Meter::new(&rule, at(0));
        let now = |unix_ms| Now { us: 0, unix_ms };
        assert!(meter.admit(&rule, Ask::Admit, 1, now(1200)).unwrap().admitted);
        assert_eq!(meter.admit(&rule, Ask::Admit, 1, now(1200)).unwrap().retry_after_us, 100_000);
        assert!(meter.admit(&rule, Ask::Admit, 1, now(1300)).unwrap().admitted);
        assert!(!meter.admit(&rule, Ask::Admit, 1, now(500)).unwrap().admitted);
    }

    #[test]
    fn a_window_keeps_few_stamps_whatever_its_limit() {
        let rule = Rule::SlidingWindow { calls: 100_000, period_us: 1_000_000 };
        let mut meter = Meter::new(&rule, at(0));
        for us in 0..100_000 {
            assert!(meter.admit(&rule, Ask::Admit, 1, at(us * 10)).unwrap().admitted);
        }
        assert!(meter.heap_bytes() <= 128 * size_of::<Stamp>());
    }

    proptest! {
        /// No interval of a period's length ever holds more than the limit.
        #[test]
        fn no_interval_holds_more_than_the_limit(
            calls in 1u64..200,
            period_us in 1u64..10_000,
            steps in proptest::collection::vec((0u64..300, 1u64..4), 1..400),
        ) {
            let rule = Rule::SlidingWindow { calls, period_us };
            let mut meter = Meter::new(&rule, at(0));
            let mut admitted: Vec<(u64, u64)> = Vec::new();
            let mut now = 0;
            for (step, cost) in steps {
                now += step;
                if meter.admit(&rule, Ask::Admit, cost, at(now)).unwrap().admitted {
                    admitted.push((now, cost));
                }
            }
            for (from, (start, _)) in admitted.iter().enumerate() {
                let held: u64 = admitted[from..]
                    .iter()
                    .take_while(|(when, _)| *when < start + period_us)
                    .map(|(_, cost)| cost)
                    .sum();
                prop_assert!(held <= calls, "{held} in the interval from {start}");
            }
        }

        /// What a refusal promises is kept: after `retry_after_us` the same cost is admitted.
        #[test]
        fn a_promised_retry_is_admitted(
            calls in 1u64..50,
            period_us in 1u64..5_000,
            steps in proptest::collection::vec(0u64..200, 1..200),
            bucket in any::<bool>(),
        ) {
            let rule = if bucket {
                Rule::TokenBucket { capacity: calls, refill: calls, period_us }
            } else {
                Rule::SlidingWindow { calls, period_us }
            };
            let mut meter = Meter::new(&rule, at(0));
            let mut now = 0;
            for step in steps {
                now += step;
                let decision = meter.admit(&rule, Ask::Admit, 1, at(now)).unwrap();
                if !decision.admitted {
                    now += decision.retry_after_us;
                    prop_assert!(meter.admit(&rule, Ask::Admit, 1, at(now)).unwrap().admitted);
                }
            }
        }
    }

    #[test]
    fn looking_counts_nothing_and_charging_counts_beyond_the_limit() {
        for rule in [
            Rule::SlidingWindow { calls: 2, period_us: 1000 },
            Rule::TokenBucket { capacity: 2, refill: 2, period_us: 1000 },
            Rule::FixedWindow { calls: 2, period_ms: 1000, anchor_unix_ms: 0 },
        ] {
            let mut meter = Meter::new(&rule, at(0));
            for _ in 0..5 {
                let looked = meter.admit(&rule, Ask::Look, 1, at(0)).unwrap();
                assert!(looked.admitted && looked.remaining == 2, "{rule:?}");
            }
            meter.admit(&rule, Ask::Charge, 5, at(0)).unwrap();
            let refused = meter.admit(&rule, Ask::Look, 1, at(0)).unwrap();
            assert!(!refused.admitted && refused.remaining == 0, "{rule:?}");
        }
    }
}
