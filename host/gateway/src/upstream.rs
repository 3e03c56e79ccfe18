//! Origins: a worker's connections to them, and one request over one of them.
//!
//! A connection belongs to one exchange at a time and is polled by that exchange's own task, so that nothing is handed
//! between tasks and an abandoned exchange closes its connection by being dropped. It comes back to the pool only when
//! request and response are over and nothing is in doubt. Doesn't touch headers other than those that frame the
//! request (see `hop`), and doesn't choose what a client is told (see `respond`).

/// New connections.
mod connect;

/// A TCP connection whose last words are heard.
pub(crate) mod socket;

/// What documents name.
mod target;

/// What TLS to origins relies on.
mod trust;

/// Many exchanges over one connection.
pub(crate) mod http2;

/// Idle connections.
mod pool;

/// Names to addresses.
mod resolve;

/// Bodies as they come from origins.
pub(crate) mod response;

/// Connections that speak another protocol.
mod upgrade;

/// One connection.
mod wire;

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderValue};
use http::{Method, Request, Response, Version};
use http_body::Body as _;

use tollgate_core::authority;
use tollgate_core::base_url::BaseUrl;
use tollgate_core::message::Scheme;

use crate::body::{Body, BodyError};
use crate::retry_budget::RetryBudget;
use connect::Alpn;
use http2::Http2;
use pool::Pool;
use resolve::Resolver;
use wire::Wire;

pub use target::Target;
pub use trust::{Trust, TrustError};

/// An origin server.
#[derive(Clone, Debug)]
pub struct Origin {
    host: Arc<str>,
    port: u16,
    /// The host, if it is an address.
    address: Option<IpAddr>,
    /// What tells connections apart, the pool's key: host and port, and whatever else makes another connection.
    key: Arc<str>,
    /// Host and port.
    name: Arc<str>,
    authority: HeaderValue,
    tls: Option<Arc<Trust>>,
    /// Only addresses of the public network are connected to.
    public_only: bool,
}

impl PartialEq for Origin {
    fn eq(&self, other: &Origin) -> bool {
        self.name == other.name && self.tls.is_some() == other.tls.is_some()
    }
}

/// A host that isn't one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the origin's host isn't a host name or an address")]
pub struct InvalidOrigin;

impl Origin {
    /// The origin of a base URL. `trust` is what `https` relies on; none for the certificates of the system.
    pub fn of(url: &BaseUrl, trust: Option<&Arc<Trust>>) -> Result<Origin, InvalidOrigin> {
        if !authority::is_host(&url.host) {
            return Err(InvalidOrigin);
        }
        let bare = url.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&url.host);
        let name = format!("{}:{}", url.host, url.port);
        let tls = match url.scheme {
            Scheme::Http => None,
            Scheme::Https => Some(trust.cloned().unwrap_or_else(Trust::of_system)),
        };
        let key = match &tls {
            None => name.clone(),
            Some(trust) => format!("https://{name}#{}", trust.id()),
        };
        let authority = HeaderValue::from_str(&url.authority()).map_err(|_| InvalidOrigin)?;
        Ok(Origin {
            host: bare.into(),
            port: url.port,
            address: authority::address(&url.host),
            key: key.into(),
            name: name.into(),
            authority,
            tls,
            public_only: false,
        })
    }

    /// An origin in cleartext by its host name or address (IPv6 with or without brackets) and its port.
    pub fn new(host: &str, port: u16) -> Result<Origin, InvalidOrigin> {
        let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_lowercase() };
        Origin::of(&BaseUrl { scheme: Scheme::Http, host, port, base: String::new() }, None)
    }

    /// The same origin, but never at a private address: for URLs that a request had a hand in.
    #[must_use]
    pub fn public_only(self) -> Origin {
        Origin { key: format!("public:{}", self.key).into(), public_only: true, ..self }
    }

    /// The value of `Host`: without the port if that is the scheme's own.
    pub fn authority(&self) -> &HeaderValue {
        &self.authority
    }

    /// Host and port, for logs and metrics.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// How long an origin may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// To connect, with the look-up of the name and all its addresses.
    pub connect: Duration,
    /// From the request, or from the last progress of its body, to the end of the response's head.
    pub response_header: Duration,
    /// Between parts of the response's body, while somebody waits for them.
    pub body_idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(5),
            response_header: Duration::from_secs(60),
            body_idle: Duration::from_secs(60),
        }
    }
}

