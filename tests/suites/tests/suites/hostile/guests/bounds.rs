//! What a guest can make the gateway hold: memory, tables, stacks, values, handles, headers.

use super::{beside_others, failures};
use crate::scene::{OPEN_API, fails, fails_under, greeter, hello};
use tollgate_harness::{Gateway, Request};

/// What is said of a component that isn't taken.
fn refusal(guest: &str) -> String {
    let yaml = format!(
        "policies: {{ inbound: [ {{ guest: {{}} }} ] }}\n{OPEN_API}components:\n  guest: {{ file: ./guest.wasm }}\n"
    );
    let outcome = Gateway::with(&yaml).file("guest.wasm", tollgate_guests::component(guest)).origin(greeter()).check();
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    outcome.stderr
}

#[test]
fn row_62_features_that_would_multiply_memory_are_refused_at_load() {
    for (guest, word) in [
        ("load_two_memories", "memories count of 2 exceeds the per-instance limit of 1"),
        ("load_table_of_64_bits", "invalid"),
    ] {
        let said = refusal(guest);
        assert!(said.contains("the component is not valid") && said.contains(word), "{guest}: {said}");
    }
}

#[test]
fn row_62_a_table_that_is_too_large_from_the_beginning_is_refused_at_load() {
    let said = refusal("load_huge_table");
    assert!(said.contains("table"), "{said}");
}

#[test]
fn row_62_one_instruction_that_does_much_costs_much_fuel() {
    for guest in ["limits_table_fill", "limits_memory_fill"] {
        fails(guest, "inbound", "fuel");
    }
}

#[test]
fn row_63_frames_larger_than_a_guard_page_end_with_the_stack_and_harm_nobody() {
    let gateway = beside_others(tollgate_guests::deep(3_000), "").origin(greeter()).start();
    for call in 1..=3 {
        assert_eq!((gateway.get("/suspect/x").status, failures(&gateway, "stack")), (500, f64::from(call)));
        assert_eq!(gateway.get("/plain/x").text(), "hello");
    }
    assert!(gateway.is_running());
}

#[test]
fn row_63_a_guest_cannot_call_the_host_from_within_a_call_of_the_host() {
    fails("faults_host_call_in_realloc", "inbound", "trap");
}

#[test]
fn row_64_texts_beyond_memory_or_at_odd_places_are_traps() {
    for guest in ["faults_string_of_4_gib", "faults_misaligned_utf16"] {
        fails(guest, "inbound", "trap");
    }
}

#[test]
fn row_65_a_handle_that_is_not_held_is_a_trap() {
    for guest in ["faults_drop_request_twice", "faults_use_after_drop", "faults_forged_handle"] {
        fails(guest, "inbound", "trap");
    }
}

#[test]
fn row_65_the_handle_of_one_request_is_none_for_the_next() {
    let gateway = beside_others(tollgate_guests::component("faults_kept_handle"), "").origin(greeter()).start();
    assert_eq!(gateway.get("/suspect/x").text(), "hello");
    assert_eq!((gateway.get("/suspect/x").status, failures(&gateway, "trap")), (500, 1.0));
    assert_eq!(gateway.get("/suspect/x").text(), "hello", "a new instance holds no old handle");
}

#[test]
fn row_65_handles_are_counted() {
    fails("limits_handle_flood", "inbound", "host-limit");
}

/// Every host function, with arguments of chance: handles that nobody holds, places outside of memory, lengths without
/// end. `cargo xtask fuzz host-functions` does the same many times faster.
#[test]
fn row_65_no_arguments_of_a_host_function_harm_anybody() {
    let yaml = format!(
        "workers: 1\naccess-log: off\npolicies:\n  inbound: [ {{ guest: {{}}, id: suspect, limits: {{ quarantine-after: 1000000 }} }} ]\n\
         {OPEN_API}components:\n  guest: {{ file: ./guest.wasm, grants: {{ limiter: true, cache: true, metrics: true, events: true, backend: true, http: [\"http://127.0.0.1:9\"] }} }}\n"
    );
    let setup = Gateway::with(&yaml).file("guest.wasm", tollgate_guests::caller()).env("TOLLGATE_LOG", "off");
    let gateway = setup.origin(greeter()).start();
    let mut client = gateway.client();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut chance = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut went_well = 0;
    for _ in 0..2_000 {
        let mut program = Vec::new();
        for _ in 0..1 + chance() % 4 {
            program.extend([chance() as u8, 0, 0, 0, 0, 0, 0, 0]);
            for _ in 0..16 {
                let word = match chance() % 4 {
                    0 => chance(),
                    1 => 0x5151_5151 << 32,
                    2 => 65_536 + chance() % 64,
                    _ => chance() % 16,
                };
                program.extend(word.to_le_bytes());
            }
        }
        let status = client.send(&Request::post("/x", program)).status;
        assert!([200, 500].contains(&status), "{status}");
        went_well += u32::from(status == 200);
    }
    assert!(went_well > 0 && gateway.is_running());
    assert_eq!(client.connections_opened(), 1);
}

#[test]
fn row_66_framing_and_smuggled_lines_are_errors_to_the_guest() {
    let origin = hello();
    let gateway = beside_others(tollgate_guests::component("faults_set_framing"), "").origin(&origin).start();
    assert_eq!(gateway.get("/suspect/x").text(), "hello");
    let seen = origin.only_request().headers;
    assert!(!seen.has("x-smuggled") && !seen.has("x-b") && !seen.has("transfer-encoding"), "{seen:?}");
}

#[test]
fn row_66_the_framing_of_a_guests_answer_is_the_gateways() {
    let gateway = beside_others(tollgate_guests::component("faults_reply_framing"), "").origin(greeter()).start();
    let mut client = gateway.client();
    for _ in 0..2 {
        let response = client.send(&Request::get("/suspect/x"));
        assert_eq!((response.status, response.text()), (200, "ok"));
        assert_eq!(response.headers.get("content-length"), Some("2"));
        assert!(!response.headers.has("transfer-encoding"));
    }
    assert_eq!(client.connections_opened(), 1);
}

#[test]
fn row_66_more_headers_than_a_section_has_room_for_are_not_taken() {
    fails_under("limits_many_headers", "inbound", "bad-verdict", "header-bytes: 1MiB");
    let origin = hello();
    let limits = "limits: { header-bytes: 1MiB, host-calls: 100000 }";
    let gateway = beside_others(tollgate_guests::component("limits_many_edits"), limits).origin(&origin).start();
    assert_eq!(gateway.get("/suspect/x").text(), "hello");
    let added = origin.only_request().headers.bytes("aaaa").len() + origin.only_request().headers.bytes("baaa").len();
    assert_eq!(added, 2, "the first edits are made");
}
