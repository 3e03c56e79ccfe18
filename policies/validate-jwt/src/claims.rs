//! What a token has to claim: for when, by whom, for whom, and what else the operator asks for.

use crate::denial::Denial;
use crate::refusal::Refusal;
use crate::token::Token;
use crate::verified::Genuine;
use std::borrow::Cow;
use tollgate_sdk::dynamic::Text;
use tollgate_sdk::serde_json::Value;
use tollgate_sdk::{ConfigError, Dynamic, configuration};

/// What is asked of every token.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) require_expiration: bool,
    /// How far the clocks of issuer and gateway may be apart.
    pub(crate) skew_seconds: f64,
    /// Empty for any.
    pub(crate) audiences: Vec<Dynamic<String>>,
    /// Empty for the one whose key it was, or any if nobody knows whose it was.
    pub(crate) issuers: Vec<String>,
    pub(crate) required: Vec<RequiredClaim>,
}

/// A claim that has to be there, and which values it must have.
#[configuration]
#[derive(Clone, Debug)]
pub(crate) struct RequiredClaim {
    /// The claim's name; only claims at the top of the token can be asked for.
    #[schema(length(min = 1))]
    name: String,
    /// Whether the token has to have all of the values, or any of them.
    #[serde(default)]
    r#match: Match,
    /// What separates values within a text.
    #[serde(default)]
    #[schema(length(min = 1))]
    separator: Option<String>,
    /// The values; without any the claim only has to be there.
    #[serde(default)]
    values: Vec<Text>,
}

/// How many of the values a claim must have.
#[configuration]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Match {
    /// Every one.
    #[default]
    All,
    /// At least one.
    Any,
}

impl Rules {
    /// Whether the token claims what it has to, now.
    pub(crate) fn check(&self, genuine: &Genuine, now_ms: u64) -> Result<(), Refusal> {
        let token = &genuine.token;
        self.time(token, now_ms as f64 / 1000.0)?;
        self.issuer(genuine)?;
        self.audience(token)?;
        self.claims(token)?;
        Ok(())
    }

    fn time(&self, token: &Token, now: f64) -> Result<(), Denial> {
        match token.time_claim("exp")? {
            Some(end) if now >= end + self.skew_seconds => return Err(Denial::expired()),
            None if self.require_expiration => return Err(Denial::no_expiration()),
            _ => {}
        }
        match token.time_claim("nbf")? {
            Some(begin) if now + self.skew_seconds < begin => Err(Denial::not_yet_valid()),
            _ => Ok(()),
        }
    }

    fn issuer(&self, genuine: &Genuine) -> Result<(), Denial> {
        let issuer = genuine.token.text_claim("iss");
        let allowed = match (&genuine.issuer, self.issuers.as_slice()) {
            (None, []) => true,
            (Some(owner), []) => issuer == Some(&**owner),
            (_, issuers) => issuers.iter().any(|allowed| issuer == Some(allowed)),
        };
        if allowed { Ok(()) } else { Err(Denial::issuer()) }
    }

    fn audience(&self, token: &Token) -> Result<(), Refusal> {
        if self.audiences.is_empty() {
            return Ok(());
        }
        let claimed = audiences(token);
        for audience in &self.audiences {
            let audience = audience.get()?;
            // An expression that comes to nothing must not admit tokens that are for nobody.
            if !audience.is_empty() && claimed.contains(&audience.as_str()) {
                return Ok(());
            }
        }
        Err(Denial::audience().into())
    }

    fn claims(&self, token: &Token) -> Result<(), Denial> {
        let is_missing = |rule: &&RequiredClaim| token.claims.get(&rule.name).is_none_or(Value::is_null);
        let missing: Vec<&str> = self.required.iter().filter(is_missing).map(|rule| rule.name.as_str()).collect();
        if !missing.is_empty() {
            return Err(Denial::claims_missing(&missing));
        }
        let mut present = self.required.iter().filter_map(|rule| Some((rule, token.claims.get(&rule.name)?)));
        match present.find(|(rule, found)| !rule.allows(found)) {
            Some((rule, found)) => Err(Denial::claim_value(&rule.name, &text(found))),
            None => Ok(()),
        }
    }
}

