//! The gateway's binary, with every built-in component inside.

use crate::guests;
use crate::step::{self, Steps};
use crate::workspace::Workspace;
use anyhow::Result;

/// The whole workspace is selected even for one binary: cargo unites the features of what is selected, and with
/// another selection wasmtime would compile once more.
const SELECTION: [&str; 5] = ["build", "--release", "--workspace", "--bin", "tollgate"];

/// Build the components, then `target/release/tollgate`.
pub(crate) fn build(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    guests::build(workspace, steps)?;
    compile(workspace, steps, &[])
}

/// What `bench macro` compares the gateway with, and no package brings.
const PEER: [&str; 2] = ["--bin", "hyper-proxy"];

/// Like [`build`], and the proxy without a gateway.
pub(crate) fn build_with_peer(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    guests::build(workspace, steps)?;
    compile(workspace, steps, &PEER)
}

/// Like [`build_with_peer`], and every test binary with it: development dependencies bring features of their own, so that two
/// steps would compile some crates twice.
pub(crate) fn build_with_tests(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    guests::build(workspace, steps)?;
    compile(workspace, steps, &[&PEER[..], &["--tests"]].concat())
}

fn compile(workspace: &Workspace, steps: &mut Steps, more: &[&str]) -> Result<()> {
    steps.run("host", || {
        step::succeed(workspace.host_cargo().args(SELECTION).args(more))?;
        Ok(((), workspace.binary().display().to_string()))
    })
}
