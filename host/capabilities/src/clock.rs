//! `tollgate:clock/clock`: time, in milliseconds.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tollgate_bindings::clock::clock::Host;
use wasmtime::Result;

use crate::session::Session;

/// The first time that somebody asked for the monotonic clock.
static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

/// How far the clocks have been put forward, in milliseconds: never where a gateway serves.
static PUT_FORWARD_MS: AtomicU64 = AtomicU64::new(0);

/// Put both clocks of this process forward, for tests of policies.
pub fn put_forward(by: Duration) {
    PUT_FORWARD_MS.fetch_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

fn put_forward_ms() -> u64 {
    PUT_FORWARD_MS.load(Ordering::Relaxed)
}

/// What the monotonic clock shows at the first call: Go takes a clock that shows 0 for one that stands still.
const AT_FIRST: Duration = Duration::from_secs(1);

/// Microseconds since the zero of the monotonic clock, which lies before the first call.
pub(crate) fn monotonic_us() -> u64 {
    let elapsed = Instant::now().saturating_duration_since(*BEGINNING).saturating_add(AT_FIRST);
    u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX).saturating_add(put_forward_ms().saturating_mul(1000))
}

/// Now, as the clocks of policies say.
pub(crate) fn now() -> Instant {
    let now = Instant::now();
    now.checked_add(Duration::from_millis(put_forward_ms())).unwrap_or(now)
}

/// Milliseconds since 1970-01-01T00:00:00Z; a clock that stands before that reads 0.
pub(crate) fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX).saturating_add_unsigned(put_forward_ms())
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
