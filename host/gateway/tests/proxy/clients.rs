//! What clients do.

use std::io::Write;
use std::net::Shutdown;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tollgate_gateway::serve::{Patience, Settings};

use crate::gateway::{Gateway, settings, timeouts};
use crate::wire::{Origin, Wire, soon};

#[test]
fn what_is_not_a_request_gets_no_further() {
    let origin = Origin::echo();
    let gateway = Gateway::with(origin.address, Settings { body_bytes: 10, ..settings() }, timeouts());
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a,b\r\n\r\n", 400),
        ("GET * HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        ("OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        ("GET a:80 HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        ("CONNECT a:80 HTTP/1.1\r\nhost: a\r\n\r\n", 405),
        ("TRACE / HTTP/1.1\r\nhost: a\r\n\r\n", 405),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: identity\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            501,
        ),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n", 400),
        ("POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5,5\r\n\r\nabcde", 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +5\r\n\r\nabcde", 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef", 400),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\nexpect: x\r\n\r\n", 417),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 11\r\n\r\n", 413),
        ("GET / HTTP/1.1\r\nhost: a\r\nx : y\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nx: y\r\n z\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nx: y\0z\r\n\r\n", 400),
        ("GET /\r\n\r\n", 400),
        ("\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
    ] {
        let mut wire = Wire::connect(gateway.address);
        wire.send(request);
        wire.send("GET /poison HTTP/1.1\r\nhost: a\r\n\r\n");
        let response = wire.read().unwrap();
        assert_eq!(response.status(), status, "{request:?}");
        assert!(wire.ends(), "{request:?}");
    }
    assert_eq!(origin.connections(), 0);
}

#[test]
fn both_a_length_and_a_coding_is_read_as_the_coding_and_closes() {
    let origin = Origin::echo();
    let gateway = Gateway::to(origin.address);
    let mut wire = Wire::connect(gateway.address);
    wire.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /poison HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_eq!(wire.read().unwrap().status(), 200);
    assert!(wire.ends());
    let requests = origin.requests();
    assert_eq!((requests.len(), requests[0].header("content-length")), (1, None));
}

#[test]
fn heads_have_a_size() {
    let origin = Origin::echo();
    let limits = Settings { header_bytes: 16 << 10, uri_bytes: 1000, ..settings() };
    let gateway = Gateway::with(origin.address, limits, timeouts());
    let status = |head: String| {
        let mut wire = Wire::connect(gateway.address);
        wire.send(format!("GET {head}\r\n\r\n"));
        wire.read().unwrap().status()
    };
    let uri = |length: usize| format!("/{} HTTP/1.1\r\nhost: a", "u".repeat(length - 1));
    assert_eq!(status(uri(1000)), 200);
    assert_eq!(status(uri(1001)), 414);
    let field = |length: usize| {
        let head = "/ HTTP/1.1\r\nhost: a\r\nx: ";
        format!("{head}{}", "v".repeat(length - head.len() - "GET \r\n\r\n".len()))
    };
    assert_eq!(status(field(16 << 10)), 200);
    assert_eq!(status(field((16 << 10) + 1)), 431);
    let lines = |count: usize| format!("/ HTTP/1.1\r\nhost: a{}", "\r\nx: y".repeat(count - 1));
    assert_eq!(status(lines(100)), 200);
    assert_eq!(status(lines(101)), 431);
}

