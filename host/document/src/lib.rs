//! `tollgate.yaml`: from text to a typed [`Document`], with every error at its place.
//!
//! text → `yaml` (nodes with marks, environment filled in) → `read` (typed, checked) → [`Document`].
//! No file is opened here: the caller reads the text, and the runtime loads what `components` names.

/// What is wrong, and where.
pub mod diagnostics;

/// What the document says.
pub mod document;

/// Sections, entries and statements.
pub mod policy;

/// The gateway's own settings.
pub mod settings;

/// The nearest valid name.
pub mod nearest;

mod yaml;

mod read;

pub use diagnostics::{Diagnostic, Diagnostics, Mark};
pub use document::{
    Api, Component, Document, Known, Operation, Origin, PLACEHOLDER_ID, Product, ProductState, Segment, Sha256,
    Subscription, SubscriptionKeyNames, SubscriptionScope, SubscriptionState, Template, Timestamp,
};
pub use nearest::nearest;
pub use policy::{Entry, Isolation, Mode, OnFailure, PolicyDocument, Statement};
pub use settings::{AccessLog, GatewayLimits, Secret, StateSettings, Timeouts};
