//! Everything Wasm, and no sockets: from a component's bytes to a verdict.
//!
//! `engine` → `load` → `link` → `lease` → `call`. Each step takes what the step before it proved: only an
//! [`Admitted`] component can be linked, only a [`Unit`] (component, configuration and limits, tried once) can be
//! leased. No request ever waits for a compile or a link: both happened before its plan was served.

/// One engine per process, and what it refuses.
mod engine;

/// The thread that makes deadlines pass.
mod ticker;

/// A component's bytes.
mod binary;

/// Bytes become an admitted component.
mod load;

/// What a component imports and exports, and what of it this gateway offers.
mod surface;

/// An admitted component and a configuration become a unit that can be leased.
mod link;

/// A unit at a place in a document.
mod statement;

/// Stores, and instances in them.
mod store;

/// What fresh instances start from, so that none has to take its configuration.
mod snapshot;

/// One worker's warm instances.
mod lease;

/// What computes for long doesn't hold its worker up.
mod aside;

/// One call: budget in, verdict and diff out.
mod call;

/// What built-ins have decided, known again by what they asked.
mod decisions;

/// What statements cost and how they fail, always on.
mod account;

/// A statement that keeps failing is left out for a while.
mod quarantine;

/// How many calls of a statement are under way.
mod concurrency;

pub use account::{Account, Totals};
pub use aside::{Aside, Work};
pub use binary::Binary;
pub use call::{Called, Outcome};
pub use engine::{Runtime, RuntimeError, RuntimeSettings, compile};
pub use lease::Leases;
pub use link::{ConfigProblem, EXPRESSION_MARK, Isolation, Unit};
pub use load::{Admitted, ComponentSource, LoadError};
pub use quarantine::Quarantine;
pub use statement::{Mode, OnFailure, Statement, StatementSettings};

pub use tollgate_capabilities::cache::{CacheStore, Fill, LookedUp, Resource, StoredResponse};
pub use tollgate_capabilities::clock::put_forward;
pub use tollgate_capabilities::events::{EventLogSettings, EventStore};
pub use tollgate_capabilities::exchange::{
    Exchange, Facts, LastError, OperationFacts, Position, RouteFacts, SubscriptionFacts, ipv6_network,
};
pub use tollgate_capabilities::expression::{EXPRESSION_FAILED, Failed, StatementExpression};
pub use tollgate_capabilities::http_client::{Answered, HttpClient, HttpFailure, IncomingResponse, OutgoingRequest};
pub use tollgate_capabilities::limiter::{
    Acquired, Counted, Durability, LedgerError, LimiterStore, Permit, QuotaHealth, QuotaStore, Rule,
};
pub use tollgate_capabilities::metrics::MetricStore;
pub use tollgate_capabilities::secrets::Secrets;
pub use tollgate_capabilities::session::{Identity, Services, Turn, Turns};
pub use tollgate_capabilities::trace::Trace;
pub use tollgate_capabilities::variables::TooMany;
pub use tollgate_capabilities::wasi::{Directories, DirectoryError};
pub use tollgate_compiled::{Allowance, Compiler};
