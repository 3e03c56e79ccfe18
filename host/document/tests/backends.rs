//! Backends of several origins, and circuit breakers.

#![allow(clippy::expect_used, reason = "what fails here is a failing test")]

use std::path::Path;
use std::time::Duration;

use tollgate_document::{Document, FailureReason, Known, Threshold};

fn parse(text: &str) -> (Document, String) {
    let known = Known { built_ins: &[] };
    let (document, diagnostics) = Document::parse(Path::new("t.yaml"), text, &known, &|_| None);
    (document.expect("YAML"), diagnostics.to_string())
}

fn errors(text: &str) -> String {
    parse(text).1
}

#[test]
fn a_pool_has_origins_of_its_own_and_of_other_backends() {
    let (document, errors) = parse(
        "backends:\n  - id: all\n    pool:\n      - { url: http://a.example/v1, weight: 3 }\n      - { backend: spare, priority: 2 }\n    \
         circuit-breaker: { rules: [ { failure-condition: { count: 5, interval: 10 }, trip-duration: 30 } ] }\n  \
         - { id: spare, url: http://b.example }\napis: [ { id: x, path: x, backend: { id: all } } ]\n",
    );
    assert_eq!(errors, "");
    let all = document.backend("all").unwrap();
    let origins: Vec<_> = all.members.iter().map(|it| (it.origin.to_string(), it.weight, it.priority)).collect();
    assert_eq!(origins, [("http://a.example/v1".into(), 3, 1), ("http://b.example".into(), 1, 2)]);
    for member in &all.members {
        let [rule] = member.breaker.as_slice() else { panic!("one rule") };
        assert_eq!((rule.name.as_str(), rule.threshold), ("rule-1", Threshold::Count(5)));
        assert_eq!((rule.interval, rule.trip_duration), (Duration::from_secs(10), Duration::from_secs(30)));
        assert_eq!(rule.statuses, [500..=599]);
        assert_eq!(rule.reasons, [FailureReason::Connection, FailureReason::Timeout]);
    }
    assert_ne!(all.members[0].breaker_name, all.members[1].breaker_name);
    let ejection = all.ejection.as_ref().unwrap();
    assert_eq!((ejection.threshold, ejection.trip_duration), (Threshold::InARow(3), Duration::from_secs(10)));
    let api = document.api("x").unwrap();
    assert_eq!((api.backend.to_string().as_str(), api.backend_id.as_deref()), ("http://a.example/v1", Some("all")));
}

#[test]
fn a_backends_own_circuit_breaker_is_the_one_that_pools_use() {
    let (document, errors) = parse(
        "backends:\n  - id: one\n    url: http://a.example\n    circuit-breaker:\n      rules:\n        \
         - name: busy\n          failure-condition: { percentage: 50, minimum-requests: 4, interval: 60, \
         status-code-ranges: [ 429, { min: 502, max: 504 } ], error-reasons: [ Timeout ] }\n          \
         trip-duration: 0.5\n          accept-retry-after: true\n  \
         - { id: all, pool: [ { backend: one } ], ejection: off }\n",
    );
    assert_eq!(errors, "");
    let (one, all) = (&document.backends[0].members[0], &document.backends[1].members[0]);
    assert_eq!((one, &one.breaker_name[..]), (all, "one"));
    let rule = &one.breaker[0];
    assert_eq!(rule.threshold, Threshold::Percentage { percent: 50, minimum: 4 });
    assert_eq!((&rule.statuses[..], &rule.reasons[..]), (&[429..=429, 502..=504][..], &[FailureReason::Timeout][..]));
    assert!(rule.accept_retry_after && document.backends[1].ejection.is_none());
}

#[test]
fn what_makes_no_sense_is_told() {
    for (text, expected) in [
        ("backends: [ { id: a, pool: [] } ]", "at least one origin"),
        ("backends: [ { id: a, pool: [ { weight: 1 } ] } ]", "either `url` or `backend`"),
        ("backends: [ { id: a, pool: [ { backend: b } ] } ]", "unknown backend `b`"),
        ("backends: [ { id: a, pool: [ { backend: a } ] } ]", "`a` is a pool"),
        ("backends: [ { id: a, url: http://h, pool: [ { url: http://h } ] } ]", "no `url` beside `pool`"),
        ("backends: [ { id: a, url: http://h, ejection: off } ]", "no `ejection` beside `url`"),
        ("backends: [ { id: a, pool: [ { url: http://h, weight: 0 } ] } ]", "from 1 to 100"),
        ("backends: [ { id: a, url: http://h, circuit-breaker: {} } ]", "missing key `rules`"),
        (
            "backends: [ { id: a, url: http://h, circuit-breaker: { rules: [ { trip-duration: 1, failure-condition: { interval: 1 } } ] } } ]",
            "either `count` or `percentage`",
        ),
        (
            "backends: [ { id: a, url: http://h, circuit-breaker: { rules: [ { trip-duration: 1, failure-condition: { count: 1, \
             interval: 1, status-code-ranges: [ { min: 599, max: 500 } ] } } ] } } ]",
            "`min` to be at most `max`",
        ),
        (
            "backends: [ { id: a, url: http://h, circuit-breaker: { rules: [ { trip-duration: 1, failure-condition: { count: 1, \
             interval: 1, error-reasons: [ Tiredness ] } } ] } } ]",
            "one of `BackendConnectionFailure`, `Timeout`",
        ),
    ] {
        let errors = errors(text);
        assert!(errors.contains(expected), "{text}: {errors}");
        assert_eq!(errors.lines().count(), 1, "{text}: {errors}");
    }
}
