//! HTTP/2: requests, floods and streams that nobody reads (rows 9 and 20 to 23).

use super::Siege;
use std::time::{Duration, Instant};
use tollgate_harness::http2::{
    CONTINUATION, Client, DATA, END_HEADERS, Frame, Frames, GOAWAY, HEADERS, Outcome, PING, PRIORITY, RST_STREAM,
    SETTINGS, WINDOW_UPDATE, header_block,
};
use tollgate_harness::{Answer, Origin, PATIENCE, Request, Response, Step};

const NO_ERROR: u32 = 0;
const PROTOCOL_ERROR: u32 = 1;
const CANCEL: u32 = 8;
const ENHANCE_YOUR_CALM: u32 = 11;

/// A request with these fields beside the usual ones, which they may replace.
fn request(stream: u32, ends: bool, more: &[(&str, &str)]) -> Frame {
    let usual = [(":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", "/odd")];
    let kept = usual.iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name));
    let pseudo = more.iter().filter(|(name, _)| name.starts_with(':'));
    let fields: Vec<_> =
        kept.chain(pseudo).chain(more.iter().filter(|(name, _)| !name.starts_with(':'))).copied().collect();
    Frame::request(stream, ends, &fields)
}

#[test]
fn http_2_is_spoken_in_cleartext_with_prior_knowledge() {
    let siege = Siege::of("");
    let mut client = Client::open(siege.gateway.address());
    let request =
        Request::post("/x?q=1", "body").header("host", "api.example").header("cookie", "a=1").header("x-a", "b");
    let response = client.send(&request);
    assert_eq!(response.status, 200);
    assert!(
        response.headers.has("date") && response.headers.has("x-request-id") && response.headers.has("content-length")
    );
    let seen = siege.origin.only_request();
    assert_eq!((seen.method.as_str(), seen.target.as_str(), seen.text()), ("POST", "/x?q=1", "body"));
    assert_eq!(seen.headers.all("x-forwarded-host"), ["api.example"]);
    assert_eq!(seen.headers.all("via"), ["2 tollgate"]);
    assert_eq!(client.send(&Request::new("HEAD", "/x")).body, b"");
    let statuses = client.send_all(&(0..50).map(|n| Request::get(&format!("/{n}"))).collect::<Vec<_>>());
    assert!(statuses.iter().all(|status| matches!(status, Ok(200))), "{statuses:?}");
}

#[test]
fn a_large_body_passes_both_ways_through_http_2() {
    let siege = Siege::before("", Origin::start(|request| Response::new(200).body(request.body.clone())));
    let body: Vec<u8> = (0..4 << 20).map(|n: u32| (n % 251) as u8).collect();
    let mut client = Client::open(siege.gateway.address());
    assert_eq!(client.send(&Request::post("/x", body.clone())).body, body);
}

#[test]
fn row_9_what_http_1_could_not_say_is_no_request() {
    let siege = Siege::of("");
    for more in [
        &[("x", "a\r\nevil: 1")][..],
        &[("x", "a\nb")],
        &[("x", "a\0b")],
        &[("x\r\ny", "a")],
        &[("X-Upper", "a")],
        &[("a b", "a")],
        &[("transfer-encoding", "chunked")],
        &[("connection", "close")],
        &[("upgrade", "h2c")],
        &[("keep-alive", "1")],
        &[("proxy-connection", "x")],
        &[("te", "gzip")],
        &[(":path", "/a b")],
        &[(":path", "/a\r\nb")],
        &[(":path", "")],
        &[(":path", "odd")],
        &[(":path", "*")],
        &[(":path", "http://b/x")],
        &[(":method", "G T")],
        &[(":method", "CONNECT")],
        &[(":method", "TRACE")],
        &[(":method", "FOO")],
        &[(":authority", "a b")],
        &[(":authority", "u@a")],
        &[(":authority", "a"), ("host", "b")],
        &[(":authority", "a"), ("host", "a"), ("host", "a")],
        &[(":unknown", "a")],
        &[("content-length", "5")],
        &[("content-length", "x")],
    ] {
        let mut frames = Frames::open(siege.gateway.address());
        frames.send(&request(1, true, more));
        let outcome = frames.outcome(1);
        let refused = match outcome {
            Outcome::Status(status) => matches!(status, 400 | 405 | 501),
            Outcome::Reset(code) | Outcome::GoAway(code) => code == PROTOCOL_ERROR,
            Outcome::Closed => false,
        };
        assert!(refused, "{more:?}: {outcome:?}");
    }
    // More data than was announced, and less.
    for length in ["1", "9"] {
        let mut frames = Frames::open(siege.gateway.address());
        frames.send(&request(1, false, &[("content-length", length)]));
        frames.send(&Frame::new(DATA, 1, 1, *b"hello"));
        assert!(matches!(frames.outcome(1), Outcome::Reset(PROTOCOL_ERROR) | Outcome::Status(400)), "{length}");
    }
    siege.stands_having_seen(&[]);
}

