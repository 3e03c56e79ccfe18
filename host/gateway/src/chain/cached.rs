//! `forward-request` through the cache of the API: RFC 9111 between inbound and outbound.
//!
//! A request is *for others* (unsafe methods: it changes what is stored), *passed* (nothing here can answer it), or
//! *read*: answered from what is stored, or by the origin, alone or together with others who want the same.

/// The origin answers, and what becomes of it.
mod origin;

/// Validation behind the client's back.
mod refresh;

use std::sync::Arc;
use std::time::Instant;

use http::{Method, StatusCode, header};
use http_body::Body as _;
use serde_json::json;
use tollgate_caching::cache_status::{CacheStatus, Why};
use tollgate_caching::invalidation::{has_changed, is_unsafe, named};
use tollgate_caching::reuse::{Reuse, covers_error, reuse};
use tollgate_caching::{RequestDirectives, Stored, answer, validation};
use tollgate_runtime::{LookedUp, Services};

use super::{Failing, Stop, Walk};
use crate::body::Body;
use crate::cache::{Caching, Joined, Landing, Place};
use crate::plan::Forward;
use crate::respond::Rejection;

/// How often a request looks again at what others have made of the same, before it goes alone.
const MAX_LOOKS: usize = 4;

/// A request that reads, and what is known of it.
struct Read {
    caching: Arc<Caching>,
    services: Arc<Services>,
    /// What it stands under.
    key: u128,
    asked: RequestDirectives,
    /// As it goes to the origin, `GET` or `HEAD`.
    method: Method,
    is_authorized: bool,
    began: Instant,
}

/// What is stored for a request.
struct Found {
    stored: Option<Arc<Stored>>,
    /// What that is good for.
    use_of: Option<Reuse>,
    /// Something is stored for other requests.
    has_others: bool,
    /// What its request stands under while it is under way.
    flight: u128,
}

impl Found {
    /// Why it takes more than what is stored.
    fn why(&self) -> Why {
        match self.use_of {
            Some(Reuse::Refused) => Why::Request,
            Some(_) => Why::Stale,
            None if self.has_others => Why::VaryMiss,
            None => Why::UriMiss,
        }
    }
}

/// A change under way. What is stored ends with it, unless it is known to be none.
struct Change {
    services: Arc<Services>,
    uri: Option<u128>,
}

impl Drop for Change {
    fn drop(&mut self) {
        if let Some(uri) = self.uri {
            self.services.cache.invalidate(uri);
        }
    }
}

impl Walk {
    /// Answer from the cache, or have the origin answer and store it.
    pub(super) async fn fetch_cached(&mut self, forward: &Arc<Forward>, caching: &Arc<Caching>) -> Result<(), Stop> {
        let Some(exchange) = self.exchange() else { return self.fetch(forward).await };
        let (method, headers) = (&exchange.request.method, &exchange.request.headers);
        let reads = *method == Method::GET || *method == Method::HEAD;
        if is_unsafe(method) {
            return self.fetch_change(forward, caching).await;
        }
        // A body isn't part of any key, whoever made it, and what is being upgraded to is no response.
        let has_body = exchange.cache.has_body || !self.request_body.is_end_stream();
        let is_for_origin = has_body || validation::is_for_origin(headers) || headers.contains_key(header::UPGRADE);
        if !reads || is_for_origin {
            let why = if reads { Why::Bypass } else { Why::Method };
            self.fetch(forward).await?;
            self.say(caching, forwarded(why, None));
            return Ok(());
        }
        let asked = match caching.hears_clients {
            true => RequestDirectives::of(headers),
            false => RequestDirectives::default(),
        };
        let services = self.leases.services();
        let read = Read {
            key: Place::of(&services.cache, exchange).key(caching.is_shared),
            caching: Arc::clone(caching),
            services,
            asked,
            method: method.clone(),
            is_authorized: exchange.cache.is_authorized || headers.contains_key(header::AUTHORIZATION),
            began: Instant::now(),
        };
        self.read(forward, &read).await
    }

