//! Who tries out subscription keys is slowed down (`reliability.md` §2.5, row 51).
//!
//! A guess is a wrong key that its source hasn't shown before: a client that repeats a key which was revoked guesses
//! nothing, however often it comes. A source that has made its guesses is refused with every key, right or wrong, or it
//! would learn by the difference; but not with keys that were accepted from there before, so that neighbours behind one
//! address go on working. Everything here has a fixed size and forgets by being overwritten.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tollgate_runtime::{LimiterStore, Rule, ipv6_network};

use crate::admit::KeyDigest;

/// The interval that guesses are counted in.
const PERIOD_US: u64 = 60_000_000;

/// Bytes of counters: about ten thousand sources that guess within one interval.
const COUNTER_BYTES: usize = 4 << 20;

/// Pairs of source and key that are remembered, those that were accepted and those that weren't.
const REMEMBERED: usize = 1 << 16;

/// Pairs, each in the one slot that its hash tells; a later one takes the place.
#[derive(Debug)]
struct Pairs(Box<[AtomicU64]>);

impl Pairs {
    fn new() -> Pairs {
        Pairs((0..REMEMBERED).map(|_| AtomicU64::new(0)).collect())
    }

    fn slot(&self, pair: u64) -> Option<&AtomicU64> {
        self.0.get(pair as usize % REMEMBERED)
    }

    fn holds(&self, pair: u64) -> bool {
        self.slot(pair).is_some_and(|slot| slot.load(Ordering::Relaxed) == pair)
    }

    /// True if it was not there.
    fn insert(&self, pair: u64) -> bool {
        let is_new = !self.holds(pair);
        if is_new && let Some(slot) = self.slot(pair) {
            slot.store(pair, Ordering::Relaxed);
        }
        is_new
    }
}

/// A source with too many guesses, and the whole seconds until it may try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyGuesses(pub(crate) u64);

/// A client with a key in its hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    source: [u8; 16],
    pair: u64,
}

/// The guesses of all sources.
#[derive(Debug)]
pub(crate) struct KeyGuesses {
    counters: LimiterStore,
    accepted: Pairs,
    refused: Pairs,
    hasher: RandomState,
    began: Instant,
    /// Until then some source may be refused; nobody is asked otherwise.
    until_us: AtomicU64,
}

impl KeyGuesses {
    pub(crate) fn new() -> KeyGuesses {
        KeyGuesses {
            counters: LimiterStore::new(COUNTER_BYTES),
            accepted: Pairs::new(),
            refused: Pairs::new(),
            hasher: RandomState::new(),
            began: Instant::now(),
            until_us: AtomicU64::new(0),
        }
    }

    /// `client` shows `key`. Of an IPv6 address the first `ipv6_prefix` bits are the source.
    pub(crate) fn attempt(&self, client: IpAddr, ipv6_prefix: u8, key: &KeyDigest) -> Attempt {
        let source = match client {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => ipv6_network(address, ipv6_prefix),
        };
        let source = source.octets();
        // 0 is a slot that holds nothing.
        let pair = self.hasher.hash_one((source, key.index())) | 1;
        Attempt { source, pair }
    }

    /// May it be looked at? At most `limit` guesses are, in any interval; 0 for no limit.
    pub(crate) fn check(&self, attempt: Attempt, limit: u64) -> Result<(), TooManyGuesses> {
        let until = self.until_us.load(Ordering::Relaxed);
        if until == 0 || limit == 0 {
            return Ok(());
        }
        let now = self.now_us();
        if now >= until || self.accepted.holds(attempt.pair) {
            return Ok(());
        }
        // No room for another counter: everybody counted is over the limit, and this one isn't counted.
        let decision = self.counters.look(&[&attempt.source], 1, rule(limit), now, 0);
        match decision {
            Some(decision) if !decision.admitted => {
                Err(TooManyGuesses(decision.retry_after_us.div_ceil(1_000_000).max(1)))
            }
            _ => Ok(()),
        }
    }

    /// It was the key of an active subscription.
    pub(crate) fn accepted(&self, attempt: Attempt) {
        self.accepted.insert(attempt.pair);
    }

    /// It was not. True if that was the last guess that its source has.
    pub(crate) fn refused(&self, attempt: Attempt, limit: u64) -> bool {
        if limit == 0 || !self.refused.insert(attempt.pair) {
            return false;
        }
        let now = self.now_us();
        let decision = self.counters.admit(&[&attempt.source], 1, rule(limit), now, 0);
        let is_last = decision.is_some_and(|decision| decision.remaining == 0);
        if is_last {
            self.until_us.fetch_max(now.saturating_add(PERIOD_US).saturating_add(1), Ordering::Relaxed);
        }
        is_last
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

fn rule(limit: u64) -> Rule {
    Rule::SlidingWindow { calls: limit, period_us: PERIOD_US }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 10;

    fn attempt(guesses: &KeyGuesses, client: &str, key: &str) -> Attempt {
        guesses.attempt(client.parse().unwrap(), 64, &KeyDigest::of(key.as_bytes()))
    }

    fn guess(guesses: &KeyGuesses, client: &str, count: u64) {
        for number in 0..count {
            let attempt = attempt(guesses, client, &format!("{client} {number}"));
            assert_eq!(guesses.check(attempt, LIMIT), Ok(()));
            guesses.refused(attempt, LIMIT);
        }
    }

    #[test]
    fn a_source_has_so_many_guesses_and_others_have_their_own() {
        let guesses = KeyGuesses::new();
        guess(&guesses, "192.0.2.1", LIMIT);
        let TooManyGuesses(wait) = guesses.check(attempt(&guesses, "192.0.2.1", "right"), LIMIT).unwrap_err();
        assert!((1..=60).contains(&wait), "{wait}");
        assert_eq!(guesses.check(attempt(&guesses, "192.0.2.2", "right"), LIMIT), Ok(()));
        assert_eq!(guesses.check(attempt(&guesses, "192.0.2.1", "right"), 0), Ok(()), "no limit");
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_source() {
        let guesses = KeyGuesses::new();
        for number in 0..LIMIT {
            let attempt = attempt(&guesses, &format!("2001:db8::{number:x}"), &number.to_string());
            guesses.refused(attempt, LIMIT);
        }
        assert!(guesses.check(attempt(&guesses, "2001:db8::ffff", "right"), LIMIT).is_err());
        assert_eq!(guesses.check(attempt(&guesses, "2001:db8:0:1::1", "right"), LIMIT), Ok(()));
    }

    #[test]
    fn a_wrong_key_that_is_repeated_is_one_guess() {
        let guesses = KeyGuesses::new();
        for _ in 0..10 * LIMIT {
            let attempt = attempt(&guesses, "192.0.2.1", "revoked");
            assert_eq!(guesses.check(attempt, LIMIT), Ok(()));
            guesses.refused(attempt, LIMIT);
        }
    }

    #[test]
    fn a_key_that_was_accepted_before_still_is() {
        let guesses = KeyGuesses::new();
        guesses.accepted(attempt(&guesses, "192.0.2.1", "neighbour"));
        guess(&guesses, "192.0.2.1", LIMIT);
        assert_eq!(guesses.check(attempt(&guesses, "192.0.2.1", "neighbour"), LIMIT), Ok(()));
        assert!(guesses.check(attempt(&guesses, "192.0.2.1", "another"), LIMIT).is_err());
        assert!(guesses.check(attempt(&guesses, "192.0.2.1", "neighbour's"), LIMIT).is_err());
    }
}
