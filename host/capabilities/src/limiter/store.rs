//! Rate limits and permits of all keys: sharded, bounded by bytes, exact across workers.
//!
//! The lock of a shard is held for the arithmetic of one key and never across anything that waits.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smallvec::SmallVec;

use super::algorithm::{Ask, Decision, Meter, Now, Rule};
use super::later::Later;
use super::quota::{Budget, QuotaStore};
use crate::clock::unix_ms;
use crate::digest::KeyHasher;

/// More shards than cores, so that two workers seldom meet.
const SHARDS: usize = 64;

/// What a key costs in a map beside what its meter has on the heap.
const ENTRY_BYTES: usize = 128;

/// How many entries are looked at to make room for one.
const SAMPLE: usize = 16;

/// Keys are hashes already.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 ^= u64::from_ne_bytes(word);
        }
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

type KeyMap<V> = HashMap<u128, V, BuildHasherDefault<Identity>>;

#[derive(Debug)]
struct Metered {
    rule: Rule,
    meter: Meter,
}

#[derive(Debug, Default)]
struct Shard {
    metered: KeyMap<Metered>,
    permits: KeyMap<u32>,
    heap_bytes: usize,
}

/// Rate limits and permits of all keys.
#[derive(Debug)]
pub struct LimiterStore {
    shards: Arc<[Mutex<Shard>]>,
    hasher: KeyHasher,
    shard_bytes: usize,
}

fn lock<T>(shard: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves whole numbers behind, never half of one.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LimiterStore {
    /// A store that takes at most about `bytes`.
    pub fn new(bytes: usize) -> LimiterStore {
        LimiterStore {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: KeyHasher::default(),
            shard_bytes: (bytes / SHARDS).max(ENTRY_BYTES * SAMPLE),
        }
    }

    fn shard_of(key: u128) -> usize {
        // The map uses the low half, so the shard comes from the high one.
        (key >> 64) as usize % SHARDS
    }

    /// Admit `cost` under `rule` for the key made of `parts`; `None` if there is no room for a new key.
    pub fn admit(&self, parts: &[&[u8]], cost: u64, rule: Rule, now_us: u64, now_unix_ms: i64) -> Option<Decision> {
        self.ask(self.meter_key(parts, &rule), Ask::Admit, cost, rule, now_us, now_unix_ms)
    }

    /// The key of the meter for `parts` under `rule`.
    pub(crate) fn meter_key(&self, parts: &[&[u8]], rule: &Rule) -> u128 {
        let rule_bytes = rule.bytes();
        self.hasher.digest(parts.iter().copied().chain([rule_bytes.as_slice()]))
    }

    /// Ask the meter with this key; `None` if there is no room for a new one.
    pub(crate) fn ask(
        &self,
        key: u128,
        ask: Ask,
        cost: u64,
        rule: Rule,
        now_us: u64,
        now_unix_ms: i64,
    ) -> Option<Decision> {
        let now = Now { us: now_us, unix_ms: now_unix_ms };
        let mut shard = lock(&self.shards[Self::shard_of(key)]);
        let shard = &mut *shard;
        if !shard.metered.contains_key(&key) && !shard.make_room(self.shard_bytes, now) {
            return None;
        }
        let metered = shard.metered.entry(key).or_insert_with(|| Metered { rule, meter: Meter::new(&rule, now) });
        let before = metered.meter.heap_bytes();
        let decision = metered.meter.admit(&rule, ask, cost, now);
        shard.heap_bytes = shard.heap_bytes + metered.meter.heap_bytes() - before;
        decision
    }

    /// Take one of `max` permits.
    pub fn acquire(&self, parts: &[&[u8]], max: u32) -> Acquired {
        let key = self.hasher.digest(parts.iter().copied());
        let at = Self::shard_of(key);
        let mut shard = lock(&self.shards[at]);
        let room = shard.used_bytes() + ENTRY_BYTES <= self.shard_bytes;
        let taken = match shard.permits.entry(key) {
            Entry::Occupied(taken) => taken.into_mut(),
            Entry::Vacant(_) if !room => return Acquired::Full,
            Entry::Vacant(free) => free.insert(0),
        };
        if *taken >= max {
            if *taken == 0 {
                shard.permits.remove(&key);
            }
            return Acquired::Taken;
        }
        *taken += 1;
        Acquired::Permit(Permit { shards: Arc::clone(&self.shards), at, key })
    }
}

impl Shard {
    fn used_bytes(&self) -> usize {
        (self.metered.len() + self.permits.len()) * ENTRY_BYTES + self.heap_bytes
    }

    /// Make room for one more key. Of a sample of keys every one that has nothing counted goes, or else the one
    /// with the smallest share of its limit used; a key at its limit never goes. False if there is no room.
    fn make_room(&mut self, shard_bytes: usize, now: Now) -> bool {
        if self.used_bytes() + ENTRY_BYTES <= shard_bytes {
            return true;
        }
        let mut idle: SmallVec<[u128; SAMPLE]> = SmallVec::new();
        let mut least: Option<(u64, u128)> = None;
        for (key, metered) in self.metered.iter_mut().take(SAMPLE) {
            match metered.meter.used_permille(&metered.rule, now) {
                0 => idle.push(*key),
                1000.. => {}
                used if least.is_none_or(|(smallest, _)| used < smallest) => least = Some((used, *key)),
                _ => {}
            }
        }
        if idle.is_empty() {
            idle.extend(least.map(|(_, key)| key));
        }
        for key in &idle {
            if let Some(gone) = self.metered.remove(key) {
                self.heap_bytes -= gone.meter.heap_bytes();
            }
        }
        !idle.is_empty()
    }
}

/// The answer of [`LimiterStore::acquire`].
#[derive(Debug)]
pub enum Acquired {
    /// One permit, until it is dropped.
    Permit(Permit),
    /// All permits are taken.
    Taken,
    /// There is no room for a new key.
    Full,
}

/// One permit, given back when it is dropped.
#[derive(Debug)]
pub struct Permit {
    shards: Arc<[Mutex<Shard>]>,
    at: usize,
    key: u128,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut shard = lock(&self.shards[self.at]);
        if let Entry::Occupied(mut taken) = shard.permits.entry(self.key) {
            let left = taken.get().saturating_sub(1);
            if left == 0 {
                taken.remove();
            } else {
                *taken.get_mut() = left;
            }
        }
    }
}

