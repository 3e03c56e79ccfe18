//! The statement `cache-store-value` on the SDK's test gateway.

use super::*;
use std::time::Duration;
use tollgate_sdk::serde_json::{from_str, json};
use tollgate_sdk::testing::{self, Gateway, World};
use tollgate_sdk::variables;

/// The other half: puts what is kept under `k` into a variable. Named as the statement, for the test gateway's cache
/// belongs to one statement.
#[policy(id = "cache-store-value")]
fn on_request(_: &mut Request) -> Result<(), Verdict> {
    let found = cache::get("value/k")?.and_then(|bytes| String::from_utf8(bytes).ok());
    Ok(variables::set("found", &found)?)
}

fn kept(world: &World) -> Option<Value> {
    let look = Gateway::<OnRequest>::within(world, json!({})).unwrap();
    let outcome = look.request(testing::Request::get("/"));
    outcome.variables["found"].as_str().map(|json| from_str(json).unwrap())
}

fn store(world: &World, config: Value) {
    let gateway = Gateway::<Statement>::within(world, config).unwrap();
    assert_eq!(gateway.request(testing::Request::get("/")).verdict, Verdict::Next);
}

#[test]
fn a_value_is_kept_with_its_type_and_for_its_time() {
    let world = World::new();
    for value in [json!("gold"), json!(7), json!(1.5), json!(false), json!({ "a": [null] }), json!(null)] {
        store(&world, json!({ "key": "k", "value": value, "duration": 10 }));
        assert_eq!(kept(&world), Some(value));
    }
    world.advance(Duration::from_millis(9_999));
    assert!(kept(&world).is_some());
    world.advance(Duration::from_millis(1));
    assert_eq!(kept(&world), None);
}

#[test]
fn all_of_it_can_be_computed() {
    let world = World::new();
    world.expression("${variables.key}", "k");
    world.expression("${variables.answer}", json!({ "status": 200 }));
    world.expression("${request.path}", "/a");
    world.expression("${variables.seconds}", "10");
    let config =
        |value: Value| json!({ "key": "${variables.key}", "value": value, "duration": "${variables.seconds}" });
    store(&world, config(json!("${variables.answer}")));
    assert_eq!(kept(&world), Some(json!({ "status": 200 })));
    store(&world, config(json!({ "path": "${request.path}", "n": 1 })));
    assert_eq!(kept(&world), Some(json!({ "path": "/a", "n": 1 })));
}

#[test]
fn no_time_left_forgets_what_was_kept() {
    let world = World::new();
    store(&world, json!({ "key": "k", "value": 1, "duration": 10 }));
    world.expression("${variables.left}", 0);
    store(&world, json!({ "key": "k", "value": 2, "duration": "${variables.left}" }));
    assert_eq!(kept(&world), None);
}

#[test]
fn an_expression_that_fails_or_is_no_duration_refuses_the_request() {
    for (key, duration) in [("${fails}", json!(1)), ("k", json!("${fails}")), ("k", json!("${negative}"))] {
        let config = json!({ "key": key, "value": 1, "duration": duration });
        let gateway = Gateway::<Statement>::with(config).unwrap();
        gateway.expression("${negative}", -1);
        let outcome = gateway.request(testing::Request::get("/"));
        assert_eq!(outcome.failure().unwrap().reason(), "ExpressionValueEvaluationFailure");
    }
}

#[test]
fn what_the_cache_does_not_take_is_a_line_in_the_log() {
    let world = World::new();
    for config in [
        json!({ "key": "k", "value": "x".repeat(70_000), "duration": 1 }),
        json!({ "key": "k".repeat(2_000), "value": 1, "duration": 1 }),
    ] {
        store(&world, config);
    }
    world.break_state("no store");
    store(&world, json!({ "key": "k", "value": 1, "duration": 1 }));
    let log = world.log();
    assert_eq!(log.len(), 3, "{log:?}");
    assert!(log.iter().all(|(level, line)| *level == log::Level::Warn && line.contains("not kept")), "{log:?}");
}

#[test]
fn every_section_can_store() {
    let world = World::new();
    let gateway = Gateway::<Statement>::within(&world, json!({ "key": "k", "value": 1, "duration": 1 })).unwrap();
    gateway.response(testing::Request::get("/"), testing::Response::new(200));
    assert_eq!(kept(&world), Some(json!(1)));
    world.advance(Duration::from_secs(1));
    let error = LastError {
        source: "quota".into(),
        reason: "QuotaExceeded".into(),
        message: String::new(),
        statement_id: None,
    };
    gateway.error(testing::Request::get("/"), testing::Response::new(403), error);
    assert_eq!(kept(&world), Some(json!(1)));
}

#[test]
fn what_is_missing_or_wrong_is_refused_with_its_place() {
    let pointer = |config: Value| Gateway::<Statement>::with(config).unwrap_err().pointer;
    assert_eq!(pointer(json!({ "key": "k", "value": 1 })), "");
    assert_eq!(pointer(json!({ "key": "k", "duration": 1 })), "");
    assert_eq!(pointer(json!({ "key": "", "value": 1, "duration": 1 })), "/key");
    assert_eq!(pointer(json!({ "key": "k", "value": 1, "duration": 0 })), "/duration");
    assert_eq!(pointer(json!({ "key": "k", "value": 1, "duration": -1 })), "/duration");
    assert_eq!(pointer(json!({ "key": "k", "value": 1, "duration": 1, "caching-type": "external" })), "/caching-type");
}
