//! Requests of a policy's own.
//!
//! Needs the grant `http`, a list of origins. Redirects are not followed. Time spent waiting doesn't count against the
//! statement's deadline.
//!
//! ```
//! use std::time::Duration;
//! use tollgate_sdk::http_client::{self, HttpError, Request};
//!
//! fn token(form: &str) -> Result<String, HttpError> {
//!     let request = Request::new("POST", "https://login.example/token")
//!         .header("content-type", "application/x-www-form-urlencoded")
//!         .body(form)
//!         .timeout(Duration::from_secs(5));
//!     Ok(http_client::send(&request)?.text())
//! }
//! ```

use crate::bindings::imports::tollgate::http_client::http_client as wit;
use crate::host::http_client as host;
use crate::verdict::Verdict;
use serde::de::DeserializeOwned;
use std::fmt;
use std::time::Duration;

pub use crate::messages::Field;

/// If a request doesn't say how long to wait.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A request.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Request {
    /// The method. Example: `POST`.
    pub method: String,
    /// Absolute, `http` or `https`.
    pub url: String,
    /// In order. `host`, `content-length` and other framing fields are the gateway's: one that is given is refused.
    pub headers: Vec<Field>,
    /// The whole body.
    pub body: Vec<u8>,
    /// From the connection to the last byte of the response's body: 1 ms to 240 s.
    pub timeout: Duration,
}

/// A response, whatever its status.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The reason phrase, if the origin sent one.
    pub reason: Option<String>,
    /// Lower-case names, in the order in which they came.
    pub headers: Vec<Field>,
    /// The whole body. At most the statement's `body-bytes` limit.
    pub body: Vec<u8>,
}

/// Why there is no response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpError {
    /// The URL, the method or a header isn't one, or there are more calls than the statement's `callouts` limit allows.
    InvalidRequest(String),
    /// The origin isn't granted.
    NotGranted(String),
    /// There was no connection.
    Connect(String),
    /// There was no whole response in time.
    Timeout,
    /// The connection broke, or the response can't be understood.
    Broken(String),
    /// The response's body is larger than the statement may hold.
    TooLarge,
    /// Something else, in words.
    Other(String),
}

/// Send a request and wait for the whole response, whatever its status.
pub fn send(request: &Request) -> Result<Response, HttpError> {
    host::send(&wit::OutgoingRequest::from(request.clone())).map(Into::into).map_err(Into::into)
}

/// Send requests at the same time and wait for all of them. Results are in the order of the requests; at most 16.
pub fn send_all(requests: &[Request]) -> Vec<Result<Response, HttpError>> {
    let requests: Vec<wit::OutgoingRequest> = requests.iter().cloned().map(Into::into).collect();
    let results = host::send_all(&requests).into_iter();
    results.map(|result| result.map(Into::into).map_err(Into::into)).collect()
}

/// Send a request and don't wait. An error is one of the request; what comes of it afterwards is only logged.
pub fn send_one_way(request: &Request) -> Result<(), HttpError> {
    Ok(host::send_one_way(&wit::OutgoingRequest::from(request.clone()))?)
}

impl Request {
    /// A request without headers and body, that waits for up to a minute.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self { method: method.into(), url: url.into(), headers: Vec::new(), body: Vec::new(), timeout: TIMEOUT }
    }

    /// A `GET`.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// Add a header. A name may repeat.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push(Field { name: name.into(), value: value.into() });
        self
    }

    /// The whole body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// How long to wait for the whole response.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl Response {
    /// An empty response, for tests.
    pub fn new(status: u16) -> Self {
        Self { status, reason: None, headers: Vec::new(), body: Vec::new() }
    }

    /// Add a header, for tests.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push(Field { name: name.to_ascii_lowercase(), value: value.into() });
        self
    }

    /// With this body, for tests.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The first value of a header, whose name may be written in any case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let field = self.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name))?;
        Some(&field.value)
    }

    /// The body as text; bytes that are no UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body, read as JSON. Text that isn't JSON of this shape is [`HttpError::Broken`].
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        serde_json::from_slice(&self.body).map_err(|error| HttpError::Broken(error.to_string()))
    }
}

impl From<Request> for wit::OutgoingRequest {
    fn from(request: Request) -> Self {
        let Request { method, url, headers, body, timeout } = request;
        let headers = headers.into_iter().map(|Field { name, value }| wit::Field { name, value }).collect();
        let timeout_ms = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
        Self { method, url, headers, body, timeout_ms }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod reverse;

impl From<wit::IncomingResponse> for Response {
    fn from(response: wit::IncomingResponse) -> Self {
        let wit::IncomingResponse { status, reason, headers, body } = response;
        let headers = headers.into_iter().map(|wit::Field { name, value }| Field { name, value }).collect();
        Self { status, reason, headers, body }
    }
}

impl From<wit::HttpError> for HttpError {
    fn from(error: wit::HttpError) -> Self {
        match error {
            wit::HttpError::InvalidRequest(why) => Self::InvalidRequest(why),
            wit::HttpError::NotGranted(why) => Self::NotGranted(why),
            wit::HttpError::Connect(why) => Self::Connect(why),
            wit::HttpError::Timeout => Self::Timeout,
            wit::HttpError::Broken(why) => Self::Broken(why),
            wit::HttpError::TooLarge => Self::TooLarge,
            wit::HttpError::Other(why) => Self::Other(why),
        }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidRequest(why) => write!(f, "the request can't be sent: {why}"),
            Self::NotGranted(why) => write!(f, "the origin isn't granted: {why}"),
            Self::Connect(why) => write!(f, "there was no connection: {why}"),
            Self::Timeout => f.write_str("there was no whole response in time"),
            Self::Broken(why) => write!(f, "the response can't be understood: {why}"),
            Self::TooLarge => f.write_str("the response's body is too large"),
            Self::Other(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for HttpError {}

impl From<HttpError> for Verdict {
    fn from(error: HttpError) -> Self {
        Verdict::Fail(format!("a request to another service failed: {error}"))
    }
}
