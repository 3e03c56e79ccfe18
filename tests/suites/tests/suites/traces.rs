//! What a trace tells, and what it keeps to itself.

use crate::policies::{hello, open_api, serve};
use serde_json::Value;
use std::process::Command;
use tollgate_harness::{Client, Gateway, Origin, Outcome, Request, Response, binary};

fn token(gateway: &Gateway, seconds: u32) -> String {
    let handed =
        Client::new(gateway.admin_address()).send(&Request::post(&format!("/debug-tokens?seconds={seconds}"), ""));
    handed.json()["token"].as_str().unwrap_or_else(|| panic!("no token in {handed:?}")).to_owned()
}

/// A traced request: its response, and its trace.
fn traced(gateway: &Gateway, request: Request) -> (Response, Value) {
    let token = token(gateway, 60);
    let response = gateway.send(&request.header("tollgate-debug-authorization", &token));
    let id = response.headers.get("tollgate-trace-id").unwrap_or_else(|| panic!("no trace of {response:?}"));
    let trace = gateway.admin_get(&format!("/traces/{id}")).json();
    (response, trace)
}

fn steps(trace: &Value) -> Vec<&str> {
    trace["steps"].as_array().unwrap().iter().filter_map(|step| step["step"].as_str()).collect()
}

#[test]
fn the_step_that_failed_is_the_last_before_on_error() {
    let sections = "inbound:\n  - set-method: PUT\n  - set-variable: { name: a, value: \"${json(request.path)}\" }\n    \
                    id: parse\n  - set-method: GET\non-error: [ { set-header: { name: x-e, value: e } } ]\n";
    let (_, trace) = traced(&serve(&open_api(sections), hello()), Request::get("/x"));
    assert_eq!(steps(&trace), ["set-method", "set-variable", "set-header"], "{trace}");
    let failed = &trace["steps"][1];
    assert_eq!(failed["failed"], "ExpressionValueEvaluationFailure", "{failed}");
    assert!(failed["message"].as_str().unwrap().contains("the text isn't JSON"), "{failed}");
    for (key, value) in [
        ("source", "set-variable"),
        ("reason", "ExpressionValueEvaluationFailure"),
        ("scope", "api"),
        ("section", "inbound"),
        ("path", "set-variable[2]"),
        ("policyId", "parse"),
    ] {
        assert_eq!(trace["lastError"][key], value, "{trace}");
    }
}

#[test]
fn what_is_only_observed_is_told_apart() {
    let sections = "inbound:\n  - check-header: { name: x-needed, failed-check-httpcode: 401 }\n    mode: observe\n";
    let (response, trace) = traced(&serve(&open_api(sections), hello()), Request::get("/"));
    assert_eq!(response.status, 200);
    assert_eq!(trace["steps"][0]["mode"], "observe", "{trace}");
    assert_eq!(trace["steps"][0]["verdict"]["reject"], 401, "{trace}");
}

#[test]
fn flow_is_shown_with_what_it_decided() {
    let yaml = format!(
        "fragments: [ {{ id: f, policies: [ {{ set-method: PUT }} ] }} ]\n{}",
        open_api(
            "inbound:\n  - include-fragment: f\n  - limit-concurrency: { key: k, max-count: 1, policies: [] }\n  \
             - choose: [ { when: 'false', policies: [] }, { when: 'true', policies: [ { set-method: GET } ] } ]\n  \
             - set-method: POST\n    when: 'false'\n"
        )
    );
    let (_, trace) = traced(&serve(&yaml, hello()), Request::get("/"));
    assert_eq!(
        steps(&trace),
        [
            "include-fragment",
            "set-method",
            "limit-concurrency",
            "choose",
            "set-method",
            "set-method",
            "forward-request"
        ],
        "{trace}"
    );
    let step = |at: usize| &trace["steps"][at];
    assert_eq!((&step(2)["key"], &step(2)["admitted"]), (&"k".into(), &true.into()));
    assert_eq!((&step(3)["branch"], &step(5)["skipped"]), (&2.into(), &"when".into()));
}

#[test]
fn a_request_without_a_good_key_is_traced_too() {
    let gateway = serve("apis: [ { id: a, path: a, backend: {origin} } ]\n", hello());
    let (response, trace) = traced(&gateway, Request::get("/a"));
    assert_eq!(response.status, 401);
    assert_eq!(trace["lastError"]["reason"], "SubscriptionKeyNotFound", "{trace}");
}

#[test]
fn a_token_that_has_expired_traces_nothing() {
    let gateway = serve(&open_api("inbound: []\n"), hello());
    let token = token(&gateway, 1);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let response = gateway.send(&Request::get("/").header("tollgate-debug-authorization", &token));
    assert_eq!(response.status, 200);
    assert!(!response.headers.has("tollgate-trace-id"), "{response:?}");
    assert_eq!(gateway.admin_get("/traces").text(), "[]");
}

