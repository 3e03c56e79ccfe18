//! One engine per process, and what it refuses.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tollgate_capabilities::session::Services;
use tollgate_compiled::{CompileCache, Compiler};
use tollgate_core::limits;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, WasmFeatures};

use crate::link::Units;
use crate::snapshot::Snapshots;
use crate::ticker;

/// Guest stack. Deep recursion of a parser needs under 100 KiB; a policy that recurses without end traps here.
const STACK_BYTES: usize = 256 << 10;

/// What host functions need of a stack when a guest that may wait calls them: its stack is theirs, too.
const HOST_STACK_BYTES: usize = 256 << 10;

/// Guests that wait at once.
const STACKS: u32 = 1000;

/// Instances that exist at once, warm ones included. An instance without pages touched costs address space only.
const INSTANCES: u32 = 2000;

/// Memories of a component: its own, and perhaps one of an adapter.
pub(crate) const MAX_MEMORIES: u32 = 2;

/// Tables of a component.
pub(crate) const MAX_TABLES: u32 = 8;

/// Elements of a table.
pub(crate) const MAX_TABLE_ELEMENTS: u64 = 100_000;

/// Address space of a memory slot: 4 GiB, so that Cranelift leaves bounds checks to guard pages.
const MEMORY_RESERVATION: u64 = 4 << 30;

/// Bytes of an instance's memory that stay resident when its slot is reused: the 128 KiB of a policy's stack, which lie
/// first, and its data and heap. Resetting all of it takes less than giving the rest back and four page faults in the next
/// instance: measured for a fresh `set-header`, 51 µs of a request against 71 with 64 KiB.
///
/// Asking the kernel which pages were written (`pagemap_scan`) would be faster still, but leaves what was swapped out as it
/// is, for the next request to read.
const KEEP_RESIDENT: usize = 256 << 10;

/// The same for tables.
const TABLE_KEEP_RESIDENT: usize = 64 << 10;

/// Slots that nobody uses and that stay as they are for the next instance of the same component: 8 MiB of memory at most.
const UNUSED_SLOTS: u32 = 32;

/// Features that no policy needs: each is code that a hostile guest could lean on. Several memories are needed where a
/// component is made of two (JavaScript's are), for what passes between them.
const REFUSED: WasmFeatures = WasmFeatures::MEMORY64
    .union(WasmFeatures::THREADS)
    .union(WasmFeatures::SHARED_EVERYTHING_THREADS)
    .union(WasmFeatures::RELAXED_SIMD)
    .union(WasmFeatures::STACK_SWITCHING)
    .union(WasmFeatures::EXCEPTIONS)
    .union(WasmFeatures::GC)
    .union(WasmFeatures::FUNCTION_REFERENCES);

/// What a runtime is made with.
#[derive(Debug)]
pub struct RuntimeSettings {
    /// Where machine code is kept; none compiles every time.
    pub compile_cache: Option<PathBuf>,
    /// What compiles components that aren't built in; none compiles them in this process.
    pub compiler: Option<Compiler>,
    /// How many workers there are: each has an account of its own in every statement.
    pub workers: usize,
    /// The state that all workers share.
    pub services: Arc<Services>,
}

/// Why there is no runtime.
#[derive(Debug, thiserror::Error)]
#[error("the Wasm engine can't be made: {0}")]
pub struct RuntimeError(String);

/// The process' Wasm runtime.
pub struct Runtime {
    pub(crate) engine: Engine,
    pub(crate) compiled: CompileCache,
    pub(crate) services: Arc<Services>,
    pub(crate) workers: usize,
    pub(crate) snapshots: Snapshots,
    units: Mutex<Units>,
    next_unit: AtomicU64,
}

impl Runtime {
    /// Make the engine and start its ticker. Once per process.
    pub fn new(settings: RuntimeSettings) -> Result<Runtime, RuntimeError> {
        let engine = make_engine()?;
        ticker::start(&engine).map_err(|error| RuntimeError(error.to_string()))?;
        let compiled = match &settings.compile_cache {
            Some(folder) => CompileCache::in_folder(folder),
            None => CompileCache::none(),
        };
        let compiled = compiled.with_compiler(settings.compiler);
        let snapshots = Snapshots::start(&engine, &compiled).map_err(|error| RuntimeError(error.to_string()))?;
        Ok(Runtime {
            engine,
            compiled,
            snapshots,
            services: settings.services,
            workers: settings.workers,
            units: Mutex::default(),
            next_unit: AtomicU64::new(0),
        })
    }

    /// The state that all workers share.
    pub fn services(&self) -> &Arc<Services> {
        &self.services
    }

    pub(crate) fn units(&self) -> MutexGuard<'_, Units> {
        self.units.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn next_unit(&self) -> u64 {
        self.next_unit.fetch_add(1, Ordering::Relaxed)
    }
}

/// Compile a component and do nothing else: machine code for a [`Runtime`] of this same program.
///
/// # Errors
///
/// Why it isn't valid.
pub fn compile(wasm: &[u8]) -> Result<Vec<u8>, String> {
    // Nothing is ever instantiated in this engine, so it reserves no address space. That decides nothing about code.
    let engine = Engine::new(&config(InstanceAllocationStrategy::OnDemand)).map_err(|error| format!("{error:#}"))?;
    engine.precompile_component(wasm).map_err(|error| format!("{error:#}"))
}

/// The pooling allocator reserves address space for every slot; where a system limits that, instances are made
/// on demand, which is slower and otherwise the same.
fn make_engine() -> Result<Engine, RuntimeError> {
    let pooled = Engine::new(&config(InstanceAllocationStrategy::Pooling(pool())));
    pooled
        .or_else(|problem| {
            tracing::warn!(%problem, "no instance pool: is address space limited (`ulimit -v`)? instances are made on demand");
            Engine::new(&config(InstanceAllocationStrategy::OnDemand))
        })
        .map_err(|error| RuntimeError(format!("{error:#}")))
}

#[allow(clippy::disallowed_methods, reason = "the one place that configures an engine")]
fn config(strategy: InstanceAllocationStrategy) -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .wasm_features(REFUSED, false)
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES)
        .async_stack_size(STACK_BYTES + HOST_STACK_BYTES)
        .cranelift_opt_level(OptLevel::Speed)
        .memory_reservation(MEMORY_RESERVATION)
        .memory_init_cow(true)
        // Only debuggers and profilers read it.
        .native_unwind_info(false)
        .allocation_strategy(strategy);
    config
}

fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(INSTANCES)
        .total_core_instances(INSTANCES * 4)
        .total_memories(INSTANCES)
        .total_tables(INSTANCES * 4)
        .total_stacks(STACKS)
        .max_core_instances_per_component(tollgate_capabilities::session::MAX_CORE_INSTANCES)
        .max_memories_per_component(MAX_MEMORIES)
        .max_tables_per_component(MAX_TABLES)
        .max_memory_size(limits::MAX_MEMORY_BYTES as usize)
        .table_elements(MAX_TABLE_ELEMENTS as usize)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(TABLE_KEEP_RESIDENT)
        .max_unused_warm_slots(UNUSED_SLOTS);
    pool
}
