//! Attacks on limits, quotas and keys. Each runs small here; the scripts in `bench/` run the same ones large.

/// Quotas, and gateways that are killed.
mod kill;

/// A wall clock that steps.
mod clock;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::policies::{assert_error, keyed_api, number, open_api, serve, with_key};
use tollgate_harness::{Origin, Request, Response};

/// How large a test is: a number from the environment for `bench/`, or what fits between other tests.
fn size(variable: &str, usually: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usually)
}

/// Numbers without a pattern, the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn quiet() -> Origin {
    Origin::start(|_| Response::new(200))
}

/// A rate by `key`, with a window that no test outlives.
fn rate(calls: u64, key: &str) -> String {
    open_api(&format!(
        "inbound: [ {{ rate-limit-by-key: {{ calls: {calls}, renewal-period: 300, counter-key: {key} }} }} ]"
    ))
}

fn tenant(name: impl AsRef<[u8]>) -> Request {
    Request::get("/").header("x-tenant", name)
}

#[test]
fn row_41_of_256_clients_at_once_exactly_as_many_pass_as_may() {
    let limit = |statement: &str, period: u32| {
        format!("{{ {statement}: {{ calls: 100, renewal-period: {period}, counter-key: 'header:x-tenant' }} }}")
    };
    let limits = format!(
        "inbound:\n  - choose:\n      - when: request.path == '/rate'\n        policies: [ {} ]\n      - otherwise: [ {} ]",
        limit("rate-limit-by-key", 300),
        limit("quota-by-key", 0)
    );
    let origin = quiet();
    let gateway = serve(&format!("workers: 4\n{}", open_api(&limits)), &origin);
    for (round, (path, refusal)) in [("/rate", 429), ("/quota", 403)].into_iter().cycle().take(6).enumerate() {
        let statuses = gateway.burst(256, || Request::get(path).header("x-tenant", round.to_string()));
        let count = |status: u16| statuses.iter().filter(|found| **found == status).count();
        assert_eq!((count(200), count(refusal)), (100, 156), "round {round}: {statuses:?}");
        assert_eq!(origin.requests().len(), 100 * (round + 1), "the origin saw what was admitted");
    }
}

/// Many clients, key after key, each asked twice as often as it may be: what passes is counted to the call.
#[test]
fn row_41_no_limit_admits_one_call_more_or_less_over_many() {
    const LIMIT: u64 = 500;
    let requests = size("TOLLGATE_LIMIT_REQUESTS", 16_000);
    let clients = size("TOLLGATE_LIMIT_CLIENTS", 32);
    let both = "inbound:\n  - rate-limit-by-key: { calls: 500, renewal-period: 300, counter-key: 'header:x-rate' }\n  \
                - quota-by-key: { calls: 500, renewal-period: 0, counter-key: 'header:x-quota' }\n  \
                - return-response: { set-status: { code: 204 } }";
    let gateway = serve(&format!("access-log: off\n{}", open_api(both)), quiet());
    let keys = requests / (2 * LIMIT);
    let admitted: Vec<AtomicU64> = (0..keys).map(|_| AtomicU64::new(0)).collect();
    let next = AtomicU64::new(0);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| {
                let mut client = gateway.client();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(of_key) = admitted.get((number / (2 * LIMIT)) as usize) else { return };
                    let key = number / (2 * LIMIT);
                    // One of the two is what limits, the other one has a key of its own for each request.
                    let (rate, quota) = if key % 2 == 0 { (key, number) } else { (number, key) };
                    let request = Request::get("/")
                        .header("x-rate", format!("{} {rate}", key % 2))
                        .header("x-quota", format!("{} {quota}", key % 2));
                    let status = client.send(&request).status;
                    assert!(matches!((status, key % 2), (204, _) | (429, 0) | (403, 1)), "{status} for key {key}");
                    of_key.fetch_add(u64::from(status == 204), Ordering::Relaxed);
                }
            });
        }
    });
    let (mut over, mut under) = (0, 0);
    for of_key in admitted {
        let of_key = of_key.into_inner();
        over += of_key.saturating_sub(LIMIT);
        under += LIMIT.saturating_sub(of_key);
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("{} requests from {clients} clients in {seconds:.0} s: {over} over, {under} under", keys * 2 * LIMIT);
    assert_eq!((over, under), (0, 0));
}

