//! Origins that speak HTTP/2: `http-version` of `forward-request`.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tollgate_harness::http2::{Client, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, Origin, Reply, SETTINGS};
use tollgate_harness::{Authority, Gateway, Request, Response};

const REFUSED_STREAM: u32 = 7;

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
        let statuses = gateway.burst(20, || {
            Request::post("/x?y", "body").header("cookie", "a=b").header("connection", "x-gone").header("x-gone", "1")
        });
        assert_eq!(statuses, [200; 20]);
        assert_eq!(origin.connections() - connections, 1, "{version}");
        let seen = origin.requests().split_off(requests);
        assert_eq!(seen.len(), 20);
        for request in &seen {
            assert_eq!(
                (request.headers.get("x-version"), request.text(), request.target.as_str()),
                (Some("2"), "body", "/x?y")
            );
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
fn what_an_origin_refuses_to_begin_with_is_sent_again_once() {
    let count = AtomicUsize::new(0);
    let authority = Authority::new();
    let origin = Origin::start_tls(&authority.sign(&["127.0.0.1"]), &["h2"], move |_| {
        match count.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::Reset(REFUSED_STREAM),
            _ => ok("hello"),
        }
    });
    let gateway = before(&origin, &authority, "2, buffer-request-body: true", "");
    let response = gateway.send(&Request::post("/x", "body"));
    assert_eq!((response.status, response.text()), (200, "hello"));
    assert_eq!((origin.connections(), origin.requests()[0].text()), (2, "body"));
    // Again and again is once.
    let authority = Authority::new();
    let origin = Origin::start_tls(&authority.sign(&["127.0.0.1"]), &["h2"], |_| Reply::Reset(REFUSED_STREAM));
    assert_eq!(before(&origin, &authority, "2", "").send(&Request::post("/x", "")).status, 502);
    assert_eq!(origin.connections(), 2);
}

/// An origin in cleartext, frame by frame: its first connection says GOAWAY with this last stream, the others answer.
fn leaving(last_stream: u32) -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, requests) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&requests);
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().take(4).enumerate() {
            let mut stream = stream.unwrap();
            stream.write_all(&Frame::new(SETTINGS, 0, 0, []).bytes()).unwrap();
            let mut head = [0; 24];
            stream.read_exact(&mut head).unwrap();
            while let Ok(kind) = read_frame(&mut stream) {
                if kind != HEADERS {
                    continue;
                }
                counted.fetch_add(1, Ordering::SeqCst);
                let answer = match number {
                    0 => Frame::new(GOAWAY, 0, 0, [last_stream.to_be_bytes(), [0; 4]].concat()),
                    // `:status: 200` alone, and the end.
                    _ => Frame::new(HEADERS, END_HEADERS | END_STREAM, 1, [0x88]),
                };
                let _ = stream.write_all(&Frame::new(SETTINGS, 1, 0, []).bytes());
                let _ = stream.write_all(&answer.bytes());
                if number == 0 {
                    // Closed with something unread it would be reset, and what was sent might be lost.
                    let _ = stream.shutdown(std::net::Shutdown::Write);
                    while read_frame(&mut stream).is_ok() {}
                    break;
                }
            }
        }
    });
    (address, requests)
}

fn read_frame(stream: &mut std::net::TcpStream) -> std::io::Result<u8> {
    let mut head = [0; 9];
    stream.read_exact(&mut head)?;
    let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
    stream.read_exact(&mut payload)?;
    Ok(head[3])
}

#[test]
fn what_stands_behind_a_goaway_is_sent_again_and_what_stands_before_it_is_not() {
    for (last_stream, status, requests) in [(0, 200, 2), (1, 502, 1)] {
        let (address, seen) = leaving(last_stream);
        let yaml = yaml("2", "").replace(", tls: { ca-file: ca.pem }", "");
        let gateway = Gateway::with(&yaml).value("origin", &format!("http://{address}")).start();
        let response = gateway.send(&Request::post("/x", ""));
        assert_eq!((response.status, seen.load(Ordering::SeqCst)), (status, requests), "last stream {last_stream}");
    }
}

#[test]
fn what_an_origin_may_have_begun_with_is_not_sent_again() {
    let count = Arc::new(AtomicUsize::new(0));
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
        Reply::Respond(
            Response::new(200).header("x-te", request.headers.get("te").unwrap_or("")).body(vec![b'x'; 3 << 20]),
            trailers,
        )
    });
    let gateway = before(&origin, &authority, "2", "");
    let mut client = Client::open(gateway.address());
    let body = vec![b'y'; 2 << 20];
    let answer =
        client.try_send(&Request::post("/x", body.clone()), &[("grpc-message", "m"), ("x-other", "1")]).unwrap();
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
