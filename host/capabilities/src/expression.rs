//! `tollgate:expression/expression`: the `"${…}"` of a statement's configuration, and the exchange as they see it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use tollgate_bindings::expression::expression::{ExpressionError, Host, Value as WitValue};
use tollgate_core::path;
use tollgate_expression::{Context, Dynamic, Fact, Needs, Object, Table, Value};
use wasmtime::Result;

use crate::exchange::Exchange;
use crate::question::{Given, Question};
use crate::session::Session;

/// The reason word of a failed expression (`apim.md` §2).
pub const EXPRESSION_FAILED: &str = "ExpressionValueEvaluationFailure";

/// An expression, and where it stands.
#[derive(Clone, Debug)]
pub struct StatementExpression {
    dynamic: Dynamic,
    /// As people may see it.
    shown: Arc<str>,
    /// File, line and column.
    place: Arc<str>,
}

/// An expression failed: which one, where it stands, and why. Holds no values, which may be secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Failed {
    text: Arc<str>,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StatementExpression {
    /// An expression at a place such as `tollgate.yaml:12:9`. `shown` is its text without what is secret in it.
    pub fn new(dynamic: Dynamic, shown: impl Into<Arc<str>>, place: impl Into<Arc<str>>) -> StatementExpression {
        StatementExpression { dynamic, shown: shown.into(), place: place.into() }
    }

    /// Which bodies it reads.
    pub fn needs(&self) -> Needs {
        self.dynamic.needs()
    }

    /// As it is written, without what is secret in it.
    pub fn source(&self) -> &str {
        &self.shown
    }

    /// Its value for an exchange.
    pub fn evaluate(&self, exchange: &Exchange) -> std::result::Result<Value, Failed> {
        self.dynamic.evaluate(exchange).map_err(|error| self.failed(&error.to_string()))
    }

    /// Whether it is true.
    pub fn holds(&self, exchange: &Exchange) -> std::result::Result<bool, Failed> {
        match self.evaluate(exchange)? {
            Value::Bool(holds) => Ok(holds),
            other => Err(self.failed(&format!("a condition is true or false, and this is {}", other.kind()))),
        }
    }

    /// Why it is of no use.
    pub fn failed(&self, reason: &str) -> Failed {
        Failed { text: format!("the expression `{}` at {} failed: {reason}", self.source(), self.place).into() }
    }
}

impl Session {
    pub(crate) fn expression(&self, number: u32) -> Result<Option<&StatementExpression>> {
        Ok(self.identity()?.expressions.get(number as usize))
    }
}

impl Host for Session {
    fn evaluate(&mut self, number: u32) -> Result<std::result::Result<WitValue, ExpressionError>> {
        self.count()?;
        let Some(expression) = self.expression(number)? else {
            self.asks_more();
            return Ok(Err(ExpressionError::Unknown));
        };
        match expression.evaluate(self.exchange()?) {
            Ok(value) => {
                // What the guest is told: asked once more, `now` gives another value.
                self.note(|| Question::Expression(number), |_, _| Given::Value(value.clone()).kept());
                Ok(Ok(lowered(value)))
            }
            Err(failed) => {
                self.asks_more();
                let request_id = &*self.exchange()?.facts.request_id;
                let statement = &self.identity()?.statement;
                tracing::warn!(statement, request_id, %failed, "an expression failed");
                self.effects.failed_expression = Some(failed);
                Ok(Err(ExpressionError::Failed))
            }
        }
    }
}

/// A value as guests get it.
fn lowered(value: Value) -> WitValue {
    match value {
        Value::Null => WitValue::Null,
        Value::Bool(it) => WitValue::Boolean(it),
        Value::Int(it) => WitValue::Integer(it),
        Value::Uint(it) => i64::try_from(it).map_or(WitValue::Number(it as f64), WitValue::Integer),
        Value::Double(it) => WitValue::Number(it),
        Value::String(it) => WitValue::Text(it.as_ref().to_owned()),
        Value::Bytes(it) => WitValue::Bytes(it.to_vec()),
        Value::List(_) | Value::Map(_) => WitValue::Json(value.to_json_text()),
        Value::Timestamp(_) | Value::Duration(_) => WitValue::Text(value.to_text().into_owned()),
    }
}

fn text(text: &str) -> Value {
    Value::String(Arc::from(text))
}

fn maybe(text: Option<&str>) -> Value {
    text.map_or(Value::Null, self::text)
}

