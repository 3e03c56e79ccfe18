//! Stores, and instances in them. One store holds one instance of one unit.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tollgate_bindings::phases::lifecycle::ConfigError;
use tollgate_bindings::{RequestHandle, ResponseHandle, phases};
use tollgate_capabilities::session::{NoExchange, OverLimit, Services, Session, Turns};
use tollgate_core::fault::{Fault, FaultKind};
use tollgate_core::limits::Limits;
use wasmtime::component::{ComponentNamedList, InstancePre, Lift, Lower, Resource, TypedFunc};
use wasmtime::{Engine, FrameInfo, Store, Trap, UpdateDeadline, WasmBacktrace};

use crate::aside;
use crate::link::Unit;
use crate::load::Indices;
use crate::snapshot::Configured;
use crate::ticker;

/// What one host call may make the host copy out of a guest, beside a body.
const HOST_CALL_BYTES: usize = 1 << 20;

/// Handles of resources that a guest may hold at once: those of the request, the response, and its own.
const HANDLES: usize = 256;

/// Where a guest's frames lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stack {
    /// On the caller's stack: a plain call, which nothing can interrupt but its end. For guests that are known to be
    /// short.
    Callers,
    /// On one of its own, so that it can wait for other services, and lets others have their turn while it computes.
    Own,
}

/// A store for one instance, under these limits.
#[allow(clippy::disallowed_methods, reason = "the one place that makes stores, so that none is without limits")]
pub(crate) fn new(engine: &Engine, services: Arc<Services>, limits: Arc<Limits>, stack: Stack) -> Store<Session> {
    let host_call_bytes = HOST_CALL_BYTES + limits.body_bytes;
    let mut store = Store::new(engine, Session::new(services, limits));
    store.limiter(|session| session);
    store.set_hostcall_fuel(host_call_bytes);
    store.set_max_component_handles(HANDLES);
    match stack {
        Stack::Callers => store.epoch_deadline_trap(),
        // Called once for each tick that ends while the guest runs: time in which it waits isn't its own. Fuel would
        // make turns of another length, for there are slow instructions.
        Stack::Own => store.epoch_deadline_callback(|mut store| {
            let session = store.data_mut();
            if !session.take_time() {
                return Ok(UpdateDeadline::Interrupt);
            }
            Ok(match session.others_turn() {
                Some(turn) => {
                    aside::note_turn();
                    UpdateDeadline::YieldCustom(1, turn)
                }
                None => UpdateDeadline::Continue(1),
            })
        }),
    }
    store
}

/// An instance of a component, for whoever may block: see [`enter`].
pub(crate) fn instantiate(
    pre: &InstancePre<Session>,
    store: &mut Store<Session>,
    stack: Stack,
) -> wasmtime::Result<wasmtime::component::Instance> {
    match stack {
        Stack::Callers => pre.instantiate(store),
        Stack::Own => at_once(pre.instantiate_async(store)),
    }
}

/// Call a function, for whoever may block: where a plan is built. Nobody else has a turn meanwhile.
pub(crate) fn enter<P, R>(
    function: &TypedFunc<P, R>,
    store: &mut Store<Session>,
    parameters: P,
    stack: Stack,
) -> wasmtime::Result<R>
where
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift + 'static,
{
    match stack {
        Stack::Callers => function.call(store, parameters),
        Stack::Own => at_once(function.call_async(store, parameters)),
    }
}

/// The result of a guest that has nothing to wait for: capabilities can't be called outside of a phase, and where
/// nobody else is served there are no turns.
pub(crate) fn at_once<T>(future: impl Future<Output = wasmtime::Result<T>>) -> wasmtime::Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(wasmtime::Error::msg("it waits for something where nothing may wait")),
    }
}

/// Fill fuel and deadline up for what comes next, which may read `body_bytes`. Returns the fuel.
pub(crate) fn arm(store: &mut Store<Session>, body_bytes: usize, stack: Stack) -> wasmtime::Result<u64> {
    let limits = store.data().limits();
    let for_body = limits.fuel_per_body_byte.saturating_mul(body_bytes as u64);
    let fuel = limits.fuel.saturating_add(for_body);
    let deadline_ms = limits.deadline_ms;
    store.set_fuel(fuel)?;
    match stack {
        Stack::Callers => store.set_epoch_deadline(ticker::ticks(deadline_ms)),
        Stack::Own => {
            store.data_mut().give_time(Duration::from_millis(deadline_ms));
            store.set_epoch_deadline(1);
        }
    }
    Ok(fuel)
}

