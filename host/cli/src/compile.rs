//! `tollgate compile-component`: the process in which the gateway compiles what it doesn't trust. Not for people.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use anyhow::Context;
use rustix::process::{Resource, Rlimit, setrlimit};
use tollgate_runtime::{Allowance, Compiler};

/// The command's name.
pub(crate) const NAME: &str = "compile-component";

/// How to start this process. None if this program doesn't know where it lies; then it compiles by itself.
pub(crate) fn compiler() -> Option<Compiler> {
    let program = std::env::current_exe().ok()?;
    Some(Compiler { program, argument: NAME })
}

/// Standard input is a component, standard output its machine code, standard error why there is none.
pub(crate) fn compile() -> anyhow::Result<ExitCode> {
    let mut wasm = Vec::new();
    io::stdin().read_to_end(&mut wasm).context("no component came")?;
    hold_to(Allowance::of(wasm.len())).context("no limits can be set")?;
    match tollgate_runtime::compile(&wasm) {
        Ok(code) => {
            io::stdout().write_all(&code).context("nobody takes the machine code")?;
            Ok(ExitCode::SUCCESS)
        }
        Err(problem) => {
            // Nobody is left to tell if stderr is gone.
            let _ = writeln!(io::stderr(), "{problem}");
            Ok(ExitCode::FAILURE)
        }
    }
}

fn hold_to(allowance: Allowance) -> io::Result<()> {
    let limit = |resource, amount| setrlimit(resource, Rlimit { current: Some(amount), maximum: Some(amount) });
    limit(Resource::Cpu, allowance.cpu_seconds)?;
    // The allocator has set address space aside by now, most of which costs nothing.
    limit(Resource::As, allowance.memory_bytes.saturating_add(mapped_bytes()?))?;
    limit(Resource::Core, 0)?;
    Ok(())
}

/// Address space that this process has by now.
fn mapped_bytes() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmSize:")?.trim().strip_suffix(" kB"));
    let kibibytes = kibibytes.and_then(|number| number.parse::<u64>().ok());
    kibibytes.map(|number| number << 10).ok_or_else(|| io::Error::other("/proc/self/status has no VmSize"))
}
