//! Bytes become an admitted component: digest, machine code, surface, grants, manifest.

use std::sync::Arc;

use bytes::Bytes;
use jsonschema::Validator;
use tollgate_capabilities::session::Session;
use tollgate_capabilities::wasi;
use tollgate_compiled::{CompileError, Maker};
use tollgate_core::fault::Fault;
use tollgate_core::grants::{Capability, Grants};
use tollgate_core::limits::{self, Class, Limits};
use tollgate_core::manifest::{BodyNeed, Manifest, ManifestError};
use tollgate_core::place::Phase;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, TypedFunc};

use crate::binary::Binary;
use crate::engine::{MAX_MEMORIES, MAX_TABLE_ELEMENTS, MAX_TABLES, Runtime};
use crate::link;
use crate::store::{self, Stack, fault_of};
use crate::surface::Surface;

/// The largest component that is taken: interpreted languages make up to 20 MB.
pub(crate) const MAX_COMPONENT_BYTES: usize = 64 << 20;

/// A component as an operator names it.
#[derive(Clone, Debug)]
pub struct ComponentSource<'a> {
    /// The statement's name.
    pub name: &'a str,
    /// The `.wasm` itself.
    pub bytes: Binary,
    /// The digest that the operator expects, as 64 lower-case hexadecimal digits.
    pub digest: Option<&'a str>,
    /// What the operator grants.
    pub grants: Grants,
    /// Part of the gateway.
    pub built_in: bool,
}

/// Why a component was refused: one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No WebAssembly at all.
    #[error("this is no WebAssembly component: it doesn't begin with the WebAssembly magic number")]
    NotWasm,
    /// A core module.
    #[error("this is a core WebAssembly module and not a component; make it one with `wasm-tools component new`")]
    CoreModule,
    /// Over the size limit.
    #[error("the component has {bytes} bytes; at most {MAX_COMPONENT_BYTES} are loaded")]
    TooLarge {
        /// Its size.
        bytes: u64,
    },
    /// Its file was there, and can't be read any more.
    #[error("the component can't be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// Another digest.
    #[error("the component's digest is sha256:{found}, but the configuration expects sha256:{expected}")]
    OtherDigest {
        /// What it is.
        found: String,
        /// What the operator wrote.
        expected: String,
    },
    /// Not valid, or too much to compile.
    #[error(transparent)]
    Compile(CompileError),
    /// For another version of the contract.
    #[error(
        "the component was built for another contract: it names `{interface}`, and this gateway speaks tollgate 0.1; \
         rebuild it with an SDK of that version"
    )]
    OtherContract {
        /// The import or export.
        interface: String,
    },
    /// No `lifecycle`.
    #[error(
        "the component doesn't export `tollgate:policy/lifecycle@0.1.0`, so it is no policy; `tollgate policy new` makes one"
    )]
    NoLifecycle,
    /// No phase.
    #[error(
        "the component exports no phase; it must export at least one of `tollgate:policy/on-request`, \
         `on-response` and `on-error`; name it below `phases` in its policy.yaml and run `tollgate policy build`"
    )]
    NoPhase,
    /// An import that needs a grant.
    #[error(
        "the component imports `{}`, which isn't granted; to grant it, write `grants: {{ {capability}: true }}` \
         under `components: {component}:`", capability.interface()
    )]
    NotGranted {
        /// The component's name.
        component: String,
        /// What it asks for.
        capability: Capability,
    },
    /// WASI that isn't offered.
    #[error(
        "the component imports `{import}`, which isn't offered: of WASI there are cli, io, clocks, random, filesystem and \
         sockets of 0.2, and they are empty; build it with `tollgate policy build`, or leave out what needs it"
    )]
    Wasi {
        /// The import.
        import: String,
    },
    /// A component for HTTP servers.
    #[error(
        "the component exports `{interface}`: it is an HTTP server or middleware and no policy, for a policy exports \
         `tollgate:policy/lifecycle@0.1.0`; serve it with a WASI HTTP host and name that as a backend, or make a policy of it \
         with `tollgate policy new`"
    )]
    Proxy {
        /// The export.
        interface: String,
    },
    /// More than a pool class takes.
    #[error(
        "the component begins with {found} {what}, and a component may begin with {offered}; make it smaller, for it can't \
         be run"
    )]
    OverPool {
        /// Of what there is too much.
        what: &'static str,
        /// How much it needs.
        found: u64,
        /// How much there may be.
        offered: u64,
    },
    /// An import that nobody offers.
    #[error(
        "the component imports `{import}`, which this gateway doesn't offer; it offers the packages policy, limiter, \
         cache, metrics, log, clock, expression, http-client, backend, crypto and events of tollgate 0.1; rebuild it without what \
         needs that"
    )]
    UnknownImport {
        /// The import.
        import: String,
    },
    /// Imports or exports that don't have the contract's types.
    #[error("the component doesn't fit the contract: {0}")]
    Mismatch(String),
    /// `describe` failed.
    #[error("the component failed in `describe`: {0}")]
    Describe(Fault),
    /// A bad manifest.
    #[error("{0}")]
    Manifest(#[from] ManifestError),
    /// A bad schema in the manifest.
    #[error("the manifest's `configuration` is no JSON Schema: {0}")]
    Schema(String),
}