#[test]
fn row_9_a_request_becomes_one_of_http_1_with_framing_of_its_own() {
    let siege = Siege::of("");
    let mut frames = Frames::open(siege.gateway.address());
    frames.send(&request(1, false, &[(":path", "/x"), ("te", "trailers"), ("cookie", "a=1"), ("cookie", "b=2")]));
    frames.send(&Frame::new(DATA, 0, 1, *b"hello "));
    frames.send(&Frame::new(DATA, 0, 1, *b"GET /poison HTTP/1.1\r\n\r\n"));
    frames.send(&Frame::new(HEADERS, 5, 1, header_block(&[("x-trailer", "1"), ("host", "evil")])));
    assert_eq!(frames.outcome(1), Outcome::Status(200));
    let seen = siege.origin.only_request();
    assert_eq!(seen.text(), "hello GET /poison HTTP/1.1\r\n\r\n");
    assert_eq!(seen.headers.all("cookie"), ["a=1; b=2"]);
    assert!(!seen.headers.has("te") && !seen.headers.has("x-trailer"));
    siege.stands_having_seen(&["/x"]);
}

#[test]
fn row_20_rapid_reset_ends_the_connection_and_the_work() {
    // The origin answers nothing, so every request that came through would still be open.
    let siege = Siege::before(
        "limits: { http2-streams: 50 }",
        Origin::start(|request| match request.target.as_str() {
            "/well" => Answer::from(Response::new(200)),
            _ => Answer::stall(),
        }),
    );
    let mut frames = Frames::open(siege.gateway.address());
    for stream in (1..4_000).step_by(2) {
        let pair =
            [Frame::get(stream, "/reset").bytes(), Frame::new(RST_STREAM, 0, stream, CANCEL.to_be_bytes()).bytes()];
        // What was sent behind the end is read and thrown away for a moment, so that the end can be read.
        if frames.try_send(&pair.concat()).is_err() {
            break;
        }
    }
    assert_eq!(frames.expelled_with(), Some(ENHANCE_YOUR_CALM));
    assert_eq!(frames.read(), None);
    assert!(siege.seen().len() <= 200, "{} requests reached the origin", siege.seen().len());
    siege.stands();
}

#[test]
fn row_20_resets_of_requests_that_were_begun_have_a_budget_too() {
    let siege = Siege::before(
        "",
        Origin::start(|request| match request.target.as_str() {
            "/well" => Answer::from(Response::new(200)),
            _ => Answer::stall(),
        }),
    );
    let mut frames = Frames::open(siege.gateway.address());
    frames.settle();
    // Each is given time to begin.
    for stream in (1..600).step_by(2) {
        let begun = frames.try_send(&Frame::get(stream, "/reset").bytes());
        std::thread::sleep(Duration::from_millis(2));
        let reset = Frame::new(RST_STREAM, 0, stream, CANCEL.to_be_bytes()).bytes();
        if begun.and_then(|()| frames.try_send(&reset)).is_err() {
            break;
        }
    }
    assert_eq!(frames.expelled_with(), Some(ENHANCE_YOUR_CALM));
    assert!(siege.seen().len() < 200, "{} requests reached the origin", siege.seen().len());
    siege.origin.wait_for_abandoned(siege.seen().len());
    siege.stands();
}

