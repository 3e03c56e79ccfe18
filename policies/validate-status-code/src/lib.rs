//! `validate-status-code`: hold a response's status against what the operation has.

use policy_validation::{Action, Message, Operation, PerOperation, Report, Rule, Subject, Violation};
use tollgate_sdk::{ConfigError, Dynamic, LastError, Policy, Request, Response, Verdict, configuration, policy};

/// What becomes of a status that the operation doesn't have.
#[configuration]
#[derive(Debug)]
pub struct Config {
    /// What becomes of a status that the operation doesn't have.
    unspecified_status_code_action: Dynamic<Action>,
    /// The variable that gets the error.
    #[serde(default)]
    #[schema(length(min = 1))]
    errors_variable_name: Option<String>,
    /// Actions for single ones. They have no effect on a status that the operation has.
    #[serde(default)]
    status_codes: Vec<StatusCode>,
}

/// The action for one status.
#[configuration]
#[derive(Debug)]
pub struct StatusCode {
    /// The status.
    #[schema(range(min = 100, max = 599))]
    code: u16,
    /// What becomes of it.
    action: Dynamic<Action>,
}

/// The statement, with what it knows of operations.
#[derive(Debug)]
pub struct Statement {
    config: Config,
    operations: PerOperation<Vec<u16>>,
}

/// Holds a response's status against what the operation has.
#[policy(sections(outbound, on_error), once, rejects(502 = "ResponseNotAllowed"))]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let codes: Vec<u16> = config.status_codes.iter().map(|one| one.code).collect();
        for (index, code) in codes.iter().enumerate() {
            if codes.iter().take(index).any(|other| other == code) {
                let pointer = format!("/status-codes/{index}/code");
                return Err(ConfigError::new(pointer, format!("`{code}` is in the list already")));
            }
        }
        Ok(Self { config, operations: PerOperation::default() })
    }

    fn on_response(&self, _: &Request, response: &mut Response) -> Result<(), Verdict> {
        self.check(response.status())
    }

    fn on_error(&self, _: &Request, response: &mut Response, _: &LastError) -> Result<(), Verdict> {
        self.check(response.status())
    }
}

impl Statement {
    fn check(&self, status: u16) -> Result<(), Verdict> {
        let known = self.operations.get(|operation: &Operation| {
            operation.responses.iter().map(|response| response.status).collect::<Vec<_>>()
        });
        if known.contains(&status) {
            return Ok(());
        }
        let single = self.config.status_codes.iter().find(|one| one.code == status).map(|one| &one.action);
        let action = *single.unwrap_or(&self.config.unspecified_status_code_action).get()?;
        let mut report = Report::new(Message::Response);
        report.add(
            action,
            Violation {
                subject: Subject::StatusCode,
                name: status.to_string(),
                rule: Rule::Unspecified,
                details: format!("Response status code {status} is not allowed."),
            },
        );
        report.finish(self.config.errors_variable_name.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::{Value, json};
    use tollgate_sdk::testing::{Gateway, Outcome, Request, Response};

    fn call(config: Value, status: u16) -> Outcome {
        let definition = json!({ "responses": [{ "status": 200 }, { "status": 404 }] });
        let gateway = Gateway::<Statement>::with(config).unwrap();
        gateway.response(Request::get("/").with_operation_definition(definition), Response::new(status))
    }

    #[test]
    fn a_status_that_the_operation_has_passes() {
        let config = json!({ "unspecified-status-code-action": "prevent", "errors-variable-name": "errors" });
        for status in [200, 404] {
            let outcome = call(config.clone(), status);
            assert_eq!((outcome.verdict.clone(), outcome.variables.len()), (Verdict::Next, 0));
        }
        let outcome = call(config, 500);
        let failure = outcome.failure().unwrap();
        assert_eq!((failure.status(), failure.reason()), (502, "ResponseNotAllowed"));
        assert!(failure.message().ends_with("Contact the API owner."));
        let error = json!({ "Name": "500", "Type": "StatusCode", "ValidationRule": "Unspecified",
                            "Details": "Response status code 500 is not allowed.", "Action": "prevent" });
        assert_eq!(outcome.variables["errors"], json!([error]));
    }

    #[test]
    fn detect_records_and_ignore_does_not() {
        let config = |action| json!({ "unspecified-status-code-action": action, "errors-variable-name": "errors" });
        let outcome = call(config("detect"), 500);
        assert_eq!((outcome.verdict.clone(), outcome.variables.len()), (Verdict::Next, 1));
        let outcome = call(config("ignore"), 500);
        assert_eq!((outcome.verdict.clone(), outcome.variables.len()), (Verdict::Next, 0));
    }

    #[test]
    fn single_ones_count_only_where_the_operation_says_nothing() {
        let config = json!({ "unspecified-status-code-action": "prevent", "status-codes": [
            { "code": 503, "action": "ignore" }, { "code": 404, "action": "prevent" },
        ] });
        assert_eq!(call(config.clone(), 503).verdict, Verdict::Next);
        assert_eq!(call(config.clone(), 404).verdict, Verdict::Next);
        assert!(call(config, 500).failure().is_some());
    }

    #[test]
    fn errors_are_looked_at_in_on_error() {
        let error = LastError {
            source: "quota".into(),
            reason: "QuotaExceeded".into(),
            message: String::new(),
            statement_id: None,
        };
        let gateway = Gateway::<Statement>::with(json!({ "unspecified-status-code-action": "prevent" })).unwrap();
        assert_eq!(gateway.error(Request::get("/"), Response::new(403), error).failure().unwrap().status(), 502);
    }

    #[test]
    fn bad_configurations_are_refused_with_their_place() {
        let pointer = |config: Value| Gateway::<Statement>::with(config).unwrap_err().pointer;
        assert_eq!(pointer(json!({})), "");
        let codes = |codes: Value| json!({ "unspecified-status-code-action": "ignore", "status-codes": codes });
        assert_eq!(pointer(codes(json!([{ "code": 99, "action": "ignore" }]))), "/status-codes/0/code");
        let twice = json!([{ "code": 500, "action": "ignore" }, { "code": 500, "action": "detect" }]);
        assert_eq!(pointer(codes(twice)), "/status-codes/1/code");
    }
}
