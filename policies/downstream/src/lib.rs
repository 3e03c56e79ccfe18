//! What `cache-lookup` tells `cache-store`: how caches behind the gateway may keep the response. The two statements
//! stand in different sections, so it travels in a variable. A library for those two; it is no statement itself.

use tollgate_sdk::serde::{Deserialize, Serialize};
use tollgate_sdk::variables::{self, VariableError};

/// The variable between the two.
const VARIABLE: &str = "cache-lookup.downstream";

/// What clients and the caches between may do with a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "tollgate_sdk::serde", rename_all = "kebab-case")]
pub struct Downstream {
    /// Who may keep it.
    pub keep: Keep,
    /// Whether it must not be used any more once it is old.
    pub must_revalidate: bool,
}

/// Who may keep a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "tollgate_sdk::serde", rename_all = "kebab-case")]
pub enum Keep {
    /// Nobody.
    None,
    /// The client.
    Private,
    /// Everybody.
    Public,
}

impl Downstream {
    /// Tell `cache-store`.
    pub fn hand_over(&self) -> Result<(), VariableError> {
        variables::set(VARIABLE, self)
    }

    /// What `cache-lookup` told, if it told anything.
    pub fn handed_over() -> Option<Self> {
        variables::get(VARIABLE)
    }

    /// The value of `cache-control` for a response that stays fresh for `seconds`.
    pub fn cache_control(&self, seconds: u64) -> String {
        let who = match self.keep {
            Keep::None => return "no-store".into(),
            Keep::Private => "private",
            Keep::Public => "public",
        };
        let revalidate = if self.must_revalidate { ", must-revalidate" } else { "" };
        format!("{who}, max-age={seconds}{revalidate}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_choice_has_its_directives() {
        let value = |keep, must_revalidate| Downstream { keep, must_revalidate }.cache_control(60);
        assert_eq!(value(Keep::None, true), "no-store");
        assert_eq!(value(Keep::Private, true), "private, max-age=60, must-revalidate");
        assert_eq!(value(Keep::Public, false), "public, max-age=60");
    }
}
