//! `build --dist`: what is shipped. The program is built with counters inside, runs under the loads of `bench macro`, and is built once more
//! with what they counted (rustc's book, "Profile-guided Optimization"), linked across crates.

use crate::bench;
use crate::debian;
use crate::guests;
use crate::step::{self, Steps};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Build the components, then `target/dist/tollgate`.
pub(crate) fn build(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    guests::build(workspace, steps)?;
    let rustc = Rustc::ask(workspace)?;
    let merger = rustc.merger(steps)?;
    let folder = workspace.target.join("profile");
    let counts = folder.join("counts");
    let counting = compile(workspace, steps, &rustc, "counting", &format!("-Cprofile-generate={}", counts.display()))?;
    // What an earlier program has counted doesn't fit this one.
    drop(std::fs::remove_dir_all(&counts));
    bench::train(workspace, steps, &counting)?;
    let profile = merge(steps, &merger, &counts, &folder)?;
    let used = compile(workspace, steps, &rustc, "dist", &format!("-Cprofile-use={}", profile.display()))?;
    let shipped = workspace.shipped();
    std::fs::create_dir_all(shipped.parent().unwrap_or(&shipped))?;
    // Another file rather than other bytes: the one that is there may be running.
    drop(std::fs::remove_file(&shipped));
    std::fs::copy(&used, &shipped).with_context(|| format!("could not write {}", shipped.display()))?;
    step::say("dist", &shipped.display().to_string());
    Ok(())
}

/// The compiler, as it describes itself.
struct Rustc {
    /// What it compiles for.
    host: String,
    /// The LLVM in it, whose profiles no older one can read.
    llvm: u32,
    sysroot: PathBuf,
}

impl Rustc {
    fn ask(workspace: &Workspace) -> Result<Self> {
        let ask = |arguments: &[&str]| step::output(Command::new("rustc").args(arguments).current_dir(&workspace.root));
        let (host, llvm) = described(&ask(&["-vV"])?).context("`rustc -vV` names no host or no LLVM")?;
        Ok(Self { host, llvm, sysroot: ask(&["--print", "sysroot"])?.trim().into() })
    }

    /// `llvm-profdata` of the same LLVM: rustup's, or Debian's, which is installed if it isn't there.
    fn merger(&self, steps: &mut Steps) -> Result<PathBuf> {
        let rustups = self.sysroot.join("lib/rustlib").join(&self.host).join("bin/llvm-profdata");
        let debians = PathBuf::from(format!("/usr/lib/llvm-{}/bin/llvm-profdata", self.llvm));
        steps.run("llvm", || {
            if !rustups.is_file() && !debians.is_file() {
                debian::install("llvm", &[&format!("llvm-{}", self.llvm)])
                    .context("profiles are merged by llvm-profdata; with rustup: `rustup component add llvm-tools`")?;
            }
            match [&rustups, &debians].into_iter().find(|tool| tool.is_file()) {
                Some(tool) => Ok((tool.clone(), tool.display().to_string())),
                None => bail!("there is neither {} nor {}", rustups.display(), debians.display()),
            }
        })
    }
}

/// Host and LLVM's major version out of `rustc -vV`.
fn described(said: &str) -> Option<(String, u32)> {
    let field = |name| said.lines().find_map(|line| line.strip_prefix(name));
    let llvm = field("LLVM version: ")?.split('.').next()?.parse().ok()?;
    Some((field("host: ")?.to_owned(), llvm))
}

/// Compile the program with a flag, in a folder of its own: with other flags everything compiles anew.
fn compile(workspace: &Workspace, steps: &mut Steps, rustc: &Rustc, name: &'static str, flag: &str) -> Result<PathBuf> {
    steps.run(name, || {
        let target = workspace.target.join("profile").join(name);
        let mut cargo = workspace.host_cargo();
        cargo.args(["build", "--profile", "dist", "--workspace", "--bin", "tollgate"]);
        // With a target named, build scripts and macros are compiled without the flag.
        cargo.args(["--target", &rustc.host]).env("CARGO_TARGET_DIR", &target).env("RUSTFLAGS", flag);
        step::succeed(&mut cargo)?;
        let built = target.join(&rustc.host).join("dist/tollgate");
        Ok((built.clone(), built.display().to_string()))
    })
}

/// Counts of all processes in one file. Its name tells what is in it, so that cargo sees when there is another.
fn merge(steps: &mut Steps, merger: &Path, counts: &Path, folder: &Path) -> Result<PathBuf> {
    steps.run("merge", || {
        // One file, to which each process adds, unless a file system can't be locked.
        let read = counts.read_dir().context("the counting program has written nothing")?;
        let files: Vec<PathBuf> = read.filter_map(|entry| Some(entry.ok()?.path())).collect();
        let merged = folder.join("merged");
        step::succeed(Command::new(merger).args(["merge", "-o"]).arg(&merged).args(&files))?;
        for entry in folder.read_dir()? {
            let earlier = entry?.path();
            if earlier.extension().is_some_and(|extension| extension == "profdata") {
                std::fs::remove_file(earlier)?;
            }
        }
        let digest = step::output(Command::new("sha256sum").arg(&merged))?;
        let profile = folder.join(format!("{}.profdata", digest.get(..16).unwrap_or_default()));
        std::fs::rename(&merged, &profile)?;
        Ok((profile, format!("{} files of counts", files.len())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rustc_tells_its_host_and_its_llvm() {
        let said = "rustc 1.95.0 (x 2026-01-01)\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\nLLVM version: 22.1.2\n";
        assert_eq!(described(said), Some(("x86_64-unknown-linux-gnu".to_owned(), 22)));
        assert_eq!(described("rustc 1.95.0\n"), None);
    }
}
