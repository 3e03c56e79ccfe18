//! Growth of the gateway's resident memory.

use super::series::Series;
use super::timed;
use crate::bench::client::Client;
use crate::bench::gateway::{self, Settings, api, api_at, headers};
use crate::bench::load::resting;
use crate::bench::process::free_address;
use crate::bench::scene::Scene;
use anyhow::Result;

const KIB: &str = "KiB resident";

pub(super) fn connections(scene: &Scene) -> Result<Series> {
    let settings = Settings::at(free_address()?);
    let gateway = gateway::start(&scene.binary, &scene.folder, "gateway", settings, &api(scene.origin, ""))?;
    let (mut clients, mut points) = (Vec::new(), Vec::new());
    for size in [1, 1000, 2000, 4000] {
        while clients.len() < size {
            clients.push(resting(settings.address)?);
        }
        points.push((size as u64, gateway.resident_kib()? as f64));
    }
    Ok(Series { subject: "client connections that have made a request and are idle", cost: KIB, points })
}

/// Statements that differ in their configuration, each with an instance that has been called and stays.
pub(super) fn instances(scene: &Scene) -> Result<Series> {
    let mut points = Vec::new();
    for size in [1, 10, 50, 100] {
        let apis = api(scene.origin, &headers(size, "warm"));
        let settings = Settings::at(free_address()?);
        let gateway = gateway::start(&scene.binary, &scene.folder, "gateway", settings, &apis)?;
        let mut client = Client::connect(&settings.address.to_string())?;
        // No two alike: else what statements decided would be known from before.
        for number in 0..20 {
            client.send(format!("GET /{number} HTTP/1.1\r\nhost: a\r\nx-tenant: {number}\r\n\r\n").as_bytes())?;
        }
        points.push((size as u64, gateway.resident_kib()? as f64));
    }
    Ok(Series { subject: "warm instances of `set-header` in one worker", cost: KIB, points })
}

pub(super) fn apis(scene: &Scene) -> Result<Series> {
    let origin = format!("http://{}", scene.origin);
    let mut points = Vec::new();
    for size in [1, 100, 1000, 10_000] {
        let apis: String =
            (0..size).map(|number| api_at(&format!("api-{number}"), &origin, &headers(1, "warm"))).collect();
        let settings = Settings::at(free_address()?);
        let gateway = gateway::start(&scene.binary, &scene.folder, "gateway", settings, &apis)?;
        points.push((size, gateway.resident_kib()? as f64));
    }
    Ok(Series { subject: "APIs, each with a statement of its own that hasn't been called", cost: KIB, points })
}

pub(super) fn keys(scene: &Scene) -> Result<Series> {
    let mut points = Vec::new();
    for size in [1, 1000, 100_000, 500_000] {
        let (_, gateway) = timed::limiter(scene, size)?;
        points.push((size as u64, gateway.resident_kib()? as f64));
    }
    Ok(Series { subject: "keys of a rate limit", cost: KIB, points })
}
