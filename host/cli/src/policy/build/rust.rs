//! Rust: cargo makes a core module, which carries its world already.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use super::super::project::Project;
use super::super::tools;

const TARGET: &str = "wasm32-unknown-unknown";

pub(super) fn build(project: &Project, component: &Path) -> anyhow::Result<()> {
    let mut cargo = cargo()?;
    let target = std::path::absolute(project.folder.join("build/cargo"))?;
    cargo
        .current_dir(&project.folder)
        .args(["build", "--quiet", "--release", "--lib", "--target", TARGET])
        .env("CARGO_TARGET_DIR", &target)
        // The default stack of 1 MiB would cost every instance sixteen pages more.
        .env("CARGO_ENCODED_RUSTFLAGS", "-Clink-arg=-zstack-size=131072");
    tools::run(&mut cargo)?;
    let module = newest_module(&target.join(TARGET).join("release"))?;
    super::encode(&fs::read(&module).with_context(|| format!("{} can't be read", module.display()))?, component)
}

/// The library's name is the author's to choose.
fn newest_module(folder: &Path) -> anyhow::Result<PathBuf> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} can't be read", folder.display()))?;
    let modules = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let modules = modules.filter(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    let newest = modules.max_by_key(|path| path.metadata().and_then(|facts| facts.modified()).ok());
    newest.context("cargo made no .wasm; Cargo.toml needs `[lib] crate-type = [\"cdylib\", \"rlib\"]`")
}

/// Cargo with the target, or the distribution's, which builds the library first (Debian's rustc-web, cargo-web, rust-web-src
/// and lld-19).
fn cargo() -> anyhow::Result<Command> {
    let cargo = tools::program("cargo", "curl https://sh.rustup.rs | sh")?;
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().context("`rustc` can't be started")?;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&sysroot.stdout).trim());
    if sysroot.join("lib/rustlib").join(TARGET).join("lib").is_dir() {
        return Ok(Command::new(cargo));
    }
    let linker = Path::new("/usr/bin/wasm-ld-19");
    let distribution = ["/usr/bin/cargo", "/usr/bin/rustc"].into_iter().all(|path| Path::new(path).is_file());
    if !(distribution && linker.is_file()) {
        bail!("Rust can't build for {TARGET} yet; this installs what is missing:\n\n  rustup target add {TARGET}");
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("/usr/bin/cargo");
    command
        .arg("-Zbuild-std=std,panic_abort")
        .env("PATH", format!("/usr/bin:{path}"))
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
        .env_remove("RUSTUP_TOOLCHAIN");
    Ok(command)
}
