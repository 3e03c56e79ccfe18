//! What a circuit breaker does, by a clock that only the test moves.

use super::*;

const FAILED: Outcome = Outcome { status: 503, reason: None, retry_after: None };
const GOOD: Outcome = Outcome { status: 200, reason: None, retry_after: None };

fn rule(threshold: Threshold) -> BreakerRule {
    BreakerRule {
        name: "r".into(),
        threshold,
        interval: Duration::from_secs(10),
        statuses: vec![500..=599],
        reasons: vec![FailureReason::Timeout],
        trip_duration: Duration::from_secs(30),
        accept_retry_after: true,
    }
}

fn breaker(threshold: Threshold) -> Breaker {
    Breaker::new(vec![rule(threshold)])
}

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// Send one request; none if it wasn't let through, and otherwise whether it opened the breaker.
fn send(breaker: &Breaker, outcome: Outcome, now: Instant) -> Option<bool> {
    match breaker.admit(now) {
        Admission::Open(_) => None,
        admission => Some(breaker.record(&outcome, admission == Admission::Probe, now)),
    }
}

#[test]
fn so_many_failures_within_the_interval_open_it() {
    let breaker = breaker(Threshold::Count(3));
    let begin = Instant::now();
    assert_eq!(send(&breaker, FAILED, begin), Some(false));
    assert_eq!(send(&breaker, FAILED, begin + seconds(9)), Some(false));
    // The first is out of the interval.
    assert_eq!(send(&breaker, FAILED, begin + seconds(10)), Some(false));
    assert_eq!(send(&breaker, GOOD, begin + seconds(11)), Some(false), "what succeeds between them changes nothing");
    assert_eq!(send(&breaker, FAILED, begin + seconds(12)), Some(true));
    assert_eq!(breaker.would_admit(begin + seconds(13)), Err(seconds(29)));
    assert_eq!(breaker.admit(begin + seconds(41)), Admission::Open(seconds(1)));
}

#[test]
fn when_its_time_is_over_one_request_asks_for_all() {
    let breaker = breaker(Threshold::Count(1));
    let begin = Instant::now();
    assert_eq!(send(&breaker, FAILED, begin), Some(true));
    let later = begin + seconds(30);
    assert_eq!(breaker.admit(later), Admission::Probe);
    for _ in 0..100 {
        assert_eq!(breaker.admit(later), Admission::Open(PROBE_RETRY));
    }
    assert!(breaker.record(&FAILED, true, later), "it is open for as long again");
    assert_eq!(breaker.admit(later + seconds(29)), Admission::Open(seconds(1)));
    assert_eq!(breaker.admit(later + seconds(30)), Admission::Probe);
    assert!(!breaker.record(&GOOD, true, later + seconds(30)));
    assert_eq!(breaker.admit(later + seconds(30)), Admission::Closed);
}

#[test]
fn a_probe_whose_client_left_makes_room_for_another() {
    let breaker = breaker(Threshold::Count(1));
    let begin = Instant::now();
    assert_eq!(send(&breaker, FAILED, begin), Some(true));
    assert_eq!(breaker.admit(begin + seconds(30)), Admission::Probe);
    breaker.abandon(begin + seconds(31));
    assert_eq!(breaker.admit(begin + seconds(31)), Admission::Probe);
}

#[test]
fn what_was_sent_before_it_opened_says_nothing_afterwards() {
    let breaker = breaker(Threshold::Count(2));
    let begin = Instant::now();
    for _ in 0..3 {
        assert_eq!(breaker.admit(begin), Admission::Closed);
    }
    assert!(!breaker.record(&FAILED, false, begin));
    assert!(breaker.record(&FAILED, false, begin));
    assert!(!breaker.record(&GOOD, false, begin + seconds(1)));
    assert_eq!(breaker.admit(begin + seconds(1)), Admission::Open(seconds(29)));
}

#[test]
fn a_share_opens_it_when_there_is_enough_to_take_a_share_of() {
    let breaker = breaker(Threshold::Percentage { percent: 50, minimum: 10 });
    let begin = Instant::now();
    for _ in 0..4 {
        assert_eq!(send(&breaker, FAILED, begin), Some(false));
    }
    for _ in 0..5 {
        assert_eq!(send(&breaker, GOOD, begin), Some(false));
    }
    assert_eq!(send(&breaker, FAILED, begin), Some(true));
}

#[test]
fn a_share_is_one_of_the_interval() {
    let breaker = breaker(Threshold::Percentage { percent: 50, minimum: 10 });
    let begin = Instant::now();
    for _ in 0..9 {
        assert_eq!(send(&breaker, FAILED, begin), Some(false));
    }
    for second in 0..100 {
        assert_eq!(send(&breaker, GOOD, begin + seconds(11 + second)), Some(false));
    }
    assert_eq!(send(&breaker, FAILED, begin + seconds(111)), Some(false), "one of eleven");
}

#[test]
fn failures_in_a_row_are_forgotten_after_a_success() {
    let breaker = breaker(Threshold::InARow(3));
    let begin = Instant::now();
    for outcome in [FAILED, FAILED, GOOD, FAILED, FAILED] {
        assert_eq!(send(&breaker, outcome, begin), Some(false));
    }
    assert_eq!(send(&breaker, FAILED, begin + seconds(1_000)), Some(true));
}

#[test]
fn the_origin_may_say_how_long() {
    let begin = Instant::now();
    let told = Outcome { retry_after: Some(seconds(7)), ..FAILED };
    let heeding = breaker(Threshold::Count(1));
    assert_eq!(send(&heeding, told, begin), Some(true));
    assert_eq!(heeding.admit(begin), Admission::Open(seconds(7)));
    let ignoring = Breaker::new(vec![BreakerRule { accept_retry_after: false, ..rule(Threshold::Count(1)) }]);
    assert_eq!(send(&ignoring, told, begin), Some(true));
    assert_eq!(ignoring.admit(begin), Admission::Open(seconds(30)));
    let endless = breaker(Threshold::Count(1));
    assert_eq!(send(&endless, Outcome { retry_after: Some(seconds(1 << 40)), ..FAILED }, begin), Some(true));
    assert_eq!(endless.admit(begin), Admission::Open(MAX_RETRY_AFTER));
}

#[test]
fn statuses_and_reasons_that_no_rule_names_are_no_failures() {
    let breaker = breaker(Threshold::Count(1));
    let begin = Instant::now();
    for status in [200, 404, 429, 499] {
        assert_eq!(send(&breaker, Outcome { status, ..GOOD }, begin), Some(false), "{status}");
    }
    let refused = Outcome { status: 200, reason: Some(FailureReason::Connection), retry_after: None };
    assert_eq!(send(&breaker, refused, begin), Some(false));
    let slow = Outcome { status: 200, reason: Some(FailureReason::Timeout), retry_after: None };
    assert_eq!(send(&breaker, slow, begin), Some(true));
}
