//! Backends of several origins: who gets what, who is passed over, and when nobody is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::Duration;

use tollgate_harness::{Answer, Gateway, Origin, PATIENCE, Reload, Request, Response, Setup};

/// An origin that answers with its name and the path that it saw.
fn named(name: &'static str) -> Origin {
    Origin::start(move |request| Response::new(200).body(format!("{name} {}", request.target)))
}

/// One open API at the root in front of the backend `all`, for which `backend` says everything but its id.
fn document(backend: &str) -> String {
    format!(
        "backends:\n  - id: all\n{backend}apis: [ {{ id: all, path: '', backend: {{ id: all }}, subscription-required: false, \
         timeouts: {{ connect: 2, response-header: 1 }} }} ]\n"
    )
}

fn pool(members: &str) -> String {
    document(&format!("    pool: [ {members} ]\n"))
}

fn of(yaml: &str, origins: &[(&str, &Origin)]) -> Setup {
    origins.iter().fold(Gateway::with(yaml), |setup, (name, origin)| setup.value(name, &origin.url()))
}

/// The first word of so many answers.
fn names(gateway: &Gateway, count: usize) -> Vec<String> {
    (0..count)
        .map(|_| {
            let response = gateway.get("/x");
            assert_eq!(response.status, 200, "{response:?}");
            response.text().split(' ').next().unwrap_or_default().to_owned()
        })
        .collect()
}

#[test]
fn origins_of_a_pool_take_turns_whichever_worker_asks() {
    let (a, b, c) = (named("a"), named("b"), named("c"));
    let yaml = format!("workers: 2\n{}", pool("{ url: '{a}' }, { url: '{b}' }, { url: '{c}/base' }"));
    let gateway = of(&yaml, &[("a", &a), ("b", &b), ("c", &c)]).start();
    let mut names = names(&gateway, 30);
    assert_eq!(names[..3].iter().collect::<std::collections::BTreeSet<_>>().len(), 3, "each once: {names:?}");
    names.sort();
    assert_eq!(names, [["a"; 10], ["b"; 10], ["c"; 10]].concat());
    assert!(c.requests().iter().all(|request| request.target == "/base/x"), "each has its own base");
    assert!(a.requests().iter().all(|request| request.headers.get("host") == Some(&a.address().to_string())));
}

#[test]
fn weights_are_shares() {
    let (a, b) = (named("a"), named("b"));
    let gateway = of(&pool("{ url: '{a}', weight: 3 }, { url: '{b}' }"), &[("a", &a), ("b", &b)]).start();
    assert_eq!(names(&gateway, 40).iter().filter(|name| *name == "a").count(), 30);
}

#[test]
fn an_origin_that_is_not_there_costs_no_request_and_is_passed_over() {
    let (dead, b) = (Origin::refusing(), named("b"));
    let gateway = of(&pool("{ url: '{dead}' }, { url: '{b}' }"), &[("dead", &dead), ("b", &b)]).start();
    assert_eq!(names(&gateway, 20), ["b"; 20]);
    // Nothing was sent to the one that refused, so a POST is no other matter.
    let response = gateway.send(&Request::post("/x", "a body"));
    assert_eq!(response.status, 200);
    assert_eq!(b.requests().last().unwrap().body, b"a body");
    gateway.wait_for_log("an origin of a pool is passed over for a while");
}

#[test]
fn a_lower_priority_is_asked_only_while_the_one_above_is_away() {
    let (dead, spare) = (Origin::refusing(), named("spare"));
    let a = named("a");
    let members = "{ url: '{dead}', priority: 1 }, { url: '{a}', priority: 2 }, { url: '{spare}', priority: 3 }";
    let gateway = of(&pool(members), &[("dead", &dead), ("a", &a), ("spare", &spare)]).start();
    assert_eq!(names(&gateway, 10), ["a"; 10]);
    assert!(spare.requests().is_empty());
}

#[test]
fn an_origin_that_comes_back_is_asked_again() {
    let well = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&well);
    let a = Origin::start(move |_| match seen.load(Ordering::Relaxed) {
        true => Answer::Respond(Response::new(200).body("a")),
        false => Answer::close(),
    });
    let b = named("b");
    let yaml = document("    pool: [ { url: '{a}' }, { url: '{b}' } ]\n    ejection: { failures: 2, duration: 0.3 }\n");
    let gateway = of(&yaml, &[("a", &a), ("b", &b)]).start();
    let statuses: Vec<u16> = (0..10).map(|_| gateway.get("/x").status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 502).count(), 2, "{statuses:?}");
    well.store(true, Ordering::Relaxed);
    std::thread::sleep(Duration::from_millis(350));
    assert!(names(&gateway, 10).iter().any(|name| name == "a"));
}