#[test]
fn row_42_a_stranger_is_one_client_whatever_it_says_of_itself() {
    let gateway = serve(&rate(5, "client-ip"), quiet());
    let mut client = gateway.client();
    let mut random = Random(42);
    let names = ["x-forwarded-for", "forwarded", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"];
    let mut admitted = 0;
    for _ in 0..size("TOLLGATE_FORWARDED_REQUESTS", 2000) {
        let address = std::net::Ipv4Addr::from(random.below(1 << 32) as u32);
        let value = match random.below(4) {
            0 => format!("{address}, 127.0.0.1"),
            1 => format!("for={address};proto=https"),
            2 => format!("[2001:db8::{:x}]:4711", random.below(1 << 16)),
            _ => address.to_string(),
        };
        let mut request = Request::get("/").header(names[random.below(6) as usize], &value);
        if random.below(2) == 0 {
            request = request.header("X-Forwarded-For", value);
        }
        admitted += u32::from(client.send(&request).status == 200);
    }
    assert_eq!(admitted, 5);
}

/// A client behind a trusted proxy, which tells its address.
fn behind_proxy(limits: &str, policies: &str) -> String {
    format!("trusted-proxies: [127.0.0.1]\n{limits}{}", open_api(policies))
}

fn of(address: &str) -> Request {
    Request::get("/").header("x-forwarded-for", address)
}

#[test]
fn row_43_who_changes_its_address_within_a_network_is_one_client() {
    for statement in
        ["rate-limit-by-key: { calls: 3, renewal-period: 300", "quota-by-key: { calls: 3, renewal-period: 0"]
    {
        let policies = format!("inbound: [ {{ {statement}, counter-key: client-ip }} }} ]");
        let gateway = serve(&behind_proxy("", &policies), quiet());
        let mut client = gateway.client();
        let mut random = Random(7);
        let mut admitted = 0;
        for _ in 0..300 {
            let address = format!("2001:db8:0:1:{:x}::{:x}", random.below(1 << 16), random.below(1 << 16));
            admitted += u32::from(client.send(&of(&address)).status == 200);
        }
        assert_eq!(admitted, 3, "{statement}");
        assert_eq!(client.send(&of("2001:db8:0:2::1")).status, 200, "another network is another client");
        assert_eq!(client.send(&of("192.0.2.7")).status, 200);
        assert_eq!(client.send(&of("192.0.2.8")).status, 200, "IPv4 addresses are clients of their own");
    }
}

#[test]
fn row_43_how_much_of_an_ipv6_address_is_a_client_is_a_setting_and_a_filter_sees_all_of_it() {
    let one = "inbound: [ { rate-limit-by-key: { calls: 1, renewal-period: 300, counter-key: client-ip } } ]";
    for (prefix, statuses) in [("48", [200, 429, 429]), ("56", [200, 429, 200]), ("128", [200, 200, 200])] {
        let gateway = serve(&behind_proxy(&format!("limits: {{ client-ipv6-prefix: {prefix} }}\n"), one), quiet());
        let addresses = ["2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:ff00::1"];
        assert_eq!(addresses.map(|address| gateway.send(&of(address)).status), statuses, "/{prefix}");
    }
    let filter = "inbound: [ { ip-filter: { action: forbid, addresses: ['2001:db8:0:1::1'] } } ]";
    let gateway = serve(&behind_proxy("", filter), quiet());
    assert_eq!(["2001:db8:0:1::1", "2001:db8:0:1::2"].map(|address| gateway.send(&of(address)).status), [403, 200]);
    // Expressions have both.
    let said =
        "outbound: [ { set-header: { name: x-said, value: '${request.client_ip} ${request.client_network}' } } ]";
    let gateway = serve(&behind_proxy("", said), quiet());
    let said = |address: &str| gateway.send(&of(address)).headers.get("x-said").unwrap().to_owned();
    assert_eq!(said("2001:db8:0:1::1"), "2001:db8:0:1::1 2001:db8:0:1::/64");
    assert_eq!(said("192.0.2.7"), "192.0.2.7 192.0.2.7");
}

#[test]
fn row_44_a_flood_of_keys_is_bounded_and_lets_no_blocked_key_go() {
    const KEYS: u64 = 24_000;
    let policies = "inbound:\n  - rate-limit-by-key: { calls: 2, renewal-period: 300, counter-key: 'header:x-tenant' }\n  \
                    - return-response: { set-status: { code: 204 } }";
    let gateway = serve(&format!("access-log: off\nstate: {{ limiter-bytes: 1MiB }}\n{}", open_api(policies)), quiet());
    let blocked: Vec<String> = (0..200).map(|number| format!("blocked {number}")).collect();
    let mut client = gateway.client();
    for name in &blocked {
        let statuses = [(); 3].map(|()| client.send(&tenant(name)).status);
        assert_eq!(statuses, [204, 204, 429]);
    }
    let next = AtomicU64::new(0);
    let flood = |count: u64| {
        let end = next.load(Ordering::Relaxed) + count;
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut client = gateway.client();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= end {
                            return;
                        }
                        assert_eq!(client.send(&tenant(format!("flood {number}"))).status, 204, "a new key has room");
                    }
                });
            }
        });
    };
    // The first half fills the memory, the second one takes no more.
    flood(KEYS / 2);
    let before = gateway.rss_bytes();
    flood(KEYS / 2);
    let grown = gateway.rss_bytes().saturating_sub(before);
    assert!(grown < 4 << 20, "{grown} bytes more");
    for name in &blocked {
        assert_eq!(client.send(&tenant(name)).status, 429, "{name}");
    }
}

