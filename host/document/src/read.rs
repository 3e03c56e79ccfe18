//! From nodes to the typed document. Every reader reports what is wrong and goes on with a default.

mod apis;

mod backends;

mod breakers;

mod cache;

mod components;

mod definition;

mod directories;

mod dynamic;

mod egress;

mod event_logs;

mod fields;

mod flow;

mod fragments;

mod names;

mod otlp;

pub(crate) mod origin;

mod original;

mod policies;

mod products;

mod schemas;

mod settings;

mod statement;

mod subscriptions;

mod template;

mod timestamp;

mod tls;

mod trailers;

mod value;

use std::collections::HashMap;
use std::path::Path;

use crate::diagnostics::{Diagnostics, Mark};
use crate::document::{Document, Known, PLACEHOLDER_ID};
use crate::nearest::nearest;
use crate::policy::PolicyDocument;
use crate::settings::GatewayLimits;
use crate::yaml::{Node, Quoted};
use schemas::Schemas;
use tollgate_core::place::Scope;

/// The top-level keys.
const KEYS: [&str; 24] = [
    "listen",
    "admin",
    "workers",
    "trusted-proxies",
    "underscores-in-headers",
    "trailers",
    "via",
    "access-log",
    "trace-context",
    "otlp",
    "limits",
    "state",
    "named-values",
    "fragments",
    "policies",
    "apis",
    "products",
    "subscriptions",
    "components",
    "backends",
    "egress",
    "event-logs",
    "schemas",
    "tls",
];

/// What all readers share.
struct Reader<'a> {
    diagnostics: &'a mut Diagnostics,
    folder: &'a Path,
    built_ins: &'a [&'a str],
    /// What a statement may be called: built-ins and components.
    statements: Vec<String>,
    /// The gateway's limits, which APIs inherit time-outs from.
    limits: GatewayLimits,
    /// JSON Schemas by name, which operations refer to.
    schemas: Schemas,
    names: names::Names,
    fragments: fragments::Fragments,
    /// The ids of entries in the scope that is being read.
    ids: Seen,
}

/// Read the whole document.
pub(crate) fn document(
    root: &Node,
    folder: &Path,
    known: &Known<'_>,
    env: &dyn Fn(&str) -> Option<String>,
    diagnostics: &mut Diagnostics,
) -> Document {
    let mut reader = Reader {
        diagnostics,
        folder,
        built_ins: known.built_ins,
        statements: known.built_ins.iter().map(|&name| name.to_owned()).collect(),
        limits: GatewayLimits::default(),
        schemas: Schemas::default(),
        names: names::Names::default(),
        fragments: fragments::Fragments::default(),
        ids: Seen::default(),
    };
    reader.read(root, env)
}

