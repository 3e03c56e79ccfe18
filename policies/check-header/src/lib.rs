//! `check-header`: refuse requests that lack a header, or whose value isn't one of those allowed.

mod check;

use check::{Expected, Found};
use policy_headers::{FieldName, Texts};
use tollgate_sdk::{ConfigError, Failure, Policy, Request, configuration, policy};

/// Which header, which values, and how to refuse.
#[configuration]
pub struct Config {
    /// The header's name, in any case.
    name: FieldName,
    /// The status of the refusal.
    #[schema(range(min = 400, max = 599))]
    failed_check_httpcode: u16,
    /// The message of the refusal; otherwise one that names the header.
    #[serde(default)]
    failed_check_error_message: Option<String>,
    /// Whether upper and lower case of ASCII letters are the same in values.
    #[serde(default)]
    ignore_case: bool,
    /// The values allowed; without any, the header only has to be there.
    #[serde(default)]
    value: Option<Texts>,
}

/// The statement, with its refusals ready.
#[derive(Debug)]
pub struct Statement {
    name: FieldName,
    expected: Expected,
    missing: Failure,
    not_allowed: Failure,
}

/// Refuses requests that lack a header or have another value than those allowed.
#[policy]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let Config { name, failed_check_httpcode: status, failed_check_error_message, ignore_case, value } = config;
        let message = |otherwise: String| failed_check_error_message.clone().unwrap_or(otherwise);
        Ok(Self {
            missing: Failure::new(status, "HeaderNotFound", message(format!("Header {name} is missing."))),
            not_allowed: Failure::new(
                status,
                "HeaderValueNotAllowed",
                message(format!("The value of header {name} is not allowed.")),
            ),
            expected: Expected::new(value.map(Vec::from), ignore_case),
            name,
        })
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Failure> {
        match self.expected.find(&request.header_values(&self.name)) {
            Found::Fine => Ok(()),
            Found::Nothing => Err(self.missing.clone()),
            Found::Other => Err(self.not_allowed.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::Verdict;
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
