//! The threads that write what was counted: one notes it in the journal, every few milliseconds; the other one commits
//! it to the ledger, for all who counted at once.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::journal::Journal;
use super::{Durability, Shared, lock};
use crate::clock::unix_ms;
use crate::limiter::ledger::{Found, Ledger, LedgerError};

/// After a failure the disk is left alone for this long: opening the ledger again reads all of it.
const RETRY: Duration = Duration::from_secs(1);

/// How often the same trouble is told again.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// How the ledger is, for operators.
#[derive(Debug, Default)]
pub struct QuotaHealth {
    failures: AtomicU64,
    damaged: AtomicU64,
}

impl QuotaHealth {
    /// How often counts could not be written.
    pub fn write_failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// How often the file was found damaged and set aside.
    pub fn times_damaged(&self) -> u64 {
        self.damaged.load(Ordering::Relaxed)
    }
}

/// Told once, with whether everything that was counted before is on disk.
type Told = Box<dyn FnOnce(bool) + Send>;

#[derive(Default)]
struct Queue {
    waiting: Vec<Told>,
    is_closing: bool,
}

/// Where those wait whose counts are to be written.
#[derive(Default)]
struct Desk {
    queue: Mutex<Queue>,
    rung: Condvar,
    closing: Condvar,
}

impl Desk {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, told: Told) {
        self.queue().waiting.push(told);
        self.rung.notify_one();
    }

    /// Those who wait, as soon as there are any or the pause is over; and whether this is the end.
    fn take(&self, pause: Duration) -> (Vec<Told>, bool) {
        let idle = |queue: &mut Queue| queue.waiting.is_empty() && !queue.is_closing;
        let mut queue =
            self.rung.wait_timeout_while(self.queue(), pause, idle).unwrap_or_else(PoisonError::into_inner).0;
        (std::mem::take(&mut queue.waiting), queue.is_closing)
    }
}

impl Desk {
    /// Wait for the pause, or for the end. True at the end.
    fn is_closing_within(&self, pause: Duration) -> bool {
        let queue = self.closing.wait_timeout_while(self.queue(), pause, |queue| !queue.is_closing);
        queue.unwrap_or_else(PoisonError::into_inner).0.is_closing
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Desk")
    }
}

/// Counts on their way to the disk.
#[derive(Debug)]
pub struct Unwritten(oneshot::Receiver<bool>);

impl Unwritten {
    /// Counts that no disk takes.
    pub(super) fn never() -> Unwritten {
        Unwritten(oneshot::channel().1)
    }

    /// Wait until they are there. False if the disk took them not.
    pub async fn is_written(self) -> bool {
        self.0.await.unwrap_or(false)
    }
}

