//! Origins that break, stall, lie and come back (`docs/security.md`, rows 10 and 78 to 81): each gives its client one
//! response with the right status or one clean cut, nothing is sent twice that may not be, and no answer reaches anybody
//! but the one who asked.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tollgate_harness::{Answer, Connection, Gateway, Origin, Request, Response, Step};

/// Two APIs: `faulty` in front of the origin at hand, with time-outs that a test can wait for, and `sound`.
const DOCUMENT: &str = "workers: 1\napis:\n  - id: faulty\n    path: faulty\n    backend: {origin}\n    \
     subscription-required: false\n    timeouts: { connect: 2, response-header: 0.4, total: 2 }\n  \
     - { id: sound, path: sound, backend: {sound}, subscription-required: false }\n";

/// How often each fault happens in a row.
const ROUNDS: usize = 8;

fn gateway(origin: &Origin) -> Gateway {
    Gateway::with(DOCUMENT).origin(origin).value("sound", &crate::scene::greeter().url()).start()
}

fn send(bytes: impl Into<Vec<u8>>) -> Step {
    Step::Send(bytes.into())
}

fn is_well(gateway: &Gateway) {
    assert_eq!(gateway.get("/sound/x").text(), "hello", "the neighbour is served");
    assert!(gateway.is_running());
}

/// The origin gives no response that could be passed on: its client gets this status and this `Proxy-Status`, with a
/// body of the gateway's own, each request reaches the origin once, and the client's connection stays.
fn answers(script: impl Fn() -> Answer + Send + Sync + 'static, status: u16, faults: &[&str]) {
    let origin = Origin::start(move |_| script());
    let gateway = gateway(&origin);
    let mut client = gateway.client();
    for round in 0..ROUNDS {
        let request = match round % 2 {
            0 => Request::get("/faulty/x"),
            _ => Request::post("/faulty/x", "a body"),
        };
        let response = client.send(&request);
        assert_eq!(response.status, status, "{response:?}");
        let told = response.headers.get("proxy-status").unwrap_or_default();
        let error = told.strip_prefix("tollgate; error=").unwrap_or_else(|| panic!("Proxy-Status `{told}`"));
        assert!(faults.contains(&error), "`{error}` isn't one of {faults:?}");
        assert!(response.text().starts_with(&format!("{{ \"statusCode\": {status}, ")), "{}", response.text());
        assert_eq!(origin.requests().len(), round + 1, "nothing is sent twice");
    }
    assert_eq!(client.connections_opened(), 1);
    is_well(&gateway);
}

#[test]
fn row_78_an_origin_that_refuses_is_a_502() {
    let origin = Origin::refusing();
    let gateway = gateway(&origin);
    for _ in 0..ROUNDS {
        let response = gateway.get("/faulty/x");
        assert_eq!(response.status, 502);
        assert_eq!(response.headers.get("proxy-status"), Some("tollgate; error=connection_refused"));
    }
    is_well(&gateway);
}

#[test]
fn row_78_an_origin_that_closes_or_resets_without_a_word_is_a_502() {
    answers(Answer::close, 502, &["connection_terminated"]);
    answers(Answer::reset, 502, &["connection_terminated"]);
}

#[test]
fn row_78_an_origin_that_closes_or_resets_within_its_head_is_a_502() {
    answers(Answer::close_in_head, 502, &["http_response_incomplete"]);
    // A reset may overtake what was sent before it.
    let faults = ["http_response_incomplete", "connection_terminated"];
    answers(|| Answer::Script(vec![send("HTTP/1.1 200 OK\r\ncontent-le"), Step::Reset]), 502, &faults);
    answers(|| Answer::Script(vec![send("HTTP/1.1 103 Hints\r\n\r\n"), Step::Reset]), 502, &faults);
}

#[test]
fn row_78_garbage_is_a_502() {
    answers(Answer::garbage, 502, &["http_protocol_error"]);
    answers(|| Answer::raw("\n".repeat(1 << 10)), 502, &["http_protocol_error", "http_response_incomplete"]);
    answers(|| Answer::raw("SSH-2.0-OpenSSH_9.9\r\n"), 502, &["http_protocol_error"]);
    answers(|| Answer::raw("HTTP/1.1 99 No\r\n\r\n"), 502, &["http_protocol_error"]);
}

