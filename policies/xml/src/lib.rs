//! What `xml-to-json` and `json-to-xml` share: a strict XML reader, namespaces in scope, bounded memory and output,
//! and the HTTP rules of replacing a body by the same thing in another format.
//!
//! A library, no policy: it has no README and becomes no component.

// When to convert a message, and what else in it has to follow.
mod conversion;
mod media;

// A body, as text.
mod decode;

// Text, as events that are certainly well-formed.
mod chars;
mod cursor;
mod reader;
mod reference;
mod scope;
mod tag;

// What both conversions build their result with.
mod arena;
mod fault;
mod names;
mod output;

// How all of it looks at bytes.
mod scan;

pub use arena::{Arena, NIL};
pub use chars::{first_illegal, is_name_char, is_name_start, is_space, is_xml_char};
pub use conversion::Conversion;
pub use decode::{Document, decode};
pub use fault::{Fault, FaultKind};
pub use media::Format;
pub use names::Names;
pub use output::Output;
pub use reader::{Attribute, Event, MAX_ATTRIBUTES, Reader, Span};
pub use reference::{Content, unescape};
pub use scan::{find, find_or_control};
pub use scope::{Declaration, Scope, XSI_NAMESPACE};
