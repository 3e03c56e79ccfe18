//! Rate limits and quotas, apart from what they count by: `rate-limit` and `quota` count by subscription,
//! `rate-limit-by-key` and `quota-by-key` by a key. A library for those four; it is no statement itself.

mod increment;
mod key;
mod parts;
mod quota;
mod rate;
mod telling;
mod time;

pub use increment::Increment;
pub use key::KeyedCounter;
pub use parts::{Matched, Part, Parts};
pub use quota::{Quota, QuotaLimit};
pub use rate::{Rate, admit};
pub use telling::{Asked, Telling, TellingConfig};
pub use time::Rfc3339;

use tollgate_sdk::{Failure, Verdict, log};

/// An expression came to a value that its attribute can't have. The client learns no more than of any expression that
/// fails, and the log says what it came to.
pub(crate) fn impossible(attribute: &str, found: u64, expected: &str) -> Verdict {
    log::warn!("`{attribute}` came to {found}; expected {expected}");
    Failure::new(500, "ExpressionValueEvaluationFailure", "Internal server error.").into()
}
