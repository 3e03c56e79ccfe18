//! How a call can fail, and who is to blame. The client never sees more than a fixed sentence.

use std::fmt;

/// Whose fault it is; a field of every error event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The policy component.
    Guest,
    /// The gateway itself.
    Host,
    /// The origin.
    Origin,
    /// The client.
    Client,
    /// Whoever wrote the document: an expression that fails.
    Operator,
}

impl Blame {
    /// The word in logs.
    pub fn name(self) -> &'static str {
        match self {
            Blame::Guest => "guest",
            Blame::Host => "host",
            Blame::Origin => "origin",
            Blame::Client => "client",
            Blame::Operator => "operator",
        }
    }
}

/// The kinds of failure of a call: labels in metrics, words in logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The guest trapped: a panic, an unreachable, an access out of bounds.
    Trap,
    /// The guest used its fuel up.
    Fuel,
    /// The guest ran past its deadline.
    Deadline,
    /// The guest asked for more memory or table than it may have, and then trapped.
    Memory,
    /// The guest's stack overflowed.
    Stack,
    /// The guest made the host do more than it may.
    HostLimit,
    /// The guest gave a verdict that isn't one, such as status 99.
    BadVerdict,
    /// A body that the statement needs is larger than it may be buffered.
    BodyTooLarge,
    /// No instance could be had.
    Unavailable,
    /// The statement has failed too often and is left out for a while.
    Quarantined,
    /// As many of the statement's calls are under way as may be.
    Busy,
    /// The host itself failed.
    Host,
}

impl FaultKind {
    /// All kinds, in the order of [`FaultKind::index`].
    pub const ALL: [FaultKind; 12] = [
        FaultKind::Trap,
        FaultKind::Fuel,
        FaultKind::Deadline,
        FaultKind::Memory,
        FaultKind::Stack,
        FaultKind::HostLimit,
        FaultKind::BadVerdict,
        FaultKind::BodyTooLarge,
        FaultKind::Unavailable,
        FaultKind::Quarantined,
        FaultKind::Busy,
        FaultKind::Host,
    ];

    /// The label.
    pub fn name(self) -> &'static str {
        match self {
            FaultKind::Trap => "trap",
            FaultKind::Fuel => "fuel",
            FaultKind::Deadline => "deadline",
            FaultKind::Memory => "memory",
            FaultKind::Stack => "stack",
            FaultKind::HostLimit => "host-limit",
            FaultKind::BadVerdict => "bad-verdict",
            FaultKind::BodyTooLarge => "body-too-large",
            FaultKind::Unavailable => "unavailable",
            FaultKind::Quarantined => "quarantined",
            FaultKind::Busy => "busy",
            FaultKind::Host => "host",
        }
    }

    /// A dense number for tables.
    pub fn index(self) -> usize {
        self as usize
    }

    /// Whose fault this kind is.
    pub fn blame(self) -> Blame {
        match self {
            FaultKind::Unavailable | FaultKind::Host => Blame::Host,
            FaultKind::BodyTooLarge => Blame::Client,
            _ => Blame::Guest,
        }
    }
}

/// A failed call: its kind, and the detail for the operator's log.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What failed.
    pub kind: FaultKind,
    /// For the log only. May hold text that the guest chose.
    pub detail: String,
}

impl Fault {
    /// A fault with its detail.
    pub fn new(kind: FaultKind, detail: impl Into<String>) -> Fault {
        Fault { kind, detail: detail.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.detail)
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_kinds_share_a_label_and_the_table_is_in_order() {
        let names: HashSet<_> = FaultKind::ALL.iter().map(|k| k.name()).collect();
        assert_eq!(names.len(), FaultKind::ALL.len());
        for (at, kind) in FaultKind::ALL.into_iter().enumerate() {
            assert_eq!(kind.index(), at);
        }
    }
}