    /// A request that may change something: what is stored of it, and of what its response names, isn't used any more
    /// (RFC 9111 §4.4). If nobody is there to see the response, it counts as changed.
    async fn fetch_change(&mut self, forward: &Arc<Forward>, caching: &Arc<Caching>) -> Result<(), Stop> {
        let services = self.leases.services();
        let uri = self.exchange().map(|exchange| Place::of(&services.cache, exchange).uri());
        let mut change = Change { services: Arc::clone(&services), uri };
        let ended = self.fetch(forward).await;
        if let Some(exchange) = self.exchange()
            && let (Ok(()), Some(response)) = (&ended, &exchange.response)
        {
            if has_changed(response.status) {
                let place = Place::of(&services.cache, exchange);
                let named = named(&response.headers, exchange.original_target.path());
                for uri in named.flat_map(|named| place.uris_of(&named).collect::<Vec<_>>()) {
                    services.cache.invalidate(uri);
                }
            } else {
                change.uri = None;
            }
        }
        drop(change);
        ended?;
        self.say(caching, forwarded(Why::Method, None));
        Ok(())
    }

    /// Answer from what is stored, or from what somebody else is fetching, or else from the origin.
    async fn read(&mut self, forward: &Arc<Forward>, read: &Read) -> Result<(), Stop> {
        let patience = read.began + read.caching.collapse;
        let mut collapsed = false;
        for _ in 0..MAX_LOOKS {
            let found = self.look_up(read);
            if let Some(stored) = found.stored.as_ref().filter(|_| is_usable(found.use_of)) {
                if found.use_of == Some(Reuse::Revalidate) {
                    self.refresh(forward, read, stored, found.flight);
                }
                let status = if collapsed { collapsed_for(Why::UriMiss) } else { CacheStatus::Hit };
                return self.answer_stored(forward, read, stored, status);
            }
            if read.asked.only_if_cached {
                return Err(self.failed(&forward.own, Failing::Rejected(Rejection::NotCached)));
            }
            let lead = match self.join_flight(read, &found) {
                Joined::Alone => None,
                Joined::Lead(lead) => {
                    // Another one may have landed between the look and now.
                    let again = self.look_up(read);
                    match again.stored.filter(|_| again.use_of == Some(Reuse::Fresh)) {
                        Some(stored) => {
                            lead.land(Landing::Stored(Arc::clone(&stored)));
                            return self.answer_stored(forward, read, &stored, collapsed_for(found.why()));
                        }
                        None => Some(lead),
                    }
                }
                Joined::Follow(follow) => match tokio::time::timeout_at(patience.into(), follow.landing()).await {
                    Ok(Landing::Stored(stored)) if self.is_answer(read, &stored) => {
                        return self.answer_stored(forward, read, &stored, collapsed_for(found.why()));
                    }
                    Ok(Landing::Stored(_) | Landing::Abandoned) => {
                        collapsed = true;
                        continue;
                    }
                    Ok(Landing::Failed) => match found.stored.as_ref().filter(|stored| stands_in(read, stored)) {
                        Some(stored) => return self.answer_stored(forward, read, stored, collapsed_for(found.why())),
                        None => None,
                    },
                    Ok(Landing::Alone) | Err(_) => None,
                },
            };
            return self.ask_origin(forward, read, found, lead).await;
        }
        let found = self.look_up(read);
        self.ask_origin(forward, read, found, None).await
    }

    /// What is stored for this request.
    fn look_up(&self, read: &Read) -> Found {
        let nothing = Found { stored: None, use_of: None, has_others: false, flight: read.key };
        let (Some(exchange), Some(resource)) = (self.exchange(), read.services.cache.resource(read.key)) else {
            return nothing;
        };
        let headers = &exchange.request.headers;
        let place = Place::of(&read.services.cache, exchange);
        let selected = resource.select(headers);
        let stored = selected.filter(|stored| read.services.cache.is_current(stored, || place.uri())).cloned();
        let use_of = stored.as_ref().map(|stored| reuse(stored, &read.asked, Instant::now()));
        if stored.as_ref().is_some_and(|stored| stored.vary().is_empty()) {
            return Found { stored, use_of, ..nothing };
        }
        let selection = resource.vary().and_then(|vary| vary.selection(headers)).unwrap_or_default();
        let flight = if selection.is_empty() { read.key } else { place.variant(read.key, &selection) };
        Found { stored, use_of, has_others: selected.is_none(), flight }
    }

