//! Documents become plans. Everything that is wrong is reported at once; a plan comes out only if nothing is.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderName, Method};
use tollgate_core::place::Section;
use tollgate_document::{
    Diagnostics, Document, Isolation, Known, Mode, OnFailure, PolicyDocument, SubscriptionScope, SubscriptionState,
    nearest,
};
use tollgate_runtime::{Admitted, ConfigProblem, RouteFacts, Runtime, Statement, StatementSettings, SubscriptionFacts};

use super::components::{BuiltIn, Components};
use super::flatten::{effective, forward_of, statements_of};
use super::{Api, ByProduct, Chain, KeyNames, Plan};
use crate::admit::{Door, KeyDigest, KeyScope, KeyTable, Subscription};
use crate::route::{ApiTable, OperationTable};
use crate::upstream::{Origin, Timeouts};

/// Makes plans; keeps what can be used again for the next one.
pub struct PlanBuilder {
    runtime: Arc<Runtime>,
    components: Components,
    generations: AtomicU64,
}

/// The statements of a plan, by place.
#[derive(Default)]
pub(super) struct Statements {
    by_place: HashMap<String, Arc<Statement>>,
}

impl Statements {
    pub(super) fn get(&self, place: &str) -> Option<Arc<Statement>> {
        self.by_place.get(place).cloned()
    }
}

impl PlanBuilder {
    /// A builder with these built-in statements.
    pub fn new(runtime: Arc<Runtime>, built_ins: &'static [BuiltIn]) -> PlanBuilder {
        PlanBuilder { runtime, components: Components::new(built_ins), generations: AtomicU64::new(1) }
    }

    /// The runtime that plans run on.
    pub fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }

    /// Read a document with this builder's statements in mind.
    pub fn parse(&self, file: &std::path::Path, text: &str) -> (Option<Document>, Diagnostics) {
        let names = self.components.names();
        Document::parse(file, text, &Known { built_ins: &names }, &|name| std::env::var(name).ok())
    }

    /// Make a plan. Errors go to `diagnostics`, which may hold some already; a plan comes out only if it stays empty.
    pub fn build(&self, document: &Document, diagnostics: &mut Diagnostics) -> Option<Plan> {
        let statements = self.statements(document, diagnostics);
        let keys = key_table(document);
        let mut api_table = ApiTable::default();
        let mut apis = Vec::with_capacity(document.apis.len());
        for (number, api) in document.apis.iter().enumerate() {
            api_table.insert(&api.path, number);
            apis.extend(build_api(document, number, &statements, diagnostics));
        }
        if !diagnostics.is_empty() {
            return None;
        }
        let mut all: Vec<_> = statements.by_place.into_values().collect();
        all.sort_by(|a, b| a.place.cmp(&b.place));
        Some(Plan {
            api_table,
            apis,
            keys,
            trusted_proxies: document.trusted_proxies.clone(),
            request_body_bytes: document.limits.request_body_bytes,
            statements: all,
            generation: self.generations.fetch_add(1, Ordering::Relaxed),
        })
    }

    fn statements(&self, document: &Document, diagnostics: &mut Diagnostics) -> Statements {
        let customs = self.components.customs(&self.runtime, &document.components, diagnostics);
        let mut statements = Statements::default();
        for policies in document.policy_documents() {
            for (section, statement) in policies.statements() {
                let admitted = match customs.get(&statement.name) {
                    Some(custom) => custom.clone(),
                    None => match self.components.built_in(&self.runtime, &statement.name) {
                        Some(Ok(admitted)) => Some(admitted),
                        Some(Err(error)) => {
                            diagnostics.push(statement.mark, format!("`{}`: {error}", statement.name));
                            None
                        }
                        // An unknown name, which the document's reader has reported.
                        None => None,
                    },
                };
                if let Some(made) = admitted.and_then(|a| self.statement(section, statement, &a, diagnostics)) {
                    statements.by_place.insert(made.place.clone(), Arc::new(made));
                }
            }
        }
        statements
    }

    fn statement(
        &self,
        section: Section,
        statement: &tollgate_document::Statement,
        admitted: &Arc<Admitted>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Statement> {
        if !admitted.has(section.phase()) {
            let phases: Vec<&str> = admitted.phases().iter().map(|phase| phase.name()).collect();
            let message = format!(
                "`{}` can't stand in the section `{section}`: it has no {}, only {}",
                statement.name,
                section.phase(),
                phases.join(", ")
            );
            diagnostics.push(statement.mark, message);
            return None;
        }
        let isolation = match statement.isolation {
            Isolation::Warm => tollgate_runtime::Isolation::Warm,
            Isolation::Fresh => tollgate_runtime::Isolation::Fresh,
        };
        let settings = StatementSettings {
            id: statement.id.clone(),
            place: statement.place.clone(),
            on_failure: match statement.on_failure {
                OnFailure::Closed => tollgate_runtime::OnFailure::Closed,
                OnFailure::Open => tollgate_runtime::OnFailure::Open,
            },
            mode: match statement.mode {
                Mode::Enforce => tollgate_runtime::Mode::Enforce,
                Mode::Observe => tollgate_runtime::Mode::Observe,
            },
        };
        match self.runtime.link(&settings.key(), admitted, &statement.config, &statement.limits, isolation) {
            Ok(unit) => Some(Statement::new(&self.runtime, unit, settings)),
            Err(problems) => {
                for problem in problems {
                    report(statement, admitted, &problem, diagnostics);
                }
                None
            }
        }
    }
}

