//! Where things are: the workspace root, the target directory and the packages, as cargo sees them.

use crate::step;
use anyhow::{Context, Result};
use serde_json::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A workspace member that builds a `cdylib`: a policy or an example.
#[derive(Debug, PartialEq)]
pub(crate) struct Guest {
    /// Cargo's name of the package.
    pub(crate) package: String,
    /// Name of its folder, which is the statement's name.
    pub(crate) folder: String,
    /// Name of its library, which is the file name of the core module.
    pub(crate) library: String,
    /// Whether it is one of `examples/*`, not of `policies/*`.
    pub(crate) example: bool,
}

#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) guests: Vec<Guest>,
}

impl Workspace {
    pub(crate) fn find() -> Result<Self> {
        let manifest =
            PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into()));
        let root = manifest.parent().context("xtask has no parent folder")?;
        let metadata = step::output(
            Command::new(cargo()).args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(root),
        )?;
        let metadata = serde_json::from_str(&metadata).context("`cargo metadata` wrote no JSON text")?;
        Self::from_metadata(&metadata).context("`cargo metadata` lacks an expected member")
    }

    fn from_metadata(metadata: &Value) -> Option<Self> {
        let root = PathBuf::from(metadata["workspace_root"].as_str()?);
        let packages = metadata["packages"].as_array()?;
        let mut guests: Vec<Guest> = packages.iter().filter_map(|package| guest(&root, package)).collect();
        guests.sort_by(|a, b| (a.example, &a.folder).cmp(&(b.example, &b.folder)));
        Some(Self { target: PathBuf::from(metadata["target_directory"].as_str()?), root, guests })
    }

    /// Where policy components go, and where the binary's build script reads them.
    pub(crate) fn components(&self) -> PathBuf {
        self.target.join("components")
    }

    pub(crate) fn binary(&self) -> PathBuf {
        self.target.join("release").join("tollgate")
    }

    /// What `build --dist` makes.
    pub(crate) fn shipped(&self) -> PathBuf {
        self.target.join("dist").join("tollgate")
    }

    /// Cargo for the host: the toolchain that built us, in the workspace, with the components' place told.
    ///
    /// Every host build goes through here. One that tells another place makes the binary's build script run again.
    pub(crate) fn host_cargo(&self) -> Command {
        let mut command = Command::new(cargo());
        command
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("TOLLGATE_COMPONENTS", self.components());
        forget_package(&mut command);
        command
    }
}

/// The cargo that runs us.
fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// `cargo run` describes xtask to its child in variables that the next cargo's build scripts must not see.
pub(crate) fn forget_package(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
}

fn guest(root: &Path, package: &Value) -> Option<Guest> {
    let folder = Path::new(package["manifest_path"].as_str()?).parent()?;
    let example = match folder.strip_prefix(root).ok()?.parent()?.to_str()? {
        "policies" => false,
        "examples" => true,
        _ => return None,
    };
    let library = package["targets"].as_array()?.iter().find(|target| {
        target["crate_types"].as_array().is_some_and(|types| types.iter().any(|kind| kind == "cdylib"))
    })?;
    Some(Guest {
        package: package["name"].as_str()?.to_owned(),
        folder: folder.file_name()?.to_str()?.to_owned(),
        library: library["name"].as_str()?.replace('-', "_"),
        example,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn package(path: &str, name: &str, kind: &str) -> Value {
        json!({
            "name": name,
            "manifest_path": format!("/w/{path}/Cargo.toml"),
            "targets": [{ "name": name, "crate_types": [kind] }],
        })
    }

    #[test]
    fn only_cdylibs_of_policies_and_examples_are_guests() {
        let metadata = json!({
            "workspace_root": "/w",
            "target_directory": "/t",
            "packages": [
                package("examples/hello", "hello", "cdylib"),
                package("host/core", "tollgate-core", "lib"),
                package("policies/rate-limit", "policy-rate-limit", "cdylib"),
                package("policies/unfinished", "policy-unfinished", "lib"),
            ],
        });
        let workspace = Workspace::from_metadata(&metadata).unwrap();
        let guest = |package: &str, folder: &str, library: &str, example| Guest {
            package: package.to_owned(),
            folder: folder.to_owned(),
            library: library.to_owned(),
            example,
        };
        assert_eq!(
            workspace.guests,
            [
                guest("policy-rate-limit", "rate-limit", "policy_rate_limit", false),
                guest("hello", "hello", "hello", true),
            ]
        );
        assert_eq!(workspace.components(), Path::new("/t/components"));
    }
}
