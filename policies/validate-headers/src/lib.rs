//! `validate-headers`: hold a response's headers against what the operation has.

use policy_validation::{
    Action, Actions, Message, Operation, Override, Parameter, PerOperation, Place, Report, fields,
};
use tollgate_sdk::{ConfigError, Dynamic, LastError, Policy, Request, Response, Verdict, configuration, policy};

/// What becomes of headers that are not as the operation has them, and of those that it doesn't have.
#[configuration]
#[derive(Debug)]
pub struct Config {
    /// What becomes of errors about headers that the operation has.
    specified_header_action: Dynamic<Action>,
    /// What becomes of headers that it doesn't have.
    unspecified_header_action: Dynamic<Action>,
    /// The variable that gets the errors.
    #[serde(default)]
    #[schema(length(min = 1))]
    errors_variable_name: Option<String>,
    /// Actions for single headers, whether the operation has them or not.
    #[serde(default)]
    headers: Vec<Override>,
}

/// The statement, with what it knows of operations.
#[derive(Debug)]
pub struct Statement {
    actions: Actions,
    variable: Option<String>,
    /// The headers of each status.
    operations: PerOperation<Vec<(u16, Vec<Parameter>)>>,
}

/// Holds a response's headers against what the operation has.
#[policy(sections(outbound, on_error), once, rejects(502 = "ResponseNotAllowed"))]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let Config { specified_header_action, unspecified_header_action, errors_variable_name, headers } = config;
        let actions = Actions::of_headers(specified_header_action, unspecified_header_action, headers, "/headers")?;
        Ok(Self { actions, variable: errors_variable_name, operations: PerOperation::default() })
    }

    fn on_response(&self, _: &Request, response: &mut Response) -> Result<(), Verdict> {
        self.check(response)
    }

    fn on_error(&self, _: &Request, response: &mut Response, _: &LastError) -> Result<(), Verdict> {
        self.check(response)
    }
}

impl Statement {
    fn check(&self, response: &Response) -> Result<(), Verdict> {
        let (operation, actions) = (self.operations.get(headers_of), self.actions.resolve()?);
        let status = response.status();
        let known = operation.iter().find(|(known, _)| *known == status).map_or(&[][..], |(_, headers)| headers);
        let all = response.headers();
        let mut report = Report::new(Message::Response);
        for header in known {
            let action = actions.specified(&header.name)?;
            for violation in header.violations(&fields::values(&all, &header.name)) {
                report.add(action, violation);
            }
        }
        for name in fields::names(&all) {
            if !known.iter().any(|header| header.name == name) {
                report.add(actions.unspecified_header(name)?, Place::Header.unspecified(name));
            }
        }
        report.finish(self.variable.as_deref())
    }
}

fn headers_of(operation: &Operation) -> Vec<(u16, Vec<Parameter>)> {
    let headers = |written: &[_]| written.iter().map(|one| Parameter::new(Place::Header, one)).collect();
    operation.responses.iter().map(|response| (response.status, headers(&response.headers))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::{Value, json};
    use tollgate_sdk::testing::{Gateway, Outcome, Request, Response};

    fn call(more: Value, response: Response) -> Outcome {
        let mut config = json!({
            "specified-header-action": "prevent", "unspecified-header-action": "prevent", "errors-variable-name": "errors",
        });
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let definition = json!({ "responses": [
            { "status": 200, "headers": [
                { "name": "ETag", "required": true },
                { "name": "X-Left", "schema": { "type": "integer", "minimum": 0 } },
            ] },
            { "status": 404 },
        ] });
        let gateway = Gateway::<Statement>::with(config).unwrap();
        gateway.response(Request::get("/").with_operation_definition(definition), response)
    }

    fn errors(outcome: &Outcome) -> Vec<(String, String)> {
        let errors = outcome.variables.get("errors").and_then(Value::as_array).cloned().unwrap_or_default();
        let word = |error: &Value, key: &str| error[key].as_str().unwrap().to_owned();
        assert!(errors.iter().all(|error| error["Type"] == "ResponseHeader"));
        errors.iter().map(|error| (word(error, "Name"), word(error, "ValidationRule"))).collect()
    }

    fn pair(name: &str, rule: &str) -> (String, String) {
        (name.to_owned(), rule.to_owned())
    }

    fn fine() -> Response {
        Response::new(200)
            .with_header("etag", "\"1\"")
            .with_header("content-type", "text/plain")
            .with_header("date", "Tue, 01 Jan 2030 00:00:00 GMT")
    }

    #[test]
    fn what_the_operation_has_passes() {
        assert_eq!(call(json!({}), fine().with_header("x-left", "5")).verdict, Verdict::Next);
        assert_eq!(call(json!({}), Response::new(404)).verdict, Verdict::Next);
    }

    #[test]
    fn what_it_has_not_is_refused_in_words_that_tell_nothing() {
        for (response, error) in [
            (fine().with_header("x-left", "-1"), pair("x-left", "IncorrectMessage")),
            (fine().with_header("x-left", "many"), pair("x-left", "IncorrectMessage")),
            (fine().with_header("x-powered-by", "PHP"), pair("x-powered-by", "Unspecified")),
            (Response::new(200), pair("etag", "IncorrectMessage")),
            (Response::new(404).with_header("etag", "\"1\""), pair("etag", "Unspecified")),
            (Response::new(500).with_header("x-a", "1").with_header("x-a", "2"), pair("x-a", "Unspecified")),
        ] {
            let outcome = call(json!({}), response);
            assert_eq!(errors(&outcome), [error]);
            let failure = outcome.failure().unwrap();
            assert_eq!((failure.status(), failure.reason()), (502, "ResponseNotAllowed"));
            assert!(failure.message().ends_with("Contact the API owner."));
        }
    }

    #[test]
    fn single_headers_have_actions_of_their_own() {
        let more = json!({
            "unspecified-header-action": "detect",
            "headers": [{ "name": "Set-Cookie", "action": "prevent" }, { "name": "Via", "action": "ignore" },
                        { "name": "ETag", "action": "ignore" }],
        });
        let response = Response::new(200).with_header("via", "x").with_header("server", "x");
        let outcome = call(more.clone(), response.clone());
        assert_eq!((outcome.verdict.clone(), errors(&outcome)), (Verdict::Next, vec![pair("server", "Unspecified")]));
        assert!(call(more, response.with_header("set-cookie", "a=1")).failure().is_some());
    }

    #[test]
    fn errors_are_looked_at_in_on_error() {
        let config = json!({ "specified-header-action": "ignore", "unspecified-header-action": "prevent" });
        let error = LastError {
            source: "quota".into(),
            reason: "QuotaExceeded".into(),
            message: String::new(),
            statement_id: None,
        };
        let gateway = Gateway::<Statement>::with(config).unwrap();
        let outcome = gateway.error(Request::get("/"), Response::new(403).with_header("retry-after", "5"), error);
        assert_eq!(outcome.failure().unwrap().status(), 502);
    }
}
