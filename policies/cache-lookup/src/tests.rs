//! The statement `cache-lookup` on the SDK's test gateway.

use super::*;
use tollgate_sdk::serde_json::{Value, json};
use tollgate_sdk::testing::{self, Exchange, Gateway, World};

/// The other half, as short as it can be: stores whatever comes.
struct Store;

impl Policy for Store {
    type Config = tollgate_sdk::NoConfig;

    fn configure(_: Self::Config) -> Result<Self, ConfigError> {
        Ok(Self)
    }

    fn on_response(&self, _: &Request, _: &mut tollgate_sdk::Response) -> impl Into<Verdict> {
        cache::store(60_000)
    }
}

impl tollgate_sdk::export::Component for Store {
    const IDENTITY: tollgate_sdk::export::Identity = tollgate_sdk::export::Identity {
        id: "store",
        version: "0",
        summary: "",
        phases: &[tollgate_sdk::export::Phase::OnResponse],
        buffer_request: None,
        buffer_response: None,
        buffer_error: None,
        body_gate: false,
        standing: "",
    };
}

/// A gateway whose cache already holds the response to one request.
struct Warm {
    lookup: Gateway<Statement>,
}

impl Warm {
    fn with(config: Value, stored: testing::Request) -> Self {
        Self::computing(config, stored, &[])
    }

    /// `values`: what expressions come to.
    fn computing(config: Value, stored: testing::Request, values: &[(&str, Value)]) -> Self {
        let world = World::new();
        values.iter().for_each(|(text, value)| world.expression(text, value.clone()));
        let lookup = Gateway::<Statement>::within(&world, config).unwrap();
        let store = Gateway::<Store>::within(&world, json!({})).unwrap();
        let mut exchange = Exchange::new(&world, stored);
        assert_eq!(lookup.on_request(&mut exchange), Verdict::Next);
        exchange.answer(testing::Response::new(200).with_body("stored"));
        assert_eq!(store.on_response(&mut exchange), Verdict::Next);
        Self { lookup }
    }

    fn hits(&self, request: testing::Request) -> bool {
        let outcome = self.lookup.request(request);
        let hit = outcome.verdict == Reply::staged().into();
        assert!(!hit || outcome.response().body() == b"stored");
        assert!(hit || outcome.verdict == Verdict::Next);
        hit
    }
}

fn get(target: &str) -> testing::Request {
    testing::Request::get(target)
}

#[test]
fn the_whole_query_is_part_of_the_key_in_any_order() {
    let warm = Warm::with(json!(null), get("/orders?a=1&b=2"));
    assert!(warm.hits(get("/orders?b=2&a=1")));
    assert!(!warm.hits(get("/orders?a=1")));
    assert!(!warm.hits(get("/orders")));
    assert!(!warm.hits(get("/other?a=1&b=2")));
}

#[test]
fn named_parameters_are_all_that_counts() {
    for config in [
        json!({ "vary-by-query-parameter": ["b", "a"] }),
        json!({ "vary-by-query": "a;b" }),
        json!({ "vary-by-query": [" a ; b;", "a"] }),
    ] {
        let warm = Warm::with(config, get("/?a=1&b=x%20y&c=3"));
        assert!(warm.hits(get("/?b=x+y&a=1")));
        assert!(!warm.hits(get("/?a=1")));
        assert!(!warm.hits(get("/?a=1&a=1&b=x%20y")));
    }
}

#[test]
fn an_absent_parameter_is_not_an_empty_one() {
    let warm = Warm::with(json!({ "vary-by-query": "a" }), get("/?a="));
    assert!(warm.hits(get("/?a=")));
    assert!(!warm.hits(get("/")));
}

#[test]
fn named_headers_count() {
    let warm = Warm::with(
        json!({ "vary-by-header": "Accept; X" }),
        get("/").with_header("accept", "a/b").with_header("x", "é"),
    );
    assert!(warm.hits(get("/").with_header("x", "é").with_header("accept", "a/b").with_header("y", "1")));
    assert!(!warm.hits(get("/").with_header("x", "e").with_header("accept", "a/b")));
    assert!(!warm.hits(get("/").with_header("accept", "a/b")));
}

#[test]
fn one_name_can_not_be_taken_for_another() {
    let warm = Warm::with(json!({ "vary-by-header": ["x", "y"] }), get("/").with_header("x", "1"));
    assert!(!warm.hits(get("/").with_header("y", "1")));
}

