//! The statement in messages. What it shares with `xml-to-json` is tested there.

use tollgate_sdk::serde_json::{Value, json};
use tollgate_sdk::testing::{Gateway, Request, Response};
use tollgate_sdk::{LastError, Verdict};

use super::*;

fn gateway(more: Value) -> Gateway<JsonToXml> {
    let mut config = json!({ "apply": "content-type-json" });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Gateway::with(config).unwrap()
}

fn json_request(body: &str) -> Request {
    Request::post("/").with_header("content-type", "application/json").with_body(body)
}

fn json_response(body: &str) -> Response {
    Response::new(200).with_header("content-type", "application/json").with_body(body)
}

#[test]
fn json_is_converted_both_ways() {
    let outcome = gateway(json!({})).request(json_request(r#"{"a":1.10}"#));
    assert_eq!(outcome.verdict, Verdict::Next);
    assert_eq!(outcome.request.body_str(), Some("<a>1.10</a>"));
    assert_eq!(outcome.request.header_str("content-type"), Some("application/xml; charset=utf-8"));
    let outcome = gateway(json!({})).response(Request::get("/"), json_response(r#"{"a":"é"}"#));
    assert_eq!(outcome.response().body_str(), Some("<a>é</a>"));
    assert_eq!(outcome.response().header_values("vary"), ["accept"]);
    let outcome = gateway(json!({})).response(
        Request::get("/").with_header("accept", "application/json, text/plain, */*;q=0.5"),
        json_response(r#"{"a":"é"}"#),
    );
    assert_eq!(outcome.response().body_str(), Some(r#"{"a":"é"}"#));
}

#[test]
fn malformed_json_is_told_where() {
    let refused = |request: Request| {
        let outcome = gateway(json!({})).request(request);
        let failure = outcome.failure().unwrap();
        (failure.status(), failure.reason().to_owned(), failure.message().to_owned())
    };
    let told = |message: &str| {
        (400, "JsonInvalid".to_owned(), format!("The request body can't be converted to XML: {message}."))
    };
    assert_eq!(refused(json_request("{\"secret\": x}")), told("the text is no JSON (line 1, column 12)"));
    assert_eq!(
        refused(json_request("{\"a\":\n\"\\u0000\"}")),
        told("a string holds a character that XML doesn't allow (line 2, column 1)")
    );
    assert_eq!(refused(json_request("{\"a\":[")), told("the text ends before its JSON value does (line 1, column 6)"));
    let utf16 = Request::post("/").with_header("content-type", "application/json; charset=utf-16").with_body("{}");
    assert_eq!(refused(utf16), told("the charset of its content-type is not supported"));
    let outcome = gateway(json!({})).response(Request::get("/"), json_response("{"));
    assert_eq!(outcome.failure().map(|failure| failure.status()), Some(502));
}

#[test]
fn growth_beyond_four_times_is_refused() {
    let array = |items: usize| format!("{{\"{}\":[1{}]}}", "n".repeat(60), ",1".repeat(items - 1));
    let small = gateway(json!({})).request(json_request(&array(2_000)));
    assert_eq!(small.request.body().len(), 2_000 * "<></>1".len() + 2_000 * 120 + "<Document></Document>".len());
    let large = gateway(json!({})).request(json_request(&array(3_000)));
    let failure = large.failure().unwrap();
    assert_eq!((failure.status(), failure.reason()), (413, "ConversionTooLarge"));
}

fn quota_error() -> LastError {
    LastError {
        source: "quota".to_owned(),
        reason: "QuotaExceeded".to_owned(),
        message: "Out of call volume quota.".to_owned(),
        statement_id: None,
    }
}

fn quota_response() -> Response {
    Response::failure(403, "Out of call volume quota.")
}

#[test]
fn the_gateways_own_failures_become_xml_too() {
    let get = |accept: &str| Request::get("/").with_header("accept", accept);
    let outcome = gateway(json!({})).error(get("application/xml"), quota_response(), quota_error());
    assert_eq!(outcome.verdict, Verdict::Next);
    let expected = "<Document><statusCode>403</statusCode><message>Out of call volume quota.</message></Document>";
    assert_eq!(outcome.response().body_str(), Some(expected));
    assert_eq!(outcome.response().header_str("content-type"), Some("application/xml; charset=utf-8"));
    let outcome = gateway(json!({})).error(get("application/json"), quota_response(), quota_error());
    assert_eq!(outcome.response().body(), quota_response().body());
    assert_eq!(outcome.verdict, Verdict::Next);
}

#[test]
fn configurations_are_checked() {
    for (config, pointer) in [
        (json!({}), ""),
        (json!({ "apply": "content-type-xml" }), "/apply"),
        (json!({ "apply": "always", "namespace-separator": "" }), "/namespace-separator"),
        (json!({ "apply": "always", "attribute-prefix": "" }), "/attribute-prefix"),
        (json!({ "apply": "always", "invalid-character-replacement": "<" }), "/invalid-character-replacement"),
        (json!({ "apply": "always", "null-values": "\u{0}" }), "/null-values"),
        (
            json!({ "apply": "always", "attribute-block-name": "a", "namespace-block-name": "a" }),
            "/namespace-block-name",
        ),
        (json!({ "apply": "always", "indent": true }), ""),
    ] {
        match Gateway::<JsonToXml>::with(config.clone()) {
            Ok(_) => panic!("{config} was taken"),
            Err(error) => assert_eq!(error.pointer, pointer, "{config}: {error}"),
        }
    }
    let all = json!({
        "apply": "always", "consider-accept-header": false, "parse-date": false, "namespace-separator": ":",
        "namespace-prefix": "xmlns", "namespace-block-name": "#ns", "attribute-block-name": "#attrs", "attribute-prefix": "@",
        "invalid-character-replacement": "_", "null-values": "nil", "empty-values": "as-null", "trim-values": true,
    });
    let outcome =
        Gateway::<JsonToXml>::with(all).unwrap().request(Request::post("/").with_body(r#"{"a b":{"@c":" "}}"#));
    assert_eq!(outcome.request.body_str(), Some("<a_b c=\"nil\"/>"));
    assert_eq!(Gateway::<JsonToXml>::manifest()["id"], "json-to-xml");
}