#[test]
fn row_78_a_head_that_does_not_come_in_time_is_a_504() {
    answers(Answer::stall, 504, &["http_response_timeout"]);
    let response = Response::new(200).body("too late");
    answers(move || Answer::drip(response.clone(), 1, Duration::from_millis(100)), 504, &["http_response_timeout"]);
}

#[test]
fn row_78_a_huge_head_is_a_502_whether_it_is_long_or_has_many_lines() {
    const TOO_LARGE: [&str; 1] = ["http_response_header_section_size"];
    let long = Response::new(200).header("x-long", "x".repeat(100 << 10));
    answers(move || Answer::Respond(long.clone()), 502, &TOO_LARGE);
    let many = (0..2_000).fold(Response::new(200), |response, at| response.header(&format!("x-{at}"), "x"));
    answers(move || Answer::Respond(many.clone()), 502, &TOO_LARGE);
}

/// The response begins well and breaks off: the client sees a body that is cut short, and never a whole one.
fn is_cut(script: impl Fn() -> Answer + Send + Sync + 'static) {
    let origin = Origin::start(move |_| script());
    let gateway = gateway(&origin);
    for round in 0..4 {
        let request = if round % 2 == 0 { Request::get("/faulty/x") } else { Request::post("/faulty/x", "a body") };
        let mut client = gateway.client();
        let begin = Instant::now();
        let response = client.try_send(&request);
        assert!(response.is_err(), "a response that looks whole: {response:?}");
        assert!(begin.elapsed() < Duration::from_secs(10), "the cut comes in time");
        assert_eq!(origin.requests().len(), round + 1, "nothing is sent twice");
    }
    is_well(&gateway);
}

