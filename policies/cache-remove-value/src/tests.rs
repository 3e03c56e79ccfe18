//! The statement `cache-remove-value` on the SDK's test gateway.

use super::*;
use tollgate_sdk::serde_json::{Value, json};
use tollgate_sdk::testing::{self, Gateway, World};
use tollgate_sdk::variables;

/// The other half: says whether something was kept under `k`, and keeps something there. Named as the statement, for the
/// test gateway's cache belongs to one statement.
#[policy(id = "cache-remove-value")]
fn on_request(_: &mut Request) -> Result<(), Verdict> {
    variables::set("found", &cache::get("value/k")?.is_some())?;
    Ok(cache::put("value/k", b"1", 10_000)?)
}

/// Was it there before this?
fn keep(world: &World) -> bool {
    let keep = Gateway::<OnRequest>::within(world, json!({})).unwrap();
    keep.request(testing::Request::get("/")).variables["found"] == json!(true)
}

#[test]
fn a_removed_value_is_gone_in_every_section() {
    let world = World::new();
    let gateway = Gateway::<Statement>::within(&world, json!({ "key": "${variables.key}" })).unwrap();
    gateway.expression("${variables.key}", "k");
    assert!(!keep(&world) && keep(&world));
    assert_eq!(gateway.request(testing::Request::get("/")).verdict, Verdict::Next);
    assert!(!keep(&world));
    gateway.response(testing::Request::get("/"), testing::Response::new(200));
    assert!(!keep(&world));
    let error = LastError {
        source: "quota".into(),
        reason: "QuotaExceeded".into(),
        message: String::new(),
        statement_id: None,
    };
    gateway.error(testing::Request::get("/"), testing::Response::new(403), error);
    assert!(!keep(&world));
}

#[test]
fn other_values_stay() {
    let world = World::new();
    keep(&world);
    let gateway = Gateway::<Statement>::within(&world, json!({ "key": "other" })).unwrap();
    assert_eq!(gateway.request(testing::Request::get("/")).verdict, Verdict::Next);
    assert!(keep(&world));
}

#[test]
fn a_broken_cache_is_a_line_in_the_log() {
    let gateway = Gateway::<Statement>::with(json!({ "key": "k" })).unwrap();
    gateway.world().break_state("no store");
    assert_eq!(gateway.request(testing::Request::get("/")).verdict, Verdict::Next);
    assert!(gateway.world().log()[0].1.contains("no store"));
}

#[test]
fn what_is_missing_or_wrong_is_refused_with_its_place() {
    let pointer = |config: Value| Gateway::<Statement>::with(config).unwrap_err().pointer;
    assert_eq!(pointer(json!({})), "");
    assert_eq!(pointer(json!({ "key": "" })), "/key");
    assert_eq!(pointer(json!({ "key": "k", "caching-type": "external" })), "/caching-type");
}
