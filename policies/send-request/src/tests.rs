//! The statement `send-request` on the SDK's test gateway.

use super::*;
use std::time::Duration;
use tollgate_sdk::http_client::Response as Answer;
use tollgate_sdk::serde_json::json;
use tollgate_sdk::testing::{self, Exchange, Gateway, Outcome};

/// The statement with a variable `answer` and a URL, and more; whoever is asked answers 200.
fn gateway(more: Value) -> Gateway<Statement> {
    let mut config = json!({ "response-variable-name": "answer", "set-url": "https://a.example/ask" });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let gateway = Gateway::<Statement>::with(config).unwrap();
    gateway.world().on_http(|_| Ok(Answer::new(200)));
    gateway
}

fn copying(more: Value) -> Gateway<Statement> {
    let mut config = json!({ "response-variable-name": "answer", "mode": "copy" });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let gateway = Gateway::<Statement>::with(config).unwrap();
    gateway.world().on_http(|_| Ok(Answer::new(200)));
    gateway
}

/// What is sent for a request.
fn sent(gateway: &Gateway<Statement>, request: testing::Request) -> http_client::Request {
    let outcome = gateway.request(request);
    assert_eq!(outcome.verdict, Verdict::Next);
    gateway.world().http_requests().pop().unwrap()
}

fn lines(request: &http_client::Request) -> Vec<(&str, &str)> {
    request.headers.iter().map(|field| (&*field.name, std::str::from_utf8(&field.value).unwrap())).collect()
}

fn get() -> testing::Request {
    testing::Request::get("/a")
}

fn refused(outcome: &Outcome) -> (u16, &str, &str) {
    let failure = outcome.failure().unwrap();
    (failure.status(), failure.reason(), failure.message())
}

fn error() -> LastError {
    LastError { source: "quota".into(), reason: "QuotaExceeded".into(), message: String::new(), statement_id: None }
}

#[test]
fn the_response_is_a_map() {
    let gateway = gateway(json!({}));
    gateway.world().on_http(|_| {
        let answer = Answer { reason: Some("Created".into()), ..Answer::new(201) };
        Ok(answer.with_header("X-A", "1").with_header("etag", "e").with_header("x-a", "2").with_body("héllo"))
    });
    let outcome = gateway.request(get());
    assert_eq!(outcome.verdict, Verdict::Next);
    let map = json!({ "status": 201, "reason": "Created", "headers": { "x-a": "1, 2", "etag": "e" }, "body": "héllo" });
    assert_eq!(outcome.variables["answer"], map);
}

#[test]
fn a_body_that_is_no_text_is_in_base64() {
    let gateway = gateway(json!({}));
    gateway.world().on_http(|_| Ok(Answer::new(200).with_body(*b"\xff\x00")));
    let map = json!({ "status": 200, "reason": "", "headers": {}, "body_base64": "/wA=" });
    assert_eq!(gateway.request(get()).variables["answer"], map);
}

#[test]
fn a_new_request_has_nothing_of_the_clients() {
    let gateway = gateway(json!({}));
    let request = testing::Request::post("/a").with_header("x-client", "1").with_body("the body");
    let sent = sent(&gateway, request);
    assert_eq!((&*sent.method, &*sent.url), ("GET", "https://a.example/ask"));
    assert!(sent.headers.is_empty() && sent.body.is_empty());
    assert_eq!(sent.timeout, Duration::from_secs(60));
}

