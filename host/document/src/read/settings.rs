//! The gateway's own settings: addresses, workers, proxies, limits, state.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::Reader;
use super::fields::Fields;
use crate::settings::{
    AccessLog, CACHE_ENTRY_BYTES, Durable, GatewayLimits, StateSettings, Timeouts, TraceContext, TraceContextMode,
    Underscores,
};
use crate::yaml::{Content, Node, Quoted};

/// A day: nobody waits longer for HTTP, and every sum of two stays far from the end of the clock.
pub(super) const MAX_SECONDS: u64 = 86_400;

const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);
const ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9901);

impl Reader<'_> {
    /// `listen` and `admin`, no address twice.
    pub(super) fn addresses(&mut self, fields: &Fields<'_>) -> (Vec<SocketAddr>, Option<SocketAddr>) {
        let is_off = |node: &Node| node.scalar().and_then(|s| s.as_text()) == Some("off");
        let listen = match fields.get("listen") {
            None => vec![LISTEN],
            Some(node) if is_off(node) => {
                if fields.get("tls").is_none() {
                    self.error(node.mark, "expected an address in `listen`, found `off` without `tls`");
                }
                Vec::new()
            }
            Some(node) => self.listen_addresses(node, &[]),
        };
        let admin = match fields.get("admin") {
            None => Some(ADMIN),
            Some(node) if is_off(node) => None,
            Some(node) => self.address(node).inspect(|&address| self.check_free(&listen, address, node)),
        };
        (listen, admin)
    }

    /// One address or several, none twice and none that is `taken`.
    pub(super) fn listen_addresses(&mut self, node: &Arc<Node>, taken: &[SocketAddr]) -> Vec<SocketAddr> {
        let items = self.one_or_many(node, "an address such as `127.0.0.1:8080`, or a list of them");
        if items.is_empty() && matches!(node.content, Content::List(_)) {
            self.error(node.mark, "expected at least one address in `listen`, found an empty list");
        }
        let mut listen: Vec<SocketAddr> = Vec::new();
        for item in items {
            let Some(address) = self.address(item) else { continue };
            self.check_free(taken, address, item);
            self.check_free(&listen, address, item);
            listen.push(address);
        }
        if listen.is_empty() { vec![LISTEN] } else { listen }
    }

    fn check_free(&mut self, taken: &[SocketAddr], address: SocketAddr, node: &Node) {
        // Port 0 is another free port each time.
        if address.port() != 0 && taken.contains(&address) {
            self.error(node.mark, format!("duplicate address `{address}`; each is listened on once"));
        }
    }

    fn address(&mut self, node: &Node) -> Option<SocketAddr> {
        const EXPECTED: &str = "an IP address and a port such as `127.0.0.1:8080` or `[::1]:8080`";
        let text = self.text(node, EXPECTED)?;
        let address = text.parse().ok();
        if address.is_none() {
            match text.strip_prefix(':') {
                Some(port) if port.parse::<u16>().is_ok() => {
                    let message =
                        format!("expected {EXPECTED}, found {node}; write `0.0.0.0:{port}` for every IPv4 address");
                    self.error(node.mark, message);
                }
                _ => self.expected(EXPECTED, node),
            }
        }
        address
    }

    pub(super) fn workers(&mut self, node: Option<&Arc<Node>>) -> Option<usize> {
        /// More than the cores of any machine we know gain nothing and cost memory.
        const MAX_WORKERS: u64 = 256;
        self.integer(node?, 1, MAX_WORKERS).map(|workers| workers as usize)
    }

    pub(super) fn trusted_proxies(&mut self, node: Option<&Arc<Node>>) -> Vec<IpNet> {
        const EXPECTED: &str = "an IP address or a network such as `10.0.0.0/8`";
        let Some(node) = node else {
            return Vec::new();
        };
        let mut networks = Vec::new();
        for item in self.one_or_many(node, &format!("{EXPECTED}, or a list of them")) {
            let Some(text) = self.text(item, EXPECTED) else { continue };
            let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
            match network {
                Some(network) if network.addr() != network.network() => {
                    let message = format!(
                        "expected a network without host bits, found {}; did you mean `{}`?",
                        Quoted(text),
                        network.trunc()
                    );
                    self.error(item.mark, message);
                }
                Some(network) => networks.push(network),
                None => self.expected(EXPECTED, item),
            }
        }
        networks
    }

    pub(super) fn access_log(&mut self, node: Option<&Arc<Node>>) -> AccessLog {
        let words = [("stdout", AccessLog::Stdout), ("stderr", AccessLog::Stderr), ("off", AccessLog::Off)];
        node.and_then(|node| self.choice(node, &words)).unwrap_or_default()
    }

    pub(super) fn underscores(&mut self, node: Option<&Arc<Node>>) -> Underscores {
        let words = [("drop", Underscores::Drop), ("allow", Underscores::Allow), ("refuse", Underscores::Refuse)];
        node.and_then(|node| self.choice(node, &words)).unwrap_or_default()
    }

    /// `via`: a pseudonym (RFC 9110 §7.6.3), or `off`.
    pub(super) fn via(&mut self, node: Option<&Arc<Node>>) -> Option<String> {
        const EXPECTED: &str = "a name of letters, digits, `-`, `.` and `_`, or `off`";
        let Some(node) = node else { return Some("tollgate".to_owned()) };
        let text = self.text(node, EXPECTED)?;
        let is_name = !text.is_empty()
            && text.len() <= 64
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
        if !is_name {
            self.expected(EXPECTED, node);
        }
        (is_name && text != "off").then(|| text.to_owned())
    }

    pub(super) fn gateway_limits(&mut self, node: Option<&Arc<Node>>) -> GatewayLimits {
        const KEYS: [&str; 31] = [
            "client-ipv6-prefix",
            "key-guesses",
            "request-header-timeout",
            "request-body-timeout",
            "request-body-rate",
            "response-write-timeout",
            "tls-handshake-timeout",
            "http2-streams",
            "http2-window",
            "http2-control-frames",
            "http2-keep-alive",
            "upgrades",
            "upgrade-idle-timeout",
            "origin-http2-streams",
            "idle-timeout",
            "connect-timeout",
            "response-header-timeout",
            "total-timeout",
            "drain-timeout",
            "header-bytes",
            "headers",
            "uri-bytes",
            "request-body-bytes",
            "connections",
            "origin-idle-connections",
            "origin-idle-timeout",
            "concurrent-requests",
            "memory-bytes",
            "memory-percent",
            "retry-percent",
            "retry-floor",
        ];
        let mut limits = GatewayLimits::default();
        let Some(node) = node else {
            return limits;
        };
        let fields = self.fields(node, "a mapping of limits", &KEYS);
        let l = &mut limits;
        self.set_seconds(&fields, "request-header-timeout", false, &mut l.request_header_timeout);
        self.set_seconds(&fields, "request-body-timeout", false, &mut l.request_body_timeout);
        if let Some(rate) = fields.get("request-body-rate").and_then(|node| self.bytes(node, 0, 1 << 30)) {
            l.request_body_rate = rate;
        }
        self.set_seconds(&fields, "response-write-timeout", false, &mut l.response_write_timeout);
        self.set_seconds(&fields, "tls-handshake-timeout", false, &mut l.tls_handshake_timeout);
        self.set_seconds(&fields, "http2-keep-alive", false, &mut l.http2.keep_alive);
        self.set_number(&fields, "http2-streams", 1, 10_000, &mut l.http2.streams);
        self.set_bytes(&fields, "http2-window", 16 << 10, 16 << 20, &mut l.http2.window);
        self.set_number(&fields, "http2-control-frames", 100, 1_000_000, &mut l.http2.control_frames);
        self.set_count(&fields, "upgrades", 0, 1_000_000, &mut l.upgrades.connections);
        self.set_seconds(&fields, "upgrade-idle-timeout", false, &mut l.upgrades.idle_timeout);
        self.set_count(&fields, "origin-http2-streams", 1, 10_000, &mut l.origin_http2_streams);
        self.set_seconds(&fields, "idle-timeout", false, &mut l.idle_timeout);
        self.set_seconds(&fields, "drain-timeout", true, &mut l.drain_timeout);
        self.set_seconds(&fields, "origin-idle-timeout", false, &mut l.origin_idle_timeout);
        let names = ["connect-timeout", "response-header-timeout", "total-timeout"];
        self.set_timeouts(&fields, names, &mut l.timeouts);
        // hyper reads heads into a buffer of 8 KiB at least.
        self.set_bytes(&fields, "header-bytes", 8 << 10, 1 << 20, &mut l.header_bytes);
        self.set_count(&fields, "headers", 1, 1_000, &mut l.headers);
        // The crate `http` reads URIs of fewer than 65,535 bytes.
        self.set_bytes(&fields, "uri-bytes", 256, 65_534, &mut l.uri_bytes);
        self.set_bytes(&fields, "request-body-bytes", 0, 1 << 40, &mut l.request_body_bytes);
        self.set_count(&fields, "connections", 1, 1_000_000, &mut l.connections);
        self.set_count(&fields, "origin-idle-connections", 0, 10_000, &mut l.origin_idle_connections);
        self.set_count(&fields, "concurrent-requests", 1, 10_000_000, &mut l.concurrent_requests);
        l.memory_bytes = fields.get("memory-bytes").and_then(|node| self.bytes(node, 1 << 20, 1 << 50));
        self.set_count(&fields, "memory-percent", 0, 100, &mut l.memory_percent);
        self.set_count(&fields, "retry-percent", 0, 1_000, &mut l.retry_percent);
        self.set_count(&fields, "retry-floor", 0, 1_000_000, &mut l.retry_floor);
        if let Some(bits) = fields.get("client-ipv6-prefix").and_then(|node| self.integer(node, 16, 128)) {
            l.client_ipv6_prefix = bits as u8;
        }
        if let Some(guesses) = fields.get("key-guesses").and_then(|node| self.integer(node, 0, 1_000_000)) {
            l.key_guesses = guesses;
        }
        limits
    }

    /// `connect`, `response-header` and `total`, whatever they are called here; a total of 0 is none.
    pub(super) fn set_timeouts(&mut self, fields: &Fields<'_>, keys: [&str; 3], timeouts: &mut Timeouts) {
        let [connect, response_header, total] = keys;
        self.set_seconds(fields, connect, false, &mut timeouts.connect);
        self.set_seconds(fields, response_header, false, &mut timeouts.response_header);
        if let Some(value) = fields.get(total).and_then(|node| self.seconds(node, true, MAX_SECONDS)) {
            timeouts.total = Some(value).filter(|value| !value.is_zero());
        }
    }

    fn set_seconds(&mut self, fields: &Fields<'_>, key: &str, from_zero: bool, value: &mut Duration) {
        if let Some(found) = fields.get(key).and_then(|node| self.seconds(node, from_zero, MAX_SECONDS)) {
            *value = found;
        }
    }

    fn set_bytes<T: TryFrom<u64>>(&mut self, fields: &Fields<'_>, key: &str, min: u64, max: u64, value: &mut T) {
        let found = fields.get(key).and_then(|node| self.bytes(node, min, max));
        if let Some(found) = found.and_then(|found| T::try_from(found).ok()) {
            *value = found;
        }
    }

    fn set_count(&mut self, fields: &Fields<'_>, key: &str, min: u64, max: u64, value: &mut usize) {
        if let Some(found) = fields.get(key).and_then(|node| self.integer(node, min, max)) {
            *value = found as usize;
        }
    }

    pub(super) fn trace_context(&mut self, node: Option<&Arc<Node>>) -> TraceContext {
        const MODES: [(&str, TraceContextMode); 3] = [
            ("continue", TraceContextMode::Continue),
            ("restart", TraceContextMode::Restart),
            ("off", TraceContextMode::Off),
        ];
        let mut context = TraceContext::default();
        let Some(node) = node else { return context };
        let fields =
            self.fields(node, "a mapping with the keys `mode` and `sample-percent`", &["mode", "sample-percent"]);
        context.mode = self.word(&fields, "mode", &MODES);
        if let Some(percent) = fields.get("sample-percent").and_then(|node| self.integer(node, 0, 100)) {
            context.sample_percent = u32::try_from(percent).unwrap_or(context.sample_percent);
        }
        context
    }

    fn set_number(&mut self, fields: &Fields<'_>, key: &str, min: u64, max: u32, value: &mut u32) {
        let found = fields.get(key).and_then(|node| self.integer(node, min, u64::from(max)));
        if let Some(found) = found.and_then(|found| u32::try_from(found).ok()) {
            *value = found;
        }
    }

    pub(super) fn state(&mut self, node: Option<&Arc<Node>>) -> StateSettings {
        const KEYS: [&str; 6] =
            ["directory", "limiter-bytes", "cache-bytes", "cache-entry-bytes", "quota-flush-ms", "durable"];
        /// More memory than a gateway's machine has.
        const MAX_BYTES: u64 = 64 << 30;
        let mut state = StateSettings::default();
        let Some(node) = node else {
            return state;
        };
        let fields = self.fields(node, "a mapping with keys such as `directory`", &KEYS);
        if let Some(node) = fields.get("directory") {
            const EXPECTED: &str = "the path of a directory";
            match self.text(node, EXPECTED) {
                Some("") => self.expected(EXPECTED, node),
                Some(path) => state.directory = Some(self.folder.join(path)),
                None => {}
            }
        }
        self.set_bytes(&fields, "limiter-bytes", 1 << 20, MAX_BYTES, &mut state.limiter_bytes);
        self.set_bytes(&fields, "cache-bytes", 0, MAX_BYTES, &mut state.cache_bytes);
        self.set_bytes(&fields, "cache-entry-bytes", 1 << 10, MAX_BYTES, &mut state.cache_entry_bytes);
        if state.cache_bytes > 0 && state.cache_entry_bytes > state.cache_bytes {
            if let Some(node) = fields.get("cache-entry-bytes") {
                self.expected(&format!("no more than `cache-bytes`, {}", state.cache_bytes), node);
            }
            state.cache_entry_bytes = CACHE_ENTRY_BYTES.min(state.cache_bytes);
        }
        if let Some(ms) = fields.get("quota-flush-ms").and_then(|node| self.integer(node, 1, 60_000)) {
            state.quota_flush = Duration::from_millis(ms);
        }
        let durable = [("batched", Durable::Batched), ("strict", Durable::Strict)];
        if let Some(found) = fields.get("durable").and_then(|node| self.choice(node, &durable)) {
            state.durable = found;
        }
        state
    }
}
