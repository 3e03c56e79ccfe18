//! What TLS to origins relies on: the system's certificates, or those of a file.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use super::connect::Alpn;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// A way to trust origins.
#[derive(Debug)]
pub struct Trust {
    /// Tells ways apart for the life of the process.
    id: u64,
    plain: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
    either: Arc<ClientConfig>,
}

/// Why certificates can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file.
    #[error("{0} can't be read: {1}")]
    File(String, rustls::pki_types::pem::Error),
    /// A file without any.
    #[error("{0} holds no certificate")]
    Empty(String),
    /// A certificate, or the library.
    #[error("{0}")]
    Tls(#[from] rustls::Error),
}

static NEXT: AtomicU64 = AtomicU64::new(1);

/// One for the process: reading the system's certificates takes milliseconds.
static OF_SYSTEM: LazyLock<Arc<Trust>> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for problem in &found.errors {
        tracing::warn!(%problem, "some of the system's certificates can't be read");
    }
    roots.add_parsable_certificates(found.certs);
    Arc::new(Trust::new(0, with_roots(roots)))
});

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

#[allow(clippy::expect_used, reason = "the provider supports the protocol versions that it comes with")]
fn builder() -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    let builder = ClientConfig::builder_with_provider(provider());
    builder.with_safe_default_protocol_versions().expect("ring supports TLS 1.2 and 1.3")
}

fn with_roots(roots: RootCertStore) -> ClientConfig {
    builder().with_root_certificates(roots).with_no_client_auth()
}

impl Trust {
    /// Whom the system trusts.
    pub fn of_system() -> Arc<Trust> {
        Arc::clone(&OF_SYSTEM)
    }

    /// Whoever a certificate of this PEM file vouches for.
    pub fn of_file(file: &Path) -> Result<Arc<Trust>, TrustError> {
        let name = file.display().to_string();
        let certificates =
            CertificateDer::pem_file_iter(file).map_err(|error| TrustError::File(name.clone(), error))?;
        let mut roots = RootCertStore::empty();
        for certificate in certificates {
            roots.add(certificate.map_err(|error| TrustError::File(name.clone(), error))?)?;
        }
        if roots.is_empty() {
            return Err(TrustError::Empty(name));
        }
        Ok(Arc::new(Trust::new(NEXT.fetch_add(1, Ordering::Relaxed), with_roots(roots))))
    }

    /// Anybody: `verify: false`.
    pub fn of_anybody() -> Arc<Trust> {
        let verifier = Arc::new(Anybody(provider()));
        let config = builder().dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
        Arc::new(Trust::new(NEXT.fetch_add(1, Ordering::Relaxed), config))
    }

    fn new(id: u64, plain: ClientConfig) -> Trust {
        let offering = |protocols: &[&[u8]]| {
            let mut config = plain.clone();
            config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
            Arc::new(config)
        };
        let (http2, either) = (offering(&[b"h2"]), offering(&[b"h2", b"http/1.1"]));
        Trust { id, plain: Arc::new(plain), http2, either }
    }

    pub(super) fn config(&self, alpn: Alpn) -> &Arc<ClientConfig> {
        match alpn {
            Alpn::None => &self.plain,
            Alpn::Http2 => &self.http2,
            Alpn::Http2Or1 => &self.either,
        }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }
}

/// Takes every certificate, but still checks that the other side has its key.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
