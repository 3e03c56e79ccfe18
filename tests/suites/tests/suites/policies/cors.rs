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
fn the_statement_says_what_is_allowed_and_not_the_origin_server() {
    let origin = Origin::start(|_| {
        Response::new(200)
            .header("access-control-allow-origin", "*")
            .header("access-control-allow-credentials", "true")
            .header("access-control-expose-headers", "x-secret")
            .header("vary", "accept")
    });
    let on = "inbound: [ { cors: { allowed-origins: [ https://app.example ], terminate-unmatched-request: false } } ]";
    let gateway = serve(&open_api(on), origin);
    for (page, told) in [("https://app.example", vec!["https://app.example"]), ("https://evil.example", vec![])] {
        let response = gateway.send(&Request::get("/").header("origin", page));
        assert_eq!(response.headers.all("access-control-allow-origin"), told);
        for name in ["access-control-allow-credentials", "access-control-expose-headers"] {
            assert!(!response.headers.has(name), "{name} for {page}");
        }
        assert_eq!(response.headers.all("vary"), ["accept", "Origin"]);
    }
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

/// The header that lets a page read the answer.
fn allowed(response: &Response) -> Option<&str> {
    response.headers.get("access-control-allow-origin")
}

#[test]
fn a_preflight_is_about_the_operation_that_the_page_wants_to_call() {
    let operation = |method: &str, origin: &str| {
        format!(
            "{{ id: {}, method: {method}, url: '/orders/{{id}}', policies: {{ inbound: [ {{ cors: {{ \
             allowed-origins: [ {origin} ], allowed-methods: [ {method} ] }} }} ] }} }}",
            method.to_lowercase()
        )
    };
    let operations =
        format!("[ {}, {} ]", operation("GET", "https://reads.example"), operation("PUT", "https://writes.example"));
    let gateway = serve(&api_with_operations("inbound: []", &operations), hello());
    for (origin, method, told) in [
        ("https://reads.example", "GET", true),
        ("https://reads.example", "PUT", false),
        ("https://writes.example", "PUT", true),
        ("https://writes.example", "GET", false),
        ("https://writes.example", "PATCH", false),
    ] {
        let response = gateway.send(&Request { target: "/orders/7".into(), ..preflight(origin, method) });
        assert_eq!(allowed(&response).is_some(), told, "{origin} {method}: {response:?}");
    }
    assert!(gateway.origin.requests().is_empty());
}

#[test]
fn a_preflight_runs_no_other_statement() {
    let yaml = "inbound:\n\
                \x20 - check-header: { name: x-plan, failed-check-httpcode: 402 }\n\
                \x20 - cors: { allowed-origins: [ https://app.example ] }\n\
                outbound: [ { set-header: { name: x-outbound, value: ran } } ]\n";
    let response = serve(&open_api(yaml), hello()).send(&preflight("https://app.example", "GET"));
    assert_eq!((response.status, allowed(&response)), (200, Some("https://app.example")));
    assert!(!response.headers.has("x-outbound"));
}

#[test]
fn options_that_is_no_preflight_is_a_call() {
    let gateway = serve(&open_api(CORS), hello());
    let response = gateway.send(&Request::new("OPTIONS", "/").header("origin", "https://app.example"));
    assert_eq!((response.text(), allowed(&response)), ("hello", Some("https://app.example")));
    assert!(!response.headers.has("access-control-allow-methods"));
    let asked = Request::new("OPTIONS", "/").header("access-control-request-method", "GET");
    assert_eq!((gateway.send(&asked).text(), gateway.origin.requests().len()), ("hello", 2));
}

#[test]
fn what_is_not_configured_is_not_allowed() {
    let gateway = serve(&open_api("inbound: [ { cors: { allowed-origins: [ https://app.example ] } } ]"), hello());
    let response = gateway.send(&preflight("https://app.example", "POST"));
    for (name, values) in [
        ("access-control-allow-origin", vec!["https://app.example"]),
        ("access-control-allow-methods", vec!["GET, POST"]),
        ("access-control-max-age", vec!["0"]),
        ("access-control-allow-headers", vec![]),
        ("access-control-allow-credentials", vec![]),
        ("vary", vec!["Origin"]),
    ] {
        assert_eq!(response.headers.all(name), values, "{name}");
    }
    assert_eq!(allowed(&gateway.send(&preflight("https://app.example", "PUT"))), None);
    assert_eq!(allowed(&gateway.send(&preflight("https://app.example", "post"))), None, "methods have a case");
    let asked = preflight("https://app.example", "GET").header("access-control-request-headers", "x-a");
    assert_eq!(allowed(&gateway.send(&asked)), None);
    let call = gateway.send(&Request::get("/").header("origin", "https://app.example"));
    for name in ["access-control-allow-credentials", "access-control-expose-headers"] {
        assert!(!call.headers.has(name), "{name}");
    }
}

#[test]
fn every_header_that_is_asked_for_has_to_be_allowed() {
    let config = "{ allowed-origins: [ https://app.example ], allowed-headers: [ X-A, x-b ] }";
    let gateway = serve(&open_api(&format!("inbound: [ {{ cors: {config} }} ]")), hello());
    let ask = |lines: &[&str]| {
        let request = preflight("https://app.example", "GET");
        let add = |request: Request, line: &&str| request.header("access-control-request-headers", line);
        allowed(&gateway.send(&lines.iter().fold(request, add))).is_some()
    };
    for (lines, expected) in [
        (vec![""], true),
        (vec!["x-a"], true),
        (vec!["X-B , x-a"], true),
        (vec!["x-a", "x-b"], true),
        (vec!["x-a,x-c"], false),
        (vec!["x-a", "x-c"], false),
        (vec!["x a"], false),
    ] {
        assert_eq!(ask(&lines), expected, "{lines:?}");
    }
}

#[test]
fn origins_are_compared_as_browsers_write_them() {
    let config = "{ allowed-origins: [ 'HTTPS://App.example:443', 'http://localhost:3000', 'http://a.example:80' ] }";
    let gateway = serve(&open_api(&format!("inbound: [ {{ cors: {config} }} ]")), hello());
    for (origin, expected) in [
        ("https://app.example", true),
        ("https://app.example:443", true),
        ("HTTPS://APP.example", true),
        ("http://localhost:3000", true),
        ("http://a.example", true),
        ("http://app.example", false),
        ("https://app.example:8443", false),
        ("http://localhost", false),
        ("https://app.example.evil.example", false),
        ("https://evil-app.example", false),
        ("https://app.example/", false),
        ("https://app.example, https://evil.example", false),
        ("null", false),
        ("", false),
        ("app.example", false),
        ("*", false),
    ] {
        let call = gateway.send(&Request::get("/").header("origin", origin));
        assert_eq!((allowed(&call) == Some(origin), allowed(&call).is_some()), (expected, expected), "{origin}");
        assert_eq!(allowed(&gateway.send(&preflight(origin, "GET"))).is_some(), expected, "{origin}");
    }
    let two = Request::get("/").header("origin", "https://app.example").header("origin", "https://app.example");
    assert_eq!(allowed(&gateway.send(&two)), None);
}

#[test]
fn a_star_allows_null_and_nothing_allows_an_empty_origin_or_two() {
    let gateway = serve(&open_api("inbound: [ { cors: { allowed-origins: [ '*', https://app.example ] } } ]"), hello());
    let ask = |origins: &[&str]| {
        let request = origins.iter().fold(Request::get("/"), |request, origin| request.header("origin", origin));
        allowed(&gateway.send(&request)).map(str::to_owned)
    };
    for origin in ["null", "https://app.example", "https://other.example"] {
        assert_eq!(ask(&[origin]).as_deref(), Some("*"), "{origin}");
    }
    assert_eq!(ask(&[""]), None);
    assert_eq!(ask(&["https://app.example", "https://other.example"]), None);
}

#[test]
fn a_preflight_from_elsewhere_is_told_nothing_even_if_calls_go_on() {
    let config = "{ allowed-origins: [ https://app.example ], \
                  terminate-unmatched-request: \"${request.headers['x-end'] == 'yes'}\" }";
    let gateway = serve(&open_api(&format!("inbound: [ {{ cors: {config} }} ]")), hello());
    let call = |end: &str| {
        let request = Request::get("/").header("origin", "https://evil.example").header("x-end", end);
        gateway.send(&request).text().to_owned()
    };
    assert_eq!([call("yes"), call("no")], ["", "hello"]);
    let response = gateway.send(&preflight("https://evil.example", "GET"));
    assert_eq!((allowed(&response), response.headers.has("access-control-allow-methods")), (None, false));
}

#[test]
fn an_options_operation_with_cors_is_called_like_any_other() {
    let operations = "[ { id: options, method: OPTIONS, url: / }, { id: get, method: GET, url: / } ]";
    let gateway = serve(&api_with_operations(CORS, operations), hello());
    let response = gateway.send(&preflight("https://app.example", "GET"));
    assert_eq!((response.text(), allowed(&response)), ("hello", Some("https://app.example")));
    assert!(!response.headers.has("access-control-allow-methods"));
    assert_eq!(gateway.origin.only_request().method, "OPTIONS");
    assert_eq!(gateway.send(&preflight("https://evil.example", "GET")).text(), "");
}

#[test]
fn in_a_product_only_calls_are_seen_unless_it_is_open() {
    let gateway = serve(&keyed_api("inbound: [ base ]", CORS), hello());
    let call = with_key("acme-1").header("origin", "https://app.example");
    assert_eq!(allowed(&gateway.send(&call)), Some("https://app.example"));
    assert_eq!(allowed(&gateway.send(&preflight("https://app.example", "GET"))), None);
    let open =
        keyed_api("inbound: [ base ]", CORS).replace("apis: [all]", "apis: [all]\n    subscription-required: false");
    let gateway = serve(&open, hello());
    assert_eq!(allowed(&gateway.send(&preflight("https://app.example", "GET"))), Some("https://app.example"));
}

#[test]
fn the_age_of_a_preflights_answer_may_be_an_expression() {
    let config = "{ allowed-origins: [ https://app.example ], \
                  allowed-methods: { preflight-result-max-age: \"${int(request.headers['x-age'])}\" } }";
    let gateway = serve(&open_api(&format!("inbound: [ {{ cors: {config} }} ]")), hello());
    let ask = |age: &str| gateway.send(&preflight("https://app.example", "POST").header("x-age", age));
    let response = ask("60");
    assert_eq!(response.headers.all("access-control-max-age"), ["60"]);
    assert_eq!(response.headers.all("access-control-allow-methods"), ["GET, POST"]);
    assert_eq!(ask("x").status, 500);
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    for (statement, words) in [
        ("cors: §{ }", "allowed-origins"),
        ("cors: { allowed-origins: §[] }", "1 item"),
        ("cors: { allowed-origins: [ §'https://a.example/' ] }", "has no path"),
        ("cors: { allowed-origins: [ §'https://*.a.example' ] }", "stands for several"),
        ("cors: { allowed-origins: [ '*' ], allow-credentials: §true }", "list the origins instead of `*`"),
        (
            "cors: { allowed-origins: [ '*' ], allow-credentials: §\"${request.path == '/'}\" }",
            "list the origins instead",
        ),
        (
            "cors: { allowed-origins: [ https://a.example ], allow-credentials: true, expose-headers: §[ '*' ] }",
            "list the headers instead",
        ),
        (
            "cors: { allowed-origins: [ https://a.example ], allow-credentials: \"${request.path == '/'}\", \
             expose-headers: §[ '*' ] }",
            "list the headers instead",
        ),
        ("cors: { allowed-origins: [ '*' ], allowed-methods: §[ 'G T' ] }", "not valid under any"),
        ("cors: { allowed-origins: [ '*' ], allowed-headers: [ §'a b' ] }", "does not match"),
        ("cors: { allowed-origins: [ '*' ], allowed-methods: §[] }", "not valid under any"),
        ("cors: { allowed-origins: [ §app.example ] }", "origin"),
        ("cors: { allowed-origins: [ §'null' ] }", "origin"),
        ("cors: { allowed-origins: [ '*' ], §alow-credentials: true }", "did you mean `allow-credentials`?"),
    ] {
        refused("inbound", &[(statement, words)]);
    }
    refused("outbound", &[("§cors: { allowed-origins: [ '*' ] }", "can't stand in the section `outbound`")]);
}
