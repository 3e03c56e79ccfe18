//! The statement in messages: what is converted, what passes, what is refused, and what the head says afterwards.

use tollgate_sdk::serde_json::{Value, json};
use tollgate_sdk::testing::{Gateway, Outcome, Request, Response};
use tollgate_sdk::{LastError, Verdict};

use super::*;

fn gateway(more: Value) -> Gateway<XmlToJson> {
    let mut config = json!({ "kind": "direct", "apply": "content-type-xml" });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Gateway::with(config).unwrap()
}

fn always() -> Gateway<XmlToJson> {
    gateway(json!({ "apply": "always" }))
}

fn xml_response() -> Response {
    Response::new(200).with_header("content-type", "text/xml; charset=utf-8").with_body("<a>1</a>")
}

fn xml_request(body: &str) -> Request {
    Request::post("/").with_header("content-type", "application/xml").with_body(body)
}

#[track_caller]
fn converted(outcome: &Outcome) {
    assert_eq!(outcome.verdict, Verdict::Next);
    assert_eq!(outcome.response().body_str(), Some(r#"{"a":"1"}"#));
    assert_eq!(outcome.response().header_str("content-type"), Some("application/json"));
}

#[track_caller]
fn untouched(outcome: &Outcome) {
    assert_eq!(outcome.verdict, Verdict::Next);
    assert_eq!(outcome.response().body_str(), Some("<a>1</a>"));
    assert_ne!(outcome.response().header_str("content-type"), Some("application/json"));
}

#[track_caller]
fn refused(outcome: &Outcome, status: u16, reason: &str, message: &str) {
    let failure = outcome.failure().unwrap_or_else(|| panic!("{:?}", outcome.verdict));
    assert_eq!((failure.status(), failure.reason(), failure.message()), (status, reason, message));
}

#[test]
fn xml_is_converted_both_ways() {
    converted(&gateway(json!({})).response(Request::get("/"), xml_response()));
    let outcome = gateway(json!({})).request(xml_request("<a>1</a>"));
    assert_eq!(outcome.verdict, Verdict::Next);
    assert_eq!(outcome.request.body_str(), Some(r#"{"a":"1"}"#));
    assert_eq!(outcome.request.header_str("content-type"), Some("application/json"));
}

#[test]
fn other_media_types_pass_unless_all_are_converted() {
    for content_type in ["text/plain", "text/html", "application/octet-stream"] {
        let response = || Response::new(200).with_header("content-type", content_type).with_body("<a>1</a>");
        untouched(&gateway(json!({})).response(Request::get("/"), response()));
        converted(&always().response(Request::get("/"), response()));
    }
    untouched(&gateway(json!({})).response(Request::get("/"), Response::new(200).with_body("<a>1</a>")));
    converted(&always().response(Request::get("/"), Response::new(200).with_body("<a>1</a>")));
}

#[test]
fn a_client_that_wants_xml_gets_it() {
    let get = |accept: &str| Request::get("/").with_header("accept", accept);
    for accept in ["application/xml", "text/html", "application/xml, application/json;q=0.5", "application/json;q=0"] {
        untouched(&gateway(json!({})).response(get(accept), xml_response()));
        converted(&gateway(json!({ "consider-accept-header": false })).response(get(accept), xml_response()));
    }
    for accept in ["application/json", "*/*", "application/xml;q=0.5, application/json", "application/vnd.x+json"] {
        converted(&gateway(json!({})).response(get(accept), xml_response()));
    }
}

#[test]
fn accept_plays_no_part_for_requests() {
    let outcome = gateway(json!({})).request(xml_request("<a>1</a>").with_header("accept", "application/xml"));
    assert_eq!(outcome.request.body_str(), Some(r#"{"a":"1"}"#));
}

#[test]
fn caches_learn_that_accept_matters() {
    let vary = |config: Value, response: Response| {
        let outcome = gateway(config).response(Request::get("/").with_header("accept", "text/xml"), response);
        outcome.response().header_values("vary")
    };
    assert_eq!(vary(json!({}), xml_response()), ["accept"]);
    assert_eq!(vary(json!({}), xml_response().with_header("vary", "origin")), ["origin", "accept"]);
    assert_eq!(vary(json!({}), xml_response().with_header("vary", "origin, Accept")), ["origin, Accept"]);
    assert_eq!(vary(json!({}), xml_response().with_header("vary", "*")), ["*"]);
    assert!(vary(json!({ "consider-accept-header": false }), xml_response()).is_empty());
    assert!(vary(json!({}), Response::new(200).with_body("x")).is_empty());
}

#[test]
fn headers_about_the_old_bytes_go() {
    let response = xml_response()
        .with_header("etag", "\"abc\"")
        .with_header("content-md5", "x")
        .with_header("digest", "x")
        .with_header("content-digest", "x")
        .with_header("repr-digest", "x")
        .with_header("accept-ranges", "bytes")
        .with_header("content-encoding", "identity")
        .with_header("last-modified", "Mon, 23 Nov 2026 00:00:00 GMT");
    let outcome = gateway(json!({})).response(Request::get("/"), response);
    converted(&outcome);
    assert_eq!(outcome.response().header_str("etag"), Some("W/\"abc\""));
    for name in ["content-md5", "digest", "content-digest", "repr-digest", "accept-ranges", "content-encoding"] {
        assert_eq!(outcome.response().header(name), None, "{name}");
    }
    assert!(outcome.response().header("last-modified").is_some());
    let weak = gateway(json!({})).response(Request::get("/"), xml_response().with_header("etag", "W/\"abc\""));
    assert_eq!(weak.response().header_str("etag"), Some("W/\"abc\""));
}

#[test]
fn messages_without_a_body_pass() {
    for status in [204, 205, 304] {
        untouched(&always().response(Request::get("/"), Response::new(status).with_body("<a>1</a>")));
    }
    untouched(&always().response(Request::new("HEAD", "/"), xml_response()));
    let empty = always().response(Request::get("/"), Response::new(200).with_header("content-type", "text/xml"));
    assert_eq!(empty.response().header_str("content-type"), Some("text/xml"));
    assert_eq!(always().request(Request::get("/")).verdict, Verdict::Next);
    let empty = always().request(Request::post("/").with_header("content-length", "0"));
    assert_eq!((&empty.verdict, empty.request.header("content-type")), (&Verdict::Next, None));
}

#[test]
fn what_is_compressed_or_partial_passes_unless_all_is_converted() {
    let coded = || xml_response().with_header("content-encoding", "gzip");
    untouched(&gateway(json!({})).response(Request::get("/"), coded()));
    let message = "The response of the origin can't be converted.";
    refused(&always().response(Request::get("/"), coded()), 502, "ContentEncodingUnsupported", message);
    let partial = || Response::new(206).with_header("content-type", "text/xml").with_body("<a>1</a>");
    untouched(&gateway(json!({})).response(Request::get("/"), partial()));
    refused(&always().response(Request::get("/"), partial()), 502, "ContentEncodingUnsupported", message);

    let coded = || xml_request("<a>1</a>").with_header("content-encoding", "br");
    assert_eq!(gateway(json!({})).request(coded()).request.body_str(), Some("<a>1</a>"));
    let outcome = always().request(coded());
    refused(&outcome, 415, "ContentEncodingUnsupported", "The request body must not be encoded.");
    assert_eq!(outcome.response().header_str("accept-encoding"), Some("identity"));
}

#[test]
fn a_malformed_request_is_told_where() {
    let outcome = gateway(json!({})).request(xml_request("<a>\n  <secret></a>"));
    let message = "The request body can't be converted to JSON: an end tag must repeat the name of the start tag \
                   (line 2, column 11).";
    refused(&outcome, 400, "XmlInvalid", message);
    let latin1 = Request::post("/").with_header("content-type", "text/xml; charset=ISO-8859-1").with_body("<a/>");
    let message = "The request body can't be converted to JSON: the charset of its content-type is not supported.";
    refused(&gateway(json!({})).request(latin1), 400, "XmlInvalid", message);
}

#[test]
fn a_malformed_response_is_the_origins_fault_and_told_to_the_operator() {
    let gateway = gateway(json!({}));
    let response = xml_response().with_body("<secret>");
    let outcome = gateway.response(Request::get("/"), response);
    refused(&outcome, 502, "XmlInvalid", "The response of the origin can't be converted.");
    let log = format!("{:?}", gateway.world().log());
    assert!(log.contains("the document ends inside an element (line 1, column 9)") && !log.contains("secret"), "{log}");
}

#[test]
fn a_conversion_that_grows_too_much_is_refused() {
    // 65,537 different names are more than are remembered.
    let body: String = (0..65_537).map(|i| format!("<n{i}/>")).collect();
    let body = format!("<a>{body}</a>");
    let message = "The request body is too large to be converted to JSON.";
    refused(&gateway(json!({})).request(xml_request(&body)), 413, "ConversionTooLarge", message);
    let outcome = gateway(json!({})).response(Request::get("/"), xml_response().with_body(body));
    refused(&outcome, 502, "ConversionTooLarge", "The response of the origin can't be converted.");
}

#[test]
fn an_error_never_becomes_another_one() {
    let error = LastError {
        source: "quota".to_owned(),
        reason: "QuotaExceeded".to_owned(),
        message: "Out of call volume quota.".to_owned(),
        statement_id: None,
    };
    let response = Response::new(403).with_header("content-type", "text/xml").with_body("<broken");
    assert_eq!(always().error(Request::get("/"), response, error).verdict, Verdict::Next);
}

#[test]
fn configurations_are_checked() {
    for config in [
        json!({}),
        json!({ "kind": "direct" }),
        json!({ "apply": "always" }),
        json!({ "kind": "fancy", "apply": "always" }),
        json!({ "kind": "direct", "apply": "content-type-json" }),
        json!({ "kind": "direct", "apply": "always", "always-array-children": true }),
        json!({ "kind": "direct", "apply": "always", "empty-values": "drop" }),
        json!({ "kind": "direct", "apply": "always", "trim-values": "yes" }),
    ] {
        assert!(Gateway::<XmlToJson>::with(config.clone()).is_err(), "{config}");
    }
    let all = json!({
        "kind": "javascript-friendly", "apply": "always", "consider-accept-header": false,
        "always-array-child-elements": true, "preserve-whitespace-nodes": true, "empty-values": "as-null",
        "trim-values": true,
    });
    let outcome =
        Gateway::<XmlToJson>::with(all).unwrap().request(Request::post("/").with_body("<a><b c=' 1 '/> </a>"));
    assert_eq!(outcome.request.body_str(), Some(r#"{"a":{"b":[{"c":"1"}]}}"#));
    let manifest = Gateway::<XmlToJson>::manifest();
    assert_eq!(manifest["id"], "xml-to-json");
    assert_eq!(manifest["bodies"]["on-response"]["buffer"]["max-bytes"], 4 << 20);
}
