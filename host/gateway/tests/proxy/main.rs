//! The HTTP half against raw clients and scripted origins, over real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly, its helpers too")]

mod clients;
mod gateway;
mod origins;
mod streams;
mod wire;
