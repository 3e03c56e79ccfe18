//! Client connections: from an accepted socket to requests that are requests, and back.
//!
//! hyper (HTTP/1) and h2 parse and frame; this adds what a gateway needs beyond that: request lines and fields that
//! they let through are checked (`serve::check`), no client can hold a connection without doing something
//! (`serve::watch` for a HTTP/1 connection, `serve::http2::conduct` for a HTTP/2 one), a panic costs one request, and
//! a drain finishes what was begun. Routing and answering is the [`Handler`]'s.

/// Is it a request? What hyper and h2 accept and a gateway mustn't.
pub(crate) mod check;

/// All connections of a worker.
mod connections;

/// Which protocol is it?
mod detect;

/// TLS, and the protocol.
mod handshake;

/// Connections with one request at a time.
mod http1;

/// Connections with many requests at a time.
mod http2;

/// Names of requests.
pub mod request_id;

/// Request bodies that nobody read to their end.
pub(crate) mod rest;

/// What a HTTP/1 client is doing, and since when.
pub(crate) mod watch;

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use http::header;
use hyper::{Request, Response};
use tokio::net::TcpStream;
use tollgate_core::message::Scheme;

pub use crate::body::client::Patience;
use crate::body::{Body, BodyError};
use crate::certificates::Certificates;
use crate::respond::Rejection;
use crate::stream::Stream;
use connections::{Connections, Leave};
use detect::Protocol;
use handshake::Connected;
pub use request_id::RequestId;
use request_id::RequestIds;

/// What clients may do.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Until a request's head is complete, from its first byte; and until the first byte of a new connection.
    pub header_timeout: Duration,
    /// Between requests.
    pub keep_alive_timeout: Duration,
    /// Bytes of a request line and its header section together. 8 KiB at least.
    pub header_bytes: usize,
    /// Header lines. Another number than hyper's own 100 costs an allocation for each request.
    pub header_lines: usize,
    /// Bytes of a request target.
    pub uri_bytes: usize,
    /// Bytes of a request body, unless the handler sets another limit with [`Body::limit`].
    pub body_bytes: u64,
    /// How slow a request body may be.
    pub body_patience: Patience,
    /// How long a client may not read a response that is waiting for it.
    pub write_timeout: Duration,
    /// Until a TLS handshake is complete.
    pub handshake_timeout: Duration,
    /// What HTTP/2 clients may do.
    pub http2: Http2Settings,
    /// How long nothing may pass a connection that speaks another protocol after an upgrade.
    pub upgrade_idle_timeout: Duration,
    /// Bytes that a connection buffers in each direction. 8 KiB at least.
    pub buffer_bytes: usize,
    /// Connections of one worker.
    pub connections: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            header_timeout: Duration::from_secs(10),
            keep_alive_timeout: Duration::from_secs(60),
            header_bytes: 32 << 10,
            header_lines: 100,
            uri_bytes: 8 << 10,
            body_bytes: 64 << 20,
            body_patience: Patience { idle: Duration::from_secs(30), bytes_per_second: 250 },
            write_timeout: Duration::from_secs(60),
            handshake_timeout: Duration::from_secs(5),
            http2: Http2Settings::default(),
            upgrade_idle_timeout: Duration::from_secs(300),
            buffer_bytes: 64 << 10,
            connections: 10_000,
        }
    }
}

/// What HTTP/2 clients may do.
#[derive(Clone, Copy, Debug)]
pub struct Http2Settings {
    /// Open streams of a connection.
    pub streams: u32,
    /// Bytes that a client may send on a stream ahead of whoever reads them; four times that on its connection.
    pub window: u32,
    /// Control frames in ten seconds, beyond what answered requests and read responses account for.
    pub control_frames: u32,
    /// Silence after which a client with open streams is asked whether it is there.
    pub keep_alive: Duration,
}