#[test]
fn everybody_ejected_is_as_nobody_ejected() {
    let (a, b) = (Origin::start(|_| Answer::close()), Origin::start(|_| Answer::close()));
    let yaml = document("    pool: [ { url: '{a}' }, { url: '{b}' } ]\n    ejection: { failures: 1, duration: 60 }\n");
    let gateway = of(&yaml, &[("a", &a), ("b", &b)]).start();
    for _ in 0..8 {
        assert_eq!(gateway.get("/x").status, 502);
    }
    assert_eq!(a.requests().len() + b.requests().len(), 8, "each request was tried once");
}

const BREAKER: &str = "    url: '{origin}'\n    circuit-breaker:\n      rules:\n        - name: errors\n          \
     failure-condition: { count: 3, interval: 60 }\n          trip-duration: TRIP\n          accept-retry-after: true\n";

/// An origin whose status can be changed while it runs.
fn changeable(status: u16, retry_after: Option<&'static str>) -> (Origin, Arc<AtomicU16>) {
    let now = Arc::new(AtomicU16::new(status));
    let seen = Arc::clone(&now);
    let origin = Origin::start(move |_| {
        let response = Response::new(seen.load(Ordering::Relaxed)).body("from the origin");
        match retry_after {
            Some(seconds) => response.header("retry-after", seconds),
            None => response,
        }
    });
    (origin, now)
}