#[test]
fn row_20_made_you_reset_and_too_many_streams_end_the_connection() {
    let siege = Siege::of("limits: { http2-streams: 10 }");
    let mut frames = Frames::open(siege.gateway.address());
    frames.send(&request(1, false, &[]));
    frames.send(&Frame::new(WINDOW_UPDATE, 0, 1, 0_u32.to_be_bytes()));
    assert!(matches!(frames.outcome(1), Outcome::GoAway(PROTOCOL_ERROR) | Outcome::Reset(PROTOCOL_ERROR)));

    let siege = Siege::before(
        "limits: { http2-streams: 10 }",
        Origin::start(|request| match request.target.as_str() {
            "/well" => Answer::from(Response::new(200)),
            _ => Answer::stall(),
        }),
    );
    let mut frames = Frames::open(siege.gateway.address());
    for stream in (1..4_000).step_by(2) {
        if frames.try_send(&Frame::get(stream, "/over").bytes()).is_err() {
            break;
        }
    }
    let refused = std::iter::from_fn(|| frames.read()).filter(|frame| frame.kind == RST_STREAM).count();
    assert!(refused >= 100, "{refused}");
    assert!(siege.seen().len() <= 10, "{} requests reached the origin", siege.seen().len());
    siege.stands();
}

#[test]
fn row_21_heads_without_end_and_heads_too_large_are_refused() {
    let siege = Siege::of("limits: { header-bytes: 16KiB, headers: 20, uri-bytes: 300 }");
    let mut frames = Frames::open(siege.gateway.address());
    let begin = Frame::new(
        HEADERS,
        1,
        1,
        header_block(&[(":method", "GET"), (":scheme", "http"), (":path", "/x"), (":authority", "a")]),
    );
    frames.send(&begin);
    for _ in 0..2_000 {
        let more = Frame::new(CONTINUATION, 0, 1, header_block(&[("x", "y")]));
        if frames.try_send(&more.bytes()).is_err() {
            break;
        }
    }
    assert!(matches!(frames.outcome(1), Outcome::GoAway(_) | Outcome::Reset(_) | Outcome::Closed));

    let outcome = |fields: &[(&str, &str)]| {
        let mut frames = Frames::open(siege.gateway.address());
        frames.send(&request(1, true, fields));
        frames.outcome(1)
    };
    let long = "v".repeat(15_000);
    assert!(matches!(
        outcome(&[("x", &long), ("y", &long)]),
        Outcome::Status(431) | Outcome::GoAway(_) | Outcome::Reset(_)
    ));
    assert_eq!(outcome(&vec![("x", "y"); 21]), Outcome::Status(431));
    assert_eq!(outcome(&[(":path", &format!("/{}", "a".repeat(300)))]), Outcome::Status(414));
    // A small frame that unfolds to a large head: one long entry of the dynamic table, referred to again and again.
    let mut bomb = header_block(&[(":method", "GET"), (":scheme", "http"), (":path", "/x"), (":authority", "a")]);
    bomb.extend([0x40, 1, b'x', 0x7f, 0xe1, 0x1d]);
    bomb.extend(std::iter::repeat_n(b'v', 127 + 0x61 + (0x1d << 7)));
    bomb.extend(std::iter::repeat_n(0xbe, 8_000));
    let mut frames = Frames::open(siege.gateway.address());
    let before = siege.gateway.rss_bytes();
    let _ = frames.try_send(&Frame::new(HEADERS, 1 | END_HEADERS, 1, bomb).bytes());
    assert!(matches!(
        frames.outcome(1),
        Outcome::Status(431) | Outcome::GoAway(_) | Outcome::Reset(_) | Outcome::Closed
    ));
    assert!(siege.gateway.rss_bytes() < before + (8 << 20));
    siege.stands_having_seen(&[]);
}

