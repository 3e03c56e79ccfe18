//! Origins that speak HTTP/2: `http-version` of `forward-request`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tollgate_harness::http2::{Client, Origin, Reply};
use tollgate_harness::{Authority, Gateway, Request, Response};

fn yaml(version: &str, more: &str) -> String {
    format!(
        "workers: 1\npolicies: {{ backend: [ {{ forward-request: {{ http-version: {version} }} }} ] }}\n\
         apis: [ {{ id: a, path: '', backend: '{{origin}}', subscription-required: false, tls: {{ ca-file: ca.pem }} }} ]\n{more}"
    )
}

fn before(origin: &Origin, authority: &Authority, version: &str, more: &str) -> Gateway {
    Gateway::with(&yaml(version, more)).value("origin", &origin.url()).file("ca.pem", authority.pem()).start()
}

fn ok(body: &str) -> Reply {
    Reply::Respond(Response::new(200).body(body), Vec::new())
}

#[test]
fn an_origin_is_spoken_to_by_http_2_over_one_connection() {
    let authority = Authority::new();
    let origin = Origin::start_tls(&authority.sign(&["127.0.0.1"]), &["h2", "http/1.1"], |_| ok("hello"));
    for version in ["2", "2or1"] {
        let gateway = before(&origin, &authority, version, "");
        let (connections, requests) = (origin.connections(), origin.requests().len());
        let statuses = gateway.burst(20, || Request::post("/x?y", "body").header("cookie", "a=b").header("connection", "x-gone").header("x-gone", "1"));
        assert_eq!(statuses, [200; 20]);
        assert_eq!(origin.connections() - connections, 1, "{version}");
        let seen = origin.requests().split_off(requests);
        assert_eq!(seen.len(), 20);
        for request in &seen {
            assert_eq!((request.headers.get("x-version"), request.text(), request.target.as_str()), (Some("2"), "body", "/x?y"));
            assert_eq!(request.headers.all("host").len(), 1);
            assert_eq!(request.headers.get("content-length"), Some("4"));
            assert_eq!(request.headers.get("te"), Some("trailers"));
            assert!(!request.headers.has("connection") && !request.headers.has("x-gone"));
        }
    }
}

#[test]
fn an_origin_that_chooses_http_1_is_spoken_to_by_it_and_one_that_must_not_is_a_502() {
    let authority = Authority::new();
    let origin = Origin::start_tls(&authority.sign(&["127.0.0.1"]), &["http/1.1"], |_| ok("hello"));
    let gateway = before(&origin, &authority, "2or1", "");
    for _ in 0..3 {
        assert_eq!(gateway.get("/x").text(), "hello");
    }
    assert!(origin.requests().iter().all(|request| request.headers.get("x-version") == Some("1")));
    assert_eq!(before(&origin, &authority, "2", "").get("/x").status, 502);
}

#[test]
fn http_2_is_spoken_in_cleartext_if_the_document_says_so() {
    let origin = Origin::start(|_| ok("hello"));
    let yaml = yaml("2", "").replace(", tls: { ca-file: ca.pem }", "");
    let gateway = Gateway::with(&yaml).value("origin", &origin.url()).start();
    assert_eq!(gateway.get("/x").text(), "hello");
    assert_eq!(origin.requests()[0].headers.get("x-version"), Some("2"));
}

#[test]
fn what_an_origin_has_not_begun_with_is_sent_again_once() {
    for first in [Reply::Reset(7), Reply::GoAway] {
        let count = AtomicUsize::new(0);
        let authority = Authority::new();
        let reply = first.clone();
        let origin = Origin::start_tls(&authority.sign(&["127.0.0.1"]), &["h2"], move |_| {
            if count.fetch_add(1, Ordering::SeqCst) == 0 { reply.clone() } else { ok("hello") }
        });
        let gateway = before(&origin, &authority, "2", "");
        let response = gateway.send(&Request::post("/x", ""));
        assert_eq!((response.status, response.text()), (200, "hello"), "{first:?}");
        assert_eq!(origin.connections(), 2, "{first:?}");
    }
    // Again and again is once.
    let authority = Authority::new();
    let origin = Origin::start_tls(&authority.sign(&["127.0.0.1"]), &["h2"], |_| Reply::Reset(7));
    assert_eq!(before(&origin, &authority, "2", "").send(&Request::post("/x", "")).status, 502);
    assert_eq!(origin.connections(), 2);
}

#[test]
fn what_an_origin_may_have_begun_with_is_not_sent_again() {
    let count = std::sync::Arc::new(AtomicUsize::new(0));
    let authority = Authority::new();
    let counted = count.clone();
    let origin = Origin::start_tls(&authority.sign(&["127.0.0.1"]), &["h2"], move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        Reply::Reset(2)
    });
    let gateway = before(&origin, &authority, "2", "");
    assert_eq!(gateway.send(&Request::post("/x", "body")).status, 502);
    assert_eq!(gateway.get("/x").status, 502);
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[test]
fn streams_of_a_connection_are_limited_and_more_take_another() {
    let authority = Authority::new();
    let origin = Origin::start_tls(&authority.sign(&["127.0.0.1"]), &["h2"], |_| {
        std::thread::sleep(Duration::from_millis(1));
        ok("hello")
    });
    let gateway = before(&origin, &authority, "2", "limits: { origin-http2-streams: 4 }");
    let statuses = gateway.burst(16, || Request::get("/x"));
    assert_eq!(statuses, [200; 16]);
    assert!((1..=8).contains(&origin.connections()), "{}", origin.connections());
}

#[test]
fn bodies_and_trailers_pass_both_ways() {
    let authority = Authority::new();
    let origin = Origin::start_tls(&authority.sign(&["127.0.0.1"]), &["h2"], |request| {
        let trailers = vec![("grpc-status", "0"), ("x-other", "1")];
        Reply::Respond(Response::new(200).header("x-te", request.headers.get("te").unwrap_or("")).body(vec![b'x'; 3 << 20]), trailers)
    });
    let gateway = before(&origin, &authority, "2", "");
    let mut client = Client::open(gateway.address());
    let body = vec![b'y'; 2 << 20];
    let answer = client.try_send(&Request::post("/x", body.clone()), &[("grpc-message", "m"), ("x-other", "1")]).unwrap();
    assert_eq!(answer.response.body.len(), 3 << 20);
    assert_eq!(answer.trailers, [("grpc-status".to_owned(), "0".to_owned())]);
    let seen = &origin.requests()[0];
    assert_eq!(seen.body, body);
    assert_eq!(seen.headers.get("trailer-grpc-message"), Some("m"));
    assert!(!seen.headers.has("trailer-x-other"));
}

#[test]
fn a_response_that_breaks_off_shows_it() {
    let authority = Authority::new();
    let origin = Origin::start_tls(&authority.sign(&["127.0.0.1"]), &["h2"], |request| match request.target.as_str() {
        "/hang" => Reply::Hang,
        _ => Reply::Break(Response::new(200).body("half")),
    });
    let gateway = before(&origin, &authority, "2", "limits: { response-header-timeout: 1 }");
    assert!(gateway.client().try_send(&Request::get("/x")).is_err());
    assert_eq!(gateway.get("/hang").status, 504);
    let mut client = Client::open(gateway.address());
    assert!(client.try_send(&Request::get("/x"), &[]).is_err());
}
