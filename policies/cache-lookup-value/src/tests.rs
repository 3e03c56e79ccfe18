//! The statement `cache-lookup-value` on the SDK's test gateway.

use super::*;
use tollgate_sdk::serde_json::json;
use tollgate_sdk::testing::{self, Gateway, World};

/// The other half: keeps the request's body as the value of `k`. Named as the statement, for the test gateway's cache
/// belongs to one statement.
#[policy(id = "cache-lookup-value", buffer(on_request = "64KiB"))]
fn on_request(request: &mut Request) -> Result<(), Verdict> {
    Ok(cache::put("value/k", &request.body()?, 10_000)?)
}

/// A world whose cache holds this JSON text under `k`.
fn world_with(json: &str) -> World {
    let world = World::new();
    let store = Gateway::<OnRequest>::within(&world, json!({})).unwrap();
    assert_eq!(store.request(testing::Request::post("/").with_body(json)).verdict, Verdict::Next);
    world
}

fn found(world: &World, config: Value) -> Option<Value> {
    let gateway = Gateway::<Statement>::within(world, config).unwrap();
    let outcome = gateway.request(testing::Request::get("/"));
    assert_eq!(outcome.verdict, Verdict::Next);
    outcome.variables.get("v").cloned()
}

#[test]
fn a_hit_keeps_its_type() {
    for json in ["\"gold\"", "7", "true", "[1,2]", "{\"a\":{\"b\":null}}", "null"] {
        let value = found(&world_with(json), json!({ "key": "k", "variable-name": "v", "default-value": "other" }));
        assert_eq!(value.map(|value| value.to_string()).as_deref(), Some(json));
    }
}

#[test]
fn a_miss_leaves_the_variable_alone() {
    let config = json!({ "key": "other", "variable-name": "v" });
    assert_eq!(found(&world_with("1"), config), None);
}

#[test]
fn a_miss_gives_the_default_whatever_its_type() {
    let world = World::new();
    world.expression("${request.path}", "/a");
    for (default, value) in [
        (json!("gold"), json!("gold")),
        (json!(7), json!(7)),
        (json!({ "a": [1, "${request.path}"] }), json!({ "a": [1, "/a"] })),
        (json!("${request.path}"), json!("/a")),
    ] {
        let config = json!({ "key": "k", "variable-name": "v", "default-value": default });
        assert_eq!(found(&world, config), Some(value));
    }
}

#[test]
fn a_default_is_computed_on_a_miss_only() {
    let config = json!({ "key": "k", "variable-name": "v", "default-value": "${fails}" });
    assert_eq!(found(&world_with("1"), config), Some(json!(1)));
}

#[test]
fn what_an_expression_gives_is_not_taken_for_an_expression() {
    let world = World::new();
    let theirs = json!({ "$expression": 0 });
    world.expression("${request.json}", theirs.clone());
    let config = json!({ "key": "k", "variable-name": "v", "default-value": "${request.json}" });
    assert_eq!(found(&world, config), Some(theirs));
}

#[test]
fn the_key_can_be_computed() {
    let world = world_with("1");
    world.expression("${variables.key}", "k");
    assert_eq!(found(&world, json!({ "key": "${variables.key}", "variable-name": "v" })), Some(json!(1)));
}

#[test]
fn a_key_that_fails_refuses_the_request() {
    let gateway = Gateway::<Statement>::with(json!({ "key": "${fails}", "variable-name": "v" })).unwrap();
    let outcome = gateway.request(testing::Request::get("/"));
    assert_eq!(outcome.failure().unwrap().reason(), "ExpressionValueEvaluationFailure");
}

#[test]
fn a_broken_cache_is_a_miss() {
    let world = world_with("1");
    world.break_state("no store");
    assert_eq!(found(&world, json!({ "key": "k", "variable-name": "v", "default-value": 2 })), Some(json!(2)));
    assert!(world.log()[0].1.contains("no store"));
}

#[test]
fn every_section_can_look() {
    let world = world_with("1");
    let gateway = Gateway::<Statement>::within(&world, json!({ "key": "k", "variable-name": "v" })).unwrap();
    let request = || testing::Request::get("/");
    let outcome = gateway.response(request(), testing::Response::new(200));
    assert_eq!(outcome.variables["v"], json!(1));
    let error = LastError {
        source: "quota".into(),
        reason: "QuotaExceeded".into(),
        message: String::new(),
        statement_id: None,
    };
    let outcome = gateway.error(request(), testing::Response::new(403), error);
    assert_eq!(outcome.variables["v"], json!(1));
    assert_eq!(Gateway::<Statement>::manifest()["sections"], json!(["inbound", "backend", "outbound", "on-error"]));
}

#[test]
fn what_is_missing_or_wrong_is_refused_with_its_place() {
    let pointer = |config: Value| Gateway::<Statement>::with(config).unwrap_err().pointer;
    assert_eq!(pointer(json!({ "key": "k" })), "");
    assert_eq!(pointer(json!({ "key": "", "variable-name": "v" })), "/key");
    assert_eq!(pointer(json!({ "key": "k", "variable-name": "" })), "/variable-name");
    assert_eq!(pointer(json!({ "key": "k", "variable-name": "v", "caching-type": "external" })), "/caching-type");
    assert_eq!(pointer(json!({ "key": "k", "variable-name": "v", "caching-type": "redis" })), "/caching-type");
}
