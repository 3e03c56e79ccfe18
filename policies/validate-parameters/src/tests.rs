//! Requests against operations.

use super::*;
use tollgate_sdk::serde_json::{Value, json};
use tollgate_sdk::testing::{Gateway, Outcome, Request};

fn definition() -> Value {
    json!({ "id": "list", "method": "GET", "url": "/{tenant}/orders", "parameters": {
        "path": [{ "name": "tenant", "required": true, "schema": { "type": "string", "pattern": "^[a-z]+$" } }],
        "query": [
            { "name": "limit", "schema": { "type": "integer", "minimum": 1, "maximum": 100 } },
            { "name": "state", "schema": { "enum": ["open", "closed"] } },
            { "name": "ids", "schema": { "type": "array", "items": { "type": "integer" } } },
        ],
        "header": [{ "name": "X-Plan", "required": true, "schema": { "type": "string", "maxLength": 6 } }],
    } })
}

fn gateway(more: Value) -> Gateway<Statement> {
    let mut config = json!({
        "specified-parameter-action": "prevent", "unspecified-parameter-action": "prevent", "errors-variable-name": "errors",
    });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Gateway::with(config).unwrap()
}

fn request(target: &str) -> Request {
    Request::get(target)
        .with_header("host", "api.example")
        .with_header("x-plan", "gold")
        .with_parameter("tenant", "acme")
        .with_operation_definition(definition())
}

/// The errors: type, name and rule of each.
fn errors(outcome: &Outcome) -> Vec<String> {
    let errors = outcome.variables.get("errors").and_then(Value::as_array).cloned().unwrap_or_default();
    let word = |error: &Value, key: &str| error[key].as_str().unwrap().to_owned();
    errors
        .iter()
        .map(|error| {
            format!(
                "{} {} {} {}",
                word(error, "Action"),
                word(error, "Type"),
                word(error, "Name"),
                word(error, "ValidationRule")
            )
        })
        .collect()
}

#[test]
fn what_is_as_the_operation_has_it_passes() {
    for target in ["/", "/?limit=1", "/?limit=100&state=open", "/?ids=1&ids=2", "/?ids=1,2"] {
        let outcome = gateway(json!({})).request(request(target));
        assert_eq!(outcome.verdict, Verdict::Next, "{target}");
        assert!(!outcome.variables.contains_key("errors"));
    }
}

#[test]
fn what_is_not_is_refused_and_recorded() {
    for (target, error) in [
        ("/?limit=0", "QueryParameter limit IncorrectMessage"),
        ("/?limit=x", "QueryParameter limit IncorrectMessage"),
        ("/?limit=1&limit=2", "QueryParameter limit IncorrectMessage"),
        ("/?state=OPEN", "QueryParameter state IncorrectMessage"),
        ("/?ids=1,x", "QueryParameter ids IncorrectMessage"),
        ("/?Limit=1", "QueryParameter Limit Unspecified"),
        ("/?page=1", "QueryParameter page Unspecified"),
    ] {
        let outcome = gateway(json!({})).request(request(target));
        let failure = outcome.failure().unwrap();
        assert_eq!((failure.status(), failure.reason()), (400, "BadRequest"), "{target}");
        assert_eq!(errors(&outcome), [format!("prevent {error}")], "{target}");
    }
    let outcome = gateway(json!({})).request(request("/?limit=x"));
    let message = "Value of the query parameter limit cannot be parsed according to the definition.";
    assert_eq!(outcome.failure().unwrap().message(), message);
    assert_eq!(outcome.variables["errors"][0]["Details"], message);
}

#[test]
fn path_and_headers_are_looked_at_too() {
    let outcome = gateway(json!({})).request(request("/").with_parameter("tenant", "ACME"));
    assert_eq!(errors(&outcome), ["prevent PathParameter tenant IncorrectMessage"]);
    let bare = Request::get("/").with_parameter("tenant", "acme").with_operation_definition(definition());
    let outcome = gateway(json!({})).request(bare.clone());
    assert_eq!(errors(&outcome), ["prevent RequestHeader x-plan IncorrectMessage"]);
    assert_eq!(outcome.failure().unwrap().message(), "Required header x-plan is missing.");
    let outcome = gateway(json!({})).request(bare.with_header("x-plan", "platinum").with_header("x-more", "1"));
    let expected = ["prevent RequestHeader x-plan IncorrectMessage", "prevent RequestHeader x-more Unspecified"];
    assert_eq!(errors(&outcome), expected);
}

