//! What a guest shares with others: workers, locks, the compile cache, plans, stacks.

use super::{beside_others, failures};
use crate::scene::{Held, OPEN_API, greeter, hello};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tollgate_harness::{Answer, Gateway, Origin, PATIENCE, Reload, Request, Setup};

/// Ask until it is so.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn row_67_clients_that_go_away_in_the_midst_of_a_guest_leave_nothing_behind() {
    let limits = "limits: { fuel: 1000000000000, deadline-ms: 10000 }";
    let guest = tollgate_guests::component("limits_loop_in_on_request");
    let gateway = beside_others(guest, limits).origin(greeter()).start();
    assert_eq!(gateway.get("/plain/x").text(), "hello");
    let go_away = |rounds: u64| {
        for round in 0..rounds {
            let mut connection = gateway.connect();
            connection.write(b"GET /suspect/x HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
            std::thread::sleep(Duration::from_micros(round % 20 * 400));
            if round % 2 == 0 { drop(connection) } else { connection.reset() }
        }
    };
    go_away(50);
    let (memory, files) = (gateway.rss_bytes(), gateway.open_files());
    go_away(500);
    assert_eq!(gateway.get("/plain/x").text(), "hello");
    wait_until("connections are closed", || gateway.open_files() <= files + 2);
    let grown = gateway.rss_bytes().saturating_sub(memory);
    assert!(grown < 8 << 20, "resident memory grew by {grown} bytes");
    assert_eq!(failures(&gateway, "host"), 0.0, "no host function panicked");
    let before = gateway.cpu_ticks();
    std::thread::sleep(Duration::from_millis(300));
    assert!(gateway.cpu_ticks() - before < 15, "no guest computes any more");
}

/// A policy that asks an origin which answers only when it is told to, eight calls of it at most; and one beside it.
fn slow_policy(origin: &Origin, on_failure: &str) -> Gateway {
    let slow = format!(
        "{{ send-request: {{ response-variable-name: a, set-url: '{}/a' }}, id: suspect, on-failure: {on_failure}, \
         limits: {{ concurrent-calls: 8 }} }}",
        origin.url()
    );
    let api = |id: &str, statement: &str| {
        format!(
            "  - {{ id: {id}, path: {id}, backend: {{origin}}, subscription-required: false, \
             policies: {{ inbound: [ {statement} ] }} }}\n"
        )
    };
    let quick = "{ set-header: { name: x-a, value: b } }";
    let yaml = format!("workers: 1\napis:\n{}{}", api("suspect", &slow), api("plain", quick));
    Gateway::with(&yaml).origin(greeter()).start()
}

#[test]
fn row_67_a_client_that_goes_away_while_its_policy_waits_makes_room_for_another() {
    let origin = Origin::start(|_| Answer::stall());
    let gateway = slow_policy(&origin, "closed");
    for round in 1..=4 {
        let clients: Vec<_> = (0..8)
            .map(|_| {
                let mut connection = gateway.connect();
                connection.write(b"GET /suspect/x HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
                connection
            })
            .collect();
        origin.wait_for_requests(8 * round);
        assert_eq!(gateway.get("/suspect/x").status, 503, "there is no room for a ninth");
        drop(clients);
        origin.wait_for_abandoned(8 * round);
    }
}

#[test]
fn row_75_a_slow_policy_costs_its_own_api_a_503_and_no_other_anything() {
    let held = Held::start();
    let gateway = slow_policy(&held.origin, "closed");
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..8).map(|_| scope.spawn(|| gateway.get("/suspect/x").text().to_owned())).collect();
        held.origin.wait_for_requests(8);
        for _ in 0..20 {
            let turned_away = gateway.get("/suspect/x");
            assert_eq!((turned_away.status, turned_away.headers.get("retry-after")), (503, Some("1")));
            assert_eq!(gateway.get("/plain/x").text(), "hello");
        }
        assert_eq!(failures(&gateway, "busy"), 20.0);
        let log = gateway.wait_for_access_log(40);
        assert!(log.iter().any(|entry| entry["error"]["reason"] == "PolicyBusy"), "{log:?}");
        (0..8).for_each(|_| held.let_one_go());
        for client in clients {
            assert_eq!(client.join().unwrap(), "hello", "those that were let in are served");
        }
    });
    assert_eq!(held.origin.requests().len(), 8);
}

