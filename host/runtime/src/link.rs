//! An admitted component and a configuration become a unit that can be leased.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;
use tollgate_bindings::{
    backend, cache, clock, crypto, events, expression, http_client, limiter, log, metrics, policy,
};
use tollgate_capabilities::session::Session;
use tollgate_capabilities::wasi::Directories;
use tollgate_core::fault::FaultKind;
use tollgate_core::grants::Capability;
use tollgate_core::limits::Limits;
use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker};

use crate::engine::Runtime;
use crate::load::Admitted;
use crate::snapshot::Snapshot;
use crate::store::{CreateError, Instance, Stack};

/// A linker that holds what a component imports, all of which is granted, and nothing else.
pub(crate) fn linker(engine: &Engine, capabilities: &[Capability]) -> wasmtime::Result<Linker<Session>> {
    type Own = HasSelf<Session>;
    let mut linker = Linker::new(engine);
    policy::messages::add_to_linker::<Session, Own>(&mut linker, |session| session)?;
    policy::verdicts::add_to_linker::<Session, Own>(&mut linker, |session| session)?;
    policy::context::add_to_linker::<Session, Own>(&mut linker, |session| session)?;
    policy::variables::add_to_linker::<Session, Own>(&mut linker, |session| session)?;
    for capability in capabilities {
        match capability {
            Capability::Limiter => limiter::limiter::add_to_linker::<Session, Own>(&mut linker, |session| session)?,
            Capability::Cache => cache::cache::add_to_linker::<Session, Own>(&mut linker, |session| session)?,
            Capability::Metrics => metrics::metrics::add_to_linker::<Session, Own>(&mut linker, |session| session)?,
            Capability::Log => log::log::add_to_linker::<Session, Own>(&mut linker, |session| session)?,
            Capability::Clock => clock::clock::add_to_linker::<Session, Own>(&mut linker, |session| session)?,
            Capability::Expression => {
                expression::expression::add_to_linker::<Session, Own>(&mut linker, |session| session)?;
            }
            Capability::HttpClient => {
                http_client::http_client::add_to_linker::<Session, Own>(&mut linker, |session| session)?;
            }
            Capability::Backend => backend::backend::add_to_linker::<Session, Own>(&mut linker, |session| session)?,
            Capability::Crypto => crypto::crypto::add_to_linker::<Session, Own>(&mut linker, |session| session)?,
            Capability::Events => events::events::add_to_linker::<Session, Own>(&mut linker, |session| session)?,
        }
    }
    Ok(linker)
}

/// How long an instance lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Isolation {
    /// Reused while it ends well, up to a budget.
    #[default]
    Warm,
    /// A new one for every call.
    Fresh,
}

impl Isolation {
    /// The word in a document.
    pub fn name(self) -> &'static str {
        match self {
            Isolation::Warm => "warm",
            Isolation::Fresh => "fresh",
        }
    }
}

/// What makes a statement the same one after a reload, so that it keeps its instances.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct UnitKey {
    /// Two statements never share an instance, even with one configuration: memory must not leak between them.
    owner: String,
    component: String,
    digest: String,
    configuration: String,
    limits: Limits,
    isolation: Isolation,
    /// Of each load another: what instances have read may have changed since.
    directories: Option<u64>,
}

/// The units in use, so that a reload makes only what is new.
#[derive(Default)]
pub(crate) struct Units {
    known: HashMap<UnitKey, Weak<Unit>>,
    /// How many there may be before those that are gone are looked for: twice what was in use the last time.
    prune_at: usize,
}

impl Units {
    fn get(&self, key: &UnitKey) -> Option<Arc<Unit>> {
        self.known.get(key).and_then(Weak::upgrade)
    }

    fn insert(&mut self, key: UnitKey, unit: &Arc<Unit>) {
        if self.known.len() >= self.prune_at {
            self.known.retain(|_, unit| unit.strong_count() > 0);
            self.prune_at = (self.known.len() * 2).max(64);
        }
        self.known.insert(key, Arc::downgrade(unit));
    }
}

