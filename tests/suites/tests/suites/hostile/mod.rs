//! What nobody should send, and what becomes of it: a test for each row of the table in `docs/security.md`.
//!
//! After each attack the same process serves as before, and the origin has seen no request that wasn't admitted.

mod bodies;
mod cache;
mod guests;
mod http1;
mod http1_slow;
mod http2;
mod limits;
mod origins;
mod paths;
mod routes;
mod tls;
mod upgrades;

use crate::scene::OPEN_API;
use std::io;
use std::time::Duration;
use tollgate_harness::{Connection, Gateway, Origin, Request, Response};

/// A gateway under attack, an origin that records, and the process that must survive.
pub(crate) struct Siege {
    pub(crate) gateway: Gateway,
    pub(crate) origin: Origin,
    pid: u32,
}

impl Siege {
    /// One API for everybody, and `settings` beside it.
    pub(crate) fn of(settings: &str) -> Self {
        Self::before(settings, Origin::echo())
    }

    pub(crate) fn before(settings: &str, origin: Origin) -> Self {
        let gateway = Gateway::with(&format!("{settings}\n{OPEN_API}")).origin(&origin).start();
        let pid = gateway.pid();
        Self { gateway, origin, pid }
    }

    /// Send bytes on a connection of its own and read the responses until the gateway closes.
    pub(crate) fn statuses(&self, bytes: impl AsRef<[u8]>) -> Vec<u16> {
        let mut connection = self.gateway.connect();
        // A gateway that has refused the beginning needn't read the rest.
        let _ = connection.write(bytes.as_ref());
        let mut statuses = Vec::new();
        while let Ok(response) = connection.read_response("GET") {
            statuses.push(response.status);
        }
        statuses
    }

    /// The status of the answer to these bytes; none if there is none before the connection is closed.
    pub(crate) fn status(&self, bytes: impl AsRef<[u8]>) -> Option<u16> {
        self.statuses(bytes).first().copied()
    }

    /// The targets that the origin has seen.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.origin.requests().into_iter().map(|request| request.target).collect()
    }

    /// The same process serves whoever behaves; and the origin has seen these targets and nothing else.
    pub(crate) fn stands_having_seen(self, targets: &[&str]) {
        assert_eq!(self.gateway.get("/well").status, 200);
        assert!(self.gateway.is_running() && self.gateway.pid() == self.pid);
        let mut seen = self.seen();
        assert_eq!(seen.pop().as_deref(), Some("/well"));
        assert_eq!(seen, targets);
    }

    /// The same process serves whoever behaves.
    pub(crate) fn stands(self) {
        assert_eq!(self.gateway.get("/well").status, 200);
        assert!(self.gateway.is_running() && self.gateway.pid() == self.pid);
    }
}

/// A response, if one comes before the connection is closed.
fn answer(connection: &mut Connection) -> Option<Response> {
    connection.read_response("GET").ok()
}

/// Does the connection end within `patience`, whatever is still sent before?
fn ends_within(connection: &mut Connection, patience: Duration) -> bool {
    let begin = std::time::Instant::now();
    let ended = loop {
        match connection.read_some(4096) {
            Ok(bytes) if bytes.is_empty() => break true,
            Ok(_) => {}
            Err(error) => break error.kind() != io::ErrorKind::WouldBlock,
        }
    };
    ended && begin.elapsed() < patience
}

/// What a client that behaves sends while others don't.
fn well() -> Request {
    Request::get("/well")
}
