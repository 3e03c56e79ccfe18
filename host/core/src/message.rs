//! The heads of messages, as routing and statements see them. Bodies travel beside them.

use http::uri::PathAndQuery;
use http::{HeaderMap, Method, StatusCode};

/// How the client reached the gateway (or what a trusted proxy says of it), or how the gateway reaches an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Cleartext.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// Lower-case, as in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    /// The port that a URL without one means.
    pub fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }

    /// The scheme of a URL, in any case, and what is behind its `://`; none if it is another.
    pub fn split(url: &str) -> Option<(Scheme, &str)> {
        let (scheme, rest) = url.split_once("://")?;
        [Scheme::Http, Scheme::Https].into_iter().find(|s| s.as_str().eq_ignore_ascii_case(scheme)).map(|s| (s, rest))
    }
}

/// A request's head. `target` holds the one normalised path.
#[derive(Clone, Debug)]
pub struct RequestHead {
    /// As sent.
    pub method: Method,
    /// See [`Scheme`].
    pub scheme: Scheme,
    /// Host and port that the client addressed, as it wrote them; empty for an HTTP/1.0 request without one.
    pub authority: String,
    /// Normalised path, and the query as sent.
    pub target: PathAndQuery,
    /// Without framing and hop-by-hop fields, and without `host` (see `authority`) unless a statement has set one for the
    /// origin.
    pub headers: HeaderMap,
}

/// A response's head.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// 200–599 once it is final.
    pub status: StatusCode,
    /// The reason phrase of HTTP/1.1, where it isn't the usual one.
    pub reason: Option<Box<str>>,
    /// Without framing and hop-by-hop fields.
    pub headers: HeaderMap,
}

impl ResponseHead {
    /// An empty head with this status.
    pub fn new(status: StatusCode) -> ResponseHead {
        ResponseHead { status, reason: None, headers: HeaderMap::new() }
    }
}
