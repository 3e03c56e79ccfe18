//! The gateway's own flow and its expressions: conditions, branches, retries, parallel calls, fragments, traces.

use crate::policies::{assert_error, hello, open_api, refused, serve};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;
use tollgate_harness::{Gateway, Origin, Request, Response};

/// What the client gets from an expression.
#[track_caller]
fn evaluated(expression: &str, request: &Request) -> String {
    let sections = format!("inbound:\n  - return-response: {{ body: \"${{{expression}}}\" }}\n");
    let response = serve(&open_api(&sections), hello()).send(request);
    assert_eq!(response.status, 200, "{expression}: {response:?}");
    response.text().to_owned()
}

#[test]
fn expressions_see_the_request() {
    let request =
        Request::post("/a/b?x=1&x=2&y=%20z", "{\"name\": \"Ada\"}").header("X-Tier", "gold").header("x-tier", "2");
    for (expression, text) in [
        ("request.method", "POST"),
        ("request.path", "/a/b"),
        ("request.query['x']", "1,2"),
        ("request.query['y']", " z"),
        ("request.headers['X-TIER']", "gold, 2"),
        ("request.headers['absent'] == null", "true"),
        ("has(request.headers.absent)", "false"),
        ("request.json.name", "Ada"),
        ("size(request.body)", "15"),
        ("request.client_ip", "127.0.0.1"),
        ("api.id", "all"),
        ("product.id == null", "true"),
    ] {
        assert_eq!(evaluated(expression, &request), text, "{expression}");
    }
}

#[test]
fn a_body_that_an_expression_reads_still_reaches_the_origin() {
    let origin = Origin::echo();
    let gateway =
        serve(&open_api("inbound:\n  - set-header: { name: x-name, value: \"${request.json.name}\" }\n"), &origin);
    assert_eq!(gateway.send(&Request::post("/", "{\"name\": \"Ada\"}")).status, 200);
    let seen = origin.only_request();
    assert_eq!((seen.headers.get("x-name"), seen.text()), (Some("Ada"), "{\"name\": \"Ada\"}"));
}

#[test]
fn what_the_request_was_can_be_asked_after_it_was_sent() {
    let sections = "outbound:\n  - set-header: { name: x-name, value: \"${request.json.name}\" }\n";
    let response = serve(&open_api(sections), hello()).send(&Request::post("/", "{\"name\": \"Ada\"}"));
    assert_eq!(response.headers.get("x-name"), Some("Ada"));
}

#[test]
fn a_statement_whose_condition_does_not_hold_is_passed_over() {
    let sections = "inbound:\n  - return-response: { status: 418 }\n    when: request.query['tea'] == 'yes'\n";
    let gateway = serve(&open_api(sections), hello());
    assert_eq!(gateway.get("/?tea=no").status, 200);
    assert_eq!(gateway.get("/?tea=yes").status, 418);
}

#[test]
fn the_first_branch_that_holds_runs_and_no_other() {
    let sections = "inbound:\n  - choose:\n\
                    \x20     - when: request.path == '/a'\n\
                    \x20       policies: [ { set-variable: { name: branch, value: one } } ]\n\
                    \x20     - when: \"${request.path.startsWith('/a')}\"\n\
                    \x20       policies: [ { set-variable: { name: branch, value: two } } ]\n\
                    \x20     - otherwise: [ { set-variable: { name: branch, value: 3 } } ]\n\
                    \x20 - return-response: { body: \"${variables.branch}\" }\n";
    let gateway = serve(&open_api(sections), hello());
    for (path, branch) in [("/a", "one"), ("/ab", "two"), ("/b", "3")] {
        assert_eq!(gateway.get(path).text(), branch, "{path}");
    }
}

#[test]
fn a_failing_expression_ends_in_on_error_with_its_place_and_tells_the_client_nothing() {
    let sections = "inbound:\n  - set-variable: { name: a, value: \"${request.json.name}\" }\n";
    let gateway = serve(&open_api(sections), hello());
    let response = gateway.send(&Request::post("/", "no json"));
    assert_error(&response, 500, "Internal server error");
    gateway.wait_for_log("request.json.name");

    let told = format!(
        "{sections}on-error:\n  - return-response: {{ status: 502, body: \"${{last_error.source + '|' + \
         last_error.reason + '|' + last_error.section + '|' + last_error.path + '|' + last_error.message}}\" }}\n"
    );
    let response = serve(&open_api(&told), hello()).send(&Request::post("/", "no json"));
    let text = response.text();
    assert_eq!(response.status, 502);
    assert!(text.starts_with("set-variable|ExpressionValueEvaluationFailure|inbound|set-variable[1]|"), "{text}");
    assert!(text.contains("tollgate.yaml:") && text.contains("request.json.name"), "{text}");
}

