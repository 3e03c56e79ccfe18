//! Programs that are Debian's packages.

use crate::step::{self, say};
use anyhow::{Context, Result};
use std::process::Command;

/// Install `packages`, which are missing; the error says what to run by hand.
pub(crate) fn install(step: &str, packages: &[&str]) -> Result<()> {
    say(step, &format!("apt-get install {}", packages.join(" ")));
    for action in [vec!["update"], [vec!["install", "-y", "--no-install-recommends"], packages.to_vec()].concat()] {
        let mut apt = Command::new("apt-get");
        apt.arg("-qq").args(["-o", "Acquire::Retries=2"]).args(action).env("DEBIAN_FRONTEND", "noninteractive");
        // A server that is installed for tests isn't to be started for everybody.
        apt.env("SYSTEMD_OFFLINE", "1").env("RUNLEVEL", "1");
        step::succeed(&mut apt).with_context(|| {
            format!("run this, and then again what you ran now:\n  sudo apt-get install {}", packages.join(" "))
        })?;
    }
    Ok(())
}

pub(crate) fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
