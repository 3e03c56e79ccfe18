//! Who the client is, and what the origin is told of it.
//!
//! Only proxies that the operator trusts are believed (`reliability.md` §2.5, row 42). From anybody else the fields
//! that describe a client are dropped before a policy sees them.

/// What RFC 7239 says.
mod element;

use std::net::{IpAddr, SocketAddr};

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use smallvec::SmallVec;
use tollgate_core::message::Scheme;

/// `x-forwarded-for`
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// `x-forwarded-host`
pub const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// `x-forwarded-proto`
pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The client, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its address; never an IPv4 address in IPv6's clothes.
    pub address: IpAddr,
    /// How it reached us, or the first proxy that we trust.
    pub scheme: Scheme,
    /// The host that it addressed, if it named one.
    pub host: Option<HeaderValue>,
}

/// Find out who the client is, and leave in `headers` what an origin should know: `x-forwarded-for` with the peer
/// added, `x-forwarded-proto` and `x-forwarded-host`. Takes `host` away.
pub fn identify(headers: &mut HeaderMap, peer: IpAddr, scheme: Scheme, trusted: &[IpNet]) -> Client {
    let peer = peer.to_canonical();
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    let host = headers.remove(header::HOST);
    let client = if is_trusted(&peer) {
        believe(headers, peer, scheme, host, is_trusted)
    } else {
        forget(headers);
        Client { address: peer, scheme, host }
    };
    announce(headers, peer, &client);
    client
}

/// What a trusted proxy says: by `x-forwarded-*`, or else by `Forwarded`.
fn believe(
    headers: &mut HeaderMap,
    peer: IpAddr,
    scheme: Scheme,
    host: Option<HeaderValue>,
    is_trusted: impl Fn(&IpAddr) -> bool,
) -> Client {
    let elements = if headers.contains_key(header::FORWARDED) { element::elements(headers) } else { Vec::new() };
    let address = if headers.contains_key(&X_FORWARDED_FOR) {
        let lines = headers.get_all(&X_FORWARDED_FOR).iter().rev();
        let hops = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        farthest(peer, hops.map(Some), is_trusted)
    } else {
        farthest(peer, elements.iter().map(|element| element.node.as_deref()), is_trusted)
    };
    let last = elements.first();
    let said_scheme = last_token(headers, &X_FORWARDED_PROTO).or_else(|| last?.proto.as_deref());
    let said_scheme = said_scheme.and_then(|proto| match proto {
        proto if proto.eq_ignore_ascii_case(b"https") => Some(Scheme::Https),
        proto if proto.eq_ignore_ascii_case(b"http") => Some(Scheme::Http),
        _ => None,
    });
    let said_host = last_token(headers, &X_FORWARDED_HOST)
        .or_else(|| last?.host.as_deref())
        .filter(|host| crate::serve::check::is_host(host))
        .and_then(|host| HeaderValue::from_bytes(host).ok());
    if headers.contains_key(header::FORWARDED) {
        add_forwarded(headers, peer, scheme, host.as_ref());
    }
    Client { address, scheme: said_scheme.unwrap_or(scheme), host: said_host.or(host) }
}

/// The last hop that isn't ours, seen from here. `hops` come last first; whatever stands before something unreadable
/// wasn't written by somebody we know.
fn farthest<'h>(
    peer: IpAddr,
    hops: impl Iterator<Item = Option<&'h [u8]>>,
    is_trusted: impl Fn(&IpAddr) -> bool,
) -> IpAddr {
    let mut address = peer;
    for hop in hops {
        match hop.and_then(parse_hop) {
            Some(hop) if is_trusted(&address) => address = hop,
            _ => break,
        }
    }
    address
}

/// Drop what a stranger says of itself.
fn forget(headers: &mut HeaderMap) {
    let names: SmallVec<[HeaderName; 4]> = headers
        .keys()
        .filter(|name| {
            let name = name.as_str();
            name.starts_with("x-forwarded-")
                || matches!(
                    name,
                    "forwarded"
                        | "x-real-ip"
                        | "x-client-ip"
                        | "true-client-ip"
                        | "cf-connecting-ip"
                        | "x-cluster-client-ip"
                        | "x-original-host"
                        | "x-host"
                        | "x-forwarded"
                        | "x-http-host-override"
                        | "x-original-forwarded-for"
                )
        })
        .cloned()
        .collect();
    for name in names {
        headers.remove(name);
    }
}

fn announce(headers: &mut HeaderMap, peer: IpAddr, client: &Client) {
    let mut chain: SmallVec<[u8; 128]> = SmallVec::new();
    for line in headers.get_all(&X_FORWARDED_FOR) {
        chain.extend_from_slice(line.as_bytes());
        chain.extend_from_slice(b", ");
    }
    if chain.is_empty() && client.address != peer {
        // Known from `Forwarded` alone.
        chain.extend_from_slice(&address_text(client.address));
        chain.extend_from_slice(b", ");
    }
    chain.extend_from_slice(&address_text(peer));
    if let Ok(chain) = HeaderValue::from_bytes(&chain) {
        headers.insert(X_FORWARDED_FOR, chain);
    }
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(client.scheme.as_str()));
    match &client.host {
        Some(host) => headers.insert(X_FORWARDED_HOST, host.clone()),
        None => headers.remove(X_FORWARDED_HOST),
    };
}

