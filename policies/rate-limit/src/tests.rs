//! The statement `rate-limit` on the SDK's test gateway.

use super::*;
use std::time::Duration;
use tollgate_sdk::serde_json::{Value, json};
use tollgate_sdk::testing::{Exchange, Gateway, Outcome, Request, World};

fn gateway(more: Value) -> Gateway<Statement> {
    let mut config = json!({ "calls": 2, "renewal-period": 60 });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Gateway::with(config).unwrap()
}

fn call(gateway: &Gateway<Statement>, subscription: &str) -> Outcome {
    gateway.request(Request::get("/").with_subscription(subscription))
}

#[test]
fn a_call_too_many_is_refused_until_the_window_has_slid() {
    let gateway = gateway(json!({}));
    assert_eq!(call(&gateway, "acme").verdict, Verdict::Next);
    gateway.advance(Duration::from_millis(3_001));
    assert_eq!(call(&gateway, "acme").verdict, Verdict::Next);

    let outcome = call(&gateway, "acme");
    let failure = outcome.failure().unwrap();
    assert_eq!((failure.status(), failure.reason()), (429, "RateLimitExceeded"));
    assert_eq!(failure.message(), "Rate limit is exceeded. Try again in 57 seconds.");
    assert_eq!(outcome.response().header_str("retry-after"), Some("57"));

    gateway.advance(Duration::from_secs(57));
    assert_eq!(call(&gateway, "acme").verdict, Verdict::Next);
    assert!(call(&gateway, "acme").failure().is_some(), "the second call of before still counts");
}

#[test]
fn each_subscription_has_a_counter_of_its_own() {
    let gateway = gateway(json!({ "calls": 1 }));
    assert_eq!(call(&gateway, "acme").verdict, Verdict::Next);
    assert_eq!(call(&gateway, "zeta").verdict, Verdict::Next);
    assert!(call(&gateway, "acme").failure().is_some());
}

#[test]
fn each_statement_has_a_counter_of_its_own() {
    let world = World::new();
    let config = json!({ "calls": 1, "renewal-period": 60 });
    let product = Gateway::<Statement>::within(&world, config.clone()).unwrap();
    let api = Gateway::<Statement>::within(&world, config).unwrap();
    let mut exchange = Exchange::new(&world, Request::get("/").with_subscription("acme"));
    assert_eq!(product.on_request(&mut exchange), Verdict::Next);
    assert_eq!(api.on_request(&mut exchange), Verdict::Next);
}

#[test]
fn without_a_key_nothing_is_counted() {
    let gateway = gateway(json!({ "calls": 1, "remaining-calls-header-name": "x-left" }));
    for _ in 0..3 {
        let outcome = gateway.request(Request::get("/"));
        assert_eq!(outcome.verdict, Verdict::Next);
        assert_eq!(outcome.staged_header("x-left"), None);
    }
}

#[test]
fn headers_and_variables_tell_what_is_left() {
    let gateway = gateway(json!({
        "calls": 1,
        "retry-after-header-name": "X-Wait",
        "retry-after-variable-name": "wait",
        "remaining-calls-header-name": "X-Left",
        "remaining-calls-variable-name": "left",
        "total-calls-header-name": "X-Total",
    }));
    let admitted = call(&gateway, "acme");
    assert_eq!(admitted.staged_header("x-left"), Some("0"));
    assert_eq!(admitted.staged_header("x-total"), Some("1"));
    assert_eq!(admitted.variables["left"], 0);
    assert!(!admitted.variables.contains_key("wait"));

    let refused = call(&gateway, "acme");
    assert_eq!(refused.response().header_str("x-wait"), Some("60"));
    assert_eq!(refused.response().header_str("retry-after"), None);
    assert_eq!(refused.response().header_str("x-left"), Some("0"));
    assert_eq!(refused.response().header_str("x-total"), Some("1"));
    assert_eq!(refused.variables["wait"], 60);
}

#[test]
fn a_broken_limiter_is_left_to_on_failure() {
    let gateway = gateway(json!({}));
    gateway.world().break_state("no store");
    assert!(matches!(call(&gateway, "acme").verdict, Verdict::Fail(why) if why.contains("no store")));
}

#[test]
fn the_schema_refuses_what_it_can_say() {
    for config in [
        json!({ "calls": 1 }),
        json!({ "calls": 0, "renewal-period": 60 }),
        json!({ "calls": 1, "renewal-period": 301 }),
        json!({ "calls": 1, "renewal-period": 0 }),
        json!({ "calls": 1, "renewal-period": 60, "counter-key": "client-ip" }),
        json!({ "calls": 1, "renewal-period": 60, "remaining-calls-header-name": "connection" }),
    ] {
        assert!(Gateway::<Statement>::with(config.clone()).is_err(), "{config}");
    }
}
