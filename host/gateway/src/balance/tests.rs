//! Who is chosen.

use super::*;
use crate::upstream::{Origin, Target};
use tollgate_document::Threshold;

fn member(name: &str, weight: u32, priority: u32) -> Member {
    let origin = Origin::new(name, 80).unwrap();
    Member { target: Arc::new(Target { origin, base: String::new() }), weight, priority, breaker: None, ejection: None }
}

fn rule(threshold: u32) -> BreakerRule {
    BreakerRule {
        name: "r".into(),
        threshold: Threshold::InARow(threshold),
        interval: Duration::ZERO,
        statuses: vec![500..=599],
        reasons: Vec::new(),
        trip_duration: Duration::from_secs(30),
        accept_retry_after: false,
    }
}

fn guarded(name: &str, priority: u32) -> Member {
    Member { breaker: Some(Arc::new(Breaker::new(vec![rule(1)]))), ..member(name, 1, priority) }
}

fn ejected(name: &str) -> Member {
    let ejection = Breaker::new(vec![rule(1)]);
    let failed = Outcome { status: 500, reason: None, retry_after: None };
    assert!(ejection.record(&failed, false, Instant::now()));
    Member { ejection: Some(Arc::new(ejection)), ..member(name, 1, 1) }
}

/// Choose, have the origin respond with `status`, and say who it was.
fn send(backend: &Arc<Backend>, status: u16) -> Option<usize> {
    let leave = backend.choose(&Tried::new()).ok()?;
    let number = leave.number();
    leave.responded(status, &HeaderMap::new());
    Some(number)
}

fn sent(backend: &Arc<Backend>, times: usize) -> Vec<usize> {
    (0..times).filter_map(|_| send(backend, 200)).collect()
}

#[test]
fn origins_of_equal_weight_take_turns() {
    let backend = Backend::new(vec![member("a", 1, 1), member("b", 1, 1), member("c", 1, 1)]);
    assert_eq!(sent(&backend, 6), [0, 1, 2, 0, 1, 2]);
}

#[test]
fn weights_are_shares_and_no_bursts() {
    let backend = Backend::new(vec![member("a", 3, 1), member("b", 1, 1)]);
    assert_eq!(sent(&backend, 8), [0, 0, 1, 0, 0, 0, 1, 0]);
}

#[test]
fn a_lower_priority_is_asked_only_if_nobody_above_can_be() {
    let backend = Backend::new(vec![guarded("spare", 2), guarded("a", 1), guarded("b", 1)]);
    assert_eq!(sent(&backend, 2), [1, 2]);
    assert_eq!((send(&backend, 500), send(&backend, 500)), (Some(1), Some(2)));
    assert_eq!(sent(&backend, 2), [0, 0]);
    assert_eq!(send(&backend, 500), Some(0));
    let Err(unavailable) = backend.choose(&Tried::new()) else { panic!("nobody is left") };
    assert_eq!(Rejection::from(unavailable), Rejection::OriginUnavailable { retry_seconds: 30 });
}

#[test]
fn those_that_are_left_share_evenly() {
    let backend = Backend::new(vec![guarded("a", 1), guarded("b", 1), guarded("c", 1)]);
    assert_eq!(send(&backend, 500), Some(0));
    let sent = sent(&backend, 100);
    assert_eq!(sent.iter().filter(|number| **number == 1).count(), 50);
}

#[test]
fn an_ejection_counts_only_while_somebody_else_is_left() {
    let backend = Backend::new(vec![ejected("a"), member("b", 1, 1)]);
    assert_eq!(sent(&backend, 3), [1, 1, 1]);
    let backend = Backend::new(vec![ejected("a"), ejected("b")]);
    assert_eq!(sent(&backend, 4), [0, 1, 0, 1]);
}

#[test]
fn who_was_tried_is_not_tried_again() {
    let backend = Backend::new(vec![member("a", 1, 1), member("b", 1, 2)]);
    let mut tried = Tried::new();
    for expected in [0, 1] {
        let leave = backend.choose(&tried).unwrap_or_else(|_| panic!("{expected} is left"));
        assert_eq!(leave.number(), expected);
        tried.push(leave.number());
    }
    assert!(backend.choose(&tried).is_err());
}

#[test]
fn a_retry_after_is_seconds_or_a_date() {
    let told = |value: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, value.parse().unwrap());
        retry_after(&headers)
    };
    assert_eq!(told("120"), Some(Duration::from_secs(120)));
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
    assert!(told(&date).is_some_and(|time| (95..=100).contains(&time.as_secs())));
    for value in ["", "soon", "-1", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        assert_eq!(told(value), None, "{value}");
    }
}

#[test]
fn a_breaker_outlives_a_plan_as_long_as_its_rules_stay() {
    let breakers = Breakers::default();
    let first = breakers.of("a", &[rule(1)]).unwrap();
    assert!(Arc::ptr_eq(&first, &breakers.of("a", &[rule(1)]).unwrap()));
    assert!(!Arc::ptr_eq(&first, &breakers.of("b", &[rule(1)]).unwrap()));
    assert!(!Arc::ptr_eq(&first, &breakers.of("a", &[rule(2)]).unwrap()));
    assert!(breakers.of("a", &[]).is_none());
}
