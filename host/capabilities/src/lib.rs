//! What policies can reach: one file per WIT interface, and the state behind it.
//!
//! Every file of a capability has the same parts in the same order: the state that lives in the host, what one
//! call may do with it, and the generated `Host` trait implemented on [`Session`], the data of a store.

/// The exchange that a store is lent to for a call.
pub mod exchange;

/// A store's data: the lent exchange, what the call recorded, and what it may still use up.
pub mod session;

/// Keys of limiter and cache, as keyed hashes.
mod digest;

/// `tollgate:policy/messages`
mod messages;

/// `tollgate:policy/context`
mod context;

/// `tollgate:policy/variables`
mod variables;

/// `tollgate:limiter/limiter`
pub mod limiter;

/// `tollgate:cache/cache`
pub mod cache;

/// `tollgate:metrics/metrics`
pub mod metrics;

/// `tollgate:log/log`
mod log;

/// `tollgate:clock/clock`
mod clock;

pub use exchange::{Exchange, Facts, LastError, RouteFacts, SubscriptionFacts};
pub use session::{Identity, Services, Session};
