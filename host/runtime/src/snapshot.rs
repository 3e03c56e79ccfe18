//! Where isolation is fresh every call has an instance of its own. Having each of them take its configuration would cost
//! several times what the call does, so an instance that has taken it is written back as a component, its memory and
//! globals as they are, and that one is instantiated from then on.
//!
//! `configure` may call no capability, so what it leaves behind is the same every time. (It may call WASI, read files too, and hold
//! them open; what imports WASI is an interpreter, and gets no snapshot.) What a snapshot needs, two
//! compilations, is done on a thread of its own after a statement's first call; until then, and where a component can't be
//! written back, each instance takes the configuration itself.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use tollgate_capabilities::session::Session;
use tollgate_compiled::{CompileCache, CompileError, Maker};
use tollgate_core::limits::{Class, Limits};
use wasmtime::component::{Component, InstancePre, Lift, TypedFunc, WasmList};
use wasmtime::{Engine, Store};
use wasmtime_wizer::{ComponentInstanceState, Wizer};

use crate::link::{self, Isolation, Unit};
use crate::load::{Indices, MAX_COMPONENT_BYTES};
use crate::store::{self, Configure, Instance, Stack};

/// Snapshots that are kept at once: each is machine code of its own, some hundred kilobytes. Statements beyond that
/// are configured for each call.
const MAX_KEPT: usize = 256;

/// Reading a memory takes a page of it for the answer, twice; a component has two memories at most.
const PAGES_TO_READ: usize = 4 * (64 << 10);

/// Fuel for reading, which is a few instructions.
const FUEL_TO_READ: u64 = 1_000_000;

/// A unit's snapshot, once there is one.
#[derive(Default)]
pub(crate) struct Snapshot {
    is_asked_for: AtomicBool,
    configured: OnceLock<Configured>,
}

impl Snapshot {
    /// What instances start from, if that is configured already.
    pub(crate) fn configured(&self) -> Option<&Configured> {
        self.configured.get()
    }
}

/// A component whose instances begin as one that has taken its configuration.
pub(crate) struct Configured {
    pub(crate) pre: InstancePre<Session>,
    pub(crate) indices: Indices,
    _kept: Kept,
}

/// One of those that are [kept](MAX_KEPT).
struct Kept(Arc<AtomicUsize>);

impl Kept {
    fn one(count: &Arc<AtomicUsize>) -> Option<Kept> {
        let kept = Kept(Arc::clone(count));
        (count.fetch_add(1, Ordering::Relaxed) < MAX_KEPT).then_some(kept)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The thread that makes snapshots, and how it is asked.
pub(crate) struct Snapshots {
    units: SyncSender<Weak<Unit>>,
}

impl Snapshots {
    /// Start the thread. It ends with its runtime.
    pub(crate) fn start(engine: &Engine, compiled: &CompileCache) -> io::Result<Snapshots> {
        let (sender, units) = sync_channel(MAX_KEPT);
        let photographer =
            Photographer { engine: engine.clone(), compiled: compiled.clone(), kept: Arc::new(AtomicUsize::new(0)) };
        std::thread::Builder::new().name("snapshots".into()).spawn(move || photographer.serve(&units))?;
        Ok(Snapshots { units: sender })
    }

    /// An instance of this unit has taken its configuration: the next ones shall not have to.
    pub(crate) fn ask(&self, unit: &Arc<Unit>) {
        if unit.isolation == Isolation::Warm || unit.snapshot.is_asked_for.swap(true, Ordering::Relaxed) {
            return;
        }
        // If there is no room it stays as it is, which is slower and otherwise the same.
        if self.units.try_send(Arc::downgrade(unit)).is_err() {
            tracing::debug!(policy = unit.admitted.name, "too many snapshots are asked for");
        }
    }
}

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
enum NoSnapshot {
    #[error("{MAX_KEPT} statements have one already")]
    TooMany,
    #[error("it brings an interpreter along")]
    Interpreter,
    #[error("it would have {0} bytes")]
    TooLarge(usize),
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error("{0}")]
    Other(String),
}

impl From<wasmtime::Error> for NoSnapshot {
    fn from(error: wasmtime::Error) -> NoSnapshot {
        NoSnapshot::Other(format!("{error:#}"))
    }
}

struct Photographer {
    engine: Engine,
    compiled: CompileCache,
    kept: Arc<AtomicUsize>,
}

impl Photographer {
    fn serve(&self, units: &Receiver<Weak<Unit>>) {
        for unit in units {
            // A plan may have been replaced meanwhile.
            if let Some(unit) = unit.upgrade() {
                self.take(&unit);
            }
        }
    }

    fn take(&self, unit: &Unit) {
        let began = Instant::now();
        let policy = &unit.admitted.name;
        // What reads and writes components is told nothing but valid ones, and may still have bugs.
        match catch_unwind(AssertUnwindSafe(|| self.configured(unit))) {
            Ok(Ok(configured)) => {
                let _ = unit.snapshot.configured.set(configured);
                let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                tracing::debug!(policy, took_ms, "fresh instances of a statement start configured from now on");
            }
            Ok(Err(problem)) => {
                tracing::info!(policy, %problem, "fresh instances of a statement take their configuration for each call: no snapshot");
            }
            Err(_) => tracing::warn!(policy, "making a snapshot of a configured instance panicked"),
        }
    }

