//! One request through the gateway: route, admit, inbound, forward, outbound, and what the client gets.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use http::header::HeaderMap;
use http::uri::PathAndQuery;
use http::{Request, Response, StatusCode, Uri};
use hyper::ext::ReasonPhrase;
use tollgate_core::fault::Blame;
use tollgate_core::message::{RequestHead, ResponseHead, Scheme};
use tollgate_core::path;
use tollgate_core::place::Phase;
use tollgate_runtime::{Exchange, Facts, LastError, Leases, Statement};

use crate::admit::{self, Permit, Refusal};
use crate::body::{Body, Flow};
use crate::chain::{Answer, Stop, Walk};
use crate::forwarded::{self, Client};
use crate::hop;
use crate::observe::access_log::WorkerLog;
use crate::observe::metrics::Traffic;
use crate::observe::record::Record;
use crate::plan::{Api, Chain, Forward, Plan};
use crate::respond::{self, KeyChallenge, Rejection, X_REQUEST_ID};
use crate::route::Parameters;
use crate::serve::{Arrival, Handler};
use crate::upstream::{Timeouts, Upstream};

/// What answers the requests of one worker.
pub(crate) struct Gate {
    pub(crate) plan: Arc<ArcSwap<Plan>>,
    pub(crate) leases: Rc<Leases>,
    pub(crate) upstream: Upstream,
    pub(crate) access_log: WorkerLog,
    pub(crate) traffic: Arc<Traffic>,
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
    async fn handle(&self, request: Request<Body>, arrival: Arrival) -> Response<Body> {
        let mut record = Record::new(request.method(), request.uri(), request.headers(), &arrival);
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
        let authority = authority_of(&client).to_owned();
        let head = RequestHead { method: parts.method, scheme: client.scheme, authority, target, headers };
        let mut walk = Walk::new(Rc::clone(&self.leases), Exchange::new(facts, head), body);
        let within = self.walk(&mut walk, api, routed.chain, record);
        let outcome = match api.total_timeout {
            Some(limit) => tokio::time::timeout(limit, within).await.map_err(|_| Rejection::TotalTimeout)?,
            None => within.await,
        };
        Ok((outcome, walk, request_flow))
    }

    /// All sections, in order. Always ends with something for the client.
    async fn walk(&self, walk: &mut Walk, api: &Api, chain: &Chain, record: &mut Record) -> Outcome {
        let inbound = walk.run(chain.inbound.iter().map(|s| &**s), Phase::OnRequest).await;
        let (outcome, resume) = match inbound {
            Ok(()) => match self.forward(walk, api, chain, record).await {
                Ok(outcome) => (outcome, 0),
                Err(rejection) => return on_error(walk, chain, failing_gateway(&rejection), record).await,
            },
            Err(Stop::Answered(answer)) => match resume_at(chain, &answer) {
                Some(at) => (Outcome { head: answer.head, body: answer.body }, at),
                None => return with_staged(walk, Outcome { head: answer.head, body: answer.body }),
            },
            Err(stop) => return on_error(walk, chain, failing(stop), record).await,
        };
        let outcome = with_staged(walk, outcome);
        walk.answer(outcome);
        match walk.run(chain.outbound.iter().skip(resume).map(|s| &**s), Phase::OnResponse).await {
            Ok(()) => walk.take_answer(),
            Err(Stop::Answered(answer)) => Outcome { head: answer.head, body: answer.body },
            Err(stop) => on_error(walk, chain, failing(stop), record).await,
        }
    }

