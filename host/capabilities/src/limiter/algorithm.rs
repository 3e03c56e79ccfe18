//! The three algorithms, on one key each. Pure: time comes in, a decision comes out.

use std::collections::VecDeque;

/// How many time stamps a sliding window keeps before neighbours share one.
const STAMPS: u64 = 64;

/// A window that is charged beyond its limit has no more stamps than this: further charges share the last one.
const MOST_STAMPS: usize = 2 * STAMPS as usize;

/// How far a wall clock that is stepped back may leave a counter in a period to come. One that stands farther ahead was
/// counted by a clock that was plainly wrong, and moves to the period after the present one, with what it has counted:
/// a clock that once said 2036 must not block anybody for ten years.
pub(crate) const CLOCK_TRUST_MS: i64 = 86_400_000;

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
    /// The latest moment that it has seen. Workers read the clock before they wait for each other, so a later moment
    /// may come first; within a window time doesn't go back, or what has expired would count once more.
    at: u64,
}

impl Window {
    fn expire(&mut self, period_us: u64, now: u64) {
        self.at = self.at.max(now);
        while let Some(stamp) = self.stamps.front() {
            if stamp.last.saturating_add(period_us) > self.at {
                break;
            }
            self.spent = self.spent.saturating_sub(stamp.cost);
            self.stamps.pop_front();
        }
    }

    fn admit(&mut self, ask: Ask, cost: u64, calls: u64, period_us: u64, now: u64) -> Decision {
        self.expire(period_us, now);
        let now = self.at;
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
            let is_full = self.stamps.len() >= MOST_STAMPS;
            match self.stamps.back_mut() {
                Some(stamp) if is_full || now.saturating_sub(stamp.first) < grain => {
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

/// When a period begins, on the wall clock.
pub(crate) fn period_begins(period_ms: u64, anchor_unix_ms: i64, index: i128) -> i128 {
    i128::from(anchor_unix_ms).saturating_add(index.saturating_mul(i128::from(period_ms)))
}

/// Until a period ends that began at `start_unix_ms`: more than a period if the clock was stepped back.
pub(crate) fn period_ends_in_ms(start_unix_ms: i128, period_ms: u64, unix_ms: i64) -> u64 {
    let left = start_unix_ms.saturating_add(i128::from(period_ms)).saturating_sub(i128::from(unix_ms));
    u64::try_from(left.max(0)).unwrap_or(u64::MAX)
}

/// Where a counter belongs that stands in the period `counted`, when the clock says `present`: never back into a period
/// that is over, so that a clock that is stepped back gives nobody a period a second time.
pub(crate) fn period_in_force(period_ms: u64, counted: i128, present: i128) -> i128 {
    let ahead_ms = counted.saturating_sub(present).saturating_mul(i128::from(period_ms));
    if ahead_ms > i128::from(period_ms) + i128::from(CLOCK_TRUST_MS) { present + 1 } else { counted.max(present) }
}

impl Period {
    fn turn(&mut self, period_ms: u64, anchor_unix_ms: i64, unix_ms: i64) {
        let present = period_index(period_ms, anchor_unix_ms, unix_ms);
        if present > self.index {
            self.spent = 0;
        }
        self.index = period_in_force(period_ms, self.index, present);
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
            let start = period_begins(period_ms, anchor_unix_ms, self.index);
            let retry_after_us = period_ends_in_ms(start, period_ms, unix_ms).saturating_mul(1000);
            return Decision { admitted: false, remaining: calls.saturating_sub(self.spent), retry_after_us };
        }
        if ask != Ask::Look {
            self.spent = after;
        }
        Decision { admitted: true, remaining: calls.saturating_sub(self.spent), retry_after_us: 0 }
    }
}

#[cfg(test)]
mod tests;
