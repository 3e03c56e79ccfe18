//! One request and its response, as statements see them. It is lent to a store for the length of a call.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::uri::PathAndQuery;
use smallvec::SmallVec;
use tollgate_core::base_url::BaseUrl;
use tollgate_core::edits::{BackendChoice, StagedHeader};
use tollgate_core::message::{RequestHead, ResponseHead};
use tollgate_core::place::{Scope, Section};

use crate::cache::CacheTurn;
use crate::limiter::{Counted, Holds};
use crate::session::Effects;
use crate::trace::Trace;
use crate::variables::Variables;

/// Facts of a route, shared by all requests that take it.
#[derive(Debug)]
pub struct RouteFacts {
    /// The API's id; empty for a request that no API takes.
    pub api: String,
    /// The API's public path, without a slash at either end.
    pub api_path: String,
    /// The operation; none in an API without operations.
    pub operation: Option<OperationFacts>,
    /// The product in whose context the request runs.
    pub product: Option<String>,
    /// Where the API's requests go unless a statement says otherwise.
    pub backend: BaseUrl,
    /// The document's `backends` by their ids.
    pub backends: Arc<BTreeMap<String, BaseUrl>>,
}

/// Facts of an operation.
#[derive(Debug)]
pub struct OperationFacts {
    /// Its id.
    pub id: String,
    /// Its method; `*` for every method.
    pub method: String,
    /// Its URL template.
    pub url: String,
    /// All that the document says of it, as JSON text.
    pub definition: String,
}

/// Facts of a subscription, shared by all requests that use its keys.
#[derive(Debug)]
pub struct SubscriptionFacts {
    /// Its id.
    pub id: String,
    /// When it began: milliseconds since 1970-01-01T00:00:00Z.
    pub start_unix_ms: i64,
    /// The user that it belongs to, if the document says so.
    pub owner: Option<String>,
}

/// What stays the same during an exchange.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The id that the client gets as `x-request-id`.
    pub request_id: Arc<str>,
    /// IPv4-mapped addresses are IPv4 here.
    pub client_ip: IpAddr,
    /// How many bits of an IPv6 address tell one client from another, at most 128.
    pub client_ipv6_prefix: u8,
    /// See [`RouteFacts`].
    pub route: Arc<RouteFacts>,
    /// The subscription whose key was used, if any.
    pub subscription: Option<Arc<SubscriptionFacts>>,
    /// Values of the URL template's parameters, percent-decoded.
    pub parameters: SmallVec<[(Arc<str>, String); 2]>,
    /// When the head had been read.
    pub started: Instant,
}

impl Facts {
    /// The client as counters take it: an IPv4 address, or the network of an IPv6 address, of which one client has as
    /// many as it likes. Examples: `192.0.2.7`, `2001:db8:0:1::/64`.
    pub fn client_network(&self) -> String {
        match self.client_ip {
            IpAddr::V6(address) if self.client_ipv6_prefix < 128 => {
                let prefix = self.client_ipv6_prefix;
                format!("{}/{prefix}", ipv6_network(address, prefix))
            }
            address => address.to_string(),
        }
    }
}

/// An address whose bits behind the first `prefix` are zero.
pub fn ipv6_network(address: Ipv6Addr, prefix: u8) -> Ipv6Addr {
    let mask = u128::MAX.checked_shl(128u32.saturating_sub(prefix.into())).unwrap_or(0);
    Ipv6Addr::from_bits(address.to_bits() & mask)
}

/// What went wrong, for the on-error section (`apim.md` §2, `context.LastError`).
#[derive(Clone, Debug, Default)]
pub struct LastError {
    /// A statement's name or a step of the gateway.
    pub source: String,
    /// A word. Example: `RateLimitExceeded`.
    pub reason: String,
    /// What happened, in a sentence; for a failed expression more than the client is told.
    pub message: String,
    /// The statement's id or place; none for a step of the gateway.
    pub statement: Option<String>,
    /// Where the statement stands; none for a step of the gateway.
    pub at: Option<Arc<Position>>,
    /// The status that the client is about to get.
    pub status: u16,
}

