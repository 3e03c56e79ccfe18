//! Requests of policies' own, sent over the worker's connections.
//!
//! Guests run on stacks that may not hold what belongs to a worker, so what they ask for travels to a task of the
//! worker and its answer travels back.

mod shares;

use std::sync::Arc;

use http::Request;
use http::header::HeaderValue;
use tokio::sync::{mpsc, oneshot};
use tollgate_runtime::{Answered, HttpClient, HttpFailure, IncomingResponse, OutgoingRequest};

use crate::body::{Body, BodyError, collect};
use crate::chain::parts_of;
use crate::hop;
use crate::upstream::{ConnectFault, Origin, Timeouts, Upstream, UpstreamError};
use shares::{Share, Shares};

/// Requests that policies of one worker have under way at once: four times what one statement may wait for with a single
/// request in each of its calls (`concurrent-calls`).
const MAX_UNDER_WAY: usize = 1000;

type Answer = Result<IncomingResponse, HttpFailure>;

/// Something to send.
struct Callout {
    request: OutgoingRequest,
    answer: To,
    share: Share,
}

/// Who waits.
enum To {
    Guest(oneshot::Sender<Answer>),
    /// Nobody: a failure is logged for this statement.
    Log(String),
}

/// The end that guests hold.
pub(crate) struct Client {
    queue: mpsc::Sender<Callout>,
    shares: Arc<Shares>,
}

/// The end that the worker holds.
pub(crate) struct Desk {
    queue: mpsc::Receiver<Callout>,
}

/// Both ends.
pub(crate) fn channel() -> (Client, Desk) {
    let (sender, receiver) = mpsc::channel(MAX_UNDER_WAY);
    (Client { queue: sender, shares: Shares::of(MAX_UNDER_WAY) }, Desk { queue: receiver })
}

impl Client {
    fn queue(&self, request: OutgoingRequest, answer: To) -> Result<(), HttpFailure> {
        let share = self.shares.take(&request.statement).ok_or(HttpFailure::Busy)?;
        self.queue.try_send(Callout { request, answer, share }).map_err(|_| HttpFailure::Busy)
    }
}

impl HttpClient for Client {
    fn send(&self, request: OutgoingRequest) -> Answered {
        let (sender, receiver) = oneshot::channel();
        let queued = self.queue(request, To::Guest(sender));
        Box::pin(async move {
            queued?;
            receiver.await.unwrap_or(Err(HttpFailure::Busy))
        })
    }

    fn send_one_way(&self, request: OutgoingRequest, describe: String) -> Result<(), HttpFailure> {
        self.queue(request, To::Log(describe))
    }
}

impl Desk {
    /// Send what comes, until nobody can ask any more.
    pub(crate) async fn serve(mut self, upstream: Upstream) {
        while let Some(Callout { request, answer, share }) = self.queue.recv().await {
            let upstream = upstream.clone();
            tokio::task::spawn_local(async move {
                let _share = share;
                match answer {
                    To::Guest(mut guest) => {
                        // A guest that is gone needs no answer, and its request may be abandoned.
                        tokio::select! {
                            sent = send(&upstream, request) => drop(guest.send(sent)),
                            () = guest.closed() => {}
                        }
                    }
                    To::Log(statement) => {
                        if let Err(error) = send(&upstream, request).await {
                            tracing::warn!(statement, %error, "a one-way request failed");
                        }
                    }
                }
            });
        }
    }
}

async fn send(upstream: &Upstream, request: OutgoingRequest) -> Answer {
    let timeout = request.timeout;
    tokio::time::timeout(timeout, send_whole(upstream, request)).await.unwrap_or(Err(HttpFailure::Timeout))
}

async fn send_whole(upstream: &Upstream, asked: OutgoingRequest) -> Answer {
    let OutgoingRequest { statement: _, method, origin: url, private, target, headers, body, timeout, max_body } =
        asked;
    let origin = Origin::of(&url, None).map_err(|error| HttpFailure::Connect(error.to_string()))?;
    let origin = if private { origin } else { origin.public_only() };
    let mut request = Request::new(Body::full(body));
    *request.method_mut() = method;
    *request.uri_mut() = target.into();
    *request.headers_mut() = headers;
    hop::set_host(request.headers_mut(), &origin);
    let agent = HeaderValue::from_static("tollgate");
    request.headers_mut().entry(http::header::USER_AGENT).or_insert(agent);
    let is_head = request.method() == http::Method::HEAD;
    let timeouts = Timeouts { connect: timeout, response_header: timeout, body_idle: timeout };
    let response = upstream.send(&origin, request, timeouts).await.map_err(|error| failure(&error, &url.host))?;
    let (mut head, body) = parts_of(response);
    hop::clean_response(&mut head.headers, is_head);
    let body = collect(body, max_body).await.map_err(|error| match error {
        BodyError::TooLarge { .. } => HttpFailure::TooLarge,
        BodyError::Timeout => HttpFailure::Timeout,
        BodyError::Broken | BodyError::NoMemory => HttpFailure::Broken(error.to_string()),
    })?;
    Ok(IncomingResponse { head, body })
}

fn failure(error: &UpstreamError, host: &str) -> HttpFailure {
    match error {
        UpstreamError::Connect(ConnectFault::Private) => HttpFailure::Private(host.to_owned()),
        UpstreamError::Connect(fault) => HttpFailure::Connect(fault.to_string()),
        UpstreamError::ConnectTimeout | UpstreamError::ResponseHeaderTimeout => HttpFailure::Timeout,
        UpstreamError::Broken
        | UpstreamError::Incomplete
        | UpstreamError::HeadTooLarge
        | UpstreamError::Malformed(_)
        | UpstreamError::RequestBody(_) => HttpFailure::Broken(error.to_string()),
    }
}
