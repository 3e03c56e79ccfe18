//! Whatever is behind the contract: the gateway for a component, the fakes of `testing` for anything else.
//! Both sides have the same functions with the same signatures, so nothing above this file knows which it is.

#[cfg(target_arch = "wasm32")]
pub(crate) use crate::bindings::imports::tollgate::{
    backend::backend,
    cache::cache,
    clock::clock,
    crypto::crypto,
    events::events,
    expression::expression,
    http_client::http_client,
    limiter::limiter,
    log::log,
    metrics::metrics,
    policy::{context, messages, variables},
};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::testing::host::{
    backend, cache, clock, context, crypto, events, expression, http_client, limiter, log, messages, metrics, variables,
};