/// An instance that has taken its configuration.
pub(crate) struct Instance {
    pub(crate) store: Store<Session>,
    pub(crate) entries: Entries,
    pub(crate) made_at: Instant,
    pub(crate) calls: u32,
}

/// The verdict as a guest gives it.
pub(crate) type Given = (tollgate_bindings::policy::verdicts::Verdict,);

/// The same, where it isn't `next`: what nearly all calls end with is handed on as nothing.
pub(crate) type Decision = Option<Box<tollgate_bindings::policy::verdicts::Verdict>>;

/// See [`Decision`].
pub(crate) fn decision((given,): Given) -> Decision {
    match given {
        tollgate_bindings::policy::verdicts::Verdict::Next => None,
        other => Some(Box::new(other)),
    }
}

/// A request's handle: it carries nothing, for there is one request and one response per call.
pub(crate) type Asked = Resource<RequestHandle>;

/// A response's handle.
pub(crate) type Answered = Resource<ResponseHandle>;

/// What an instance exports.
pub(crate) struct Entries {
    pub(crate) on_request: Option<TypedFunc<(Asked,), Given>>,
    pub(crate) on_response: Option<TypedFunc<(Asked, Answered), Given>>,
    pub(crate) on_error: Option<TypedFunc<(Asked, Answered, phases::on_error::LastError), Given>>,
    pub(crate) wants_request_body: Option<TypedFunc<(Asked,), (bool,)>>,
    pub(crate) wants_response_body: Option<TypedFunc<(Asked, Answered), (bool,)>>,
}

impl Entries {
    fn of(
        instance: &wasmtime::component::Instance,
        store: &mut Store<Session>,
        indices: &Indices,
    ) -> wasmtime::Result<Entries> {
        Ok(Entries {
            on_request: indices.on_request.map(|at| instance.get_typed_func(&mut *store, at)).transpose()?,
            on_response: indices.on_response.map(|at| instance.get_typed_func(&mut *store, at)).transpose()?,
            on_error: indices.on_error.map(|at| instance.get_typed_func(&mut *store, at)).transpose()?,
            wants_request_body: indices
                .wants_request_body
                .map(|at| instance.get_typed_func(&mut *store, at))
                .transpose()?,
            wants_response_body: indices
                .wants_response_body
                .map(|at| instance.get_typed_func(&mut *store, at))
                .transpose()?,
        })
    }
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
    /// Make an instance and let it take its configuration, for whoever may block: where a plan is built.
    pub(crate) fn create(engine: &Engine, unit: &Unit) -> Result<Instance, CreateError> {
        if let Some(configured) = unit.snapshot.configured() {
            return Instance::of(engine, unit, configured);
        }
        let mut store = store_of(engine, unit)?;
        let made = (|| {
            let instance = instantiate(&unit.admitted.pre, &mut store, unit.stack)?;
            let configure = configure_of(&instance, &mut store, unit)?;
            Ok((instance, enter(&configure, &mut store, (unit.configuration.as_str(),), unit.stack)?))
        })();
        Instance::made(store, &unit.admitted.indices, made)
    }

    /// An instance that begins configured.
    pub(crate) fn of(engine: &Engine, unit: &Unit, configured: &Configured) -> Result<Instance, CreateError> {
        let mut store = store_of(engine, unit)?;
        let made = instantiate(&configured.pre, &mut store, unit.stack).map(|instance| (instance, (Ok(()),)));
        Instance::made(store, &configured.indices, made)
    }

    /// The same on a worker: others have their turns meanwhile.
    pub(crate) async fn create_waiting(
        engine: &Engine,
        unit: &Unit,
        turns: Option<Turns>,
    ) -> Result<Instance, CreateError> {
        if let Some(configured) = unit.snapshot.configured() {
            // Nothing of the guest runs.
            let mut instance = Instance::of(engine, unit, configured)?;
            instance.store.data_mut().take_turns(turns);
            return Ok(instance);
        }
        let mut store = store_of(engine, unit)?;
        store.data_mut().take_turns(turns);
        let made = async {
            let instance = unit.admitted.pre.instantiate_async(&mut store).await?;
            let configure = configure_of(&instance, &mut store, unit)?;
            Ok((instance, configure.call_async(&mut store, (unit.configuration.as_str(),)).await?))
        };
        let made = made.await;
        Instance::made(store, &unit.admitted.indices, made)
    }

