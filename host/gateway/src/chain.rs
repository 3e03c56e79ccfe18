//! The steps of a chain in their order, on one exchange.
//!
//! `statement` calls a policy and applies its diff after its verdict; `flow` is what the gateway does itself; `forward`
//! sends the request to its origin. What each of them may end in is a [`Stop`].

/// Policy components.
mod statement;

/// The gateway's own flow.
mod flow;

/// Steps that run beside each other.
mod wait;

/// To the origin.
mod forward;

/// To the cache, and to the origin only if it must be.
mod cached;

/// What a trace shows of a step.
mod trace;

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header};
use http_body::Body as _;
use tollgate_core::message::ResponseHead;
use tollgate_core::place::{Phase, Section};
use tollgate_expression::Needs;
use tollgate_runtime::{Exchange, Failed, Leases, Position, StatementExpression};

use crate::body::{Body, BodyError, collect};
use crate::plan::{Chain, Own, Step};
use crate::respond::Rejection;
use crate::trace_context::TraceContext;
use crate::tunnel::Wanted;
use crate::upstream::Upstream;

pub(crate) use forward::parts_of;
pub(crate) use statement::{Answer, PolicyRefusal};

/// Bytes of a body that is read because an expression asks for it, or because it may be sent again.
const READ_BODY_BYTES: usize = tollgate_core::limits::BODY_BYTES;

/// How long a disk may take to write a count: one that takes longer is as good as broken.
const COUNT_PATIENCE: Duration = Duration::from_secs(5);

/// An exchange on its way through the sections.
pub(crate) struct Walk {
    leases: Rc<Leases>,
    upstream: Upstream,
    chain: Arc<Chain>,
    /// Lent to a store during a call, and otherwise always there.
    exchange: Option<Box<Exchange>>,
    /// The request's body, as it will be forwarded.
    pub(crate) request_body: Body,
    /// The response's body, as it will be returned.
    pub(crate) response_body: Body,
    /// How the request came.
    pub(crate) received: Received,
    /// The other protocol that the client wants to speak with the origin.
    pub(crate) upgrade: Option<Wanted>,
    /// Headers that statements put on the response for this request alone: no cache may give them to another.
    staged_names: Vec<HeaderName>,
    section: Section,
    /// When the last statement ended, if nothing has been done since that takes time: asking the clock is felt where a
    /// call takes a microsecond.
    moment: Option<Instant>,
    /// From sending the request to the origin to the head of its response.
    pub(crate) origin_time: Option<Duration>,
}

/// What the next hop is told of the last one, and no policy.
#[derive(Default)]
pub(crate) struct Received {
    pub(crate) version: Version,
    /// Trailers that were announced and may pass.
    pub(crate) trailers: Option<HeaderValue>,
    /// The request's place in a trace.
    pub(crate) trace: Option<TraceContext>,
}

/// Why a section ended before its end.
pub(crate) enum Stop {
    /// A policy answered.
    Answered(Box<Answer>),
    /// A policy refused.
    Refused(Box<PolicyRefusal>),
    /// A step failed.
    Failed(Box<StepFailure>),
}

/// A step that failed.
pub(crate) struct StepFailure {
    /// The statement's name, or the gateway's own step.
    pub(crate) source: String,
    /// Its id or place; none for a step of the gateway.
    pub(crate) statement: Option<String>,
    /// Where it stands, if it stands anywhere.
    pub(crate) at: Option<Arc<Position>>,
    /// What the client is told; none for the response that is there.
    pub(crate) rejection: Option<Rejection>,
    /// What `on-error` is told beyond that.
    pub(crate) detail: Option<String>,
}

impl StepFailure {
    /// A failure of the gateway itself, outside of every step.
    pub(crate) fn of_gateway(rejection: Rejection) -> StepFailure {
        let source = rejection.source().into();
        StepFailure { source, statement: None, at: None, rejection: Some(rejection), detail: None }
    }

    /// A failure of one of the gateway's own steps.
    fn of_step(own: &Own, rejection: Rejection) -> StepFailure {
        StepFailure {
            source: own.name.into(),
            statement: None,
            at: Some(Arc::clone(&own.position)),
            rejection: Some(rejection),
            detail: None,
        }
    }
}

