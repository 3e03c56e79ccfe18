//! The gateway's rows.

use crate::bench::gateway::{self, Settings, api, headers, inbound, operations, rate_limit};
use crate::bench::process::Process;
use crate::bench::scene::Scene;
use anyhow::Result;
use std::net::SocketAddr;

/// What it does beside passing requests on.
#[derive(Clone, Copy)]
pub(super) enum Work {
    Nothing,
    /// So many statements which each set a header, each with an instance that stays (`warm`) or a new one for each call (`fresh`).
    Headers(usize, &'static str),
    RateLimit,
    LimitTenants,
    Operations(usize),
    Chain,
    Cache,
    Replace,
    JsonToXml,
    Tls,
}

pub(super) fn start(scene: &Scene, name: &str, address: SocketAddr, work: Work) -> Result<Process> {
    let more = match work {
        Work::Nothing | Work::Tls => String::new(),
        Work::Headers(count, isolation) => headers(count, isolation),
        Work::RateLimit => rate_limit("client-ip"),
        Work::LimitTenants => rate_limit("\"${request.headers['x-tenant']}\""),
        Work::Operations(count) => operations(count),
        Work::Chain => std::fs::read_to_string(scene.root.join("bench/chain.yaml"))?,
        Work::Cache => "    cache: {}\n".to_owned(),
        Work::Replace => inbound("find-and-replace: { from: fragile, to: robust }"),
        Work::JsonToXml => inbound("json-to-xml: { apply: content-type-json }"),
    };
    let settings = Settings { tls: matches!(work, Work::Tls), ..Settings::at(address) };
    gateway::start(&scene.binary, &scene.folder, name, settings, &api(scene.origin, &more))
}
