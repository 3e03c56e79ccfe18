//! The base URL of an origin: what a request's path is put behind.

use std::fmt;

use http::Uri;

use crate::authority;
use crate::message::Scheme;

/// `http://host[:port][/base]`, or the same with `https`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BaseUrl {
    /// `http` or `https`.
    pub scheme: Scheme,
    /// A name or an IPv4 address in lower case, or an IPv6 address in its brackets.
    pub host: String,
    /// The scheme's own if the URL has none.
    pub port: u16,
    /// Empty, or with a slash before it and none behind it. Example: `/v1`.
    pub base: String,
}

impl BaseUrl {
    /// Read a URL.
    ///
    /// # Errors
    ///
    /// One sentence about what is wrong with it.
    pub fn parse(text: &str) -> Result<BaseUrl, &'static str> {
        let uri: Uri = text.parse().map_err(|_| "it is no URL")?;
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            Some(_) => return Err("its scheme is neither http nor https"),
            None => return Err("it has no scheme; it has to begin with http:// or https://"),
        };
        let sent = uri.authority().ok_or("it has no host")?;
        if sent.as_str().contains('@') {
            return Err("it holds a user name or a password, which belongs into a header");
        }
        if uri.query().is_some() || text.contains('#') {
            return Err("it has a query or a fragment, which a base URL can't have");
        }
        let (host, port) = authority::split(sent.as_str(), scheme.default_port()).ok_or("its port is none")?;
        let host = host.to_ascii_lowercase();
        if !authority::is_host(&host) {
            return Err("its host is neither a name nor an address");
        }
        Ok(BaseUrl { scheme, host, port, base: uri.path().trim_end_matches('/').to_owned() })
    }

    /// The value of `host`: without the port if it is the scheme's own.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.as_str(), self.authority(), self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_read_and_written() {
        for (text, written) in [
            ("http://A.example", "http://a.example"),
            ("https://a.example:443/v1/", "https://a.example/v1"),
            ("http://[::1]:9000/x", "http://[::1]:9000/x"),
            ("https://a.example:80", "https://a.example:80"),
        ] {
            assert_eq!(BaseUrl::parse(text).unwrap().to_string(), written, "{text}");
        }
        for text in [
            "",
            "a.example",
            "/x",
            "ftp://a",
            "http://",
            "http://u:p@a",
            "http://a?x",
            "http://a#x",
            "http://a:0",
            "http://a:99999",
        ] {
            assert!(BaseUrl::parse(text).is_err(), "{text}");
        }
    }
}
