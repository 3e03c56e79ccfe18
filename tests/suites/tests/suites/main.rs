//! Everything that is promised, asked of the real binary: a test's name is the promise.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what fails here is a failing test")]

mod balancing;
mod failures;
mod faults;
mod flow;
mod forwarding;
mod gateway;
mod hostile;
mod isolation;
mod keys;
mod limits;
mod load;
mod observe;
mod operations;
mod policies;
mod reload;
mod scene;
mod scopes;
mod situations;
mod tidy;
