//! The statement `log-event` on the SDK's test gateway.

use super::*;
use tollgate_sdk::serde_json::json;
use tollgate_sdk::testing::{self, Gateway};

/// The message that a configuration's `message` becomes.
fn message(config: Value, given: Value) -> String {
    let gateway = Gateway::<Statement>::with(json!({ "logger-id": "audit", "message": config })).unwrap();
    gateway.expression("${given}", given);
    assert_eq!(gateway.request(testing::Request::get("/")).verdict, Verdict::Next);
    gateway.world().events().remove(0).message
}

#[test]
fn texts_stay_and_everything_else_becomes_json() {
    assert_eq!(message(json!("plain"), json!(null)), "plain");
    assert_eq!(message(json!("${given}"), json!("text")), "text");
    assert_eq!(message(json!("${given}"), json!(null)), "");
    assert_eq!(message(json!("${given}"), json!(7)), "7");
    assert_eq!(message(json!("${given}"), json!({ "b": 1, "a": [true] })), r#"{"b":1,"a":[true]}"#);
    assert_eq!(message(json!({ "b": "${given}", "a": ["${given}", 1] }), json!("x")), r#"{"b":"x","a":["x",1]}"#);
}

#[test]
fn what_an_expression_gives_is_not_taken_for_an_expression() {
    assert_eq!(message(json!("${given}"), json!({ "$expression": 0 })), r#"{"$expression":0}"#);
}

#[test]
fn a_record_is_kept_with_its_partition() {
    for (config, key) in [
        (json!({ "logger-id": "audit", "message": "m" }), None),
        (json!({ "logger-id": "audit", "message": "m", "partition-key": "${tenant}" }), Some("acme")),
        (json!({ "logger-id": "audit", "message": "m", "partition-id": 7 }), Some("7")),
    ] {
        let gateway = Gateway::<Statement>::with(config).unwrap();
        gateway.expression("${tenant}", "acme");
        gateway.request(testing::Request::get("/"));
        let event = gateway.world().events().remove(0);
        assert_eq!((&*event.log, event.partition_key.as_deref()), ("audit", key));
    }
}

#[test]
fn a_long_message_is_cut_at_a_characters_border() {
    let cut = message(json!("${given}"), json!(format!("x{}", "é".repeat(LONGEST))));
    assert_eq!(cut.len(), LONGEST - 1);
    let whole = message(json!("${given}"), json!("x".repeat(LONGEST)));
    assert_eq!(whole.len(), LONGEST);
}

#[test]
fn a_log_that_can_not_be_written_fails_nothing() {
    let gateway = Gateway::<Statement>::with(json!({ "logger-id": "nowhere", "message": "m" })).unwrap();
    gateway.world().add_event_log("audit");
    assert_eq!(gateway.request(testing::Request::get("/")).verdict, Verdict::Next);
    let (level, line) = gateway.world().log().remove(0);
    assert!(level == log::Level::Error && line.contains("nowhere"), "{line}");
}

#[test]
fn an_expression_that_fails_refuses_the_request() {
    for more in [json!({ "message": "${fails}" }), json!({ "message": "m", "partition-key": "${fails}" })] {
        let mut config = more;
        config["logger-id"] = json!("audit");
        let gateway = Gateway::<Statement>::with(config).unwrap();
        let outcome = gateway.request(testing::Request::get("/"));
        assert_eq!(outcome.failure().unwrap().reason(), "ExpressionValueEvaluationFailure");
        assert!(gateway.world().events().is_empty());
    }
}

#[test]
fn every_section_can_write() {
    let gateway = Gateway::<Statement>::with(json!({ "logger-id": "audit", "message": "m" })).unwrap();
    gateway.response(testing::Request::get("/"), testing::Response::new(200));
    let error = LastError {
        source: "quota".into(),
        reason: "QuotaExceeded".into(),
        message: String::new(),
        statement_id: None,
    };
    gateway.error(testing::Request::get("/"), testing::Response::new(403), error);
    assert_eq!(gateway.world().events().len(), 2);
}

#[test]
fn what_is_missing_or_wrong_is_refused_with_its_place() {
    let pointer = |config: Value| Gateway::<Statement>::with(config).unwrap_err().pointer;
    assert_eq!(pointer(json!({ "message": "m" })), "");
    assert_eq!(pointer(json!({ "logger-id": "audit" })), "");
    assert_eq!(pointer(json!({ "logger-id": "A b", "message": "m" })), "/logger-id");
    let both = json!({ "logger-id": "audit", "message": "m", "partition-key": "a", "partition-id": "1" });
    assert_eq!(pointer(both), "/partition-id");
}
