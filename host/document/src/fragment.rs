//! Named values and fragments as data, for whoever explains a document. Their use is resolved while reading.

use crate::diagnostics::Mark;
use crate::settings::Secret;

/// One of `named-values`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedValue {
    /// What stands between `{{` and `}}`.
    pub name: String,
    /// What is put in its place.
    pub value: NamedText,
    /// Where it begins in the file.
    pub mark: Mark,
}

/// A named value's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedText {
    /// Anybody may see it.
    Plain(String),
    /// `secret: true`, or from the environment.
    Secret(Secret),
}

/// One of `fragments`. Its entries are where it is included, see [`crate::policy::Fragment`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FragmentDefinition {
    /// What `include-fragment` calls it.
    pub id: String,
    /// In the order of the file; names are unique.
    pub parameters: Vec<Parameter>,
    /// How many entries its `policies` have, not counting those inside of flow.
    pub entries: usize,
    /// Where it begins in the file.
    pub mark: Mark,
}

/// One parameter of a fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// What stands between `{{parameters.` and `}}`.
    pub name: String,
    /// False: every include gives it.
    pub has_default: bool,
}
