//! The plan: everything a request needs to know, resolved once, immutable, swapped whole.

/// Documents become plans.
mod build;

/// Built-in and custom components, admitted once and kept across reloads.
mod components;

/// Scopes become chains: `base` is spliced in, once, and not per request.
mod flatten;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::PathAndQuery;
use ipnet::IpNet;
use tollgate_runtime::{RouteFacts, Statement};

use crate::admit::{Door, KeyTable};
use crate::route::{ApiTable, OperationTable};
use crate::upstream::{Origin, Timeouts};

pub use build::PlanBuilder;
pub use components::BuiltIn;

/// What is served.
pub struct Plan {
    pub(crate) api_table: ApiTable,
    pub(crate) apis: Vec<Api>,
    pub(crate) keys: KeyTable,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) request_body_bytes: u64,
    /// Every statement once, for metrics.
    pub(crate) statements: Vec<Arc<Statement>>,
    /// Counts plans, so that a log line tells which one served a request.
    pub(crate) generation: u64,
}

impl Plan {
    /// How many APIs are served.
    pub fn apis(&self) -> usize {
        self.apis.len()
    }

    /// How many statements there are, each counted once.
    pub fn statements(&self) -> usize {
        self.statements.len()
    }
}

/// An API of a plan.
pub(crate) struct Api {
    pub(crate) path: String,
    pub(crate) door: Door,
    pub(crate) key_names: KeyNames,
    pub(crate) origin: Origin,
    /// Put before every path: empty, or with a slash before it and none behind it.
    pub(crate) origin_base: String,
    pub(crate) timeouts: Timeouts,
    /// For the whole exchange up to the response's head.
    pub(crate) total_timeout: Option<Duration>,
    /// None: the API has no operations and passes every method and path.
    pub(crate) operations: Option<OperationTable>,
    /// Chains by operation number (0 in an API without operations) and product context.
    pub(crate) chains: Vec<ByProduct>,
}

impl Api {
    /// The target at the origin: the origin's base, then what stands behind the API's own path. A target that a policy
    /// has rewritten is relative to the API already.
    pub(crate) fn uri(&self, target: &PathAndQuery, is_rewritten: bool) -> Option<Uri> {
        origin_target(&self.path, &self.origin_base, target, is_rewritten).map(Uri::from)
    }
}

fn origin_target(path: &str, base: &str, target: &PathAndQuery, is_rewritten: bool) -> Option<PathAndQuery> {
    let is_relative = path.is_empty() || is_rewritten;
    if base.is_empty() && is_relative {
        return Some(target.clone());
    }
    let whole = target.as_str();
    let rest = if is_relative { whole } else { whole.get(1 + path.len()..)? };
    let slash = if base.is_empty() && !rest.starts_with('/') { "/" } else { "" };
    PathAndQuery::try_from(format!("{base}{slash}{rest}")).ok()
}

/// Where an API looks for a key.
#[derive(Clone, Debug)]
pub(crate) struct KeyNames {
    /// Lower-case.
    pub(crate) header: http::HeaderName,
    /// As the operator wrote it, for `WWW-Authenticate`.
    pub(crate) header_as_written: String,
    pub(crate) query: String,
}

/// The chains of one operation.
pub(crate) struct ByProduct {
    pub(crate) without: Arc<Chain>,
    pub(crate) within: HashMap<usize, Arc<Chain>>,
}

impl ByProduct {
    /// The chain for a product context. Admission hands out only products that hold the API.
    pub(crate) fn chain(&self, product: Option<usize>) -> &Arc<Chain> {
        product.and_then(|product| self.within.get(&product)).unwrap_or(&self.without)
    }
}

/// What runs for one operation in one product context, in order.
pub(crate) struct Chain {
    pub(crate) facts: Arc<RouteFacts>,
    pub(crate) inbound: Vec<Arc<Statement>>,
    pub(crate) outbound: Vec<Arc<Statement>>,
    pub(crate) on_error: Vec<Arc<Statement>>,
    /// None: nothing is forwarded, and outbound runs right after inbound.
    pub(crate) forward: Option<Forward>,
}

/// What `forward-request` says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Forward {
    /// In place of the API's time-out for response headers.
    pub(crate) timeout: Option<Duration>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_sees_what_stands_behind_the_apis_path() {
        for (path, base, target, expected) in [
            ("orders", "", "/orders/7?a=1", "/7?a=1"),
            ("orders", "", "/orders", "/"),
            ("orders", "", "/orders?a=1", "/?a=1"),
            ("orders", "/v1", "/orders", "/v1"),
            ("orders", "/v1", "/orders/", "/v1/"),
            ("orders", "/v1", "/orders/7", "/v1/7"),
            ("a/b", "/v1", "/a/b/c?x", "/v1/c?x"),
            ("", "", "/x", "/x"),
            ("", "/v1", "/x", "/v1/x"),
        ] {
            let target = PathAndQuery::from_static(target);
            assert_eq!(origin_target(path, base, &target, false).unwrap(), expected, "{path} {base} {target}");
        }
        let rewritten = PathAndQuery::from_static("/orders/8");
        assert_eq!(origin_target("orders", "/v1", &rewritten, true).unwrap(), "/v1/orders/8");
    }
}
