//! `tollgate.yaml`: from text to a typed [`Document`], with every error at its place.
//!
//! text → `yaml` (nodes with marks, environment filled in) → `read` (typed, checked) → [`Document`].
//! The caller reads the text, and the runtime loads what `components` names: the only files that are opened here are
//! those of `schemas`.

/// What is wrong, and where.
pub mod diagnostics;

/// What the document says.
pub mod document;

/// Where requests go.
pub mod backend;

/// Named values and fragments.
pub mod fragment;

/// Sections, entries and statements.
pub mod policy;

/// The gateway's own settings.
pub mod settings;

/// Certificates of the gateway's own.
pub mod tls;

/// The nearest valid name.
pub mod nearest;

mod yaml;

mod plain;

mod read;

pub use backend::{Backend, BreakerRule, FailureReason, Member, OriginTls, Threshold};
pub use diagnostics::{Diagnostic, Diagnostics, Mark};
pub use document::{
    Api, Component, ComponentFile, ComponentSignature, Document, GrantedDirectory, Known, Operation, PLACEHOLDER_ID,
    Product, ProductState, Segment, Sha256, Subscription, SubscriptionKeyNames, SubscriptionScope, SubscriptionState,
    Template, Timestamp,
};
pub use fragment::{FragmentDefinition, NamedText, NamedValue, Parameter};
pub use nearest::nearest;
pub use plain::plain;
pub use policy::{
    Branch, Choose, Condition, Entry, ForwardRequest, Fragment, HttpVersion, Isolation, LimitConcurrency, Located,
    Mode, OnFailure, Placed, PolicyDocument, Retry, SetVariable, Setting, Statement, Wait, WaitFor,
};
pub use settings::{
    AccessLog, CacheSettings, Durable, EventLog, GatewayLimits, Http2Limits, Otlp, Secret, StateSettings, Timeouts,
    TraceContext, TraceContextMode, Underscores, UpgradeLimits,
};
pub use tls::{CertificateFiles, ListenTls, TlsVersion};
