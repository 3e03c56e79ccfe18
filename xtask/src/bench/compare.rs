//! `bench macro`: CPU time, latency and memory of Tollgate beside nginx, nginx + Lua, Envoy, Caddy and bare hyper with the same work to do.
//!
//! All proxies run at the same time, and each round measures one after the other: what disturbs the machine disturbs them alike. Proxy
//! on one core, load and origin on the other.

mod caddy;
mod check;
mod envoy;
mod hyper;
mod rows;
mod table;
mod tollgate;

use super::load::{Load, Seen};
use super::page;
use super::process::raise_open_files;
use super::scene::Scene;
use super::tools;
use crate::host;
use crate::step::{Steps, say};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use rows::Running;
use std::sync::Mutex;
use table::{Measured, Rounds};

/// Seconds of load before each that counts: connections are open then, and instances warm.
const WARM_UP: u64 = 1;

/// Seconds of load of each row in [`train`].
const TRAINING: u64 = 2;

/// Rows that `--quick` looks at together: it measures nothing, so that they may disturb each other.
const TOGETHER: usize = 4;

struct Options<'a> {
    quick: bool,
    /// The gateway as it is shipped.
    dist: bool,
    rounds: u64,
    seconds: u64,
    names: Vec<&'a String>,
}

/// Measure, print the tables, and write them to docs/performance.md if all rows were measured.
pub(super) fn run(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    let options = Options::of(arguments)?;
    if options.dist && !workspace.shipped().is_file() {
        bail!("{} isn't there: `cargo xtask build --dist` makes it", workspace.shipped().display());
    }
    host::build_with_peer(workspace, steps)?;
    if options.quick {
        return quick(workspace, steps, &options.names);
    }
    tools::ensure_load(steps)?;
    raise_open_files()?;
    let before = page::load_average();
    let rounds = steps.run("macro", || {
        let binary = if options.dist { workspace.shipped() } else { workspace.binary() };
        let scene = Scene::new(workspace, "macro", binary)?;
        let _origin = scene.start_origin()?;
        let running = start(&scene, &options.names)?;
        for one in &running {
            check::check(one)?;
        }
        let rounds = measure(&scene, &running, &options)?;
        Ok((rounds, format!("{} rows, {} rounds", running.len(), options.rounds)))
    })?;
    let policies = table::table(rows::POLICIES, &rounds, true);
    let shapes = table::table(rows::SHAPES, &rounds, false);
    print!("{policies}\n{shapes}");
    if !options.names.is_empty() {
        return Ok(());
    }
    let text = format!(
        "{}; {}; {} rounds of {} s; load average {before} before and {} after.\n\n{policies}\n{shapes}",
        versions(workspace),
        if options.dist { "Tollgate as it is shipped (`--dist`)" } else { "Tollgate's profile `release`" },
        options.rounds,
        options.seconds,
        page::load_average(),
    );
    page::write(workspace, "macro", &text)
}

/// Whether each row's proxy does its work and answers all requests of a second of load; the binary is built already.
pub(super) fn quick(workspace: &Workspace, steps: &mut Steps, names: &[&String]) -> Result<()> {
    tools::ensure_load(steps)?;
    steps.run("macro", || {
        let scene = Scene::new(workspace, "macro", workspace.binary())?;
        let _origin = scene.start_origin()?;
        let rows = Mutex::new(rows::wanted(names)?.into_iter());
        let look = || {
            let mut done = 0;
            loop {
                let next = rows.lock().ok().and_then(|mut rows| rows.next());
                let Some(row) = next else {
                    return Ok(done);
                };
                let running = row.start(&scene).with_context(|| format!("row `{}`", row.name))?;
                check::check(&running)?;
                let load = Load { connections: 2, idle: row.load.idle.min(20), ..row.load };
                let _resting = load.rest(running.address)?;
                let seen =
                    load.run(running.address, 1, &scene.folder).with_context(|| format!("row `{}`", row.name))?;
                if seen.failed > 0 || seen.answered == 0 {
                    bail!("row `{}`: {} requests answered, {} failed", row.name, seen.answered, seen.failed);
                }
                done += 1;
            }
        };
        let looked: Vec<Result<usize>> = std::thread::scope(|scope| {
            let started: Vec<_> = (0..TOGETHER).map(|_| scope.spawn(look)).collect();
            started.into_iter().map(|one| one.join().unwrap_or_else(|_| bail!("a look broke off"))).collect()
        });
        let mut rows = 0;
        for done in looked {
            rows += done?;
        }
        Ok(((), format!("{rows} rows do their work")))
    })
}

