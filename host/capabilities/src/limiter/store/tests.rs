use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const RULE: Rule = Rule::SlidingWindow { calls: 100, period_us: 1_000_000 };

/// 256 threads meet at a barrier and ask once each, round after round, a new key in each. Once they have, the limit is
/// reached to the call: none over, none under.
#[test]
fn exactly_the_limit_is_admitted_to_256_at_once() {
    const TASKS: usize = 256;
    const LIMIT: usize = 100;
    const ROUNDS: usize = 240;
    let calls = LIMIT as u64;
    let rules = [
        Rule::SlidingWindow { calls, period_us: 60_000_000 },
        Rule::TokenBucket { capacity: calls, refill: 1, period_us: 60_000_000 },
        Rule::FixedWindow { calls, period_ms: 60_000, anchor_unix_ms: 0 },
    ];
    let store = LimiterStore::new(1 << 22);
    let barrier = Barrier::new(TASKS);
    let admitted: Vec<AtomicUsize> = (0..ROUNDS).map(|_| AtomicUsize::new(0)).collect();
    std::thread::scope(|scope| {
        for _ in 0..TASKS {
            scope.spawn(|| {
                for (round, admitted) in admitted.iter().enumerate() {
                    barrier.wait();
                    let decision = store.admit(&[&round.to_le_bytes()], 1, rules[round % 3], monotonic_us(), 0);
                    admitted.fetch_add(usize::from(decision.unwrap().admitted), Ordering::Relaxed);
                }
            });
        }
    });
    for (round, admitted) in admitted.into_iter().enumerate() {
        assert_eq!(admitted.into_inner(), LIMIT, "round {round}: {:?}", rules[round % 3]);
    }
}

fn used_bytes(store: &LimiterStore) -> usize {
    store.shards.iter().map(|shard| lock(shard).used_bytes()).sum()
}

fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

/// `bench/limits.sh flood` runs it with ten million keys and the memory that a gateway has by default.
#[test]
fn a_flood_of_keys_takes_no_more_memory_than_was_given() {
    let number = |name: &str, usually: usize| std::env::var(name).map_or(usually, |text| text.parse().unwrap());
    let (keys, bytes) = (number("TOLLGATE_FLOOD_KEYS", 300_000), number("TOLLGATE_FLOOD_BYTES", 8 << 20));
    let store = LimiterStore::new(bytes);
    let one = Rule::SlidingWindow { calls: 1, period_us: 300_000_000 };
    let blocked: Vec<_> = (0u32..10_000).map(|n| n.to_le_bytes()).collect();
    for key in &blocked {
        assert!(store.admit(&[b"blocked", key], 1, one, 0, 0).unwrap().admitted);
    }
    let (before, began) = (resident_bytes(), std::time::Instant::now());
    for n in 0..keys {
        assert!(store.admit(&[b"flood", &n.to_le_bytes()], 1, RULE, 1, 0).unwrap().admitted);
    }
    let (seconds, grown) = (began.elapsed().as_secs_f64(), resident_bytes().saturating_sub(before));
    let kept: usize = store.shards.iter().map(|shard| lock(shard).metered.len()).sum();
    println!("{keys} keys in {seconds:.1} s: {kept} are kept; {} of {} MiB", grown >> 20, bytes >> 20);
    // Other tests of this process allocate too.
    assert!(grown <= bytes + (16 << 20), "{grown} bytes");
    assert!(blocked.iter().all(|key| !store.admit(&[b"blocked", key], 1, one, 299_999_999, 0).unwrap().admitted));
}

#[test]
fn a_flood_of_keys_is_bounded_and_frees_no_key_at_its_limit() {
    let store = LimiterStore::new(1 << 20);
    let one = Rule::SlidingWindow { calls: 1, period_us: 1_000_000 };
    let blocked: Vec<_> = (0u32..1000).map(|n| n.to_le_bytes()).collect();
    for key in &blocked {
        assert!(store.admit(&[b"blocked", key], 1, one, 0, 0).unwrap().admitted);
    }
    let mut without_room = 0;
    for n in 0u32..500_000 {
        without_room += usize::from(store.admit(&[b"flood", &n.to_le_bytes()], 1, RULE, 1, 0).is_none());
    }
    assert!(used_bytes(&store) <= (1 << 20) + SHARDS * 8 * ENTRY_BYTES, "{} bytes", used_bytes(&store));
    assert_eq!(without_room, 0, "keys at their limit don't hide the room that there is");
    for key in &blocked {
        assert!(!store.admit(&[b"blocked", key], 1, one, 2, 0).unwrap().admitted);
    }
    let later = 1_000_001;
    assert!(store.admit(&[b"blocked", &blocked[0]], 1, one, later, 0).unwrap().admitted, "and not a moment longer");
}

#[test]
fn a_store_full_of_keys_at_their_limit_takes_no_more_until_their_time_is_over() {
    let store = LimiterStore::new(1 << 20);
    let one = Rule::SlidingWindow { calls: 1, period_us: 1_000_000 };
    let admit = |n: u32, now| store.admit(&[&n.to_le_bytes()], 1, one, now, 0);
    let admitted = (0..20_000).filter(|n| admit(*n, 0).is_some()).count();
    assert!((1_000..20_000).contains(&admitted), "{admitted}");
    assert!((0..20_000).filter_map(|n| admit(n, 1)).all(|decision| !decision.admitted), "nobody is let in twice");
    let later = (20_000..40_000).filter(|n| admit(*n, 1_000_000).is_some()).count();
    assert!(later.abs_diff(admitted) < admitted / 10, "{later} later, {admitted} at first");
}

#[test]
fn a_key_that_is_nearly_used_up_stays_longer_than_those_of_a_flood() {
    let store = LimiterStore::new(1 << 20);
    for _ in 0..99 {
        store.admit(&[b"mine"], 1, RULE, 0, 0).unwrap();
    }
    for n in 0u32..100_000 {
        store.admit(&[b"flood", &n.to_le_bytes()], 1, RULE, 1, 0).unwrap();
    }
    assert_eq!(store.admit(&[b"mine"], 1, RULE, 2, 0).unwrap().remaining, 0);
}

#[test]
fn a_flood_of_keys_takes_no_permit_away() {
    let store = LimiterStore::new(1 << 20);
    for n in 0u32..100_000 {
        store.admit(&[&n.to_le_bytes()], 1, RULE, 1, 0).unwrap();
    }
    assert!(matches!(store.acquire(&[b"k"], 1), Acquired::Permit(_)));
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
