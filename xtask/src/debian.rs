//! Programs that are Debian's packages.

use crate::step::{self, say};
use anyhow::{Context, Result};
use std::path::Path;
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

/// Unpack a package's newest version into `folder`, which need not be there.
pub(crate) fn unpack(step: &str, package: &str, folder: &Path) -> Result<()> {
    say(step, &format!("apt-get download {package}"));
    std::fs::create_dir_all(folder)?;
    let fetch = || {
        let mut apt = Command::new("apt-get");
        // Root fetches as root: the folder is nobody else's.
        apt.arg("-qq").args(["-o", "Acquire::Retries=2", "-o", "APT::Sandbox::User=root", "download", package]);
        step::output(apt.current_dir(folder))
    };
    // A bare machine has no list of packages.
    let fetched = fetch().or_else(|_| {
        step::succeed(Command::new("apt-get").args(["-qq", "-o", "Acquire::Retries=2", "update"]))?;
        fetch()
    });
    fetched.with_context(|| {
        let into = folder.display();
        format!("run this, and then again what you ran now:\n  sudo apt-get update; cd {into} && apt-get download {package} && dpkg-deb -x {package}_*.deb .")
    })?;
    for entry in std::fs::read_dir(folder)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "deb") {
            step::succeed(Command::new("dpkg-deb").arg("-x").args([file.as_path(), folder]))?;
            std::fs::remove_file(file)?;
        }
    }
    Ok(())
}

pub(crate) fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
