//! The smallest gateway: one worker that forwards everything to one origin.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use http::{HeaderValue, Method, Request, Response, StatusCode};
use tokio::sync::watch;
use tollgate_core::message::Scheme;
use tollgate_gateway::body::{Body, End, Flow, collect};
use tollgate_gateway::listen::{Accepting, Listeners, Sockets, accept};
use tollgate_gateway::respond::{Rejection, error_response};
use tollgate_gateway::serve::{Arrival, Handler, Patience, Server, Settings};
use tollgate_gateway::upstream::{self, Origin, Timeouts, Upstream};
use tollgate_gateway::{RetryBudget, forwarded, hop};

/// What a test looks at.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) errors: Mutex<Vec<&'static str>>,
    /// Of each response: bytes and end.
    pub(crate) ends: Mutex<Vec<(u64, End)>>,
    /// Bytes that a cache would have kept.
    pub(crate) cached: Mutex<Vec<usize>>,
    pub(crate) resent: AtomicU64,
    pub(crate) idle: AtomicUsize,
    /// Handlers that were dropped before they answered.
    pub(crate) abandoned: AtomicUsize,
}

struct Proxy {
    upstream: Upstream,
    origin: Origin,
    timeouts: Timeouts,
    seen: Arc<Seen>,
}

/// Looks at a response when it has ended.
struct AtEnd {
    seen: Arc<Seen>,
    flow: Rc<Flow>,
    upstream: Upstream,
}

impl Drop for AtEnd {
    fn drop(&mut self) {
        self.seen.ends.lock().unwrap().push((self.flow.bytes(), self.flow.end()));
        self.seen.idle.store(self.upstream.idle(), Ordering::SeqCst);
    }
}

struct Abandoned<'s>(Option<&'s Seen>);

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        if let Some(seen) = self.0 {
            seen.abandoned.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Handler for Proxy {
    async fn handle(&self, request: &mut Request<Body>, arrival: &Arrival) -> Response<Body> {
        let mut abandoned = Abandoned(Some(&self.seen));
        let response = match request.uri().path() {
            "/denied" => error_response(StatusCode::UNAUTHORIZED, "no"),
            "/panic" => panic!("this is part of a test"),
            "/collect" => match collect(std::mem::take(request.body_mut()), 1000).await {
                Ok(bytes) => Response::new(Body::full(bytes)),
                Err(error) => Rejection::from(error).response(),
            },
            _ => self.forward(request, arrival).await,
        };
        abandoned.0 = None;
        let flow = Flow::new();
        let seen = Arc::clone(&self.seen);
        let at_end = AtEnd { seen: Arc::clone(&seen), flow: Rc::clone(&flow), upstream: self.upstream.clone() };
        response.map(|body| {
            body.counted(flow).guarded(at_end).teed(1000, move |chunks| {
                seen.cached.lock().unwrap().push(chunks.iter().map(|chunk| chunk.len()).sum());
            })
        })
    }
}

impl Proxy {
    async fn forward(&self, request: &mut Request<Body>, arrival: &Arrival) -> Response<Body> {
        let is_head = request.method() == Method::HEAD;
        hop::clean_request(request.headers_mut(), true, |_| false);
        forwarded::identify(request.headers_mut(), arrival.peer.ip(), Scheme::Http, &[]);
        hop::set_host(request.headers_mut(), &self.origin);
        let answered = self.upstream.send(&self.origin, std::mem::take(request), self.timeouts).await;
        self.seen.resent.store(self.upstream.counts().resent.get(), Ordering::SeqCst);
        match answered {
            Ok(mut response) => {
                hop::clean_response(response.headers_mut(), is_head);
                response
            }
            Err(error) => {
                self.seen.errors.lock().unwrap().push(error.name());
                let mut response = Rejection::from(&error).response();
                response.headers_mut().insert("x-error", HeaderValue::from_static(error.name()));
                response
            }
        }
    }
}

pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Seen>,
    draining: watch::Sender<Accepting>,
    worker: Option<JoinHandle<()>>,
}

/// Limits that a test can wait for.
pub(crate) fn settings() -> Settings {
    Settings { body_patience: Patience { idle: Duration::from_secs(10), bytes_per_second: 0 }, ..Settings::default() }
}

pub(crate) fn timeouts() -> Timeouts {
    Timeouts { connect: Duration::from_secs(2), response_header: Duration::from_secs(10), ..Timeouts::default() }
}

impl Gateway {
    pub(crate) fn to(origin: SocketAddr) -> Gateway {
        Gateway::with(origin, settings(), timeouts())
    }

    pub(crate) fn with(origin: SocketAddr, settings: Settings, timeouts: Timeouts) -> Gateway {
        let origin = Origin::new(&origin.ip().to_string(), origin.port()).unwrap();
        Gateway::with_origin(origin, settings, timeouts)
    }

    pub(crate) fn with_origin(origin: Origin, settings: Settings, timeouts: Timeouts) -> Gateway {
        let listeners = Listeners::bind(&["127.0.0.1:0".parse().unwrap()], 1).unwrap();
        let address = listeners.addresses()[0];
        let listeners = listeners.into_workers().remove(0);
        let (draining, drained) = watch::channel(Accepting::Yes);
        let seen = Arc::new(Seen::default());
        let worker_seen = Arc::clone(&seen);
        let worker = std::thread::spawn(move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_all().build_local(Default::default()).unwrap();
            runtime.block_on(async move {
                let upstream = Upstream::new(upstream::Settings::default(), Arc::new(RetryBudget::new(100, 100, 1)), 0);
                let proxy = Proxy { upstream: upstream.clone(), origin, timeouts, seen: worker_seen };
                tokio::task::spawn_local(async move { upstream.maintain().await });
                accept(Sockets { plain: listeners, tls: Vec::new() }, Server::new(proxy, settings), drained)
                    .await
                    .unwrap();
            });
        });
        Gateway { address, seen, draining, worker: Some(worker) }
    }

    pub(crate) fn drain(&self) {
        self.draining.send_replace(Accepting::Over);
    }

    /// The worker has ended of itself.
    pub(crate) fn is_drained(&self) -> bool {
        self.worker.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // A worker whose sender is gone drains; connections that a test left open end with the test's process.
        self.draining.send_replace(Accepting::Over);
        drop(self.worker.take());
    }
}