#[test]
fn row_45_a_key_that_is_shown_twice_is_no_request_and_the_header_goes_before_the_query() {
    let origin = quiet();
    let gateway = serve(&keyed_api("inbound: []", "inbound: []"), &origin);
    let key = "ocp-apim-subscription-key";
    for values in [["acme-1", "acme-1"], ["acme-1", "guessed"], ["guessed", "acme-1"], ["", "acme-1"]] {
        let twice = Request::get("/").header(key, values[0]).header("Ocp-Apim-SUBSCRIPTION-Key", values[1]);
        assert_error(&gateway.send(&twice), 400, "Bad request");
    }
    for query in ["subscription-key=acme-1&subscription-key=acme-1", "subscription-key=&a=b&subscription%2Dkey=acme-1"]
    {
        assert_error(&gateway.get(&format!("/?{query}")), 400, "Bad request");
    }
    let status = |header: &str, query: &str| {
        gateway.send(&Request::get(&format!("/?subscription-key={query}")).header(key, header)).status
    };
    assert_eq!((status("acme-1", "guessed"), status("guessed", "acme-1")), (200, 401));
    assert_eq!(gateway.send(&Request::get("/").header("OCP-APIM-subscription-KEY", "acme-1")).status, 200);
    assert_eq!(origin.requests().len(), 2);
}

#[test]
fn row_45_a_counter_key_that_is_sent_twice_is_refused_and_its_case_changes_nothing() {
    let origin = quiet();
    let gateway = serve(&rate(2, "'header:X-Tenant'"), &origin);
    for other in ["gold", "silver"] {
        let twice = tenant("gold").header("X-TENANT", other);
        assert_error(&gateway.send(&twice), 400, "Bad request");
    }
    assert!(origin.requests().is_empty());
    let named = |name: &str| gateway.send(&Request::get("/").header(name, "gold")).status;
    assert_eq!(["x-tenant", "X-Tenant", "X-TENANT"].map(named), [200, 200, 429]);
}

