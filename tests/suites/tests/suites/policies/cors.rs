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

#[test]
fn a_preflight_is_told_all_that_is_allowed() {
    let yaml = "inbound: [ { cors: { allowed-origins: [ https://app.example ], allow-credentials: true, \
                allowed-methods: { methods: [ GET, PUT ], preflight-result-max-age: 300 }, \
                allowed-headers: [ X-A, Content-Type ] } } ]";
    let gateway = serve(&open_api(yaml), hello());
    let asked = preflight("https://app.example", "PUT").header("access-control-request-headers", "content-type,x-a");
    let headers = gateway.send(&asked).headers;
    for (name, value) in [
        ("access-control-allow-origin", "https://app.example"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "GET, PUT"),
        ("access-control-allow-headers", "x-a, content-type"),
        ("access-control-max-age", "300"),
        ("vary", "Origin"),
    ] {
        assert_eq!(headers.all(name), [value], "{name}");
    }
    let other = preflight("https://app.example", "PUT").header("access-control-request-headers", "x-b");
    assert!(!gateway.send(&other).headers.has("access-control-allow-origin"));
}

#[test]
fn a_star_is_answered_with_what_was_asked_for() {
    let yaml = "inbound: [ { cors: { allowed-origins: [ '*' ], allowed-methods: [ '*' ], allowed-headers: [ '*' ], \
                expose-headers: [ '*' ] } } ]";
    let gateway = serve(&open_api(yaml), hello());
    let asked = preflight("https://x.example", "PATCH").header("access-control-request-headers", "authorization");
    let headers = gateway.send(&asked).headers;
    assert_eq!(headers.all("access-control-allow-origin"), ["*"]);
    assert_eq!(headers.all("access-control-allow-methods"), ["PATCH"]);
    assert_eq!(headers.all("access-control-allow-headers"), ["authorization"]);
    let call = gateway.send(&Request::get("/").header("origin", "https://x.example"));
    assert_eq!((call.text(), call.headers.all("access-control-expose-headers")), ("hello", vec!["*"]));
}

#[test]
fn a_call_from_elsewhere_ends_before_the_origin_unless_it_may_go_on() {
    let origin = hello();
    let elsewhere = Request::get("/").header("origin", "https://evil.example");
    let response = serve(&open_api(CORS), &origin).send(&elsewhere);
    assert_eq!((response.status, response.text()), (200, ""));
    assert!(origin.requests().is_empty());
    let on = "inbound: [ { cors: { allowed-origins: [ https://app.example ], terminate-unmatched-request: false } } ]";
    let response = serve(&open_api(on), &origin).send(&elsewhere);
    assert_eq!((response.status, response.text()), (200, "hello"));
    assert!(!response.headers.has("access-control-allow-origin"));
    assert_eq!(response.headers.all("vary"), ["Origin"]);
}

#[test]
fn errors_of_the_gateway_can_be_read_too() {
    let yaml = "inbound:\n\
                \x20 - cors: { allowed-origins: [ https://app.example ], expose-headers: [ X-A ] }\n\
                \x20 - check-header: { name: x-plan, failed-check-httpcode: 402 }\n";
    let refused = serve(&open_api(yaml), hello()).send(&Request::get("/").header("origin", "https://app.example"));
    assert_error(&refused, 402, "Header x-plan is missing.");
    assert_eq!(refused.headers.all("access-control-allow-origin"), ["https://app.example"]);
    assert_eq!(refused.headers.all("access-control-expose-headers"), ["x-a"]);
}

#[test]
fn what_comes_from_no_page_is_left_alone() {
    let response = serve(&open_api(CORS), hello()).get("/");
    assert_eq!((response.text(), response.headers.has("vary")), ("hello", false));
}

#[test]
fn credentials_may_depend_on_the_request() {
    let yaml = "inbound: [ { cors: { allowed-origins: [ https://app.example ], \
                allow-credentials: \"${request.headers['x-cookies'] == 'yes'}\" } } ]";
    let gateway = serve(&open_api(yaml), hello());
    let call = |cookies: &str| {
        let request = Request::get("/").header("origin", "https://app.example").header("x-cookies", cookies);
        gateway.send(&request).headers.has("access-control-allow-credentials")
    };
    assert!(call("yes"));
    assert!(!call("no"));
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    for (statement, words) in [
        ("cors: §{ }", "allowed-origins"),
        ("cors: { allowed-origins: §[] }", "1 item"),
        ("cors: { allowed-origins: [ §'https://a.example/' ] }", "has no path"),
        ("cors: { allowed-origins: [ §'https://*.a.example' ] }", "stands for several"),
        ("cors: { allowed-origins: [ '*' ], allow-credentials: §true }", "list the origins instead of `*`"),
        ("cors: { allowed-origins: [ '*' ], §alow-credentials: true }", "did you mean `allow-credentials`?"),
    ] {
        refused("inbound", &[(statement, words)]);
    }
    refused("outbound", &[("§cors: { allowed-origins: [ '*' ] }", "can't stand in the section `outbound`")]);
}