#[test]
fn row_22_floods_of_control_frames_end_the_connection_with_enhance_your_calm() {
    let siege = Siege::of("");
    for (name, frame) in [
        ("SETTINGS", Frame::new(SETTINGS, 0, 0, [])),
        ("PING", Frame::new(PING, 0, 0, *b"12345678")),
        ("PRIORITY", Frame::new(PRIORITY, 0, 1, [0, 0, 0, 0, 1])),
        ("WINDOW_UPDATE", Frame::new(WINDOW_UPDATE, 0, 0, 1_u32.to_be_bytes())),
        ("unknown", Frame::new(0xfe, 0, 0, [])),
    ] {
        let mut frames = Frames::open(siege.gateway.address());
        let flood = frame.bytes().repeat(1_000);
        let mut sent = 0;
        while sent < 100 && frames.try_send(&flood).is_ok() {
            sent += 1;
        }
        // The reset that follows may have taken the frame away before it was read.
        let code = frames.expelled_with();
        assert!(code.is_none_or(|code| code == ENHANCE_YOUR_CALM), "{name}: {code:?}");
        assert!(frames.read().is_none(), "{name}: the connection is still there");
    }
    let mut frames = Frames::open(siege.gateway.address());
    frames.send(&request(1, false, &[(":path", "/empty")]));
    let mut sent = 0;
    while sent < 100 && frames.try_send(&Frame::new(DATA, 0, 1, []).bytes().repeat(1_000)).is_ok() {
        sent += 1;
    }
    assert!(!matches!(frames.outcome(1), Outcome::Status(200)));
    siege.stands();
}

#[test]
fn row_22_a_client_that_behaves_is_not_taken_for_a_flood() {
    let siege = Siege::of("");
    let mut frames = Frames::open(siege.gateway.address());
    frames.settle();
    for round in 0..2_000_u32 {
        let stream = 2 * round + 1;
        frames.send(&Frame::get(stream, "/x"));
        frames.send(&Frame::new(WINDOW_UPDATE, 0, 0, 1_000_u32.to_be_bytes()));
        frames.send(&Frame::new(PING, 0, 0, *b"12345678"));
        assert_eq!(frames.outcome(stream), Outcome::Status(200), "{round}");
    }
}

#[test]
fn row_23_a_stream_that_nobody_reads_is_reset_and_holds_little() {
    const LARGE: usize = 8 << 20;
    let siege = Siege::before(
        "limits: { response-write-timeout: 1 }",
        Origin::start(|request| match request.target.as_str() {
            "/large" => Response::new(200).body(vec![b'x'; LARGE]),
            _ => Response::new(200).body("hello"),
        }),
    );
    assert_eq!(siege.gateway.get("/first").status, 200);
    let before = siege.gateway.rss_bytes();
    // No window at all, and one of a byte.
    for window in [0, 1] {
        let mut frames = Frames::open_with(siege.gateway.address(), &[(4, window)]);
        for stream in (1..60).step_by(2) {
            frames.send(&Frame::get(stream, "/large"));
        }
        let begin = Instant::now();
        let reset = frames.find(RST_STREAM, 1).expect("the stream is reset");
        assert_eq!(reset.error_code(), CANCEL);
        assert!(begin.elapsed() < Duration::from_secs(10));
    }
    assert!(siege.gateway.rss_bytes() < before + (24 << 20));
    siege.stands();
}

