//! For how long a statement waits.

use std::time::Duration;
use tollgate_sdk::{ConfigError, Dynamic, ExpressionError};

const DEFAULT_MS: u64 = 60_000;
/// The longest that the gateway waits for a policy's request.
const LONGEST_MS: u64 = 240_000;

/// `timeout` or `timeout-ms`.
#[derive(Debug)]
pub(crate) enum Timeout {
    Seconds(Dynamic<f64>),
    Ms(Dynamic<u64>),
}

impl Timeout {
    pub(crate) fn new(seconds: Option<Dynamic<f64>>, ms: Option<Dynamic<u64>>) -> Result<Self, ConfigError> {
        let (timeout, literal, pointer) = match (seconds, ms) {
            (Some(_), Some(_)) => return Err(ConfigError::new("/timeout-ms", "`timeout` says it already")),
            (Some(seconds), None) => {
                let literal = seconds.literal().map(|seconds| seconds * 1000.0);
                (Self::Seconds(seconds), literal, "/timeout")
            }
            (None, ms) => {
                let ms = ms.unwrap_or_else(|| Dynamic::from(DEFAULT_MS));
                let literal = ms.literal().map(|ms| *ms as f64);
                (Self::Ms(ms), literal, "/timeout-ms")
            }
        };
        if literal.is_some_and(|ms| !(1.0..=LONGEST_MS as f64).contains(&ms)) {
            return Err(ConfigError::new(pointer, "expected more than nothing and at most 240 seconds"));
        }
        Ok(timeout)
    }

    /// Between 1 ms and 240 s, whatever an expression gives: a deadline that has passed is a time-out and no mistake.
    pub(crate) fn get(&self) -> Result<Duration, ExpressionError> {
        let ms = match self {
            // Saturates, and is 0 for what is no number.
            Self::Seconds(seconds) => (*seconds.get()? * 1000.0) as u64,
            Self::Ms(ms) => *ms.get()?,
        };
        Ok(Duration::from_millis(ms.clamp(1, LONGEST_MS)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Result<Timeout, ConfigError> {
        Timeout::new(Some(Dynamic::from(seconds)), None)
    }

    #[test]
    fn both_units_mean_the_same() {
        let ms = |timeout: Result<Timeout, ConfigError>| timeout.unwrap().get().unwrap().as_millis();
        assert_eq!(ms(Timeout::new(None, None)), 60_000);
        assert_eq!(ms(seconds(2.5)), 2_500);
        assert_eq!(ms(Timeout::new(None, Some(Dynamic::from(50)))), 50);
    }

    #[test]
    fn what_nobody_can_wait_for_is_refused() {
        for wrong in [0.0, -1.0, 241.0, f64::NAN] {
            assert_eq!(seconds(wrong).unwrap_err().pointer, "/timeout");
        }
        assert_eq!(Timeout::new(None, Some(Dynamic::from(0))).unwrap_err().pointer, "/timeout-ms");
        let both = Timeout::new(Some(Dynamic::from(1.0)), Some(Dynamic::from(1)));
        assert_eq!(both.unwrap_err().pointer, "/timeout-ms");
    }
}
