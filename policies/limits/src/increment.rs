//! What a call counts for, and when.

use tollgate_sdk::{ConfigError, Dynamic};

/// `increment-condition` and `increment-count`. If one of them is an expression, it can only be known when there is a
/// response: then a call is checked at first, and counted at the end of the outbound section.
#[derive(Clone, Copy, Debug)]
pub struct Increment {
    pub(crate) condition: Option<u32>,
    pub(crate) count: Option<u32>,
    /// What the check goes by: the count, or 1 as long as it isn't known.
    pub(crate) cost: u64,
}

impl Increment {
    /// A call counts for one.
    pub const ONE: Self = Self { condition: None, count: None, cost: 1 };

    /// As the operator says. A condition that never holds is refused: the statement would do nothing.
    pub fn new(condition: Option<&Dynamic<bool>>, count: &Dynamic<u64>) -> Result<Self, ConfigError> {
        if condition.and_then(Dynamic::literal) == Some(&false) {
            let message = "no call would ever count; leave the statement out, or write a condition as \"${…}\"";
            return Err(ConfigError::new("/increment-condition", message));
        }
        Ok(Self {
            condition: condition.and_then(Dynamic::expression),
            count: count.expression(),
            cost: count.literal().copied().unwrap_or(1),
        })
    }

    /// Whether counting has to wait for the response.
    pub(crate) fn is_late(&self) -> bool {
        self.condition.is_some() || self.count.is_some()
    }

    /// Whether a single call may pass a limit of so many.
    pub fn fits(&self, calls: u64) -> Result<(), ConfigError> {
        if self.cost <= calls {
            return Ok(());
        }
        let message = format!("one call counts {}, but only {calls} are allowed; no call could pass", self.cost);
        Err(ConfigError::new("/increment-count", message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_count_at_once() {
        let increment = Increment::new(Some(&true.into()), &3.into()).unwrap();
        assert!(!increment.is_late());
        assert_eq!(increment.cost, 3);
        assert!(increment.fits(3).is_ok());
        assert_eq!(increment.fits(2).unwrap_err().pointer, "/increment-count");
    }

    #[test]
    fn a_condition_that_never_holds_is_refused() {
        assert_eq!(Increment::new(Some(&false.into()), &1.into()).unwrap_err().pointer, "/increment-condition");
    }
}
