//! Fuzzing on the stable toolchain: inputs are made by seeded mutation of the corpora beside this, and an input that
//! comes to something new is mutated further. `cargo xtask fuzz` runs it long; the ordinary tests replay the corpora.
//!
//! Without instrumentation there is no coverage to go by. Instead a target tells what an input came to (its errors, its
//! decisions, the shape of its result, as a number), and that is what counts as new.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "what can't be done here is a failing test, and a failing property panics"
)]

mod drive;
mod mutate;
mod targets;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

pub use drive::{Ended, Round, campaign, round};
pub use targets::TARGETS;

/// Something that takes bytes from strangers.
pub struct Target {
    /// What it is called on the command line, and its corpus' folder.
    pub name: &'static str,
    /// Make it ready. What comes back panics if a property doesn't hold, and otherwise tells what the input came to.
    pub make: fn() -> Run,
    /// Inputs that are better made than kept.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words that inputs are made of.
    pub words: &'static [&'static str],
    /// Longer inputs are cut.
    pub max_bytes: usize,
}

/// Takes an input.
pub type Run = Box<dyn FnMut(&[u8]) -> u64>;

impl Target {
    /// The one with this name.
    pub fn named(name: &str) -> Option<&'static Target> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// Where its corpus is.
    pub fn folder(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(self.name)
    }

    /// The inputs of its corpus, by the names of their files.
    pub fn corpus(&self) -> Vec<(String, Vec<u8>)> {
        let made = (self.seeds)().into_iter().enumerate().map(|(number, input)| (format!("made-{number}"), input));
        made.chain(inputs(&self.folder())).collect()
    }

    /// The round that the ordinary tests run after the corpus.
    pub fn short_round(&self, executions: u64) -> Ended {
        round(self, &Round { seed: 1, executions, ..Round::default() }, |_| {})
    }
}

fn inputs(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    let mut inputs: Vec<_> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            Some((path.file_name()?.to_str()?.to_owned(), std::fs::read(&path).ok()?))
        })
        .collect();
    inputs.sort();
    inputs
}

/// A number for what an input came to.
fn outcome(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}
