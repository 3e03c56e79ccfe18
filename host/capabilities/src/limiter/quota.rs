//! Quotas: counters by calls and by bytes that outlive the process.
//!
//! Counts are kept in memory and written by threads of their own, in batches, so that no request waits for a disk: to
//! the journal, which outlives the process, and to the ledger, which outlives the machine. What a crash can lose is
//! what the last interval counted; nothing, if requests are told to wait until their count is on disk.

/// The threads that write.
mod writer;

/// What the ledger doesn't have yet.
mod journal;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::algorithm::{CLOCK_TRUST_MS, period_begins, period_ends_in_ms, period_in_force, period_index};
use super::ledger::{Found, Ledger, LedgerError};
use crate::clock::unix_ms;
use journal::Journal;
use writer::Writer;

pub(crate) use journal::journal_path;
pub use writer::{QuotaHealth, Unwritten};

/// More shards than cores.
const SHARDS: usize = 16;

/// Counters kept in memory. A counter takes about 200 bytes, so these take about 200 MiB.
const MAX_COUNTERS: usize = 1_000_000;

/// How often a full shard is searched for counters that are over: it takes as long as a few hundred requests.
const SWEEP_MS: i64 = 1000;

/// What a crash may lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// What was counted within this time: nobody waits for the disk.
    Batched(Duration),
    /// Nothing: a request goes on when its count is on disk. Bytes, which are known when an exchange is over, are
    /// written within the time all the same.
    Strict(Duration),
}

impl Durability {
    /// Within what time everything is written.
    pub(crate) fn within(self) -> Duration {
        match self {
            Durability::Batched(within) | Durability::Strict(within) => within,
        }
    }
}

/// How much may be used in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    /// Calls; none for no limit.
    pub(crate) calls: Option<u64>,
    /// Body bytes; none for no limit.
    pub(crate) bytes: Option<u64>,
    /// 0: never renews.
    pub(crate) period_ms: u64,
    /// Where periods begin.
    pub(crate) anchor_unix_ms: i64,
}

impl Budget {
    /// What `cost` more calls would meet.
    fn decide(&self, count: &Count, cost: u64, now: i64) -> QuotaDecision {
        let exhausted = match (self.calls, self.bytes) {
            (Some(limit), _) if count.calls.saturating_add(cost) > limit => Some(Exhausted::Calls),
            (_, Some(limit)) if count.bytes >= limit => Some(Exhausted::Bytes),
            _ => None,
        };
        QuotaDecision {
            exhausted,
            remaining_calls: self.calls.map(|limit| limit.saturating_sub(count.calls)),
            remaining_bytes: self.bytes.map(|limit| limit.saturating_sub(count.bytes)),
            renews_in_ms: (self.period_ms > 0)
                .then(|| period_ends_in_ms(count.period_start_unix_ms.into(), self.period_ms, now)),
        }
    }

    /// When the period that holds `now` began: what a counter is filed under.
    fn period_start(&self, now_unix_ms: i64) -> i64 {
        if self.period_ms == 0 {
            return i64::MIN;
        }
        self.start_of(self.index(now_unix_ms))
    }

    fn index(&self, unix_ms: i64) -> i128 {
        period_index(self.period_ms, self.anchor_unix_ms, unix_ms)
    }

    fn start_of(&self, index: i128) -> i64 {
        i64::try_from(period_begins(self.period_ms, self.anchor_unix_ms, index)).unwrap_or(i64::MIN + 1)
    }

    fn fresh(&self, now: i64) -> Count {
        Count { period_start_unix_ms: self.period_start(now), period_ms: self.period_ms, calls: 0, bytes: 0 }
    }

    /// Bring a counter to the period in force. A period is never given twice: a clock that was stepped back stays in
    /// the later one.
    fn turn(&self, count: &mut Count, now: i64) {
        if count.period_ms != self.period_ms {
            *count = self.fresh(now);
        }
        if self.period_ms == 0 || count.period_start_unix_ms == self.period_start(now) {
            return;
        }
        let counted = self.index(count.period_start_unix_ms);
        let in_force = period_in_force(self.period_ms, counted, self.index(now));
        if in_force > counted {
            (count.calls, count.bytes) = (0, 0);
        }
        count.period_start_unix_ms = self.start_of(in_force);
    }
}

