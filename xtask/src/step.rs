//! Steps of a command: what is done, how long it took. Everything here goes to stderr; stdout belongs to the tools.

use anyhow::{Context, Result, bail};
use std::process::Command;
use std::time::{Duration, Instant};

/// Times steps and prints a line after each.
pub(crate) struct Steps {
    taken: Vec<(&'static str, Duration)>,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self { taken: Vec::new() }
    }

    /// Do `work` and print `name`, the seconds, and what `work` says it did.
    pub(crate) fn run<T>(&mut self, name: &'static str, work: impl FnOnce() -> Result<(T, String)>) -> Result<T> {
        let start = Instant::now();
        let result = work();
        let took = start.elapsed();
        self.taken.push((name, took));
        match result {
            Ok((value, done)) => {
                say(name, &format!("{:6.1} s  {done}", took.as_secs_f64()));
                Ok(value)
            }
            Err(error) => {
                say(name, &format!("{:6.1} s  failed", took.as_secs_f64()));
                Err(error)
            }
        }
    }

    /// All steps on one line, such as `guests 0.4 s, host 12.1 s`.
    pub(crate) fn summary(&self) -> String {
        let steps: Vec<String> =
            self.taken.iter().map(|(name, took)| format!("{name} {:.1} s", took.as_secs_f64())).collect();
        steps.join(", ")
    }
}

/// One line about a step.
pub(crate) fn say(step: &str, line: &str) {
    eprintln!("xtask: {step:<10} {line}");
}

/// Run a command with our own standard streams; an exit code other than 0 is an error.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("could not start `{}`", shown(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// Run a command and return what it wrote to stdout.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("could not start `{}`", shown(command)))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed ({}): {}", shown(command), output.status, stderr.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A command as one would type it, without its environment, and cut if it is long.
fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    let line = words.join(" ");
    match line.char_indices().nth(200) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line,
    }
}
