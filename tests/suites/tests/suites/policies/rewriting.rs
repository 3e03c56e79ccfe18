//! `set-query-parameter`, `set-method`, `set-backend-service`: what goes to which origin.

use super::*;

/// An API below `shop/orders`, whose backend has a base path, with these policies.
fn shop(policies: &str) -> String {
    format!(
        "apis:\n  - id: orders\n    path: shop/orders\n    backend: {{origin}}/v1\n    subscription-required: false\n    \
         operations: [ {{ id: get, method: GET, url: '/{{id}}' }} ]\n    policies:\n{}",
        indented(policies)
    )
}

/// Request lines at the origin.
#[track_caller]
fn sent(policies: &str, target: &str) -> String {
    let origin = hello();
    let response = serve(&shop(policies), &origin).get(target);
    assert_eq!(response.status, 200, "{policies}: {response:?}");
    let request = origin.only_request();
    format!("{} {}", request.method, request.target)
}

#[test]
fn a_query_parameter_is_edited_and_the_rest_keeps_its_bytes() {
    for (config, target, line) in [
        ("name: a, value: \"${request.parameters['id']}\"", "/shop/orders/7?x=%2f&a=1&a=2", "GET /v1/7?x=%2f&a=7"),
        ("name: a, value: b c, exists-action: append", "/shop/orders/7?a=1", "GET /v1/7?a=1&a=b%20c"),
        ("name: a, value: b, exists-action: skip", "/shop/orders/7?a=1", "GET /v1/7?a=1"),
        ("name: a, exists-action: delete", "/shop/orders/7?a=1", "GET /v1/7"),
    ] {
        assert_eq!(sent(&format!("inbound: [ {{ set-query-parameter: {{ {config} }} }} ]"), target), line, "{config}");
    }
}

#[test]
fn the_method_may_be_another_one() {
    assert_eq!(sent("inbound: [ { set-method: PATCH } ]", "/shop/orders/7"), "PATCH /v1/7");
}

#[test]
fn the_backend_is_chosen_by_url_or_by_id() {
    let second = hello();
    for (choice, line) in [("base-url: '{second}/v2'", "/v2/7?a=1"), ("backend-id: other", "/v3/7?a=1")] {
        let yaml = format!(
            "backends: [ {{ id: other, url: '{{second}}/v3' }} ]\n{}",
            shop(&format!("inbound: [ {{ set-backend-service: {{ {choice} }} }} ]"))
        );
        let origin = hello();
        let gateway = Gateway::with(&yaml).origin(&origin).value("second", &second.url()).start();
        assert_eq!(gateway.get("/shop/orders/7?a=1").text(), "hello");
        assert!(origin.requests().is_empty());
        assert_eq!(second.requests().last().unwrap().target, line, "{choice}");
    }
}

#[test]
fn a_backend_that_is_none_fails_the_request_and_it_goes_nowhere() {
    let origin = hello();
    let sections = "inbound: [ { set-backend-service: { base-url: \"${request.headers['x-to']}\" } } ]";
    let gateway = serve(&shop(sections), &origin);
    let response = gateway.send(&Request::get("/shop/orders/7").header("x-to", "nowhere"));
    assert_eq!(response.status, 500);
    assert!(origin.requests().is_empty());
}
