//! The origin answers: what is stored of it, what it says of what is stored, and who else hears of it.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use http::{Method, StatusCode, header};
use tollgate_caching::cache_status::{CacheStatus, Why};
use tollgate_caching::reuse::is_error;
use tollgate_caching::validation::{self, Conditions};
use tollgate_caching::{Asked, Storable, Stored, Timing};
use tollgate_core::message::ResponseHead;

use super::{Found, Read, forwarded, stands_in};
use crate::body::Body;
use crate::body::poured::pour;
use crate::cache::{Landing, Lead};
use crate::chain::{Stop, Walk};
use crate::plan::Forward;

/// A response's head that has arrived for a request that reads.
struct Arrived {
    why: Why,
    status: StatusCode,
    timing: Timing,
    /// What it stands under while it is under way.
    flight: u128,
}

impl Walk {
    /// Have the origin answer, and store what may be stored. Others wait for `lead`.
    pub(super) async fn ask_origin(
        &mut self,
        forward: &Arc<Forward>,
        read: &Read,
        found: Found,
        lead: Option<Lead>,
    ) -> Result<(), Stop> {
        let why = found.why();
        let stored = found.stored.filter(|_| !read.asked.no_store);
        let conditions = self.condition(read, stored.as_deref());
        let validates = conditions.is_some();
        let requested = Instant::now();
        let fetched = self.fetch(forward).await;
        let timing = Timing { requested, received: Instant::now(), received_at: SystemTime::now() };
        if let (Some(conditions), Some(exchange)) = (conditions, self.exchange_mut()) {
            conditions.put_back(&mut exchange.request.headers);
        }
        let status = self.exchange().and_then(|exchange| exchange.response.as_ref()).map(|response| response.status);
        let has_failed = match &fetched {
            Ok(()) => status.is_some_and(is_error),
            Err(_) => true,
        };
        if has_failed && let Some(stored) = stored.as_ref().filter(|stored| stands_in(read, stored)) {
            land(lead, Landing::Failed);
            return self.answer_stored(forward, read, stored, forwarded(why, status));
        }
        if let Err(stop) = fetched {
            land(lead, Landing::Failed);
            return Err(stop);
        }
        let arrived = Arrived { why, status: status.unwrap_or_default(), timing, flight: found.flight };
        match stored {
            Some(stored) if validates && arrived.status == StatusCode::NOT_MODIFIED => {
                self.freshen(forward, read, &stored, lead, &arrived)
            }
            stored if read.method == Method::HEAD => {
                self.compare(read, stored.as_ref(), &arrived);
                Ok(())
            }
            stored => {
                self.keep_response(read, stored.as_ref(), lead, &arrived);
                Ok(())
            }
        }
    }

    /// Put the conditions of a stored response in place of the client's, which come back; none if it has none.
    fn condition(&mut self, read: &Read, stored: Option<&Stored>) -> Option<Conditions> {
        let stored = stored.filter(|_| read.method == Method::GET)?;
        let headers = &mut self.exchange_mut()?.request.headers;
        let conditions = Conditions::take(headers);
        if validation::make_conditional(headers, stored) {
            return Some(conditions);
        }
        conditions.put_back(headers);
        None
    }

    /// The origin has confirmed what is stored (RFC 9111 §4.3.4).
    fn freshen(
        &mut self,
        forward: &Arc<Forward>,
        read: &Read,
        stored: &Arc<Stored>,
        lead: Option<Lead>,
        arrived: &Arrived,
    ) -> Result<(), Stop> {
        let status = forwarded(arrived.why, Some(arrived.status));
        let updated = self.with_response(read, |asked, head| {
            let confirms = validation::confirms(stored, &head.headers);
            confirms.then(|| stored.updated(asked, &head.headers, &arrived.timing, &read.caching.rules))
        });
        // A 304 about something else changes nothing (RFC 9111 §4.3.4), but it is no reason not to answer.
        let Some((updated, may_be_stored)) = updated.flatten() else {
            land(lead, Landing::Alone);
            return self.answer_stored(forward, read, stored, status);
        };
        let updated = Arc::new(updated);
        let landing = match may_be_stored {
            Ok(()) => {
                read.services.cache.store(read.key, Arc::clone(&updated));
                match updated.freshness().is_fresh(arrived.timing.received) {
                    true => Landing::Stored(Arc::clone(&updated)),
                    false => Landing::Alone,
                }
            }
            Err(_) => {
                read.services.cache.forget(read.key, stored);
                Landing::Alone
            }
        };
        land(lead, landing);
        self.answer_stored(forward, read, &updated, status)
    }

