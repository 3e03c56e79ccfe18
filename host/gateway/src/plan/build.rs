//! Documents become plans. Everything that is wrong is reported at once; a plan comes out only if nothing is.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderName, Method};
use tollgate_core::base_url::BaseUrl;
use tollgate_core::place::Section;
use tollgate_document::{
    Diagnostics, Document, Isolation, Known, Mark, Mode, NamedText, OnFailure, OriginTls, PolicyDocument,
    SubscriptionScope, SubscriptionState,
};
use tollgate_runtime::{
    Admitted, ConfigProblem, OperationFacts, RouteFacts, Runtime, Secrets, Statement, StatementSettings,
    SubscriptionFacts,
};

use super::components::{BuiltIn, Components};
use super::flatten::effective;
use super::granted::{Granted, Readable};
use super::step::Step;
use super::steps::Maker;
use super::{Api, ByProduct, Chain, Forwarding, KeyNames, Plan, parameters, problems, references, standing, steps};
use crate::admit::{Door, KeyDigest, KeyScope, KeyTable, Subscription};
use crate::balance::{Backend, Breakers, Member};
use crate::body::trailers::TrailerNames;
use crate::cache::{Caching, Flights};
use crate::certificates::Certificates;
use crate::hop::Via;
use crate::observe::otlp::OtlpSettings;
use crate::route::{ApiTable, OperationTable, SameOperation};
use crate::serve::check;
use crate::upstream::{Origin, Target, Timeouts};

/// Makes plans; keeps what can be used again for the next one.
pub struct PlanBuilder {
    runtime: Arc<Runtime>,
    components: Components,
    breakers: Breakers,
    generations: AtomicU64,
    /// Those under way stay when the plan changes.
    flights: Arc<Flights>,
}

/// The steps of a plan, by the place of their entry.
#[derive(Default)]
pub(super) struct Steps {
    by_place: HashMap<String, Step>,
    /// Every statement once.
    statements: HashMap<String, Arc<Statement>>,
}

impl Steps {
    pub(super) fn get(&self, place: &str) -> Option<Step> {
        self.by_place.get(place).cloned()
    }
}

/// What all APIs of a plan share.
struct Common {
    backends: Arc<HashMap<String, Arc<Backend>>>,
    backend_urls: Arc<BTreeMap<String, BaseUrl>>,
    flights: Arc<Flights>,
    trailers: Arc<TrailerNames>,
    via: Option<Via>,
}

impl PlanBuilder {
    /// A builder with these built-in statements. `fetched` is where components of registries are kept; none for nowhere.
    pub fn new(runtime: Arc<Runtime>, built_ins: &'static [BuiltIn], fetched: Option<PathBuf>) -> PlanBuilder {
        PlanBuilder {
            runtime,
            components: Components::new(built_ins, fetched),
            breakers: Breakers::default(),
            generations: AtomicU64::new(1),
            flights: Arc::default(),
        }
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
        let secrets = secrets_of(document);
        let steps = self.steps(document, &secrets, diagnostics);
        let common = common(document, &self.flights, &self.breakers, diagnostics);
        let keys = key_table(document);
        if let Some(otlp) = &document.otlp
            && let Err(problem) = OtlpSettings::of(otlp)
        {
            diagnostics.push(otlp.mark, problem);
        }
        let certificates = document.tls.as_ref().and_then(|tls| Certificates::load(tls, diagnostics));
        let mut api_table = ApiTable::default();
        let mut apis = Vec::with_capacity(document.apis.len());
        for (number, api) in document.apis.iter().enumerate() {
            api_table.insert(&api.path, number);
            apis.extend(build_api(document, number, &common, &steps, diagnostics));
        }
        let nowhere = nowhere(document, &common, &steps);
        // Each of them has described itself and taken its configurations, and now waits for a request.
        self.runtime.rest(&self.components.news());
        if !diagnostics.is_empty() {
            return None;
        }
        let mut all: Vec<_> = steps.statements.into_values().collect();
        all.sort_by(|a, b| a.identity.position.place.cmp(&b.identity.position.place));
        Some(Plan {
            api_table,
            apis,
            nowhere,
            keys,
            trusted_proxies: document.trusted_proxies.clone(),
            certificates,
            underscores: document.underscores,
            trailers: common.trailers,
            request_body_bytes: document.limits.request_body_bytes,
            client_ipv6_prefix: document.limits.client_ipv6_prefix,
            key_guesses: document.limits.key_guesses,
            secrets,
            statements: all,
            generation: self.generations.fetch_add(1, Ordering::Relaxed),
        })
    }

