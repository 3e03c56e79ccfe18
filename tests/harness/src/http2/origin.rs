//! An origin that speaks HTTP/2, within TLS or in cleartext, over the `h2` library.

use crate::message::{Request, Response};
use crate::tls::Certificate;
use bytes::Bytes;
use h2::Reason;
use h2::server::SendResponse;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// What an origin does with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A response, and trailers behind it.
    Respond(Response, Vec<(&'static str, &'static str)>),
    /// Reset the stream with this code. 7 is REFUSED_STREAM.
    Reset(u32),
    /// Send the head, this much of the body, and a reset.
    Break(Response),
    /// Nothing.
    Hang,
}

type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

/// An origin. It stops when it is dropped.
pub struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    scheme: &'static str,
}

struct Shared {
    handler: Box<Handler>,
    requests: Mutex<Vec<Request>>,
    connections: AtomicUsize,
    stopped: AtomicBool,
    certificate: Option<Certificate>,
    protocols: Vec<Vec<u8>>,
}

impl Origin {
    /// In cleartext.
    pub fn start(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::begin(None, &[], Box::new(handler))
    }

    /// Within TLS, agreeing to one of these protocols.
    pub fn start_tls(
        certificate: &Certificate,
        protocols: &[&str],
        handler: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::begin(Some(certificate.clone()), protocols, Box::new(handler))
    }

    fn begin(certificate: Option<Certificate>, protocols: &[&str], handler: Box<Handler>) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let scheme = if certificate.is_some() { "https" } else { "http" };
        let shared = Arc::new(Shared {
            handler,
            requests: Mutex::default(),
            connections: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            certificate,
            protocols: protocols.iter().map(|name| name.as_bytes().to_vec()).collect(),
        });
        let thread = std::thread::spawn({
            let shared = shared.clone();
            move || {
                let mut builder = tokio::runtime::Builder::new_current_thread();
                let runtime = builder.enable_all().build_local(Default::default()).expect("an event loop");
                runtime.block_on(accept(listener, shared));
            }
        });
        Self { address, shared, thread: Some(thread), scheme }
    }

    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// The requests so far; `host` is their `:authority`.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

async fn accept(listener: std::net::TcpListener, shared: Arc<Shared>) {
    listener.set_nonblocking(true).expect("a listener can be made non-blocking");
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    let acceptor = shared
        .certificate
        .as_ref()
        .map(|certificate| tokio_rustls::TlsAcceptor::from(Arc::new(certificate.server_config(&shared.protocols))));
    while !shared.stopped.load(Ordering::SeqCst) {
        let Ok(accepted) = tokio::time::timeout(Duration::from_millis(20), listener.accept()).await else { continue };
        let Ok((socket, _)) = accepted else { continue };
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let (shared, acceptor) = (shared.clone(), acceptor.clone());
        tokio::task::spawn_local(async move {
            match acceptor {
                None => serve(socket, shared).await,
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(socket).await {
                        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                            serve(stream, shared).await;
                        } else {
                            serve_http1(stream, shared).await;
                        }
                    }
                }
            }
        });
    }
}

/// One request of HTTP/1.1 without a body, and one response.
async fn serve_http1(mut stream: impl AsyncRead + AsyncWrite + Unpin, shared: Arc<Shared>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let line = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
    let mut words = line.split(' ');
    let request = Request::new(words.next().unwrap_or_default(), words.next().unwrap_or_default());
    keep(&shared, request.clone().header("x-version", "1"));
    if let Reply::Respond(response, _) = (shared.handler)(&request) {
        drop(stream.write_all(&response.header("connection", "close").to_bytes("GET")).await);
        drop(stream.shutdown().await);
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + 'static, shared: Arc<Shared>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        tokio::task::spawn_local(answer(request, respond, shared.clone()));
    }
}

fn keep(shared: &Shared, request: Request) {
    shared.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
}

async fn answer(request: http::Request<h2::RecvStream>, mut respond: SendResponse<Bytes>, shared: Arc<Shared>) {
    let (parts, mut receive) = request.into_parts();
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    let mut seen = Request::new(parts.method.as_str(), target).header("x-version", "2");
    if let Some(authority) = parts.uri.authority() {
        seen = seen.header("host", authority.as_str());
    }
    for (name, value) in &parts.headers {
        seen = seen.header(name.as_str(), value.as_bytes());
    }
    let reply = (shared.handler)(&seen);
    if let Reply::Reset(code) = reply {
        return respond.send_reset(Reason::from(code));
    }
    while let Some(Ok(chunk)) = receive.data().await {
        drop(receive.flow_control().release_capacity(chunk.len()));
        seen.body.extend_from_slice(&chunk);
    }
    for (name, value) in receive.trailers().await.ok().flatten().unwrap_or_default().iter() {
        seen = seen.header(&format!("trailer-{name}"), value.as_bytes());
    }
    keep(&shared, seen);
    let head = |response: &Response| {
        let mut head = http::Response::builder().status(response.status);
        for (name, value) in &response.headers.0 {
            head = head.header(name.as_str(), value.as_slice());
        }
        head.body(()).expect("a response that HTTP/2 can carry")
    };
    match reply {
        Reply::Respond(response, trailers) => {
            let Ok(mut stream) = respond.send_response(head(&response), false) else { return };
            drop(stream.send_data(Bytes::from(response.body), trailers.is_empty()));
            if !trailers.is_empty() {
                let mut fields = http::HeaderMap::new();
                for (name, value) in trailers {
                    fields.append(name, http::HeaderValue::from_static(value));
                }
                drop(stream.send_trailers(fields));
            }
        }
        Reply::Break(response) => {
            let Ok(mut stream) = respond.send_response(head(&response), false) else { return };
            drop(stream.send_data(Bytes::from(response.body), false));
            tokio::time::sleep(Duration::from_millis(50)).await;
            stream.send_reset(Reason::INTERNAL_ERROR);
        }
        Reply::Hang => std::future::pending().await,
        Reply::Reset(_) => {}
    }
}
