//! `bench`: what a request costs. Instructions are counted in the real binary under callgrind, because they are the same on a
//! busy machine and on a quiet one; `test` fails when a count grows (see [`figures`]).

mod callgrind;
mod client;
mod compare;
mod figures;
mod gateway;
mod growth;
mod load;
mod nginx;
mod origin;
mod page;
mod plan;
mod process;
mod request;
mod scene;
mod tools;
mod training;

use crate::host;
use crate::step::{self, Steps};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use callgrind::Counted;
use client::Client;
use figures::Figures;
use origin::Origin;
use plan::{Benchmark, Plan};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

pub(crate) use tools::ensure;
pub(crate) use training::train;

/// Requests before the first that counts: by then instances and connections are warm, and tables have grown.
const WARM_UP: u64 = 40;

/// Requests that are counted. The count of one varies by some per cent: the clock wakes other threads in between.
const REQUESTS: u64 = 200;

/// What a fresh instance starts from is compiled beside the first requests, which under valgrind takes seconds.
const SNAPSHOT_PATIENCE: Duration = Duration::from_secs(4);

/// Gateways that count at the same time, each with its part of the benchmarks. Valgrind runs one thread at a time, and has address
/// space for thirty instances; on a machine that has nothing compiled yet, most of the time is Wasm being compiled.
const GATEWAYS: usize = 3;

/// `bench macro …` or, without such a word, instructions.
pub(crate) fn run(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    match arguments.split_first() {
        Some((part, rest)) if part == "macro" => compare::run(workspace, steps, rest),
        Some((part, rest)) if part == "growth" => growth::run(workspace, steps, rest),
        Some((part, rest)) if part == "criterion" => criterion(workspace, steps, rest),
        _ => instructions(workspace, steps, arguments),
    }
}

/// Times of what can be called without a server, by criterion, which takes its own options and names.
fn criterion(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    host::build(workspace, steps)?;
    step::succeed(workspace.host_cargo().args(["bench", "--workspace", "--bench", "pieces", "--"]).args(arguments))
}

/// Count, print the table, and hold it against the stored figures or (`--accept`) store it, in docs/performance.md too.
fn instructions(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    let (options, names): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|argument| argument.starts_with("--"));
    let accept = match options.as_slice() {
        [] => false,
        [option] if *option == "--accept" => true,
        _ => bail!("`bench` takes `--accept` and names, not {options:?}"),
    };
    let plan = Plan::read(workspace)?.only(&names)?;
    host::build(workspace, steps)?;
    ensure(steps)?;
    let counted = count(workspace, steps, &plan)?;
    let mut figures = Figures::read(workspace)?;
    let table = figures.table(&counted);
    print!("{table}");
    if !accept {
        return figures.hold(&counted);
    }
    figures.accept(&counted, names.is_empty());
    figures.write(workspace)?;
    match names.is_empty() {
        true => page::write(workspace, "instructions", &(counted_by(workspace) + &figures.table(&counted))),
        false => Ok(()),
    }
}

fn counted_by(workspace: &Workspace) -> String {
    let by = ["rustc", "valgrind"].iter().filter_map(|tool| page::version(workspace, tool, &["--version"]));
    format!("{} on {}, {}.\n\n", by.collect::<Vec<_>>().join(", "), page::machine(), page::today())
}

/// What `test` looks at: instructions, and that what compares still works. The binary is built already.
pub(crate) fn hold(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    hold_instructions(workspace, steps)?;
    compare::quick(workspace, steps, &[])
}

/// Fail if a benchmark takes more instructions than is stored.
fn hold_instructions(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    ensure(steps)?;
    let (plan, figures) = (Plan::read(workspace)?, Figures::read(workspace)?);
    let mut counted = count(workspace, steps, &plan)?;
    if figures.hold(&counted).is_err() {
        // Once more, and the lower count is it: on a slow machine something may have been compiled beside the requests.
        for (name, again) in count(workspace, steps, &plan)? {
            counted.entry(name).and_modify(|count| *count = again.min(*count));
        }
    }
    figures.hold(&counted)
}

/// Instructions of a request of each benchmark, by name.
fn count(workspace: &Workspace, steps: &mut Steps, plan: &Plan) -> Result<BTreeMap<String, u64>> {
    steps.run("count", || {
        let folder = workspace.target.join("xtask/bench");
        let parts: Vec<Result<Vec<(String, u64)>>> = std::thread::scope(|scope| {
            let started: Vec<_> = (0..GATEWAYS)
                .map(|part| {
                    let (folder, binary) = (folder.join(format!("gateway-{part}")), workspace.binary());
                    scope.spawn(move || count_part(&plan.part(part, GATEWAYS), &folder, &binary))
                })
                .collect();
            started.into_iter().map(|one| one.join().unwrap_or_else(|_| bail!("counting broke off"))).collect()
        });
        let mut counted = BTreeMap::new();
        for part in parts {
            counted.extend(part?);
        }
        let done = format!("{} benchmarks, {REQUESTS} requests each", counted.len());
        Ok((counted, done))
    })
}

fn count_part(plan: &Plan, folder: &Path, binary: &Path) -> Result<Vec<(String, u64)>> {
    if plan.benchmarks.is_empty() {
        return Ok(Vec::new());
    }
    let origin = Origin::start()?;
    let gateway = Counted::start(binary, &plan.document(&origin.url(), folder), folder)?;
    let mut client = Client::connect(&gateway.address)?;
    // Every benchmark once before any counts: what is compiled only when a statement has been called is then on its way.
    let mut send = |benchmark: &Benchmark, number| {
        client.send(&benchmark.request(number)).with_context(|| format!("benchmark `{}`", benchmark.name))
    };
    for benchmark in &plan.benchmarks {
        send(benchmark, 0)?;
    }
    if plan.benchmarks.iter().any(|benchmark| benchmark.fresh) {
        std::thread::sleep(SNAPSHOT_PATIENCE);
    }
    let mut counted = Vec::new();
    let mut number = 0;
    for benchmark in &plan.benchmarks {
        for count in [WARM_UP, REQUESTS] {
            gateway.dump()?;
            for _ in 0..count {
                number += 1;
                send(benchmark, number)?;
            }
        }
        counted.push((benchmark.name.clone(), gateway.dump()? / REQUESTS));
    }
    step::say("count", &format!("{} benchmarks by one gateway", counted.len()));
    Ok(counted)
}
