//! Policies and examples: Rust crates to core modules in `target/wasm`, core modules to components.

use crate::components::{self, Change};
use crate::setup::{self, Retry, TARGET, Toolchain};
use crate::step::{self, Steps};
use crate::workspace::{Guest, Workspace};
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// rustc's own default of 1 MiB costs every instance sixteen pages more. JSON recurses deepest here: serde_json reads 128
/// levels, and half of this isn't enough for them.
const STACK_BYTES: u32 = 128 * 1024;

/// Build all guests, each into `target/components/<statement>.wasm` or `target/components/examples/<name>.wasm`.
///
/// A file is touched only if its content changes, so that the binary that embeds it isn't built again.
pub(crate) fn build(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    let toolchain = setup::toolchain(workspace, steps, Retry::No)?;
    steps.run("guests", || {
        if !workspace.guests.is_empty() {
            step::succeed(&mut cargo_build(workspace, toolchain))?;
        }
        Ok(((), format!("{} core modules", workspace.guests.len())))
    })?;
    steps.run("components", || {
        let mut changed = Vec::new();
        for guest in &workspace.guests {
            let change = components::make(&core_module(workspace, guest), &component(workspace, guest))
                .with_context(|| format!("`{}` is no component", guest.package))?;
            if change == Change::Written {
                changed.push(guest.folder.as_str());
            }
        }
        remove_stale(workspace)?;
        let done = match changed.as_slice() {
            [] => "none changed".to_owned(),
            changed => format!("changed: {}", changed.join(", ")),
        };
        Ok(((), done))
    })
}

/// One cargo invocation for all guests, apart from the host's target directory: neither waits for the other's lock.
fn cargo_build(workspace: &Workspace, toolchain: Toolchain) -> Command {
    let mut command = match toolchain {
        Toolchain::Active => {
            let mut command = workspace.host_cargo();
            command.arg("build");
            command
        }
        Toolchain::Distribution => setup::distribution_cargo("build"),
    };
    command
        .current_dir(&workspace.root)
        .args(["--profile", "guest", "--target", TARGET, "--lib"])
        .env("CARGO_TARGET_DIR", target_directory(workspace))
        // Flags meant for the host would replace ours.
        .env_remove("RUSTFLAGS")
        .env("CARGO_ENCODED_RUSTFLAGS", flags(workspace).join("\u{1f}"));
    for guest in &workspace.guests {
        command.args(["--package", &guest.package]);
    }
    command
}

fn target_directory(workspace: &Workspace) -> PathBuf {
    workspace.target.join("wasm")
}

/// The stack's size; and no folder names of this machine in components, whose digests should be the same anywhere.
fn flags(workspace: &Workspace) -> Vec<String> {
    let mut flags = vec![
        format!("-Clink-arg=-zstack-size={STACK_BYTES}"),
        format!("--remap-path-prefix={}=tollgate", workspace.root.display()),
    ];
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    if let Some(home) = home {
        flags.push(format!("--remap-path-prefix={}=cargo", home.display()));
    }
    flags
}

fn core_module(workspace: &Workspace, guest: &Guest) -> PathBuf {
    target_directory(workspace).join(TARGET).join("guest").join(&guest.library).with_extension("wasm")
}

fn component(workspace: &Workspace, guest: &Guest) -> PathBuf {
    let folder = match guest.example {
        true => workspace.components().join("examples"),
        false => workspace.components(),
    };
    folder.join(format!("{}.wasm", guest.folder))
}

/// Take away components whose crate is gone: the binary embeds whatever lies there.
fn remove_stale(workspace: &Workspace) -> Result<()> {
    let wanted: BTreeSet<PathBuf> = workspace.guests.iter().map(|guest| component(workspace, guest)).collect();
    for folder in [workspace.components(), workspace.components().join("examples")] {
        for path in wasm_files(&folder)? {
            if !wanted.contains(&path) {
                std::fs::remove_file(&path).with_context(|| format!("could not remove {}", path.display()))?;
            }
        }
    }
    Ok(())
}

fn wasm_files(folder: &Path) -> Result<Vec<PathBuf>> {
    std::fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            files.push(path);
        }
    }
    Ok(files)
}
