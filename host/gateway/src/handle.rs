//! One request through the gateway: route, admit, inbound, forward, outbound, and what the client gets.

/// From a request to its chain.
mod way;

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::header::HeaderValue;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body as _;
use hyper::ext::ReasonPhrase;
use tollgate_core::fault::Blame;
use tollgate_core::message::{RequestHead, ResponseHead};
use tollgate_core::place::Section;
use tollgate_document::Underscores;
use tollgate_runtime::{Exchange, Facts, LastError, Leases, SubscriptionFacts, Trace};

use crate::body::{Body, Flow};
use crate::certificates::Certificates;
use crate::chain::{Answer, Received, StepFailure, Stop, Walk, parts_of};
use crate::forwarded::{self, Client};
use crate::guesses::KeyGuesses;
use crate::hop;
use crate::key::without_key;
use crate::observe::access_log::WorkerLog;
use crate::observe::metrics::Traffic;
use crate::observe::record::Record;
use crate::observe::tracing::{TRACE_ID, TraceDesk};
use crate::overload::Doorkeeper;
use crate::plan::{Chain, Plan, Step};
use crate::respond::{self, Rejection, X_REQUEST_ID};
use crate::route::Parameters;
use crate::serve::{Arrival, Handler, check};
use crate::trace_context::{TraceContext, TraceSettings};
use crate::tunnel::{self, Places, Wanted};
use crate::upstream::Upstream;
use way::{Asked, Unrouted, find_api, head_of, normalised, preflight, route};

/// What answers the requests of one worker.
pub(crate) struct Gate {
    pub(crate) plan: Arc<ArcSwap<Plan>>,
    pub(crate) leases: Rc<Leases>,
    pub(crate) upstream: Upstream,
    pub(crate) access_log: WorkerLog,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) traces: Arc<TraceDesk>,
    pub(crate) trace_context: TraceSettings,
    pub(crate) door: Doorkeeper,
    pub(crate) guesses: Arc<KeyGuesses>,
    /// The worker's number.
    pub(crate) worker: usize,
    /// Room for upgraded connections.
    pub(crate) tunnels: Rc<Places>,
}

/// What a walk begins with, beside the body.
struct Beginning<'c> {
    chain: &'c Arc<Chain>,
    client: IpAddr,
    client_ipv6_prefix: u8,
    subscription: Option<Arc<SubscriptionFacts>>,
    parameters: Parameters,
    head: RequestHead,
    is_traced: bool,
}

impl<'c> Beginning<'c> {
    /// Nothing known of subscription and parameters, and no trace.
    fn at(plan: &Plan, chain: &'c Arc<Chain>, client: &Client, head: RequestHead) -> Beginning<'c> {
        let (client, client_ipv6_prefix) = (client.address, plan.client_ipv6_prefix);
        Beginning {
            chain,
            client,
            client_ipv6_prefix,
            subscription: None,
            parameters: Parameters::new(),
            head,
            is_traced: false,
        }
    }
}

/// What an exchange may take.
#[derive(Clone, Copy)]
struct Limits {
    /// Of the request's body.
    body_bytes: u64,
    /// For all of it, up to the response's head.
    total: Option<Duration>,
}

/// What goes to the client, before the last touches.
struct Outcome {
    head: ResponseHead,
    body: Body,
}

/// A failure on its way through the on-error section.
struct Failing {
    error: LastError,
    blame: Blame,
    outcome: Outcome,
}

impl Handler for Gate {
    fn certificates(&self) -> Option<Arc<Certificates>> {
        self.plan.load().certificates.clone()
    }

    async fn handle(&self, mut request: Request<Body>, arrival: Arrival) -> Response<Body> {
        let mut record = Record::new(request.method(), request.uri(), request.headers(), &arrival);
        record.trace = TraceContext::enter(request.headers_mut(), &arrival.request_id, &self.trace_context);
        let Some(in_progress) = self.door.enter() else {
            return self.reject(&Rejection::Overloaded, record, &arrival);
        };
        record.in_progress = Some(in_progress);
        match self.exchange(request, &arrival, &mut record).await {
            Ok((outcome, walk, request_flow)) => self.finish(outcome, Some(walk), request_flow, record, &arrival),
            Err(rejection) => self.reject(&rejection, record, &arrival),
        }
    }

