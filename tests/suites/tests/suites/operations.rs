//! What keeps a gateway in operation: traces, overload, reloads under load.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::scene::{Held, OPEN_API, greeter, hello};
use tollgate_harness::{Connection, Gateway, Origin, PATIENCE, Reload, Request, Response};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// The four parts of a `traceparent`.
fn parts(traceparent: &str) -> [String; 4] {
    let parts: Vec<String> = traceparent.split('-').map(str::to_owned).collect();
    parts.try_into().unwrap_or_else(|_| panic!("`{traceparent}` has four parts"))
}

#[test]
fn a_clients_trace_goes_on_to_the_origin_with_a_span_of_the_gateways_own() {
    let origin = hello();
    let gateway = Gateway::with(OPEN_API).origin(&origin).start();
    let request =
        Request::get("/x").header("traceparent", PARENT).header("tracestate", "vendor=1").header("baggage", "a=1");
    assert_eq!(gateway.send(&request).status, 200);
    let seen = origin.only_request().headers;
    let [version, trace, span, flags] = parts(seen.get("traceparent").unwrap());
    assert_eq!((version.as_str(), trace.as_str()), ("00", "0af7651916cd43dd8448eb211c80319c"));
    assert_eq!(flags, "01");
    assert_ne!(span, "b7ad6b7169203331");
    assert_eq!((seen.get("tracestate"), seen.get("baggage")), (Some("vendor=1"), Some("a=1")));
    let entry = gateway.wait_for_access_log(1).remove(0);
    assert_eq!((&entry["trace_id"], &entry["span_id"]), (&trace.into(), &span.into()));
}

#[test]
fn a_request_without_a_trace_begins_one_that_is_its_own_id() {
    let origin = hello();
    let gateway = Gateway::with(OPEN_API).origin(&origin).start();
    let mut traces = BTreeSet::new();
    for _ in 0..20 {
        let response = gateway.get("/x");
        let [_, trace, span, flags] = parts(origin.requests().last().unwrap().headers.get("traceparent").unwrap());
        assert_eq!(response.headers.get("x-request-id"), Some(trace.as_str()));
        assert_eq!((span.len(), flags.as_str()), (16, "01"));
        traces.insert(trace);
    }
    assert_eq!(traces.len(), 20);
}

#[test]
fn a_trace_that_is_malformed_or_too_large_goes_no_further() {
    let origin = hello();
    let gateway = Gateway::with(OPEN_API).origin(&origin).start();
    let malformed = Request::get("/x").header("traceparent", "00-zz-zz-01").header("tracestate", "vendor=1");
    assert_eq!(gateway.send(&malformed).status, 200);
    let seen = origin.requests().remove(0).headers;
    assert!(!seen.get("traceparent").unwrap().contains("zz") && !seen.has("tracestate"));
    let bombs: Vec<String> = (0..2_000).map(|at| format!("k{at}=v")).collect();
    let large = Request::get("/x").header("traceparent", PARENT).header("baggage", bombs.join(","));
    assert_eq!(gateway.send(&large).status, 200);
    let seen = origin.requests().remove(1).headers;
    assert!(seen.has("traceparent") && !seen.has("baggage"));
}

