//! A stale response is used while the origin is asked behind the client's back (RFC 5861 §3).

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Method, header};
use tollgate_caching::reuse::Reuse;
use tollgate_caching::validation::Conditions;
use tollgate_caching::{RequestDirectives, Stored};

use super::{Found, Read};
use crate::body::Body;
use crate::cache::Joined;
use crate::chain::Walk;
use crate::plan::Forward;

/// How long it may take up to the response's head.
const PATIENCE: Duration = Duration::from_secs(60);

impl Walk {
    /// Ask the origin in a task of its own, unless somebody does already or too many do for other things.
    pub(super) fn refresh(&self, forward: &Arc<Forward>, read: &Read, stored: &Arc<Stored>, flight: u128) {
        let Some(share) = read.caching.flights.go_behind() else { return };
        let lead = match read.caching.flights.join(flight, true) {
            Joined::Lead(lead) => Some(lead),
            Joined::Alone => None,
            Joined::Follow(_) => return,
        };
        let Some(mut exchange) = self.exchange().map(tollgate_runtime::Exchange::branch) else { return };
        // Whatever this client wanted of it, the whole is what is to be stored.
        exchange.request.method = Method::GET;
        for name in [header::RANGE, header::IF_RANGE] {
            exchange.request.headers.remove(name);
        }
        Conditions::take(&mut exchange.request.headers);
        let mut walk = self.beside(exchange, Body::empty(), Body::empty());
        let read = Read {
            caching: Arc::clone(&read.caching),
            services: Arc::clone(&read.services),
            key: read.key,
            asked: RequestDirectives::default(),
            method: Method::GET,
            is_authorized: read.is_authorized,
            began: Instant::now(),
        };
        let found =
            Found { stored: Some(Arc::clone(stored)), use_of: Some(Reuse::Validate), has_others: false, flight };
        let forward = Arc::clone(forward);
        tokio::task::spawn_local(async move {
            // Nobody is there to hear how it ends; a failure of the origin is in the log.
            let asked = walk.ask_origin(&forward, &read, found, lead);
            let _ = tokio::time::timeout(PATIENCE, asked).await;
            drop(share);
        });
    }
}
