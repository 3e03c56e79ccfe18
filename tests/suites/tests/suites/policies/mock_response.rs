//! `mock-response`: the gateway answers as the document says that the operation would.

use super::*;

const OPERATIONS: &str = "[ { id: get, method: GET, url: '/*', responses: [ \
    { status: 200, representations: [ { content-type: application/json, example: { id: 7 } }, \
      { content-type: text/plain, example: seven } ] }, \
    { status: 201, representations: [ { content-type: application/json, schema: { type: object, \
      properties: { id: { type: integer }, at: { type: string, format: date } } } } ] }, \
    { status: 404 } ] } ]";

/// The answer, and how many requests the origin saw.
#[track_caller]
fn answered(section: &str, config: &str) -> (Response, usize) {
    let origin = hello();
    let yaml = api_with_operations(&format!("{section}: [ {{ mock-response: {config} }} ]"), OPERATIONS);
    let response = serve(&yaml, &origin).get("/orders");
    (response, origin.requests().len())
}

#[test]
fn the_example_of_status_and_media_type_is_the_answer() {
    for (config, content_type, body) in [
        ("{ }", "application/json", r#"{"id":7}"#),
        ("{ status-code: 200, content-type: Text/Plain }", "text/plain", "seven"),
        ("{ index: 1 }", "text/plain", "seven"),
    ] {
        let (response, requests) = answered("inbound", config);
        assert_eq!((response.status, response.text(), requests), (200, body, 0), "{config}");
        assert_eq!(response.headers.all("content-type"), [content_type]);
    }
}

#[test]
fn a_sample_is_made_of_the_schema() {
    let (response, _) = answered("inbound", "{ status-code: 201 }");
    assert_eq!((response.status, response.text()), (201, r#"{"id":0,"at":"2024-01-01"}"#));
}

#[test]
fn what_the_document_does_not_know_is_empty() {
    for (config, status) in
        [("{ status-code: 404 }", 404), ("{ status-code: 503 }", 503), ("{ content-type: image/png }", 200)]
    {
        let (response, requests) = answered("inbound", config);
        assert_eq!((response.status, response.text(), requests), (status, "", 0), "{config}");
        assert!(!response.headers.has("content-type"));
    }
    let response = serve(&open_api("inbound: [ { mock-response: { status-code: 202 } } ]"), hello()).get("/orders");
    assert_eq!((response.status, response.text()), (202, ""));
}

#[test]
fn it_ends_the_pipeline_in_every_section() {
    let (response, requests) = answered("outbound", "{ status-code: 404 }");
    assert_eq!((response.status, requests), (404, 1));
    let yaml = "inbound: [ { check-header: { name: x-plan, failed-check-httpcode: 402 } } ]\n\
                on-error: [ { mock-response: { content-type: text/plain } } ]";
    let response = serve(&api_with_operations(yaml, OPERATIONS), hello()).get("/orders");
    assert_eq!((response.status, response.text()), (200, "seven"));
    let yaml = "inbound: [ { mock-response: { } }, { return-response: { status: 418 } } ]";
    assert_eq!(serve(&api_with_operations(yaml, OPERATIONS), hello()).get("/orders").status, 200);
}

#[test]
fn switched_off_it_does_nothing() {
    let (response, requests) = answered("inbound", "{ enabled: false }");
    assert_eq!((response.text(), requests), ("hello", 1));
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    refused(
        "inbound",
        &[
            ("mock-response: { status-code: §99 }", "200"),
            ("mock-response: { content-type: §json }", "no media type"),
            ("mock-response: { §status-cod: 200 }", "did you mean `status-code`?"),
        ],
    );
    refused("backend", &[("§mock-response: { }", "can't stand in the section `backend`")]);
}
