//! What is compared: each row is a proxy with something to do, and requests of a shape.

use super::tollgate;
use super::{caddy, envoy, hyper};
use crate::bench::load::{Load, Over, Requests};
use crate::bench::nginx;
use crate::bench::process::{Process, free_address};
use crate::bench::scene::Scene;
use anyhow::{Result, bail};
use std::net::SocketAddr;

pub(super) struct Row {
    pub(super) name: &'static str,
    /// In words.
    pub(super) what: &'static str,
    pub(super) proxy: Proxy,
    pub(super) load: Load,
    /// The row of nginx with the same requests.
    pub(super) beside: &'static str,
}

#[derive(Clone, Copy)]
pub(super) enum Proxy {
    Nginx(nginx::Work),
    /// With so many headers.
    Caddy(usize),
    /// With so many filters.
    Envoy(usize),
    /// Does nothing but pass requests on.
    Hyper,
    Tollgate(tollgate::Work),
}

use Proxy::{Caddy, Envoy, Hyper, Nginx, Tollgate};

const GET: Load = Load::of(Requests::Alike("/"), 32);
const NEW: Load = Load::of(Requests::AllNew, 32);
const TENANTS: Load = Load::of(Requests::Tenants(100_000), 32);
const KNOWN: Load = Load::of(Requests::Tenants(1_000), 32);
const OPERATIONS: Load = Load::of(Requests::Operations(10_000), 32);
const CACHED: Load = Load::of(Requests::Alike("/cached"), 32);
const JSON: Load = Load::of(Requests::Json(10_000), 32);
const STREAM: Load = Load::of(Requests::Alike("/1m"), 32);
const TLS: Load = Load { over: Over::Tls, ..GET };
const RESUMED_TLS: Load = Load { over: Over::ResumedTls, ..GET };
const NEW_TLS: Load = Load { over: Over::NewTls, connections: 100, ..GET };
const HTTP2: Load = Load { over: Over::Http2(100), connections: 2, ..GET };
const IDLE: Load = Load { idle: 1000, connections: 8, ..GET };

const fn row(name: &'static str, what: &'static str, proxy: Proxy, load: Load, beside: &'static str) -> Row {
    Row { name, what, proxy, load, beside }
}

/// Small GETs with keep-alive. "Headers": each reads the request's `x-tenant` and sets another header. No two requests are alike, or (`known`) tenants come again.
pub(super) const POLICIES: &[Row] = &[
    row("nginx", "nginx, `proxy_pass`", Nginx(nginx::Work::Nothing), GET, "nginx"),
    row("hyper", "hyper alone: a proxy of 60 lines, no pool, limits, time-outs or counts", Hyper, GET, "nginx"),
    row("none", "Tollgate, no policy", Tollgate(tollgate::Work::Nothing), GET, "nginx"),
    row("envoy", "Envoy, HTTP connection manager and router", Envoy(0), GET, "nginx"),
    row("caddy", "Caddy, `reverse_proxy`, `GOMAXPROCS=1`", Caddy(0), GET, "nginx"),
    row("nginx-lua-1", "nginx + Lua, 1 header", Nginx(nginx::Work::Lua(1)), NEW, "nginx"),
    row("warm-1", "Tollgate, 1 header, warm", Tollgate(tollgate::Work::Headers(1, "warm")), NEW, "nginx"),
    row("fresh-1", "Tollgate, 1 header, fresh", Tollgate(tollgate::Work::Headers(1, "fresh")), NEW, "nginx"),
    row("nginx-lua-5", "nginx + Lua, 5 headers in one Lua block", Nginx(nginx::Work::Lua(5)), NEW, "nginx"),
    row("warm-5", "Tollgate, 5 headers, warm", Tollgate(tollgate::Work::Headers(5, "warm")), NEW, "nginx"),
    row("fresh-5", "Tollgate, 5 headers, fresh", Tollgate(tollgate::Work::Headers(5, "fresh")), NEW, "nginx"),
    row("envoy-wasm-5", "Envoy, 5 proxy-wasm filters, 1 header each", Envoy(5), NEW, "nginx"),
    row("caddy-5", "Caddy, 5 headers by `header_up`", Caddy(5), NEW, "nginx"),
    row("nginx-lua-16", "nginx + Lua, 16 headers in one Lua block", Nginx(nginx::Work::Lua(16)), NEW, "nginx"),
    row("warm-16", "Tollgate, 16 headers, warm", Tollgate(tollgate::Work::Headers(16, "warm")), NEW, "nginx"),
    row("fresh-16", "Tollgate, 16 headers, fresh", Tollgate(tollgate::Work::Headers(16, "fresh")), NEW, "nginx"),
    row("envoy-wasm-16", "Envoy, 16 proxy-wasm filters, 1 header each", Envoy(16), NEW, "nginx"),
    row("caddy-16", "Caddy, 16 headers by `header_up`", Caddy(16), NEW, "nginx"),
    row("nginx-lua-5-known", "nginx + Lua, 5 headers, 1,000 tenants", Nginx(nginx::Work::Lua(5)), KNOWN, "nginx"),
    row(
        "warm-1-known",
        "Tollgate, 1 header, warm, 1,000 tenants",
        Tollgate(tollgate::Work::Headers(1, "warm")),
        KNOWN,
        "nginx",
    ),
    row(
        "warm-5-known",
        "Tollgate, 5 headers, warm, 1,000 tenants",
        Tollgate(tollgate::Work::Headers(5, "warm")),
        KNOWN,
        "nginx",
    ),
    row("rate-limit", "Tollgate, `rate-limit-by-key`, one key", Tollgate(tollgate::Work::RateLimit), GET, "nginx"),
    row(
        "chain-20",
        "Tollgate, 20 statements, 10 expressions, requests alike",
        Tollgate(tollgate::Work::Chain),
        GET,
        "nginx",
    ),
    row("chain-20-all-new", "the same, no two requests alike", Tollgate(tollgate::Work::Chain), NEW, "nginx"),
];

