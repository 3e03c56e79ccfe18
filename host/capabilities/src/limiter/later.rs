//! Charges that are known only at the end of an exchange: they are looked at when it begins and counted when it ends.

use super::algorithm::{Ask, Rule};
use super::holds::Holds;
use super::quota::Budget;
use crate::clock::{monotonic_us, unix_ms};
use crate::exchange::Exchange;
use crate::expression::{Failed, StatementExpression};
use crate::session::Services;
use tollgate_expression::Value;

/// The most that one exchange counts for.
const MAX_COST: u64 = 1 << 40;

/// A charge to come.
#[derive(Debug)]
pub(crate) struct Later {
    pub(crate) counter: LaterCounter,
    /// What is counted if there is no expression for it.
    pub(crate) cost: u64,
    /// Nothing is counted if this is false.
    pub(crate) condition: Option<StatementExpression>,
    /// How much is counted.
    pub(crate) count: Option<StatementExpression>,
}

/// What is charged.
#[derive(Debug)]
pub(crate) enum LaterCounter {
    Rate { key: u128, rule: Rule },
    Quota { key: String, budget: Budget },
}

impl Exchange {
    /// Count what statements left for the end.
    ///
    /// # Errors
    ///
    /// An expression that failed; what stands behind it is counted all the same.
    pub fn settle_later(&mut self, services: &Services) -> Result<(), Failed> {
        let mut failed = None;
        for later in self.holds.take_later() {
            match later.due(self) {
                Ok(0) => {}
                Ok(cost) => later.counter.charge(&mut self.holds, services, cost),
                Err(failure) => failed = failed.or(Some(failure)),
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

impl Later {
    /// How much is to be counted.
    fn due(&self, exchange: &Exchange) -> Result<u64, Failed> {
        if let Some(condition) = &self.condition
            && !condition.holds(exchange)?
        {
            return Ok(0);
        }
        let Some(count) = &self.count else { return Ok(self.cost) };
        let value = count.evaluate(exchange)?;
        let whole = match value {
            Value::Int(n) => u64::try_from(n).ok(),
            Value::Uint(n) => Some(n),
            Value::Double(n) if n.fract() == 0.0 && (0.0..=MAX_COST as f64).contains(&n) => Some(n as u64),
            _ => None,
        };
        let whole = whole.ok_or_else(|| count.failed("a count is a whole number, zero or more"))?;
        Ok(whole.min(MAX_COST))
    }
}

impl LaterCounter {
    fn charge(&self, holds: &mut Holds, services: &Services, cost: u64) {
        match self {
            LaterCounter::Rate { key, rule } => {
                services.limiter.ask(*key, Ask::Charge, cost, *rule, monotonic_us(), unix_ms());
            }
            // Another statement may have counted it by now.
            LaterCounter::Quota { key, .. } if holds.has_counted(key) => {}
            LaterCounter::Quota { key, budget } => {
                services.quotas.charge_calls(key, cost, budget, unix_ms());
                holds.set_counted(key);
                if let Some(unwritten) = services.quotas.unwritten() {
                    holds.add_unwritten(unwritten);
                }
            }
        }
    }
}
