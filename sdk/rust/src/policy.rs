//! The trait that a policy implements.

use crate::messages::{Request, Response};
use crate::schema::{Node, Schema, Unknown};
use crate::verdict::Verdict;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A policy: how it takes its configuration, and what it does in each phase.
///
/// Put [`#[policy]`](macro@crate::policy) on the `impl` and write only what you need. The attribute exports exactly the
/// phases that are written, and fills in the rest:
///
/// - no `Config`: the policy takes no configuration;
/// - no `configure`: the policy is made by `From<Config>` (so `type Config = Self` just works), or by `Default`
///   if there is no configuration.
///
/// One value serves many requests, one at a time. The gateway may drop it after any of them, and other workers
/// have their own: state belongs in [`limiter`](crate::limiter) and [`cache`](crate::cache).
pub trait Policy: Sized {
    /// What the operator writes below the statement's name. [`#[configuration]`](macro@crate::configuration)
    /// derives what it takes.
    type Config: DeserializeOwned + Schema;

    /// Take the configuration, which already fits its schema. Precompute here what phases need.
    fn configure(config: Self::Config) -> Result<Self, ConfigError>;

    /// The inbound section: decide on a request before it is forwarded.
    fn on_request(&self, request: &mut Request) -> impl Into<Verdict> {
        let _ = request;
        Verdict::Next
    }

    /// The outbound section: decide on a response before it is returned.
    fn on_response(&self, request: &Request, response: &mut Response) -> impl Into<Verdict> {
        let _ = (request, response);
        Verdict::Next
    }

    /// The on-error section: `response` already holds the failing status.
    fn on_error(&self, request: &Request, response: &mut Response, error: &LastError) -> impl Into<Verdict> {
        let _ = (request, response, error);
        Verdict::Next
    }

    /// Asked before a request's body is buffered: does this request's body matter? Without it, all do.
    fn wants_request_body(&self, request: &Request) -> bool {
        let _ = request;
        true
    }

    /// Asked before a response's body is buffered: does this response's body matter? Without it, all do.
    fn wants_response_body(&self, request: &Request, response: &Response) -> bool {
        let _ = (request, response);
        true
    }
}

/// Why a configuration was refused. The gateway turns it into `file:line:column: message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// JSON Pointer to the value at fault; `""` is the whole configuration. Example: `/addresses/2`.
    pub pointer: String,
    /// One lower-case sentence without a full stop, saying what was found and what was expected.
    pub message: String,
}

/// What went wrong before an on-error section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastError {
    /// Who raised it: a statement's name, or a step of the gateway (`forward-request`).
    pub source: String,
    /// A word. Example: `RateLimitExceeded`.
    pub reason: String,
    /// The sentence that the client is about to get.
    pub message: String,
    /// The statement's `id`, or its place in the document; none for a step of the gateway.
    pub statement_id: Option<String>,
}

/// The configuration of a policy that takes none: `{}`, or nothing at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}

impl Schema for NoConfig {
    const SCHEMA: Node = Node::members(&[], Unknown::Refused);
}

impl ConfigError {
    /// An error at a place in the configuration.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.pointer.as_str() {
            "" => f.write_str(&self.message),
            pointer => write!(f, "`{pointer}`: {}", self.message),
        }
    }
}

impl std::error::Error for ConfigError {}
