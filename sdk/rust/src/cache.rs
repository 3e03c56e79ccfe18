//! The gateway's cache: whole responses, whose bodies never pass through the policy, and small values.
//!
//! It may forget anything at any time, and no failure of the cache is worth failing a request for.
//! Needs the grant `cache`.

use crate::bindings::imports::tollgate::cache::cache as wit;
use crate::host::cache as host;
use crate::verdict::Verdict;

pub use wit::{CacheError, Outcome};

/// Look for a stored response to this request. After a hit, answer with `Reply::staged()`.
///
/// The key always holds API, scheme, authority, method and path; `vary` adds whatever else tells responses apart.
pub fn lookup(vary: &[String]) -> Result<Outcome, CacheError> {
    host::lookup(vary)
}

/// Keep this exchange's response, as it is at this moment, under the key that `lookup` missed.
pub fn store(ttl_ms: u64) -> Result<(), CacheError> {
    host::store(ttl_ms)
}

/// A value stored under `key` by the same component.
pub fn get(key: &str) -> Result<Option<Vec<u8>>, CacheError> {
    host::get(key)
}

/// Store a value. Others may see it a moment later. Key at most 1,024 bytes, value 64 KiB.
pub fn put(key: &str, value: &[u8], ttl_ms: u64) -> Result<(), CacheError> {
    host::put(key, value, ttl_ms)
}

/// Forget a value. Fine if there is none.
pub fn remove(key: &str) -> Result<(), CacheError> {
    host::remove(key)
}

impl From<CacheError> for Verdict {
    fn from(error: CacheError) -> Self {
        Verdict::Fail(format!("the cache failed: {error:?}"))
    }
}
