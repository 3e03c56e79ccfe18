//! `return-response`: stop, and answer with a response from the configuration or from a variable.

mod answer;
mod config;
mod stored;

use answer::Answer;
use config::Config;
use policy_bodies::Phase;
use tollgate_sdk::{ConfigError, LastError, Policy, Reply, Request, Response, Verdict, policy};

/// The statement, with its response as far as it is known.
#[derive(Debug)]
pub struct Statement(Answer);

/// Stops and answers with a response of its own.
#[policy(sections(inbound, backend, outbound, on_error))]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        Answer::new(config).map(Self)
    }

    fn on_request(&self, request: &mut Request) -> Result<Reply, Verdict> {
        self.0.reply(Phase::Request(request))
    }

    fn on_response(&self, request: &Request, response: &mut Response) -> Result<Reply, Verdict> {
        self.0.reply(Phase::Response(request, response))
    }

    fn on_error(&self, request: &Request, response: &mut Response, error: &LastError) -> Result<Reply, Verdict> {
        self.0.reply(Phase::Error(request, response, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::{Value, json};
    use tollgate_sdk::testing::{Exchange, Gateway, Request, Response};

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
    fn status_headers_and_body_may_be_expressions() {
        let gateway = Gateway::<Statement>::with(json!({
            "set-status": { "code": "${variables.code}", "reason": "${variables.why}" },
            "set-header": { "name": "x", "value": "${variables.x}" },
            "set-body": "Dear ${variables.name}",
        }))
        .unwrap();
        gateway.expression("${variables.code}", json!("418"));
        gateway.expression("${variables.why}", json!("Teapot"));
        gateway.expression("${variables.x}", json!(5));
        gateway.expression("Dear ${variables.name}", json!("Dear Ada"));
        let outcome = gateway.request(Request::get("/"));
        let response = outcome.response();
        assert_eq!((response.status(), response.reason()), (418, Some("Teapot")));
        assert_eq!((response.header_str("x"), response.body_str()), (Some("5"), Some("Dear Ada")));

        gateway.expression("${variables.code}", json!(204));
        assert_eq!(gateway.request(Request::get("/")).response().body(), b"");
        gateway.expression("${variables.why}", json!("a\nb"));
        assert!(matches!(gateway.request(Request::get("/")).verdict, Verdict::Fail(_)));
        gateway.expression("${variables.code}", json!(99));
        let outcome = gateway.request(Request::get("/"));
        assert_eq!(outcome.failure().unwrap().reason(), "ExpressionValueEvaluationFailure");
    }

    #[test]
    fn a_stored_response_is_given_with_the_children_applied() {
        let stored = json!({
            "status": 201,
            "reason": "Made",
            "headers": { "content-type": "text/plain", "x-a": "1", "content-encoding": "br" },
            "body": "stored",
        });
        let give = |more: Value| {
            let mut config = json!({ "response-variable-name": "answer" });
            config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let gateway = Gateway::<Statement>::with(config).unwrap();
            let mut exchange = Exchange::new(gateway.world(), Request::get("/"));
            exchange.variables.insert("answer".into(), stored.clone());
            assert!(matches!(gateway.on_request(&mut exchange), Verdict::Respond(_)));
            exchange.response().clone()
        };
        let plain = give(json!({}));
        assert_eq!((plain.status(), plain.reason(), plain.body()), (201, Some("Made"), &b"stored"[..]));
        assert_eq!((plain.header_str("x-a"), plain.header_str("content-encoding")), (Some("1"), Some("br")));
        let patched = give(json!({ "set-status": { "code": 202 }, "headers": { "x-a": "2" }, "set-body": "new" }));
        assert_eq!((patched.status(), patched.reason(), patched.body()), (202, None, &b"new"[..]));
        assert_eq!(patched.header_values("x-a"), ["2"]);
        assert_eq!(patched.header_str("content-type"), Some("text/plain"));
        assert_eq!(patched.header("content-encoding"), None);
    }

    #[test]
    fn a_variable_without_a_response_fails_the_statement() {
        let gateway = Gateway::<Statement>::with(json!({ "response-variable-name": "answer" })).unwrap();
        for value in [None, Some(json!(null)), Some(json!("text")), Some(json!({ "status": 99 }))] {
            let mut exchange = Exchange::new(gateway.world(), Request::get("/"));
            exchange.variables.extend(value.map(|value| ("answer".into(), value)));
            let verdict = gateway.on_request(&mut exchange);
            assert!(matches!(&verdict, Verdict::Fail(why) if why.contains("`answer`")), "{verdict:?}");
        }
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
