//! A policy component is called on the exchange, and its diff is applied only after its verdict.

use std::sync::Arc;

use http::header;
use http::{HeaderValue, Method};
use http_body::Body as _;
use tollgate_core::edits::{RequestEdits, ResponseEdits};
use tollgate_core::fault::{Fault, FaultKind};
use tollgate_core::message::ResponseHead;
use tollgate_core::place::{Phase, Scope};
use tollgate_core::verdict::{Failure, InlineReply, Reply, Verdict};
use tollgate_runtime::{
    Called, EXPRESSION_FAILED, Exchange, Mode, OnFailure, Outcome, Position, Statement, StoredResponse,
};

use super::{Failing, StepFailure, Stop, Walk};
use crate::body::{Body, BodyError, collect, joined};
use crate::plan::Call;
use crate::respond::Rejection;

/// A policy's answer.
pub(crate) struct Answer {
    pub(crate) head: ResponseHead,
    pub(crate) body: Body,
    /// A stored response: outbound statements behind the one that stored it still run.
    pub(crate) resume_after: Option<Arc<str>>,
}

/// A policy's refusal.
pub(crate) struct PolicyRefusal {
    /// The statement's name.
    pub(crate) source: String,
    /// Its id or place.
    pub(crate) statement: String,
    /// Where it stands.
    pub(crate) at: Arc<Position>,
    pub(crate) failure: Failure,
    /// What `on-error` is told in place of the client's sentence.
    pub(crate) detail: Option<String>,
}

impl Walk {
    /// Call a statement, if its condition holds.
    pub(super) async fn call(&mut self, call: &Call) -> Result<(), Stop> {
        if let Some(when) = &call.when {
            self.moment = None;
            let held = self.holds(Some(when)).await;
            self.hide();
            if !held.map_err(|failing| self.failed_expression(&call.statement, failing))? {
                self.trace_skipped(&call.statement);
                return Ok(());
            }
        }
        if let Err(failing) = self.show(call.statement.needs).await {
            return Err(self.failed_expression(&call.statement, failing));
        }
        let ended = self.step(&call.statement, self.phase()).await;
        self.hide();
        ended
    }

    fn failed_expression(&mut self, statement: &Statement, failing: Failing) -> Stop {
        let identity = &statement.identity;
        let request_id = self.exchange().map(|exchange| &*exchange.facts.request_id).unwrap_or_default();
        let failure = failing.failure(&identity.name, Some(identity.statement.clone()), &identity.position, request_id);
        self.stopped(failure)
    }

    async fn step(&mut self, statement: &Statement, phase: Phase) -> Result<(), Stop> {
        if let Some(max) = statement.body_need(phase) {
            self.moment = None;
            match Box::pin(self.show_body(statement, phase, max)).await {
                Ok(()) => {}
                Err(Unshown::Fault(fault)) => return self.fail(statement, phase, fault),
                Err(Unshown::TooLarge) => return self.too_large(statement, phase),
                Err(Unshown::Body(error)) => {
                    self.leases.record_fault(statement, phase, FaultKind::BodyTooLarge);
                    return Err(self.stopped(body_failure(statement, phase, error)));
                }
            }
        }
        let Some(exchange) = self.exchange.take() else {
            return Err(Stop::Failed(Box::new(failed_closed(statement, Rejection::PolicyFault))));
        };
        let began = self.trace_begins(&exchange);
        let Outcome { exchange, called, ended } = match statement.unit.waits() {
            true => Box::pin(self.leases.call_waiting(statement, phase, exchange)).await,
            false => self.leases.call(statement, phase, exchange, self.moment.take()),
        };
        (self.exchange, self.moment) = (exchange, ended);
        self.trace_called(statement, phase, began, &called);
        if !self.is_counted_for_good().await {
            let detail = "a quota's count can't be written to the disk, and `state: durable` is `strict`";
            return self.fail(statement, phase, Fault::new(FaultKind::Host, detail));
        }
        match called {
            Ok(called) if statement.mode == Mode::Observe => {
                self.observe(statement, phase, &called);
                Ok(())
            }
            Ok(called) => self.conclude(statement, phase, called),
            Err(fault) => self.fail(statement, phase, fault),
        }
    }

