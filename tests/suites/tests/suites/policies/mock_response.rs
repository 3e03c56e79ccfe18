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

/// The answer of an operation with this one response, written as a flow mapping.
#[track_caller]
fn mocked(representations: &str, config: &str) -> Response {
    let operations = format!(
        "[ {{ id: get, method: GET, url: '/*', responses: [ {{ status: 200, representations: {representations} }} ] }} ]"
    );
    let gateway =
        serve(&api_with_operations(&format!("inbound: [ {{ mock-response: {config} }} ]"), &operations), hello());
    let response = gateway.get("/orders");
    assert!(gateway.origin.requests().is_empty());
    response
}

#[test]
fn examples_are_written_as_their_media_type_wants_them() {
    for (content_type, example, body) in [
        ("application/json", "[1, a, null]", "[1,\"a\",null]"),
        ("application/json", "seven", "\"seven\""),
        ("application/json", "'7'", "\"7\""),
        ("application/json", "7.50", "7.5"),
        ("application/json", "null", "null"),
        ("application/json", "'{ \"id\": 7 }'", "{ \"id\": 7 }"),
        ("application/problem+json", "' [ 1 ]'", " [ 1 ]"),
        ("application/xml", "'<a/>'", "<a/>"),
        ("text/plain; charset=utf-8", "'grün'", "grün"),
        ("text/csv", "{ a: 1 }", "{\"a\":1}"),
    ] {
        let response = mocked(&format!("[ {{ content-type: '{content_type}', example: {example} }} ]"), "{ }");
        assert_eq!((response.status, response.text()), (200, body), "{content_type}: {example}");
        assert_eq!(response.headers.all("content-type"), [content_type]);
    }
}

#[test]
fn the_index_counts_examples_that_fit_and_past_them_a_sample_is_made() {
    let representations = "[ { content-type: application/json, example: a }, { content-type: text/plain, example: b }, \
                           { content-type: text/json, schema: { const: x } }, { content-type: text/html, example: c } ]";
    for (config, body) in [
        ("{ index: 0 }", "\"a\""),
        ("{ index: 1 }", "b"),
        ("{ index: 2 }", "c"),
        ("{ content-type: text/html }", "c"),
        ("{ content-type: 'TEXT/HTML; charset=utf-8', index: 0 }", "c"),
        ("{ content-type: text/json }", "\"x\""),
        ("{ content-type: text/html, index: 1 }", ""),
        ("{ index: 3 }", ""),
    ] {
        assert_eq!(mocked(representations, config).text(), body, "{config}");
    }
}

#[test]
fn a_sample_is_what_the_schema_gives_or_what_its_type_suggests() {
    for (schema, sample) in [
        ("{ type: integer, example: 1, default: 2 }", "1"),
        ("{ type: integer, examples: [3, 4], default: 2 }", "3"),
        ("{ type: integer, default: 2, enum: [5] }", "2"),
        ("{ const: { a: 1 } }", "{\"a\":1}"),
        ("{ enum: [b, c] }", "\"b\""),
        ("{ type: string }", "\"string\""),
        ("{ type: string, maxLength: 3 }", "\"str\""),
        ("{ type: string, minLength: 8 }", "\"stringst\""),
        ("{ type: string, format: date-time }", "\"2024-01-01T00:00:00Z\""),
        ("{ type: string, format: uuid }", "\"00000000-0000-4000-8000-000000000000\""),
        ("{ type: integer, minimum: 5 }", "5"),
        ("{ type: integer, exclusiveMinimum: 5 }", "6"),
        ("{ type: integer, maximum: -5 }", "-5"),
        ("{ type: integer, minimum: 5, multipleOf: 4 }", "8"),
        ("{ type: number, minimum: 0.5, multipleOf: 0.25 }", "0.5"),
        ("{ type: boolean }", "true"),
        ("{ type: 'null' }", "null"),
        ("{ type: ['null', integer] }", "0"),
        ("{ type: array, items: { type: integer }, minItems: 2 }", "[0,0]"),
        (
            "{ type: object, properties: { a: { type: string }, b: { const: 1, writeOnly: true } } }",
            "{\"a\":\"string\"}",
        ),
        ("{ oneOf: [ { const: 1 }, { const: 2 } ] }", "1"),
        ("{ anyOf: [ { type: boolean }, { const: 2 } ] }", "true"),
        (
            "{ allOf: [ { properties: { a: { const: 1 } } }, { properties: { b: { const: 2 } } } ] }",
            "{\"a\":1,\"b\":2}",
        ),
        ("{ '$ref': '#/$defs/n', '$defs': { n: { const: 7 } } }", "7"),
        // A pattern is not looked at.
        ("{ type: string, pattern: '^[0-9]+$' }", "\"string\""),
    ] {
        let representations = format!("[ {{ content-type: application/json, schema: {schema} }} ]");
        assert_eq!(mocked(&representations, "{ }").text(), sample, "{schema}");
    }
}

