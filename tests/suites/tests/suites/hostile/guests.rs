//! Hostile and broken policy components (`docs/security.md`, rows 60 to 76).

/// Memory, stacks, values, handles, headers.
mod bounds;

/// Sixty of them at once.
mod storm;

/// Clients that go away, shared state, artefacts, reloads, slow policies, policies of chance.
mod neighbours;

use std::time::{Duration, Instant};

use crate::scene::{FAILED_CLOSED, OPEN_API, fails, greeter, hello};
use tollgate_harness::{Gateway, Reload, Request, Setup};

/// A guest before the API at `suspect`, and another API, `plain`, beside it; one worker, so that they share a core.
fn beside_others(component: Vec<u8>, settings: &str) -> Setup {
    let api =
        |id: &str| format!("  - id: {id}\n    path: {id}\n    backend: {{origin}}\n    subscription-required: false\n");
    let yaml = format!(
        "workers: 1\napis:\n{}{}    policies: {{ inbound: [ {{ guest: {{}}, id: suspect, {settings} }} ] }}\n\
         components:\n  guest: {{ file: ./guest.wasm }}\n",
        api("plain"),
        api("suspect")
    );
    Gateway::with(&yaml).file("guest.wasm", component)
}

fn trap() -> Request {
    Request::get("/suspect/x").header("x-trap", "1")
}

fn failures(gateway: &Gateway, kind: &str) -> f64 {
    gateway.metrics().sum("tollgate_policy_failures_total", &[("statement", "suspect"), ("kind", kind)])
}

fn is_shut(gateway: &Gateway) -> bool {
    gateway.metrics().sum("tollgate_policy_quarantined", &[("statement", "suspect")]) == 1.0
}

#[test]
fn row_60_a_statement_that_keeps_failing_is_left_out_and_tried_again() {
    let limits = "limits: { quarantine-after: 5, quarantine-ms: 300 }";
    let guest = tollgate_guests::component("faults_trap_if_asked");
    let gateway = beside_others(guest, limits).origin(greeter()).start();
    for _ in 0..5 {
        assert_eq!(gateway.send(&trap()).status, 500);
    }
    let line = gateway.wait_for_log("it is in quarantine");
    assert!(line.contains("\"statement\":\"suspect\"") && line.contains("\"pause_ms\":300"), "{line}");
    assert!(is_shut(&gateway));
    let healthy = gateway.get("/suspect/x");
    assert_eq!((healthy.status, healthy.text()), (500, FAILED_CLOSED), "it isn't called, and fails closed");
    assert_eq!(failures(&gateway, "trap"), 5.0);
    assert!(failures(&gateway, "quarantined") >= 1.0);
    assert_eq!(gateway.get("/plain/x").text(), "hello", "nobody else notices");

    std::thread::sleep(Duration::from_millis(350));
    assert_eq!(gateway.get("/suspect/x").text(), "hello", "one call tries, and it works");
    gateway.wait_for_log("a policy works again");
    assert!(!is_shut(&gateway));
    assert_eq!(gateway.send(&trap()).status, 500);
    assert_eq!(gateway.get("/suspect/x").text(), "hello", "the count begins anew");
}

#[test]
fn row_60_a_quarantine_that_fails_open_lets_requests_pass() {
    let limits = "on-failure: open, limits: { quarantine-after: 3, quarantine-ms: 60000 }";
    let gateway =
        beside_others(tollgate_guests::component("limits_loop_in_on_request"), limits).origin(greeter()).start();
    for _ in 0..10 {
        assert_eq!(gateway.get("/suspect/x").text(), "hello");
    }
    assert_eq!((failures(&gateway, "fuel"), failures(&gateway, "quarantined")), (3.0, 7.0));
}

#[test]
fn row_60_one_client_whose_requests_trap_shuts_nobody_out_while_others_pass() {
    let limits = "limits: { quarantine-after: 5 }";
    let gateway = beside_others(tollgate_guests::component("faults_trap_if_asked"), limits).origin(greeter()).start();
    for _ in 0..10 {
        for _ in 0..4 {
            assert_eq!(gateway.send(&trap()).status, 500);
        }
        assert_eq!(gateway.get("/suspect/x").text(), "hello");
    }
    assert_eq!(failures(&gateway, "quarantined"), 0.0);
}

/// What the gateway's threads are called.
fn threads(gateway: &Gateway) -> Vec<String> {
    let threads = std::fs::read_dir(format!("/proc/{}/task", gateway.pid())).unwrap();
    let names = threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("comm")).ok());
    names.map(|name| name.trim_end().to_owned()).collect()
}

