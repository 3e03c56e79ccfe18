//! From a request to a walk that can begin. Nothing here waits: whatever a future holds while it waits has room in it for
//! each request.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::Guard;
use http::header::HeaderValue;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request};
use http_body::Body as _;
use tollgate_core::message::RequestHead;
use tollgate_core::place::Section;
use tollgate_document::Underscores;
use tollgate_runtime::{Exchange, Facts, SubscriptionFacts, Trace};

use super::Gate;
use super::sections::{Outcome, walk_preflight};
use super::way::{Asked, Unrouted, head_of, normalised, preflight, route};
use crate::body::{Body, Flow};
use crate::chain::{Received, Walk};
use crate::forwarded::{self, Client};
use crate::hop;
use crate::key::without_key;
use crate::observe::record::Record;
use crate::plan::{Api, Chain, Plan};
use crate::respond::Rejection;
use crate::route::Parameters;
use crate::serve::{Arrival, check};
use crate::tunnel::{self, Wanted};

/// A walk that can begin.
pub(super) struct Started {
    pub(super) walk: Box<Walk>,
    pub(super) request_flow: Rc<Flow>,
    /// For all of it, up to the response's head.
    pub(super) limit: Option<Duration>,
}

/// What a request begins with.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every request is a walk, and a box would be an allocation for each"
)]
pub(super) enum Begun {
    /// Perhaps a preflight that statements answer.
    Preflight(Box<Preflight>),
    Walk(Started, Opening),
}

/// What a walk opens with.
pub(super) enum Opening {
    /// All sections of its chain.
    Sections,
    /// It found no way, and an on-error section sees why.
    OnError(Rejection),
    /// Nothing any more: it was a preflight, and this answers it.
    Answered(Outcome),
}

/// A preflight, as it came, and the chain that may answer it.
pub(super) struct Preflight {
    plan: Guard<Arc<Plan>>,
    chain: Arc<Chain>,
    entered: Entered,
}

/// A request that an API has been found for.
struct Entered {
    method: Method,
    target: PathAndQuery,
    /// Where in the path what stands behind the API's path begins.
    rest_at: usize,
    headers: HeaderMap,
    body: Body,
    client: Client,
    received: Received,
    /// The protocol that it wants to go on with.
    upgrade: Option<HeaderValue>,
    is_traced: bool,
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

/// Who the client is, for the log too.
fn identify(plan: &Plan, headers: &mut HeaderMap, arrival: &Arrival, record: &mut Record) -> Client {
    let client = forwarded::identify(headers, arrival.peer.ip(), arrival.scheme, &plan.trusted_proxies);
    record.client_ip = client.address;
    client
}

impl Gate {
    /// Find out who asks for what. An `Err` is a rejection that no policy sees.
    pub(super) fn begin(
        &self,
        request: &mut Request<Body>,
        arrival: &Arrival,
        record: &mut Record,
    ) -> Result<Begun, Rejection> {
        // A request finishes on the plan that it began with.
        let plan = self.plan.load();
        let target = normalised(request.uri())?;
        if plan.underscores == Underscores::Refuse && hop::has_underscore(request.headers()) {
            return Err(Rejection::UnderscoreInHeader);
        }
        let drops_underscores = plan.underscores == Underscores::Drop;
        let Some((api, rest)) = plan.api(target.path()) else {
            let mut headers = std::mem::take(request.headers_mut());
            hop::clean_request(&mut headers, drops_underscores, |_| false);
            let client = identify(&plan, &mut headers, arrival, record);
            let rejection = Rejection::OperationNotFound;
            let Some(chain) = &plan.nowhere else { return Err(rejection) };
            let head = head_of(request.method().clone(), &client, target, headers);
            let body = std::mem::take(request.body_mut());
            let beginning = Beginning::at(&plan, chain, &client, head);
            let (started, opening) = self.refused(&plan, rejection, beginning, body, None, arrival)?;
            return Ok(Begun::Walk(started, opening));
        };
        let method = request.method().clone();
        if !check::is_registered(&method) && !api.own_methods.contains(&method) {
            return Err(Rejection::MethodUnknown);
        }
        let has_body = !request.body().is_end_stream();
        let trailers = has_body.then(|| plan.trailers.announced(request.headers())).flatten();
        let version = request.version();
        let upgrade = tunnel::wanted(&method, version, request.headers(), has_body, &api.upgrades);
        let received = Received { version, trailers, trace: record.trace };
        let mut headers = std::mem::take(request.headers_mut());
        hop::clean_request(&mut headers, drops_underscores, |name| *name == api.key_names.header);
        let client = identify(&plan, &mut headers, arrival, record);
        let is_traced = self.traces.admits(&mut headers);
        let preflight = preflight(api, rest, &method, &headers);
        let rest_at = target.path().len().saturating_sub(rest.len());
        let body = std::mem::take(request.body_mut());
        let entered = Entered { method, target, rest_at, headers, body, client, received, upgrade, is_traced };
        match preflight {
            None => {
                let (started, opening) = self.admit(&plan, api, entered, arrival, record)?;
                Ok(Begun::Walk(started, opening))
            }
            Some(chain) => Ok(Begun::Preflight(Box::new(Preflight { plan, chain, entered }))),
        }
    }

