//! Subscription keys: who may call which API, and in the context of which product (`apim.md` §3, Key resolution).
//!
//! Keys are kept as SHA-256 digests. One is found by the first half of its digest and compared by the whole of it in
//! constant time, so neither memory nor timing tells a key. What is done for a key that nobody has is what is done for
//! one of a subscription that isn't active.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tollgate_runtime::SubscriptionFacts;

/// What a subscription's keys open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyScope {
    /// The APIs of a product, by its number, in that product's context.
    Product(usize),
    /// One API, by its number.
    Api(usize),
    /// Every API.
    AllApis,
}

/// A subscription as admission knows it.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) facts: Arc<SubscriptionFacts>,
    pub(crate) scope: KeyScope,
    /// Only an active subscription admits.
    pub(crate) is_active: bool,
    /// From this moment on it admits nothing more: milliseconds since 1970.
    pub(crate) expires_unix_ms: Option<i64>,
}

/// The digest of a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyDigest([u8; 32]);

impl KeyDigest {
    pub(crate) fn of(key: &[u8]) -> KeyDigest {
        KeyDigest(Sha256::digest(key).into())
    }

    /// The half that keys are found by.
    pub(crate) fn index(&self) -> [u8; 16] {
        let mut index = [0; 16];
        index.copy_from_slice(&self.0[..16]);
        index
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key digest]")
    }
}

/// All keys of a plan.
#[derive(Debug)]
pub(crate) struct KeyTable {
    keys: HashMap<[u8; 16], (KeyDigest, Arc<Subscription>)>,
    /// Stands in for a subscription where there is none; it admits to nothing.
    nobody: (KeyDigest, Arc<Subscription>),
}

impl Default for KeyTable {
    fn default() -> KeyTable {
        let facts = Arc::new(SubscriptionFacts { id: String::new(), start_unix_ms: 0, owner: None });
        let nobody = Subscription { facts, scope: KeyScope::AllApis, is_active: false, expires_unix_ms: None };
        KeyTable { keys: HashMap::new(), nobody: (KeyDigest([0; 32]), Arc::new(nobody)) }
    }
}

impl KeyTable {
    /// Add a key. False if the same key is in use already.
    pub(crate) fn insert(&mut self, digest: KeyDigest, subscription: Arc<Subscription>) -> bool {
        self.keys.insert(digest.index(), (digest, subscription)).is_none()
    }

    /// The subscription that a key may be of, and whether it is.
    fn find(&self, presented: &KeyDigest) -> (&Arc<Subscription>, bool) {
        let (digest, subscription) = self.keys.get(&presented.index()).unwrap_or(&self.nobody);
        (subscription, digest.0.ct_eq(&presented.0).into())
    }
}

/// What admission must know of an API.
#[derive(Debug)]
pub(crate) struct Door {
    /// The API's number.
    pub(crate) api: usize,
    /// Whether a key is needed when no open product holds the API.
    pub(crate) subscription_required: bool,
    /// Numbers of the products that hold the API.
    pub(crate) products: Vec<usize>,
    /// The one among them that needs no subscription, if any.
    pub(crate) open_product: Option<usize>,
}

/// Who was let in, and how.
#[derive(Debug)]
pub(crate) struct Permit {
    /// The subscription, if a key was used.
    pub(crate) subscription: Option<Arc<SubscriptionFacts>>,
    /// The product in whose context the request runs.
    pub(crate) product: Option<usize>,
}

/// Why nobody was let in. Unknown keys and those of inactive subscriptions are answered alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A key is needed.
    KeyMissing,
    /// The key opens nothing here.
    KeyInvalid,
}

/// Let a request in, or not.
pub(crate) fn admit(
    keys: &KeyTable,
    door: &Door,
    key: Option<&KeyDigest>,
    now_unix_ms: impl FnOnce() -> i64,
) -> Result<Permit, Refusal> {
    let Some(key) = key else {
        return match (door.open_product, door.subscription_required) {
            (Some(product), _) => Ok(Permit { subscription: None, product: Some(product) }),
            (None, false) => Ok(Permit { subscription: None, product: None }),
            (None, true) => Err(Refusal::KeyMissing),
        };
    };
    let (subscription, is_its_key) = keys.find(key);
    let expired = subscription.expires_unix_ms.is_some_and(|end| now_unix_ms() >= end);
    let product = match subscription.scope {
        KeyScope::Product(product) if door.products.contains(&product) => Some(product),
        KeyScope::Api(api) if api == door.api => None,
        KeyScope::AllApis => None,
        KeyScope::Product(_) | KeyScope::Api(_) => return Err(Refusal::KeyInvalid),
    };
    if !is_its_key || !subscription.is_active || expired {
        return Err(Refusal::KeyInvalid);
    }
    Ok(Permit { subscription: Some(Arc::clone(&subscription.facts)), product })
}

/// The time now, for [`admit`].
pub(crate) fn unix_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> KeyTable {
        let mut table = KeyTable::default();
        for (key, scope, is_active, expires_unix_ms) in [
            ("product", KeyScope::Product(3), true, None),
            ("other-product", KeyScope::Product(4), true, None),
            ("api", KeyScope::Api(1), true, None),
            ("other-api", KeyScope::Api(2), true, None),
            ("all", KeyScope::AllApis, true, Some(1000)),
            ("suspended", KeyScope::Product(3), false, None),
        ] {
            let facts = Arc::new(SubscriptionFacts { id: key.into(), start_unix_ms: 0, owner: None });
            let subscription = Arc::new(Subscription { facts, scope, is_active, expires_unix_ms });
            assert!(table.insert(KeyDigest::of(key.as_bytes()), subscription));
        }
        table
    }

    fn door(subscription_required: bool, open_product: Option<usize>) -> Door {
        Door { api: 1, subscription_required, products: vec![3, 5], open_product }
    }

    fn product_of(door: &Door, key: Option<&str>, now: i64) -> Result<Option<usize>, Refusal> {
        let key = key.map(|key| KeyDigest::of(key.as_bytes()));
        admit(&table(), door, key.as_ref(), || now).map(|permit| permit.product)
    }

    #[test]
    fn a_key_opens_what_its_subscription_covers() {
        let door = door(true, None);
        assert_eq!(product_of(&door, Some("product"), 0), Ok(Some(3)));
        assert_eq!(product_of(&door, Some("api"), 0), Ok(None));
        assert_eq!(product_of(&door, Some("all"), 999), Ok(None));
        for key in ["other-product", "other-api", "suspended", "unknown", ""] {
            assert_eq!(product_of(&door, Some(key), 0), Err(Refusal::KeyInvalid), "{key}");
        }
        assert_eq!(product_of(&door, Some("all"), 1000), Err(Refusal::KeyInvalid));
    }

    #[test]
    fn without_a_key_an_open_product_goes_before_an_open_api() {
        assert_eq!(product_of(&door(true, None), None, 0), Err(Refusal::KeyMissing));
        assert_eq!(product_of(&door(false, None), None, 0), Ok(None));
        assert_eq!(product_of(&door(true, Some(5)), None, 0), Ok(Some(5)));
        assert_eq!(product_of(&door(false, Some(5)), None, 0), Ok(Some(5)));
    }

    #[test]
    fn an_invalid_key_is_refused_even_where_none_is_needed() {
        assert_eq!(product_of(&door(false, Some(5)), Some("unknown"), 0), Err(Refusal::KeyInvalid));
    }
}