#[test]
fn a_statements_own_expression_that_fails_is_told_in_the_same_way() {
    let sections = "inbound:\n  - { set-header: { name: x, value: \"${json(request.path)}\" }, id: parse }\n\
                    on-error:\n  - return-response: { body: \"${last_error.source + '|' + last_error.policy_id + '|' + \
                    last_error.message}\" }\n";
    let response = serve(&open_api(sections), hello()).get("/x");
    assert!(response.text().starts_with("set-header|parse|the expression `"), "{response:?}");
}

/// An origin that fails `failures` times and then answers with the body that it got.
fn recovering(failures: usize) -> (Origin, Arc<AtomicUsize>) {
    let seen = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&seen);
    let origin = Origin::start(move |request| {
        let number = counted.fetch_add(1, Ordering::SeqCst);
        let status = if number < failures { 503 } else { 200 };
        Response::new(status).body(request.body.clone())
    });
    (origin, seen)
}

const RETRY: &str = "backend:\n  - retry:\n      condition: response.status >= 500\n      count: 2\n      interval: 0\n      \
                     policies: [ forward-request ]\n";

#[test]
fn a_retry_sends_the_whole_request_again_until_the_condition_no_longer_holds() {
    let (origin, seen) = recovering(2);
    let response = serve(&open_api(RETRY), &origin).send(&Request::post("/", "again"));
    assert_eq!((response.status, response.text()), (200, "again"));
    assert_eq!(seen.load(Ordering::SeqCst), 3);
}

#[test]
fn a_retry_ends_when_its_count_is_used_up() {
    let (origin, seen) = recovering(9);
    assert_eq!(serve(&open_api(RETRY), &origin).get("/").status, 503);
    assert_eq!(seen.load(Ordering::SeqCst), 3);
}

/// A service that fails `failures` times.
fn flaky(failures: usize) -> Origin {
    let (origin, _) = recovering(failures);
    origin
}

const ASKS_TWICE: &str = "  - retry:\n      condition: variables.a.status != 200\n      count: 1\n      interval: 0\n      \
                          policies: [ { send-request: { response-variable-name: a, set-url: '{second}/a' } } ]\n";

#[test]
fn a_retry_behind_the_origin_keeps_its_response() {
    let sections = format!(
        "outbound:\n{ASKS_TWICE}  - set-header: {{ name: x-asked, value: \"${{string(variables.a.status) + response.reason}}\" }}\n"
    );
    let (origin, second) = (hello(), flaky(1));
    let gateway = Gateway::with(&open_api(&sections)).origin(&origin).value("second", &second.url()).start();
    let response = gateway.get("/");
    assert_eq!((response.status, response.text()), (200, "hello"));
    assert_eq!(response.headers.get("x-asked"), Some("200OK"));
    assert_eq!(second.requests().len(), 2);
}

#[test]
fn a_retry_in_on_error_keeps_the_error() {
    let sections = format!(
        "inbound: [ {{ check-header: {{ name: x-needed, failed-check-httpcode: 418 }} }} ]\non-error:\n{ASKS_TWICE}  \
         - set-header: {{ name: x-reason, value: \"${{last_error.reason + string(variables.a.status)}}\" }}\n"
    );
    let (origin, second) = (hello(), flaky(1));
    let gateway = Gateway::with(&open_api(&sections)).origin(&origin).value("second", &second.url()).start();
    let response = gateway.get("/");
    assert_eq!(response.status, 418, "{response:?}");
    assert_eq!(response.headers.get("x-reason"), Some("HeaderNotFound200"));
}

#[test]
fn a_second_origin_answers_when_the_first_cannot_be_reached() {
    let second = Origin::start(|_| Response::new(200).body("second"));
    let sections = "backend:\n  - retry:\n      condition: response.status >= 500\n      count: 1\n      interval: 0\n      \
                    policies:\n        - choose:\n            - when: variables['tried'] == true\n              \
                    policies: [ { set-backend-service: { base-url: '{second}' } } ]\n        \
                    - set-variable: { name: tried, value: true }\n        - forward-request\n";
    let gateway = Gateway::with(&open_api(sections)).origin(&Origin::refusing()).value("second", &second.url()).start();
    assert_eq!(gateway.get("/").text(), "second");
}

#[test]
fn waiting_for_all_asks_at_the_same_time() {
    let both = Arc::new(Barrier::new(2));
    // Neither answers before the other was asked.
    let second = Origin::start(move |request| {
        both.wait();
        Response::new(200).body(request.target.clone())
    });
    let sections = "inbound:\n  - wait:\n      for: all\n      policies:\n\
                    \x20       - send-request: { response-variable-name: a, set-url: '{second}/a' }\n\
                    \x20       - send-request: { response-variable-name: b, set-url: '{second}/b' }\n\
                    \x20 - return-response: { body: \"${variables.a.body + variables.b.body}\" }\n";
    let origin = hello();
    let gateway = Gateway::with(&open_api(sections)).origin(&origin).value("second", &second.url()).start();
    assert_eq!(gateway.get("/").text(), "/a/b");
}

