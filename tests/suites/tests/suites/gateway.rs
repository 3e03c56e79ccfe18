//! Connections and the life of the process: HTTP/1.1 as clients may speak it, start, drain.

use crate::scene::{Held, OPEN_API, greeter, hello};
use std::net::TcpListener;
use std::time::Duration;
use tollgate_harness::{Gateway, Origin, Request, Response};

fn open(settings: &str, origin: &Origin) -> Gateway {
    Gateway::with(&format!("{settings}\n{OPEN_API}")).origin(origin).start()
}

#[test]
fn connections_are_kept_on_both_sides() {
    let origin = hello();
    let gateway = open("workers: 1", &origin);
    let mut client = gateway.client();
    for _ in 0..20 {
        assert_eq!(client.get("/x").text(), "hello");
        assert_eq!(client.send(&Request::post("/x", "body")).text(), "hello");
    }
    assert_eq!((client.connections_opened(), origin.connections()), (1, 1));
}

#[test]
fn a_connection_that_the_origin_closed_costs_no_request() {
    let origin = Origin::start(|_| {
        let bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello".to_vec();
        tollgate_harness::Answer::raw(bytes)
    });
    let gateway = open("workers: 1", &origin);
    let mut client = gateway.client();
    for _ in 0..20 {
        assert_eq!(client.get("/x").text(), "hello");
    }
    assert_eq!(origin.requests().len(), 20);
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let origin = Origin::start(|request| Response::new(200).body(request.target.clone()));
    let mut connection = open("", &origin).connect_and_keep();
    let requests: String = (0..5).map(|number| format!("GET /{number} HTTP/1.1\r\nhost: a\r\n\r\n")).collect();
    connection.1.write(requests.as_bytes()).unwrap();
    for number in 0..5 {
        assert_eq!(connection.1.read_response("GET").unwrap().text(), format!("/{number}"));
    }
}

/// A bare connection together with the gateway that it leads to.
trait ConnectAndKeep {
    fn connect_and_keep(self) -> (Gateway, tollgate_harness::Connection);
}

impl ConnectAndKeep for Gateway {
    fn connect_and_keep(self) -> (Gateway, tollgate_harness::Connection) {
        let connection = self.connect();
        (self, connection)
    }
}

