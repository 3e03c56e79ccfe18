//! nginx, as lean as its users would have it: one worker, keep-alive to the origin, no log. It is the origin, too.

use super::process::{Core, Process, on, system};
use super::scene::Scene;
use anyhow::{Context, Result};
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;

/// What it does beside passing requests on.
#[derive(Clone, Copy)]
pub(super) enum Work {
    Nothing,
    /// So many headers, all set in one block of Lua, as somebody would write it.
    Lua(usize),
    /// A limit on requests by tenant.
    LimitTenants,
    /// So many locations.
    Operations(usize),
    Cache,
    Tls,
    Http2,
}

const MODULES: &str = "/usr/lib/nginx/modules";

/// What installs what is missing.
pub(super) fn lacks(work: Work) -> Option<&'static str> {
    let lua = || Path::new(MODULES).join("ngx_http_lua_module.so").exists();
    (matches!(work, Work::Lua(_)) && !lua()).then_some("apt-get install libnginx-mod-http-lua")
}

/// A body of 1 MiB at `/1m`, what came to it at `/seen`, and something to keep at `/cached`, which is another each time.
pub(super) fn origin(scene: &Scene) -> Result<Process> {
    std::fs::write(scene.folder.join("1m"), "x".repeat(1 << 20))?;
    let http = format!(
        "server {{
            listen {address}; sendfile on; root {folder}; default_type text/plain; client_max_body_size 0;
            location / {{ return 200 'hello, world'; }}
            location /cached {{ add_header Cache-Control max-age=3600; return 200 '$request_id'; }}
            location /seen {{ return 200
                '$http_x_bench {headers} type=$content_type length=$content_length'; }}
            location /v2/items {{ return 200 'hello, chain'; }}
            location = /1m {{ }}
        }}",
        address = scene.origin,
        folder = scene.folder.display(),
        headers = (0..16).map(|number| format!("$http_x_bench_{number} ")).collect::<String>(),
    );
    run(scene, "origin", Core::Load, "", &http)
}

pub(super) fn start(scene: &Scene, name: &str, address: SocketAddr, work: Work) -> Result<Process> {
    let pass = "proxy_pass http://origin;";
    let (mut before, mut http, mut listen, mut location) = (String::new(), String::new(), "", String::new());
    let mut more = String::new();
    match work {
        Work::Nothing => {}
        Work::Lua(count) => {
            for module in ["ndk_http_module", "ngx_http_lua_module"] {
                writeln!(before, "load_module {MODULES}/{module}.so;")?;
            }
            let set = |number| format!("ngx.req.set_header('x-bench-{number}', ngx.var.http_x_tenant); ");
            location = format!("rewrite_by_lua_block {{ {} }}", (0..count).map(set).collect::<String>());
        }
        Work::LimitTenants => {
            http = "limit_req_zone $http_x_tenant zone=tenants:64m rate=1000000r/s;".to_owned();
            location = "limit_req zone=tenants burst=1000000 nodelay;".to_owned();
        }
        Work::Operations(count) => {
            for number in 1..=count {
                writeln!(more, "location /items-{number}/ {{ {pass} }}")?;
            }
        }
        Work::Cache => {
            http = format!("proxy_cache_path {}/{name}-cache keys_zone=kept:1m;", scene.folder.display());
            location = "proxy_cache kept;".to_owned();
        }
        Work::Tls => {
            listen = "ssl";
            let folder = scene.folder.display();
            more = format!(
                "ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem; ssl_protocols TLSv1.2 TLSv1.3;"
            );
        }
        Work::Http2 => listen = "http2",
    }
    write!(
        http,
        "upstream origin {{ server {origin}; keepalive 256; keepalive_requests 1000000000; }}
         server {{ listen {address} {listen}; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_max_temp_file_size 0;
            proxy_buffers 8 64k; proxy_busy_buffers_size 256k; {more}
            location / {{ {location} {pass} }} }}",
        origin = scene.origin,
    )?;
    run(scene, name, Core::Proxy, &before, &http)
}

fn run(scene: &Scene, name: &str, core: Core, before: &str, http: &str) -> Result<Process> {
    let folder = scene.folder.display();
    let file = scene.folder.join(format!("{name}.conf"));
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String = temporary.iter().map(|kind| format!("{kind}_temp_path {folder}; ")).collect();
    let conf = format!(
        "{before}
         worker_processes 1; daemon off; pid {folder}/{name}.pid; error_log stderr crit; master_process off;
         events {{ worker_connections 8192; }}
         http {{ access_log off; {temporary} keepalive_requests 1000000000; client_body_buffer_size 16k;
            client_max_body_size 0; {http} }}"
    );
    std::fs::write(&file, conf).with_context(|| format!("could not write {}", file.display()))?;
    let mut nginx = on(core, system("nginx"));
    nginx.arg("-p").arg(&scene.folder).arg("-c").arg(&file).args(["-e", "stderr"]);
    Process::start(nginx, scene.folder.join(format!("{name}.log")))
}
