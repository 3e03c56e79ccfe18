//! One request through the gateway: route, admit, inbound, forward, outbound, and what the client gets.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::header::HeaderMap;
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode, Uri, header};
use hyper::ext::ReasonPhrase;
use tollgate_core::fault::Blame;
use tollgate_core::message::{RequestHead, ResponseHead, Scheme};
use tollgate_core::path;
use tollgate_core::place::Section;
use tollgate_runtime::{Exchange, Facts, LastError, Leases, Trace};

use crate::admit::{self, Permit, Refusal};
use crate::body::{Body, Flow};
use crate::chain::{Answer, StepFailure, Stop, Walk, parts_of};
use crate::forwarded::{self, Client};
use crate::hop;
use crate::key::{presented_key, without_key};
use crate::observe::access_log::WorkerLog;
use crate::observe::metrics::Traffic;
use crate::observe::record::Record;
use crate::observe::tracing::{TRACE_ID, TraceDesk};
use crate::overload::Doorkeeper;
use crate::plan::{Api, Chain, Plan, Step};
use crate::respond::{self, KeyChallenge, Rejection, X_REQUEST_ID};
use crate::route::Parameters;
use crate::serve::{Arrival, Handler};
use crate::trace_context::{TraceContext, TraceSettings};
use crate::upstream::Upstream;

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
    /// The worker's number.
    pub(crate) worker: usize,
}

/// A request that has found its way: everything that is needed from here on.
struct Routed<'p> {
    chain: &'p Arc<Chain>,
    permit: Permit,
    parameters: Parameters,
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

    /// From a request to what its client gets. An `Err` is a rejection that came before any policy.
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
        let (api, rest) = find_api(&plan, &target)?;
        hop::clean_request(&mut headers, |name| *name == api.key_names.header);
        let client = forwarded::identify(&mut headers, arrival.peer.ip(), Scheme::Http, &plan.trusted_proxies);
        record.client_ip = client.address;
        let is_traced = self.traces.admits(&mut headers);
        if let Some(chain) = preflight(api, rest, &parts.method, &headers) {
            let facts = Facts {
                request_id: Arc::from(arrival.request_id.as_str()),
                client_ip: client.address,
                route: Arc::clone(&chain.facts),
                subscription: None,
                parameters: Parameters::new(),
                started: arrival.at,
            };
            let head = head_of(Method::OPTIONS, &client, target.clone(), headers.clone());
            let exchange = Exchange::new(facts, head);
            let mut walk = self.new_walk(&chain, exchange, Body::empty());
            if let Err(Stop::Answered(answer)) = walk.section(Section::Inbound, 0).await {
                let mut outcome = Outcome { head: answer.head, body: answer.body };
                walk.place_staged(&mut outcome.head.headers);
                record.routed(&chain.facts, None, &target);
                drop(body);
                return Ok((outcome, walk, Flow::new()));
            }
        }
        let routed = route(&plan, api, rest, &parts.method, &target, &headers, &client)?;
        let target = without_key(target, &mut headers, api);
        record.routed(&routed.chain.facts, routed.permit.subscription.as_ref(), &target);
        body.limit(plan.request_body_bytes).map_err(Rejection::from)?;
        let request_flow = Flow::new();
        let body = body.counted(Rc::clone(&request_flow));
        let facts = Facts {
            request_id: Arc::from(arrival.request_id.as_str()),
            client_ip: client.address,
            route: Arc::clone(&routed.chain.facts),
            subscription: routed.permit.subscription,
            parameters: routed.parameters,
            started: arrival.at,
        };
        let mut exchange = Exchange::new(facts, head_of(parts.method, &client, target, headers));
        exchange.trace = is_traced.then(Box::<Trace>::default);
        let mut walk = self.new_walk(routed.chain, exchange, body);
        let within = all_sections(&mut walk, routed.chain, record);
        let outcome = match api.total_timeout {
            Some(limit) => {
                let until = tokio::time::Instant::now() + limit;
                let within = tokio::time::timeout_at(until, within).await;
                let mut outcome = within.map_err(|_| Rejection::TotalTimeout)?;
                outcome.body.end_by(until);
                outcome
            }
            None => within.await,
        };
        record.origin = walk.origin_time;
        Ok((outcome, walk, request_flow))
    }

    fn new_walk(&self, chain: &Arc<Chain>, exchange: Exchange, body: Body) -> Walk {
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
    let outcome = sections(walk, chain, record).await;
    if !walk.exchange().is_some_and(|exchange| exchange.holds.has_later()) {
        return outcome;
    }
    // Refused, failed or answered before the end of outbound: that counts as well, if its condition says so.
    walk.answer(outcome.head, outcome.body);
    if let Err(Stop::Failed(failure)) = walk.settle_later() {
        tracing::warn!(source = failure.source, detail = failure.detail, "a call was not counted");
    }
    answered(walk)
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

fn answered(walk: &mut Walk) -> Outcome {
    let (head, body) = walk.take_answer();
    Outcome { head, body }
}

fn head_of(method: Method, client: &Client, target: PathAndQuery, headers: HeaderMap) -> RequestHead {
    RequestHead { method, scheme: client.scheme, authority: authority_of(client).to_owned(), target, headers }
}

/// What answers a preflight (Fetch standard §3.2.2): the `cors` statements of the operation that the browser is about
/// to call, without a key, which a preflight never has. None if this is none, or if the API has an operation for it
/// (`apim.md` §1.7).
fn preflight(api: &Api, rest: &str, method: &Method, headers: &HeaderMap) -> Option<Arc<Chain>> {
    if *method != Method::OPTIONS || !headers.contains_key(header::ORIGIN) {
        return None;
    }
    let wanted = headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
    let wanted = Method::from_bytes(wanted.as_bytes()).ok()?;
    let operation = match &api.operations {
        None => 0,
        Some(table) => {
            let own = table.find(&Method::OPTIONS, rest).and_then(|(number, _)| api.chains.get(number));
            let own = own.and_then(|chains| chains.without.facts.operation.as_ref());
            if own.is_some_and(|operation| operation.method == Method::OPTIONS.as_str()) {
                return None;
            }
            table.find(&wanted, rest)?.0
        }
    };
    let chain = api.chains.get(operation)?.chain(api.door.open_product);
    let mut cors = Vec::new();
    find_cors(chain.section(Section::Inbound), &mut cors);
    if cors.is_empty() {
        return None;
    }
    let sections = [cors, Vec::new(), Vec::new(), Vec::new()];
    Some(Arc::new(Chain::new(Arc::clone(&chain.facts), Arc::clone(&chain.forwarding), sections)))
}

/// `cors` statements, those in fragments and branches too.
fn find_cors(steps: &[Step], found: &mut Vec<Step>) {
    for step in steps {
        match step {
            Step::Statement(call) if call.statement.identity.name == "cors" => found.push(step.clone()),
            other => other.lists().into_iter().for_each(|list| find_cors(list, found)),
        }
    }
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
        self.record.write(&self.log, self.status, request_bytes, response_bytes);
    }
}

