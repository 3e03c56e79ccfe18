//! `fuzz`: everything that takes bytes from strangers gets bytes from strangers (`tests/fuzz`), for as long as is asked.

use crate::host;
use crate::step::{self, Steps};
use crate::workspace::Workspace;
use anyhow::Result;

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    // With tests: their dependencies' features are part of what is compiled already.
    host::build_with_tests(workspace, steps)?;
    steps.run("build", || {
        let selection = ["build", "--release", "--workspace", "--tests", "--bin", "fuzz"];
        step::succeed(workspace.host_cargo().args(selection))?;
        Ok(((), "fuzz".to_owned()))
    })?;
    let mut fuzz = std::process::Command::new(workspace.target.join("release/fuzz"));
    step::succeed(fuzz.args(arguments).env("TOLLGATE_BIN", workspace.binary()))
}
