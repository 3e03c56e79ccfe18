//! The gateway's own settings: every number has a default, and every default has a reason.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tollgate_core::base_url::BaseUrl;

use crate::backend::OriginTls;
use crate::diagnostics::Mark;

/// Seconds until a connection's first or next request head must be complete: slow heads hold a connection for nothing.
pub const REQUEST_HEADER_TIMEOUT_S: u64 = 10;

/// Seconds between two chunks of a request body. Mobile clients stall for a few seconds, not for thirty.
pub const REQUEST_BODY_TIMEOUT_S: u64 = 30;

/// Bytes per second that a request's body must have come at, on average, once `request-body-timeout` has passed. A
/// modem of 1994 is faster.
pub const REQUEST_BODY_RATE: u64 = 250;

/// Seconds in which a client takes nothing of a response that waits for it.
pub const RESPONSE_WRITE_TIMEOUT_S: u64 = 60;

/// Seconds for a TLS handshake: two round trips around the world and a lost packet.
pub const TLS_HANDSHAKE_TIMEOUT_S: u64 = 5;

/// Streams that a client may have open at a time: what RFC 9113 §6.5.2 recommends as the least.
pub const HTTP2_STREAMS: u32 = 100;

/// Bytes that a client may send on a stream before the gateway has passed them on; four times that on its connection.
pub const HTTP2_WINDOW: u32 = 64 << 10;

/// Control frames in ten seconds without a request that gets its answer; see `serve::http2::conduct`. Browsers send
/// dozens.
pub const HTTP2_CONTROL_FRAMES: u32 = 1_000;

/// Seconds of silence after which a client with open streams is asked whether it is there, and has as long to answer.
pub const HTTP2_KEEP_ALIVE_S: u64 = 30;

/// Upgraded connections of the whole gateway. Each holds two sockets and 32 KiB.
pub const UPGRADES: usize = 1_000;

/// Seconds in which nothing passes an upgraded connection in either direction: more than the pings of web socket
/// libraries are apart.
pub const UPGRADE_IDLE_TIMEOUT_S: u64 = 300;

/// Streams that are open at a time on one HTTP/2 connection to an origin.
pub const ORIGIN_HTTP2_STREAMS: usize = 100;

/// Trailer fields that pass. Each is about its message alone: gRPC's result, timings, digests (RFC 9530 §2 and §3).
pub const TRAILERS: [&str; 6] =
    ["content-digest", "grpc-message", "grpc-status", "grpc-status-details-bin", "repr-digest", "server-timing"];

/// Seconds that a client's idle connection is kept. Longer than the 60 of most load balancers before us, so that
/// they close first and never send into a connection that is being closed.
pub const IDLE_TIMEOUT_S: u64 = 75;

/// Seconds for the connection to an origin: one lost SYN and its second repetition (1 s + 2 s), and some slack.
pub const CONNECT_TIMEOUT_S: u64 = 5;

/// Seconds until an origin's response head. What `forward-request` has in API management.
pub const RESPONSE_HEADER_TIMEOUT_S: u64 = 300;

/// Seconds for a whole exchange, bodies included: twice what the origin may take for its head.
pub const TOTAL_TIMEOUT_S: u64 = 600;

/// Seconds that exchanges in progress may take after SIGTERM: the grace period of container schedulers.
pub const DRAIN_TIMEOUT_S: u64 = 30;

/// Bytes of a request's head: what common servers accept at most, cookies included.
pub const HEADER_BYTES: usize = 64 << 10;

/// Header lines of a request: browsers send about 20, proxies add a dozen.
pub const HEADERS: usize = 100;

/// Bytes of a request's path and query: RFC 9110 §4.1 asks for 8,000 at least.
pub const URI_BYTES: usize = 8 << 10;

/// Bytes of a request's body. They stream past, so this protects origins and not our memory.
pub const REQUEST_BODY_BYTES: u64 = 1 << 30;

/// Client connections of the whole gateway: each idle one holds about 10 KiB, so 100 MiB together.
pub const CONNECTIONS: usize = 10_000;

/// Idle connections that one worker keeps to one origin.
pub const ORIGIN_IDLE_CONNECTIONS: usize = 64;

/// Seconds that an idle connection to an origin is kept: less than the 65–75 of common servers, so that we close first.
pub const ORIGIN_IDLE_TIMEOUT_S: u64 = 60;

/// Requests in progress of the whole gateway: as many as connections, for each holds some 20 KiB with its body's buffers.
pub const CONCURRENT_REQUESTS: usize = 10_000;

/// Percent of the memory from which on new requests are refused: the rest is for those in progress.
pub const MEMORY_PERCENT: usize = 90;