    /// Send the request to the origin, unless nothing says so.
    async fn forward(
        &self,
        walk: &mut Walk,
        api: &Api,
        chain: &Chain,
        record: &mut Record,
    ) -> Result<Outcome, Rejection> {
        let Some(Forward { timeout }) = chain.forward else {
            return Ok(Outcome { head: ResponseHead::new(StatusCode::OK), body: Body::empty() });
        };
        let body = std::mem::take(&mut walk.request_body);
        let Some(exchange) = walk.exchange_mut() else {
            return Err(Rejection::PolicyFault);
        };
        let later = !(chain.outbound.is_empty() && chain.on_error.is_empty());
        let mut request = Request::new(body);
        *request.method_mut() = exchange.request.method.clone();
        *request.uri_mut() =
            api.uri(&exchange.request.target, exchange.is_rewritten).ok_or(Rejection::MalformedPath)?;
        *request.headers_mut() = match later {
            true => exchange.request.headers.clone(),
            false => std::mem::take(&mut exchange.request.headers),
        };
        hop::set_host(request.headers_mut(), &api.origin);
        let is_head = request.method() == http::Method::HEAD;
        let request_id = Arc::clone(&exchange.facts.request_id);
        let timeouts = Timeouts { response_header: timeout.unwrap_or(api.timeouts.response_header), ..api.timeouts };
        let sent = Instant::now();
        let answered = self.upstream.send(&api.origin, request, timeouts).await;
        record.origin = Some(sent.elapsed());
        let response = answered.map_err(|error| {
            let rejection = Rejection::from(&error);
            let (origin, blame) = (api.origin.name(), rejection.blame().name());
            tracing::warn!(origin, request_id = &*request_id, %error, "error.type" = error.name(), "error.blame" = blame,
                "there is no response from the origin");
            rejection
        })?;
        let mut outcome = outcome_of(response);
        hop::clean_response(&mut outcome.head.headers, is_head);
        Ok(outcome)
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
        let response_flow = Flow::new();
        let mut walk = walk;
        if let Some(walk) = &mut walk {
            // Whatever nobody has read of it decides about the connection as soon as this returns.
            drop(std::mem::take(&mut walk.request_body));
        }
        record.cache = walk.as_ref().and_then(Walk::exchange).and_then(|exchange| exchange.cache.looked_up);
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
        response
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

/// The key that a client shows: the header, and only if there is none the query parameter. An empty one is none.
/// Two headers are one key that nobody has.
fn presented_key<'r>(api: &Api, headers: &'r HeaderMap, target: &'r PathAndQuery) -> Option<Cow<'r, [u8]>> {
    let mut shown = headers.get_all(&api.key_names.header).into_iter();
    if let Some(first) = shown.next() {
        if shown.next().is_some() {
            return Some(b"".as_slice().into());
        }
        return (!first.is_empty()).then(|| first.as_bytes().into());
    }
    let value = query_pairs(target).find(|(name, _)| *name == api.key_names.query).map(|(_, value)| value)?;
    match path::decode_query(value) {
        text if text.is_empty() => None,
        Cow::Borrowed(text) => Some(text.as_bytes().into()),
        Cow::Owned(text) => Some(text.into_bytes().into()),
    }
}

/// The query's parameters: name decoded, value as sent.
fn query_pairs(target: &PathAndQuery) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    target.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (path::decode_query(name), value)
    })
}

/// The key is for the gateway: neither policies' caches and logs nor the origin see it.
fn without_key(target: PathAndQuery, headers: &mut HeaderMap, api: &Api) -> PathAndQuery {
    headers.remove(&api.key_names.header);
    if !query_pairs(&target).any(|(name, _)| name == api.key_names.query) {
        return target;
    }
    let kept: Vec<&str> = target
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| path::decode_query(pair.split_once('=').map_or(*pair, |(name, _)| name)) != api.key_names.query)
        .collect();
    let text = match kept.is_empty() {
        true => target.path().to_owned(),
        false => format!("{}?{}", target.path(), kept.join("&")),
    };
    // Parts of a target that was one; should it not be one after all, the path alone is.
    PathAndQuery::try_from(text).unwrap_or_else(|_| PathAndQuery::from_static("/"))
}

