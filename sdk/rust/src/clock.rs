//! Time. Coarse on purpose.

use crate::host::clock as host;

/// Milliseconds since 1970-01-01T00:00:00Z on the wall clock, which may be stepped.
pub fn unix_ms() -> u64 {
    host::unix_ms()
}

/// Milliseconds since some moment before the gateway started. Never goes back.
pub fn monotonic_ms() -> u64 {
    host::monotonic_ms()
}