#[test]
fn a_secret_is_hidden_whatever_statements_make_of_it() {
    let secret = "s3cret & more";
    let sections = "inbound:\n  - set-query-parameter: { name: q, value: '{{token}}' }\n  \
                    - set-header: { name: x-a, value: \"${base64.encode('{{token}}')}\" }\n  \
                    - set-header: { name: x-b, value: \"${url.encode('{{token}}')}\" }\n  \
                    - trace: { source: me, severity: information, message: 'it is {{token}}', metadata: { a: '{{token}}' } }\n  \
                    - log-event: { logger-id: audit, message: 'it is {{token}}' }\n";
    let yaml = format!(
        "named-values: [ {{ name: token, secret: true, env: TOKEN }} ]\nevent-logs: [ {{ id: audit, file: ./audit.jsonl }} ]\n{}",
        open_api(sections)
    );
    let origin = Origin::echo();
    let gateway = Gateway::with(&yaml).origin(&origin).env("TOKEN", secret).start();
    let (_, trace) = traced(&gateway, Request::get("/"));
    let seen = origin.only_request();
    assert!(seen.headers.get("x-a").is_some_and(|value| value.starts_with("czNjcmV0")), "the origin gets it: {seen:?}");
    let log = gateway.wait_for_log("me: it is [secret]");
    let events = wait_for_text(&gateway, "audit.jsonl");
    for (what, text) in
        [("trace", trace.to_string()), ("log", log), ("log", gateway.stderr().concat()), ("events", events)]
    {
        for form in ["s3cret", "czNjcmV0"] {
            assert!(!text.contains(form), "{what} has {form}: {text}");
        }
    }
}

fn wait_for_text(gateway: &Gateway, file: &str) -> String {
    for _ in 0..200 {
        let text = std::fs::read_to_string(gateway.folder().join(file)).unwrap_or_default();
        if text.ends_with('\n') {
            return text;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("nothing was written to {file}")
}

#[test]
fn a_secret_that_reads_like_a_part_of_json_does_not_break_the_trace() {
    let sections =
        "inbound:\n  - set-variable: { name: a, value: true }\n  - set-header: { name: x, value: '{{token}}' }\n";
    let yaml = format!("named-values: [ {{ name: token, secret: true, env: TOKEN }} ]\n{}", open_api(sections));
    let gateway = Gateway::with(&yaml).origin(&hello()).env("TOKEN", "true").start();
    let (_, trace) = traced(&gateway, Request::get("/"));
    assert_eq!(
        (&trace["steps"][0]["value"], &trace["steps"][1]["requestHeaders"][0]["value"]),
        (&true.into(), &"[secret]".into())
    );
}

#[test]
fn the_command_hands_out_tokens_and_shows_traces() {
    let sections = "inbound:\n  - trace: { source: me, message: hello }\n  - set-header: { name: x-a, value: b }\n  \
                    - check-header: { name: x-needed, failed-check-httpcode: 418 }\n";
    let gateway = serve(&open_api(sections), hello());
    let admin = gateway.admin_address().to_string();
    let run = |id: &[&str]| Outcome::of(Command::new(binary()).arg("trace").args(id).args(["--admin", &admin]));
    let handed = run(&[]);
    let token =
        handed.stdout.lines().next().and_then(|line| line.strip_prefix("tollgate-debug-authorization: ")).unwrap();
    let response = gateway.send(&Request::get("/x?a=1").header("tollgate-debug-authorization", token));
    let id = response.headers.get("tollgate-trace-id").unwrap();
    assert!(run(&[]).stdout.lines().any(|line| line == id), "it is listed");

    let shown = run(&[id]);
    assert_eq!(shown.code, 0, "{shown:?}");
    let lines: Vec<&str> = shown.stdout.lines().map(str::trim_end).collect();
    assert!(lines[0].starts_with("GET /x?a=1 → 418 in "), "{shown:?}");
    for wanted in ["api           all", "message: \"hello\"", "verdict: \"next\""] {
        assert!(lines.iter().any(|line| line.trim_start() == wanted), "no {wanted:?} in\n{}", shown.stdout);
    }
    assert!(
        lines.iter().any(|line| line.starts_with("error         check-header HeaderNotFound: ")),
        "{}",
        shown.stdout
    );
    assert!(lines.iter().any(|line| line.starts_with("inbound   set-header  tollgate.yaml:")), "{}", shown.stdout);

    let unknown = run(&["0123"]);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (1, ""));
    assert!(unknown.stderr.contains("there is no such trace"), "{unknown:?}");
}
