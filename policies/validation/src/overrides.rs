//! Actions for single names, beside those for all.

use crate::action::Action;
use tollgate_sdk::{ConfigError, Dynamic, ExpressionError, configuration};

/// The action for one parameter or header.
#[configuration]
#[derive(Clone, Debug)]
pub struct Override {
    /// Its name.
    pub name: String,
    /// What becomes of errors about it.
    pub action: Dynamic<Action>,
}

/// The actions of one kind of names.
#[derive(Debug)]
pub struct Actions {
    specified: Dynamic<Action>,
    unspecified: Dynamic<Action>,
    overrides: Vec<Override>,
}

/// The actions of one kind of names for one call.
#[derive(Debug)]
pub struct Resolved<'a> {
    specified: Action,
    unspecified: Action,
    overrides: &'a [Override],
}

impl Actions {
    /// Names may occur once. `pointer` is where the list of overrides stands in the configuration.
    pub fn new(
        specified: Dynamic<Action>,
        unspecified: Dynamic<Action>,
        overrides: Vec<Override>,
        pointer: &str,
    ) -> Result<Self, ConfigError> {
        for (index, one) in overrides.iter().enumerate() {
            if overrides.iter().take(index).any(|other| other.name == one.name) {
                let message = format!("`{}` is in the list already", one.name);
                return Err(ConfigError::new(format!("{pointer}/{index}/name"), message));
            }
        }
        Ok(Self { specified, unspecified, overrides })
    }

    /// The same for names of headers, whose case doesn't matter.
    pub fn of_headers(
        specified: Dynamic<Action>,
        unspecified: Dynamic<Action>,
        mut overrides: Vec<Override>,
        pointer: &str,
    ) -> Result<Self, ConfigError> {
        overrides.iter_mut().for_each(|one| one.name.make_ascii_lowercase());
        Self::new(specified, unspecified, overrides, pointer)
    }

    /// Compute what is the same for all names.
    pub fn resolve(&self) -> Result<Resolved<'_>, ExpressionError> {
        let (specified, unspecified) = (*self.specified.get()?, *self.unspecified.get()?);
        Ok(Resolved { specified, unspecified, overrides: &self.overrides })
    }
}

impl Resolved<'_> {
    /// For a name that the operation has.
    pub fn specified(&self, name: &str) -> Result<Action, ExpressionError> {
        Ok(self.overridden(name)?.unwrap_or(self.specified))
    }

    /// For a name that it doesn't have.
    pub fn unspecified(&self, name: &str) -> Result<Action, ExpressionError> {
        Ok(self.overridden(name)?.unwrap_or(self.unspecified))
    }

    /// For a header that the operation doesn't have: those that are described elsewhere or by nobody are fine, unless they
    /// are listed.
    pub fn unspecified_header(&self, name: &str) -> Result<Action, ExpressionError> {
        let action = if is_described_elsewhere(name) { Action::Ignore } else { self.unspecified };
        Ok(self.overridden(name)?.unwrap_or(action))
    }

    fn overridden(&self, name: &str) -> Result<Option<Action>, ExpressionError> {
        let found = self.overrides.iter().find(|one| one.name == name);
        found.map(|one| one.action.get().map(|action| *action)).transpose()
    }
}

/// Headers that no list of parameters has: OpenAPI describes `accept` and `content-type` by bodies and `authorization` by
/// security, and the rest belongs to the connection or is written by gateways.
fn is_described_elsewhere(name: &str) -> bool {
    const NAMES: [&str; 16] = [
        "accept",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "date",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
    ];
    NAMES.contains(&name)
}
