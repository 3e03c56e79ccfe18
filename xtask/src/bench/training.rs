//! What a program with counters inside is put through before it is compiled for what it does (`build --dist`).

use super::client::Client;
use super::origin::Origin;
use super::plan::Plan;
use super::scene::Scene;
use super::{compare, gateway, process, tools};
use crate::step::Steps;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::path::Path;

/// Requests of each benchmark.
const REQUESTS: u64 = 300;

/// Have `binary` do what is measured: all rows of `macro` that are the gateway's, and every benchmark of `bench/micro.yaml`. It
/// ends by itself each time, for that is when it writes what it has counted.
pub(crate) fn train(workspace: &Workspace, steps: &mut Steps, binary: &Path) -> Result<()> {
    tools::ensure_load(steps)?;
    process::raise_open_files()?;
    steps.run("train", || {
        let scene = Scene::new(workspace, "training", binary.to_owned())?;
        let origin = scene.start_origin()?;
        let rows = compare::train(&scene)?;
        drop(origin);
        let benchmarks = train_statements(&Plan::read(workspace)?, &scene)?;
        Ok(((), format!("{rows} rows and {benchmarks} benchmarks")))
    })
}

fn train_statements(plan: &Plan, scene: &Scene) -> Result<usize> {
    let origin = Origin::start()?;
    let address = process::free_address()?;
    let document = plan.document(&origin.url(), &scene.folder);
    let document = document.replace("listen: 127.0.0.1:0", &format!("listen: {address}"));
    let gateway = gateway::run(&scene.binary, &scene.folder, "benchmarks", address, &document)?;
    let mut client = Client::connect(&address.to_string())?;
    for number in 0..REQUESTS {
        for benchmark in &plan.benchmarks {
            let sent = client.send(&benchmark.request(number));
            sent.with_context(|| format!("benchmark `{}`", benchmark.name))?;
        }
    }
    gateway.end()?;
    Ok(plan.benchmarks.len())
}