    /// Who may wait for others, and who may have others wait: not those who want an answer of their own, and not those
    /// whose response is for themselves.
    fn join_flight(&self, read: &Read, found: &Found) -> Joined {
        let Some(exchange) = self.exchange() else { return Joined::Alone };
        let headers = &exchange.request.headers;
        let wants_own = read.method != Method::GET
            || headers.contains_key(header::RANGE)
            || found.use_of == Some(Reuse::Refused)
            || read.asked.no_cache
            || read.asked.no_store;
        if wants_own || read.caching.collapse.is_zero() {
            return Joined::Alone;
        }
        // Conditions of a client are answered by 304 perhaps, unless those of a stored response take their place.
        let may_lead =
            found.stored.as_deref().is_some_and(validation::has_validator) || !validation::is_conditional(headers);
        read.caching.flights.join(found.flight, may_lead)
    }

    /// Does another request's response answer this one, unless what it is of has changed since it was asked for?
    fn is_answer(&self, read: &Read, stored: &Stored) -> bool {
        self.exchange().is_some_and(|exchange| {
            let place = Place::of(&read.services.cache, exchange);
            stored.fits(&exchange.request.headers)
                && read.services.cache.is_current(stored, || place.uri())
                && is_usable(Some(reuse(stored, &read.asked, Instant::now())))
        })
    }

    /// Make a stored response the answer.
    fn answer_stored(
        &mut self,
        forward: &Forward,
        read: &Read,
        stored: &Stored,
        status: CacheStatus,
    ) -> Result<(), Stop> {
        let now = Instant::now();
        let Some(exchange) = self.exchange_mut() else {
            return Err(self.failed(&forward.own, Failing::Rejected(Rejection::PolicyFault)));
        };
        let (mut head, body) = answer(stored, &read.method, &exchange.request.headers, now);
        if read.caching.says_status {
            status.write(&mut head.headers, Some(stored), now);
        }
        exchange.cache.looked_up = Some(looked_up(status));
        self.answer(head, Body::full(body));
        let age = stored.freshness().age(now).as_secs();
        self.trace_own(&forward.own, || json!({ "cache": format!("{status:?}"), "age": age }));
        Ok(())
    }

    /// Have the response say what the cache did.
    fn say(&mut self, caching: &Caching, status: CacheStatus) {
        let Some(exchange) = self.exchange_mut() else { return };
        if !matches!(status, CacheStatus::Forwarded { why: Why::Bypass | Why::Method, .. }) {
            exchange.cache.looked_up = Some(looked_up(status));
        }
        if let Some(response) = exchange.response.as_mut().filter(|_| caching.says_status) {
            status.write(&mut response.headers, None, Instant::now());
        }
    }
}

/// What the access log calls it.
fn looked_up(status: CacheStatus) -> LookedUp {
    match status {
        CacheStatus::Hit | CacheStatus::Forwarded { collapsed: true, .. } => LookedUp::Hit,
        CacheStatus::Forwarded { .. } => LookedUp::Miss,
    }
}

/// May it be used without the origin?
fn is_usable(use_of: Option<Reuse>) -> bool {
    matches!(use_of, Some(Reuse::Fresh | Reuse::Stale | Reuse::Revalidate))
}

/// May a stored response stand in for an origin that has failed?
fn stands_in(read: &Read, stored: &Stored) -> bool {
    covers_error(stored, &read.asked, Instant::now())
}

fn forwarded(why: Why, status: Option<StatusCode>) -> CacheStatus {
    CacheStatus::Forwarded { why, status, stored: false, collapsed: false }
}

fn collapsed_for(why: Why) -> CacheStatus {
    CacheStatus::Forwarded { why, status: None, stored: false, collapsed: true }
}