    /// Let statements answer a preflight; if they don't, it is a request as any other.
    pub(super) async fn ask_preflight(
        &self,
        preflight: Preflight,
        arrival: &Arrival,
        record: &mut Record,
    ) -> Result<(Started, Opening), Rejection> {
        let Preflight { plan, chain, entered } = preflight;
        let head = head_of(Method::OPTIONS, &entered.client, entered.target.clone(), entered.headers.clone());
        let mut walk = self.walk(Beginning::at(&plan, &chain, &entered.client, head), Body::empty(), arrival);
        if let Some(outcome) = walk_preflight(&mut walk).await {
            record.routed(&chain.facts, None, &entered.target);
            return Ok((Started { walk, request_flow: Flow::new(), limit: None }, Opening::Answered(outcome)));
        }
        let (api, _) = plan.api(entered.target.path()).ok_or(Rejection::OperationNotFound)?;
        self.admit(&plan, api, entered, arrival, record)
    }

    /// Find the operation, and see whether the key opens it.
    fn admit(
        &self,
        plan: &Plan,
        api: &Api,
        entered: Entered,
        arrival: &Arrival,
        record: &mut Record,
    ) -> Result<(Started, Opening), Rejection> {
        let Entered { method, target, rest_at, mut headers, mut body, client, received, upgrade, is_traced } = entered;
        let rest = target.path().get(rest_at..).unwrap_or_default();
        let asked = Asked { method: &method, rest, target: &target, headers: &headers, client: &client };
        let routed = route(plan, &self.guesses, api, &asked);
        let target = without_key(target, &mut headers, api);
        let limit = api.total_timeout;
        let routed = match routed {
            Ok(routed) => routed,
            Err(Unrouted { rejection, chain, parameters }) => {
                let head = head_of(method, &client, target, headers);
                let beginning = Beginning { parameters, is_traced, ..Beginning::at(plan, chain, &client, head) };
                return self.refused(plan, rejection, beginning, body, limit, arrival);
            }
        };
        record.routed(&routed.chain.facts, routed.permit.subscription.as_ref(), &target);
        body.limit(plan.request_body_bytes).map_err(Rejection::from)?;
        let request_flow = Flow::new();
        let body = body.with_trailers(&plan.trailers).counted(Rc::clone(&request_flow));
        let beginning = Beginning {
            subscription: routed.permit.subscription,
            parameters: routed.parameters,
            is_traced,
            ..Beginning::at(plan, routed.chain, &client, head_of(method, &client, target, headers))
        };
        let mut walk = self.walk(beginning, body, arrival);
        walk.received = received;
        walk.upgrade = self.place_for(upgrade, &request_flow)?;
        Ok((Started { walk, request_flow, limit }, Opening::Sections))
    }

    /// Room for what an upgrade becomes, if it is one.
    fn place_for(&self, protocol: Option<HeaderValue>, flow: &Rc<Flow>) -> Result<Option<Wanted>, Rejection> {
        let Some(protocol) = protocol else { return Ok(None) };
        let place = self.tunnels.take().ok_or(Rejection::Overloaded)?;
        Ok(Some(Wanted { protocol, _place: place, flow: Rc::clone(flow) }))
    }

    /// What has found no way: the on-error section of what is known of it runs, if it has statements.
    fn refused(
        &self,
        plan: &Plan,
        rejection: Rejection,
        beginning: Beginning<'_>,
        mut body: Body,
        limit: Option<Duration>,
        arrival: &Arrival,
    ) -> Result<(Started, Opening), Rejection> {
        let is_seen = beginning.is_traced || !beginning.chain.section(Section::OnError).is_empty();
        if !is_seen || body.limit(plan.request_body_bytes).is_err() {
            return Err(rejection);
        }
        let request_flow = Flow::new();
        let walk = self.walk(beginning, body.counted(Rc::clone(&request_flow)), arrival);
        Ok((Started { walk, request_flow, limit }, Opening::OnError(rejection)))
    }

    fn walk(&self, beginning: Beginning<'_>, body: Body, arrival: &Arrival) -> Box<Walk> {
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
        let mut exchange = Box::new(Exchange::new(facts, head));
        exchange.trace = is_traced.then(Box::<Trace>::default);
        Box::new(Walk::new(Rc::clone(&self.leases), self.upstream.clone(), Arc::clone(chain), exchange, body))
    }
}
