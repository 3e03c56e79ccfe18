//! Gateways are killed at any moment, and their disk is full or broken: what becomes of quotas.

use std::path::Path;
use std::time::{Duration, Instant};

use super::{Random, quiet, size, tenant};
use crate::policies::open_api;
use tollgate_harness::{Gateway, Request};

/// So many calls has each key; a cycle uses one.
const CALLS: u64 = 3000;

fn document(state: &Path, durable: &str) -> String {
    let policies = format!(
        "inbound:\n  - quota-by-key: {{ calls: {CALLS}, renewal-period: 0, counter-key: 'header:x-tenant' }}\n  \
         - return-response: {{ set-status: {{ code: 204 }} }}"
    );
    let state = format!("state: {{ directory: {}, durable: {durable} }}", state.display());
    format!("access-log: off\n{state}\n{}", open_api(&policies))
}

/// What a client wrote down: when its calls were answered.
struct Cycle {
    admitted: Vec<Instant>,
    killed: Instant,
}

/// Call as fast as can be until the gateway is killed, at a random moment.
fn call_until_killed(gateway: &Gateway, request: &Request, after: Duration) -> Cycle {
    std::thread::scope(|scope| {
        let killer = scope.spawn(|| {
            std::thread::sleep(after);
            let killed = Instant::now();
            gateway.sigkill();
            killed
        });
        let mut client = gateway.client();
        let mut admitted = Vec::new();
        while let Ok(response) = client.try_send(request) {
            if response.status != 204 {
                break;
            }
            admitted.push(Instant::now());
        }
        Cycle { admitted, killed: killer.join().unwrap() }
    })
}

/// How many calls the gateway still lets through.
fn calls_left(gateway: &Gateway, request: &Request) -> u64 {
    let mut client = gateway.client();
    let mut left = 0;
    while client.send(request).status == 204 {
        left += 1;
        assert!(left <= CALLS, "a quota never ends");
    }
    left
}

/// What was lost in `cycles` of killing and starting again: in all, the most in one, and calls before the last 100 ms
/// of a cycle.
fn lost(durable: &str, cycles: u64) -> (u64, u64, u64) {
    let origin = quiet();
    let state = tempfile::tempdir().unwrap();
    let yaml = document(state.path(), durable);
    let start = || Gateway::with(&yaml).origin(&origin).start();
    let mut random = Random(20_251_126);
    let (mut all, mut most, mut early, mut calls) = (0, 0, 0, 0);
    let mut gateway = start();
    for cycle in 0..cycles {
        let request = tenant(format!("cycle {cycle}"));
        let after = Duration::from_millis(20 + random.below(280));
        let seen = call_until_killed(&gateway, &request, after);
        gateway.wait();
        gateway = start();
        let before = seen.admitted.len() as u64;
        calls += before;
        // The call that was under way when the gateway was killed may be counted, and nobody was told.
        let left = calls_left(&gateway, &request);
        assert!(before + left + 1 >= CALLS, "cycle {cycle}: {before} before and {left} after: counted twice");
        let gone = (before + left).saturating_sub(CALLS);
        let recent = seen.admitted.iter().filter(|at| seen.killed.saturating_duration_since(**at).as_millis() < 100);
        early += gone.saturating_sub(recent.count() as u64);
        (all, most) = (all + gone, most.max(gone));
    }
    println!(
        "{durable}: {cycles} cycles, {calls} calls, {all} counts lost, {most} at most in one, {early} older than 100 ms"
    );
    (all, most, early)
}

#[test]
fn row_48_a_killed_gateway_has_lost_no_count_that_is_older_than_100_ms() {
    let (_, _, early) = lost("batched", size("TOLLGATE_KILL_CYCLES", 5));
    assert_eq!(early, 0);
}

#[test]
fn row_48_a_killed_gateway_has_lost_no_count_at_all_if_it_is_strict() {
    assert_eq!(lost("strict", size("TOLLGATE_KILL_CYCLES", 5)), (0, 0, 0));
}

#[test]
fn row_48_a_damaged_quota_file_is_told_and_set_aside_and_the_gateway_serves() {
    let origin = quiet();
    let state = tempfile::tempdir().unwrap();
    let file = state.path().join("quotas.redb");
    let yaml = document(state.path(), "batched");
    for damage in ["garbage", "truncated", "empty", "gone"] {
        let gateway = Gateway::with(&yaml).origin(&origin).start();
        assert_eq!(gateway.send(&tenant(damage)).status, 204);
        gateway.sigterm();
        assert!(gateway.wait().success());
        let whole = std::fs::read(&file).unwrap();
        let bytes = match damage {
            "garbage" => b"not a database".repeat(1000),
            "truncated" => whole[..whole.len() / 2].to_vec(),
            _ => Vec::new(),
        };
        match damage {
            "gone" => std::fs::remove_file(&file).unwrap(),
            _ => std::fs::write(&file, &bytes).unwrap(),
        }

        let gateway = Gateway::with(&yaml).origin(&origin).start();
        if damage == "gone" {
            gateway.wait_for_log("the quota file is gone");
        } else {
            let line = gateway.wait_for_log("the quota file is damaged");
            assert!(line.contains("quotas.redb.damaged"), "{line}");
            let kept = std::fs::read(state.path().join("quotas.redb.damaged")).unwrap();
            // Of a file that begins well, an attempt to mend it may change the first bytes.
            assert_eq!(kept.len(), bytes.len(), "{damage}");
            assert!(damage == "truncated" || kept == bytes, "{damage}");
        }
        assert_eq!(gateway.metrics().sum("tollgate_quota_file_damaged_total", &[]), 1.0);
        assert_eq!(gateway.send(&tenant(damage)).status, 204);
        gateway.sigterm();
        assert!(gateway.wait().success());
    }
    let gateway = Gateway::with(&yaml).origin(&origin).start();
    assert_eq!(gateway.metrics().sum("tollgate_quota_file_damaged_total", &[]), 0.0, "the new file is whole");
}

/// A disk that is full for this process alone: no file may grow beyond what it has.
#[test]
fn row_48_a_disk_that_takes_no_more_stops_nobody_and_is_told() {
    let origin = quiet();
    let state = tempfile::tempdir().unwrap();
    let yaml = document(state.path(), "batched");
    let strict = document(&state.path().join("strict"), "strict");
    for (yaml, is_strict) in [(yaml, false), (strict, true)] {
        let gateway = Gateway::with(&yaml).origin(&origin).file_size_limit(3 << 20).start();
        let mut client = gateway.client();
        let mut failed = 0;
        for number in 0..6000 {
            // Long keys fill the file.
            match client.send(&tenant(format!("{number:->250}"))).status {
                204 => {}
                500 => failed += 1,
                status => panic!("{status}"),
            }
            if failed > 20 {
                break;
            }
        }
        assert_eq!(failed > 0, is_strict, "{failed} failed");
        gateway.wait_for_log("quotas can't be written");
        assert!(gateway.metrics().sum("tollgate_quota_write_failures_total", &[]) >= 1.0);
        assert!(gateway.is_running());
    }
}
