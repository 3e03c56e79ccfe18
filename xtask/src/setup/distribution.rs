//! The third route: Debian's newest rustc and cargo in `/usr/bin`, with the sources of the matching library.
//!
//! They stand beside rustup's toolchain and are used for guests only. (Library sources build with their own
//! rustc alone, which is why rustup's toolchain can't take them.)

use super::TARGET;
use crate::step::{self, say};
use crate::workspace::forget_package;
use anyhow::{Result, bail};
use std::path::Path;
use std::process::Command;

const CARGO: &str = "/usr/bin/cargo";
const RUSTC: &str = "/usr/bin/rustc";
const LINKER: &str = "/usr/bin/wasm-ld-19";
const PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-19"];

/// The workspace's `rust-version`: an older compiler would refuse our crates.
const OLDEST: (u32, u32) = (1, 95);

/// Make sure of the packages; says what was there or done.
pub(super) fn ensure() -> Result<String> {
    let Err(missing) = ready() else {
        return Ok(format!("Debian's rustc in /usr/bin builds for {TARGET}"));
    };
    say("setup", &format!("{missing}; apt-get install {} …", PACKAGES.join(" ")));
    let install = format!("apt-get install --no-install-recommends {}", PACKAGES.join(" "));
    if let Err(error) = apt_get().and_then(|()| ready()) {
        bail!(
            "{error:#}\n\nRust can't build for {TARGET} yet. Run one of these, then again what you ran now:\n  \
             rustup target add {TARGET}\n  \
             sudo {install}"
        );
    }
    Ok(format!("installed {}", PACKAGES.join(", ")))
}

/// Is everything there, and new enough? If not, the error says what is missing.
fn ready() -> Result<()> {
    for path in [CARGO, RUSTC, LINKER] {
        if !Path::new(path).exists() {
            bail!("there is no {path}");
        }
    }
    let version = step::output(Command::new(RUSTC).arg("--version"))?;
    if parse(&version).is_none_or(|found| found < OLDEST) {
        bail!("{RUSTC} is too old: {}", version.trim());
    }
    let sysroot = step::output(Command::new(RUSTC).args(["--print", "sysroot"]))?;
    let sources = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/std/Cargo.toml");
    if !sources.exists() {
        bail!("there is no {}", sources.display());
    }
    Ok(())
}

/// Major and minor of `rustc 1.96.0 (ac68faa20 2026-05-25)`.
fn parse(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split_whitespace().nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn apt_get() -> Result<()> {
    let user = step::output(Command::new("id").arg("-u"))?;
    if user.trim() != "0" {
        bail!("installing packages needs root");
    }
    // The lists first: an old one may name an older rustc. `--no-remove`: these packages conflict with Debian's
    // other rustc, and taking that one away is not ours to decide.
    let patient = ["-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=30"];
    for action in
        [vec!["update"], [vec!["install", "-y", "--no-remove", "--no-install-recommends"], PACKAGES.to_vec()].concat()]
    {
        step::succeed(
            Command::new("apt-get").arg("-qq").args(patient).args(action).env("DEBIAN_FRONTEND", "noninteractive"),
        )?;
    }
    Ok(())
}

/// Debian's cargo, set to build `std` for the target. The rest of the command line is the caller's.
pub(crate) fn cargo(subcommand: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(CARGO);
    command
        .args([subcommand, "-Zbuild-std=std,panic_abort"])
        .env("PATH", format!("/usr/bin:{path}"))
        .env("RUSTC", RUSTC)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", LINKER)
        .env_remove("CARGO")
        .env_remove("RUSTUP_TOOLCHAIN");
    forget_package(&mut command);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(parse("rustc 1.96.0 (ac68faa20 2026-05-25)"), Some((1, 96)));
        assert!(parse("rustc 1.63.0").unwrap() < OLDEST);
        assert!(parse("rustc 2.0.0").unwrap() > OLDEST);
        assert_eq!(parse("nonsense"), None);
    }
}