    fn made(
        mut store: Store<Session>,
        indices: &Indices,
        made: wasmtime::Result<Made>,
    ) -> Result<Instance, CreateError> {
        let (instance, (configured,)) = made.map_err(|error| failed(&error, store.data()))?;
        if let Err(refused) = configured {
            return Err(CreateError::Refused { pointer: refused.pointer, message: refused.message });
        }
        let entries = Entries::of(&instance, &mut store, indices).map_err(|error| failed(&error, store.data()))?;
        Ok(Instance { store, entries, made_at: Instant::now(), calls: 0 })
    }
}

/// An instance, and what it says of its configuration.
type Made = (wasmtime::component::Instance, (Result<(), ConfigError>,));

/// The export `configure`.
pub(crate) type Configure<'c> = TypedFunc<(&'c str,), (Result<(), ConfigError>,)>;

fn configure_of<'c>(
    instance: &wasmtime::component::Instance,
    store: &mut Store<Session>,
    unit: &Unit,
) -> wasmtime::Result<Configure<'c>> {
    instance.get_typed_func(store, unit.admitted.indices.configure)
}

/// A store that is ready to take a configuration. Configurations are read like bodies, and pay like them.
fn store_of(engine: &Engine, unit: &Unit) -> Result<Store<Session>, CreateError> {
    let mut store = new(engine, Arc::clone(&unit.services), Arc::clone(&unit.limits), unit.stack);
    store.data_mut().may_read(unit.directories.as_ref());
    match arm(&mut store, unit.configuration.len(), unit.stack) {
        Ok(_) => Ok(store),
        Err(error) => Err(CreateError::Fault(Fault::new(FaultKind::Host, format!("{error:#}")))),
    }
}

fn failed(error: &wasmtime::Error, session: &Session) -> CreateError {
    CreateError::Fault(if is_pool_exhausted(error) {
        Fault::new(FaultKind::Unavailable, format!("{error:#}"))
    } else {
        fault_of(error, session)
    })
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
            None if is_over_wasmtimes_limit(&error.root_cause().to_string()) => FaultKind::HostLimit,
            None => FaultKind::Trap,
        }
    };
    let mut detail = told(error);
    let last_words = session.last_words();
    if !last_words.is_empty() {
        detail.push_str(&format!("; it said: {last_words}"));
    }
    Fault::new(kind, detail)
}

/// Wasmtime has no types for these two: lifting more from a guest than `set_hostcall_fuel` allows, and more handles than
/// `set_max_component_handles`.
fn is_over_wasmtimes_limit(cause: &str) -> bool {
    cause.contains("fuel allocated for hostcalls") || cause.contains("handle limit exceeded")
}

/// How many of a guest's functions are named when it fails.
const FRAMES: usize = 4;

/// What a Rust guest has on its stack above the function that panics.
fn is_machinery(function: &str) -> bool {
    const PARTS: [&str; 9] = [
        "__rust",
        "_rust",
        "rust_",
        "std::panicking::",
        "std::sys::",
        "core::panicking::",
        "core::option::",
        "core::result::",
        "alloc::alloc::",
    ];
    PARTS.iter().any(|part| function.starts_with(part)) || matches!(function, "abort" | "std::process::abort")
}

/// An error in one line: the cause, and where in the guest it happened, innermost first.
fn told(error: &wasmtime::Error) -> String {
    let text = match error.downcast_ref::<WasmBacktrace>() {
        None => format!("{error:#}"),
        Some(backtrace) => {
            let name = |frame: &FrameInfo| match frame.func_name() {
                Some(name) => format!("{:#}", rustc_demangle::demangle(name)),
                None => format!("function {}", frame.func_index()),
            };
            // Only of the guest's own is it news where it was.
            let mut names: Vec<String> = backtrace.frames().iter().map(name).collect();
            let machinery = names.iter().take_while(|name| is_machinery(name)).count();
            if machinery < names.len() {
                names.drain(..machinery);
            }
            names.truncate(FRAMES);
            format!("{}, in {}", error.root_cause(), names.join(" of "))
        }
    };
    // Guests name their functions.
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
