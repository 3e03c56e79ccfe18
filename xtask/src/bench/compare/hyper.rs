//! The libraries that the gateway stands on, without it (`bench/hyper_proxy`): what is between this row and the gateway's is the gateway's.

use crate::bench::process::{Core, Process, on};
use crate::bench::scene::Scene;
use anyhow::Result;
use std::net::SocketAddr;

pub(super) fn start(scene: &Scene, name: &str, address: SocketAddr) -> Result<Process> {
    let mut hyper = on(Core::Proxy, &scene.peer);
    hyper.args([address.to_string(), scene.origin.to_string()]);
    Process::start(hyper, scene.folder.join(format!("{name}.log")))
}