/// A component with a configuration and limits, tried once: an instance of it took the configuration.
pub struct Unit {
    /// Tells units apart for the life of the process.
    pub(crate) id: u64,
    /// The component.
    pub admitted: Arc<Admitted>,
    pub(crate) configuration: String,
    /// What a call may use up.
    pub limits: Arc<Limits>,
    /// How long an instance lives.
    pub isolation: Isolation,
    /// What it may read.
    pub(crate) directories: Option<Arc<Directories>>,
    /// Where its instances' frames lie.
    pub(crate) stack: Stack,
    /// What fresh instances start from.
    pub(crate) snapshot: Snapshot,
    /// Keeps the component's own store of services.
    pub(crate) services: Arc<tollgate_capabilities::session::Services>,
}

impl Unit {
    /// Tells units apart for the life of the process.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Must a call be awaited? It waits for other services then, or lets others have their turn while it computes.
    pub fn waits(&self) -> bool {
        self.stack == Stack::Own
    }
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// JSON Pointer to the value at fault; `""` is the whole.
    pub pointer: String,
    /// The property at fault, if it shouldn't be there at all.
    pub unexpected: Option<String>,
    /// The properties that could be there in its place.
    pub known: Vec<String>,
    /// One sentence.
    pub message: String,
    /// These are the component's words, which may quote the value.
    pub is_quoted: bool,
}

impl ConfigProblem {
    fn at(pointer: String, message: String) -> ConfigProblem {
        ConfigProblem { pointer, unexpected: None, known: Vec::new(), message, is_quoted: false }
    }
}

impl Runtime {
    /// Make the unit of the statement with the key `owner`: check a configuration against the manifest's schema, then let an instance take it.
    ///
    /// One that may read `directories` isn't used again after a reload: the operator expects that files are read anew.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the configuration, or the one way in which the guest failed to take it.
    pub fn link(
        &self,
        owner: &str,
        admitted: &Arc<Admitted>,
        configuration: &Value,
        limits: &Limits,
        isolation: Isolation,
        directories: Option<&Arc<Directories>>,
    ) -> Result<Arc<Unit>, Vec<ConfigProblem>> {
        let key = UnitKey {
            owner: owner.to_owned(),
            component: admitted.name.clone(),
            digest: admitted.digest.clone(),
            configuration: configuration.to_string(),
            limits: limits.clone(),
            isolation,
            directories: directories.map(|directories| directories.number()),
        };
        if let Some(unit) = self.units().get(&key) {
            return Ok(unit);
        }
        let problems = violations(admitted, configuration);
        if !problems.is_empty() {
            return Err(problems);
        }
        let unit = Arc::new(Unit {
            id: self.next_unit(),
            admitted: Arc::clone(admitted),
            configuration: key.configuration.clone(),
            limits: Arc::new(limits.clone()),
            isolation,
            directories: directories.cloned(),
            stack: admitted.stack(limits),
            snapshot: Snapshot::default(),
            services: Arc::clone(&self.services),
        });
        // Try it once: a configuration that the guest refuses must never reach a request.
        Instance::create(&self.engine, &unit).map_err(|error| vec![refusal(error, limits)])?;
        self.units().insert(key, &unit);
        Ok(unit)
    }
}

fn refusal(error: CreateError, limits: &Limits) -> ConfigProblem {
    match error {
        CreateError::Refused { pointer, message } => {
            ConfigProblem { is_quoted: true, ..ConfigProblem::at(pointer, message) }
        }
        CreateError::Fault(fault) => {
            let knob = match fault.kind {
                FaultKind::Memory => format!("; its limit is `memory-bytes`, {} here", limits.memory_bytes),
                FaultKind::Fuel => format!("; its limit is `fuel`, {} here", limits.fuel),
                FaultKind::Deadline => format!("; its limit is `deadline-ms`, {} here", limits.deadline_ms),
                _ => String::new(),
            };
            // One line: the rest is a backtrace.
            let fault = fault.to_string();
            let first = fault.lines().next().unwrap_or_default();
            let message = format!("the component failed while taking its configuration: {first}{knob}");
            ConfigProblem::at(String::new(), message)
        }
    }
}

