//! What operators write below `validate-jwt`, and the checks that a schema can't make.

use crate::claims::{RequiredClaim, Rules};
use crate::key::{self, Jwk, SigningKey};
use crate::openid::OpenId;
use crate::signature::{FixedKey, Keys};
use crate::source::Source;
use crate::verified::Memory;
use tollgate_sdk::crypto::Algorithm;
use tollgate_sdk::serde_json::Value;
use tollgate_sdk::{ConfigError, Dynamic, configuration};

/// Where the token is, who may have made it, and what it has to claim.
#[configuration]
pub struct Config {
    /// The header with the token.
    #[serde(default)]
    header_name: Option<Dynamic<String>>,
    /// The query parameter with the token.
    #[serde(default)]
    query_parameter_name: Option<Dynamic<String>>,
    /// The token itself, without a scheme.
    #[serde(default)]
    token_value: Option<Dynamic<String>>,
    /// The status of a refusal.
    #[serde(default = "unauthorized")]
    #[schema(range(min = 400, max = 599))]
    pub(crate) failed_validation_httpcode: Dynamic<u16>,
    /// The message of a refusal; by default it says what is wrong.
    #[serde(default)]
    pub(crate) failed_validation_error_message: Option<Dynamic<String>>,
    /// Whether a token has to have an end.
    #[serde(default = "yes")]
    require_expiration_time: bool,
    /// What has to stand before the token in the header Authorization, such as Bearer.
    #[serde(default)]
    require_scheme: Option<String>,
    /// False: tokens without a signature are taken, if no keys and no openid-config are given.
    #[serde(default = "yes")]
    require_signed_tokens: bool,
    /// How many seconds the clocks of issuer and gateway may be apart.
    #[serde(default)]
    #[schema(range(min = 0, max = 86400))]
    clock_skew: u64,
    /// The variable that gets the token.
    #[serde(default)]
    #[schema(length(min = 1))]
    pub(crate) output_token_variable_name: Option<String>,
    /// Issuers whose keys are found by their OpenID Connect metadata.
    #[serde(default)]
    openid_config: Vec<OpenidConfig>,
    /// Keys that tokens may be signed with.
    #[serde(default)]
    issuer_signing_keys: Vec<KeyConfig>,
    /// Not supported: no token may be encrypted.
    #[serde(default)]
    decryption_keys: Option<Value>,
    /// Whom the token may be for; one of them is enough.
    #[serde(default)]
    audiences: Vec<Dynamic<String>>,
    /// Who may have made the token; by default the owner of the key, if it came by openid-config.
    #[serde(default)]
    issuers: Vec<String>,
    /// What else the token has to claim.
    #[serde(default)]
    required_claims: Vec<RequiredClaim>,
}

/// An issuer.
#[configuration]
struct OpenidConfig {
    /// Where its metadata is, such as https://login.example/.well-known/openid-configuration.
    #[schema(pattern = "^https?://[^/].*$", length(max = 900))]
    url: String,
}

/// A key: `key` alone for a secret, `n` and `e` for RSA, `x`, `y` and `crv` for an elliptic curve.
#[configuration]
struct KeyConfig {
    /// Tokens name the key by it.
    #[serde(default)]
    id: Option<String>,
    /// The only algorithm to use the key with, such as RS256.
    #[serde(default)]
    alg: Option<String>,
    /// A secret in base64.
    #[serde(default)]
    key: Option<Dynamic<String>>,
    /// The modulus of an RSA key in base64url.
    #[serde(default)]
    n: Option<String>,
    /// The exponent of an RSA key in base64url.
    #[serde(default)]
    e: Option<String>,
    /// The curve: P-256, P-384 or Ed25519.
    #[serde(default)]
    crv: Option<String>,
    /// A coordinate in base64url.
    #[serde(default)]
    x: Option<String>,
    /// The other coordinate; Ed25519 has none.
    #[serde(default)]
    y: Option<String>,
}

fn unauthorized() -> Dynamic<u16> {
    401.into()
}

