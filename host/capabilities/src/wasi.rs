//! `wasi:*@0.2`: a nearly empty world for components whose language brings a WASI runtime along (Python, JavaScript, Go).
//!
//! No environment, no arguments, no sockets, and no files but those of directories that the operator grants, to be read;
//! two clocks and random numbers; what is written to stdout and stderr becomes lines of the statement's log. What a component imports is read from the component itself: functions
//! that an interpreter needs in order to start are answered, every other one refuses with an error of its own interface
//! or, where that has none, traps with a sentence.
//!
//! WASI may be called from `describe` and `configure`, too, because interpreters start there. Every function counts as
//! a host call.
//!
//! (`wasmtime-wasi` would bring sockets and writing that no policy may have, and a context for each store.)

use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem};
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceType, Type, Val};
use wasmtime::{Engine, Result, StoreContextMut};

use crate::log::harmless;
use crate::session::Session;

/// Two clocks, and nothing that waits for one.
mod clocks;

/// Files of granted directories.
mod filesystem;

/// Random numbers.
mod random;

/// stdin, stdout, stderr, and the streams behind them.
mod streams;

pub(crate) use filesystem::OpenFiles;
pub use filesystem::{Directories, DirectoryError};
pub(crate) use streams::GuestOutput;

/// What a guest may hold of the empty world at once: streams and pollables that it doesn't drop.
const MAX_HANDLES: u32 = 1_000;

/// A resource of which there is none, such as a socket.
enum Absent {}

/// `wasi:sockets/network`: one that leads nowhere.
enum Network {}

/// Packages of WASI 0.2 that are offered, all of them empty.
const PACKAGES: [&str; 6] = ["cli", "clocks", "filesystem", "io", "random", "sockets"];

/// Is this import part of the empty world? Examples: `wasi:cli/stdout@0.2.9` is, `wasi:http/types@0.2.0` isn't.
pub fn offers(import: &str) -> bool {
    let Some((package, rest)) = import.strip_prefix("wasi:").and_then(|name| name.split_once('/')) else {
        return false;
    };
    let version = rest.split_once('@').map_or("", |(_, version)| version);
    PACKAGES.contains(&package) && (version == "0.2" || version.starts_with("0.2."))
}

/// Define everything that `component` imports of WASI.
///
/// # Errors
///
/// Two definitions of one name, which a valid component doesn't ask for.
pub fn add_to_linker(linker: &mut Linker<Session>, engine: &Engine, component: &Component) -> Result<()> {
    let kind = component.component_type();
    for (import, item) in kind.imports(engine) {
        if let ComponentItem::ComponentInstance(instance) = item.ty
            && offers(import)
        {
            let (interface, _) = import.split_once('@').unwrap_or((import, ""));
            define(linker.instance(import)?, engine, interface, &instance)?;
        }
    }
    Ok(())
}

fn define(
    mut linker: LinkerInstance<'_, Session>,
    engine: &Engine,
    interface: &str,
    instance: &ComponentInstance,
) -> Result<()> {
    for (name, item) in instance.exports(engine) {
        match item.ty {
            ComponentItem::Resource(_) => {
                let close = closing(name);
                linker.resource(name, resource(name), move |mut store, number| {
                    store.data_mut().drop_handle();
                    close(store.data_mut(), number);
                    Ok(())
                })?;
            }
            ComponentItem::ComponentFunc(_) => function(&mut linker, interface, name)?,
            _ => {}
        }
    }
    Ok(())
}

fn resource(name: &str) -> ResourceType {
    match name {
        "descriptor" => ResourceType::host::<filesystem::Descriptor>(),
        "directory-entry-stream" => ResourceType::host::<filesystem::Listing>(),
        "error" => ResourceType::host::<streams::IoError>(),
        "input-stream" => ResourceType::host::<streams::InputStream>(),
        "output-stream" => ResourceType::host::<streams::OutputStream>(),
        "pollable" => ResourceType::host::<clocks::Pollable>(),
        "network" => ResourceType::host::<Network>(),
        "terminal-input" | "terminal-output" => ResourceType::host::<streams::Terminal>(),
        _ => ResourceType::host::<Absent>(),
    }
}

/// What becomes of a resource that the guest lets go of, by its number.
fn closing(name: &str) -> fn(&mut Session, u32) {
    match name {
        "descriptor" => filesystem::close_descriptor,
        "directory-entry-stream" => filesystem::close_listing,
        "input-stream" => filesystem::close_reader,
        _ => |_, _| {},
    }
}

fn function(linker: &mut LinkerInstance<'_, Session>, interface: &str, name: &str) -> Result<()> {
    match interface {
        "wasi:filesystem/preopens" | "wasi:filesystem/types" => filesystem::function(linker, interface, name),
        "wasi:io/streams"
        | "wasi:io/error"
        | "wasi:cli/stdin"
        | "wasi:cli/stdout"
        | "wasi:cli/stderr"
        | "wasi:cli/terminal-stdin"
        | "wasi:cli/terminal-stdout"
        | "wasi:cli/terminal-stderr" => streams::function(linker, interface, name),
        "wasi:io/poll" | "wasi:clocks/monotonic-clock" | "wasi:clocks/wall-clock" => {
            clocks::function(linker, interface, name)
        }
        "wasi:random/random" | "wasi:random/insecure" | "wasi:random/insecure-seed" => {
            random::function(linker, interface, name)
        }
        _ => nothing(linker, interface, name),
    }
}