impl Default for Http2Settings {
    fn default() -> Http2Settings {
        Http2Settings { streams: 100, window: 64 << 10, control_frames: 1_000, keep_alive: Duration::from_secs(30) }
    }
}

/// Where a request came from, when, and what it is called.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// The other end of the connection, which may be a proxy.
    pub peer: SocketAddr,
    /// This end of the connection.
    pub local: SocketAddr,
    /// Whether the connection is within TLS.
    pub scheme: Scheme,
    /// When its first byte was read.
    pub at: Instant,
    /// Unique among all gateways.
    pub request_id: RequestId,
}

/// What answers requests: one per worker.
pub trait Handler: 'static {
    /// What clients of TLS addresses are served with from now on; none to serve nobody there.
    fn certificates(&self) -> Option<Arc<Certificates>> {
        None
    }

    /// Answer a request. Its target is a path, perhaps with a query; its only `host`, which just HTTP/1.0 may lack,
    /// is valid and is the target's if that named one. What isn't taken out of it is given up with the answer. Dropped
    /// when the client goes away.
    fn handle(&self, request: &mut Request<Body>, arrival: &Arrival) -> impl Future<Output = Response<Body>>;

    /// Answer what isn't a proper request.
    fn refuse(&self, request: &Request<Body>, arrival: &Arrival, rejection: Rejection) -> Response<Body> {
        let _ = (request, arrival);
        rejection.response()
    }

    /// Answer a request whose handling panicked.
    fn panicked(&self, arrival: &Arrival) -> Response<Body> {
        let _ = arrival;
        Rejection::GatewayPanicked.response()
    }
}

/// Serves the client connections of one worker.
pub struct Server<H> {
    worker: Rc<Worker<H>>,
    http1: hyper::server::conn::http1::Builder,
    http2: h2::server::Builder,
}

struct Worker<H> {
    handler: H,
    settings: Rc<Settings>,
    ids: RequestIds,
    connections: Connections,
}

impl<H> Clone for Server<H> {
    fn clone(&self) -> Self {
        Server { worker: Rc::clone(&self.worker), http1: self.http1.clone(), http2: self.http2.clone() }
    }
}

impl<H: Handler> Server<H> {
    /// A server for the current thread.
    pub fn new(handler: H, settings: Settings) -> Server<H> {
        let (http1, http2) = (http1::builder(&settings), http2::builder(&settings));
        let connections = Connections::new();
        let worker = Worker { handler, settings: Rc::new(settings), ids: RequestIds::new(), connections };
        Server { worker: Rc::new(worker), http1, http2 }
    }

    /// The handler.
    pub fn handler(&self) -> &H {
        &self.worker.handler
    }

    /// Serve a connection in a task of its own, on this thread.
    pub fn accept(&self, socket: TcpStream, peer: SocketAddr, scheme: Scheme) {
        // Without it, a small response can wait for the client's delayed acknowledgement.
        let _ = socket.set_nodelay(true);
        let local = socket.local_addr().unwrap_or(peer);
        let server = self.clone();
        let number = self.worker.connections.enter();
        tokio::task::spawn_local(async move {
            let _leave = Leave { connections: &server.worker.connections, number };
            match scheme {
                Scheme::Http => server.serve_in_cleartext(socket, (peer, local), number).await,
                Scheme::Https => server.serve_within_tls(socket, (peer, local), number).await,
            }
        });
    }

    /// Open connections.
    pub fn open(&self) -> usize {
        self.worker.connections.len()
    }

    /// Wait until there is room for one more connection.
    pub async fn room(&self) {
        while self.open() >= self.worker.settings.connections.max(1) {
            self.worker.connections.closed().await;
        }
    }

    /// From now on each response says that it is its connection's last one.
    pub fn leave(&self) {
        self.worker.connections.leave_all();
    }

    /// Finish what was begun and close: idle connections at once, others after their response, which says so.
    pub fn drain(&self) {
        self.worker.connections.drain();
    }

