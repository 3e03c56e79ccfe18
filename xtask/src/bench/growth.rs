//! `bench growth`: how what a request costs, and what memory holds, grow with the size of things.
//!
//! Instructions are counted where they tell all (see [`counted`]); CPU time is measured for what the kernel and caches have a part in
//! (see [`timed`]).

mod counted;
mod resident;
mod series;
mod timed;

use super::page;
use super::process::raise_open_files;
use super::scene::Scene;
use super::tools;
use crate::host;
use crate::step::Steps;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use series::Series;

/// What is looked at: a name for the command line, and what makes its series.
type Subject = (&'static str, fn(&Scene) -> Result<Series>);

const SUBJECTS: &[Subject] = &[
    ("chain", timed::chain),
    ("operations", counted::operations),
    ("apis", counted::apis),
    ("keys", timed::keys),
    ("body-passed", timed::body_passed),
    ("body-edited", timed::body_edited),
    ("connections", timed::connections),
    ("workers", timed::workers),
    ("memory-connections", resident::connections),
    ("memory-instances", resident::instances),
    ("memory-apis", resident::apis),
    ("memory-keys", resident::keys),
];

/// Measure, print the tables, and write them to docs/performance.md if nothing was left out.
pub(super) fn run(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    let wanted = |name: &str| arguments.is_empty() || arguments.iter().any(|part| name.contains(part.as_str()));
    if let Some(option) = arguments.iter().find(|argument| argument.starts_with("--")) {
        bail!("`bench growth` takes names, not `{option}`");
    }
    let subjects: Vec<&Subject> = SUBJECTS.iter().filter(|(name, _)| wanted(name)).collect();
    if subjects.is_empty() {
        let names: Vec<&str> = SUBJECTS.iter().map(|(name, _)| *name).collect();
        bail!("`bench growth` knows {}", names.join(", "));
    }
    host::build(workspace, steps)?;
    tools::ensure(steps)?;
    tools::ensure_load(steps)?;
    raise_open_files()?;
    let scene = Scene::new(workspace, "growth", workspace.binary())?;
    let _origin = scene.start_origin()?;
    let mut tables = String::new();
    for (name, measure) in subjects {
        let series = steps.run(name, || {
            let series = measure(&scene).with_context(|| format!("growth of `{name}`"))?;
            let done = series.steepness();
            Ok((series, done))
        })?;
        let table = series.table();
        println!("{table}");
        tables += &table;
        tables.push('\n');
    }
    if !arguments.is_empty() {
        return Ok(());
    }
    let by = ["rustc", "valgrind", "wrk"].iter();
    let by = by.filter_map(|tool| page::version(workspace, tool, &[if *tool == "wrk" { "-v" } else { "--version" }]));
    let text = format!("{}, {}: {}.\n\n{tables}", page::machine(), page::today(), by.collect::<Vec<_>>().join(", "));
    page::write(workspace, "growth", text.trim_end())
}
