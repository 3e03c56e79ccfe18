//! Everything that speaks HTTP, in the order of a request's path. Names no wasmtime.
//!
//! ```text
//! client ─▶ listen ─▶ serve ─▶ handle: route ─▶ admit ─▶ chain ─▶ upstream ─▶ origin
//! client ◀─ respond ◀───────────────────────── chain ◀─ upstream ◀─ origin
//! ```

/// Addresses and accepted connections.
pub mod listen;

/// The gateway's own certificates.
pub mod certificates;

/// A connection's bytes.
mod stream;

/// Client connections: is it a request?
pub mod serve;

/// Too much to do.
mod overload;

/// Which trace a request belongs to.
mod trace_context;

/// One request through all of what follows.
mod handle;

/// Who the client is.
pub mod forwarded;

/// What doesn't travel.
pub mod hop;

/// Which API and operation.
mod route;

/// What shows who calls.
mod key;

/// Who may call it.
mod admit;

/// Who tries out keys.
mod guesses;

/// Statements in their order.
mod chain;

/// Which origin, and whether it may be asked.
mod balance;

/// What stands between a chain and the origin, if an API wants it.
mod cache;
/// How much may be sent a second time.
mod retry_budget;

/// Origins.
pub mod upstream;

/// Connections that speak another protocol.
mod tunnel;

/// Where policies compute for long.
mod aside;

/// What policies send themselves.
mod callout;

/// Components from registries.
pub mod registry;

/// What clients are told: the only place that chooses a status.
pub mod respond;

/// Bodies of both directions.
pub mod body;

/// Everything that a request needs to know, resolved once.
pub mod plan;

/// What a request would meet, for people.
mod explain;

/// Workers, and the plan that they share.
mod server;

/// What operators see.
pub mod observe;

/// A timer that costs next to nothing.
mod deadline;

/// JSON text without a tree.
mod json;

pub use explain::{Unroutable, Way};
pub use observe::otlp::OtlpSettings;
pub use overload::OverloadSettings;
pub use plan::{BuiltIn, Plan, PlanBuilder};
pub use retry_budget::RetryBudget;
pub use server::{Gateway, LogTarget, ServerSettings, StartError};
pub use trace_context::{TraceMode, TraceSettings};