#[test]
fn http_1_0_is_served_and_closed_unless_it_asks() {
    let origin = Origin::echo();
    let gateway = Gateway::to(origin.address);
    let mut wire = Wire::connect(gateway.address);
    wire.send("GET /a HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
    assert_eq!(wire.read().unwrap().text(), "GET /a HTTP/1.1");
    wire.send("GET /b HTTP/1.0\r\n\r\n");
    assert_eq!(wire.read().unwrap().text(), "GET /b HTTP/1.1");
    assert!(wire.ends());
}

#[test]
fn pipelined_requests_are_answered_in_order_and_one_at_a_time() {
    let origin = Origin::echo();
    let gateway = Gateway::to(origin.address);
    let mut wire = Wire::connect(gateway.address);
    let all: String = (0..50).map(|n| format!("GET /{n} HTTP/1.1\r\nhost: a\r\n\r\n")).collect();
    // The last one isn't complete: the others are answered all the same.
    wire.send(&all[..all.len() - 10]);
    for n in 0..49 {
        assert_eq!(wire.read().unwrap().text(), format!("GET /{n} HTTP/1.1"));
    }
    wire.send(&all[all.len() - 10..]);
    assert_eq!(wire.read().unwrap().text(), "GET /49 HTTP/1.1");
    assert_eq!(origin.connections(), 1);
}

#[test]
fn the_unread_body_of_a_refused_request_is_never_the_next_request() {
    let gateway = Gateway::to(Origin::echo().address);
    let poison = "GET /poison HTTP/1.1\r\nhost: a\r\n\r\n";
    // A small rest is read and forgotten, and the connection is kept.
    for framed in [
        format!("content-length: {}\r\n\r\n{poison}", poison.len()),
        format!("transfer-encoding: chunked\r\n\r\n{:x}\r\n{poison}\r\n0\r\n\r\n", poison.len()),
    ] {
        let mut wire = Wire::connect(gateway.address);
        for _ in 0..3 {
            wire.send(format!("POST /denied HTTP/1.1\r\nhost: a\r\n{framed}"));
            assert_eq!(wire.read().unwrap().status(), 401);
            assert_eq!(wire.get("/next").text(), "GET /next HTTP/1.1");
        }
    }
    // So is one that comes later.
    let mut wire = Wire::connect(gateway.address);
    wire.send(format!("POST /denied HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", poison.len()));
    assert_eq!(wire.read().unwrap().status(), 401);
    std::thread::sleep(Duration::from_millis(50));
    wire.send(poison);
    assert_eq!(wire.get("/next").text(), "GET /next HTTP/1.1");
    // A large one closes the connection, after the response was read and has said so.
    for framed in ["content-length: 10000000", "transfer-encoding: chunked"] {
        let mut wire = Wire::connect(gateway.address);
        wire.send(format!("POST /denied HTTP/1.1\r\nhost: a\r\n{framed}\r\n\r\n"));
        let chunk = format!("1000\r\n{}\r\n", poison.repeat(200).get(..4096).unwrap());
        for _ in 0..100 {
            wire.try_send(&chunk);
        }
        let response = wire.read().unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(response.header("connection"), Some("close"), "{framed}");
        assert!(wire.ends(), "{framed}");
    }
    assert!(gateway.seen.errors.lock().unwrap().is_empty());
}

#[test]
fn a_body_is_asked_for_only_when_somebody_reads_it() {
    let gateway = Gateway::to(Origin::echo().address);
    let mut wire = Wire::connect(gateway.address);
    wire.send("POST /collect HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n");
    assert_eq!(wire.read_head().unwrap().line, "HTTP/1.1 100 Continue");
    wire.send("abc");
    assert_eq!(wire.read().unwrap().text(), "abc");
    wire.send("POST /forwarded HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n");
    assert_eq!(wire.read_head().unwrap().line, "HTTP/1.1 100 Continue");
    wire.send("abc");
    assert_eq!(wire.read().unwrap().text(), "POST /forwarded HTTP/1.1");
    // A refusal is final, and the body isn't waited for.
    wire.send("POST /denied HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n");
    let response = wire.read().unwrap();
    assert_eq!((response.status(), response.header("connection")), (401, Some("close")));
    assert!(wire.ends());
}

#[test]
fn a_body_has_a_size() {
    let gateway = Gateway::with(Origin::echo().address, Settings { body_bytes: 100, ..settings() }, timeouts());
    for (path, sent) in [("/collect", 99), ("/collect", 100), ("/", 100)] {
        let mut wire = Wire::connect(gateway.address);
        wire.send(format!("POST {path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"));
        wire.send(format!("{sent:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(sent)));
        assert_eq!(wire.read().unwrap().status(), 200, "{path} {sent}");
    }
    for path in ["/collect", "/"] {
        let mut wire = Wire::connect(gateway.address);
        wire.send(format!("POST {path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"));
        wire.send(format!("65\r\n{}\r\n0\r\n\r\n", "x".repeat(0x65)));
        let response = wire.read().unwrap();
        assert_eq!((response.status(), response.header("connection")), (413, Some("close")), "{path}");
        assert!(wire.ends());
    }
}

#[test]
fn a_handler_that_panics_costs_one_request() {
    let gateway = Gateway::to(Origin::echo().address);
    let mut other = Wire::connect(gateway.address);
    assert_eq!(other.get("/a").status(), 200);
    let mut wire = Wire::connect(gateway.address);
    let response = wire.get("/panic");
    assert_eq!(response.status(), 500);
    assert_eq!(response.text(), "{ \"statusCode\": 500, \"message\": \"Internal server error\" }");
    assert!(response.header("x-request-id").is_some());
    assert!(wire.ends());
    assert_eq!(other.get("/b").status(), 200);
    assert_eq!(Wire::connect(gateway.address).get("/c").status(), 200);
}

#[test]
fn who_says_nothing_is_let_go() {
    let limits = Settings {
        header_timeout: Duration::from_millis(300),
        keep_alive_timeout: Duration::from_millis(600),
        ..settings()
    };
    let gateway = Gateway::with(Origin::echo().address, limits, timeouts());
    let timed = |before: &dyn Fn(&mut Wire)| {
        let mut wire = Wire::connect(gateway.address);
        before(&mut wire);
        let begin = Instant::now();
        assert!(wire.ends());
        begin.elapsed().as_millis()
    };
    // Nothing at all.
    assert!((250..550).contains(&timed(&|_| {})));
    // Half a head: what has begun as a request is answered.
    let refused = |wire: &mut Wire| assert_eq!(wire.read().unwrap().status(), 408);
    let begin = Instant::now();
    timed(&|wire| {
        wire.send("GET / HTTP/1.1\r\nho");
        refused(wire);
    });
    assert!((250..550).contains(&begin.elapsed().as_millis()));
    // Nothing more.
    let idle = |wire: &mut Wire| assert_eq!(wire.get("/").status(), 200);
    assert!((550..1100).contains(&timed(&idle)));
    // Half of another head, for which the shorter time counts.
    let begin = Instant::now();
    timed(&|wire| {
        idle(wire);
        wire.send("G");
        refused(wire);
    });
    assert!((250..550).contains(&begin.elapsed().as_millis()));
    // A head that drips.
    let mut wire = Wire::connect(gateway.address);
    let begin = Instant::now();
    while wire.try_send("x") && begin.elapsed() < Duration::from_secs(9) {
        std::thread::sleep(Duration::from_millis(20));
    }
    // For two seconds more it is read and thrown away, so that the client can read its answer.
    assert!(begin.elapsed() < Duration::from_millis(3500));
}

#[test]
fn a_body_that_does_not_come_is_a_408() {
    let patience = Patience { idle: Duration::from_millis(300), bytes_per_second: 100 };
    let gateway = Gateway::with(Origin::echo().address, Settings { body_patience: patience, ..settings() }, timeouts());
    for path in ["/collect", "/forwarded"] {
        let mut wire = Wire::connect(gateway.address);
        wire.send(format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc"));
        let begin = Instant::now();
        let response = wire.read().unwrap();
        assert_eq!((response.status(), response.header("connection")), (408, Some("close")), "{path}");
        assert!(begin.elapsed() < Duration::from_secs(1));
        assert!(wire.ends());
    }
    // One that drips is too slow, though it never stands still.
    let mut wire = Wire::connect(gateway.address);
    wire.send("POST /collect HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n");
    let begin = Instant::now();
    let mut reader = Wire::new(wire.raw().try_clone().unwrap());
    let response = std::thread::spawn(move || (reader.read().unwrap(), begin.elapsed()));
    for _ in 0..40 {
        wire.try_send("x");
        std::thread::sleep(Duration::from_millis(50));
    }
    let (response, after) = response.join().unwrap();
    assert_eq!(response.status(), 408);
    assert!(after < Duration::from_millis(1500), "{after:?}");
}

#[test]
fn a_client_that_does_not_read_is_let_go() {
    let origin = Origin::new(|mut served| {
        served.read();
        served.send("HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n");
        while served.wire.try_send([b'x'; 10_000]) {}
    });
    let limits = Settings { write_timeout: Duration::from_millis(300), ..settings() };
    let gateway = Gateway::with(origin.address, limits, timeouts());
    let mut wire = Wire::connect(gateway.address);
    wire.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    soon("the exchange ends", || gateway.seen.ends.lock().unwrap().len() == 1);
}

#[test]
fn a_client_that_goes_away_ends_its_exchange() {
    let origin = Origin::new(|mut served| {
        served.read();
        // The end of the gateway's connection counts as a request.
        assert_eq!(served.wire.discard(1), 0);
        served.requests_end();
    });
    let gateway = Gateway::to(origin.address);
    let mut wire = Wire::connect(gateway.address);
    wire.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    soon("the origin is asked", || origin.requests().len() == 1);
    drop(wire);
    soon("the handler is dropped", || gateway.seen.abandoned.load(Ordering::SeqCst) == 1);
    soon("the origin's connection ends", || origin.requests().len() == 2);
    // Shutting down just one direction is the same: clients that wait for an answer don't do that.
    let mut wire = Wire::connect(gateway.address);
    wire.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    soon("the origin is asked", || origin.requests().len() == 3);
    wire.raw().shutdown(Shutdown::Write).unwrap();
    soon("the handler is dropped", || gateway.seen.abandoned.load(Ordering::SeqCst) == 2);
}

#[test]
fn a_worker_takes_no_more_connections_than_it_may() {
    let gateway = Gateway::with(Origin::echo().address, Settings { connections: 2, ..settings() }, timeouts());
    let mut open: Vec<_> = (0..2).map(|_| Wire::connect(gateway.address)).collect();
    for wire in &mut open {
        assert_eq!(wire.get("/").status(), 200);
    }
    let mut waiting = Wire::connect(gateway.address);
    waiting.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    waiting.raw().set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert_eq!(waiting.raw().peek(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    waiting.raw().set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    open.pop();
    assert_eq!(waiting.read().unwrap().status(), 200);
}

#[test]
fn a_drain_finishes_what_was_begun_and_takes_nothing_new() {
    let origin = Origin::new(|mut served| {
        while let Some(request) = served.read() {
            if request.line.starts_with("GET /slow") {
                std::thread::sleep(Duration::from_secs(2));
            }
            served.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        }
    });
    let gateway = Gateway::to(origin.address);
    let mut fresh = Wire::connect(gateway.address);
    let mut idle = Wire::connect(gateway.address);
    assert_eq!(idle.get("/").status(), 200);
    let mut busy = Wire::connect(gateway.address);
    busy.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n");
    soon("the origin is asked", || origin.requests().len() == 2);
    gateway.drain();
    // For a second they are served on: their requests may be on the way.
    assert!(idle.ends());
    assert!(fresh.ends());
    assert!(!gateway.is_drained());
    let response = busy.read().unwrap();
    assert_eq!((response.text(), response.header("connection")), ("ok", Some("close")));
    assert!(busy.ends());
    soon("the worker ends", || gateway.is_drained());
    assert!(std::net::TcpStream::connect(gateway.address).is_err());
}

#[test]
fn bytes_that_come_one_by_one_are_a_request_all_the_same() {
    let gateway = Gateway::to(Origin::echo().address);
    let mut wire = Wire::connect(gateway.address);
    for byte in b"POST /collect HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" {
        wire.raw().write_all(&[*byte]).unwrap();
    }
    assert_eq!(wire.read().unwrap().text(), "abc");
}
