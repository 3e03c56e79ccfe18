//! The tools of other languages: where they are looked for, and what installs one that is missing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// What policies in JavaScript are built with. componentize-js uses the shim and doesn't ask npm for it.
const NODE_PACKAGES: &str =
    "@bytecodealliance/componentize-js@0.23.0 @bytecodealliance/preview2-shim@0.25.0 esbuild@0.28.2 typescript@7.0.2";

/// What `componentize-py` is pinned to.
const PYTHON_PACKAGE: &str = "componentize-py==0.25.1";

/// The folder of tools that all policies of a user share: `$TOLLGATE_TOOLS`, or one in the user's cache folder.
pub(super) fn folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("TOLLGATE_TOOLS") {
        return PathBuf::from(folder);
    }
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or(home).unwrap_or_default();
    cache.join("tollgate").join("tools")
}

/// The `node_modules` with componentize-js and esbuild in it: of the policy's folder or one above, or of the tools.
pub(super) fn node_modules(project: &Path) -> anyhow::Result<PathBuf> {
    let own = project.canonicalize().unwrap_or_else(|_| project.to_owned());
    let above = own.ancestors().map(|folder| folder.join("node_modules"));
    let shared = folder().join("js").join("node_modules");
    let is_whole =
        |folder: &PathBuf| folder.join("@bytecodealliance/componentize-js").is_dir() && folder.join("esbuild").is_dir();
    let found = above.chain([shared]).find(is_whole);
    found.with_context(|| {
        format!(
            "policies in JavaScript are built with componentize-js and esbuild, which aren't installed; this installs \
             them:\n\n  npm install --ignore-scripts --prefix {} {NODE_PACKAGES}",
            folder().join("js").display()
        )
    })
}

/// `componentize-py`: of an active or the policy's own virtual environment, of the tools, or on the path.
pub(super) fn componentize_py(project: &Path) -> anyhow::Result<PathBuf> {
    let active = std::env::var_os("VIRTUAL_ENV").map(PathBuf::from);
    let shared = folder().join("python");
    let environments = active.into_iter().chain([project.join(".venv"), shared.clone()]);
    let mut candidates = environments.map(|folder| folder.join("bin/componentize-py"));
    if let Some(found) = candidates.find(|path| path.is_file()) {
        return Ok(found);
    }
    if let Some(found) = on_path("componentize-py") {
        return Ok(found);
    }
    bail!(
        "policies in Python are built with componentize-py, which isn't installed; this installs it:\n\n  \
         python3 -m venv {0} && {0}/bin/pip install {PYTHON_PACKAGE}",
        shared.display()
    )
}

/// A program on the path, or the command that installs it.
pub(super) fn program(name: &str, install: &str) -> anyhow::Result<PathBuf> {
    on_path(name).with_context(|| format!("there is no `{name}`; this installs it:\n\n  {install}"))
}

pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Run a tool; what it says is shown only if it fails.
pub(super) fn run(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.env_remove("RUST_BACKTRACE").stdin(Stdio::null());
    let output = command.output().with_context(|| format!("`{name}` can't be started"))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!("`{name}` failed:\n\n{}", String::from_utf8_lossy(&said).trim());
    }
    Ok(())
}