/// What a worker keeps.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Idle connections to one origin.
    pub idle_per_origin: usize,
    /// How long a connection stays idle. Shorter than what most origins wait, so that few close under a request.
    pub idle_timeout: Duration,
    /// How long a look-up is good. The system's resolver tells no time to live.
    pub dns_ttl: Duration,
    /// Bytes of a response's status line and header section. 8 KiB at least.
    pub header_bytes: usize,
    /// Bytes that a connection buffers in each direction. 8 KiB at least.
    pub buffer_bytes: usize,
    /// Open streams on one HTTP/2 connection.
    pub http2_streams: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            idle_per_origin: 256,
            idle_timeout: Duration::from_secs(30),
            dns_ttl: Duration::from_secs(10),
            header_bytes: 64 << 10,
            buffer_bytes: 64 << 10,
            http2_streams: 100,
        }
    }
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectFault {
    /// The name has no address.
    #[error("the name can't be resolved")]
    Dns,
    /// Nobody listens there.
    #[error("the connection was refused")]
    Refused,
    /// All its addresses are private, and only public ones are allowed here.
    #[error("the name's address is private, which isn't allowed here")]
    Private,
    /// No TLS.
    #[error("TLS failed")]
    Tls,
    /// No certificate that is trusted.
    #[error("its certificate isn't trusted")]
    Certificate,
    /// No way there, or no socket to be had.
    #[error("{0}")]
    Other(std::io::ErrorKind),
}