fn yes() -> bool {
    true
}

impl Config {
    pub(crate) fn source(&self) -> Result<Source, ConfigError> {
        Source::new(
            self.header_name.clone(),
            self.query_parameter_name.clone(),
            self.token_value.clone(),
            self.require_scheme.clone(),
        )
    }

    pub(crate) fn rules(&self) -> Result<Rules, ConfigError> {
        for (index, claim) in self.required_claims.iter().enumerate() {
            claim.check().map_err(|error| below("required-claims", index, error))?;
        }
        Ok(Rules {
            require_expiration: self.require_expiration_time,
            skew_seconds: self.clock_skew as f64,
            audiences: self.audiences.clone(),
            issuers: self.issuers.clone(),
            required: self.required_claims.clone(),
        })
    }

    pub(crate) fn keys(&self) -> Result<Keys, ConfigError> {
        if self.decryption_keys.is_some() {
            let message = "encrypted tokens aren't supported, so there is nothing to decrypt; leave it out";
            return Err(ConfigError::new("/decryption-keys", message));
        }
        if self.require_signed_tokens && self.openid_config.is_empty() && self.issuer_signing_keys.is_empty() {
            let message = "`openid-config` or `issuer-signing-keys` is needed, or `require-signed-tokens: false`";
            return Err(ConfigError::new("", message));
        }
        let key = |(index, key): (usize, &KeyConfig)| {
            FixedKey::try_from(key).map_err(|error| below("issuer-signing-keys", index, error))
        };
        Ok(Keys {
            fixed: self.issuer_signing_keys.iter().enumerate().map(key).collect::<Result<_, _>>()?,
            openid: self.openid_config.iter().map(|issuer| OpenId::new(issuer.url.clone())).collect(),
            unsigned: !self.require_signed_tokens,
            memory: Memory::default(),
        })
    }
}

impl TryFrom<&KeyConfig> for FixedKey {
    type Error = ConfigError;

    fn try_from(config: &KeyConfig) -> Result<Self, ConfigError> {
        let KeyConfig { id, alg, key: secret, n, e, crv, x, y } = config;
        let public = [n, e, crv, x, y].into_iter().any(Option::is_some);
        let Some(secret) = secret else {
            let kty = match (n, crv.as_deref()) {
                (Some(_), None) => "RSA",
                (None, Some("Ed25519")) => "OKP",
                (None, Some(_)) => "EC",
                _ => return Err(ConfigError::new("", "`key`, `n` and `e`, or `x`, `y` and `crv` are needed")),
            };
            let jwk = Jwk {
                kty: kty.into(),
                kid: id.clone(),
                alg: alg.clone(),
                n: n.clone(),
                e: e.clone(),
                crv: crv.clone(),
                x: x.clone(),
                y: y.clone(),
                ..Jwk::default()
            };
            return SigningKey::of_jwk(&jwk).map(Self::Ready).map_err(|message| ConfigError::new("", message));
        };
        if public {
            return Err(ConfigError::new("", "`key` is a secret, and can't be public too"));
        }
        let algorithm = match alg.as_deref() {
            None => None,
            Some(name) => match Algorithm::from_name(name).filter(|_| name.starts_with("HS")) {
                None => return Err(ConfigError::new("/alg", "a secret serves HS256, HS384 and HS512")),
                algorithm => algorithm,
            },
        };
        match secret.literal() {
            None => Ok(Self::Computed { id: id.clone(), algorithm, secret: secret.clone() }),
            Some(text) => match key::secret_bytes(text) {
                Ok(bytes) => Ok(Self::Ready(SigningKey::secret(id.clone(), algorithm, bytes))),
                Err(message) => Err(ConfigError::new("/key", message)),
            },
        }
    }
}

/// The error of an item of a list, at its place.
fn below(list: &str, index: usize, error: ConfigError) -> ConfigError {
    ConfigError::new(format!("/{list}/{index}{}", error.pointer), error.message)
}
