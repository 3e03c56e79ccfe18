//! The life of a request, row by row: what can go wrong, and what the client sees then.

use crate::scene::{Held, OPEN_API, greeter, hello, joined};
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};
use tollgate_harness::{Answer, Gateway, Origin, Request, Response, Step};

/// The body of every failure.
fn body(status: u16, message: &str) -> String {
    format!("{{ \"statusCode\": {status}, \"message\": \"{message}\" }}")
}

fn is_failure(response: &Response, status: u16, message: &str) {
    assert_eq!((response.status, response.text()), (status, body(status, message).as_str()));
    assert_eq!(response.headers.get("content-type"), Some("application/json"));
    assert!(response.headers.has("x-request-id"));
}

/// A gateway with one open API and these settings.
fn with_settings(settings: &str, origin: &Origin) -> Gateway {
    Gateway::with(&format!("{settings}\n{OPEN_API}")).origin(origin).start()
}

#[test]
fn a_malformed_host_is_400() {
    let origin = hello();
    let gateway = with_settings("", &origin);
    for host in ["", "a b", "a,b", "a/b", "user@a", "a:b"] {
        is_failure(&gateway.send(&Request::get("/").header("host", host)), 400, "Bad request");
    }
    is_failure(&gateway.send(&Request::get("/").header("host", "a").header("host", "b")), 400, "Bad request");
    let mut connection = gateway.connect();
    connection.write(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    is_failure(&connection.read_response("GET").unwrap(), 400, "Bad request");
    assert!(origin.requests().is_empty());
}

#[test]
fn a_path_that_servers_read_differently_is_400() {
    let origin = hello();
    let gateway = with_settings("", &origin);
    for path in ["/a%2fb", "/a%2Fb", "/a%5cb", "/%00", "/a%", "/a%zz", "/a\\b"] {
        let response = gateway.send(&Request::get(path));
        assert_eq!(response.status, 400, "{path}");
    }
    is_failure(&gateway.get("/a%2fb"), 400, "Bad request");
    assert!(origin.requests().is_empty());
}

#[test]
fn a_request_that_can_be_read_in_two_ways_is_400() {
    let origin = hello();
    let gateway = with_settings("", &origin);
    for head in [
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +3\r\n\r\nabc",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\n folded: x\r\n\r\n",
        "GET / HTTP/1.1\r\nhost : a\r\n\r\n",
    ] {
        let mut connection = gateway.connect();
        connection.write(head.as_bytes()).unwrap();
        assert_eq!(connection.read_response("POST").unwrap().status, 400, "{head:?}");
        assert!(connection.closes_within(Duration::from_secs(10)), "{head:?}");
    }
    assert!(origin.requests().is_empty());
}

#[test]
fn an_unknown_operation_is_404() {
    let origin = hello();
    let yaml = "apis:\n  - id: a\n    path: a\n    backend: {origin}\n    subscription-required: false\n    \
                operations: [ { id: get, method: GET, url: /x } ]\n";
    let gateway = Gateway::with(yaml).origin(&origin).start();
    assert_eq!(gateway.get("/a/x").status, 200);
    for request in [Request::get("/a/y"), Request::get("/b"), Request::get("/"), Request::new("DELETE", "/a/x")] {
        is_failure(&gateway.send(&request), 404, "Resource not found");
    }
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn an_origin_that_fails_before_it_responds_is_502() {
    for (what, origin) in [
        ("refuses", Origin::refusing()),
        ("closes", Origin::start(|_| Answer::close())),
        ("resets", Origin::start(|_| Answer::reset())),
        ("closes in its head", Origin::start(|_| Answer::close_in_head())),
        ("talks gibberish", Origin::start(|_| Answer::garbage())),
        (
            "says its length twice",
            Origin::start(|_| Answer::raw("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab")),
        ),
    ] {
        let gateway = with_settings("", &origin);
        let response = gateway.get("/x");
        assert_eq!(response.status, 502, "an origin that {what}");
        is_failure(&response, 502, "Bad gateway");
        let entry = gateway.wait_for_access_log(1).remove(0);
        assert_eq!(entry["error"]["reason"], "BackendConnectionFailure", "{what}");
        assert_eq!(entry["error"]["blame"], "origin", "{what}");
    }
}

fn timed(timeouts: &str, origin: &Origin) -> Gateway {
    let api = format!(
        "{{ id: all, path: '', backend: {{origin}}, subscription-required: false, timeouts: {{ {timeouts} }} }}"
    );
    Gateway::with(&format!("apis: [ {api} ]\n")).origin(origin).start()
}

#[test]
fn an_origin_that_does_not_respond_in_time_is_504_and_is_let_go() {
    let origin = Origin::start(|_| Answer::stall());
    let gateway = timed("response-header: 0.2", &origin);
    is_failure(&gateway.get("/x"), 504, "Gateway timeout");
    origin.wait_for_abandoned(1);
    assert_eq!(gateway.wait_for_access_log(1)[0]["error"]["reason"], "Timeout");
}

#[test]
fn an_exchange_that_takes_too_long_as_a_whole_is_504() {
    let origin = Origin::start(|_| Answer::stall());
    let gateway = timed("total: 0.2", &origin);
    is_failure(&gateway.get("/x"), 504, "Gateway timeout");
    origin.wait_for_abandoned(1);
}

/// Nobody accepts, and the queue of connections to be accepted is full: the kernel drops what else comes.
#[test]
fn an_origin_that_lets_nobody_in_is_504() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let connect = |_| TcpStream::connect_timeout(&address, Duration::from_millis(500)).ok();
    let waiting: Vec<TcpStream> = (0..10_000).map_while(connect).collect();
    assert!(waiting.len() < 10_000, "the queue never became full");
    let api =
        "{ id: all, path: '', backend: http://{address}, subscription-required: false, timeouts: { connect: 0.3 } }";
    let gateway = Gateway::with(&format!("apis: [ {api} ]")).value("address", &address.to_string()).start();
    is_failure(&gateway.get("/x"), 504, "Gateway timeout");
}

#[test]
fn a_body_that_says_it_is_too_large_is_413_and_reaches_nobody() {
    let origin = hello();
    let gateway = with_settings("limits: { request-body-bytes: 1000 }", &origin);
    let response = gateway.send(&Request::post("/x", vec![b'a'; 1001]));
    is_failure(&response, 413, "Request body too large");
    assert_eq!(response.headers.get("connection"), Some("close"));
    assert!(origin.requests().is_empty());
    assert_eq!(gateway.send(&Request::post("/x", vec![b'a'; 1000])).status, 200);
}

#[test]
fn a_body_that_becomes_too_large_on_its_way_is_413() {
    let origin = hello();
    let gateway = with_settings("limits: { request-body-bytes: 1000 }", &origin);
    let chunk = format!("{:x}\r\n{}\r\n", 600, "a".repeat(600));
    let chunked = |chunks: usize| {
        Request::new("POST", "/x").header("transfer-encoding", "chunked").body(chunk.repeat(chunks) + "0\r\n\r\n")
    };
    is_failure(&gateway.send(&chunked(2)), 413, "Request body too large");
    assert!(origin.requests().is_empty(), "the origin never gets a whole request");
    assert_eq!(gateway.send(&chunked(1)).status, 200);
}

#[test]
fn a_uri_that_is_too_long_is_414() {
    let origin = hello();
    let gateway = with_settings("limits: { uri-bytes: 300 }", &origin);
    is_failure(&gateway.get(&format!("/{}", "a".repeat(300))), 414, "URI too long");
    assert_eq!(gateway.get(&format!("/{}", "a".repeat(299))).status, 200);
}

#[test]
fn a_head_that_is_too_large_is_431() {
    let origin = hello();
    let gateway = with_settings("limits: { header-bytes: 8KiB, headers: 20 }", &origin);
    assert_eq!(gateway.send(&Request::get("/").header("x-large", "a".repeat(9000))).status, 431);
    let many = (0..21).fold(Request::get("/"), |request, number| request.header(&format!("x-{number}"), "a"));
    assert_eq!(gateway.send(&many).status, 431);
    assert!(origin.requests().is_empty());
    assert_eq!(gateway.send(&Request::get("/").header("x-large", "a".repeat(4000))).status, 200);
}

#[test]
fn a_head_that_comes_too_slowly_is_408_and_closes_the_connection() {
    let origin = hello();
    let gateway = with_settings("limits: { request-header-timeout: 0.2 }", &origin);
    let mut slow = gateway.connect();
    slow.write(b"GET / HTTP/1.1\r\nhost: a\r\nx-").unwrap();
    let mut silent = gateway.connect();
    assert_eq!(slow.read_response("GET").unwrap().status, 408);
    assert!(slow.closes_within(Duration::from_secs(10)));
    assert!(silent.closes_within(Duration::from_secs(10)), "and so does one that says nothing at all");
    assert_eq!(gateway.get("/").status, 200);
}

#[test]
fn a_body_that_comes_too_slowly_is_408() {
    let origin = hello();
    let gateway = with_settings("limits: { request-body-timeout: 0.2 }", &origin);
    let mut slow = gateway.connect();
    slow.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc").unwrap();
    is_failure(&slow.read_response("POST").unwrap(), 408, "Request timeout");
    assert!(origin.requests().is_empty());
}

#[test]
fn an_idle_connection_is_closed_after_a_while() {
    let origin = hello();
    let gateway = with_settings("limits: { idle-timeout: 0.2 }", &origin);
    let mut client = gateway.client();
    assert_eq!(client.get("/").status, 200);
    assert!(client.is_closed_within(Duration::from_secs(10)));
}

#[test]
fn a_client_that_goes_away_takes_its_request_to_the_origin_along() {
    let origin = Origin::start(|_| Answer::stall());
    let gateway = with_settings("", &origin);
    for reset in [false, true] {
        let mut client = gateway.connect();
        client.write(b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        origin.wait_for_requests(1 + usize::from(reset));
        if reset {
            client.reset()
        } else {
            drop(client)
        }
        origin.wait_for_abandoned(1 + usize::from(reset));
    }
    assert!(gateway.is_running());
    assert_eq!(gateway.admin_get("/healthz").status, 200);
}

#[test]
fn a_client_that_goes_away_within_a_response_lets_the_origin_go() {
    let origin = Origin::start(|_| Answer::stall_in_body(Response::new(200).body(vec![b'a'; 1 << 20]), 1000));
    let gateway = with_settings("", &origin);
    let mut client = gateway.connect();
    client.write(b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    assert_eq!(client.read_response_head().unwrap().status, 200);
    drop(client);
    origin.wait_for_abandoned(1);
    assert!(gateway.is_running());
}

/// `xml-to-json` asks for the body; it may see 100 bytes of it.
fn converting(on_failure: &str, origin: &Origin) -> Gateway {
    let statement = "{ xml-to-json: { kind: direct, apply: always }, limits: { body-bytes: 100 }, on-failure: ";
    with_settings(&format!("policies:\n  inbound: [ {statement}{on_failure} }} ]"), origin)
}

#[test]
fn a_body_that_is_too_large_for_a_policy_is_413() {
    let origin = hello();
    let gateway = converting("closed", &origin);
    let large = format!("<a>{}</a>", "x".repeat(200));
    is_failure(&gateway.send(&Request::post("/x", large.clone())), 413, "Request body too large");
    let chunked = format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    let chunked = Request::new("POST", "/x").header("transfer-encoding", "chunked").body(chunked);
    is_failure(&gateway.send(&chunked), 413, "Request body too large");
    assert!(origin.requests().is_empty());
    assert_eq!(gateway.metrics().sum("tollgate_policy_failures_total", &[("kind", "body-too-large")]), 2.0);
    assert_eq!(gateway.send(&Request::post("/x", "<a>x</a>")).status, 200);
    assert_eq!(origin.only_request().text(), r#"{"a":"x"}"#);
}

#[test]
fn a_body_that_is_too_large_for_a_policy_passes_one_that_fails_open() {
    let origin = hello();
    let gateway = converting("open", &origin);
    let large = format!("<a>{}</a>", "x".repeat(200));
    assert_eq!(gateway.send(&Request::post("/x", large.clone())).status, 200);
    assert_eq!(origin.only_request().text(), large);
}

#[test]
fn an_origin_that_breaks_off_its_body_breaks_off_the_clients() {
    let whole = Response::new(200).body(vec![b'a'; 100_000]);
    let origin = Origin::start(move |request| match request.target.as_str() {
        "/length" => Answer::close_in_body(whole.clone(), 50_000),
        _ => Answer::raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"),
    });
    let gateway = with_settings("", &origin);
    for target in ["/length", "/chunks"] {
        let broken = gateway.client().try_send(&Request::get(target));
        assert!(broken.is_err(), "{target}: {broken:?}");
    }
    assert!(gateway.is_running());
}

#[test]
fn the_on_error_section_sees_the_failing_status_and_may_leave_it() {
    let edit = "{ set-header: { name: x-seen, value: 'yes' } }";
    let origin = Origin::refusing();
    let gateway = with_settings(&format!("policies:\n  on-error: [ {edit} ]"), &origin);
    let response = gateway.get("/x");
    is_failure(&response, 502, "Bad gateway");
    assert_eq!(joined(&response.headers, "x-seen"), "yes");
}

#[test]
fn the_on_error_section_can_answer_otherwise() {
    let answer = "{ return-response: { status: 299, body: sorry } }";
    let refuse = "{ check-header: { name: x-needed, failed-check-httpcode: 418 } }";
    let gateway = with_settings(&format!("policies:\n  inbound: [ {refuse} ]\n  on-error: [ {answer} ]"), greeter());
    let response = gateway.get("/x");
    assert_eq!((response.status, response.text()), (299, "sorry"));
    let entry = gateway.wait_for_access_log(1).remove(0);
    assert_eq!(
        (&entry["error"]["source"], &entry["error"]["reason"]),
        (&"check-header".into(), &"HeaderNotFound".into())
    );
    assert_eq!(gateway.send(&Request::get("/x").header("x-needed", "1")).text(), "hello");
}

#[test]
fn a_request_after_a_failure_has_the_connection_for_itself() {
    let origin = Origin::start(|request| match request.target.as_str() {
        "/bad" => Answer::Script(vec![Step::Close]),
        _ => Response::new(200).body("good").into(),
    });
    let gateway = with_settings("", &origin);
    let mut client = gateway.client();
    for _ in 0..3 {
        assert_eq!(client.get("/bad").status, 502);
        assert_eq!(client.get("/good").text(), "good");
    }
    assert_eq!(client.connections_opened(), 1);
}

#[test]
fn a_request_waits_for_nobody_elses_origin() {
    let held = Held::start();
    let quick = hello();
    let yaml = "workers: 1\napis:\n  - { id: slow, path: slow, backend: {slow}, subscription-required: false }\n  \
                - { id: quick, path: quick, backend: {origin}, subscription-required: false }\n";
    let gateway = Gateway::with(yaml).value("slow", &held.origin.url()).origin(&quick).start();
    let mut waiting = gateway.connect();
    waiting.write(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    held.origin.wait_for_requests(1);
    let began = Instant::now();
    assert_eq!(gateway.get("/quick").text(), "hello");
    assert!(began.elapsed() < Duration::from_secs(10));
    held.let_one_go();
    assert_eq!(waiting.read_response("GET").unwrap().text(), "late");
}

/// A server that speaks to a TLS client in plain text can't be spoken to, and nothing is upgraded.
#[test]
fn bytes_that_are_no_http_close_the_connection() {
    let gateway = with_settings("", greeter());
    let mut stream = TcpStream::connect(gateway.address()).unwrap();
    std::io::Write::write_all(&mut stream, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n").unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(gateway.get("/").status, 200);
}
