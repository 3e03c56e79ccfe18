//! `trace`: say something to whoever traces the request, and to the operator's log.

use super::*;

#[test]
fn the_log_gets_a_line_with_source_message_and_metadata() {
    let sections = "inbound:\n\
                    \x20 - trace:\n\
                    \x20     source: token-exchange\n\
                    \x20     severity: information\n\
                    \x20     message: \"asked for ${request.path}\"\n\
                    \x20     metadata: { tenant: \"${request.headers['x-tenant']}\", step: '1' }\n";
    let gateway = serve(&open_api(sections), hello());
    let response = gateway.send(&Request::get("/orders").header("x-tenant", "acme"));
    assert_eq!((response.status, response.text()), (200, "hello"));
    let line = gateway.wait_for_log("asked for /orders");
    for part in ["token-exchange", "tenant", "acme", "step"] {
        assert!(line.contains(part), "no `{part}` in {line}");
    }
}

#[test]
fn both_ways_to_write_metadata_mean_the_same() {
    let sections = "inbound:\n\
                    \x20 - trace: { source: s, severity: error, message: m-1, metadata: [ { name: a, value: left } ] }\n\
                    \x20 - trace: { source: s, severity: error, message: m-2, metadata: { a: left } }\n";
    let gateway = serve(&open_api(sections), hello());
    gateway.get("/");
    for message in ["m-1", "m-2"] {
        let line = gateway.wait_for_log(message);
        assert!(line.contains("left"), "{line}");
    }
}

#[test]
fn verbose_lines_are_not_in_the_log_unless_debug_lines_are_kept() {
    let sections = "inbound:\n\
                    \x20 - trace: { source: s, message: whispered }\n\
                    \x20 - trace: { source: s, severity: error, message: shouted }\n";
    let gateway = serve(&open_api(sections), hello());
    gateway.get("/");
    gateway.wait_for_log("shouted");
    assert!(!gateway.stderr().iter().any(|line| line.contains("whispered")));
}

#[test]
fn it_speaks_in_every_section_and_changes_nothing() {
    let say = |word: &str| format!("{{ trace: {{ source: s, severity: error, message: said-{word} }} }}");
    let sections = format!(
        "inbound: [ {}, {{ check-header: {{ name: x-plan, failed-check-httpcode: 402 }} }} ]\n\
         backend: [ {}, forward-request ]\noutbound: [ {} ]\non-error: [ {} ]",
        say("inbound"),
        say("backend"),
        say("outbound"),
        say("on-error")
    );
    let gateway = serve(&open_api(&sections), hello());
    assert_eq!(gateway.send(&Request::get("/").header("x-plan", "gold")).text(), "hello");
    assert_error(&gateway.get("/"), 402, "Header x-plan is missing.");
    for word in ["inbound", "backend", "outbound", "on-error"] {
        gateway.wait_for_log(&format!("said-{word}"));
    }
}

#[test]
fn every_line_is_in_the_trace_whatever_its_severity() {
    let sections = "inbound:\n\
                    \x20 - trace: { source: here, message: whispered, metadata: { tenant: \"${request.query['t']}\", a: b } }\n\
                    \x20 - trace: { source: there, severity: error, message: shouted }\n";
    let gateway = serve(&open_api(sections), hello());
    let mut admin = tollgate_harness::Client::new(gateway.admin_address());
    let token = admin.send(&Request::post("/debug-tokens", "")).json()["token"].as_str().unwrap().to_owned();
    let traced = gateway.send(&Request::get("/?t=acme").header("tollgate-debug-authorization", &token));
    let id = traced.headers.get("tollgate-trace-id").unwrap();
    let trace = gateway.admin_get(&format!("/traces/{id}"));
    let place = |word: &str| trace.text().find(word).unwrap_or_else(|| panic!("no `{word}` in {}", trace.text()));
    assert!(place("whispered") < place("shouted"));
    assert!(place("here") < place("there"));
    assert!(place("acme") > 0 && place("tenant") > 0);
}

#[test]
fn the_logs_level_is_that_of_the_severity() {
    let sections = "inbound:\n\
                    \x20 - trace: { source: s, message: said-verbose }\n\
                    \x20 - trace: { source: s, severity: information, message: said-information }\n\
                    \x20 - trace: { source: s, severity: error, message: said-error }\n";
    let origin = hello();
    let gateway = Gateway::with(&open_api(sections)).origin(&origin).env("TOLLGATE_LOG", "debug").start();
    gateway.get("/");
    for (severity, level) in [("verbose", "debug"), ("information", "info"), ("error", "error")] {
        let line = gateway.wait_for_log(&format!("said-{severity}"));
        assert!(line.to_lowercase().contains(level), "{line}");
    }
}

#[test]
fn an_expression_that_fails_ends_the_request() {
    for config in ["message: \"${json(request.path)}\"", "message: m, metadata: { a: \"${json(request.path)}\" }"] {
        let sections = format!("inbound: [ {{ trace: {{ source: s, severity: error, {config} }} }} ]");
        let gateway = serve(&open_api(&sections), hello());
        assert_error(&gateway.get("/"), 500, "Internal server error.");
        assert_eq!(logged_error(&gateway, 1).1, "ExpressionValueEvaluationFailure");
    }
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    let cases = [
        ("trace: §{ source: s }", "message"),
        ("trace: §{ message: m }", "source"),
        ("trace: { source: s, message: m, severity: §loud }", "verbose"),
        ("trace: { source: §'', message: m }", "1 char"),
        (
            "trace: { source: s, message: m, metadata: §[ { name: a, value: b }, { name: a, value: c } ] }",
            "`a` stands here twice",
        ),
        ("trace: { source: §\"${'s'}\", message: m }", "an expression can't stand here"),
        ("trace: { source: s, message: m, metadata: [ §{ name: a } ] }", "`value` is missing"),
    ];
    for section in ["inbound", "outbound", "on-error"] {
        refused(section, &cases);
    }
}
