//! `set-status`: answer with another status.

use policy_headers::{Status, is_header_value};
use tollgate_sdk::{ConfigError, Dynamic, LastError, Policy, Request, Response, Verdict, configuration, policy};

/// The status, and the reason phrase of HTTP/1.1.
#[configuration]
#[derive(Debug)]
pub struct Config {
    /// The status.
    code: Dynamic<Status>,
    /// The reason phrase, if it isn't the usual one.
    #[serde(default)]
    reason: Option<Dynamic<String>>,
}

/// The statement.
#[derive(Debug)]
pub struct Statement(Config);

/// Answers with another status.
#[policy(sections(outbound, on_error))]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        match config.reason.as_ref().and_then(Dynamic::literal) {
            Some(reason) if !is_header_value(reason) => {
                Err(ConfigError::new("/reason", "a reason can't hold control characters"))
            }
            _ => Ok(Self(config)),
        }
    }

    fn on_response(&self, _: &Request, response: &mut Response) -> Result<(), Verdict> {
        self.apply(response)
    }

    fn on_error(&self, _: &Request, response: &mut Response, _: &LastError) -> Result<(), Verdict> {
        self.apply(response)
    }
}

impl Statement {
    fn apply(&self, response: &mut Response) -> Result<(), Verdict> {
        let status = self.0.code.get()?.number();
        let reason = self.0.reason.as_ref().map(Dynamic::get).transpose()?;
        let reason = reason.as_ref().map(|reason| reason.as_str()).filter(|reason| !reason.is_empty());
        match response.set_status_with_reason(status, reason) {
            true => Ok(()),
            false => Err(Verdict::fail("a reason can't hold control characters")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::{Value, json};
    use tollgate_sdk::testing::{Gateway, Request, Response};

    fn after(config: Value) -> (u16, Option<String>) {
        let gateway = Gateway::<Statement>::with(config).unwrap();
        let outcome = gateway.response(Request::get("/"), Response::new(200));
        (outcome.response().status(), outcome.response().reason().map(Into::into))
    }

    #[test]
    fn status_and_reason_are_replaced() {
        assert_eq!(after(json!({ "code": 404 })), (404, None));
        assert_eq!(after(json!({ "code": 418, "reason": "Teapot" })), (418, Some("Teapot".into())));
        assert_eq!(after(json!({ "code": 204, "reason": "" })), (204, None));
    }

    #[test]
    fn in_on_error_the_client_gets_the_new_status() {
        let error = LastError {
            source: "quota".into(),
            reason: "QuotaExceeded".into(),
            message: "Out of call volume quota.".into(),
            statement_id: None,
        };
        let gateway = Gateway::<Statement>::with(json!({ "code": 429 })).unwrap();
        assert_eq!(gateway.error(Request::get("/"), Response::new(403), error).response().status(), 429);
    }

    #[test]
    fn both_may_be_expressions() {
        let gateway =
            Gateway::<Statement>::with(json!({ "code": "${variables.code}", "reason": "${variables.why}" })).unwrap();
        gateway.expression("${variables.code}", json!("503"));
        gateway.expression("${variables.why}", json!("Closed"));
        let outcome = gateway.response(Request::get("/"), Response::new(200));
        assert_eq!((outcome.response().status(), outcome.response().reason()), (503, Some("Closed")));
        gateway.expression("${variables.code}", json!(600));
        let outcome = gateway.response(Request::get("/"), Response::new(200));
        assert_eq!(outcome.failure().unwrap().reason(), "ExpressionValueEvaluationFailure");
        gateway.expression("${variables.code}", json!(503));
        gateway.expression("${variables.why}", json!("a\nb"));
        let outcome = gateway.response(Request::get("/"), Response::new(200));
        assert!(matches!(outcome.verdict, Verdict::Fail(_)));
    }

    #[test]
    fn what_is_no_status_is_refused_with_its_place() {
        let pointer = |config: Value| Gateway::<Statement>::with(config).unwrap_err().pointer;
        assert_eq!(pointer(json!({ "code": 600 })), "/code");
        assert_eq!(pointer(json!({ "code": 199 })), "/code");
        assert_eq!(pointer(json!({ "code": 200, "reason": "a\nb" })), "/reason");
        assert_eq!(pointer(json!({ "reason": "x" })), "");
    }
}