#[test]
fn row_78_a_body_that_breaks_off_is_cut_for_the_client_too() {
    let response = || Response::new(200).body("x".repeat(1000));
    is_cut(move || Answer::close_in_body(response(), 400));
    is_cut(move || Answer::stall_in_body(response(), 400));
    is_cut(|| Answer::Script(vec![send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"), Step::Reset]));
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n";
    is_cut(move || Answer::Script(vec![send(chunked), Step::Close]));
    is_cut(move || Answer::Script(vec![send(format!("{chunked}zz\r\nabc\r\n")), Step::Close]));
    // Without a length, only a reset tells that something is missing.
    is_cut(|| {
        Answer::Script(vec![send("HTTP/1.1 200 OK\r\n\r\nabc"), Step::Wait(Duration::from_millis(50)), Step::Reset])
    });
}

#[test]
fn row_78_a_body_that_drips_is_cut_when_the_exchange_has_taken_its_time() {
    let response = Response::new(200).body("x".repeat(1000));
    is_cut(move || Answer::drip(response.clone(), 100, Duration::from_millis(300)));
}

/// An origin that has each of its connections to itself.
fn raw(serve: impl Fn(TcpStream) + Copy + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

fn read_head(stream: &mut TcpStream) -> bool {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return false,
        }
    }
    true
}

/// Answers with the body unread, and closes: the kernel resets the connection.
fn hasty(mut stream: TcpStream, answer: &str) {
    if read_head(&mut stream) {
        // Only with something unread does closing reset.
        drop(stream.read(&mut [0]));
        drop(stream.write_all(answer.as_bytes()));
    }
}

/// Answers as soon as it has read a head, and reads the rest later.
fn eager(mut stream: TcpStream, answer: &str) {
    if read_head(&mut stream) && stream.write_all(answer.as_bytes()).is_ok() {
        drop(std::io::copy(&mut stream, &mut std::io::sink()));
    }
}

#[test]
fn row_78_an_early_response_is_heard_though_its_origin_resets_the_connection_behind_it() {
    const EARLY: &str = "HTTP/1.1 413 Too Much\r\ncontent-length: 4\r\nconnection: close\r\n\r\nless";
    let origin = raw(|stream| hasty(stream, EARLY));
    let yaml = DOCUMENT.replace("{origin}", &format!("http://{origin}"));
    let gateway = Gateway::with(&yaml).value("sound", &crate::scene::greeter().url()).start();
    let head = "POST /faulty/x HTTP/1.1\r\nhost: a\r\ncontent-length: 4000000\r\n\r\n";
    for round in 0..40 {
        let mut connection = Connection::open(gateway.address()).unwrap();
        connection.write(head.as_bytes()).unwrap();
        // The client goes on until it can't.
        for _ in 0..200 {
            if connection.write(&[b'x'; 20_000]).is_err() {
                break;
            }
        }
        let response = connection.read_response("POST");
        let response = response.unwrap_or_else(|error| panic!("round {round}: {error}"));
        assert_eq!((response.status, response.text()), (413, "less"), "round {round}");
    }
    is_well(&gateway);
}

#[test]
fn row_78_whoever_is_answered_early_learns_whether_there_is_another_request_behind_the_upload() {
    const EARLY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nearly";
    let origin = raw(|stream| eager(stream, EARLY));
    let yaml = DOCUMENT.replace("{origin}", &format!("http://{origin}"));
    let gateway = Gateway::with(&yaml).value("sound", &crate::scene::greeter().url()).start();
    let chunked = |length: usize| format!("{length:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(length));
    for (framing, body, is_kept) in [
        ("content-length: 1000", "x".repeat(1_000), true),
        ("content-length: 60000", "x".repeat(60_000), true),
        ("content-length: 3000000", "x".repeat(3_000_000), false),
        ("transfer-encoding: chunked", chunked(1_000), false),
        ("transfer-encoding: chunked", chunked(3_000_000), false),
        ("content-length: 5\r\nexpect: 100-continue", String::new(), false),
    ] {
        let mut connection = Connection::open(gateway.address()).unwrap();
        let head = format!("POST /faulty/x HTTP/1.1\r\nhost: a\r\n{framing}\r\n\r\n");
        connection.write(head.as_bytes()).unwrap();
        let response = loop {
            match connection.read_response("POST").unwrap() {
                response if response.status == 100 => {}
                response => break response,
            }
        };
        let told = (response.status, response.text(), response.headers.get("connection"));
        assert_eq!(told, (200, "early", (!is_kept).then_some("close")), "{framing}");
        // What is left of the upload is written in any case, and another request behind it.
        let next = b"GET /sound/x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        let written = connection.write(body.as_bytes()).and_then(|()| connection.write(next));
        if is_kept {
            written.unwrap();
            assert_eq!(connection.read_response("GET").unwrap().text(), "hello", "{framing}");
        } else {
            assert!(connection.closes_within(Duration::from_secs(10)), "{framing}");
        }
    }
    is_well(&gateway);
}

#[test]
fn row_10_responses_that_can_be_read_in_two_ways_are_refused() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 6\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 6\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: 1, 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\na",
        "HTTP/1.1 200 OK\r\ncontent-length: 0x1\r\n\r\na",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\na",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\na",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\na",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx : 1\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        "HTTP/1.1 600 Odd\r\ncontent-length: 0\r\n\r\n",
        "HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200\rX: y\r\ncontent-length: 0\r\n\r\n",
    ] {
        let origin = Origin::start(move |_| Answer::Script(vec![send(answer)]));
        let gateway = gateway(&origin);
        let mut client = gateway.client();
        for round in 1..=2 {
            let response = client.get("/faulty/x");
            assert_eq!(response.status, 502, "{answer:?}");
            assert_eq!(response.headers.get("proxy-status"), Some("tollgate; error=http_protocol_error"), "{answer:?}");
            assert_eq!(origin.connections(), round, "its connection isn't used again: {answer:?}");
        }
    }
}

#[test]
fn row_10_a_flood_of_interim_responses_ends_with_a_502() {
    let flood = "HTTP/1.1 102 Processing\r\nx: 0123456789\r\n\r\n".repeat(2_000);
    let steps: Vec<Step> = (0..100).map(|_| send(flood.clone())).collect();
    answers(move || Answer::Script(steps.clone()), 502, &["http_response_header_section_size"]);
}

#[test]
fn row_10_a_few_interim_responses_are_skipped() {
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
    let whole = format!("{interim}{interim}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let origin = Origin::start(move |_| Answer::Script(vec![send(whole.clone())]));
    let gateway = gateway(&origin);
    assert_eq!(gateway.get("/faulty/x").text(), "ok");
}

#[test]
fn row_10_what_nobody_asked_for_answers_nobody() {
    const POISON: &str = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison";
    for (method, answer) in [
        ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"),
        ("GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 51\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\ncontent-length: 51\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 51\r\netag: \"x\"\r\n\r\n"),
    ] {
        for late in [false, true] {
            let steps = match late {
                false => vec![send(format!("{answer}{POISON}"))],
                true => vec![send(answer), Step::Wait(Duration::from_millis(30)), send(POISON)],
            };
            let origin = Origin::start(move |_| Answer::Script(steps.clone()));
            let gateway = gateway(&origin);
            let mut client = gateway.client();
            for round in 1..=3 {
                let request = Request { method: method.to_owned(), ..Request::get("/faulty/x") };
                let response = client.send(&request);
                assert!([200, 204, 304].contains(&response.status), "{answer:?}");
                assert_ne!(response.text(), "poison", "{answer:?}");
                assert_eq!(origin.connections(), round, "a connection in doubt isn't used again: {answer:?} {late}");
                std::thread::sleep(Duration::from_millis(if late { 60 } else { 0 }));
            }
        }
    }
}

#[test]
fn row_79_a_connection_that_closes_while_it_is_idle_costs_no_safe_request_anything_and_repeats_no_other() {
    let pauses = AtomicUsize::new(0);
    let origin = Origin::start(move |_| {
        let pause = Duration::from_micros((pauses.fetch_add(1, Ordering::Relaxed) as u64 * 397) % 4_000);
        Answer::Script(vec![send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"), Step::Wait(pause), Step::Close])
    });
    // A floor above what this test needs: it is about races and not about the budget.
    let gateway = Gateway::with(&format!("limits: {{ retry-floor: 10000 }}\n{DOCUMENT}"));
    let gateway = gateway.origin(&origin).value("sound", &crate::scene::greeter().url()).start();
    let failed_posts = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for client in 0..4_u64 {
            let (gateway, failed_posts) = (&gateway, &failed_posts);
            scope.spawn(move || {
                let mut connection = gateway.client();
                for number in 0..150 {
                    let target = format!("/faulty/{client}-{number}");
                    if number % 3 == 0 {
                        let response = connection.send(&Request::post(&target, "once"));
                        assert!([200, 502].contains(&response.status), "{response:?}");
                        failed_posts.fetch_add(usize::from(response.status == 502), Ordering::Relaxed);
                    } else {
                        assert_eq!(connection.get(&target).status, 200, "what is safe to repeat never fails");
                    }
                    std::thread::sleep(Duration::from_micros(number * 53 % 3_000));
                }
            });
        }
    });
    let mut posts: Vec<String> = origin
        .requests()
        .into_iter()
        .filter(|request| request.method == "POST")
        .map(|request| request.target)
        .collect();
    let all = posts.len();
    posts.sort();
    posts.dedup();
    assert_eq!(posts.len(), all, "no POST came twice");
    assert!(posts.len() + failed_posts.load(Ordering::Relaxed) >= 200);
    is_well(&gateway);
}

#[test]
fn row_80_an_origin_that_always_fails_gets_a_tenth_more_and_no_storm() {
    const REQUESTS: usize = 600;
    let origin = Origin::start(|_| Response::new(503));
    let yaml = "limits: { retry-floor: 10 }\naccess-log: off\npolicies:\n  backend:\n    - retry:\n        condition: response.status >= 500\n        \
                count: 10\n        interval: 0\n        policies: [ forward-request ]\n\
                apis: [ { id: all, path: '', backend: {origin}, subscription-required: false } ]\n";
    let gateway = Gateway::with(yaml).origin(&origin).start();
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = gateway.client();
                for _ in 0..REQUESTS / 4 {
                    assert_eq!(client.get("/x").status, 503, "the origin's own answer is passed on");
                }
            });
        }
    });
    let windows = begin.elapsed().as_secs() as usize / 10 + 1;
    let seen = origin.requests().len();
    assert!(seen > REQUESTS, "some were sent again");
    assert!(seen <= REQUESTS + REQUESTS / 10 + 10 * windows, "{seen} requests at the origin for {REQUESTS}");
    let refused = gateway.metrics().sum("tollgate_retries_refused_total", &[]);
    assert!(refused >= 1.0);
}

