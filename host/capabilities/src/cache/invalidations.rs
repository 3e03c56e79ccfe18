//! Which resources have changed, and when (RFC 9111 §4.4).
//!
//! A resource's copies stand under many keys: one for each subscription and variant, in the cache or on their way into
//! it. So nothing is looked for when a resource changes; the moment is noted, and older copies are passed over.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Instant;

/// Resources that are told apart. Beyond, all of them count as changed, and the list begins anew.
const MAX_NOTED: usize = 1 << 16;

#[derive(Debug, Default)]
pub(super) struct Invalidations {
    /// So that gateways where nothing ever changes don't look.
    has_any: AtomicBool,
    noted: RwLock<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    /// Everything that was asked for until then counts as changed.
    all_until: Option<Instant>,
    by_uri: HashMap<u128, Instant>,
}

impl Invalidations {
    pub(super) fn add(&self, uri: u128, now: Instant) {
        let mut noted = self.noted.write().unwrap_or_else(PoisonError::into_inner);
        if noted.by_uri.len() >= MAX_NOTED && !noted.by_uri.contains_key(&uri) {
            noted.by_uri.clear();
            noted.all_until = Some(now);
        }
        noted.by_uri.insert(uri, now);
        drop(noted);
        self.has_any.store(true, Ordering::Release);
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.has_any.load(Ordering::Acquire)
    }

    /// Has the resource changed since something was asked for?
    pub(super) fn covers(&self, uri: u128, requested: Instant) -> bool {
        let noted = self.noted.read().unwrap_or_else(PoisonError::into_inner);
        let is_before = |moment: Option<Instant>| moment.is_some_and(|moment| requested <= moment);
        is_before(noted.all_until) || is_before(noted.by_uri.get(&uri).copied())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_asked_for_before_a_change_is_covered_and_nothing_else() {
        let invalidations = Invalidations::default();
        let now = Instant::now();
        assert!(invalidations.is_empty());
        invalidations.add(1, now);
        assert!(!invalidations.is_empty());
        assert!(invalidations.covers(1, now) && !invalidations.covers(2, now));
        assert!(!invalidations.covers(1, now + Duration::from_nanos(1)));
    }

    #[test]
    fn a_flood_of_changes_forgets_none_and_is_bounded() {
        let invalidations = Invalidations::default();
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        for uri in 0..=MAX_NOTED as u128 {
            invalidations.add(uri, later);
        }
        assert_eq!(invalidations.noted.read().unwrap().by_uri.len(), 1);
        assert!((0..=MAX_NOTED as u128 + 9).all(|uri| invalidations.covers(uri, now)));
        assert!(!invalidations.covers(0, later + Duration::from_secs(1)));
    }
}