    /// What a response to `HEAD` says of what is stored (RFC 9111 §4.3.5).
    fn compare(&mut self, read: &Read, stored: Option<&Arc<Stored>>, arrived: &Arrived) {
        if let Some(stored) = stored.filter(|_| arrived.status == StatusCode::OK) {
            let updated = self.with_response(read, |asked, head| {
                let agrees = validation::agrees(stored, &head.headers);
                agrees.then(|| stored.updated(asked, &head.headers, &arrived.timing, &read.caching.rules))
            });
            match updated.flatten() {
                Some((updated, Ok(()))) => read.services.cache.store(read.key, Arc::new(updated)),
                Some((_, Err(_))) | None => read.services.cache.forget(read.key, stored),
            }
        }
        self.say(&read.caching, forwarded(arrived.why, Some(arrived.status)));
    }

    /// Store a response while it goes to its client, if it may be stored. What was there before is forgotten if the newer
    /// one may not be.
    fn keep_response(&mut self, read: &Read, before: Option<&Arc<Stored>>, lead: Option<Lead>, arrived: &Arrived) {
        let storable = self
            .with_response(read, |asked, head| Storable::of(asked, head, &arrived.timing, &read.caching.rules).ok())
            .flatten();
        let Some(storable) = storable else {
            // An error is likely to pass, and says nothing of what comes after it.
            let is_error = is_error(arrived.status);
            land(lead, if is_error { Landing::Failed } else { Landing::Alone });
            let is_newer = !is_error && !matches!(arrived.status.as_u16(), 206 | 304 | 416);
            if let Some(before) = before.filter(|_| is_newer && !read.asked.no_store) {
                read.services.cache.forget(read.key, before);
            }
            return self.say(&read.caching, forwarded(arrived.why, Some(arrived.status)));
        };
        if let (Some(date), Some(exchange)) = (storable.date().cloned(), self.exchange_mut())
            && let Some(response) = &mut exchange.response
        {
            // Whoever gets it later is told the same (RFC 9110 §6.6.1).
            response.headers.entry(header::DATE).or_insert(date);
        }
        let has_already = before
            .and(self.exchange())
            .and_then(|exchange| storable.not_modified(&exchange.request.headers, arrived.timing.received));
        self.pour_into_cache(read, storable, lead, arrived.flight);
        if let Some(head) = has_already {
            // The client's conditions have given way to those of the stored response.
            self.answer(head, Body::empty());
        }
        let status = Some(arrived.status);
        self.say(&read.caching, CacheStatus::Forwarded { why: arrived.why, status, stored: true, collapsed: false });
    }

    /// The body goes to its client and into the cache, each at its own pace.
    fn pour_into_cache(&mut self, read: &Read, storable: Storable, lead: Option<Lead>, flight: u128) {
        let lead = match storable.is_shareable() {
            true => {
                if lead.is_none() {
                    read.caching.flights.share(flight);
                }
                lead
            }
            false => {
                land(lead, Landing::Alone);
                None
            }
        };
        let (services, key) = (Arc::clone(&read.services), read.key);
        let cap = services.cache.entry_bytes();
        let room = read.caching.flights.filling(services.cache.part_bytes());
        let body = std::mem::take(&mut self.response_body);
        self.response_body = pour(body, cap, room, move |whole| match whole {
            Some(bytes) => {
                let stored = Arc::new(storable.with_body(bytes));
                services.cache.store(key, Arc::clone(&stored));
                land(lead, Landing::Stored(stored));
            }
            None => land(lead, Landing::Alone),
        });
    }

    /// Look at the response with what it answers.
    fn with_response<T>(&self, read: &Read, look: impl FnOnce(&Asked<'_>, &ResponseHead) -> T) -> Option<T> {
        let exchange = self.exchange()?;
        let asked = Asked {
            method: &read.method,
            headers: &exchange.request.headers,
            is_authorized: read.is_authorized,
            directives: &read.asked,
        };
        Some(look(&asked, exchange.response.as_ref()?))
    }
}

/// Tell those who wait, if anybody may.
fn land(lead: Option<Lead>, landing: Landing) {
    if let Some(lead) = lead {
        lead.land(landing);
    }
}
