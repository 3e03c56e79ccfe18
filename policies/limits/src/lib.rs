//! Rate limits and quotas, apart from what they count by: `rate-limit` and `quota` count by subscription,
//! `rate-limit-by-key` and `quota-by-key` by a key. A library for those four; it is no statement itself.

mod key;
mod quota;
mod rate;
mod time;

pub use key::KeyedCounter;
pub use quota::{Quota, QuotaLimit};
pub use rate::{Rate, RateLimit};
pub use time::Rfc3339;
