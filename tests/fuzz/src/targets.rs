//! What takes bytes from strangers, and what must hold whatever they are.

mod cache_key;
mod component;
mod configuration;
mod conversion;
mod expression;
mod headers;
mod host_functions;
mod limiter;
mod path;
mod random_component;
mod request;

/// A gateway process and its origin.
mod served;

/// A runtime without a gateway.
mod wasm;

use crate::Target;

/// All of them.
pub const TARGETS: &[Target] = &[
    path::TARGET,
    headers::TARGET,
    conversion::TARGET,
    configuration::TARGET,
    expression::TARGET,
    limiter::TARGET,
    component::TARGET,
    host_functions::TARGET,
    random_component::TARGET,
    request::TARGET,
    cache_key::TARGET,
];