    /// Wait until no connection is left.
    pub async fn drained(&self) {
        while self.open() > 0 {
            self.worker.connections.closed().await;
        }
    }

    async fn serve_in_cleartext(&self, socket: TcpStream, addresses: (SocketAddr, SocketAddr), number: u64) {
        let connected = Connected::in_cleartext(addresses.0, addresses.1);
        let mut stream = Stream::Plain(socket);
        let watch = Rc::new(watch::Watch::new(Rc::clone(&self.worker.settings)));
        let detected = handshake::listen_for_protocol(&mut stream, &self.worker.settings);
        match self.unless_draining(number, detected).await {
            Some((Protocol::Http1, first)) => http1::serve(self, stream, first, connected, watch).await,
            Some((Protocol::Http2, first)) => {
                // Boxed, so that a HTTP/1 connection doesn't hold room for both.
                Box::pin(http2::serve(self, stream, first, connected)).await;
            }
            None => {}
        }
    }

    async fn serve_within_tls(&self, socket: TcpStream, addresses: (SocketAddr, SocketAddr), number: u64) {
        let Some(certificates) = self.worker.handler.certificates() else { return };
        let secured = handshake::secure(socket, certificates, addresses, &self.worker.settings);
        let Some((stream, connected, protocol)) = self.unless_draining(number, secured).await else { return };
        let first = bytes::Bytes::new();
        match protocol {
            Protocol::Http1 => {
                let watch = Rc::new(watch::Watch::new(Rc::clone(&self.worker.settings)));
                http1::serve(self, stream, first, connected, watch).await;
            }
            Protocol::Http2 => Box::pin(http2::serve(self, stream, first, connected)).await,
        }
    }

    /// Nobody is waited for during a drain who hasn't sent a request.
    async fn unless_draining<T>(&self, number: u64, step: impl Future<Output = Option<T>>) -> Option<T> {
        let mut step = pin!(step);
        let connections = &self.worker.connections;
        poll_fn(|cx| {
            connections.remember(number, cx.waker());
            match step.as_mut().poll(cx) {
                Poll::Pending if connections.is_draining() => Poll::Ready(None),
                polled => polled,
            }
        })
        .await
    }
}

impl<H: Handler> Worker<H> {
    /// Whatever happens to who answers, there is an answer.
    async fn unless_panicked(
        &self,
        arrival: &Arrival,
        mut answer: Pin<&mut impl Future<Output = Response<Body>>>,
    ) -> Response<Body> {
        poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(cx))) {
            Ok(answer) => answer,
            Err(_) => Poll::Ready(self.handler.panicked(arrival)),
        })
        .await
    }

    /// Have a request answered, whatever it is.
    async fn answer(&self, request: &mut Request<Body>, connected: &Connected, arrival: &Arrival) -> Response<Body> {
        let response = match self.check(request, connected) {
            Ok(()) => self.handler.handle(request, arrival).await,
            Err(rejection) => self.handler.refuse(request, arrival, rejection),
        };
        drop(std::mem::take(request.body_mut()));
        response
    }

    fn check(&self, request: &mut Request<Body>, connected: &Connected) -> Result<(), Rejection> {
        let checked = check::check(request, &self.settings).and_then(|expects_continue| {
            let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
            let is_misdirected = host.is_some_and(|host| connected.is_misdirected(host));
            if is_misdirected { Err(Rejection::Misdirected) } else { Ok(expects_continue) }
        });
        let Some(body) = request.body_mut().of_client() else { return checked.map(|_| ()) };
        match checked {
            Ok(true) => body.expects_continue(),
            Ok(false) => {}
            Err(rejection) => {
                body.refuse();
                return Err(rejection);
            }
        }
        match body.limit(self.settings.body_bytes) {
            Err(error @ BodyError::TooLarge { .. }) => Err(Rejection::from(error)),
            _ => Ok(()),
        }
    }
}
