//! What is counted when the outbound section has ended.

use crate::dynamic::Scalar;
use crate::limiter::{Quota, Rule};
use crate::testing::limiter::{Ask, Owned, QuotaKey};
use crate::testing::world::World;

/// A count that `admit_later` or `admit_quota_later` has promised.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) owned: Owned,
    pub(crate) budget: Budget,
    pub(crate) cost: u64,
    /// The text of an expression.
    pub(crate) condition: Option<String>,
    /// The text of an expression.
    pub(crate) count: Option<String>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Budget {
    Rule(Rule),
    Quota(Quota),
}

impl Pending {
    pub(crate) fn is_quota_of(&self, owned: &Owned) -> bool {
        self.owned == *owned && matches!(self.budget, Budget::Quota(_))
    }

    /// Whether it waits for no expression.
    pub(crate) fn is_certain(&self) -> bool {
        self.condition.is_none() && self.count.is_none()
    }

    /// Count, if the condition says so. Gives the quota whose bytes this exchange counts for.
    ///
    /// An expression that fails counts nothing.
    pub(crate) fn charge(self, world: &World) -> Option<(Owned, QuotaKey)> {
        let met = self.condition.as_deref().map_or(Some(true), |text| value(world, text));
        let cost = self.count.as_deref().map_or(Some(self.cost), |text| value(world, text));
        let cost = cost.filter(|_| met == Some(true))?;
        let state = &mut *world.state();
        let (monotonic_ms, unix_ms) = (state.monotonic_ms, state.unix_ms);
        match self.budget {
            Budget::Rule(rule) => {
                drop(state.limiter.admit(self.owned, Ask::Charge, cost, rule, monotonic_ms, unix_ms));
                None
            }
            Budget::Quota(quota) => {
                let admitted = state.limiter.admit_quota(self.owned.clone(), Ask::Charge, cost, quota, unix_ms, false);
                admitted.ok().map(|(_, key)| (self.owned, key))
            }
        }
    }
}

fn value<T: Scalar>(world: &World, text: &str) -> Option<T> {
    T::from_value(world.evaluate(text).ok()?).ok()
}