    fn refuse(&self, head: &Request<()>, arrival: Arrival, rejection: Rejection) -> Response<Body> {
        self.reject(&rejection, Record::new(head.method(), head.uri(), head.headers(), &arrival), &arrival)
    }
}

impl Gate {
    /// Answer what never reached a chain, so that no on-error section is there to see it.
    fn reject(&self, rejection: &Rejection, mut record: Record, arrival: &Arrival) -> Response<Body> {
        record.fail(rejection.source(), rejection.reason(), rejection.blame());
        self.finish(outcome_of(rejection.response()), None, Flow::new(), record, arrival)
    }

    /// From a request to what its client gets. An `Err` is a rejection that no policy sees.
    async fn exchange(
        &self,
        request: Request<Body>,
        arrival: &Arrival,
        record: &mut Record,
    ) -> Result<(Outcome, Walk, Rc<Flow>), Rejection> {
        // A request finishes on the plan that it began with.
        let plan = self.plan.load();
        let (parts, mut body) = request.into_parts();
        let mut headers = parts.headers;
        let target = normalised(&parts.uri)?;
        if plan.underscores == Underscores::Refuse && hop::has_underscore(&headers) {
            return Err(Rejection::UnderscoreInHeader);
        }
        let drops_underscores = plan.underscores == Underscores::Drop;
        let identify = |headers: &mut HeaderMap, record: &mut Record| {
            let client = forwarded::identify(headers, arrival.peer.ip(), arrival.scheme, &plan.trusted_proxies);
            record.client_ip = client.address;
            client
        };
        let Some((api, rest)) = find_api(&plan, &target) else {
            hop::clean_request(&mut headers, drops_underscores, |_| false);
            let client = identify(&mut headers, record);
            let rejection = Rejection::OperationNotFound;
            let Some(chain) = &plan.nowhere else { return Err(rejection) };
            let head = head_of(parts.method, &client, target, headers);
            let limits = Limits { body_bytes: plan.request_body_bytes, total: None };
            return self
                .refused(rejection, Beginning::at(&plan, chain, &client, head), body, limits, arrival, record)
                .await;
        };
        if !check::is_registered(&parts.method) && !api.own_methods.contains(&parts.method) {
            return Err(Rejection::MethodUnknown);
        }
        let limits = Limits { body_bytes: plan.request_body_bytes, total: api.total_timeout };
        let has_body = !body.is_end_stream();
        let trailers = has_body.then(|| plan.trailers.announced(&headers)).flatten();
        let upgrade = tunnel::wanted(&parts.method, parts.version, &headers, has_body, &api.upgrades);
        let received = Received { version: parts.version, trailers, trace: record.trace };
        hop::clean_request(&mut headers, drops_underscores, |name| *name == api.key_names.header);
        let client = identify(&mut headers, record);
        let is_traced = self.traces.admits(&mut headers);
        if let Some(chain) = preflight(api, rest, &parts.method, &headers) {
            let head = head_of(Method::OPTIONS, &client, target.clone(), headers.clone());
            let mut walk = self.begin(Beginning::at(&plan, &chain, &client, head), Body::empty(), arrival);
            if let Err(Stop::Answered(answer)) = walk.section(Section::Inbound, 0).await {
                let mut outcome = Outcome { head: answer.head, body: answer.body };
                walk.place_staged(&mut outcome.head.headers);
                record.routed(&chain.facts, None, &target);
                drop(body);
                return Ok((outcome, walk, Flow::new()));
            }
        }
        let asked = Asked { method: &parts.method, rest, target: &target, headers: &headers, client: &client };
        let routed = route(&plan, &self.guesses, api, &asked);
        let target = without_key(target, &mut headers, api);
        let routed = match routed {
            Ok(routed) => routed,
            Err(Unrouted { rejection, chain, parameters }) => {
                let head = head_of(parts.method, &client, target, headers);
                let beginning = Beginning { parameters, is_traced, ..Beginning::at(&plan, chain, &client, head) };
                return self.refused(rejection, beginning, body, limits, arrival, record).await;
            }
        };
        record.routed(&routed.chain.facts, routed.permit.subscription.as_ref(), &target);
        body.limit(limits.body_bytes).map_err(Rejection::from)?;
        let request_flow = Flow::new();
        let body = body.with_trailers(&plan.trailers).counted(Rc::clone(&request_flow));
        let beginning = Beginning {
            subscription: routed.permit.subscription,
            parameters: routed.parameters,
            is_traced,
            ..Beginning::at(&plan, routed.chain, &client, head_of(parts.method, &client, target, headers))
        };
        let mut walk = self.begin(beginning, body, arrival);
        walk.received = received;
        walk.upgrade = self.place_for(upgrade, &request_flow)?;
        let outcome = match in_time(limits.total, all_sections(&mut walk, routed.chain, record)).await {
            Some(outcome) => outcome,
            None => timed_out(&mut walk, record),
        };
        record.origin = walk.origin_time;
        Ok((outcome, walk, request_flow))
    }

