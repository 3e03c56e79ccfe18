//! Hosts and ports, as URLs write them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `host[:port]` in its two parts, with `default` for a port that isn't written. The host isn't looked at.
pub fn split(authority: &str, default: u16) -> Option<(&str, u16)> {
    // The colons of an IPv6 address are inside its brackets.
    let after_host = authority.rfind(']').map_or(0, |at| at + 1);
    let Some(at) = authority[after_host..].find(':') else {
        return Some((authority, default));
    };
    let (host, port) = authority.split_at(after_host + at);
    let digits = &port[1..];
    let port = digits.parse().ok().filter(|&port: &u16| port != 0 && digits.bytes().all(|b| b.is_ascii_digit()));
    port.map(|port| (host, port))
}

/// True for a name, an IPv4 address, or an IPv6 address in its brackets.
///
/// Names are labels of letters, digits, `-` and `_`, with or without a dot at the end. What ends in a label of digits
/// only, but is no IPv4 address, is no host: resolvers read addresses into such names (`127.1`).
pub fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[') {
        return address.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    let labels = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let looks_like_ipv4 = labels.rsplit('.').next().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
    if looks_like_ipv4 {
        return host.parse::<Ipv4Addr>().is_ok();
    }
    labels.len() <= 253 && labels.split('.').all(is_label)
}

/// The address that a host is, if it is one; an IPv6 address with or without its brackets.
pub fn address(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_a_host_and_a_port() {
        for (text, expected) in [
            ("a", Some(("a", 443))),
            ("a:80", Some(("a", 80))),
            ("[::1]", Some(("[::1]", 443))),
            ("[::1]:81", Some(("[::1]", 81))),
            ("a:", None),
            ("a:0", None),
            ("a:+1", None),
            ("a:65536", None),
            ("::1", None),
        ] {
            assert_eq!(split(text, 443), expected, "{text}");
        }
    }

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for host in ["a", "a.example.", "orders_api", "127.0.0.1", "[::1]", "1.example", "xn--bcher-kva.example"] {
            assert!(is_host(host), "{host}");
        }
        for host in ["", ".", "a..b", "-a", "a-", "ä", "a b", "1.2.3", "1.2.3.256", "127.1", "7", "::1", "[::1", "*.a"]
        {
            assert!(!is_host(host), "{host}");
        }
        assert_eq!(address("[::1]"), "::1".parse().ok());
        assert_eq!(address("::1"), "::1".parse().ok());
        assert_eq!(address("a"), None);
    }
}
