//! `tollgate:http-client/http-client`: requests of a policy's own, over the worker's own connections.
//!
//! The gateway sends; this file checks what a guest may ask for, and tells it what came of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use tollgate_bindings::http_client::http_client as wit;
use tollgate_core::base_url::BaseUrl;
use tollgate_core::field::is_framing;
use wasmtime::Result;

use crate::session::Session;

/// Requests of one `send-all`.
const MAX_PARALLEL: usize = 16;

/// The longest time-out.
const MAX_TIMEOUT_MS: u32 = 240_000;

/// A request that may be sent.
#[derive(Debug)]
pub struct OutgoingRequest {
    /// The key of the statement that sends it.
    pub statement: Arc<str>,
    /// Any but CONNECT.
    pub method: Method,
    /// Scheme, host and port; the base is empty.
    pub origin: BaseUrl,
    /// May the host's name have a private address?
    pub private: bool,
    /// Path and query.
    pub target: http::uri::PathAndQuery,
    /// Without framing fields and `host`.
    pub headers: HeaderMap,
    /// All of it.
    pub body: Bytes,
    /// For the whole exchange.
    pub timeout: Duration,
    /// The most that the response's body may have.
    pub max_body: usize,
}

/// A whole response.
#[derive(Debug)]
pub struct IncomingResponse {
    /// Status, reason and headers.
    pub head: tollgate_core::message::ResponseHead,
    /// All of it.
    pub body: Bytes,
}

/// Why there is no response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpFailure {
    /// The name's address is private, and the grant doesn't allow that.
    #[error("the address of `{0}` is private, and the grant doesn't say `private: true`")]
    Private(String),
    /// No connection.
    #[error("{0}")]
    Connect(String),
    /// Not in time.
    #[error("there was no whole response in time")]
    Timeout,
    /// No response that can be understood.
    #[error("{0}")]
    Broken(String),
    /// The body is too large.
    #[error("the response's body is too large")]
    TooLarge,
    /// Too much is under way.
    #[error("too many requests are under way")]
    Busy,
}

/// What an answer comes as.
pub type Answered = Pin<Box<dyn Future<Output = std::result::Result<IncomingResponse, HttpFailure>> + Send>>;

/// A worker's way out. The gateway implements it.
pub trait HttpClient: Send + Sync {
    /// Send a request and wait for the whole response.
    fn send(&self, request: OutgoingRequest) -> Answered;

    /// Send a request and forget about it; `describe` is what a log line says of it.
    fn send_one_way(&self, request: OutgoingRequest, describe: String) -> std::result::Result<(), HttpFailure>;
}

impl From<HttpFailure> for wit::HttpError {
    fn from(failure: HttpFailure) -> wit::HttpError {
        match failure {
            HttpFailure::Private(_) => wit::HttpError::NotGranted(failure.to_string()),
            HttpFailure::Connect(text) => wit::HttpError::Connect(text),
            HttpFailure::Timeout => wit::HttpError::Timeout,
            HttpFailure::Broken(text) => wit::HttpError::Broken(text),
            HttpFailure::TooLarge => wit::HttpError::TooLarge,
            HttpFailure::Busy => wit::HttpError::Other(failure.to_string()),
        }
    }
}

fn invalid(text: impl Into<String>) -> wit::HttpError {
    wit::HttpError::InvalidRequest(text.into())
}

fn headers(fields: Vec<wit::Field>, max_bytes: usize) -> std::result::Result<HeaderMap, wit::HttpError> {
    let mut headers = HeaderMap::with_capacity(fields.len());
    let mut bytes = 0;
    for field in fields {
        bytes += field.name.len() + field.value.len();
        let name = HeaderName::from_bytes(field.name.as_bytes())
            .map_err(|_| invalid(format!("{:?} is no header name", field.name)))?;
        if is_framing(&name) || name == http::header::HOST {
            return Err(invalid(format!("the header `{name}` is the gateway's")));
        }
        let value = HeaderValue::from_maybe_shared(Bytes::from(field.value))
            .map_err(|_| invalid(format!("the value of the header `{name}` holds a byte that none may hold")))?;
        headers.append(name, value);
    }
    if bytes > max_bytes {
        return Err(invalid("the headers are over the limit `header-bytes`"));
    }
    Ok(headers)
}

fn lowered(response: IncomingResponse) -> wit::IncomingResponse {
    let headers = response.head.headers.iter();
    let reason = response.head.reason.as_deref().or(response.head.status.canonical_reason());
    wit::IncomingResponse {
        status: response.head.status.as_u16(),
        reason: reason.map(String::from),
        headers: headers
            .map(|(name, value)| wit::Field { name: name.as_str().to_owned(), value: value.as_bytes().to_vec() })
            .collect(),
        body: response.body.to_vec(),
    }
}

