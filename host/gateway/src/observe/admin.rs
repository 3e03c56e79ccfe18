//! The admin address: metrics for machines that collect them, health for machines that restart or route.
//!
//! Has its own thread, so it answers while workers are busy; meant for the loopback or a private network, for whoever
//! reaches it may read traces. Changes nothing but debug tokens.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use http::header::{self, HeaderValue};
use http::{Method, StatusCode, Uri};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{Semaphore, oneshot};

use crate::body::Body;
use crate::listen::Inherited;
use crate::observe::tracing::{MAX_TOKEN_LIFE, TraceDesk};

/// Collectors and probes at the same time. More is somebody's mistake.
const CONNECTIONS: usize = 64;

/// Between requests and for each head: probes come more often.
const HEADER_TIME: Duration = Duration::from_secs(30);

/// The longest life of a connection, however it goes.
const CONNECTION_TIME: Duration = Duration::from_secs(600);

/// Whether requests should come here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Not yet.
    Starting,
    /// Yes.
    Serving,
    /// Not any more.
    Draining,
}

/// The stage, shared with whoever asks.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<AtomicU8>);

impl Readiness {
    /// Starting.
    pub fn new() -> Readiness {
        Readiness(Arc::new(AtomicU8::new(Stage::Starting as u8)))
    }

    /// Go to another stage.
    pub fn set(&self, stage: Stage) {
        self.0.store(stage as u8, Ordering::Release);
    }

    /// The stage.
    pub fn get(&self) -> Stage {
        match self.0.load(Ordering::Acquire) {
            0 => Stage::Starting,
            1 => Stage::Serving,
            _ => Stage::Draining,
        }
    }
}

impl Default for Readiness {
    fn default() -> Readiness {
        Readiness::new()
    }
}

/// A running admin address. Dropping it closes the address.
#[derive(Debug)]
pub struct Admin {
    address: SocketAddr,
    /// Its socket once more, for a successor.
    socket: Inherited,
    _stop: oneshot::Sender<()>,
}

impl Admin {
    /// The address, with its port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its socket.
    pub fn socket(&self) -> &Inherited {
        &self.socket
    }
}

/// Answer on `address`, or on the socket of a process that went before if that was wanted for the same address. `metrics` writes them in the text format of Prometheus.
pub fn start(
    wanted: SocketAddr,
    inherited: Option<Inherited>,
    readiness: Readiness,
    traces: Arc<TraceDesk>,
    metrics: impl Fn(&mut String) + Send + 'static,
) -> io::Result<Admin> {
    let listener = match inherited.filter(|inherited| inherited.wanted == wanted) {
        Some(inherited) => inherited.listener,
        None => TcpListener::bind(wanted)?,
    };
    let address = listener.local_addr()?;
    let socket = Inherited { wanted, is_tls: false, listener: listener.try_clone()? };
    listener.set_nonblocking(true)?;
    let (stop, stopped) = oneshot::channel();
    std::thread::Builder::new().name("admin".into()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default());
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async move {
            let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
            tokio::select! {
                () = accept(listener, readiness, traces, metrics) => {}
                // A sender that was dropped means the same.
                _ = stopped => {}
            }
        });
    })?;
    Ok(Admin { address, socket, _stop: stop })
}

async fn accept(
    listener: tokio::net::TcpListener,
    readiness: Readiness,
    traces: Arc<TraceDesk>,
    metrics: impl Fn(&mut String) + 'static,
) {
    let metrics = std::rc::Rc::new(metrics);
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME).max_buf_size(16 << 10);
    while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (readiness, metrics) = (readiness.clone(), std::rc::Rc::clone(&metrics));
        let traces = Arc::clone(&traces);
        let service = service_fn(move |request: Request<hyper::body::Incoming>| {
            let response = answer(request.method(), request.uri(), readiness.get(), &traces, &*metrics);
            std::future::ready(Ok::<_, Infallible>(response))
        });
        let connection = http.serve_connection(TokioIo::new(stream), service);
        tokio::task::spawn_local(async move {
            let _slot = slot;
            let _ = tokio::time::timeout(CONNECTION_TIME, connection).await;
        });
    }
}

