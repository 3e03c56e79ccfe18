//! The base URL of an origin.

use tollgate_core::base_url::BaseUrl;
use tollgate_core::message::Scheme;
use tollgate_core::{authority, path};

/// How a `backend` is described in messages.
pub(super) const EXPECTED: &str = "the URL of an origin, `http://host[:port][/base]` or `https://…`";

/// Stands for an origin that couldn't be read: a name that never resolves (RFC 6761 §6.4).
pub(super) fn placeholder() -> BaseUrl {
    BaseUrl { scheme: Scheme::Http, host: "unreadable.invalid".into(), port: 80, base: String::new() }
}

/// Read a URL, or say what was expected.
pub(crate) fn parse(text: &str) -> Result<BaseUrl, &'static str> {
    let (scheme, rest) = Scheme::split(text).ok_or(EXPECTED)?;
    if rest.contains(['?', '#']) {
        return Err("the URL of an origin without query and fragment");
    }
    let (host_and_port, base) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if host_and_port.contains('@') {
        return Err("the URL of an origin without user and password");
    }
    let (host, port) = authority::split(host_and_port, scheme.default_port()).ok_or(EXPECTED)?;
    let host = host.to_ascii_lowercase();
    if !authority::is_host(&host) {
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
    Ok(BaseUrl { scheme, host, port, base })
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
        assert_eq!(parse("http://a:80").unwrap().authority(), "a");
    }

    #[test]
    fn the_scheme_decides_which_port_need_not_be_written() {
        for (text, scheme, port, authority, displayed) in [
            ("https://a", Scheme::Https, 443, "a", "https://a"),
            ("HTTPS://A:443/v1/", Scheme::Https, 443, "a", "https://a/v1"),
            ("https://a:80", Scheme::Https, 80, "a:80", "https://a:80"),
            ("http://a:443", Scheme::Http, 443, "a:443", "http://a:443"),
            ("https://[::1]:8443/b", Scheme::Https, 8443, "[::1]:8443", "https://[::1]:8443/b"),
        ] {
            let origin = parse(text).unwrap();
            assert_eq!((origin.scheme, origin.port), (scheme, port), "{text}");
            assert_eq!(origin.authority(), authority, "{text}");
            assert_eq!(origin.to_string(), displayed, "{text}");
        }
    }

    #[test]
    fn other_urls_are_refused_with_the_reason() {
        for (text, expected) in [
            ("ftp://a", "http://host"),
            ("https:/a", "http://host"),
            ("https://u@a", "user and password"),
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
