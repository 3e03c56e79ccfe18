//! One request through the gateway: route, admit, inbound, forward, outbound, and what the client gets.

/// The end of an exchange.
mod end;

/// One section after the other.
mod sections;

/// From a request to a walk.
mod start;

/// From a request to its chain.
mod way;

use std::rc::Rc;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::{Request, Response, StatusCode};
use hyper::ext::ReasonPhrase;
use tollgate_runtime::Leases;

use crate::body::{Body, Flow};
use crate::certificates::Certificates;
use crate::chain::Walk;
use crate::deadline::Alarms;
use crate::guesses::KeyGuesses;
use crate::observe::access_log::WorkerLog;
use crate::observe::metrics::Traffic;
use crate::observe::otlp::WorkerSpans;
use crate::observe::record::Record;
use crate::observe::tracing::{TRACE_ID, TraceDesk};
use crate::overload::Doorkeeper;
use crate::plan::Plan;
use crate::respond::{Rejection, X_REQUEST_ID};
use crate::serve::{Arrival, Handler};
use crate::trace_context::{TraceContext, TraceSettings};
use crate::tunnel::Places;
use crate::upstream::Upstream;
use end::EndOfExchange;
use sections::{Outcome, outcome_of, walk_all, walk_on_error};
use start::{Begun, Opening, Started};

/// What answers the requests of one worker.
pub(crate) struct Gate {
    pub(crate) plan: Arc<ArcSwap<Plan>>,
    pub(crate) leases: Rc<Leases>,
    pub(crate) upstream: Upstream,
    pub(crate) access_log: WorkerLog,
    pub(crate) spans: WorkerSpans,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) traces: Arc<TraceDesk>,
    pub(crate) trace_context: TraceSettings,
    pub(crate) door: Doorkeeper,
    pub(crate) guesses: Arc<KeyGuesses>,
    /// The worker's number.
    pub(crate) worker: usize,
    /// Room for upgraded connections.
    pub(crate) tunnels: Rc<Places>,
    /// For the time that a request may take.
    pub(crate) alarms: Alarms,
}

impl Handler for Gate {
    fn certificates(&self) -> Option<Arc<Certificates>> {
        self.plan.load().certificates.clone()
    }

    async fn handle(&self, request: &mut Request<Body>, arrival: &Arrival) -> Response<Body> {
        let mut record = Box::new(Record::new(request.method(), request.uri(), request.headers(), arrival));
        record.trace = TraceContext::enter(request.headers_mut(), &arrival.request_id, &self.trace_context);
        let Some(in_progress) = self.door.enter() else {
            return self.reject(&Rejection::Overloaded, record, arrival);
        };
        record.in_progress = Some(in_progress);
        let begun = match self.begin(request, arrival, &mut record) {
            Ok(Begun::Walk(started, opening)) => Ok((started, opening)),
            // Boxed, as few requests are preflights.
            Ok(Begun::Preflight(preflight)) => Box::pin(self.ask_preflight(*preflight, arrival, &mut record)).await,
            Err(rejection) => Err(rejection),
        };
        let (mut started, opening) = match begun {
            Ok(walk) => walk,
            Err(rejection) => return self.reject(&rejection, record, arrival),
        };
        let limit = started.limit;
        let outcome = match opening {
            Opening::Sections => walk_all(&mut started.walk, &self.alarms, limit, &mut record).await,
            Opening::OnError(rejection) => {
                Box::pin(walk_on_error(&mut started.walk, &self.alarms, limit, rejection, &mut record)).await
            }
            Opening::Answered(outcome) => outcome,
        };
        record.origin = started.walk.origin_time;
        self.finish(outcome, Some(started), record, arrival)
    }

    fn refuse(&self, request: &Request<Body>, arrival: &Arrival, rejection: Rejection) -> Response<Body> {
        let record = Record::new(request.method(), request.uri(), request.headers(), arrival);
        self.reject(&rejection, Box::new(record), arrival)
    }
}

impl Gate {
    /// Answer what never reached a chain, so that no on-error section is there to see it.
    fn reject(&self, rejection: &Rejection, mut record: Box<Record>, arrival: &Arrival) -> Response<Body> {
        record.fail(rejection.source(), rejection.reason(), rejection.blame());
        self.finish(outcome_of(rejection.response()), None, record, arrival)
    }

    /// The last touches: request id, framing left to hyper, and an end that settles and logs.
    fn finish(
        &self,
        outcome: Outcome,
        started: Option<Started>,
        mut record: Box<Record>,
        arrival: &Arrival,
    ) -> Response<Body> {
        let Outcome { head, body } = outcome;
        // RFC 9110 §15.3.6; hyper sees to 204 and 304.
        let body = if head.status == StatusCode::RESET_CONTENT { Body::empty() } else { body };
        let response_flow = Flow::new();
        let (mut walk, request_flow) = match started {
            Some(Started { walk, request_flow, .. }) => (Some(walk), request_flow),
            None => (None, Flow::new()),
        };
        if let Some(walk) = &mut walk {
            // Whatever nobody has read of it decides about the connection as soon as this returns.
            drop(std::mem::take(&mut walk.request_body));
        }
        record.cache = walk.as_deref().and_then(Walk::exchange).and_then(|exchange| exchange.cache.looked_up);
        let trace_id = self.keep_trace(walk.as_deref_mut(), &record, head.status);
        let end = EndOfExchange {
            log: self.access_log.clone(),
            spans: self.spans.clone(),
            traffic: Arc::clone(&self.traffic),
            worker: self.worker,
            record,
            status: head.status,
            walk,
            request_flow,
            response_flow: Rc::clone(&response_flow),
        };
        let mut response = Response::new(body.guarded(end).counted(response_flow));
        *response.status_mut() = head.status;
        *response.headers_mut() = head.headers;
        if let Some(reason) = head.reason
            && let Ok(phrase) = ReasonPhrase::try_from(reason.into_string())
        {
            response.extensions_mut().insert(phrase);
        }
        response.headers_mut().insert(X_REQUEST_ID, arrival.request_id.header());
        if let Some(trace_id) = trace_id {
            response.headers_mut().insert(TRACE_ID, trace_id);
        }
        response
    }

    /// Put the trace where it can be asked for, and name it to the client.
    fn keep_trace(&self, walk: Option<&mut Walk>, record: &Record, status: StatusCode) -> Option<http::HeaderValue> {
        let exchange = walk?.exchange_mut()?;
        let trace = exchange.trace.take()?;
        let id = exchange.facts.request_id.to_string();
        self.traces.keep(&id, *trace, exchange, status, record.elapsed(), &self.plan.load().secrets);
        http::HeaderValue::try_from(id).ok()
    }
}