/// What is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exhausted {
    Calls,
    Bytes,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QuotaDecision {
    pub(crate) exhausted: Option<Exhausted>,
    pub(crate) remaining_calls: Option<u64>,
    pub(crate) remaining_bytes: Option<u64>,
    pub(crate) renews_in_ms: Option<u64>,
}

/// One counter, as it is kept in memory and on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    /// When its period began; `i64::MIN` for one that never renews.
    pub(crate) period_start_unix_ms: i64,
    /// How long its period is; 0 for one that never renews.
    pub(crate) period_ms: u64,
    pub(crate) calls: u64,
    pub(crate) bytes: u64,
}

impl Count {
    /// True if nobody will ask for this counter again, not even by a clock that is stepped back.
    pub(crate) fn is_over(&self, now_unix_ms: i64) -> bool {
        let ends = i128::from(self.period_start_unix_ms) + i128::from(self.period_ms);
        self.period_ms > 0 && ends + i128::from(CLOCK_TRUST_MS) < i128::from(now_unix_ms)
    }
}

#[derive(Debug)]
struct Kept {
    count: Count,
    /// Already on the list of what is to be committed.
    dirty: bool,
    /// Already on the list of what is to be noted in the journal.
    unnoted: bool,
}

impl Kept {
    fn clean(count: Count) -> Kept {
        Kept { count, dirty: false, unnoted: false }
    }
}

#[derive(Debug, Default)]
struct Shard {
    counters: HashMap<Arc<str>, Kept>,
    dirty: Vec<Arc<str>>,
    unnoted: Vec<Arc<str>>,
    /// Counters that are over, to be taken off the disk too.
    gone: Vec<(Arc<str>, Count)>,
    /// When it was last searched for those.
    swept_unix_ms: i64,
}

#[derive(Debug)]
struct Shared {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
    shard_counters: usize,
}

/// The quotas of the gateway. Clones share one store.
#[derive(Clone, Debug)]
pub struct QuotaStore {
    shared: Arc<Shared>,
    disk: Option<Arc<Disk>>,
}

/// Where quotas are kept.
#[derive(Debug)]
struct Disk {
    path: PathBuf,
    durability: Durability,
    health: Arc<QuotaHealth>,
    /// None while the file is closed.
    writer: Mutex<Option<Writer>>,
}

impl Disk {
    fn writer(&self) -> MutexGuard<'_, Option<Writer>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // A panic elsewhere leaves whole numbers behind, never half of one.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn new() -> Shared {
        Shared {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            shard_counters: MAX_COUNTERS / SHARDS,
        }
    }

    fn shard(&self, key: &str) -> MutexGuard<'_, Shard> {
        lock(&self.shards[self.hasher.hash_one(key) as usize % SHARDS])
    }
}

impl Shard {
    /// The counter of `key` for the period at hand; `None` if there is no room.
    fn count(&mut self, key: &str, budget: &Budget, now: i64, room: usize) -> Option<&mut Count> {
        if !self.counters.contains_key(key) {
            if self.counters.len() >= room {
                self.sweep(now);
            }
            if self.counters.len() >= room {
                return None;
            }
            self.counters.insert(Arc::from(key), Kept::clean(budget.fresh(now)));
        }
        let kept = self.counters.get_mut(key)?;
        budget.turn(&mut kept.count, now);
        Some(&mut kept.count)
    }

    /// Let go of counters that are over.
    fn sweep(&mut self, now: i64) {
        if (0..SWEEP_MS).contains(&now.saturating_sub(self.swept_unix_ms)) {
            return;
        }
        self.swept_unix_ms = now;
        let gone = self.counters.extract_if(|_, kept| !kept.dirty && kept.count.is_over(now));
        self.gone.extend(gone.map(|(key, kept)| (key, kept.count)));
    }

