//! `apis` and their operations.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use tollgate_core::path;
use tollgate_core::place::Scope;

use super::backends::KnownBackends;
use super::fields::Fields;
use super::{Reader, Seen, template};
use crate::backend::Backend;
use crate::diagnostics::Mark;
use crate::document::{Api, Operation, PLACEHOLDER_ID, SubscriptionKeyNames, Template};
use crate::policy::PolicyDocument;
use crate::settings::{CacheSettings, Timeouts};
use crate::yaml::{Content, Node};

const KEYS: [&str; 11] = [
    "id",
    "path",
    "backend",
    "tls",
    "subscription-required",
    "subscription-key-parameter-names",
    "timeouts",
    "cache",
    "upgrades",
    "policies",
    "operations",
];

const OPERATION_KEYS: [&str; 8] = ["id", "method", "url", "parameters", "request", "responses", "cache", "policies"];

impl Reader<'_> {
    pub(super) fn apis(&mut self, node: Option<&Arc<Node>>, backends: &[Backend]) -> Vec<Api> {
        let backends = KnownBackends::of(backends);
        let (mut ids, mut paths) = (Seen::default(), Seen::default());
        let mut apis = Vec::new();
        for fields in self.each(node, "APIs", &KEYS) {
            let api = self.api(&fields, &backends);
            ids.check(self, "API id", &api.id, fields.mark_of("id"));
            if let Some(node) = fields.get("path").filter(|node| !node.is_refused()) {
                paths.check(self, "API path", &api.path, node.mark);
            }
            apis.push(api);
        }
        apis
    }

    fn api(&mut self, fields: &Fields<'_>, backends: &KnownBackends<'_>) -> Api {
        let id = self.id(fields, "an API");
        let place = format!("apis/{id}");
        let path = self.required(fields, "path", "an API").and_then(|node| self.public_path(node));
        let backend = self.api_backend(fields, backends);
        let cache = self.cache(fields.get("cache"), None);
        Api {
            path: path.unwrap_or_else(|| PLACEHOLDER_ID.to_owned()),
            backend: backend.origin,
            tls: backend.tls,
            backend_id: backend.id,
            subscription_required: self.flag(fields, "subscription-required", true),
            subscription_key_names: self.key_names(fields.get("subscription-key-parameter-names")),
            timeouts: self.timeouts(fields.get("timeouts")),
            upgrades: self.upgrades(fields.get("upgrades")),
            policies: self.scope(fields, Scope::Api, &place),
            operations: self.operations(fields.get("operations"), &place, cache.as_ref()),
            cache,
            mark: fields.mark,
            id,
        }
    }

    /// The key `policies` of a scope.
    pub(super) fn scope(&mut self, fields: &Fields<'_>, scope: Scope, place: &str) -> PolicyDocument {
        fields.get("policies").map(|node| self.policies(node, scope, place)).unwrap_or_default()
    }

    fn public_path(&mut self, node: &Node) -> Option<String> {
        const EXPECTED: &str = "a path such as `shop/orders`, or `\"\"` for the root";
        let text = self.text(node, EXPECTED)?;
        let inner = text.strip_prefix('/').unwrap_or(text);
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        if inner.is_empty() {
            return Some(String::new());
        }
        let normal = path::normalise(&format!("/{inner}")).ok().map(|path| path[1..].to_owned());
        match normal {
            Some(normal) if normal == inner && !inner.contains(['{', '}', '*', '?', '#']) && !inner.contains("//") => {
                if inner.starts_with('/') || inner.ends_with('/') {
                    self.expected(EXPECTED, node);
                    return None;
                }
                Some(normal)
            }
            _ => {
                self.expected("a literal path in normal form, without empty segments, `.` and `..`, percent-encoded where need be", node);
                None
            }
        }
    }

    /// Protocols in lower case; `websocket` by default.
    fn upgrades(&mut self, node: Option<&Arc<Node>>) -> Vec<String> {
        const EXPECTED: &str = "the name of a protocol such as `websocket`";
        let Some(node) = node else { return vec!["websocket".to_owned()] };
        let mut protocols = Vec::new();
        for item in self.one_or_many(node, &format!("{EXPECTED}, or a list of them")) {
            let Some(text) = self.text(item, EXPECTED) else { continue };
            let protocol = text.to_ascii_lowercase();
            if protocol == "h2c" {
                // Requests within such a tunnel would pass every policy unseen.
                self.error(item.mark, "`h2c` is never passed on: the requests behind it would be seen by no policy");
            } else if is_token(protocol.split('/').next().unwrap_or_default()) && protocol.len() <= 64 {
                protocols.push(protocol);
            } else {
                self.expected(EXPECTED, item);
            }
        }
        protocols
    }

    fn key_names(&mut self, node: Option<&Arc<Node>>) -> SubscriptionKeyNames {
        let mut names = SubscriptionKeyNames::default();
        let Some(node) = node else {
            return names;
        };
        let fields = self.fields(node, "a mapping with the keys `header` and `query`", &["header", "query"]);
        if let Some(node) = fields.get("header") {
            const EXPECTED: &str = "the name of a header";
            match self.text(node, EXPECTED) {
                Some(name) if is_token(name) => names.header = name.to_owned(),
                Some(_) => self.expected(EXPECTED, node),
                None => {}
            }
        }
        if let Some(node) = fields.get("query") {
            const EXPECTED: &str = "the name of a query parameter";
            match self.text(node, EXPECTED) {
                Some("") => self.expected(EXPECTED, node),
                Some(name) => names.query = name.to_owned(),
                None => {}
            }
        }
        names
    }

    fn timeouts(&mut self, node: Option<&Arc<Node>>) -> Timeouts {
        const KEYS: [&str; 3] = ["connect", "response-header", "total"];
        let mut timeouts = self.limits.timeouts;
        if let Some(node) = node {
            let fields = self.fields(node, "a mapping with keys such as `connect`", &KEYS);
            self.set_timeouts(&fields, KEYS, &mut timeouts);
        }
        timeouts
    }

    fn operations(&mut self, node: Option<&Arc<Node>>, api: &str, cache: Option<&CacheSettings>) -> Vec<Operation> {
        let (mut ids, mut routes) = (Seen::default(), HashMap::new());
        let mut operations = Vec::new();
        if let Some(node) = node
            && matches!(&node.content, Content::List(items) if items.is_empty())
        {
            let message = "expected at least one operation; leave `operations` out to pass every method and path";
            self.error(node.mark, message);
        }
        for fields in self.each(node, "operations", &OPERATION_KEYS) {
            let id = self.id(&fields, "an operation");
            ids.check(self, "operation id in this API", &id, fields.mark_of("id"));
            let method = self.required(&fields, "method", "an operation").and_then(|node| self.method(node));
            let url = self.required(&fields, "url", "an operation").and_then(|node| self.template(node));
            if let (Some(method), Some(template)) = (&method, &url) {
                let (route, at) = ((method.clone(), template.shape()), fields.mark_of("url"));
                match routes.entry(route) {
                    Entry::Vacant(free) => {
                        free.insert((id.clone(), at));
                    }
                    Entry::Occupied(first) => self.same_route(&id, at, first.get()),
                }
            }
            let policies = self.scope(&fields, Scope::Operation, &format!("{api}/operations/{id}"));
            let method = method.flatten();
            let definition = self.definition(&fields, &id, method.as_deref(), url.as_ref());
            let template = url.unwrap_or_else(template::placeholder);
            let cache = self.cache(fields.get("cache"), cache);
            operations.push(Operation { id, method, template, definition, cache, policies, mark: fields.mark });
        }
        operations
    }

    /// Report an operation that takes the same requests as one before it.
    fn same_route(&mut self, id: &str, at: Mark, (first, there): &(String, Mark)) {
        let place = format!("{}:{}", there.line, there.column);
        let message = format!(
            "the operation `{id}` has the same method and URL as `{first}` at {place}, so no request could tell them apart"
        );
        self.error(at, message);
    }

    /// `Some(None)` for every method.
    fn method(&mut self, node: &Node) -> Option<Option<String>> {
        const EXPECTED: &str = "a method in upper case such as `GET`, or `\"*\"` for every method";
        let text = self.text(node, EXPECTED)?;
        match text {
            "*" => return Some(None),
            "CONNECT" => {
                self.error(node.mark, "expected a method, found `CONNECT`, which asks for a tunnel and not for an API");
            }
            _ if is_token(text) && !text.bytes().any(|b| b.is_ascii_lowercase()) => {
                return Some(Some(text.to_owned()));
            }
            _ => self.expected(EXPECTED, node),
        }
        None
    }

    fn template(&mut self, node: &Node) -> Option<Template> {
        let text = self.text(node, template::EXPECTED)?;
        match template::parse(text) {
            Ok(template) => Some(template),
            Err(error) => {
                self.error(node.mark, format!("{error}, found {node}"));
                None
            }
        }
    }
}

/// `token` of RFC 9110 §5.6.2.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}
