//! Errors as records, and what becomes of them.

use crate::action::Action;
use tollgate_sdk::serde_json::{Value, json};
use tollgate_sdk::{Failure, Verdict, log, variables};

/// What a client is told of an error that it can't mend.
const INTERNAL: &str = "The request could not be processed due to an internal error. Contact the API owner.";

/// Records of one call; further ones are left out.
const MAX_RECORDS: usize = 100;

/// Which message is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// Refused with 400.
    Request,
    /// Refused with 502: the client can't mend what the origin sends.
    Response,
}

/// What an error is about: `Type` of its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The body of the message that is looked at.
    Body,
    /// A parameter in the URL's template.
    PathParameter,
    /// A parameter in the query.
    QueryParameter,
    /// A header of the message that is looked at.
    Header,
    /// The response's status.
    StatusCode,
}

/// What was broken: `ValidationRule` of an error's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `SizeLimit`: too large.
    SizeLimit,
    /// `Unspecified`: the operation doesn't have this.
    Unspecified,
    /// `IncorrectMessage`: not as it should be.
    IncorrectMessage,
    /// `ValidationException`: it can't be validated, for a reason that isn't the client's business.
    ValidationException,
}

/// An error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What it is about.
    pub subject: Subject,
    /// The name of that: of a parameter or header, a media type, a status. Empty if it has none.
    pub name: String,
    /// What was broken.
    pub rule: Rule,
    /// In a sentence, for whoever reads the variable; and for the client, if it can mend it.
    pub details: String,
}

/// The errors of one call.
#[derive(Debug)]
pub struct Report {
    message: Message,
    records: Vec<Value>,
    /// What the client is told, if the message is refused.
    refusal: Option<String>,
}

impl Report {
    /// Nothing is wrong yet.
    pub fn new(message: Message) -> Self {
        Self { message, records: Vec::new(), refusal: None }
    }

    /// Take down an error, unless it is ignored.
    pub fn add(&mut self, action: Action, violation: Violation) {
        let Violation { subject, name, rule, details } = violation;
        if action == Action::Ignore {
            return;
        }
        if action == Action::Prevent && self.refusal.is_none() {
            let clients = self.message == Message::Request && rule != Rule::ValidationException;
            self.refusal = Some(if clients { details.clone() } else { INTERNAL.to_owned() });
        }
        if self.records.len() < MAX_RECORDS {
            self.records.push(json!({
                "Name": name,
                "Type": self.subject(subject),
                "ValidationRule": format!("{rule:?}"),
                "Details": details,
                "Action": action.name(),
            }));
        }
    }

    /// Set the variable, if there are errors, and refuse the message, if one of them prevents it.
    pub fn finish(self, variable: Option<&str>) -> Result<(), Verdict> {
        if self.records.is_empty() {
            return Ok(());
        }
        match variable {
            Some(name) => variables::set(name, &self.records)?,
            None => log::debug!("{} errors were found and are recorded nowhere", self.records.len()),
        }
        match (self.refusal, self.message) {
            (None, _) => Ok(()),
            (Some(message), Message::Request) => Err(Failure::new(400, "BadRequest", message).into()),
            (Some(message), Message::Response) => Err(Failure::new(502, "ResponseNotAllowed", message).into()),
        }
    }

    fn subject(&self, subject: Subject) -> &'static str {
        match (subject, self.message) {
            (Subject::Body, Message::Request) => "RequestBody",
            (Subject::Body, Message::Response) => "ResponseBody",
            (Subject::Header, Message::Request) => "RequestHeader",
            (Subject::Header, Message::Response) => "ResponseHeader",
            (Subject::PathParameter, _) => "PathParameter",
            (Subject::QueryParameter, _) => "QueryParameter",
            (Subject::StatusCode, _) => "StatusCode",
        }
    }
}
