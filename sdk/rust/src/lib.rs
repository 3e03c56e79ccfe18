//! Write Tollgate policies in Rust.
//!
//! A policy is a library crate that becomes a WebAssembly component. It implements [`Policy`] (or is one
//! function), the [`policy`](macro@policy) attribute exports exactly the phases that it implements, and the
//! modules named after the contract's interfaces ([`context`], [`variables`], [`limiter`], [`cache`], [`log`],
//! [`clock`], [`metrics`], [`expression`], [`http_client`], [`backend`], [`crypto`], [`events`]) are what it may ask of the
//! gateway.
//!
//! ```
//! use tollgate_sdk::{Failure, Request, Verdict, policy};
//!
//! /// Refuses requests without an API version.
//! #[policy]
//! fn on_request(request: &mut Request) -> Result<(), Failure> {
//!     request.header("api-version").map(drop).ok_or(Failure::new(400, "VersionMissing", "api-version is missing."))
//! }
//! # fn main() {}
//! ```
//!
//! Built for any target but `wasm32`, the same API runs on the fakes of [`testing`].
//! `README.md` beside this crate is the guide.

// The macros name this crate from outside; its own tests are inside.
extern crate self as tollgate_sdk;

pub mod backend;
#[allow(unsafe_code, missing_docs, unreachable_pub, clippy::all, reason = "generated from wit/")]
#[doc(hidden)]
pub mod bindings;
pub mod cache;
pub mod clock;
mod configuration;
pub mod context;
mod counter_key;
pub mod crypto;
pub mod dynamic;
pub mod events;
#[doc(hidden)]
pub mod export;
pub mod expression;
mod host;
pub mod http_client;
pub mod limiter;
pub mod log;
mod manifest;
mod messages;
pub mod metrics;
mod policy;
pub mod schema;
#[allow(clippy::panic, reason = "a test that is used wrongly should stop")]
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod variables;
mod verdict;

pub use configuration::deserialize_text;
pub use counter_key::CounterKey;
pub use dynamic::Dynamic;
pub use expression::{Expression, ExpressionError};
pub use messages::{BodyError, Field, HeaderError, Headers, Request, Response, TargetError};
pub use policy::{ConfigError, LastError, NoConfig, Policy};
pub use tollgate_sdk_macros::{configuration, policy};
pub use verdict::{Failure, Reply, Verdict};

/// For a `Deserialize` that is written or derived by hand.
pub use serde;
/// JSON values, for bodies and variables.
pub use serde_json;