/// A quota that an exchange uses, with all that its statements ask of it.
#[derive(Debug)]
struct HeldQuota {
    store: QuotaStore,
    key: String,
    budget: Budget,
    /// Whether the exchange counts; otherwise that is known at its end.
    is_counted: bool,
}

/// What an exchange holds until it ends.
#[derive(Debug, Default)]
pub struct Holds {
    permits: Vec<Permit>,
    quotas: SmallVec<[HeldQuota; 1]>,
    later: Vec<Later>,
}

impl Holds {
    pub(crate) fn add_permit(&mut self, permit: Permit) {
        self.permits.push(permit);
    }

    /// Whether the exchange was counted against this quota: it is once, whatever statements name it.
    pub(crate) fn has_counted(&self, key: &str) -> bool {
        self.quotas.iter().any(|held| held.key == key && held.is_counted)
    }

    pub(crate) fn set_counted(&mut self, key: &str) {
        for held in self.quotas.iter_mut().filter(|held| held.key == key) {
            held.is_counted = true;
        }
    }

    pub(crate) fn hold_quota(&mut self, store: QuotaStore, key: &str, budget: Budget) {
        match self.quotas.iter_mut().find(|held| held.key == key) {
            // One statement may limit calls and another one bytes.
            Some(held) => held.budget.bytes = held.budget.bytes.or(budget.bytes),
            None => self.quotas.push(HeldQuota { store, key: key.to_owned(), budget, is_counted: false }),
        }
    }