/// Where an entry of a policy document stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The scope of its document.
    pub scope: Scope,
    /// Its section.
    pub section: Section,
    /// Its way within the section. Example: `choose[3]/when[2]`.
    pub path: String,
    /// Its `id`, if it has one.
    pub id: Option<String>,
    /// Unique in the document. Example: `apis/orders/inbound/1`.
    pub place: String,
    /// File, line and column.
    pub source: String,
}

/// One request and its response.
#[derive(Debug)]
pub struct Exchange {
    /// What stays the same.
    pub facts: Facts,
    /// As it will be forwarded.
    pub request: RequestHead,
    /// The target as the client sent it, normalised and without the key.
    pub original_target: PathAndQuery,
    /// A statement has replaced the target, which is relative to the API from then on.
    pub is_rewritten: bool,
    /// Where the request goes instead of the API's backend.
    pub backend: Option<BackendChoice>,
    /// The scope of the statement that chose it.
    pub backend_scope: Option<Scope>,
    /// As it will be returned, once there is one.
    pub response: Option<ResponseHead>,
    /// The request's body, if it was buffered for the statement at hand.
    pub request_body: Option<Bytes>,
    /// The response's body, if it was buffered for the statement at hand.
    pub response_body: Option<Bytes>,
    /// Set in the on-error section.
    pub last_error: Option<LastError>,
    /// Headers for whatever response will be given.
    pub staged_headers: Vec<StagedHeader>,
    /// What statements pass to one another.
    pub variables: Variables,
    /// What the cache knows of this exchange.
    pub cache: CacheTurn,
    /// Permits and quotas that are settled when the exchange ends.
    pub holds: Holds,
    /// What the last call did besides its verdict; the next one begins with none.
    pub effects: Box<Effects>,
    /// What happened so far, if somebody asked for it.
    pub trace: Option<Box<Trace>>,
    /// What was asked of the limiter; none where nobody wants to know, which is everywhere but in tests of policies.
    pub counted: Option<Vec<Counted>>,
}

impl Exchange {
    /// An exchange at its beginning.
    pub fn new(facts: Facts, request: RequestHead) -> Exchange {
        Exchange {
            facts,
            original_target: request.target.clone(),
            request,
            is_rewritten: false,
            backend: None,
            backend_scope: None,
            response: None,
            request_body: None,
            response_body: None,
            last_error: None,
            staged_headers: Vec::new(),
            variables: Variables::default(),
            cache: CacheTurn::default(),
            holds: Holds::default(),
            effects: Box::default(),
            trace: None,
            counted: None,
        }
    }

    /// A copy for statements that run beside each other. What is to be settled at the end stays with the original.
    pub fn branch(&self) -> Exchange {
        Exchange {
            facts: self.facts.clone(),
            request: self.request.clone(),
            original_target: self.original_target.clone(),
            is_rewritten: self.is_rewritten,
            backend: self.backend.clone(),
            backend_scope: self.backend_scope,
            response: self.response.clone(),
            request_body: None,
            response_body: None,
            last_error: self.last_error.clone(),
            staged_headers: Vec::new(),
            variables: self.variables.clone(),
            cache: CacheTurn::default(),
            holds: Holds::default(),
            effects: Box::default(),
            trace: self.trace.as_ref().map(|_| Box::default()),
            counted: None,
        }
    }

    /// Where the request goes, or went.
    pub fn base_url(&self) -> &BaseUrl {
        match &self.backend {
            Some(BackendChoice::Url(url)) => url,
            Some(BackendChoice::Id(id)) => self.facts.route.backends.get(id).unwrap_or(&self.facts.route.backend),
            None => &self.facts.route.backend,
        }
    }
}