/// The threads' handle: dropping it writes what is left.
#[derive(Debug)]
pub(super) struct Writer {
    desk: Arc<Desk>,
    durability: Durability,
    threads: Vec<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        ledger: Ledger,
        journal: Journal,
        found: &Found,
        shared: Arc<Shared>,
        durability: Durability,
        health: Arc<QuotaHealth>,
    ) -> Result<Writer, LedgerError> {
        let desk = Arc::new(Desk::default());
        let journal = Arc::new(Mutex::new(journal));
        let work = Work {
            ledger,
            journal: Arc::clone(&journal),
            shared: Arc::clone(&shared),
            health,
            is_loaded: !matches!(found, Found::Unwritable(_)),
            within: durability.within(),
            commit: Duration::ZERO,
            retry_at: None,
            told_failure_at: None,
            told_slow_at: None,
        };
        work.tell(found);
        let (at, noting) = (Arc::clone(&desk), Arc::clone(&desk));
        let within = durability.within();
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new().name(name.into()).spawn(run).map_err(LedgerError::Thread)
        };
        let threads = vec![
            spawn("quota-writer", Box::new(move || work.run(&at)))?,
            spawn("quota-journal", Box::new(move || note_regularly(&journal, &shared, &noting, within)))?,
        ];
        Ok(Writer { desk, durability, threads })
    }

    /// What was counted before this call is written before it is answered.
    pub(super) fn unwritten(&self) -> Option<Unwritten> {
        let Durability::Strict(_) = self.durability else { return None };
        let (done, written) = oneshot::channel();
        // Whoever waited may be gone: then nobody is to be told.
        self.desk.wait(Box::new(move |ok| _ = done.send(ok)));
        Some(Unwritten(written))
    }

    pub(super) fn flush(&self) {
        let (done, finished) = std::sync::mpsc::sync_channel(1);
        self.desk.wait(Box::new(move |ok| _ = done.send(ok)));
        // The thread is gone only if it panicked, and then there is nothing to wait for.
        let _ = finished.recv();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.desk.queue().is_closing = true;
        self.desk.rung.notify_all();
        self.desk.closing.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Note what was counted, until the end.
fn note_regularly(journal: &Mutex<Journal>, shared: &Shared, desk: &Desk, within: Duration) {
    // A count that comes when others are just taken waits for the next time.
    let pause = (within / 4).max(Duration::from_millis(1));
    let mut told_at: Option<Instant> = None;
    while !desk.is_closing_within(pause) {
        if let Err(error) = note(journal, shared)
            && is_due(&mut told_at)
        {
            tracing::error!(%error, "quotas can't be noted in their journal: a crash may lose more than it should");
        }
    }
}

fn note(journal: &Mutex<Journal>, shared: &Shared) -> std::io::Result<()> {
    let mut journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
    // With the journal in hand: what is taken here is in its file before a commit goes on with the other one.
    let batch: Vec<_> = shared.shards.iter().flat_map(|shard| lock(shard).take_unnoted()).collect();
    if batch.is_empty() { Ok(()) } else { journal.append(&batch) }
}

/// What the committing thread has.
struct Work {
    ledger: Ledger,
    journal: Arc<Mutex<Journal>>,
    shared: Arc<Shared>,
    health: Arc<QuotaHealth>,
    /// What the file held is in memory.
    is_loaded: bool,
    within: Duration,
    /// What commits take: the longest of late.
    commit: Duration,
    /// The disk failed, and is tried again then.
    retry_at: Option<Instant>,
    told_failure_at: Option<Instant>,
    told_slow_at: Option<Instant>,
}

impl Work {
    fn run(mut self, desk: &Desk) {
        loop {
            let (waiting, is_closing) = desk.take(self.pause());
            let is_written = self.write();
            waiting.into_iter().for_each(|told| told(is_written));
            if is_closing {
                return;
            }
        }
    }

    /// Between two commits. What is counted when a commit has just begun is on disk after the rest of that one, the
    /// pause and a whole one more, and all that has to fit into the time.
    fn pause(&self) -> Duration {
        let pause = self.within.saturating_sub(self.commit * 2).min(self.within / 2);
        pause.max(Duration::from_millis(1))
    }

    /// Write what was counted. False if it can't be.
    fn write(&mut self) -> bool {
        if self.retry_at.is_some_and(|at| Instant::now() < at) {
            return false;
        }
        // First the journal goes on with its other file: what stands in this one is committed then.
        let noted = self.journal().switch();
        let batch: Vec<_> = self.shared.shards.iter().flat_map(|shard| lock(shard).take_dirty()).collect();
        if batch.is_empty() && self.retry_at.is_none() {
            self.forget(noted);
            return true;
        }
        let began = Instant::now();
        match self.ledger.write(&batch, unix_ms()) {
            Ok(()) => {
                self.wrote(began.elapsed());
                self.forget(noted);
                true
            }
            Err(error) => {
                self.health.failures.fetch_add(1, Ordering::Relaxed);
                self.tell_failure(&error, batch.len());
                for (key, _) in &batch {
                    self.shared.shard(key).mark(key);
                }
                self.reopen();
                false
            }
        }
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that stands in this file of the journal is committed.
    fn forget(&self, noted: usize) {
        if let Err(error) = self.journal().empty(noted) {
            tracing::warn!(%error, "the quota journal can't be emptied");
        }
    }

    fn wrote(&mut self, took: Duration) {
        if self.retry_at.take().is_some() {
            tracing::info!("quotas are written to the disk again");
            self.told_failure_at = None;
        }
        // The longest counts for a while: a commit that is slow once will be again.
        self.commit = took.max(self.commit - self.commit / 16);
        if took * 2 > self.within && is_due(&mut self.told_slow_at) {
            let (commit_ms, within_ms) = (took.as_millis() as u64, self.within.as_millis() as u64);
            tracing::warn!(commit_ms, within_ms, "the disk is slow: a power cut may lose more counts than it should");
        }
    }

    /// A database that failed once does nothing more until it is opened again.
    fn reopen(&mut self) {
        self.retry_at = Some(Instant::now() + RETRY);
        let (shared, is_loaded) = (&self.shared, self.is_loaded);
        let reopened = self.ledger.reopen(|key, count| {
            if !is_loaded {
                shared.shard(key).add(key, count);
            }
        });
        match reopened {
            Ok(Found::Unwritable(problem)) => self.tell_failure(&LedgerError::Disk(problem), 0),
            Ok(found) => {
                if let Found::Damaged(_) | Found::Missing = found {
                    self.tell(&found);
                }
                self.is_loaded = true;
                // Whatever became of the file, all counters are in memory.
                self.shared.shards.iter().for_each(|shard| lock(shard).mark_all());
            }
            Err(error) => self.tell_failure(&error, 0),
        }
    }

    fn tell(&self, found: &Found) {
        let file = self.ledger.path().display().to_string();
        match found {
            Found::Whole => {}
            Found::New => tracing::debug!(file, "a new quota file was made"),
            Found::Missing => {
                self.health.damaged.fetch_add(1, Ordering::Relaxed);
                tracing::error!(file, "the quota file is gone: what it held of used quotas is lost");
            }
            Found::Repaired => tracing::info!(file, "the quota file was not closed when it was last used; it is whole"),
            Found::Damaged(problem) => {
                self.health.damaged.fetch_add(1, Ordering::Relaxed);
                let aside = self.ledger.aside().display().to_string();
                tracing::error!(
                    file,
                    aside,
                    problem,
                    "the quota file is damaged and was set aside: what it held of used quotas is lost"
                );
            }
            Found::Unwritable(problem) => {
                self.health.failures.fetch_add(1, Ordering::Relaxed);
                tracing::error!(
                    file,
                    problem,
                    "the quota file can't be used now: quotas are counted in memory until it can, and what it holds is added then"
                );
            }
        }
    }

    fn tell_failure(&mut self, error: &LedgerError, counters: usize) {
        if is_due(&mut self.told_failure_at) {
            tracing::error!(%error, counters, "quotas can't be written; they are kept in memory and tried again");
        }
    }
}

/// Is it time to tell the same trouble again?
fn is_due(told_at: &mut Option<Instant>) -> bool {
    let due = told_at.is_none_or(|at| at.elapsed() >= TELL_EVERY);
    if due {
        *told_at = Some(Instant::now());
    }
    due
}
