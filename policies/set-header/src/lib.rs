//! `set-header`: set, add to or remove a header of the request, the response or the answer to an error.

use policy_headers::{HeaderEdit, SetHeader};
use tollgate_sdk::{ConfigError, HeaderError, LastError, Policy, Request, Response, policy};

/// The statement, with its edit ready to be applied.
#[derive(Debug)]
pub struct Statement(HeaderEdit);

/// Sets, adds to or removes a header.
#[policy]
impl Policy for Statement {
    type Config = SetHeader;

    fn configure(config: SetHeader) -> Result<Self, ConfigError> {
        HeaderEdit::try_from(config).map(Self)
    }

    fn on_request(&self, request: &mut Request) -> Result<(), HeaderError> {
        self.0.apply(request)
    }

    fn on_response(&self, _: &Request, response: &mut Response) -> Result<(), HeaderError> {
        self.0.apply(response)
    }

    fn on_error(&self, _: &Request, response: &mut Response, _: &LastError) -> Result<(), HeaderError> {
        self.0.apply(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::Verdict;
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
