//! Scopes: which statements run for an operation, and in which order. Each statement adds its name to a header.

use crate::scene::{hello, joined};
use tollgate_harness::{Gateway, Origin, Request, Response};

/// A list of statements that add these names.
fn adding(names: &[&str]) -> String {
    let entry = |name: &&str| match *name {
        "base" => "base".to_owned(),
        name => format!("{{ set-header: {{ name: x-order, value: {name}, exists-action: append }} }}"),
    };
    format!("[ {} ]", names.iter().map(entry).collect::<Vec<_>>().join(", "))
}

/// One API with one operation in one product; each scope has an inbound section or none.
fn gateway(scopes: [Option<&[&str]>; 4], origin: &Origin) -> Gateway {
    let [global, product, api, operation] = scopes.map(|names| match names {
        Some(names) => format!("policies: {{ inbound: {} }}", adding(names)),
        None => "policies: {}".to_owned(),
    });
    let yaml = format!(
        "{global}\napis:\n  - id: a\n    path: a\n    backend: {{origin}}\n    {api}\n    operations:\n      - id: get\n        \
         method: GET\n        url: /x\n        {operation}\n      - {{ id: plain, method: GET, url: /plain }}\n\
         products:\n  - id: p\n    apis: [ a ]\n    {product}\n\
         subscriptions:\n  - {{ id: s, product: p, primary-key: in-product }}\n  - {{ id: t, api: a, primary-key: in-api }}\n"
    );
    Gateway::with(&yaml).origin(origin).start()
}

fn order(gateway: &Gateway, origin: &Origin, path: &str, key: &str) -> String {
    let response = gateway.send(&Request::get(path).header("ocp-apim-subscription-key", key));
    assert_eq!(response.status, 200);
    joined(&origin.requests().last().expect("a request").headers, "x-order")
}

#[test]
fn base_is_where_the_parent_scope_stands() {
    let origin = hello();
    let scopes = [
        Some(["global"].as_slice()),
        Some(&["product-1", "base", "product-2"]),
        Some(&["base", "api"]),
        Some(&["operation", "base"]),
    ];
    let gateway = gateway(scopes, &origin);
    assert_eq!(order(&gateway, &origin, "/a/x", "in-product"), "operation, product-1, global, product-2, api",);
    assert_eq!(order(&gateway, &origin, "/a/plain", "in-product"), "product-1, global, product-2, api");
    assert_eq!(order(&gateway, &origin, "/a/x", "in-api"), "operation, global, api");
}

#[test]
fn without_base_nothing_is_inherited() {
    let origin = hello();
    let gateway = gateway([Some(&["global"]), Some(&["product"]), Some(&["api"]), Some(&["operation"])], &origin);
    assert_eq!(order(&gateway, &origin, "/a/x", "in-product"), "operation");
    assert_eq!(order(&gateway, &origin, "/a/plain", "in-product"), "api");
}

#[test]
fn an_empty_section_inherits_nothing() {
    let origin = hello();
    let gateway = gateway([Some(&["global"]), Some(&["product", "base"]), Some(&["api", "base"]), Some(&[])], &origin);
    assert_eq!(order(&gateway, &origin, "/a/x", "in-product"), "");
    assert_eq!(order(&gateway, &origin, "/a/plain", "in-product"), "api, product, global");
}

#[test]
fn a_section_that_is_not_written_inherits_everything() {
    let origin = hello();
    let gateway = gateway([Some(&["base", "global"]), None, None, None], &origin);
    assert_eq!(order(&gateway, &origin, "/a/x", "in-product"), "global");
    assert_eq!(order(&gateway, &origin, "/a/x", "in-api"), "global");
}

#[test]
fn a_scope_between_that_does_not_inherit_cuts_off_what_is_above() {
    let origin = hello();
    let gateway = gateway([Some(&["global"]), Some(&["product"]), None, Some(&["operation", "base"])], &origin);
    assert_eq!(order(&gateway, &origin, "/a/x", "in-product"), "operation, product");
    assert_eq!(order(&gateway, &origin, "/a/x", "in-api"), "operation, global");
}

#[test]
fn each_section_is_inherited_by_itself() {
    let origin = Origin::start(|_| Response::new(200).body("hello"));
    let yaml = format!(
        "policies: {{ inbound: {}, outbound: {} }}\napis:\n  - id: a\n    path: a\n    backend: {{origin}}\n    \
         subscription-required: false\n    policies: {{ inbound: {} }}\n",
        adding(&["global-in"]),
        adding(&["global-out"]),
        adding(&["api-in"])
    );
    let gateway = Gateway::with(&yaml).origin(&origin).start();
    let response = gateway.get("/a");
    assert_eq!(joined(&origin.only_request().headers, "x-order"), "api-in");
    assert_eq!(joined(&response.headers, "x-order"), "global-out");
}

#[test]
fn without_forward_request_nothing_is_sent_and_outbound_follows() {
    let origin = hello();
    let yaml = format!(
        "policies: {{ backend: [], outbound: {} }}\n\
         apis: [ {{ id: a, path: a, backend: {{origin}}, subscription-required: false }} ]\n",
        adding(&["out"])
    );
    let gateway = Gateway::with(&yaml).origin(&origin).start();
    let response = gateway.get("/a");
    assert_eq!((response.status, response.text()), (200, ""));
    assert_eq!(joined(&response.headers, "x-order"), "out");
    assert!(origin.requests().is_empty());
}

#[test]
fn an_answer_ends_the_pipeline() {
    let origin = hello();
    let yaml = format!(
        "policies:\n  inbound: [ {{ return-response: {{ status: 202, body: done }} }} ]\n  outbound: {}\n\
         apis: [ {{ id: a, path: a, backend: {{origin}}, subscription-required: false }} ]\n",
        adding(&["out"])
    );
    let gateway = Gateway::with(&yaml).origin(&origin).start();
    let response = gateway.get("/a");
    assert_eq!((response.status, response.text()), (202, "done"));
    assert!(!response.headers.has("x-order"), "outbound doesn't run after an answer");
    assert!(origin.requests().is_empty());
}
