//! Quotas under load and over restarts.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

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
        let store = QuotaStore::open(&path, Durability::Batched(Duration::from_secs(3600))).unwrap();
        for _ in 0..3 {
            store.admit("k", 1, &budget, 0).unwrap();
        }
        store.charge_bytes("k", 7, &budget, 0);
        store.flush();
    }
    let store = QuotaStore::open(&path, Durability::Batched(Duration::from_secs(3600))).unwrap();
    let decision = store.admit("k", 1, &budget, 0).unwrap();
    assert_eq!((decision.remaining_calls, decision.remaining_bytes), (Some(6), Some(993)));
}

#[test]
fn what_is_counted_is_written_without_being_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quotas.redb");
    let store = QuotaStore::open(&path, Durability::Batched(Duration::from_millis(1))).unwrap();
    store.admit("k", 1, &budget(Some(10), None, 0), 0).unwrap();
    drop(store);
    let mut seen = 0;
    Ledger::open(&path, |_, count| seen = count.calls).unwrap();
    assert_eq!(seen, 1);
}

const NEVER: Durability = Durability::Batched(Duration::from_secs(3600));

#[test]
fn another_process_may_open_the_file_while_it_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quotas.redb");
    let budget = budget(Some(10), None, 0);
    let open = || QuotaStore::open(&path, NEVER);
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
    drop(first);
    // The first one's own count is what it wrote last.
    assert_eq!(open().unwrap().look("k", 1, &budget, 0).unwrap().remaining_calls, Some(6));
}
const DAY: u64 = 86_400_000;

/// A ledger with 2,000 counters, closed in order; what it says of the first.
fn ledger(path: &Path) -> Budget {
    let budget = budget(Some(1_000_000), None, 0);
    let store = QuotaStore::open(path, NEVER).unwrap();
    for number in 0..2000u64 {
        store.admit(&format!("key {number}"), number + 1, &budget, 0).unwrap();
    }
    budget
}

fn used(store: &QuotaStore, key: &str, budget: &Budget) -> u64 {
    1_000_000 - store.look(key, 0, budget, 0).unwrap().remaining_calls.unwrap()
}

#[test]
fn exactly_the_quota_is_admitted_to_256_at_once() {
    const TASKS: usize = 256;
    let store = QuotaStore::in_memory();
    let budget = budget(Some(100), None, 0);
    let barrier = Barrier::new(TASKS);
    let admitted: Vec<AtomicUsize> = (0..100).map(|_| AtomicUsize::new(0)).collect();
    std::thread::scope(|scope| {
        for _ in 0..TASKS {
            scope.spawn(|| {
                for (round, admitted) in admitted.iter().enumerate() {
                    barrier.wait();
                    let decision = store.admit(&round.to_string(), 1, &budget, 0).unwrap();
                    admitted.fetch_add(usize::from(decision.exhausted.is_none()), Ordering::Relaxed);
                }
            });
        }
    });
    assert!(admitted.into_iter().all(|admitted| admitted.into_inner() == 100));
}

#[test]
fn the_clock_may_step_an_hour_and_refunds_nothing() {
    let budget = budget(Some(1), None, 300_000);
    let (hour, noon) = (3_600_000, 43_200_000);
    for step in [-hour, hour] {
        let store = QuotaStore::in_memory();
        let is_admitted = |now| store.admit("k", 1, &budget, now).unwrap().exhausted.is_none();
        assert!(is_admitted(noon));
        // Ahead lies a period that was not given yet; behind none.
        assert_eq!(is_admitted(noon + step), step > 0);
        assert!(!is_admitted(noon + step) && !is_admitted(noon) && !is_admitted(noon + 299_999));
        // From the last period on that was given, each is given once.
        let next = noon + step.max(0) + 300_000;
        assert!(is_admitted(next) && !is_admitted(next));
    }
}

#[test]
fn a_quota_counted_by_a_clock_that_was_years_ahead_renews_in_the_period_after_the_next() {
    let store = QuotaStore::in_memory();
    let budget = budget(Some(1), None, DAY);
    let day = DAY as i64;
    assert!(store.admit("k", 1, &budget, 3650 * day).unwrap().exhausted.is_none());
    let refused = store.admit("k", 1, &budget, 10 * day).unwrap();
    assert_eq!(
        (refused.exhausted, refused.renews_in_ms),
        (Some(Exhausted::Calls), Some(2 * DAY)),
        "nothing is refunded"
    );
    assert!(store.admit("k", 1, &budget, 12 * day).unwrap().exhausted.is_none());
}

