//! A runtime without a gateway: statements are called on exchanges that are made here.

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
pub(super) use tollgate_bare_runtime::runtime;
use tollgate_core::egress::Egress;
use tollgate_core::grants::Grants;
use tollgate_core::limits::Limits;
use tollgate_core::place::{Scope, Section};
use tollgate_runtime::{
    ComponentSource, Exchange, Isolation, Leases, Mode, OnFailure, Position, Runtime, Statement, StatementSettings,
};

/// A component, with everything granted.
pub(super) fn source(bytes: &[u8]) -> ComponentSource<'_> {
    ComponentSource {
        name: "fuzzed",
        bytes: Bytes::copy_from_slice(bytes).into(),
        digest: None,
        grants: Grants::all(),
        built_in: false,
    }
}

/// A statement of a component, and what calls it.
pub(super) fn statement(bytes: &[u8]) -> (Statement, Rc<Leases>) {
    let runtime = runtime();
    // Most inputs fail, and in quarantine none would be run.
    let statement = statement_in(&runtime, bytes, &Limits { quarantine_after: u32::MAX, ..Limits::default() });
    (statement, Rc::new(Leases::new(runtime, 0, None, None)))
}

/// A statement of a component.
pub(super) fn statement_in(runtime: &Arc<Runtime>, bytes: &[u8], limits: &Limits) -> Statement {
    let admitted = runtime.admit(&source(bytes)).expect("the guest is a component");
    let unit = runtime.link("fuzzed", &admitted, &serde_json::json!({}), limits, Isolation::default(), None);
    let position = Position {
        scope: Scope::Api,
        section: Section::Inbound,
        path: "fuzzed[1]".into(),
        id: None,
        place: "apis/a/inbound/1".into(),
        source: "tollgate.yaml:1:1".into(),
    };
    let settings = StatementSettings {
        position: Arc::new(position),
        scope_place: "apis/a".into(),
        expressions: Vec::new(),
        egress: Arc::new(Egress::default()),
        secrets: tollgate_runtime::Secrets::default(),
        on_failure: OnFailure::Closed,
        mode: Mode::Enforce,
    };
    Statement::new(runtime, unit.expect("the guest takes its configuration"), settings)
}

/// An exchange at its beginning.
pub(super) fn exchange() -> Box<Exchange> {
    let mut headers = HeaderMap::new();
    headers.append("x-a", HeaderValue::from_static("b"));
    headers.append("x-a", HeaderValue::from_static("c"));
    tollgate_bare_runtime::exchange(Method::POST, "/a/b?c=d", headers)
}
