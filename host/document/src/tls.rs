//! `tls`: where clients are served within TLS, and with which certificates.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::diagnostics::Mark;

/// The top-level key `tls`.
#[derive(Clone, Debug)]
pub struct ListenTls {
    /// `listen`; at least one address.
    pub listen: Vec<SocketAddr>,
    /// In the order of the file; at least one. The first serves clients that name no host, or one that nobody knows.
    pub certificates: Vec<CertificateFiles>,
    /// `min-version`.
    pub min_version: TlsVersion,
}

/// An entry of `tls.certificates`: PEM files, joined to the document's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// `certificate`: the server's own first, then those that vouch for it.
    pub certificate: PathBuf,
    /// `key`: the private key of the first certificate.
    pub key: PathBuf,
    /// Where `certificate` is in the file.
    pub certificate_mark: Mark,
    /// Where `key` is in the file.
    pub key_mark: Mark,
}

/// A version of TLS. Older ones than these have been withdrawn (RFC 8996).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// `1.2`
    #[default]
    Tls12,
    /// `1.3`
    Tls13,
}