/// RFC 7239: one more element, so that nobody takes the peer's word for the last hop's.
fn add_forwarded(headers: &mut HeaderMap, peer: IpAddr, scheme: Scheme, host: Option<&HeaderValue>) {
    let mut element: SmallVec<[u8; 128]> = SmallVec::new();
    element.extend_from_slice(b"for=");
    if peer.is_ipv6() {
        element.extend_from_slice(b"\"[");
    }
    element.extend_from_slice(&address_text(peer));
    if peer.is_ipv6() {
        element.extend_from_slice(b"]\"");
    }
    if let Some(host) = host {
        // It was checked to be a host, so nothing in it needs to be escaped.
        element.extend_from_slice(b";host=\"");
        element.extend_from_slice(host.as_bytes());
        element.extend_from_slice(b"\"");
    }
    element.extend_from_slice(b";proto=");
    element.extend_from_slice(scheme.as_str().as_bytes());
    if let Ok(element) = HeaderValue::from_bytes(&element) {
        headers.append(header::FORWARDED, element);
    }
}

/// An address as text.
pub(crate) fn address_text(address: IpAddr) -> SmallVec<[u8; 40]> {
    let mut text = Text::default();
    match address {
        // The formatter of the standard library takes ten times as long.
        IpAddr::V4(address) => {
            for (at, octet) in address.octets().into_iter().enumerate() {
                if at > 0 {
                    text.0.push(b'.');
                }
                for (unit, least) in [(100, 100), (10, 10), (1, 0)] {
                    if octet >= least {
                        text.0.push(b'0' + octet / unit % 10);
                    }
                }
            }
        }
        IpAddr::V6(address) => {
            use std::fmt::Write;
            // Text that stays in its buffer can't fail to be written.
            let _ = write!(text, "{address}");
        }
    }
    text.0
}

#[derive(Default)]
struct Text(SmallVec<[u8; 40]>);

impl std::fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// The last element of the last line: what the proxy next to us said.
fn last_token<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h [u8]> {
    let line = headers.get_all(name).iter().next_back()?;
    line.as_bytes().rsplit(|byte| *byte == b',').next().map(<[u8]>::trim_ascii)
}

