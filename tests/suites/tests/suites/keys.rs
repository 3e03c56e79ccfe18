//! Subscription keys: who may call what, in whose context, and that a key is nobody else's business.

use crate::scene::{hello, joined};
use tollgate_harness::{Gateway, Origin, Request, Response};

const KEY: &str = "Ocp-Apim-Subscription-Key";

/// `orders` needs a key, `open` doesn't, `free` is in an open product. Products write their name into `x-product`.
const DOCUMENT: &str = r#"
workers: 1
apis:
  - { id: orders, path: orders, backend: {origin} }
  - { id: other, path: other, backend: {origin} }
  - { id: open, path: open, backend: {origin}, subscription-required: false }
  - { id: free, path: free, backend: {origin} }
  - id: named
    path: named
    backend: {origin}
    subscription-key-parameter-names: { header: X-My-Key, query: my-key }
products:
  - id: starter
    apis: [orders, named]
    state: published
    policies: { inbound: [ { set-header: { name: x-product, value: starter } } ] }
  - id: gift
    apis: [free]
    subscription-required: false
    policies: { inbound: [ { set-header: { name: x-product, value: gift } } ] }
subscriptions:
  - { id: acme, product: starter, primary-key: acme-1, secondary-key: acme-2 }
  - { id: solo, api: orders, primary-key: solo-1 }
  - { id: root, all-apis: true, primary-key: root-1 }
  - { id: submitted, product: starter, primary-key: submitted-1, state: submitted }
  - { id: rejected, product: starter, primary-key: rejected-1, state: rejected }
  - { id: suspended, product: starter, primary-key: suspended-1, state: suspended }
  - { id: cancelled, product: starter, primary-key: cancelled-1, state: cancelled }
  - { id: expired, product: starter, primary-key: expired-1, state: expired }
  - { id: past, product: starter, primary-key: past-1, expiration-date: 2001-01-01T00:00:00Z }
  - { id: future, product: starter, primary-key: future-1, expiration-date: 2999-01-01T00:00:00Z }
"#;

const MISSING: &str = "{ \"statusCode\": 401, \"message\": \"Access denied due to missing subscription key. Make sure to \
                       include subscription key when making requests to an API.\" }";

const INVALID: &str = "{ \"statusCode\": 401, \"message\": \"Access denied due to invalid subscription key. Make sure to \
                       provide a valid key for an active subscription.\" }";

fn start() -> (Origin, Gateway) {
    let origin = hello();
    let gateway = Gateway::with(DOCUMENT).origin(&origin).start();
    (origin, gateway)
}

fn with_key(gateway: &Gateway, target: &str, key: &str) -> Response {
    gateway.send(&Request::get(target).header(KEY, key))
}

fn is_denied(response: &Response, body: &str, header: &str, realm: &str) {
    assert_eq!((response.status, response.reason.as_str(), response.text()), (401, "Access Denied", body));
    assert_eq!(response.headers.get("content-type"), Some("application/json"));
    let challenge = format!("AzureApiManagementKey realm=\"{realm}\",name=\"{header}\",type=\"header\"");
    assert_eq!(response.headers.get("www-authenticate"), Some(challenge.as_str()));
}

#[test]
fn a_missing_key_is_told_as_api_management_tells_it() {
    let (origin, gateway) = start();
    let realm = format!("http://{}/orders", gateway.address());
    is_denied(&gateway.get("/orders/7"), MISSING, KEY, &realm);
    is_denied(&with_key(&gateway, "/orders/7", ""), MISSING, KEY, &realm);
    assert!(origin.requests().is_empty());
}

#[test]
fn a_key_that_nobody_has_is_invalid() {
    let (origin, gateway) = start();
    let realm = format!("http://{}/orders", gateway.address());
    is_denied(&with_key(&gateway, "/orders/7", "guessed"), INVALID, KEY, &realm);
    is_denied(&gateway.get("/orders/7?subscription-key=guessed"), INVALID, KEY, &realm);
    assert!(origin.requests().is_empty());
}

#[test]
fn either_key_opens_in_a_header_or_in_the_query() {
    let (_origin, gateway) = start();
    for key in ["acme-1", "acme-2"] {
        assert_eq!(with_key(&gateway, "/orders/7", key).status, 200);
        assert_eq!(gateway.get(&format!("/orders/7?subscription-key={key}")).status, 200);
        assert_eq!(gateway.send(&Request::get("/orders/7").header("ocp-apim-SUBSCRIPTION-key", key)).status, 200);
    }
}

