//! Keys and the algorithms that they serve. The kind of a key decides, never the token alone: that is what keeps a
//! public RSA key from being taken for an HMAC secret.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use tollgate_sdk::crypto::{Algorithm, EcKey, Key, RsaKey};
use tollgate_sdk::serde::{Deserialize, Serialize};

/// RSA keys of fewer bytes can be broken, and the gateway refuses them.
const SHORTEST_MODULUS: usize = 256;

/// A key that verifies signatures.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SigningKey {
    pub(crate) id: Option<String>,
    /// The only algorithm that it may be used with, if it says so.
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) key: Key,
}

/// A public key as a JWK (RFC 7517), with the members that matter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(crate = "tollgate_sdk::serde", default)]
pub(crate) struct Jwk {
    pub(crate) kty: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alg: Option<String>,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub(crate) purpose: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_ops: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) e: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) y: Option<String>,
}

impl SigningKey {
    /// Does the key's kind serve this algorithm, and does the key allow it?
    pub(crate) fn serves(&self, wanted: Algorithm) -> bool {
        use Algorithm::{Eddsa, Es256, Es384, Hs256, Hs384, Hs512, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        let kind = match self.key {
            Key::Rsa(_) => matches!(wanted, Rs256 | Rs384 | Rs512 | Ps256 | Ps384 | Ps512),
            Key::P256(_) => matches!(wanted, Es256),
            Key::P384(_) => matches!(wanted, Es384),
            Key::Ed25519(_) => matches!(wanted, Eddsa),
            Key::Secret(_) => matches!(wanted, Hs256 | Hs384 | Hs512),
        };
        kind && self.algorithm.is_none_or(|only| only == wanted)
    }

    /// A secret that several parties share.
    pub(crate) fn secret(id: Option<String>, algorithm: Option<Algorithm>, bytes: Vec<u8>) -> Self {
        Self { id, algorithm, key: Key::Secret(bytes) }
    }

    /// A public key; the error says why it is none that can be used here.
    pub(crate) fn of_jwk(jwk: &Jwk) -> Result<Self, String> {
        let verifies = |operations: &Vec<String>| operations.iter().any(|operation| operation == "verify");
        if jwk.purpose.as_ref().is_some_and(|purpose| purpose != "sig") || !jwk.key_ops.as_ref().is_none_or(verifies) {
            return Err("the key isn't for signatures".into());
        }
        let key = match (jwk.kty.as_str(), jwk.crv.as_deref().unwrap_or_default()) {
            ("RSA", _) => rsa(jwk)?,
            ("EC", "P-256") => Key::P256(EcKey { x: coordinate(&jwk.x, "x", 32)?, y: coordinate(&jwk.y, "y", 32)? }),
            ("EC", "P-384") => Key::P384(EcKey { x: coordinate(&jwk.x, "x", 48)?, y: coordinate(&jwk.y, "y", 48)? }),
            ("OKP", "Ed25519") => Key::Ed25519(coordinate(&jwk.x, "x", 32)?),
            ("EC" | "OKP", curve) => {
                return Err(format!("the curve `{curve}` isn't supported; P-256, P-384 and Ed25519 are"));
            }
            (kind, _) => return Err(format!("keys of the kind `{kind}` aren't supported here")),
        };
        let only =
            jwk.alg.as_deref().map(|name| Algorithm::from_name(name).ok_or_else(|| unsupported(name))).transpose()?;
        let key = Self { id: jwk.kid.clone(), algorithm: only, key };
        match only {
            Some(only) if !key.serves(only) => Err("`alg` doesn't fit the key".into()),
            _ => Ok(key),
        }
    }
}

pub(crate) fn unsupported(algorithm: &str) -> String {
    format!("the algorithm `{algorithm}` isn't supported")
}

fn rsa(jwk: &Jwk) -> Result<Key, String> {
    let (modulus, exponent) = (number(&jwk.n, "n")?, number(&jwk.e, "e")?);
    if modulus.len() < SHORTEST_MODULUS {
        return Err("an RSA key has at least 2048 bits".into());
    }
    Ok(Key::Rsa(RsaKey { modulus, exponent }))
}

/// Big-endian, without leading zeros.
fn number(text: &Option<String>, name: &str) -> Result<Vec<u8>, String> {
    let bytes = base64url(text, name)?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let number = bytes.get(zeros..).unwrap_or_default();
    if number.is_empty() { Err(format!("`{name}` is zero")) } else { Ok(number.to_vec()) }
}

/// Of a curve with numbers of `size` bytes. Some writers leave leading zeros out.
fn coordinate(text: &Option<String>, name: &str, size: usize) -> Result<Vec<u8>, String> {
    let bytes = base64url(text, name)?;
    match size.checked_sub(bytes.len()) {
        Some(missing) if missing < size => Ok([vec![0; missing], bytes].concat()),
        _ => Err(format!("`{name}` doesn't have {size} bytes")),
    }
}

fn base64url(text: &Option<String>, name: &str) -> Result<Vec<u8>, String> {
    let text = text.as_deref().ok_or_else(|| format!("`{name}` is missing"))?;
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| format!("`{name}` is no base64url"))
}

