//! Rate limits and permits of all keys: sharded, bounded by bytes, exact across workers.
//!
//! The lock of a shard is held for the arithmetic of one key and never across anything that waits.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;

use super::algorithm::{Ask, Decision, Meter, Now, Rule};
use crate::clock::{monotonic_us, unix_ms};
use crate::digest::KeyHasher;

/// More shards than cores, so that two workers seldom meet.
const SHARDS: usize = 64;

/// What a key costs in a map beside what its meter has on the heap: an entry of 128 bytes, its place in the table, and
/// the spare room of a map that has just grown. `bench/limits.sh flood` holds it against the process's memory.
const ENTRY_BYTES: usize = 224;

/// How many entries are looked at to make room for one.
const SAMPLE: usize = 16;

/// How many are looked at if all of those are at their limit.
const LONGEST_SEARCH: usize = 256;

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

type Keys = BuildHasherDefault<Identity>;

#[derive(Debug)]
struct Metered {
    rule: Rule,
    meter: Meter,
}

#[derive(Debug, Default)]
struct Shard {
    /// With numbers for its entries, so that looking for room can go on where it stopped.
    metered: IndexMap<u128, Metered, Keys>,
    permits: HashMap<u128, u32, Keys>,
    heap_bytes: usize,
    /// The entry that is looked at next when room is needed.
    hand: usize,
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

    /// Could `cost` be admitted? Nothing is counted. `None` if there is no room for a new key.
    pub fn look(&self, parts: &[&[u8]], cost: u64, rule: Rule, now_us: u64, now_unix_ms: i64) -> Option<Decision> {
        self.ask(self.meter_key(parts, &rule), Ask::Look, cost, rule, now_us, now_unix_ms)
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
        let taken = shard.permits.get(&key).copied().unwrap_or(0);
        if taken >= max {
            return Acquired::Taken;
        }
        if taken == 0 && !shard.has_room(self.shard_bytes) {
            let now = Now { us: monotonic_us(), unix_ms: unix_ms() };
            if !shard.make_room(self.shard_bytes, now) {
                return Acquired::Full;
            }
        }
        shard.permits.insert(key, taken + 1);
        Acquired::Permit(Permit { shards: Arc::clone(&self.shards), at, key })
    }
}

impl Shard {
    fn used_bytes(&self) -> usize {
        (self.metered.len() + self.permits.len()) * ENTRY_BYTES + self.heap_bytes
    }

    fn has_room(&self, shard_bytes: usize) -> bool {
        self.used_bytes() + ENTRY_BYTES <= shard_bytes
    }

    /// Make room for one more key. Of a sample of keys every one that has nothing counted goes, or else the one
    /// with the smallest share of its limit used; a key at its limit never goes. False if there is no room.
    ///
    /// The sample begins where the last one ended: keys that stay don't gather where the search begins.
    fn make_room(&mut self, shard_bytes: usize, now: Now) -> bool {
        if self.has_room(shard_bytes) {
            return true;
        }
        let mut least: Option<(u64, usize)> = None;
        let mut has_freed = false;
        let mut left = SAMPLE.min(self.metered.len());
        for looked_at in 1..=LONGEST_SEARCH.min(self.metered.len()) {
            if self.hand >= self.metered.len() {
                self.hand = 0;
            }
            let Some((_, metered)) = self.metered.get_index_mut(self.hand) else { break };
            match metered.meter.used_permille(&metered.rule, now) {
                // The last entry takes its place, and is looked at next.
                0 => {
                    self.remove(self.hand);
                    (has_freed, least) = (true, None);
                }
                used => {
                    if used < 1000 && !has_freed && least.is_none_or(|(smallest, _)| used < smallest) {
                        least = Some((used, self.hand));
                    }
                    self.hand += 1;
                }
            }
            left = left.saturating_sub(1);
            if left == 0 && (has_freed || least.is_some() || looked_at >= LONGEST_SEARCH) {
                break;
            }
        }
        if let Some((_, at)) = least.filter(|_| !has_freed) {
            self.remove(at);
            has_freed = true;
        }
        has_freed
    }

    fn remove(&mut self, at: usize) {
        if let Some((_, gone)) = self.metered.swap_remove_index(at) {
            self.heap_bytes = self.heap_bytes.saturating_sub(gone.meter.heap_bytes());
        }
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

#[cfg(test)]
mod tests;
