//! What browsers are told, from configurations to answers.

use super::*;
use tollgate_sdk::serde_json::{Value, json};
use tollgate_sdk::testing::{Exchange, Gateway, Request, Response, World};

fn gateway(more: Value) -> Gateway<Statement> {
    let mut config = json!({ "allowed-origins": ["https://a.example", "http://localhost:3000"] });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Gateway::with(config).unwrap()
}

fn preflight(origin: &str, method: &str) -> Request {
    Request::new("OPTIONS", "/").with_header("origin", origin).with_header("access-control-request-method", method)
}

fn from(origin: &str) -> Request {
    Request::get("/").with_header("origin", origin)
}

/// The answer to a preflight, by its headers.
fn answered(gateway: &Gateway<Statement>, request: Request) -> Vec<(String, String)> {
    let outcome = gateway.request(request);
    assert_eq!((outcome.response().status(), outcome.response().body()), (200, b"".as_slice()));
    let names = ["origin", "credentials", "methods", "headers"].map(|name| format!("access-control-allow-{name}"));
    let names = names.into_iter().chain(["access-control-max-age".into(), "vary".into()]);
    names.filter_map(|name| Some((name.clone(), outcome.response().header_str(&name)?.to_owned()))).collect()
}

fn fields(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_preflight_is_answered_with_what_is_allowed() {
    let gateway = gateway(json!({
        "allow-credentials": true,
        "allowed-methods": { "methods": ["GET", "PUT"], "preflight-result-max-age": 300 },
        "allowed-headers": ["X-A", "Content-Type"],
    }));
    let request = preflight("https://a.example", "PUT").with_header("access-control-request-headers", "x-a");
    let expected = fields(&[
        ("access-control-allow-origin", "https://a.example"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "GET, PUT"),
        ("access-control-allow-headers", "x-a, content-type"),
        ("access-control-max-age", "300"),
        ("vary", "Origin"),
    ]);
    assert_eq!(answered(&gateway, request), expected);
}

#[test]
fn get_and_post_without_further_headers_are_the_default() {
    let gateway = gateway(json!({}));
    for method in ["GET", "POST"] {
        let expected = fields(&[
            ("access-control-allow-origin", "https://a.example"),
            ("access-control-allow-methods", "GET, POST"),
            ("access-control-max-age", "0"),
            ("vary", "Origin"),
        ]);
        assert_eq!(answered(&gateway, preflight("https://a.example", method)), expected);
    }
    let nothing = fields(&[("vary", "Origin")]);
    assert_eq!(answered(&gateway, preflight("https://a.example", "PUT")), nothing);
    assert_eq!(answered(&gateway, preflight("https://a.example", "get")), nothing);
    assert_eq!(answered(&gateway, preflight("https://b.example", "GET")), nothing);
    let header = preflight("https://a.example", "GET").with_header("access-control-request-headers", "x-a");
    assert_eq!(answered(&gateway, header), nothing);
}

#[test]
fn a_star_answers_with_what_was_asked_for() {
    let gateway = gateway(json!({ "allowed-origins": ["*"], "allowed-methods": ["*"], "allowed-headers": ["*"] }));
    let request = preflight("https://x.example", "PATCH")
        .with_header("access-control-request-headers", "authorization, X-B,")
        .with_header("access-control-request-headers", "x-c");
    let expected = fields(&[
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "PATCH"),
        ("access-control-allow-headers", "authorization, x-b, x-c"),
        ("access-control-max-age", "0"),
        ("vary", "Origin"),
    ]);
    assert_eq!(answered(&gateway, request), expected);
    let bad = preflight("https://x.example", "PATCH").with_header("access-control-request-headers", "a b");
    assert_eq!(answered(&gateway, bad), fields(&[("vary", "Origin")]));
}

#[test]
fn a_call_goes_on_and_its_response_says_who_may_read_it() {
    let world = World::new();
    let config = json!({
        "allowed-origins": ["https://a.example"], "allow-credentials": true, "expose-headers": ["X-A", "ETag"],
    });
    let gateway = Gateway::<Statement>::within(&world, config).unwrap();
    let mut exchange = Exchange::new(&world, from("https://A.example"));
    assert_eq!(gateway.on_request(&mut exchange), Verdict::Next);
    exchange.answer(Response::new(404).with_header("vary", "accept"));
    let response = exchange.response();
    assert_eq!(response.status(), 404);
    assert_eq!(response.header_str("access-control-allow-origin"), Some("https://A.example"));
    assert_eq!(response.header_str("access-control-allow-credentials"), Some("true"));
    assert_eq!(response.header_str("access-control-expose-headers"), Some("x-a, etag"));
    assert_eq!(response.header_values("vary"), ["accept", "Origin"]);
}

