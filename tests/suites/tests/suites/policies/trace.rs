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
fn bad_configurations_are_refused_at_their_place() {
    let cases = [
        ("trace: §{ source: s }", "message"),
        ("trace: §{ message: m }", "source"),
        ("trace: { source: s, message: m, severity: §loud }", "verbose"),
        ("trace: { source: s, message: m, metadata: [ §{ name: a } ] }", "`value` is missing"),
    ];
    for section in ["inbound", "outbound", "on-error"] {
        refused(section, &cases);
    }
}
