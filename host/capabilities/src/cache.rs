//! `tollgate:cache/cache`: whole responses, whose bodies never pass through a guest, and small values.

/// What the cache holds.
mod store;

/// The variants of a resource.
mod resource;

/// What has changed.
mod invalidations;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};
use tollgate_bindings::cache::cache::{CacheError, Host, Outcome};
use tollgate_caching::directives::Qualified;
use tollgate_caching::key::canonical_authority;
use tollgate_caching::{ResponseDirectives, Vary};
use tollgate_core::edits::BackendChoice;
use tollgate_core::message::ResponseHead;
use wasmtime::Result;

use crate::clock::now;
use crate::exchange::Exchange;
use crate::session::Session;
use store::StoredValue;

pub use resource::Resource;
pub use store::CacheStore;

/// The longest key of a value, and the most bytes of `vary` parts.
const MAX_KEY_BYTES: usize = 1024;
const MAX_VARY_BYTES: usize = 16 << 10;

/// The largest value that is stored under a key.
const MAX_VALUE_BYTES: usize = 64 << 10;

/// The longest time that anything is kept: what `duration` allows and nobody outlives.
const MAX_TTL: Duration = Duration::from_secs(366 * 86_400);

/// A stored response.
#[derive(Debug)]
pub struct StoredResponse {
    /// As it was when it was stored.
    pub head: ResponseHead,
    /// The whole body.
    pub body: Bytes,
    /// Which statement stored it: outbound statements behind that one still run on a hit.
    pub stored_by: Arc<str>,
    stored_at: Instant,
    ttl: Duration,
    /// What the response's own `vary` names, and what the request held there.
    vary: Vec<(HeaderName, Vec<HeaderValue>)>,
}

impl StoredResponse {
    fn is_fresh(&self) -> bool {
        self.stored_at.elapsed() < self.ttl
    }

    fn fits(&self, request: &HeaderMap) -> bool {
        self.vary.iter().all(|(name, values)| request.get_all(name).iter().eq(values.iter()))
    }

    /// Seconds since it was stored, for `age` (RFC 9111 §5.1).
    pub fn age_seconds(&self) -> u64 {
        self.stored_at.elapsed().as_secs()
    }
}

/// What the cache knows of an exchange.
#[derive(Debug, Default)]
pub struct CacheTurn {
    /// The key that a lookup missed.
    missed: Option<u128>,
    /// The request has a body, which no key holds: it is neither looked up nor stored (`reliability.md` §2.6, row 54).
    pub has_body: bool,
    /// The client sent an `Authorization`, whatever statements have made of it since.
    pub is_authorized: bool,
    /// For the access log: what the last lookup said.
    pub looked_up: Option<LookedUp>,
}

/// What a lookup said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookedUp {
    /// A stored response was used.
    Hit,
    /// None fitted.
    Miss,
}

/// What one call asked of the cache, done only if the call ends well.
#[derive(Debug, Default)]
pub struct CacheEffects {
    /// A stored response that was put ready for `respond(staged)`.
    pub hit: Option<Arc<StoredResponse>>,
    /// The response at hand is to be stored.
    pub fill: Option<Fill>,
}

/// The wish to store a response.
#[derive(Debug)]
pub struct Fill {
    key: u128,
    ttl: Duration,
    stored_by: Arc<str>,
    vary: Vec<(HeaderName, Vec<HeaderValue>)>,
}

impl Fill {
    fn stored(self, head: ResponseHead, body: Bytes) -> StoredResponse {
        let Fill { ttl, stored_by, vary, .. } = self;
        StoredResponse { head, body, stored_by, stored_at: now(), ttl, vary }
    }
}

/// May a shared cache keep this response (RFC 9111 §3)? For how long is the statement's to say. Ranges and partial
/// responses are left to the origin.
fn is_storable(head: &ResponseHead) -> bool {
    let directives = ResponseDirectives::of_cache_control(&head.headers);
    head.status != StatusCode::PARTIAL_CONTENT
        && head.status != StatusCode::NOT_MODIFIED
        && !head.headers.contains_key(header::CONTENT_RANGE)
        && !head.headers.contains_key(header::SET_COOKIE)
        && !directives.no_store
        && directives.private == Qualified::Absent
}

/// What the request held in the fields that the response's `vary` names; `None` for `vary: *`.
fn vary_of(exchange: &Exchange, head: &ResponseHead) -> Option<Vec<(HeaderName, Vec<HeaderValue>)>> {
    let vary = Vary::of(&head.headers)?;
    let held = |name: &HeaderName| exchange.request.headers.get_all(name).iter().cloned().collect();
    Some(vary.names().iter().map(|name| (name.clone(), held(name))).collect())
}

impl Session {
    fn response_key(&self, vary: &[String]) -> Result<u128> {
        let exchange = self.exchange()?;
        let request = &exchange.request;
        let (id, url) = match &exchange.backend {
            None => ("", None),
            Some(BackendChoice::Id(id)) => (id.as_str(), None),
            Some(BackendChoice::Url(url)) => ("", Some(url.to_string())),
        };
        let authority = canonical_authority(request.scheme, &request.authority);
        let base = [
            b"response".as_slice(),
            exchange.facts.route.api.as_bytes(),
            request.scheme.as_str().as_bytes(),
            authority.as_bytes(),
            request.method.as_str().as_bytes(),
            request.target.path().as_bytes(),
            id.as_bytes(),
            url.as_deref().unwrap_or_default().as_bytes(),
        ];
        let parts = base.into_iter().chain(vary.iter().map(String::as_bytes));
        Ok(self.services.cache.key(parts))
    }

