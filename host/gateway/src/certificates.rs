//! The gateway's own certificates: read and checked while a plan is made, chosen by the name that a client asks for.
//!
//! A plan holds them, so a reload replaces them as it replaces everything else: whole, or not at all. A handshake ends
//! with the certificates that it began with.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, ServerConfig, SupportedProtocolVersion};
use smallvec::SmallVec;
use tollgate_document::{CertificateFiles, Diagnostics, ListenTls, TlsVersion};

/// How long a chain may be: a root is five signatures away at most, and each is sent in every handshake.
const MAX_CHAIN: usize = 10;

/// What TLS clients are served with.
#[derive(Debug)]
pub struct Certificates {
    pub(crate) config: Arc<ServerConfig>,
    names: Arc<Names>,
}

/// Certificates, and which of them stands for which name.
#[derive(Debug, Default)]
struct Names {
    certificates: Vec<Arc<CertifiedKey>>,
    /// Several for one name have keys of different kinds; the first that the client can use is taken.
    exact: HashMap<String, SmallVec<[usize; 2]>>,
    /// What stands behind `*.`.
    wildcards: HashMap<String, SmallVec<[usize; 2]>>,
}

#[derive(Debug, thiserror::Error)]
enum CertificateError {
    #[error("{0} can't be read: {1}")]
    File(String, pem::Error),
    #[error("{0} holds no certificate")]
    Empty(String),
    #[error("{0} holds more than {MAX_CHAIN} certificates")]
    TooMany(String),
    #[error("{0} holds no private key")]
    NoKey(String),
    #[error("the key in {0} can't be used: {1}")]
    Key(String, rustls::Error),
    #[error("{0} isn't the certificate of this key")]
    Mismatch(String),
    #[error("{0} isn't a server's certificate: {1}")]
    Certificate(String, webpki::Error),
}

/// What of an entry is wrong.
enum Culprit {
    Certificate(CertificateError),
    Key(CertificateError),
}

impl Certificates {
    /// Read what `tls` names; everything that is wrong goes to `diagnostics`.
    pub(crate) fn load(tls: &ListenTls, diagnostics: &mut Diagnostics) -> Option<Arc<Certificates>> {
        let mut names = Names::default();
        let mut all_good = true;
        for files in &tls.certificates {
            match certified(files) {
                Ok((certified, of)) => names.add(Arc::new(certified), of),
                Err(culprit) => {
                    all_good = false;
                    match culprit {
                        Culprit::Certificate(error) => {
                            diagnostics.push(files.certificate_mark, format!("`certificate`: {error}"));
                        }
                        Culprit::Key(error) => diagnostics.push(files.key_mark, format!("`key`: {error}")),
                    }
                }
            }
        }
        // No certificate at all has been reported when the document was read.
        if !all_good || names.certificates.is_empty() {
            return None;
        }
        let names = Arc::new(names);
        let config = config(tls.min_version, Arc::clone(&names))?;
        Some(Arc::new(Certificates { config: Arc::new(config), names }))
    }

    /// Is `host` served with a certificate that the connection, opened for `name`, wasn't opened with?
    ///
    /// Then the client has verified another server than the one that it addresses (RFC 9110 §15.5.20). Names that no
    /// certificate is for are nobody's, and load balancers that connect with a name of their own use them.
    pub(crate) fn is_misdirected(&self, name: &str, host: &str) -> bool {
        !host.eq_ignore_ascii_case(name)
            && self.names.find(host).is_some_and(|right| Some(right) != self.names.find(name))
    }
}

#[allow(clippy::expect_used, reason = "the provider supports the protocol versions that it comes with")]
fn config(min: TlsVersion, names: Arc<Names>) -> Option<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions: &[&SupportedProtocolVersion] = match min {
        TlsVersion::Tls12 => &[&rustls::version::TLS13, &rustls::version::TLS12],
        TlsVersion::Tls13 => &[&rustls::version::TLS13],
    };
    let builder = ServerConfig::builder_with_provider(provider);
    let builder = builder.with_protocol_versions(versions).expect("ring supports TLS 1.2 and 1.3");
    let mut config = builder.with_no_client_auth().with_cert_resolver(names);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Tickets hold the state of sessions, so that the gateway needn't; without them only few sessions are resumed.
    if let Ok(ticketer) = rustls::crypto::ring::Ticketer::new() {
        config.ticketer = ticketer;
    }
    Some(config)
}

fn certified(files: &CertificateFiles) -> Result<(CertifiedKey, Vec<String>), Culprit> {
    let name = |file: &Path| file.display().to_string();
    let file = name(&files.certificate);
    let chain = chain(&files.certificate).map_err(Culprit::Certificate)?;
    let of = chain.first().map(names_of).unwrap_or_else(|| Err(webpki::Error::BadDer));
    let of = of.map_err(|error| Culprit::Certificate(CertificateError::Certificate(file.clone(), error)))?;
    let key_file = name(&files.key);
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| {
        Culprit::Key(match error {
            pem::Error::NoItemsFound => CertificateError::NoKey(key_file.clone()),
            error => CertificateError::File(key_file.clone(), error),
        })
    })?;
    let key = rustls::crypto::ring::sign::any_supported_type(&key)
        .map_err(|error| Culprit::Key(CertificateError::Key(key_file, error)))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            Err(Culprit::Certificate(CertificateError::Mismatch(file)))
        }
        _ => Ok((certified, of)),
    }
}

fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let name = || file.display().to_string();
    let read = CertificateDer::pem_file_iter(file).map_err(|error| CertificateError::File(name(), error))?;
    let mut chain = Vec::new();
    for certificate in read {
        if chain.len() == MAX_CHAIN {
            return Err(CertificateError::TooMany(name()));
        }
        chain.push(certificate.map_err(|error| CertificateError::File(name(), error))?);
    }
    if chain.is_empty() { Err(CertificateError::Empty(name())) } else { Ok(chain) }
}

/// The host names that a certificate is for, in lower case.
fn names_of(certificate: &CertificateDer<'static>) -> Result<Vec<String>, webpki::Error> {
    let parsed = webpki::EndEntityCert::try_from(certificate)?;
    Ok(parsed.valid_dns_names().map(str::to_ascii_lowercase).collect())
}

impl Names {
    fn add(&mut self, certified: Arc<CertifiedKey>, names: Vec<String>) {
        let number = self.certificates.len();
        self.certificates.push(certified);
        for name in names {
            let numbers = match name.strip_prefix("*.") {
                Some(behind) => self.wildcards.entry(behind.to_owned()).or_default(),
                None => self.exact.entry(name).or_default(),
            };
            numbers.push(number);
        }
    }

    /// The certificates for a name; a wildcard stands for one label (RFC 6125 §6.4.3).
    fn find(&self, name: &str) -> Option<&[usize]> {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let wildcard = || self.wildcards.get(name.split_once('.')?.1);
        self.exact.get(&name).or_else(wildcard).map(SmallVec::as_slice)
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let schemes = hello.signature_schemes();
        let usable = |number: &&usize| {
            self.certificates.get(**number).is_some_and(|certified| certified.key.choose_scheme(schemes).is_some())
        };
        let numbers = hello.server_name().and_then(|name| self.find(name)).unwrap_or(&[0]);
        let number = numbers.iter().find(usable).or(numbers.first())?;
        self.certificates.get(*number).map(Arc::clone)
    }
}