#[test]
fn what_waits_sees_the_body_of_the_request() {
    let second = Origin::echo();
    let sections = "inbound:\n  - wait:\n      policies:\n\
                    \x20       - send-request: { response-variable-name: a, mode: copy, set-url: '{second}/a' }\n\
                    \x20       - choose:\n            - when: 'true'\n              policies:\n                - validate-content:\n                    \
                    unspecified-content-type-action: prevent\n                    max-size: 100\n                    size-exceeded-action: prevent\n                    \
                    content: [ { type: application/json, validate-as: json, action: prevent, schema: { type: object } } ]\n\
                    \x20 - return-response: { body: \"${variables.a.body}\" }\n";
    let origin = hello();
    let gateway = Gateway::with(&open_api(sections)).origin(&origin).value("second", &second.url()).start();
    let post = |body: &str| gateway.send(&Request::post("/", body).header("content-type", "application/json"));
    let response = post("{\"a\": 1}");
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(second.requests()[0].text(), "{\"a\": 1}");
    assert_eq!(post("[1]").status, 400);
}

#[test]
fn others_are_served_while_a_policy_waits() {
    let second = Origin::start(|_| {
        std::thread::sleep(Duration::from_millis(700));
        Response::new(200)
    });
    let sections = "inbound:\n  - send-request: { response-variable-name: a, set-url: '{second}/a' }\n    \
                    when: request.path == '/slow'\n";
    let origin = hello();
    let yaml = format!("workers: 1\n{}", open_api(sections));
    let gateway = Gateway::with(&yaml).origin(&origin).value("second", &second.url()).start();
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| gateway.get("/slow").status);
        second.wait_for_requests(1);
        let began = std::time::Instant::now();
        assert_eq!(gateway.get("/fast").status, 200);
        assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
        assert_eq!(slow.join().unwrap(), 200);
    });
}

#[test]
fn too_many_within_a_limit_are_refused_at_once() {
    let sections = "inbound:\n  - limit-concurrency:\n      key: \"${request.headers['x-tenant']}\"\n      max-count: 1\n      \
                    policies: [ { send-request: { response-variable-name: a, set-url: '{second}/a' } } ]\n";
    let second = Origin::start(|_| {
        std::thread::sleep(Duration::from_millis(500));
        Response::new(200)
    });
    let origin = hello();
    let gateway = Gateway::with(&open_api(sections)).origin(&origin).value("second", &second.url()).start();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| gateway.send(&Request::get("/").header("x-tenant", "a")).status);
        second.wait_for_requests(1);
        let refused = gateway.send(&Request::get("/").header("x-tenant", "a"));
        assert_error(&refused, 429, "Too many concurrent requests. Try again later.");
        assert_eq!(first.join().unwrap(), 200);
    });
    assert_eq!(gateway.send(&Request::get("/").header("x-tenant", "a")).status, 200);
}

#[test]
fn a_fragment_runs_where_it_is_included_with_its_parameters() {
    let yaml = format!(
        "named-values:\n  - {{ name: greeting, value: hi }}\n\
         fragments:\n  - id: mark\n    parameters: [ header ]\n    policies:\n      \
         - set-header: {{ name: '{{{{parameters.header}}}}', value: '{{{{greeting}}}}' }}\n{}",
        open_api("inbound:\n  - include-fragment: { fragment-id: mark, with: { header: x-mark } }\n")
    );
    let origin = hello();
    assert_eq!(serve(&yaml, &origin).get("/").status, 200);
    assert_eq!(origin.only_request().headers.get("x-mark"), Some("hi"));
}

#[test]
fn mistakes_in_expressions_and_flow_are_found_by_check() {
    let sections = "inbound:\n  - set-header: { name: x, value: \"${request.metod}\" }\n  \
                    - choose: [ { when: 'request.path ==', policies: [] } ]\n  \
                    - rate-limit: { calls: \"${3}\", renewal-period: 10 }\n  \
                    - include-fragment: missing\n";
    let yaml = format!("listen: 127.0.0.1:0\nadmin: off\n{}", open_api(sections));
    let outcome = Gateway::with(&yaml).value("origin", "http://127.0.0.1:9").check();
    assert_eq!(outcome.code, 2);
    for words in ["`request.method`", "the expression ends too early", "an expression can't stand here", "missing"] {
        assert!(outcome.stderr.contains(words), "no {words:?} in\n{}", outcome.stderr);
    }
}

