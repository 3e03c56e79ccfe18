//! Built-in and custom components, admitted once and kept across reloads.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use ring::signature::{ED25519, UnparsedPublicKey};
use tollgate_core::grants::Grants;
use tollgate_document::{Component, ComponentFile, Diagnostics, Mark};
use tollgate_runtime::{Admitted, Binary, ComponentSource, LoadError, Runtime};

use crate::registry;

/// A component that is part of the gateway.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    /// The statement's name.
    pub name: &'static str,
    /// The `.wasm`.
    pub bytes: &'static [u8],
    /// Its SHA-256: a gateway that has the machine code reads nothing of the rest.
    pub digest: [u8; 32],
}

/// Admitted components of the present plan and the one before it.
pub(super) struct Components {
    built_ins: &'static [BuiltIn],
    /// Where components of registries are kept.
    fetched: Option<PathBuf>,
    admitted_built_ins: Mutex<HashMap<&'static str, Arc<Admitted>>>,
    admitted_customs: Mutex<HashMap<CustomKey, Arc<Admitted>>>,
    /// Those that nobody has called yet.
    news: Mutex<Vec<Arc<Admitted>>>,
}

/// What makes a custom component another one.
#[derive(Clone, PartialEq, Eq, Hash)]
struct CustomKey {
    name: String,
    /// SHA-256, and not the bytes: interpreters have tens of megabytes, which nobody needs once there is machine code.
    digest: [u8; 32],
    grants: Grants,
}

impl Components {
    pub(super) fn new(built_ins: &'static [BuiltIn], fetched: Option<PathBuf>) -> Components {
        Components {
            built_ins,
            fetched,
            admitted_built_ins: Mutex::default(),
            admitted_customs: Mutex::default(),
            news: Mutex::default(),
        }
    }

    /// Those that were admitted since the last time.
    pub(super) fn news(&self) -> Vec<Arc<Admitted>> {
        std::mem::take(&mut self.news.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note_new(&self, admitted: &Arc<Admitted>) {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(admitted));
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
            bytes: Binary::of_digest(Bytes::from_static(built_in.bytes), built_in.digest),
            digest: None,
            grants: Grants::all(),
            built_in: true,
        };
        let fresh = runtime.admit(&source);
        if let Ok(fresh) = &fresh {
            admitted.insert(built_in.name, Arc::clone(fresh));
            self.note_new(fresh);
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
            let admitted = match read(component, self.fetched.as_deref()).and_then(|bytes| signed(component, bytes)) {
                Ok(bytes) => {
                    let (name, grants) = (component.name.clone(), component.grants);
                    let key = CustomKey { name, digest: *bytes.digest(), grants };
                    admit(runtime, component, bytes, known.get(&key)).inspect(|admitted| {
                        if !known.contains_key(&key) {
                            self.note_new(admitted);
                        }
                        used.insert(key, Arc::clone(admitted));
                    })
                }
                Err(problem) => Err(problem),
            };
            let admitted = admitted.map_err(|(mark, problem)| diagnostics.push(mark, problem)).ok();
            by_name.insert(component.name.clone(), admitted);
        }
        *known = used;
        by_name
    }
}

fn read(component: &Component, fetched: Option<&Path>) -> Result<Binary, (Mark, String)> {
    let read = match &component.file {
        ComponentFile::Path(path) => Binary::in_file(path).map_err(|error| format!("can't be read: {error}")),
        ComponentFile::Image(image) => {
            registry::fetch(image, fetched).map(Binary::from).map_err(|error| format!("can't be had: {error}"))
        }
    };
    read.map_err(|problem| {
        (component.file_mark, format!("component `{}`: {} {problem}", component.name, component.file))
    })
}

/// Where the document names a key, only what that key has signed is looked at any further.
fn signed(component: &Component, bytes: Binary) -> Result<Binary, (Mark, String)> {
    let Some(signature) = &component.signature else { return Ok(bytes) };
    let whole = bytes.bytes().map_err(|error| {
        (component.file_mark, format!("component `{}`: {} can't be read: {error}", component.name, component.file))
    })?;
    let refused = |problem: String| (signature.mark, format!("component `{}`: {problem}", component.name));
    let file = signature.file.display();
    let read = std::fs::read(&signature.file);
    let text = read.map_err(|error| refused(format!("its signature {file} can't be read: {error}")))?;
    if text.len() != SIGNATURE_BYTES {
        let problem = format!("{file} has {} bytes, and an Ed25519 signature has {SIGNATURE_BYTES}", text.len());
        return Err(refused(problem));
    }
    match UnparsedPublicKey::new(&ED25519, signature.key).verify(&whole, &text) {
        Ok(()) => Ok(bytes),
        Err(_) => {
            let component = &component.file;
            let problem = format!(
                "{file} is no signature of {component} by this key; sign the file anew, or name the key that did"
            );
            Err(refused(problem))
        }
    }
}

/// RFC 8032 §5.1.6.
const SIGNATURE_BYTES: usize = 64;

fn admit(
    runtime: &Runtime,
    component: &Component,
    bytes: Binary,
    known: Option<&Arc<Admitted>>,
) -> Result<Arc<Admitted>, (Mark, String)> {
    let digest = component.digest.map(|digest| digest.to_string());
    let digest = digest.as_deref().map(|text| text.trim_start_matches("sha256:"));
    if let Some(known) = known.filter(|known| digest.is_none_or(|digest| digest == known.digest)) {
        return Ok(Arc::clone(known));
    }
    let source = ComponentSource { name: &component.name, bytes, digest, grants: component.grants, built_in: false };
    runtime.admit(&source).map_err(|error| {
        let mark = match error {
            LoadError::OtherDigest { .. } => component.digest_mark,
            _ => component.file_mark,
        };
        (mark, format!("component `{}`, {}: {error}", component.name, component.file))
    })
}