/// Have a gateway do what is measured here, row by row, and end.
pub(super) fn train(scene: &Scene) -> Result<usize> {
    let rows = rows::gateways();
    for row in &rows {
        let running = row.start(scene).with_context(|| format!("row `{}`", row.name))?;
        let _resting = row.load.rest(running.address)?;
        row.load.run(running.address, TRAINING, &scene.folder).with_context(|| format!("row `{}`", row.name))?;
        running.process.end()?;
    }
    Ok(rows.len())
}

fn start<'r>(scene: &Scene, names: &[&String]) -> Result<Vec<Running<'r>>> {
    let mut running = Vec::new();
    for row in rows::wanted(names)? {
        running.push(row.start(scene).with_context(|| format!("row `{}`", row.name))?);
    }
    Ok(running)
}

fn measure(scene: &Scene, running: &[Running<'_>], options: &Options<'_>) -> Result<Rounds> {
    let mut rounds = Rounds::new();
    for round in 1..=options.rounds {
        for one in running {
            let name = one.row.name;
            // Once more, if the machine stood still.
            let measured =
                measure_one(scene, one, options.seconds).or_else(|_| measure_one(scene, one, options.seconds));
            let measured = measured.with_context(|| format!("row `{name}`"))?;
            say("macro", &format!("round {round}: {name:18} {}", shown(&measured)));
            rounds.entry(name).or_default().push(measured);
        }
    }
    Ok(rounds)
}

fn measure_one(scene: &Scene, one: &Running<'_>, seconds: u64) -> Result<Measured> {
    let _resting = one.row.load.rest(one.address)?;
    one.row.load.run(one.address, WARM_UP, &scene.folder)?;
    let before = one.process.cpu_micros()?;
    let seen: Seen = one.row.load.run(one.address, seconds, &scene.folder)?;
    let cpu = one.process.cpu_micros()? - before;
    if seen.answered == 0 {
        bail!("no request was answered");
    }
    Ok(Measured {
        cpu: cpu / seen.answered as f64,
        per_second: seen.answered as f64 / seen.seconds,
        percentiles: seen.percentiles,
        resident_kib: one.process.resident_kib()? as f64,
        failed: seen.failed,
    })
}

fn shown(measured: &Measured) -> String {
    let Measured { cpu, per_second, percentiles, resident_kib, failed } = measured;
    let [median, p99, p999] = percentiles.map(table::micros);
    format!(
        "{cpu:7.1} µs CPU, {per_second:6.0} requests/s, p50 {median}, p99 {p99}, p99.9 {p999}, {:.0} MiB, {failed} failed",
        resident_kib / 1024.0
    )
}

/// The machine, the date, and what was measured and measured with.
fn versions(workspace: &Workspace) -> String {
    // What each says of its version, of which the first number is taken.
    let tools: [(&str, &[&str]); 6] = [
        ("rustc", &["--version"]),
        ("nginx", &["-v"]),
        ("envoy", &["--version"]),
        ("caddy", &["version"]),
        ("wrk", &["-v"]),
        ("h2load", &["--version"]),
    ];
    let said = tools.iter().filter_map(|(tool, arguments)| page::version(workspace, tool, arguments));
    format!("{}, {}: {}", page::machine(), page::today(), said.collect::<Vec<_>>().join(", "))
}

impl<'a> Options<'a> {
    fn of(arguments: &'a [String]) -> Result<Self> {
        let mut options = Self { quick: false, dist: false, rounds: 3, seconds: 2, names: Vec::new() };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut number = || match arguments.next().and_then(|number| number.parse().ok()) {
                Some(number @ 1..) => Ok(number),
                _ => bail!("`{argument}` takes a number from 1"),
            };
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--dist" => options.dist = true,
                "--rounds" => options.rounds = number()?,
                "--seconds" => options.seconds = number()?,
                other if other.starts_with("--") => {
                    bail!(
                        "`bench macro` takes `--quick`, `--dist`, `--rounds N`, `--seconds N` and names, not `{other}`"
                    )
                }
                _ => options.names.push(argument),
            }
        }
        Ok(options)
    }
}