#[test]
fn traces_of_clients_are_left_alone_or_not_believed_if_the_document_says_so() {
    let origin = hello();
    let yaml = |mode: &str| format!("trace-context: {{ mode: {mode}, sample-percent: 0 }}\n{OPEN_API}");
    let request = || Request::get("/x").header("traceparent", PARENT);
    let gateway = Gateway::with(&yaml("restart")).origin(&origin).start();
    gateway.send(&request());
    let [_, trace, _, flags] = parts(origin.requests().last().unwrap().headers.get("traceparent").unwrap());
    assert_ne!(trace, "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(flags, "00");
    let gateway = Gateway::with(&yaml("off")).origin(&origin).start();
    gateway.send(&request());
    assert_eq!(origin.requests().last().unwrap().headers.get("traceparent"), Some(PARENT));
    gateway.get("/x");
    assert!(!origin.requests().last().unwrap().headers.has("traceparent"));
}

/// 503 as clients can act on it.
fn is_shed(response: &Response) {
    assert_eq!((response.status, response.headers.get("retry-after")), (503, Some("1")));
    assert_eq!(response.text(), r#"{ "statusCode": 503, "message": "Service temporarily unavailable" }"#);
}

#[test]
fn more_requests_at_once_than_there_may_be_are_shed_and_the_others_are_served() {
    let held = Held::start();
    let yaml = format!("workers: 1\nlimits: {{ concurrent-requests: 3 }}\n{OPEN_API}");
    let gateway = Gateway::with(&yaml).origin(&held.origin).start();
    let mut inside: Vec<Connection> = (0..3).map(|_| gateway.connect()).collect();
    for (number, connection) in inside.iter_mut().enumerate() {
        connection.write(b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        held.origin.wait_for_requests(number + 1);
    }
    let mut client = gateway.client();
    for _ in 0..5 {
        is_shed(&client.get("/y"));
    }
    assert_eq!(client.connections_opened(), 1);
    assert_eq!(gateway.admin_get("/readyz").status, 200);
    assert_eq!(gateway.metrics().sum("tollgate_overload_refused_total", &[]), 5.0);
    for connection in &mut inside {
        held.let_one_go();
        // The origin answers them in whatever order.
        let _ = connection;
    }
    for connection in &mut inside {
        assert_eq!(connection.read_response("GET").unwrap().status, 200);
    }
    held.let_one_go();
    assert_eq!(client.get("/y").status, 200, "there is room again");
    assert_eq!(held.origin.requests().len(), 4, "what was shed never reached the origin");
}

#[test]
fn requests_are_shed_while_memory_is_short() {
    // Less than any process of this kind takes.
    let yaml = format!("limits: {{ memory-bytes: 4MiB }}\n{OPEN_API}");
    let gateway = Gateway::with(&yaml).origin(greeter()).start();
    gateway.wait_for_log("memory is short");
    is_shed(&gateway.get("/x"));
    assert_eq!(gateway.admin_get("/healthz").status, 200);
    let metrics = gateway.metrics();
    assert_eq!(metrics.sum("tollgate_memory_limit_bytes", &[]), f64::from(4 << 20));
    assert!(metrics.sum("tollgate_memory_used_bytes", &[]) > f64::from(4 << 20));
    let off = Gateway::with(&yaml.replace("4MiB", "4MiB, memory-percent: 0")).origin(greeter()).start();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(off.get("/x").status, 200);
}

#[test]
fn bodies_that_come_all_at_once_and_would_not_fit_are_shed_before_memory_runs_out() {
    // Each request holds 8 MiB until its origin answers; all of them together would be 640 MiB.
    const CLIENTS: usize = 80;
    let release = std::sync::Arc::new(AtomicBool::new(false));
    let seen = release.clone();
    let origin = Origin::start(move |_| {
        while !seen.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
        Response::new(200)
    });
    let held = "policies:\n  backend: [ { forward-request: { buffer-request-body: true } } ]\n";
    let yaml = format!("limits: {{ memory-bytes: 300MiB }}\n{held}{OPEN_API}");
    let gateway = Gateway::with(&yaml).origin(&origin).start();
    let body = vec![b'x'; 8 << 20];
    let (served, shed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let response = gateway.client().try_send(&Request::post("/x", body.clone()));
                // Who is refused while still sending sees the refusal, or a connection that is closed.
                match response {
                    Ok(response) if response.status == 200 => served.fetch_add(1, Ordering::Relaxed),
                    Ok(response) => {
                        is_shed(&response);
                        shed.fetch_add(1, Ordering::Relaxed)
                    }
                    Err(_) => shed.fetch_add(1, Ordering::Relaxed),
                };
            });
        }
        let begin = std::time::Instant::now();
        while shed.load(Ordering::Relaxed) + origin.requests().len() < CLIENTS && begin.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        release.store(true, Ordering::Relaxed);
    });
    let (served, shed) = (served.load(Ordering::Relaxed), shed.load(Ordering::Relaxed));
    assert_eq!(served + shed, CLIENTS);
    assert!(served > 10 && shed > 20, "{served} were served, {shed} shed");
    assert!(gateway.peak_rss_bytes() < 400 << 20, "{} bytes at most", gateway.peak_rss_bytes());
    gateway.wait_for_log("there is memory again");
    // It was short more than once, perhaps.
    let begin = std::time::Instant::now();
    while gateway.get("/x").status != 200 {
        assert!(begin.elapsed() < PATIENCE, "the gateway serves again");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A plan that stamps both directions of an exchange.
fn stamped(version: usize) -> String {
    format!(
        "workers: 2\naccess-log: off\npolicies:\n  inbound: [ {{ set-header: {{ name: x-in, value: 'v{version}' }} }} ]\n  \
         outbound: [ {{ set-header: {{ name: x-out, value: 'v{version}' }} }} ]\n{OPEN_API}"
    )
}

#[test]
fn reloads_under_load_lose_no_request_and_mix_no_two_plans_in_one() {
    const RELOADS: usize = 60;
    let origin = Origin::start(|request| {
        let stamp = request.headers.get("x-in").unwrap_or_default().to_owned();
        // The next plan may come meanwhile.
        std::thread::sleep(Duration::from_millis(1));
        Response::new(200).header("x-in", stamp)
    });
    let gateway = Gateway::with(&stamped(0)).origin(&origin).start();
    let stop = AtomicBool::new(false);
    let (sent, versions) = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = gateway.client();
                    let mut versions = BTreeSet::new();
                    let mut sent = 0;
                    while !stop.load(Ordering::Relaxed) {
                        let response = client.get("/x");
                        assert_eq!(response.status, 200);
                        let (came, went) = (response.headers.get("x-in"), response.headers.get("x-out"));
                        assert_eq!(came, went, "two plans in one request");
                        versions.insert(came.unwrap().to_owned());
                        sent += 1;
                    }
                    (sent, versions)
                })
            })
            .collect();
        for version in 1..=RELOADS {
            assert_eq!(gateway.reload(&stamped(version)), Reload::Applied);
        }
        stop.store(true, Ordering::Relaxed);
        clients.into_iter().fold((0, BTreeSet::new()), |(sent, versions), client| {
            let (more, seen) = client.join().unwrap();
            (sent + more, &versions | &seen)
        })
    });
    assert!(versions.len() > RELOADS / 2, "{} of {RELOADS} plans served something", versions.len());
    assert!(sent > RELOADS);
    assert!(gateway.metrics().sum("tollgate_plan_generation", &[]) >= RELOADS as f64);
}

