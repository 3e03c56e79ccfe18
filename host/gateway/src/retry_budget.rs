//! How much of what is sent to origins may be sent a second time (`reliability.md` §2.9, row 80).
//!
//! An origin that fails gets every request that would have come anyway, and a share of them again, however many retries
//! policies ask for. Counted for the whole gateway over the last ten seconds. Counting a request is one addition on a
//! line of memory of its worker's own; only a retry takes the lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Seconds that are looked back on: long enough to smooth bursts, short enough to forget an outage soon.
const WINDOW_S: u64 = 10;

/// The budget of a gateway.
#[derive(Debug)]
pub struct RetryBudget {
    /// Of the requests of the window, in percent.
    percent: u64,
    /// Retries that are always allowed within the window.
    floor: u64,
    requests: Box<[OwnLine]>,
    window: Mutex<Window>,
    refused: AtomicU64,
    began: Instant,
}

/// Counts of different workers don't share a cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
struct OwnLine(AtomicU64);

#[derive(Debug, Default)]
struct Window {
    /// By the second, modulo the window's length.
    slots: [Slot; WINDOW_S as usize],
    /// When it was last brought up to date, and how many requests there had been by then.
    second: u64,
    requests: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    requests: u64,
    retries: u64,
}

impl RetryBudget {
    /// A budget for so many workers: `percent` of the requests of ten seconds, but at least `floor` retries.
    pub fn new(percent: u32, floor: u32, workers: usize) -> RetryBudget {
        RetryBudget {
            percent: u64::from(percent),
            floor: u64::from(floor),
            requests: (0..workers.max(1)).map(|_| OwnLine::default()).collect(),
            window: Mutex::default(),
            refused: AtomicU64::new(0),
            began: Instant::now(),
        }
    }

    /// A request was sent, for the first time or again.
    pub(crate) fn count_request(&self, worker: usize) {
        if let Some(OwnLine(count)) = self.requests.get(worker) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// May something be sent once more? Counts it if so.
    pub(crate) fn spend(&self) -> bool {
        self.spend_at(self.began.elapsed().as_secs())
    }

    fn spend_at(&self, second: u64) -> bool {
        let requests = self.requests.iter().map(|OwnLine(count)| count.load(Ordering::Relaxed)).sum();
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.advance(second, requests);
        let (requests, retries) = window.sums();
        // What was retried is among what was sent, and earns nothing.
        let first = requests.saturating_sub(retries);
        let is_allowed = retries < self.floor.max(first.saturating_mul(self.percent) / 100);
        if is_allowed {
            window.slot(second).retries += 1;
        } else {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        is_allowed
    }

    /// Retries that were not made for lack of budget.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Window {
    fn slot(&mut self, second: u64) -> &mut Slot {
        &mut self.slots[(second % WINDOW_S) as usize]
    }

    /// Forget what is too old, and spread the requests since the last time over the seconds since then.
    fn advance(&mut self, second: u64, requests: u64) {
        let second = second.max(self.second);
        let passed = second - self.second;
        for past in 0..passed.min(WINDOW_S) {
            *self.slot(second - past) = Slot::default();
        }
        let new = requests.saturating_sub(self.requests);
        let (seconds, covered) = (passed.max(1), passed.clamp(1, WINDOW_S));
        for past in 0..covered {
            // What doesn't divide evenly belongs to the second at hand.
            let rest = if past == 0 { new % seconds } else { 0 };
            self.slot(second - past).requests += new / seconds + rest;
        }
        self.second = second;
        self.requests = self.requests.max(requests);
    }

    fn sums(&self) -> (u64, u64) {
        self.slots.iter().fold((0, 0), |(requests, retries), slot| (requests + slot.requests, retries + slot.retries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent(budget: &RetryBudget, second: u64, tries: usize) -> usize {
        (0..tries).filter(|_| budget.spend_at(second)).count()
    }

    #[test]
    fn a_tenth_of_the_requests_may_be_sent_again() {
        let budget = RetryBudget::new(10, 5, 2);
        for request in 0..1000 {
            budget.count_request(request % 2);
        }
        // Of 910, for 90 of them were retries.
        assert_eq!(spent(&budget, 0, 500), 91);
        assert_eq!(budget.refused(), 409);
        for _ in 0..200 {
            budget.count_request(0);
        }
        assert_eq!(spent(&budget, 3, 500), 18);
    }

    #[test]
    fn where_little_is_sent_the_floor_is_allowed() {
        let budget = RetryBudget::new(10, 20, 1);
        assert_eq!(spent(&budget, 0, 100), 20);
        assert_eq!(spent(&budget, 9, 100), 0);
        assert_eq!(spent(&budget, 10, 100), 20, "what was spent ten seconds ago is forgotten");
    }

    #[test]
    fn requests_of_long_ago_earn_nothing() {
        let budget = RetryBudget::new(10, 0, 1);
        for _ in 0..1000 {
            budget.count_request(0);
        }
        // They came some time within these 100 seconds; a tenth of them within the last ten.
        assert_eq!(spent(&budget, 100, 1000), 9);
        assert_eq!(spent(&budget, 200, 1000), 0);
    }
}
