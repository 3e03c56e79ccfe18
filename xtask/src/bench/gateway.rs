//! The gateway on a core of its own, without access log and admin address.

use super::process::{Core, Process, on};
use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::path::Path;

/// Where it is to serve, and in what way.
#[derive(Clone, Copy)]
pub(super) struct Listen {
    pub(super) address: SocketAddr,
    pub(super) tls: bool,
    pub(super) workers: usize,
}

/// Start it with what stands in the document below `apis`, and perhaps after them.
pub(super) fn start(binary: &Path, folder: &Path, name: &str, listen: Listen, apis: &str) -> Result<Process> {
    let Listen { address, tls, workers } = listen;
    let listen = match tls {
        true => format!(
            "listen: off\ntls: {{ listen: \"{address}\", certificates: [ {{ certificate: cert.pem, key: key.pem }} ] }}\n"
        ),
        false => format!("listen: {address}\n"),
    };
    let document = format!(
        "{listen}admin: off\nworkers: {workers}\naccess-log: off\nstate: {{ directory: state-{name} }}\n\
         limits: {{ origin-idle-connections: 256 }}\napis:\n{apis}"
    );
    let file = folder.join(format!("{name}.yaml"));
    std::fs::write(&file, document).with_context(|| format!("could not write {}", file.display()))?;
    let mut gateway = on(Core::Proxy, binary);
    gateway.arg("run").arg(&file).current_dir(folder);
    let mut process = Process::start(gateway, folder.join(format!("{name}.log")))?;
    process.listens(address).with_context(|| format!("a gateway with {}", file.display()))?;
    Ok(process)
}

/// An API at the root, for everybody.
pub(super) fn api(origin: SocketAddr, more: &str) -> String {
    format!("  - id: bench\n    path: \"\"\n    backend: http://{origin}\n    subscription-required: false\n{more}")
}

/// So many statements, each of which reads a header and sets one.
pub(super) fn headers(count: usize, isolation: &str) -> String {
    let statement = |number| {
        format!(
            "        - {{ set-header: {{ name: x-bench-{number}, value: \"${{request.headers['x-tenant']}}\" }}, isolation: {isolation} }}\n"
        )
    };
    "    policies:\n      inbound:\n".to_owned() + &(0..count).map(statement).collect::<String>()
}

/// A statement in the inbound section.
pub(super) fn inbound(statement: &str) -> String {
    format!("    policies:\n      inbound:\n        - {statement}\n")
}

/// A limit by a key that an expression reads.
pub(super) fn rate_limit(key: &str) -> String {
    inbound(&format!("rate-limit-by-key: {{ calls: 1000000000, renewal-period: 60, counter-key: {key} }}"))
}

/// So many operations, and one for everything else.
pub(super) fn operations(count: usize) -> String {
    let operation = |number| format!("      - {{ id: op-{number}, method: GET, url: \"/items-{number}/{{id}}\" }}\n");
    let any = "      - { id: any, method: GET, url: \"/*\" }\n";
    "    operations:\n".to_owned() + &(1..=count).map(operation).collect::<String>() + any
}
