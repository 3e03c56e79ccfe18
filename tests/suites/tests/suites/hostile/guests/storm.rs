//! Sixty hostile components at once, and a neighbour who notices nothing. `bench/guests.sh` is the same at full size.

use crate::scene::greeter;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tollgate_harness::{Client, Gateway, Request};

/// Guests that are taken and do harm in an inbound section; chance makes the rest.
const HOSTILE: [&str; 47] = [
    "faults_bad_verdict",
    "faults_drop_request_twice",
    "faults_edit_then_reject",
    "faults_edit_then_trap",
    "faults_forged_handle",
    "faults_host_call_in_realloc",
    "faults_keep_borrow",
    "faults_kept_handle",
    "faults_misaligned_utf16",
    "faults_reject_bad_status_high",
    "faults_reject_bad_status_low",
    "faults_reply_bad_header",
    "faults_reply_bad_reason",
    "faults_reply_bad_utf8",
    "faults_reply_framing",
    "faults_respond_staged_without_stage",
    "faults_set_framing",
    "faults_string_of_4_gib",
    "faults_trap_after_sharing",
    "faults_trap_in_body_gate",
    "faults_trap_in_on_request",
    "faults_use_after_drop",
    "limits_bad_list",
    "limits_big_reply",
    "limits_body_flood",
    "limits_digest_flood",
    "limits_handle_flood",
    "limits_header_edits_until_refused",
    "limits_host_call_flood",
    "limits_huge_header_edit",
    "limits_log_control_chars",
    "limits_log_flood",
    "limits_long_list",
    "limits_loop_in_destructor",
    "limits_loop_in_on_request",
    "limits_loop_in_post_return",
    "limits_loop_in_realloc_later",
    "limits_many_edits",
    "limits_many_headers",
    "limits_memory_fill",
    "limits_memory_growth",
    "limits_recursion",
    "limits_slow_instructions",
    "limits_table_fill",
    "limits_table_growth",
    "limits_variable_flood",
    "faults_trap_if_asked",
];

/// Hostile components.
const COMPONENTS: usize = 60;

/// Clients that call them, one request after the other.
const ATTACKERS: usize = 4;

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

fn storm() -> Gateway {
    let limits = setting("TOLLGATE_GUEST_LIMITS", "");
    let mut yaml = "access-log: off\nlimits: { request-body-bytes: 16MiB }\napis:\n\
                    \x20 - { id: plain, path: plain, backend: {origin}, subscription-required: false, \
                    policies: { inbound: [ { set-header: { name: x-a, value: b } } ] } }\n"
        .to_owned();
    let mut components = "components:\n".to_owned();
    for number in 0..COMPONENTS {
        yaml += &format!(
            "  - {{ id: a{number}, path: a{number}, backend: {{origin}}, subscription-required: false, \
             policies: {{ inbound: [ {{ g{number}: {{}}, limits: {{ {limits} }} }} ] }} }}\n"
        );
        components += &format!(
            "  g{number}: {{ file: ./g{number}.wasm, grants: {{ limiter: true, cache: true, metrics: true }} }}\n"
        );
    }
    let setup = Gateway::with(&(yaml + &components)).env("TOLLGATE_LOG", "off").origin(greeter());
    let component = |number: usize| match HOSTILE.get(number) {
        Some(name) => tollgate_guests::component(name),
        None => tollgate_guests::random(number as u64),
    };
    (0..COMPONENTS).fold(setup, |setup, number| setup.file(&format!("g{number}.wasm"), component(number))).start()
}

/// What a neighbour got who calls every other millisecond.
#[derive(Default)]
struct Neighbour {
    latencies: Vec<Duration>,
    errors: usize,
}