/// The one path that everything from here on sees, with the query as it was sent.
fn normalised(uri: &Uri) -> Result<PathAndQuery, Rejection> {
    let sent = uri.path_and_query().ok_or(Rejection::MalformedTarget)?;
    match path::normalise(sent.path()).map_err(|_| Rejection::MalformedPath)? {
        Cow::Borrowed(_) => Ok(sent.clone()),
        Cow::Owned(normal) => {
            let text = match sent.query() {
                Some(query) => format!("{normal}?{query}"),
                None => normal,
            };
            PathAndQuery::try_from(text).map_err(|_| Rejection::MalformedPath)
        }
    }
}

/// Host and port that the client addressed; empty if it didn't say.
fn authority_of(client: &Client) -> &str {
    client.host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or_default()
}

fn find_api<'p, 't>(plan: &'p Plan, target: &'t PathAndQuery) -> Result<(&'p Api, &'t str), Rejection> {
    let (number, rest) = plan.api_table.find(target.path()).ok_or(Rejection::OperationNotFound)?;
    let api = plan.apis.get(number).ok_or(Rejection::OperationNotFound)?;
    Ok((api, rest))
}

fn route<'p>(
    plan: &'p Plan,
    api: &'p Api,
    rest: &str,
    method: &http::Method,
    target: &PathAndQuery,
    headers: &HeaderMap,
    client: &Client,
) -> Result<Routed<'p>, Rejection> {
    let (operation, parameters) = match &api.operations {
        Some(table) => table.find(method, rest).ok_or(Rejection::OperationNotFound)?,
        None => (0, Parameters::new()),
    };
    let key = presented_key(api, headers, target);
    let permit = admit::admit(&plan.keys, &api.door, key.as_deref(), unix_ms).map_err(|refusal| {
        let realm = format!("{}://{}/{}", client.scheme.as_str(), authority_of(client), api.path);
        let challenge = Box::new(KeyChallenge { realm, header: api.key_names.header_as_written.clone() });
        match refusal {
            Refusal::KeyMissing => Rejection::SubscriptionKeyMissing(challenge),
            Refusal::KeyInvalid => Rejection::SubscriptionKeyInvalid(challenge),
        }
    })?;
    let by_product = api.chains.get(operation).ok_or(Rejection::OperationNotFound)?;
    let chain = by_product.chain(permit.product);
    Ok(Routed { chain, permit, parameters })
}

fn unix_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
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
    if chain.section(Section::OnError).is_empty() {
        return outcome;
    }
    walk.answer(outcome.head, outcome.body);
    if let Some(exchange) = walk.exchange_mut() {
        exchange.last_error = Some(error);
    }
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
