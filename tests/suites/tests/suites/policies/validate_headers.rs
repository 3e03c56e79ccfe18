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
fn headers_that_are_described_elsewhere_are_fine_unless_they_are_listed() {
    let listed = format!("{STRICT}, headers: [ {{ name: Content-Type, action: prevent }} ]");
    assert_eq!(answered(STRICT, &[("etag", "\"1\""), ("date", "Tue, 24 Nov 2026 04:00:00 GMT")]).0.status, 200);
    assert_eq!(answered(&listed, &[("etag", "\"1\"")]).0.status, 502);
}

#[test]
fn where_the_status_or_the_operations_are_unknown_all_headers_are_unspecified() {
    let sections = format!("outbound: [ {{ validate-headers: {{ {STRICT} }} }} ]");
    for (yaml, status) in [(api_with_operations(&sections, OPERATIONS), 404), (open_api(&sections), 200)] {
        for (header, expected) in [("etag", 502), ("date", status)] {
            let origin = Origin::start(move |_| Response::new(status).header(header, "Tue, 24 Nov 2026 04:00:00 GMT"));
            assert_eq!(serve(&yaml, origin).get("/").status, expected, "{status} with {header}");
        }
    }
}

#[test]
fn an_action_may_be_an_expression() {
    let config = "specified-header-action: ignore, unspecified-header-action: \"${response.status == 200 ? 'prevent' : 'ignore'}\", \
                  headers: [ { name: x-fine, action: \"${'ignore'}\" } ]";
    assert_eq!(answered(config, &[("x-fine", "1")]).0.status, 200);
    assert_eq!(answered(config, &[("x-else", "1")]).0.status, 502);
}

#[test]
fn every_error_is_recorded_and_none_sets_no_variable() {
    let sections = "outbound:\n\
                    \x20 - validate-headers: { specified-header-action: detect, unspecified-header-action: detect, \
                    errors-variable-name: errors }\n\
                    \x20 - set-header: { name: x-errors, value: \"${variables.errors == null ? 'none' : variables.errors}\" }\n";
    let told = |headers: &'static [(&'static str, &'static str)]| {
        let origin = Origin::start(move |_| {
            headers.iter().fold(Response::new(200), |response, (name, value)| response.header(name, value))
        });
        let response = serve(&api_with_operations(sections, OPERATIONS), origin).get("/");
        response.headers.get("x-errors").unwrap().to_owned()
    };
    assert_eq!(told(&[("etag", "1")]), "none");
    let errors: Value = serde_json::from_str(&told(&[("x-left", "-1"), ("x-more", "1")])).unwrap();
    let mut found: Vec<String> = errors
        .as_array()
        .unwrap()
        .iter()
        .map(|error| format!("{} {}", error["Name"].as_str().unwrap(), error["ValidationRule"].as_str().unwrap()))
        .collect();
    found.sort();
    assert_eq!(found, ["etag IncorrectMessage", "x-left IncorrectMessage", "x-more Unspecified"]);
}

#[test]
fn in_on_error_it_looks_at_the_answer_to_the_error() {
    let sections = format!(
        "inbound: [ {{ check-header: {{ name: x-plan, failed-check-httpcode: 403 }} }} ]\n\
         on-error:\n  - set-header: {{ name: x-secret, value: a }}\n    when: request.path == \"/secret\"\n  \
         - validate-headers: {{ {STRICT} }}\n"
    );
    let gateway = serve(&api_with_operations(&sections, OPERATIONS), hello());
    assert_error(&gateway.get("/secret"), 502, INTERNAL);
    assert!(!gateway.get("/secret").headers.has("x-secret"));
    assert_error(&gateway.get("/"), 403, "Header x-plan is missing.");
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