#[test]
fn a_request_that_says_close_is_the_last_of_its_connection() {
    let gateway = open("", greeter());
    let mut client = gateway.connect();
    client.write(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    let response = client.read_response("GET").unwrap();
    assert_eq!(response.headers.get("connection"), Some("close"));
    assert!(client.closes_within(Duration::from_secs(10)));
}

#[test]
fn a_client_of_http_1_0_is_served() {
    let gateway = open("", greeter());
    let mut client = gateway.connect();
    client.write(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let answer = String::from_utf8(client.read_to_end().unwrap()).unwrap();
    assert!(answer.starts_with("HTTP/1.0 200 ") || answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with("hello") && !answer.contains("chunked"), "{answer}");
}

#[test]
fn head_has_the_length_and_no_body() {
    let origin = hello();
    let gateway = open("workers: 1", &origin);
    let mut client = gateway.client();
    for _ in 0..3 {
        let response = client.send(&Request::new("HEAD", "/x"));
        assert_eq!((response.status, response.headers.get("content-length")), (200, Some("5")));
        assert_eq!(client.get("/x").text(), "hello");
    }
    assert_eq!((client.connections_opened(), origin.connections()), (1, 1));
}

#[test]
fn statuses_without_a_body_keep_the_connection() {
    let origin = Origin::start(|request| match request.target.as_str() {
        "/204" => Response::new(204),
        "/304" => Response::new(304).header("etag", "\"x\""),
        _ => Response::new(200).body("hello"),
    });
    let gateway = open("workers: 1", &origin);
    let mut client = gateway.client();
    for _ in 0..3 {
        let response = client.get("/204");
        assert_eq!((response.status, response.headers.has("content-length")), (204, false));
        assert!(!response.headers.has("transfer-encoding"));
        let response = client.get("/304");
        assert_eq!((response.status, response.headers.get("etag")), (304, Some("\"x\"")));
        assert_eq!(client.get("/200").text(), "hello");
    }
    assert_eq!((client.connections_opened(), origin.connections()), (1, 1));
}

#[test]
fn a_client_that_waits_for_100_continue_gets_it() {
    let origin = hello();
    let gateway = open("", &origin);
    let mut client = gateway.connect();
    client.write(b"POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n").unwrap();
    assert_eq!(client.read_response_head().unwrap().status, 100);
    client.write(b"body").unwrap();
    assert_eq!(client.read_response("POST").unwrap().text(), "hello");
    let seen = origin.only_request();
    assert_eq!(seen.text(), "body");
    assert!(!seen.headers.has("expect"));
}

#[test]
fn a_client_whose_request_is_refused_is_not_asked_for_its_body() {
    let yaml = "apis: [ { id: all, path: '', backend: {origin} } ]";
    let origin = hello();
    let gateway = Gateway::with(yaml).origin(&origin).start();
    let mut client = gateway.connect();
    client.write(b"POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n").unwrap();
    let head = client.read_response_head().unwrap();
    assert_eq!((head.status, head.headers.get("connection")), (401, Some("close")));
    assert!(origin.requests().is_empty());
}

#[test]
fn another_expectation_is_417() {
    let gateway = open("", greeter());
    assert_eq!(gateway.send(&Request::get("/").header("expect", "miracles")).status, 417);
}

#[test]
fn methods_that_no_api_has_are_405() {
    let gateway = open("", greeter());
    assert_eq!(gateway.send(&Request::new("TRACE", "/")).status, 405);
    assert_eq!(gateway.send(&Request::new("CONNECT", "a:1")).status, 405);
}

#[test]
fn every_response_has_an_id_of_its_own() {
    let origin = Origin::start(|_| Response::new(200).header("x-request-id", "the origin's").body("hello"));
    let gateway = open("", &origin);
    let ids: Vec<String> = (0..10)
        .map(|_| gateway.send(&Request::get("/").header("x-request-id", "the client's")))
        .map(|response| response.headers.all("x-request-id").join(","))
        .collect();
    for (at, id) in ids.iter().enumerate() {
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        assert!(!ids[..at].contains(id), "{id} twice");
    }
    let logged: Vec<_> = gateway.wait_for_access_log(10).iter().map(|entry| entry["request_id"].clone()).collect();
    assert!(ids.iter().all(|id| logged.iter().any(|entry| entry == id.as_str())), "the log names them alike");
}

#[test]
fn sigterm_finishes_what_was_begun_and_exits_with_0() {
    let held = Held::start();
    let gateway = open("", &held.origin);
    let mut busy = gateway.connect();
    busy.write(b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    held.origin.wait_for_requests(1);
    let mut idle = gateway.connect();
    gateway.sigterm();
    gateway.wait_for_log("draining");
    assert!(idle.closes_within(Duration::from_secs(10)), "an idle connection is closed");
    assert!(gateway.is_running());
    held.let_one_go();
    let response = busy.read_response("GET").unwrap();
    assert_eq!((response.status, response.text()), (200, "late"));
    assert_eq!(gateway.wait().code(), Some(0));
    assert_eq!(gateway.access_log().len(), 1, "the log has the last request");
}

#[test]
fn sigterm_waits_no_longer_than_the_drain_may_take() {
    let held = Held::start();
    let gateway = open("limits: { drain-timeout: 0.3 }", &held.origin);
    let mut busy = gateway.connect();
    busy.write(b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    held.origin.wait_for_requests(1);
    gateway.sigterm();
    assert_eq!(gateway.wait().code(), Some(0));
    assert!(busy.read_response("GET").is_err());
}

#[test]
fn a_gateway_that_drains_is_not_ready_and_accepts_nobody() {
    let held = Held::start();
    let gateway = open("", &held.origin);
    assert_eq!(gateway.admin_get("/readyz").status, 200);
    let mut busy = gateway.connect();
    busy.write(b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    held.origin.wait_for_requests(1);
    gateway.sigterm();
    gateway.wait_for_log("draining");
    assert_eq!(gateway.admin_get("/readyz").status, 503);
    assert_eq!(gateway.admin_get("/healthz").status, 200);
    let late = gateway.client().try_send(&Request::get("/y"));
    assert!(late.is_err(), "{late:?}");
    held.let_one_go();
    assert_eq!(busy.read_response("GET").unwrap().status, 200);
    assert_eq!(gateway.wait().code(), Some(0));
}

#[test]
fn an_address_that_is_taken_is_a_clear_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for key in ["listen", "admin"] {
        let setup = Gateway::with(&format!("{key}: {address}\n{OPEN_API}")).origin(greeter());
        let outcome = setup.refused();
        assert_eq!(outcome.code, 1, "{outcome:#?}");
        assert!(outcome.stderr.contains(&address), "{}", outcome.stderr);
        assert!(outcome.stderr.lines().count() == 1, "{}", outcome.stderr);
    }
}

#[test]
fn two_gateways_do_not_share_an_address() {
    let origin = hello();
    let first = open("", &origin);
    let yaml = format!("listen: {}\n{OPEN_API}", first.address());
    let outcome = Gateway::with(&yaml).origin(&origin).refused();
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert!(outcome.stderr.contains("another process listens there already"), "{}", outcome.stderr);
}

#[test]
fn a_gateway_listens_on_several_addresses() {
    let origin = hello();
    let gateway = open("listen: ['127.0.0.1:0', '127.0.0.1:0']", &origin);
    // All addresses are said at one stroke, before anything is logged.
    gateway.get("/");
    gateway.wait_for_access_log(1);
    let addresses: Vec<String> =
        gateway.stdout().iter().filter_map(|line| line.strip_prefix("listening on ")).map(str::to_owned).collect();
    assert_eq!(addresses.len(), 2, "{addresses:?}");
    for address in addresses {
        let mut client = tollgate_harness::Client::new(address.parse().unwrap());
        assert_eq!(client.get("/").text(), "hello");
    }
}

#[test]
fn all_of_many_clients_at_once_are_served() {
    let gateway = open("", greeter());
    assert_eq!(gateway.burst(50, || Request::get("/x")), [200; 50]);
}
