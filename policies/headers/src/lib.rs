//! Headers as operators write them: names that are names, one value or several, and the edits of `set-header`; also
//! statuses, and what a new body means for a head. A library for several statements; it is no statement itself.

mod edit;
mod name;
mod replaced;
mod section;
mod set_headers;
mod status;
mod texts;
mod values;

pub use edit::{ExistsAction, HeaderEdit, SetHeader, is_header_value};
pub use name::{EditableName, FieldName};
pub use replaced::{body_was_replaced, is_announced_empty, is_encoded};
pub use section::Section;
pub use set_headers::SetHeaders;
pub use status::{FailureStatus, Status};
pub use texts::Texts;
pub use values::Values;