fn answer(
    method: &Method,
    uri: &Uri,
    stage: Stage,
    traces: &TraceDesk,
    metrics: &impl Fn(&mut String),
) -> Response<Body> {
    let path = uri.path();
    if *method == Method::POST && path == "/debug-tokens" {
        return debug_token(uri.query(), traces);
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        return text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
    }
    match path {
        "/metrics" => {
            let mut body = String::with_capacity(16 << 10);
            metrics(&mut body);
            let mut response = text(StatusCode::OK, body);
            let version = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, version);
            response
        }
        "/healthz" => text(StatusCode::OK, "ok\n"),
        "/readyz" => match stage {
            Stage::Starting => text(StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
            Stage::Serving => text(StatusCode::OK, "ok\n"),
            Stage::Draining => text(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        },
        "/traces" => json(StatusCode::OK, serde_json::json!(traces.ids()).to_string()),
        _ => match path.strip_prefix("/traces/").and_then(|id| traces.get(id)) {
            Some(trace) => json(StatusCode::OK, trace),
            None => text(StatusCode::NOT_FOUND, "not found\n"),
        },
    }
}

/// Seconds that a token is good for if nobody says how long.
const TOKEN_SECONDS: u64 = 600;

/// `POST /debug-tokens?seconds=N`
fn debug_token(query: Option<&str>, traces: &TraceDesk) -> Response<Body> {
    let seconds = match query.map(|query| query.strip_prefix("seconds=").map(str::parse)) {
        None => TOKEN_SECONDS,
        Some(Some(Ok(seconds))) if (1..=MAX_TOKEN_LIFE.as_secs()).contains(&seconds) => seconds,
        _ => {
            let most = MAX_TOKEN_LIFE.as_secs();
            return text(StatusCode::BAD_REQUEST, format!("expected seconds=N, with N from 1 to {most}\n"));
        }
    };
    match traces.hand_out(Duration::from_secs(seconds)) {
        Ok(token) => json(StatusCode::CREATED, serde_json::json!({ "token": token, "seconds": seconds }).to_string()),
        Err(error) => text(StatusCode::TOO_MANY_REQUESTS, format!("{error}\n")),
    }
}

fn json(status: StatusCode, body: String) -> Response<Body> {
    let mut response = text(status, body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn text(status: StatusCode, body: impl Into<String>) -> Response<Body> {
    let mut response = Response::new(Body::full(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpStream;

    fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn health_follows_the_stage_and_metrics_are_asked_for_each_time() {
        let readiness = Readiness::new();
        let admin = start("127.0.0.1:0".parse().unwrap(), None, readiness.clone(), Arc::default(), |out| {
            out.push_str("up 1\n")
        })
        .unwrap();
        let at = admin.address();
        assert!(get(at, "/healthz").starts_with("HTTP/1.1 200 "));
        assert!(get(at, "/readyz").starts_with("HTTP/1.1 503 "));
        readiness.set(Stage::Serving);
        assert!(get(at, "/readyz").starts_with("HTTP/1.1 200 "));
        readiness.set(Stage::Draining);
        assert!(get(at, "/readyz").ends_with("\r\n\r\ndraining\n"));
        assert!(get(at, "/healthz").starts_with("HTTP/1.1 200 "));
        let metrics = get(at, "/metrics");
        assert!(metrics.contains("content-type: text/plain; version=0.0.4"));
        assert!(metrics.ends_with("\r\n\r\nup 1\n"));
        assert!(get(at, "/").starts_with("HTTP/1.1 404 "));
    }

    #[test]
    fn dropping_it_closes_the_address() {
        let admin = start("127.0.0.1:0".parse().unwrap(), None, Readiness::new(), Arc::default(), |_| {}).unwrap();
        let at = admin.address();
        assert!(TcpStream::connect(at).is_ok());
        drop(admin);
        let closed = (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            TcpStream::connect(at).is_err()
        });
        assert!(closed);
    }
}