/// While `guest` computes for its whole deadline beside its worker, others on the worker are served.
fn gives_way(guest: &str) {
    let limits = "limits: { fuel: 1000000000000, deadline-ms: 1500 }";
    let gateway = beside_others(tollgate_guests::component(guest), limits).origin(greeter()).start();
    assert_eq!(gateway.get("/plain/x").text(), "hello");
    let (served, slowest, status, took) = std::thread::scope(|scope| {
        let gateway = &gateway;
        let busy = scope.spawn(move || {
            let began = Instant::now();
            (gateway.get("/suspect/x").status, began.elapsed())
        });
        std::thread::sleep(Duration::from_millis(100));
        assert!(threads(gateway).contains(&"long-calls-0".to_owned()), "{:?}", threads(gateway));
        let (mut served, mut slowest) = (0, Duration::ZERO);
        let mut client = gateway.client();
        while !busy.is_finished() {
            let began = Instant::now();
            assert_eq!(client.send(&Request::get("/plain/x")).text(), "hello");
            slowest = slowest.max(began.elapsed());
            served += 1;
        }
        let (status, took) = busy.join().unwrap();
        (served, slowest, status, took)
    });
    assert_eq!((status, failures(&gateway, "deadline")), (500, 1.0), "{guest}");
    assert!(took >= Duration::from_secs(1), "{guest} ran for {took:?}");
    assert!(served >= 100, "{served} requests were served while {guest} ran");
    // It has two turns of 2 ms at most on the worker; the rest is what a shared machine does to anybody.
    assert!(slowest < Duration::from_millis(500), "one request waited for {slowest:?} while {guest} ran");
}

#[test]
fn row_60_what_runs_around_a_call_is_held_to_its_limits_too() {
    for guest in ["limits_loop_in_post_return", "limits_loop_in_destructor", "limits_loop_in_realloc_later"] {
        fails(guest, "inbound", "fuel");
        gives_way(guest);
    }
}

#[test]
fn row_61_a_guest_that_computes_lets_others_on_its_worker_have_their_turn() {
    gives_way("limits_loop_in_on_request");
}

#[test]
fn row_61_slow_instructions_hold_the_worker_no_longer_than_fast_ones() {
    gives_way("limits_slow_instructions");
}

/// What the gateway does for one call of a guest, in seconds of processor time.
fn cost_of_a_call(guest: &str, body: usize) -> f64 {
    let gateway = beside_others(tollgate_guests::component(guest), "").origin(greeter()).start();
    assert_eq!(gateway.get("/plain/x").text(), "hello");
    let before = gateway.cpu_ticks();
    let response = gateway.send(&Request::post("/suspect/x", vec![b'x'; body]));
    assert_eq!((response.status, failures(&gateway, "host-limit")), (500, 1.0), "{guest}");
    gateway.wait_for_log("host-bytes");
    (gateway.cpu_ticks() - before) as f64 / 100.0
}

/// A call's own fuel is about 10 ms; much of this is what a request costs at all, and the machine's noise.
#[test]
fn row_61_host_functions_work_no_longer_for_a_guest_than_a_few_of_its_own_budgets() {
    for (guest, body) in [("limits_digest_flood", 0), ("limits_body_flood", 2 << 20)] {
        let seconds = cost_of_a_call(guest, body);
        assert!(seconds < 0.4, "{guest} made the gateway work for {seconds} s");
    }
}

#[test]
fn row_61_work_of_host_functions_counts_for_the_deadline() {
    let limits = "limits: { host-bytes: 16GiB, deadline-ms: 100, fuel: 1000000000000 }";
    let guest = tollgate_guests::component("limits_digest_flood");
    let gateway = beside_others(guest, limits).origin(greeter()).start();
    let began = Instant::now();
    assert_eq!((gateway.get("/suspect/x").status, failures(&gateway, "deadline")), (500, 1.0));
    // Counted in ticks in which the guest itself ran, it would be 50 times as long as one verification of 8 MiB.
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[test]
fn row_71_a_component_that_takes_too_much_to_compile_is_refused_while_others_are_served() {
    let gateway = Gateway::with(OPEN_API).origin(greeter()).file("bomb.wasm", tollgate_guests::bomb(4_000_000)).start();
    let with_bomb = format!("{OPEN_API}components:\n  bomb: {{ file: ./bomb.wasm }}\n");
    let (refusal, served) = std::thread::scope(|scope| {
        let gateway = &gateway;
        let reload = scope.spawn(move || gateway.reload(&with_bomb));
        let mut served = 0;
        while !reload.is_finished() {
            assert_eq!(gateway.get("/x").text(), "hello");
            served += 1;
        }
        (reload.join().unwrap(), served)
    });
    let Reload::Kept(said) = refusal else { panic!("the bomb was taken") };
    assert!(said.contains("compiling the component takes more than"), "{said}");
    assert!(served > 0);
    assert_eq!(gateway.get("/x").text(), "hello", "the last good plan serves on");
}

#[test]
fn row_69_nothing_of_a_request_is_left_for_the_next_where_isolation_is_fresh() {
    let origin = hello();
    let guest = tollgate_guests::component("state_counter_in_memory");
    let gateway = beside_others(guest, "isolation: fresh").origin(&origin).start();
    for _ in 0..50 {
        assert_eq!(gateway.get("/suspect/x").status, 200);
    }
    assert!(origin.requests().iter().all(|request| request.headers.get("x-count") == Some("1")));
}
