//! The statement `trace` on the SDK's test gateway.

use super::*;
use tollgate_sdk::serde_json::{Value, json};
use tollgate_sdk::testing::{self, Gateway};

fn error() -> LastError {
    LastError { source: "quota".into(), reason: "QuotaExceeded".into(), message: String::new(), statement_id: None }
}

#[test]
fn a_line_has_all_that_was_said() {
    let gateway = Gateway::<Statement>::with(json!({
        "source": "exchange",
        "severity": "information",
        "message": "for ${request.path}",
        "metadata": { "tenant": "${variables.tenant}", "step": 1 },
    }))
    .unwrap();
    gateway.expression("for ${request.path}", "for /a");
    gateway.expression("${variables.tenant}", "acme");
    assert_eq!(gateway.request(testing::Request::get("/a")).verdict, Verdict::Next);
    let traces = gateway.world().traces();
    let [trace] = &traces[..] else { panic!("{traces:?}") };
    assert_eq!((&*trace.source, trace.level, &*trace.message), ("exchange", Level::Info, "for /a"));
    assert_eq!(trace.metadata, [("tenant".into(), "acme".into()), ("step".into(), "1".into())]);
}

#[test]
fn severities_are_levels() {
    for (config, level) in [
        (json!({ "source": "s", "message": "m" }), Level::Debug),
        (json!({ "source": "s", "message": "m", "severity": "verbose" }), Level::Debug),
        (json!({ "source": "s", "message": "m", "severity": "information" }), Level::Info),
        (json!({ "source": "s", "message": "m", "severity": "error" }), Level::Error),
    ] {
        let gateway = Gateway::<Statement>::with(config).unwrap();
        gateway.request(testing::Request::get("/"));
        assert_eq!(gateway.world().traces()[0].level, level);
    }
}

#[test]
fn every_section_can_speak() {
    let gateway = Gateway::<Statement>::with(json!({ "source": "s", "message": "m" })).unwrap();
    gateway.request(testing::Request::get("/"));
    gateway.response(testing::Request::get("/"), testing::Response::new(200));
    gateway.error(testing::Request::get("/"), testing::Response::new(403), error());
    assert_eq!(gateway.world().traces().len(), 3);
}

#[test]
fn an_expression_that_fails_refuses_the_request() {
    for config in [
        json!({ "source": "s", "message": "${fails}" }),
        json!({ "source": "s", "message": "m", "metadata": { "a": "${fails}" } }),
    ] {
        let outcome = Gateway::<Statement>::with(config).unwrap().request(testing::Request::get("/"));
        assert_eq!(outcome.failure().unwrap().reason(), "ExpressionValueEvaluationFailure");
    }
}

#[test]
fn what_is_missing_or_wrong_is_refused_with_its_place() {
    let pointer = |config: Value| Gateway::<Statement>::with(config).unwrap_err().pointer;
    assert_eq!(pointer(json!({ "source": "s" })), "");
    assert_eq!(pointer(json!({ "source": "", "message": "m" })), "/source");
    assert_eq!(pointer(json!({ "source": "s", "message": "m", "severity": "loud" })), "/severity");
    let metadata = json!([{ "name": "a", "value": "1" }, { "name": "b" }]);
    assert_eq!(pointer(json!({ "source": "s", "message": "m", "metadata": metadata })), "/metadata/1");
    assert_eq!(pointer(json!({ "source": "s", "message": "m", "metadata": 1 })), "/metadata");
}