/// Percent of the requests to origins that may be sent a second time: what a failing origin bears on top.
pub const RETRY_PERCENT: u32 = 10;

/// Retries in ten seconds that are allowed however few requests there are: ten a second.
pub const RETRY_FLOOR: u32 = 100;

/// `circuit-breaker`: the least requests that a percentage is taken of. Of fewer, one failure is a tenth and more.
pub const BREAKER_MINIMUM_REQUESTS: u32 = 10;

/// `ejection`: how many requests in a row an origin of a pool may fail.
pub const EJECTION_FAILURES: u32 = 3;

/// `ejection`: seconds that an origin is passed over: a restart takes about as long.
pub const EJECTION_S: u64 = 10;

/// Bytes of counters in memory: about half a million keys.
pub const LIMITER_BYTES: u64 = 64 << 20;

/// Bits of an IPv6 address that tell one client from another: what a household or a rented machine gets at least.
pub const CLIENT_IPV6_PREFIX: u8 = 64;

/// Wrong subscription keys, each another, that one client may show within a minute: more than a misconfigured client
/// ever has, and nothing against the 2^256 that there are.
pub const KEY_GUESSES: u64 = 100;

/// Bytes of cached responses in memory.
pub const CACHE_BYTES: u64 = 128 << 20;

/// Bytes of one cached response: the limit of API management.
pub const CACHE_ENTRY_BYTES: u64 = 2 << 20;

/// Milliseconds of counting that a crash may lose: one write to disk is shared by all calls of this time.
pub const QUOTA_FLUSH_MS: u64 = 100;

/// Bytes of an event log's file: about 200,000 records of half a KiB, which editors and scripts still open.
pub const EVENT_LOG_BYTES: u64 = 100 << 20;

/// Seconds that a request waits for another one's response to the same: what an origin takes that is slow and well.
pub const COLLAPSE_TIMEOUT_S: u64 = 10;

/// How the responses of an API or an operation are cached: the key `cache`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// `shared`: subscriptions share what is stored. Off, because an origin may answer each of them differently without
    /// saying so.
    pub shared: bool,
    /// `heuristics`: guess for how long a response is fresh that doesn't say it.
    pub heuristics: bool,
    /// `request-directives`: what clients say in `Cache-Control` counts.
    pub request_directives: bool,
    /// `stale-while-revalidate` of responses that have none.
    pub stale_while_revalidate: Duration,
    /// `stale-if-error` of responses that have none.
    pub stale_if_error: Duration,
    /// `collapse-timeout`, see [`COLLAPSE_TIMEOUT_S`]; 0 lets every request go alone.
    pub collapse_timeout: Duration,
    /// `cache-status`: responses say what the cache did (RFC 9211).
    pub cache_status: bool,
}

impl Default for CacheSettings {
    fn default() -> CacheSettings {
        CacheSettings {
            shared: false,
            heuristics: false,
            request_directives: true,
            stale_while_revalidate: Duration::ZERO,
            stale_if_error: Duration::ZERO,
            collapse_timeout: Duration::from_secs(COLLAPSE_TIMEOUT_S),
            cache_status: true,
        }
    }
}

/// What clients, origins and the whole gateway may use up: the top-level key `limits`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayLimits {
    /// `request-header-timeout`, see [`REQUEST_HEADER_TIMEOUT_S`].
    pub request_header_timeout: Duration,
    /// `request-body-timeout`, see [`REQUEST_BODY_TIMEOUT_S`].
    pub request_body_timeout: Duration,
    /// `request-body-rate`, see [`REQUEST_BODY_RATE`]; 0 for none.
    pub request_body_rate: u64,
    /// `response-write-timeout`, see [`RESPONSE_WRITE_TIMEOUT_S`].
    pub response_write_timeout: Duration,
    /// `tls-handshake-timeout`, see [`TLS_HANDSHAKE_TIMEOUT_S`].
    pub tls_handshake_timeout: Duration,
    /// What HTTP/2 clients may do.
    pub http2: Http2Limits,
    /// Connections that speak another protocol after an upgrade.
    pub upgrades: UpgradeLimits,
    /// `idle-timeout`, see [`IDLE_TIMEOUT_S`].
    pub idle_timeout: Duration,
    /// `connect-timeout`, `response-header-timeout` and `total-timeout`: what an API takes that sets none of its own.
    pub timeouts: Timeouts,
    /// `drain-timeout`, see [`DRAIN_TIMEOUT_S`].
    pub drain_timeout: Duration,
    /// `header-bytes`, see [`HEADER_BYTES`].
    pub header_bytes: usize,
    /// `headers`, see [`HEADERS`].
    pub headers: usize,
    /// `uri-bytes`, see [`URI_BYTES`].
    pub uri_bytes: usize,
    /// `request-body-bytes`, see [`REQUEST_BODY_BYTES`].
    pub request_body_bytes: u64,
    /// `connections`, see [`CONNECTIONS`].
    pub connections: usize,
    /// `origin-idle-connections`, see [`ORIGIN_IDLE_CONNECTIONS`]. 0 keeps none.
    pub origin_idle_connections: usize,
    /// `origin-idle-timeout`, see [`ORIGIN_IDLE_TIMEOUT_S`].
    pub origin_idle_timeout: Duration,
    /// `origin-http2-streams`, see [`ORIGIN_HTTP2_STREAMS`].
    pub origin_http2_streams: usize,
    /// `client-ipv6-prefix`, see [`CLIENT_IPV6_PREFIX`].
    pub client_ipv6_prefix: u8,
    /// `key-guesses`, see [`KEY_GUESSES`]. 0 for no limit.
    pub key_guesses: u64,
    /// `concurrent-requests`, see [`CONCURRENT_REQUESTS`].
    pub concurrent_requests: usize,
    /// `memory-bytes`; none for what the control group or the machine has.
    pub memory_bytes: Option<u64>,
    /// `memory-percent`, see [`MEMORY_PERCENT`]; 0 for never.
    pub memory_percent: usize,
    /// `retry-percent`, see [`RETRY_PERCENT`].
    pub retry_percent: usize,
    /// `retry-floor`, see [`RETRY_FLOOR`].
    pub retry_floor: usize,
}

