//! Bodies against rules and operations.

use super::*;
use tollgate_sdk::serde_json::{Value, json};
use tollgate_sdk::testing::{Gateway, Outcome, Request, Response};

fn order() -> Value {
    json!({ "type": "object", "required": ["id"], "properties": { "id": { "type": "integer" } } })
}

fn definition() -> Value {
    json!({
        "request": { "representations": [
            { "content-type": "application/json; charset=utf-8", "schema": order() },
            { "content-type": "application/xml" },
            { "content-type": "application/broken+json", "schema": { "pattern": "(" } },
        ] },
        "responses": [{ "status": 200, "representations": [{ "content-type": "application/json", "schema": order() }] }],
    })
}

fn gateway(more: Value) -> Gateway<Statement> {
    let mut config = json!({
        "unspecified-content-type-action": "prevent",
        "max-size": 100,
        "size-exceeded-action": "prevent",
        "errors-variable-name": "errors",
        "content": [
            { "type": "application/json", "validate-as": "json", "action": "prevent" },
            { "type": "application/xml", "validate-as": "xml", "action": "prevent" },
            { "validate-as": "json", "action": "prevent" },
        ],
    });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Gateway::with(config).unwrap()
}

fn post(content_type: &str, body: &str) -> Request {
    let request = Request::post("/").with_operation_definition(definition()).with_body(body);
    if content_type.is_empty() { request } else { request.with_header("content-type", content_type) }
}

/// The errors: action, type, name and rule of each.
fn errors(outcome: &Outcome) -> Vec<String> {
    let errors = outcome.variables.get("errors").and_then(Value::as_array).cloned().unwrap_or_default();
    let word = |error: &Value, key: &str| error[key].as_str().unwrap().to_owned();
    let told = |error: &Value| ["Action", "Type", "Name", "ValidationRule"].map(|key| word(error, key)).join(" ");
    errors.iter().map(told).collect()
}

