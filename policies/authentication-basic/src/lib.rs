//! `authentication-basic`: tell the backend a user name and a password.

use policy_credentials::Basic;
use tollgate_sdk::{ConfigError, Policy, Request, Verdict, policy};

/// The statement.
#[derive(Debug)]
pub struct Statement(Basic);

/// Tells the backend a user name and a password.
#[policy(sections(inbound), scopes(global, product, api, operation), once)]
impl Policy for Statement {
    type Config = Basic;

    fn configure(config: Basic) -> Result<Self, ConfigError> {
        config.checked().map(Self)
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        Ok(request.set_header("authorization", self.0.authorization()?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::json;
    use tollgate_sdk::testing::{Gateway, Request};

    #[test]
    fn the_clients_own_authorization_is_replaced() {
        let gateway = Gateway::<Statement>::with(json!({ "username": "Aladdin", "password": "open sesame" })).unwrap();
        let request = Request::get("/").with_header("authorization", "Bearer x").with_header("Authorization", "y");
        let outcome = gateway.request(request);
        assert_eq!(outcome.verdict, Verdict::Next);
        assert_eq!(outcome.request.header_values("authorization"), ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]);
    }

    #[test]
    fn both_parts_can_be_computed() {
        let config = json!({ "username": "${variables.tenant}", "password": "${variables.secret}" });
        let gateway = Gateway::<Statement>::with(config).unwrap();
        gateway.expression("${variables.tenant}", json!("a"));
        gateway.expression("${variables.secret}", json!(1));
        assert_eq!(gateway.request(Request::get("/")).request.header_str("authorization"), Some("Basic YTox"));
    }

    #[test]
    fn a_computed_user_name_with_a_colon_is_no_user_name() {
        let gateway = Gateway::<Statement>::with(json!({ "username": "${variables.u}", "password": "" })).unwrap();
        gateway.expression("${variables.u}", json!("a:b"));
        let outcome = gateway.request(Request::get("/").with_header("authorization", "Bearer x"));
        assert!(matches!(outcome.verdict, Verdict::Fail(_)), "{:?}", outcome.verdict);
        assert_eq!(outcome.request.header_str("authorization"), Some("Bearer x"));
    }

    #[test]
    fn an_expression_that_fails_refuses_the_request() {
        let gateway = Gateway::<Statement>::with(json!({ "username": "a", "password": "${variables.p}" })).unwrap();
        let outcome = gateway.request(Request::get("/"));
        let failure = outcome.failure().unwrap();
        assert_eq!((failure.status(), failure.reason()), (500, "ExpressionValueEvaluationFailure"));
    }

    #[test]
    fn what_is_missing_or_wrong_is_refused_with_its_place() {
        let pointer = |config| Gateway::<Statement>::with(config).unwrap_err().pointer;
        assert_eq!(pointer(json!({ "username": "a" })), "");
        assert_eq!(pointer(json!({ "username": "a:b", "password": "" })), "/username");
        assert_eq!(pointer(json!({ "username": "a", "password": 1 })), "/password");
    }

    #[test]
    fn it_stands_once_and_in_inbound_only() {
        let manifest = Gateway::<Statement>::manifest();
        assert_eq!(manifest["sections"], json!(["inbound"]));
        assert_eq!(manifest["once"], true);
    }
}
