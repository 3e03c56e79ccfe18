//! `set-header`: set, add to or remove a header of the request, the response or the answer to an error.

use policy_headers::{HeaderEdit, SetHeader};
use tollgate_sdk::{ConfigError, LastError, Policy, Request, Response, Verdict, policy};

/// The statement, with its edit ready to be applied.
#[derive(Debug)]
pub struct Statement(HeaderEdit);

/// Sets, adds to or removes a header.
#[policy(sections(inbound, backend, outbound, on_error))]
impl Policy for Statement {
    type Config = SetHeader;

    fn configure(config: SetHeader) -> Result<Self, ConfigError> {
        HeaderEdit::try_from(config).map(Self)
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        self.0.apply(request)
    }

    fn on_response(&self, _: &Request, response: &mut Response) -> Result<(), Verdict> {
        self.0.apply(response)
    }

    fn on_error(&self, _: &Request, response: &mut Response, _: &LastError) -> Result<(), Verdict> {
        self.0.apply(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::json;
    use tollgate_sdk::testing::{Gateway, Request, Response};

    fn error() -> LastError {
        LastError { source: "quota".into(), reason: "QuotaExceeded".into(), message: String::new(), statement_id: None }
    }

    #[test]
    fn it_edits_the_message_of_its_section() {
        let gateway = Gateway::<Statement>::with(json!({ "name": "X-Tenant", "value": ["a", "b"] })).unwrap();
        let outcome = gateway.request(Request::get("/").with_header("x-tenant", "old"));
        assert_eq!(outcome.verdict, Verdict::Next);
        assert_eq!(outcome.request.header_values("x-tenant"), ["a, b"]);

        let outcome = gateway.response(Request::get("/"), Response::new(200));
        assert_eq!(outcome.response().header_str("x-tenant"), Some("a, b"));
        assert_eq!(outcome.request.header("x-tenant"), None);

        let outcome = gateway.error(Request::get("/"), Response::new(403), error());
        assert_eq!(outcome.response().header_str("x-tenant"), Some("a, b"));
        assert_eq!(outcome.response().status(), 403);
    }

    #[test]
    fn name_action_and_values_may_be_expressions() {
        let gateway = Gateway::<Statement>::with(json!({
            "name": "${variables.name}",
            "exists-action": "${variables.action}",
            "value": ["a", "b-${request.method}"],
        }))
        .unwrap();
        gateway.expression("${variables.name}", json!("X-Tenant"));
        gateway.expression("${variables.action}", json!("append"));
        gateway.expression("b-${request.method}", json!("b-GET"));
        let outcome = gateway.request(Request::get("/").with_header("x-tenant", "old"));
        assert_eq!(outcome.request.header_values("x-tenant"), ["old, a, b-GET"]);
    }

    #[test]
    fn an_expression_gives_no_header_that_is_the_gateways() {
        let gateway = Gateway::<Statement>::with(json!({ "name": "${variables.name}", "value": "x" })).unwrap();
        gateway.expression("${variables.name}", json!("Content-Length"));
        let outcome = gateway.request(Request::get("/"));
        let failure = outcome.failure().unwrap();
        assert_eq!((failure.status(), failure.reason()), (500, "ExpressionValueEvaluationFailure"));

        let gateway = Gateway::<Statement>::with(json!({ "name": "x", "value": "${variables.value}" })).unwrap();
        gateway.expression("${variables.value}", json!("a\r\nb: c"));
        let outcome = gateway.request(Request::get("/"));
        assert!(matches!(outcome.verdict, Verdict::Fail(_)));
        assert_eq!(outcome.request.header("x"), None);
    }

    #[test]
    fn an_expression_may_decide_that_no_value_is_needed() {
        let gateway =
            Gateway::<Statement>::with(json!({ "name": "x", "exists-action": "${variables.action}" })).unwrap();
        gateway.expression("${variables.action}", json!("delete"));
        let outcome = gateway.request(Request::get("/").with_header("x", "a"));
        assert_eq!((outcome.verdict.clone(), outcome.request.header("x")), (Verdict::Next, None));
        gateway.expression("${variables.action}", json!("override"));
        assert!(matches!(gateway.request(Request::get("/")).verdict, Verdict::Fail(_)));
    }

    #[test]
    fn the_gateways_own_headers_are_refused_at_load() {
        for name in ["Connection", "content-length", "Keep-Alive", "Transfer-Encoding"] {
            let refused = Gateway::<Statement>::with(json!({ "name": name, "value": "x" })).unwrap_err();
            assert_eq!(refused.pointer, "/name");
            assert!(refused.message.contains("belongs to the gateway"), "{refused}");
        }
    }

    #[test]
    fn the_schema_refuses_what_it_can_say() {
        for config in [
            json!({}),
            json!({ "name": "a b", "value": "x" }),
            json!({ "name": "a", "value": [] }),
            json!({ "name": "a", "value": 1 }),
            json!({ "name": "a", "value": "x", "exists-action": "replace" }),
            json!({ "name": "a", "value": "x", "values": [] }),
        ] {
            assert!(Gateway::<Statement>::with(config.clone()).is_err(), "{config}");
        }
    }

    #[test]
    fn the_manifest_needs_no_body() {
        let manifest = Gateway::<Statement>::manifest();
        assert_eq!(manifest["id"], "set-header");
        assert_eq!(manifest["summary"], "Sets, adds to or removes a header");
        assert_eq!(manifest["bodies"], json!({ "on-request": "none", "on-response": "none" }));
    }
}
