//! Who signed a token: which keys come into question, and whether one of them fits.

use crate::denial::Denial;
use crate::key::{self, SigningKey};
use crate::openid::{KeySet, OpenId};
use crate::refusal::Refusal;
use crate::token::Token;
use crate::verified::{Genuine, Memory};
use std::rc::Rc;
use tollgate_sdk::crypto::{self, Algorithm, CryptoError};
use tollgate_sdk::{Dynamic, log};

/// How many keys are tried on one token.
const MOST_TRIES: usize = 16;

/// The keys that a statement trusts.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) fixed: Vec<FixedKey>,
    pub(crate) openid: Vec<OpenId>,
    /// Whether tokens without a signature are taken; only if there are no keys.
    pub(crate) unsigned: bool,
    pub(crate) memory: Memory,
}

/// A key in the configuration.
#[derive(Debug)]
pub(crate) enum FixedKey {
    Ready(SigningKey),
    /// A secret that is an expression, in base64.
    Computed {
        id: Option<String>,
        algorithm: Option<Algorithm>,
        secret: Dynamic<String>,
    },
}

/// A key, and whose it is if its issuer says so.
type Candidate<'a> = (&'a SigningKey, Option<&'a Rc<str>>);

/// What came of trying keys.
enum Tried {
    Good(Option<Rc<str>>),
    NoneFits,
    NothingToTry,
}

impl Keys {
    /// The token, if its signature is good.
    pub(crate) fn verify(&self, text: String, now_ms: u64) -> Result<Genuine, Refusal> {
        if self.fixed.is_empty() && self.openid.is_empty() {
            return self.unsigned(Token::parse(text)?);
        }
        let computed = self.fixed.iter().any(|key| matches!(key, FixedKey::Computed { .. }));
        let sets = self.sets(now_ms);
        // A computed secret may be another one for each request.
        if !computed && let Some(genuine) = self.memory.recall(&text, self.generation()) {
            return Ok(genuine);
        }
        let token = Token::parse(text)?;
        let Some(algorithm) = Algorithm::from_name(&token.header.algorithm) else {
            log::debug!("{}", key::unsupported(&token.header.algorithm));
            return Err(Denial::signature_invalid().into());
        };
        let fixed = self.fixed()?;
        let issuer = match self.attempt(&token, algorithm, &fixed, &sets)? {
            Tried::Good(issuer) => issuer,
            failed if self.openid.is_empty() || is_known(&token, &fixed, &sets) => return Err(denial(&failed).into()),
            _ => {
                self.openid.iter().for_each(|issuer| issuer.refresh(now_ms));
                match self.attempt(&token, algorithm, &fixed, &self.sets(now_ms))? {
                    Tried::Good(issuer) => issuer,
                    failed => return Err(denial(&failed).into()),
                }
            }
        };
        let genuine = Genuine { token: Rc::new(token), issuer };
        if !computed {
            self.memory.remember(&genuine, self.generation());
        }
        Ok(genuine)
    }

    fn unsigned(&self, token: Token) -> Result<Genuine, Refusal> {
        match token.header.algorithm.as_str() {
            "none" if self.unsigned && token.signature.is_empty() => {
                Ok(Genuine { token: Rc::new(token), issuer: None })
            }
            "none" => Err(Denial::signature_invalid().into()),
            _ => Err(Denial::key_not_found().into()),
        }
    }

    fn sets(&self, now_ms: u64) -> Vec<Rc<KeySet>> {
        self.openid.iter().filter_map(|issuer| issuer.current(now_ms)).collect()
    }

    /// Each part only grows, so the sum changes whenever one of them does.
    fn generation(&self) -> u64 {
        self.openid.iter().map(OpenId::generation).sum()
    }

    fn fixed(&self) -> Result<Vec<SigningKey>, Refusal> {
        let key = |key: &FixedKey| match key {
            FixedKey::Ready(key) => Ok(key.clone()),
            FixedKey::Computed { id, algorithm, secret } => {
                let bytes = key::secret_bytes(&secret.get()?).map_err(|why| Refusal::value("key", why))?;
                Ok(SigningKey::secret(id.clone(), *algorithm, bytes))
            }
        };
        self.fixed.iter().map(key).collect()
    }

    fn attempt(
        &self,
        token: &Token,
        algorithm: Algorithm,
        fixed: &[SigningKey],
        sets: &[Rc<KeySet>],
    ) -> Result<Tried, Refusal> {
        let mut tried = Tried::NothingToTry;
        for (key, issuer) in candidates(token, algorithm, fixed, sets).into_iter().take(MOST_TRIES) {
            tried = Tried::NoneFits;
            match crypto::verify(algorithm, &key.key, token.signed(), &token.signature) {
                Ok(true) => return Ok(Tried::Good(issuer.cloned())),
                Ok(false) => {}
                Err(CryptoError::InvalidKey(why)) => log::warn!("a key can't be used: {why}"),
                Err(error) => return Err(Refusal::failed(format!("signatures can't be verified: {error:?}"))),
            }
        }
        Ok(tried)
    }
}

/// The keys that serve the algorithm and may be the one that the token names: first those of that name, then those
/// without one. All of them, if the token names none.
fn candidates<'a>(
    token: &Token,
    algorithm: Algorithm,
    fixed: &'a [SigningKey],
    sets: &'a [Rc<KeySet>],
) -> Vec<Candidate<'a>> {
    let named = token.header.key_id.as_deref();
    let serving = all(fixed, sets).filter(|(key, _)| key.serves(algorithm));
    let fitting = serving.filter(|(key, _)| named.is_none() || key.id.is_none() || key.id.as_deref() == named);
    let mut candidates: Vec<Candidate<'a>> = fitting.collect();
    candidates.sort_by_key(|(key, _)| key.id.as_deref() != named);
    candidates
}

fn all<'a>(fixed: &'a [SigningKey], sets: &'a [Rc<KeySet>]) -> impl Iterator<Item = Candidate<'a>> {
    let of_issuers = sets.iter().flat_map(|set| set.keys.iter().map(|key| (key, Some(&set.issuer))));
    fixed.iter().map(|key| (key, None)).chain(of_issuers)
}

/// Is there no reason to ask issuers for newer keys? There is one if the token names a key that nobody has told of.
fn is_known(token: &Token, fixed: &[SigningKey], sets: &[Rc<KeySet>]) -> bool {
    match token.header.key_id.as_deref() {
        Some(named) => all(fixed, sets).any(|(key, _)| key.id.as_deref() == Some(named)),
        None => true,
    }
}

fn denial(tried: &Tried) -> Denial {
    match tried {
        Tried::NothingToTry => Denial::key_not_found(),
        _ => Denial::signature_invalid(),
    }
}
