//! Policy documents: sections of entries, each a statement or a piece of the host's own flow.

/// What may stand in an entry: conditions and values that may be expressions.
mod dynamic;

/// The host's own flow.
mod flow;

/// Statements.
mod statement;

use tollgate_core::place::{Scope, Section};

use crate::diagnostics::Mark;

pub use dynamic::{Condition, Located, Setting};
pub use flow::{
    Branch, Choose, ForwardRequest, Fragment, HttpVersion, LimitConcurrency, Retry, SetVariable, Wait, WaitFor,
};
pub use statement::{Isolation, Mode, OnFailure, Statement};

/// The policies of one scope.
///
/// A section that isn't in the document is `None` and means `[ base ]`: everything is inherited. A section that is
/// there inherits where it says [`Entry::Base`], and nothing if it doesn't. At the global scope there is nothing to
/// inherit but the default: `forward-request` in the backend section.
#[derive(Clone, Debug, Default)]
pub struct PolicyDocument {
    pub(crate) sections: [Option<Vec<Entry>>; Section::ALL.len()],
}

impl PolicyDocument {
    /// The entries of a section; none if the document doesn't have it.
    pub fn section(&self, section: Section) -> Option<&[Entry]> {
        self.sections[section as usize].as_deref()
    }

    /// All entries of a section in the order of the file, each before those that it holds.
    pub fn entries(&self, section: Section) -> impl Iterator<Item = &Entry> {
        let mut found = Vec::new();
        walk(self.section(section).unwrap_or_default(), &mut found);
        found.into_iter()
    }

    /// All statements of all sections, in order; those inside of flow and of fragments too.
    pub fn statements(&self) -> impl Iterator<Item = (Section, &Statement)> {
        Section::ALL.into_iter().flat_map(|section| {
            self.entries(section).filter_map(move |entry| match entry {
                Entry::Statement(statement) => Some((section, statement)),
                _ => None,
            })
        })
    }
}

/// Flow is nested a few levels deep only, so this may call itself.
fn walk<'e>(entries: &'e [Entry], found: &mut Vec<&'e Entry>) {
    for entry in entries {
        found.push(entry);
        for list in entry.lists() {
            walk(list, found);
        }
    }
}

/// One entry of a section.
#[derive(Clone, Debug)]
pub enum Entry {
    /// The parent scope's same section stands here. At most once in a section and never inside of flow; without
    /// effect at the global scope.
    Base,
    /// The request goes to the origin here. Backend section only, at most once in a list.
    ForwardRequest(ForwardRequest),
    /// The first branch whose condition holds runs.
    Choose(Choose),
    /// Entries run until a condition no longer holds.
    Retry(Retry),
    /// Entries run at the same time.
    Wait(Wait),
    /// Entries run if not too many are in them already.
    LimitConcurrency(LimitConcurrency),
    /// A variable gets a value.
    SetVariable(SetVariable),
    /// The entries of a fragment stand here.
    Fragment(Fragment),
    /// A policy component is called here.
    Statement(Statement),
}

impl Entry {
    /// What the document calls it. Examples: `choose`, `rate-limit`.
    pub fn name(&self) -> &str {
        match self {
            Entry::Base => "base",
            Entry::ForwardRequest(_) => "forward-request",
            Entry::Choose(_) => "choose",
            Entry::Retry(_) => "retry",
            Entry::Wait(_) => "wait",
            Entry::LimitConcurrency(_) => "limit-concurrency",
            Entry::SetVariable(_) => "set-variable",
            Entry::Fragment(_) => "include-fragment",
            Entry::Statement(statement) => &statement.name,
        }
    }

    /// What every entry but `base` has.
    pub fn placed(&self) -> Option<&Placed> {
        match self {
            Entry::Base => None,
            Entry::ForwardRequest(entry) => Some(&entry.placed),
            Entry::Choose(entry) => Some(&entry.placed),
            Entry::Retry(entry) => Some(&entry.placed),
            Entry::Wait(entry) => Some(&entry.placed),
            Entry::LimitConcurrency(entry) => Some(&entry.placed),
            Entry::SetVariable(entry) => Some(&entry.placed),
            Entry::Fragment(entry) => Some(&entry.placed),
            Entry::Statement(entry) => Some(&entry.placed),
        }
    }

    /// The lists of entries that it holds: the branches of a `choose` and what is behind `otherwise`, one list of the
    /// other flow, none of a statement.
    pub fn lists(&self) -> Vec<&[Entry]> {
        match self {
            Entry::Choose(choose) => {
                let branches = choose.branches.iter().map(|branch| branch.entries.as_slice());
                branches.chain(std::iter::once(choose.otherwise.as_slice())).collect()
            }
            Entry::Retry(Retry { entries, .. })
            | Entry::Wait(Wait { entries, .. })
            | Entry::LimitConcurrency(LimitConcurrency { entries, .. })
            | Entry::Fragment(Fragment { entries, .. }) => vec![entries],
            Entry::Base | Entry::ForwardRequest(_) | Entry::SetVariable(_) | Entry::Statement(_) => Vec::new(),
        }
    }
}

/// What every entry but `base` has: who it is, where it stands, and whether it runs.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Its `id`, unique among the entries of one scope. In an included fragment, the id or else the position of the
    /// include stands before it: `sign.hash`, `inbound/3.hash`.
    pub id: Option<String>,
    /// Where it stands, unique in the document; positions begin at 0. Example: `apis/orders/inbound/3/when/2/0`.
    pub place: String,
    /// Where it stands within its section, as `last-error` says it; positions begin at 1.
    /// Example: `choose[4]/when[3]/set-header[1]`.
    pub path: String,
    /// The scope whose document it is in.
    pub scope: Scope,
    /// How places in that document begin. Examples: `global`, `apis/orders/operations/get`.
    pub scope_place: String,
    /// The section that it is in.
    pub section: Section,
    /// Its `when`: where that doesn't hold, the entry is passed over.
    pub when: Option<Condition>,
    /// Where its name is in the file.
    pub mark: Mark,
    /// Of an entry of a fragment: where the fragment is included in the scope's document.
    pub included: Option<Mark>,
}

impl Placed {
    /// What logs and `last-error` call it: its id, or else its place.
    pub fn label(&self) -> &str {
        self.id.as_deref().unwrap_or(&self.place)
    }
}
