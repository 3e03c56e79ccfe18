//! What statements cost and how they fail. One writer per row, so that counting is a load and a store.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tollgate_core::fault::FaultKind;
use tollgate_core::place::Phase;
use tollgate_core::verdict::Verdict;

const VERDICTS: usize = Verdict::LABELS.len();
const FAULTS: usize = FaultKind::ALL.len();
const PHASES: usize = Phase::ALL.len();

/// What one phase of one statement has cost so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Calls, those that failed included, and those that needn't be made.
    pub calls: u64,
    /// By [`Verdict::index`].
    pub verdicts: [u64; VERDICTS],
    /// By [`FaultKind::index`].
    pub faults: [u64; FAULTS],
    /// Fuel.
    pub fuel: u64,
    /// Wall-clock time within calls that were made.
    pub nanos: u64,
    /// Calls of host functions.
    pub host_calls: u64,
    /// What host functions did in bulk, as the limit `host-bytes` counts it.
    pub host_bytes: u64,
}

#[derive(Debug, Default)]
struct Row {
    calls: AtomicU64,
    verdicts: [AtomicU64; VERDICTS],
    faults: [AtomicU64; FAULTS],
    fuel: AtomicU64,
    nanos: AtomicU64,
    host_calls: AtomicU64,
    host_bytes: AtomicU64,
}

/// Rows of different workers don't share a cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
struct WorkerRows([Row; PHASES]);

/// A statement's account: a row per worker and phase, added up when it is read.
#[derive(Debug)]
pub struct Account {
    workers: Box<[WorkerRows]>,
}

/// How a call ended.
pub(crate) enum Ended<'a> {
    Verdict(&'a Verdict),
    Fault(FaultKind),
}

/// What a call used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Used {
    pub(crate) fuel: u64,
    pub(crate) time: Duration,
    /// Of that, what the guest has computed on a stack of its own, to the last tick.
    pub(crate) computed: Duration,
    pub(crate) host_calls: u32,
    pub(crate) host_bytes: u64,
}

/// Only the row's own worker writes it, so nothing is lost between load and store.
fn add(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

impl Account {
    pub(crate) fn new(workers: usize) -> Account {
        Account { workers: (0..workers.max(1)).map(|_| WorkerRows::default()).collect() }
    }

    /// Record a call by `worker`.
    pub(crate) fn record(&self, worker: usize, phase: Phase, ended: Ended<'_>, used: Used) {
        let Some(WorkerRows(rows)) = self.workers.get(worker) else {
            return;
        };
        let row = &rows[phase.index()];
        add(&row.calls, 1);
        add(&row.fuel, used.fuel);
        add(&row.nanos, u64::try_from(used.time.as_nanos()).unwrap_or(u64::MAX));
        add(&row.host_calls, u64::from(used.host_calls));
        add(&row.host_bytes, used.host_bytes);
        match ended {
            Ended::Verdict(verdict) => add(&row.verdicts[verdict.index()], 1),
            Ended::Fault(kind) => add(&row.faults[kind.index()], 1),
        }
    }

    /// Add up all workers' rows of a phase.
    pub fn totals(&self, phase: Phase) -> Totals {
        let mut totals = Totals::default();
        for WorkerRows(rows) in &self.workers {
            let row = &rows[phase.index()];
            let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            totals.calls += read(&row.calls);
            totals.fuel += read(&row.fuel);
            totals.nanos += read(&row.nanos);
            totals.host_calls += read(&row.host_calls);
            totals.host_bytes += read(&row.host_bytes);
            for (total, counter) in totals.verdicts.iter_mut().zip(&row.verdicts) {
                *total += read(counter);
            }
            for (total, counter) in totals.faults.iter_mut().zip(&row.faults) {
                *total += read(counter);
            }
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_all_workers_add_up_by_phase() {
        let account = Account::new(2);
        let used = Used { fuel: 10, time: Duration::from_nanos(5), host_calls: 2, host_bytes: 3, ..Used::default() };
        account.record(0, Phase::OnRequest, Ended::Verdict(&Verdict::Next), used);
        account.record(1, Phase::OnRequest, Ended::Fault(FaultKind::Fuel), used);
        account.record(1, Phase::OnError, Ended::Verdict(&Verdict::Next), used);
        let totals = account.totals(Phase::OnRequest);
        assert_eq!((totals.calls, totals.fuel, totals.nanos, totals.host_calls, totals.host_bytes), (2, 20, 10, 4, 6));
        assert_eq!(totals.verdicts, [1, 0, 0]);
        assert_eq!(totals.faults[FaultKind::Fuel.index()], 1);
    }
}
