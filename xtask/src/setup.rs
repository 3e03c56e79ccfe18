//! `setup`: make sure that Rust can build for `wasm32-unknown-unknown`, by the first route that works.
//!
//! 1. The target is in the active toolchain.
//! 2. `rustup target add`. A failure is remembered under `target/xtask/` for as long as the toolchain stays
//!    the same, so that a machine without a way to rustup's server waits for it once and not at every build.
//! 3. Debian's packages of rustc and of the library's sources; guests then build their own `std`.
//!
//! `XTASK_WASM_ROUTE=distribution` goes straight to the third, which is how that route is tested.

mod distribution;

use crate::step::{self, Steps};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(crate) use distribution::cargo as distribution_cargo;

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Long enough for 20 MB on a slow line, short enough for someone who waits in vain.
const RUSTUP_PATIENCE: Duration = Duration::from_secs(60);

/// What builds guests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Toolchain {
    /// The toolchain that builds the host, with the target in it.
    Active,
    /// Debian's, which builds `std` with the guests.
    Distribution,
}

/// Whether to try `rustup target add` although it has failed before.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Retry {
    Yes,
    No,
}

/// Find or make a toolchain for guests. Costs some milliseconds if there is one.
pub(crate) fn toolchain(workspace: &Workspace, steps: &mut Steps, retry: Retry) -> Result<Toolchain> {
    let forced = std::env::var_os("XTASK_WASM_ROUTE");
    steps.run("setup", || match forced.as_deref().and_then(|v| v.to_str()) {
        None => first_that_works(workspace, retry),
        Some("distribution") => distribution_route(None),
        Some(other) => bail!("XTASK_WASM_ROUTE is `{other}`; it may only be `distribution`"),
    })
}

fn first_that_works(workspace: &Workspace, retry: Retry) -> Result<(Toolchain, String)> {
    let sysroot = sysroot(workspace)?;
    if has_target(&sysroot) {
        let done = format!("{TARGET} is in {}", sysroot.display());
        return Ok((Toolchain::Active, done));
    }
    let failure = rustup_route(workspace, &sysroot, retry)?;
    match failure {
        None => Ok((Toolchain::Active, format!("rustup added {TARGET}"))),
        Some(reason) => distribution_route(Some(&reason)),
    }
}

fn sysroot(workspace: &Workspace) -> Result<PathBuf> {
    let printed = step::output(Command::new("rustc").args(["--print", "sysroot"]).current_dir(&workspace.root))?;
    Ok(PathBuf::from(printed.trim()))
}

/// Is the target's `core` there? Rustup leaves an empty folder behind when a target is removed.
fn has_target(sysroot: &Path) -> bool {
    let libraries = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    libraries
        .read_dir()
        .is_ok_and(|entries| entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libcore-")))
}

/// Try `rustup target add`; the answer is none if it worked, and else why not.
fn rustup_route(workspace: &Workspace, sysroot: &Path, retry: Retry) -> Result<Option<String>> {
    let memory = workspace.target.join("xtask/rustup-target-add-failed");
    let fingerprint = sysroot.display().to_string();
    if retry == Retry::No
        && let Ok(remembered) = std::fs::read_to_string(&memory)
        && let Some(reason) = remembered.strip_prefix(&format!("{fingerprint}\n"))
    {
        return Ok(Some(reason.to_owned()));
    }
    step::say("setup", &format!("rustup target add {TARGET} …"));
    let failure = match rustup_target_add(workspace) {
        Ok(()) if has_target(sysroot) => None,
        Ok(()) => Some("rustup added the target to another toolchain than rustc's".to_owned()),
        Err(error) => Some(format!("{error:#}")),
    };
    match &failure {
        None => drop(std::fs::remove_file(&memory)),
        Some(reason) => {
            let folder = workspace.target.join("xtask");
            std::fs::create_dir_all(&folder)
                .and_then(|()| std::fs::write(&memory, format!("{fingerprint}\n{reason}")))
                .with_context(|| format!("could not write {}", memory.display()))?;
        }
    }
    Ok(failure)
}

fn rustup_target_add(workspace: &Workspace) -> Result<()> {
    let output = with_deadline(
        Command::new("rustup")
            .args(["target", "add", TARGET])
            .current_dir(&workspace.root)
            .env("RUSTUP_MAX_RETRIES", "1"),
        RUSTUP_PATIENCE,
    )?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let reason = stderr.lines().find(|line| line.starts_with("error")).unwrap_or("rustup gave no reason");
        bail!("`rustup target add {TARGET}`: {}", reason.trim());
    }
    Ok(())
}

/// Run a command that writes little, and end it if it takes longer than `patience`.
fn with_deadline(command: &mut Command, patience: Duration) -> Result<Output> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("could not start {program}"))?;
    let start = Instant::now();
    while child.try_wait()?.is_none() {
        if start.elapsed() > patience {
            child.kill()?;
            child.wait()?;
            bail!("{program} was not done after {} s", patience.as_secs());
        }
        sleep(Duration::from_millis(50));
    }
    Ok(child.wait_with_output()?)
}

fn distribution_route(rustup: Option<&str>) -> Result<(Toolchain, String)> {
    if let Some(reason) = rustup {
        step::say("setup", reason);
    }
    let done = distribution::ensure()?;
    Ok((Toolchain::Distribution, done))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_hangs_is_ended() {
        let error = with_deadline(Command::new("sleep").arg("60"), Duration::from_millis(100));
        assert!(error.unwrap_err().to_string().contains("not done after"));
    }

    #[test]
    fn a_folder_without_core_is_no_target() {
        let sysroot = std::env::temp_dir().join(format!("xtask-sysroot-{}", std::process::id()));
        let libraries = sysroot.join("lib/rustlib").join(TARGET).join("lib");
        std::fs::create_dir_all(&libraries).unwrap();
        assert!(!has_target(&sysroot));
        std::fs::write(libraries.join("libcore-0123.rlib"), "").unwrap();
        assert!(has_target(&sysroot));
        std::fs::remove_dir_all(&sysroot).unwrap();
    }
}
