//! The gateway on a core of its own, without access log and admin address.

use super::process::{Core, Process, on};
use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::path::Path;

/// What a gateway is started with beside its APIs.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    pub(super) address: SocketAddr,
    pub(super) tls: bool,
    pub(super) workers: u64,
    /// Connections that wait for more requests to the origin.
    pub(super) origin_connections: usize,
    /// Bytes that counters may take.
    pub(super) limiter_bytes: u64,
}

impl Settings {
    /// One worker, in cleartext.
    pub(super) fn at(address: SocketAddr) -> Self {
        Self { address, tls: false, workers: 1, origin_connections: 256, limiter_bytes: 64 << 20 }
    }
}

/// Start it with what stands in the document below `apis`.
pub(super) fn start(binary: &Path, folder: &Path, name: &str, settings: Settings, apis: &str) -> Result<Process> {
    let Settings { address, tls, workers, origin_connections, limiter_bytes } = settings;
    let listen = match tls {
        true => format!(
            "listen: off\ntls: {{ listen: \"{address}\", certificates: [ {{ certificate: cert.pem, key: key.pem }} ] }}\n"
        ),
        false => format!("listen: {address}\n"),
    };
    let document = format!(
        "{listen}admin: off\nworkers: {workers}\naccess-log: off\n\
         state: {{ directory: state-{name}, limiter-bytes: {limiter_bytes} }}\n\
         limits: {{ origin-idle-connections: {origin_connections} }}\napis:\n{apis}"
    );
    run(binary, folder, name, address, &document)
}

/// Start it with a document, in which it listens at `address`.
pub(super) fn run(binary: &Path, folder: &Path, name: &str, address: SocketAddr, document: &str) -> Result<Process> {
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
    api_at("", &format!("http://{origin}"), more)
}

/// An API below a path, for everybody.
pub(super) fn api_at(path: &str, origin: &str, more: &str) -> String {
    format!("  - id: api-{path}\n    path: \"{path}\"\n    backend: {origin}\n    subscription-required: false\n{more}")
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
