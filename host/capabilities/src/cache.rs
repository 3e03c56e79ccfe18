//! `tollgate:cache/cache`: whole responses, whose bodies never pass through a guest, and small values.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};
use moka::sync::Cache;
use tollgate_bindings::cache::cache::{CacheError, Host, Outcome};
use tollgate_core::message::ResponseHead;
use wasmtime::Result;

use crate::digest::KeyHasher;
use crate::exchange::Exchange;
use crate::session::Session;

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
    pub stored_by: String,
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

#[derive(Clone, Debug)]
struct StoredValue {
    bytes: Arc<[u8]>,
    stored_at: Instant,
    ttl: Duration,
}

/// Responses and values of all workers, bounded by bytes.
#[derive(Debug)]
pub struct CacheStore {
    responses: Cache<u128, Arc<StoredResponse>>,
    values: Cache<u128, StoredValue>,
    hasher: KeyHasher,
    entry_bytes: usize,
}

/// What an entry costs beside its bytes.
const ENTRY_BYTES: usize = 256;

impl CacheStore {
    /// A cache of about `bytes` that stores no response larger than `entry_bytes`.
    pub fn new(bytes: u64, entry_bytes: usize) -> CacheStore {
        // Values get an eighth: they are few and small beside responses.
        let for_values = bytes / 8;
        CacheStore {
            responses: Cache::builder()
                .max_capacity(bytes - for_values)
                .weigher(|_, stored: &Arc<StoredResponse>| weight(response_bytes(stored)))
                .build(),
            values: Cache::builder()
                .max_capacity(for_values)
                .weigher(|_, value: &StoredValue| weight(value.bytes.len()))
                .build(),
            hasher: KeyHasher::default(),
            entry_bytes,
        }
    }

    /// The largest body that is stored.
    pub fn entry_bytes(&self) -> usize {
        self.entry_bytes
    }

    fn find(&self, key: u128, request: &HeaderMap) -> Option<Arc<StoredResponse>> {
        let stored = self.responses.get(&key)?;
        if !stored.is_fresh() {
            self.responses.invalidate(&key);
            return None;
        }
        stored.fits(request).then_some(stored)
    }

    /// Keep a response whose body has arrived whole.
    pub fn keep(&self, fill: Fill, head: ResponseHead, body: Bytes) {
        let stored = StoredResponse {
            head,
            body,
            stored_by: fill.stored_by,
            stored_at: Instant::now(),
            ttl: fill.ttl,
            vary: fill.vary,
        };
        self.responses.insert(fill.key, Arc::new(stored));
    }
}

fn weight(bytes: usize) -> u32 {
    u32::try_from(bytes.saturating_add(ENTRY_BYTES)).unwrap_or(u32::MAX)
}

fn response_bytes(stored: &StoredResponse) -> usize {
    let headers: usize = stored.head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 64).sum();
    stored.body.len() + headers
}

/// What the cache knows of an exchange.
#[derive(Debug, Default)]
pub struct CacheTurn {
    /// The key that a lookup missed.
    missed: Option<u128>,
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
    stored_by: String,
    vary: Vec<(HeaderName, Vec<HeaderValue>)>,
}

/// May a shared cache keep this response (RFC 9111 §3)? Ranges and partial responses are left to the origin.
fn is_storable(head: &ResponseHead) -> bool {
    let forbidden = |directive: &str| {
        let name = directive.split('=').next().unwrap_or_default().trim();
        name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("private")
    };
    let cache_control = head.headers.get_all(header::CACHE_CONTROL);
    head.status != StatusCode::PARTIAL_CONTENT
        && head.status != StatusCode::NOT_MODIFIED
        && !head.headers.contains_key(header::SET_COOKIE)
        && !cache_control.iter().any(|value| match value.to_str() {
            Ok(text) => text.split(',').any(forbidden),
            Err(_) => true,
        })
}

/// What the request held in the fields that the response's `vary` names; `None` for `vary: *`.
fn vary_of(exchange: &Exchange, head: &ResponseHead) -> Option<Vec<(HeaderName, Vec<HeaderValue>)>> {
    let mut vary = Vec::new();
    for value in head.headers.get_all(header::VARY) {
        for name in value.to_str().ok()?.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            // `*` is no header name, so it ends here too.
            let name = HeaderName::from_bytes(name.as_bytes()).ok().filter(|name| name.as_str() != "*")?;
            let held = exchange.request.headers.get_all(&name).iter().cloned().collect();
            vary.push((name, held));
        }
    }
    Some(vary)
}

impl Session {
    fn response_key(&self, vary: &[String]) -> Result<u128> {
        let exchange = self.exchange()?;
        let request = &exchange.request;
        let base = [
            exchange.facts.route.api.as_bytes(),
            request.scheme.as_str().as_bytes(),
            request.authority.as_bytes(),
            request.method.as_str().as_bytes(),
            request.target.path().as_bytes(),
        ];
        let parts = base.into_iter().chain(vary.iter().map(String::as_bytes));
        Ok(self.services.cache.hasher.digest(parts))
    }

    fn value_key(&self, key: &str) -> Result<u128> {
        let namespace = self.identity()?.value_namespace();
        Ok(self.services.cache.hasher.digest([namespace.as_bytes(), key.as_bytes()].into_iter()))
    }
}

impl Host for Session {
    fn lookup(&mut self, vary: Vec<String>) -> Result<std::result::Result<Outcome, CacheError>> {
        self.enter()?;
        if vary.iter().map(String::len).sum::<usize>() > MAX_VARY_BYTES {
            return Ok(Err(CacheError::TooLarge));
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
        let stored_by = self.identity()?.key.clone();
        self.effects.cache.fill = Some(Fill { key, ttl, stored_by, vary });
        Ok(Ok(()))
    }

    fn get(&mut self, key: String) -> Result<std::result::Result<Option<Vec<u8>>, CacheError>> {
        self.enter()?;
        if key.len() > MAX_KEY_BYTES {
            return Ok(Err(CacheError::TooLarge));
        }
        let found = self.services.cache.values.get(&self.value_key(&key)?);
        let fresh = found.filter(|value| value.stored_at.elapsed() < value.ttl);
        Ok(Ok(fresh.map(|value| value.bytes.to_vec())))
    }

    fn put(&mut self, key: String, value: Vec<u8>, ttl_ms: u64) -> Result<std::result::Result<(), CacheError>> {
        self.enter()?;
        if key.len() > MAX_KEY_BYTES || value.len() > MAX_VALUE_BYTES {
            return Ok(Err(CacheError::TooLarge));
        }
        let ttl = Duration::from_millis(ttl_ms).min(MAX_TTL);
        let stored = StoredValue { bytes: value.into(), stored_at: Instant::now(), ttl };
        self.services.cache.values.insert(self.value_key(&key)?, stored);
        Ok(Ok(()))
    }

    fn remove(&mut self, key: String) -> Result<std::result::Result<(), CacheError>> {
        self.enter()?;
        self.services.cache.values.invalidate(&self.value_key(&key)?);
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
            stored_by: String::new(),
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