/// Where outbound goes on after a stored response: behind the statement that stored it. None for every other answer,
/// which ends the pipeline.
fn resume_at(chain: &Chain, answer: &Answer) -> Option<usize> {
    let stored_by = answer.resume_after.as_ref()?;
    let at = chain.outbound.iter().rposition(|statement| statement.identity.key == *stored_by);
    // The plan has changed since, and the statement is gone: nothing of outbound would fit.
    Some(at.map_or(chain.outbound.len(), |at| at + 1))
}

/// Headers that statements staged for whatever response comes.
fn with_staged(walk: &mut Walk, mut outcome: Outcome) -> Outcome {
    walk.place_staged(&mut outcome.head.headers);
    outcome
}

impl Walk {
    /// Make this the response that statements see.
    fn answer(&mut self, outcome: Outcome) {
        self.response_body = outcome.body;
        if let Some(exchange) = self.exchange_mut() {
            exchange.response = Some(outcome.head);
        }
    }

    /// The response as statements left it.
    fn take_answer(&mut self) -> Outcome {
        let body = std::mem::take(&mut self.response_body);
        match self.exchange_mut().and_then(|exchange| exchange.response.take()) {
            Some(head) => Outcome { head, body },
            None => outcome_of(Rejection::PolicyFault.response()),
        }
    }
}

fn outcome_of(response: Response<Body>) -> Outcome {
    let (parts, body) = response.into_parts();
    let reason = parts.extensions.get::<ReasonPhrase>().and_then(|p| std::str::from_utf8(p.as_bytes()).ok());
    let head = ResponseHead { status: parts.status, reason: reason.map(Box::from), headers: parts.headers };
    Outcome { head, body }
}

/// A failure that the gateway itself raised.
fn failing_gateway(rejection: &Rejection) -> Failing {
    let error = LastError {
        source: rejection.source().into(),
        reason: rejection.reason().into(),
        message: rejection.message().into(),
        statement: None,
    };
    Failing { error, blame: rejection.blame(), outcome: outcome_of(rejection.response()) }
}

/// A failure that a statement raised.
fn failing(stop: Stop) -> Failing {
    match stop {
        Stop::Refused(refusal) => {
            let error = LastError {
                source: refusal.source,
                reason: refusal.failure.reason.clone(),
                message: refusal.failure.message.clone(),
                statement: Some(refusal.statement),
            };
            Failing { error, blame: Blame::Client, outcome: outcome_of(respond::refused(refusal.failure)) }
        }
        Stop::Failed(failure) => {
            let mut failing = failing_gateway(&failure.rejection);
            failing.error.source = failure.source;
            failing.error.statement = Some(failure.statement);
            failing
        }
        Stop::Answered(answer) => Failing {
            error: LastError {
                source: "gateway".into(),
                reason: String::new(),
                message: String::new(),
                statement: None,
            },
            blame: Blame::Host,
            outcome: Outcome { head: answer.head, body: answer.body },
        },
    }
}

/// The on-error section: sees the failure's response, and may edit it, replace it or refuse differently.
async fn on_error(walk: &mut Walk, chain: &Chain, failure: Failing, record: &mut Record) -> Outcome {
    let Failing { error, blame, outcome } = failure;
    record.fail(&error.source, &error.reason, blame);
    let outcome = with_staged(walk, outcome);
    if chain.on_error.is_empty() {
        return outcome;
    }
    walk.answer(outcome);
    if let Some(exchange) = walk.exchange_mut() {
        exchange.last_error = Some(error);
    }
    let statements = chain.on_error.iter().map(|s| -> &Statement { s });
    match walk.run(statements, Phase::OnError).await {
        Ok(()) => walk.take_answer(),
        Err(Stop::Answered(answer)) => Outcome { head: answer.head, body: answer.body },
        Err(stop) => {
            let again = failing(stop);
            record.fail(&again.error.source, &again.error.reason, again.blame);
            again.outcome
        }
    }
}
