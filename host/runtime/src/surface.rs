//! What a component imports and exports, and what of it this gateway offers.
//!
//! Versions are read from the names of imports and exports, which cannot lie.

use tollgate_capabilities::wasi;
use tollgate_core::grants::{Capability, Grants};
use tollgate_core::limits::Class;
use tollgate_core::place::Phase;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::load::LoadError;

/// The track of the contract that this gateway speaks: any `0.1.x`.
const TRACK: &str = "0.1";

/// Interfaces of the package `tollgate:policy` that every component may import.
const FREE: [&str; 4] =
    ["tollgate:policy/messages", "tollgate:policy/verdicts", "tollgate:policy/context", "tollgate:policy/variables"];

/// A component's phases and capabilities.
#[derive(Clone, Debug)]
pub(crate) struct Surface {
    pub(crate) phases: Vec<Phase>,
    pub(crate) capabilities: Vec<Capability>,
    pub(crate) imports: Vec<String>,
    pub(crate) has_body_gate: bool,
    pub(crate) imports_wasi: bool,
    pub(crate) class: Class,
}

/// A component that begins with more memory than this has brought an interpreter along.
const COMPACT_MEMORY_BYTES: u64 = 4 << 20;

/// An interface's name and version: `tollgate:log/log@0.1.0` → (`tollgate:log/log`, `0.1.0`).
fn split_version(name: &str) -> (&str, &str) {
    name.split_once('@').unwrap_or((name, ""))
}

fn is_offered_version(version: &str) -> bool {
    let mut parts = version.splitn(3, '.');
    let track = (parts.next(), parts.next());
    TRACK.split_once('.').is_some_and(|(major, minor)| track == (Some(major), Some(minor)))
}

impl Surface {
    /// Look at a component without running any of it.
    pub(crate) fn of(engine: &Engine, component: &Component) -> Result<Surface, LoadError> {
        let kind = component.component_type();
        let imports: Vec<String> = kind.imports(engine).map(|(name, _)| name.to_owned()).collect();
        let exports: Vec<String> = kind.exports(engine).map(|(name, _)| name.to_owned()).collect();
        check_contract_version(&imports, &exports)?;
        let exported = |interface: &str| exports.iter().any(|name| split_version(name).0 == interface);
        if let Some(interface) = exports.iter().find(|name| name.starts_with("wasi:http/")) {
            return Err(LoadError::Proxy { interface: interface.clone() });
        }
        if !exported("tollgate:policy/lifecycle") {
            return Err(LoadError::NoLifecycle);
        }
        let phases: Vec<Phase> =
            Phase::ALL.into_iter().filter(|phase| exported(&format!("tollgate:policy/{phase}"))).collect();
        if phases.is_empty() {
            return Err(LoadError::NoPhase);
        }
        let imports_wasi = imports.iter().any(|name| wasi::offers(name));
        Ok(Surface {
            phases,
            imports_wasi,
            class: class(component, imports_wasi),
            capabilities: capabilities(&imports)?,
            imports,
            has_body_gate: exported("tollgate:policy/body-gate"),
        })
    }

    /// Asked *and* allowed.
    pub(crate) fn check_grants(&self, component: &str, grants: Grants) -> Result<(), LoadError> {
        match self.capabilities.iter().find(|capability| !grants.allows(**capability)) {
            Some(capability) => Err(LoadError::NotGranted { component: component.into(), capability: *capability }),
            None => Ok(()),
        }
    }
}

fn class(component: &Component, imports_wasi: bool) -> Class {
    let pages = component.resources_required().and_then(|required| required.max_initial_memory_size);
    match imports_wasi || pages.unwrap_or(0).saturating_mul(64 << 10) > COMPACT_MEMORY_BYTES {
        true => Class::Interpreter,
        false => Class::Compact,
    }
}

fn check_contract_version(imports: &[String], exports: &[String]) -> Result<(), LoadError> {
    let ours = imports.iter().chain(exports).filter(|name| name.starts_with("tollgate:"));
    for name in ours {
        let (_, version) = split_version(name);
        if !is_offered_version(version) {
            return Err(LoadError::OtherContract { interface: name.clone() });
        }
    }
    Ok(())
}

fn capabilities(imports: &[String]) -> Result<Vec<Capability>, LoadError> {
    let mut capabilities = Vec::new();
    for name in imports {
        let (interface, _) = split_version(name);
        if FREE.contains(&interface) || wasi::offers(name) {
            continue;
        }
        match Capability::ALL.into_iter().find(|capability| capability.interface() == interface) {
            Some(capability) => capabilities.push(capability),
            None if interface.starts_with("wasi:") => return Err(LoadError::Wasi { import: name.clone() }),
            None => return Err(LoadError::UnknownImport { import: name.clone() }),
        }
    }
    Ok(capabilities)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_track_decides_and_not_the_patch() {
        for (version, offered) in
            [("0.1.0", true), ("0.1.7", true), ("0.2.0", false), ("1.1.0", false), ("0.10.0", false), ("", false)]
        {
            assert_eq!(is_offered_version(version), offered, "{version}");
        }
    }
}
