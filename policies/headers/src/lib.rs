//! Headers as operators write them: names that are names, one value or several, and the edits of `set-header`.
//! A library for several statements; it is no statement itself.

mod edit;
mod name;
mod texts;

pub use edit::{ExistsAction, HeaderEdit, SetHeader};
pub use name::{EditableName, FieldName};
pub use texts::Texts;