impl Reader<'_> {
    fn read(&mut self, root: &Node, env: &dyn Fn(&str) -> Option<String>) -> Document {
        let fields = self.fields(root, "a mapping with keys such as `apis`", &KEYS);
        // Limits come before APIs, which inherit time-outs, and components before policies, which name them. Backends
        // come before APIs too, which refer to them, and schemas before policies and APIs.
        self.limits = self.gateway_limits(fields.get("limits"));
        let components = self.components(fields.get("components"));
        let (listen, admin) = self.addresses(&fields);
        let taken: Vec<_> = listen.iter().copied().chain(admin).collect();
        let tls = self.listen_tls(fields.get("tls"), &taken);
        let workers = self.workers(fields.get("workers"));
        let trusted_proxies = self.trusted_proxies(fields.get("trusted-proxies"));
        let underscores = self.underscores(fields.get("underscores-in-headers"));
        let trailers = self.trailers(fields.get("trailers"));
        let via = self.via(fields.get("via"));
        let access_log = self.access_log(fields.get("access-log"));
        let trace_context = self.trace_context(fields.get("trace-context"));
        let otlp = self.otlp(fields.get("otlp"), env);
        let state = self.state(fields.get("state"));
        self.named_schemas(fields.get("schemas"));
        // Named values come before fragments, whose texts they stand in, and both before policies.
        let named_values = self.named_values(fields.get("named-values"), env);
        let fragments = self.fragments(fields.get("fragments"));
        let policies = match fields.get("policies") {
            Some(node) => self.policies(node, Scope::Global, "global"),
            None => PolicyDocument::default(),
        };
        let backends = self.backends(fields.get("backends"));
        let apis = self.apis(fields.get("apis"), &backends);
        let products = self.products(fields.get("products"), &apis);
        let subscriptions = self.subscriptions(fields.get("subscriptions"), &apis, &products);
        Document {
            listen,
            admin,
            workers,
            tls,
            trusted_proxies,
            underscores,
            trailers,
            via,
            access_log,
            trace_context,
            otlp,
            limits: self.limits.clone(),
            state,
            named_values,
            fragments,
            unused_fragments: self.unused_fragments(),
            policies,
            apis,
            products,
            subscriptions,
            components,
            backends,
            egress: fields.get("egress").map(|node| self.egress(node)).unwrap_or_default(),
            event_logs: self.event_logs(fields.get("event-logs")),
            schemas: std::mem::take(&mut self.schemas).into_values(),
        }
    }

    fn error(&mut self, mark: Mark, message: impl Into<String>) {
        self.diagnostics.push(mark, message);
    }

    /// Report that a value isn't what it should be.
    fn expected(&mut self, expected: &str, node: &Node) {
        if !node.is_refused() {
            let why = if node.may_be_expression() { "; an expression can't stand here" } else { "" };
            self.error(node.mark, format!("expected {expected}, found {node}{why}"));
        }
    }

    /// As [`Self::expected`], for values that may hold a password.
    fn expected_of_secret(&mut self, expected: &str, node: &Node) {
        if !node.is_refused() {
            self.error(node.mark, format!("expected {expected}"));
        }
    }

    /// Report a name that names nothing, with the nearest that does, or else with all of them.
    fn unknown(&mut self, mark: Mark, kind: &str, name: &str, candidates: &[&str]) {
        self.unknown_beside(mark, kind, name, "", candidates);
    }

    /// As [`Self::unknown`], with a few words about where the name was found.
    fn unknown_beside(&mut self, mark: Mark, kind: &str, name: &str, place: &str, candidates: &[&str]) {
        /// More names than this don't help.
        const MAX_LISTED: usize = 40;
        if self.diagnostics.is_full() {
            // It is only counted, so nobody need look for what is near.
            return self.error(mark, "");
        }
        let what = format!("unknown {kind} {}{place}", Quoted(name));
        let message = match nearest(name, candidates.iter().copied()) {
            Some(near) => format!("{what}; did you mean `{near}`?"),
            None if candidates.is_empty() => format!("{what}; there are none"),
            None => {
                let listed: Vec<_> = candidates.iter().take(MAX_LISTED).map(|name| format!("`{name}`")).collect();
                let rest = if candidates.len() > MAX_LISTED { ", …" } else { "" };
                format!("{what}; expected one of {}{rest}", listed.join(", "))
            }
        };
        self.error(mark, message);
    }
}

/// Names that were given already, to find those given twice.
#[derive(Default)]
struct Seen(HashMap<String, Mark>);

impl Seen {
    /// Report `name` if it was there before. `what` is how the sentence begins: "API id".
    fn check(&mut self, reader: &mut Reader<'_>, what: &str, name: &str, mark: Mark) {
        if name == PLACEHOLDER_ID {
            return;
        }
        match self.0.get(name) {
            Some(first) => {
                let line = first.line;
                reader.error(mark, format!("duplicate {what} {}; it is there on line {line} already", Quoted(name)));
            }
            None => {
                self.0.insert(name.to_owned(), mark);
            }
        }
    }
}