/// Put a problem with a configuration at its place, with the nearest key for an unknown one.
fn report(
    statement: &tollgate_document::Statement,
    admitted: &Admitted,
    problem: &ConfigProblem,
    diagnostics: &mut Diagnostics,
) {
    let mut message = format!("`{}`: {}", statement.name, problem.message);
    let mark = match &problem.unexpected {
        Some(key) => {
            let known = admitted.manifest.configuration.get("properties").and_then(|p| p.as_object());
            let keys: Vec<&str> = known.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            // Only the outermost object's keys are known without following the schema's references.
            if problem.pointer.is_empty() {
                match nearest(key, keys.iter().copied()) {
                    Some(near) => message.push_str(&format!("; did you mean `{near}`?")),
                    None if !keys.is_empty() => message.push_str(&format!("; it takes {}", keys.join(", "))),
                    None => {}
                }
            }
            statement.mark_of_key(&problem.pointer, key)
        }
        None => statement.mark_at(&problem.pointer),
    };
    diagnostics.push(mark, message);
}

fn number_of<'a>(mut ids: impl Iterator<Item = &'a str>, id: &str) -> Option<usize> {
    ids.position(|known| known == id)
}

fn key_table(document: &Document) -> KeyTable {
    let mut table = KeyTable::default();
    for subscription in &document.subscriptions {
        let scope = match &subscription.scope {
            SubscriptionScope::Product(id) => {
                number_of(document.products.iter().map(|p| p.id.as_str()), id).map(KeyScope::Product)
            }
            SubscriptionScope::Api(id) => number_of(document.apis.iter().map(|a| a.id.as_str()), id).map(KeyScope::Api),
            SubscriptionScope::AllApis => Some(KeyScope::AllApis),
        };
        // A dangling reference, which the document's reader has reported.
        let Some(scope) = scope else { continue };
        let facts = SubscriptionFacts {
            id: subscription.id.clone(),
            start_unix_ms: subscription.start_date.0.saturating_mul(1000),
        };
        let known = Arc::new(Subscription {
            facts: Arc::new(facts),
            scope,
            is_active: subscription.state == SubscriptionState::Active,
            expires_unix_ms: subscription.expiration_date.map(|end| end.0.saturating_mul(1000)),
        });
        for key in subscription.keys() {
            table.insert(KeyDigest::of(key.reveal().as_bytes()), Arc::clone(&known));
        }
    }
    table
}

fn build_api(
    document: &Document,
    number: usize,
    statements: &Statements,
    diagnostics: &mut Diagnostics,
) -> Option<Api> {
    let api = document.apis.get(number)?;
    let holds_api = |product: &&tollgate_document::Product| product.apis.contains(&api.id);
    let products: Vec<usize> =
        document.products.iter().enumerate().filter(|(_, p)| holds_api(p)).map(|(n, _)| n).collect();
    let open_product = products.iter().copied().find(|p| !document.products[*p].subscription_required);
    let methods: Vec<Option<Method>> = api
        .operations
        .iter()
        .map(|operation| operation.method.as_ref().and_then(|m| Method::from_bytes(m.as_bytes()).ok()))
        .collect();
    let pairs = methods.iter().map(Option::as_ref).zip(api.operations.iter().map(|operation| &operation.template));
    let operations = match OperationTable::new(pairs) {
        Ok(table) => (!api.operations.is_empty()).then_some(table),
        Err((at, error)) => {
            let mark = api.operations.get(at).map_or(api.mark, |operation| operation.mark);
            diagnostics.push(mark, error.to_string());
            return None;
        }
    };
    let chains = if api.operations.is_empty() {
        vec![chains_of(document, api, None, &products, statements)]
    } else {
        let each = api.operations.iter().map(|o| chains_of(document, api, Some(o), &products, statements));
        each.collect()
    };
    let header = &api.subscription_key_names.header;
    let origin = Origin::new(&api.backend.host, api.backend.port)
        .map_err(|error| diagnostics.push(api.mark, format!("api `{}`: {error}", api.id)))
        .ok()?;
    Some(Api {
        path: api.path.clone(),
        door: Door { api: number, subscription_required: api.subscription_required, products, open_product },
        key_names: KeyNames {
            // The document's reader has checked that it is a header's name.
            header: HeaderName::from_bytes(header.as_bytes()).ok()?,
            header_as_written: header.clone(),
            query: api.subscription_key_names.query.clone(),
        },
        origin,
        origin_base: api.backend.base.clone(),
        timeouts: Timeouts {
            connect: api.timeouts.connect,
            response_header: api.timeouts.response_header,
            // An origin that streams may be silent as long as it may be before its head.
            body_idle: api.timeouts.response_header,
        },
        total_timeout: api.timeouts.total,
        operations,
        chains,
    })
}

fn chains_of(
    document: &Document,
    api: &tollgate_document::Api,
    operation: Option<&tollgate_document::Operation>,
    products: &[usize],
    statements: &Statements,
) -> ByProduct {
    let chain = |product: Option<&tollgate_document::Product>| {
        let mut scopes: Vec<&PolicyDocument> = Vec::with_capacity(4);
        scopes.extend(operation.map(|operation| &operation.policies));
        scopes.push(&api.policies);
        scopes.extend(product.map(|product| &product.policies));
        scopes.push(&document.policies);
        let section = |section| effective(&scopes, section, statements);
        let facts = RouteFacts {
            api: api.id.clone(),
            operation: operation.map(|operation| operation.id.clone()),
            product: product.map(|product| product.id.clone()),
        };
        Arc::new(Chain {
            facts: Arc::new(facts),
            inbound: statements_of(section(Section::Inbound)),
            outbound: statements_of(section(Section::Outbound)),
            on_error: statements_of(section(Section::OnError)),
            forward: forward_of(&section(Section::Backend)),
        })
    };
    ByProduct {
        without: chain(None),
        within: products.iter().map(|n| (*n, chain(document.products.get(*n)))).collect(),
    }
}