#[test]
fn row_16_a_body_that_does_not_come_is_a_408_on_its_stream_alone() {
    let siege = Siege::of("limits: { request-body-timeout: 1 }");
    let mut frames = Frames::open(siege.gateway.address());
    frames.send(&request(1, false, &[]));
    frames.send(&Frame::new(DATA, 0, 1, *b"hell"));
    assert_eq!(frames.outcome(1), Outcome::Status(408));
    frames.send(&Frame::get(3, "/next"));
    assert_eq!(frames.outcome(3), Outcome::Status(200));
    siege.stands_having_seen(&["/next"]);
}

#[test]
fn row_16_silence_and_half_a_frame_end_a_connection() {
    let siege = Siege::of("limits: { request-header-timeout: 1, idle-timeout: 2, http2-keep-alive: 1 }");
    let mut idle = Frames::open(siege.gateway.address());
    assert_eq!(idle.expelled_with(), Some(NO_ERROR));
    assert!(std::iter::from_fn(|| idle.read()).count() < 10);

    for half in [
        Frame::get(1, "/x").bytes()[..12].to_vec(),
        Frame::new(HEADERS, 1, 1, header_block(&[(":method", "GET")])).bytes(),
    ] {
        let mut frames = Frames::open(siege.gateway.address());
        frames.try_send(&half).unwrap();
        let begin = Instant::now();
        while frames.read().is_some() {}
        assert!(begin.elapsed() < PATIENCE / 2);
    }
    siege.stands_having_seen(&[]);
}

#[test]
fn a_client_with_an_open_stream_is_asked_for_a_sign_of_life() {
    let siege = Siege::before("limits: { http2-keep-alive: 1 }", Origin::start(|_| Answer::stall()));
    let mut frames = Frames::open(siege.gateway.address());
    frames.send(&Frame::get(1, "/x"));
    let ping = frames.find(PING, 0).expect("a PING");
    assert_eq!(ping.flags, 0);
    // Without an answer the connection ends, and with it the request.
    while frames.read().is_some() {}
    siege.origin.wait_for_abandoned(1);
}

#[test]
fn row_89_a_drain_says_goaway_and_finishes_what_was_begun() {
    let siege = Siege::before(
        "",
        Origin::start(|_| {
            Answer::Script(vec![
                Step::Wait(Duration::from_secs(1)),
                Step::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_vec()),
            ])
        }),
    );
    let mut frames = Frames::open(siege.gateway.address());
    frames.settle();
    frames.send(&Frame::get(1, "/x"));
    siege.origin.wait_for_requests(1);
    siege.gateway.sigterm();
    let goaway = frames.find(GOAWAY, 0).expect("a GOAWAY");
    assert_eq!(goaway.error_code(), NO_ERROR);
    assert_eq!(frames.outcome(1), Outcome::Status(200));
    assert!(siege.gateway.wait().success());
}

#[test]
fn trailers_pass_by_their_names() {
    let siege = Siege::before(
        "",
        Origin::start(|_| {
            let body = "HTTP/1.1 200 OK\r\ntrailer: grpc-status, host, x-y\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\
                    grpc-status: 0\r\nhost: evil\r\nx-y: z\r\ncontent-length: 9\r\n\r\n";
            Answer::raw(body)
        }),
    );
    let mut client = Client::open(siege.gateway.address());
    let answer = client.try_send(&Request::get("/x"), &[]).unwrap();
    assert_eq!(answer.trailers, [("grpc-status".to_owned(), "0".to_owned())]);
    assert_eq!(answer.response.text(), "ok");
    // HTTP/1.1 gets them if it asks, and if they were announced.
    let mut connection = siege.gateway.connect();
    connection.write(b"GET /x HTTP/1.1\r\nhost: a\r\nte: trailers\r\nconnection: te, close\r\n\r\n").unwrap();
    let text = String::from_utf8(connection.read_to_end().unwrap()).unwrap();
    assert!(text.contains("trailer: grpc-status\r\n") && text.ends_with("0\r\ngrpc-status: 0\r\n\r\n"), "{text}");
    assert!(!text.contains("evil") && !text.contains("x-y"), "{text}");
}
