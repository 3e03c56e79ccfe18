use super::*;
use proptest::prelude::*;

fn at(us: u64) -> Now {
    Now { us, unix_ms: i64::try_from(us / 1000).unwrap() }
}

#[test]
fn a_window_admits_its_calls_and_tells_when_the_next_may_come() {
    let rule = Rule::SlidingWindow { calls: 2, period_us: 1000 };
    let mut meter = Meter::new(&rule, at(0));
    assert_eq!(meter.admit(&rule, Ask::Admit, 1, at(0)).unwrap().remaining, 1);
    assert!(meter.admit(&rule, Ask::Admit, 1, at(400)).unwrap().admitted);
    let refused = meter.admit(&rule, Ask::Admit, 1, at(600)).unwrap();
    assert_eq!(refused, Decision { admitted: false, remaining: 0, retry_after_us: 400 });
    assert!(meter.admit(&rule, Ask::Admit, 1, at(1000)).unwrap().admitted);
    assert_eq!(meter.admit(&rule, Ask::Admit, 2, at(1000)).unwrap().retry_after_us, 1000);
}

#[test]
fn a_bucket_refills_evenly() {
    let rule = Rule::TokenBucket { capacity: 2, refill: 1, period_us: 1000 };
    let mut meter = Meter::new(&rule, at(0));
    assert!(meter.admit(&rule, Ask::Admit, 2, at(0)).unwrap().admitted);
    assert_eq!(meter.admit(&rule, Ask::Admit, 1, at(250)).unwrap().retry_after_us, 750);
    assert!(meter.admit(&rule, Ask::Admit, 1, at(1000)).unwrap().admitted);
    assert_eq!(meter.admit(&rule, Ask::Admit, 0, at(9000)).unwrap().remaining, 2);
}

#[test]
fn a_period_begins_at_its_anchor_and_is_never_given_twice() {
    let rule = Rule::FixedWindow { calls: 1, period_ms: 1000, anchor_unix_ms: 300 };
    let mut meter = Meter::new(&rule, at(0));
    let now = |unix_ms| Now { us: 0, unix_ms };
    assert!(meter.admit(&rule, Ask::Admit, 1, now(1200)).unwrap().admitted);
    assert_eq!(meter.admit(&rule, Ask::Admit, 1, now(1200)).unwrap().retry_after_us, 100_000);
    assert!(meter.admit(&rule, Ask::Admit, 1, now(1300)).unwrap().admitted);
    assert!(!meter.admit(&rule, Ask::Admit, 1, now(500)).unwrap().admitted);
}

#[test]
fn a_window_keeps_few_stamps_whatever_its_limit() {
    let rule = Rule::SlidingWindow { calls: 100_000, period_us: 1_000_000 };
    let mut meter = Meter::new(&rule, at(0));
    for us in 0..100_000 {
        assert!(meter.admit(&rule, Ask::Admit, 1, at(us * 10)).unwrap().admitted);
    }
    assert!(meter.heap_bytes() <= 128 * size_of::<Stamp>());
}

/// What a meter admitted, in the order of time.
type History = Vec<(u64, u64)>;

/// Ask a meter at each step; `(since the last, cost)`. Every decision goes to `check` with the history before it.
fn replay(rule: &Rule, steps: &[(u64, u64)], mut check: impl FnMut(&History, u64, u64, Decision)) -> History {
    let mut meter = Meter::new(rule, at(0));
    let (mut now, mut admitted) = (0, History::new());
    for &(step, cost) in steps {
        now += step;
        let decision = meter.admit(rule, Ask::Admit, cost, at(now)).unwrap();
        check(&admitted, now, cost, decision);
        if decision.admitted {
            admitted.push((now, cost));
        }
    }
    admitted
}

/// The most that any interval of `length` holds, wherever it begins: two pointers over the history.
fn fullest_interval(history: &History, length: u64) -> u64 {
    let (mut from, mut held, mut fullest) = (0, 0, 0);
    for &(when, cost) in history {
        held += cost;
        while history[from].0 + length <= when {
            held -= history[from].1;
            from += 1;
        }
        fullest = fullest.max(held);
    }
    fullest
}

/// What was spent in the interval that ends with `now`.
fn spent_since(history: &History, now: u64, length: u64) -> u64 {
    history.iter().filter(|(when, _)| when + length > now).map(|(_, cost)| cost).sum()
}

fn steps() -> impl Strategy<Value = Vec<(u64, u64)>> {
    // Bursts, trickles and pauses.
    let step = prop_oneof![4 => Just(0u64), 4 => 0u64..300, 1 => 0u64..20_000];
    proptest::collection::vec((step, 1u64..4), 1..400)
}