    fn configured(&self, unit: &Unit) -> Result<Configured, NoSnapshot> {
        if unit.admitted.class() == Class::Interpreter {
            return Err(NoSnapshot::Interpreter);
        }
        let kept = Kept::one(&self.kept).ok_or(NoSnapshot::TooMany)?;
        let wasm = self.snapshot(unit)?;
        if wasm.len() > MAX_COMPONENT_BYTES {
            return Err(NoSnapshot::TooLarge(wasm.len()));
        }
        let component = self.compiled.secret_component(&self.engine, &wasm)?;
        let (pre, indices) = self.linked(unit, &component)?;
        let configured = Configured { pre, indices, _kept: kept };
        // Under the unit's own limits, which were wider for the one that was read.
        Instance::of(&self.engine, unit, &configured).map_err(|error| NoSnapshot::Other(format!("{error:?}")))?;
        Ok(configured)
    }

    /// The component that begins as an instance of the unit is now.
    fn snapshot(&self, unit: &Unit) -> Result<Vec<u8>, NoSnapshot> {
        let mut wizer = Wizer::new();
        wizer.keep_init_func(true);
        let (context, readable) = wizer.instrument_component(&unit.admitted.wasm)?;
        // Built in or not: what compiling takes shall not stay with the process that serves.
        let component = self.compiled.component(&self.engine, &readable, Maker::Somebody)?;
        let (pre, indices) = self.linked(unit, &component)?;
        let memory_bytes = unit.limits.memory_bytes.saturating_add(PAGES_TO_READ);
        let limits = Arc::new(Limits { memory_bytes, ..Limits::clone(&unit.limits) });
        let stack = Stack::Callers;
        let mut store = store::new(&self.engine, Arc::clone(&unit.services), limits, stack);
        store.set_hostcall_fuel(usize::MAX);
        store::arm(&mut store, unit.configuration.len(), stack)?;
        let instance = store::instantiate(&pre, &mut store, stack)?;
        let configure: Configure<'_> = instance.get_typed_func(&mut store, indices.configure)?;
        let (configured,) = store::enter(&configure, &mut store, (unit.configuration.as_str(),), stack)?;
        configured.map_err(|refused| NoSnapshot::Other(refused.message))?;
        let mut state = State { store, instance, failed: None };
        let wasm = store::at_once(wizer.snapshot_component(&context, &mut state))?;
        match state.failed {
            None => Ok(wasm),
            Some(error) => Err(error.into()),
        }
    }

    fn linked(&self, unit: &Unit, component: &Component) -> wasmtime::Result<(InstancePre<Session>, Indices)> {
        let pre = link::linker(&self.engine, unit.admitted.capabilities())?.instantiate_pre(component)?;
        let indices = Indices::of(&pre, &unit.admitted.surface)?;
        Ok((pre, indices))
    }
}

/// An instance that can be read through the functions that wizer has given it.
struct State {
    store: Store<Session>,
    instance: wasmtime::component::Instance,
    /// The first thing that couldn't be read. Wizer goes on, and what it makes is thrown away.
    failed: Option<wasmtime::Error>,
}

impl State {
    fn read<R: Lift + 'static>(&mut self, interface: &str, function: &str) -> Option<R> {
        match self.try_read(interface, function) {
            Ok(value) => Some(value),
            Err(error) => {
                self.failed.get_or_insert(error);
                None
            }
        }
    }

    fn try_read<R: Lift + 'static>(&mut self, interface: &str, function: &str) -> wasmtime::Result<R> {
        let none = || wasmtime::Error::msg("there is nothing to read");
        let (_, interface) = self.instance.get_export(&mut self.store, None, interface).ok_or_else(none)?;
        let (_, function) = self.instance.get_export(&mut self.store, Some(&interface), function).ok_or_else(none)?;
        let function: TypedFunc<(), (R,)> = self.instance.get_typed_func(&mut self.store, function)?;
        store::arm(&mut self.store, 0, Stack::Callers)?;
        self.store.set_fuel(FUEL_TO_READ)?;
        function.call(&mut self.store, ()).map(|(value,)| value)
    }
}

impl ComponentInstanceState for State {
    async fn call_func_ret_list_u8(&mut self, instance: &str, func: &str, contents: impl FnOnce(&[u8]) + Send) {
        match self.read::<WasmList<u8>>(instance, func) {
            Some(list) => contents(list.as_le_slice(&self.store)),
            None => contents(&[]),
        }
    }

    async fn call_func_ret_s32(&mut self, instance: &str, func: &str) -> i32 {
        self.read(instance, func).unwrap_or_default()
    }

    async fn call_func_ret_s64(&mut self, instance: &str, func: &str) -> i64 {
        self.read(instance, func).unwrap_or_default()
    }

    async fn call_func_ret_f32(&mut self, instance: &str, func: &str) -> u32 {
        self.read::<f32>(instance, func).map_or(0, f32::to_bits)
    }

    async fn call_func_ret_f64(&mut self, instance: &str, func: &str) -> u64 {
        self.read::<f64>(instance, func).map_or(0, f64::to_bits)
    }
}
