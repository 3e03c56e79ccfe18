//! `fuzz [TARGET] [--seconds N] [--seed N]`: all targets or one, for so long each. `fuzz TARGET --replay FILE`: one input.

#![allow(clippy::print_stdout, reason = "what it says is its result")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use tollgate_fuzz::{Round, TARGETS, Target, campaign};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, name, seed, seconds, found, current @ ..] = arguments.as_slice()
        && word == "round"
    {
        let asked = Round {
            seed: seed.parse()?,
            time: Duration::from_secs(seconds.parse()?),
            found: Some(PathBuf::from(found)),
            current: current.first().map(PathBuf::from),
            ..Round::default()
        };
        return target(name)?.round_of_child(&asked).map(drop);
    }
    let (mut names, mut seconds, mut seed, mut file) = (Vec::new(), 10, None, None);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("`{word}` needs a value"));
        match word.as_str() {
            "--seconds" => seconds = value()?.parse()?,
            "--seed" => seed = Some(value()?.parse()?),
            "--replay" => file = Some(value()?),
            name => names.push(target(name)?),
        }
    }
    if let (Some(file), [target]) = (&file, names.as_slice()) {
        let input = std::fs::read(file).with_context(|| format!("{file} can't be read"))?;
        println!("`{}` with {} bytes comes to {:016x}", target.name, input.len(), (target.make)()(&input));
        return Ok(());
    }
    if file.is_some() {
        bail!("`--replay` needs one target");
    }
    if names.is_empty() {
        names.extend(TARGETS);
    }
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    run(&names, Duration::from_secs(seconds), seed.unwrap_or(since_1970.as_secs()))
}

fn target(name: &str) -> Result<&'static Target> {
    Target::named(name).with_context(|| {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        format!("there is no target `{name}`; there are {}", names.join(", "))
    })
}

fn run(targets: &[&Target], time: Duration, seed: u64) -> Result<()> {
    let program = std::env::current_exe()?;
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/fuzz");
    let (mut all, mut failures) = (0, Vec::new());
    println!("seed {seed}");
    for target in targets {
        let began = Instant::now();
        match campaign(target, &program, &found, seed, time) {
            Ok(executions) => {
                all += executions;
                let rate = executions as f64 / began.elapsed().as_secs_f64();
                println!("{:<16} {executions:>12} executions, {rate:>9.0} a second", target.name);
            }
            Err(error) => {
                println!("{:<16} {error:#}", target.name);
                failures.push(target.name);
            }
        }
    }
    println!("{:<16} {all:>12} executions", "all");
    if failures.is_empty() { Ok(()) } else { bail!("failed: {}", failures.join(", ")) }
}
