//! `tollgate policy build`: from a policy's folder to a component that the gateway would take.

mod c;
mod go;
mod javascript;
mod python;
mod rust;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use tollgate_core::grants::{Capability, Grants};
use tollgate_runtime::{Admitted, ComponentSource};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER as ADAPTER,
};

use super::project::{Language, Project};
use super::sdk;
use crate::{inspect, load};

pub(super) fn build(folder: &Path) -> anyhow::Result<ExitCode> {
    let project = Project::open(folder)?;
    let began = Instant::now();
    let component = make(&project)?;
    let built = began.elapsed();
    let admitted = check(&project.name, &component)?;
    let mut out = io::stdout();
    writeln!(out, "{} (built in {:.1} s)", component.display(), built.as_secs_f64())?;
    out.write_all(inspect::as_text(&admitted).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Make the component with the language's own tools.
pub(super) fn make(project: &Project) -> anyhow::Result<PathBuf> {
    // It may take half a minute. Whoever reads what a command says reads stdout.
    let _ = writeln!(io::stderr(), "building {} from {}", project.name, project.language.name());
    sdk::lay(project)?;
    let component = project.component();
    let folder = component.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| format!("{} can't be made", folder.display()))?;
    match project.language {
        Language::Rust => rust::build(project, &component)?,
        Language::Js => javascript::build(project, &component)?,
        Language::Ts => javascript::build_typed(project, &component)?,
        Language::Python => python::build(project, &component)?,
        Language::Go => go::build(project, &component)?,
        Language::C => c::build(project, &component)?,
    }
    Ok(component)
}

/// Admit a component as the gateway would, everything granted.
pub(super) fn check(name: &str, component: &Path) -> anyhow::Result<Arc<Admitted>> {
    let bytes = fs::read(component).with_context(|| format!("{} can't be read", component.display()))?;
    let source = ComponentSource { name, bytes: bytes.into(), digest: None, grants: Grants::all(), built_in: false };
    let runtime = load::runtime_for_checking()?;
    runtime.admit(&source).map_err(|error| anyhow::anyhow!("{}: {error}", component.display()))
}

/// Make a component of a core module that carries its world. What it asks of WASI 0.1, if it does, is adapted to 0.2.
fn encode(module: &[u8], component: &Path) -> anyhow::Result<()> {
    let mut encoder = wit_component::ComponentEncoder::default();
    write(encoder.validate(true).module(module)?.adapter(ADAPTER_NAME, ADAPTER)?.encode(), component)
}

/// Write what became of a core module.
fn write(encoded: anyhow::Result<Vec<u8>>, component: &Path) -> anyhow::Result<()> {
    let bytes = encoded.map_err(|error| uses_what_it_does_not_name(&error).unwrap_or(error))?;
    fs::write(component, bytes).with_context(|| format!("{} can't be written", component.display()))
}

/// The one mistake of an author that shows here: the source uses an interface that policy.yaml doesn't name.
fn uses_what_it_does_not_name(error: &anyhow::Error) -> Option<anyhow::Error> {
    let said = format!("{error:#}");
    let used =
        Capability::ALL.into_iter().find(|capability| said.contains(&format!("`{}@", capability.interface())))?;
    Some(anyhow::anyhow!("the policy uses `{used}`, which policy.yaml doesn't name; add it to `capabilities`"))
}
