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
fn the_drafted_fields_tell_all_of_it() {
    let gateway = gateway(json!({ "ratelimit-headers": true }));
    let admitted = call(&gateway, "acme");
    assert_eq!(admitted.staged_header("ratelimit-policy"), Some(r#""default";q=2;w=60"#));
    assert_eq!(admitted.staged_header("ratelimit"), Some(r#""default";r=1;t=60"#));
    gateway.advance(Duration::from_secs(20));
    call(&gateway, "acme");
    let refused = call(&gateway, "acme");
    assert_eq!(refused.response().header_str("ratelimit"), Some(r#""default";r=0;t=40"#));
    assert_eq!(refused.response().header_str("retry-after"), Some("40"));
    let silent = Gateway::<Statement>::with(json!({ "calls": 2, "renewal-period": 60 })).unwrap();
    assert_eq!(call(&silent, "acme").staged_header("ratelimit"), None);
}

fn operation(gateway: &Gateway<Statement>, api: &str, operation: &str) -> Outcome {
    gateway.request(Request::get("/").with_subscription("acme").matched(api, Some(operation), Some("starter")))
}

fn is_admitted(outcome: &Outcome) -> bool {
    outcome.verdict == Verdict::Next
}

#[test]
fn apis_and_operations_have_limits_of_their_own() {
    let gateway = gateway(json!({
        "calls": 6,
        "apis": [{
            "id": "orders", "calls": 3, "renewal-period": 60,
            "operations": [{ "name": "get", "calls": 1, "renewal-period": 60 }],
        }],
        "remaining-calls-header-name": "x-left",
        "total-calls-header-name": "x-total",
        "ratelimit-headers": true,
    }));
    let first = operation(&gateway, "orders", "get");
    assert!(is_admitted(&first));
    assert_eq!((first.staged_header("x-left"), first.staged_header("x-total")), (Some("0"), Some("1")));
    assert_eq!(
        first.staged_header("ratelimit"),
        Some(r#""default";r=5;t=60, "api";r=2;t=60, "api-operation";r=0;t=60"#)
    );
    assert!(!is_admitted(&operation(&gateway, "orders", "get")));
    // What the operation's limit refused has cost the API and the product nothing.
    assert!(is_admitted(&operation(&gateway, "orders", "put")));
    assert!(is_admitted(&operation(&gateway, "orders", "put")));
    assert!(!is_admitted(&operation(&gateway, "orders", "put")));
    for _ in 0..3 {
        assert!(is_admitted(&operation(&gateway, "invoices", "get")));
    }
    let refused = operation(&gateway, "invoices", "get");
    assert_eq!(refused.response().header_str("x-total"), Some("6"));
}

#[test]
fn operations_directly_below_are_those_of_whatever_api() {
    let gateway = gateway(json!({
        "calls": 9, "operations": [{ "id": "get", "calls": 1, "renewal-period": 60 }],
    }));
    assert!(is_admitted(&operation(&gateway, "orders", "get")));
    assert!(!is_admitted(&operation(&gateway, "orders", "get")));
    assert!(is_admitted(&operation(&gateway, "invoices", "get")), "another API's operation is another one");
    assert!(is_admitted(&call(&gateway, "acme")));
}

#[test]
fn parts_are_checked_at_their_place() {
    let pointer = |more: Value| {
        let config = json!({ "calls": 1, "renewal-period": 60 });
        let mut config = config.as_object().unwrap().clone();
        config.extend(more.as_object().unwrap().clone());
        Gateway::<Statement>::with(config.into()).map(drop).unwrap_err().pointer
    };
    let part = |id: &str| json!({ "id": id, "calls": 1, "renewal-period": 60 });
    assert_eq!(pointer(json!({ "apis": [{ "calls": 1, "renewal-period": 60 }] })), "/apis/0");
    assert_eq!(pointer(json!({ "operations": [part("a"), part("b"), part("a")] })), "/operations/2");
    let mut api = part("a");
    api["operations"] = json!([{ "calls": 1, "renewal-period": 60 }]);
    assert_eq!(pointer(json!({ "apis": [part("b"), api] })), "/apis/1/operations/0");
    assert_eq!(pointer(json!({ "apis": [{ "id": "a", "calls": 0, "renewal-period": 60 }] })), "/apis/0/calls");
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
