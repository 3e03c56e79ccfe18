//! Which origins statements may call, and which addresses need more than a name to be called.
//!
//! A rule names hosts. What a name resolves to is somebody else's to say, so an address that [is private](is_private)
//! is called only if the rule says `private` too: else whoever owns a name owns the network behind the gateway.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::authority;
use crate::message::Scheme;

/// How an origin is described in messages.
pub const EXPECTED: &str =
    "an origin such as `https://tenants.example`, `https://*.example` or `http://127.0.0.1:9000`";

/// Origins that may be called.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EgressRule {
    /// See [`Scheme`].
    pub scheme: Scheme,
    /// Which hosts.
    pub host: HostPattern,
    /// The scheme's own, if none was written.
    pub port: u16,
    /// True if a name may resolve to a private address. Without effect on [an address](HostPattern::Address), which
    /// may be called whatever it is.
    pub private: bool,
}

/// The hosts of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// `*`: every name and every address.
    Any,
    /// `*.example.com`: names with at least one label before `example.com`, which stands here in lower case and
    /// without dots at its ends.
    Below(String),
    /// This name, in lower case and without a dot at its end.
    Name(String),
    /// This address. One that maps an IPv4 address is that IPv4 address.
    Address(IpAddr),
}

impl EgressRule {
    /// Read `https://host[:port]`, where a host may be `*` or begin with `*.`; or say what was expected, as what may
    /// stand behind the word "expected". Not private.
    pub fn parse(text: &str) -> Result<EgressRule, String> {
        let (scheme, rest) = Scheme::split(text).ok_or(EXPECTED)?;
        if rest.contains('@') {
            return Err("an origin without user and password".into());
        }
        if rest.contains(['/', '?', '#', '\\']) {
            return Err("an origin without path, query and fragment".into());
        }
        let (host, port) = authority::split(rest, scheme.default_port()).ok_or(EXPECTED)?;
        let host = HostPattern::parse(host).ok_or(EXPECTED)?;
        Ok(EgressRule { scheme, host, port, private: false })
    }

    /// Is `host` one of the rule's? It is as [`Wanted::of`] gives it.
    fn allows(&self, scheme: Scheme, host: &Wanted, port: u16) -> bool {
        self.scheme == scheme && self.port == port && self.host.matches(host)
    }
}

