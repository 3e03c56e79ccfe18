//! What origins do.

use std::net::TcpListener;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tollgate_gateway::upstream::{self, Timeouts};

use crate::gateway::{Gateway, settings, timeouts};
use crate::wire::{Origin, Wire, soon};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[test]
fn one_origin_connection_serves_many_requests_and_clients() {
    let origin = Origin::echo();
    let gateway = Gateway::to(origin.address);
    for client in 0..5 {
        let mut wire = Wire::connect(gateway.address);
        for request in 0..20 {
            let answer = wire.get(&format!("/{client}/{request}?q"));
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.text(), format!("GET /{client}/{request}?q HTTP/1.1"));
            assert_eq!(answer.header("x-request-id").unwrap().len(), 32);
        }
    }
    assert_eq!(origin.connections(), 1);
}

#[test]
fn the_origin_is_told_who_asks_and_nothing_of_the_hop() {
    let origin = Origin::echo();
    let gateway = Gateway::to(origin.address);
    let mut wire = Wire::connect(gateway.address);
    wire.send(
        "GET http://absolute.example/x HTTP/1.1\r\nHost: other\r\nConnection: keep-alive, x-hop, Authorization\r\n\
         X-Hop: 1\r\nAuthorization: Basic eDp5\r\nX-Forwarded-For: 203.0.113.9\r\nX_Forwarded_For: 203.0.113.9\r\n\
         X-Real-IP: 203.0.113.9\r\nX-Original-URL: /admin\r\nTE: trailers\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\
         Expect: 100-continue\r\nAccept: */*\r\n\r\n",
    );
    assert_eq!(wire.read().unwrap().status(), 200);
    let request = origin.requests().remove(0);
    assert_eq!(request.line, "GET /x HTTP/1.1");
    let mut headers: Vec<_> = request.headers.into_iter().collect();
    headers.sort();
    let expected = [
        ("accept", "*/*"),
        ("authorization", "Basic eDp5"),
        ("host", &origin.address.to_string()),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-host", "absolute.example"),
        ("x-forwarded-proto", "http"),
    ];
    assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    // The connection that wanted an upgrade goes on without one.
    assert_eq!(wire.get("/y").status(), 200);
}