/// What HTTP/2 clients may do: the keys `http2-…` of `limits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Http2Limits {
    /// `http2-streams`, see [`HTTP2_STREAMS`].
    pub streams: u32,
    /// `http2-window`, see [`HTTP2_WINDOW`].
    pub window: u32,
    /// `http2-control-frames`, see [`HTTP2_CONTROL_FRAMES`].
    pub control_frames: u32,
    /// `http2-keep-alive`, see [`HTTP2_KEEP_ALIVE_S`].
    pub keep_alive: Duration,
}

/// Connections that speak another protocol: the keys `upgrades` and `upgrade-idle-timeout` of `limits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpgradeLimits {
    /// `upgrades`, see [`UPGRADES`]. 0 lets none be.
    pub connections: usize,
    /// `upgrade-idle-timeout`, see [`UPGRADE_IDLE_TIMEOUT_S`].
    pub idle_timeout: Duration,
}

/// `underscores-in-headers`: `x_tenant` and `x-tenant` are one to origins that put headers into environment variables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Underscores {
    /// `drop`: the header is left away.
    #[default]
    Drop,
    /// `allow`: it passes, unless it looks like one of the gateway's own.
    Allow,
    /// `refuse`: the request is answered with 400.
    Refuse,
}

impl Default for GatewayLimits {
    fn default() -> GatewayLimits {
        GatewayLimits {
            request_header_timeout: Duration::from_secs(REQUEST_HEADER_TIMEOUT_S),
            request_body_timeout: Duration::from_secs(REQUEST_BODY_TIMEOUT_S),
            request_body_rate: REQUEST_BODY_RATE,
            response_write_timeout: Duration::from_secs(RESPONSE_WRITE_TIMEOUT_S),
            tls_handshake_timeout: Duration::from_secs(TLS_HANDSHAKE_TIMEOUT_S),
            http2: Http2Limits {
                streams: HTTP2_STREAMS,
                window: HTTP2_WINDOW,
                control_frames: HTTP2_CONTROL_FRAMES,
                keep_alive: Duration::from_secs(HTTP2_KEEP_ALIVE_S),
            },
            upgrades: UpgradeLimits {
                connections: UPGRADES,
                idle_timeout: Duration::from_secs(UPGRADE_IDLE_TIMEOUT_S),
            },
            idle_timeout: Duration::from_secs(IDLE_TIMEOUT_S),
            timeouts: Timeouts::default(),
            drain_timeout: Duration::from_secs(DRAIN_TIMEOUT_S),
            header_bytes: HEADER_BYTES,
            headers: HEADERS,
            uri_bytes: URI_BYTES,
            request_body_bytes: REQUEST_BODY_BYTES,
            connections: CONNECTIONS,
            origin_idle_connections: ORIGIN_IDLE_CONNECTIONS,
            origin_idle_timeout: Duration::from_secs(ORIGIN_IDLE_TIMEOUT_S),
            concurrent_requests: CONCURRENT_REQUESTS,
            memory_bytes: None,
            memory_percent: MEMORY_PERCENT,
            retry_percent: RETRY_PERCENT as usize,
            retry_floor: RETRY_FLOOR as usize,
            origin_http2_streams: ORIGIN_HTTP2_STREAMS,
            client_ipv6_prefix: CLIENT_IPV6_PREFIX,
            key_guesses: KEY_GUESSES,
        }
    }
}

