//! What the gateway computes many times faster than a policy.

use crate::bindings::imports::tollgate::crypto::crypto as wit;
use crate::host::crypto as host;
use crate::verdict::Verdict;

pub use wit::{Algorithm, CryptoError, EcKey, Key, RsaKey};

/// Is `signature` that of `message`?
///
/// ECDSA signatures are the two numbers, one behind the other (RFC 7518 §3.4). A key of another kind than the
/// algorithm's is an error.
pub fn verify(algorithm: Algorithm, key: &Key, message: &[u8], signature: &[u8]) -> Result<bool, CryptoError> {
    host::verify(algorithm, key, message, signature)
}

impl Algorithm {
    /// By its JOSE name (RFC 7518 §3.1, RFC 8037): `RS256`, `EdDSA`. There is no `none`.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "PS256" => Self::Ps256,
            "PS384" => Self::Ps384,
            "PS512" => Self::Ps512,
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "EdDSA" => Self::Eddsa,
            "HS256" => Self::Hs256,
            "HS384" => Self::Hs384,
            "HS512" => Self::Hs512,
            _ => return None,
        })
    }
}

impl From<CryptoError> for Verdict {
    fn from(error: CryptoError) -> Self {
        Verdict::Fail(match error {
            CryptoError::InvalidKey(why) => format!("the key can't be used: {why}"),
            CryptoError::Other(why) => format!("the signature can't be checked: {why}"),
        })
    }
}