impl Session {
    /// Check a guest's request against its form, the grant and the limits.
    fn outgoing(
        &mut self,
        asked: wit::OutgoingRequest,
    ) -> Result<std::result::Result<OutgoingRequest, wit::HttpError>> {
        let Some(left) = self.callouts_left.checked_sub(1) else {
            return Ok(Err(invalid("the call has made as many requests as its limit `callouts` allows")));
        };
        self.callouts_left = left;
        Ok(self.checked(asked))
    }

    fn checked(&self, asked: wit::OutgoingRequest) -> std::result::Result<OutgoingRequest, wit::HttpError> {
        let identity = self.identity().map_err(|error| wit::HttpError::Other(error.to_string()))?;
        let method = Method::from_bytes(asked.method.as_bytes())
            .ok()
            .filter(|method| *method != Method::CONNECT && method.as_str().len() <= 64)
            .ok_or_else(|| invalid("the method is none"))?;
        if asked.timeout_ms == 0 || asked.timeout_ms > MAX_TIMEOUT_MS {
            return Err(invalid(format!("a time-out is 1 to {MAX_TIMEOUT_MS} ms")));
        }
        if asked.body.len() > self.limits.body_bytes {
            return Err(invalid("the body is over the limit `body-bytes`"));
        }
        let url = asked.url.split('#').next().unwrap_or_default();
        let uri: Uri = url.parse().map_err(|_| invalid("the URL is none"))?;
        let target = uri.path_and_query().cloned().ok_or_else(|| invalid("the URL has no path"))?;
        let origin_text = url.split(['?']).next().unwrap_or_default();
        let mut origin =
            BaseUrl::parse(origin_text).map_err(|problem| invalid(format!("the URL can't be used: {problem}")))?;
        origin.base.clear();
        let access = identity.egress.access(origin.scheme, &origin.host, origin.port).ok_or_else(|| {
            wit::HttpError::NotGranted(format!("`{origin}` is not among the origins that this statement may call"))
        })?;
        Ok(OutgoingRequest {
            statement: Arc::clone(&identity.key),
            method,
            origin,
            private: access.private,
            target,
            headers: headers(asked.headers, self.limits.header_bytes)?,
            body: Bytes::from(asked.body),
            timeout: Duration::from_millis(u64::from(asked.timeout_ms)),
            max_body: self.limits.body_bytes,
        })
    }

    fn answer(&mut self, asked: wit::OutgoingRequest) -> Result<std::result::Result<Answered, wit::HttpError>> {
        let request = match self.outgoing(asked)? {
            Ok(request) => request,
            Err(error) => return Ok(Err(error)),
        };
        Ok(match &self.client {
            Some(client) => Ok(client.send(request)),
            None => Err(wit::HttpError::Other("there is no way out of this call".into())),
        })
    }
}

impl wit::Host for Session {
    async fn send(
        &mut self,
        request: wit::OutgoingRequest,
    ) -> Result<std::result::Result<wit::IncomingResponse, wit::HttpError>> {
        self.enter()?;
        let answered = match self.answer(request)? {
            Ok(answered) => answered,
            Err(error) => return Ok(Err(error)),
        };
        let answer = answered.await.map(lowered).map_err(wit::HttpError::from);
        self.has_waited();
        Ok(answer)
    }

    async fn send_all(
        &mut self,
        requests: Vec<wit::OutgoingRequest>,
    ) -> Result<Vec<std::result::Result<wit::IncomingResponse, wit::HttpError>>> {
        self.enter()?;
        let mut answered = Vec::with_capacity(requests.len().min(MAX_PARALLEL));
        for (at, request) in requests.into_iter().enumerate() {
            answered.push(match at < MAX_PARALLEL {
                true => self.answer(request)?,
                false => Err(invalid(format!("at most {MAX_PARALLEL} requests are sent at once"))),
            });
        }
        // Each is under way since it was made: the gateway sends in tasks of its own, and here they are only awaited.
        let mut answers = Vec::with_capacity(answered.len());
        for one in answered {
            answers.push(match one {
                Ok(answered) => answered.await.map(lowered).map_err(wit::HttpError::from),
                Err(error) => Err(error),
            });
        }
        self.has_waited();
        Ok(answers)
    }

    fn send_one_way(&mut self, request: wit::OutgoingRequest) -> Result<std::result::Result<(), wit::HttpError>> {
        self.enter()?;
        let request = match self.outgoing(request)? {
            Ok(request) => request,
            Err(error) => return Ok(Err(error)),
        };
        let describe = format!("{} ({})", self.identity()?.statement, &*self.exchange()?.facts.request_id);
        Ok(match &self.client {
            Some(client) => client.send_one_way(request, describe).map_err(wit::HttpError::from),
            None => Err(wit::HttpError::Other("there is no way out of this call".into())),
        })
    }
}
