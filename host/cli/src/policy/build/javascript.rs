//! JavaScript and TypeScript: `esbuild` makes one module, `componentize-js` puts it into its engine.

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

fn absolute(path: impl AsRef<Path>) -> std::path::PathBuf {
    std::path::absolute(path.as_ref()).unwrap_or_else(|_| path.as_ref().to_owned())
}