    /// Act on a verdict.
    fn conclude(&mut self, statement: &Statement, phase: Phase, called: Called) -> Result<(), Stop> {
        self.keep();
        match called.verdict {
            Verdict::Next => {
                self.apply(statement.identity.position.scope, phase);
                if statement.body_need(phase).is_some() {
                    self.forget_length();
                }
                let fill = self.exchange_mut().and_then(|exchange| exchange.effects.cache.fill.take());
                if let Some(fill) = fill.filter(|_| phase == Phase::OnResponse) {
                    self.fill_cache(fill);
                }
                Ok(())
            }
            Verdict::Respond(Reply::Inline(reply)) => {
                let InlineReply { head, body } = *reply;
                Err(Stop::Answered(Box::new(Answer { head, body: Body::full(body), resume_after: None })))
            }
            Verdict::Respond(Reply::Staged) => {
                match self.exchange_mut().and_then(|exchange| exchange.effects.cache.hit.take()) {
                    Some(stored) => Err(Stop::Answered(Box::new(stored_answer(&stored)))),
                    // The runtime takes such an answer for a failure.
                    None => Err(Stop::Failed(Box::new(failed_closed(statement, Rejection::PolicyFault)))),
                }
            }
            Verdict::Reject(failure) => {
                let is_expression = failure.reason == EXPRESSION_FAILED;
                let failed = self.exchange_mut().and_then(|exchange| exchange.effects.failed_expression.take());
                let detail = failed.filter(|_| is_expression).map(|failed| failed.to_string());
                Err(Stop::Refused(Box::new(PolicyRefusal {
                    source: statement.identity.name.clone(),
                    statement: statement.identity.statement.clone(),
                    at: Arc::clone(&statement.identity.position),
                    failure: *failure,
                    detail,
                })))
            }
        }
    }

    /// Make a call's edits.
    fn apply(&mut self, scope: Scope, phase: Phase) {
        let Some(exchange) = self.exchange.as_deref_mut() else { return };
        let diff = &mut exchange.effects.diff;
        match phase {
            Phase::OnRequest => {
                let RequestEdits { headers, method, target, is_rewritten, body } = &mut diff.request;
                headers.apply(&mut exchange.request.headers);
                if let Some(method) = method.take() {
                    exchange.request.method = method;
                }
                if let Some(target) = target.take() {
                    exchange.request.target = target;
                    exchange.is_rewritten |= *is_rewritten;
                }
                if let Some(backend) = diff.backend.take() {
                    exchange.backend = Some(backend);
                    exchange.backend_scope = Some(scope);
                }
                if let Some(body) = body.take() {
                    self.request_body = Body::full(body);
                }
            }
            Phase::OnResponse | Phase::OnError => {
                let Some(response) = &mut exchange.response else { return };
                let ResponseEdits { headers, status, reason, body } = &mut diff.response;
                headers.apply(&mut response.headers);
                if let Some(status) = status.take() {
                    response.status = status;
                    response.reason = reason.take();
                }
                if let Some(body) = body.take() {
                    self.response_body = Body::full(body);
                }
            }
        }
    }

    /// The answer to HEAD has the length that GET's body would have (RFC 9110 §8.6). Nobody knows it once a statement has
    /// run that might have changed that body.
    fn forget_length(&mut self) {
        let Some(exchange) = self.exchange.as_deref_mut() else { return };
        if let Some(response) = exchange.response.as_mut().filter(|_| exchange.request.method == Method::HEAD) {
            response.headers.remove(header::CONTENT_LENGTH);
        }
    }

    /// What a call recorded that stays after every verdict: variables, and headers for whatever response comes.
    fn keep(&mut self) {
        let Some(exchange) = self.exchange.as_deref_mut() else { return };
        let Exchange { effects, variables, staged_headers, response, .. } = exchange;
        for (name, json) in effects.diff.variables.drain(..) {
            // A statement's own limit is far below the exchange's, which its capability has looked at.
            let _ = variables.set_json(&name, &json);
        }
        for staged in effects.diff.staged.drain(..) {
            if let Some(response) = response {
                self.staged_names.push(staged.name.clone());
                staged.clone().place(&mut response.headers);
            }
            // Another response may take this one's place.
            staged_headers.push(staged);
        }
    }

    /// Copy the body on the side while it streams to the client, and keep it if it arrives whole.
    fn fill_cache(&mut self, fill: tollgate_runtime::Fill) {
        let Some(mut head) = self.exchange().and_then(|exchange| exchange.response.clone()) else { return };
        for name in &self.staged_names {
            head.headers.remove(name);
        }
        // Trailers aren't stored, so none may be announced.
        head.headers.remove(header::TRAILER);
        let services = self.leases.services();
        let cap = services.cache.entry_bytes();
        let body = std::mem::take(&mut self.response_body);
        self.response_body = body.teed(cap, move |chunks| services.cache.keep(fill, head, joined(&chunks)));
    }

    /// Show a statement the body that its manifest asks for, unless its gate declines.
    async fn show_body(&mut self, statement: &Statement, phase: Phase, max: usize) -> Result<(), Unshown> {
        let Some(exchange) = self.exchange.take() else {
            return Err(Unshown::Fault(Fault::new(FaultKind::Host, "the exchange is gone")));
        };
        let (exchange, wants) = self.leases.wants_body(statement, phase, exchange).await;
        self.exchange = exchange;
        if !wants.map_err(Unshown::Fault)? {
            return Ok(());
        }
        let body = match phase {
            Phase::OnRequest => &mut self.request_body,
            Phase::OnResponse | Phase::OnError => &mut self.response_body,
        };
        // A body that is known to be too large is left as it is, so that `on-failure: open` can pass it on.
        if body.size_hint().lower() > max as u64 {
            return Err(Unshown::TooLarge);
        }
        let bytes = match body.in_memory() {
            Some(bytes) => bytes,
            None => collect(std::mem::take(body), max).await.map_err(Unshown::Body)?,
        };
        *body = Body::full(bytes.clone());
        if let Some(exchange) = self.exchange.as_deref_mut() {
            match phase {
                Phase::OnRequest => exchange.request_body = Some(bytes),
                Phase::OnResponse | Phase::OnError => exchange.response_body = Some(bytes),
            }
        }
        Ok(())
    }

