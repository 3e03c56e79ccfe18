//! Why a token is refused.

/// A refusal: a word for `last-error` and metrics, a sentence for the client, and one for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denial {
    pub(crate) reason: &'static str,
    /// What the client is told unless the operator has a message of their own.
    pub(crate) message: String,
    /// What is logged.
    pub(crate) detail: String,
}

impl Denial {
    fn new(reason: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { reason, detail: message.clone(), message }
    }

    pub(crate) fn not_present() -> Self {
        Self::new("TokenNotPresent", "JWT not present.")
    }

    /// The client isn't told how: it can look at its token itself.
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self { reason: "JwtInvalid", message: "Invalid JWT.".into(), detail: detail.into() }
    }

    pub(crate) fn no_expiration() -> Self {
        Self::new("JwtInvalid", "The token has no expiration time. Access denied.")
    }

    pub(crate) fn not_yet_valid() -> Self {
        Self::new("JwtInvalid", "The token is not valid yet. Access denied.")
    }

    pub(crate) fn expired() -> Self {
        Self::new("TokenExpired", "The token has expired. Access denied.")
    }

    pub(crate) fn signature_invalid() -> Self {
        Self::new("TokenSignatureInvalid", "The token's signature is not valid. Access denied.")
    }

    pub(crate) fn key_not_found() -> Self {
        Self::new("TokenSignatureKeyNotFound", "The key of the token's signature is not known. Access denied.")
    }

    pub(crate) fn audience() -> Self {
        Self::new("TokenAudienceNotAllowed", "The token's audience is not allowed. Access denied.")
    }

    pub(crate) fn issuer() -> Self {
        Self::new("TokenIssuerNotAllowed", "The token's issuer is not allowed. Access denied.")
    }

    pub(crate) fn claims_missing(names: &[&str]) -> Self {
        let names = names.join(", ");
        Self::new("TokenClaimNotFound", format!("JWT token is missing the following claims: {names}. Access denied."))
    }

    /// `found`: the token's value, which may be as long as the client likes.
    pub(crate) fn claim_value(name: &str, found: &str) -> Self {
        let shown = match found.char_indices().nth(LONGEST_SHOWN) {
            None => found.to_owned(),
            Some((end, _)) => format!("{}…", found.get(..end).unwrap_or_default()),
        };
        let message = format!("Claim {name} value of {shown} is not allowed. Access denied.");
        Self::new("TokenClaimValueNotAllowed", message)
    }
}

/// How many letters of a claim's value are told.
const LONGEST_SHOWN: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_claim_is_cut() {
        assert_eq!(Denial::claim_value("a", "é").message, "Claim a value of é is not allowed. Access denied.");
        let told = Denial::claim_value("a", &"é".repeat(101)).message;
        assert!(told.contains(&format!(" {}… is", "é".repeat(100))), "{told}");
    }
}
