//! What operators see: the access log, the metrics, and whether the gateway is well.

use crate::scene::{OPEN_API, greeter};
use serde_json::Value;
use tollgate_harness::{Gateway, Origin, Request};

fn is_number(value: &Value, least: u64) -> bool {
    value.as_u64().is_some_and(|number| number >= least)
}

#[test]
fn the_access_log_has_one_json_line_with_everything() {
    let yaml = "apis:\n  - id: orders\n    path: orders\n    backend: {origin}\n    operations: [ { id: put, method: PUT, url: '/{id}' } ]\n\
                products: [ { id: starter, apis: [orders] } ]\n\
                subscriptions: [ { id: acme, product: starter, primary-key: acme-1 } ]\n";
    let gateway = Gateway::with(yaml).origin(greeter()).start();
    let request = Request::new("PUT", "/orders/7?x=1&subscription-key=acme-1")
        .header("user-agent", "suites/1")
        .header("host", "public.example")
        .body("twelve bytes");
    let response = gateway.send(&request);
    assert_eq!(response.status, 200);
    let entry = gateway.wait_for_access_log(1).remove(0);
    for (field, expected) in [
        ("request_id", response.headers.get("x-request-id").unwrap()),
        ("client_ip", "127.0.0.1"),
        ("method", "PUT"),
        ("path", "/orders/7"),
        ("query", "x=1"),
        ("host", "public.example"),
        ("api", "orders"),
        ("operation", "put"),
        ("product", "starter"),
        ("subscription", "acme"),
        ("cache", "none"),
        ("user_agent", "suites/1"),
    ] {
        assert_eq!(entry[field], expected, "{field} in {entry}");
    }
    assert_eq!(
        (&entry["status"], &entry["request_bytes"], &entry["response_bytes"]),
        (&200.into(), &12.into(), &5.into())
    );
    assert!(is_number(&entry["duration_us"], 1) && is_number(&entry["origin_us"], 1), "{entry}");
    assert!(entry["duration_us"].as_u64() >= entry["origin_us"].as_u64());
    let time = entry["time"].as_str().unwrap();
    assert!(time.len() == "2026-01-31T09:00:00.000Z".len() && time.ends_with('Z'), "{time}");
    assert!(entry.get("error").is_none());
}

#[test]
fn a_failure_is_logged_with_its_source_its_reason_and_whose_fault_it_is() {
    let yaml = "apis:\n  - { id: open, path: open, backend: {origin}, subscription-required: false }\n  \
                - { id: shut, path: shut, backend: {origin} }\n";
    let gateway = Gateway::with(yaml).origin(&Origin::refusing()).start();
    let mut client = gateway.client();
    for (path, source, reason, blame) in [
        ("/nowhere", "configuration", "OperationNotFound", "client"),
        ("/shut", "authorization", "SubscriptionKeyNotFound", "client"),
        ("/open", "forward-request", "BackendConnectionFailure", "origin"),
        ("/a%2fb", "gateway", "MalformedPath", "client"),
    ] {
        client.get(path);
        let log = gateway.wait_for_access_log(1);
        let found = || gateway.access_log().into_iter().find(|entry| entry["path"] == path);
        let entry = match found() {
            Some(entry) => entry,
            None => {
                gateway.wait_for_access_log(log.len() + 1);
                found().unwrap_or_else(|| panic!("{path} isn't in the log"))
            }
        };
        let error = serde_json::json!({ "source": source, "reason": reason, "blame": blame });
        assert_eq!(entry["error"], error, "{path}");
    }
}

#[test]
fn whatever_a_client_sends_stays_one_line_of_json() {
    let gateway = Gateway::with(OPEN_API).origin(greeter()).start();
    let hostile = b"x\",\"status\":999,\"y\":\"\xff\xfe\t\\";
    let response = gateway.send(&Request::get("/%22,%22z%22:%22?q='}{").header("user-agent", hostile));
    let entry = gateway.wait_for_access_log(1).remove(0);
    assert_eq!(entry["status"], response.status);
    assert!(entry.get("y").is_none() && entry.get("z").is_none(), "{entry}");
    assert_eq!(gateway.stdout().iter().filter(|line| line.starts_with('{')).count(), 1);
}

#[test]
fn the_access_log_goes_where_it_is_told() {
    for (target, stdout, stderr) in [("stdout", 1, 0), ("stderr", 0, 1), ("off", 0, 0)] {
        let gateway = Gateway::with(&format!("access-log: {target}\n{OPEN_API}")).origin(greeter()).start();
        gateway.get("/x");
        // The end writes what was still to be written.
        gateway.sigterm();
        gateway.wait();
        let lines = |text: Vec<String>| text.iter().filter(|line| line.contains("\"client_ip\"")).count();
        assert_eq!((lines(gateway.stdout()), lines(gateway.stderr())), (stdout, stderr), "{target}");
    }
}

