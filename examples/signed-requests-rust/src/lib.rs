use std::collections::BTreeMap;

use tollgate_sdk::crypto::{self, Algorithm, Key};
use tollgate_sdk::limiter::{self, Counter, Rule};
use tollgate_sdk::{ConfigError, Failure, Policy, Reply, Request, Verdict, cache, configuration, policy};

#[configuration]
pub struct Config {
    /// The tenants' keys.
    keys: BTreeMap<String, String>,
    /// Calls of a tenant in a period.
    #[schema(range(min = 1))]
    calls: u64,
    /// In seconds.
    #[schema(range(min = 1))]
    period: u64,
    /// For how many seconds a request counts as seen.
    #[schema(range(min = 1))]
    replay: u64,
}

pub struct SignedRequests(Config);

/// Lets only requests pass that their tenant has signed, each once, and so many in a period.
#[policy(id = "signed-requests", buffer(on_request = "64KiB"), rejects(429 = "TenantLimit"))]
impl Policy for SignedRequests {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        match config.keys.iter().find(|(_, key)| key.is_empty()) {
            Some((tenant, _)) => Err(ConfigError::new(format!("/keys/{tenant}"), "the key of a tenant is empty")),
            None => Ok(Self(config)),
        }
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        let Self(Config { keys, calls, period, replay }) = self;
        let tenant = request.header_str("x-tenant").unwrap_or_default();
        let key = keys.get(&tenant).ok_or_else(|| unauthorized("unknown tenant"))?;

        let digits = request.header_str("x-signature").unwrap_or_default();
        let signature = from_hex(&digits).ok_or_else(|| unauthorized("bad signature"))?;
        let secret = Key::Secret(key.clone().into_bytes());
        if !crypto::verify(Algorithm::Hs256, &secret, &request.body()?, &signature)? {
            return Err(unauthorized("bad signature"));
        }

        let seen = format!("{tenant}/{digits}");
        if cache::get(&seen)?.is_some() {
            return Err(unauthorized("replayed"));
        }

        let decision = limiter::admit(&Counter::of_statement(tenant), 1, Rule::sliding_window(*calls, period * 1000))?;
        if !decision.admitted {
            let seconds = decision.retry_after_ms.div_ceil(1000).to_string();
            let failure = Failure::new(429, "TenantLimit", "Too many requests of this tenant.");
            return Err(failure.header("retry-after", seconds).into());
        }

        cache::put(&seen, b"1", replay * 1000)?;
        request.set_header("x-verified", "true")?;
        Ok(request.remove_header("x-signature")?)
    }
}

fn unauthorized(error: &str) -> Verdict {
    let body = BTreeMap::from([("error", error)]);
    Reply::new(401).header("www-authenticate", "Signature").json(&body).into()
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = digits.chars().map(|c| c.to_digit(16)).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    pairs.remainder().is_empty().then(|| pairs.map(|pair| (pair[0] << 4 | pair[1]) as u8).collect())
}