    fn steps(&self, document: &Document, secrets: &Secrets, diagnostics: &mut Diagnostics) -> Steps {
        let customs = self.components.customs(&self.runtime, &document.components, diagnostics);
        let mut steps = Steps::default();
        let granted = Granted::by(document, diagnostics);
        let component = |statement: &tollgate_document::Statement, diagnostics: &mut Diagnostics| {
            if let Some(custom) = customs.get(&statement.name) {
                return custom.clone();
            }
            // None for an unknown name, which the document's reader has reported.
            let admitted = self.components.built_in(&self.runtime, &statement.name)?;
            let refused = |error| diagnostics.push(statement.mark(), format!("`{}`: {error}", statement.name));
            admitted.map_err(refused).ok()
        };
        for policies in document.policy_documents() {
            let mut seen = Vec::new();
            for (_, statement) in policies.statements() {
                let Some(admitted) = component(statement, diagnostics) else { continue };
                // Its configuration first: what is said of a statement is one thing at a time.
                if let Some(made) = self.statement(document, statement, &admitted, secrets, &granted, diagnostics) {
                    standing::check(statement, &admitted, &mut seen, diagnostics);
                    parameters::check(document, statement, diagnostics);
                    steps.statements.insert(statement.place().to_owned(), Arc::new(made));
                }
            }
        }
        for (_, statement) in document.unused_fragments.statements() {
            if let Some(admitted) = component(statement, diagnostics) {
                self.statement(document, statement, &admitted, secrets, &granted, diagnostics);
            }
        }
        let statement = |place: &str| steps.statements.get(place).cloned();
        let maker = Maker { file: diagnostics.file(), secrets, statement: &statement };
        let mut by_place = HashMap::new();
        for policies in document.policy_documents() {
            for entry in Section::ALL.into_iter().flat_map(|section| policies.section(section).unwrap_or_default()) {
                if let (Some(placed), Some(step)) = (entry.placed(), maker.step(entry, false)) {
                    by_place.insert(placed.place.clone(), step);
                }
            }
        }
        steps.by_place = by_place;
        steps
    }

    fn statement(
        &self,
        document: &Document,
        statement: &tollgate_document::Statement,
        admitted: &Arc<Admitted>,
        secrets: &Secrets,
        granted: &Granted,
        diagnostics: &mut Diagnostics,
    ) -> Option<Statement> {
        problems::check_kinds(statement, admitted, diagnostics);
        let isolation = match statement.isolation {
            Isolation::Warm => tollgate_runtime::Isolation::Warm,
            Isolation::Fresh => tollgate_runtime::Isolation::Fresh,
        };
        let maker = Maker { file: diagnostics.file(), secrets, statement: &|_| None };
        let settings = StatementSettings {
            position: steps::position(diagnostics.file(), &statement.placed),
            scope_place: statement.placed.scope_place.clone(),
            expressions: statement.expressions.iter().map(|located| maker.expression(located)).collect(),
            egress: granted.to(statement),
            secrets: secrets.clone(),
            on_failure: match statement.on_failure {
                OnFailure::Closed => tollgate_runtime::OnFailure::Closed,
                OnFailure::Open => tollgate_runtime::OnFailure::Open,
            },
            mode: match statement.mode {
                Mode::Enforce => tollgate_runtime::Mode::Enforce,
                Mode::Observe => tollgate_runtime::Mode::Observe,
            },
        };
        let limits = statement.limits.over(admitted.class());
        let directories = match granted.directories(statement) {
            Readable::Nothing => None,
            Readable::Directories(directories) => Some(directories),
            Readable::Reported => return None,
        };
        match self.runtime.link(&settings.key(), admitted, &statement.config, &limits, isolation, directories) {
            Ok(unit) => {
                references::check(document, statement, diagnostics);
                Some(Statement::new(&self.runtime, unit, settings))
            }
            Err(problems) => {
                let is_news = |problem: &ConfigProblem| !statement.refused.contains(&problem.pointer);
                for problem in problems.into_iter().filter(is_news) {
                    problems::report(statement, &problem, diagnostics);
                }
                None
            }
        }
    }
}

