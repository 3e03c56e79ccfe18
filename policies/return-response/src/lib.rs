//! `return-response`: stop, and answer with a response from the configuration.

mod answer;

use answer::{Answer, Config};
use tollgate_sdk::{ConfigError, LastError, Policy, Reply, Request, Response, policy};

/// The statement, with its response ready.
#[derive(Debug)]
pub struct Statement(Answer);

/// Stops and answers with a fixed response.
#[policy]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        Answer::new(config).map(Self)
    }

    fn on_request(&self, _: &mut Request) -> Reply {
        self.0.reply()
    }

    fn on_response(&self, _: &Request, _: &mut Response) -> Reply {
        self.0.reply()
    }

    fn on_error(&self, _: &Request, _: &mut Response, _: &LastError) -> Reply {
        self.0.reply()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::{Value, json};
    use tollgate_sdk::testing::{Gateway, Request, Response};

    fn answer(config: Value) -> Response {
        Gateway::<Statement>::with(config).unwrap().request(Request::get("/")).response().clone()
    }

    #[test]
    fn nothing_said_means_an_empty_200() {
        assert_eq!(answer(json!(null)), Response::new(200));
        assert_eq!(answer(json!({})), Response::new(200));
    }

    #[test]
    fn both_ways_to_write_it_mean_the_same() {
        let long = answer(json!({
            "set-status": { "code": 418, "reason": "Teapot" },
            "set-header": [{ "name": "Content-Type", "value": "text/plain" }, { "name": "x", "value": ["a", "b"] }],
            "set-body": "short and stout",
        }));
        assert_eq!((long.status(), long.reason()), (418, Some("Teapot")));
        let short = answer(json!({
            "status": 418,
            "headers": { "content-type": "text/plain", "X": ["a", "b"] },
            "body": "short and stout",
        }));
        assert_eq!(short.status(), 418);
        for response in [long, short] {
            assert_eq!(response.header_values("content-type"), ["text/plain"]);
            assert_eq!(response.header_values("x"), ["a, b"]);
            assert_eq!(response.body(), b"short and stout");
        }
    }

    #[test]
    fn it_answers_in_every_section() {
        let gateway = Gateway::<Statement>::with(json!({ "status": 204 })).unwrap();
        assert_eq!(gateway.response(Request::get("/"), Response::new(200)).response().status(), 204);
        let error = LastError {
            source: "quota".into(),
            reason: "QuotaExceeded".into(),
            message: String::new(),
            statement_id: None,
        };
        assert_eq!(gateway.error(Request::get("/"), Response::new(403), error).response().status(), 204);
    }

    #[test]
    fn what_is_no_response_is_refused_with_its_place() {
        let pointer = |config: Value| Gateway::<Statement>::with(config).unwrap_err().pointer;
        assert_eq!(pointer(json!({ "status": 99 })), "/status");
        assert_eq!(pointer(json!({ "set-status": { "code": 600 } })), "/set-status/code");
        assert_eq!(pointer(json!({ "set-status": { "code": 200, "reason": "a\nb" } })), "/set-status/reason");
        assert_eq!(pointer(json!({ "status": 200, "set-status": { "code": 200 } })), "/status");
        assert_eq!(pointer(json!({ "body": "a", "set-body": "b" })), "/body");
        assert_eq!(pointer(json!({ "status": 204, "body": "a" })), "/body");
        assert_eq!(pointer(json!({ "set-status": { "code": 304 }, "set-body": "a" })), "/set-body");
        assert_eq!(pointer(json!({ "headers": { "a": "1", "content-length": "1" } })), "/headers/content-length");
        assert_eq!(pointer(json!({ "headers": { "a": "\n" } })), "/headers/a");
        assert_eq!(pointer(json!({ "set-header": [{ "name": "a", "value": "1" }, { "name": "b" }] })), "/set-header/1");
        assert_eq!(pointer(json!({ "set-header": { "name": "a", "value": "\n" } })), "/set-header/value");
    }
}
