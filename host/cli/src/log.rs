//! The operator's log: JSON lines on stderr, written by a thread of its own so that no worker waits for a pipe.

use std::io::Write;

use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::EnvFilter;

/// Start logging. Lines are flushed when the guard is dropped.
///
/// `TOLLGATE_LOG` chooses levels, as `tracing` filters do; `usual` is what holds without it.
pub(crate) fn start(usual: &str) -> WorkerGuard {
    let (writer, guard) = tracing_appender::non_blocking(std::io::stderr());
    let filter = EnvFilter::try_from_env("TOLLGATE_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).with_writer(writer).init();
    guard
}

/// An error that ends the command, for a person.
pub(crate) fn say_error(error: &anyhow::Error) {
    // Nobody is left to tell if stderr is gone.
    let _ = writeln!(std::io::stderr(), "tollgate: {error:#}");
}
