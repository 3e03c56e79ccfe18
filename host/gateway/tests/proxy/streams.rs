//! Bodies that don't fit in memory, and those that mustn't be kept.

use std::io::Read;
use std::time::Duration;

use tollgate_gateway::body::{BodyError, End};
use tollgate_gateway::upstream::Timeouts;

use crate::gateway::{Gateway, settings, timeouts};
use crate::wire::{Origin, Wire, soon};

const SIZE: u64 = 64 << 20;

/// Bytes of memory that the process holds.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

fn send_all(wire: &mut Wire, size: u64) {
    let chunk = vec![b'x'; 1 << 20];
    for _ in 0..size >> 20 {
        wire.send(&chunk);
    }
}

#[test]
fn a_large_response_passes_through_little_memory_to_a_slow_client() {
    let origin = Origin::new(|mut served| {
        served.read();
        served.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {SIZE}\r\n\r\n"));
        send_all(&mut served.wire, SIZE);
    });
    let gateway = Gateway::to(origin.address);
    let before = resident();
    let mut wire = Wire::connect(gateway.address);
    wire.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_eq!(wire.read_head().unwrap().header("content-length"), Some("67108864"));
    let mut most = 0;
    for _ in 0..64 {
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(wire.discard(1 << 20), 1 << 20);
        most = most.max(resident().saturating_sub(before));
    }
    // The buffers of this test and of those that run beside it are part of it.
    assert!(most < 24 << 20, "{most}");
    soon("the end is seen", || gateway.seen.ends.lock().unwrap().as_slice() == [(SIZE, End::Whole)]);
}

#[test]
fn a_large_request_passes_through_little_memory_to_a_slow_origin() {
    let origin = Origin::new(|mut served| {
        served.read_head();
        let mut chunks = 0;
        let mut bytes = 0;
        while let Some(chunk) = served.wire.read_chunk() {
            bytes += chunk.len();
            chunks += 1;
            if chunks % 16 == 0 {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        let answer = bytes.to_string();
        served.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{answer}", answer.len()));
        served.read();
    });
    let gateway = Gateway::to(origin.address);
    let before = resident();
    let mut wire = Wire::connect(gateway.address);
    wire.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
    let chunk = [b"100000\r\n".as_slice(), &vec![b'x'; 1 << 20], b"\r\n"].concat();
    let mut most = 0;
    for _ in 0..64 {
        // 1 MiB is 64 MiB together, which is the limit of a body.
        wire.send(&chunk);
        most = most.max(resident().saturating_sub(before));
    }
    wire.send("0\r\n\r\n");
    assert_eq!(wire.read().unwrap().text(), SIZE.to_string());
    assert!(most < 24 << 20, "{most}");
}

#[test]
fn a_response_is_passed_on_as_it_comes() {
    let origin = Origin::new(|mut served| {
        while served.read().is_some() {
            served.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
            for part in ["one", "two", "six"] {
                std::thread::sleep(Duration::from_millis(50));
                served.send(format!("3\r\n{part}\r\n"));
            }
            served.send("0\r\nx-trailer: 1\r\n\r\n");
        }
    });
    let gateway = Gateway::to(origin.address);
    let mut wire = Wire::connect(gateway.address);
    for _ in 0..2 {
        wire.send("GET / HTTP/1.1\r\nhost: a\r\nte: trailers\r\n\r\n");
        assert_eq!(wire.read_head().unwrap().header("transfer-encoding"), Some("chunked"));
        for part in ["one", "two", "six"] {
            assert_eq!(wire.read_chunk().unwrap(), part.as_bytes());
        }
        assert_eq!(wire.read_chunk(), None);
    }
    assert_eq!(origin.connections(), 1);
    soon("both are kept", || gateway.seen.cached.lock().unwrap().as_slice() == [9, 9]);
}

#[test]
fn both_directions_stream_at_the_same_time() {
    let origin = Origin::new(|mut served| {
        served.read_head();
        served.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        while let Some(chunk) = served.wire.read_chunk() {
            served.send(format!("{:x}\r\n", chunk.len()));
            served.send(&chunk);
            served.send("\r\n");
        }
        served.send("0\r\n\r\n");
        served.read();
        served.send("HTTP/1.1 204 No Content\r\n\r\n");
    });
    let gateway = Gateway::to(origin.address);
    let mut wire = Wire::connect(gateway.address);
    wire.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
    let head = wire.read_head().unwrap();
    // How much is to come isn't known when it is answered, so it is the connection's last request.
    assert_eq!((head.status(), head.header("connection")), (200, Some("close")));
    for n in 0..20 {
        wire.send(format!("2\r\n{n:02}\r\n"));
        assert_eq!(wire.read_chunk().unwrap(), format!("{n:02}").as_bytes());
    }
    wire.send("0\r\n\r\n");
    assert_eq!(wire.read_chunk(), None);
    assert!(wire.ends());
    assert_eq!(Wire::connect(gateway.address).get("/next").status(), 204);
    assert_eq!(origin.connections(), 1, "the origin's goes on");
}

#[test]
fn a_truncated_response_is_seen_as_one_and_is_not_kept() {
    for (answer, sent) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", 3),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", 3),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n", 3),
    ] {
        let origin = Origin::once(answer);
        let gateway = Gateway::to(origin.address);
        let mut wire = Wire::connect(gateway.address);
        wire.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        let head = wire.read_head().unwrap();
        assert_eq!(head.status(), 200);
        // The last chunk or the rest of the length never comes.
        let rest = if head.header("content-length").is_some() { 3 } else { "3\r\nabc\r\n".len() };
        assert!(wire.discard(1000) <= rest as u64);
        soon("the end is seen", || {
            gateway.seen.ends.lock().unwrap().as_slice() == [(sent, End::Failed(BodyError::Broken))]
        });
        assert!(gateway.seen.cached.lock().unwrap().is_empty(), "{answer:?}");
    }
}