    /// The body is larger than the statement may see, and is still there to be passed on.
    fn too_large(&mut self, statement: &Statement, phase: Phase) -> Result<(), Stop> {
        self.leases.record_fault(statement, phase, FaultKind::BodyTooLarge);
        match (statement.on_failure, statement.mode) {
            (OnFailure::Open, _) | (_, Mode::Observe) => Ok(()),
            (OnFailure::Closed, Mode::Enforce) => {
                Err(self.stopped(body_failure(statement, phase, BodyError::TooLarge { limit: 0 })))
            }
        }
    }

    /// Say what a statement decided that is only looked at.
    fn observe(&self, statement: &Statement, phase: Phase, called: &Called) {
        let Some(Exchange { effects, .. }) = self.exchange() else { return };
        tracing::info!(
            statement = statement.identity.statement,
            policy = statement.identity.name,
            phase = phase.name(),
            verdict = called.verdict.label(),
            request_header_edits = effects.diff.request.headers.iter().count(),
            response_header_edits = effects.diff.response.headers.iter().count(),
            "an observed policy decided; nothing of it was applied"
        );
    }

    /// A statement failed: as if it weren't there, or the end of the section. Quarantine tells of itself, once, and where
    /// there is no room the access log says so: a line more for each would only add to it.
    fn fail(&self, statement: &Statement, phase: Phase, fault: Fault) -> Result<(), Stop> {
        let rejection = match fault.kind {
            FaultKind::Busy => Rejection::PolicyBusy,
            _ => Rejection::PolicyFault,
        };
        if !matches!(fault.kind, FaultKind::Quarantined | FaultKind::Busy) {
            self.warn(statement, phase, fault);
        }
        match (statement.on_failure, statement.mode) {
            (OnFailure::Open, _) | (_, Mode::Observe) => Ok(()),
            (OnFailure::Closed, Mode::Enforce) => Err(Stop::Failed(Box::new(failed_closed(statement, rejection)))),
        }
    }

    fn warn(&self, statement: &Statement, phase: Phase, fault: Fault) {
        let request_id = self.exchange().map(|exchange| &*exchange.facts.request_id).unwrap_or_default();
        tracing::warn!(
            statement = statement.identity.statement,
            policy = statement.identity.name,
            phase = phase.name(),
            request_id,
            "error.type" = fault.kind.name(),
            "error.blame" = fault.kind.blame().name(),
            detail = %printable(&statement.identity.secrets.hidden(fault.detail)),
            on_failure = ?statement.on_failure,
            "a policy failed"
        );
    }
}

/// Why a statement was not shown the body that it needs.
enum Unshown {
    /// The gate failed.
    Fault(Fault),
    /// It is known to be over the statement's limit, and untouched.
    TooLarge,
    /// It was over the limit, too slow or broken, and is gone.
    Body(BodyError),
}

/// A body that can't be had is the client's fault on its way in and the origin's on its way out.
fn body_failure(statement: &Statement, phase: Phase, error: BodyError) -> StepFailure {
    let rejection = match phase {
        Phase::OnRequest => Rejection::from(error),
        Phase::OnResponse | Phase::OnError => Rejection::of_response_body(error),
    };
    failed_closed(statement, rejection)
}

fn failed_closed(statement: &Statement, rejection: Rejection) -> StepFailure {
    StepFailure {
        source: statement.identity.name.clone(),
        statement: Some(statement.identity.statement.clone()),
        at: Some(Arc::clone(&statement.identity.position)),
        rejection: Some(rejection),
        detail: None,
    }
}

/// Guests choose parts of a fault's detail: no control characters, and no more than a screenful.
fn printable(text: &str) -> String {
    text.chars().take(2000).map(|c| if c.is_control() && c != '\n' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// A stored response, with its age (RFC 9111 §5.1): what it had when it was stored, and the time since.
fn stored_answer(stored: &StoredResponse) -> Answer {
    let mut head = stored.head.clone();
    let before: u64 = head
        .headers
        .get(header::AGE)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    head.headers.insert(header::AGE, HeaderValue::from(before.saturating_add(stored.age_seconds())));
    Answer { head, body: Body::full(stored.body.clone()), resume_after: Some(Arc::clone(&stored.stored_by)) }
}
