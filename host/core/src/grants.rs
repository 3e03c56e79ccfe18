//! What a component may import: asked by the component, allowed by the operator, both checked at load.

use std::fmt;

/// A capability that needs a grant, or that every component has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Capability {
    /// `tollgate:limiter/limiter`
    Limiter,
    /// `tollgate:cache/cache`
    Cache,
    /// `tollgate:metrics/metrics`
    Metrics,
    /// `tollgate:log/log`; always granted
    Log,
    /// `tollgate:clock/clock`; always granted
    Clock,
}

impl Capability {
    /// All capabilities of this contract.
    pub const ALL: [Capability; 5] =
        [Capability::Limiter, Capability::Cache, Capability::Metrics, Capability::Log, Capability::Clock];

    /// The key below `grants`, which is also the package's name.
    pub fn name(self) -> &'static str {
        match self {
            Capability::Limiter => "limiter",
            Capability::Cache => "cache",
            Capability::Metrics => "metrics",
            Capability::Log => "log",
            Capability::Clock => "clock",
        }
    }

    /// The interface that a component imports, without its version.
    pub fn interface(self) -> &'static str {
        match self {
            Capability::Limiter => "tollgate:limiter/limiter",
            Capability::Cache => "tollgate:cache/cache",
            Capability::Metrics => "tollgate:metrics/metrics",
            Capability::Log => "tollgate:log/log",
            Capability::Clock => "tollgate:clock/clock",
        }
    }

    /// True for what costs and discloses so little that no operator need be asked.
    pub fn is_always_granted(self) -> bool {
        matches!(self, Capability::Log | Capability::Clock)
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of capabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Grants(u8);

impl Grants {
    /// Only what is always granted.
    pub const NONE: Grants = Grants(0);

    /// Everything: for built-in statements, which import no more than they need.
    pub fn all() -> Grants {
        Capability::ALL.into_iter().fold(Grants::NONE, Grants::with)
    }

    /// This and one more.
    #[must_use]
    pub fn with(self, capability: Capability) -> Grants {
        Grants(self.0 | capability.bit())
    }

    /// May a component import `capability`?
    pub fn allows(self, capability: Capability) -> bool {
        capability.is_always_granted() || self.0 & capability.bit() != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_log_and_clock_comes_without_a_grant() {
        let free: Vec<_> = Capability::ALL.into_iter().filter(|c| Grants::NONE.allows(*c)).collect();
        assert_eq!(free, [Capability::Log, Capability::Clock]);
        assert!(Grants::NONE.with(Capability::Cache).allows(Capability::Cache));
        assert!(!Grants::NONE.with(Capability::Cache).allows(Capability::Limiter));
    }
}