/// Environment, arguments and sockets: there are none.
fn nothing(linker: &mut LinkerInstance<'_, Session>, interface: &str, name: &str) -> Result<()> {
    match (interface, name) {
        ("wasi:cli/environment", "get-environment") => linker.func_wrap(name, |store, (): ()| {
            counted(store)?;
            Ok((Vec::<(String, String)>::new(),))
        }),
        ("wasi:cli/environment", "get-arguments") => linker.func_wrap(name, |store, (): ()| {
            counted(store)?;
            Ok((Vec::<String>::new(),))
        }),
        ("wasi:cli/environment", "initial-cwd") => linker.func_wrap(name, |store, (): ()| {
            counted(store)?;
            Ok((None::<String>,))
        }),
        ("wasi:sockets/instance-network", "instance-network") => {
            linker.func_wrap(name, |mut store: StoreContextMut<'_, Session>, (): ()| {
                store.data_mut().new_handle()?;
                Ok((wasmtime::component::Resource::<Network>::new_own(0),))
            })
        }
        ("wasi:cli/exit", _) => linker.func_new(name, |store, _, _, _| {
            counted(store)?;
            Err(wasmtime::Error::msg("it ended itself: a policy may not call `exit`"))
        }),
        _ => refused(linker, interface, name),
    }
}

/// A function that says no in the words of its interface, or traps.
fn refused(linker: &mut LinkerInstance<'_, Session>, interface: &str, name: &str) -> Result<()> {
    let sentence = format!(
        "it called `{name}` of `{interface}`, which isn't offered: a policy has no environment, no sockets and \
         no files to write, and waits for nothing but `tollgate:http-client`"
    );
    linker.func_new(name, move |mut store, function, parameters, results| {
        store.data_mut().count_call()?;
        parameters.iter().try_for_each(|parameter| give_back(&mut store, parameter))?;
        match (denial(&function), results.first_mut()) {
            (Some(denied), Some(result)) => {
                *result = denied;
                Ok(())
            }
            _ => Err(wasmtime::Error::msg(sentence.clone())),
        }
    })
}

/// A handle that was lent for a call has to be given back before its end, also where nothing is done with it.
fn give_back(store: &mut StoreContextMut<'_, Session>, parameter: &Val) -> Result<()> {
    let Val::Resource(lent) = parameter else { return Ok(()) };
    let of = lent.ty();
    let owned = if of == ResourceType::host::<filesystem::Descriptor>() {
        lent.try_into_resource::<filesystem::Descriptor>(store)?.owned()
    } else if of == ResourceType::host::<Network>() {
        lent.try_into_resource::<Network>(store)?.owned()
    } else if of == ResourceType::host::<streams::InputStream>() {
        lent.try_into_resource::<streams::InputStream>(store)?.owned()
    } else if of == ResourceType::host::<streams::OutputStream>() {
        lent.try_into_resource::<streams::OutputStream>(store)?.owned()
    } else {
        return Ok(());
    };
    match owned {
        // Nothing of WASI takes one of these for itself and is refused.
        true => Err(wasmtime::Error::msg("it gave away what can't be taken")),
        false => Ok(()),
    }
}

/// The error case that means "not allowed", if the function's result has one.
fn denial(function: &ComponentFunc) -> Option<Val> {
    let Some(Type::Result(result)) = function.results().next() else { return None };
    let Some(Type::Enum(cases)) = result.err() else { return None };
    let case = ["read-only", "access", "access-denied"].into_iter().find(|no| cases.names().any(|case| case == *no))?;
    Some(Val::Result(Err(Some(Box::new(Val::Enum(case.to_owned()))))))
}

fn counted(mut store: StoreContextMut<'_, Session>) -> Result<()> {
    store.data_mut().count_call()
}

impl Session {
    /// The guest gets one more handle.
    fn new_handle(&mut self) -> Result<()> {
        self.count_call()?;
        if self.handles >= MAX_HANDLES {
            return Err(wasmtime::Error::msg("it holds more than 1,000 streams and pollables and drops none"));
        }
        self.handles += 1;
        Ok(())
    }

    fn drop_handle(&mut self) {
        self.handles = self.handles.saturating_sub(1);
    }

    /// What the guest wrote to stderr or logged as an error last in this call, in one line: an interpreter's account of an
    /// exception, or a panic. Empty if it wrote nothing.
    pub fn last_words(&self) -> String {
        let Some(output) = self.output.as_deref() else { return String::new() };
        let words = output.last_words().to_owned();
        harmless(&match self.identity() {
            Ok(identity) => identity.secrets.hidden(words),
            Err(_) => words,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_empty_packages_of_one_track_are_offered() {
        for (import, offered) in [
            ("wasi:cli/stdout@0.2.9", true),
            ("wasi:sockets/tcp@0.2.0", true),
            ("wasi:http/types@0.2.0", false),
            ("wasi:cli/stdout@0.3.0", false),
            ("wasi:cli/stdout", false),
            ("wasi:keyvalue/store@0.2.0", false),
            ("tollgate:cli/stdout@0.2.0", false),
        ] {
            assert_eq!(offers(import), offered, "{import}");
        }
    }
}
