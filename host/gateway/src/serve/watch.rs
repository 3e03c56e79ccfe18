//! What a client connection is doing, and since when: who waits for a client, waits for a limited time.
//!
//! Shared by the socket, the service, bodies and the connection's task, which asks for the next deadline after each
//! poll. Reads the clock when something changes and not for each byte.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use hyper::body::Incoming;
use tokio::time::Instant;

use super::{Settings, rest};
use crate::tunnel::Agreed;

/// How long a connection stays after its last response so that the client can read it: what arrives on a socket
/// that was closed is answered with a reset, which takes away what the client hasn't read yet.
const LINGER: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing was ever received.
    Fresh,
    /// Between requests.
    Idle,
    /// Part of a head was received.
    Head,
    /// A request is being answered.
    Exchange,
    /// The last response is written, and the client may still be reading or writing.
    Lingering,
}

/// What took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    Connection,
    Body,
}

/// What a handler left unread.
pub(crate) enum Rest {
    None,
    Unread(Incoming),
    /// The framing or the client's patience is in doubt, or too much is still to come.
    Close,
}

pub(crate) struct Watch {
    settings: Rc<Settings>,
    phase: Cell<Phase>,
    since: Cell<Instant>,
    /// Since when a body that somebody reads hasn't come.
    body_waits: Cell<Option<Instant>>,
    /// Since when the client hasn't taken what is to be written.
    write_waits: Cell<Option<Instant>>,
    /// The handler runs, and what it leaves unread is kept for [`Watch::handled`].
    handling: Cell<bool>,
    rest: RefCell<Option<Incoming>>,
    /// Bytes of the request's body that whoever reads it hasn't seen; none if nobody reads one.
    unread: Cell<Option<u64>>,
    close: Cell<bool>,
    linger: Cell<bool>,
    /// The client is told of the end of a body by the end of the connection alone (HTTP/1.0).
    ends_by_closing: Cell<bool>,
    reset: Cell<bool>,
    /// What the connection becomes when its 101 is written.
    agreed: RefCell<Option<Box<Agreed>>>,
}