/// Wasmtime looks at memories while it compiles, before `fits_pool` can. What it says of them is said here as of all else; in
/// other words than it has today it comes through as it is.
impl From<CompileError> for LoadError {
    fn from(error: CompileError) -> LoadError {
        let begins_with = match &error {
            CompileError::Invalid(said) => said.split_once("memory has a minimum byte size of "),
            _ => None,
        };
        let bytes = begins_with.and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
        match bytes {
            Some(found) => LoadError::OverPool { what: "bytes of memory", found, offered: limits::MAX_MEMORY_BYTES },
            None => LoadError::Compile(error),
        }
    }
}

/// A component whose digest, contract, imports and manifest have been checked. Only such a one can be linked.
pub struct Admitted {
    /// The statement's name in documents.
    pub name: String,
    /// sha256, as lower-case hexadecimal digits.
    pub digest: String,
    /// Size of the `.wasm`.
    pub bytes: u64,
    /// What it says of itself.
    pub manifest: Manifest,
    /// Part of the gateway.
    pub built_in: bool,
    pub(crate) pre: InstancePre<Session>,
    pub(crate) indices: Indices,
    pub(crate) schema: Validator,
    pub(crate) surface: Surface,
    /// The `.wasm`, for snapshots.
    pub(crate) wasm: Bytes,
}

/// Where the exports lie.
pub(crate) struct Indices {
    pub(crate) describe: ComponentExportIndex,
    pub(crate) configure: ComponentExportIndex,
    pub(crate) on_request: Option<ComponentExportIndex>,
    pub(crate) on_response: Option<ComponentExportIndex>,
    pub(crate) on_error: Option<ComponentExportIndex>,
    pub(crate) wants_request_body: Option<ComponentExportIndex>,
    pub(crate) wants_response_body: Option<ComponentExportIndex>,
}

impl Indices {
    pub(crate) fn of(pre: &InstancePre<Session>, surface: &Surface) -> wasmtime::Result<Indices> {
        // Any 0.1.x answers to this version.
        let function = |interface: &str, function: &str| {
            let component = pre.component();
            let (_, instance) = component
                .get_export(None, format!("tollgate:policy/{interface}@0.1.0"))
                .ok_or_else(|| wasmtime::Error::msg(format!("there is no export `{interface}`")))?;
            let (_, index) = component
                .get_export(Some(&instance), function)
                .ok_or_else(|| wasmtime::Error::msg(format!("`{interface}` doesn't export `{function}`")))?;
            Ok::<_, wasmtime::Error>(index)
        };
        let phase =
            |phase: Phase| surface.phases.contains(&phase).then(|| function(phase.name(), phase.name())).transpose();
        let gate = |name| surface.has_body_gate.then(|| function("body-gate", name)).transpose();
        Ok(Indices {
            describe: function("lifecycle", "describe")?,
            configure: function("lifecycle", "configure")?,
            on_request: phase(Phase::OnRequest)?,
            on_response: phase(Phase::OnResponse)?,
            on_error: phase(Phase::OnError)?,
            wants_request_body: gate("wants-request-body")?,
            wants_response_body: gate("wants-response-body")?,
        })
    }
}

impl Admitted {
    /// Does the component take part in this phase?
    pub fn has(&self, phase: Phase) -> bool {
        self.surface.phases.contains(&phase)
    }

    /// The phases it takes part in.
    pub fn phases(&self) -> &[Phase] {
        &self.surface.phases
    }

    /// The capabilities it imports.
    pub fn capabilities(&self) -> &[Capability] {
        &self.surface.capabilities
    }

    /// Everything it imports, with versions.
    pub fn imports(&self) -> &[String] {
        &self.surface.imports
    }

    /// Where its frames lie under these limits. Only what is known to be short runs on its caller's stack: a built-in
    /// that reads no body, calls nobody, and hasn't been given more fuel than usual. Anything else could hold its
    /// worker, with all the requests of that, for as long as its fuel lasts.
    pub(crate) fn stack(&self, limits: &Limits) -> Stack {
        let reads_bodies = Phase::ALL.into_iter().any(|phase| self.manifest.body(phase) != BodyNeed::None);
        let waits = self.surface.capabilities.contains(&Capability::HttpClient);
        match self.built_in && !waits && !reads_bodies && limits.fuel <= limits::FUEL {
            true => Stack::Callers,
            false => Stack::Own,
        }
    }

