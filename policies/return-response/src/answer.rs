//! From the configuration, and what an exchange adds to it, to the response.

use crate::config::{Config, SetStatus};
use crate::stored::Stored;
use policy_bodies::{NewBody, Phase};
use policy_headers::{
    FieldName, HeaderEdit, Section, SetHeader, SetHeaders, Status, Values, body_was_replaced, is_header_value,
};
use std::collections::BTreeMap;
use tollgate_sdk::{ConfigError, Dynamic, Reply, Verdict};

/// A response, as far as it is known before an exchange.
#[derive(Debug)]
pub(crate) struct Answer {
    variable: Option<String>,
    status: Option<Dynamic<Status>>,
    reason: Option<Dynamic<String>>,
    edits: Vec<HeaderEdit>,
    body: Option<NewBody>,
}

impl Answer {
    pub(crate) fn new(config: Config) -> Result<Self, ConfigError> {
        let Config { response_variable_name: variable, set_status, set_header, set_body, status, headers, body } =
            config;
        if variable.as_ref().is_some_and(String::is_empty) {
            return Err(ConfigError::new("/response-variable-name", "the name is empty"));
        }
        for (both, pointer) in
            [(set_status.is_some() && status.is_some(), "/status"), (set_body.is_some() && body.is_some(), "/body")]
        {
            if both {
                return Err(ConfigError::new(pointer, format!("`set-{}` says it already", &pointer[1..])));
            }
        }
        let body_at = if body.is_some() { "/body" } else { "/set-body" };
        let (status, reason) = match set_status {
            Some(SetStatus { code, reason }) => (Some(code), reason),
            None => (status, None),
        };
        if reason.as_ref().and_then(Dynamic::literal).is_some_and(|reason| !is_header_value(reason)) {
            return Err(ConfigError::new("/set-status/reason", NO_REASON));
        }
        let body = match (body, set_body) {
            (Some(body), _) => Some(NewBody::from(body)),
            (None, set_body) => set_body.map(|body| NewBody::below("/set-body", body)).transpose()?,
        };
        if let Some(status) = status.as_ref().and_then(Dynamic::literal)
            && status.is_bodiless()
            && body.as_ref().is_some_and(NewBody::is_written)
        {
            return Err(ConfigError::new(body_at, format!("a response with status {} has no body", status.number())));
        }
        Ok(Self { variable, status, reason, edits: edits(set_header, headers)?, body })
    }

    /// The response for this exchange. A template finds the exchange under `context`, and an empty `body` (`apim.md` §1.6).
    pub(crate) fn reply(&self, phase: Phase<'_>) -> Result<Reply, Verdict> {
        let Stored { mut status, mut reason, headers, mut body } = match &self.variable {
            Some(name) => Stored::read(name)?,
            None => Stored::empty(),
        };
        if let Some(code) = &self.status {
            (status, reason) = (code.get()?.number(), None);
        }
        if let Some(phrase) = &self.reason {
            reason = Some(phrase.get()?.into_owned());
        }
        let mut section = Section(headers);
        if let Some(new) = &self.body {
            body = new.make_without_body(phase)?;
            body_was_replaced(&mut section)?;
        }
        for edit in &self.edits {
            edit.apply(&mut section)?;
        }
        let mut reply = Reply::new(status);
        if let Some(reason) = reason.filter(|reason| !reason.is_empty()) {
            if !is_header_value(&reason) {
                return Err(Verdict::fail(NO_REASON));
            }
            reply = reply.reason(reason);
        }
        for field in section.0 {
            reply = reply.header(field.name, field.value);
        }
        // A status that comes from an expression can't be held against a body beforehand.
        Ok(if matches!(status, 204 | 205 | 304) { reply } else { reply.body(body) })
    }
}

const NO_REASON: &str = "a reason can't hold control characters";

/// All edits in order.
fn edits(set_header: Option<SetHeaders>, headers: BTreeMap<String, Values>) -> Result<Vec<HeaderEdit>, ConfigError> {
    let mut edits = set_header.map_or(Ok(Vec::new()), SetHeaders::edits)?;
    for (name, value) in headers {
        let pointer = format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"));
        let name = FieldName::parse(&name).and_then(|name| name.check_editable().map(|()| name));
        let name = name.map_err(|message| ConfigError::new(pointer.as_str(), message))?;
        let in_short = SetHeader { name: name.into(), exists_action: Dynamic::default(), value: Some(value) };
        let edit = HeaderEdit::try_from(in_short).map_err(|error| {
            // In short there is no `value` to point at, only the name, or its place in the list.
            let below = error.pointer.strip_prefix("/value").unwrap_or_default();
            ConfigError::new(format!("{pointer}{below}"), error.message.as_str())
        })?;
        edits.push(edit);
    }
    Ok(edits)
}
