//! The plan: everything a request needs to know, resolved once, immutable, swapped whole.

/// Documents become plans.
mod build;

/// Built-in and custom components, admitted once and kept across reloads.
mod components;

/// Scopes become chains: `base` is spliced in, once, and not per request.
mod flatten;

/// What chains are made of.
mod step;

/// Entries become steps.
mod steps;

/// Where statements may stand.
mod standing;

/// What statements refer to.
mod references;

/// Which parameters of URL templates there are.
mod parameters;

/// What statements may call.
mod granted;

/// What components may read.
mod directories;

/// What is wrong with configurations.
mod problems;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::uri::PathAndQuery;
use ipnet::IpNet;
use tollgate_core::edits::BackendChoice;
use tollgate_core::place::Section;
use tollgate_document::Underscores;
use tollgate_runtime::{Exchange, RouteFacts, Secrets, Statement};

use crate::admit::{Door, KeyTable};
use crate::balance::Backend;
use crate::body::trailers::TrailerNames;
use crate::cache::Caching;
use crate::certificates::Certificates;
use crate::hop::Via;
use crate::respond::{OriginFault, Rejection};
use crate::route::{ApiTable, OperationTable, Parameters};
use crate::upstream::{Origin, Target, Timeouts};

pub(crate) use step::{Call, Choose, Forward, LimitConcurrency, Own, Retry, SetVariable, Step, Wait};

pub use build::PlanBuilder;
pub use components::BuiltIn;

/// What is served.
pub struct Plan {
    pub(crate) api_table: ApiTable,
    pub(crate) apis: Vec<Api>,
    /// The global scope's on-error section, for requests that no API takes; none if it is empty.
    pub(crate) nowhere: Option<Arc<Chain>>,
    pub(crate) keys: KeyTable,
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// What TLS clients are served with.
    pub(crate) certificates: Option<Arc<Certificates>>,
    /// What becomes of header names with underscores.
    pub(crate) underscores: Underscores,
    /// What may stand behind bodies.
    pub(crate) trailers: Arc<TrailerNames>,
    pub(crate) request_body_bytes: u64,
    /// How many bits of an IPv6 address tell one client from another.
    pub(crate) client_ipv6_prefix: u8,
    /// How many keys one source may try out within a minute; 0 for no limit.
    pub(crate) key_guesses: u64,
    /// Every statement once, for metrics.
    pub(crate) statements: Vec<Arc<Statement>>,
    /// What no trace may hold.
    pub(crate) secrets: Secrets,
    /// Counts plans, so that a log line tells which one served a request.
    pub(crate) generation: u64,
}

impl Plan {
    /// The API that a normalised path leads to, and what stands behind the API's own path.
    pub(crate) fn api<'t>(&self, path: &'t str) -> Option<(&Api, &'t str)> {
        let (number, rest) = self.api_table.find(path)?;
        Some((self.apis.get(number)?, rest))
    }

    /// How many APIs are served.
    pub fn apis(&self) -> usize {
        self.apis.len()
    }

    /// How many statements there are, each counted once.
    pub fn statements(&self) -> usize {
        self.statements.len()
    }

    /// The first statement that is called so.
    pub fn statement(&self, name: &str) -> Option<&Arc<Statement>> {
        self.statements.iter().find(|statement| statement.identity.name == name)
    }
}

/// An API of a plan.
pub(crate) struct Api {
    pub(crate) path: String,
    pub(crate) door: Door,
    pub(crate) key_names: KeyNames,
    /// Methods that its operations name and that are in no registry.
    pub(crate) own_methods: Vec<Method>,
    /// Protocols that a connection may be upgraded to, in lower case.
    pub(crate) upgrades: Vec<String>,
    /// For the whole exchange, the origin's body included.
    pub(crate) total_timeout: Option<Duration>,
    /// None: the API has no operations and passes every method and path.
    pub(crate) operations: Option<OperationTable>,
    /// Chains by operation number (0 in an API without operations) and product context.
    pub(crate) chains: Vec<ByProduct>,
    /// For requests that none of its operations takes.
    pub(crate) nowhere: Arc<Chain>,
}

impl Api {
    /// The chains of the operation that takes a method and what stands behind the API's path, and what its template finds there.
    pub(crate) fn operation(&self, method: &Method, rest: &str) -> Option<(&ByProduct, Parameters)> {
        let (number, parameters) = match &self.operations {
            Some(table) => table.find(method, rest)?,
            None => (0, Parameters::new()),
        };
        Some((self.chains.get(number)?, parameters))
    }
}

/// Where an API's requests go, and how.
pub(crate) struct Forwarding {
    /// The API's public path.
    pub(crate) path: String,
    pub(crate) backend: Arc<Backend>,
    /// The document's `backends` by their ids.
    pub(crate) backends: Arc<HashMap<String, Arc<Backend>>>,
    pub(crate) timeouts: Timeouts,
    /// What may stand behind bodies.
    pub(crate) trailers: Arc<TrailerNames>,
    /// How the gateway names itself to origins.
    pub(crate) via: Option<Via>,
}

impl Forwarding {
    /// Where an exchange's request goes.
    pub(crate) fn backend(&self, exchange: &Exchange) -> Result<Arc<Backend>, Rejection> {
        match &exchange.backend {
            None => Ok(Arc::clone(&self.backend)),
            Some(BackendChoice::Id(id)) => Ok(Arc::clone(self.backends.get(id).unwrap_or(&self.backend))),
            Some(BackendChoice::Url(url)) => {
                let origin = Origin::of(url, None).map_err(|_| Rejection::OriginFailed(OriginFault::DnsError))?;
                Ok(Backend::single(Target { origin, base: url.base.clone() }))
            }
        }
    }

    /// Path and query at the origin: the origin's base, then what stands behind the API's own path. A target that a
    /// policy has rewritten is relative to the API already.
    pub(crate) fn path_at_origin(
        &self,
        target: &Target,
        path: &PathAndQuery,
        is_rewritten: bool,
    ) -> Option<PathAndQuery> {
        origin_target(&self.path, &target.base, path, is_rewritten)
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
    pub(crate) sections: [Vec<Step>; Section::ALL.len()],
    pub(crate) forwarding: Arc<Forwarding>,
    /// None: nothing stands between it and the origin.
    pub(crate) caching: Option<Arc<Caching>>,
    /// Something behind the forwarding reads the request's body.
    pub(crate) keeps_request_body: bool,
    /// Something behind the forwarding sees the request at all, or it may be sent again.
    pub(crate) reads_request_later: bool,
}

impl Chain {
    pub(crate) fn new(facts: Arc<RouteFacts>, forwarding: Arc<Forwarding>, sections: [Vec<Step>; 4]) -> Chain {
        let [_, backend, outbound, on_error] = &sections;
        let later = || backend.iter().chain(outbound).chain(on_error);
        let only_forwards = matches!(backend.as_slice(), [] | [Step::Forward(_)]);
        Chain {
            keeps_request_body: later().any(|step| step.needs().request_body),
            reads_request_later: !(only_forwards && outbound.is_empty() && on_error.is_empty()),
            facts,
            sections,
            forwarding,
            caching: None,
        }
    }

    /// With a cache before the origin, which looks at the request once more when there is a response.
    pub(crate) fn with_caching(mut self, caching: Option<Arc<Caching>>) -> Chain {
        self.reads_request_later |= caching.is_some();
        self.caching = caching;
        self
    }

    pub(crate) fn section(&self, section: Section) -> &[Step] {
        &self.sections[section as usize]
    }
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
