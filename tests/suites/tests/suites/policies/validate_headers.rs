//! `validate-headers`: a response's headers are held against what the operation has.

use super::*;

const OPERATIONS: &str = "[ { id: get, method: GET, url: '/*', responses: [ { status: 200, headers: [ \
    { name: ETag, required: true }, { name: X-Left, schema: { type: integer, minimum: 0 } } ] } ] } ]";

const INTERNAL: &str = "The request could not be processed due to an internal error. Contact the API owner.";

/// The response of an origin that answers with these headers.
fn answered(config: &str, headers: &'static [(&'static str, &'static str)]) -> (Response, Served<Origin>) {
    let origin = Origin::start(move |_| {
        let response = Response::new(200).header("content-type", "text/plain").body("hello");
        headers.iter().fold(response, |response, (name, value)| response.header(name, value))
    });
    let sections = format!("outbound: [ {{ validate-headers: {{ {config} }} }} ]");
    let gateway = serve(&api_with_operations(&sections, OPERATIONS), origin);
    (gateway.get("/orders"), gateway)
}

const STRICT: &str = "specified-header-action: prevent, unspecified-header-action: prevent";

#[test]
fn what_the_operation_has_passes() {
    let (response, _gateway) = answered(STRICT, &[("etag", "\"1\""), ("x-left", "5")]);
    assert_eq!((response.status, response.text()), (200, "hello"));
}

#[test]
fn what_it_has_not_is_refused_in_words_that_tell_nothing() {
    for headers in [
        &[("etag", "\"1\""), ("x-left", "-1")][..],
        &[("etag", "\"1\""), ("x-left", "many")],
        &[("x-left", "5")],
        &[("etag", "\"1\""), ("x-powered-by", "PHP")],
    ] {
        let (response, gateway) = answered(STRICT, headers);
        assert_error(&response, 502, INTERNAL);
        assert!(!response.headers.has("x-powered-by"));
        assert_eq!(logged_error(&gateway, 1), ("validate-headers".to_owned(), "ResponseNotAllowed".to_owned()));
    }
}

#[test]
fn single_headers_have_actions_of_their_own() {
    let config = "specified-header-action: ignore, unspecified-header-action: ignore, \
                  headers: [ { name: X-Powered-By, action: prevent } ]";
    assert_eq!(answered(config, &[("server", "x")]).0.status, 200);
    assert_eq!(answered(config, &[("x-powered-by", "PHP")]).0.status, 502);
}

#[test]
fn detect_records_and_lets_pass() {
    let origin = Origin::start(|_| Response::new(500).header("x-powered-by", "PHP").body("sorry"));
    let sections = "outbound:\n\
                    \x20 - validate-headers: { specified-header-action: detect, unspecified-header-action: detect, \
                    errors-variable-name: errors }\n\
                    \x20 - set-header: { name: x-errors, value: \"${variables.errors}\" }\n";
    let response = serve(&api_with_operations(sections, OPERATIONS), origin).get("/orders");
    assert_eq!((response.status, response.text()), (500, "sorry"));
    let errors: Value = serde_json::from_str(response.headers.get("x-errors").unwrap()).unwrap();
    assert_eq!(errors[0]["Name"], "x-powered-by");
    assert_eq!(errors[0]["Type"], "ResponseHeader");
    assert_eq!(errors[0]["ValidationRule"], "Unspecified");
    assert_eq!(errors[0]["Action"], "detect");
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    refused("outbound", &[("validate-headers: §{ specified-header-action: ignore }", "unspecified-header-action")]);
    let twice = format!(
        "validate-headers: {{ {STRICT}, headers: [ {{ name: A, action: ignore }}, {{ name: §a, action: ignore }} ] }}"
    );
    refused("outbound", &[(&twice, "in the list already")]);
    let statement = format!("§validate-headers: {{ {STRICT} }}");
    refused("inbound", &[(&statement, "can't stand in the section `inbound`")]);
}
