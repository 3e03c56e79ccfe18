//! `wasi:clocks` and `wasi:io/poll`: time passes, and nobody waits for it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wasmtime::component::{ComponentType, LinkerInstance, Lower, Resource};
use wasmtime::{Result, StoreContextMut};

use super::{counted, refused};
use crate::clock::monotonic_us;
use crate::session::Session;

/// `wasi:io/poll.pollable`. Its number is the millisecond of the monotonic clock from which on it is ready.
pub(super) enum Pollable {}

/// One that is ready.
pub(super) fn ready() -> Resource<Pollable> {
    Resource::new_own(0)
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(super) struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

impl Datetime {
    /// In whole milliseconds; moments before 1970 are its beginning.
    pub(super) fn of(moment: SystemTime) -> Datetime {
        let since = moment.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Datetime { seconds: since.as_secs(), nanoseconds: since.subsec_millis() * 1_000_000 }
    }
}

/// Clocks are as coarse as `tollgate:clock`: a guest can't measure others.
const RESOLUTION_NS: u64 = 1_000_000;

pub(super) fn function(linker: &mut LinkerInstance<'_, Session>, interface: &str, name: &str) -> Result<()> {
    match (interface, name) {
        ("wasi:clocks/monotonic-clock", "now") => linker.func_wrap(name, |store, (): ()| {
            counted(store)?;
            Ok((now_ms() * RESOLUTION_NS,))
        }),
        ("wasi:clocks/monotonic-clock", "resolution") => linker.func_wrap(name, |store, (): ()| {
            counted(store)?;
            Ok((RESOLUTION_NS,))
        }),
        ("wasi:clocks/monotonic-clock", "subscribe-duration") => linker
            .func_wrap(name, |store, (ns,): (u64,)| Ok((timer(store, now_ms().saturating_add(ns / RESOLUTION_NS))?,))),
        ("wasi:clocks/monotonic-clock", "subscribe-instant") => {
            linker.func_wrap(name, |store, (ns,): (u64,)| Ok((timer(store, ns / RESOLUTION_NS)?,)))
        }
        ("wasi:clocks/wall-clock", "now") => linker.func_wrap(name, |store, (): ()| {
            counted(store)?;
            Ok((Datetime::of(SystemTime::now()),))
        }),
        ("wasi:clocks/wall-clock", "resolution") => linker.func_wrap(name, |store, (): ()| {
            counted(store)?;
            Ok((Datetime { seconds: 0, nanoseconds: 1_000_000 },))
        }),
        ("wasi:io/poll", "[method]pollable.ready") => {
            linker.func_wrap(name, |store, (pollable,): (Resource<Pollable>,)| {
                counted(store)?;
                Ok((is_ready(&pollable),))
            })
        }
        ("wasi:io/poll", "[method]pollable.block") => {
            linker.func_wrap(name, |store, (pollable,): (Resource<Pollable>,)| {
                counted(store)?;
                if is_ready(&pollable) { Ok(()) } else { Err(may_not_wait()) }
            })
        }
        ("wasi:io/poll", "poll") => linker.func_wrap(name, |store, (pollables,): (Vec<Resource<Pollable>>,)| {
            counted(store)?;
            let ready: Vec<u32> = (0..).zip(&pollables).filter(|(_, one)| is_ready(one)).map(|(at, _)| at).collect();
            if ready.is_empty() { Err(may_not_wait()) } else { Ok((ready,)) }
        }),
        _ => refused(linker, interface, name),
    }
}

fn now_ms() -> u64 {
    monotonic_us() / 1000
}

fn timer(mut store: StoreContextMut<'_, Session>, due_ms: u64) -> Result<Resource<Pollable>> {
    store.data_mut().new_handle()?;
    Ok(Resource::new_own(u32::try_from(due_ms).unwrap_or(u32::MAX)))
}

fn is_ready(pollable: &Resource<Pollable>) -> bool {
    u64::from(pollable.rep()) <= now_ms()
}

fn may_not_wait() -> wasmtime::Error {
    wasmtime::Error::msg("it wanted to sleep: a policy waits for nothing but `tollgate:http-client`")
}