impl Walk {
    /// An exchange at its beginning.
    pub(crate) fn new(
        leases: Rc<Leases>,
        upstream: Upstream,
        chain: Arc<Chain>,
        mut exchange: Box<Exchange>,
        request_body: Body,
    ) -> Walk {
        exchange.cache.has_body = !request_body.is_end_stream();
        if chain.caching.is_some() {
            exchange.cache.is_authorized = exchange.request.headers.contains_key(header::AUTHORIZATION);
        }
        Walk {
            leases,
            upstream,
            chain,
            exchange: Some(exchange),
            request_body,
            response_body: Body::empty(),
            received: Received::default(),
            upgrade: None,
            staged_names: Vec::new(),
            section: Section::Inbound,
            moment: None,
            origin_time: None,
        }
    }

    /// Another walk from this place on, in the same section, with an exchange and bodies of its own.
    fn beside(&self, exchange: Exchange, request_body: Body, response_body: Body) -> Walk {
        Walk {
            leases: Rc::clone(&self.leases),
            upstream: self.upstream.clone(),
            chain: Arc::clone(&self.chain),
            exchange: Some(Box::new(exchange)),
            request_body,
            response_body,
            received: Received::default(),
            upgrade: None,
            staged_names: Vec::new(),
            section: self.section,
            moment: None,
            origin_time: None,
        }
    }

    /// Whose sections are walked.
    pub(crate) fn chain(&self) -> &Arc<Chain> {
        &self.chain
    }

    /// The exchange; none only after a host function panicked and took it along.
    pub(crate) fn exchange(&self) -> Option<&Exchange> {
        self.exchange.as_deref()
    }

    /// See [`Walk::exchange`].
    pub(crate) fn exchange_mut(&mut self) -> Option<&mut Exchange> {
        self.exchange.as_deref_mut()
    }

    /// Run a section's steps in their order, from number `from` on, until one of them stops.
    pub(crate) async fn section(&mut self, section: Section, from: usize) -> Result<(), Stop> {
        (self.section, self.moment) = (section, None);
        let chain = Arc::clone(&self.chain);
        self.run(chain.section(section).get(from..).unwrap_or_default()).await
    }

    /// Run steps in their order until one of them stops.
    async fn run(&mut self, steps: &[Step]) -> Result<(), Stop> {
        let mut steps = steps.iter();
        // What is left to do after the branch that is being walked. A box for each branch would hold the room that the
        // largest of all steps needs.
        let mut left = Vec::new();
        loop {
            let Some(step) = steps.next() else {
                let Some(outer) = left.pop() else { return Ok(()) };
                steps = outer;
                continue;
            };
            match step {
                // No box for what nearly every step is.
                Step::Statement(call) => self.call(call).await?,
                Step::Choose(choose) => {
                    let branch = self.chosen(choose).await?.iter();
                    left.push(std::mem::replace(&mut steps, branch));
                }
                own => {
                    self.own_step(own).await?;
                    self.moment = None;
                }
            }
        }
    }

    /// A step failed: the trace shows where.
    fn stopped(&mut self, failure: StepFailure) -> Stop {
        self.trace_failed(&failure);
        Stop::Failed(Box::new(failure))
    }

    /// The phase that components are called in.
    fn phase(&self) -> Phase {
        self.section.phase()
    }

    /// Does a condition hold? One that isn't there does.
    async fn holds(&mut self, condition: Option<&StatementExpression>) -> Result<bool, Failing> {
        let Some(condition) = condition else { return Ok(true) };
        self.show(condition.needs()).await?;
        let exchange = self.exchange().ok_or(Failing::Rejected(Rejection::PolicyFault))?;
        Ok(condition.holds(exchange)?)
    }

    /// Have bodies in memory that an expression reads. They are hidden again by [`Walk::hide`].
    async fn show(&mut self, needs: Needs) -> Result<(), Failing> {
        if needs == Needs::default() {
            return Ok(());
        }
        self.moment = None;
        if needs.request_body {
            let bytes = in_memory(&mut self.request_body).await.map_err(Rejection::from)?;
            if let Some(exchange) = self.exchange_mut() {
                exchange.request_body = Some(bytes).filter(|bytes| !bytes.is_empty());
            }
        }
        if needs.response_body && self.exchange().is_some_and(|exchange| exchange.response.is_some()) {
            let bytes = in_memory(&mut self.response_body).await.map_err(Rejection::of_response_body)?;
            if let Some(exchange) = self.exchange_mut() {
                exchange.response_body = Some(bytes).filter(|bytes| !bytes.is_empty());
            }
        }
        Ok(())
    }

