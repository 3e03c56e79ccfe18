//! Guests that break: each costs its own request and nothing else.

use crate::scene::{FAILED_CLOSED, OPEN_API, fails, greeter, hello};
use tollgate_harness::{Gateway, Origin, Request};

macro_rules! failing {
    ($($fact:ident: $guest:literal in $section:literal is $kind:literal;)*) => {
        $(#[test] fn $fact() { fails($guest, $section, $kind); })*
    };
}

failing! {
    a_trap_in_on_request_costs_its_request: "faults_trap_in_on_request" in "inbound" is "trap";
    a_trap_in_on_response_costs_its_request: "faults_trap_in_on_response" in "outbound" is "trap";
    a_trap_in_on_error_costs_its_request: "faults_trap_in_on_error" in "on-error" is "trap";
    a_trap_in_the_body_gate_costs_its_request: "faults_trap_in_body_gate" in "inbound" is "trap";
    edits_of_a_call_that_trapped_are_dropped: "faults_edit_then_trap" in "inbound" is "trap";
    a_verdict_that_the_contract_does_not_have_is_a_failure: "faults_bad_verdict" in "inbound" is "trap";
    a_request_that_is_kept_beyond_its_call_is_a_failure: "faults_keep_borrow" in "inbound" is "trap";
    a_refusal_with_status_1000_is_a_failure: "faults_reject_bad_status_high" in "inbound" is "bad-verdict";
    a_refusal_with_status_99_is_a_failure: "faults_reject_bad_status_low" in "inbound" is "bad-verdict";
    a_header_cannot_smuggle_another: "faults_reply_bad_header" in "inbound" is "bad-verdict";
    a_message_that_is_no_text_is_a_failure: "faults_reply_bad_utf8" in "inbound" is "trap";
    a_staged_answer_that_nobody_staged_is_a_failure: "faults_respond_staged_without_stage" in "inbound" is "bad-verdict";
}

fn with_guest(guest: &str, more: &str) -> tollgate_harness::Setup {
    let yaml = format!(
        "workers: 1\npolicies:\n  inbound: [ {{ guest: {{}}, id: suspect, {more} }} ]\n{OPEN_API}\
         components:\n  guest: {{ file: ./guest.wasm }}\n"
    );
    Gateway::with(&yaml).file("guest.wasm", tollgate_guests::component(guest))
}

#[test]
fn edits_of_a_call_that_went_on_are_made() {
    let origin = hello();
    let gateway = with_guest("faults_edit_then_next", "on-failure: closed").origin(&origin).start();
    assert_eq!(gateway.get("/x").status, 200);
    assert_eq!(origin.only_request().headers.get("x-edited"), Some("yes"));
}

#[test]
fn a_refusal_reaches_the_client_in_the_gateways_own_shape() {
    let origin = hello();
    let gateway = with_guest("faults_edit_then_reject", "on-failure: closed").origin(&origin).start();
    let response = gateway.get("/x");
    assert_eq!(response.status, 403);
    assert_eq!(response.text(), r#"{ "statusCode": 403, "message": "refused after an edit" }"#);
    assert!(!response.headers.has("x-edited"));
    assert!(origin.requests().is_empty());
    let entry = gateway.wait_for_access_log(1).remove(0);
    assert_eq!((&entry["error"]["source"], &entry["error"]["reason"]), (&"guest".into(), &"Refused".into()));
}

#[test]
fn a_reason_phrase_cannot_smuggle_a_header() {
    let gateway = with_guest("faults_reply_bad_reason", "on-failure: closed").origin(greeter()).start();
    let response = gateway.get("/x");
    assert_eq!((response.status, response.reason.as_str()), (200, "OK"), "a phrase that is none is left out");
    assert!(!response.headers.has("x-smuggled"));
}

#[test]
fn an_observed_statement_changes_nothing_whatever_it_does() {
    for guest in ["faults_edit_then_next", "faults_edit_then_reject", "faults_edit_then_trap"] {
        let origin = hello();
        let gateway = with_guest(guest, "mode: observe").origin(&origin).start();
        assert_eq!(gateway.get("/x").text(), "hello", "{guest}");
        assert!(!origin.only_request().headers.has("x-edited"), "{guest}");
    }
}

#[test]
fn a_failure_is_told_to_the_on_error_section() {
    let yaml = format!(
        "policies:\n  inbound: [ {{ guest: {{}} }} ]\n  on-error: [ {{ set-header: {{ name: x-seen, value: 'yes' }} }} ]\n\
         {OPEN_API}components:\n  guest: {{ file: ./guest.wasm }}\n"
    );
    let component = tollgate_guests::component("faults_trap_in_on_request");
    let gateway = Gateway::with(&yaml).file("guest.wasm", component).origin(greeter()).start();
    let response = gateway.get("/x");
    assert_eq!((response.status, response.text()), (500, FAILED_CLOSED));
    assert_eq!(response.headers.get("x-seen"), Some("yes"));
}

#[test]
fn a_failing_statement_in_on_error_leaves_the_first_cause_in_the_log() {
    let yaml = format!(
        "policies:\n  on-error: [ {{ guest: {{}} }} ]\n{OPEN_API}components:\n  guest: {{ file: ./guest.wasm }}\n"
    );
    let component = tollgate_guests::component("faults_trap_in_on_error");
    let origin = Origin::refusing();
    let gateway = Gateway::with(&yaml).file("guest.wasm", component).origin(&origin).start();
    assert_eq!(gateway.get("/x").text(), FAILED_CLOSED);
    let entry = gateway.wait_for_access_log(1).remove(0);
    assert_eq!(entry["error"]["reason"], "BackendConnectionFailure");
}

/// Six ways to fail, in turn, each in its own API.
#[test]
fn hundreds_of_failures_leave_memory_and_files_as_they_were() {
    let guests = [
        "faults_trap_in_on_request",
        "faults_bad_verdict",
        "faults_edit_then_trap",
        "limits_recursion",
        "limits_memory_growth",
        "limits_host_call_flood",
    ];
    let mut yaml = "workers: 1\naccess-log: off\napis:\n".to_owned();
    let mut components = "components:\n".to_owned();
    let mut setup_files = Vec::new();
    for guest in guests {
        let id = guest.replace('_', "-");
        yaml += &format!(
            "  - id: {id}\n    path: {id}\n    backend: {{origin}}\n    subscription-required: false\n    policies:\n      \
             inbound: [ {id}: {{}} ]\n"
        );
        components += &format!("  {id}: {{ file: ./{id}.wasm }}\n");
        setup_files.push((format!("{id}.wasm"), tollgate_guests::component(guest)));
    }
    let setup = Gateway::with(&(yaml + &components)).env("TOLLGATE_LOG", "error").origin(greeter());
    let setup = setup_files.into_iter().fold(setup, |setup, (name, bytes)| setup.file(&name, bytes));
    let gateway = setup.start();
    let mut client = gateway.client();
    let mut fail = |rounds: usize| {
        for _ in 0..rounds {
            for guest in guests {
                let response = client.send(&Request::get(&format!("/{}/x", guest.replace('_', "-"))));
                assert_eq!((response.status, response.text()), (500, FAILED_CLOSED), "{guest}");
            }
        }
    };
    fail(20);
    let (memory, files) = (gateway.rss_bytes(), gateway.open_files());
    fail(60);
    let grown = gateway.rss_bytes().saturating_sub(memory);
    assert!(grown < 4 << 20, "resident memory grew by {grown} bytes");
    assert!(gateway.open_files() <= files + 2, "{} open files, {files} before", gateway.open_files());
    assert_eq!(client.connections_opened(), 1, "a failed policy doesn't cost the connection");
}