    fn value_key(&self, key: &str) -> Result<u128> {
        let namespace = self.identity()?.value_namespace();
        Ok(self.services.cache.key([b"value".as_slice(), namespace.as_bytes(), key.as_bytes()].into_iter()))
    }
}

impl Host for Session {
    fn lookup(&mut self, vary: Vec<String>) -> Result<std::result::Result<Outcome, CacheError>> {
        self.enter()?;
        if vary.iter().map(String::len).sum::<usize>() > MAX_VARY_BYTES {
            return Ok(Err(CacheError::TooLarge));
        }
        if self.exchange()?.cache.has_body {
            return Ok(Ok(Outcome::Miss));
        }
        let key = self.response_key(&vary)?;
        let found = self.services.cache.find(key, &self.exchange()?.request.headers);
        let turn = &mut self.exchange_mut()?.cache;
        if let Some(stored) = found {
            turn.looked_up = Some(LookedUp::Hit);
            self.effects.cache.hit = Some(stored);
            return Ok(Ok(Outcome::Hit));
        }
        turn.looked_up = Some(LookedUp::Miss);
        turn.missed = Some(key);
        Ok(Ok(Outcome::Miss))
    }

    fn store(&mut self, ttl_ms: u64) -> Result<std::result::Result<(), CacheError>> {
        self.enter()?;
        let exchange = self.exchange()?;
        let Some(key) = exchange.cache.missed else {
            return Ok(Err(CacheError::NoLookup));
        };
        let Some(head) = &exchange.response else {
            return Ok(Err(CacheError::NotStorable));
        };
        let Some(vary) = vary_of(exchange, head).filter(|_| is_storable(head)) else {
            return Ok(Err(CacheError::NotStorable));
        };
        let ttl = Duration::from_millis(ttl_ms).min(MAX_TTL);
        let stored_by = Arc::clone(&self.identity()?.key);
        self.effects.cache.fill = Some(Fill { key, ttl, stored_by, vary });
        Ok(Ok(()))
    }

    fn get(&mut self, key: String) -> Result<std::result::Result<Option<Vec<u8>>, CacheError>> {
        self.enter()?;
        if key.len() > MAX_KEY_BYTES {
            return Ok(Err(CacheError::TooLarge));
        }
        let found = self.services.cache.value(self.value_key(&key)?);
        let fresh = found.filter(|value| now().saturating_duration_since(value.stored_at) < value.ttl);
        Ok(Ok(fresh.map(|value| value.bytes.to_vec())))
    }

    fn put(&mut self, key: String, value: Vec<u8>, ttl_ms: u64) -> Result<std::result::Result<(), CacheError>> {
        self.enter()?;
        if key.len() > MAX_KEY_BYTES || value.len() > MAX_VALUE_BYTES {
            return Ok(Err(CacheError::TooLarge));
        }
        let ttl = Duration::from_millis(ttl_ms).min(MAX_TTL);
        let stored = StoredValue { bytes: value.into(), stored_at: now(), ttl };
        self.services.cache.put_value(self.value_key(&key)?, stored);
        Ok(Ok(()))
    }

    fn remove(&mut self, key: String) -> Result<std::result::Result<(), CacheError>> {
        self.enter()?;
        self.services.cache.remove_value(self.value_key(&key)?);
        Ok(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(fields: &[(&'static str, &'static str)]) -> ResponseHead {
        let mut head = ResponseHead::new(StatusCode::OK);
        for (name, value) in fields {
            head.headers.append(*name, HeaderValue::from_static(value));
        }
        head
    }

    #[test]
    fn what_a_shared_cache_must_not_keep_is_not_storable() {
        assert!(is_storable(&head(&[("cache-control", "max-age=5, public")])));
        assert!(is_storable(&head(&[("cache-control", "x-private-thing")])));
        for value in ["no-store", "max-age=5, No-Store", "private", "PRIVATE=\"set-cookie\"", "a , private"] {
            assert!(!is_storable(&head(&[("cache-control", value)])), "{value}");
        }
        assert!(!is_storable(&head(&[("set-cookie", "a=b")])));
        let mut partial = head(&[]);
        partial.status = StatusCode::PARTIAL_CONTENT;
        assert!(!is_storable(&partial));
    }

    #[test]
    fn an_entry_ends_with_its_time_and_fits_only_what_it_varies_on() {
        let store = CacheStore::new(1 << 20, 1 << 10);
        let name = HeaderName::from_static("accept");
        let fill = |ttl| Fill {
            key: 7,
            ttl,
            stored_by: "".into(),
            vary: vec![(name.clone(), vec![HeaderValue::from_static("a")])],
        };
        let mut request = HeaderMap::new();
        request.insert("accept", HeaderValue::from_static("a"));
        store.keep(fill(Duration::from_secs(60)), head(&[]), Bytes::from_static(b"x"));
        assert!(store.find(7, &request).is_some());
        assert!(store.find(8, &request).is_none());
        assert!(store.find(7, &HeaderMap::new()).is_none());
        store.keep(fill(Duration::ZERO), head(&[]), Bytes::from_static(b"x"));
        assert!(store.find(7, &request).is_none());
    }
}
