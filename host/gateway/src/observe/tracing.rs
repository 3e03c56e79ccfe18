//! Traces of single exchanges, for whoever holds a debug token (`apim.md` §5).
//!
//! Tokens are handed out on the admin address and expire; traces are kept in memory, the newest ones only.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tollgate_runtime::{Exchange, LastError, Secrets, Trace};

/// The request header that asks for a trace. It never goes to an origin.
pub(crate) const DEBUG_AUTHORIZATION: HeaderName = HeaderName::from_static("tollgate-debug-authorization");

/// The response header that names the trace.
pub(crate) const TRACE_ID: HeaderName = HeaderName::from_static("tollgate-trace-id");

/// The longest life of a token: an hour, as in API management.
pub const MAX_TOKEN_LIFE: Duration = Duration::from_secs(3600);

/// Tokens at the same time.
const MAX_TOKENS: usize = 32;

/// Traces that are kept.
const MAX_TRACES: usize = 100;

/// Bytes of all traces that are kept.
const MAX_TRACE_BYTES: usize = 16 << 20;

/// Tokens, and the traces that they led to.
#[derive(Debug, Default)]
pub struct TraceDesk {
    tokens: Mutex<Vec<Token>>,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Token {
    digest: [u8; 32],
    expires: Instant,
}

#[derive(Debug, Default)]
struct Kept {
    traces: VecDeque<(String, String)>,
    bytes: usize,
}

/// No more tokens for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{MAX_TOKENS} debug tokens are in use; they expire by themselves")]
pub struct TooManyTokens;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TraceDesk {
    /// Hand out a token that is good for `life`, an hour at most.
    pub fn hand_out(&self, life: Duration) -> Result<String, TooManyTokens> {
        let mut secret = [0; 24];
        // Without randomness no token may be handed out; the system has always some.
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut secret).map_err(|_| TooManyTokens)?;
        let text = secret.iter().fold(String::with_capacity(48), |mut text, byte| {
            // Writing to a String can't fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        let now = Instant::now();
        let mut tokens = lock(&self.tokens);
        tokens.retain(|token| token.expires > now);
        if tokens.len() >= MAX_TOKENS {
            return Err(TooManyTokens);
        }
        tokens.push(Token { digest: digest(text.as_bytes()), expires: now + life.min(MAX_TOKEN_LIFE) });
        Ok(text)
    }

    /// Does a request carry a good token? The header is taken away in any case.
    pub(crate) fn admits(&self, headers: &mut HeaderMap) -> bool {
        let Some(shown) = headers.remove(DEBUG_AUTHORIZATION) else { return false };
        let shown = digest(shown.as_bytes());
        let now = Instant::now();
        lock(&self.tokens).iter().any(|token| token.expires > now && bool::from(token.digest.ct_eq(&shown)))
    }

    /// Keep a trace.
    pub(crate) fn keep(
        &self,
        id: &str,
        trace: Trace,
        exchange: &Exchange,
        status: StatusCode,
        elapsed: Duration,
        secrets: &Secrets,
    ) {
        let (steps, dropped) = trace.into_parts();
        let route = &exchange.facts.route;
        let mut told = json!({
            "id": id,
            "method": exchange.request.method.as_str(),
            "url": exchange.original_target.as_str(),
            "clientIp": exchange.facts.client_ip.to_string(),
            "api": route.api,
            "operation": route.operation.as_ref().map(|operation| &operation.id),
            "product": route.product,
            "subscription": exchange.facts.subscription.as_ref().map(|subscription| &subscription.id),
            "status": status.as_u16(),
            "elapsedUs": u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
            "lastError": exchange.last_error.as_ref().map(told_error),
            "steps": Value::Array(steps),
            "dropped": dropped,
        });
        secrets.hide_in(&mut told);
        let text = told.to_string();
        let mut kept = lock(&self.kept);
        kept.bytes += text.len();
        kept.traces.push_back((id.to_owned(), text));
        while kept.traces.len() > MAX_TRACES || kept.bytes > MAX_TRACE_BYTES {
            let Some((_, gone)) = kept.traces.pop_front() else { break };
            kept.bytes -= gone.len();
        }
    }

    /// A trace as JSON text.
    pub fn get(&self, id: &str) -> Option<String> {
        lock(&self.kept).traces.iter().rev().find(|(known, _)| known == id).map(|(_, text)| text.clone())
    }

    /// The ids of all traces, the newest first.
    pub fn ids(&self) -> Vec<String> {
        lock(&self.kept).traces.iter().rev().map(|(id, _)| id.clone()).collect()
    }
}

/// As `last_error` has it in expressions.
fn told_error(error: &LastError) -> Value {
    let at = error.at.as_deref();
    json!({
        "source": error.source,
        "reason": error.reason,
        "message": error.message,
        "scope": at.map(|at| at.scope.name()),
        "section": at.map(|at| at.section.name()),
        "path": at.map(|at| &at.path),
        "policyId": at.and_then(|at| at.id.as_ref()),
        "status": error.status,
    })
}

fn digest(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn with(token: &str) -> HeaderMap {
        HeaderMap::from_iter([(DEBUG_AUTHORIZATION, HeaderValue::from_str(token).unwrap())])
    }

    #[test]
    fn a_token_opens_until_it_expires_and_never_travels_on() {
        let desk = TraceDesk::default();
        let token = desk.hand_out(Duration::from_secs(60)).unwrap();
        let mut headers = with(&token);
        assert!(desk.admits(&mut headers));
        assert!(headers.is_empty());
        assert!(!desk.admits(&mut with("another")));
        let short = desk.hand_out(Duration::ZERO).unwrap();
        assert!(!desk.admits(&mut with(&short)));
    }

    #[test]
    fn tokens_are_few() {
        let desk = TraceDesk::default();
        for _ in 0..MAX_TOKENS {
            desk.hand_out(Duration::from_secs(60)).unwrap();
        }
        assert_eq!(desk.hand_out(Duration::from_secs(60)), Err(TooManyTokens));
    }
}