#[test]
fn a_breaker_opens_after_its_failures_and_then_the_origin_is_left_alone() {
    let (origin, _) = changeable(500, None);
    let gateway = Gateway::with(&document(&BREAKER.replace("TRIP", "60"))).origin(&origin).start();
    for _ in 0..3 {
        let response = gateway.get("/x");
        assert_eq!((response.status, response.text()), (500, "from the origin"));
    }
    for _ in 0..10 {
        let response = gateway.get("/x");
        assert_eq!(response.status, 503);
        let seconds: u64 = response.headers.get("retry-after").unwrap().parse().unwrap();
        assert!((50..=60).contains(&seconds), "{seconds}");
        assert_eq!(response.headers.get("proxy-status"), Some("tollgate; error=destination_unavailable"));
        assert_eq!(response.text(), r#"{ "statusCode": 503, "message": "Service temporarily unavailable" }"#);
    }
    assert_eq!(origin.requests().len(), 3);
    let entry = gateway.wait_for_access_log(13).pop().unwrap();
    assert_eq!(entry["error"]["reason"], "CircuitBreakerOpen", "{entry}");
}

#[test]
fn an_open_breaker_lets_one_request_ask_whether_it_is_over() {
    let (origin, status) = changeable(500, None);
    let gateway = Gateway::with(&document(&BREAKER.replace("TRIP", "0.5"))).origin(&origin).start();
    for _ in 0..3 {
        gateway.get("/x");
    }
    assert_eq!(gateway.get("/x").status, 503);
    std::thread::sleep(Duration::from_millis(550));
    let statuses = gateway.burst(20, || Request::get("/x"));
    assert_eq!(statuses.iter().filter(|status| **status == 503).count(), 19, "{statuses:?}");
    assert_eq!(origin.requests().len(), 4);
    status.store(200, Ordering::Relaxed);
    std::thread::sleep(Duration::from_millis(550));
    assert_eq!(gateway.get("/x").status, 200);
    assert_eq!(gateway.burst(20, || Request::get("/x")), [200; 20]);
}

#[test]
fn an_origins_own_retry_after_says_how_long_it_is_left_alone() {
    let (origin, _) = changeable(503, Some("7"));
    let gateway = Gateway::with(&document(&BREAKER.replace("TRIP", "600"))).origin(&origin).start();
    for _ in 0..3 {
        gateway.get("/x");
    }
    let told = gateway.get("/x").headers.get("retry-after").unwrap().to_owned();
    assert!(["6", "7"].contains(&told.as_str()), "{told}");
}

#[test]
fn an_origin_that_cannot_be_reached_counts_as_the_status_that_its_clients_get() {
    let origin = Origin::refusing();
    let rules = BREAKER.replace("TRIP", "60").replace("interval: 60 }", "interval: 60, status-code-ranges: [ 502 ] }");
    let gateway = Gateway::with(&document(&rules)).origin(&origin).start();
    let statuses: Vec<u16> = (0..5).map(|_| gateway.get("/x").status).collect();
    assert_eq!(statuses, [502, 502, 502, 503, 503]);
}

#[test]
fn a_share_of_failures_opens_a_breaker_too() {
    let (origin, _) = changeable(500, None);
    let rules = BREAKER.replace("TRIP", "60").replace("count: 3", "percentage: 50, minimum-requests: 6");
    let gateway = Gateway::with(&document(&rules)).origin(&origin).start();
    let statuses: Vec<u16> = (0..8).map(|_| gateway.get("/x").status).collect();
    assert_eq!(statuses, [500, 500, 500, 500, 500, 500, 503, 503]);
}

#[test]
fn a_pool_leaves_out_whose_breaker_is_open_and_says_503_if_that_is_everybody() {
    let (a, _) = changeable(500, None);
    let b = named("b");
    let yaml = format!(
        "backends:\n  - id: one\n{}  - id: all\n    pool: [ {{ backend: one }}, {{ url: '{{b}}', circuit-breaker: {{ rules: [ \
         {{ failure-condition: {{ count: 1, interval: 60, status-code-ranges: [ 200 ] }}, trip-duration: 60 }} ] }} }} ]\n\
         apis:\n  - {{ id: all, path: all, backend: {{ id: all }}, subscription-required: false }}\n  \
         - {{ id: one, path: one, backend: {{ id: one }}, subscription-required: false }}\n",
        BREAKER.replace("TRIP", "60")
    );
    let gateway = of(&yaml, &[("origin", &a), ("b", &b)]).start();
    for _ in 0..3 {
        assert_eq!(gateway.get("/one/x").status, 500);
    }
    assert_eq!(gateway.get("/one/x").status, 503);
    assert_eq!(gateway.get("/all/x").status, 200, "the breaker is that of the origin, wherever it is named");
    let response = gateway.get("/all/x");
    assert_eq!(response.status, 503, "now both are open");
    assert!(response.headers.has("retry-after"));
}

#[test]
fn a_breaker_stays_open_across_a_reload_and_a_changed_one_begins_anew() {
    let (origin, _) = changeable(500, None);
    let yaml = document(&BREAKER.replace("TRIP", "60"));
    let gateway = Gateway::with(&yaml).origin(&origin).start();
    for _ in 0..3 {
        gateway.get("/x");
    }
    let stamped = format!("{yaml}policies:\n  outbound: [ {{ set-header: {{ name: x-plan, value: two }} }} ]\n");
    assert_eq!(gateway.reload(&stamped), Reload::Applied);
    assert_eq!(gateway.get("/x").status, 503);
    assert_eq!(gateway.reload(&document(&BREAKER.replace("TRIP", "61"))), Reload::Applied);
    assert_eq!(gateway.get("/x").status, 500);
}

#[test]
fn a_statement_may_choose_a_pool() {
    let (a, b, other) = (named("a"), named("b"), named("other"));
    let yaml = "backends: [ { id: all, pool: [ { url: '{a}' }, { url: '{b}/v2' } ] } ]\napis:\n  - id: x\n    path: x\n    \
                backend: '{other}'\n    subscription-required: false\n    policies:\n      \
                inbound: [ { set-backend-service: { backend-id: all } } ]\n";
    let gateway = of(yaml, &[("a", &a), ("b", &b), ("other", &other)]).start();
    let mut texts: Vec<String> = (0..4).map(|_| gateway.get("/x/y").text().to_owned()).collect();
    texts.sort();
    assert_eq!(texts, ["a /y", "a /y", "b /v2/y", "b /v2/y"]);
    assert!(other.requests().is_empty());
}

#[test]
fn a_probe_whose_client_left_makes_room_for_the_next() {
    let stalls = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stalls);
    let origin = Origin::start(move |_| match seen.load(Ordering::Relaxed) {
        true => Answer::stall(),
        false => Answer::Respond(Response::new(500)),
    });
    let yaml = document(&BREAKER.replace("TRIP", "0.3")).replace("response-header: 1", "response-header: 30");
    let gateway = Gateway::with(&yaml).origin(&origin).start();
    for _ in 0..3 {
        gateway.get("/x");
    }
    stalls.store(true, Ordering::Relaxed);
    std::thread::sleep(Duration::from_millis(350));
    let mut probe = gateway.connect();
    probe.write(b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    origin.wait_for_requests(4);
    assert_eq!(gateway.get("/x").status, 503, "one at a time");
    probe.reset();
    origin.wait_for_abandoned(1);
    stalls.store(false, Ordering::Relaxed);
    let begin = std::time::Instant::now();
    while origin.requests().len() < 5 && begin.elapsed() < PATIENCE {
        gateway.get("/x");
    }
    assert_eq!(origin.requests().len(), 5);
}