    /// Bodies are shown for one step only.
    fn hide(&mut self) {
        if let Some(exchange) = self.exchange_mut() {
            exchange.request_body = None;
            exchange.response_body = None;
        }
    }

    /// Put the headers on a response that statements staged for whatever response comes, once on each.
    pub(crate) fn place_staged(&mut self, headers: &mut HeaderMap) {
        let Some(exchange) = self.exchange.as_deref_mut() else { return };
        for staged in &exchange.staged_headers {
            self.staged_names.push(staged.name.clone());
            staged.clone().place(headers);
        }
    }

    /// Count what statements left for the end of the outbound section.
    pub(crate) fn settle_later(&mut self) -> Result<(), Stop> {
        let services = self.leases.services();
        let Some(exchange) = self.exchange_mut() else { return Ok(()) };
        exchange.settle_later(&services).map_err(|failed| {
            Stop::Failed(Box::new(StepFailure {
                source: "policy".into(),
                statement: None,
                at: None,
                rejection: Some(Rejection::ExpressionFailed),
                detail: Some(failed.to_string()),
            }))
        })
    }

    /// Wait for counts that have to be on disk before anything else happens. False if they can't be written.
    pub(crate) async fn is_counted_for_good(&mut self) -> bool {
        let Some(exchange) = self.exchange_mut() else { return true };
        for unwritten in exchange.holds.take_unwritten() {
            self.moment = None;
            let written = Box::pin(tokio::time::timeout(COUNT_PATIENCE, unwritten.is_written())).await;
            if !written.unwrap_or(false) {
                return false;
            }
        }
        true
    }

    /// Make this the response that statements see.
    pub(crate) fn answer(&mut self, head: ResponseHead, body: Body) {
        self.response_body = body;
        if let Some(exchange) = self.exchange_mut() {
            exchange.response = Some(head);
        }
    }

    /// True once there is a response.
    pub(crate) fn is_answered(&self) -> bool {
        self.exchange().is_some_and(|exchange| exchange.response.is_some())
    }

    /// The response as statements left it.
    pub(crate) fn take_answer(&mut self) -> (ResponseHead, Body) {
        let body = std::mem::take(&mut self.response_body);
        match self.exchange_mut().and_then(|exchange| exchange.response.take()) {
            Some(head) => (head, body),
            None => {
                let (parts, body) = Rejection::PolicyFault.response().into_parts();
                (ResponseHead { status: parts.status, reason: None, headers: parts.headers }, body)
            }
        }
    }

    /// What a request gets that nobody sent anywhere.
    pub(crate) fn answer_nothing(&mut self) {
        self.answer(ResponseHead::new(StatusCode::OK), Body::empty());
    }
}

/// Why a step of the gateway's own can't go on.
enum Failing {
    /// An expression failed.
    Expression(Failed),
    /// Something else did.
    Rejected(Rejection),
}

impl From<Failed> for Failing {
    fn from(failed: Failed) -> Failing {
        Failing::Expression(failed)
    }
}

impl From<Rejection> for Failing {
    fn from(rejection: Rejection) -> Failing {
        Failing::Rejected(rejection)
    }
}

impl Failing {
    /// The failure of the step `source`, which stands at `at`.
    fn failure(self, source: &str, statement: Option<String>, at: &Arc<Position>, request_id: &str) -> StepFailure {
        let (rejection, detail) = match self {
            Failing::Rejected(rejection) => (rejection, None),
            Failing::Expression(failed) => {
                tracing::warn!(step = source, place = at.place, request_id, %failed, "an expression failed");
                (Rejection::ExpressionFailed, Some(failed.to_string()))
            }
        };
        StepFailure { source: source.into(), statement, at: Some(Arc::clone(at)), rejection: Some(rejection), detail }
    }
}

/// All of a body, which stays what it is.
async fn in_memory(body: &mut Body) -> Result<bytes::Bytes, BodyError> {
    if let Some(bytes) = body.in_memory() {
        return Ok(bytes);
    }
    // Boxed, so that what needs no body holds no room for reading one.
    let bytes = Box::pin(collect(std::mem::take(body), READ_BODY_BYTES)).await?;
    *body = Body::full(bytes.clone());
    Ok(bytes)
}
