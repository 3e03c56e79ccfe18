//! `validate-content`: hold bodies against what the operation has.

mod body;
mod config;
mod head;
mod operations;

pub use config::Config;
use config::Rule;
use head::Head;
use operations::{Bodies, Form};
use policy_validation::{Action, Message, PerOperation, Report, Subject, Violation};
use tollgate_sdk::{BodyError, ConfigError, LastError, Policy, Request, Response, Verdict, policy};

/// The statement, with what it knows of operations.
#[derive(Debug)]
pub struct Statement {
    config: Config,
    rules: Vec<Rule>,
    operations: PerOperation<Bodies>,
}

/// Holds bodies against what the operation has.
#[policy(
    sections(inbound, outbound, on_error),
    buffer(on_request = "4MiB", on_response = "4MiB", on_error = "4MiB"),
    rejects(400 = "BadRequest", 502 = "ResponseNotAllowed")
)]
impl Policy for Statement {
    type Config = Config;

    fn configure(mut config: Config) -> Result<Self, ConfigError> {
        let rules = config.take_rules()?;
        Ok(Self { config, rules, operations: PerOperation::default() })
    }

    fn wants_request_body(&self, request: &Request) -> bool {
        !self.is_refused_unread(&Head::of(request))
    }

    fn wants_response_body(&self, request: &Request, response: &Response) -> bool {
        may_have_body(request, response) && !self.is_refused_unread(&Head::of(response))
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        let head = Head::of(request);
        // A client that says what it sends to a method that is there for sending can't get by with nothing.
        let sends = head.content_type.is_some() && matches!(request.method().as_str(), "POST" | "PUT" | "PATCH");
        let operation = self.operations.get(Bodies::of);
        self.check(Message::Request, &head, &operation.request, sends, || request.body())
    }

    fn on_response(&self, request: &Request, response: &mut Response) -> Result<(), Verdict> {
        if !may_have_body(request, response) {
            return Ok(());
        }
        let mut head = Head::of(response);
        // A part of a body can be looked at no more than a compressed one.
        head.is_encoded |= response.status() == 206;
        let (operation, sends) = (self.operations.get(Bodies::of), head.content_type.is_some());
        self.check(Message::Response, &head, operation.response(response.status()), sends, || response.body())
    }

    fn on_error(&self, request: &Request, response: &mut Response, _: &LastError) -> Result<(), Verdict> {
        self.on_response(request, response)
    }
}

fn may_have_body(request: &Request, response: &Response) -> bool {
    !matches!(response.status(), 204 | 205 | 304) && request.method() != "HEAD"
}

impl Statement {
    /// Whether the length that a message declares is enough to refuse it.
    fn is_refused_unread(&self, head: &Head) -> bool {
        head.length.is_some_and(|length| length > self.config.max_size)
            && self.config.size_exceeded_action.get().is_ok_and(|action| *action == Action::Prevent)
    }

    /// `sends`: whether an empty body is a body.
    fn check(
        &self,
        message: Message,
        head: &Head,
        forms: &[Form],
        sends: bool,
        body: impl FnOnce() -> Result<Vec<u8>, BodyError>,
    ) -> Result<(), Verdict> {
        let mut report = Report::new(message);
        let variable = self.config.errors_variable_name.as_deref();
        let size_action = *self.config.size_exceeded_action.get()?;
        if let Some(length) = head.length.filter(|_| self.is_refused_unread(head)) {
            report.add(size_action, self.too_large(message, length));
            return report.finish(variable);
        }
        let body = body()?;
        if body.is_empty() && !sends {
            return Ok(());
        }
        if body.len() as u64 > self.config.max_size {
            report.add(size_action, self.too_large(message, body.len() as u64));
            if size_action == Action::Prevent {
                return report.finish(variable);
            }
        }
        self.check_content(message, head, forms, &body, &mut report)?;
        report.finish(variable)
    }

    fn check_content(
        &self,
        message: Message,
        head: &Head,
        forms: &[Form],
        body: &[u8],
        report: &mut Report,
    ) -> Result<(), Verdict> {
        let taken_for = head.taken_for(&self.config.content_type_map)?;
        let form = forms.iter().find(|form| Some(&form.content_type) == taken_for.as_ref());
        let fits = |rule: &&Rule| match &rule.content_type {
            Some(content_type) => Some(content_type) == taken_for.as_ref(),
            None => form.is_some(),
        };
        let rule = self.rules.iter().find(fits);
        let name = taken_for.clone().unwrap_or_default();
        if form.is_none() && rule.is_none_or(|rule| rule.schema.is_none()) {
            let details = match name.as_str() {
                "" => "A missing content type is not allowed.".to_owned(),
                name => format!("Unspecified content type {name} is not allowed."),
            };
            let rule = policy_validation::Rule::Unspecified;
            let violation = Violation { subject: Subject::Body, name: name.clone(), rule, details };
            report.add(*self.config.unspecified_content_type_action.get()?, violation);
        }
        let Some(rule) = rule else { return Ok(()) };
        let action = *rule.action.get()?;
        if action == Action::Ignore {
            return Ok(());
        }
        for (broken, how) in self.wrongs(rule, form, head, body) {
            let details = format!("Body of the {} {how}.", describe(message));
            report.add(action, Violation { subject: Subject::Body, name: name.clone(), rule: broken, details });
        }
        Ok(())
    }

    fn wrongs(&self, rule: &Rule, form: Option<&Form>, head: &Head, body: &[u8]) -> Vec<body::Wrong> {
        if head.is_encoded {
            let how = "cannot be validated: it is compressed or a part".to_owned();
            return vec![(policy_validation::Rule::ValidationException, how)];
        }
        match &rule.schema {
            Some(schema) => body::wrongs(body, rule.form, Some(schema)),
            None => {
                let schema = form.and_then(|form| form.schema(rule.adjustment));
                body::wrongs(body, rule.form, schema.as_deref())
            }
        }
    }

    fn too_large(&self, message: Message, size: u64) -> Violation {
        let (whose, max) = (describe(message), self.config.max_size);
        Violation {
            subject: Subject::Body,
            name: String::new(),
            rule: policy_validation::Rule::SizeLimit,
            details: format!("Body of the {whose} is {size} bytes long, and it exceeds the limit of {max} bytes."),
        }
    }
}

fn describe(message: Message) -> &'static str {
    match message {
        Message::Request => "request",
        Message::Response => "response",
    }
}

#[cfg(test)]
mod tests;