impl Neighbour {
    /// Call until `is_over`.
    fn calls(gateway: &Gateway, is_over: impl Fn() -> bool) -> Self {
        let mut client = gateway.client();
        let mut neighbour = Self::default();
        while !is_over() {
            let began = Instant::now();
            match client.try_send(&Request::get("/plain/x")) {
                Ok(response) if response.status == 200 && response.text() == "hello" => {
                    neighbour.latencies.push(began.elapsed());
                }
                _ => neighbour.errors += 1,
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        neighbour
    }

    /// Those of another round, too.
    fn add(&mut self, more: Self) {
        self.latencies.extend(more.latencies);
        self.latencies.sort_unstable();
        self.errors += more.errors;
    }

    fn quantile(&self, percent: usize) -> Duration {
        let at = (self.latencies.len() * percent / 100).min(self.latencies.len().saturating_sub(1));
        self.latencies.get(at).copied().unwrap_or_default()
    }
}

/// Send `calls` requests to each of the APIs, whose paths `path` gives, and count the answers.
fn attack(gateway: &Gateway, calls: usize, path: impl Fn(usize) -> String + Sync) -> BTreeMap<u16, usize> {
    let next = AtomicUsize::new(0);
    let attacker = || {
        let mut client = Client::new(gateway.address());
        let mut answers = BTreeMap::<u16, usize>::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            // All components in turn, so that many are under way in all states at once.
            if number >= COMPONENTS * calls {
                return answers;
            }
            let request = Request::post(&path(number % COMPONENTS), "a body").header("x-trap", "1");
            let status = client.try_send(&request).map_or(0, |response| response.status);
            *answers.entry(status).or_default() += 1;
        }
    };
    std::thread::scope(|scope| {
        let attackers: Vec<_> = (0..ATTACKERS).map(|_| scope.spawn(attacker)).collect();
        let mut sum = BTreeMap::<u16, usize>::new();
        for attacker in attackers {
            for (status, count) in attacker.join().expect("an attacker ends well") {
                *sum.entry(status).or_default() += count;
            }
        }
        sum
    })
}

/// A neighbour's calls during an attack, and how the attack was answered.
fn beside(gateway: &Gateway, calls: usize, path: impl Fn(usize) -> String + Sync) -> (Neighbour, BTreeMap<u16, usize>) {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let neighbour = scope.spawn(|| Neighbour::calls(gateway, || is_over.load(Ordering::Relaxed)));
        let answers = attack(gateway, calls, path);
        is_over.store(true, Ordering::Relaxed);
        (neighbour.join().expect("a neighbour ends well"), answers)
    })
}

/// Rounds in turn: alone, beside calls without harm, beside hostile ones. What else the machine does falls on all alike.
const ROUNDS: usize = 10;

#[test]
fn row_60_sixty_hostile_components_cost_a_neighbour_no_request_and_the_gateway_no_memory() {
    let calls: usize = setting("TOLLGATE_GUEST_CALLS", "20").parse().expect("a number");
    let calls = calls.div_ceil(ROUNDS);
    let gateway = storm();
    // What has been used once stays: slots of instances, stacks, connections.
    let warmed = (0..3).map(|_| {
        attack(&gateway, 10, |number| format!("/a{number}/x"));
        gateway.rss_bytes()
    });
    let before = warmed.max().expect("three rounds");
    let (mut alone, mut beside_load, mut beside_attack) =
        (Neighbour::default(), Neighbour::default(), Neighbour::default());
    let mut answers = BTreeMap::<u16, usize>::new();
    for _ in 0..ROUNDS {
        let until = Instant::now() + Duration::from_millis(100 + calls.min(1000) as u64);
        alone.add(Neighbour::calls(&gateway, || Instant::now() > until));
        beside_load.add(beside(&gateway, calls, |_| "/plain/x".to_owned()).0);
        let (neighbour, answered) = beside(&gateway, calls, |number| format!("/a{number}/x"));
        beside_attack.add(neighbour);
        answered.into_iter().for_each(|(status, count)| *answers.entry(status).or_default() += count);
    }
    std::thread::sleep(Duration::from_millis(500));
    let after = gateway.rss_bytes();

    let told = |name: &str, neighbour: &Neighbour| {
        println!(
            "neighbour {name}: {} requests, {} errors, median {:?}, p99 {:?}, slowest {:?}",
            neighbour.latencies.len(),
            neighbour.errors,
            neighbour.quantile(50),
            neighbour.quantile(99),
            neighbour.quantile(100)
        );
    };
    told("alone", &alone);
    told(&format!("beside {} calls without harm", ROUNDS * COMPONENTS * calls), &beside_load);
    told(&format!("beside {} hostile calls", ROUNDS * COMPONENTS * calls), &beside_attack);
    println!("answers to the attack: {answers:?}");
    println!("resident memory: {} KiB before, {} KiB after", before >> 10, after >> 10);

    assert_eq!((alone.errors, beside_load.errors, beside_attack.errors), (0, 0, 0));
    assert!(answers.keys().all(|status| [200, 400, 403, 500].contains(status)), "{answers:?}");
    assert!(after < before + before / 20 + (8 << 20), "resident memory: {before} bytes before, {after} after");
    assert!(gateway.is_running());
}
