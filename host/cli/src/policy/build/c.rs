//! C: clang and wasi-libc make a core module, the policy's world is put into it. One that reads files gets the adapter to WASI
//! 0.2 as well.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use wit_component::StringEncoding;

use super::super::project::Project;
use super::super::{sdk, tools};

/// What builds C for WebAssembly on Debian and Ubuntu.
const INSTALL: &str =
    "sudo apt-get install --no-install-recommends clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32";

pub(super) fn build(project: &Project, component: &Path) -> anyhow::Result<()> {
    let clang = tools::program("clang-19", INSTALL).or_else(|missing| tools::on_path("clang").ok_or(missing))?;
    let sdk = project.laid().join("sdk/c");
    let module = component.with_extension("core.wasm");
    let phases =
        project.phases.iter().map(|phase| format!("-DTOLLGATE_{}", phase.name().to_uppercase().replace('-', "_")));
    tools::run(
        Command::new(clang)
            .args(["--target=wasm32-wasi", "--sysroot=/usr", "-mexec-model=reactor", "-O2", "-flto", "-Wl,--strip-all"])
            .args(["-Wl,-z,stack-size=65536", "-Wl,--no-entry", "-I"])
            .arg(&sdk)
            .args(phases)
            .args(project.files.then_some("-DTOLLGATE_FILES"))
            .arg("-o")
            .arg(&module)
            .arg(&project.source)
            .args(["tollgate.c", "generated/policy.c"].map(|file| sdk.join(file))),
    )?;
    let mut core = fs::read(&module).with_context(|| format!("{} can't be read", module.display()))?;
    let (resolve, world) = sdk::resolve(project)?;
    wit_component::embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8, false)?;
    super::encode(&core, component)
}
