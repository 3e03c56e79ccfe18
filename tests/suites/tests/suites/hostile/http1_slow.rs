//! HTTP/1.1: clients that are slow or many (rows 16 and 17).

use super::{Siege, answer, ends_within, well};
use std::time::{Duration, Instant};
use tollgate_harness::{Connection, Origin, PATIENCE, Response};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn row_16_a_head_that_does_not_come_is_a_408_with_a_body() {
    let siege = Siege::of("limits: { request-header-timeout: 1 }");
    for begun in ["GET /x HTTP/1.1\r\nhost: a\r\n", "G", "PRI * HTTP/2.0\r\n"] {
        let mut connection = siege.gateway.connect();
        connection.write(begun.as_bytes()).unwrap();
        let begin = Instant::now();
        match begun.len() {
            // What has begun as a request is answered.
            25.. => {
                let response = answer(&mut connection).unwrap();
                assert_eq!((response.status, response.headers.get("connection")), (408, Some("close")), "{begun:?}");
                assert_eq!(response.json()["statusCode"], 408);
                assert!(response.headers.has("x-request-id"));
            }
            _ => {}
        }
        assert!(ends_within(&mut connection, 10 * SECOND), "{begun:?}");
        assert!(begin.elapsed() >= SECOND / 2);
    }
    siege.stands_having_seen(&[]);
}

#[test]
fn row_16_who_drips_a_head_is_let_go_all_the_same() {
    let siege = Siege::of("limits: { request-header-timeout: 1 }");
    let mut connection = siege.gateway.connect();
    let begin = Instant::now();
    let mut sent = connection.write(b"GET /x HTTP/1.1\r\n");
    while sent.is_ok() && begin.elapsed() < PATIENCE {
        sent = connection.write(b"x: y\r\n");
        if connection.closes_within(Duration::from_millis(100)) || answer_is_there(&mut connection) {
            break;
        }
    }
    assert!(begin.elapsed() < 10 * SECOND);
    siege.stands_having_seen(&[]);
}

fn answer_is_there(connection: &mut Connection) -> bool {
    // `closes_within` has looked without taking: what was there is a response.
    matches!(connection.read_some(1), Ok(bytes) if !bytes.is_empty())
}

#[test]
fn row_16_silent_and_idle_connections_are_closed() {
    let siege = Siege::of("limits: { request-header-timeout: 1, idle-timeout: 1 }");
    let mut silent = siege.gateway.connect();
    let mut idle = siege.gateway.client();
    assert_eq!(idle.get("/x").status, 200);
    assert!(silent.closes_within(10 * SECOND));
    assert!(idle.is_closed_within(10 * SECOND));
    siege.stands_having_seen(&["/x"]);
}

#[test]
fn row_16_a_body_that_does_not_come_is_a_408() {
    let siege = Siege::of("limits: { request-body-timeout: 1 }");
    let mut connection = siege.gateway.connect();
    connection.write(b"POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhell").unwrap();
    assert_eq!(answer(&mut connection).unwrap().status, 408);
    assert!(ends_within(&mut connection, 10 * SECOND));
    siege.stands_having_seen(&[]);
}

#[test]
fn row_16_a_body_that_drips_below_the_rate_is_a_408() {
    let siege = Siege::of("limits: { request-body-timeout: 1, request-body-rate: 1000 }");
    let mut connection = siege.gateway.connect();
    connection.write(b"POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 10000\r\n\r\n").unwrap();
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE && connection.write(b"x").is_ok() {
        if connection.closes_within(Duration::from_millis(100)) {
            break;
        }
        if let Ok(bytes) = connection.read_some(64)
            && !bytes.is_empty()
        {
            assert!(bytes.starts_with(b"HTTP/1.1 408 "), "{bytes:?}");
            break;
        }
    }
    assert!(begin.elapsed() < 10 * SECOND);
    siege.stands_having_seen(&[]);
}

#[test]
fn row_16_who_does_not_read_a_response_is_let_go_and_holds_little() {
    const LARGE: usize = 64 << 20;
    let origin = Origin::start(|request| match request.target.as_str() {
        "/large" => Response::new(200).body(vec![b'x'; LARGE]),
        _ => Response::new(200).body("hello"),
    });
    let siege = Siege::before("limits: { response-write-timeout: 1 }", origin);
    assert_eq!(siege.gateway.get("/first").status, 200);
    let before = siege.gateway.rss_bytes();
    let mut readers: Vec<_> = (0..4).map(|_| siege.gateway.connect()).collect();
    for reader in &mut readers {
        reader.write(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    }
    // Each of them is over, though nobody has read a byte.
    siege.gateway.wait_for_access_log(5);
    assert!(siege.gateway.rss_bytes() < before + (16 << 20), "responses are held for those who don't read them");
    for reader in &mut readers {
        let mut read = 0;
        while let Ok(bytes) = reader.read_some(1 << 16) {
            if bytes.is_empty() {
                break;
            }
            read += bytes.len();
        }
        assert!(read < LARGE, "the rest of the response came after the time-out");
    }
    siege.stands();
}

#[test]
fn row_16_five_hundred_slow_connections_keep_nobody_from_being_served() {
    let siege = Siege::of("limits: { request-header-timeout: 2 }");
    let mut slow: Vec<_> = (0..500).map(|_| siege.gateway.connect()).collect();
    for connection in &mut slow {
        connection.write(b"GET /slow HTTP/1.1\r\nhost: a\r\nx: ").unwrap();
    }
    let load = siege.gateway.load(2, well);
    load.wait_for(200);
    let tally = load.stop();
    assert_eq!((tally.statuses.keys().collect::<Vec<_>>(), tally.errors.len()), (vec![&200], 0));
    for connection in &mut slow {
        assert!(ends_within(connection, PATIENCE));
    }
    drop(slow);
    let begin = Instant::now();
    while siege.gateway.open_files() > 200 {
        assert!(begin.elapsed() < PATIENCE, "{} files are open", siege.gateway.open_files());
        std::thread::sleep(SECOND / 10);
    }
    assert!(siege.seen().iter().all(|target| target == "/well"));
    siege.stands();
}

#[test]
fn row_17_more_connections_than_the_limit_wait_and_are_served_when_others_go() {
    let siege = Siege::of("workers: 1\nlimits: { connections: 8, request-header-timeout: 2 }");
    let held: Vec<_> = (0..8).map(|_| siege.gateway.connect()).collect();
    let mut waiting = siege.gateway.connect();
    waiting.write(b"GET /waited HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    assert_eq!(answer(&mut waiting).unwrap().status, 200);
    drop(held);
    siege.stands_having_seen(&["/waited"]);
}

#[test]
fn row_17_without_file_descriptors_the_gateway_waits_and_recovers() {
    let siege = Siege::of("workers: 1\nlimits: { request-header-timeout: 3 }");
    assert_eq!(siege.gateway.get("/first").status, 200);
    siege.gateway.limit_open_files(siege.gateway.open_files() as u64 + 20);
    let held: Vec<_> = (0..200).map(|_| siege.gateway.connect()).collect();
    siege.gateway.wait_for_log("can't accept connections for now");
    let busy = siege.gateway.cpu_ticks();
    std::thread::sleep(SECOND);
    assert!(siege.gateway.cpu_ticks() - busy < 50, "it waits, and doesn't try again and again");
    drop(held);
    assert_eq!(siege.gateway.get("/second").status, 200);
    siege.stands_having_seen(&["/first", "/second"]);
}
