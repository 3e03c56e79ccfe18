//! The base URL of an origin.

use std::net::{Ipv4Addr, Ipv6Addr};

use tollgate_core::path;

use crate::document::Origin;

/// How a `backend` is described in messages.
pub(super) const EXPECTED: &str = "the URL of an origin, `http://host[:port][/base]`";

/// Stands for an origin that couldn't be read: a name that never resolves (RFC 6761 §6.4).
pub(super) fn placeholder() -> Origin {
    Origin { host: "unreadable.invalid".into(), port: 80, base: String::new() }
}

/// Read a URL, or say what was expected.
pub(super) fn parse(text: &str) -> Result<Origin, &'static str> {
    let is_scheme = |scheme: &str| text.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme));
    if is_scheme("https://") {
        return Err("an `http://` URL (TLS to origins comes with a later version)");
    }
    if !is_scheme("http://") {
        return Err(EXPECTED);
    }
    let rest = &text["http://".len()..];
    if rest.contains(['?', '#']) {
        return Err("the URL of an origin without query and fragment");
    }
    let (authority, base) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if authority.contains('@') {
        return Err("the URL of an origin without user and password");
    }
    let (host, port) = split_port(authority).ok_or(EXPECTED)?;
    let host = host.to_ascii_lowercase();
    if !is_host(&host) {
        return Err(EXPECTED);
    }
    let base = base.strip_suffix('/').unwrap_or(base);
    let base = if base.is_empty() {
        String::new()
    } else {
        match path::normalise(base) {
            Ok(normal) if normal == base && !base.ends_with('/') => base.to_owned(),
            _ => return Err("the URL of an origin with its path in normal form"),
        }
    };
    Ok(Origin { host, port, base })
}

fn split_port(authority: &str) -> Option<(&str, u16)> {
    // The colons of an IPv6 address are inside its brackets.
    let after_host = authority.rfind(']').map_or(0, |at| at + 1);
    match authority[after_host..].find(':') {
        None => Some((authority, 80)),
        Some(at) => {
            let (host, port) = authority.split_at(after_host + at);
            let digits = &port[1..];
            let port =
                digits.parse().ok().filter(|&port: &u16| port != 0 && digits.bytes().all(|b| b.is_ascii_digit()));
            port.map(|port| (host, port))
        }
    }
}

fn is_host(host: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_host_a_port_and_a_base() {
        for (text, host, port, base) in [
            ("http://a", "a", 80, ""),
            ("http://a/", "a", 80, ""),
            ("HTTP://A.Example.:8080/v1/", "a.example.", 8080, "/v1"),
            ("http://127.0.0.1:9000/v1/x%20y", "127.0.0.1", 9000, "/v1/x%20y"),
            ("http://[::1]:81", "[::1]", 81, ""),
            ("http://[2001:db8::1]/b", "[2001:db8::1]", 80, "/b"),
            ("http://orders_api:80", "orders_api", 80, ""),
        ] {
            let origin = parse(text).unwrap();
            assert_eq!((origin.host.as_str(), origin.port, origin.base.as_str()), (host, port, base), "{text}");
        }
        let origin = parse("http://[::1]:81/b").unwrap();
        assert_eq!(origin.to_string(), "http://[::1]:81/b");
        assert_eq!(origin.address(), "[::1]:81".parse().ok());
        assert_eq!(parse("http://a:80").unwrap().authority(), "a");
    }

    #[test]
    fn other_urls_are_refused_with_the_reason() {
        for (text, expected) in [
            ("https://a", "TLS"),
            ("ftp://a", "http://host"),
            ("a:80", "http://host"),
            ("", "http://host"),
            ("http://", "http://host"),
            ("http:///v1", "http://host"),
            ("http://u:p@a", "user and password"),
            ("http://a?x", "query"),
            ("http://a/v1#f", "fragment"),
            ("http://a:0", "http://host"),
            ("http://a:+80", "http://host"),
            ("http://a:65536", "http://host"),
            ("http://a:", "http://host"),
            ("http://1.2.3", "http://host"),
            ("http://1.2.3.256", "http://host"),
            ("http://[::1", "http://host"),
            ("http://::1", "http://host"),
            ("http://a..b", "http://host"),
            ("http://-a", "http://host"),
            ("http://ä", "http://host"),
            ("http://a b", "http://host"),
            ("http://a/v1//", "normal form"),
            ("http://a/../v1", "normal form"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
