//! `docs`: the pages of `docs/policies`, out of what the components' manifests say of themselves.

mod attribute;
mod page;

use crate::step::{self, Steps};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::process::Command;

const PAGE: &str = "docs/policies/README.md";

/// What to do about a page that says something else than the manifests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    /// Write it anew.
    Write,
    /// Fail, and say how to mend it.
    Check,
}

impl Mode {
    /// The command's arguments.
    pub(crate) fn of(arguments: &[String]) -> Result<Self> {
        match arguments {
            [] => Ok(Self::Write),
            [flag] if flag == "--check" => Ok(Self::Check),
            other => bail!("`docs` takes `--check` or nothing, not {other:?}"),
        }
    }
}

/// Hold the page against the manifests of the built-in components, which must be built.
pub(crate) fn run(workspace: &Workspace, steps: &mut Steps, mode: Mode) -> Result<()> {
    steps.run("docs", || {
        let page = page::written(&manifests(workspace)?)?;
        let path = workspace.root.join(PAGE);
        if std::fs::read_to_string(&path).is_ok_and(|old| old == page) {
            return Ok(((), format!("{PAGE} says what the manifests say")));
        }
        if mode == Mode::Check {
            bail!("{PAGE} says something else than the components' manifests: run `cargo xtask docs` and commit it");
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))?;
        }
        std::fs::write(&path, page).with_context(|| format!("could not write {}", path.display()))?;
        Ok(((), format!("wrote {PAGE}")))
    })
}

/// What the gateway says of each built-in component, by name.
fn manifests(workspace: &Workspace) -> Result<Vec<Value>> {
    let built_ins = workspace.guests.iter().filter(|guest| !guest.example);
    built_ins
        .map(|guest| {
            let path = workspace.components().join(&guest.folder).with_extension("wasm");
            let said = step::output(Command::new(workspace.binary()).args(["inspect", "--json"]).arg(&path))?;
            serde_json::from_str(&said).with_context(|| format!("what is said of `{}` is no JSON", guest.folder))
        })
        .collect()
}
