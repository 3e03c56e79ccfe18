//! What policies can reach: one file per WIT interface, and the state behind it.
//!
//! Every file of a capability has the same parts in the same order: the state that lives in the host, what one
//! call may do with it, and the generated `Host` trait implemented on [`Session`], the data of a store.

/// The exchange that a store is lent to for a call.
pub mod exchange;

/// A store's data: the lent exchange, what the call recorded, and what it may still use up.
pub mod session;

/// What a statement asks about its exchange.
pub mod question;

/// What nobody may see.
pub mod secrets;

/// Keys of limiter and cache, as keyed hashes.
mod digest;

/// What happened to a traced exchange.
pub mod trace;

/// `tollgate:policy/messages`
mod messages;

/// `tollgate:policy/context`
mod context;

/// `tollgate:policy/variables`
pub mod variables;

/// `tollgate:expression/expression`
pub mod expression;

/// `tollgate:http-client/http-client`
pub mod http_client;

/// `tollgate:backend/backend`
mod backend;

/// `tollgate:crypto/crypto`
mod crypto;

/// `tollgate:events/events`
pub mod events;

/// `tollgate:limiter/limiter`
pub mod limiter;

/// `tollgate:cache/cache`
pub mod cache;

/// `tollgate:metrics/metrics`
pub mod metrics;

/// `tollgate:log/log`
mod log;

/// `tollgate:clock/clock`
pub mod clock;

/// `wasi:*@0.2`, empty
pub mod wasi;

pub use exchange::{Exchange, Facts, LastError, RouteFacts, SubscriptionFacts};
pub use session::{Identity, Services, Session};