proptest! {
    /// No interval of a period's length ever holds more than the limit, and nothing is refused that an exact count
    /// would admit: above 64 calls, one that forgets a 64th of the period late.
    #[test]
    fn a_sliding_window_admits_neither_more_nor_less(calls in 1u64..200, period_us in 1u64..10_000, steps in steps()) {
        let rule = Rule::SlidingWindow { calls, period_us };
        let grain = if calls <= STAMPS { 0 } else { period_us / STAMPS };
        let mut problem = None;
        let admitted = replay(&rule, &steps, |history, now, cost, decision| {
            let exact = spent_since(history, now, period_us) + cost <= calls;
            let late = spent_since(history, now, period_us + grain) + cost <= calls;
            if decision.admitted && !exact || !decision.admitted && late {
                problem = Some((now, decision));
            }
        });
        prop_assert!(problem.is_none(), "{problem:?}");
        prop_assert!(fullest_interval(&admitted, period_us) <= calls);
    }

    /// In every interval a bucket gives its capacity and what flows in meanwhile, and it refuses only what isn't there.
    #[test]
    fn a_token_bucket_admits_neither_more_nor_less(
        capacity in 1u64..100,
        refill in 1u64..100,
        period_us in 1u64..10_000,
        steps in steps(),
    ) {
        let rule = Rule::TokenBucket { capacity, refill, period_us };
        let (period, rate, full) = (u128::from(period_us), u128::from(refill), u128::from(capacity * period_us));
        let (mut level, mut last, mut problem) = (full, 0, None);
        let admitted = replay(&rule, &steps, |_, now, cost, decision| {
            level = full.min(level + u128::from(now - last) * rate);
            last = now;
            let has = level >= u128::from(cost) * period;
            if has != decision.admitted {
                problem = Some((now, decision));
            }
            if has {
                level -= u128::from(cost) * period;
            }
        });
        prop_assert!(problem.is_none(), "{problem:?}");
        for (from, (start, _)) in admitted.iter().enumerate() {
            let mut spent = 0;
            for (when, cost) in &admitted[from..] {
                spent += u128::from(*cost) * period;
                prop_assert!(spent <= full + u128::from(when - start) * rate, "from {start} to {when}");
            }
        }
    }

    #[test]
    fn a_fixed_window_admits_neither_more_nor_less(
        calls in 1u64..50,
        period_ms in 1u64..20,
        anchor_unix_ms in -50i64..50,
        steps in steps(),
    ) {
        let rule = Rule::FixedWindow { calls, period_ms, anchor_unix_ms };
        let period_of = |us: u64| period_index(period_ms, anchor_unix_ms, i64::try_from(us / 1000).unwrap());
        let mut problem = None;
        replay(&rule, &steps, |history, now, cost, decision| {
            let within = history.iter().filter(|(when, _)| period_of(*when) == period_of(now));
            let spent: u64 = within.map(|(_, cost)| cost).sum();
            if decision.admitted != (spent + cost <= calls) {
                problem = Some((now, decision));
            }
        });
        prop_assert!(problem.is_none(), "{problem:?}");
    }

    /// Workers read the clock before they wait for each other: moments may come in any order.
    #[test]
    fn a_window_whose_clock_jitters_admits_no_more(
        calls in 1u64..100,
        period_us in 1u64..5_000,
        moments in proptest::collection::vec((0u64..100, 0u64..500), 1..400),
    ) {
        let rule = Rule::SlidingWindow { calls, period_us };
        let mut meter = Meter::new(&rule, at(0));
        let (mut now, mut latest, mut admitted) = (0, 0, History::new());
        for (step, late) in moments {
            now += step;
            let seen = now.saturating_sub(late);
            latest = latest.max(seen);
            if meter.admit(&rule, Ask::Admit, 1, at(seen)).unwrap().admitted {
                admitted.push((latest, 1));
            }
        }
        prop_assert!(fullest_interval(&admitted, period_us) <= calls);
    }

    /// Whatever the wall clock does, a period's budget is given once.
    #[test]
    fn no_period_is_given_twice_whatever_the_wall_clock_does(
        calls in 1u64..5,
        moments in proptest::collection::vec(-7_200_000i64..7_200_000, 1..200),
    ) {
        let rule = Rule::FixedWindow { calls, period_ms: 60_000, anchor_unix_ms: 0 };
        let mut meter = Meter::new(&rule, at(0));
        let mut spent = std::collections::HashMap::new();
        let mut in_force = i128::MIN;
        for unix_ms in moments {
            in_force = in_force.max(period_index(60_000, 0, unix_ms));
            if meter.admit(&rule, Ask::Admit, 1, Now { us: 0, unix_ms }).unwrap().admitted {
                *spent.entry(in_force).or_insert(0) += 1;
            }
        }
        prop_assert!(spent.values().all(|spent| *spent <= calls), "{spent:?}");
    }

    /// What a refusal promises is kept: after `retry_after_us` the same cost is admitted.
    #[test]
    fn a_promised_retry_is_admitted(
        calls in 1u64..50,
        period_us in 1u64..5_000,
        steps in proptest::collection::vec(0u64..200, 1..200),
        bucket in any::<bool>(),
    ) {
        let rule = if bucket {
            Rule::TokenBucket { capacity: calls, refill: calls, period_us }
        } else {
            Rule::SlidingWindow { calls, period_us }
        };
        let mut meter = Meter::new(&rule, at(0));
        let mut now = 0;
        for step in steps {
            now += step;
            let decision = meter.admit(&rule, Ask::Admit, 1, at(now)).unwrap();
            if !decision.admitted {
                now += decision.retry_after_us;
                prop_assert!(meter.admit(&rule, Ask::Admit, 1, at(now)).unwrap().admitted);
            }
        }
    }
}