#[test]
fn months_leap_days_and_years_are_whole_periods_of_the_wall_clock() {
    let budget = budget(Some(1), None, DAY);
    let store = QuotaStore::in_memory();
    // 2028-02-28 to 2028-03-02 and the turn of the year: each day once, also a millisecond around midnight.
    for midnight in [1_835_308_800_000i64, 1_835_395_200_000, 1_835_481_600_000, 1_861_920_000_000] {
        let is_admitted = |now| store.admit("k", 1, &budget, now).unwrap().exhausted.is_none();
        assert!(is_admitted(midnight) && !is_admitted(midnight + DAY as i64 - 1), "{midnight}");
    }
}

#[test]
fn a_ledger_that_is_damaged_anywhere_is_told_and_never_read_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quotas.redb");
    let budget = ledger(&path);
    let whole = std::fs::read(&path).unwrap();
    let mut random = 0x9e3779b97f4a7c15u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random as usize % below
    };
    let (mut told, mut intact) = (0, 0);
    for round in 0..150 {
        let mut bytes = whole.clone();
        match round % 3 {
            0 => bytes.truncate(next(whole.len())),
            1 => {
                let at = next(whole.len());
                bytes[at] ^= 1 << next(8);
            }
            _ => {
                let at = next(whole.len());
                let end = (at + next(8192)).min(whole.len());
                bytes[at..end].fill(next(256) as u8);
            }
        }
        std::fs::write(&path, &bytes).unwrap();
        let store = QuotaStore::open(&path, NEVER).unwrap_or_else(|error| panic!("round {round}: {error}"));
        if store.health().unwrap().times_damaged() > 0 {
            told += 1;
            assert!(path.with_added_extension("damaged").exists());
        } else {
            intact += 1;
            // Pages that hold nothing may say anything.
            for number in 0..2000 {
                assert_eq!(used(&store, &format!("key {number}"), &budget), number + 1, "round {round}");
            }
        }
        assert!(store.admit("new", 1, &budget, 0).unwrap().exhausted.is_none(), "and it counts on");
    }
    assert!(told >= 50, "{told} told, {intact} intact");
}

#[test]
fn an_empty_file_is_no_new_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quotas.redb");
    std::fs::write(&path, b"").unwrap();
    let store = QuotaStore::open(&path, NEVER).unwrap();
    assert_eq!(store.health().unwrap().times_damaged(), 1);
}

#[test]
fn two_gateways_share_no_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quotas.redb");
    let _first = QuotaStore::open(&path, NEVER).unwrap();
    assert!(QuotaStore::open(&path, NEVER).is_err());
    assert!(QuotaStore::open(&folder.path().join("none").join("quotas.redb"), NEVER).is_err());
}

#[test]
fn a_strict_count_is_on_disk_when_it_is_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quotas.redb");
    let store = QuotaStore::open(&path, Durability::Strict(Duration::from_secs(3600))).unwrap();
    let budget = budget(Some(1_000_000), None, 0);
    let wait = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for number in 1..=20u64 {
        store.admit("k", 1, &budget, 0).unwrap();
        assert!(wait.block_on(store.unwritten().unwrap().is_written()));
        // As a crash would leave it: the file is copied while it is open.
        let copy = folder.path().join("copy.redb");
        std::fs::copy(&path, &copy).unwrap();
        assert_eq!(used(&QuotaStore::open(&copy, NEVER).unwrap(), "k", &budget), number);
        std::fs::remove_file(&copy).unwrap();
    }
    assert!(QuotaStore::open(&folder.path().join("b"), NEVER).unwrap().unwritten().is_none(), "others don't wait");
}

#[test]
fn what_is_over_leaves_memory_and_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quotas.redb");
    let budget = budget(Some(1), None, DAY);
    let counters = |path: &Path| {
        let mut count = 0;
        Ledger::open(path, |_, _| count += 1).unwrap();
        count
    };
    let long_ago = unix_ms() - 10 * DAY as i64;
    {
        let store = QuotaStore::open(&path, NEVER).unwrap();
        let mut shard = lock(&store.shared.shards[0]);
        for number in 0..100 {
            let key = number.to_string();
            shard.count(&key, &budget, long_ago, 1000).unwrap().calls = 1;
            shard.mark(&key);
        }
        // Written by the clock of then, so that they get there.
        let batch = shard.take_dirty();
        drop(shard);
        drop(store);
        Ledger::open(&path, |_, _| {}).unwrap().0.write(&batch, long_ago).unwrap();
    }
    assert_eq!(counters(&path), 100);
    drop(QuotaStore::open(&path, NEVER).unwrap());
    assert_eq!(counters(&path), 0);

    let mut shard = Shard::default();
    for number in 0..10 {
        shard.count(&number.to_string(), &budget, long_ago, 10).unwrap();
    }
    assert!(shard.count("one more", &budget, long_ago, 10).is_none(), "full");
    assert!(shard.count("one more", &budget, unix_ms(), 10).is_some(), "the others are over");
    assert_eq!((shard.counters.len(), shard.gone.len()), (1, 10));
}
