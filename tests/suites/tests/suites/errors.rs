//! What on-error sections are told of requests that went wrong before any statement ran, and of those that ran too long.

use crate::policies::{assert_error, hello, open_api, serve};
use std::time::Duration;
use tollgate_harness::{Gateway, Origin, Request, Response};

/// What `last_error` says, in the body of a response that keeps the status.
const TELLS: &str = "[ { set-header: { name: x-error, value: \"${last_error.source + ' ' + last_error.reason + ' ' + \
                     string(last_error.status) + ' ' + string(response.status) + ' ' + \
                     string(last_error.section == null)}\" } } ]";

fn document(global: &str, api: &str) -> String {
    format!(
        "policies: {{ on-error: {global} }}\napis:\n  - id: shut\n    path: shut\n    backend: {{origin}}\n    \
         policies: {{ on-error: {api} }}\n    operations: [ {{ id: get, method: GET, url: /x }} ]\n\
         subscriptions: [ {{ id: s, all-apis: true, primary-key: good }} ]\n"
    )
}

fn with_key(key: &str) -> Request {
    Request::get("/shut/x").header("ocp-apim-subscription-key", key)
}

#[test]
fn a_key_that_opens_nothing_is_told_to_the_on_error_section_of_the_operation() {
    let gateway = serve(&document("[]", TELLS), hello());
    let missing = gateway.get("/shut/x");
    assert_eq!(missing.headers.get("x-error"), Some("authorization SubscriptionKeyNotFound 401 401 true"));
    assert_eq!(missing.status, 401);
    assert!(missing.headers.has("www-authenticate"), "{missing:?}");
    assert!(missing.text().contains("missing subscription key"), "{missing:?}");

    let wrong = gateway.send(&with_key("wrong"));
    assert_eq!(wrong.headers.get("x-error"), Some("authorization SubscriptionKeyInvalid 401 401 true"));
    assert_eq!(gateway.send(&with_key("good")).text(), "hello");
    assert_eq!(gateway.origin.requests().len(), 1, "what is refused doesn't go on");
}

#[test]
fn a_path_that_no_operation_has_is_told_to_the_on_error_section_of_its_api() {
    let gateway = serve(&document("[]", TELLS), hello());
    let response = gateway.get("/shut/other");
    assert_error(&response, 404, "Resource not found");
    assert_eq!(response.headers.get("x-error"), Some("configuration OperationNotFound 404 404 true"));
}

#[test]
fn a_path_that_no_api_has_is_told_to_the_global_on_error_section() {
    let page = "[ { return-response: { status: 404, body: \"${last_error.reason + ' ' + request.path + ' ' + \
                string(api == null) + string(api.id == null)}\" } } ]";
    let gateway = serve(&document(page, "[]"), hello());
    let response = gateway.get("/nowhere");
    assert_eq!((response.status, response.text()), (404, "OperationNotFound /nowhere truetrue"));
    // Which doesn't inherit it, and so doesn't have it.
    assert_error(&gateway.get("/shut/other"), 404, "Resource not found");
    let entry = gateway.wait_for_access_log(2).into_iter().find(|entry| entry["path"] == "/nowhere").unwrap();
    assert_eq!((&entry["error"]["reason"], &entry["api"]), (&"OperationNotFound".into(), &serde_json::Value::Null));
}

#[test]
fn nobody_learns_the_key_from_an_on_error_section() {
    let told = "[ { set-header: { name: x-seen, value: \"${string(request.headers['ocp-apim-subscription-key'] == null) + \
                request.url}\" } } ]";
    let gateway = serve(&document("[]", told), hello());
    let response = gateway.get("/shut/x?subscription-key=wrong&a=1");
    let seen = response.headers.get("x-seen").unwrap();
    assert!(seen.starts_with("true") && seen.ends_with("/shut/x?a=1"), "{seen}");
}

#[test]
fn an_exchange_that_takes_too_long_is_traced_to_where_it_was() {
    let origin = Origin::start(|_| {
        std::thread::sleep(Duration::from_millis(800));
        Response::new(200)
    });
    let yaml = format!("limits: {{ total-timeout: 0.2 }}\n{}", open_api("inbound:\n  - set-method: PUT\n"));
    let gateway = Gateway::with(&yaml).origin(&origin).start();
    let mut admin = tollgate_harness::Client::new(gateway.admin_address());
    let token = admin.send(&Request::post("/debug-tokens", "")).json()["token"].as_str().unwrap().to_owned();
    let response = gateway.send(&Request::get("/").header("tollgate-debug-authorization", &token));
    assert_error(&response, 504, "Gateway timeout");
    let id = response.headers.get("tollgate-trace-id").expect("it is traced");
    let trace = gateway.admin_get(&format!("/traces/{id}")).json();
    assert_eq!(trace["steps"][0]["step"], "set-method", "{trace}");
    assert_eq!((&trace["lastError"]["source"], &trace["lastError"]["reason"]), (&"gateway".into(), &"Timeout".into()));
}