#[test]
fn a_sample_is_the_same_every_time_and_ends_after_ten_levels() {
    let schema = "{ type: object, properties: { next: { '$ref': '#' } } }";
    let operations = format!(
        "[ {{ id: get, method: GET, url: '/*', responses: [ {{ status: 200, representations: [ {{ \
         content-type: application/json, schema: {schema} }} ] }} ] }} ]"
    );
    let gateway = serve(&api_with_operations("inbound: [ mock-response ]", &operations), hello());
    let first = gateway.get("/");
    assert_eq!(first.text().matches("next").count(), 11, "{}", first.text());
    assert_eq!(first.json().pointer(&"/next".repeat(11)), Some(&Value::Null));
    for _ in 0..3 {
        assert_eq!(gateway.get("/").text(), first.text());
    }
}

#[test]
fn only_json_and_texts_have_samples() {
    for (content_type, schema, body) in [
        ("text/plain", "{ type: string }", "string"),
        ("text/plain", "{ type: integer }", ""),
        ("application/xml", "{ type: string }", ""),
        ("application/octet-stream", "{ type: string }", ""),
    ] {
        let response = mocked(&format!("[ {{ content-type: {content_type}, schema: {schema} }} ]"), "{ }");
        assert_eq!((response.text(), response.headers.all("content-type")), (body, vec![content_type]), "{schema}");
    }
    let response = mocked("[ { content-type: application/json } ]", "{ }");
    assert_eq!((response.status, response.text()), (200, ""));
}

#[test]
fn a_schema_may_be_one_that_has_a_name() {
    let operations = "[ { id: get, method: GET, url: '/*', responses: [ { status: 200, representations: [ { \
                      content-type: application/json, schema: { ref: order } } ] } ] } ]";
    let yaml = api_with_operations("inbound: [ mock-response ]", operations);
    let schemas = "schemas: { order: { type: object, properties: { id: { type: string, format: uuid } } } }";
    let response = serve(&format!("{schemas}\n{yaml}"), hello()).get("/");
    assert_eq!(response.text(), r#"{"id":"00000000-0000-4000-8000-000000000000"}"#);
}

#[test]
fn statuses_that_have_no_body_get_none() {
    let operations = "[ { id: get, method: GET, url: '/*', responses: [ { status: 204, representations: [ { \
                      content-type: application/json, example: 1 } ] } ] } ]";
    let yaml = api_with_operations("inbound: [ { mock-response: { status-code: 204 } } ]", operations);
    let response = serve(&yaml, hello()).get("/");
    assert_eq!((response.status, response.text(), response.headers.has("content-type")), (204, "", false));
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    refused(
        "inbound",
        &[
            ("mock-response: { status-code: §99 }", "200"),
            ("mock-response: { status-code: §600 }", "599"),
            ("mock-response: { status-code: §\"${200}\" }", "an expression can't stand here"),
            ("mock-response: { index: §-1 }", "0"),
            ("mock-response: { enabled: §'no' }", "boolean"),
            ("mock-response: { content-type: §json }", "no media type"),
            ("mock-response: { §status-cod: 200 }", "did you mean `status-code`?"),
        ],
    );
    refused("backend", &[("§mock-response: { }", "can't stand in the section `backend`")]);
}