#[test]
fn what_an_origin_gets_wrong_is_a_502_and_its_connection_is_not_used_again() {
    for (answer, error) in [
        ("", "broken"),
        ("garbage\r\n\r\n", "malformed"),
        ("\x16\x03\x01\x02\x00\x01", "malformed"),
        ("HTTP/1.1 200 OK\r\ncontent-le", "incomplete"),
        ("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "malformed"),
        ("HTTP/1.1 600 Odd\r\ncontent-length: 0\r\n\r\n", "malformed"),
        ("HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n", "malformed"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", "malformed"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 6\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "malformed"),
        ("HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\na", "malformed"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", "malformed"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\na", "malformed"),
        ("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", "malformed"),
        ("HTTP/1.1 200 OK\r\nx : 1\r\ncontent-length: 0\r\n\r\n", "malformed"),
        ("HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 0\r\n\r\n", "malformed"),
    ] {
        let origin = Origin::once(answer);
        let gateway = Gateway::to(origin.address);
        let mut wire = Wire::connect(gateway.address);
        for attempt in 1..3 {
            let response = wire.get("/");
            assert_eq!(response.status(), 502, "{answer:?}");
            assert_eq!(response.header("x-error"), Some(error), "{answer:?}");
            assert_eq!(response.text(), "{ \"statusCode\": 502, \"message\": \"Bad gateway\" }");
            assert_eq!(origin.connections(), attempt, "{answer:?}");
        }
    }
}

#[test]
fn a_response_head_that_never_ends_is_cut_off() {
    let origin = Origin::new(|mut served| {
        served.read();
        served.send("HTTP/1.1 200 OK\r\n");
        while served.wire.try_send("x: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n") {
        }
    });
    let gateway = Gateway::to(origin.address);
    assert_eq!(Wire::connect(gateway.address).get("/").header("x-error"), Some("head-too-large"));
}

#[test]
fn an_origin_that_is_not_there_is_a_502() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gateway = Gateway::to(closed);
    let mut wire = Wire::connect(gateway.address);
    let response = wire.get("/");
    assert_eq!((response.status(), response.header("x-error")), (502, Some("refused")));
    // The client's connection is as good as before.
    assert_eq!(wire.get("/").status(), 502);

    let nowhere = upstream::Origin::new("no-such-name.invalid", 80).unwrap();
    let gateway = Gateway::with_origin(nowhere, settings(), timeouts());
    let response = Wire::connect(gateway.address).get("/");
    assert_eq!((response.status(), response.header("x-error")), (502, Some("dns")));
}

#[test]
fn a_name_with_several_addresses_is_tried_at_each() {
    // `localhost` is ::1 and 127.0.0.1 on most machines; nobody listens at the former.
    let origin = Origin::echo();
    let named = upstream::Origin::new("localhost", origin.address.port()).unwrap();
    let gateway = Gateway::with_origin(named, settings(), timeouts());
    assert_eq!(Wire::connect(gateway.address).get("/").status(), 200);
}

#[test]
fn an_origin_that_resets_is_a_502() {
    let origin = Origin::new(|mut served| {
        served.read();
        served.reset();
    });
    let gateway = Gateway::to(origin.address);
    assert_eq!(Wire::connect(gateway.address).get("/").header("x-error"), Some("broken"));
}

#[test]
fn an_origin_that_is_silent_is_a_504() {
    let origin = Origin::new(|mut served| {
        served.read();
        served.wire.discard(1);
    });
    let patience = Timeouts { response_header: Duration::from_millis(200), ..timeouts() };
    let gateway = Gateway::with(origin.address, settings(), patience);
    let begin = Instant::now();
    let response = Wire::connect(gateway.address).get("/");
    assert_eq!((response.status(), response.header("x-error")), (504, Some("response-timeout")));
    assert!(begin.elapsed() < Duration::from_secs(2));
}

#[test]
fn an_upload_may_take_longer_than_the_origin() {
    let origin = Origin::always(OK);
    let patience = Timeouts { response_header: Duration::from_millis(300), ..timeouts() };
    let gateway = Gateway::with(origin.address, settings(), patience);
    let mut wire = Wire::connect(gateway.address);
    wire.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 8\r\n\r\n");
    for _ in 0..8 {
        std::thread::sleep(Duration::from_millis(100));
        wire.send("x");
    }
    assert_eq!(wire.read().unwrap().status(), 200);
}

#[test]
fn interim_responses_are_skipped() {
    let origin = Origin::always(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    );
    let gateway = Gateway::to(origin.address);
    let mut wire = Wire::connect(gateway.address);
    for _ in 0..3 {
        assert_eq!(wire.get("/").text(), "ok");
    }
    assert_eq!(origin.connections(), 1);
}

#[test]
fn a_connection_whose_end_is_in_doubt_is_not_used_again() {
    for answer in [
        // Two answers to one request: the second must not answer the next.
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok and more",
        "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison",
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    ] {
        let origin = Origin::always(answer);
        let gateway = Gateway::to(origin.address);
        let mut wire = Wire::connect(gateway.address);
        for attempt in 1..4 {
            let response = wire.get("/");
            assert!(matches!(response.status(), 200 | 204), "{answer:?}");
            assert_ne!(response.text(), "poison", "{answer:?}");
            assert_eq!(origin.connections(), attempt, "{answer:?}");
        }
    }
}

#[test]
fn a_stale_connection_costs_an_idempotent_request_nothing() {
    // The second request of each connection is read and not answered.
    let origin = Origin::new(|mut served| {
        served.read();
        served.send(OK);
        served.read();
    });
    let gateway = Gateway::to(origin.address);
    let mut wire = Wire::connect(gateway.address);
    for _ in 0..10 {
        assert_eq!(wire.get("/").status(), 200);
    }
    assert_eq!(gateway.seen.resent.load(Ordering::SeqCst), 9);
    assert_eq!(origin.connections(), 10);
}

#[test]
fn a_request_that_may_have_been_acted_on_is_not_sent_again() {
    for request in [
        "POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n",
        "POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc",
        "PUT /x HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc",
    ] {
        let origin = Origin::new(|mut served| {
            served.read();
            served.send(OK);
            served.read();
        });
        let gateway = Gateway::to(origin.address);
        let mut wire = Wire::connect(gateway.address);
        assert_eq!(wire.get("/").status(), 200);
        wire.send(request);
        assert_eq!(wire.read().unwrap().header("x-error"), Some("broken"), "{request:?}");
        assert_eq!(origin.requests().len(), 2, "{request:?}");
    }
}

#[test]
fn a_connection_that_was_closed_while_idle_is_noticed_before_anything_is_written() {
    let origin = Origin::new(|mut served| {
        served.read();
        served.send(OK);
        std::thread::sleep(Duration::from_millis(20));
    });
    let gateway = Gateway::to(origin.address);
    let mut wire = Wire::connect(gateway.address);
    for _ in 0..3 {
        wire.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc");
        assert_eq!(wire.read().unwrap().status(), 200);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(origin.connections(), 3);
}

#[test]
fn an_early_response_reaches_a_client_that_is_still_sending() {
    let origin = Origin::new(|mut served| {
        served.read_head();
        served.send("HTTP/1.1 413 Too Much\r\nconnection: close\r\ncontent-length: 4\r\n\r\nless");
        served.close_writing();
        // As origins do: the rest is read until the sender stops. An origin that closes with unread bytes resets the
        // connection, and a reset may throw away a response that is already on its way: nobody can mend that.
        served.wire.discard(100 << 20);
    });
    let gateway = Gateway::to(origin.address);
    let mut wire = Wire::connect(gateway.address);
    wire.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 50000000\r\n\r\n");
    while wire.try_send([b'x'; 1000]) && origin.requests().is_empty() {}
    let response = wire.read().unwrap();
    assert_eq!((response.status(), response.text()), (413, "less"));
    // The reason phrase is the origin's.
    assert!(response.line.ends_with("Too Much"), "{}", response.line);
    assert!(wire.ends());
}

#[test]
fn messages_without_a_body_stay_so() {
    let origin = Origin::new(|mut served| {
        while let Some(request) = served.read() {
            served.send(match request.line.split(' ').nth(1).unwrap() {
                "/204" => "HTTP/1.1 204 No Content\r\n\r\n",
                "/304" => "HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\netag: x\r\n\r\n",
                "/head" => "HTTP/1.1 200 OK\r\ncontent-length: 007\r\n\r\n",
                _ => "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            });
        }
    });
    let gateway = Gateway::to(origin.address);
    let mut wire = Wire::connect(gateway.address);
    for (request, status, length) in [
        ("HEAD /head", 200, Some("7")),
        ("GET /204", 204, None),
        ("GET /304", 304, None),
        ("GET /empty", 200, Some("0")),
        ("POST /empty", 200, Some("0")),
    ] {
        wire.send(format!("{request} HTTP/1.1\r\nhost: a\r\n\r\n"));
        let response = wire.read_head().unwrap();
        assert_eq!((response.status(), response.header("content-length")), (status, length), "{request}");
        assert_eq!(response.header("transfer-encoding"), None, "{request}");
    }
    assert_eq!(origin.connections(), 1);
    let requests = origin.requests();
    assert_eq!(requests[1].header("content-length"), None);
    assert_eq!(requests[4].header("content-length"), Some("0"));
}

#[test]
fn requests_are_framed_anew() {
    let origin = Origin::echo();
    let gateway = Gateway::to(origin.address);
    let mut wire = Wire::connect(gateway.address);
    for (request, framing, body) in [
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 003\r\n\r\nabc", ("content-length", "3"), "abc"),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntrailer: x\r\n\r\n1;a=b\r\na\r\n2\r\nbc\r\n0\r\nx: y\r\n\r\n",
            ("transfer-encoding", "chunked"),
            "abc",
        ),
        // hyper alone would leave this body away.
        (
            "GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            ("transfer-encoding", "chunked"),
            "abc",
        ),
        ("GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc", ("content-length", "3"), "abc"),
    ] {
        wire.send(request);
        assert_eq!(wire.read().unwrap().status(), 200, "{request:?}");
        let seen = origin.requests().pop().unwrap();
        assert_eq!(seen.header(framing.0), Some(framing.1), "{request:?}");
        assert_eq!(seen.text(), body, "{request:?}");
    }
    assert_eq!(origin.connections(), 1);
}

#[test]
fn idle_connections_that_the_origin_closed_are_let_go() {
    let origin = Origin::new(|mut served| {
        served.read();
        served.send(OK);
        std::thread::sleep(Duration::from_millis(50));
        served.close_writing();
        // The gateway closes its side, too, though it has no more requests.
        assert_eq!(served.wire.discard(1), 0);
        served.requests_end();
    });
    let gateway = Gateway::to(origin.address);
    assert_eq!(Wire::connect(gateway.address).get("/").status(), 200);
    soon("the connection is closed", || origin.requests().len() == 2);
}
