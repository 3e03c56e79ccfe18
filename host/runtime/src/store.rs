//! Stores, and instances in them. One store holds one instance of one unit.

use std::sync::Arc;
use std::time::Instant;

use tollgate_bindings::phases;
use tollgate_capabilities::session::{NoExchange, OverLimit, Services, Session};
use tollgate_core::fault::{Fault, FaultKind};
use tollgate_core::limits::Limits;
use wasmtime::{Engine, FrameInfo, Store, Trap, WasmBacktrace};

use crate::link::Unit;
use crate::ticker;

/// What one host call may make the host copy out of a guest, beside a body.
const HOST_CALL_BYTES: usize = 1 << 20;

/// A store for one instance, under these limits.
#[allow(clippy::disallowed_methods, reason = "the one place that makes stores, so that none is without limits")]
pub(crate) fn new(engine: &Engine, services: Arc<Services>, limits: Arc<Limits>) -> Store<Session> {
    let host_call_bytes = HOST_CALL_BYTES + limits.body_bytes;
    let mut store = Store::new(engine, Session::new(services, limits));
    store.limiter(|session| session);
    store.set_hostcall_fuel(host_call_bytes);
    store.epoch_deadline_trap();
    store
}

/// Fill fuel and deadline up for what comes next, which may read `body_bytes`. Returns the fuel.
pub(crate) fn arm(store: &mut Store<Session>, body_bytes: usize) -> wasmtime::Result<u64> {
    let limits = Arc::clone(store.data().limits());
    let for_body = limits.fuel_per_body_byte.saturating_mul(body_bytes as u64);
    let fuel = limits.fuel.saturating_add(for_body);
    store.set_fuel(fuel)?;
    store.set_epoch_deadline(ticker::ticks(limits.deadline_ms));
    Ok(fuel)
}

/// An instance that has taken its configuration.
pub(crate) struct Instance {
    pub(crate) store: Store<Session>,
    pub(crate) on_request: Option<phases::on_request::Guest>,
    pub(crate) on_response: Option<phases::on_response::Guest>,
    pub(crate) on_error: Option<phases::on_error::Guest>,
    pub(crate) body_gate: Option<phases::body_gate::Guest>,
    pub(crate) made_at: Instant,
    pub(crate) calls: u32,
}

/// Why there is no instance.
#[derive(Debug)]
pub(crate) enum CreateError {
    /// The guest refused its configuration.
    Refused {
        /// JSON Pointer.
        pointer: String,
        /// The guest's words.
        message: String,
    },
    /// Something failed.
    Fault(Fault),
}

impl Instance {
    /// Make an instance and let it take its configuration.
    pub(crate) fn create(engine: &Engine, unit: &Unit) -> Result<Instance, CreateError> {
        let mut store = new(engine, Arc::clone(&unit.services), Arc::clone(&unit.limits));
        let failed = |error: wasmtime::Error, store: &Store<Session>| {
            CreateError::Fault(if is_pool_exhausted(&error) {
                Fault::new(FaultKind::Unavailable, format!("{error:#}"))
            } else {
                fault_of(&error, store.data())
            })
        };
        let made = (|| {
            // Configurations are read like bodies, and pay like them.
            arm(&mut store, unit.configuration.len())?;
            let instance = unit.admitted.pre.instantiate(&mut store)?;
            let indices = &unit.admitted.indices;
            let lifecycle = indices.lifecycle.load(&mut store, &instance)?;
            let configured = lifecycle.call_configure(&mut store, &unit.configuration)?;
            Ok((instance, configured))
        })();
        let (instance, configured) = made.map_err(|error| failed(error, &store))?;
        if let Err(refused) = configured {
            return Err(CreateError::Refused { pointer: refused.pointer, message: refused.message });
        }
        let indices = &unit.admitted.indices;
        let loaded = (|| {
            Ok((
                indices.on_request.as_ref().map(|i| i.load(&mut store, &instance)).transpose()?,
                indices.on_response.as_ref().map(|i| i.load(&mut store, &instance)).transpose()?,
                indices.on_error.as_ref().map(|i| i.load(&mut store, &instance)).transpose()?,
                indices.body_gate.as_ref().map(|i| i.load(&mut store, &instance)).transpose()?,
            ))
        })();
        let (on_request, on_response, on_error, body_gate) = loaded.map_err(|error| failed(error, &store))?;
        Ok(Instance { store, on_request, on_response, on_error, body_gate, made_at: Instant::now(), calls: 0 })
    }
}

fn is_pool_exhausted(error: &wasmtime::Error) -> bool {
    error.downcast_ref::<wasmtime::PoolConcurrencyLimitError>().is_some()
}

/// What kind of failure an error is.
pub(crate) fn fault_of(error: &wasmtime::Error, session: &Session) -> Fault {
    let kind = if error.is::<OverLimit>() {
        FaultKind::HostLimit
    } else if error.is::<NoExchange>() {
        FaultKind::Trap
    } else {
        match error.downcast_ref::<Trap>() {
            Some(Trap::OutOfFuel) => FaultKind::Fuel,
            Some(Trap::Interrupt) => FaultKind::Deadline,
            Some(Trap::StackOverflow) => FaultKind::Stack,
            // A guest that is refused memory usually traps on purpose right after.
            Some(_) if session.memory_was_refused() => FaultKind::Memory,
            Some(_) => FaultKind::Trap,
            None if session.memory_was_refused() => FaultKind::Memory,
            // Wasmtime has no type for this one: lifting more from a guest than `set_hostcall_fuel` allows.
            None if error.root_cause().to_string().contains("fuel allocated for hostcalls") => FaultKind::HostLimit,
            None => FaultKind::Trap,
        }
    };
    Fault::new(kind, told(error))
}

/// How many of a guest's functions are named when it fails.
const FRAMES: usize = 4;

/// An error in one line: the cause, and where in the guest it happened, innermost first.
fn told(error: &wasmtime::Error) -> String {
    let text = match error.downcast_ref::<WasmBacktrace>() {
        None => format!("{error:#}"),
        Some(backtrace) => {
            let name = |frame: &FrameInfo| match frame.func_name() {
                Some(name) => name.to_owned(),
                None => format!("function {}", frame.func_index()),
            };
            let names: Vec<String> = backtrace.frames().iter().take(FRAMES).map(name).collect();
            format!("{}, in {}", error.root_cause(), names.join(" of "))
        }
    };
    // Guests name their functions.
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