/// The member that an expression has in the configuration that components get, and its only one.
pub const EXPRESSION_MARK: &str = "$expression";

fn is_expression(value: &Value) -> bool {
    value.as_object().is_some_and(|members| members.len() == 1 && members.contains_key(EXPRESSION_MARK))
}

fn violations(admitted: &Admitted, configuration: &Value) -> Vec<ConfigProblem> {
    let mut problems = Vec::new();
    for error in admitted.schema.iter_errors(configuration) {
        violation(&error, admitted, configuration, &mut problems);
    }
    problems
}

fn violation(
    error: &ValidationError<'_>,
    admitted: &Admitted,
    configuration: &Value,
    problems: &mut Vec<ConfigProblem>,
) {
    let pointer = error.instance_path().to_string();
    let unexpected = match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => unexpected.clone(),
        // What a schema without any property says of an object.
        ValidationErrorKind::FalseSchema => {
            let members = configuration.pointer(&pointer).and_then(Value::as_object);
            members.into_iter().flat_map(|members| members.keys().cloned()).collect()
        }
        ValidationErrorKind::Enum { options } => {
            problems.push(ConfigProblem::at(pointer, format!("expected one of {options}")));
            return;
        }
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            let message = of_forms(context, error, admitted, configuration);
            problems.push(ConfigProblem::at(pointer, message));
            return;
        }
        _ => Vec::new(),
    };
    if is_expression(error.instance()) {
        let message = "an expression can't stand here: this value has to be written out".to_owned();
        problems.push(ConfigProblem::at(pointer, message));
        return;
    }
    if unexpected.is_empty() {
        // Masked: a value may come from the environment, and then it may be a secret.
        problems.push(ConfigProblem::at(pointer, error.masked().to_string()));
        return;
    }
    let known = properties_beside(error.schema_path().as_str(), &admitted.manifest.configuration);
    for property in unexpected {
        let message = format!("unknown key `{property}`");
        let unexpected = Some(property);
        problems.push(ConfigProblem {
            unexpected,
            known: known.clone(),
            ..ConfigProblem::at(pointer.clone(), message)
        });
    }
}

/// What is wrong with a value that may have several forms: what the one says that was meant, the only one that takes
/// values of this type.
fn of_forms(
    context: &[Vec<ValidationError<'_>>],
    whole: &ValidationError<'_>,
    admitted: &Admitted,
    configuration: &Value,
) -> String {
    let is_other_type = |error: &ValidationError<'_>| {
        matches!(error.kind(), ValidationErrorKind::Type { .. }) && error.instance_path() == whole.instance_path()
    };
    let mut message = "value is not valid under any of its forms".to_owned();
    let mut forms = context.iter().filter(|errors| !errors.is_empty() && !errors.iter().any(is_other_type));
    let (Some(meant), None) = (forms.next(), forms.next()) else { return message };
    let mut problems = Vec::new();
    meant.iter().for_each(|error| violation(error, admitted, configuration, &mut problems));
    let base = whole.instance_path().as_str().len();
    for (number, problem) in problems.iter().enumerate() {
        let within = problem.pointer.get(base + 1..).map(|within| format!("`{within}`: ")).unwrap_or_default();
        message.push_str(if number == 0 { "; in the nearest, " } else { ", and " });
        message.push_str(&format!("{within}{}", problem.message));
        if !problem.known.is_empty() {
            message.push_str(&format!(" (it takes {})", problem.known.join(", ")));
        }
    }
    message
}

/// The properties that a schema names beside the keyword at `path`.
fn properties_beside(path: &str, schema: &Value) -> Vec<String> {
    let object = path.rsplit_once('/').and_then(|(object, _)| schema.pointer(object));
    let properties = object.and_then(|object| object.get("properties")).and_then(Value::as_object);
    properties.into_iter().flat_map(|properties| properties.keys().cloned()).collect()
}
