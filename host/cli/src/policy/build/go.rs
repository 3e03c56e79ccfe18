//! Go: the reference compiler makes a core module for WASI 0.1, the policy's world is put into it, and an adapter that
//! wasmtime's makers keep makes WASI 0.2 of the rest.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use wit_component::StringEncoding;

use super::super::project::Project;
use super::super::{sdk, tools};

/// No distribution has one that is new enough everywhere, so it comes from its makers.
const INSTALL: &str =
    "curl -fsSL https://go.dev/dl/go1.26.8.linux-$(dpkg --print-architecture).tar.gz | sudo tar -C /usr/local -xz";

/// The oldest that the SDK is built with: `go` in its go.mod.
const OLDEST: (u32, u32) = (1, 25);

/// Where the linker puts what the component exports, for the SDK to compare with the policy's methods.
const EXPORTED: &str = "github.com/tollgate/tollgate/sdk/go/tollgate.exported";

pub(super) fn build(project: &Project, component: &Path) -> anyhow::Result<()> {
    let module = std::path::absolute(component.with_extension("core.wasm"))?;
    let mut exported: Vec<&str> = project.phases.iter().map(|phase| phase.name()).collect();
    if project.body_gate {
        exported.push("body-gate");
    }
    tools::run(
        Command::new(compiler()?)
            .current_dir(project.source.parent().unwrap_or(Path::new(".")))
            .args(["build", "-buildmode=c-shared", "-trimpath", "-ldflags"])
            .arg(format!("-s -w -X {EXPORTED}={}", exported.join(",")))
            .arg("-o")
            .arg(&module)
            .arg(".")
            .envs([("GOOS", "wasip1"), ("GOARCH", "wasm"), ("CGO_ENABLED", "0"), ("GOWORK", "off")]),
    )?;
    let mut core = fs::read(&module).with_context(|| format!("{} can't be read", module.display()))?;
    let (resolve, world) = sdk::resolve(project)?;
    wit_component::embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8, false)?;
    super::encode(&core, component)
}

/// `go` on the path or where its makers install it, if it is new enough.
fn compiler() -> anyhow::Result<PathBuf> {
    let made = Path::new("/usr/local/go/bin/go");
    let go = tools::program("go", INSTALL).or_else(|missing| made.is_file().then(|| made.into()).ok_or(missing))?;
    let said = Command::new(&go).args(["env", "GOVERSION"]).output().context("`go` can't be started")?;
    let said = String::from_utf8_lossy(&said.stdout);
    if version(&said).is_some_and(|found| found < OLDEST) {
        bail!(
            "{} is {}, and policies are built with {}.{} or newer; this installs it:\n\n  {INSTALL}",
            go.display(),
            said.trim(),
            OLDEST.0,
            OLDEST.1
        );
    }
    Ok(go)
}

/// `go1.26.8` → (1, 26); none for what isn't a release.
fn version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.trim().strip_prefix("go")?.split(|letter: char| !letter.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_of_go_are_compared_by_their_numbers() {
        assert!(version("go1.9.7\n") < Some(OLDEST) && version("go1.24rc2") < Some(OLDEST));
        assert!(version("go1.26.8") > Some(OLDEST) && version("go1.25") == Some(OLDEST));
        assert_eq!(version("devel +3b5e9c1"), None);
    }
}
