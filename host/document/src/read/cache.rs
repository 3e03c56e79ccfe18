//! `cache` of APIs and operations.

use std::sync::Arc;
use std::time::Duration;

use super::Reader;
use super::fields::Fields;
use super::settings::MAX_SECONDS;
use crate::settings::CacheSettings;
use crate::yaml::Node;

const KEYS: [&str; 8] = [
    "mode",
    "shared",
    "heuristics",
    "request-directives",
    "stale-while-revalidate",
    "stale-if-error",
    "collapse-timeout",
    "cache-status",
];

impl Reader<'_> {
    /// How responses are cached. What isn't said is as in the scope around it.
    pub(super) fn cache(&mut self, node: Option<&Arc<Node>>, around: Option<&CacheSettings>) -> Option<CacheSettings> {
        let Some(node) = node else { return around.cloned() };
        let fields = self.fields(node, "a mapping with keys such as `mode`", &KEYS);
        let is_on = fields.get("mode").and_then(|node| self.choice(node, &[("rfc9111", true), ("off", false)]));
        let mut cache = around.cloned().unwrap_or_default();
        cache.shared = self.flag(&fields, "shared", cache.shared);
        cache.heuristics = self.flag(&fields, "heuristics", cache.heuristics);
        cache.request_directives = self.flag(&fields, "request-directives", cache.request_directives);
        cache.cache_status = self.flag(&fields, "cache-status", cache.cache_status);
        self.set_cache_seconds(&fields, "stale-while-revalidate", &mut cache.stale_while_revalidate);
        self.set_cache_seconds(&fields, "stale-if-error", &mut cache.stale_if_error);
        self.set_cache_seconds(&fields, "collapse-timeout", &mut cache.collapse_timeout);
        // An operation that changes something of the cache wants one.
        is_on.unwrap_or(true).then_some(cache)
    }

    fn set_cache_seconds(&mut self, fields: &Fields<'_>, key: &str, value: &mut Duration) {
        if let Some(found) = fields.get(key).and_then(|node| self.seconds(node, true, MAX_SECONDS)) {
            *value = found;
        }
    }
}
