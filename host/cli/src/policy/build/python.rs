//! Python: `componentize-py` puts the module and CPython into one component.

use std::path::Path;
use std::process::Command;

use anyhow::Context;

use super::super::project::Project;
use super::super::{sdk, tools};

pub(super) fn build(project: &Project, component: &Path) -> anyhow::Result<()> {
    let componentize = tools::componentize_py(&project.folder)?;
    let laid = project.laid();
    let folder = project.source.parent().unwrap_or(Path::new("."));
    let module = project.source.file_stem().context("`source` names no module")?;
    tools::run(
        Command::new(componentize)
            .arg("-d")
            .arg(laid.join("wit"))
            .args(["-w", sdk::WORLD, "componentize", "-p"])
            .arg(folder)
            .arg("-p")
            .arg(laid.join("sdk/python"))
            .arg("-o")
            .arg(component)
            .arg(module),
    )
}
