//! What an instance keeps, and who gets it next. The guest counts its calls in its own memory.

use crate::scene::hello;
use tollgate_harness::{Gateway, Origin, Setup};

fn counting(statements: &str) -> Setup {
    let yaml = format!(
        "workers: 1\npolicies:\n  inbound: [ {statements} ]\n\
         apis:\n  - {{ id: a, path: a, backend: {{origin}}, subscription-required: false }}\n\
         components:\n  count: {{ file: ./count.wasm }}\n"
    );
    Gateway::with(&yaml).file("count.wasm", tollgate_guests::component("state_counter_in_memory"))
}

fn counts(origin: &Origin) -> Vec<String> {
    origin.requests().iter().map(|request| request.headers.get("x-count").unwrap_or("none").to_owned()).collect()
}

#[test]
fn a_warm_statement_uses_its_instance_again() {
    let origin = hello();
    let gateway = counting("count: {}").origin(&origin).start();
    for _ in 0..3 {
        assert_eq!(gateway.get("/a").status, 200);
    }
    assert_eq!(counts(&origin), ["1", "2", "3"]);
}

#[test]
fn a_fresh_statement_gives_every_request_an_instance_of_its_own() {
    let origin = hello();
    let gateway = counting("{ count: {}, isolation: fresh }").origin(&origin).start();
    for _ in 0..3 {
        assert_eq!(gateway.get("/a").status, 200);
    }
    assert_eq!(counts(&origin), ["1", "1", "1"]);
}

#[test]
fn two_statements_with_one_configuration_share_no_instance() {
    let origin = hello();
    let gateway = counting("{ count: {}, id: one }, { count: {}, id: two }").origin(&origin).start();
    for _ in 0..3 {
        assert_eq!(gateway.get("/a").status, 200);
    }
    assert_eq!(counts(&origin), ["1", "2", "3"], "each statement counts for itself");
}

#[test]
fn two_statements_with_different_configurations_share_no_instance() {
    let origin = hello();
    let gateway = counting("{ count: { n: 1 } }, { count: { n: 2 } }").origin(&origin).start();
    for _ in 0..3 {
        assert_eq!(gateway.get("/a").status, 200);
    }
    assert_eq!(counts(&origin), ["1", "2", "3"]);
}

#[test]
fn a_changed_component_counts_anew_and_an_unchanged_one_goes_on() {
    let origin = hello();
    let yaml = "workers: 1\npolicies:\n  inbound: [ count: { n: {n} } ]\n\
                apis:\n  - { id: a, path: a, backend: {origin}, subscription-required: false }\n\
                components:\n  count: { file: ./count.wasm }\n";
    let component = tollgate_guests::component("state_counter_in_memory");
    let gateway = Gateway::with(&yaml.replace("{n}", "1")).file("count.wasm", component).origin(&origin).start();
    gateway.get("/a");
    gateway.reload(&(yaml.replace("{n}", "1") + "# the same\n"));
    gateway.get("/a");
    gateway.reload(&yaml.replace("{n}", "2"));
    gateway.get("/a");
    assert_eq!(counts(&origin), ["1", "2", "1"]);
}
