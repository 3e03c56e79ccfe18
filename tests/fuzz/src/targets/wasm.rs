//! A runtime without a gateway: statements are called on exchanges that are made here.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method};
use tollgate_core::base_url::BaseUrl;
use tollgate_core::egress::Egress;
use tollgate_core::grants::Grants;
use tollgate_core::limits::Limits;
use tollgate_core::message::{RequestHead, Scheme};
use tollgate_core::place::{Scope, Section};
use tollgate_runtime::{
    CacheStore, ComponentSource, EventStore, Exchange, Facts, Isolation, Leases, LimiterStore, MetricStore, Mode,
    OnFailure, Position, QuotaStore, RouteFacts, Runtime, RuntimeSettings, Services, Statement, StatementSettings,
};

/// A runtime that serves nobody.
pub(super) fn runtime() -> Arc<Runtime> {
    let services = Services {
        limiter: LimiterStore::new(1 << 20),
        quotas: QuotaStore::in_memory(),
        cache: CacheStore::new(1 << 20, 1 << 16),
        metrics: MetricStore::default(),
        events: EventStore::default(),
    };
    let settings = RuntimeSettings { compile_cache: None, compiler: None, workers: 1, services: Arc::new(services) };
    Arc::new(Runtime::new(settings).expect("an engine can be made"))
}

/// A component, with everything granted.
pub(super) fn source(bytes: &[u8]) -> ComponentSource<'_> {
    ComponentSource {
        name: "fuzzed",
        bytes: Bytes::copy_from_slice(bytes).into(),
        digest: None,
        grants: Grants::all(),
        built_in: false,
    }
}

/// A statement of a component, and what calls it.
pub(super) fn statement(bytes: &[u8]) -> (Statement, Rc<Leases>) {
    let runtime = runtime();
    // Most inputs fail, and in quarantine none would be run.
    let statement = statement_in(&runtime, bytes, &Limits { quarantine_after: u32::MAX, ..Limits::default() });
    (statement, Rc::new(Leases::new(runtime, 0, None, None)))
}

/// A statement of a component.
pub(super) fn statement_in(runtime: &Arc<Runtime>, bytes: &[u8], limits: &Limits) -> Statement {
    let admitted = runtime.admit(&source(bytes)).expect("the guest is a component");
    let unit = runtime.link("fuzzed", &admitted, &serde_json::json!({}), limits, Isolation::default(), None);
    let position = Position {
        scope: Scope::Api,
        section: Section::Inbound,
        path: "fuzzed[1]".into(),
        id: None,
        place: "apis/a/inbound/1".into(),
        source: "tollgate.yaml:1:1".into(),
    };
    let settings = StatementSettings {
        position: Arc::new(position),
        scope_place: "apis/a".into(),
        expressions: Vec::new(),
        egress: Arc::new(Egress::default()),
        secrets: tollgate_runtime::Secrets::default(),
        on_failure: OnFailure::Closed,
        mode: Mode::Enforce,
    };
    Statement::new(runtime, unit.expect("the guest takes its configuration"), settings)
}

/// An exchange at its beginning.
pub(super) fn exchange() -> Box<Exchange> {
    let backend = BaseUrl { scheme: Scheme::Http, host: "127.0.0.1".into(), port: 9, base: String::new() };
    let route = RouteFacts {
        api: "a".into(),
        api_path: "a".into(),
        operation: None,
        product: None,
        backend,
        backends: Arc::new(BTreeMap::new()),
    };
    let facts = Facts {
        request_id: "0123".into(),
        client_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        client_ipv6_prefix: 64,
        route: Arc::new(route),
        subscription: None,
        parameters: Default::default(),
        started: Instant::now(),
    };
    let mut headers = HeaderMap::new();
    headers.append("x-a", HeaderValue::from_static("b"));
    headers.append("x-a", HeaderValue::from_static("c"));
    let target = PathAndQuery::from_static("/a/b?c=d");
    let head = RequestHead { method: Method::POST, scheme: Scheme::Http, authority: "host".into(), target, headers };
    Box::new(Exchange::new(facts, head))
}
