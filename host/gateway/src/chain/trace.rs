//! What a trace shows of a step: verdict, edits, variables, fuel and time. Costs nothing where nobody traces.

use std::time::Instant;

use serde_json::{Map, Value, json};
use tollgate_core::edits::{BackendChoice, Diff, HeaderEdit, HeaderEdits};
use tollgate_core::fault::Fault;
use tollgate_core::place::Phase;
use tollgate_core::verdict::{Reply, Verdict};
use tollgate_runtime::{Called, Exchange, Mode, OnFailure, Position, Statement};

use super::{StepFailure, Walk};
use crate::plan::Own;

/// Header values that a trace doesn't show: whoever reads it has no right to them.
const SECRET_HEADERS: [&str; 5] = ["authorization", "cookie", "set-cookie", "proxy-authorization", "x-api-key"];

impl Walk {
    /// The moment at which a traced call begins.
    pub(super) fn trace_begins(&self, exchange: &Exchange) -> Option<Instant> {
        exchange.trace.as_ref().map(|_| Instant::now())
    }

    /// A statement was called.
    pub(super) fn trace_called(
        &mut self,
        statement: &Statement,
        phase: Phase,
        began: Option<Instant>,
        called: &Result<Called, Fault>,
    ) {
        let Some(began) = began else { return };
        let mut entry = self.entry(&statement.identity.name, &statement.identity.position);
        entry.insert("phase".into(), phase.name().into());
        entry.insert("us".into(), micros(began.elapsed()));
        if statement.mode == Mode::Observe {
            entry.insert("mode".into(), "observe".into());
        }
        match called {
            Ok(called) => {
                entry.insert("verdict".into(), verdict(&called.verdict));
                entry.insert("fuel".into(), called.fuel.into());
                if let Some(Exchange { effects, .. }) = self.exchange() {
                    edits(&mut entry, &effects.diff);
                    if let Some(failed) = &effects.failed_expression {
                        entry.insert("expression".into(), failed.to_string().into());
                    }
                }
            }
            Err(fault) => {
                entry.insert("fault".into(), fault.kind.name().into());
                if statement.on_failure == OnFailure::Open {
                    entry.insert("onFailure".into(), "open".into());
                }
            }
        }
        self.trace(entry);
    }

    /// A statement was passed over.
    pub(super) fn trace_skipped(&mut self, statement: &Statement) {
        if self.is_traced() {
            let mut entry = self.entry(&statement.identity.name, &statement.identity.position);
            entry.insert("skipped".into(), "when".into());
            self.trace(entry);
        }
    }

    /// A step failed, other than by what it called.
    pub(super) fn trace_failed(&mut self, failure: &StepFailure) {
        let Some(at) = failure.at.clone().filter(|_| self.is_traced()) else { return };
        let mut entry = self.entry(&failure.source, &at);
        if let Some(rejection) = &failure.rejection {
            entry.insert("failed".into(), rejection.reason().into());
        }
        if let Some(detail) = &failure.detail {
            entry.insert("message".into(), detail.as_str().into());
        }
        self.trace(entry);
    }

    /// A step of the gateway's own did something.
    pub(super) fn trace_own(&mut self, own: &Own, what: impl FnOnce() -> Value) {
        if !self.is_traced() {
            return;
        }
        let mut entry = self.entry(own.name, &own.position);
        if let Value::Object(members) = what() {
            entry.extend(members);
        }
        self.trace(entry);
    }

    fn is_traced(&self) -> bool {
        self.exchange().is_some_and(|exchange| exchange.trace.is_some())
    }

    fn entry(&self, name: &str, at: &Position) -> Map<String, Value> {
        let elapsed = self.exchange().map(|exchange| micros(exchange.facts.started.elapsed()));
        let entry = json!({
            "step": name,
            "section": at.section.name(),
            "scope": at.scope.name(),
            "place": at.place,
            "source": at.source,
            "id": at.id,
            "endedAtUs": elapsed,
        });
        match entry {
            Value::Object(entry) => entry,
            _ => Map::new(),
        }
    }

    fn trace(&mut self, entry: Map<String, Value>) {
        if let Some(trace) = self.exchange_mut().and_then(|exchange| exchange.trace.as_mut()) {
            trace.add(Value::Object(entry));
        }
    }
}

fn micros(duration: std::time::Duration) -> Value {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).into()
}

fn verdict(verdict: &Verdict) -> Value {
    match verdict {
        Verdict::Next => "next".into(),
        Verdict::Respond(Reply::Inline(reply)) => {
            json!({ "respond": reply.head.status.as_u16(), "bodyBytes": reply.body.len() })
        }
        Verdict::Respond(Reply::Staged) => json!({ "respond": "from the cache" }),
        Verdict::Reject(failure) => {
            json!({ "reject": failure.status.as_u16(), "reason": failure.reason, "message": failure.message })
        }
    }
}

fn edits(entry: &mut Map<String, Value>, diff: &Diff) {
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            entry.insert(name.into(), value);
        }
    };
    put("requestHeaders", headers(&diff.request.headers));
    put("responseHeaders", headers(&diff.response.headers));
    put("method", diff.request.method.as_ref().map(|method| method.as_str()).into());
    put("target", diff.request.target.as_ref().map(|target| target.as_str()).into());
    put("requestBodyBytes", diff.request.body.as_ref().map(bytes::Bytes::len).into());
    put("status", diff.response.status.map(|status| status.as_u16()).into());
    put("responseBodyBytes", diff.response.body.as_ref().map(bytes::Bytes::len).into());
    let backend = diff.backend.as_ref().map(|backend| match backend {
        BackendChoice::Url(url) => url.to_string(),
        BackendChoice::Id(id) => id.clone(),
    });
    put("backend", backend.into());
    let staged: Vec<&str> = diff.staged.iter().map(|staged| staged.name.as_str()).collect();
    if !staged.is_empty() {
        put("stagedHeaders", staged.into());
    }
    let variables = diff
        .variables
        .iter()
        .map(|(name, text)| (name.clone(), serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()))));
    let variables: Map<String, Value> = variables.collect();
    if !variables.is_empty() {
        put("variables", Value::Object(variables));
    }
}

fn headers(edits: &HeaderEdits) -> Value {
    if edits.is_empty() {
        return Value::Null;
    }
    let told = edits.iter().map(|(name, edit)| {
        let shown = |value: &http::HeaderValue| match SECRET_HEADERS.contains(&name.as_str()) {
            true => "[not shown]".to_owned(),
            false => String::from_utf8_lossy(value.as_bytes()).into_owned(),
        };
        match edit {
            HeaderEdit::Set(value) => json!({ "set": name.as_str(), "value": shown(value) }),
            HeaderEdit::Append(value) => json!({ "append": name.as_str(), "value": shown(value) }),
            HeaderEdit::Remove => json!({ "remove": name.as_str() }),
        }
    });
    told.collect()
}
