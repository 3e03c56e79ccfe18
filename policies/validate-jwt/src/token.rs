//! A token's text taken apart: three parts of base64url, a header and claims (RFC 7515 §3, RFC 7519 §7.2).

use crate::denial::Denial;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;
use tollgate_sdk::serde::de::{Error, MapAccess, Visitor};
use tollgate_sdk::serde::{Deserialize, Deserializer};
use tollgate_sdk::serde_json::{self, Map, Value};

/// A longer token isn't looked at. Header lines are hardly ever allowed to be longer.
const LONGEST: usize = 16 * 1024;

/// A token that is well-formed. Nothing of what it says has been verified.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    /// As the client sent it.
    pub(crate) text: String,
    pub(crate) header: Header,
    pub(crate) claims: Map<String, Value>,
    pub(crate) signature: Vec<u8>,
    /// How many bytes of the text are signed.
    signed: usize,
}

/// What the header says.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) algorithm: String,
    pub(crate) key_id: Option<String>,
    pub(crate) kind: Option<String>,
}

impl Token {
    /// Take a token apart.
    pub(crate) fn parse(text: String) -> Result<Self, Denial> {
        if text.len() > LONGEST {
            return Err(Denial::malformed("the token is longer than 16 KiB"));
        }
        let (header, claims, signature) = match text.split('.').collect::<Vec<_>>()[..] {
            [header, claims, signature] => (header, claims, signature),
            [_, _, _, _, _] => return Err(Denial::malformed("the token is encrypted, which isn't supported")),
            _ => return Err(Denial::malformed("the token doesn't have three parts")),
        };
        Ok(Self {
            header: Header::of(object(header, "header")?)?,
            claims: object(claims, "payload")?,
            signature: decode(signature, "signature")?,
            signed: header.len() + 1 + claims.len(),
            text,
        })
    }

    /// What the signature is made of.
    pub(crate) fn signed(&self) -> &[u8] {
        self.text.as_bytes().get(..self.signed).unwrap_or_default()
    }

    /// A claim, if it is there and is a text.
    pub(crate) fn text_claim(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }

    /// A claim in seconds since 1970; none if it is absent.
    pub(crate) fn time_claim(&self, name: &str) -> Result<Option<f64>, Denial> {
        match self.claims.get(name) {
            None => Ok(None),
            Some(value) => match value.as_f64().filter(|seconds| seconds.is_finite()) {
                Some(seconds) => Ok(Some(seconds)),
                None => Err(Denial::malformed(format!("the claim {name} is no number"))),
            },
        }
    }
}

impl Header {
    fn of(members: Map<String, Value>) -> Result<Self, Denial> {
        // What must be understood isn't: there is no extension that we know.
        for (name, why) in [("crit", "critical extensions"), ("enc", "encryption"), ("zip", "compression")] {
            if members.contains_key(name) {
                return Err(Denial::malformed(format!("the token's header asks for {why}, which isn't supported")));
            }
        }
        let text = |name: &str| match members.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(Denial::malformed(format!("`{name}` in the token's header is no text"))),
        };
        let algorithm = text("alg")?.ok_or_else(|| Denial::malformed("the token's header has no `alg`"))?;
        Ok(Self { algorithm, key_id: text("kid")?, kind: text("typ")? })
    }
}

fn decode(part: &str, name: &str) -> Result<Vec<u8>, Denial> {
    let bytes = URL_SAFE_NO_PAD.decode(part);
    bytes.map_err(|_| Denial::malformed(format!("the token's {name} is no base64url")))
}

fn object(part: &str, name: &str) -> Result<Map<String, Value>, Denial> {
    let object = serde_json::from_slice::<Object>(&decode(part, name)?);
    object.map(|object| object.0).map_err(|error| Denial::malformed(format!("the token's {name} is refused: {error}")))
}

/// An object whose members have names of their own: of two with one name, readers take one or the other.
struct Object(Map<String, Value>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Object, A::Error> {
                let mut object = Map::new();
                while let Some((name, value)) = members.next_entry::<String, Value>()? {
                    if object.contains_key(&name) {
                        return Err(A::Error::custom("a name occurs twice"));
                    }
                    object.insert(name, value);
                }
                Ok(Object(object))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str) -> String {
        URL_SAFE_NO_PAD.encode(text)
    }

    fn token(header: &str, claims: &str) -> Result<Token, Denial> {
        Token::parse(format!("{}.{}.c2ln", encoded(header), encoded(claims)))
    }

    fn refused(header: &str, claims: &str) -> String {
        token(header, claims).unwrap_err().detail
    }

    #[test]
    fn a_token_is_taken_apart() {
        let token = token(r#"{"alg":"RS256","kid":"k","typ":"JWT"}"#, r#"{"sub":"me","exp":1.5}"#).unwrap();
        assert_eq!((token.header.algorithm.as_str(), token.header.key_id.as_deref()), ("RS256", Some("k")));
        assert_eq!(token.text_claim("sub"), Some("me"));
        assert_eq!(token.time_claim("exp").unwrap(), Some(1.5));
        assert_eq!(token.time_claim("nbf").unwrap(), None);
        assert!(token.time_claim("sub").is_err());
        assert_eq!(token.signature, b"sig");
        assert_eq!(token.signed(), token.text.rsplit_once('.').unwrap().0.as_bytes());
    }

    #[test]
    fn the_header_says_only_what_is_understood() {
        assert!(refused("{}", "{}").contains("no `alg`"));
        assert!(refused(r#"{"alg":5}"#, "{}").contains("`alg`"));
        assert!(refused(r#"{"alg":"HS256","kid":null}"#, "{}").contains("`kid`"));
        assert!(refused(r#"{"alg":"HS256","crit":[]}"#, "{}").contains("critical extensions"));
        assert!(refused(r#"{"alg":"dir","enc":"A128GCM"}"#, "{}").contains("encryption"));
        assert!(refused(r#"{"alg":"HS256","zip":"DEF"}"#, "{}").contains("compression"));
    }

    #[test]
    fn no_name_occurs_twice() {
        assert!(refused(r#"{"alg":"HS256","alg":"none"}"#, "{}").contains("twice"));
        assert!(refused(r#"{"alg":"HS256"}"#, r#"{"sub":"a","sub":"b"}"#).contains("twice"));
    }

    #[test]
    fn anything_but_three_parts_of_base64url_is_refused() {
        let good = format!("{}.{}.c2ln", encoded(r#"{"alg":"HS256"}"#), encoded("{}"));
        assert!(Token::parse(good.clone()).is_ok());
        for bad in [
            String::new(),
            "a.b".into(),
            format!("{good}.x"),
            format!("{good}.x.y"),
            format!("{good}="),
            format!("{good} "),
            format!(" {good}"),
            // The last letter's spare bits are not zero.
            good.replace("c2ln", "c2lnZZ"),
            good.replace("c2ln", "c2+n"),
            format!("{}.{}.", encoded("[]"), encoded("{}")),
            format!("{}.{}.", encoded(r#"{"alg":"HS256"}"#), encoded("5")),
            format!("{}.{}.", encoded(r#"{"alg":"HS256"} x"#), encoded("{}")),
            format!("{good}{}", "A".repeat(LONGEST)),
        ] {
            assert!(Token::parse(bad.clone()).is_err(), "{bad}");
        }
    }
}