#[test]
fn the_header_goes_before_the_query() {
    let (_origin, gateway) = start();
    assert_eq!(with_key(&gateway, "/orders?subscription-key=guessed", "acme-1").status, 200);
    assert_eq!(with_key(&gateway, "/orders?subscription-key=acme-1", "guessed").text(), INVALID);
}

#[test]
fn a_key_opens_what_its_scope_holds_and_nothing_else() {
    let (_origin, gateway) = start();
    for (key, opened) in [
        ("acme-1", ["/orders", "/named"].as_slice()),
        ("future-1", &["/orders", "/named"]),
        ("solo-1", &["/orders"]),
        ("root-1", &["/orders", "/other", "/open", "/free", "/named"]),
    ] {
        for path in ["/orders", "/other", "/open", "/free", "/named"] {
            let header = if path == "/named" { "x-my-key" } else { KEY };
            let status = gateway.send(&Request::get(path).header(header, key)).status;
            assert_eq!(status, if opened.contains(&path) { 200 } else { 401 }, "{key} at {path}");
        }
    }
}

#[test]
fn only_an_active_subscription_admits() {
    let (origin, gateway) = start();
    for key in ["submitted-1", "rejected-1", "suspended-1", "cancelled-1", "expired-1", "past-1"] {
        assert_eq!(with_key(&gateway, "/orders", key).text(), INVALID, "{key}");
    }
    assert!(origin.requests().is_empty());
}

#[test]
fn an_invalid_key_is_refused_where_none_is_needed() {
    let (_origin, gateway) = start();
    assert_eq!(gateway.get("/open").status, 200);
    assert_eq!(with_key(&gateway, "/open", "guessed").text(), INVALID);
    assert_eq!(gateway.get("/free").status, 200);
    assert_eq!(with_key(&gateway, "/free", "guessed").text(), INVALID);
}

#[test]
fn a_products_policies_run_for_its_own_keys_and_for_strangers_if_it_is_open() {
    let (origin, gateway) = start();
    with_key(&gateway, "/orders", "acme-1");
    with_key(&gateway, "/orders", "solo-1");
    with_key(&gateway, "/orders", "root-1");
    gateway.get("/free");
    with_key(&gateway, "/free", "root-1");
    gateway.get("/open");
    let products: Vec<_> = origin.requests().iter().map(|request| joined(&request.headers, "x-product")).collect();
    assert_eq!(products, ["starter", "", "", "gift", "", ""]);
}

#[test]
fn a_key_reaches_neither_the_origin_nor_any_log() {
    let (origin, gateway) = start();
    let target = "/orders/7?a=1&subscription-key=acme-1&b=2&subscription%2Dkey=acme-1";
    assert_eq!(with_key(&gateway, target, "acme-1").status, 200);
    assert_eq!(gateway.get("/orders?subscription-key=acme-1").status, 200);
    assert_eq!(gateway.get("/orders?subscription-key=guessed-key").status, 401);
    assert_eq!(with_key(&gateway, "/open?subscription-key=guessed-key", "root-1").status, 200);
    let seen = origin.requests();
    assert_eq!(seen[0].target, "/7?a=1&b=2");
    assert_eq!(seen[1].target, "/");
    assert!(!format!("{seen:?}").contains("acme-1") && !format!("{seen:?}").contains("root-1"));
    assert!(!format!("{seen:?}").contains("guessed-key"));
    gateway.wait_for_access_log(4);
    let written = [gateway.stdout(), gateway.stderr()].concat().join("\n");
    for key in ["acme-1", "root-1", "guessed-key"] {
        assert!(!written.contains(key), "`{key}` is in a log:\n{written}");
    }
}

#[test]
fn an_api_can_call_its_key_otherwise() {
    let (origin, gateway) = start();
    let realm = format!("http://{}/named", gateway.address());
    is_denied(&with_key(&gateway, "/named", "acme-1"), MISSING, "X-My-Key", &realm);
    is_denied(&gateway.get("/named?subscription-key=acme-1"), MISSING, "X-My-Key", &realm);
    assert_eq!(gateway.send(&Request::get("/named").header("x-my-key", "acme-1")).status, 200);
    assert_eq!(gateway.get("/named?my-key=acme-1&x=1").status, 200);
    let seen = origin.requests();
    assert!(!seen[0].headers.has("x-my-key"));
    assert_eq!(seen[1].target, "/?x=1");
}