#[test]
fn developers_have_responses_of_their_own_if_told() {
    for name in ["vary-by-developer", "vary-by-developer-groups"] {
        let warm = Warm::with(json!({ name: true }), get("/").with_subscription("acme"));
        assert!(warm.hits(get("/").with_subscription("acme")));
        assert!(!warm.hits(get("/").with_subscription("zeta")));
        assert!(!warm.hits(get("/")));
    }
    let warm = Warm::with(json!({}), get("/").with_subscription("acme"));
    assert!(warm.hits(get("/")));
}

#[test]
fn only_get_is_looked_up() {
    let warm = Warm::with(json!({}), get("/"));
    for method in ["HEAD", "POST", "get"] {
        let outcome = warm.lookup.request(testing::Request::new(method, "/"));
        assert_eq!(outcome.verdict, Verdict::Next);
        assert!(outcome.variables.is_empty());
    }
}

#[test]
fn requests_with_authorization_need_leave() {
    let authorized = || get("/").with_header("Authorization", "Bearer x");
    assert!(!Warm::with(json!({}), get("/")).hits(authorized()));
    assert!(Warm::with(json!({ "allow-private-response-caching": true }), get("/")).hits(authorized()));
}

#[test]
fn a_miss_tells_cache_store_about_downstream_caches() {
    let told = |config: Value| {
        let gateway = Gateway::<Statement>::with(config).unwrap();
        gateway.request(get("/")).variables.get("cache-lookup.downstream").cloned()
    };
    assert_eq!(told(json!({})), None);
    assert_eq!(told(json!({ "must-revalidate": false })), None);
    assert_eq!(
        told(json!({ "downstream-caching-type": "private" })),
        Some(json!({ "keep": "private", "must-revalidate": true }))
    );
    assert_eq!(
        told(json!({ "downstream-caching-type": "none", "must-revalidate": false })),
        Some(json!({ "keep": "none", "must-revalidate": false }))
    );
}

#[test]
fn what_may_be_computed_is_computed_for_each_request() {
    let warm = Warm::computing(
        json!({ "vary-by-developer": "${variables.own}", "allow-private-response-caching": "${variables.private}" }),
        get("/").with_subscription("acme"),
        &[("${variables.own}", json!(true)), ("${variables.private}", json!(false))],
    );
    let zeta = || get("/").with_subscription("zeta");
    assert!(!warm.hits(zeta()));
    assert!(warm.hits(get("/").with_subscription("acme")));
    assert!(!warm.hits(get("/").with_subscription("acme").with_header("authorization", "Bearer x")));
    warm.lookup.expression("${variables.private}", true);
    assert!(warm.hits(get("/").with_subscription("acme").with_header("authorization", "Bearer x")));
}

#[test]
fn what_clients_are_told_may_be_computed() {
    let config = json!({ "downstream-caching-type": "${variables.who}", "must-revalidate": "${variables.strict}" });
    let gateway = Gateway::<Statement>::with(config).unwrap();
    gateway.expression("${variables.who}", "public");
    gateway.expression("${variables.strict}", false);
    let told = gateway.request(get("/")).variables.get("cache-lookup.downstream").cloned();
    assert_eq!(told, Some(json!({ "keep": "public", "must-revalidate": false })));
    gateway.expression("${variables.who}", "everybody");
    let outcome = gateway.request(get("/other"));
    assert_eq!(outcome.failure().unwrap().reason(), "ExpressionValueEvaluationFailure");
}

#[test]
fn a_broken_cache_is_a_miss() {
    let gateway = Gateway::<Statement>::with(json!({})).unwrap();
    gateway.world().break_state("no store");
    assert_eq!(gateway.request(get("/")).verdict, Verdict::Next);
    assert!(gateway.world().log()[0].1.contains("no store"));
}

#[test]
fn names_are_checked_with_their_place() {
    let pointer = |config: Value| Gateway::<Statement>::with(config).unwrap_err().pointer;
    assert_eq!(pointer(json!({ "vary-by-header": "a b" })), "/vary-by-header");
    assert_eq!(pointer(json!({ "vary-by-header": ";" })), "/vary-by-header");
    assert_eq!(pointer(json!({ "vary-by-query": "a=b" })), "/vary-by-query");
    assert_eq!(pointer(json!({ "vary-by-query": "a", "vary-by-query-parameter": "a" })), "/vary-by-query");
    assert_eq!(pointer(json!({ "downstream-caching-type": "shared" })), "/downstream-caching-type");
}
