//! All connections of a worker, so that a drain reaches them and no more are let in than there is room for.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::task::Waker;

use tokio::sync::Notify;

pub(super) struct Connections {
    open: RefCell<HashMap<u64, Option<Waker>>>,
    next: Cell<u64>,
    draining: Cell<bool>,
    /// Each response is the last one of its connection.
    leaving: Cell<bool>,
    closed: Notify,
}

impl Connections {
    pub(super) fn new() -> Connections {
        Connections {
            open: RefCell::new(HashMap::new()),
            next: Cell::new(0),
            draining: Cell::new(false),
            leaving: Cell::new(false),
            closed: Notify::new(),
        }
    }

    /// Count a new connection and name it.
    pub(super) fn enter(&self) -> u64 {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        self.open.borrow_mut().insert(number, None);
        number
    }

    fn leave(&self, number: u64) {
        self.open.borrow_mut().remove(&number);
        self.closed.notify_waiters();
    }

    /// How many are open.
    pub(super) fn len(&self) -> usize {
        self.open.borrow().len()
    }

    /// Wait until one is closed.
    pub(super) async fn closed(&self) {
        self.closed.notified().await;
    }

    /// Keep how to wake a connection. Its task never changes, so once is enough.
    pub(super) fn remember(&self, number: u64, waker: &Waker) {
        if let Some(known @ None) = self.open.borrow_mut().get_mut(&number) {
            *known = Some(waker.clone());
        }
    }

    /// Each response is its connection's last one from now on; who speaks HTTP/2 is told at once.
    pub(super) fn leave_all(&self) {
        self.leaving.set(true);
        self.wake_all();
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.get()
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.get()
    }

    pub(super) fn drain(&self) {
        self.leaving.set(true);
        self.draining.set(true);
        self.wake_all();
    }

    fn wake_all(&self) {
        for waker in self.open.borrow().values().flatten() {
            waker.wake_by_ref();
        }
    }
}

/// Leaves when the connection's task ends, even by a panic.
pub(super) struct Leave<'c> {
    pub(super) connections: &'c Connections,
    pub(super) number: u64,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.connections.leave(self.number);
    }
}