#[test]
fn the_children_make_the_request() {
    let gateway = gateway(json!({
        "set-url": "https://${variables.host}/",
        "set-method": "${variables.method}",
        "set-header": [{ "name": "X-A", "value": ["1", "2"] }, { "name": "authorization", "value": "x" }],
        "set-body": "${variables.body}",
        "timeout": "${variables.seconds}",
        "authentication-basic": { "username": "a", "password": "${variables.password}" },
    }));
    for (text, value) in [
        ("https://${variables.host}/", json!("https://b.example/")),
        ("${variables.method}", json!("PUT")),
        ("${variables.body}", json!({ "a": 1 })),
        ("${variables.seconds}", json!(1.5)),
        ("${variables.password}", json!("b")),
    ] {
        gateway.expression(text, value);
    }
    let sent = sent(&gateway, get());
    assert_eq!((&*sent.method, &*sent.url, &*sent.body), ("PUT", "https://b.example/", &br#"{"a":1}"#[..]));
    assert_eq!(lines(&sent), [("x-a", "1, 2"), ("authorization", "Basic YTpi")]);
    assert_eq!(sent.timeout, Duration::from_millis(1500));
}

#[test]
fn a_body_may_be_bytes() {
    let gateway = gateway(json!({ "set-body": "${request.body}" }));
    gateway.world().expression_bytes("${request.body}", b"\xff");
    assert_eq!(sent(&gateway, get()).body, b"\xff");
}

#[test]
fn timeouts_that_are_computed_are_brought_into_their_range() {
    let gateway = gateway(json!({ "timeout-ms": "${left}" }));
    for (left, ms) in [(0, 1), (5, 5), (1_000_000, 240_000)] {
        gateway.expression("${left}", left);
        assert_eq!(sent(&gateway, get()).timeout, Duration::from_millis(ms));
    }
}

#[test]
fn a_copy_is_the_clients_request_without_its_connection() {
    let gateway = copying(json!({ "set-url": "https://a.example/ask" }));
    let request = testing::Request::post("/a")
        .with_header("Host", "api.example")
        .with_header("content-length", "8")
        .with_header("connection", "keep-alive, X-Hop")
        .with_header("x-hop", "1")
        .with_header("te", "trailers")
        .with_header("cookie", "a=1")
        .with_header("cookie", "b=2")
        .with_body("the body");
    let sent = sent(&gateway, request);
    assert_eq!((&*sent.method, &*sent.url, &*sent.body), ("POST", "https://a.example/ask", &b"the body"[..]));
    assert_eq!(lines(&sent), [("cookie", "a=1"), ("cookie", "b=2")]);
}

#[test]
fn the_children_change_a_copy() {
    let gateway = copying(json!({
        "set-method": "GET",
        "set-header": [{ "name": "x-a", "exists-action": "append", "value": "2" }, { "name": "x-b", "exists-action": "delete" }],
        "set-body": "",
    }));
    let request = testing::Request::post("/a").with_header("x-a", "1").with_header("x-b", "1").with_body("the body");
    let sent = sent(&gateway, request);
    assert_eq!((&*sent.method, &*sent.body), ("GET", &b""[..]));
    assert_eq!(lines(&sent), [("x-a", "1, 2")]);
}

#[test]
fn a_copy_goes_to_the_requests_own_backend() {
    let gateway = copying(json!({}));
    let url = |path: &str, api: &str| sent(&gateway, testing::Request::get(path).with_api_path(api)).url;
    assert_eq!(url("/shop/a?x=1", "shop"), "https://origin.example/a?x=1");
    assert_eq!(url("/a", ""), "https://origin.example/a");
}

#[test]
fn a_mode_can_be_computed() {
    let gateway = gateway(json!({ "mode": "${variables.mode}" }));
    let request = || testing::Request::post("/a").with_header("x-client", "1").with_body("the body");
    gateway.expression("${variables.mode}", "copy");
    let copied = sent(&gateway, request());
    assert_eq!((copied.headers.len(), &*copied.body), (1, &b"the body"[..]));
    gateway.expression("${variables.mode}", "new");
    let new = sent(&gateway, request());
    assert_eq!((new.headers.len(), &*new.body), (0, &b""[..]));
    gateway.expression("${variables.mode}", "move");
    assert_eq!(refused(&gateway.request(request())).1, "ExpressionValueEvaluationFailure");
}

#[test]
fn the_clients_body_is_read_only_if_it_is_copied() {
    let large = || testing::Request::post("/a").with_body(vec![0; (16 << 20) + 1]);
    assert_eq!(gateway(json!({})).request(large()).verdict, Verdict::Next);
    assert_eq!(copying(json!({ "set-body": "b" })).request(large()).verdict, Verdict::Next);
    assert!(matches!(copying(json!({})).request(large()).verdict, Verdict::Fail(_)));
}

#[test]
fn later_sections_copy_all_but_the_body() {
    let gateway = copying(json!({}));
    let request = || testing::Request::post("/a").with_header("x-client", "1").with_body("the body");
    gateway.response(request(), testing::Response::new(200));
    gateway.error(request(), testing::Response::new(403), error());
    let sent = gateway.world().http_requests();
    assert_eq!(sent.len(), 2);
    for sent in sent {
        assert_eq!((&*sent.method, &*sent.body), ("POST", &b""[..]));
        assert_eq!(lines(&sent), [("x-client", "1")]);
    }
}

#[test]
fn no_answer_refuses_the_request_and_the_log_knows_why() {
    for (error, reason, logged) in [
        (HttpError::Connect("nobody listens".into()), "BackendConnectionFailure", "nobody listens"),
        (HttpError::NotGranted("a.example".into()), "BackendConnectionFailure", "a.example"),
        (HttpError::TooLarge, "BackendConnectionFailure", "too large"),
        (HttpError::Timeout, "Timeout", "in time"),
    ] {
        let answer = error.clone();
        let strict = gateway(json!({}));
        strict.world().on_http(move |_| Err(answer.clone()));
        let outcome = strict.request(get());
        assert_eq!(refused(&outcome), (500, reason, "Internal server error."));
        assert!(!outcome.variables.contains_key("answer"));
        let (level, line) = strict.world().log().remove(0);
        assert!(level == log::Level::Error && line.contains(logged), "{line}");

        let lenient = gateway(json!({ "ignore-error": true }));
        lenient.world().on_http(move |_| Err(error.clone()));
        let outcome = lenient.request(get());
        assert_eq!(outcome.verdict, Verdict::Next);
        assert_eq!(outcome.variables["answer"], Value::Null);
    }
}

#[test]
fn any_status_is_a_response_unless_told_otherwise() {
    let with_status = |more: Value, status: u16| {
        let gateway = gateway(more);
        gateway.world().on_http(move |_| Ok(Answer::new(status)));
        gateway.request(get())
    };
    assert_eq!(with_status(json!({}), 500).variables["answer"]["status"], 500);
    let fail = json!({ "fail-on-error-status-code": true });
    assert_eq!(with_status(fail.clone(), 399).variables["answer"]["status"], 399);
    assert_eq!(refused(&with_status(fail, 400)), (500, "ErrorStatusCode", "Internal server error."));
    let ignore = json!({ "fail-on-error-status-code": true, "ignore-error": true });
    assert_eq!(with_status(ignore, 503).variables["answer"], Value::Null);
}

#[test]
fn an_expression_that_fails_is_no_ignored_error() {
    for more in [
        json!({ "set-url": "${fails}" }),
        json!({ "set-method": "${fails}" }),
        json!({ "set-body": "${fails}" }),
        json!({ "timeout": "${fails}" }),
        json!({ "authentication-basic": { "username": "${fails}", "password": "" } }),
    ] {
        let mut more = more;
        more["ignore-error"] = json!(true);
        let gateway = gateway(more);
        assert_eq!(refused(&gateway.request(get())).1, "ExpressionValueEvaluationFailure");
        assert!(gateway.world().http_requests().is_empty());
    }
}

#[test]
fn statements_after_one_another_see_what_the_first_has_got() {
    let gateway = gateway(json!({}));
    let mut exchange = Exchange::new(gateway.world(), get());
    assert_eq!(gateway.on_request(&mut exchange), Verdict::Next);
    assert_eq!(exchange.variables["answer"]["status"], 200);
    exchange.answer(testing::Response::new(200));
    gateway.world().on_http(|_| Ok(Answer::new(404)));
    assert_eq!(gateway.on_response(&mut exchange), Verdict::Next);
    assert_eq!(exchange.variables["answer"]["status"], 404);
}

#[test]
fn what_is_missing_or_wrong_is_refused_with_its_place() {
    let pointer = |more: Value| {
        let mut config = json!({ "response-variable-name": "answer", "set-url": "https://a.example" });
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Gateway::<Statement>::with(config).unwrap_err().pointer
    };
    assert_eq!(pointer(json!({ "response-variable-name": "" })), "/response-variable-name");
    assert_eq!(pointer(json!({ "set-url": "/a" })), "/set-url");
    assert_eq!(pointer(json!({ "set-method": "A B" })), "/set-method");
    assert_eq!(pointer(json!({ "mode": "move" })), "/mode");
    assert_eq!(pointer(json!({ "timeout": 0 })), "/timeout");
    assert_eq!(pointer(json!({ "timeout": 240.5 })), "/timeout");
    assert_eq!(pointer(json!({ "timeout-ms": 240_001 })), "/timeout-ms");
    assert_eq!(pointer(json!({ "timeout": 1, "timeout-ms": 1 })), "/timeout-ms");
    assert_eq!(pointer(json!({ "set-header": [{ "name": "a", "value": "1" }, { "name": "b" }] })), "/set-header/1");
    assert_eq!(pointer(json!({ "set-header": { "name": "a", "value": "\n" } })), "/set-header/value");
    let basic = json!({ "username": "a:b", "password": "" });
    assert_eq!(pointer(json!({ "authentication-basic": basic })), "/authentication-basic/username");
    for config in [json!({ "response-variable-name": "a" }), json!({ "set-url": "https://a.example" })] {
        assert_eq!(Gateway::<Statement>::with(config).unwrap_err().pointer, "");
    }
}

#[test]
fn the_manifest_says_where_it_stands_and_what_it_refuses() {
    let manifest = Gateway::<Statement>::manifest();
    assert_eq!(manifest["sections"], json!(["inbound", "backend", "outbound", "on-error"]));
    let rejections = manifest["rejections"].as_array().unwrap().iter();
    let refused: Vec<(u64, &str)> =
        rejections.map(|known| (known["status"].as_u64().unwrap(), known["reason"].as_str().unwrap())).collect();
    let of_templates = ["JsonInvalid", "XmlInvalid", "ContentEncodingUnsupported"];
    let expected: Vec<(u64, &str)> = ["BackendConnectionFailure", "Timeout", "ErrorStatusCode"]
        .map(|reason| (500, reason))
        .into_iter()
        .chain([400, 400, 415].into_iter().zip(of_templates))
        .chain(of_templates.map(|reason| (502, reason)))
        .collect();
    assert_eq!(refused, expected);
}
