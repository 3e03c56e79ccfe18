//! `wasi:random`: numbers from the system, for hash seeds and the like.

use ring::rand::{SecureRandom, SystemRandom};
use wasmtime::component::LinkerInstance;
use wasmtime::{Result, StoreContextMut};

use super::refused;
use crate::session::Session;

/// What one call gives at most: more is not a seed but a flood.
const MAX_BYTES: u64 = 64 << 10;

pub(super) fn function(linker: &mut LinkerInstance<'_, Session>, interface: &str, name: &str) -> Result<()> {
    match name {
        "get-random-bytes" | "get-insecure-random-bytes" => {
            linker.func_wrap(name, |store, (length,): (u64,)| Ok((bytes(store, length)?,)))
        }
        "get-random-u64" | "get-insecure-random-u64" => {
            linker.func_wrap(name, |mut store: StoreContextMut<'_, Session>, (): ()| Ok((number(store.data_mut())?,)))
        }
        "insecure-seed" | "get-insecure-seed" => {
            linker.func_wrap(name, |mut store: StoreContextMut<'_, Session>, (): ()| {
                Ok(((number(store.data_mut())?, number(store.data_mut())?),))
            })
        }
        _ => refused(linker, interface, name),
    }
}

fn bytes(mut store: StoreContextMut<'_, Session>, length: u64) -> Result<Vec<u8>> {
    store.data_mut().count_call()?;
    if length > MAX_BYTES {
        return Err(wasmtime::Error::msg("it asked for more than 64 KiB of random bytes at once"));
    }
    let mut bytes = vec![0; usize::try_from(length)?];
    fill(&mut bytes)?;
    Ok(bytes)
}

fn number(session: &mut Session) -> Result<u64> {
    session.count_call()?;
    let mut bytes = [0; 8];
    fill(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn fill(bytes: &mut [u8]) -> Result<()> {
    SystemRandom::new().fill(bytes).map_err(|_| wasmtime::Error::msg("the system has no random numbers"))
}