pub(super) const SHAPES: &[Row] = &[
    row(
        "nginx-keys-100k",
        "nginx, `limit_req`, 100,000 keys",
        Nginx(nginx::Work::LimitTenants),
        TENANTS,
        "nginx-keys-100k",
    ),
    row(
        "keys-100k",
        "Tollgate, `rate-limit-by-key`, 100,000 keys",
        Tollgate(tollgate::Work::LimitTenants),
        TENANTS,
        "nginx-keys-100k",
    ),
    row(
        "nginx-ops-10k",
        "nginx, 10,000 locations",
        Nginx(nginx::Work::Operations(10_000)),
        OPERATIONS,
        "nginx-ops-10k",
    ),
    row(
        "ops-10k",
        "Tollgate, 10,000 operations",
        Tollgate(tollgate::Work::Operations(10_000)),
        OPERATIONS,
        "nginx-ops-10k",
    ),
    row("nginx-cache-hit", "nginx, `proxy_cache`, a hit", Nginx(nginx::Work::Cache), CACHED, "nginx-cache-hit"),
    row("cache-hit", "Tollgate, `cache: {}`, a hit", Tollgate(tollgate::Work::Cache), CACHED, "nginx-cache-hit"),
    row(
        "nginx-json-post",
        "nginx, POST of 10 KB of JSON, no two alike",
        Nginx(nginx::Work::Nothing),
        JSON,
        "nginx-json-post",
    ),
    row("json-pass", "Tollgate, the same, no policy", Tollgate(tollgate::Work::Nothing), JSON, "nginx-json-post"),
    row(
        "json-post",
        "Tollgate, the same through `find-and-replace` (134 places)",
        Tollgate(tollgate::Work::Replace),
        JSON,
        "nginx-json-post",
    ),
    row(
        "json-to-xml",
        "Tollgate, the same through `json-to-xml`",
        Tollgate(tollgate::Work::JsonToXml),
        JSON,
        "nginx-json-post",
    ),
    row("nginx-stream-1m", "nginx, response of 1 MiB", Nginx(nginx::Work::Nothing), STREAM, "nginx-stream-1m"),
    row("stream-1m", "Tollgate, response of 1 MiB", Tollgate(tollgate::Work::Nothing), STREAM, "nginx-stream-1m"),
    row("nginx-tls", "nginx, TLS, kept connections", Nginx(nginx::Work::Tls), TLS, "nginx-tls"),
    row("tls", "Tollgate, TLS, kept connections", Tollgate(tollgate::Work::Tls), TLS, "nginx-tls"),
    row(
        "nginx-tls-resumed",
        "nginx, TLS, a connection for each request, resumed",
        Nginx(nginx::Work::Tls),
        RESUMED_TLS,
        "nginx-tls-resumed",
    ),
    row(
        "tls-resumed",
        "Tollgate, TLS, a connection for each request, resumed",
        Tollgate(tollgate::Work::Tls),
        RESUMED_TLS,
        "nginx-tls-resumed",
    ),
    row(
        "nginx-tls-new",
        "nginx, TLS, a whole handshake (P-256) for each request",
        Nginx(nginx::Work::Tls),
        NEW_TLS,
        "nginx-tls-new",
    ),
    row(
        "tls-new",
        "Tollgate, TLS, a whole handshake (P-256) for each request",
        Tollgate(tollgate::Work::Tls),
        NEW_TLS,
        "nginx-tls-new",
    ),
    row("nginx-http2", "nginx, HTTP/2, 2 connections of 100 streams", Nginx(nginx::Work::Http2), HTTP2, "nginx-http2"),
    row(
        "http2",
        "Tollgate, HTTP/2, 2 connections of 100 streams",
        Tollgate(tollgate::Work::Nothing),
        HTTP2,
        "nginx-http2",
    ),
    row("nginx-idle-1k", "nginx, 8 connections busy, 1,000 idle", Nginx(nginx::Work::Nothing), IDLE, "nginx-idle-1k"),
    row(
        "idle-1k",
        "Tollgate, 8 connections busy, 1,000 idle",
        Tollgate(tollgate::Work::Nothing),
        IDLE,
        "nginx-idle-1k",
    ),
];