    /// Its pool class, which decides about the limits that nobody has written down.
    pub fn class(&self) -> Class {
        self.surface.class
    }

    /// Does it decide about bodies for itself?
    pub fn has_body_gate(&self) -> bool {
        self.surface.has_body_gate
    }
}

/// What the first eight bytes say: magic number, version, and the layer that tells components from modules.
fn check_preamble(bytes: &[u8]) -> Result<(), LoadError> {
    match bytes {
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', _, _, 0, 0, ..] => Err(LoadError::CoreModule),
        _ => Err(LoadError::NotWasm),
    }
}

impl Runtime {
    /// Admit a component: everything that can be known about it without a configuration.
    pub fn admit(&self, source: &ComponentSource<'_>) -> Result<Arc<Admitted>, LoadError> {
        check_preamble(source.bytes.preamble())?;
        if source.bytes.length() > MAX_COMPONENT_BYTES as u64 {
            return Err(LoadError::TooLarge { bytes: source.bytes.length() });
        }
        let digest: String = source.bytes.digest().iter().map(|byte| format!("{byte:02x}")).collect();
        if let Some(expected) = source.digest.filter(|expected| *expected != digest) {
            return Err(LoadError::OtherDigest { found: digest, expected: expected.into() });
        }
        let maker = if source.built_in { Maker::Ourselves } else { Maker::Somebody };
        let read = || source.bytes.bytes().map_err(LoadError::from);
        let component = self.compiled.component_of(&self.engine, source.bytes.digest(), read, maker)?;
        let surface = Surface::of(&self.engine, &component)?;
        surface.check_grants(source.name, source.grants)?;
        fits_pool(&component)?;
        let mut linker = link::linker(&self.engine, &surface.capabilities).map_err(mismatch)?;
        if surface.imports_wasi {
            wasi::add_to_linker(&mut linker, &self.engine, &component).map_err(mismatch)?;
        }
        let pre = linker.instantiate_pre(&component).map_err(mismatch)?;
        let indices = Indices::of(&pre, &surface).map_err(mismatch)?;
        let manifest = Manifest::parse(&self.describe(&pre, &indices, surface.class)?)?;
        let schema = jsonschema::draft202012::new(&manifest.configuration)
            .map_err(|error| LoadError::Schema(error.to_string()))?;
        Ok(Arc::new(Admitted {
            name: source.name.into(),
            digest,
            bytes: source.bytes.length(),
            manifest,
            built_in: source.built_in,
            pre,
            indices,
            schema,
            // Interpreters have tens of megabytes, and are too large for snapshots.
            wasm: match surface.class {
                Class::Compact => source.bytes.bytes()?,
                Class::Interpreter => Bytes::new(),
            },
            surface,
        }))
    }

    /// Nobody calls these components for now: memory that trying them took is the system's again. What is called takes it
    /// anew, a page at a time.
    pub fn rest(&self, components: &[Arc<Admitted>]) {
        self.compiled.rest(components.iter().map(|admitted| admitted.pre.component()));
    }

    fn describe(&self, pre: &InstancePre<Session>, indices: &Indices, class: Class) -> Result<String, LoadError> {
        // Nothing is known of it yet.
        let stack = Stack::Own;
        let limits = Arc::new(Limits::of(class));
        let mut store = store::new(&self.engine, Arc::clone(&self.services), limits, stack);
        let described = (|| {
            store::arm(&mut store, 0, stack)?;
            let instance = store::instantiate(pre, &mut store, stack)?;
            let describe: TypedFunc<(), (String,)> = instance.get_typed_func(&mut store, indices.describe)?;
            store::enter(&describe, &mut store, (), stack).map(|(manifest,)| manifest)
        })();
        described.map_err(|error| LoadError::Describe(fault_of(&error, store.data())))
    }
}

/// What the pool has no room for could never be instantiated.
fn fits_pool(component: &Component) -> Result<(), LoadError> {
    // A component that needs components from outside says nothing of itself; it has been refused by its imports.
    let Some(required) = component.resources_required() else { return Ok(()) };
    let bytes = required.max_initial_memory_size.unwrap_or(0).saturating_mul(64 << 10);
    for (what, found, offered) in [
        ("bytes of memory", bytes, limits::MAX_MEMORY_BYTES),
        ("memories", required.num_memories.into(), MAX_MEMORIES.into()),
        ("tables", required.num_tables.into(), MAX_TABLES.into()),
        ("elements in a table", required.max_initial_table_size.unwrap_or(0), MAX_TABLE_ELEMENTS),
    ] {
        if found > offered {
            return Err(LoadError::OverPool { what, found, offered });
        }
    }
    Ok(())
}

fn mismatch(error: wasmtime::Error) -> LoadError {
    LoadError::Mismatch(format!("{error:#}"))
}
