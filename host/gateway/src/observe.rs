//! What operators see: a line for each request, and an address for machines that ask.

/// One line for each request.
pub mod access_log;

/// Metrics and health.
pub mod admin;

/// Numbers, added up when they are asked for.
pub(crate) mod metrics;

/// Traces and metrics for a collector.
pub mod otlp;

/// A request until its line is written.
pub(crate) mod record;

/// What happened to single exchanges.
pub mod tracing;

/// Points in time as text.
mod time;