/// A row whose proxy runs.
pub(super) struct Running<'r> {
    pub(super) row: &'r Row,
    pub(super) address: SocketAddr,
    pub(super) process: Process,
}

impl Row {
    /// What installs what is missing.
    pub(super) fn lacks(&self) -> Option<&'static str> {
        match self.proxy {
            Nginx(work) => nginx::lacks(work),
            Caddy(_) => caddy::lacks(),
            Envoy(filters) => envoy::lacks(filters),
            Hyper | Tollgate(_) => None,
        }
    }

    /// The row of the same proxy that does nothing to small GETs; none for itself and for other shapes.
    pub(super) fn bare(&self) -> Option<&'static str> {
        let bare = match self.proxy {
            Nginx(_) => "nginx",
            Caddy(_) => "caddy",
            Envoy(_) => "envoy",
            Hyper => "hyper",
            Tollgate(_) => "none",
        };
        (self.beside == "nginx" && self.name != bare).then_some(bare)
    }

    pub(super) fn start(&self, scene: &Scene) -> Result<Running<'_>> {
        let address = free_address()?;
        let name = self.name;
        let mut process = match self.proxy {
            Nginx(work) => nginx::start(scene, name, address, work)?,
            Caddy(headers) => caddy::start(scene, name, address, headers)?,
            Envoy(filters) => envoy::start(scene, name, address, filters)?,
            Hyper => hyper::start(scene, name, address)?,
            Tollgate(work) => tollgate::start(scene, name, address, work)?,
        };
        process.listens(address)?;
        Ok(Running { row: self, address, process })
    }
}

/// The gateway's rows.
pub(super) fn gateways() -> Vec<&'static Row> {
    POLICIES.iter().chain(SHAPES).filter(|row| matches!(row.proxy, Tollgate(_))).collect()
}

/// Rows that have one of `names` in theirs, or are compared with such a one, and whose proxy is there. For others, say what installs it.
pub(super) fn wanted(names: &[&String]) -> Result<Vec<&'static Row>> {
    let named = |name: &str| names.is_empty() || names.iter().any(|part| name.contains(part.as_str()));
    let all: Vec<&'static Row> = POLICIES.iter().chain(SHAPES).collect();
    let compared: Vec<&str> =
        all.iter().filter(|row| named(row.name)).flat_map(|row| [Some(row.beside), row.bare()]).flatten().collect();
    let mut wanted = Vec::new();
    for row in all.into_iter().filter(|row| named(row.name) || compared.contains(&row.name)) {
        match row.lacks() {
            None => wanted.push(row),
            Some(installs) => {
                crate::step::say("macro", &format!("{} is left out; this installs what it needs: {installs}", row.name))
            }
        }
    }
    if compared.is_empty() {
        bail!("no row is called {names:?}");
    }
    Ok(wanted)
}
