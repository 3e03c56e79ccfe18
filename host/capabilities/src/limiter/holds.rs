//! What an exchange holds of limits and quotas until it ends.

use super::later::Later;
use super::quota::{Budget, QuotaStore, Unwritten};
use super::store::Permit;
use crate::clock::unix_ms;

/// A quota that an exchange uses, with all that its statements ask of it.
#[derive(Debug)]
struct HeldQuota {
    store: QuotaStore,
    key: String,
    budget: Budget,
    /// Whether the exchange counts; otherwise that is known at its end.
    is_counted: bool,
}

/// What an exchange holds until it ends.
#[derive(Debug, Default)]
pub struct Holds {
    permits: Vec<Permit>,
    quotas: Vec<HeldQuota>,
    later: Vec<Later>,
    unwritten: Vec<Unwritten>,
}

impl Holds {
    pub(crate) fn add_permit(&mut self, permit: Permit) {
        self.permits.push(permit);
    }

    /// Whether the exchange was counted against this quota: it is once, whatever statements name it.
    pub(crate) fn has_counted(&self, key: &str) -> bool {
        self.quotas.iter().any(|held| held.key == key && held.is_counted)
    }

    pub(crate) fn set_counted(&mut self, key: &str) {
        for held in self.quotas.iter_mut().filter(|held| held.key == key) {
            held.is_counted = true;
        }
    }

    pub(crate) fn hold_quota(&mut self, store: QuotaStore, key: &str, budget: Budget) {
        match self.quotas.iter_mut().find(|held| held.key == key) {
            // One statement may limit calls and another one bytes.
            Some(held) => held.budget.bytes = held.budget.bytes.or(budget.bytes),
            None => self.quotas.push(HeldQuota { store, key: key.to_owned(), budget, is_counted: false }),
        }
    }

    /// Hold what another exchange held, too.
    pub fn absorb(&mut self, other: Holds) {
        self.permits.extend(other.permits);
        for held in other.quotas {
            match self.quotas.iter_mut().find(|known| known.key == held.key) {
                Some(known) => {
                    known.budget.bytes = known.budget.bytes.or(held.budget.bytes);
                    known.is_counted |= held.is_counted;
                }
                None => self.quotas.push(held),
            }
        }
        self.later.extend(other.later);
        self.unwritten.extend(other.unwritten);
    }

    /// A count that has to be on disk before the request goes on.
    pub(crate) fn add_unwritten(&mut self, unwritten: Unwritten) {
        self.unwritten.push(unwritten);
    }

    /// What has to be on disk before the request goes on; to be waited for.
    pub fn take_unwritten(&mut self) -> Vec<Unwritten> {
        std::mem::take(&mut self.unwritten)
    }

    pub(crate) fn add_later(&mut self, later: Later) {
        self.later.push(later);
    }

    /// Whether something is to be counted at the end.
    pub fn has_later(&self) -> bool {
        !self.later.is_empty()
    }

    /// What is counted at the end, once.
    pub(crate) fn take_later(&mut self) -> Vec<Later> {
        std::mem::take(&mut self.later)
    }

    /// Settle what is held: permits go back, quotas are charged the exchange's body bytes.
    pub fn settle(&mut self, body_bytes: u64) {
        self.permits.clear();
        for HeldQuota { store, key, budget, .. } in self.quotas.drain(..).filter(|held| held.is_counted) {
            store.charge_bytes(&key, body_bytes, &budget, unix_ms());
        }
    }
}