#[test]
fn row_80_what_is_sent_rarely_may_be_sent_again_as_often_as_asked() {
    let origin = Origin::start(|_| Response::new(503));
    let yaml = "policies:\n  backend:\n    - retry:\n        condition: response.status >= 500\n        count: 10\n        \
                interval: 0\n        policies: [ forward-request ]\n\
                apis: [ { id: all, path: '', backend: {origin}, subscription-required: false } ]\n";
    let gateway = Gateway::with(yaml).origin(&origin).start();
    assert_eq!(gateway.get("/x").status, 503);
    assert_eq!(origin.requests().len(), 11);
}

#[test]
fn row_81_a_name_that_has_no_address_is_a_502_and_one_with_several_is_tried_at_each() {
    let origin = crate::scene::greeter();
    let yaml = "apis:\n  - { id: gone, path: gone, backend: 'http://no-such-name.invalid', subscription-required: false }\n  \
                - { id: many, path: many, backend: 'http://localhost:{port}', subscription-required: false }\n";
    let gateway = Gateway::with(yaml).value("port", &origin.address().port().to_string()).start();
    let response = gateway.get("/gone/x");
    assert_eq!((response.status, response.headers.get("proxy-status")), (502, Some("tollgate; error=dns_error")));
    // `localhost` is `::1` too on most machines, where nobody listens.
    assert_eq!(gateway.get("/many/x").text(), "hello");
}

