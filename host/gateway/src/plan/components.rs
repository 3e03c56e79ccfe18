//! Built-in and custom components, admitted once and kept across reloads.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tollgate_core::grants::Grants;
use tollgate_document::{Component, Diagnostics, Mark};
use tollgate_runtime::{Admitted, ComponentSource, LoadError, Runtime};

/// A component that is part of the gateway.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    /// The statement's name.
    pub name: &'static str,
    /// The `.wasm`.
    pub bytes: &'static [u8],
}

/// Admitted components of the present plan and the one before it.
pub(super) struct Components {
    built_ins: &'static [BuiltIn],
    admitted_built_ins: Mutex<HashMap<&'static str, Arc<Admitted>>>,
    admitted_customs: Mutex<HashMap<CustomKey, Arc<Admitted>>>,
}

/// What makes a custom component another one.
#[derive(Clone, PartialEq, Eq, Hash)]
struct CustomKey {
    name: String,
    bytes: Bytes,
    grants: Grants,
}

impl Components {
    pub(super) fn new(built_ins: &'static [BuiltIn]) -> Components {
        Components { built_ins, admitted_built_ins: Mutex::default(), admitted_customs: Mutex::default() }
    }

    pub(super) fn names(&self) -> Vec<&'static str> {
        self.built_ins.iter().map(|built_in| built_in.name).collect()
    }

    /// A built-in, admitted when it is first used: a plan pays only for the statements that it has.
    pub(super) fn built_in(&self, runtime: &Runtime, name: &str) -> Option<Result<Arc<Admitted>, LoadError>> {
        let built_in = self.built_ins.iter().find(|built_in| built_in.name == name)?;
        let mut admitted = self.admitted_built_ins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = admitted.get(name) {
            return Some(Ok(Arc::clone(known)));
        }
        let source = ComponentSource {
            name: built_in.name,
            bytes: Bytes::from_static(built_in.bytes),
            digest: None,
            grants: Grants::all(),
            built_in: true,
        };
        let fresh = runtime.admit(&source);
        if let Ok(fresh) = &fresh {
            admitted.insert(built_in.name, Arc::clone(fresh));
        }
        Some(fresh)
    }

    /// The custom components of a document, by name. What can't be admitted is an error at its place.
    pub(super) fn customs(
        &self,
        runtime: &Runtime,
        declared: &[Component],
        diagnostics: &mut Diagnostics,
    ) -> HashMap<String, Option<Arc<Admitted>>> {
        let mut known = self.admitted_customs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut used = HashMap::new();
        let mut by_name = HashMap::new();
        for component in declared {
            let admitted = match read(component) {
                Ok(bytes) => {
                    let key = CustomKey { name: component.name.clone(), bytes, grants: component.grants };
                    admit(runtime, component, &key, known.get(&key)).inspect(|admitted| {
                        used.insert(key, Arc::clone(admitted));
                    })
                }
                Err(problem) => Err((component.file_mark, problem)),
            };
            let admitted = admitted.map_err(|(mark, problem)| diagnostics.push(mark, problem)).ok();
            by_name.insert(component.name.clone(), admitted);
        }
        *known = used;
        by_name
    }
}

fn read(component: &Component) -> Result<Bytes, String> {
    std::fs::read(&component.file)
        .map(Bytes::from)
        .map_err(|error| format!("component `{}`: {} can't be read: {error}", component.name, component.file.display()))
}

fn admit(
    runtime: &Runtime,
    component: &Component,
    key: &CustomKey,
    known: Option<&Arc<Admitted>>,
) -> Result<Arc<Admitted>, (Mark, String)> {
    let digest = component.digest.map(|digest| digest.to_string());
    let digest = digest.as_deref().map(|text| text.trim_start_matches("sha256:"));
    if let Some(known) = known.filter(|known| digest.is_none_or(|digest| digest == known.digest)) {
        return Ok(Arc::clone(known));
    }
    let source = ComponentSource {
        name: &component.name,
        bytes: key.bytes.clone(),
        digest,
        grants: component.grants,
        built_in: false,
    };
    runtime.admit(&source).map_err(|error| {
        let mark = match error {
            LoadError::OtherDigest { .. } => component.digest_mark,
            _ => component.file_mark,
        };
        (mark, format!("component `{}`: {error}", component.name))
    })
}
