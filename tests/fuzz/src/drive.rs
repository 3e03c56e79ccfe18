//! Rounds in a process of their own, so that one that dies or hangs tells what it died of.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::mutate::Mutator;
use crate::{Target, inputs};

/// Inputs that are mutated further, besides the corpus.
const POOL: usize = 4000;

/// How long one process goes on.
const ROUND: Duration = Duration::from_secs(30);

/// A round that takes so much longer hangs.
const GRACE: Duration = Duration::from_secs(60);

/// What to run.
#[derive(Clone, Debug)]
pub struct Round {
    /// Where numbers begin.
    pub seed: u64,
    /// At most so many inputs.
    pub executions: u64,
    /// At most so long.
    pub time: Duration,
    /// What earlier rounds found new, and where this one puts what it finds.
    pub found: Option<PathBuf>,
    /// Where each input is put before it is run, if it is to be known what a process dies of.
    pub current: Option<PathBuf>,
}

impl Default for Round {
    fn default() -> Round {
        Round { seed: 1, executions: u64::MAX, time: Duration::MAX, found: None, current: None }
    }
}

/// How a round ended.
#[derive(Debug)]
pub struct Ended {
    /// Inputs that were run.
    pub executions: u64,
    /// Those that came to something new.
    pub new: u64,
    /// The input that a property didn't hold for, if any.
    pub failed: Option<Vec<u8>>,
}

/// Run one round in this process. `progress` is told the executions now and then.
pub fn round(target: &Target, round: &Round, mut progress: impl FnMut(u64)) -> Ended {
    let began = Instant::now();
    let mut run = (target.make)();
    let mut mutator = Mutator::new(round.seed, target.words, target.max_bytes);
    let mut pool: Vec<Vec<u8>> = target.corpus().into_iter().map(|(_, input)| input).collect();
    pool.extend(round.found.iter().flat_map(|folder| inputs(folder)).map(|(_, input)| input));
    let seeds = pool.clone();
    let (mut seen, mut fresh) = (HashSet::new(), Vec::new());
    let mut ended = Ended { executions: 0, new: 0, failed: None };
    let mut seeds = seeds.into_iter();
    while ended.executions < round.executions {
        if ended.executions % 64 == 0 {
            progress(ended.executions);
            if began.elapsed() >= round.time {
                break;
            }
        }
        let seed = seeds.next();
        let is_seed = seed.is_some();
        let input = seed.unwrap_or_else(|| mutator.input(&pool));
        if let Some(current) = &round.current {
            std::fs::write(current, &input).expect("the input can be noted");
        }
        ended.executions += 1;
        let Ok(outcome) = catch_unwind(AssertUnwindSafe(|| run(&input))) else {
            ended.failed = Some(input);
            break;
        };
        if !seen.insert(outcome) || is_seed {
            continue;
        }
        ended.new += 1;
        if round.found.is_some() && fresh.len() < POOL / 4 {
            fresh.push((outcome, input.clone()));
        }
        if pool.len() < POOL {
            pool.push(input);
        } else {
            let at = mutator.random.below(pool.len());
            pool[at] = input;
        }
    }
    // In the end only: a round that dies begins with the same inputs when it is run again.
    if let Some(folder) = &round.found {
        keep(folder, &fresh);
    }
    ended
}

/// Keep inputs for later rounds; a folder that is full keeps what it has.
fn keep(folder: &Path, fresh: &[(u64, Vec<u8>)]) {
    let count = folder.read_dir().map_or(POOL, Iterator::count);
    for (outcome, input) in fresh.iter().take((POOL / 4).saturating_sub(count)) {
        // One that can't be kept will be found again.
        let _ = std::fs::write(folder.join(format!("{outcome:016x}")), input);
    }
}

/// Run rounds of `target`, each in a process of `program`'s own, for `time`. The executions of all.
///
/// # Errors
///
/// A round failed, died or hung: then its input is in the corpus.
pub fn campaign(target: &Target, program: &Path, found: &Path, seed: u64, time: Duration) -> Result<u64> {
    let folder = found.join(target.name);
    std::fs::create_dir_all(&folder)?;
    let began = Instant::now();
    let (mut executions, mut seed) = (0, seed);
    while began.elapsed() < time {
        let left = time.saturating_sub(began.elapsed()).min(ROUND).max(Duration::from_secs(1));
        let done = child(target, program, &folder, seed, left, None)?;
        match done {
            Done::Well(count) => executions += count,
            Done::Failed(path) => bail!("a property of `{}` doesn't hold; {}", target.name, replay(target, &path)),
            Done::Died => {
                let path = find_again(target, program, &folder, seed, left)?;
                bail!("`{}` died or hung; {}", target.name, replay(target, &path));
            }
        }
        seed = seed.wrapping_add(1);
    }
    Ok(executions)
}

fn replay(target: &Target, path: &Path) -> String {
    format!("the input is {}\nreplay: cargo xtask fuzz {} --replay {}", path.display(), target.name, path.display())
}

enum Done {
    Well(u64),
    Failed(PathBuf),
    Died,
}

/// One round in another process.
fn child(
    target: &Target,
    program: &Path,
    folder: &Path,
    seed: u64,
    time: Duration,
    current: Option<&Path>,
) -> Result<Done> {
    let mut command = Command::new(program);
    command.arg("round").arg(target.name).arg(seed.to_string()).arg(time.as_secs().to_string()).arg(folder);
    if let Some(current) = current {
        command.arg(current);
    }
    let mut child = command.stdout(Stdio::piped()).spawn().context("the round's process can't be started")?;
    let stdout = child.stdout.take().context("the round's process has no output")?;
    let lines = std::thread::spawn(move || BufReader::new(stdout).lines().map_while(Result::ok).last());
    let give_up = Instant::now() + time + GRACE;
    let status = loop {
        match child.try_wait()? {
            Some(status) => break Some(status),
            None if Instant::now() > give_up => {
                child.kill()?;
                child.wait()?;
                break None;
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let last = lines.join().ok().flatten().unwrap_or_default();
    match (status, last.split_once(' ')) {
        (Some(status), Some(("executions", count))) if status.success() => Ok(Done::Well(count.parse()?)),
        (Some(_), Some(("failed", path))) => Ok(Done::Failed(PathBuf::from(path))),
        _ => Ok(Done::Died),
    }
}

/// The same round again, with each input noted before it is run: numbers are the same, so it dies of the same.
fn find_again(target: &Target, program: &Path, folder: &Path, seed: u64, time: Duration) -> Result<PathBuf> {
    let current = folder.with_extension("current");
    // Noting takes time.
    match child(target, program, folder, seed, time * 4, Some(&current))? {
        Done::Failed(path) => Ok(path),
        Done::Well(_) => bail!("`{}` died in the round with seed {seed}, and not when it was run again", target.name),
        Done::Died => save(target, &std::fs::read(&current)?),
    }
}

/// Put an input into the corpus, so that it is replayed from now on.
pub(crate) fn save(target: &Target, input: &[u8]) -> Result<PathBuf> {
    let folder = target.folder();
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("found-{:016x}", crate::outcome(input)));
    std::fs::File::create(&path)?.write_all(input)?;
    Ok(path)
}

impl Target {
    /// What the round's own process does: ends with a line that says how it went.
    pub fn round_of_child(&self, asked: &Round) -> Result<bool> {
        let ended = round(self, asked, |_| {});
        match ended.failed {
            None => println!("executions {}", ended.executions),
            Some(input) => println!("failed {}", save(self, &input)?.display()),
        }
        Ok(true)
    }
}
