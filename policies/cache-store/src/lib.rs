//! `cache-store`: keep the response for `cache-lookup`.

use policy_downstream::Downstream;
use tollgate_sdk::{ConfigError, Policy, Request, Response, Verdict, cache, configuration, log, policy};

const CACHE_CONTROL: &str = "cache-control";

/// How long, and which responses.
#[configuration]
pub struct Config {
    /// For how many seconds the response is kept.
    #[schema(range(min = 1))]
    duration: u64,
    /// True: whatever the status. False: not at all. Otherwise responses with status 200 are kept.
    #[serde(default)]
    cache_response: Option<bool>,
}

/// The statement.
#[derive(Debug)]
pub struct Statement {
    seconds: u64,
    ms: u64,
    responses: Responses,
}

/// Which responses are kept.
#[derive(Clone, Copy, Debug)]
enum Responses {
    Any,
    Ok,
    None,
}

/// Keeps the response for cache-lookup.
#[policy]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let ms = config.duration.checked_mul(1000);
        Ok(Self {
            seconds: config.duration,
            ms: ms.ok_or_else(|| ConfigError::new("/duration", "longer than can be counted"))?,
            responses: match config.cache_response {
                Some(true) => Responses::Any,
                None => Responses::Ok,
                Some(false) => Responses::None,
            },
        })
    }

    fn on_response(&self, _: &Request, response: &mut Response) -> Result<(), Verdict> {
        let wanted = match self.responses {
            Responses::Any => true,
            Responses::Ok => response.status() == 200,
            Responses::None => false,
        };
        if wanted { self.store(response) } else { Ok(()) }
    }
}

impl Statement {
    /// What clients are told is written before the response is kept, so that hits tell it too.
    fn store(&self, response: &mut Response) -> Result<(), Verdict> {
        let Some(downstream) = Downstream::handed_over() else {
            log_failed(cache::store(self.ms));
            return Ok(());
        };
        let origins = response.header_values(CACHE_CONTROL);
        response.set_header(CACHE_CONTROL, downstream.cache_control(self.seconds))?;
        if log_failed(cache::store(self.ms)) {
            // What isn't kept isn't ours to change.
            response.remove_header(CACHE_CONTROL)?;
            for value in origins {
                response.append_header(CACHE_CONTROL, value)?;
            }
        }
        Ok(())
    }
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