/// How long an origin may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands.
    pub connect: Duration,
    /// From there until the response's head.
    pub response_header: Duration,
    /// For the whole exchange; none if the document says 0.
    pub total: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(CONNECT_TIMEOUT_S),
            response_header: Duration::from_secs(RESPONSE_HEADER_TIMEOUT_S),
            total: Some(Duration::from_secs(TOTAL_TIMEOUT_S)),
        }
    }
}

/// Where counters and cached values live: the top-level key `state`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateSettings {
    /// `directory`, joined to the document's folder; none if the document has none.
    pub directory: Option<PathBuf>,
    /// `limiter-bytes`, see [`LIMITER_BYTES`].
    pub limiter_bytes: u64,
    /// `cache-bytes`, see [`CACHE_BYTES`].
    pub cache_bytes: u64,
    /// `cache-entry-bytes`, see [`CACHE_ENTRY_BYTES`].
    pub cache_entry_bytes: u64,
    /// `quota-flush-ms`, see [`QUOTA_FLUSH_MS`].
    pub quota_flush: Duration,
    /// `durable`.
    pub durable: Durable,
}

/// What a crash may lose of used quotas: the key `durable` below `state`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durable {
    /// `batched`: what was counted within `quota-flush-ms`. No request waits for the disk.
    #[default]
    Batched,
    /// `strict`: nothing. A request goes on when its count is on the disk.
    Strict,
}

impl Default for StateSettings {
    fn default() -> StateSettings {
        StateSettings {
            directory: None,
            limiter_bytes: LIMITER_BYTES,
            cache_bytes: CACHE_BYTES,
            cache_entry_bytes: CACHE_ENTRY_BYTES,
            quota_flush: Duration::from_millis(QUOTA_FLUSH_MS),
            durable: Durable::default(),
        }
    }
}

/// Where one line for each exchange goes: the top-level key `access-log`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    /// `stdout`
    #[default]
    Stdout,
    /// `stderr`
    Stderr,
    /// `off`
    Off,
}

/// What is done about W3C trace contexts: the top-level key `trace-context`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// `mode`
    pub mode: TraceContextMode,
    /// `sample-percent`: of the traces that begin here, how many are marked as sampled.
    pub sample_percent: u32,
}

impl Default for TraceContext {
    /// All are sampled: what tracing libraries do by themselves when nobody asks them anything.
    fn default() -> TraceContext {
        TraceContext { mode: TraceContextMode::Continue, sample_percent: 100 }
    }
}

/// Where traces and metrics are sent: the top-level key `otlp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Otlp {
    /// `endpoint`: the base URL of a collector; `/v1/traces` and `/v1/metrics` stand below it.
    pub endpoint: BaseUrl,
    /// `tls`
    pub tls: OriginTls,
    /// `headers`, names in lower case.
    pub headers: Vec<(String, Secret)>,
    /// `service-name`
    pub service_name: String,
    /// `traces`
    pub traces: bool,
    /// `metrics`
    pub metrics: bool,
    /// `metrics-interval`
    pub metrics_interval: Duration,
    /// `timeout`: for one request to the collector.
    pub timeout: Duration,
    /// Where `otlp` stands.
    pub mark: Mark,
}

impl Otlp {
    /// Everything, as often as the specification of its SDKs says.
    pub fn to(endpoint: BaseUrl, mark: Mark) -> Otlp {
        Otlp {
            mark,
            endpoint,
            tls: OriginTls::default(),
            headers: Vec::new(),
            service_name: "tollgate".into(),
            traces: true,
            metrics: true,
            metrics_interval: Duration::from_secs(60),
            timeout: Duration::from_secs(10),
        }
    }
}

/// `mode` of `trace-context`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TraceContextMode {
    /// `continue`: a client's well-formed context is continued, otherwise a trace begins.
    #[default]
    Continue,
    /// `restart`: every request begins a trace.
    Restart,
    /// `off`: the headers pass as they come.
    Off,
}

/// An entry of `event-logs`: a file that statements write records to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLog {
    /// What statements call it. Example: `audit`.
    pub id: String,
    /// Joined to the document's folder.
    pub file: PathBuf,
    /// `max-bytes`, how large the file may grow; see [`EVENT_LOG_BYTES`].
    pub max_bytes: u64,
    /// Where it begins in the file.
    pub mark: Mark,
}

/// A value that nothing may print: `Debug` and `Display` are `[secret]`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Wrap a value.
    pub fn new(value: impl Into<String>) -> Secret {
        Secret(value.into())
    }

    /// The value itself, for comparing and hashing only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}