/// Header values are bytes; expressions see the ones that aren't UTF-8 with replacement characters.
fn joined_lines(headers: &HeaderMap, name: &str) -> Option<Value> {
    let mut lines = headers.get_all(name).into_iter();
    let first = String::from_utf8_lossy(lines.next()?.as_bytes());
    let Some(second) = lines.next() else { return Some(text(&first)) };
    let mut all = first.into_owned();
    for line in std::iter::once(second).chain(lines) {
        all.push_str(", ");
        all.push_str(&String::from_utf8_lossy(line.as_bytes()));
    }
    Some(text(&all))
}

fn all_headers(headers: &HeaderMap) -> Value {
    let pairs =
        headers.keys().filter_map(|name| Some((Arc::from(name.as_str()), joined_lines(headers, name.as_str())?)));
    Value::Map(Arc::new(pairs.collect()))
}

fn query_value(query: &str, wanted: &str) -> Option<Value> {
    let mut values = query_pairs(query).filter(|(name, _)| path::decode_query(name) == wanted);
    let first = path::decode_query(values.next()?.1);
    let mut all = first.into_owned();
    for (_, value) in values {
        all.push(',');
        all.push_str(&path::decode_query(value));
    }
    Some(text(&all))
}

/// Every name once, at its first place. In one pass: a client chooses how many names there are.
fn all_of_query(query: &str) -> Value {
    let mut places = HashMap::new();
    let mut pairs: Vec<(Arc<str>, String)> = Vec::new();
    for (name, value) in query_pairs(query) {
        let (name, value) = (path::decode_query(name), path::decode_query(value));
        match places.entry(name) {
            Entry::Vacant(place) => {
                let name = Arc::from(&**place.key());
                place.insert(pairs.len());
                pairs.push((name, value.into_owned()));
            }
            Entry::Occupied(place) => {
                if let Some((_, known)) = pairs.get_mut(*place.get()) {
                    known.push(',');
                    known.push_str(&value);
                }
            }
        }
    }
    Value::Map(Arc::new(pairs.into_iter().map(|(name, value)| (name, Value::from(value))).collect()))
}

fn query_pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

impl Exchange {
    fn url(&self, target: &str) -> Value {
        Value::String(format!("{}://{}{target}", self.request.scheme.as_str(), self.request.authority).into())
    }

    fn host_and_port(&self) -> (&str, Option<u16>) {
        let authority = self.request.authority.as_str();
        match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
            _ => (authority, None),
        }
    }

    fn request_fact(&self, fact: Fact) -> Value {
        match fact {
            Fact::RequestMethod => text(self.request.method.as_str()),
            Fact::RequestScheme => text(self.request.scheme.as_str()),
            Fact::RequestHost => text(self.host_and_port().0),
            Fact::RequestPort => {
                let port = self.host_and_port().1.unwrap_or_else(|| self.request.scheme.default_port());
                Value::Int(i64::from(port))
            }
            Fact::RequestPath => text(self.request.target.path()),
            Fact::RequestQueryString => text(self.request.target.query().unwrap_or_default()),
            Fact::RequestUrl => self.url(self.request.target.as_str()),
            Fact::RequestOriginalUrl => self.url(self.original_target.as_str()),
            Fact::RequestClientIp => Value::String(self.facts.client_ip.to_string().into()),
            Fact::RequestClientNetwork => Value::String(self.facts.client_network().into()),
            Fact::RequestBody => self.request_body.clone().map_or(Value::Null, Value::Bytes),
            Fact::RequestId => text(&self.facts.request_id),
            Fact::Elapsed => {
                let elapsed = Instant::now().saturating_duration_since(self.facts.started);
                Value::Duration(SignedDuration::try_from(elapsed).unwrap_or(SignedDuration::MAX))
            }
            Fact::Now => Value::Timestamp(Timestamp::now()),
            _ => Value::Null,
        }
    }

    fn response_fact(&self, fact: Fact) -> Value {
        let Some(response) = &self.response else { return Value::Null };
        match fact {
            Fact::ResponseStatus => Value::Int(i64::from(response.status.as_u16())),
            Fact::ResponseReason => maybe(response.reason.as_deref().or(response.status.canonical_reason())),
            Fact::ResponseBody => self.response_body.clone().map_or(Value::Null, Value::Bytes),
            _ => Value::Null,
        }
    }

    fn route_fact(&self, fact: Fact) -> Value {
        let route = &self.facts.route;
        let operation = route.operation.as_ref();
        let subscription = self.facts.subscription.as_ref();
        match fact {
            Fact::ApiId | Fact::ApiPath if route.api.is_empty() => Value::Null,
            Fact::ApiId => text(&route.api),
            Fact::ApiPath => text(&route.api_path),
            Fact::OperationId => maybe(operation.map(|operation| operation.id.as_str())),
            Fact::OperationMethod => maybe(operation.map(|operation| operation.method.as_str())),
            Fact::OperationUrl => maybe(operation.map(|operation| operation.url.as_str())),
            Fact::ProductId => maybe(route.product.as_deref()),
            Fact::SubscriptionId => maybe(subscription.map(|subscription| subscription.id.as_str())),
            Fact::SubscriptionStartDate => {
                let start = subscription.and_then(|s| Timestamp::from_millisecond(s.start_unix_ms).ok());
                start.map_or(Value::Null, Value::Timestamp)
            }
            Fact::UserId => maybe(subscription.and_then(|subscription| subscription.owner.as_deref())),
            _ => Value::Null,
        }
    }

    fn error_fact(&self, fact: Fact) -> Value {
        let Some(error) = &self.last_error else { return Value::Null };
        let at = error.at.as_deref();
        match fact {
            Fact::LastErrorSource => text(&error.source),
            Fact::LastErrorReason => text(&error.reason),
            Fact::LastErrorMessage => text(&error.message),
            Fact::LastErrorStatus => Value::Int(i64::from(error.status)),
            Fact::LastErrorScope => maybe(at.map(|at| at.scope.name())),
            Fact::LastErrorSection => maybe(at.map(|at| at.section.name())),
            Fact::LastErrorPath => maybe(at.map(|at| at.path.as_str())),
            Fact::LastErrorPolicyId => maybe(at.and_then(|at| at.id.as_deref())),
            _ => Value::Null,
        }
    }
}