    /// Room for what an upgrade becomes, if it is one.
    fn place_for(&self, protocol: Option<HeaderValue>, flow: &Rc<Flow>) -> Result<Option<Wanted>, Rejection> {
        let Some(protocol) = protocol else { return Ok(None) };
        let place = self.tunnels.take().ok_or(Rejection::Overloaded)?;
        Ok(Some(Wanted { protocol, _place: place, flow: Rc::clone(flow) }))
    }

    /// Answer what has found no way: the on-error section of what is known of it runs, if it has statements.
    async fn refused(
        &self,
        rejection: Rejection,
        beginning: Beginning<'_>,
        mut body: Body,
        limits: Limits,
        arrival: &Arrival,
        record: &mut Record,
    ) -> Result<(Outcome, Walk, Rc<Flow>), Rejection> {
        let chain = Arc::clone(beginning.chain);
        let is_seen = beginning.is_traced || !chain.section(Section::OnError).is_empty();
        if !is_seen || body.limit(limits.body_bytes).is_err() {
            return Err(rejection);
        }
        let request_flow = Flow::new();
        let mut walk = self.begin(beginning, body.counted(Rc::clone(&request_flow)), arrival);
        let stop = Stop::Failed(Box::new(StepFailure::of_gateway(rejection)));
        let outcome = match in_time(limits.total, on_error(&mut walk, &chain, stop, record)).await {
            Some(outcome) => outcome,
            None => timed_out(&mut walk, record),
        };
        Ok((outcome, walk, request_flow))
    }

    fn begin(&self, beginning: Beginning<'_>, body: Body, arrival: &Arrival) -> Walk {
        let Beginning { chain, client, client_ipv6_prefix, subscription, parameters, head, is_traced } = beginning;
        let facts = Facts {
            request_id: Arc::from(arrival.request_id.as_str()),
            client_ip: client,
            client_ipv6_prefix,
            route: Arc::clone(&chain.facts),
            subscription,
            parameters,
            started: arrival.at,
        };
        let mut exchange = Exchange::new(facts, head);
        exchange.trace = is_traced.then(Box::<Trace>::default);
        Walk::new(Rc::clone(&self.leases), self.upstream.clone(), Arc::clone(chain), exchange, body)
    }

