//! `tollgate demo`: an origin, a gateway with a commented configuration, and the curl lines to try.

/// The origin: a small HTTP server on a free port.
mod origin;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;

use crate::run;

/// The configuration, with places for addresses. It is written to a file so that it can be edited while the demo runs.
const CONFIGURATION: &str = include_str!("demo/tollgate.yaml");

/// The curl lines, with a place for the gateway's address.
const LINES: &str = include_str!("demo/curl.txt");

pub(crate) fn demo(listen: SocketAddr, admin: SocketAddr) -> anyhow::Result<ExitCode> {
    let origin = origin::start().context("the demo's origin can't be started")?;
    let folder = std::env::temp_dir().join(format!("tollgate-demo-{}", std::process::id()));
    std::fs::create_dir_all(&folder).with_context(|| format!("{} can't be made", folder.display()))?;
    let file = folder.join("tollgate.yaml");
    let text = CONFIGURATION
        .replace("{listen}", &listen.to_string())
        .replace("{admin}", &admin.to_string())
        .replace("{origin}", &origin.to_string());
    std::fs::write(&file, &text).with_context(|| format!("{} can't be written", file.display()))?;
    let done = serve(&file, &text, origin);
    // The folder is the demo's own; what is left of it after a crash is a few kilobytes in the temporary folder.
    let _ = std::fs::remove_dir_all(&folder);
    done
}

fn serve(file: &std::path::Path, text: &str, origin: SocketAddr) -> anyhow::Result<ExitCode> {
    let Some(serving) = run::start(file, text, None)? else {
        anyhow::bail!("the demo's own configuration is bad, which is a bug");
    };
    let gateway = serving.addresses().first().map(ToString::to_string).unwrap_or_default();
    let mut out = io::stdout().lock();
    writeln!(out, "origin   http://{origin}\nconfiguration   {}\n", file.display())?;
    writeln!(out, "{}", LINES.replace("{gateway}", &gateway))?;
    drop(out);
    serving.until_told_to_stop()
}