impl RequiredClaim {
    /// What the schema can't say.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        match (&self.separator, self.values.is_empty()) {
            (Some(_), true) => Err(ConfigError::new("/separator", "there are no `values` to look for")),
            _ => Ok(()),
        }
    }

    fn allows(&self, found: &Value) -> bool {
        if self.values.is_empty() {
            return true;
        }
        let values = match found {
            Value::Array(items) => items.iter().map(text).collect(),
            single => vec![text(single)],
        };
        let has = |wanted: &Text| {
            values.iter().any(|value| match &self.separator {
                None => **value == **wanted,
                Some(separator) => value.split(separator.as_str()).any(|part| *part == **wanted),
            })
        };
        match self.r#match {
            Match::All => self.values.iter().all(has),
            Match::Any => self.values.iter().any(has),
        }
    }
}

/// Whom the token is for: a text or a list of texts.
pub(crate) fn audiences(token: &Token) -> Vec<&str> {
    match token.claims.get("aud") {
        Some(Value::String(audience)) => vec![audience],
        Some(Value::Array(audiences)) => audiences.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A text as it is, anything else as JSON.
fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => text.into(),
        other => other.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use std::rc::Rc;
    use tollgate_sdk::serde_json::{from_value, json};

    fn genuine(claims: Value) -> Genuine {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let token = Token::parse(format!("{}.{}.", part(json!({ "alg": "HS256" })), part(claims))).unwrap();
        Genuine { token: Rc::new(token), issuer: None }
    }

    fn rules() -> Rules {
        Rules {
            require_expiration: false,
            skew_seconds: 0.0,
            audiences: Vec::new(),
            issuers: Vec::new(),
            required: Vec::new(),
        }
    }

    /// The reason why this is refused at second 1000, or nothing.
    fn reason(rules: &Rules, genuine: &Genuine) -> &'static str {
        match rules.check(genuine, 1_000_000) {
            Ok(()) => "",
            Err(Refusal::Denied(denial)) => denial.reason,
            Err(Refusal::Failed(verdict)) => panic!("{verdict:?}"),
        }
    }

    #[test]
    fn a_token_is_good_from_nbf_until_exp() {
        let at = |claims: Value, skew_seconds| reason(&Rules { skew_seconds, ..rules() }, &genuine(claims));
        assert_eq!(at(json!({ "exp": 1001 }), 0.0), "");
        assert_eq!(at(json!({ "exp": 1000 }), 0.0), "TokenExpired");
        assert_eq!(at(json!({ "exp": 1000 }), 1.0), "");
        assert_eq!(at(json!({ "exp": 999.5 }), 0.0), "TokenExpired");
        assert_eq!(at(json!({ "nbf": 1000 }), 0.0), "");
        assert_eq!(at(json!({ "nbf": 1001 }), 0.0), "JwtInvalid");
        assert_eq!(at(json!({ "nbf": 1001 }), 1.0), "");
        assert_eq!(at(json!({ "exp": "1001" }), 0.0), "JwtInvalid");
        assert_eq!(at(json!({ "exp": null }), 0.0), "JwtInvalid");
    }

    #[test]
    fn a_token_without_an_end_is_refused_if_told() {
        let strict = Rules { require_expiration: true, ..rules() };
        assert_eq!(reason(&strict, &genuine(json!({}))), "JwtInvalid");
        assert_eq!(reason(&strict, &genuine(json!({ "exp": 2000 }))), "");
    }

    #[test]
    fn the_issuer_is_one_of_those_named_or_the_owner_of_the_key() {
        let named = Rules { issuers: vec!["a".into(), "b".into()], ..rules() };
        assert_eq!(reason(&named, &genuine(json!({ "iss": "b" }))), "");
        assert_eq!(reason(&named, &genuine(json!({ "iss": "c" }))), "TokenIssuerNotAllowed");
        assert_eq!(reason(&named, &genuine(json!({ "iss": ["a"] }))), "TokenIssuerNotAllowed");
        assert_eq!(reason(&named, &genuine(json!({}))), "TokenIssuerNotAllowed");
        let owned = |claims| Genuine { issuer: Some("o".into()), ..genuine(claims) };
        assert_eq!(reason(&rules(), &owned(json!({ "iss": "o" }))), "");
        assert_eq!(reason(&rules(), &owned(json!({ "iss": "a" }))), "TokenIssuerNotAllowed");
        assert_eq!(reason(&rules(), &owned(json!({}))), "TokenIssuerNotAllowed");
        assert_eq!(reason(&named, &owned(json!({ "iss": "a" }))), "");
        assert_eq!(reason(&rules(), &genuine(json!({ "iss": "a" }))), "");
    }

    #[test]
    fn one_of_the_audiences_is_enough() {
        let both = Rules { audiences: vec!["a".to_owned().into(), "b".to_owned().into()], ..rules() };
        assert_eq!(reason(&both, &genuine(json!({ "aud": "b" }))), "");
        assert_eq!(reason(&both, &genuine(json!({ "aud": ["x", "a"] }))), "");
        assert_eq!(reason(&both, &genuine(json!({ "aud": ["x"] }))), "TokenAudienceNotAllowed");
        assert_eq!(reason(&both, &genuine(json!({}))), "TokenAudienceNotAllowed");
        let nobody = Rules { audiences: vec![String::new().into()], ..rules() };
        assert_eq!(reason(&nobody, &genuine(json!({ "aud": "" }))), "TokenAudienceNotAllowed");
    }

    fn required(rule: Value, claims: Value) -> &'static str {
        reason(&Rules { required: vec![from_value(rule).unwrap()], ..rules() }, &genuine(claims))
    }

    #[test]
    fn all_values_are_needed_unless_any_will_do() {
        let all = json!({ "name": "roles", "values": ["a", "b"] });
        let any = json!({ "name": "roles", "match": "any", "values": ["a", "b"] });
        assert_eq!(required(all.clone(), json!({ "roles": ["b", "c", "a"] })), "");
        assert_eq!(required(all.clone(), json!({ "roles": ["a"] })), "TokenClaimValueNotAllowed");
        assert_eq!(required(any.clone(), json!({ "roles": "a" })), "");
        assert_eq!(required(any.clone(), json!({ "roles": "a b" })), "TokenClaimValueNotAllowed");
        assert_eq!(required(any, json!({ "roles": [] })), "TokenClaimValueNotAllowed");
        assert_eq!(required(all, json!({ "role": "a" })), "TokenClaimNotFound");
    }

    #[test]
    fn values_within_a_text_are_told_apart_by_the_separator() {
        let rule = json!({ "name": "scp", "separator": " ", "values": ["read", "write"] });
        assert_eq!(required(rule.clone(), json!({ "scp": "write admin read" })), "");
        assert_eq!(required(rule, json!({ "scp": "reads write" })), "TokenClaimValueNotAllowed");
    }

    #[test]
    fn values_that_are_no_text_are_compared_as_json() {
        assert_eq!(required(json!({ "name": "n", "values": [5] }), json!({ "n": 5 })), "");
        assert_eq!(required(json!({ "name": "n", "values": ["true"] }), json!({ "n": true })), "");
        assert_eq!(required(json!({ "name": "n", "values": ["{\"a\":1}"] }), json!({ "n": { "a": 1 } })), "");
        assert_eq!(required(json!({ "name": "n" }), json!({ "n": false })), "");
        assert_eq!(required(json!({ "name": "n" }), json!({ "n": null })), "TokenClaimNotFound");
        assert_eq!(required(json!({ "name": "a.b" }), json!({ "a": { "b": 1 } })), "TokenClaimNotFound");
    }

    #[test]
    fn missing_claims_are_all_told() {
        let of = |name: &str| from_value(json!({ "name": name })).unwrap();
        let rules = Rules { required: vec![of("a"), of("b"), of("c")], ..rules() };
        let refused = rules.check(&genuine(json!({ "b": 1 })), 0).unwrap_err();
        let told = "JWT token is missing the following claims: a, c. Access denied.";
        assert!(matches!(refused, Refusal::Denied(denial) if denial.message == told));
    }
}
