//! Everything that is promised, asked of the real binary: a test's name is the promise.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what fails here is a failing test")]

mod authors;
mod balancing;
mod decisions;
mod errors;
mod explain;
mod expressions;
mod failures;
mod faults;
mod files;
mod flow;
mod forwarding;
mod gateway;
mod hostile;
mod http2_origins;
mod isolation;
mod keys;
mod limits;
mod load;
mod mistakes;
mod observe;
mod operations;
mod otlp;
mod policies;
mod registries;
mod reload;
mod rfc9111;
mod scene;
mod scopes;
mod situations;
mod tidy;
mod traces;
