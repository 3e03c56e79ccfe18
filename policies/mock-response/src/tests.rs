//! Which answer is made of which definition.

use super::*;
use tollgate_sdk::Verdict;
use tollgate_sdk::serde_json::{Value, json};
use tollgate_sdk::testing::{Gateway, Outcome, Request, Response};

fn definition() -> Value {
    json!({ "id": "get", "method": "GET", "url": "/", "responses": [
        { "status": 200, "representations": [
            { "content-type": "application/json; charset=utf-8", "example": { "id": 7 } },
            { "content-type": "text/plain", "example": "seven" },
            { "content-type": "application/xml", "example": "<seven/>" },
        ] },
        { "status": 201, "representations": [
            { "content-type": "application/json",
              "schema": { "type": "object", "properties": { "id": { "type": "integer" } } } },
            { "content-type": "text/plain", "schema": { "type": "string" } },
            { "content-type": "application/xml", "schema": { "type": "string" } },
        ] },
        { "status": 404 },
    ] })
}

fn call(config: Value) -> Outcome {
    Gateway::<Statement>::with(config).unwrap().request(Request::get("/").with_operation_definition(definition()))
}

/// Status, media type and body of the answer.
fn answered(config: Value) -> (u16, String, String) {
    let outcome = call(config);
    let response = outcome.response();
    let content_type = response.header_str("content-type").unwrap_or_default().to_owned();
    (response.status(), content_type, response.body_str().unwrap().to_owned())
}

fn expected(status: u16, content_type: &str, body: &str) -> (u16, String, String) {
    (status, content_type.to_owned(), body.to_owned())
}

#[test]
fn the_first_example_of_status_200_is_the_default() {
    assert_eq!(answered(json!(null)), expected(200, "application/json; charset=utf-8", r#"{"id":7}"#));
}

#[test]
fn status_media_type_and_index_choose_the_example() {
    let text = json!({ "content-type": "Text/Plain" });
    assert_eq!(answered(text), expected(200, "text/plain", "seven"));
    assert_eq!(answered(json!({ "index": 2 })), expected(200, "application/xml", "<seven/>"));
}

#[test]
fn without_an_example_a_sample_is_made_of_the_schema() {
    let json = answered(json!({ "status-code": 201 }));
    assert_eq!(json, expected(201, "application/json", r#"{"id":0}"#));
    let text = answered(json!({ "status-code": 201, "content-type": "text/plain" }));
    assert_eq!(text, expected(201, "text/plain", "string"));
    let xml = answered(json!({ "status-code": 201, "content-type": "application/xml" }));
    assert_eq!(xml, expected(201, "application/xml", ""));
    // There is no third example, and no schema either.
    assert_eq!(answered(json!({ "index": 3 })), expected(200, "application/json; charset=utf-8", ""));
}

#[test]
fn what_the_document_does_not_know_is_empty() {
    assert_eq!(answered(json!({ "status-code": 404 })), expected(404, "", ""));
    assert_eq!(answered(json!({ "status-code": 500 })), expected(500, "", ""));
    assert_eq!(answered(json!({ "content-type": "image/png" })), expected(200, "", ""));
    let gateway = Gateway::<Statement>::with(json!({})).unwrap();
    assert_eq!(gateway.request(Request::get("/")).response(), &Response::new(200));
}

#[test]
fn text_is_json_only_where_json_is_wanted() {
    let body = |content_type: &str, example: Value| {
        let representation = json!({ "content-type": content_type, "example": example });
        let definition = json!({ "responses": [{ "status": 200, "representations": [representation] }] });
        let gateway = Gateway::<Statement>::with(json!({})).unwrap();
        let outcome = gateway.request(Request::get("/").with_operation_definition(definition));
        outcome.response().body_str().unwrap().to_owned()
    };
    assert_eq!(body("application/json", json!("a")), r#""a""#);
    assert_eq!(body("application/hal+json", json!("{\"a\": 1}")), "{\"a\": 1}");
    assert_eq!(body("application/json", json!(null)), "null");
    assert_eq!(body("text/plain", json!("a")), "a");
    assert_eq!(body("text/plain", json!({ "a": 1 })), r#"{"a":1}"#);
}

#[test]
fn it_answers_in_every_section_unless_it_is_switched_off() {
    let error = LastError {
        source: "quota".into(),
        reason: "QuotaExceeded".into(),
        message: String::new(),
        statement_id: None,
    };
    for (enabled, status) in [(true, 404), (false, 500)] {
        let gateway = Gateway::<Statement>::with(json!({ "status-code": 404, "enabled": enabled })).unwrap();
        assert_eq!(gateway.request(Request::get("/")).verdict == Verdict::Next, !enabled);
        assert_eq!(gateway.response(Request::get("/"), Response::new(500)).response().status(), status);
        assert_eq!(gateway.error(Request::get("/"), Response::new(500), error.clone()).response().status(), status);
    }
}

#[test]
fn what_is_no_answer_is_refused_with_its_place() {
    let pointer = |config: Value| Gateway::<Statement>::with(config).unwrap_err().pointer;
    assert_eq!(pointer(json!({ "status-code": 199 })), "/status-code");
    assert_eq!(pointer(json!({ "content-type": "json" })), "/content-type");
    assert_eq!(pointer(json!({ "content-type": "a/b\n" })), "/content-type");
    assert_eq!(pointer(json!({ "index": -1 })), "/index");
}