/// What nothing that people read may hold.
fn secrets_of(document: &Document) -> Secrets {
    Secrets::of(document.named_values.iter().filter_map(|named| match &named.value {
        NamedText::Secret(secret) => Some(secret.reveal()),
        NamedText::Plain(_) => None,
    }))
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
            owner: subscription.owner.clone(),
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

fn target(url: &BaseUrl, tls: &OriginTls, mark: Mark, diagnostics: &mut Diagnostics) -> Option<Target> {
    Target::of(url, tls).map_err(|problem| diagnostics.push(mark, problem)).ok()
}

fn common(document: &Document, flights: &Arc<Flights>, breakers: &Breakers, diagnostics: &mut Diagnostics) -> Common {
    let mut backends = HashMap::new();
    let mut urls = BTreeMap::new();
    for backend in &document.backends {
        if let Some(first) = backend.members.first() {
            urls.insert(backend.id.clone(), first.origin.clone());
        }
        let members = backend.members.iter().filter_map(|member| {
            let ejection = backend.ejection.as_ref();
            // Ejected is an origin from a pool, and not from the other pools that it is in.
            let name = format!("{}/{}/ejection", backend.id, member.origin);
            Some(Member {
                target: Arc::new(target(&member.origin, &member.tls, backend.mark, diagnostics)?),
                weight: member.weight,
                priority: member.priority,
                breaker: breakers.of(&member.breaker_name, &member.breaker),
                ejection: ejection.and_then(|rule| breakers.of(&name, std::slice::from_ref(rule))),
            })
        });
        backends.insert(backend.id.clone(), Backend::new(members.collect()));
    }
    Common {
        backends: Arc::new(backends),
        backend_urls: Arc::new(urls),
        trailers: Arc::new(TrailerNames::new(&document.trailers)),
        via: document.via.as_deref().and_then(Via::new),
        flights: Arc::clone(flights),
    }
}

/// Say that two operations take the same requests, unless the document's reader has: it compares their templates' shapes,
/// and puts one and the same in place of those that it couldn't read.
fn report_same(api: &tollgate_document::Api, at: usize, same: &SameOperation, diagnostics: &mut Diagnostics) {
    let (Some(first), Some(second)) = (api.operations.get(same.first), api.operations.get(at)) else { return };
    if first.template.shape() == second.template.shape() && !diagnostics.is_empty() {
        return;
    }
    let place = format!("{}:{}", first.mark.line, first.mark.column);
    let message = format!(
        "the operation `{}` has the same method and takes the same paths as `{}` at {place}, so no request could tell them \
         apart",
        second.id, first.id
    );
    diagnostics.push(second.mark, message);
}

fn build_api(
    document: &Document,
    number: usize,
    common: &Common,
    steps: &Steps,
    diagnostics: &mut Diagnostics,
) -> Option<Api> {
    let api = document.apis.get(number)?;
    let forwarding = Arc::new(Forwarding {
        path: api.path.clone(),
        backend: match api.backend_id.as_ref().and_then(|id| common.backends.get(id)) {
            Some(backend) => Arc::clone(backend),
            None => Backend::single(target(&api.backend, &api.tls, api.mark, diagnostics)?),
        },
        backends: Arc::clone(&common.backends),
        timeouts: timeouts(&api.timeouts),
        trailers: Arc::clone(&common.trailers),
        via: common.via.clone(),
    });
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
        Err((at, same)) => {
            report_same(api, at, &same, diagnostics);
            return None;
        }
    };
    let made_of = Ingredients { document, api, products: &products, common, steps, forwarding: &forwarding };
    let chains = if api.operations.is_empty() {
        vec![made_of.chains(None)]
    } else {
        api.operations.iter().map(|operation| made_of.chains(Some(operation))).collect()
    };
    let nowhere = made_of.chain(None, None);
    let header = &api.subscription_key_names.header;
    Some(Api {
        path: api.path.clone(),
        door: Door { api: number, subscription_required: api.subscription_required, products, open_product },
        key_names: KeyNames {
            // The document's reader has checked that it is a header's name.
            header: HeaderName::from_bytes(header.as_bytes()).ok()?,
            header_as_written: header.clone(),
            query: api.subscription_key_names.query.clone(),
        },
        own_methods: methods.iter().flatten().filter(|method| !check::is_registered(method)).cloned().collect(),
        upgrades: api.upgrades.clone(),
        total_timeout: api.timeouts.total,
        operations,
        chains,
        nowhere,
    })
}

