//! `tollgate policy test`: what a policy does, held against what its cases say.

mod compare;
mod lines;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use super::build;
use super::cases::{self, Case, CaseFile};
use super::project::Project;
use super::rehearsal::{self, Rehearsal, Settings};
use compare::Differences;
use lines::Lines;

pub(super) fn test(folder: &Path, component: Option<&Path>) -> anyhow::Result<ExitCode> {
    let Subject { name, component, tests } = subject(folder, component)?;
    let files = cases::read(&tests)?;
    let began = Instant::now();
    let (mut passed, mut failed) = (0, 0);
    for file in &files {
        for case in &file.cases {
            let differences = run(&component, &name, file, case);
            match differences.is_empty() {
                true => passed += 1,
                false => failed += 1,
            }
            report(file, case, &differences)?;
        }
    }
    writeln!(io::stdout(), "{passed} passed, {failed} failed ({:.1} s)", began.elapsed().as_secs_f64())?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is tested or measured.
pub(super) struct Subject {
    pub(super) name: String,
    pub(super) component: PathBuf,
    pub(super) tests: PathBuf,
}

/// A policy with the given component, or with one that is built now.
pub(super) fn subject(folder: &Path, component: Option<&Path>) -> anyhow::Result<Subject> {
    let project = Project::open(folder)?;
    let component = match component {
        Some(component) => component.to_owned(),
        None => build::make(&project)?,
    };
    Ok(Subject { name: project.name, component, tests: project.tests })
}

fn run(component: &Path, name: &str, file: &CaseFile, case: &Case) -> Differences {
    let mut differences = Differences::default();
    let configuration = file.configuration_of(case);
    let (callouts, files) = (&case.callouts, file.files());
    let settings = Settings { configuration: &configuration, callouts, files, isolation: "warm" };
    let made = Rehearsal::new(component, name, &settings);
    let rehearsal = match (made, &case.refused) {
        (Ok(rehearsal), None) => rehearsal,
        (Ok(_), Some(expected)) => {
            differences.add("configuration", &format!("refused: {expected}"), "accepted");
            return differences;
        }
        (Err(error), Some(expected)) => {
            let found = format!("{error:#}");
            if !found.contains(expected.as_str()) {
                differences.add("configuration", &format!("refused: {expected}"), &found);
            }
            return differences;
        }
        (Err(error), None) => {
            differences.add("configuration", "accepted", &format!("{error:#}"));
            return differences;
        }
    };
    for (number, step) in case.steps.iter().enumerate() {
        let place = if case.steps.len() == 1 { String::new() } else { format!("step {}: ", number + 1) };
        let lines = Lines::default();
        let outcome = rehearsal::put_forward(step.clock).and_then(|()| lines.heard(|| rehearsal.exchange(step)));
        match outcome {
            Ok(outcome) => differences.compare(&place, &step.expect, &outcome, &lines.take()),
            Err(error) => differences.add(&place, "an exchange", &format!("{error:#}")),
        }
    }
    for url in rehearsal.unasked() {
        differences.add("callouts", &format!("a request to {url}"), "none");
    }
    differences
}

fn report(file: &CaseFile, case: &Case, differences: &Differences) -> io::Result<()> {
    let mut out = io::stdout();
    let of = file.path.file_name().unwrap_or_default().to_string_lossy();
    if differences.is_empty() {
        return writeln!(out, "ok      {of}: {}", case.name);
    }
    writeln!(out, "FAILED  {of}: {}", case.name)?;
    for difference in differences.iter() {
        writeln!(out, "          {}", difference.place)?;
        for (sign, text) in [('-', &difference.expected), ('+', &difference.found)] {
            for line in text.lines() {
                writeln!(out, "          {sign} {line}")?;
            }
        }
    }
    Ok(())
}

/// How often `--watch` looks.
const GLANCE: Duration = Duration::from_millis(300);

/// Test, and test again after each change of a file, until interrupted.
pub(super) fn watch(folder: &Path, component: Option<&Path>) -> anyhow::Result<ExitCode> {
    loop {
        let seen = times(folder);
        if let Err(error) = test(folder, component) {
            crate::log::say_error(&error);
        }
        writeln!(io::stdout(), "waiting for a change in {}", folder.display())?;
        while times(folder) == seen {
            std::thread::sleep(GLANCE);
        }
    }
}

/// When each file of a policy was last written, what is made by building left out.
fn times(folder: &Path) -> BTreeMap<PathBuf, SystemTime> {
    const MADE: [&str; 5] = ["build", "target", "node_modules", "__pycache__", ".venv"];
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with('.') || MADE.contains(&&*name) {
                continue;
            }
            let Ok(facts) = entry.metadata() else { continue };
            match (facts.is_dir(), facts.modified()) {
                (true, _) => folders.push(entry.path()),
                (false, Ok(modified)) => drop(found.insert(entry.path(), modified)),
                (false, Err(_)) => {}
            }
        }
    }
    found
}
