//! Client connections: from an accepted socket to requests that are requests, and back.
//!
//! hyper parses and frames; this adds what a gateway needs beyond that: request lines and fields that hyper lets
//! through are checked (`serve::check`), no client can hold a connection without doing something (`serve::watch`),
//! a panic costs one request, and a drain finishes what was begun. Routing and answering is the [`Handler`]'s.

/// Is it a request? What hyper accepts and a gateway mustn't.
pub(crate) mod check;

/// The socket as hyper sees it.
mod io;

/// Names of requests.
pub mod request_id;

/// What a client connection is doing, and since when.
pub(crate) mod watch;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use http::header::{self, HeaderValue};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, Version};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::body::client::ClientBody;
pub use crate::body::client::Patience;
use crate::body::{Body, BodyError};
use crate::deadline::Alarm;
use crate::respond::{Rejection, X_REQUEST_ID};
use io::ClientIo;
pub use request_id::RequestId;
use request_id::RequestIds;
use watch::{Overdue, Rest, Watch};

/// The longest rest of an unread body that is read and thrown away to keep its connection.
const DRAIN_BYTES: u64 = 64 << 10;

/// How long that may take: a round trip around the world, and some.
const DRAIN_TIME: Duration = Duration::from_secs(1);

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
            buffer_bytes: 64 << 10,
            connections: 10_000,
        }
    }
}

/// Where a request came from, when, and what it is called.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// The other end of the connection, which may be a proxy.
    pub peer: SocketAddr,
    /// This end of the connection.
    pub local: SocketAddr,
    /// When its first byte was read.
    pub at: Instant,
    /// Unique among all gateways.
    pub request_id: RequestId,
}

/// What answers requests: one per worker.
pub trait Handler: 'static {
    /// Answer a request. Its target is a path, perhaps with a query; its only `host`, which just HTTP/1.0 may lack,
    /// is valid and is the target's if that named one. Dropped when the client goes away.
    fn handle(&self, request: Request<Body>, arrival: Arrival) -> impl Future<Output = Response<Body>>;

    /// Answer what isn't a proper request.
    fn refuse(&self, head: &Request<()>, arrival: Arrival, rejection: Rejection) -> Response<Body> {
        let _ = (head, arrival);
        rejection.response()
    }

    /// Answer a request whose handling panicked.
    fn panicked(&self, arrival: Arrival) -> Response<Body> {
        let _ = arrival;
        Rejection::GatewayPanicked.response()
    }
}

/// Serves the client connections of one worker.
pub struct Server<H> {
    worker: Rc<Worker<H>>,
    http: http1::Builder,
}

struct Worker<H> {
    handler: H,
    settings: Rc<Settings>,
    ids: RequestIds,
    connections: Connections,
}

/// All connections of a worker, so that a drain reaches them.
struct Connections {
    open: RefCell<HashMap<u64, Option<Waker>>>,
    next: Cell<u64>,
    draining: Cell<bool>,
    /// Each response is the last one of its connection.
    leaving: Cell<bool>,
    closed: Notify,
}

impl<H> Clone for Server<H> {
    fn clone(&self) -> Self {
        Server { worker: Rc::clone(&self.worker), http: self.http.clone() }
    }
}

impl<H: Handler> Server<H> {
    /// A server for the current thread.
    pub fn new(handler: H, settings: Settings) -> Server<H> {
        let mut http = http1::Builder::new();
        // Time limits are the watch's: hyper's own costs an allocation and a timer for each request, and can't tell
        // an idle connection from a slow head.
        http.header_read_timeout(None)
            .max_header_size(settings.header_bytes)
            .max_buf_size(settings.buffer_bytes.max(settings.header_bytes).max(8 << 10));
        if settings.header_lines != 100 {
            http.max_headers(settings.header_lines);
        }
        let connections = Connections {
            open: RefCell::new(HashMap::new()),
            next: Cell::new(0),
            draining: Cell::new(false),
            leaving: Cell::new(false),
            closed: Notify::new(),
        };
        let worker = Worker { handler, settings: Rc::new(settings), ids: RequestIds::new(), connections };
        Server { worker: Rc::new(worker), http }
    }

