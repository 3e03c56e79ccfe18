//! The world around a gateway under test: an origin that records, the real binary, and clients.
//!
//! ```no_run
//! use tollgate_harness::{Gateway, Origin, Response};
//!
//! let origin = Origin::start(|_| Response::new(200).body("hello"));
//! let gateway = Gateway::with("apis: [ { id: all, path: '', backend: '{origin}' } ]").origin(&origin).start();
//! assert_eq!(gateway.get("/x").status, 200);
//! assert_eq!(origin.requests()[0].target, "/x");
//! ```
//!
//! Everything is blocking and on threads, so that nothing of what is tested (tokio, hyper) also does the testing; only
//! TLS is rustls on both sides, and the well-behaved HTTP/2 client is h2, beside one that writes frames itself.
//! Only loopback, only ports that the kernel chose, and only processes that were started here are ended.

#![allow(clippy::panic, clippy::expect_used, reason = "test support: what can't be done here is a failing test")]

mod client;
mod command;
mod docker_registry;
mod gateway;
/// HTTP/2, well and badly.
pub mod http2;
mod load;
mod message;
mod metrics;
mod origin;
mod process;
mod registry;
mod setup;
mod tls;
mod wire;

pub use client::{Client, Connection, burst};
pub use command::{Outcome, binary, check, inspect, tools};
pub use docker_registry::DockerRegistry;
pub use gateway::{Gateway, Reload};
pub use load::{Load, Tally};
pub use message::{Headers, Request, Response};
pub use metrics::Metrics;
pub use origin::{Answer, Origin, Step};
pub use registry::{Door, Mischief, Registry};
pub use setup::{Setup, compile_cache};
pub use tls::{Authority, Certificate, Tls};

use std::time::Duration;

/// How long to wait for what must happen. Far more than it takes, because CI's machine does other things too.
pub const PATIENCE: Duration = Duration::from_secs(30);
