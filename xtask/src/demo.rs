//! `demo`: become `tollgate demo`.

use crate::host;
use crate::step::Steps;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Build, then replace this process, so that signals reach the gateway itself.
pub(crate) fn run(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    host::build(workspace, steps)?;
    let binary = workspace.binary();
    let error = Command::new(&binary).arg("demo").args(arguments).exec();
    Err(error).with_context(|| format!("could not run {}", binary.display()))
}
