//! `validate-parameters`: hold a request's path, query and headers against what the operation has.

mod config;
mod query;

pub use config::Config;
use config::Kinds;
use policy_validation::{Action, Message, Operation, Parameter, PerOperation, Place, Report, fields};
use tollgate_sdk::{ConfigError, ExpressionError, Policy, Request, Verdict, policy};

/// The statement, with what it knows of operations.
#[derive(Debug)]
pub struct Statement {
    actions: Kinds,
    variable: Option<String>,
    operations: PerOperation<Parameters>,
}

/// An operation's parameters, ready to be asked.
#[derive(Debug)]
struct Parameters {
    path: Vec<Parameter>,
    query: Vec<Parameter>,
    headers: Vec<Parameter>,
}

/// Holds a request's path, query and headers against what the operation has.
#[policy(sections(inbound), once, rejects(400 = "BadRequest"))]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let (actions, variable) = config.split()?;
        Ok(Self { actions, variable, operations: PerOperation::default() })
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        let operation = self.operations.get(Parameters::of);
        let mut report = Report::new(Message::Request);
        self.path(request, &operation.path, &mut report)?;
        self.query(request, &operation.query, &mut report)?;
        self.headers(request, &operation.headers, &mut report)?;
        report.finish(self.variable.as_deref())
    }
}

impl Parameters {
    fn of(operation: &Operation) -> Self {
        let all = |place, written: &[_]| written.iter().map(|one| Parameter::new(place, one)).collect();
        Self {
            path: all(Place::Path, &operation.parameters.path),
            query: all(Place::Query, &operation.parameters.query),
            headers: all(Place::Header, &operation.parameters.header),
        }
    }
}

impl Statement {
    fn path(&self, request: &Request, known: &[Parameter], report: &mut Report) -> Result<(), ExpressionError> {
        let actions = self.actions.path.resolve()?;
        for parameter in known {
            let values: Vec<String> = request.parameter(&parameter.name).into_iter().collect();
            check(report, actions.specified(&parameter.name)?, parameter, || values);
        }
        Ok(())
    }

    fn query(&self, request: &Request, known: &[Parameter], report: &mut Report) -> Result<(), ExpressionError> {
        let actions = self.actions.query.resolve()?;
        for parameter in known {
            check(report, actions.specified(&parameter.name)?, parameter, || request.query_values(&parameter.name));
        }
        for name in query::names(&request.query().unwrap_or_default()) {
            if !known.iter().any(|parameter| parameter.name == name) {
                report.add(actions.unspecified(&name)?, Place::Query.unspecified(&name));
            }
        }
        Ok(())
    }

    fn headers(&self, request: &Request, known: &[Parameter], report: &mut Report) -> Result<(), ExpressionError> {
        let actions = self.actions.headers.resolve()?;
        let all = request.headers();
        for parameter in known {
            check(report, actions.specified(&parameter.name)?, parameter, || fields::values(&all, &parameter.name));
        }
        for name in fields::names(&all) {
            if !known.iter().any(|parameter| parameter.name == name) {
                report.add(actions.unspecified_header(name)?, Place::Header.unspecified(name));
            }
        }
        Ok(())
    }
}

fn check(report: &mut Report, action: Action, parameter: &Parameter, values: impl FnOnce() -> Vec<String>) {
    if action != Action::Ignore {
        for violation in parameter.violations(&values()) {
            report.add(action, violation);
        }
    }
}

#[cfg(test)]
mod tests;
