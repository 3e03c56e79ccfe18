//! One request and its response, as statements see them. It is lent to a store for the length of a call.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use smallvec::SmallVec;
use tollgate_core::message::{RequestHead, ResponseHead};

use crate::cache::CacheTurn;
use crate::limiter::Holds;

/// Facts of a route, shared by all requests that take it.
#[derive(Debug)]
pub struct RouteFacts {
    /// The API's id.
    pub api: String,
    /// The operation's id; none in an API without operations.
    pub operation: Option<String>,
    /// The product in whose context the request runs.
    pub product: Option<String>,
}

/// Facts of a subscription, shared by all requests that use its keys.
#[derive(Debug)]
pub struct SubscriptionFacts {
    /// Its id.
    pub id: String,
    /// When it began: milliseconds since 1970-01-01T00:00:00Z.
    pub start_unix_ms: i64,
}

/// What stays the same during an exchange.
#[derive(Debug)]
pub struct Facts {
    /// The id that the client gets as `x-request-id`.
    pub request_id: Arc<str>,
    /// IPv4-mapped addresses are IPv4 here.
    pub client_ip: IpAddr,
    /// See [`RouteFacts`].
    pub route: Arc<RouteFacts>,
    /// The subscription whose key was used, if any.
    pub subscription: Option<Arc<SubscriptionFacts>>,
    /// Values of the URL template's parameters, percent-decoded.
    pub parameters: SmallVec<[(Arc<str>, String); 2]>,
    /// When the head had been read.
    pub started: Instant,
}

/// What went wrong, for the on-error section.
#[derive(Clone, Debug)]
pub struct LastError {
    /// A statement's name or a step of the gateway.
    pub source: String,
    /// A word. Example: `RateLimitExceeded`.
    pub reason: String,
    /// The sentence that the client is about to get.
    pub message: String,
    /// The statement's id or place; none for a step of the gateway.
    pub statement: Option<String>,
}

/// One request and its response.
#[derive(Debug)]
pub struct Exchange {
    /// What stays the same.
    pub facts: Facts,
    /// As it will be forwarded.
    pub request: RequestHead,
    /// A statement has replaced the target, which is relative to the API from then on.
    pub is_rewritten: bool,
    /// As it will be returned, once there is one.
    pub response: Option<ResponseHead>,
    /// The request's body, if it was buffered for the statement at hand.
    pub request_body: Option<Bytes>,
    /// The response's body, if it was buffered for the statement at hand.
    pub response_body: Option<Bytes>,
    /// Set in the on-error section.
    pub last_error: Option<LastError>,
    /// Headers for whatever response will be given.
    pub staged_headers: Vec<(HeaderName, HeaderValue)>,
    /// Variables as JSON text. Few, so a list.
    pub variables: Vec<(String, String)>,
    /// What the cache knows of this exchange.
    pub cache: CacheTurn,
    /// Permits and quotas that are settled when the exchange ends.
    pub holds: Holds,
}

impl Exchange {
    /// An exchange at its beginning.
    pub fn new(facts: Facts, request: RequestHead) -> Exchange {
        Exchange {
            facts,
            request,
            is_rewritten: false,
            response: None,
            request_body: None,
            response_body: None,
            last_error: None,
            staged_headers: Vec::new(),
            variables: Vec::new(),
            cache: CacheTurn::default(),
            holds: Holds::default(),
        }
    }

    /// Set a variable.
    pub fn set_variable(&mut self, name: String, json: String) {
        match self.variables.iter_mut().find(|(n, _)| *n == name) {
            Some((_, value)) => *value = json,
            None => self.variables.push((name, json)),
        }
    }
}
