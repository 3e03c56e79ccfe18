//! What stands around the gateway: other services, backends, event logs; and what expressions give.

use crate::crypto::{Algorithm, CryptoError, Key};
use crate::expression::{ExpressionError, Value};
use crate::http_client::{HttpError, Request, Response};
use crate::log::Level;
use crate::testing::world::World;
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::rc::Rc;

/// A record in an event log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The event log's id.
    pub log: String,
    /// The partition key, if one was given.
    pub partition_key: Option<String>,
    /// The record.
    pub message: String,
}

/// A line in an exchange's trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// Who speaks.
    pub source: String,
    /// How important it is.
    pub level: Level,
    /// The line.
    pub message: String,
    /// Names and values that go with it.
    pub metadata: Vec<(String, String)>,
}

/// Where a statement sends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// To this base URL.
    BaseUrl(String),
    /// To the entry of the document's `backends` with this id.
    Id(String),
}

#[derive(Debug, Default)]
pub(crate) struct Services {
    expressions: HashMap<String, Value>,
    pub(crate) origin: Option<Hook<Origin>>,
    pub(crate) requests: Vec<Request>,
    pub(crate) verifier: Option<Hook<Verifier>>,
    backends: BTreeMap<String, String>,
    pub(crate) event_logs: Vec<String>,
    pub(crate) events: Vec<Event>,
    pub(crate) traces: Vec<Trace>,
}

type Origin = dyn Fn(&Request) -> Result<Response, HttpError>;
type Verifier = dyn Fn(Algorithm, &Key, &[u8], &[u8]) -> Result<bool, CryptoError>;

/// A function of the test's.
pub(crate) struct Hook<F: ?Sized>(pub(crate) Rc<F>);

impl<F: ?Sized> Clone for Hook<F> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<F: ?Sized> fmt::Debug for Hook<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a function of the test's")
    }
}

impl Services {
    /// The base URL of a backend; every id is one as long as the test names none.
    pub(crate) fn backend_url(&self, id: &str) -> Option<String> {
        match self.backends.is_empty() {
            true => Some(format!("https://{id}.example")),
            false => self.backends.get(id).cloned(),
        }
    }
}

impl World {
    /// From now on, the configuration value `text` (such as `${variables.user}`, or `Hello ${variables.user}!`, just as
    /// it is written) evaluates to this. One that was never given a value fails.
    pub fn expression(&self, text: &str, value: impl Into<Json>) {
        self.set_expression(text, of_json(value.into()));
    }

    /// From now on, the configuration value `text` evaluates to bytes.
    pub fn expression_bytes(&self, text: &str, value: &[u8]) {
        self.set_expression(text, Value::Bytes(value.to_vec()));
    }

    fn set_expression(&self, text: &str, value: Value) {
        self.state().services.expressions.insert(text.into(), value);
    }

    pub(crate) fn evaluate(&self, text: &str) -> Result<Value, ExpressionError> {
        let mut state = self.state();
        let value = state.services.expressions.get(text).cloned();
        if value.is_none() {
            state.log.push((Level::Error, format!("`{text}` failed: the test gives it no value")));
        }
        value.ok_or(ExpressionError::Failed)
    }

    /// Answer the requests that policies send of their own. Without it nobody answers.
    pub fn on_http(&self, answer: impl Fn(&Request) -> Result<Response, HttpError> + 'static) {
        self.state().services.origin = Some(Hook(Rc::new(answer)));
    }

    /// The requests that policies have sent, in order; those that the gateway refuses to send aren't among them.
    pub fn http_requests(&self) -> Vec<Request> {
        self.state().services.requests.clone()
    }

    /// Answer `crypto::verify`. Without it only HS256, HS384 and HS512 work.
    pub fn on_verify(&self, verify: impl Fn(Algorithm, &Key, &[u8], &[u8]) -> Result<bool, CryptoError> + 'static) {
        self.state().services.verifier = Some(Hook(Rc::new(verify)));
    }

    /// The document has this backend. As long as a test names none, every id is one: `https://ID.example`.
    pub fn add_backend(&self, id: &str, base_url: &str) {
        self.state().services.backends.insert(id.into(), base_url.into());
    }

    /// The document has this event log. As long as a test names none, every id is one.
    pub fn add_event_log(&self, id: &str) {
        self.state().services.event_logs.push(id.into());
    }

    /// The records in all event logs, in order.
    pub fn events(&self) -> Vec<Event> {
        self.state().services.events.clone()
    }

    /// The lines of all traces, in order.
    pub fn traces(&self) -> Vec<Trace> {
        self.state().services.traces.clone()
    }
}

fn of_json(value: Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Boolean(value),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Value::Integer(integer),
            None => Value::Number(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::Text(text),
        other => Value::Json(other.to_string()),
    }
}

/// What the host does to a configuration: `{ "$expression": N }` in place of each text that holds `${…}`, and `${` in
/// place of `$${`. Gives the texts, by their numbers.
pub(crate) fn take_out_expressions(config: &mut Json) -> Vec<String> {
    let mut texts = Vec::new();
    take_out(config, &mut texts);
    texts
}

fn take_out(value: &mut Json, texts: &mut Vec<String>) {
    match value {
        Json::String(text) if text.replace("$${", "").contains("${") => {
            let number = texts.len();
            texts.push(std::mem::take(text));
            *value = serde_json::json!({ crate::expression::MEMBER: number });
        }
        Json::String(text) => *text = text.replace("$${", "${"),
        Json::Array(items) => items.iter_mut().for_each(|item| take_out(item, texts)),
        Json::Object(members) => members.values_mut().for_each(|member| take_out(member, texts)),
        _ => {}
    }
}
