//! `tollgate:crypto/crypto`: signatures, by `ring`.

use ring::hmac;
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use tollgate_bindings::crypto::crypto::{Algorithm, CryptoError, EcKey, Host, Key, RsaKey};
use wasmtime::Result;

use crate::session::Session;

/// Modulus bits that a key has at least (RFC 7518 §3.3) and at most; larger ones only cost time.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A byte is copied in about an eighth of the time that it takes to digest it.
const DIGEST_WORK: usize = 8;

/// Bytes that are copied in about the time of the slowest verification, that of a key of 8,192 bits.
const SIGNATURE_WORK: usize = 1 << 20;

/// What an algorithm needs.
enum Scheme {
    Rsa(&'static RsaParameters),
    P256,
    P384,
    Ed25519,
    Hmac(hmac::Algorithm),
}

fn scheme(algorithm: Algorithm) -> Scheme {
    match algorithm {
        Algorithm::Rs256 => Scheme::Rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Scheme::Rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Scheme::Rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => Scheme::Rsa(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => Scheme::Rsa(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => Scheme::Rsa(&signature::RSA_PSS_2048_8192_SHA512),
        Algorithm::Es256 => Scheme::P256,
        Algorithm::Es384 => Scheme::P384,
        Algorithm::Eddsa => Scheme::Ed25519,
        Algorithm::Hs256 => Scheme::Hmac(hmac::HMAC_SHA256),
        Algorithm::Hs384 => Scheme::Hmac(hmac::HMAC_SHA384),
        Algorithm::Hs512 => Scheme::Hmac(hmac::HMAC_SHA512),
    }
}

fn bad_key(text: &str) -> CryptoError {
    CryptoError::InvalidKey(text.into())
}

fn verify_rsa(
    parameters: &'static RsaParameters,
    key: &RsaKey,
    message: &[u8],
    signature: &[u8],
) -> std::result::Result<bool, CryptoError> {
    let modulus = key.modulus.as_slice().trim_zeros();
    let exponent = key.exponent.as_slice().trim_zeros();
    if !RSA_BITS.contains(&(modulus.len() * 8)) {
        return Err(bad_key("an RSA key has 2,048 to 8,192 bits"));
    }
    if !(1..=8).contains(&exponent.len()) {
        return Err(bad_key("the exponent of the RSA key is none"));
    }
    Ok(RsaPublicKeyComponents { n: modulus, e: exponent }.verify(parameters, message, signature).is_ok())
}

/// Leading zeros of a number are no part of it.
trait TrimZeros {
    fn trim_zeros(&self) -> &[u8];
}

impl TrimZeros for [u8] {
    fn trim_zeros(&self) -> &[u8] {
        let from = self.iter().position(|byte| *byte != 0).unwrap_or(self.len());
        &self[from..]
    }
}

fn verify_ec(
    algorithm: &'static dyn VerificationAlgorithm,
    size: usize,
    key: &EcKey,
    message: &[u8],
    signature: &[u8],
) -> std::result::Result<bool, CryptoError> {
    if key.x.len() != size || key.y.len() != size {
        return Err(bad_key("the coordinates of the key don't have the curve's size"));
    }
    // An uncompressed point (SEC 1 §2.3.3).
    let point: Vec<u8> = std::iter::once(4).chain(key.x.iter().copied()).chain(key.y.iter().copied()).collect();
    Ok(UnparsedPublicKey::new(algorithm, point).verify(message, signature).is_ok())
}

/// Whether a signature is right; keys of another kind than the algorithm's are refused.
fn verify(algorithm: Algorithm, key: &Key, message: &[u8], given: &[u8]) -> std::result::Result<bool, CryptoError> {
    match (scheme(algorithm), key) {
        (Scheme::Rsa(parameters), Key::Rsa(key)) => verify_rsa(parameters, key, message, given),
        (Scheme::P256, Key::P256(key)) => verify_ec(&signature::ECDSA_P256_SHA256_FIXED, 32, key, message, given),
        (Scheme::P384, Key::P384(key)) => verify_ec(&signature::ECDSA_P384_SHA384_FIXED, 48, key, message, given),
        (Scheme::Ed25519, Key::Ed25519(key)) if key.len() == 32 => {
            Ok(UnparsedPublicKey::new(&signature::ED25519, key).verify(message, given).is_ok())
        }
        (Scheme::Ed25519, Key::Ed25519(_)) => Err(bad_key("an Ed25519 key has 32 bytes")),
        (Scheme::Hmac(_), Key::Secret(secret)) if secret.is_empty() => Err(bad_key("the secret is empty")),
        (Scheme::Hmac(algorithm), Key::Secret(secret)) => {
            Ok(hmac::verify(&hmac::Key::new(algorithm, secret), message, given).is_ok())
        }
        _ => Err(bad_key("the key doesn't belong to the algorithm")),
    }
}

impl Host for Session {
    fn verify(
        &mut self,
        algorithm: Algorithm,
        key: Key,
        message: Vec<u8>,
        signature: Vec<u8>,
    ) -> Result<std::result::Result<bool, CryptoError>> {
        self.enter()?;
        let digested = message.len().saturating_mul(DIGEST_WORK);
        self.spend(match key {
            Key::Secret(_) => digested,
            _ => digested.saturating_add(SIGNATURE_WORK),
        })?;
        Ok(verify(algorithm, &key, &message, &signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().map(|b| (b as char).to_digit(16).unwrap() as u8).collect();
        digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect()
    }

    #[test]
    fn a_key_serves_its_own_algorithms_only() {
        let rsa = Key::Rsa(RsaKey { modulus: vec![0xc1; 256], exponent: vec![1, 0, 1] });
        // The classic confusion: the public key's bytes as the secret of a MAC.
        assert!(verify(Algorithm::Hs256, &rsa, b"m", b"s").is_err());
        assert!(verify(Algorithm::Rs256, &Key::Secret(vec![1; 32]), b"m", b"s").is_err());
        assert!(verify(Algorithm::Es256, &Key::P384(EcKey { x: vec![1; 48], y: vec![1; 48] }), b"m", b"s").is_err());
        assert_eq!(verify(Algorithm::Rs256, &rsa, b"m", b"s").ok(), Some(false));
    }

    #[test]
    fn weak_keys_are_refused() {
        let short = Key::Rsa(RsaKey { modulus: vec![0xc1; 128], exponent: vec![1, 0, 1] });
        assert!(verify(Algorithm::Ps256, &short, b"m", b"s").is_err());
        assert!(verify(Algorithm::Hs256, &Key::Secret(Vec::new()), b"m", b"s").is_err());
        assert!(verify(Algorithm::Eddsa, &Key::Ed25519(vec![0; 31]), b"m", b"s").is_err());
    }

    #[test]
    fn published_vectors_verify() {
        // RFC 4231 §4.3
        let mac = hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let secret = Key::Secret(b"Jefe".to_vec());
        assert_eq!(verify(Algorithm::Hs256, &secret, b"what do ya want for nothing?", &mac).ok(), Some(true));
        assert_eq!(verify(Algorithm::Hs256, &secret, b"what do ya want for nothing!", &mac).ok(), Some(false));
        // RFC 8032 §7.1, test 2
        let key = Key::Ed25519(hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"));
        let signature = hex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
            .replace(' ', "")
            .as_str());
        assert_eq!(verify(Algorithm::Eddsa, &key, &[0x72], &signature).ok(), Some(true));
    }
}
