//! Certificates that are made for a test, and who trusts them.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned};
use std::io;
use std::net::TcpStream;
use std::sync::Arc;

/// Whoever signs the certificates of a test.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A server's certificate and its key, as PEM.
#[derive(Clone, Debug)]
pub struct Certificate {
    pub certificate: String,
    pub key: String,
    /// The certificate as a client gets it.
    pub der: Vec<u8>,
}

impl Certificate {
    /// A server with this certificate that agrees to one of these protocols.
    pub(crate) fn server_config(&self, protocols: &[Vec<u8>]) -> ServerConfig {
        let certificate = CertificateDer::from(self.der.clone());
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("a key of ours");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.expect("ring has versions").with_no_client_auth();
        let mut config = builder.with_single_cert(vec![certificate], key).expect("a pair of ours");
        config.alpn_protocols = protocols.to_vec();
        config
    }
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("a key can be made");
        Self { issuer: CertifiedIssuer::self_signed(params, key).expect("an authority signs itself") }
    }

    /// A certificate for these names or addresses.
    pub fn sign(&self, names: &[&str]) -> Certificate {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().expect("a key can be made");
        let params = CertificateParams::new(names).expect("names that a certificate can have");
        let signed = params.signed_by(&key, &self.issuer).expect("an authority signs");
        Certificate { certificate: signed.pem(), key: key.serialize_pem(), der: signed.der().to_vec() }
    }

    /// The authority's own certificate, as PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A client that trusts this authority and asks for `name`.
    pub fn client(&self, name: &str) -> Tls {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).expect("an authority can be trusted");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = builder.expect("ring has versions").with_root_certificates(roots).with_no_client_auth();
        Tls { config, name: name.to_owned() }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

/// How a client does TLS.
#[derive(Clone, Debug)]
pub struct Tls {
    config: ClientConfig,
    name: String,
}

impl Tls {
    /// Offer these protocols.
    pub fn offering(mut self, protocols: &[&str]) -> Self {
        self.config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        self
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) async fn over_async(
        &self,
        socket: tokio::net::TcpStream,
    ) -> io::Result<tokio_rustls::client::TlsStream<tokio::net::TcpStream>> {
        let name = ServerName::try_from(self.name.clone()).map_err(io::Error::other)?;
        tokio_rustls::TlsConnector::from(Arc::new(self.config.clone())).connect(name, socket).await
    }

    pub(crate) fn over(&self, socket: TcpStream) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let name = ServerName::try_from(self.name.clone()).map_err(io::Error::other)?;
        let session = ClientConnection::new(Arc::new(self.config.clone()), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(session, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(stream)
    }
}