/// A secret as operators write it: base64 of either alphabet, padded or not.
pub(crate) fn secret_bytes(text: &str) -> Result<Vec<u8>, &'static str> {
    let text = text.trim().trim_end_matches('=').replace('-', "+").replace('_', "/");
    match STANDARD_NO_PAD.decode(text) {
        Ok(bytes) if bytes.is_empty() => Err("the secret is empty"),
        Ok(bytes) => Ok(bytes),
        Err(_) => Err("the secret is no base64"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::serde_json::{Value, from_value, json};

    fn rsa_key(more: Value) -> Value {
        let mut key = json!({ "kty": "RSA", "n": URL_SAFE_NO_PAD.encode([0xa5; 256]), "e": "AQAB" });
        key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        key
    }

    fn read(key: Value) -> Result<SigningKey, String> {
        SigningKey::of_jwk(&from_value(key).unwrap())
    }

    const ALL: [&str; 12] =
        ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "HS256", "HS384", "HS512"];

    fn served(key: &SigningKey) -> Vec<&'static str> {
        ALL.into_iter().filter(|name| key.serves(Algorithm::from_name(name).unwrap())).collect()
    }

    #[test]
    fn the_kind_of_a_key_decides_what_it_verifies() {
        let coordinate = |size| URL_SAFE_NO_PAD.encode(vec![7; size]);
        let ec = |curve, size| json!({ "kty": "EC", "crv": curve, "x": coordinate(size), "y": coordinate(size) });
        assert_eq!(served(&read(rsa_key(json!({}))).unwrap()), &ALL[..6]);
        assert_eq!(served(&read(ec("P-256", 32)).unwrap()), ["ES256"]);
        assert_eq!(served(&read(ec("P-384", 48)).unwrap()), ["ES384"]);
        let okp = json!({ "kty": "OKP", "crv": "Ed25519", "x": coordinate(32) });
        assert_eq!(served(&read(okp).unwrap()), ["EdDSA"]);
        assert_eq!(served(&SigningKey::secret(None, None, vec![1])), &ALL[9..]);
        assert_eq!(Algorithm::from_name("none"), None);
        assert_eq!(Algorithm::from_name("hs256"), None);
    }

    #[test]
    fn a_key_that_names_an_algorithm_serves_no_other() {
        assert_eq!(served(&read(rsa_key(json!({ "alg": "PS256" }))).unwrap()), ["PS256"]);
        assert!(read(rsa_key(json!({ "alg": "HS256" }))).unwrap_err().contains("doesn't fit"));
        assert!(read(rsa_key(json!({ "alg": "RSA-OAEP" }))).unwrap_err().contains("isn't supported"));
    }

    #[test]
    fn keys_for_other_purposes_are_not_used() {
        assert!(read(rsa_key(json!({ "use": "enc" }))).is_err());
        assert!(read(rsa_key(json!({ "key_ops": ["encrypt"] }))).is_err());
        assert!(read(rsa_key(json!({ "use": "sig", "key_ops": ["verify"] }))).is_ok());
    }

    #[test]
    fn a_public_set_holds_no_secrets() {
        assert!(read(json!({ "kty": "oct", "k": "AAAA" })).is_err());
    }

    #[test]
    fn numbers_are_brought_into_shape() {
        let padded = read(rsa_key(json!({ "e": "AAEAAQ==" }))).unwrap();
        assert!(matches!(padded.key, Key::Rsa(RsaKey { exponent, .. }) if exponent == [1, 0, 1]));
        let short = json!({ "kty": "EC", "crv": "P-256", "x": "AQ", "y": "Ag" });
        assert!(matches!(read(short).unwrap().key, Key::P256(EcKey { x, .. }) if x.len() == 32 && x[31] == 1));
        assert!(read(rsa_key(json!({ "n": "AQAB" }))).unwrap_err().contains("2048"));
        assert!(read(rsa_key(json!({ "n": "+/+/" }))).is_err());
        assert!(read(json!({ "kty": "RSA", "e": "AQAB" })).unwrap_err().contains("`n` is missing"));
        assert!(read(json!({ "kty": "EC", "crv": "secp256k1", "x": "AQ", "y": "AQ" })).is_err());
        assert!(read(json!({ "kty": "OKP", "crv": "Ed25519", "x": "" })).is_err());
    }

    #[test]
    fn secrets_are_base64_of_either_alphabet() {
        assert_eq!(secret_bytes("+/8=").unwrap(), secret_bytes("-_8").unwrap());
        assert!(secret_bytes("").is_err());
        assert!(secret_bytes("a b").is_err());
    }
}
