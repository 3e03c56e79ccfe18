//! What a request would meet: its route, and its effective chain with the line that each entry came from.

use std::fmt::Write;

use http::Method;
use http::uri::PathAndQuery;
use tollgate_core::path;
use tollgate_core::place::Section;

use crate::admit::{self, KeyDigest, Permit};
use crate::plan::{Chain, Plan, Step};
use crate::route::Parameters;

/// Why a request would meet nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unroutable {
    /// The path is none, or one that servers read differently.
    #[error("the path is malformed; the client would get 400")]
    Path,
    /// No API has it.
    #[error("no API has this path; the client would get 404")]
    Api,
    /// No operation has it.
    #[error("no operation of the API has this method and path; the client would get 404")]
    Operation,
    /// There is no good key.
    #[error("the API asks for a subscription key, and this is none that opens it; the client would get 401")]
    Key,
}

/// Where a request would go.
pub struct Way<'p> {
    chain: &'p Chain,
    parameters: Parameters,
    permit: Permit,
}

impl Plan {
    /// The way of a request: its route, and whether its key opens it.
    ///
    /// # Errors
    /// There is none.
    pub fn way(&self, method: &Method, target: &str, key: Option<&str>) -> Result<Way<'_>, Unroutable> {
        let target: PathAndQuery = target.parse().map_err(|_| Unroutable::Path)?;
        let normal = path::normalise(target.path()).map_err(|_| Unroutable::Path)?;
        let (api, rest) = self.api(&normal).ok_or(Unroutable::Api)?;
        let (by_product, parameters) = api.operation(method, rest).ok_or(Unroutable::Operation)?;
        let key = key.map(|key| KeyDigest::of(key.as_bytes()));
        let permit = admit::admit(&self.keys, &api.door, key.as_ref(), admit::unix_ms).map_err(|_| Unroutable::Key)?;
        let chain = by_product.chain(permit.product);
        Ok(Way { chain, parameters, permit })
    }

    /// The route of a request and everything that would run for it, as text.
    ///
    /// # Errors
    /// It has none.
    pub fn explain(&self, method: &Method, target: &str, key: Option<&str>) -> Result<String, Unroutable> {
        let Way { chain, parameters, permit } = self.way(method, target, key)?;
        let facts = &chain.facts;
        let mut out = String::new();
        // Writing to a String can't fail.
        let _ = writeln!(out, "api           {} (/{})", facts.api, facts.api_path);
        if let Some(operation) = &facts.operation {
            let _ = writeln!(out, "operation     {} ({} {})", operation.id, operation.method, operation.url);
        }
        for (name, value) in &parameters {
            let _ = writeln!(out, "parameter     {name} = {value}");
        }
        let _ = writeln!(out, "product       {}", facts.product.as_deref().unwrap_or("none"));
        let subscription = permit.subscription.as_ref().map_or("none", |subscription| subscription.id.as_str());
        let _ = writeln!(out, "subscription  {subscription}");
        let _ = writeln!(out, "backend       {}", facts.backend);
        for section in Section::ALL {
            let _ = writeln!(out, "\n{section}");
            steps(chain.section(section), 1, &mut out);
        }
        Ok(out)
    }
}

fn steps(list: &[Step], depth: usize, out: &mut String) {
    if list.is_empty() {
        let _ = writeln!(out, "{}nothing", "  ".repeat(depth));
    }
    for step in list {
        let (name, position, when) = match step {
            Step::Statement(call) => {
                (call.statement.identity.name.as_str(), &call.statement.identity.position, call.when.as_ref())
            }
            other => match other.own() {
                Some(own) => (own.name, &own.position, own.when.as_ref()),
                None => continue,
            },
        };
        let id = position.id.as_ref().map(|id| format!(" #{id}")).unwrap_or_default();
        let when = when.map(|when| format!(" when {}", when.source())).unwrap_or_default();
        let scope = position.scope.name();
        let _ = writeln!(out, "{}{name}{id}  ({scope}, {}){when}", "  ".repeat(depth), position.source);
        match step {
            Step::Choose(choose) => {
                for branch in &choose.branches {
                    let _ = writeln!(out, "{}when {}", "  ".repeat(depth + 1), branch.condition.source());
                    steps(&branch.steps, depth + 2, out);
                }
                let _ = writeln!(out, "{}otherwise", "  ".repeat(depth + 1));
                steps(&choose.otherwise, depth + 2, out);
            }
            other => {
                for list in other.lists() {
                    steps(list, depth + 1, out);
                }
            }
        }
    }
}