impl Watch {
    pub(crate) fn new(settings: Rc<Settings>) -> Watch {
        Watch {
            settings,
            phase: Cell::new(Phase::Fresh),
            since: Cell::new(Instant::now()),
            body_waits: Cell::new(None),
            write_waits: Cell::new(None),
            handling: Cell::new(false),
            rest: RefCell::new(None),
            unread: Cell::new(None),
            close: Cell::new(false),
            linger: Cell::new(false),
            ends_by_closing: Cell::new(false),
            reset: Cell::new(false),
            agreed: RefCell::new(None),
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(Instant::now());
    }

    /// Bytes came, or the end of the stream.
    pub(crate) fn read(&self) {
        if matches!(self.phase.get(), Phase::Fresh | Phase::Idle) {
            self.enter(Phase::Head);
        }
    }

    /// A head is complete. Gives the time when it began.
    pub(crate) fn begin(&self, is_http_10: bool) -> std::time::Instant {
        self.ends_by_closing.set(is_http_10);
        self.phase.set(Phase::Exchange);
        self.handling.set(true);
        self.unread.set(None);
        self.close.set(false);
        self.since.get().into_std()
    }

    /// Somebody reads the request's body, and hasn't seen so many bytes of it. None if it is over.
    pub(crate) fn reads_body(&self, unread: Option<u64>) {
        self.unread.set(unread);
    }

    /// The handler is done. The body may still be on its way to an origin that answers before it has read it; it may
    /// be left there in the end, when it is too late to tell the client.
    pub(crate) fn handled(&self) -> Rest {
        self.handling.set(false);
        let is_large = self.unread.get().is_some_and(|bytes| !rest::is_small(bytes));
        match self.rest.borrow_mut().take() {
            _ if self.close.get() || is_large => Rest::Close,
            Some(incoming) => Rest::Unread(incoming),
            None => Rest::None,
        }
    }

    /// The response's body was handed over, or given up.
    pub(crate) fn answered(&self, whole: bool) {
        if !whole && self.ends_by_closing.get() {
            self.reset.set(true);
        }
        if self.phase.get() == Phase::Exchange {
            self.enter(Phase::Idle);
        }
    }

    /// Since when the body that somebody waits for hasn't come.
    pub(crate) fn body_waits_since(&self, now: Instant) -> Instant {
        match self.body_waits.get() {
            Some(since) => since,
            None => {
                self.body_waits.set(Some(now));
                now
            }
        }
    }

    /// Nobody waits for the body: part of it came, or nobody wants it any more.
    pub(crate) fn body_came(&self) {
        self.body_waits.set(None);
    }

    /// A body was abandoned. `waiting` says that the client won't send it without being asked. Gives back what is to be
    /// read to its end now, because its response is under way already.
    pub(crate) fn leave_rest(&self, rest: Incoming, waiting: bool) -> Option<Incoming> {
        let unread = self.unread.take();
        if waiting {
            self.must_close();
            return None;
        }
        if self.handling.get() {
            *self.rest.borrow_mut() = Some(rest);
            return None;
        }
        match unread {
            Some(bytes) if rest::is_small(bytes) => Some(rest),
            _ => {
                self.must_close();
                None
            }
        }
    }

    /// No further request may be read from this connection.
    pub(crate) fn must_close(&self) {
        self.close.set(true);
        self.linger.set(true);
    }

    /// The client may be sending when the connection is closed.
    pub(crate) fn must_linger(&self) {
        self.linger.set(true);
    }

    /// The socket took bytes, or took none.
    pub(crate) fn wrote(&self, blocked: bool) {
        match (blocked, self.write_waits.get()) {
            (true, None) => self.write_waits.set(Some(Instant::now())),
            (false, Some(_)) => self.write_waits.set(None),
            _ => {}
        }
    }

    /// hyper is done. Should the socket wait for the client? After a head that can't be parsed it should, too.
    pub(crate) fn lingers(&self) -> bool {
        if self.phase.get() == Phase::Lingering {
            return true;
        }
        let lingers = self.linger.get() || self.phase.get() == Phase::Head;
        if lingers {
            self.enter(Phase::Lingering);
        }
        lingers
    }

    /// The origin has agreed to another protocol.
    pub(crate) fn agree(&self, agreed: Agreed) {
        *self.agreed.borrow_mut() = Some(Box::new(agreed));
    }

    /// What the connection is from now on, if that isn't HTTP. Nothing is waited for here then.
    pub(crate) fn take_agreed(&self) -> Option<Box<Agreed>> {
        let agreed = self.agreed.borrow_mut().take()?;
        self.phase.set(Phase::Exchange);
        self.linger.set(false);
        Some(agreed)
    }

    /// Is a head waited for that has begun, and was everything written that was to be?
    pub(crate) fn is_in_head(&self) -> bool {
        self.phase.get() == Phase::Head && self.write_waits.get().is_none()
    }

    /// Must the connection end with a reset, because any other end would make half a body look whole?
    pub(crate) fn resets(&self) -> bool {
        self.reset.get()
    }

    /// When something will have taken too long.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let phase = match self.phase.get() {
            Phase::Fresh | Phase::Head => Some(self.since.get() + self.settings.header_timeout),
            Phase::Idle => Some(self.since.get() + self.settings.keep_alive_timeout),
            Phase::Exchange => None,
            Phase::Lingering => Some(self.since.get() + LINGER),
        };
        let write = self.write_waits.get().map(|since| since + self.settings.write_timeout);
        [phase, write, self.body_deadline()].into_iter().flatten().min()
    }

    fn body_deadline(&self) -> Option<Instant> {
        self.body_waits.get().map(|since| since + self.settings.body_patience.idle)
    }

    /// What has taken too long.
    pub(crate) fn overdue(&self) -> Option<Overdue> {
        let now = Instant::now();
        let deadline = self.deadline().filter(|deadline| *deadline <= now)?;
        Some(if self.body_deadline() == Some(deadline) { Overdue::Body } else { Overdue::Connection })
    }
}
