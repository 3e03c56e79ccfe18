//! `tollgate:clock/clock`: time, in milliseconds.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tollgate_bindings::clock::clock::Host;
use wasmtime::Result;

use crate::session::Session;

/// The zero of the monotonic clock: some moment before the first call.
static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Microseconds since the zero of the monotonic clock.
pub(crate) fn monotonic_us() -> u64 {
    let elapsed = Instant::now().saturating_duration_since(*BEGINNING);
    u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
}

/// Milliseconds since 1970-01-01T00:00:00Z; a clock that stands before that reads 0.
pub(crate) fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Host for Session {
    fn unix_ms(&mut self) -> Result<u64> {
        self.enter()?;
        Ok(unix_ms().unsigned_abs())
    }

    fn monotonic_ms(&mut self) -> Result<u64> {
        self.enter()?;
        Ok(monotonic_us() / 1000)
    }
}
