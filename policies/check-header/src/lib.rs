//! `check-header`: refuse requests that lack a header, or whose value isn't one of those allowed.

mod check;

use check::{Found, find};
use policy_headers::{FailureStatus, FieldName, Values};
use tollgate_sdk::{ConfigError, Dynamic, Failure, Policy, Request, Verdict, configuration, policy};

/// Which header, which values, and how to refuse.
#[configuration]
#[derive(Debug)]
pub struct Config {
    /// The header's name, in any case.
    name: Dynamic<FieldName>,
    /// The status of the refusal.
    failed_check_httpcode: Dynamic<FailureStatus>,
    /// The message of the refusal; otherwise one that names the header.
    #[serde(default)]
    failed_check_error_message: Option<Dynamic<String>>,
    /// Whether upper and lower case of ASCII letters are the same in values.
    #[serde(default)]
    ignore_case: Dynamic<bool>,
    /// The values allowed; without any, the header only has to be there.
    #[serde(default)]
    value: Option<Values>,
}

/// The statement.
#[derive(Debug)]
pub struct Statement(Config);

/// Refuses requests that lack a header or have another value than those allowed.
#[policy(sections(inbound), rejects(configured = "HeaderNotFound", configured = "HeaderValueNotAllowed"))]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        Ok(Self(config))
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        let name = self.0.name.get()?;
        let values = match &self.0.value {
            Some(values) => Some(values.get()?),
            // Nobody asks for what it holds.
            None if request.header(&name).is_some() => return Ok(()),
            None => None,
        };
        let (reason, otherwise) =
            match find(&request.header_values(&name), values.as_deref(), *self.0.ignore_case.get()?) {
                Found::Fine => return Ok(()),
                Found::Nothing => ("HeaderNotFound", format!("Header {} is missing.", &**name)),
                Found::Other => ("HeaderValueNotAllowed", format!("The value of header {} is not allowed.", &**name)),
            };
        let message = match &self.0.failed_check_error_message {
            Some(message) => message.get()?.into_owned(),
            None => otherwise,
        };
        Err(Failure::new(self.0.failed_check_httpcode.get()?.number(), reason, message).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::{Value, json};
    use tollgate_sdk::testing::{Gateway, Request};

    fn gateway(more: Value) -> Gateway<Statement> {
        let mut config = json!({ "name": "X-Plan", "failed-check-httpcode": 401 });
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Gateway::with(config).unwrap()
    }

    #[test]
    fn a_missing_header_is_refused_with_the_configured_code_and_text() {
        let outcome = gateway(json!({ "failed-check-error-message": "No plan." })).request(Request::get("/"));
        let failure = outcome.failure().unwrap();
        assert_eq!((failure.status(), failure.reason(), failure.message()), (401, "HeaderNotFound", "No plan."));
    }

    #[test]
    fn another_value_has_a_reason_of_its_own() {
        let gateway = gateway(json!({ "value": ["gold", "silver"] }));
        let request = |plan: &str| gateway.request(Request::get("/").with_header("x-plan", plan));
        assert_eq!(request("silver").verdict, Verdict::Next);
        let outcome = request("Gold");
        let failure = outcome.failure().unwrap();
        assert_eq!(failure.reason(), "HeaderValueNotAllowed");
        assert_eq!(failure.message(), "The value of header x-plan is not allowed.");
    }

    #[test]
    fn all_of_it_may_be_expressions() {
        let gateway = Gateway::<Statement>::with(json!({
            "name": "${variables.name}",
            "failed-check-httpcode": "${variables.code}",
            "failed-check-error-message": "No ${variables.name}.",
            "ignore-case": "${variables.lax}",
            "value": ["gold", "${variables.plan}"],
        }))
        .unwrap();
        gateway.expression("${variables.name}", json!("X-Plan"));
        gateway.expression("${variables.code}", json!(402));
        gateway.expression("No ${variables.name}.", json!("No X-Plan."));
        gateway.expression("${variables.lax}", json!(true));
        gateway.expression("${variables.plan}", json!("Silver"));
        let request = |plan: &str| gateway.request(Request::get("/").with_header("x-plan", plan));
        assert_eq!(request("SILVER").verdict, Verdict::Next);
        let outcome = request("bronze");
        let failure = outcome.failure().unwrap();
        assert_eq!((failure.status(), failure.message()), (402, "No X-Plan."));
        gateway.expression("${variables.code}", json!(200));
        assert_eq!(request("bronze").failure().unwrap().reason(), "ExpressionValueEvaluationFailure");
    }

    #[test]
    fn code_and_name_are_required_and_checked() {
        for config in [
            json!({ "name": "a" }),
            json!({ "failed-check-httpcode": 400 }),
            json!({ "name": "a", "failed-check-httpcode": 200 }),
            json!({ "name": "a", "failed-check-httpcode": 400, "ignore-case": "yes" }),
        ] {
            assert!(Gateway::<Statement>::with(config.clone()).is_err(), "{config}");
        }
    }
}