#[test]
fn a_call_from_elsewhere_ends_unless_it_may_go_on() {
    for (terminate, verdict) in [(json!({}), false), (json!({ "terminate-unmatched-request": false }), true)] {
        let gateway = gateway(terminate);
        for request in [
            from("https://b.example"),
            from("null"),
            from(""),
            from("https://a.example").with_header("origin", "https://a.example"),
            preflight("https://b.example", "GET"),
        ] {
            let outcome = gateway.request(request);
            assert_eq!(outcome.verdict == Verdict::Next, verdict);
            assert_eq!(outcome.staged_header("access-control-allow-origin"), None);
            if verdict {
                assert_eq!(outcome.staged_header("vary"), Some("Origin"));
            } else {
                assert_eq!((outcome.response().status(), outcome.response().body()), (200, b"".as_slice()));
            }
        }
    }
}

#[test]
fn what_comes_from_no_page_is_left_alone() {
    let outcome =
        gateway(json!({})).request(Request::new("OPTIONS", "/").with_header("access-control-request-method", "GET"));
    assert_eq!(outcome.verdict, Verdict::Next);
    assert_eq!(outcome.staged_header("vary"), None);
}

#[test]
fn an_operation_of_its_own_is_no_preflight() {
    let options =
        |method: &str| preflight("https://a.example", "GET").with_operation_definition(json!({ "method": method }));
    assert_eq!(gateway(json!({})).request(options("OPTIONS")).verdict, Verdict::Next);
    assert_ne!(gateway(json!({})).request(options("GET")).verdict, Verdict::Next);
    let plain = Request::new("OPTIONS", "/").with_header("origin", "https://a.example");
    assert_eq!(gateway(json!({})).request(plain).verdict, Verdict::Next);
}

#[test]
fn expressions_decide_at_each_call() {
    let gateway = gateway(json!({
        "allow-credentials": "${variables.cookies}",
        "terminate-unmatched-request": "${variables.strict}",
        "allowed-methods": { "preflight-result-max-age": "${variables.age}" },
    }));
    gateway.expression("${variables.cookies}", true);
    gateway.expression("${variables.strict}", false);
    gateway.expression("${variables.age}", 60);
    let outcome = gateway.request(preflight("https://a.example", "POST"));
    assert_eq!(outcome.response().header_str("access-control-max-age"), Some("60"));
    assert_eq!(outcome.response().header_str("access-control-allow-credentials"), Some("true"));
    assert_eq!(gateway.request(from("https://b.example")).verdict, Verdict::Next);
    gateway.expression("${variables.cookies}", "perhaps");
    assert_eq!(gateway.request(from("https://a.example")).failure().unwrap().status(), 500);
}

#[test]
fn what_can_not_work_is_refused_with_its_place() {
    let pointer = |config: Value| Gateway::<Statement>::with(config).unwrap_err().pointer;
    assert_eq!(pointer(json!({})), "");
    assert_eq!(pointer(json!({ "allowed-origins": [] })), "/allowed-origins");
    assert_eq!(pointer(json!({ "allowed-origins": ["*", "x"] })), "/allowed-origins/1");
    assert_eq!(pointer(json!({ "allowed-origins": ["*"], "allow-credentials": true })), "/allow-credentials");
    assert_eq!(pointer(json!({ "allowed-origins": ["*"], "allow-credentials": "${true}" })), "/allow-credentials");
    let exposing = json!({ "allowed-origins": ["http://a"], "allow-credentials": true, "expose-headers": ["*"] });
    assert_eq!(pointer(exposing), "/expose-headers");
    assert_eq!(pointer(json!({ "allowed-origins": ["*"], "allowed-headers": ["a", "a b"] })), "/allowed-headers/1");
    assert_eq!(pointer(json!({ "allowed-origins": ["*"], "allowed-methods": [] })), "/allowed-methods");
}

#[test]
fn the_manifest_says_where_it_stands() {
    let manifest = Gateway::<Statement>::manifest();
    assert_eq!(manifest["sections"], json!(["inbound"]));
    assert_eq!(manifest["once"], json!(true));
}
