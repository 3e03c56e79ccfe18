//! The cache of whole APIs: RFC 9111 where requests leave for their origin.
//!
//! It stands at `forward-request`: inbound statements have run before a stored response is looked for, outbound
//! statements run on stored responses as on others. The rules are those of `tollgate-caching`, what is stored lives in
//! `CacheStore`, beside what statements keep; here is who asks the origin when many want the same. How a request goes
//! through it is in `chain/cached.rs`.

/// Many requests for the same become one.
mod flights;

/// What a stored response stands under.
mod key;

use std::sync::Arc;
use std::time::Duration;

use tollgate_caching::Rules;
use tollgate_document::CacheSettings;

use crate::body::poured::Room;

pub(crate) use flights::{Flights, Joined, Landing, Lead, Share};
pub(crate) use key::Place;

/// How an API's or an operation's responses are cached.
#[derive(Debug)]
pub(crate) struct Caching {
    /// What counts beyond what responses say.
    pub(crate) rules: Rules,
    /// Subscriptions share what is stored.
    pub(crate) is_shared: bool,
    /// What clients say in `Cache-Control` counts.
    pub(crate) hears_clients: bool,
    /// How long a request waits for another one's response; zero for not at all.
    pub(crate) collapse: Duration,
    /// Responses say what the cache did.
    pub(crate) says_status: bool,
    /// Requests under way, of all workers and plans.
    pub(crate) flights: Arc<Flights>,
}

impl Room for Share {
    fn grow(&mut self, bytes: usize) -> bool {
        Share::grow(self, bytes)
    }
}

impl Caching {
    pub(crate) fn new(settings: &CacheSettings, flights: &Arc<Flights>) -> Caching {
        Caching {
            rules: Rules {
                heuristics: settings.heuristics,
                stale_while_revalidate: settings.stale_while_revalidate,
                stale_if_error: settings.stale_if_error,
            },
            is_shared: settings.shared,
            hears_clients: settings.request_directives,
            collapse: settings.collapse_timeout,
            says_status: settings.cache_status,
            flights: Arc::clone(flights),
        }
    }
}