#[test]
fn a_successor_takes_over_under_load_and_no_connection_is_refused_or_dropped() {
    let version = |name: &str| {
        format!(
            "workers: 2\naccess-log: off\npolicies:\n  outbound: [ {{ set-header: {{ name: x-plan, value: {name} }} }} ]\n{OPEN_API}"
        )
    };
    let mut gateway = Gateway::with(&version("v0")).origin(greeter()).start();
    let address = gateway.address();
    let stop = AtomicBool::new(false);
    let (sent, plans) = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut plans = BTreeSet::new();
                    let mut sent = 0;
                    while !stop.load(Ordering::Relaxed) {
                        // A connection for each request: what waits to be accepted is what could be lost.
                        let mut client = tollgate_harness::Client::new(address);
                        let response = client.get("/x");
                        assert_eq!((response.status, response.text()), (200, "hello"));
                        plans.insert(response.headers.get("x-plan").unwrap().to_owned());
                        sent += 1;
                    }
                    (sent, plans)
                })
            })
            .collect();
        for number in 1..=5 {
            gateway.write_file("tollgate.yaml", gateway.completed(&version(&format!("v{number}"))).as_bytes());
            let successor = gateway.successor();
            assert_eq!(successor.address(), address);
            assert_eq!(gateway.wait().code(), Some(0), "the one that went before drains and ends");
            assert_eq!(successor.admin_get("/readyz").status, 200);
            gateway = successor;
        }
        stop.store(true, Ordering::Relaxed);
        clients.into_iter().fold((0, BTreeSet::new()), |(sent, plans), client| {
            let (more, seen) = client.join().unwrap();
            (sent + more, &plans | &seen)
        })
    });
    assert!(sent > 100, "{sent} requests");
    assert!(plans.len() >= 5, "{plans:?}");
}

