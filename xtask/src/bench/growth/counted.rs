//! Growth in instructions of user space, counted by callgrind: they are the same on a busy machine.

use super::series::Series;
use crate::bench::callgrind::Counted;
use crate::bench::client::Client;
use crate::bench::gateway::{api_at, operations as with_operations};
use crate::bench::origin::Origin;
use crate::bench::scene::Scene;
use anyhow::Result;

/// Requests before those that count, so that everything is warm.
const WARM_UP: u64 = 30;
const REQUESTS: u64 = 60;

pub(super) fn operations(scene: &Scene) -> Result<Series> {
    let sizes = [10, 100, 1000, 10_000];
    let apis = |origin: &str| {
        sizes.map(|size| api_at(&format!("of-{size}"), origin, &with_operations(size as usize))).concat()
    };
    // A stride, so that neighbours don't follow one another.
    let path = |size: u64, number: u64| format!("/of-{size}/items-{}/7", 1 + number * 7919 % size);
    let points = one_gateway(scene, apis, &sizes, path)?;
    Ok(Series { subject: "operations of an API", cost: "instructions", points })
}

pub(super) fn apis(scene: &Scene) -> Result<Series> {
    let mut points = Vec::new();
    for size in [1, 10, 100, 1000] {
        let apis = |origin: &str| (0..size).map(|number| api_at(&format!("api-{number}"), origin, "")).collect();
        points.extend(one_gateway(scene, apis, &[size], |size, number| format!("/api-{}/7", number * 7919 % size))?);
    }
    Ok(Series { subject: "APIs of a gateway", cost: "instructions", points })
}

/// Instructions of a request for each size, of a gateway that serves all of them.
fn one_gateway(
    scene: &Scene,
    apis: impl Fn(&str) -> String,
    sizes: &[u64],
    path: impl Fn(u64, u64) -> String,
) -> Result<Vec<(u64, f64)>> {
    let origin = Origin::start()?;
    let folder = scene.folder.join("counted");
    let document = format!(
        "listen: 127.0.0.1:0\nadmin: off\nworkers: 1\naccess-log: off\nstate: {{ directory: state }}\napis:\n{}",
        apis(&origin.url())
    );
    let gateway = Counted::start(&scene.binary, &document, &folder)?;
    let mut client = Client::connect(&gateway.address)?;
    let mut points = Vec::new();
    for &size in sizes {
        for count in [WARM_UP, REQUESTS] {
            gateway.dump()?;
            for number in 0..count {
                let path = path(size, count + number);
                let head = format!("host: a\r\nx-tenant: tenant-{:06}\r\n", count + number);
                client.send(format!("GET {path} HTTP/1.1\r\n{head}\r\n").as_bytes())?;
            }
        }
        points.push((size, gateway.dump()? as f64 / REQUESTS as f64));
    }
    Ok(points)
}