    fn mark(&mut self, key: &str) {
        let Some((key, kept)) = self.counters.get_key_value(key) else { return };
        if kept.dirty && kept.unnoted {
            return;
        }
        let key = Arc::clone(key);
        if let Some(kept) = self.counters.get_mut(&key) {
            if !std::mem::replace(&mut kept.dirty, true) {
                self.dirty.push(Arc::clone(&key));
            }
            if !std::mem::replace(&mut kept.unnoted, true) {
                self.unnoted.push(key);
            }
        }
    }

    /// What the journal doesn't know yet.
    fn take_unnoted(&mut self) -> Vec<(Arc<str>, Count)> {
        let unnoted = std::mem::take(&mut self.unnoted);
        let noted = unnoted.into_iter().filter_map(|key| {
            let kept = self.counters.get_mut(&key)?;
            kept.unnoted = false;
            Some((key, kept.count))
        });
        noted.collect()
    }

    /// Take over what the journal knows and the ledger doesn't. Within a period counts only grow.
    fn recall(&mut self, key: &str, noted: Count, now: i64) {
        let known = self.counters.get(key).map(|kept| kept.count);
        let is_newer = known.is_none_or(|known| {
            let of = |count: Count| (count.period_start_unix_ms, count.calls.saturating_add(count.bytes));
            of(noted) > of(known)
        });
        if is_newer && !noted.is_over(now) {
            self.counters.insert(Arc::from(key), Kept::clean(noted));
            self.mark(key);
        }
    }

    /// What the disk doesn't know yet.
    fn take_dirty(&mut self) -> Vec<(Arc<str>, Count)> {
        let mut batch = std::mem::take(&mut self.gone);
        let dirty = std::mem::take(&mut self.dirty);
        batch.extend(dirty.into_iter().filter_map(|key| {
            let kept = self.counters.get_mut(&key)?;
            kept.dirty = false;
            Some((key, kept.count))
        }));
        batch
    }

    /// Add what the disk knew and nobody could read until now.
    fn add(&mut self, key: &str, before: Count) {
        let Some(kept) = self.counters.get_mut(key) else {
            self.counters.insert(Arc::from(key), Kept::clean(before));
            return;
        };
        if kept.count.period_start_unix_ms == before.period_start_unix_ms {
            kept.count.calls = kept.count.calls.saturating_add(before.calls);
            kept.count.bytes = kept.count.bytes.saturating_add(before.bytes);
        }
    }

    /// Write everything anew.
    fn mark_all(&mut self) {
        self.dirty.clear();
        for (key, kept) in &mut self.counters {
            kept.dirty = true;
            self.dirty.push(Arc::clone(key));
        }
    }
}

impl QuotaStore {
    /// Quotas that end with the process: for `check`, and for tests.
    pub fn in_memory() -> QuotaStore {
        QuotaStore { shared: Arc::new(Shared::new()), disk: None }
    }

    /// Quotas kept in the file `path`.
    ///
    /// A file that can't be read is no reason not to serve: it is set aside (`Found::Damaged`), all quotas begin anew,
    /// and the log and `/metrics` say so. A disk that can't be written is none either; it is tried again.
    ///
    /// # Errors
    ///
    /// Another process has the file open, or it can't be made at all: its folder isn't there, or not ours.
    pub fn open(path: &Path, durability: Durability) -> Result<QuotaStore, LedgerError> {
        let shared = Arc::new(Shared::new());
        let now = unix_ms();
        let (ledger, found) = Ledger::open(path, |key, count| {
            let mut shard = shared.shard(key);
            match count.is_over(now) {
                true => shard.gone.push((Arc::from(key), count)),
                false => drop(shard.counters.insert(Arc::from(key), Kept::clean(count))),
            }
        })?;
        if let Found::Damaged(_) = found {
            // What was read before the damage was met is no less true for it.
            shared.shards.iter().for_each(|shard| lock(shard).mark_all());
        }
        let (journal, unread) = Journal::open(path, |key, count| shared.shard(key).recall(key, count, now))?;
        if unread > 0 {
            tracing::warn!(
                bytes = unread,
                "the end of the quota journal can't be read; the process was killed, or the disk is broken"
            );
        }
        let health = Arc::new(QuotaHealth::default());
        let writer = Writer::start(ledger, journal, &found, Arc::clone(&shared), durability, Arc::clone(&health))?;
        let disk = Disk { path: path.to_owned(), durability, health, writer: Mutex::new(Some(writer)) };
        Ok(QuotaStore { shared, disk: Some(Arc::new(disk)) })
    }

