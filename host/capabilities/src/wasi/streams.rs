//! `wasi:cli` and `wasi:io/streams`: stdin is at its end, stdout and stderr are lines of the statement's log. What else is
//! read is a file.

use tollgate_bindings::log::log::Level;
use wasmtime::component::{ComponentType, LinkerInstance, Lower, Resource};
use wasmtime::{Result, StoreContextMut};

use super::clocks::{self, Pollable};
use super::filesystem::{ReadError, STDIN};
use super::{counted, refused};
use crate::session::Session;

/// `wasi:io/error.error`: a file couldn't be read. There is nothing to say beyond that.
pub(super) enum IoError {}

/// `wasi:io/streams.input-stream`: stdin, which is at its end, or a file, by its number.
pub(super) enum InputStream {}

/// `wasi:io/streams.output-stream`: stdout or stderr, by its number.
pub(super) enum OutputStream {}

/// A terminal. There is none.
pub(super) enum Terminal {}

const STDOUT: u32 = 0;
const STDERR: u32 = 1;

/// What a guest may write at once; it asks before it writes.
const MAX_WRITE: u64 = 4096;

/// A line that is longer is cut into several.
const MAX_LINE: usize = 4096;

/// What is kept of stderr to tell why a call failed.
const MAX_LAST_WORDS: usize = 1024;

/// What runtimes that are made with Rust say last: of a variable that no policy has.
const BACKTRACE_NOTE: &str = "note: run with `RUST_BACKTRACE=1`";

#[derive(ComponentType, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    LastOperationFailed(Resource<IoError>),
    #[component(name = "closed")]
    Closed,
}

type Written<T> = Result<(std::result::Result<T, StreamError>,)>;

pub(super) fn function(linker: &mut LinkerInstance<'_, Session>, interface: &str, name: &str) -> Result<()> {
    let Some((resource, method)) = name.strip_prefix("[method]").and_then(|name| name.split_once('.')) else {
        return free_function(linker, interface, name);
    };
    match (resource, method) {
        ("input-stream", "read" | "blocking-read") => linker
            .func_wrap(name, |store, (from, length): (Resource<InputStream>, u64)| -> Written<Vec<u8>> {
                read(store, &from, length)
            }),
        ("input-stream", "skip" | "blocking-skip") => {
            linker.func_wrap(name, |store, (from, length): (Resource<InputStream>, u64)| -> Written<u64> {
                let (read,) = read(store, &from, length)?;
                Ok((read.map(|bytes| bytes.len() as u64),))
            })
        }
        ("error", "to-debug-string") => linker.func_wrap(name, |store, _: (Resource<IoError>,)| {
            counted(store)?;
            Ok(("the file can't be read".to_owned(),))
        }),
        ("input-stream", "subscribe") => linker.func_wrap(name, |store, _: (Resource<InputStream>,)| pollable(store)),
        ("output-stream", "subscribe") => linker.func_wrap(name, |store, _: (Resource<OutputStream>,)| pollable(store)),
        ("output-stream", "check-write") => {
            linker.func_wrap(name, |store, _: (Resource<OutputStream>,)| -> Written<u64> {
                counted(store)?;
                Ok((Ok(MAX_WRITE),))
            })
        }
        ("output-stream", "write" | "blocking-write-and-flush") => linker.func_wrap(
            name,
            |mut store: StoreContextMut<'_, Session>, (to, bytes): (Resource<OutputStream>, Vec<u8>)| -> Written<()> {
                store.data_mut().count_call()?;
                store.data_mut().take_output(to.rep(), &bytes)?;
                Ok((Ok(()),))
            },
        ),
        ("output-stream", "flush" | "blocking-flush") => {
            linker.func_wrap(name, |store, _: (Resource<OutputStream>,)| -> Written<()> {
                counted(store)?;
                Ok((Ok(()),))
            })
        }
        _ => refused(linker, interface, name),
    }
}

/// At most so many bytes of stdin, which has none, or of a file.
fn read(mut store: StoreContextMut<'_, Session>, from: &Resource<InputStream>, length: u64) -> Written<Vec<u8>> {
    store.data_mut().count_call()?;
    let read = store.data_mut().read_on(from.rep(), length)?;
    Ok((match read {
        Ok(bytes) => Ok(bytes),
        Err(ReadError::AtEnd) => Err(StreamError::Closed),
        Err(ReadError::Broken) => {
            store.data_mut().new_handle()?;
            Err(StreamError::LastOperationFailed(Resource::new_own(0)))
        }
    },))
}