    /// The last touches: request id, framing left to hyper, and an end that settles and logs.
    fn finish(
        &self,
        outcome: Outcome,
        walk: Option<Walk>,
        request_flow: Rc<Flow>,
        mut record: Record,
        arrival: &Arrival,
    ) -> Response<Body> {
        let Outcome { head, body } = outcome;
        // RFC 9110 §15.3.6; hyper sees to 204 and 304.
        let body = if head.status == StatusCode::RESET_CONTENT { Body::empty() } else { body };
        let response_flow = Flow::new();
        let mut walk = walk;
        if let Some(walk) = &mut walk {
            // Whatever nobody has read of it decides about the connection as soon as this returns.
            drop(std::mem::take(&mut walk.request_body));
        }
        record.cache = walk.as_ref().and_then(Walk::exchange).and_then(|exchange| exchange.cache.looked_up);
        let trace_id = self.keep_trace(&mut walk, &record, head.status);
        let end = EndOfExchange {
            log: self.access_log.clone(),
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
    fn keep_trace(&self, walk: &mut Option<Walk>, record: &Record, status: StatusCode) -> Option<http::HeaderValue> {
        let exchange = walk.as_mut()?.exchange_mut()?;
        let trace = exchange.trace.take()?;
        let id = exchange.facts.request_id.to_string();
        self.traces.keep(&id, *trace, exchange, status, record.elapsed(), &self.plan.load().secrets);
        http::HeaderValue::try_from(id).ok()
    }
}

/// All sections, in order. Always ends with something for the client.
async fn all_sections(walk: &mut Walk, chain: &Chain, record: &mut Record) -> Outcome {
    let mut outcome = sections(walk, chain, record).await;
    if walk.exchange().is_some_and(|exchange| exchange.holds.has_later()) {
        // Refused, failed or answered before the end of outbound: that counts as well, if its condition says so.
        walk.answer(outcome.head, outcome.body);
        if let Err(Stop::Failed(failure)) = walk.settle_later() {
            tracing::warn!(source = failure.source, detail = failure.detail, "a call was not counted");
        }
        outcome = answered(walk);
    }
    if !walk.is_counted_for_good().await {
        tracing::warn!("a call was counted, but its count can't be written to the disk");
    }
    outcome
}

async fn sections(walk: &mut Walk, chain: &Chain, record: &mut Record) -> Outcome {
    let forwarded = match walk.section(Section::Inbound, 0).await {
        Ok(()) => walk.section(Section::Backend, 0).await,
        Err(stop) => Err(stop),
    };
    let resume = match forwarded {
        Ok(()) => {
            if !walk.is_answered() {
                walk.answer_nothing();
            }
            0
        }
        Err(Stop::Answered(answer)) => match resume_at(chain, &answer) {
            Some(at) => {
                walk.answer(answer.head, answer.body);
                at
            }
            None => return with_staged(walk, Outcome { head: answer.head, body: answer.body }),
        },
        Err(stop) => return on_error(walk, chain, stop, record).await,
    };
    let (head, body) = walk.take_answer();
    let Outcome { head, body } = with_staged(walk, Outcome { head, body });
    walk.answer(head, body);
    let ended = match walk.section(Section::Outbound, resume).await {
        Ok(()) => walk.settle_later(),
        Err(stop) => Err(stop),
    };
    match ended {
        Ok(()) => answered(walk),
        Err(Stop::Answered(answer)) => with_staged(walk, Outcome { head: answer.head, body: answer.body }),
        Err(stop) => on_error(walk, chain, stop, record).await,
    }
}

/// What comes of it in the time that it may take; none if that wasn't enough.
async fn in_time(limit: Option<Duration>, within: impl Future<Output = Outcome>) -> Option<Outcome> {
    match limit {
        Some(limit) => {
            let until = tokio::time::Instant::now() + limit;
            let mut outcome = tokio::time::timeout_at(until, within).await.ok()?;
            outcome.body.end_by(until);
            Some(outcome)
        }
        None => Some(within.await),
    }
}

/// The end of an exchange whose time is over. There is none left for statements, those of on-error included.
fn timed_out(walk: &mut Walk, record: &mut Record) -> Outcome {
    let Failing { error, blame, outcome } = Failing::of_step(StepFailure::of_gateway(Rejection::TotalTimeout), walk);
    record.fail(&error.source, &error.reason, blame);
    if let Some(exchange) = walk.exchange_mut() {
        exchange.last_error = Some(error);
    }
    outcome
}

fn answered(walk: &mut Walk) -> Outcome {
    let (head, body) = walk.take_answer();
    Outcome { head, body }
}

/// Ends an exchange when its response has been sent or abandoned: settles what it held, and logs it.
struct EndOfExchange {
    log: WorkerLog,
    traffic: Arc<Traffic>,
    worker: usize,
    record: Record,
    status: StatusCode,
    walk: Option<Walk>,
    request_flow: Rc<Flow>,
    response_flow: Rc<Flow>,
}

impl Drop for EndOfExchange {
    fn drop(&mut self) {
        let (request_bytes, response_bytes) = (self.request_flow.bytes(), self.response_flow.bytes());
        if let Some(exchange) = self.walk.as_mut().and_then(Walk::exchange_mut) {
            exchange.holds.settle(request_bytes.saturating_add(response_bytes));
        }
        self.traffic.count(self.worker, self.status, self.record.elapsed());
        self.traffic.count_lookup(self.worker, self.record.cache);
        self.record.write(&self.log, self.status, request_bytes, response_bytes);
    }
}

/// Where outbound goes on after a stored response: behind the statement that stored it. None for every other answer,
/// which ends the pipeline.
fn resume_at(chain: &Chain, answer: &Answer) -> Option<usize> {
    let stored_by = answer.resume_after.as_ref()?;
    let outbound = chain.section(Section::Outbound);
    let at = outbound.iter().rposition(|step| holds_statement(step, stored_by));
    // The plan has changed since, and the statement is gone: nothing of outbound would fit.
    Some(at.map_or(outbound.len(), |at| at + 1))
}

/// Headers that statements staged for whatever response comes.
fn with_staged(walk: &mut Walk, mut outcome: Outcome) -> Outcome {
    walk.place_staged(&mut outcome.head.headers);
    outcome
}

/// Is a statement this step, or within it?
fn holds_statement(step: &Step, key: &str) -> bool {
    match step {
        Step::Statement(call) => call.statement.identity.key == key,
        other => other.lists().into_iter().flatten().any(|step| holds_statement(step, key)),
    }
}

fn outcome_of(response: Response<Body>) -> Outcome {
    let (head, body) = parts_of(response);
    Outcome { head, body }
}

impl Failing {
    /// A failure that a step raised. `None` for an answer, which is none.
    fn of(stop: Stop, walk: &mut Walk) -> Failing {
        match stop {
            Stop::Refused(refusal) => {
                let error = LastError {
                    source: refusal.source,
                    reason: refusal.failure.reason.clone(),
                    message: refusal.detail.unwrap_or_else(|| refusal.failure.message.clone()),
                    statement: Some(refusal.statement),
                    at: Some(refusal.at),
                    status: refusal.failure.status.as_u16(),
                };
                Failing { error, blame: Blame::Client, outcome: outcome_of(respond::refused(refusal.failure)) }
            }
            Stop::Failed(failure) => Failing::of_step(*failure, walk),
            Stop::Answered(answer) => Failing {
                error: LastError { source: "gateway".into(), ..LastError::default() },
                blame: Blame::Host,
                outcome: Outcome { head: answer.head, body: answer.body },
            },
        }
    }

    fn of_step(failure: StepFailure, walk: &mut Walk) -> Failing {
        let StepFailure { source, statement, at, rejection, detail } = failure;
        let (reason, message, blame, outcome) = match &rejection {
            Some(it) => (it.reason(), it.message(), it.blame(), outcome_of(it.response())),
            // The origin's own response is what failed.
            None => ("ErrorStatusCode", "The backend answered with an error.", Blame::Origin, answered(walk)),
        };
        let error = LastError {
            source,
            reason: reason.into(),
            message: detail.unwrap_or_else(|| message.into()),
            statement,
            at,
            status: outcome.head.status.as_u16(),
        };
        Failing { error, blame, outcome }
    }
}

/// The on-error section: sees the failure's response, and may edit it, replace it or refuse differently.
async fn on_error(walk: &mut Walk, chain: &Chain, stop: Stop, record: &mut Record) -> Outcome {
    let Failing { error, blame, outcome } = Failing::of(stop, walk);
    record.fail(&error.source, &error.reason, blame);
    let outcome = with_staged(walk, outcome);
    if let Some(exchange) = walk.exchange_mut() {
        exchange.last_error = Some(error);
    }
    if chain.section(Section::OnError).is_empty() {
        return outcome;
    }
    walk.answer(outcome.head, outcome.body);
    match walk.section(Section::OnError, 0).await {
        Ok(()) => answered(walk),
        Err(Stop::Answered(answer)) => with_staged(walk, Outcome { head: answer.head, body: answer.body }),
        Err(stop) => {
            let again = Failing::of(stop, walk);
            record.fail(&again.error.source, &again.error.reason, again.blame);
            with_staged(walk, again.outcome)
        }
    }
}