    /// Admit `cost` calls or refuse; `None` if there is no room for a new counter.
    pub(crate) fn admit(&self, key: &str, cost: u64, budget: &Budget, now: i64) -> Option<QuotaDecision> {
        let mut shard = self.shared.shard(key);
        let count = shard.count(key, budget, now, self.shared.shard_counters)?;
        let mut decision = budget.decide(count, cost, now);
        if decision.exhausted.is_none() && cost > 0 {
            count.calls = count.calls.saturating_add(cost);
            decision.remaining_calls = budget.calls.map(|limit| limit.saturating_sub(count.calls));
            shard.mark(key);
        }
        Some(decision)
    }

    /// Could `cost` calls be admitted now? Nothing is counted. `None` if there is no room for a new counter.
    pub(crate) fn look(&self, key: &str, cost: u64, budget: &Budget, now: i64) -> Option<QuotaDecision> {
        let mut shard = self.shared.shard(key);
        let count = shard.count(key, budget, now, self.shared.shard_counters)?;
        Some(budget.decide(count, cost, now))
    }

    /// Count calls of an exchange that was let pass before they were known.
    pub(crate) fn charge_calls(&self, key: &str, cost: u64, budget: &Budget, now: i64) {
        if cost == 0 {
            return;
        }
        let mut shard = self.shared.shard(key);
        if let Some(count) = shard.count(key, budget, now, self.shared.shard_counters) {
            count.calls = count.calls.saturating_add(cost);
            shard.mark(key);
        }
    }

    /// Count the body bytes of an exchange that was admitted.
    pub(crate) fn charge_bytes(&self, key: &str, bytes: u64, budget: &Budget, now: i64) {
        if bytes == 0 || budget.bytes.is_none() {
            return;
        }
        let mut shard = self.shared.shard(key);
        if let Some(count) = shard.count(key, budget, now, self.shared.shard_counters) {
            count.bytes = count.bytes.saturating_add(bytes);
            shard.mark(key);
        }
    }

    /// The counts so far, to be waited for until they are on disk; `None` if requests don't wait for that.
    pub(crate) fn unwritten(&self) -> Option<Unwritten> {
        let disk = self.disk.as_ref()?;
        match &*disk.writer() {
            Some(writer) => writer.unwritten(),
            // Whoever must not lose a count isn't served while there is no file.
            None => matches!(disk.durability, Durability::Strict(_)).then(Unwritten::never),
        }
    }

    /// How the ledger is; `None` if there is none.
    pub fn health(&self) -> Option<&QuotaHealth> {
        self.disk.as_ref().map(|disk| &*disk.health)
    }

    /// Write what has not been written yet, and wait for it: when the gateway ends.
    pub fn flush(&self) {
        if let Some(disk) = &self.disk
            && let Some(writer) = &*disk.writer()
        {
            writer.flush();
        }
    }

    /// Write what has not been written yet and let go of the file, so that another process can open it. What is counted
    /// from now on is in memory only, until [`Self::reopen`].
    pub fn close(&self) {
        if let Some(disk) = &self.disk {
            // It writes what is left when it is dropped.
            drop(disk.writer().take());
        }
    }

    /// Open the file again after [`Self::close`], and go on writing what is counted.
    pub fn reopen(&self) -> Result<(), LedgerError> {
        let Some(disk) = &self.disk else { return Ok(()) };
        let mut writer = disk.writer();
        if writer.is_some() {
            return Ok(());
        }
        // What it holds is ours, or that of somebody who came to nothing.
        let (ledger, found) = Ledger::open(&disk.path, |_, _| {})?;
        let (journal, _) = Journal::open(&disk.path, |_, _| {})?;
        self.shared.shards.iter().for_each(|shard| lock(shard).mark_all());
        let (shared, health) = (Arc::clone(&self.shared), Arc::clone(&disk.health));
        *writer = Some(Writer::start(ledger, journal, &found, shared, disk.durability, health)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
