//! How many calls of a statement are under way: a statement that hangs must not hold every stack, instance and callout
//! that the others need, too.

use std::sync::atomic::{AtomicU32, Ordering};

/// One statement's calls under way, of all workers. Counted for those that wait only: a plain call is over before its
/// worker does anything else.
#[derive(Debug, Default)]
pub(crate) struct Concurrency(AtomicU32);

/// A call under way. It ends when this is dropped, also where its client has gone and nobody awaits it any more.
#[derive(Debug)]
pub(crate) struct UnderWay<'a>(&'a AtomicU32);

impl Concurrency {
    /// Begin a call, unless `limit` of them are under way.
    pub(crate) fn begin(&self, limit: u32) -> Option<UnderWay<'_>> {
        // Those that are turned away count for a moment, so the limit may be kept a little too well, never passed.
        if self.0.fetch_add(1, Ordering::Relaxed) < limit {
            return Some(UnderWay(&self.0));
        }
        self.0.fetch_sub(1, Ordering::Relaxed);
        None
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_under_way_than_may_be_and_each_that_ends_makes_room() {
        let concurrency = Concurrency::default();
        let (first, second) = (concurrency.begin(2), concurrency.begin(2));
        assert!(first.is_some() && second.is_some());
        assert!(concurrency.begin(2).is_none() && concurrency.begin(2).is_none());
        drop(first);
        assert!(concurrency.begin(2).is_some());
    }
}
