//! The origin against our own client: each kind of answer looks from outside as it should.

use super::*;
use crate::client::{Client, Connection, burst};
use crate::load::Load;
use std::sync::atomic::{AtomicBool, Ordering};

fn ask(answer: impl Fn() -> Answer + Send + Sync + 'static) -> std::io::Result<Response> {
    let origin = Origin::start(move |_| answer());
    Client::new(origin.address()).try_send(&Request::get("/"))
}

fn hello() -> Response {
    Response::new(200).body("hello world")
}

#[test]
fn requests_are_recorded_as_they_were_sent() {
    let origin = Origin::start(|_| Response::new(201).header("x-a", "1").header("x-a", "2"));
    let mut client = Client::new(origin.address());
    let response = client.send(&Request::post("/p?q=1", "body").header("X-Odd", b"\xff"));
    assert_eq!((response.status, response.reason.as_str()), (201, "Created"));
    assert_eq!(response.headers.all("x-a"), ["1", "2"]);
    client.get("/second");

    let requests = origin.requests();
    assert_eq!((requests[0].method.as_str(), requests[0].target.as_str()), ("POST", "/p?q=1"));
    assert_eq!(requests[0].text(), "body");
    assert_eq!(requests[0].headers.0[1], ("X-Odd".to_owned(), b"\xff".to_vec()));
    assert_eq!(requests[1].target, "/second");
    assert_eq!((client.connections_opened(), origin.connections()), (1, 1));
}

#[test]
fn sound_answers_arrive_whole_in_every_framing() {
    for (name, response) in [
        ("length", ask(|| hello().into())),
        ("chunked", ask(|| Answer::chunked(hello(), 3))),
        ("drip", ask(|| Answer::drip(hello(), 7, Duration::from_millis(1)))),
        ("raw", ask(|| Answer::raw("HTTP/1.1 200 OK\r\n\r\nhello world"))),
    ] {
        assert_eq!(response.unwrap().text(), "hello world", "{name}");
    }
}

#[test]
fn unsound_answers_are_errors() {
    for (name, response) in [
        ("close", ask(Answer::close)),
        ("reset", ask(Answer::reset)),
        ("head", ask(Answer::close_in_head)),
        ("body", ask(|| Answer::close_in_body(hello(), 5))),
        ("garbage", ask(Answer::garbage)),
    ] {
        assert!(response.is_err(), "{name}: {response:?}");
    }
    assert_eq!(ask(Answer::reset).unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_refusing_origin_refuses() {
    let origin = Origin::refusing();
    let error = Connection::open(origin.address()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn a_peer_that_gives_up_is_noticed() {
    let origin = Origin::start(|_| Answer::stall_in_body(hello(), 5));
    let mut connection = Connection::open(origin.address()).unwrap();
    connection.write(&Request::get("/").to_bytes("h")).unwrap();
    assert_eq!(connection.read_response_head().unwrap().status, 200);
    assert!(!connection.closes_within(Duration::from_millis(20)), "it has five bytes to read");
    drop(connection);
    origin.wait_for_abandoned(1);
}

#[test]
fn a_hanging_connection_ends_with_its_origin() {
    let origin = Origin::start(|_| Answer::stall());
    let mut connection = Connection::open(origin.address()).unwrap();
    connection.write(&Request::get("/").to_bytes("h")).unwrap();
    origin.wait_for_requests(1);
    drop(origin);
    assert!(connection.closes_within(PATIENCE));
}

#[test]
fn expect_continue_is_answered() {
    let origin = Origin::echo();
    let mut connection = Connection::open(origin.address()).unwrap();
    connection.write(b"PUT / HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n").unwrap();
    assert_eq!(connection.read_response_head().unwrap().status, 100);
    connection.write(b"hi").unwrap();
    assert_eq!(connection.read_response("PUT").unwrap().json()["body"], "hi");
}

#[test]
fn bursts_and_loads_count_every_response() {
    let origin = Origin::start(|_| Response::new(200));
    assert_eq!(burst(origin.address(), 16, || Request::get("/")), [200; 16]);
    let load = Load::start(origin.address(), 2, || Request::get("/"));
    load.wait_for(50);
    let tally = load.stop();
    assert!(tally.errors.is_empty());
    assert_eq!(origin.requests().len() as u64, 16 + tally.statuses[&200]);
}

#[test]
fn a_client_reconnects_when_the_server_has_closed() {
    let first = AtomicBool::new(true);
    let origin = Origin::start(move |_| match first.swap(false, Ordering::Relaxed) {
        true => Answer::raw(hello().to_bytes("GET")),
        false => hello().into(),
    });
    let mut client = Client::new(origin.address());
    client.get("/");
    // The close arrives a moment after the response.
    assert!(client.is_closed_within(PATIENCE));
    client.get("/");
    assert_eq!(client.connections_opened(), 2);
}
