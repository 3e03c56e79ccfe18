//! `tollgate policy push`: a component goes into a registry.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use tollgate_core::image::ImageReference;
use tollgate_gateway::registry::{self, Description};

use super::build;
use super::project::Project;
use crate::inspect;

pub(super) fn push(to: &str, folder: &Path, component: Option<&Path>) -> anyhow::Result<ExitCode> {
    let image = ImageReference::parse(to).map_err(|problem| {
        anyhow::anyhow!(
            "`{to}` can't be pushed to: {problem}; write such as `oci://registry.example/acme/greets:0.1.0`"
        )
    })?;
    if image.digest.is_some() {
        anyhow::bail!("`{to}` can't be pushed to: its digest is what comes of it; name a tag, or nothing");
    }
    let (name, component) = match component {
        Some(component) => (component.file_stem().unwrap_or_default().to_string_lossy().into(), component.to_owned()),
        None => {
            let project = Project::open(folder)?;
            let component = build::make(&project)?;
            (project.name, component)
        }
    };
    // What no gateway would take isn't pushed.
    let admitted = build::check(&name, &component)?;
    let bytes = fs::read(&component).with_context(|| format!("{} can't be read", component.display()))?;
    let description = Description {
        version: admitted.manifest.version.clone(),
        summary: admitted.manifest.summary.clone(),
        imports: admitted.imports().iter().map(ToString::to_string).collect(),
        exports: admitted.phases().iter().map(|phase| format!("tollgate:policy/{phase}@0.1.0")).collect(),
        name,
    };
    let at = registry::push(&image, bytes.into(), &description)
        .map_err(|error| anyhow::anyhow!("{} can't be pushed to {image}: {error}", component.display()))?;
    let grants: Vec<String> = inspect::grants_needed(&admitted).iter().map(|c| format!("{c}: true")).collect();
    let grants = if grants.is_empty() { String::new() } else { format!(", grants: {{ {} }}", grants.join(", ")) };
    writeln!(io::stdout(), "{at}\n\ncomponents:\n  {}: {{ file: '{at}'{grants} }}", description.name)?;
    Ok(ExitCode::SUCCESS)
}