#[test]
fn row_75_a_slow_policy_that_fails_open_is_left_out_where_there_is_no_room() {
    let held = Held::start();
    let gateway = slow_policy(&held.origin, "open");
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..8).map(|_| scope.spawn(|| gateway.get("/suspect/x").status)).collect();
        held.origin.wait_for_requests(8);
        assert_eq!(gateway.get("/suspect/x").text(), "hello");
        (0..8).for_each(|_| held.let_one_go());
        assert!(clients.into_iter().all(|client| client.join().unwrap() == 200));
    });
}

#[test]
fn row_68_a_trap_in_the_midst_of_shared_state_locks_nobody_out() {
    let api = |id: &str, statements: &str| {
        format!(
            "  - {{ id: {id}, path: {id}, backend: {{origin}}, subscription-required: false, \
             policies: {{ inbound: [ {statements} ] }} }}\n"
        )
    };
    let shared = "{ rate-limit-by-key: { calls: 1000000, renewal-period: 60, counter-key: client-ip } }, \
                  { cache-store-value: { key: shared, value: a, duration: 60 } }, \
                  { emit-metric: { name: shared, dimensions: [ { name: a, value: b } ] } }";
    let yaml = format!(
        "workers: 2\napis:\n{}{}components:\n  guest: {{ file: ./guest.wasm, grants: {{ limiter: true, cache: true, metrics: true }} }}\n",
        api("suspect", "{ guest: {}, id: suspect, limits: { quarantine-after: 1000000 } }"),
        api("plain", shared)
    );
    let guest = tollgate_guests::component("faults_trap_after_sharing");
    let gateway = Gateway::with(&yaml).file("guest.wasm", guest).env("TOLLGATE_LOG", "error").origin(greeter()).start();
    let statuses = std::thread::scope(|scope| {
        let attack = scope.spawn(|| (0..10).flat_map(|_| gateway.burst(16, || Request::get("/suspect/x"))).collect());
        for _ in 0..100 {
            assert_eq!(gateway.get("/plain/x").text(), "hello");
        }
        let statuses: Vec<u16> = attack.join().unwrap();
        statuses
    });
    assert_eq!(statuses, vec![500; 160]);
    assert_eq!(failures(&gateway, "trap"), 160.0);
    assert_eq!(gateway.metrics().sum("tollgate_policy_shared_total", &[("component", "guest")]), 160.0);
}

/// Artefacts of the compile cache.
fn artefacts(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("tollgate/components")).unwrap();
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "cwasm")).collect()
}

#[test]
fn row_72_machine_code_that_was_tampered_with_is_never_run() {
    let cache = tempfile::tempdir().unwrap();
    let yaml = format!(
        "policies: {{ inbound: [ {{ guest: {{}} }} ] }}\n{OPEN_API}components:\n  guest: {{ file: ./guest.wasm }}\n"
    );
    let origin = hello();
    let setup = || -> Setup {
        let guest = tollgate_guests::component("state_version_one");
        let cache = cache.path().to_str().unwrap();
        Gateway::with(&yaml).file("guest.wasm", guest).env("XDG_CACHE_HOME", cache).origin(&origin)
    };
    drop(setup().start());
    let folder = cache.path().to_owned();
    let whole: Vec<(PathBuf, Vec<u8>)> =
        artefacts(&folder).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    assert!(!whole.is_empty());
    // The first byte, the last, and some between; and an artefact that is cut short.
    for part in 0..=6 {
        for (path, code) in &whole {
            let mut code = code.clone();
            let at = (code.len() - 1) * part / 5;
            match code.get_mut(at) {
                Some(byte) => *byte ^= 1 << part,
                None => code.truncate(part),
            }
            fs::write(path, code).unwrap();
        }
        let gateway = setup().start();
        gateway.wait_for_log("an artefact is damaged; the component is compiled again");
        assert_eq!(gateway.get("/x").text(), "hello");
        assert_eq!(origin.requests().last().unwrap().headers.get("x-version"), Some("one"));
    }
    drop(setup().start());
    for (path, code) in &whole {
        assert!(fs::read(path).unwrap() == *code, "it was written again, and the same");
    }
}