#[test]
fn requests_are_counted_by_the_class_of_their_status() {
    let gateway = Gateway::with("apis: [ { id: a, path: a, backend: {origin}, subscription-required: false } ]\n")
        .origin(greeter())
        .start();
    for _ in 0..3 {
        gateway.get("/a");
    }
    gateway.get("/b");
    gateway.wait_for_access_log(4);
    let metrics = gateway.metrics();
    assert_eq!(metrics.sum("tollgate_requests_total", &[("status", "2xx")]), 3.0);
    assert_eq!(metrics.sum("tollgate_requests_total", &[("status", "4xx")]), 1.0);
    assert_eq!(metrics.sum("tollgate_requests_total", &[]), 4.0);
    assert!(metrics.sum("tollgate_request_seconds_total", &[]) > 0.0);
    assert_eq!(metrics.sum("tollgate_plan_generation", &[]), 1.0);
    assert!(metrics.has("tollgate_access_log_dropped_total"));
}

#[test]
fn statements_are_accounted_for_by_phase() {
    let yaml = format!(
        "policies:\n  inbound:\n    - {{ set-header: {{ name: x-a, value: b }}, id: in }}\n    \
         - {{ check-header: {{ name: x-needed, failed-check-httpcode: 418 }}, id: gate }}\n  \
         outbound: [ {{ set-header: {{ name: x-a, value: b }} }} ]\n{OPEN_API}"
    );
    let gateway = Gateway::with(&yaml).origin(greeter()).start();
    for _ in 0..3 {
        assert_eq!(gateway.send(&Request::get("/x").header("x-needed", "1")).status, 200);
    }
    assert_eq!(gateway.get("/x").status, 418);
    let metrics = gateway.metrics();
    let calls = |labels: &[(&str, &str)]| metrics.sum("tollgate_policy_calls_total", labels);
    assert_eq!(calls(&[("statement", "in"), ("policy", "set-header"), ("phase", "on-request")]), 4.0);
    assert_eq!(calls(&[("statement", "global/outbound/0"), ("phase", "on-response")]), 3.0, "{}", metrics.text);
    let verdicts = |verdict| {
        metrics.sum(
            "tollgate_policy_verdicts_total",
            &[("statement", "gate"), ("phase", "on-request"), ("verdict", verdict)],
        )
    };
    assert_eq!((verdicts("next"), verdicts("reject"), verdicts("respond")), (3.0, 1.0, 0.0));
    for name in ["tollgate_policy_fuel_total", "tollgate_policy_seconds_total", "tollgate_policy_host_calls_total"] {
        assert!(metrics.sum(name, &[("statement", "in")]) > 0.0, "{name}");
    }
    assert_eq!(metrics.sum("tollgate_policy_failures_total", &[]), 0.0);
}

#[test]
fn a_call_that_fails_is_one_call() {
    let yaml = format!(
        "policies:\n  inbound: [ {{ guest: {{}}, id: suspect, on-failure: open }} ]\n{OPEN_API}\
         components:\n  guest: {{ file: ./guest.wasm }}\n"
    );
    for guest in ["faults_trap_in_on_request", "faults_bad_verdict", "faults_respond_staged_without_stage"] {
        let component = tollgate_guests::component(guest);
        let gateway = Gateway::with(&yaml).file("guest.wasm", component).origin(greeter()).start();
        assert_eq!(gateway.get("/x").status, 200);
        let metrics = gateway.metrics();
        assert_eq!(metrics.sum("tollgate_policy_calls_total", &[("statement", "suspect")]), 1.0, "{guest}");
        assert_eq!(metrics.sum("tollgate_policy_verdicts_total", &[("statement", "suspect")]), 0.0, "{guest}");
    }
}

#[test]
fn the_admin_address_serves_health_and_numbers_and_nothing_else() {
    let gateway = Gateway::with(OPEN_API).origin(greeter()).start();
    for path in ["/healthz", "/readyz"] {
        let response = gateway.admin_get(path);
        assert_eq!((response.status, response.text()), (200, "ok\n"), "{path}");
    }
    let metrics = gateway.admin_get("/metrics");
    assert_eq!(metrics.headers.get("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(metrics.text().lines().all(|line| line.starts_with("# ") || line.starts_with("tollgate_")));
    assert_eq!(gateway.admin_get("/x").status, 404);
    let mut admin = tollgate_harness::Client::new(gateway.admin_address());
    assert_eq!(admin.send(&Request::post("/metrics", "x")).status, 405);
    assert_eq!(gateway.get("/metrics").text(), "hello", "the public address belongs to the APIs");
}
