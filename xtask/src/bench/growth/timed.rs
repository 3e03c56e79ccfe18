//! Growth in CPU time of the gateway's process, which is alone on its core.

use super::series::Series;
use crate::bench::gateway::{self, Settings, api, api_at, headers, inbound, rate_limit};
use crate::bench::load::{Load, Requests};
use crate::bench::origin::Origin;
use crate::bench::process::{Process, free_address};
use crate::bench::scene::Scene;
use anyhow::{Result, bail};
use std::net::SocketAddr;

/// Of so many, the median counts.
const RUNS: usize = 3;
const SECONDS: u64 = 1;

/// Keys that wrk brings to the gateway in a second, at the least, on a slow machine.
const KEYS_PER_SECOND: usize = 15_000;

const MICROS: &str = "µs CPU";

/// Not counted: valgrind has address space for thirty instances.
pub(super) fn chain(scene: &Scene) -> Result<Series> {
    let mut points = Vec::new();
    for size in [1, 2, 4, 8, 16, 32] {
        let settings = Settings::at(free_address()?);
        let gateway = start(scene, settings, &headers(size, "warm"))?;
        points.push((size as u64, micros(scene, settings.address, &gateway, &Load::of(Requests::AllNew, 32))?));
    }
    Ok(Series { subject: "statements of a chain, each reads a header and sets one", cost: MICROS, points })
}

pub(super) fn keys(scene: &Scene) -> Result<Series> {
    let mut points = Vec::new();
    for size in [1, 1000, 100_000, 1_000_000] {
        let (address, gateway) = limiter(scene, size)?;
        points.push((size as u64, micros(scene, address, &gateway, &Load::of(Requests::Tenants(size), 32))?));
    }
    Ok(Series { subject: "keys of a rate limit, one of them at random", cost: MICROS, points })
}

/// A gateway whose rate limit has counted as many keys.
pub(super) fn limiter(scene: &Scene, keys: usize) -> Result<(SocketAddr, Process)> {
    let settings = Settings { limiter_bytes: 1 << 30, ..Settings::at(free_address()?) };
    let limited = rate_limit("\"${request.headers['x-tenant']}\"").replace("renewal-period: 60", "renewal-period: 300");
    let gateway = start(scene, settings, &limited)?;
    let fill = Load::of(Requests::EachTenant(keys), 32);
    let seen = fill.run(settings.address, 1 + (keys / KEYS_PER_SECOND) as u64, &scene.folder)?;
    if (seen.answered as usize) < keys {
        bail!("only {} of {keys} keys came to the gateway: the machine is too busy", seen.answered);
    }
    Ok((settings.address, gateway))
}

pub(super) fn body_passed(scene: &Scene) -> Result<Series> {
    let points = bodies(scene, "", &[1, 10, 100, 1000, 10_000])?;
    Ok(Series { subject: "KB of a request's body, passed on", cost: MICROS, points })
}

pub(super) fn body_edited(scene: &Scene) -> Result<Series> {
    let edited = inbound("find-and-replace: { from: fragile, to: robust }");
    // Its own limit is 4 MiB.
    let points = bodies(scene, &edited, &[1, 10, 100, 1000, 4000])?;
    Ok(Series { subject: "KB of a request's body, through `find-and-replace` (a place in 75)", cost: MICROS, points })
}

fn bodies(scene: &Scene, policies: &str, sizes: &[usize]) -> Result<Vec<(u64, f64)>> {
    let settings = Settings::at(free_address()?);
    // nginx would answer before it has the body, after which a connection is worth nothing.
    let origin = Origin::start()?;
    let apis = api_at("", &origin.url(), policies);
    let gateway = gateway::start(&scene.binary, &scene.folder, "gateway", settings, &apis)?;
    let point = |&size: &usize| {
        Ok((size as u64, micros(scene, settings.address, &gateway, &Load::of(Requests::Json(1000 * size), 2))?))
    };
    sizes.iter().map(point).collect()
}

pub(super) fn connections(scene: &Scene) -> Result<Series> {
    let settings = Settings { origin_connections: 4096, ..Settings::at(free_address()?) };
    let gateway = start(scene, settings, "")?;
    let mut points = Vec::new();
    for size in [1, 10, 100, 1000, 4000] {
        let load = Load::of(Requests::Alike("/"), size);
        points.push((size as u64, micros(scene, settings.address, &gateway, &load)?));
    }
    Ok(Series { subject: "connections, all of them busy", cost: MICROS, points })
}

pub(super) fn workers(scene: &Scene) -> Result<Series> {
    let mut points = Vec::new();
    for workers in [1, 2, 4, 8] {
        let settings = Settings { workers, ..Settings::at(free_address()?) };
        let gateway = start(scene, settings, "")?;
        points.push((workers, micros(scene, settings.address, &gateway, &Load::of(Requests::Alike("/"), 32))?));
    }
    Ok(Series { subject: "workers on one core, 32 connections", cost: MICROS, points })
}

fn start(scene: &Scene, settings: Settings, policies: &str) -> Result<Process> {
    gateway::start(&scene.binary, &scene.folder, "gateway", settings, &api(scene.origin, policies))
}

/// CPU time of a request: the median of some runs, after one that doesn't count.
fn micros(scene: &Scene, address: SocketAddr, gateway: &Process, load: &Load) -> Result<f64> {
    load.run(address, SECONDS, &scene.folder)?;
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let before = gateway.cpu_micros()?;
        let seen = load.run(address, SECONDS, &scene.folder)?;
        if seen.failed > 0 || seen.answered == 0 {
            bail!("{} requests were answered, {} failed", seen.answered, seen.failed);
        }
        runs.push((gateway.cpu_micros()? - before) / seen.answered as f64);
    }
    runs.sort_by(f64::total_cmp);
    Ok(runs[RUNS / 2])
}