#[test]
fn row_74_each_request_runs_on_one_version_of_a_component_that_is_replaced_under_load() {
    let yaml = |round: u32| {
        format!(
            "workers: 2\naccess-log: off\npolicies: {{ inbound: [ {{ guest: {{}} }}, {{ guest: {{}} }} ] }}\n{OPEN_API}\
             components:\n  guest: {{ file: ./guest.wasm }}\n# {round}\n"
        )
    };
    let versions = [tollgate_guests::component("state_version_one"), tollgate_guests::component("state_version_two")];
    let origin = hello();
    let gateway = Gateway::with(&yaml(0)).file("guest.wasm", versions[0].clone()).origin(&origin).start();
    let load = gateway.load(4, || Request::get("/x"));
    for round in 1..=20 {
        gateway.write_file("guest.wasm", &versions[round as usize % 2]);
        assert_eq!(gateway.reload(&yaml(round)), Reload::Applied);
        load.wait_for(8);
        gateway.get("/now");
        let version = if round % 2 == 0 { "one" } else { "two" };
        let now = origin.requests().into_iter().rfind(|request| request.target == "/now").unwrap();
        assert_eq!(now.headers.get("x-version"), Some(version), "what is new after {round} reloads is what runs");
    }
    let tally = load.stop();
    assert!(tally.errors.is_empty() && tally.statuses.keys().eq([&200]), "{tally:?}");
}

/// How many components chance makes; more with `TOLLGATE_RANDOM_COMPONENTS`.
fn random_components() -> u64 {
    std::env::var("TOLLGATE_RANDOM_COMPONENTS").ok().and_then(|count| count.parse().ok()).unwrap_or(60)
}

#[test]
fn row_76_components_of_random_functions_harm_nobody() {
    const AT_ONCE: u64 = 20;
    let mut statuses = std::collections::BTreeMap::<u16, u32>::new();
    for first in (0..random_components()).step_by(AT_ONCE as usize) {
        let mut yaml = "workers: 1\naccess-log: off\napis:\n".to_owned();
        let mut components =
            "  - { id: plain, path: plain, backend: {origin}, subscription-required: false }\ncomponents:\n".to_owned();
        for seed in first..first + AT_ONCE {
            yaml += &format!(
                "  - {{ id: a{seed}, path: a{seed}, backend: {{origin}}, subscription-required: false, policies: {{ inbound: [ {{ g{seed}: {{}} }} ] }} }}\n"
            );
            components += &format!("  g{seed}: {{ file: ./g{seed}.wasm }}\n");
        }
        let mut setup = Gateway::with(&(yaml + &components)).env("TOLLGATE_LOG", "off");
        for seed in first..first + AT_ONCE {
            setup = setup.file(&format!("g{seed}.wasm"), tollgate_guests::random(seed));
        }
        let gateway = setup.origin(greeter()).start();
        let mut client = gateway.client();
        for _ in 0..3 {
            for seed in first..first + AT_ONCE {
                let status = client.send(&Request::get(&format!("/a{seed}/x")).header("x-a", "b")).status;
                *statuses.entry(status).or_default() += 1;
            }
            assert_eq!(client.send(&Request::get("/plain/x")).text(), "hello");
        }
        assert!(gateway.is_running());
        assert_eq!(client.connections_opened(), 1);
    }
    assert!(statuses.keys().all(|status| [200, 400, 500].contains(status)), "{statuses:?}");
    assert!(statuses.len() > 1, "some do well, and some don't: {statuses:?}");
}
