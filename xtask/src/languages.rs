//! What builds policies in other languages than Rust, into `target/tools`, where `tollgate policy` finds it: versions are
//! pinned beside the SDKs. Everything comes from npm, PyPI and the distribution, but for Go, which is looked for only.

use crate::debian;
use crate::step::{self, Steps, say};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Debian's, for C, and for what the other two are installed with.
const PROGRAMS: [(&str, &str); 4] = [
    ("/usr/bin/clang-19", "clang-19"),
    ("/usr/bin/wasm-ld-19", "lld-19"),
    ("/usr/lib/wasm32-wasi/libc.a", "wasi-libc"),
    ("/usr/lib/llvm-19/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a", "libclang-rt-19-dev-wasm32"),
];

/// Where the tools are.
pub(crate) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("tools")
}

/// Install what is missing. Costs some milliseconds if nothing is.
pub(crate) fn ensure(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    steps.run("tools", || {
        let mut done = Vec::new();
        done.extend(c()?);
        done.extend(javascript(workspace)?);
        done.extend(python(workspace)?);
        go()?;
        let done = if done.is_empty() {
            "clang, componentize-js, componentize-py and Go are there".into()
        } else {
            done.join("; ")
        };
        Ok(((), done))
    })
}

fn c() -> Result<Option<String>> {
    let mut missing: Vec<&str> =
        PROGRAMS.into_iter().filter(|(path, _)| !Path::new(path).exists()).map(|(_, package)| package).collect();
    for (program, package) in [("node", "nodejs"), ("npm", "npm"), ("python3", "python3-venv")] {
        if !debian::on_path(program) {
            missing.push(package);
        }
    }
    if missing.is_empty() {
        return Ok(None);
    }
    debian::install("tools", &missing)?;
    Ok(Some(format!("installed {}", missing.join(", "))))
}

/// `npm ci` of `sdk/js/package-lock.json`. Nothing of the packages runs: they bring their programs along.
fn javascript(workspace: &Workspace) -> Result<Option<String>> {
    let (from, to) = (workspace.root.join("sdk/js"), folder(workspace).join("js"));
    let files = ["package.json", "package-lock.json"];
    if to.join("node_modules/esbuild").is_dir() && files.iter().all(|file| same(&from.join(file), &to.join(file))) {
        return Ok(None);
    }
    say("tools", "npm ci for policies in JavaScript");
    std::fs::create_dir_all(&to)?;
    for file in files {
        std::fs::copy(from.join(file), to.join(file)).with_context(|| format!("could not copy {file}"))?;
    }
    let quiet = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    step::succeed(Command::new("npm").args(quiet).current_dir(&to))?;
    Ok(Some("installed componentize-js and esbuild".to_owned()))
}

/// A virtual environment with `sdk/python/requirements.txt`.
fn python(workspace: &Workspace) -> Result<Option<String>> {
    let wanted = workspace.root.join("sdk/python/requirements.txt");
    let environment = folder(workspace).join("python");
    let installed = environment.join("requirements.txt");
    if environment.join("bin/componentize-py").exists() && same(&wanted, &installed) {
        return Ok(None);
    }
    say("tools", "pip install for policies in Python");
    step::succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
    let pip = environment.join("bin/pip");
    step::succeed(Command::new(pip).args(["install", "--quiet", "--disable-pip-version-check", "-r"]).arg(&wanted))?;
    if !environment.join("bin/componentize-py").exists() {
        bail!("pip installed no componentize-py into {}", environment.display());
    }
    std::fs::copy(&wanted, &installed)?;
    Ok(Some("installed componentize-py".to_owned()))
}

/// The oldest Go that the SDK is built with: `go` in its go.mod.
const OLDEST_GO: (u32, u32) = (1, 25);

/// Go is the one tool that no package brings in a version that is new enough; `tollgate policy build` looks for it in the same
/// places.
fn go() -> Result<()> {
    let program = if debian::on_path("go") { "go" } else { "/usr/local/go/bin/go" };
    let said = Command::new(program).args(["env", "GOVERSION"]).output();
    let found = said.map_or_else(|_| String::new(), |said| String::from_utf8_lossy(&said.stdout).trim().to_owned());
    // What isn't a release is whoever built it's own.
    if !found.is_empty() && go_version(&found).is_none_or(|version| version >= OLDEST_GO) {
        return Ok(());
    }
    let found = if found.is_empty() { "there is none".to_owned() } else { format!("`{program}` is {found}") };
    bail!(
        "policies in Go need Go {}.{} or newer, and {found}; run this, have /usr/local/go/bin first on the PATH, and run again \
         what you ran now:\n  \
         sudo rm -rf /usr/local/go; curl -fsSL https://go.dev/dl/go1.26.8.linux-$(dpkg --print-architecture).tar.gz | \
         sudo tar -C /usr/local -xz",
        OLDEST_GO.0,
        OLDEST_GO.1
    );
}

/// `go1.26.8` → (1, 26); none for what isn't a release.
fn go_version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.strip_prefix("go")?.split(|letter: char| !letter.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn same(one: &Path, other: &Path) -> bool {
    matches!((std::fs::read(one), std::fs::read(other)), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_of_go_are_compared_by_their_numbers() {
        assert!(go_version("go1.19.8") < Some(OLDEST_GO) && go_version("go1.9") < Some(OLDEST_GO));
        assert!(go_version("go1.26.8") > Some(OLDEST_GO) && go_version("go1.25") == Some(OLDEST_GO));
        assert_eq!(go_version("devel +3b5e9c1"), None);
    }
}
