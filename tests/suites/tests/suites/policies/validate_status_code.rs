//! `validate-status-code`: a response's status is held against what the operation has.

use super::*;

const OPERATIONS: &str = "[ { id: get, method: GET, url: '/*', responses: [ { status: 200 }, { status: 404 } ] } ]";

const INTERNAL: &str = "The request could not be processed due to an internal error. Contact the API owner.";

/// A gateway in front of an origin that answers with the status that is its path.
fn validating(config: &str) -> Served<Origin> {
    let origin = Origin::start(|request| {
        Response::new(request.target.trim_start_matches('/').parse().unwrap()).body("at line 17 of secret.php")
    });
    let sections = format!("outbound: [ {{ validate-status-code: {{ {config} }} }} ]");
    serve(&api_with_operations(&sections, OPERATIONS), origin)
}

#[test]
fn a_status_that_the_operation_has_passes_and_others_tell_nothing() {
    let gateway = validating("unspecified-status-code-action: prevent");
    assert_eq!(gateway.get("/200").status, 200);
    assert_eq!(gateway.get("/404").status, 404);
    assert_error(&gateway.get("/500"), 502, INTERNAL);
    assert_eq!(logged_error(&gateway, 3), ("validate-status-code".to_owned(), "ResponseNotAllowed".to_owned()));
}

#[test]
fn single_ones_count_only_where_the_operation_says_nothing() {
    let gateway = validating(
        "unspecified-status-code-action: prevent, \
         status-codes: [ { code: 503, action: ignore }, { code: 404, action: prevent } ]",
    );
    assert_eq!(gateway.get("/503").status, 503);
    assert_eq!(gateway.get("/404").status, 404);
    assert_eq!(gateway.get("/500").status, 502);
}

#[test]
fn detect_records_and_lets_pass() {
    let origin = Origin::start(|_| Response::new(500).body("sorry"));
    let sections = "outbound:\n\
                    \x20 - validate-status-code: { unspecified-status-code-action: detect, errors-variable-name: errors }\n\
                    \x20 - set-header: { name: x-errors, value: \"${variables.errors}\" }\n";
    let response = serve(&api_with_operations(sections, OPERATIONS), origin).get("/orders");
    assert_eq!((response.status, response.text()), (500, "sorry"));
    let errors: Value = serde_json::from_str(response.headers.get("x-errors").unwrap()).unwrap();
    let expected = serde_json::json!([{ "Name": "500", "Type": "StatusCode", "ValidationRule": "Unspecified",
                                        "Details": "Response status code 500 is not allowed.", "Action": "detect" }]);
    assert_eq!(errors, expected);
}

#[test]
fn without_operations_no_status_is_specified() {
    let sections = "outbound: [ { validate-status-code: { unspecified-status-code-action: prevent } } ]";
    assert_error(&serve(&open_api(sections), hello()).get("/"), 502, INTERNAL);
}

#[test]
fn an_action_may_be_an_expression() {
    let gateway = validating(
        "unspecified-status-code-action: \"${request.headers['x-debug'] == null ? 'prevent' : 'ignore'}\", \
         status-codes: [ { code: 503, action: \"${'ignore'}\" } ]",
    );
    assert_eq!([gateway.get("/500").status, gateway.get("/503").status], [502, 503]);
    assert_eq!(gateway.send(&Request::get("/500").header("x-debug", "1")).status, 500);
    let gateway = validating("unspecified-status-code-action: \"${request.path}\"");
    assert_error(&gateway.get("/500"), 500, "Internal server error.");
}

#[test]
fn what_is_prevented_is_recorded_and_what_is_fine_sets_no_variable() {
    let sections = "outbound: [ { validate-status-code: { unspecified-status-code-action: prevent, errors-variable-name: errors } }, \
                    { set-header: { name: x-errors, value: \"${variables.errors == null}\" } } ]\n\
                    on-error: [ { set-header: { name: x-errors, value: \"${variables.errors}\" } } ]";
    let origin = Origin::start(|request| Response::new(if request.target == "/200" { 200 } else { 500 }));
    let gateway = serve(&api_with_operations(sections, OPERATIONS), origin);
    assert_eq!(gateway.get("/200").headers.all("x-errors"), ["true"]);
    let refused = gateway.get("/500");
    let errors: Value = serde_json::from_str(refused.headers.get("x-errors").unwrap()).unwrap();
    assert_eq!((refused.status, errors[0]["Action"].as_str()), (502, Some("prevent")));
}

#[test]
fn in_on_error_it_looks_at_the_answer_to_the_error() {
    let answer = |status: u16| {
        let sections = format!(
            "inbound: [ {{ check-header: {{ name: x-plan, failed-check-httpcode: {status} }} }} ]\n\
             on-error: [ {{ validate-status-code: {{ unspecified-status-code-action: prevent }} }} ]"
        );
        serve(&api_with_operations(&sections, OPERATIONS), hello()).get("/")
    };
    assert_error(&answer(404), 404, "Header x-plan is missing.");
    assert_error(&answer(403), 502, INTERNAL);
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    refused("outbound", &[("validate-status-code: §{ }", "unspecified-status-code-action")]);
    let code = "validate-status-code: { unspecified-status-code-action: ignore, status-codes: [ { code: §42, action: ignore } ] }";
    refused("outbound", &[(code, "100")]);
    let statement = "§validate-status-code: { unspecified-status-code-action: ignore }";
    refused("inbound", &[(statement, "can't stand in the section `inbound`")]);
}
