//! A runtime without a gateway, and exchanges to call statements on: what fuzz targets and benchmarks of pieces have in common.

#![allow(clippy::expect_used, reason = "a test that can't be set up is to say so and end")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use http::uri::PathAndQuery;
use http::{HeaderMap, Method};
use tollgate_core::base_url::BaseUrl;
use tollgate_core::message::{RequestHead, Scheme};
use tollgate_runtime::{
    CacheStore, EventStore, Exchange, Facts, LimiterStore, MetricStore, QuotaStore, RouteFacts, Runtime,
    RuntimeSettings, Services,
};

/// A runtime of one worker that keeps everything in memory, and compiles in this process.
///
/// # Panics
/// If this machine has no engine.
#[must_use]
pub fn runtime() -> Arc<Runtime> {
    let services = Services {
        limiter: LimiterStore::new(64 << 20),
        quotas: QuotaStore::in_memory(),
        cache: CacheStore::new(1 << 20, 1 << 16),
        metrics: MetricStore::default(),
        events: EventStore::default(),
    };
    let settings = RuntimeSettings { compile_cache: None, compiler: None, workers: 1, services: Arc::new(services) };
    Arc::new(Runtime::new(settings).expect("an engine can be made"))
}

/// An exchange at its beginning, of an API `a` at `/a`.
#[must_use]
pub fn exchange(method: Method, target: &'static str, headers: HeaderMap) -> Box<Exchange> {
    let backend = BaseUrl { scheme: Scheme::Http, host: "127.0.0.1".into(), port: 9, base: String::new() };
    let route = RouteFacts {
        api: "a".into(),
        api_path: "a".into(),
        operation: None,
        product: None,
        backend,
        backends: Arc::default(),
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
    let target = PathAndQuery::from_static(target);
    let head = RequestHead { method, scheme: Scheme::Http, authority: "host".into(), target, headers };
    Box::new(Exchange::new(facts, head))
}
