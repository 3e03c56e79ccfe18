//! What the cache holds: responses of statements, resources of whole APIs, and values; all of it bounded by bytes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use moka::ops::compute::Op;
use moka::sync::Cache;
use tollgate_caching::Stored;
use tollgate_core::message::ResponseHead;

use super::invalidations::Invalidations;
use super::resource::Resource;
use super::{Fill, StoredResponse};
use crate::digest::KeyHasher;

/// What an entry costs beside its bytes.
const ENTRY_BYTES: usize = 256;

/// The part of the cache that one resource may fill with its variants, and that is on its way into it.
const MAX_PART: u64 = 8;

/// Responses and values of all workers, bounded by bytes.
#[derive(Debug)]
pub struct CacheStore {
    responses: Cache<u128, Entry>,
    values: Cache<u128, StoredValue>,
    invalidations: Invalidations,
    hasher: KeyHasher,
    entry_bytes: usize,
    resource_bytes: usize,
}

/// What stands under a key of a response.
#[derive(Clone, Debug)]
enum Entry {
    /// Kept by a statement.
    Response(Arc<StoredResponse>),
    /// Kept by the rules of RFC 9111.
    Resource(Arc<Resource>),
}

#[derive(Clone, Debug)]
pub(super) struct StoredValue {
    pub(super) bytes: Arc<[u8]>,
    pub(super) stored_at: Instant,
    pub(super) ttl: Duration,
}

impl CacheStore {
    /// A cache of about `bytes` that stores no response larger than `entry_bytes`.
    pub fn new(bytes: u64, entry_bytes: usize) -> CacheStore {
        // Values get an eighth: they are few and small beside responses.
        let for_values = bytes / 8;
        let part = usize::try_from(bytes / MAX_PART).unwrap_or(usize::MAX);
        CacheStore {
            responses: Cache::builder()
                .max_capacity(bytes - for_values)
                .weigher(|_, entry: &Entry| match entry {
                    Entry::Response(stored) => weight(response_bytes(stored)),
                    Entry::Resource(resource) => weight(resource.weight()),
                })
                .build(),
            values: Cache::builder()
                .max_capacity(for_values)
                .weigher(|_, value: &StoredValue| weight(value.bytes.len()))
                .build(),
            invalidations: Invalidations::default(),
            hasher: KeyHasher::default(),
            entry_bytes,
            resource_bytes: part.max(entry_bytes),
        }
    }

    /// The largest body that is stored.
    pub fn entry_bytes(&self) -> usize {
        self.entry_bytes
    }

    /// Bytes of bodies that may be on their way into the cache at a time, and of the variants of one resource.
    pub fn part_bytes(&self) -> usize {
        self.resource_bytes
    }

    /// A key of these parts, which are told apart. What is kept under keys is of different kinds, so the first part
    /// says the kind.
    pub fn key<'a>(&self, parts: impl Iterator<Item = &'a [u8]> + Clone) -> u128 {
        self.hasher.digest(parts)
    }

    /// Bytes of responses, about: what was stored a moment ago may not be counted yet.
    pub fn bytes(&self) -> u64 {
        self.responses.weighted_size()
    }

    // === statements ===

    pub(super) fn find(&self, key: u128, request: &HeaderMap) -> Option<Arc<StoredResponse>> {
        let Entry::Response(stored) = self.responses.get(&key)? else { return None };
        if !stored.is_fresh() {
            self.responses.invalidate(&key);
            return None;
        }
        stored.fits(request).then_some(stored)
    }

    /// Keep a response whose body has arrived whole, for a statement.
    pub fn keep(&self, fill: Fill, head: ResponseHead, body: Bytes) {
        let key = fill.key;
        self.responses.insert(key, Entry::Response(Arc::new(fill.stored(head, body))));
    }

    pub(super) fn value(&self, key: u128) -> Option<StoredValue> {
        self.values.get(&key)
    }

    pub(super) fn put_value(&self, key: u128, value: StoredValue) {
        self.values.insert(key, value);
    }

    pub(super) fn remove_value(&self, key: u128) {
        self.values.invalidate(&key);
    }

    // === RFC 9111 ===

    /// The variants under a key.
    pub fn resource(&self, key: u128) -> Option<Arc<Resource>> {
        match self.responses.get(&key)? {
            Entry::Resource(resource) => Some(resource),
            Entry::Response(_) => None,
        }
    }

    /// Store a variant in place of the one that it replaces. Beyond 64, and beyond an eighth of the cache, the oldest go.
    pub fn store(&self, key: u128, stored: Arc<Stored>) {
        self.responses.entry(key).and_compute_with(|entry| {
            let before = entry.map(moka::Entry::into_value);
            let resource = match &before {
                Some(Entry::Resource(resource)) => resource.with(stored, self.resource_bytes),
                Some(Entry::Response(_)) | None => Resource::of(stored),
            };
            Op::Put(Entry::Resource(Arc::new(resource)))
        });
    }

    /// Forget a variant, if it is still there.
    pub fn forget(&self, key: u128, stored: &Arc<Stored>) {
        self.responses.entry(key).and_compute_with(|entry| match entry.map(moka::Entry::into_value) {
            Some(Entry::Resource(resource)) => match resource.without(stored) {
                Some(left) => Op::Put(Entry::Resource(Arc::new(left))),
                None => Op::Remove,
            },
            Some(Entry::Response(_)) | None => Op::Nop,
        });
    }

    /// The resource of this key has changed, whoever's copy it is: nothing that was asked for before now is used.
    pub fn invalidate(&self, uri: u128) {
        self.invalidations.add(uri, Instant::now());
    }

    /// Bytes of responses, once everything that was begun is done.
    #[cfg(test)]
    pub(super) fn response_bytes(&self) -> u64 {
        self.responses.run_pending_tasks();
        self.responses.weighted_size()
    }

    /// Has the resource stayed the same since this was asked for, as far as is known? `uri` is its key in
    /// [`CacheStore::invalidate`].
    pub fn is_current(&self, stored: &Stored, uri: impl FnOnce() -> u128) -> bool {
        self.invalidations.is_empty() || !self.invalidations.covers(uri(), stored.requested())
    }
}

fn weight(bytes: usize) -> u32 {
    u32::try_from(bytes.saturating_add(ENTRY_BYTES)).unwrap_or(u32::MAX)
}

fn response_bytes(stored: &StoredResponse) -> usize {
    let headers: usize = stored.head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 64).sum();
    stored.body.len() + headers
}