    /// The handler.
    pub fn handler(&self) -> &H {
        &self.worker.handler
    }

    /// Serve a connection in a task of its own, on this thread.
    pub fn accept(&self, stream: TcpStream, peer: SocketAddr) {
        // Without it, a small response can wait for the client's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let local = stream.local_addr().unwrap_or(peer);
        let server = self.clone();
        let number = self.worker.connections.enter();
        tokio::task::spawn_local(async move {
            let _leave = Leave { worker: &server.worker, number };
            server.serve(stream, peer, local, number).await;
        });
    }

    /// Open connections.
    pub fn open(&self) -> usize {
        self.worker.connections.open.borrow().len()
    }

    /// Wait until there is room for one more connection.
    pub async fn room(&self) {
        while self.open() >= self.worker.settings.connections.max(1) {
            self.worker.connections.closed.notified().await;
        }
    }

    /// From now on each response says that it is its connection's last one.
    pub fn leave(&self) {
        self.worker.connections.leaving.set(true);
    }

    /// Finish what was begun and close: idle connections at once, others after their response, which says so.
    pub fn drain(&self) {
        self.worker.connections.drain();
    }

    /// Wait until no connection is left.
    pub async fn drained(&self) {
        while self.open() > 0 {
            self.worker.connections.closed.notified().await;
        }
    }

    async fn serve(&self, stream: TcpStream, peer: SocketAddr, local: SocketAddr, number: u64) {
        let worker = &*self.worker;
        let watch = Rc::new(Watch::new(Rc::clone(&worker.settings)));
        let service = service_fn(|request: Request<Incoming>| async {
            let at = watch.begin(request.version() == Version::HTTP_10);
            let request_id = worker.ids.next();
            let arrival = Arrival { peer, local, at, request_id };
            Ok::<_, Infallible>(worker.exchange(request, arrival, &watch).await)
        });
        let connection = self.http.serve_connection(ClientIo::new(stream, Rc::clone(&watch)), service);
        let mut connection = pin!(connection);
        let mut alarm = Alarm::new(watch.deadline().unwrap_or_else(tokio::time::Instant::now));
        let mut told_to_drain = false;
        let mut is_known = false;
        poll_fn(|cx| {
            if !is_known {
                is_known = true;
                worker.connections.remember(number, cx.waker());
            }
            if worker.connections.draining.get() && !told_to_drain {
                told_to_drain = true;
                connection.as_mut().graceful_shutdown();
            }
            let mut body_was_told = false;
            loop {
                if connection.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                let Some(deadline) = watch.deadline() else { return Poll::Pending };
                if alarm.poll(cx, deadline).is_pending() {
                    return Poll::Pending;
                }
                match watch.overdue() {
                    Some(Overdue::Connection) => return Poll::Ready(()),
                    // The body says so itself to whoever reads it, which happens in the next poll. If nobody does,
                    // nothing is overdue.
                    Some(Overdue::Body) if body_was_told => watch.body_came(),
                    Some(Overdue::Body) => body_was_told = true,
                    None => {}
                }
            }
        })
        .await;
    }
}

