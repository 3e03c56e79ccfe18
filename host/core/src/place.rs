//! Sections, phases and scopes: where a statement stands and when it runs.

use std::fmt;

/// A section of a policy document (`apim.md` §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Section {
    /// Before the request is forwarded.
    Inbound,
    /// Around forwarding.
    Backend,
    /// Before the response is returned.
    Outbound,
    /// When something failed.
    OnError,
}

impl Section {
    /// All sections, in the order of a document.
    pub const ALL: [Section; 4] = [Section::Inbound, Section::Backend, Section::Outbound, Section::OnError];

    /// The key in a document.
    pub fn name(self) -> &'static str {
        match self {
            Section::Inbound => "inbound",
            Section::Backend => "backend",
            Section::Outbound => "outbound",
            Section::OnError => "on-error",
        }
    }

    /// The phase that a component must export to stand in this section.
    pub fn phase(self) -> Phase {
        match self {
            Section::Inbound | Section::Backend => Phase::OnRequest,
            Section::Outbound => Phase::OnResponse,
            Section::OnError => Phase::OnError,
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A phase of the contract: an interface that a component may export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// `tollgate:policy/on-request`
    OnRequest,
    /// `tollgate:policy/on-response`
    OnResponse,
    /// `tollgate:policy/on-error`
    OnError,
}

impl Phase {
    /// All phases.
    pub const ALL: [Phase; 3] = [Phase::OnRequest, Phase::OnResponse, Phase::OnError];

    /// The interface's name, which is also the key in a manifest and the label in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Phase::OnRequest => "on-request",
            Phase::OnResponse => "on-response",
            Phase::OnError => "on-error",
        }
    }

    /// A dense number below `Phase::ALL.len()`, for tables.
    pub fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A scope of policies, from broad to narrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// The whole gateway.
    Global,
    /// A product, in its context only.
    Product,
    /// An API.
    Api,
    /// An operation.
    Operation,
}

impl Scope {
    /// All scopes, from broad to narrow.
    pub const ALL: [Scope; 4] = [Scope::Global, Scope::Product, Scope::Api, Scope::Operation];

    /// The word used in logs and `last-error`.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Global => "global",
            Scope::Product => "product",
            Scope::Api => "api",
            Scope::Operation => "operation",
        }
    }
}
