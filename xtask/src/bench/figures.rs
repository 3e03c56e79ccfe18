//! `bench/instructions.txt`: what each benchmark took when somebody last agreed to it.

use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;

const FILE: &str = "bench/instructions.txt";

/// What the others are more than.
const BARE: &str = "no-policy";

const HEADER: &str = "\
# Instructions of one request in user space, all threads: the benchmarks of micro.yaml, counted by callgrind.
# `cargo xtask test` fails when one takes 10 % more. `cargo xtask bench --accept` writes this file.
";

/// Counts move by 1 to 2 % between runs, of what woke beside the requests and of hash tables' seeds.
const MAY_GROW_PERCENT: u64 = 10;

pub(super) struct Figures(BTreeMap<String, u64>);

impl Figures {
    pub(super) fn read(workspace: &Workspace) -> Result<Self> {
        let path = workspace.root.join(FILE);
        let text = std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self> {
        let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        let figure = |line: &str| {
            let (name, count) = line.split_once(' ')?;
            Some((name.to_owned(), count.trim().replace('_', "").parse().ok()?))
        };
        let figures = lines.map(|line| figure(line).with_context(|| format!("{FILE}: `{line}` is no name and count")));
        figures.collect::<Result<_>>().map(Self)
    }

    pub(super) fn write(&self, workspace: &Workspace) -> Result<()> {
        let path = workspace.root.join(FILE);
        let lines = self.0.iter().map(|(name, count)| format!("{name} {count}\n"));
        std::fs::write(&path, HEADER.to_owned() + &lines.collect::<String>())
            .with_context(|| format!("could not write {}", path.display()))
    }

    /// Take `counted` over; if it is all there is, others are forgotten.
    pub(super) fn accept(&mut self, counted: &BTreeMap<String, u64>, all: bool) {
        if all {
            self.0.clear();
        }
        self.0.extend(counted.clone());
    }

    /// Fail if a benchmark takes more than was agreed to, or if nobody has agreed to it.
    pub(super) fn hold(&self, counted: &BTreeMap<String, u64>) -> Result<()> {
        let mut grown = Vec::new();
        for (name, &now) in counted {
            match self.0.get(name) {
                None => grown.push(format!("{name}: {now} instructions; no figure is stored")),
                Some(&stored) if now * 100 > stored * (100 + MAY_GROW_PERCENT) => {
                    let percent = (now - stored) * 100 / stored.max(1);
                    grown.push(format!("{name}: {now} instructions, {stored} are stored: {percent} % more"));
                }
                Some(_) => {}
            }
        }
        if !grown.is_empty() {
            bail!(
                "requests have become dearer:\n  {}\nIf that is meant: `cargo xtask bench --accept`, and commit {FILE}",
                grown.join("\n  ")
            );
        }
        Ok(())
    }

    /// A table in Markdown.
    pub(super) fn table(&self, counted: &BTreeMap<String, u64>) -> String {
        let bare = counted.get(BARE).or(self.0.get(BARE)).copied().unwrap_or(0);
        let head = "| benchmark | instructions | over the bare proxy | stored |\n| --- | --- | --- | --- |\n";
        let line = |(name, &now): (&String, &u64)| {
            let over = i128::from(now) - i128::from(bare);
            let stored = self.0.get(name).map_or("none".to_owned(), u64::to_string);
            format!("| `{name}` | {now} | {over} | {stored} |\n")
        };
        head.to_owned() + &counted.iter().map(line).collect::<String>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(count: u64) -> BTreeMap<String, u64> {
        BTreeMap::from([("no-policy".to_owned(), count)])
    }

    #[test]
    fn a_tenth_more_passes_and_more_than_that_names_the_benchmark_both_figures_and_the_command() {
        let figures = Figures::parse("# comment\n\nno-policy 60000\n").unwrap();
        figures.hold(&counted(66_000)).unwrap();
        let error = figures.hold(&counted(66_100)).unwrap_err().to_string();
        for part in ["no-policy", "66100", "60000", "cargo xtask bench --accept"] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_benchmark_without_a_figure_fails_until_it_is_accepted() {
        let mut figures = Figures::parse("gone 1\n").unwrap();
        figures.hold(&counted(1)).unwrap_err();
        figures.accept(&counted(1), true);
        figures.hold(&counted(1)).unwrap();
        assert!(!figures.0.contains_key("gone"));
    }
}
