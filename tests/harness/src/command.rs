//! The binary, and its commands that end by themselves.

use crate::process;
use crate::setup::Setup;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The exit code; -1 if a signal ended it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// The gateway's binary: `TOLLGATE_BIN`, or where `cargo xtask build` puts it.
///
/// # Panics
///
/// If there is none.
pub fn binary() -> PathBuf {
    let path = match std::env::var_os("TOLLGATE_BIN") {
        Some(path) => PathBuf::from(path),
        None => target().join("release/tollgate"),
    };
    assert!(path.is_file(), "there is no {}: run `cargo xtask build`", path.display());
    path
}

/// Where `cargo xtask setup` has put what is of others: `TOLLGATE_TOOLS`, or in the target directory.
pub fn tools() -> PathBuf {
    std::env::var_os("TOLLGATE_TOOLS").map_or_else(|| target().join("tools"), PathBuf::from)
}

/// Cargo's target directory.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"),
    }
}

/// `tollgate check` of a document.
pub fn check(yaml: &str) -> Outcome {
    Setup::new(yaml).check()
}

/// `tollgate inspect` of a component.
pub fn inspect(component: &Path) -> Outcome {
    Outcome::of(Command::new(binary()).arg("inspect").arg(component))
}

impl Outcome {
    /// Run a command to its end.
    pub fn of(command: &mut Command) -> Self {
        let (status, stdout, stderr) = process::finish(command);
        Self { code: status.code().unwrap_or(-1), stdout, stderr }
    }
}