    /// Hold what another exchange held, too.
    pub fn absorb(&mut self, other: Holds) {
        self.permits.extend(other.permits);
        for held in other.quotas {
            match self.quotas.iter_mut().find(|known| known.key == held.key) {
                Some(known) => {
                    known.budget.bytes = known.budget.bytes.or(held.budget.bytes);
                    known.is_counted |= held.is_counted;
                }
                None => self.quotas.push(held),
            }
        }
        self.later.extend(other.later);
    }

    pub(crate) fn add_later(&mut self, later: Later) {
        self.later.push(later);
    }

    /// Whether something is to be counted at the end.
    pub fn has_later(&self) -> bool {
        !self.later.is_empty()
    }

    /// What is counted at the end, once.
    pub(crate) fn take_later(&mut self) -> Vec<Later> {
        std::mem::take(&mut self.later)
    }

    /// Settle what is held: permits go back, quotas are charged the exchange's body bytes.
    pub fn settle(&mut self, body_bytes: u64) {
        self.permits.clear();
        for HeldQuota { store, key, budget, .. } in self.quotas.drain(..).filter(|held| held.is_counted) {
            store.charge_bytes(&key, body_bytes, &budget, unix_ms());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule::SlidingWindow { calls: 100, period_us: 1_000_000 };

    #[test]
    fn exactly_the_limit_is_admitted_under_concurrency() {
        for _ in 0..50 {
            let store = LimiterStore::new(1 << 20);
            let admitted: usize = std::thread::scope(|scope| {
                let workers: Vec<_> = (0..8)
                    .map(|_| {
                        scope
                            .spawn(|| (0..50).filter(|_| store.admit(&[b"k"], 1, RULE, 5, 0).unwrap().admitted).count())
                    })
                    .collect();
                workers.into_iter().map(|w| w.join().unwrap()).sum()
            });
            assert_eq!(admitted, 100);
        }
    }

    #[test]
    fn a_flood_of_keys_is_bounded_and_frees_no_key_at_its_limit() {
        let store = LimiterStore::new(1 << 20);
        let one = Rule::SlidingWindow { calls: 1, period_us: 1_000_000 };
        let blocked: Vec<_> = (0u32..100).map(|n| n.to_le_bytes()).collect();
        for key in &blocked {
            assert!(store.admit(&[b"blocked", key], 1, one, 0, 0).unwrap().admitted);
        }
        for n in 0u32..200_000 {
            store.admit(&[b"flood", &n.to_le_bytes()], 1, RULE, 1, 0);
        }
        let used: usize = store.shards.iter().map(|shard| lock(shard).used_bytes()).sum();
        assert!(used <= (1 << 20) + SHARDS * 2 * ENTRY_BYTES * 16, "{used} bytes");
        for key in &blocked {
            assert!(!store.admit(&[b"blocked", key], 1, one, 2, 0).unwrap().admitted);
        }
    }

    #[test]
    fn rules_and_parts_make_keys_of_their_own() {
        let store = LimiterStore::new(1 << 20);
        let one = Rule::SlidingWindow { calls: 1, period_us: 10 };
        assert!(store.admit(&[b"a", b"bc"], 1, one, 0, 0).unwrap().admitted);
        assert!(!store.admit(&[b"a", b"bc"], 1, one, 0, 0).unwrap().admitted);
        assert!(store.admit(&[b"ab", b"c"], 1, one, 0, 0).unwrap().admitted);
        let two = Rule::SlidingWindow { calls: 2, period_us: 10 };
        assert!(store.admit(&[b"a", b"bc"], 1, two, 0, 0).unwrap().admitted);
    }

    #[test]
    fn a_permit_comes_back_when_it_is_dropped() {
        let store = LimiterStore::new(1 << 20);
        let take = || store.acquire(&[b"k"], 2);
        let (first, second) = (take(), take());
        assert!(matches!((&first, &second), (Acquired::Permit(_), Acquired::Permit(_))));
        assert!(matches!(take(), Acquired::Taken));
        drop(first);
        assert!(matches!(take(), Acquired::Permit(_)));
        assert!(matches!(store.acquire(&[b"none"], 0), Acquired::Taken));
    }
}
