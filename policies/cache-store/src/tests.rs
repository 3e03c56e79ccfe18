//! The statement `cache-store` on the SDK's test gateway.

use super::*;
use std::time::Duration;
use tollgate_sdk::cache::Outcome;
use tollgate_sdk::serde_json::{Value, json};
use tollgate_sdk::testing::{self, Exchange, Gateway, World};
use tollgate_sdk::{NoConfig, Reply};

/// The other half, as short as it can be.
struct Lookup;

impl Policy for Lookup {
    type Config = NoConfig;

    fn configure(_: NoConfig) -> Result<Self, ConfigError> {
        Ok(Self)
    }

    fn on_request(&self, _: &mut Request) -> impl Into<Verdict> {
        match cache::lookup(&[]) {
            Ok(Outcome::Hit) => Reply::staged().into(),
            _ => Verdict::next(),
        }
    }
}

impl tollgate_sdk::export::Component for Lookup {
    const IDENTITY: tollgate_sdk::export::Identity = tollgate_sdk::export::Identity {
        id: "lookup",
        version: "0",
        summary: "",
        phases: &[tollgate_sdk::export::Phase::OnRequest],
        buffer_request: None,
        buffer_response: None,
        buffer_error: None,
        body_gate: false,
        standing: "",
    };
}

struct Cached {
    world: World,
    lookup: Gateway<Lookup>,
    store: Gateway<Statement>,
}

impl Cached {
    fn with(config: Value) -> Self {
        let world = World::new();
        let lookup = Gateway::within(&world, json!({})).unwrap();
        let store = Gateway::within(&world, config).unwrap();
        Self { world, lookup, store }
    }

    /// What the client gets: from the cache, or else from the origin by way of `cache-store`.
    fn get(&self, origin: testing::Response, downstream: Option<Value>) -> testing::Response {
        let mut exchange = Exchange::new(&self.world, testing::Request::get("/"));
        if self.lookup.on_request(&mut exchange) == Verdict::Next {
            exchange.variables.extend(downstream.map(|told| ("cache-lookup.downstream".to_owned(), told)));
            exchange.answer(origin);
            assert_eq!(self.store.on_response(&mut exchange), Verdict::Next);
        }
        exchange.response().clone()
    }
}

fn ok(body: &str) -> testing::Response {
    testing::Response::new(200).with_body(body)
}

#[test]
fn a_response_is_kept_for_its_duration() {
    let cached = Cached::with(json!({ "duration": 30 }));
    assert_eq!(cached.get(ok("1"), None).body_str(), Some("1"));
    cached.world.advance(Duration::from_millis(29_999));
    assert_eq!(cached.get(ok("2"), None).body_str(), Some("1"));
    cached.world.advance(Duration::from_millis(1));
    assert_eq!(cached.get(ok("3"), None).body_str(), Some("3"));
}

#[test]
fn only_200_is_kept_unless_told_otherwise() {
    let kept = |config: Value, status| {
        let cached = Cached::with(config);
        cached.get(testing::Response::new(status), None);
        cached.world.cached_responses() == 1
    };
    assert!(kept(json!({ "duration": 1 }), 200));
    assert!(!kept(json!({ "duration": 1 }), 404));
    assert!(kept(json!({ "duration": 1, "cache-response": true }), 404));
    assert!(!kept(json!({ "duration": 1, "cache-response": false }), 200));
}

#[test]
fn duration_and_choice_may_be_expressions() {
    let cached = Cached::with(json!({ "duration": "${variables.seconds}", "cache-response": "${variables.keep}" }));
    let keeps = |seconds: i64, keep: Value| {
        cached.world.expression("${variables.seconds}", seconds);
        cached.world.expression("${variables.keep}", keep);
        cached.get(testing::Response::new(404), None);
        cached.world.cached_responses() == 1
    };
    assert!(!keeps(30, json!(false)));
    assert!(!keeps(0, json!(true)));
    assert!(keeps(30, json!("true")));
    cached.world.advance(Duration::from_secs(29));
    assert_eq!(cached.get(ok("new"), None).status(), 404);
    cached.world.advance(Duration::from_secs(1));
    assert_eq!(cached.get(ok("new"), None).body_str(), Some("new"));
}

#[test]
fn an_expression_that_fails_is_an_error() {
    let store = Gateway::<Statement>::with(json!({ "duration": "${variables.seconds}" })).unwrap();
    store.expression("${variables.seconds}", "soon");
    let outcome = store.response(testing::Request::get("/"), ok("1"));
    assert_eq!(outcome.failure().unwrap().reason(), "ExpressionValueEvaluationFailure");
}

#[test]
fn clients_are_told_what_cache_lookup_says_on_hits_too() {
    for (told, header) in [
        (json!({ "keep": "private", "must-revalidate": true }), "private, max-age=30, must-revalidate"),
        (json!({ "keep": "public", "must-revalidate": false }), "public, max-age=30"),
        (json!({ "keep": "none", "must-revalidate": true }), "no-store"),
    ] {
        let cached = Cached::with(json!({ "duration": 30 }));
        let origin = || ok("1").with_header("cache-control", "max-age=5").with_header("cache-control", "public");
        assert_eq!(cached.get(origin(), Some(told.clone())).header_values("cache-control"), [header]);
        assert_eq!(cached.get(ok("2"), Some(told)).header_values("cache-control"), [header]);
        assert_eq!(cached.world.cached_responses(), 1);
    }
}

#[test]
fn without_a_word_the_origins_cache_control_stays() {
    let cached = Cached::with(json!({ "duration": 30 }));
    let origin = ok("1").with_header("cache-control", "max-age=5");
    assert_eq!(cached.get(origin, None).header_str("cache-control"), Some("max-age=5"));
    assert_eq!(cached.get(ok("2"), None).header_str("cache-control"), Some("max-age=5"));
}

#[test]
fn what_the_cache_refuses_stays_as_the_origin_made_it() {
    let cached = Cached::with(json!({ "duration": 30 }));
    let told = json!({ "keep": "public", "must-revalidate": true });
    let origin = ok("1").with_header("cache-control", "private").with_header("cache-control", "max-age=5");
    assert_eq!(cached.get(origin, Some(told.clone())).header_values("cache-control"), ["private", "max-age=5"]);
    assert_eq!(cached.get(ok("2").with_header("set-cookie", "a=1"), Some(told)).header("cache-control"), None);
    assert_eq!(cached.world.cached_responses(), 0);
    assert!(cached.world.log()[0].1.contains("NotStorable"));
}

#[test]
fn without_a_lookup_and_without_a_cache_the_response_passes() {
    let store = Gateway::<Statement>::with(json!({ "duration": 30 })).unwrap();
    assert_eq!(store.response(testing::Request::get("/"), ok("1")).verdict, Verdict::Next);
    assert!(store.world().log()[0].1.contains("NoLookup"));
    store.world().break_state("no store");
    assert_eq!(store.response(testing::Request::get("/"), ok("1")).verdict, Verdict::Next);
}

#[test]
fn the_schema_refuses_what_it_can_say() {
    for config in [json!({}), json!({ "duration": 0 }), json!({ "duration": 1, "cache-response": "yes" })] {
        assert!(Gateway::<Statement>::with(config.clone()).is_err(), "{config}");
    }
}
