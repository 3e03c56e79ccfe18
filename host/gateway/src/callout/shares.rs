//! Who may have how many requests under way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A worker's places for requests of policies' own. A statement gets one more as long as it has fewer than are free: alone it
/// may have half of them, two have a third each, and there is always room for one that asks for little
/// (dynamic thresholds, Choudhury and Hahne 1998).
pub(super) struct Shares {
    places: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    /// By the statement's key; as many at most as places are taken.
    by_statement: HashMap<Arc<str>, usize>,
}

/// A place. It is free again when this is dropped.
pub(super) struct Share {
    shares: Arc<Shares>,
    statement: Arc<str>,
}

impl Shares {
    pub(super) fn of(places: usize) -> Arc<Shares> {
        Arc::new(Shares { places, taken: Mutex::default() })
    }

    /// A place for one request of `statement`, unless it has its share.
    pub(super) fn take(self: &Arc<Self>, statement: &Arc<str>) -> Option<Share> {
        let mut taken = self.taken();
        let free = self.places.saturating_sub(taken.all);
        match taken.by_statement.get_mut(statement) {
            Some(own) if *own < free => *own += 1,
            None if free > 0 => drop(taken.by_statement.insert(Arc::clone(statement), 1)),
            _ => return None,
        }
        taken.all += 1;
        Some(Share { shares: Arc::clone(self), statement: Arc::clone(statement) })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.shares.taken();
        taken.all = taken.all.saturating_sub(1);
        if let Some(own) = taken.by_statement.get_mut(&self.statement) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                taken.by_statement.remove(&self.statement);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_it_gets(shares: &Arc<Shares>, statement: &str) -> Vec<Share> {
        let statement = Arc::from(statement);
        std::iter::from_fn(|| shares.take(&statement)).collect()
    }

    #[test]
    fn greedy_statements_leave_room_for_another() {
        let shares = Shares::of(100);
        let first_half = all_it_gets(&shares, "greedy");
        assert_eq!(first_half.len(), 50);
        let of_the_rest = all_it_gets(&shares, "second");
        assert_eq!(of_the_rest.len(), 25);
        let takes = |statement: &str| shares.take(&Arc::from(statement));
        let few: Vec<_> = (0..12).map(|_| takes("modest")).collect();
        assert!(few.iter().all(Option::is_some));
        assert!(takes("greedy").is_none() && takes("second").is_none());
    }

    #[test]
    fn places_that_are_given_back_are_free() {
        let shares = Shares::of(10);
        for _ in 0..3 {
            assert_eq!(all_it_gets(&shares, "one").len(), 5);
        }
        assert_eq!(shares.taken().all, 0);
        assert!(shares.taken().by_statement.is_empty());
    }

    #[test]
    fn no_more_are_taken_than_there_are() {
        let shares = Shares::of(8);
        let held: Vec<_> = (0..50).flat_map(|number| all_it_gets(&shares, &number.to_string())).collect();
        assert_eq!(held.len(), 8);
    }
}