#[test]
fn what_was_begun_ends_on_the_gateway_that_it_began_on() {
    let release = std::sync::Arc::new(AtomicBool::new(false));
    let seen = release.clone();
    let origin = Origin::start(move |request| {
        while request.target == "/slow" && !seen.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
        Response::new(200).body(request.target.clone())
    });
    let gateway = Gateway::with(OPEN_API).origin(&origin).start();
    let mut busy = gateway.connect();
    busy.write(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    origin.wait_for_requests(1);
    let successor = gateway.successor();
    assert_eq!(successor.get("/y").text(), "/y", "new connections are the successor's");
    assert!(gateway.is_running(), "the first request is under way");
    release.store(true, Ordering::Relaxed);
    let response = busy.read_response("GET").unwrap();
    assert_eq!((response.status, response.text()), (200, "/slow"));
    assert_eq!(gateway.wait().code(), Some(0));
    assert!(successor.is_running());
}

#[test]
fn quotas_go_on_where_they_were_when_a_successor_takes_over() {
    let yaml = "apis: [ { id: all, path: '', backend: {origin} } ]\nproducts:\n  - id: p\n    apis: [all]\n    policies:\n      \
                inbound: [ base, { quota: { calls: 4, renewal-period: 3600 } } ]\n\
                subscriptions: [ { id: acme, product: p, primary-key: acme-1 } ]\n";
    let gateway = Gateway::with(yaml).origin(greeter()).start();
    let call =
        |gateway: &Gateway| gateway.send(&Request::get("/x").header("ocp-apim-subscription-key", "acme-1")).status;
    assert_eq!([call(&gateway), call(&gateway), call(&gateway)], [200; 3]);
    let successor = gateway.successor();
    assert_eq!([call(&successor), call(&successor)], [200, 403]);
    assert_eq!(gateway.wait().code(), Some(0));
}

#[test]
fn a_successor_with_a_bad_document_disturbs_nobody() {
    let gateway = Gateway::with(OPEN_API).origin(greeter()).start();
    gateway.write_file("tollgate.yaml", b"listen: 127.0.0.1:0\napis: 3\n");
    let outcome = gateway.try_successor().err().unwrap();
    assert_eq!(outcome.code, 2, "{outcome:?}");
    assert_eq!(gateway.get("/x").status, 200);
    assert!(gateway.is_running());
}

#[test]
fn a_successor_that_comes_to_nothing_leaves_the_gateway_as_it_was() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = Gateway::with(OPEN_API).origin(greeter()).start();
    // Another address, which somebody else has: the successor finds that out only when it has got the sockets.
    let yaml = format!("listen: [ 127.0.0.1:0, '{}' ]\n{OPEN_API}", taken.local_addr().unwrap());
    gateway.write_file("tollgate.yaml", gateway.completed(&yaml).as_bytes());
    let outcome = gateway.try_successor().err().unwrap();
    assert_eq!(outcome.code, 1, "{outcome:?}");
    gateway.wait_for_log("the successor didn't come to serve; going on");
    for _ in 0..20 {
        assert_eq!(gateway.get("/x").text(), "hello");
    }
    assert!(gateway.is_running());
}

#[test]
fn taking_over_from_nobody_is_starting() {
    let gateway = Gateway::with(OPEN_API).origin(greeter()).start();
    gateway.sigkill();
    gateway.wait();
    let successor = gateway.successor();
    assert_eq!(successor.get("/x").status, 200);
}
