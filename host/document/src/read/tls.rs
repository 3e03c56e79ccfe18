//! `tls`: addresses and certificates. The certificates' files are read when a plan is made.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::Reader;
use super::fields::Fields;
use crate::tls::{CertificateFiles, ListenTls, TlsVersion};
use crate::yaml::{Node, Scalar};

const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8443);

const CERTIFICATES: &str = "certificates, each with `certificate` and `key`";

impl Reader<'_> {
    /// `tls`; `taken` are the addresses of `listen` and `admin`.
    pub(super) fn listen_tls(&mut self, node: Option<&Arc<Node>>, taken: &[SocketAddr]) -> Option<ListenTls> {
        let keys = ["listen", "certificates", "min-version"];
        let fields = self.fields(node?, "a mapping with the key `certificates`", &keys);
        let listen = match fields.get("listen") {
            None => vec![LISTEN],
            Some(node) => self.listen_addresses(node, taken),
        };
        let list = self.required(&fields, "certificates", "`tls`");
        let mut certificates = Vec::new();
        for fields in self.each(list, CERTIFICATES, &["certificate", "key"]) {
            certificates.extend(self.certificate(&fields));
        }
        if let Some(node) = list
            && matches!(&node.content, crate::yaml::Content::List(items) if items.is_empty())
        {
            self.error(node.mark, "expected at least one certificate in `certificates`, found an empty list");
        }
        let min_version = fields.get("min-version").and_then(|node| self.tls_version(node)).unwrap_or_default();
        Some(ListenTls { listen, certificates, min_version })
    }

    fn certificate(&mut self, fields: &Fields<'_>) -> Option<CertificateFiles> {
        let what = "a certificate of `tls`";
        let certificate = self.required(fields, "certificate", what);
        let key = self.required(fields, "key", what);
        let certificate = certificate.and_then(|node| self.file(node, "the path of a PEM file with certificates"));
        let key = key.and_then(|node| self.file(node, "the path of a PEM file with a private key"));
        Some(CertificateFiles {
            certificate: certificate?,
            key: key?,
            certificate_mark: fields.mark_of("certificate"),
            key_mark: fields.mark_of("key"),
        })
    }

    /// A version is no number, but plain `1.2` looks like one.
    fn tls_version(&mut self, node: &Node) -> Option<TlsVersion> {
        match node.scalar().map(Scalar::text) {
            Some("1.2") => Some(TlsVersion::Tls12),
            Some("1.3") => Some(TlsVersion::Tls13),
            _ => {
                self.expected("one of `1.2`, `1.3`", node);
                None
            }
        }
    }
}
