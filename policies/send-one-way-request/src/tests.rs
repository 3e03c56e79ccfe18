//! The statement `send-one-way-request` on the SDK's test gateway.

use super::*;
use tollgate_sdk::http_client::HttpError;
use tollgate_sdk::serde_json::{Value, json};
use tollgate_sdk::testing::{self, Gateway};

#[test]
fn a_request_is_sent_from_every_section() {
    let config =
        json!({ "set-url": "https://a.example/told", "set-method": "POST", "set-body": "${last_error.reason}" });
    let gateway = Gateway::<Statement>::with(config).unwrap();
    gateway.expression("${last_error.reason}", "QuotaExceeded");
    gateway.request(testing::Request::get("/"));
    gateway.response(testing::Request::get("/"), testing::Response::new(200));
    let error = LastError {
        source: "quota".into(),
        reason: "QuotaExceeded".into(),
        message: String::new(),
        statement_id: None,
    };
    let outcome = gateway.error(testing::Request::get("/"), testing::Response::new(403), error);
    assert_eq!((&outcome.verdict, outcome.response().status()), (&Verdict::Next, 403));
    let sent = gateway.world().http_requests();
    assert_eq!(sent.len(), 3);
    for sent in sent {
        assert_eq!((&*sent.method, &*sent.url, &*sent.body), ("POST", "https://a.example/told", &b"QuotaExceeded"[..]));
    }
}

#[test]
fn a_request_can_be_mirrored() {
    let config = json!({ "mode": "copy", "set-url": "https://mirror.example${request.path}" });
    let gateway = Gateway::<Statement>::with(config).unwrap();
    gateway.expression("https://mirror.example${request.path}", "https://mirror.example/a");
    let request = testing::Request::post("/a").with_header("x-client", "1").with_body("the body");
    let outcome = gateway.request(request);
    assert_eq!(outcome.request.body(), b"the body");
    let sent = gateway.world().http_requests().remove(0);
    assert_eq!((&*sent.url, &*sent.body), ("https://mirror.example/a", &b"the body"[..]));
    assert_eq!(sent.headers[0].name, "x-client");
}

#[test]
fn whatever_goes_wrong_fails_nothing() {
    for error in [HttpError::Timeout, HttpError::Other("too many".into())] {
        let gateway = Gateway::<Statement>::with(json!({ "set-url": "https://a.example" })).unwrap();
        let logged = matches!(error, HttpError::Other(_));
        gateway.world().on_http(move |_| Err(error.clone()));
        let outcome = gateway.request(testing::Request::get("/"));
        assert_eq!(outcome.verdict, Verdict::Next);
        assert!(outcome.variables.is_empty());
        assert_eq!(gateway.world().log().len(), usize::from(logged));
    }
}

#[test]
fn a_computed_url_that_is_none_is_a_line_in_the_log() {
    let gateway = Gateway::<Statement>::with(json!({ "set-url": "${variables.url}" })).unwrap();
    gateway.expression("${variables.url}", "nowhere");
    assert_eq!(gateway.request(testing::Request::get("/")).verdict, Verdict::Next);
    assert!(gateway.world().log()[0].1.contains("nowhere"));
}

#[test]
fn an_expression_that_fails_refuses_the_request() {
    let gateway = Gateway::<Statement>::with(json!({ "set-url": "${fails}" })).unwrap();
    let outcome = gateway.request(testing::Request::get("/"));
    assert_eq!(outcome.failure().unwrap().reason(), "ExpressionValueEvaluationFailure");
}

#[test]
fn what_is_missing_or_wrong_is_refused_with_its_place() {
    let pointer = |config: Value| Gateway::<Statement>::with(config).unwrap_err().pointer;
    assert_eq!(pointer(json!({})), "");
    assert_eq!(pointer(json!({ "set-url": "a" })), "/set-url");
    assert_eq!(pointer(json!({ "set-url": "http://a", "timeout": 1, "timeout-ms": 1 })), "/timeout-ms");
    assert_eq!(
        pointer(json!({ "set-url": "http://a", "set-header": { "name": "host", "value": "b" } })),
        "/set-header/name"
    );
    assert_eq!(pointer(json!({ "set-url": "http://a", "response-variable-name": "b" })), "");
}
