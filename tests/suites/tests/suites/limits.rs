//! Guests that take too much: each limit ends the call, and the host never holds what the guest wanted it to hold.

use crate::scene::{OPEN_API, fails, fails_under, greeter, hello};
use tollgate_harness::{Gateway, Setup};

macro_rules! failing {
    ($($fact:ident: $guest:literal in $section:literal is $kind:literal;)*) => {
        $(#[test] fn $fact() { fails($guest, $section, $kind); })*
    };
}

failing! {
    a_loop_in_on_request_runs_out_of_fuel: "limits_loop_in_on_request" in "inbound" is "fuel";
    a_loop_in_on_response_runs_out_of_fuel: "limits_loop_in_on_response" in "outbound" is "fuel";
    a_loop_in_on_error_runs_out_of_fuel: "limits_loop_in_on_error" in "on-error" is "fuel";
    memory_ends_at_its_limit: "limits_memory_growth" in "inbound" is "memory";
    tables_end_at_their_limit: "limits_table_growth" in "inbound" is "memory";
    recursion_ends_with_the_stack: "limits_recursion" in "inbound" is "stack";
    host_calls_are_counted: "limits_host_call_flood" in "inbound" is "host-limit";
    header_edits_cannot_go_on_for_ever: "limits_huge_header_edit" in "inbound" is "host-limit";
    variables_cannot_be_set_for_ever: "limits_variable_flood" in "inbound" is "host-limit";
    a_reply_is_no_larger_than_the_guests_memory: "limits_big_reply" in "inbound" is "memory";
    a_list_beyond_the_end_of_memory_is_a_failure: "limits_bad_list" in "inbound" is "trap";
    one_value_repeated_in_a_long_list_costs_the_host_little: "limits_long_list" in "inbound" is "host-limit";
}

#[test]
fn a_reply_is_no_larger_than_a_body_may_be() {
    fails_under("limits_big_reply", "inbound", "host-limit", "memory-bytes: 128MiB");
}

#[test]
fn the_deadline_ends_what_fuel_would_allow() {
    fails_under("limits_loop_in_on_request", "inbound", "deadline", "fuel: 1000000000000, deadline-ms: 30");
}

#[test]
fn a_log_flood_is_ended_by_the_count_of_host_calls() {
    fails_under("limits_log_flood", "inbound", "host-limit", "deadline-ms: 60000");
}

fn with_guest(guest: &str, limits: &str) -> Setup {
    let yaml = format!(
        "policies:\n  inbound: [ {{ guest: {{}}, id: suspect, limits: {{ {limits} }} }} ]\n{OPEN_API}\
         components:\n  guest: {{ file: ./guest.wasm }}\n"
    );
    Gateway::with(&yaml).file("guest.wasm", tollgate_guests::component(guest))
}

#[test]
fn a_gibibyte_of_log_becomes_one_line_that_counts_it() {
    let gateway = with_guest("limits_log_flood", "host-calls: 100000, deadline-ms: 60000").origin(greeter()).start();
    let memory = gateway.rss_bytes();
    assert_eq!(gateway.get("/x").text(), "hello");
    let line = gateway.wait_for_log("log lines were dropped");
    assert!(line.contains("\"dropped\":16384"), "{line}");
    let written: usize = gateway.stderr().iter().map(String::len).sum();
    assert!(written < 16 << 10, "{written} bytes of log");
    let grown = gateway.peak_rss_bytes().saturating_sub(memory);
    assert!(grown < 32 << 20, "resident memory grew by {grown} bytes");
}

#[test]
fn log_lines_within_the_limits_are_written_and_the_rest_is_counted() {
    let limits = "host-calls: 100000, deadline-ms: 60000, log-lines: 3, log-bytes: 1MiB";
    let gateway = with_guest("limits_log_flood", limits).origin(greeter()).start();
    assert_eq!(gateway.get("/x").status, 200);
    let line = gateway.wait_for_log("log lines were dropped");
    assert!(line.contains("\"dropped\":16381"), "{line}");
    assert_eq!(gateway.stderr().iter().filter(|line| line.contains("xxxxxxxx")).count(), 3);
}

#[test]
fn a_guests_log_line_is_one_line_of_harmless_text() {
    let gateway = with_guest("limits_log_control_chars", "").origin(greeter()).start();
    assert_eq!(gateway.get("/x").status, 200);
    let line = gateway.wait_for_log("before");
    let entry: serde_json::Value = serde_json::from_str(&line).expect("a log line is JSON");
    assert_eq!(entry["statement"], "suspect");
    assert!(entry.get("forged").is_none(), "{entry}");
    let message = entry["message"].as_str().expect("a message");
    assert!(message.starts_with("before") && message.ends_with("after"), "{message:?}");
    let harmful =
        |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c);
    assert!(!message.contains(harmful), "{message:?}");
    assert!(!line.contains(harmful), "{line:?}");
}

#[test]
fn header_edits_up_to_the_limit_are_made() {
    let origin = hello();
    let gateway = with_guest("limits_header_edits_until_refused", "").origin(&origin).start();
    assert_eq!(gateway.get("/x").status, 200);
    let lines = origin.only_request().headers.bytes("x-flood").iter().map(|line| line.len()).collect::<Vec<_>>();
    assert_eq!(lines, [8192; 3], "three lines of 8 KiB and their names are below 32 KiB, and four aren't");
}
