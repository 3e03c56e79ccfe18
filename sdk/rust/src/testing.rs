//! Run policies natively, on fakes that behave like the gateway.
//!
//! ```
//! # use tollgate_sdk::{Request, Reply, Verdict, policy, testing};
//! /// Answers pings itself.
//! #[policy]
//! fn on_request(request: &mut Request) -> Verdict {
//!     match request.path().as_str() {
//!         "/ping" => Reply::new(204).into(),
//!         _ => request.set_header("x-seen", "yes").into(),
//!     }
//! }
//! # fn main() {
//! let gateway = testing::Gateway::<OnRequest>::with(serde_json::json!({})).unwrap();
//! let outcome = gateway.request(testing::Request::get("/ping"));
//! assert_eq!(outcome.response().status(), 204);
//! let outcome = gateway.request(testing::Request::get("/orders"));
//! assert_eq!(outcome.verdict, Verdict::Next);
//! assert_eq!(outcome.request.header_str("x-seen"), Some("yes"));
//! # }
//! ```
//!
//! [`Gateway`] runs one policy, [`Exchange`] carries one request through several, [`World`] is what outlives
//! requests: clock, counters, cache, log. Configurations are checked against the manifest's schema first, and
//! edits count only after `next`, as in the gateway. What isn't modelled: grants, fuel, deadlines and the limits on
//! header, variable and log bytes.

mod cache;
mod call;
mod exchange;
mod gateway;
pub(crate) mod host;
mod later;
mod limiter;
mod message;
mod services;
mod world;

pub use exchange::{Exchange, Outcome};
pub use gateway::Gateway;
pub use message::{Request, Response};
pub use services::{Backend, Event, Trace};
pub use world::World;