#[test]
fn every_mistake_is_told_once_and_all_of_them_together() {
    refused(
        "inbound",
        &[
            ("set-header: { name: x, value: \"${§reqest.path}\" }", "did you mean `request`?"),
            ("rate-limit-by-key: { calls: \"${1 +§}\", renewal-period: 1, counter-key: client-ip }", "ends too early"),
            (
                "choose: [ { when: §request.pat == 1, policies: [ { set-method: PUT } ] } ]",
                "did you mean `request.path`?",
            ),
            ("set-method: \"§{{nope}}\"", "unknown named value `nope`"),
            ("check-header: { name: §\"x y\", failed-check-httpcode: 401 }", "does not match"),
        ],
    );
}

#[test]
fn a_secret_named_value_is_in_no_log_and_no_trace() {
    let sections = "inbound:\n  - set-variable: { name: key, value: '{{token}}' }\n  \
                    - set-header: { name: x-key, value: '{{token}}' }\n  \
                    - set-variable: { name: bad, value: \"${json(request.path + '{{token}}')}\" }\n";
    let yaml = format!("named-values: [ {{ name: token, secret: true, env: TOKEN }} ]\n{}", open_api(sections));
    let origin = hello();
    let gateway = Gateway::with(&yaml).origin(&origin).env("TOKEN", "hunter2hunter2").start();
    let mut admin = tollgate_harness::Client::new(gateway.admin_address());
    let token = admin.send(&Request::post("/debug-tokens", "")).json()["token"].as_str().unwrap().to_owned();
    let traced = gateway.send(&Request::get("/").header("tollgate-debug-authorization", &token));
    assert_error(&traced, 500, "Internal server error");
    let log = gateway.wait_for_log("an expression failed");
    assert!(log.contains("[secret]"), "{log}");
    let id = traced.headers.get("tollgate-trace-id").unwrap();
    let trace = gateway.admin_get(&format!("/traces/{id}"));
    assert!(trace.text().contains("[secret]"), "{}", trace.text());
    assert!(!trace.text().contains("hunter2"), "{}", trace.text());
    assert!(!gateway.stderr().concat().contains("hunter2"));
}

#[test]
fn a_redirect_is_followed_only_if_asked_for() {
    let origin = Origin::start(|request| match request.target.as_str() {
        "/old" => Response::new(302).header("location", "/new"),
        _ => Response::new(200).body("arrived"),
    });
    assert_eq!(serve(&open_api("inbound: []"), &origin).get("/old").status, 302);
    let follows = open_api("backend:\n  - forward-request: { follow-redirects: true }\n");
    assert_eq!(serve(&follows, &origin).get("/old").text(), "arrived");
}

#[test]
fn an_error_status_is_a_failure_if_asked_for() {
    let origin = Origin::start(|_| Response::new(404).body("not here"));
    let sections = "backend:\n  - forward-request: { fail-on-error-status-code: true }\n\
                    on-error:\n  - set-header: { name: x-source, value: \"${last_error.source}\" }\n";
    let response = serve(&open_api(sections), &origin).get("/");
    assert_eq!((response.status, response.text()), (404, "not here"));
    assert_eq!(response.headers.get("x-source"), Some("forward-request"));
}

#[test]
fn a_debug_token_gets_a_trace_of_every_step() {
    let sections = "inbound:\n  - set-variable: { name: tenant, value: acme }\n  \
                    - set-header: { name: x-tenant, value: \"${variables.tenant}\" }\n";
    let origin = hello();
    let gateway = serve(&open_api(sections), &origin);
    assert!(!gateway.get("/").headers.has("tollgate-trace-id"));
    let wrong = gateway.send(&Request::get("/").header("tollgate-debug-authorization", "guess"));
    assert!(!wrong.headers.has("tollgate-trace-id"));

    let mut admin = tollgate_harness::Client::new(gateway.admin_address());
    let handed = admin.send(&Request::post("/debug-tokens?seconds=60", ""));
    assert_eq!(handed.status, 201, "{handed:?}");
    let token = handed.json()["token"].as_str().unwrap().to_owned();
    let traced = gateway.send(&Request::get("/x").header("tollgate-debug-authorization", &token));
    let id = traced.headers.get("tollgate-trace-id").unwrap().to_owned();
    assert!(origin.requests().iter().all(|seen| !seen.headers.has("tollgate-debug-authorization")));

    let trace = gateway.admin_get(&format!("/traces/{id}")).json();
    let steps: Vec<&str> = trace["steps"].as_array().unwrap().iter().filter_map(|step| step["step"].as_str()).collect();
    assert_eq!(steps, ["set-variable", "set-header", "forward-request"], "{trace}");
    assert_eq!(trace["steps"][1]["requestHeaders"][0]["value"], "acme", "{trace}");
    assert!(trace["steps"][1]["fuel"].as_u64().unwrap() > 0, "{trace}");
}
