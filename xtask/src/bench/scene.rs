//! What all proxies of a comparison have in common: a folder, an origin, a certificate.

use super::nginx;
use super::process::{Process, free_address};
use crate::step;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

pub(super) struct Scene {
    /// Of the workspace.
    pub(super) root: PathBuf,
    /// The gateway's.
    pub(super) binary: PathBuf,
    /// The proxy of `bench/hyper_proxy`.
    pub(super) peer: PathBuf,
    /// Where configurations, logs, `cert.pem` and `key.pem` are.
    pub(super) folder: PathBuf,
    pub(super) origin: SocketAddr,
}

impl Scene {
    /// An empty folder and a certificate; no origin serves yet. `binary` is the gateway.
    pub(super) fn new(workspace: &Workspace, name: &str, binary: PathBuf) -> Result<Self> {
        let folder = workspace.target.join("xtask").join(name);
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(&folder).with_context(|| format!("could not make {}", folder.display()))?;
        let mut openssl = Command::new("openssl");
        openssl.args(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 7 -subj /CN=localhost".split(' '),
        );
        openssl.args(["-keyout", "key.pem", "-out", "cert.pem"]).current_dir(&folder);
        step::output(&mut openssl)?;
        Ok(Self {
            root: workspace.root.clone(),
            binary,
            peer: workspace.binary().with_file_name("hyper-proxy"),
            folder,
            origin: free_address()?,
        })
    }

    pub(super) fn start_origin(&self) -> Result<Process> {
        let mut origin = nginx::origin(self)?;
        origin.listens(self.origin).context("the origin")?;
        Ok(origin)
    }
}
