//! The stored variants of a resource.

use std::sync::Arc;

use http::HeaderMap;
use smallvec::SmallVec;
use tollgate_caching::{Stored, Vary};

/// Variants of one resource (`reliability.md` §2.6, row 56).
const MAX_VARIANTS: usize = 64;

/// The stored variants of a resource, the newest first; at least one.
#[derive(Clone, Debug)]
pub struct Resource {
    variants: SmallVec<[Arc<Stored>; 1]>,
}

impl Resource {
    pub(super) fn of(stored: Arc<Stored>) -> Resource {
        Resource { variants: SmallVec::from_buf([stored]) }
    }

    /// The newest variant that answers a request with these fields (RFC 9111 §4.1).
    pub fn select(&self, request: &HeaderMap) -> Option<&Arc<Stored>> {
        self.variants.iter().find(|stored| stored.fits(request))
    }

    /// What the newest variant varies by, and so most likely the next one.
    pub fn vary(&self) -> Option<&Vary> {
        self.variants.first().map(|stored| stored.vary())
    }

    /// With another variant in place of the one that it replaces, and with no more than `bytes` in all.
    pub(super) fn with(&self, stored: Arc<Stored>, bytes: usize) -> Resource {
        let mut left = bytes.saturating_sub(stored.weight());
        let others = self.variants.iter().filter(|other| !stored.replaces(other)).take(MAX_VARIANTS - 1);
        let kept: SmallVec<[_; 1]> = others
            .take_while(|other| match left.checked_sub(other.weight()) {
                Some(rest) => {
                    left = rest;
                    true
                }
                None => false,
            })
            .cloned()
            .collect();
        let mut variants = SmallVec::with_capacity(kept.len() + 1);
        variants.push(stored);
        variants.extend(kept);
        Resource { variants }
    }

    /// Without a variant; none if nothing is left.
    pub(super) fn without(&self, gone: &Arc<Stored>) -> Option<Resource> {
        let variants: SmallVec<_> = self.variants.iter().filter(|stored| !Arc::ptr_eq(stored, gone)).cloned().collect();
        (!variants.is_empty()).then_some(Resource { variants })
    }

    pub(super) fn weight(&self) -> usize {
        self.variants.iter().map(|stored| stored.weight()).sum()
    }

    /// How many there are.
    pub fn variants(&self) -> usize {
        self.variants.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Instant, SystemTime};

    use bytes::Bytes;
    use http::{HeaderName, HeaderValue, Method, StatusCode};
    use tollgate_caching::{Asked, RequestDirectives, Rules, Storable, Timing};
    use tollgate_core::message::ResponseHead;

    use super::super::CacheStore;
    use super::*;

    fn request(accept: &str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static("accept"), accept.parse().unwrap())])
    }

    fn variant(accept: &str, body: impl Into<Bytes>) -> Arc<Stored> {
        let now = Instant::now();
        let timing = Timing { requested: now, received: now, received_at: SystemTime::now() };
        let mut head = ResponseHead::new(StatusCode::OK);
        head.headers.insert("cache-control", HeaderValue::from_static("max-age=60"));
        head.headers.insert("vary", HeaderValue::from_static("accept"));
        let (headers, directives) = (request(accept), RequestDirectives::default());
        let asked = Asked { method: &Method::GET, headers: &headers, is_authorized: false, directives: &directives };
        Arc::new(Storable::of(&asked, &head, &timing, &Rules::default()).unwrap().with_body(body.into()))
    }

    #[test]
    fn a_variant_takes_the_place_of_its_own_kind_only() {
        let store = CacheStore::new(8 << 20, 1 << 20);
        for (accept, body) in [("a", "1"), ("b", "2"), ("a", "3")] {
            store.store(7, variant(accept, body));
        }
        let resource = store.resource(7).unwrap();
        let body = |accept: &str| resource.select(&request(accept)).map(|stored| stored.body().clone());
        assert_eq!(
            (resource.variants(), body("a"), body("b"), body("c")),
            (2, Some("3".into()), Some("2".into()), None)
        );
        assert!(store.resource(8).is_none());
        let gone = Arc::clone(resource.select(&request("a")).unwrap());
        store.forget(7, &gone);
        store.forget(7, &gone);
        assert_eq!(store.resource(7).unwrap().variants(), 1);
        let last = Arc::clone(resource.select(&request("b")).unwrap());
        store.forget(7, &last);
        assert!(store.resource(7).is_none());
    }

    #[test]
    fn variants_are_capped_in_number_and_bytes_and_the_oldest_go() {
        let store = CacheStore::new(8 << 20, 1 << 20);
        for number in 0..200 {
            store.store(7, variant(&number.to_string(), "x"));
        }
        let resource = store.resource(7).unwrap();
        assert_eq!(resource.variants(), MAX_VARIANTS);
        assert!(resource.select(&request("199")).is_some() && resource.select(&request("100")).is_none());
        for number in 0..10 {
            store.store(8, variant(&number.to_string(), vec![0; 300 << 10]));
        }
        let resource = store.resource(8).unwrap();
        assert_eq!(resource.variants(), 3, "three of 300 KiB fit into an eighth of 8 MiB");
        assert!(resource.select(&request("9")).is_some());
    }

    #[test]
    fn the_whole_cache_is_bounded_by_bytes() {
        let store = CacheStore::new(1 << 20, 64 << 10);
        for number in 0..1000_u128 {
            store.store(number, variant("a", vec![0; 32 << 10]));
        }
        assert!(store.response_bytes() <= 1 << 20, "{}", store.response_bytes());
    }

    #[test]
    fn nothing_asked_for_before_a_change_is_current() {
        let store = CacheStore::new(1 << 20, 64 << 10);
        let before = variant("a", "x");
        assert!(store.is_current(&before, || unreachable!("nothing has changed yet")));
        store.invalidate(1);
        assert!(!store.is_current(&before, || 1) && store.is_current(&before, || 2));
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(store.is_current(&variant("a", "x"), || 1));
    }
}
