//! The vocabulary that every other crate shares: message heads, edits, verdicts, limits, grants, faults.
//!
//! No I/O, no async, no wasmtime, no hyper: what stands here can be tested in microseconds.

/// Where a statement stands in a document, and where it runs.
pub mod place;

/// Heads of messages as statements see them.
pub mod message;

/// The base URL of an origin.
pub mod base_url;

/// Where a component lies in a registry.
pub mod image;

/// Which header fields belong to the gateway.
pub mod field;

/// What a call recorded and what is applied after its verdict.
pub mod edits;

/// What a phase decides.
pub mod verdict;

/// What a call may use up.
pub mod limits;

/// What a component may import.
pub mod grants;

/// Hosts and ports, as URLs write them.
pub mod authority;

/// Which origins statements may call.
pub mod egress;

/// How a call can fail, and who is to blame.
pub mod fault;

/// What a component says of itself.
pub mod manifest;

/// One path for routing, policies, keys and the origin.
pub mod path;
