//! Bindings of `wit/` for the host, and conversions to the words of `tollgate-core`. Nothing else.
//!
//! Every import may trap: the outer `Result` of a host function means "contract broken", the inner one is an
//! answer that the guest can handle.

#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated from wit/, which holds the documentation")]
mod generated {
    /// What a message handle in a guest stands for: the exchange that its store is lent to. There is one
    /// request and one response per call, so a handle carries nothing and needs no table.
    pub enum RequestHandle {}
    /// See [`RequestHandle`].
    pub enum ResponseHandle {}

    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "tollgate:gateway/policy",
        imports: {
            "tollgate:http-client/http-client.send": async | trappable,
            "tollgate:http-client/http-client.send-all": async | trappable,
            default: trappable,
        },
        with: {
            "tollgate:policy/messages.request": RequestHandle,
            "tollgate:policy/messages.response": ResponseHandle,
        },
    });
}

mod verdict;

pub use generated::exports::tollgate::policy as phases;
pub use generated::tollgate::{
    backend, cache, clock, crypto, events, expression, http_client, limiter, log, metrics, policy,
};
pub use generated::{RequestHandle, ResponseHandle};
pub use verdict::{BadVerdict, fields, verdict};