fn free_function(linker: &mut LinkerInstance<'_, Session>, interface: &str, name: &str) -> Result<()> {
    let output = |linker: &mut LinkerInstance<'_, Session>, number: u32| {
        linker.func_wrap(name, move |mut store: StoreContextMut<'_, Session>, (): ()| {
            store.data_mut().new_handle()?;
            Ok((Resource::<OutputStream>::new_own(number),))
        })
    };
    match name {
        "get-stdin" => linker.func_wrap(name, |mut store: StoreContextMut<'_, Session>, (): ()| {
            store.data_mut().new_handle()?;
            Ok((Resource::<InputStream>::new_own(STDIN),))
        }),
        "get-stdout" => output(linker, STDOUT),
        "get-stderr" => output(linker, STDERR),
        "get-terminal-stdin" | "get-terminal-stdout" | "get-terminal-stderr" => {
            linker.func_wrap(name, |store, (): ()| {
                counted(store)?;
                Ok((None::<Resource<Terminal>>,))
            })
        }
        _ => refused(linker, interface, name),
    }
}

fn pollable(mut store: StoreContextMut<'_, Session>) -> Result<(Resource<Pollable>,)> {
    store.data_mut().new_handle()?;
    Ok((clocks::ready(),))
}

/// What a guest has written and what isn't a whole line yet.
#[derive(Debug, Default)]
pub(crate) struct GuestOutput {
    unfinished: [Vec<u8>; 2],
    last_words: String,
}

impl GuestOutput {
    /// Begin a call: what was said before it is forgotten.
    pub(crate) fn begin(&mut self) {
        self.last_words.clear();
        self.unfinished.iter_mut().for_each(Vec::clear);
    }

    /// The end of what came through stderr or was logged as an error, at most 1 KiB.
    pub(super) fn last_words(&self) -> &str {
        &self.last_words
    }

    pub(crate) fn remember(&mut self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        if !self.last_words.is_empty() {
            self.last_words.push_str(" / ");
        }
        self.last_words.push_str(line.trim());
        let excess = self.last_words.len().saturating_sub(MAX_LAST_WORDS);
        let cut = (excess..self.last_words.len()).find(|at| self.last_words.is_char_boundary(*at)).unwrap_or(0);
        self.last_words.drain(..cut);
    }
}

impl Session {
    fn take_output(&mut self, to: u32, bytes: &[u8]) -> Result<()> {
        let stream = usize::from(to == STDERR);
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let unfinished = &mut self.output.get_or_insert_default().unfinished[stream];
            unfinished.extend_from_slice(part);
            if part.ends_with(b"\n") || unfinished.len() >= MAX_LINE {
                self.say_line(stream)?;
            }
        }
        Ok(())
    }

    /// A call is over: lines without an end are lines, too.
    pub(crate) fn flush_output(&mut self) {
        for stream in 0..2 {
            if self.output.as_ref().is_some_and(|output| !output.unfinished[stream].is_empty()) {
                // It can only fail where there is no call, and nothing is to be said there.
                let _ = self.say_line(stream);
            }
        }
    }

    fn say_line(&mut self, stream: usize) -> Result<()> {
        let Some(output) = self.output.as_deref_mut() else { return Ok(()) };
        let line = std::mem::take(&mut output.unfinished[stream]);
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if line.starts_with(BACKTRACE_NOTE) {
            return Ok(());
        }
        if stream == STDERR as usize {
            output.remember(&line);
        }
        // Outside of a call there is no statement yet whose line it could be; a failure tells the last words.
        if self.exchange.is_none() || line.is_empty() {
            return Ok(());
        }
        self.write_line(if stream == STDERR as usize { Level::Warn } else { Level::Info }, line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_the_end_and_no_longer_than_they_may_be() {
        let mut output = GuestOutput::default();
        output.remember("Traceback:");
        output.remember("  ");
        output.remember("  ValueError: é");
        assert_eq!(output.last_words(), "Traceback: / ValueError: é");
        output.remember(&"é".repeat(2000));
        assert!(output.last_words().len() <= MAX_LAST_WORDS && output.last_words().ends_with('é'));
        output.begin();
        assert_eq!(output.last_words(), "");
    }
}