impl fmt::Display for EgressRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)?;
        if self.port == self.scheme.default_port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl HostPattern {
    fn parse(text: &str) -> Option<HostPattern> {
        if text == "*" {
            return Some(HostPattern::Any);
        }
        let (suffix, is_below) = text.strip_prefix("*.").map_or((text, false), |suffix| (suffix, true));
        if !authority::is_host(suffix) {
            return None;
        }
        match Wanted::of(suffix) {
            Wanted::Address(_) if is_below => None,
            Wanted::Address(address) => Some(HostPattern::Address(address)),
            Wanted::Name(name) if is_below => Some(HostPattern::Below(name)),
            Wanted::Name(name) => Some(HostPattern::Name(name)),
        }
    }

    fn matches(&self, wanted: &Wanted) -> bool {
        match (self, wanted) {
            (HostPattern::Any, _) => true,
            (HostPattern::Below(suffix), Wanted::Name(name)) => {
                name.strip_suffix(suffix.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            (HostPattern::Name(allowed), Wanted::Name(name)) => allowed == name,
            (HostPattern::Address(allowed), Wanted::Address(address)) => allowed == address,
            (HostPattern::Below(_) | HostPattern::Name(_), Wanted::Address(_)) => false,
            (HostPattern::Address(_), Wanted::Name(_)) => false,
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostPattern::Any => f.write_str("*"),
            HostPattern::Below(suffix) => write!(f, "*.{suffix}"),
            HostPattern::Name(name) => f.write_str(name),
            HostPattern::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            HostPattern::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// A host that somebody wants to call, in the one form that is compared.
enum Wanted {
    Name(String),
    Address(IpAddr),
}

impl Wanted {
    fn of(host: &str) -> Wanted {
        match authority::address(host) {
            Some(address) => Wanted::Address(address.to_canonical()),
            None => Wanted::Name(host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()),
        }
    }
}

/// The origins that may be called: those of any rule. Without rules, none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Egress {
    own: Vec<EgressRule>,
    /// One list for many statements: a document of a thousand APIs has a thousand origins.
    shared: Arc<[EgressRule]>,
}

/// How an origin may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// True if the address that is called in the end [may be private](is_private).
    pub private: bool,
}

impl Egress {
    /// These rules, in the order in which messages list them.
    pub fn new(rules: Vec<EgressRule>) -> Egress {
        Egress { own: rules, shared: Arc::default() }
    }

    /// These rules, and `shared` behind them.
    pub fn beside(rules: Vec<EgressRule>, shared: Arc<[EgressRule]>) -> Egress {
        Egress { own: rules, shared }
    }

    /// The rules.
    pub fn rules(&self) -> impl Iterator<Item = &EgressRule> {
        self.own.iter().chain(&*self.shared)
    }

    /// True if nothing may be called.
    pub fn is_empty(&self) -> bool {
        self.own.is_empty() && self.shared.is_empty()
    }

    /// May this origin be called, and how? None if no rule names it. `host` is a name or an address, an IPv6 address
    /// with or without brackets; case and a dot at its end don't count.
    ///
    /// If several rules name the origin, one that says `private` is enough.
    pub fn access(&self, scheme: Scheme, host: &str, port: u16) -> Option<Access> {
        let host = Wanted::of(host);
        let mut access = None;
        for rule in self.rules().filter(|rule| rule.allows(scheme, &host, port)) {
            let private = rule.private || matches!(rule.host, HostPattern::Address(_));
            if private {
                return Some(Access { private });
            }
            access = Some(Access { private });
        }
        access
    }
}

/// True for an address that isn't of the public Internet, or that no single host has: what a name that anybody owns
/// mustn't lead to. IPv6 addresses that stand for an IPv4 address are judged by that one.
pub fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_private_v4(ip),
        IpAddr::V6(ip) => is_private_v6(ip),
    }
}

fn is_private_v4(ip: Ipv4Addr) -> bool {
    match ip.octets() {
        // "This network" with 0.0.0.0, private use, loopback.
        [0 | 10 | 127, ..] => true,
        // Shared by the customers of a carrier (RFC 6598).
        [100, second, ..] => second & 0xc0 == 64,
        // Link-local; clouds answer for credentials here.
        [169, 254, ..] => true,
        [172, second, ..] => second & 0xf0 == 16,
        // IETF protocol assignments.
        [192, 0, 0, _] => true,
        [192, 168, ..] => true,
        // Benchmarks (RFC 2544).
        [198, 18 | 19, ..] => true,
        // Multicast, reserved, broadcast.
        [224..=255, ..] => true,
        _ => false,
    }
}

fn is_private_v6(ip: Ipv6Addr) -> bool {
    let v4 = |high: u16, low: u16| is_private_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match ip.segments() {
        // `::` and `::1` are the IPv4-compatible addresses of 0.0.0.0/8; the others are long out of use.
        [0, 0, 0, 0, 0, 0, high, low] => v4(high, low),
        // IPv4-mapped.
        [0, 0, 0, 0, 0, 0xffff, high, low] => v4(high, low),
        // NAT64 (RFC 6052), and its prefix for use inside a network (RFC 8215).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x64, 0xff9b, 1, ..] => true,
        // 6to4.
        [0x2002, high, low, ..] => v4(high, low),
        // Unique local, link-local, the former site-local, multicast.
        [first, ..] => first & 0xfe00 == 0xfc00 || first & 0xff80 == 0xfe80 || first & 0xff00 == 0xff00,
    }
}

#[cfg(test)]
mod tests;
