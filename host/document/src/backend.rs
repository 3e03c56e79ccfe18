//! Origins: where requests go, and how they are trusted.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use tollgate_core::authority;
use tollgate_core::message::Scheme;

use crate::diagnostics::Mark;
use crate::read::origin;

/// An entry of `backends`: an origin with a name.
#[derive(Clone, Debug)]
pub struct Backend {
    /// Example: `v2`.
    pub id: String,
    /// Its `url`.
    pub origin: Origin,
    /// How the origin is trusted.
    pub tls: OriginTls,
    /// Where it begins in the file.
    pub mark: Mark,
}

/// The base URL of an origin, `http://host[:port][/base]` or `https://…`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Cleartext or TLS.
    pub scheme: Scheme,
    /// A name or an IPv4 address in lower case, or an IPv6 address in its brackets.
    pub host: String,
    /// The port; by default the scheme's own.
    pub port: u16,
    /// Put before every path: empty, or with a slash before it and none behind it. Example: `/v1`.
    pub base: String,
}

impl Origin {
    /// Read an absolute URL without user, password, query and fragment; or say what was expected, as what may stand
    /// behind the word "expected".
    pub fn parse(url: &str) -> Result<Origin, &'static str> {
        origin::parse(url)
    }

    /// The value of `host`: without the port if it is the scheme's own.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    /// The address, if the host is one and needs no look-up.
    pub fn address(&self) -> Option<SocketAddr> {
        authority::address(&self.host).map(|ip| SocketAddr::new(ip, self.port))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.as_str(), self.authority(), self.base)
    }
}

/// `tls` of an API or a backend: how an `https` origin is trusted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OriginTls {
    /// `ca-file`, joined to the document's folder: the only authorities that are trusted; none for the usual ones.
    pub ca_file: Option<PathBuf>,
    /// False to take every certificate for every name. Dangerous: whoever is between gateway and origin reads and
    /// changes everything.
    pub verify: bool,
}

impl Default for OriginTls {
    fn default() -> OriginTls {
        OriginTls { ca_file: None, verify: true }
    }
}
