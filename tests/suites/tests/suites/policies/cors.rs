//! `cors`: pages of other origins call from a browser.

use super::*;

const CORS: &str =
    "inbound: [ { cors: { allowed-origins: [ https://app.example ], allowed-methods: [ GET, DELETE ] } } ]";

fn preflight(origin: &str, method: &str) -> Request {
    Request::new("OPTIONS", "/").header("origin", origin).header("access-control-request-method", method)
}

#[test]
fn a_preflight_needs_no_key_and_never_reaches_the_origin() {
    let origin = hello();
    let gateway = serve(&keyed_api(CORS, "inbound: [ base ]"), &origin);
    let response = gateway.send(&preflight("https://app.example", "DELETE"));
    assert_eq!((response.status, response.text()), (200, ""));
    assert_eq!(response.headers.all("access-control-allow-origin"), ["https://app.example"]);
    assert_eq!(response.headers.all("access-control-allow-methods"), ["GET, DELETE"]);
    assert!(origin.requests().is_empty());
    assert_eq!(gateway.send(&Request::get("/").header("origin", "https://app.example")).status, 401);
}

#[test]
fn a_preflight_that_is_not_allowed_is_answered_empty() {
    let gateway = serve(&keyed_api(CORS, "inbound: [ base ]"), hello());
    for (origin, method) in [("https://evil.example", "GET"), ("https://app.example", "PUT")] {
        let response = gateway.send(&preflight(origin, method));
        assert_eq!((response.status, response.text()), (200, ""), "{origin} {method}");
        assert!(!response.headers.has("access-control-allow-origin"), "{response:?}");
    }
}

#[test]
fn an_api_with_an_options_operation_answers_for_itself() {
    let origin = hello();
    let yaml = format!(
        "{}\n    operations: [ {{ id: options, method: OPTIONS, url: / }}, {{ id: get, method: GET, url: / }} ]\n",
        open_api("inbound: []").trim_end()
    );
    serve(&yaml, &origin).send(&preflight("https://app.example", "GET"));
    assert_eq!(origin.only_request().method, "OPTIONS");
}

#[test]
fn a_call_is_told_on_whatever_response_comes() {
    let origin = Origin::start(|_| Response::new(503).header("vary", "accept"));
    let gateway = serve(&open_api(CORS), &origin);
    let response = gateway.send(&Request::get("/").header("origin", "https://app.example"));
    assert_eq!(response.status, 503);
    assert_eq!(response.headers.all("access-control-allow-origin"), ["https://app.example"]);
    assert_eq!(response.headers.all("vary"), ["accept", "Origin"]);
    assert!(!gateway.get("/").headers.has("access-control-allow-origin"));
}