/// What runs for requests that no API takes: the global on-error section. Nothing is sent from there, so where to
/// doesn't matter; names below `.invalid` lead nowhere (RFC 6761 §6.4).
fn nowhere(document: &Document, common: &Common, steps: &Steps) -> Option<Arc<Chain>> {
    let on_error = effective(&[&document.policies], Section::OnError, steps);
    if on_error.is_empty() {
        return None;
    }
    let url = BaseUrl::parse("http://nowhere.invalid").ok()?;
    let target = Target { origin: Origin::of(&url, None).ok()?, base: String::new() };
    let limits = &document.limits.timeouts;
    let forwarding = Forwarding {
        path: String::new(),
        backend: Backend::single(target),
        backends: Arc::clone(&common.backends),
        timeouts: timeouts(limits),
        trailers: Arc::clone(&common.trailers),
        via: None,
    };
    let facts = RouteFacts {
        api: String::new(),
        api_path: String::new(),
        operation: None,
        product: None,
        backend: url,
        backends: Arc::clone(&common.backend_urls),
    };
    let sections = [Vec::new(), Vec::new(), Vec::new(), on_error];
    Some(Arc::new(Chain::new(Arc::new(facts), Arc::new(forwarding), sections)))
}

fn timeouts(of: &tollgate_document::Timeouts) -> Timeouts {
    Timeouts {
        connect: of.connect,
        response_header: of.response_header,
        // An origin that streams may be silent as long as it may be before its head.
        body_idle: of.response_header,
    }
}

/// What the chains of an API are made of.
struct Ingredients<'a> {
    document: &'a Document,
    api: &'a tollgate_document::Api,
    /// The numbers of the products that hold it.
    products: &'a [usize],
    common: &'a Common,
    steps: &'a Steps,
    forwarding: &'a Arc<Forwarding>,
}

impl Ingredients<'_> {
    fn chains(&self, operation: Option<&tollgate_document::Operation>) -> ByProduct {
        let within = self.products.iter().map(|n| (*n, self.chain(operation, self.document.products.get(*n))));
        ByProduct { without: self.chain(operation, None), within: within.collect() }
    }

    fn chain(
        &self,
        operation: Option<&tollgate_document::Operation>,
        product: Option<&tollgate_document::Product>,
    ) -> Arc<Chain> {
        let mut scopes: Vec<&PolicyDocument> = Vec::with_capacity(4);
        scopes.extend(operation.map(|operation| &operation.policies));
        scopes.push(&self.api.policies);
        scopes.extend(product.map(|product| &product.policies));
        scopes.push(&self.document.policies);
        let facts = RouteFacts {
            api: self.api.id.clone(),
            api_path: self.api.path.clone(),
            operation: operation.map(|operation| OperationFacts {
                id: operation.id.clone(),
                method: operation.method.clone().unwrap_or_else(|| "*".into()),
                url: operation.template.text.clone(),
                definition: operation.definition.to_string(),
            }),
            product: product.map(|product| product.id.clone()),
            backend: self.api.backend.clone(),
            backends: Arc::clone(&self.common.backend_urls),
        };
        let sections = Section::ALL.map(|section| effective(&scopes, section, self.steps));
        let settings = operation.map_or(self.api.cache.as_ref(), |operation| operation.cache.as_ref());
        let caching = settings.map(|settings| Arc::new(Caching::new(settings, &self.common.flights)));
        Arc::new(Chain::new(Arc::new(facts), Arc::clone(self.forwarding), sections).with_caching(caching))
    }
}
