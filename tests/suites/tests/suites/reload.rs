//! A changed document takes effect whole, or not at all, and costs nobody a request.

use crate::scene::{Held, OPEN_API, greeter, hello};
use tollgate_harness::{Gateway, Origin, Reload, Request, Response};

/// A document whose responses say which plan they were made by.
fn plan(name: &str) -> String {
    format!("policies:\n  outbound: [ {{ set-header: {{ name: x-plan, value: {name} }} }} ]\n{OPEN_API}")
}

fn plan_of(response: &Response) -> &str {
    response.headers.get("x-plan").unwrap_or_default()
}

#[test]
fn sighup_reloads() {
    let gateway = Gateway::with(&plan("one")).origin(greeter()).start();
    assert_eq!(plan_of(&gateway.get("/x")), "one");
    assert_eq!(gateway.reload(&plan("two")), Reload::Applied);
    assert_eq!(plan_of(&gateway.get("/x")), "two");
    assert!(gateway.metrics().sum("tollgate_plan_generation", &[]) >= 2.0);
}

#[test]
fn a_changed_file_reloads_by_itself() {
    let gateway = Gateway::with(&plan("one")).origin(greeter()).start();
    assert_eq!(gateway.rewrite(&plan("two")), Reload::Applied);
    assert_eq!(plan_of(&gateway.get("/x")), "two");
    assert_eq!(gateway.rewrite(&plan("three")), Reload::Applied);
    assert_eq!(plan_of(&gateway.get("/x")), "three");
}

#[test]
fn a_bad_file_keeps_the_last_good_plan_and_says_what_is_wrong() {
    let gateway = Gateway::with(&plan("one")).origin(greeter()).start();
    for bad in ["policies: [", "apis: 3", "unknown-key: 1", "policies: { inbound: [ { set-heder: {} } ] }"] {
        let reload = gateway.reload(bad);
        assert!(matches!(reload, Reload::Kept(_)), "{bad}: {reload:?}");
        assert_eq!(plan_of(&gateway.get("/x")), "one", "{bad}");
    }
    assert!(gateway.wait_for_log("set-heder").contains("did you mean `set-header`?"));
    assert_eq!(gateway.reload(&plan("two")), Reload::Applied);
    assert_eq!(plan_of(&gateway.get("/x")), "two");
}

#[test]
fn a_bad_component_keeps_the_last_good_plan() {
    let yaml = format!(
        "policies:\n  inbound: [ {{ guest: {{}} }} ]\n{OPEN_API}components:\n  guest: {{ file: ./guest.wasm }}\n"
    );
    let origin = hello();
    let good = tollgate_guests::component("faults_edit_then_next");
    let gateway = Gateway::with(&yaml).file("guest.wasm", good).origin(&origin).start();
    for bad in ["load_garbage", "faults_trap_in_configure", "limits_loop_in_describe"] {
        gateway.write_file("guest.wasm", &tollgate_guests::component(bad));
        let reload = gateway.reload(&format!("{yaml}# {bad}\n"));
        assert!(matches!(reload, Reload::Kept(_)), "{bad}: {reload:?}");
        assert_eq!(gateway.get("/x").status, 200, "{bad}");
        assert_eq!(origin.requests().last().unwrap().headers.get("x-edited"), Some("yes"), "{bad}");
    }
    gateway.write_file("guest.wasm", &tollgate_guests::component("state_counter_in_memory"));
    assert_eq!(gateway.reload(&format!("{yaml}# good\n")), Reload::Applied);
    assert_eq!(gateway.get("/x").status, 200);
    assert_eq!(origin.requests().last().unwrap().headers.get("x-count"), Some("1"), "the new component runs");
}

#[test]
fn a_request_finishes_on_the_plan_that_it_began_with() {
    let held = Held::start();
    let gateway = Gateway::with(&plan("one")).origin(&held.origin).start();
    let mut busy = gateway.connect();
    busy.write(b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    held.origin.wait_for_requests(1);
    assert_eq!(gateway.reload(&plan("two")), Reload::Applied);
    held.let_one_go();
    assert_eq!(plan_of(&busy.read_response("GET").unwrap()), "one");
    held.let_one_go();
    busy.write(b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    assert_eq!(plan_of(&busy.read_response("GET").unwrap()), "two", "the next one on the same connection");
}

#[test]
fn an_api_that_is_gone_is_gone_and_a_new_one_is_there() {
    let api =
        |id: &str| format!("apis: [ {{ id: {id}, path: {id}, backend: {{origin}}, subscription-required: false }} ]");
    let gateway = Gateway::with(&api("old")).origin(greeter()).start();
    assert_eq!((gateway.get("/old").status, gateway.get("/new").status), (200, 404));
    gateway.reload(&api("new"));
    assert_eq!((gateway.get("/old").status, gateway.get("/new").status), (404, 200));
}

#[test]
fn twenty_reloads_under_load_lose_no_request() {
    let gateway = Gateway::with(&plan("p0")).origin(greeter()).env("TOLLGATE_LOG", "info").start();
    let load = gateway.load(4, || Request::get("/x"));
    load.wait_for(50);
    for number in 1..=20 {
        assert_eq!(gateway.reload(&plan(&format!("p{number}"))), Reload::Applied);
        load.wait_for(20);
    }
    let tally = load.stop();
    assert!(tally.errors.is_empty(), "{:?}", tally.errors);
    assert_eq!(tally.statuses.keys().copied().collect::<Vec<_>>(), [200]);
    assert_eq!(plan_of(&gateway.get("/x")), "p20");
}

#[test]
fn a_limiters_counts_survive_a_reload() {
    let yaml = "apis:\n  - id: all\n    path: ''\n    backend: {origin}\n    policies:\n      \
                inbound: [ { rate-limit: { calls: 4, renewal-period: 300 }, id: burst } ]\n\
                subscriptions: [ { id: acme, all-apis: true, primary-key: acme-1 } ]\n";
    let gateway = Gateway::with(yaml).origin(greeter()).start();
    let call = || gateway.send(&Request::get("/x").header("ocp-apim-subscription-key", "acme-1")).status;
    assert_eq!([call(), call()], [200, 200]);
    assert_eq!(gateway.reload(&format!("{yaml}# changed\n")), Reload::Applied);
    assert_eq!([call(), call(), call()], [200, 200, 429]);
}

#[test]
fn a_hundred_reloads_leave_memory_and_files_as_they_were() {
    let origin = Origin::start(|_| Response::new(200).body("hello"));
    let gateway = Gateway::with(&plan("first")).origin(&origin).start();
    let reload = |count: usize, name: &str| {
        for number in 0..count {
            assert_eq!(gateway.reload(&plan(&format!("{name}{number}"))), Reload::Applied);
            assert_eq!(gateway.get("/x").status, 200);
        }
    };
    reload(30, "warm");
    let (memory, files) = (gateway.rss_bytes(), gateway.open_files());
    reload(100, "then");
    let grown = gateway.rss_bytes().saturating_sub(memory);
    assert!(grown < 8 << 20, "resident memory grew by {grown} bytes");
    assert!(gateway.open_files() <= files + 2, "{} open files, {files} before", gateway.open_files());
}

#[test]
fn what_needs_a_restart_is_said() {
    let gateway = Gateway::with(&plan("one")).origin(greeter()).start();
    assert_eq!(gateway.reload(&format!("workers: 1\n{}", plan("two"))), Reload::Applied);
    assert!(gateway.wait_for_log("takes effect after a restart").contains("workers"));
    assert_eq!(plan_of(&gateway.get("/x")), "two");
}
