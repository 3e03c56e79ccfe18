//! Idle connections of one worker, by origin; the one that was used last is used first, so that the rest can go.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::wire::Wire;

pub(crate) struct Pool {
    /// An origin without idle connections has no entry, so names that policies make up don't pile up.
    idle: RefCell<HashMap<Arc<str>, Vec<Idle>>>,
    per_origin: usize,
    timeout: Duration,
}

struct Idle {
    wire: Box<Wire>,
    since: Instant,
}

impl Pool {
    pub(super) fn new(per_origin: usize, timeout: Duration) -> Pool {
        Pool { idle: RefCell::new(HashMap::new()), per_origin, timeout }
    }

    /// A connection that was alive when it was last looked at.
    pub(super) fn take(&self, key: &Arc<str>) -> Option<Box<Wire>> {
        let mut idle = self.idle.borrow_mut();
        let wires = idle.get_mut(key)?;
        let newest = wires.pop()?;
        if newest.since.elapsed() >= self.timeout {
            // All others are older.
            wires.clear();
            return None;
        }
        Some(newest.wire)
    }

    /// Keep a connection that is ready for another request.
    pub(super) fn put(&self, key: &Arc<str>, wire: Box<Wire>) {
        wire.rest();
        let idle = Idle { wire, since: Instant::now() };
        let mut all = self.idle.borrow_mut();
        match all.get_mut(key) {
            Some(wires) if wires.len() < self.per_origin => wires.push(idle),
            Some(_) => {}
            None if self.per_origin > 0 => {
                all.insert(Arc::clone(key), vec![idle]);
            }
            None => {}
        }
    }

    pub(super) fn len(&self) -> usize {
        self.idle.borrow().values().map(Vec::len).sum()
    }

    /// Close what is too old, and what the other side closed.
    pub(super) fn sweep(&self) {
        self.idle.borrow_mut().retain(|_, wires| {
            wires.retain_mut(|idle| idle.since.elapsed() < self.timeout && idle.wire.is_alive());
            !wires.is_empty()
        });
    }
}

/// Where a connection goes when its response is over.
pub(crate) struct Home {
    pub(super) pool: Rc<Pool>,
    pub(super) key: Arc<str>,
}
