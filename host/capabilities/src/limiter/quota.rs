//! Quotas: counters by calls and by bytes that outlive the process.
//!
//! Counts are kept in memory and written to the ledger by a thread of its own, in batches, so that no request
//! waits for a disk. What a crash can lose is what the last interval counted.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::algorithm::{period_ends_in_ms, period_index};
use super::ledger::{Ledger, LedgerError};
use crate::clock::unix_ms;

/// More shards than cores.
const SHARDS: usize = 16;

/// Counters kept in memory. A counter takes about 200 bytes, so these take about 200 MiB.
const MAX_COUNTERS: usize = 1_000_000;

/// A counter whose period ended this long ago is forgotten; until then a clock that was stepped back finds it.
const FORGET_AFTER_MS: i64 = 86_400_000;

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
            renews_in_ms: (self.period_ms > 0).then(|| period_ends_in_ms(self.period_ms, self.anchor_unix_ms, now)),
        }
    }

    /// When the period that holds `now` began: what a counter is filed under.
    fn period_start(&self, now_unix_ms: i64) -> i64 {
        if self.period_ms == 0 {
            return i64::MIN;
        }
        let index = period_index(self.period_ms, self.anchor_unix_ms, now_unix_ms);
        let start = i128::from(self.anchor_unix_ms) + index * i128::from(self.period_ms);
        i64::try_from(start).unwrap_or(i64::MIN + 1)
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
    /// True if nobody will ask for this counter again.
    pub(crate) fn is_over(&self, now_unix_ms: i64) -> bool {
        let ends = i128::from(self.period_start_unix_ms) + i128::from(self.period_ms);
        self.period_ms > 0 && ends + i128::from(FORGET_AFTER_MS) < i128::from(now_unix_ms)
    }
}

#[derive(Debug)]
struct Kept {
    count: Count,
    /// Already on the list of what is to be written.
    dirty: bool,
}

#[derive(Debug, Default)]
struct Shard {
    counters: HashMap<Arc<str>, Kept>,
    dirty: Vec<Arc<str>>,
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
    writer: Option<Arc<Writer>>,
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
        let start = budget.period_start(now);
        if !self.counters.contains_key(key) {
            if self.counters.len() >= room {
                self.counters.retain(|_, kept| kept.dirty || !kept.count.is_over(now));
            }
            if self.counters.len() >= room {
                return None;
            }
            let fresh = Count { period_start_unix_ms: start, period_ms: budget.period_ms, calls: 0, bytes: 0 };
            self.counters.insert(Arc::from(key), Kept { count: fresh, dirty: false });
        }
        let kept = self.counters.get_mut(key)?;
        // A period is never given twice: a clock that was stepped back stays in the later one. A changed period
        // or anchor begins anew.
        if start > kept.count.period_start_unix_ms || kept.count.period_ms != budget.period_ms {
            kept.count = Count { period_start_unix_ms: start, period_ms: budget.period_ms, calls: 0, bytes: 0 };
        }
        Some(&mut kept.count)
    }

    fn mark(&mut self, key: &str) {
        if let Some((key, _)) = self.counters.get_key_value(key).filter(|(_, kept)| !kept.dirty) {
            self.dirty.push(Arc::clone(key));
        }
        if let Some(kept) = self.counters.get_mut(key) {
            kept.dirty = true;
        }
    }

    fn take_dirty(&mut self) -> Vec<(Arc<str>, Count)> {
        let dirty = std::mem::take(&mut self.dirty);
        dirty
            .into_iter()
            .filter_map(|key| {
                let kept = self.counters.get_mut(&key)?;
                kept.dirty = false;
                Some((key, kept.count))
            })
            .collect()
    }
}

impl QuotaStore {
    /// Quotas that end with the process: for `check`, and for tests.
    pub fn in_memory() -> QuotaStore {
        QuotaStore { shared: Arc::new(Shared::new()), writer: None }
    }

    /// Quotas kept in the file `path`, written every `flush`.
    pub fn open(path: &Path, flush: Duration) -> Result<QuotaStore, LedgerError> {
        let ledger = Ledger::open(path)?;
        let shared = Arc::new(Shared::new());
        let now = unix_ms();
        ledger.read_all(|key, count| {
            if !count.is_over(now) {
                shared.shard(key).counters.insert(Arc::from(key), Kept { count, dirty: false });
            }
        })?;
        let writer = Writer { path: path.to_owned(), interval: flush, running: Mutex::default() };
        writer.start(ledger, Arc::clone(&shared))?;
        Ok(QuotaStore { shared, writer: Some(Arc::new(writer)) })
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

    /// Write what has not been written yet, and wait for it: when the gateway ends.
    pub fn flush(&self) {
        if let Some(writer) = &self.writer {
            writer.flush();
        }
    }

    /// Write what has not been written yet and let go of the file, so that another process can open it. What is counted
    /// from now on is in memory only, until [`Self::reopen`].
    pub fn close(&self) {
        if let Some(writer) = &self.writer {
            writer.close();
        }
    }

    /// Open the file again after [`Self::close`], and go on writing what is counted.
    pub fn reopen(&self) -> Result<(), LedgerError> {
        match &self.writer {
            Some(writer) => writer.start(Ledger::open(&writer.path)?, Arc::clone(&self.shared)),
            None => Ok(()),
        }
    }
}

/// The thread that writes the ledger.
#[derive(Debug)]
struct Writer {
    path: PathBuf,
    interval: Duration,
    /// How to wake the thread, and the thread; none while the file is closed.
    running: Mutex<Option<(SyncSender<SyncSender<()>>, JoinHandle<()>)>>,
}

impl Writer {
    fn start(&self, ledger: Ledger, shared: Arc<Shared>) -> Result<(), LedgerError> {
        let interval = self.interval;
        let (wake, woken) = sync_channel::<SyncSender<()>>(1);
        let thread = std::thread::Builder::new()
            .name("quota-writer".into())
            .spawn(move || {
                loop {
                    let asked = woken.recv_timeout(interval);
                    write_dirty(&ledger, &shared);
                    match asked {
                        Ok(done) => drop(done.send(())),
                        Err(RecvTimeoutError::Timeout) => {}
                        Err(RecvTimeoutError::Disconnected) => return,
                    }
                }
            })
            .map_err(LedgerError::Thread)?;
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some((wake, thread));
        Ok(())
    }