impl<H: Handler> Worker<H> {
    async fn exchange(&self, request: Request<Incoming>, arrival: Arrival, watch: &Rc<Watch>) -> Response<Body> {
        let is_head = request.method() == Method::HEAD;
        let mut answer = pin!(self.answer(request, arrival, watch));
        let answered = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(cx))) {
            Ok(answer) => answer,
            Err(_) => Poll::Ready(self.handler.panicked(arrival)),
        });
        let mut response = answered.await;
        let drains = match watch.handled() {
            Rest::None => true,
            Rest::Close => false,
            Rest::Unread(incoming) => drain(incoming, watch),
        };
        let headers = response.headers_mut();
        // Framing follows from the body alone; hyper would believe what stands here. The answer to HEAD has no other
        // way to tell a length.
        headers.remove(header::TRANSFER_ENCODING);
        if !is_head {
            headers.remove(header::CONTENT_LENGTH);
        }
        if !drains {
            watch.must_linger();
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if self.connections.leaving.get() {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if !headers.contains_key(X_REQUEST_ID) {
            headers.insert(X_REQUEST_ID, arrival.request_id.header());
        }
        response.body_mut().answering(Rc::clone(watch));
        response
    }

    async fn answer(&self, mut request: Request<Incoming>, arrival: Arrival, watch: &Rc<Watch>) -> Response<Body> {
        let expects_continue = match check::check(&mut request, &self.settings) {
            Ok(expects_continue) => expects_continue,
            Err(rejection) => return self.refuse(request, arrival, rejection, watch),
        };
        let (head, incoming) = request.into_parts();
        let body = if incoming.is_end_stream() {
            Body::empty()
        } else {
            let watch = Rc::clone(watch);
            let mut body = ClientBody::new(incoming, watch, self.settings.body_patience, expects_continue);
            if let Err(error @ BodyError::TooLarge { .. }) = body.limit(self.settings.body_bytes) {
                return self.handler.refuse(&Request::from_parts(head, ()), arrival, Rejection::from(error));
            }
            Body::from_client(body)
        };
        self.handler.handle(Request::from_parts(head, body), arrival).await
    }

    fn refuse(
        &self,
        request: Request<Incoming>,
        arrival: Arrival,
        rejection: Rejection,
        watch: &Rc<Watch>,
    ) -> Response<Body> {
        if rejection.closes() {
            watch.must_close();
        }
        let (head, incoming) = request.into_parts();
        if !incoming.is_end_stream() {
            watch.leave_rest(incoming, true);
        }
        self.handler.refuse(&Request::from_parts(head, ()), arrival, rejection)
    }
}

/// Read the small rest of a body that nobody wants, so that its connection can be kept. False if it is too large.
fn drain(mut incoming: Incoming, watch: &Rc<Watch>) -> bool {
    if incoming.size_hint().lower() > DRAIN_BYTES {
        return false;
    }
    let watch = Rc::clone(watch);
    tokio::task::spawn_local(async move {
        let mut left = DRAIN_BYTES;
        let read = poll_fn(|cx| {
            loop {
                match std::pin::Pin::new(&mut incoming).poll_frame(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(None) => return Poll::Ready(true),
                    Poll::Ready(Some(Err(_))) => return Poll::Ready(false),
                    Poll::Ready(Some(Ok(frame))) => {
                        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                        match left.checked_sub(length) {
                            Some(rest) => left = rest,
                            None => return Poll::Ready(false),
                        }
                    }
                }
            }
        });
        if !matches!(tokio::time::timeout(DRAIN_TIME, read).await, Ok(true)) {
            // Dropping the rest makes hyper close the connection when the response is written.
            watch.must_linger();
        }
    });
    true
}

impl Connections {
    fn enter(&self) -> u64 {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        self.open.borrow_mut().insert(number, None);
        number
    }

    fn leave(&self, number: u64) {
        self.open.borrow_mut().remove(&number);
        self.closed.notify_waiters();
    }

    /// Keep how to wake a connection. Its task never changes, so once is enough.
    fn remember(&self, number: u64, waker: &Waker) {
        if let Some(known @ None) = self.open.borrow_mut().get_mut(&number) {
            *known = Some(waker.clone());
        }
    }

    fn drain(&self) {
        self.draining.set(true);
        for waker in self.open.borrow().values().flatten() {
            waker.wake_by_ref();
        }
    }
}

/// Leaves when the connection's task ends, even by a panic.
struct Leave<'w, H> {
    worker: &'w Worker<H>,
    number: u64,
}

impl<H> Drop for Leave<'_, H> {
    fn drop(&mut self) {
        self.worker.connections.leave(self.number);
    }
}
