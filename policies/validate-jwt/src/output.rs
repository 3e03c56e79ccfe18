//! The token as later statements see it, in a variable.

use crate::claims::audiences;
use crate::token::Token;
use tollgate_sdk::serde_json::{Value, json};

/// A map with the names that are common to all tokens, and the claims as they are.
pub(crate) fn variable(token: &Token) -> Value {
    let claim = |name: &str| token.claims.get(name).cloned().unwrap_or_default();
    json!({
        "algorithm": token.header.algorithm,
        "audiences": audiences(token),
        "claims": token.claims,
        "expiration_time": claim("exp"),
        "id": claim("jti"),
        "issued_at": claim("iat"),
        "issuer": claim("iss"),
        "not_before": claim("nbf"),
        "subject": claim("sub"),
        "type": token.header.kind,
    })
}
