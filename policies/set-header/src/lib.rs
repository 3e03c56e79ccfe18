//! `set-header`: set, add to or remove a header of the request, the response or the answer to an error.

mod host;

use policy_headers::{HeaderEdit, SetHeader};
use tollgate_sdk::{ConfigError, Dynamic, LastError, Policy, Request, Response, Verdict, backend, policy};

/// The statement, with its edit ready to be applied.
#[derive(Debug)]
pub enum Statement {
    /// Of a header like any other.
    Header(HeaderEdit),
    /// Of `Host`, which says whom the request is for.
    Host(Dynamic<String>),
}

/// Sets, adds to or removes a header.
#[policy(sections(inbound, backend, outbound, on_error))]
impl Policy for Statement {
    type Config = SetHeader;

    fn configure(config: SetHeader) -> Result<Self, ConfigError> {
        match host::is_named(&config) {
            true => host::checked(config).map(Self::Host),
            false => HeaderEdit::try_from(config).map(Self::Header),
        }
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        match self {
            Self::Header(edit) => edit.apply(request),
            Self::Host(host) => Ok(backend::set_host(&host.get()?)?),
        }
    }

    fn on_response(&self, _: &Request, response: &mut Response) -> Result<(), Verdict> {
        self.edit_response(response)
    }

    fn on_error(&self, _: &Request, response: &mut Response, _: &LastError) -> Result<(), Verdict> {
        self.edit_response(response)
    }
}

impl Statement {
    fn edit_response(&self, response: &mut Response) -> Result<(), Verdict> {
        match self {
            Self::Header(edit) => edit.apply(response),
            Self::Host(_) => Err(Verdict::fail("`host` is a header of requests")),
        }
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
    fn host_is_whom_the_request_is_for() {
        let gateway = Gateway::<Statement>::with(json!({ "name": "Host", "value": "shop.example:8443" })).unwrap();
        let outcome = gateway.request(Request::get("/"));
        assert_eq!(
            (outcome.verdict.clone(), outcome.request.header_str("host")),
            (Verdict::Next, Some("shop.example:8443"))
        );
        assert!(matches!(gateway.response(Request::get("/"), Response::new(200)).verdict, Verdict::Fail(_)));

        let gateway = Gateway::<Statement>::with(json!({ "name": "host", "value": "${variables.host}" })).unwrap();
        gateway.expression("${variables.host}", json!("a/b"));
        assert!(matches!(gateway.request(Request::get("/")).verdict, Verdict::Fail(why) if why.contains("`a/b`")));
        gateway.expression("${variables.host}", json!("[::1]:80"));
        assert_eq!(gateway.request(Request::get("/")).request.header_str("host"), Some("[::1]:80"));
    }

    #[test]
    fn host_is_overridden_by_one_value_only() {
        for (config, pointer) in [
            (json!({ "name": "Host", "exists-action": "delete" }), "/exists-action"),
            (json!({ "name": "Host", "exists-action": "append", "value": "a" }), "/exists-action"),
            (json!({ "name": "Host", "value": ["a", "b"] }), "/value"),
            (json!({ "name": "Host", "value": "https://a" }), "/value"),
            (json!({ "name": "Host", "value": "" }), "/value"),
            (json!({ "name": "Host" }), ""),
        ] {
            assert_eq!(Gateway::<Statement>::with(config.clone()).unwrap_err().pointer, pointer, "{config}");
        }
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
