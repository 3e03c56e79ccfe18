//! `tollgate policy bench`: what a call costs.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Map, Value, json};
use tollgate_core::place::Phase;

use super::cases::{self, CaseFile};
use super::rehearsal::{Rehearsal, Settings};
use super::test::{Subject, subject};

/// How long each of warm and fresh is measured.
const TIME: Duration = Duration::from_millis(1500);

/// And for how many exchanges at most.
const MAX_EXCHANGES: u32 = 20_000;

/// The file that keeps a baseline.
const BASELINE: &str = "bench.json";

pub(super) fn bench(folder: &Path, component: Option<&Path>, save: bool) -> anyhow::Result<ExitCode> {
    let Subject { name, component, tests } = subject(folder, component)?;
    let mut measured = Map::new();
    for file in cases::read(&tests)? {
        let Some(case) = file.cases.iter().find(|case| case.refused.is_none()) else { continue };
        let row = json!({
            "warm": measure(&component, &name, &file, "warm")?,
            "fresh": measure(&component, &name, &file, "fresh")?,
        });
        measured.insert(case.name.clone(), row);
    }
    let baseline_path = folder.join(BASELINE);
    let baseline = std::fs::read(&baseline_path).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    let bytes = component.metadata().map(|facts| facts.len()).unwrap_or(0);
    let mut out = io::stdout();
    writeln!(out, "{} ({bytes} bytes)", component.display())?;
    for (case, row) in &measured {
        writeln!(out, "{case}")?;
        for kind in ["warm", "fresh"] {
            let before = baseline.as_ref().map(|baseline| &baseline[case][kind]);
            show(&mut out, kind, &row[kind], before.unwrap_or(&Value::Null))?;
        }
    }
    if save {
        let text = format!("{:#}\n", Value::Object(measured));
        std::fs::write(&baseline_path, text)
            .with_context(|| format!("{} can't be written", baseline_path.display()))?;
        writeln!(out, "saved as {}", baseline_path.display())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The mean of what the first step of the file's first case costs, in each phase that it runs.
fn measure(component: &Path, name: &str, file: &CaseFile, isolation: &'static str) -> anyhow::Result<Value> {
    let case = file.cases.iter().find(|case| case.refused.is_none()).context("there is no case to measure")?;
    let step = case.steps.first().context("the case has no step")?;
    let configuration = file.configuration_of(case);
    let settings = Settings { configuration: &configuration, callouts: &[], files: file.files(), isolation };
    let rehearsal = Rehearsal::new(component, name, &settings)?;
    // The first call is slower: pages are touched for the first time.
    rehearsal.exchange(step)?;
    let totals = || Phase::ALL.map(|phase| rehearsal.statement.account.totals(phase));
    let before = totals();
    let began = Instant::now();
    let mut exchanges = 0;
    while exchanges < MAX_EXCHANGES && began.elapsed() < TIME {
        rehearsal.exchange(step)?;
        exchanges += 1;
    }
    let each = |before: u64, after: u64| (after - before) as f64 / f64::from(exchanges.max(1));
    let mut phases = Map::new();
    for ((phase, before), after) in Phase::ALL.into_iter().zip(before).zip(totals()) {
        if after.calls > before.calls {
            let figures = json!({
                "us": (each(before.nanos, after.nanos) / 100.0).round() / 10.0,
                "fuel": each(before.fuel, after.fuel).round(),
                "host-calls": each(before.host_calls, after.host_calls).round(),
                "host-bytes": each(before.host_bytes, after.host_bytes).round(),
            });
            phases.insert(phase.name().into(), figures);
        }
    }
    Ok(json!({
        "phases": phases,
        "memory-kib": rehearsal.leases.largest_kept_bytes() >> 10,
        "exchanges": exchanges,
    }))
}

/// A line for each phase, beside what it was.
fn show(out: &mut impl Write, kind: &str, now: &Value, before: &Value) -> io::Result<()> {
    let mut kind = Some(kind);
    for (phase, figures) in now["phases"].as_object().into_iter().flatten() {
        let told = |key: &str| compared(figures[key].as_f64(), before["phases"][phase.as_str()][key].as_f64());
        writeln!(
            out,
            "  {:<6} {phase:<12} {} µs   {} fuel   {} host calls   {} host bytes",
            kind.take().unwrap_or_default(),
            told("us"),
            told("fuel"),
            told("host-calls"),
            told("host-bytes")
        )?;
    }
    let memory = compared(now["memory-kib"].as_f64(), before["memory-kib"].as_f64());
    match now["memory-kib"].as_f64() {
        // Of fresh instances none is kept.
        Some(kib) if kib > 0.0 => writeln!(out, "         {memory} KiB of memory at most"),
        _ => Ok(()),
    }
}

/// A number, and how it has changed.
fn compared(now: Option<f64>, before: Option<f64>) -> String {
    let now = now.unwrap_or(0.0);
    match before.filter(|before| *before > 0.0) {
        Some(before) => format!("{now} ({:+.0} %)", (now / before - 1.0) * 100.0),
        None => now.to_string(),
    }
}
