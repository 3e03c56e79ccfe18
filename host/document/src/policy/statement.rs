//! Statements: what components are called with.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use tollgate_core::limits::WrittenLimits;

use super::{Located, Placed};
use crate::diagnostics::Mark;
use crate::yaml::Node;

/// One statement, complete but for what only its component knows: the schema of its configuration.
#[derive(Clone)]
pub struct Statement {
    /// Who and where.
    pub placed: Placed,
    /// The built-in or component that it calls. Example: `rate-limit`.
    pub name: String,
    /// Its configuration with environment variables and named values filled in and keys in order; null for a bare
    /// name. `{ "$expression": N }` stands in place of each text with expressions.
    pub config: Value,
    /// The texts with expressions; `N` is an index into this list.
    pub expressions: Vec<Located>,
    /// JSON Pointers to values that can't be used and were reported.
    pub refused: Vec<String>,
    /// What a failure means.
    pub on_failure: OnFailure,
    /// Whether instances are used again.
    pub isolation: Isolation,
    /// Whether its verdict counts.
    pub mode: Mode,
    /// The limits that are written beside it.
    pub limits: WrittenLimits,
    /// The configuration as it stands in the file.
    pub(crate) source: Option<Arc<Node>>,
}

impl Statement {
    /// Its `id`, see [`Placed::id`].
    pub fn id(&self) -> Option<&str> {
        self.placed.id.as_deref()
    }

    /// Where it stands, see [`Placed::place`].
    pub fn place(&self) -> &str {
        &self.placed.place
    }

    /// Where its name is in the file.
    pub fn mark(&self) -> Mark {
        self.placed.mark
    }

    /// What logs and `last-error` call it: its id, or else its place.
    pub fn label(&self) -> &str {
        self.placed.label()
    }

    /// Where a value of the configuration is, by its JSON Pointer (RFC 6901); `""` is the whole configuration.
    ///
    /// For a value that isn't there (a pointer may come from a schema or a guest), the place of what is nearest
    /// above it.
    pub fn mark_at(&self, pointer: &str) -> Mark {
        match &self.source {
            Some(source) => source.at_pointer(pointer).mark,
            None => self.mark(),
        }
    }

    /// Where the key `key` of the object at `pointer` is: for keys that a schema doesn't allow.
    pub fn mark_of_key(&self, pointer: &str, key: &str) -> Mark {
        match &self.source {
            Some(source) => {
                let object = source.at_pointer(pointer);
                object.entry(key).map_or(object.mark, |(key, _)| key.mark)
            }
            None => self.mark(),
        }
    }

    /// Is there something at `pointer`, or below it, that came from the environment, a file or a secret named value,
    /// so that nothing may print it?
    pub fn is_secret_at(&self, pointer: &str) -> bool {
        self.source.as_ref().is_some_and(|source| source.at_pointer(pointer).is_secret())
    }
}

/// Without the configuration, which may hold secrets.
impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement")
            .field("placed", &self.placed)
            .field("name", &self.name)
            .field("expressions", &self.expressions)
            .field("on_failure", &self.on_failure)
            .field("isolation", &self.isolation)
            .field("mode", &self.mode)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
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