#[test]
fn headers_that_are_described_elsewhere_are_fine_unless_they_are_listed() {
    let request = request("/").with_header("accept", "*/*").with_header("authorization", "Basic eA==");
    assert_eq!(gateway(json!({})).request(request.clone()).verdict, Verdict::Next);
    let listed = json!({ "headers": { "parameters": [{ "name": "Authorization", "action": "prevent" }] } });
    assert_eq!(errors(&gateway(listed).request(request)), ["prevent RequestHeader authorization Unspecified"]);
}

#[test]
fn detect_records_and_lets_pass() {
    let detect = json!({ "specified-parameter-action": "detect", "unspecified-parameter-action": "detect" });
    let outcome = gateway(detect).request(request("/?limit=0&page=1"));
    assert_eq!(outcome.verdict, Verdict::Next);
    assert_eq!(
        errors(&outcome),
        ["detect QueryParameter limit IncorrectMessage", "detect QueryParameter page Unspecified"]
    );
    let ignore = json!({ "specified-parameter-action": "ignore", "unspecified-parameter-action": "ignore" });
    let outcome = gateway(ignore).request(request("/?limit=0&page=1"));
    assert_eq!((outcome.verdict.clone(), errors(&outcome)), (Verdict::Next, Vec::new()));
}

#[test]
fn the_narrower_action_wins() {
    let more = json!({
        "headers": { "unspecified-parameter-action": "ignore" },
        "query": {
            "specified-parameter-action": "detect",
            "parameters": [{ "name": "debug", "action": "ignore" }, { "name": "state", "action": "prevent" }],
        },
        "path": { "specified-parameter-action": "ignore" },
    });
    let wrong = request("/?limit=0&state=x&debug=1&page=1").with_header("x-more", "1").with_parameter("tenant", "A");
    let outcome = gateway(more).request(wrong);
    assert_eq!(
        errors(&outcome),
        [
            "detect QueryParameter limit IncorrectMessage",
            "prevent QueryParameter state IncorrectMessage",
            "prevent QueryParameter page Unspecified",
        ]
    );
    let told = outcome.failure().unwrap().message().to_owned();
    assert_eq!(
        told,
        "Value of the query parameter state does not conform to the definition: it is none of the values allowed."
    );
}

#[test]
fn an_action_may_be_an_expression() {
    let gateway = gateway(json!({ "unspecified-parameter-action": "${variables.strict}" }));
    gateway.expression("${variables.strict}", "detect");
    assert_eq!(gateway.request(request("/?page=1")).verdict, Verdict::Next);
    gateway.expression("${variables.strict}", "prevent");
    assert_eq!(gateway.request(request("/?page=1")).failure().unwrap().status(), 400);
    gateway.expression("${variables.strict}", "forbid");
    assert_eq!(gateway.request(request("/?page=1")).failure().unwrap().status(), 500);
}

#[test]
fn without_a_definition_everything_is_unspecified() {
    let outcome = gateway(json!({})).request(Request::get("/?page=1"));
    assert_eq!(errors(&outcome), ["prevent QueryParameter page Unspecified"]);
}

#[test]
fn a_schema_that_is_none_is_not_the_clients_business() {
    let broken = json!({ "parameters": { "query": [{ "name": "a", "schema": { "pattern": "(" } }] } });
    let outcome = gateway(json!({})).request(Request::get("/?a=1").with_operation_definition(broken));
    assert_eq!(errors(&outcome), ["prevent QueryParameter a ValidationException"]);
    assert!(outcome.failure().unwrap().message().starts_with("The request could not be processed"));
}

#[test]
fn bad_configurations_are_refused_with_their_place() {
    let pointer = |config: Value| Gateway::<Statement>::with(config).unwrap_err().pointer;
    assert_eq!(pointer(json!({})), "");
    let action = json!({ "specified-parameter-action": "refuse", "unspecified-parameter-action": "ignore" });
    assert_eq!(pointer(action), "/specified-parameter-action");
    let twice = json!({
        "specified-parameter-action": "ignore", "unspecified-parameter-action": "ignore",
        "headers": { "parameters": [{ "name": "A", "action": "ignore" }, { "name": "a", "action": "detect" }] },
    });
    assert_eq!(pointer(twice), "/headers/parameters/1/name");
}
