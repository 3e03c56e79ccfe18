//! JavaScript and TypeScript: `tsc` checks types, `esbuild` makes one module, `componentize-js` puts it into its engine.

use std::path::Path;
use std::process::Command;

use super::super::project::Project;
use super::super::{sdk, tools};

pub(super) fn build(project: &Project, component: &Path) -> anyhow::Result<()> {
    let node = tools::program("node", "sudo apt-get install nodejs npm")?;
    let modules = tools::node_modules(&project.folder)?;
    let laid = project.laid();
    tools::run(
        Command::new(node)
            .arg(laid.join("sdk/js/componentize.mjs"))
            .args([&modules, &project.source, &laid.join("sdk/js"), &laid.join("wit")].map(absolute))
            .arg(sdk::WORLD)
            .arg(absolute(component)),
    )
}

/// TypeScript: its compiler checks types where the policy has a `tsconfig.json`; esbuild leaves them out.
pub(super) fn build_typed(project: &Project, component: &Path) -> anyhow::Result<()> {
    let node = tools::program("node", "sudo apt-get install nodejs npm")?;
    let compiler = tools::node_modules(&project.folder)?.join("typescript/bin/tsc");
    let settings = project.folder.join("tsconfig.json");
    if compiler.is_file() && settings.is_file() {
        tools::run(Command::new(node).arg(compiler).arg("--pretty").arg("false").arg("-p").arg(settings))?;
    }
    build(project, component)
}

fn absolute(path: impl AsRef<Path>) -> std::path::PathBuf {
    std::path::absolute(path.as_ref()).unwrap_or_else(|_| path.as_ref().to_owned())
}