#[test]
fn two_bursts_at_the_edge_of_a_window_are_one_too_many() {
    let rule = Rule::SlidingWindow { calls: 10, period_us: 1_000_000 };
    let mut meter = Meter::new(&rule, at(0));
    let mut burst = |us| (0..20).filter(|_| meter.admit(&rule, Ask::Admit, 1, at(us)).unwrap().admitted).count();
    assert_eq!(burst(999_000), 10);
    assert_eq!(burst(1_001_000), 0, "a fixed window would admit ten more");
    assert_eq!(burst(1_998_999), 0);
    assert_eq!(burst(1_999_000), 10);
}

#[test]
fn a_refusal_after_a_step_back_tells_when_its_period_really_ends() {
    let rule = Rule::FixedWindow { calls: 1, period_ms: 60_000, anchor_unix_ms: 0 };
    let mut meter = Meter::new(&rule, at(0));
    let mut ask = |unix_ms| meter.admit(&rule, Ask::Admit, 1, Now { us: 0, unix_ms }).unwrap();
    assert!(ask(3_600_000).admitted);
    let refused = ask(30_000);
    assert_eq!((refused.admitted, refused.retry_after_us), (false, 3_630_000_000));
    assert!(ask(30_000 + 3_630_000).admitted);
}

#[test]
fn a_clock_that_was_plainly_wrong_blocks_nobody_for_years() {
    let rule = Rule::FixedWindow { calls: 1, period_ms: 60_000, anchor_unix_ms: 0 };
    let mut meter = Meter::new(&rule, at(0));
    let mut ask = |unix_ms| meter.admit(&rule, Ask::Admit, 1, Now { us: 0, unix_ms }).unwrap();
    assert!(ask(10 * 365 * CLOCK_TRUST_MS).admitted);
    let refused = ask(30_000);
    assert_eq!((refused.admitted, refused.retry_after_us), (false, 90_000_000), "spent, and in the next period");
    assert!(ask(120_000).admitted);
}

#[test]
fn charges_beyond_the_limit_take_no_memory_of_their_own() {
    for calls in [1, 1000] {
        let rule = Rule::SlidingWindow { calls, period_us: 1_000_000 };
        let mut meter = Meter::new(&rule, at(0));
        for us in 0..100_000 {
            meter.admit(&rule, Ask::Charge, 1, at(us)).unwrap();
        }
        assert!(meter.heap_bytes() <= 2 * MOST_STAMPS * size_of::<Stamp>(), "{}", meter.heap_bytes());
        assert!(!meter.admit(&rule, Ask::Look, 1, at(1_000_000)).unwrap().admitted);
        assert!(meter.admit(&rule, Ask::Look, 1, at(1_100_000)).unwrap().admitted);
    }
}

#[test]
fn looking_counts_nothing_and_charging_counts_beyond_the_limit() {
    for rule in [
        Rule::SlidingWindow { calls: 2, period_us: 1000 },
        Rule::TokenBucket { capacity: 2, refill: 2, period_us: 1000 },
        Rule::FixedWindow { calls: 2, period_ms: 1000, anchor_unix_ms: 0 },
    ] {
        let mut meter = Meter::new(&rule, at(0));
        for _ in 0..5 {
            let looked = meter.admit(&rule, Ask::Look, 1, at(0)).unwrap();
            assert!(looked.admitted && looked.remaining == 2, "{rule:?}");
        }
        meter.admit(&rule, Ask::Charge, 5, at(0)).unwrap();
        let refused = meter.admit(&rule, Ask::Look, 1, at(0)).unwrap();
        assert!(!refused.admitted && refused.remaining == 0, "{rule:?}");
    }
}
