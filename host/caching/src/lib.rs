//! HTTP caching (RFC 9111) as arithmetic: what may be stored, for how long it is fresh, which request it answers.
//!
//! The rules are those of a shared cache. Nothing here does I/O or looks at a clock: moments are arguments, so that
//! every rule is a table of cases. Where responses are kept is the business of `host/capabilities`, who asks the
//! origin that of `host/gateway`.
//!
//! ```text
//! request ─▶ directives ─▶ reuse ── fresh ─▶ answer (304, 206, 416, HEAD, Age) ─▶ client
//!                            └─ validation ─▶ origin ─▶ storing (freshness, vary) ─▶ Stored
//! ```

/// `Cache-Control` of requests and responses, and `CDN-Cache-Control`.
pub mod directives;

/// For how long a response is fresh, and how old it is.
pub mod freshness;

/// What tells variants apart.
pub mod vary;

/// What may be stored, and what of it.
pub mod storing;

/// Whether a stored response answers a request.
pub mod reuse;

/// Conditional requests in both directions.
pub mod validation;

/// Parts of bodies.
pub mod range;

/// A stored response becomes an answer.
pub mod answer;

/// What a request changes for others.
pub mod invalidation;

/// Parts of a key that clients may write in several ways.
pub mod key;

/// `Cache-Status`.
pub mod cache_status;

pub use answer::answer;
pub use directives::{RequestDirectives, ResponseDirectives};
pub use freshness::{Freshness, Timing};
pub use storing::{Asked, Rules, Storable, Stored, Unstorable};
pub use vary::Vary;
