//! `test`: every test of the workspace, against the real binary. With `--quick`, unit tests, and no binary.

use crate::bench;
use crate::docs;
use crate::guests;
use crate::host;
use crate::languages;
use crate::servers;
use crate::step::{self, Steps};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    let (options, filters): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|argument| argument.starts_with("--"));
    let quick = match options.as_slice() {
        [] => false,
        [option] if *option == "--quick" => true,
        _ => bail!("`test` takes `--quick` and filters, not {options:?}"),
    };
    match quick {
        true => guests::build(workspace, steps)?,
        false => {
            host::build_with_tests(workspace, steps)?;
            docs::run(workspace, steps, docs::Mode::Check)?;
            languages::ensure(workspace, steps)?;
            servers::ensure(workspace, steps)?;
        }
    }

    let mut counts = Counts::default();
    let result = steps.run("tests", || {
        let mut cargo = workspace.host_cargo();
        cargo.args(["test", "--release", "--workspace", "--no-fail-fast"]).env("TOLLGATE_BIN", workspace.binary());
        cargo.env("TOLLGATE_TOOLS", languages::folder(workspace));
        if quick {
            cargo.args(["--lib", "--bins"]);
        }
        cargo.arg("--").args(&filters);
        let passed = count(&mut cargo, &mut counts)?;
        if !passed {
            bail!("a test failed, or one did not build: see above");
        }
        Ok(((), "all passed".to_owned()))
    });
    // Filters name tests: who looks for one has no use for every count.
    let result = match quick || !filters.is_empty() {
        true => result,
        false => result.and_then(|()| bench::hold(workspace, steps)),
    };
    step::say("done", &steps.summary());
    println!("{}", counts.line());
    result
}

/// Run `cargo test`, pass its output on, and add up what the test binaries report.
fn count(cargo: &mut Command, counts: &mut Counts) -> Result<bool> {
    let mut child = cargo.stdout(Stdio::piped()).spawn().context("could not start `cargo test`")?;
    let stdout = child.stdout.take().context("`cargo test` has no stdout")?;
    let mut own = std::io::stdout().lock();
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line.context("could not read what `cargo test` writes")?;
        counts.add(&String::from_utf8_lossy(&line));
        own.write_all(&line)?;
        own.write_all(b"\n")?;
    }
    Ok(child.wait()?.success())
}

/// Tests by outcome, over all test binaries.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Counts {
    /// Take in a line if it is one such as `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; …`.
    fn add(&mut self, line: &str) {
        let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else {
            return;
        };
        for part in counts.split("; ") {
            let Some((number, outcome)) = part.split_once(' ') else {
                continue;
            };
            let number: u64 = number.parse().unwrap_or(0);
            match outcome {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }

    fn line(&self) -> String {
        let Self { passed, failed, ignored } = self;
        format!("{passed} passed, {failed} failed, {ignored} skipped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_several_binaries_add_up() {
        let mut counts = Counts::default();
        counts.add("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 9 filtered out; finished in 0.00s");
        counts.add("test tests::name ... ok");
        counts.add("test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.2s");
        assert_eq!(counts.line(), "5 passed, 4 failed, 1 skipped");
    }
}