#[test]
fn a_body_that_fits_the_operation_passes() {
    for (content_type, body) in [
        ("application/json", r#"{"id": 1}"#),
        ("Application/JSON;charset=utf-8", "\u{FEFF}{\"id\": 1, \"more\": true}"),
        ("application/xml", "<?xml version=\"1.0\"?><a b='c'>d</a>"),
    ] {
        let outcome = gateway(json!({})).request(post(content_type, body));
        assert_eq!((outcome.verdict.clone(), errors(&outcome)), (Verdict::Next, vec![]), "{body}");
    }
}

#[test]
fn a_body_that_does_not_is_refused_with_its_place() {
    for (content_type, body, how) in [
        (
            "application/json",
            r#"{"id": "secret"}"#,
            "does not conform to the definition: `/id`: expected an integer, found text.",
        ),
        ("application/json", "{}", "does not conform to the definition: lacks the property `id`."),
        ("application/json", "{", "is no JSON: EOF while parsing an object at line 1 column 1."),
        ("application/json", "", "is no JSON: EOF while parsing a value at line 1 column 0."),
        ("application/xml", "<a></b>", "is no well-formed XML:"),
        ("application/xml", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "is no well-formed XML:"),
    ] {
        let outcome = gateway(json!({})).request(post(content_type, body));
        assert_eq!(errors(&outcome), [format!("prevent RequestBody {content_type} IncorrectMessage")]);
        let failure = outcome.failure().unwrap();
        assert_eq!((failure.status(), failure.reason()), (400, "BadRequest"));
        assert!(failure.message().starts_with(&format!("Body of the request {how}")), "{}", failure.message());
        assert_eq!(outcome.variables["errors"][0]["Details"], failure.message());
    }
}

#[test]
fn a_response_is_refused_in_words_that_tell_nothing() {
    let response = |body: &str| Response::new(200).with_header("content-type", "application/json").with_body(body);
    let call = |response: Response| {
        gateway(json!({})).response(Request::get("/").with_operation_definition(definition()), response)
    };
    assert_eq!(call(response(r#"{"id": 1}"#)).verdict, Verdict::Next);
    let outcome = call(response(r#"{"id": "secret"}"#));
    assert_eq!(errors(&outcome), ["prevent ResponseBody application/json IncorrectMessage"]);
    let failure = outcome.failure().unwrap();
    assert_eq!((failure.status(), failure.reason()), (502, "ResponseNotAllowed"));
    assert!(failure.message().ends_with("Contact the API owner."));
    let unknown = Response::new(500).with_header("content-type", "application/json").with_body("{}");
    assert_eq!(
        errors(&call(unknown)),
        ["prevent ResponseBody application/json Unspecified"],
        "another status has bodies of its own"
    );
    for status in [204, 304] {
        assert_eq!(call(Response::new(status).with_header("content-type", "text/plain")).verdict, Verdict::Next);
    }
}

#[test]
fn a_media_type_that_the_operation_has_not_is_an_error() {
    for (content_type, name) in [("text/plain", "text/plain"), ("", ""), ("application/jso", "application/jso")] {
        let outcome = gateway(json!({})).request(post(content_type, "x"));
        assert_eq!(errors(&outcome), [format!("prevent RequestBody {name} Unspecified")]);
    }
    let ignore = json!({ "unspecified-content-type-action": "ignore" });
    assert_eq!(gateway(ignore).request(post("text/plain", "x")).verdict, Verdict::Next);
    // No operation: the rule is still there.
    let bare = Request::post("/").with_header("content-type", "application/json").with_body("{");
    let outcome = gateway(json!({})).request(bare);
    assert_eq!(
        errors(&outcome),
        ["prevent RequestBody application/json Unspecified", "prevent RequestBody application/json IncorrectMessage"]
    );
}

#[test]
fn no_body_is_no_error_where_none_is_sent() {
    let get = Request::get("/").with_operation_definition(definition());
    assert_eq!(gateway(json!({})).request(get.clone()).verdict, Verdict::Next);
    assert_eq!(gateway(json!({})).request(get.with_header("content-type", "application/json")).verdict, Verdict::Next);
    assert_eq!(gateway(json!({})).request(post("", "")).verdict, Verdict::Next);
}

#[test]
fn a_body_that_is_too_large_is_an_error() {
    let body = format!(r#"{{"id": 1, "x": "{}"}}"#, "a".repeat(100));
    let declared = |request: Request| request.with_header("content-length", body.len().to_string());
    let request = post("application/json", &body);
    for request in [request.clone(), declared(request.clone())] {
        let outcome = gateway(json!({})).request(request);
        assert_eq!(errors(&outcome), ["prevent RequestBody  SizeLimit"]);
        let message =
            format!("Body of the request is {} bytes long, and it exceeds the limit of 100 bytes.", body.len());
        assert_eq!(outcome.failure().unwrap().message(), message);
    }
    let outcome = gateway(json!({ "size-exceeded-action": "detect" })).request(request.clone());
    assert_eq!(
        (outcome.verdict.clone(), errors(&outcome)),
        (Verdict::Next, vec!["detect RequestBody  SizeLimit".into()])
    );
    // Size and content are two things.
    let ignoring = gateway(json!({ "size-exceeded-action": "ignore" }));
    assert_eq!(ignoring.request(request).verdict, Verdict::Next);
    let wrong = post("application/json", &format!("\"{}\"", "a".repeat(100)));
    assert_eq!(errors(&ignoring.request(wrong)), ["prevent RequestBody application/json IncorrectMessage"]);
}

#[test]
fn what_can_not_be_read_is_an_error_that_tells_nothing() {
    let encoded = post("application/json", "x").with_header("content-encoding", "gzip");
    let outcome = gateway(json!({})).request(encoded);
    assert_eq!(errors(&outcome), ["prevent RequestBody application/json ValidationException"]);
    assert!(outcome.failure().unwrap().message().ends_with("Contact the API owner."));
    let outcome = gateway(json!({})).request(post("application/broken+json", "1"));
    assert_eq!(errors(&outcome), ["prevent RequestBody application/broken+json ValidationException"]);
}

#[test]
fn media_types_are_taken_for_others() {
    let map = json!({ "content-type-map": {
        "missing-content-type-value": "application/json",
        "types": [
            { "from": "application/hal+json", "to": "application/json" },
            { "when": "${request.headers['x-xml'] != null}", "to": "application/xml" },
        ],
    } });
    let gateway = gateway(map);
    gateway.expression("${request.headers['x-xml'] != null}", false);
    let wrong = ["prevent RequestBody application/json IncorrectMessage"];
    assert_eq!(errors(&gateway.request(post("application/hal+json; x=y", "{}"))), wrong);
    assert_eq!(errors(&gateway.request(post("", "{}"))), wrong);
    assert_eq!(errors(&gateway.request(post("text/plain", "x"))), ["prevent RequestBody text/plain Unspecified"]);
    gateway.expression("${request.headers['x-xml'] != null}", true);
    assert_eq!(gateway.request(post("text/plain", "<a/>")).verdict, Verdict::Next);

    let any = self::gateway(json!({ "content-type-map": { "any-content-type-value": "application/json" } }));
    assert_eq!(errors(&any.request(post("text/plain", "{}"))), wrong);
    assert_eq!(errors(&any.request(post("", "{}"))), wrong);
}

#[test]
fn a_schema_of_ones_own_wins() {
    let with = |content: Value| gateway(json!({ "content": [content] }));
    let own = json!({ "type": "text/json", "validate-as": "json", "action": "prevent", "schema": { "type": "array" } });
    assert_eq!(with(own.clone()).request(post("text/json", "[]")).verdict, Verdict::Next);
    assert_eq!(errors(&with(own).request(post("text/json", "{}"))), ["prevent RequestBody text/json IncorrectMessage"]);
    let part = json!({
        "type": "application/json", "validate-as": "json", "action": "prevent",
        "schema": { "components": { "schemas": { "order": { "required": ["no"] } } } },
        "schema-ref": "#/components/schemas/order",
    });
    assert_eq!(with(part.clone()).request(post("application/json", r#"{"no": 1}"#)).verdict, Verdict::Next);
    assert!(with(part).request(post("application/json", r#"{"id": 1}"#)).failure().is_some());
}

#[test]
fn a_schema_may_be_read_otherwise() {
    let with = |more: Value| {
        let mut content = json!({ "type": "application/json", "validate-as": "json", "action": "prevent" });
        content.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        gateway(json!({ "content": [content] }))
    };
    let closed = with(json!({ "allow-additional-properties": false }));
    assert_eq!(closed.request(post("application/json", r#"{"id": 1}"#)).verdict, Verdict::Next);
    assert!(closed.request(post("application/json", r#"{"id": 1, "x": 2}"#)).failure().is_some());
    let any_case = with(json!({ "case-insensitive-property-names": true }));
    assert_eq!(any_case.request(post("application/json", r#"{"ID": 1}"#)).verdict, Verdict::Next);
    assert!(any_case.request(post("application/json", r#"{"ID": "x"}"#)).failure().is_some());
}

#[test]
fn detect_records_every_error_and_lets_pass() {
    let content = json!([{ "type": "application/json", "validate-as": "json", "action": "detect",
                           "schema": { "required": ["a"], "properties": { "b": { "type": "integer" } } } }]);
    let outcome = gateway(json!({ "content": content })).request(post("application/json", r#"{"b": "x"}"#));
    assert_eq!(outcome.verdict, Verdict::Next);
    assert_eq!(errors(&outcome), ["detect RequestBody application/json IncorrectMessage"; 2]);
}

#[test]
fn bad_configurations_are_refused_with_their_place() {
    let pointer = |more: Value| {
        let mut config = json!({
            "unspecified-content-type-action": "ignore", "max-size": 1, "size-exceeded-action": "ignore",
        });
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Gateway::<Statement>::with(config).unwrap_err().pointer
    };
    assert_eq!(pointer(json!({ "max-size": 4_194_305 })), "/max-size");
    let content = |more: Value| {
        let mut content = json!({ "validate-as": "json", "action": "ignore" });
        content.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "content": [content] })
    };
    assert_eq!(pointer(content(json!({ "validate-as": "soap" }))), "/content/0/validate-as");
    assert_eq!(pointer(content(json!({ "validate-as": "xml", "schema": {} }))), "/content/0/validate-as");
    assert_eq!(pointer(content(json!({ "schema": { "type": "int" } }))), "/content/0/schema");
    assert_eq!(pointer(content(json!({ "schema-ref": "#/a" }))), "/content/0/schema-ref");
    assert_eq!(pointer(content(json!({ "schema": {}, "schema-ref": "#/a" }))), "/content/0/schema");
    let map = |entry: Value| json!({ "content-type-map": { "types": [entry] } });
    assert_eq!(pointer(map(json!({ "to": "a/b" }))), "/content-type-map/types/0");
    assert_eq!(pointer(map(json!({ "from": "a/b", "when": true, "to": "a/b" }))), "/content-type-map/types/0");
}