/// Why a request has no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// No connection.
    #[error("can't connect to the origin: {0}")]
    Connect(#[source] ConnectFault),
    /// No connection in time.
    #[error("can't connect to the origin in time")]
    ConnectTimeout,
    /// No response's head in time.
    #[error("the origin didn't respond in time")]
    ResponseHeaderTimeout,
    /// The connection ended before the response's head did.
    #[error("the origin closed the connection before it responded")]
    Broken,
    /// The connection ended within the response's head.
    #[error("the origin closed the connection within the head of its response")]
    Incomplete,
    /// The response's head, or what came before it, is larger than it may be.
    #[error("the head of the origin's response is too large")]
    HeadTooLarge,
    /// The response can't be understood, or can be understood in two ways.
    #[error("the origin's response is malformed: {0}")]
    Malformed(&'static str),
    /// The request's body failed before there was a response: the client's doing.
    #[error("the request's body failed: {0}")]
    RequestBody(#[source] BodyError),
}

impl UpstreamError {
    /// A label for metrics and logs.
    pub fn name(&self) -> &'static str {
        match self {
            UpstreamError::Connect(ConnectFault::Dns) => "dns",
            UpstreamError::Connect(ConnectFault::Refused) => "refused",
            UpstreamError::Connect(ConnectFault::Private) => "private-address",
            UpstreamError::Connect(ConnectFault::Tls) => "tls",
            UpstreamError::Connect(ConnectFault::Certificate) => "certificate",
            UpstreamError::Connect(ConnectFault::Other(_)) => "unreachable",
            UpstreamError::ConnectTimeout => "connect-timeout",
            UpstreamError::ResponseHeaderTimeout => "response-timeout",
            UpstreamError::Broken => "broken",
            UpstreamError::Incomplete => "incomplete",
            UpstreamError::HeadTooLarge => "head-too-large",
            UpstreamError::Malformed(_) => "malformed",
            UpstreamError::RequestBody(_) => "request-body",
        }
    }
}

/// A request that is to be sent. It is taken out of here by whoever sends it, and put back if none of it was written:
/// then it may be sent elsewhere. One place for it, because each future that held it would have room for it twice.
pub(crate) type Unsent = Option<Request<Body>>;

/// What a worker counts, for metrics.
#[derive(Debug, Default)]
pub struct Counts {
    /// Connections made.
    pub connected: Cell<u64>,
    /// Requests over a connection that had been used before.
    pub reused: Cell<u64>,
    /// Requests that were sent again because their connection turned out to be stale.
    pub resent: Cell<u64>,
}

/// A worker's way to all origins.
#[derive(Clone)]
pub struct Upstream {
    worker: Rc<Worker>,
    budget: Arc<RetryBudget>,
    /// The worker's number, as the budget counts.
    number: usize,
}

struct Worker {
    settings: Settings,
    pool: Rc<Pool>,
    resolver: Resolver,
    http: hyper::client::conn::http1::Builder,
    http2: Http2,
    counts: Counts,
}

impl Upstream {
    /// Nothing is connected yet. `budget` is shared by all workers, this one's number is `number`.
    pub fn new(settings: Settings, budget: Arc<RetryBudget>, number: usize) -> Upstream {
        let mut http = hyper::client::conn::http1::Builder::new();
        http.max_header_size(settings.header_bytes)
            .max_buf_size(settings.buffer_bytes.max(settings.header_bytes).max(8 << 10));
        let pool = Rc::new(Pool::new(settings.idle_per_origin, settings.idle_timeout));
        let resolver = Resolver::new(settings.dns_ttl);
        let http2 = Http2::new(&settings);
        let worker = Rc::new(Worker { settings, pool, resolver, http, http2, counts: Counts::default() });
        Upstream { worker, budget, number }
    }

    /// What was counted.
    pub fn counts(&self) -> &Counts {
        &self.worker.counts
    }

    /// May something that was sent be sent again? Counts it if so.
    pub(crate) fn may_retry(&self) -> bool {
        self.budget.spend()
    }

    /// Idle connections.
    pub fn idle(&self) -> usize {
        self.worker.pool.len()
    }

    /// Close idle connections that are too old or that their origins closed. Runs until it is dropped.
    pub async fn maintain(&self) {
        let period = (self.worker.settings.idle_timeout / 4).clamp(Duration::from_millis(50), Duration::from_secs(1));
        loop {
            tokio::time::sleep(period).await;
            self.worker.pool.sweep();
            self.worker.http2.sweep();
        }
    }

    /// Send a request and wait for the response's head.
    ///
    /// The request's target is a path; `host` and all other end-to-end fields are the caller's. It is sent again,
    /// once and on a new connection, if the first one turns out to have been closed while it was idle: when nothing
    /// was written, or when the method is idempotent and there was no body; the latter only if the budget for retries allows it.
    pub async fn send(
        &self,
        origin: &Origin,
        request: Request<Body>,
        timeouts: Timeouts,
    ) -> Result<Response<Body>, UpstreamError> {
        self.try_send(origin, &mut Some(request), timeouts).await
    }

    /// As [`Self::send`]; a request of which nothing was written is there again.
    pub(crate) async fn try_send(
        &self,
        origin: &Origin,
        request: &mut Unsent,
        timeouts: Timeouts,
    ) -> Result<Response<Body>, UpstreamError> {
        if let Some(request) = request {
            frame(request);
        }
        self.budget.count_request(self.number);
        let worker = &*self.worker;
        if let Some(wire) = worker.pool.take(&origin.key) {
            count(&worker.counts.reused);
            let spare = request.as_ref().and_then(spare);
            let error = match worker.exchange(wire, origin, request, timeouts).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            // If nothing reached the origin, another time isn't a second one for it.
            if request.is_none() {
                match spare {
                    Some(spare) if error == UpstreamError::Broken && self.may_retry() => *request = Some(spare),
                    _ => return Err(error),
                }
            }
            count(&worker.counts.resent);
        }
        // Boxed: what it takes to connect is rarely needed, and is large.
        let wire = Box::pin(worker.connect(origin, timeouts.connect)).await?;
        worker.exchange(wire, origin, request, timeouts).await
    }
}

impl Worker {
    async fn connect(&self, origin: &Origin, timeout: Duration) -> Result<Box<Wire>, UpstreamError> {
        let stream = connect::connect(&self.resolver, origin, timeout, Alpn::None).await?;
        let wire =
            Wire::new(&self.http, stream, self.settings.header_bytes).await.map_err(|_| UpstreamError::Broken)?;
        count(&self.counts.connected);
        Ok(wire)
    }

    async fn exchange(
        &self,
        wire: Box<Wire>,
        origin: &Origin,
        request: &mut Unsent,
        timeouts: Timeouts,
    ) -> Result<Response<Body>, UpstreamError> {
        let (wire, response) = wire.request(request, timeouts.response_header).await?;
        let framing = response::check(&response)?;
        let (head, incoming) = response.into_parts();
        let body = response::body(incoming, framing, wire, &self.pool, &origin.key, timeouts.body_idle);
        Ok(Response::from_parts(head, body))
    }
}

fn count(counter: &Cell<u64>) {
    counter.set(counter.get().wrapping_add(1));
}

/// The fields and the version that frame a request follow from its body, whatever was there before.
fn frame(request: &mut Request<Body>) {
    *request.version_mut() = Version::HTTP_11;
    // hyper's own extensions, such as a pending upgrade, belong to the client's connection.
    request.extensions_mut().clear();
    let known = request.body().size_hint().exact();
    let expects_body = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH);
    let headers = request.headers_mut();
    headers.remove(header::TRANSFER_ENCODING);
    headers.remove(header::CONTENT_LENGTH);
    match known {
        // hyper leaves the body of a GET away unless this says that there is one.
        None => {
            headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        // RFC 9110 §8.6; some origins answer 411 without it.
        Some(0) if expects_body => {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        Some(_) => {}
    }
}

/// A copy of a request that may be sent twice.
fn spare(request: &Request<Body>) -> Option<Request<Body>> {
    if !request.method().is_idempotent() || !request.body().is_end_stream() {
        return None;
    }
    let mut spare = Request::new(Body::empty());
    *spare.method_mut() = request.method().clone();
    *spare.uri_mut() = request.uri().clone();
    *spare.headers_mut() = request.headers().clone();
    Some(spare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_names_itself_in_host() {
        for (url, authority, name) in [
            ("http://Orders.example", "orders.example", "orders.example:80"),
            ("http://orders.example:8080", "orders.example:8080", "orders.example:8080"),
            ("https://orders.example", "orders.example", "orders.example:443"),
            ("http://[::1]:9000", "[::1]:9000", "[::1]:9000"),
            ("http://127.0.0.1:9000", "127.0.0.1:9000", "127.0.0.1:9000"),
        ] {
            let origin = Origin::of(&BaseUrl::parse(url).unwrap(), None).unwrap();
            assert_eq!(origin.authority(), authority);
            assert_eq!(origin.name(), name);
        }
    }

    #[test]
    fn connections_that_were_made_under_other_rules_are_not_shared() {
        let origin = |url: &str| Origin::of(&BaseUrl::parse(url).unwrap(), None).unwrap();
        let plain = origin("http://a.example:443");
        let secure = origin("https://a.example");
        assert_ne!(plain.key, secure.key);
        assert_ne!(secure.key, secure.clone().public_only().key);
    }

    #[test]
    fn framing_follows_from_the_body() {
        let framed = |method: &str, body: Body| {
            let request =
                Request::builder().method(method).header("content-length", "7").header("transfer-encoding", "x");
            let mut request = request.body(body).unwrap();
            frame(&mut request);
            let of = |name| request.headers().get(name).map(|v: &HeaderValue| v.to_str().unwrap().to_owned());
            (of("content-length"), of("transfer-encoding"))
        };
        assert_eq!(framed("GET", Body::empty()), (None, None));
        assert_eq!(framed("POST", Body::empty()), (Some("0".into()), None));
        assert_eq!(framed("POST", Body::full("abc")), (None, None));
    }

    #[test]
    fn only_what_may_be_repeated_is_kept_for_it() {
        let keeps = |method: &str, body: Body| spare(&Request::builder().method(method).body(body).unwrap()).is_some();
        assert!(keeps("GET", Body::empty()) && keeps("PUT", Body::empty()) && keeps("DELETE", Body::empty()));
        assert!(!keeps("POST", Body::empty()) && !keeps("PATCH", Body::empty()) && !keeps("PUT", Body::full("x")));
    }
}
