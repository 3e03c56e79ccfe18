//! Policy documents: sections of entries, each a statement or a piece of the host's own flow.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tollgate_core::limits::Limits;
use tollgate_core::place::Section;

use crate::diagnostics::Mark;
use crate::yaml::Node;

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

    /// All statements of all sections, in order.
    pub fn statements(&self) -> impl Iterator<Item = (Section, &Statement)> {
        Section::ALL.into_iter().flat_map(|section| {
            self.section(section).unwrap_or_default().iter().filter_map(move |entry| match entry {
                Entry::Statement(statement) => Some((section, statement)),
                Entry::Base | Entry::ForwardRequest { .. } => None,
            })
        })
    }
}

/// One entry of a section.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly every entry is a statement, so a box would only add a pointer")]
pub enum Entry {
    /// The parent scope's same section stands here. At most once in a section; without effect at the global scope.
    Base,
    /// The request goes to the origin here. Backend section only, at most once.
    ForwardRequest {
        /// Until the response's head, instead of the API's own time-out.
        timeout: Option<Duration>,
    },
    /// A policy component is called here.
    Statement(Statement),
}

/// One statement, complete but for what only its component knows: the schema of its configuration.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The built-in or component that it calls. Example: `rate-limit`.
    pub name: String,
    /// Its configuration with environment variables filled in and keys in order; null for a bare name.
    pub config: Value,
    /// Its `id`, unique among the statements of one scope.
    pub id: Option<String>,
    /// Where it stands, unique in the document. Example: `apis/orders/operations/get/inbound/1`.
    pub place: String,
    /// What a failure means.
    pub on_failure: OnFailure,
    /// Whether instances are used again.
    pub isolation: Isolation,
    /// Whether its verdict counts.
    pub mode: Mode,
    /// Its limits, defaults filled in.
    pub limits: Limits,
    /// Where its name is in the file.
    pub mark: Mark,
    /// The configuration as it stands in the file.
    pub(crate) source: Option<Arc<Node>>,
}

impl Statement {
    /// What logs and `last-error` call it: its id, or else its place.
    pub fn label(&self) -> &str {
        self.id.as_deref().unwrap_or(&self.place)
    }

    /// Where a value of the configuration is, by its JSON Pointer (RFC 6901); `""` is the whole configuration.
    ///
    /// For a value that isn't there (a pointer may come from a schema or a guest), the place of what is nearest
    /// above it.
    pub fn mark_at(&self, pointer: &str) -> Mark {
        match &self.source {
            Some(source) => source.at_pointer(pointer).mark,
            None => self.mark,
        }
    }

    /// Where the key `key` of the object at `pointer` is: for keys that a schema doesn't allow.
    pub fn mark_of_key(&self, pointer: &str, key: &str) -> Mark {
        match &self.source {
            Some(source) => {
                let object = source.at_pointer(pointer);
                object.entry(key).map_or(object.mark, |(key, _)| key.mark)
            }
            None => self.mark,
        }
    }
}

/// `on-failure`: what happens if a statement itself fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnFailure {
    /// `closed`: the exchange ends with 500.
    #[default]
    Closed,
    /// `open`: the exchange goes on as if the statement weren't there.
    Open,
}

/// `isolation`: which instance a request gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Isolation {
    /// `warm`: one that served other requests before.
    #[default]
    Warm,
    /// `fresh`: one of its own.
    Fresh,
}

/// `mode`: whether the verdict counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// `enforce`: verdict and edits are applied.
    #[default]
    Enforce,
    /// `observe`: they are recorded and not applied.
    Observe,
}
