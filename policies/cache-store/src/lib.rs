//! `cache-store`: keep the response for `cache-lookup`.

use policy_downstream::Downstream;
use tollgate_sdk::{ConfigError, Dynamic, Policy, Request, Response, Verdict, cache, configuration, log, policy};

const CACHE_CONTROL: &str = "cache-control";

/// How long, and which responses.
#[configuration]
pub struct Config {
    /// For how many seconds the response is kept.
    #[schema(range(min = 1))]
    duration: Dynamic<u64>,
    /// True: whatever the status. False: not at all. Otherwise responses with status 200 are kept.
    #[serde(default)]
    cache_response: Option<Dynamic<bool>>,
}

/// The statement.
#[derive(Debug)]
pub struct Statement {
    seconds: Dynamic<u64>,
    /// None: only those with status 200.
    any_status: Option<Dynamic<bool>>,
}

/// Keeps the response for cache-lookup.
#[policy(sections(outbound), once)]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        if config.duration.literal().is_some_and(|seconds| seconds.checked_mul(1000).is_none()) {
            return Err(ConfigError::new("/duration", "longer than can be counted"));
        }
        Ok(Self { seconds: config.duration, any_status: config.cache_response })
    }

    fn on_response(&self, _: &Request, response: &mut Response) -> Result<(), Verdict> {
        let wanted = match &self.any_status {
            Some(any) => *any.get()?,
            None => response.status() == 200,
        };
        if !wanted {
            return Ok(());
        }
        match *self.seconds.get()? {
            // An expression may well come to no time at all.
            0 => {
                log::debug!("not kept: the duration is 0");
                Ok(())
            }
            seconds => store(response, seconds),
        }
    }
}

/// What clients are told is written before the response is kept, so that hits tell it too.
fn store(response: &mut Response, seconds: u64) -> Result<(), Verdict> {
    let ms = seconds.saturating_mul(1000);
    let Some(downstream) = Downstream::handed_over() else {
        log_failed(cache::store(ms));
        return Ok(());
    };
    let origins = response.header_values(CACHE_CONTROL);
    response.set_header(CACHE_CONTROL, downstream.cache_control(seconds))?;
    if log_failed(cache::store(ms)) {
        // What isn't kept isn't ours to change.
        response.remove_header(CACHE_CONTROL)?;
        for value in origins {
            response.append_header(CACHE_CONTROL, value)?;
        }
    }
    Ok(())
}

/// Whether it failed. The response is fine all the same, so this is no more than a line for who looks.
fn log_failed(stored: Result<(), cache::CacheError>) -> bool {
    if let Err(error) = &stored {
        log::debug!("not kept: {error:?}");
    }
    stored.is_err()
}

#[cfg(test)]
mod tests;
