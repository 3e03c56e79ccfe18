//! `lint`: what CI refuses besides failing tests.

use crate::step::{self, Steps};
use crate::workspace::Workspace;
use anyhow::Result;

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    steps.run("fmt", || {
        step::succeed(workspace.host_cargo().args(["fmt", "--all", "--check"]))?;
        Ok(((), "formatted".to_owned()))
    })?;
    steps.run("clippy", || {
        // The release profile again: build scripts and macros are there already.
        step::succeed(workspace.host_cargo().args([
            "clippy",
            "--release",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))?;
        Ok(((), "no warnings".to_owned()))
    })
}
