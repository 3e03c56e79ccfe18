//! A runtime without a server: statements of a document, and exchanges to call them on.

#![allow(clippy::expect_used, clippy::panic, reason = "a benchmark that can't be set up is to say so and end")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method};
use sha2::{Digest, Sha256};
use tollgate_bare_runtime::runtime;
use tollgate_core::place::Phase;
use tollgate_gateway::{BuiltIn, Plan, PlanBuilder};
use tollgate_runtime::{Exchange, Leases, Statement};

/// A statement and the worker that calls it.
pub struct Scene {
    statement: Arc<Statement>,
    leases: Leases,
    calls: u64,
}

impl Scene {
    /// A built-in statement, as it stands in a document. Example: `set-method`, `set-method: POST`.
    ///
    /// # Panics
    /// If components aren't built, or the document is wrong.
    pub fn built_in(name: &'static str, statement: &str) -> Scene {
        let path = components().join(name).with_extension("wasm");
        let bytes = std::fs::read(&path).expect("`cargo xtask components` has been run");
        let digest = Sha256::digest(&bytes).into();
        let built_ins = vec![BuiltIn { name, bytes: bytes.leak(), digest }].leak();
        Scene::new(name, built_ins, statement, "")
    }

    /// A component that does nothing, which the gateway doesn't know.
    ///
    /// # Panics
    /// If it can't be laid down.
    pub fn empty(isolation: &str) -> Scene {
        let path = std::env::temp_dir().join(format!("tollgate-pieces-{}.wasm", std::process::id()));
        std::fs::write(&path, tollgate_guests::component("faults_trap_in_body_gate")).expect("a file can be written");
        let components = format!("components: {{ empty: {{ file: \"{}\" }} }}\n", path.display());
        let scene = Scene::new("empty", &[], &format!("{{ empty: {{}}, isolation: {isolation} }}"), &components);
        drop(std::fs::remove_file(path));
        scene
    }

    fn new(name: &str, built_ins: &'static [BuiltIn], statement: &str, more: &str) -> Scene {
        let document = format!(
            "{more}apis:\n  - id: a\n    path: a\n    backend: http://127.0.0.1:9\n    subscription-required: false\n    \
             policies: {{ inbound: [ {statement} ] }}\n"
        );
        let (builder, plan) = plan(built_ins, &document);
        let statement = Arc::clone(plan.statement(name).expect("the document has the statement"));
        Scene { statement, leases: Leases::new(Arc::clone(builder.runtime()), 0, None, None), calls: 0 }
    }

    /// An exchange that no earlier one is like.
    pub fn exchange(&mut self) -> Box<Exchange> {
        self.calls += 1;
        exchange(&format!("tenant-{:09}", self.calls))
    }

    /// Run the statement's first phase.
    ///
    /// # Panics
    /// If it fails.
    pub fn call(&self, exchange: Box<Exchange>) -> Box<Exchange> {
        let outcome = self.leases.call(&self.statement, Phase::OnRequest, exchange, None);
        outcome.called.expect("the statement does its work");
        outcome.exchange.expect("the exchange comes back")
    }
}

/// The plan of an API without statements that has so many operations, and asks for the key `a-secret-key`.
///
/// # Panics
/// If the document is wrong.
#[must_use]
pub fn operations(count: usize) -> Plan {
    let mut document = String::from(
        "products: [ { id: gold, apis: [ a ] } ]\n\
         subscriptions: [ { id: s, product: gold, primary-key: a-secret-key } ]\n\
         apis:\n  - id: a\n    path: a\n    backend: http://127.0.0.1:9\n    operations:\n",
    );
    for number in 0..count {
        let line = format!("      - {{ id: o{number}, method: GET, url: '/kind-{number}/{{id}}/parts/{{part}}' }}\n");
        document.push_str(&line);
    }
    plan(&[], &document).1
}

fn plan(built_ins: &'static [BuiltIn], document: &str) -> (PlanBuilder, Plan) {
    let builder = PlanBuilder::new(runtime(), built_ins, None);
    let (document, mut problems) = builder.parse(Path::new("tollgate.yaml"), document);
    let plan = document.and_then(|document| builder.build(&document, &mut problems));
    let Some(plan) = plan else { panic!("{problems}") };
    (builder, plan)
}

fn components() -> PathBuf {
    let built = std::env::var_os("TOLLGATE_COMPONENTS").map(PathBuf::from);
    built.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/components"))
}

/// An exchange at its beginning, of a request as clients send them.
///
/// # Panics
/// If the tenant is no header's value.
pub fn exchange(tenant: &str) -> Box<Exchange> {
    let mut headers = HeaderMap::new();
    for (name, value) in [("accept", "*/*"), ("user-agent", "pieces/1.0"), ("accept-encoding", "gzip")] {
        headers.append(name, HeaderValue::from_static(value));
    }
    headers.append("x-tenant", HeaderValue::from_str(tenant).expect("a tenant's name"));
    tollgate_bare_runtime::exchange(Method::GET, "/a/items/7?fields=name", headers)
}