#[test]
fn row_46_no_interval_of_a_windows_length_holds_more_than_the_limit() {
    const LIMIT: usize = 20;
    const WINDOW: Duration = Duration::from_secs(1);
    let policies = "inbound:\n  - rate-limit-by-key: { calls: 20, renewal-period: 1, counter-key: client-ip }\n  \
                    - return-response: { set-status: { code: 204 } }";
    let gateway = serve(&format!("access-log: off\n{}", open_api(policies)), quiet());
    let mut client = gateway.client();
    let began = Instant::now();
    // When a call was surely not yet, and surely already admitted.
    let mut admitted: Vec<(Instant, Instant)> = Vec::new();
    while began.elapsed() < WINDOW * 7 / 2 {
        let sent = Instant::now();
        match client.get("/").status {
            204 => admitted.push((sent, Instant::now())),
            status => assert_eq!(status, 429),
        }
    }
    for (first, last) in admitted.iter().zip(admitted.iter().skip(LIMIT)) {
        assert!(last.1 - first.0 >= WINDOW, "{} calls within {:?}", LIMIT + 1, last.1 - first.0);
    }
    assert!(admitted.len() >= 3 * LIMIT, "{} calls were admitted in three windows and a half", admitted.len());
}

#[test]
fn row_50_unknown_and_revoked_keys_are_answered_alike() {
    let origin = quiet();
    let yaml = "apis: [ { id: all, path: '', backend: {origin} } ]\nproducts: [ { id: starter, apis: [all] } ]\n\
                subscriptions:\n  - { id: acme, product: starter, primary-key: suspended-1, state: suspended }\n  \
                - { id: zeta, product: starter, primary-key: expired-1, expiration-date: 2001-01-01T00:00:00Z }\n  \
                - { id: nova, product: starter, primary-key: cancelled-1, state: cancelled }\n";
    let gateway = serve(yaml, &origin);
    let answer = |key: &str| {
        let response = gateway.send(&with_key(key));
        let headers: BTreeMap<String, String> = ["content-type", "www-authenticate", "content-length", "retry-after"]
            .map(|name| (name.to_owned(), response.headers.get(name).unwrap_or_default().to_owned()))
            .into();
        (response.status, response.reason.clone(), headers, response.text().to_owned())
    };
    let unknown = answer("unknown-1");
    assert_eq!(unknown.0, 401);
    for key in ["suspended-1", "expired-1", "cancelled-1", "UNKNOWN-1", "suspended-1 "] {
        assert_eq!(answer(key), unknown, "{key}");
    }
    assert!(origin.requests().is_empty());
}