/// An address as proxies write it: bare, with a port, or in brackets.
fn parse_hop(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim();
    let address = match text.parse::<IpAddr>() {
        Ok(address) => address,
        Err(_) => match text.parse::<SocketAddr>() {
            Ok(address) => address.ip(),
            Err(_) => text.strip_prefix('[')?.strip_suffix(']')?.parse().ok()?,
        },
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets() -> Vec<IpNet> {
        ["10.0.0.0/8", "fd00::/8", "127.0.0.1/32"].iter().map(|net| net.parse().unwrap()).collect()
    }

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| (HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap()))
            .collect()
    }

    fn client(peer: &str, chains: &[&str]) -> (String, String) {
        let fields: Vec<_> = chains.iter().map(|chain| ("x-forwarded-for", *chain)).collect();
        let mut headers = map(&fields);
        let client = identify(&mut headers, peer.parse().unwrap(), Scheme::Http, &nets());
        (client.address.to_string(), headers["x-forwarded-for"].to_str().unwrap().to_owned())
    }

    #[test]
    fn the_client_is_the_last_hop_that_is_not_ours() {
        for (peer, chains, expected, announced) in [
            ("192.0.2.1", &[][..], "192.0.2.1", "192.0.2.1"),
            // A stranger says what it likes.
            ("192.0.2.1", &["203.0.113.9"], "192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", &["203.0.113.9"], "192.0.2.1", "192.0.2.1"),
            // Through our proxies.
            ("10.0.0.1", &["203.0.113.9"], "203.0.113.9", "203.0.113.9, 10.0.0.1"),
            ("::ffff:10.0.0.1", &["203.0.113.9"], "203.0.113.9", "203.0.113.9, 10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1, 203.0.113.9"], "203.0.113.9", "198.51.100.1, 203.0.113.9, 10.0.0.1"),
            (
                "10.0.0.1",
                &["198.51.100.1", "203.0.113.9, 10.2.3.4"],
                "203.0.113.9",
                "198.51.100.1, 203.0.113.9, 10.2.3.4, 10.0.0.1",
            ),
            ("fd00::1", &["2001:db8::1"], "2001:db8::1", "2001:db8::1, fd00::1"),
            // All ours: the farthest.
            ("10.0.0.1", &["10.9.9.9, 10.8.8.8"], "10.9.9.9", "10.9.9.9, 10.8.8.8, 10.0.0.1"),
            ("10.0.0.1", &[], "10.0.0.1", "10.0.0.1"),
            // As proxies write them.
            ("10.0.0.1", &["203.0.113.9:4711"], "203.0.113.9", "203.0.113.9:4711, 10.0.0.1"),
            ("10.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1", "[2001:db8::1]:4711, 10.0.0.1"),
            ("10.0.0.1", &["[2001:db8::1]"], "2001:db8::1", "[2001:db8::1], 10.0.0.1"),
            ("10.0.0.1", &["::ffff:203.0.113.9"], "203.0.113.9", "::ffff:203.0.113.9, 10.0.0.1"),
            // Garbage ends the search with the last good hop.
            ("10.0.0.1", &["203.0.113.9, unknown, 10.1.1.1"], "10.1.1.1", "203.0.113.9, unknown, 10.1.1.1, 10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9,"], "10.0.0.1", "203.0.113.9,, 10.0.0.1"),
            ("10.0.0.1", &[""], "10.0.0.1", ", 10.0.0.1"),
        ] {
            assert_eq!(client(peer, chains), (expected.to_owned(), announced.to_owned()), "{peer} {chains:?}");
        }
    }

    #[test]
    fn no_stranger_is_another_client_whatever_it_says() {
        for number in 0..1000u32 {
            let chain = format!("{}, 10.0.0.1", IpAddr::from(number.to_be_bytes()));
            assert_eq!(client("192.0.2.1", &[&chain]).0, "192.0.2.1");
        }
    }

    #[test]
    fn scheme_and_host_are_believed_only_of_trusted_proxies() {
        let fields = [
            ("host", "inner"),
            ("x-forwarded-host", "evil.example, public.example"),
            ("x-forwarded-proto", "HTTPS"),
            ("x-forwarded-prefix", "/x"),
            ("x-real-ip", "203.0.113.9"),
            ("forwarded", "for=203.0.113.9"),
        ];
        let mut headers = map(&fields);
        let client = identify(&mut headers, "192.0.2.1".parse().unwrap(), Scheme::Http, &nets());
        assert_eq!((client.scheme, client.host.unwrap()), (Scheme::Http, "inner".parse().unwrap()));
        assert_eq!(headers["x-forwarded-host"], "inner");
        assert_eq!(headers["x-forwarded-proto"], "http");
        assert_eq!(headers.len(), 3);

        let mut headers = map(&fields);
        let client = identify(&mut headers, "10.0.0.1".parse().unwrap(), Scheme::Http, &nets());
        assert_eq!((client.scheme, client.host.unwrap()), (Scheme::Https, "public.example".parse().unwrap()));
        assert_eq!(headers["x-forwarded-host"], "public.example");
        assert_eq!(headers["x-forwarded-proto"], "https");
        assert_eq!(
            headers.get_all("forwarded").iter().collect::<Vec<_>>(),
            ["for=203.0.113.9", "for=10.0.0.1;host=\"inner\";proto=http"]
        );
        assert!(!headers.contains_key("host"));

        let mut headers = map(&[("x-forwarded-host", "a/b"), ("x-forwarded-proto", "gopher")]);
        let client = identify(&mut headers, "10.0.0.1".parse().unwrap(), Scheme::Http, &nets());
        assert_eq!((client.scheme, client.host), (Scheme::Http, None));
        assert!(!headers.contains_key("x-forwarded-host"));
    }

    #[test]
    fn a_trusted_proxy_may_speak_of_the_client_by_forwarded_alone() {
        let said = "for=192.0.2.9, for=\"[2001:db8::7]:4711\";host=public.example;proto=https, for=10.4.4.4";
        let mut headers = map(&[("host", "inner"), ("forwarded", said)]);
        let client = identify(&mut headers, "10.0.0.1".parse().unwrap(), Scheme::Http, &nets());
        assert_eq!(client.address, "2001:db8::7".parse::<IpAddr>().unwrap());
        // The proxy next to us says nothing of scheme and host.
        assert_eq!((client.scheme, client.host.unwrap()), (Scheme::Http, "inner".parse().unwrap()));
        assert_eq!(headers["x-forwarded-for"], "2001:db8::7, 10.0.0.1");
        let mut headers = map(&[("forwarded", "for=203.0.113.9;host=public.example;proto=https")]);
        let client = identify(&mut headers, "10.0.0.1".parse().unwrap(), Scheme::Http, &nets());
        assert_eq!((client.scheme, client.host.unwrap()), (Scheme::Https, "public.example".parse().unwrap()));
        let mut headers = map(&[("forwarded", "for=203.0.113.9;host=public.example;proto=https")]);
        let client = identify(&mut headers, "192.0.2.1".parse().unwrap(), Scheme::Http, &nets());
        assert_eq!((client.address.to_string(), client.scheme), ("192.0.2.1".into(), Scheme::Http));
        assert!(!headers.contains_key("forwarded"));
    }

    #[test]
    fn addresses_are_written_as_everybody_writes_them() {
        for text in ["0.0.0.0", "1.22.133.255", "100.10.9.0", "::1", "2001:db8::ff:1"] {
            assert_eq!(&address_text(text.parse().unwrap())[..], text.as_bytes());
        }
    }
}
