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
    /// `tollgate:http-client/http-client`; which origins, says an [`Egress`](crate::egress::Egress)
    HttpClient,
    /// `tollgate:backend/backend`
    Backend,
    /// `tollgate:events/events`
    Events,
    /// `tollgate:log/log`; always granted
    Log,
    /// `tollgate:clock/clock`; always granted
    Clock,
    /// `tollgate:expression/expression`; always granted
    Expression,
    /// `tollgate:crypto/crypto`; always granted
    Crypto,
}

impl Capability {
    /// All capabilities of this contract.
    pub const ALL: [Capability; 10] = [
        Capability::Limiter,
        Capability::Cache,
        Capability::Metrics,
        Capability::HttpClient,
        Capability::Backend,
        Capability::Events,
        Capability::Log,
        Capability::Clock,
        Capability::Expression,
        Capability::Crypto,
    ];

    /// The key below `grants`, which is also the package's name, but for `http-client`, whose key is `http`.
    pub fn name(self) -> &'static str {
        match self {
            Capability::Limiter => "limiter",
            Capability::Cache => "cache",
            Capability::Metrics => "metrics",
            Capability::HttpClient => "http",
            Capability::Backend => "backend",
            Capability::Events => "events",
            Capability::Log => "log",
            Capability::Clock => "clock",
            Capability::Expression => "expression",
            Capability::Crypto => "crypto",
        }
    }

    /// The interface that a component imports, without its version.
    pub fn interface(self) -> &'static str {
        match self {
            Capability::Limiter => "tollgate:limiter/limiter",
            Capability::Cache => "tollgate:cache/cache",
            Capability::Metrics => "tollgate:metrics/metrics",
            Capability::HttpClient => "tollgate:http-client/http-client",
            Capability::Backend => "tollgate:backend/backend",
            Capability::Events => "tollgate:events/events",
            Capability::Log => "tollgate:log/log",
            Capability::Clock => "tollgate:clock/clock",
            Capability::Expression => "tollgate:expression/expression",
            Capability::Crypto => "tollgate:crypto/crypto",
        }
    }

    /// True for what costs and discloses so little that no operator need be asked.
    pub fn is_always_granted(self) -> bool {
        matches!(self, Capability::Log | Capability::Clock | Capability::Expression | Capability::Crypto)
    }

    fn bit(self) -> u16 {
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
pub struct Grants(u16);

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
    fn nothing_but_log_clock_expression_and_crypto_comes_without_a_grant() {
        let free: Vec<_> = Capability::ALL.into_iter().filter(|c| Grants::NONE.allows(*c)).collect();
        assert_eq!(free, [Capability::Log, Capability::Clock, Capability::Expression, Capability::Crypto]);
        assert!(Grants::NONE.with(Capability::Cache).allows(Capability::Cache));
        assert!(!Grants::NONE.with(Capability::Cache).allows(Capability::Limiter));
    }

    #[test]
    fn every_capability_is_granted_by_itself() {
        for capability in Capability::ALL {
            let granted = Grants::NONE.with(capability);
            for other in Capability::ALL.into_iter().filter(|other| !other.is_always_granted()) {
                assert_eq!(granted.allows(other), other == capability, "{capability}, {other}");
            }
            assert!(Grants::all().allows(capability), "{capability}");
        }
    }
}