#[test]
fn a_truncated_response_does_not_look_whole_to_http_1_0() {
    let origin = Origin::once("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n");
    let gateway = Gateway::to(origin.address);
    let mut wire = Wire::connect(gateway.address);
    wire.send("GET / HTTP/1.0\r\nhost: a\r\n\r\n");
    assert_eq!(wire.read_head().unwrap().header("transfer-encoding"), None);
    let mut rest = Vec::new();
    let end = wire.raw().read_to_end(&mut rest);
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn an_origin_that_stops_in_the_middle_is_cut_off() {
    let origin = Origin::new(|mut served| {
        served.read();
        served.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc");
        served.wire.discard(1);
    });
    let patience = Timeouts { body_idle: Duration::from_millis(200), ..timeouts() };
    let gateway = Gateway::with(origin.address, settings(), patience);
    let mut wire = Wire::connect(gateway.address);
    wire.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    wire.read_head().unwrap();
    assert_eq!(wire.discard(10), 3);
    assert_eq!(gateway.seen.ends.lock().unwrap().as_slice(), [(3, End::Failed(BodyError::Timeout))]);
}

#[test]
fn a_body_that_ends_with_its_connection_is_passed_on_and_not_kept() {
    let origin = Origin::once("HTTP/1.1 200 OK\r\n\r\nabc");
    let gateway = Gateway::to(origin.address);
    let mut wire = Wire::connect(gateway.address);
    for _ in 0..2 {
        assert_eq!(wire.get("/").text(), "abc");
    }
    assert_eq!(gateway.seen.ends.lock().unwrap().as_slice(), [(3, End::Whole); 2]);
    assert!(gateway.seen.cached.lock().unwrap().is_empty());
}

#[test]
fn only_whole_bodies_that_fit_are_kept() {
    let origin = Origin::new(|mut served| {
        while let Some(request) = served.read() {
            let size: usize = request.line.split(['/', ' ']).nth(2).unwrap().parse().unwrap();
            served.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n{}", "x".repeat(size)));
        }
    });
    let gateway = Gateway::to(origin.address);
    let mut wire = Wire::connect(gateway.address);
    for size in ["0", "1", "1000", "1001", "500000"] {
        assert_eq!(wire.get(&format!("/{size}")).body.len().to_string(), size);
    }
    assert_eq!(gateway.seen.cached.lock().unwrap().as_slice(), [0, 1, 1000]);
    assert_eq!(origin.connections(), 1);
}
