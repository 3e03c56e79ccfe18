//! A HTTP/2 client that behaves, over the `h2` library.

use crate::PATIENCE;
use crate::message::{Request, Response};
use crate::tls::Tls;
use bytes::Bytes;
use h2::client::SendRequest;
use std::io;
use std::net::SocketAddr;
use tokio::runtime::LocalRuntime;

/// A client with one connection. It works only while it is asked for something.
pub struct Client {
    runtime: LocalRuntime,
    sender: SendRequest<Bytes>,
    authority: String,
    scheme: &'static str,
}

/// A response and what stood behind its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub response: Response,
    pub trailers: Vec<(String, String)>,
}

impl Client {
    /// In cleartext, with prior knowledge.
    pub fn open(address: SocketAddr) -> Self {
        Self::begin(address, None).expect("a gateway that listens speaks HTTP/2")
    }

    /// Over TLS, by ALPN.
    pub fn open_tls(address: SocketAddr, tls: &Tls) -> Self {
        Self::begin(address, Some(tls)).expect("a gateway that listens speaks HTTP/2")
    }

    fn begin(address: SocketAddr, tls: Option<&Tls>) -> io::Result<Self> {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().build_local(Default::default())?;
        let sender = runtime.block_on(async {
            let socket = tokio::net::TcpStream::connect(address).await?;
            let (sender, connection) = match tls {
                None => {
                    let (sender, connection) = h2::client::handshake(socket).await.map_err(io::Error::other)?;
                    (sender, tokio::task::spawn_local(async move { drop(connection.await) }))
                }
                Some(tls) => {
                    let socket = tls.clone().offering(&["h2"]).over_async(socket).await?;
                    let (sender, connection) = h2::client::handshake(socket).await.map_err(io::Error::other)?;
                    (sender, tokio::task::spawn_local(async move { drop(connection.await) }))
                }
            };
            drop(connection);
            Ok::<_, io::Error>(sender)
        })?;
        let authority = tls.map_or_else(|| address.to_string(), |tls| tls.name().to_owned());
        Ok(Self { runtime, sender, authority, scheme: if tls.is_some() { "https" } else { "http" } })
    }

    pub fn get(&mut self, target: &str) -> Response {
        self.send(&Request::get(target))
    }

    /// Send a request and wait for the whole response.
    ///
    /// # Panics
    ///
    /// If there is none; see `try_send`.
    pub fn send(&mut self, request: &Request) -> Response {
        self.try_send(request, &[])
            .unwrap_or_else(|error| panic!("no response to {}: {error}", request.target))
            .response
    }

    /// Send a request, perhaps with trailers, and wait for the whole response. Its `host`, if there is one, becomes
    /// `:authority`.
    pub fn try_send(&mut self, request: &Request, trailers: &[(&str, &str)]) -> Result<Answer, h2::Error> {
        let sender = self.sender.clone();
        let authority = request.headers.get("host").unwrap_or(&self.authority).to_owned();
        let mut head = http::Request::builder().method(request.method.as_str());
        head = head.uri(format!("{}://{authority}{}", self.scheme, request.target)).version(http::Version::HTTP_2);
        for (name, value) in request.headers.0.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")) {
            head = head.header(name.to_ascii_lowercase(), value.as_slice());
        }
        let head = head.body(()).expect("a request that HTTP/2 can carry");
        let exchange = exchange(sender, head, Bytes::from(request.body.clone()), fields(trailers));
        self.runtime.block_on(async {
            tokio::time::timeout(PATIENCE, exchange).await.unwrap_or_else(|_| Err(h2::Reason::CANCEL.into()))
        })
    }

    /// Send requests at the same moment, and collect what becomes of them in their order.
    pub fn send_all(&mut self, requests: &[Request]) -> Vec<Result<u16, h2::Error>> {
        let (sender, scheme, authority) = (self.sender.clone(), self.scheme, self.authority.clone());
        self.runtime.block_on(async {
            let tasks: Vec<_> = requests
                .iter()
                .map(|request| {
                    let uri = format!("{scheme}://{authority}{}", request.target);
                    let head = http::Request::builder().method(request.method.as_str()).uri(uri).body(());
                    let head = head.expect("a request that HTTP/2 can carry");
                    let body = Bytes::from(request.body.clone());
                    tokio::task::spawn_local(exchange(sender.clone(), head, body, http::HeaderMap::new()))
                })
                .collect();
            let mut outcomes = Vec::new();
            for task in tasks {
                let ended = tokio::time::timeout(PATIENCE, task).await;
                let answer = ended.ok().and_then(Result::ok).unwrap_or_else(|| Err(h2::Reason::CANCEL.into()));
                outcomes.push(answer.map(|answer| answer.response.status));
            }
            outcomes
        })
    }
}

fn fields(pairs: &[(&str, &str)]) -> http::HeaderMap {
    let mut fields = http::HeaderMap::new();
    for (name, value) in pairs {
        let name = http::HeaderName::from_bytes(name.as_bytes()).expect("a name");
        fields.append(name, http::HeaderValue::from_str(value).expect("a value"));
    }
    fields
}

async fn exchange(
    sender: SendRequest<Bytes>,
    head: http::Request<()>,
    body: Bytes,
    trailers: http::HeaderMap,
) -> Result<Answer, h2::Error> {
    let mut sender = sender.ready().await?;
    let ends_at_once = body.is_empty() && trailers.is_empty();
    let (response, mut stream) = sender.send_request(head, ends_at_once)?;
    if !body.is_empty() {
        stream.send_data(body, trailers.is_empty())?;
    }
    if !trailers.is_empty() {
        stream.send_trailers(trailers)?;
    }
    let (parts, mut receive) = response.await?.into_parts();
    let mut whole = Response::new(parts.status.as_u16());
    for (name, value) in &parts.headers {
        whole = whole.header(name.as_str(), value.as_bytes());
    }
    while let Some(chunk) = receive.data().await {
        let chunk = chunk?;
        receive.flow_control().release_capacity(chunk.len())?;
        whole.body.extend_from_slice(&chunk);
    }
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let trailers = receive.trailers().await?.unwrap_or_default();
    let trailers = trailers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    Ok(Answer { response: whole, trailers })
}
