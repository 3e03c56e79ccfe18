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

/// A fresh statement whose guest writes its configuration into a header, once in an instance's life.
fn configured(cache: &std::path::Path, guest: &str) -> Setup {
    let yaml = "workers: 1\npolicies:\n  inbound: [ { guest: { secret: kept-between-us }, isolation: fresh } ]\n\
                apis:\n  - { id: a, path: a, backend: {origin}, subscription-required: false }\n\
                components:\n  guest: { file: ./guest.wasm }\n";
    Gateway::with(yaml)
        .file("guest.wasm", tollgate_guests::component(guest))
        .env("TOLLGATE_LOG", "debug")
        .env("XDG_CACHE_HOME", cache.to_str().expect("a path in UTF-8"))
}

#[test]
fn fresh_instances_start_from_the_configured_state_and_each_from_the_same() {
    let (origin, cache) = (hello(), tempfile::tempdir().unwrap());
    let gateway = configured(cache.path(), "state_configuration_in_memory").origin(&origin).start();
    assert_eq!(gateway.get("/a").status, 200);
    gateway.wait_for_log("start configured from now on");
    for _ in 0..20 {
        assert_eq!(gateway.get("/a").status, 200);
    }
    let seen: Vec<_> =
        origin.requests().iter().map(|request| request.headers.get("x-configuration").map(str::to_owned)).collect();
    assert_eq!(seen, vec![Some(r#"{"secret":"kept-between-us"}"#.to_owned()); 21]);

    let mut artefacts = 0;
    for entry in std::fs::read_dir(cache.path().join("tollgate/components")).unwrap() {
        let code = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!code.windows(15).any(|window| window == b"kept-between-us"), "a configuration is on the disk");
        artefacts += 1;
    }
    assert!(artefacts >= 1);
}

#[test]
fn a_component_that_cannot_be_written_back_takes_its_configuration_for_each_call() {
    let (origin, cache) = (hello(), tempfile::tempdir().unwrap());
    let gateway = configured(cache.path(), "limits_table_growth").origin(&origin).start();
    assert_eq!(gateway.get("/a").status, 500);
    let line = gateway.wait_for_log("take their configuration for each call");
    assert!(line.contains("table.grow"), "{line}");
    assert_eq!(gateway.get("/a").status, 500);
    assert_eq!(gateway.metrics().sum("tollgate_policy_failures_total", &[("kind", "memory")]), 2.0);
}