    fn flush(&self) {
        let (done, finished) = sync_channel(1);
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.as_ref().is_some_and(|(wake, _)| wake.send(done).is_ok()) {
            // The thread is gone only if it panicked, and then there is nothing to wait for.
            let _ = finished.recv();
        }
    }

    fn close(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((wake, thread)) = running {
            // It writes once more when nobody can wake it any longer.
            drop(wake);
            let _ = thread.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

fn write_dirty(ledger: &Ledger, shared: &Shared) {
    let batch: Vec<_> = shared.shards.iter().flat_map(|shard| lock(shard).take_dirty()).collect();
    if batch.is_empty() {
        return;
    }
    if let Err(error) = ledger.write(&batch, unix_ms()) {
        tracing::error!(%error, counters = batch.len(), "quotas can't be written; they are kept in memory and tried again");
        for (key, _) in batch {
            shared.shard(&key).mark(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(calls: Option<u64>, bytes: Option<u64>, period_ms: u64) -> Budget {
        Budget { calls, bytes, period_ms, anchor_unix_ms: 0 }
    }

    #[test]
    fn calls_are_admitted_up_to_the_budget_and_renew() {
        let store = QuotaStore::in_memory();
        let budget = budget(Some(2), None, 1000);
        for left in [1, 0] {
            let decision = store.admit("k", 1, &budget, 100).unwrap();
            assert_eq!((decision.exhausted, decision.remaining_calls), (None, Some(left)));
        }
        let refused = store.admit("k", 1, &budget, 400).unwrap();
        assert_eq!((refused.exhausted, refused.renews_in_ms), (Some(Exhausted::Calls), Some(600)));
        assert_eq!(store.admit("k", 1, &budget, 1000).unwrap().exhausted, None);
        // A clock that is stepped back gives the first period no second time.
        assert_eq!(store.admit("k", 2, &budget, 500).unwrap().exhausted, Some(Exhausted::Calls));
    }

    #[test]
    fn bytes_are_charged_when_the_exchange_ends() {
        let store = QuotaStore::in_memory();
        let budget = budget(None, Some(100), 0);
        assert_eq!(store.admit("k", 1, &budget, 0).unwrap().remaining_bytes, Some(100));
        store.charge_bytes("k", 60, &budget, 0);
        assert_eq!(store.admit("k", 1, &budget, 0).unwrap().exhausted, None);
        store.charge_bytes("k", 60, &budget, 0);
        let refused = store.admit("k", 1, &budget, 0).unwrap();
        assert_eq!((refused.exhausted, refused.renews_in_ms), (Some(Exhausted::Bytes), None));
    }

    #[test]
    fn counts_survive_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("quotas.redb");
        let budget = budget(Some(10), Some(1000), 0);
        {
            let store = QuotaStore::open(&path, Duration::from_secs(3600)).unwrap();
            for _ in 0..3 {
                store.admit("k", 1, &budget, 0).unwrap();
            }
            store.charge_bytes("k", 7, &budget, 0);
            store.flush();
        }
        let store = QuotaStore::open(&path, Duration::from_secs(3600)).unwrap();
        let decision = store.admit("k", 1, &budget, 0).unwrap();
        assert_eq!((decision.remaining_calls, decision.remaining_bytes), (Some(6), Some(993)));
    }

    #[test]
    fn another_process_may_open_the_file_while_it_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("quotas.redb");
        let budget = budget(Some(10), None, 0);
        let open = || QuotaStore::open(&path, Duration::from_secs(3600));
        let first = open().unwrap();
        first.admit("k", 3, &budget, 0).unwrap();
        assert!(open().is_err(), "one at a time");
        first.close();
        let second = open().unwrap();
        assert_eq!(second.admit("k", 1, &budget, 0).unwrap().remaining_calls, Some(6));
        first.admit("k", 1, &budget, 0).unwrap();
        assert!(first.reopen().is_err());
        drop(second);
        first.reopen().unwrap();
        first.flush();
        drop(first);
        // The first one's own count is what it wrote last.
        assert_eq!(open().unwrap().admit("k", 0, &budget, 0).unwrap().remaining_calls, Some(6));
    }

    #[test]
    fn what_is_counted_is_written_without_being_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("quotas.redb");
        let store = QuotaStore::open(&path, Duration::from_millis(1)).unwrap();
        store.admit("k", 1, &budget(Some(10), None, 0), 0).unwrap();
        drop(store);
        let mut seen = 0;
        Ledger::open(&path).unwrap().read_all(|_, count| seen = count.calls).unwrap();
        assert_eq!(seen, 1);
    }
}
