//! Origins, as browsers send them and as operators list them.

use tollgate_sdk::deserialize_text;
use tollgate_sdk::schema::{Node, Schema};
use tollgate_sdk::serde::{Deserialize, Deserializer};

/// An origin that may call: any, or one with its scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AllowedOrigin {
    Any,
    /// As browsers write it: in lower case and without the scheme's usual port.
    One(String),
}

impl AllowedOrigin {
    /// An origin, unless the text is none; the error is for the operator.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let none = |why: &str| format!("`{text}` is no origin: {why}");
        let (scheme, rest) = text.split_once("://").ok_or_else(|| none("write it as `https://a.example`, or `*`"))?;
        let scheme_fits = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        if !scheme_fits {
            return Err(none("its scheme is none"));
        }
        if rest.contains(['/', '?', '#']) {
            return Err(none("it ends with the host or the port, and has no path"));
        }
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (rest, None),
        };
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host_fits = match bracketed {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
        };
        if !host_fits {
            return Err(none("its host is none; other than `*` alone, nothing stands for several"));
        }
        let port_fits = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
        if port.is_some_and(|port| !port_fits(port)) {
            return Err(none("its port is none"));
        }
        Ok(Self::One(normal(text)))
    }

    /// Whether this is the origin of a request, given as `normal` writes it.
    pub(crate) fn is(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::One(allowed) => allowed == origin,
        }
    }
}

/// In lower case, and without the port that the scheme has anyway.
pub(crate) fn normal(origin: &str) -> String {
    let lower = origin.to_ascii_lowercase();
    let usual = match lower.split_once(':') {
        Some(("http", _)) => ":80",
        Some(("https", _)) => ":443",
        _ => return lower,
    };
    match lower.strip_suffix(usual) {
        Some(short) => short.to_owned(),
        None => lower,
    }
}

impl<'de> Deserialize<'de> for AllowedOrigin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_text(deserializer, Self::parse)
    }
}

impl Schema for AllowedOrigin {
    const SCHEMA: Node = Node::text().described("`*`, or a scheme, a host and perhaps a port: `https://a.example`.");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_compared_as_browsers_write_it() {
        for (written, sent) in [
            ("https://a.example", "https://a.example"),
            ("HTTPS://A.Example:443", "https://a.example"),
            ("http://a.example:80", "http://a.example"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("*", "anything"),
        ] {
            assert!(AllowedOrigin::parse(written).unwrap().is(&normal(sent)), "{written}");
        }
        let allowed = AllowedOrigin::parse("https://a.example").unwrap();
        for other in ["http://a.example", "https://a.example:8443", "https://a.example.evil", "null", ""] {
            assert!(!allowed.is(&normal(other)), "{other}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in [
            "",
            "a.example",
            "null",
            "https://",
            "https://a.example/",
            "https://a.example/b",
            "https://*.a.example",
            "https://a b",
            "https://u@a.example",
            "https://a.example:",
            "https://a.example:70000",
            "https://[::x]",
            "1x://a",
        ] {
            assert!(AllowedOrigin::parse(text).is_err(), "{text}");
        }
    }
}
