//! What the statements that validate share: what the document says of an operation, JSON Schema, and errors as records.
//! A library; it is no statement itself.

mod action;
mod media_type;
mod overrides;
mod parameter;
mod report;

// What the document says, and what messages have.
pub mod definition;
pub mod fields;

// Schemas, and what they are made of.
mod pattern;
mod schema;

pub use action::Action;
pub use definition::{Operation, PerOperation};
pub use media_type::essence;
pub use overrides::{Actions, Override, Resolved};
pub use parameter::{Parameter, Place};
pub use pattern::Pattern;
pub use report::{Message, Report, Rule, Subject, Violation};
pub use schema::{Adjustment, Fault, Schema};
