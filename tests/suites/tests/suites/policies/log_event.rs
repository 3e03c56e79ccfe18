//! `log-event`: append a record to an event log.

use super::*;
use std::fs;

/// A document with the event log `audit`, and this statement in these sections.
fn audited(sections: &str) -> String {
    format!("event-logs: [ {{ id: audit, file: ./audit.jsonl }} ]\n{}", open_api(sections))
}

/// The records of the event log, once there are `count`.
#[track_caller]
fn records(gateway: &Gateway, count: usize) -> Vec<Value> {
    let start = std::time::Instant::now();
    loop {
        let text = fs::read_to_string(gateway.folder().join("audit.jsonl")).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let records: Vec<Value> =
            whole.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
        if records.len() >= count {
            return records;
        }
        assert!(start.elapsed() < PATIENCE, "only {} records: {text}", records.len());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_record_has_the_message_and_what_the_gateway_adds() {
    let sections = "inbound: [ { log-event: { logger-id: audit, message: \"asked for ${request.path}\" } } ]";
    let gateway = serve(&audited(sections), hello());
    let response = gateway.get("/orders");
    assert_eq!((response.status, response.text()), (200, "hello"));
    let record = records(&gateway, 1).remove(0);
    assert_eq!(record["message"], "asked for /orders");
    assert_eq!(record["request_id"], response.headers.get("x-request-id").unwrap());
    assert!(record["time"].is_string(), "{record}");
}

#[test]
fn lists_and_maps_become_json() {
    let sections = "outbound:\n\
                    \x20 - log-event: { logger-id: audit, message: \"${{'status': response.status}}\" }\n\
                    \x20 - log-event: { logger-id: audit, message: { path: \"${request.path}\", tags: [a, 1] } }\n";
    let gateway = serve(&audited(sections), hello());
    gateway.get("/orders");
    let messages: Vec<Value> = records(&gateway, 2)
        .iter()
        .map(|record| serde_json::from_str(record["message"].as_str().expect("a text")).expect("JSON"))
        .collect();
    assert_eq!(messages[0], serde_json::json!({ "status": 200 }));
    assert_eq!(messages[1], serde_json::json!({ "path": "/orders", "tags": ["a", 1] }));
}

#[test]
fn records_have_their_partition() {
    let sections = "inbound:\n\
                    \x20 - log-event: { logger-id: audit, partition-key: \"${request.path}\", message: a }\n\
                    \x20 - log-event: { logger-id: audit, partition-id: '7', message: b }\n";
    let gateway = serve(&audited(sections), hello());
    gateway.get("/orders");
    let records = records(&gateway, 2);
    assert_eq!((&records[0]["partition_key"], &records[1]["partition_key"]), (&"/orders".into(), &"7".into()));
}

#[test]
fn a_long_message_is_cut_at_a_characters_border() {
    let sections = "outbound: [ { log-event: { logger-id: audit, message: \"x${response.body}\" } } ]";
    let origin = Origin::start(|_| Response::new(200).body("é".repeat(150 * 1024)));
    let gateway = serve(&audited(sections), origin);
    assert_eq!(gateway.get("/").status, 200);
    let record = records(&gateway, 1).remove(0);
    let message = record["message"].as_str().expect("a text");
    assert_eq!(message.len(), 200 * 1024 - 1);
    assert!(message.ends_with('é'));
}

#[test]
fn a_log_that_can_not_be_written_fails_no_request() {
    // Everything that is written there is refused, as on a full disk.
    let yaml =
        audited("inbound: [ { log-event: { logger-id: audit, message: a } } ]").replace("./audit.jsonl", "/dev/full");
    let gateway = serve(&yaml, hello());
    for _ in 0..20 {
        assert_eq!(gateway.get("/").text(), "hello");
    }
}

#[test]
fn a_log_that_the_document_does_not_have_is_refused() {
    let yaml = audited("inbound: [ { log-event: { logger-id: audti, message: a } } ]");
    let outcome = Gateway::with(&yaml).value("origin", "http://127.0.0.1:9").check();
    assert_eq!((outcome.code, outcome.stderr.lines().count()), (2, 1), "{outcome:#?}");
    assert!(outcome.stderr.contains("unknown event log `audti`; did you mean `audit`?"), "{}", outcome.stderr);
}

/// The text of the only record of this message, written by an `inbound` statement.
#[track_caller]
fn logged(message: &str) -> Value {
    let gateway =
        serve(&audited(&format!("inbound: [ {{ log-event: {{ logger-id: audit, message: {message} }} }} ]")), hello());
    assert_eq!(gateway.get("/orders").status, 200);
    records(&gateway, 1).remove(0)["message"].take()
}

#[test]
fn what_is_no_text_becomes_json_and_null_an_empty_text() {
    for (message, text) in [
        ("7", "7"),
        ("2.5", "2.5"),
        ("true", "true"),
        ("'7'", "7"),
        ("[a, 1, null]", "[\"a\",1,null]"),
        ("{ a: { b: [] } }", "{\"a\":{\"b\":[]}}"),
        ("\"${1 + 1}\"", "2"),
        ("\"${[request.method, 1]}\"", "[\"GET\",1]"),
        ("\"${null}\"", ""),
        ("\"${request.headers['x-none']}\"", ""),
        ("\"${'line\\\\n' + 'end'}\"", "line\nend"),
    ] {
        assert_eq!(logged(message), text, "{message}");
    }
}

#[test]
fn a_record_names_its_statement_and_its_time() {
    let sections = "inbound: [ { log-event: { logger-id: audit, message: a }, id: asked } ]";
    let gateway = serve(&audited(sections), hello());
    gateway.get("/");
    let record = records(&gateway, 1).remove(0);
    assert_eq!(record["statement"], "asked");
    let time = record["time"].as_str().expect("a text");
    assert!(time.starts_with("20") && time.contains('T') && time.ends_with('Z'), "{time}");
    assert!(record.get("partition_key").is_none(), "{record}");
}

#[test]
fn every_section_writes() {
    let log = |message: &str| format!("{{ log-event: {{ logger-id: audit, message: {message} }} }}");
    let sections = format!(
        "inbound: [ {}, {{ check-header: {{ name: x-plan, failed-check-httpcode: 402 }} }} ]\n\
         backend: [ {}, forward-request ]\noutbound: [ {} ]\non-error: [ {} ]",
        log("inbound"),
        log("backend"),
        log("outbound"),
        log("\"${last_error.reason}\"")
    );
    let gateway = serve(&audited(&sections), hello());
    assert_eq!(gateway.send(&Request::get("/").header("x-plan", "gold")).status, 200);
    assert_eq!(gateway.get("/").status, 402);
    let mut messages: Vec<_> = records(&gateway, 5).iter().map(|record| record["message"].to_string()).collect();
    messages.sort();
    assert_eq!(messages, ["\"HeaderNotFound\"", "\"backend\"", "\"inbound\"", "\"inbound\"", "\"outbound\""]);
}

#[test]
fn an_expression_that_fails_is_an_error_and_writes_nothing() {
    for config in [
        "message: \"${json(request.path)}\"",
        "message: { a: [ \"${json(request.path)}\" ] }",
        "message: a, partition-key: \"${json(request.path)}\"",
    ] {
        let sections = format!("inbound: [ {{ log-event: {{ logger-id: audit, {config} }} }} ]");
        let gateway = serve(&audited(&sections), hello());
        assert_error(&gateway.get("/"), 500, "Internal server error.");
        let error = ("log-event".to_owned(), "ExpressionValueEvaluationFailure".to_owned());
        assert_eq!(logged_error(&gateway, 1), error, "{config}");
        assert!(records(&gateway, 0).is_empty(), "{config}");
    }
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    let cases = [
        ("log-event: §{ logger-id: a }", "message"),
        ("log-event: §{ message: a }", "logger-id"),
        ("log-event: { logger-id: §A b, message: a }", "does not match"),
        (
            "log-event: { logger-id: a, message: a, partition-key: k, partition-id: §'1' }",
            "`partition-key` says it already",
        ),
    ];
    for section in ["inbound", "outbound", "on-error"] {
        refused(section, &cases);
    }
}