impl Context for Exchange {
    fn fact(&self, fact: Fact) -> Value {
        match fact {
            Fact::ResponseStatus | Fact::ResponseReason | Fact::ResponseBody => self.response_fact(fact),
            Fact::LastErrorSource
            | Fact::LastErrorReason
            | Fact::LastErrorMessage
            | Fact::LastErrorScope
            | Fact::LastErrorSection
            | Fact::LastErrorPath
            | Fact::LastErrorPolicyId
            | Fact::LastErrorStatus => self.error_fact(fact),
            Fact::ApiId
            | Fact::ApiPath
            | Fact::OperationId
            | Fact::OperationMethod
            | Fact::OperationUrl
            | Fact::ProductId
            | Fact::SubscriptionId
            | Fact::SubscriptionStartDate
            | Fact::UserId => self.route_fact(fact),
            _ => self.request_fact(fact),
        }
    }

    fn entry(&self, table: Table, key: &str) -> Option<Value> {
        match table {
            Table::RequestHeaders => match joined_lines(&self.request.headers, key) {
                None if key.eq_ignore_ascii_case("host") => Some(text(&self.request.authority)),
                found => found,
            },
            Table::RequestQuery => query_value(self.request.target.query().unwrap_or_default(), key),
            Table::RequestParameters => {
                let found = self.facts.parameters.iter().find(|(name, _)| **name == *key);
                found.map(|(_, value)| text(value))
            }
            Table::ResponseHeaders => joined_lines(&self.response.as_ref()?.headers, key),
            Table::Variables => self.variables.get(key).cloned(),
        }
    }

    fn scanned(&self, table: Table) -> usize {
        match table {
            Table::RequestQuery => self.request.target.query().map_or(0, str::len),
            _ => 0,
        }
    }

    fn table(&self, table: Table) -> Value {
        match table {
            Table::RequestHeaders => all_headers(&self.request.headers),
            Table::RequestQuery => all_of_query(self.request.target.query().unwrap_or_default()),
            Table::RequestParameters => {
                let pairs = self.facts.parameters.iter().map(|(name, value)| (Arc::clone(name), text(value)));
                Value::Map(Arc::new(pairs.collect()))
            }
            Table::ResponseHeaders => match &self.response {
                Some(response) => all_headers(&response.headers),
                None => Value::Map(Arc::default()),
            },
            Table::Variables => {
                let pairs = self.variables.iter().map(|(name, value)| (Arc::clone(name), value.clone()));
                Value::Map(Arc::new(pairs.collect()))
            }
        }
    }

    fn has(&self, object: Object) -> bool {
        match object {
            Object::Api => !self.facts.route.api.is_empty(),
            Object::Operation => self.facts.route.operation.is_some(),
            Object::Product => self.facts.route.product.is_some(),
            Object::Subscription => self.facts.subscription.is_some(),
            Object::User => self.facts.subscription.as_ref().is_some_and(|subscription| subscription.owner.is_some()),
            Object::Response => self.response.is_some(),
            Object::LastError => self.last_error.is_some(),
        }
    }
}