/// While one origin does everything wrong by turns, a neighbour's requests go on as ever.
#[test]
fn row_78_ten_faults_in_turn_cost_a_neighbour_nothing() {
    let turn = AtomicUsize::new(0);
    let origin = Origin::start(move |_| match turn.fetch_add(1, Ordering::Relaxed) % 10 {
        0 => Answer::close(),
        1 => Answer::reset(),
        2 => Answer::close_in_head(),
        3 => Answer::garbage(),
        4 => Answer::stall(),
        5 => Answer::close_in_body(Response::new(200).body("x".repeat(1000)), 10),
        6 => Answer::stall_in_body(Response::new(200).body("x".repeat(1000)), 10),
        7 => Answer::Respond(Response::new(200).header("x-long", "x".repeat(100 << 10))),
        8 => Answer::raw("HTTP/1.1 102 Processing\r\n\r\n".repeat(20_000)),
        _ => Answer::Respond(Response::new(200).body("well")),
    });
    let gateway = gateway(&origin);
    let stop = Arc::new(AtomicBool::new(false));
    let slowest = Mutex::new(Duration::ZERO);
    std::thread::scope(|scope| {
        let neighbour = scope.spawn(|| {
            let mut client = gateway.client();
            let mut served = 0;
            while !stop.load(Ordering::Relaxed) {
                let begin = Instant::now();
                assert_eq!(client.get("/sound/x").text(), "hello");
                let mut slowest = slowest.lock().unwrap();
                *slowest = begin.elapsed().max(*slowest);
                served += 1;
            }
            served
        });
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..30 {
                        let ended = gateway.client().try_send(&Request::get("/faulty/x"));
                        if let Ok(response) = ended {
                            assert!([200, 502, 504].contains(&response.status), "{response:?}");
                        }
                    }
                })
            })
            .collect();
        clients.into_iter().for_each(|client| client.join().unwrap());
        stop.store(true, Ordering::Relaxed);
        assert!(neighbour.join().unwrap() > 50);
    });
    let slowest = *slowest.lock().unwrap();
    assert!(slowest < Duration::from_secs(2), "the neighbour waited for {slowest:?}");
    is_well(&gateway);
}