/// Samples of two kinds of key, in random order on one connection: do their times differ? Welch's t; 4.5 is the
/// threshold of dudect. The small run only looks for a difference that anybody would see.
#[test]
fn row_50_the_time_of_a_refusal_tells_nothing_of_the_key() {
    let samples = size("TOLLGATE_TIMING_SAMPLES", 4000);
    let yaml = "access-log: off\nworkers: 1\nlimits: { key-guesses: 0 }\n\
                apis: [ { id: all, path: '', backend: {origin} } ]\nproducts: [ { id: starter, apis: [all] } ]\n\
                subscriptions: [ { id: acme, product: starter, primary-key: 0123456789abcdef, state: suspended } ]\n";
    let gateway = serve(yaml, quiet());
    let mut client = gateway.client();
    // The second differs from the revoked key in the last byte, as a guess would that was told how far it came.
    let requests = [with_key("0123456789abcdef"), with_key("0123456789abcdeX")];
    let mut random = Random(99);
    let mut micros: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    for number in 0..samples + samples / 10 {
        let kind = random.below(2) as usize;
        let began = Instant::now();
        assert_eq!(client.send(&requests[kind]).status, 401);
        let took = began.elapsed().as_secs_f64() * 1e6;
        if number > samples / 10 {
            micros[kind].push(took);
        }
    }
    // Of long tails, which are the machine's, only what both kinds have below a common bound is compared.
    let mut all: Vec<f64> = micros.concat();
    all.sort_by(f64::total_cmp);
    let bound = all[all.len() * 9 / 10];
    let [revoked, unknown] = micros.map(|times| {
        let kept: Vec<f64> = times.into_iter().filter(|time| *time <= bound).collect();
        let count = kept.len() as f64;
        let mean = kept.iter().sum::<f64>() / count;
        (mean, kept.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0) / count)
    });
    let t = (revoked.0 - unknown.0) / (revoked.1 + unknown.1).sqrt();
    println!("{samples} samples: revoked {:.3} us, unknown {:.3} us, t = {t:.2}", revoked.0, unknown.0);
    let threshold = if samples >= 100_000 { 4.5 } else { 10.0 };
    assert!(t.abs() < threshold, "t = {t}: {revoked:?}, {unknown:?}");
}

#[test]
fn row_51_who_tries_out_keys_is_refused_for_a_while_and_its_neighbours_are_not() {
    let origin = quiet();
    let yaml = format!("limits: {{ key-guesses: 10 }}\n{}", keyed_api("inbound: []", "inbound: []"));
    let gateway = serve(&yaml, &origin);
    let mut client = gateway.client();
    assert_eq!(client.send(&with_key("acme-1")).status, 200);
    // A client whose key was revoked comes again and again, and guesses nothing.
    for _ in 0..50 {
        assert_eq!(client.send(&with_key("revoked")).status, 401);
    }
    for guess in 0..9 {
        assert_eq!(client.send(&with_key(&format!("guess-{guess}"))).status, 401);
    }
    let refused = client.send(&with_key("one-guess-more"));
    assert_error(&refused, 429, "Too many invalid subscription keys. Try again later.");
    assert!((1..=60).contains(&number(&refused, "retry-after")));
    assert_eq!(client.send(&with_key("zeta-1")).status, 429, "a right key that is new tells nothing either");
    assert_eq!(client.send(&with_key("acme-1")).status, 200, "one that was used from here before goes on");
    assert_eq!(client.send(&Request::get("/")).status, 401, "no key is no guess");
    assert_eq!(origin.requests().len(), 2);
    gateway.wait_for_log("tries out subscription keys");
}

#[test]
fn row_51_guesses_are_counted_by_source_and_may_be_unlimited() {
    let keyed = keyed_api("inbound: []", "inbound: []");
    let gateway = serve(&format!("trusted-proxies: [127.0.0.1]\nlimits: {{ key-guesses: 3 }}\n{keyed}"), quiet());
    let from = |address: &str, key: &str| gateway.send(&with_key(key).header("x-forwarded-for", address)).status;
    let guesses = ["a", "b", "c", "acme-1"];
    assert_eq!(guesses.map(|key| from("2001:db8::1", key)), [401, 401, 401, 429]);
    assert_eq!(from("2001:db8::2", "acme-1"), 429, "another address of the network is the same source");
    assert_eq!(from("2001:db8:0:1::1", "acme-1"), 200);
    let gateway = serve(&format!("limits: {{ key-guesses: 0 }}\n{keyed}"), quiet());
    assert!((0..300).all(|guess| gateway.send(&with_key(&guess.to_string())).status == 401));
    // By default there is a limit.
    let gateway = serve(&keyed, quiet());
    let statuses: Vec<u16> = (0..102).map(|guess| gateway.send(&with_key(&guess.to_string())).status).collect();
    assert_eq!(statuses.iter().position(|status| *status == 429), Some(100));
}
