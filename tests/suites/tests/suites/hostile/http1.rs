//! HTTP/1.1: framing, heads and limits (rows 1 to 8, 11 to 15, 18 and 19).

use super::{Siege, answer, ends_within};
use std::time::Duration;
use tollgate_harness::{Answer, Origin, PATIENCE, Response, Step};

const POISON: &str = "GET /poison HTTP/1.1\r\nhost: a\r\n\r\n";

/// A head with these lines, and what stands behind it.
fn request(line: &str, headers: &str, behind: &str) -> String {
    format!("{line} HTTP/1.1\r\nhost: a\r\n{headers}\r\n{behind}")
}

#[test]
fn row_1_a_length_beside_a_coding_is_the_coding_and_smuggles_nothing() {
    let siege = Siege::of("");
    let both = "content-length: 6\r\ntransfer-encoding: chunked\r\n";
    // CL.TE: read by its length, the poison would be the next request.
    assert_eq!(siege.statuses(request("POST /cl-te", both, &format!("0\r\n\r\n{POISON}"))), [200]);
    // TE.CL
    let chunk = format!("{:x}\r\n{POISON}\r\n0\r\n\r\n", POISON.len());
    let both = "content-length: 4\r\ntransfer-encoding: chunked\r\n";
    assert_eq!(siege.statuses(request("POST /te-cl", both, &chunk)), [200]);
    for request in siege.origin.requests() {
        assert!(!(request.headers.has("content-length") && request.headers.has("transfer-encoding")), "{request:?}");
    }
    siege.stands_having_seen(&["/cl-te", "/te-cl"]);
}

#[test]
fn row_2_a_transfer_coding_is_a_single_chunked_or_refused() {
    let siege = Siege::of("");
    for (headers, status) in [
        ("transfer-encoding: gzip, chunked\r\n", 501),
        ("transfer-encoding: chunked, chunked\r\n", 400),
        ("transfer-encoding: , chunked\r\n", 400),
        ("transfer-encoding: identity\r\ntransfer-encoding: chunked\r\n", 501),
        ("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", 400),
        ("transfer-encoding: xchunked\r\n", 400),
        ("transfer-encoding: chunked;q=1\r\n", 400),
        ("transfer-encoding: \x0bchunked\r\n", 400),
        ("transfer-encoding:\r\n chunked\r\n", 400),
        ("transfer-encoding : chunked\r\n", 400),
        ("transfer_encoding: chunked\r\ntransfer-encoding: gzip\r\n", 400),
    ] {
        let statuses = siege.statuses(request("POST /odd", headers, &format!("0\r\n\r\n{POISON}")));
        let refused = matches!(statuses.as_slice(), [one] if *one == status || (*one == 400 || *one == 501));
        assert!(refused, "{headers:?}: {statuses:?}");
    }
    siege.stands_having_seen(&[]);
}

#[test]
fn row_3_a_length_that_is_no_plain_number_is_refused() {
    let siege = Siege::of("");
    for length in ["+5", "0x5", "5,6", "5 5", "-1", "5;", "99999999999999999999", "५"] {
        let headers = format!("content-length: {length}\r\n");
        assert_eq!(siege.statuses(request("POST /odd", &headers, POISON)), [400], "{length}");
    }
    let twice = "content-length: 5\r\ncontent-length: 6\r\n";
    assert_eq!(siege.statuses(request("POST /odd", twice, POISON)), [400]);
    // A number with zeros before it is one, and is written anew.
    let zeros = "content-length: 005\r\nconnection: close\r\n";
    assert_eq!(siege.statuses(request("POST /zeros", zeros, "hello")), [200]);
    assert_eq!(siege.origin.only_request().headers.all("content-length"), ["5"]);
    siege.stands_having_seen(&["/zeros"]);
}

#[test]
fn row_4_the_body_of_a_refused_request_is_never_the_next_request() {
    let policies = "policies:\n  inbound:\n    - choose:\n        - when: request.path == \"/denied\"\n          \
                    policies: [ { return-response: { status: 401 } } ]\n";
    let siege = Siege::of(policies);
    for (path, status) in [("/denied", 401), ("/%00", 400)] {
        for (headers, body) in [
            (format!("content-length: {}\r\n", POISON.len()), POISON.to_owned()),
            ("transfer-encoding: chunked\r\n".to_owned(), format!("{:x}\r\n{POISON}\r\n0\r\n\r\n", POISON.len())),
        ] {
            let mut connection = siege.gateway.connect();
            connection.write(request(&format!("POST {path}"), &headers, &body).as_bytes()).unwrap();
            assert_eq!(answer(&mut connection).unwrap().status, status, "{path}");
            // Either the connection goes on behind the body, or it is closed.
            let _ = connection.write(b"GET /after HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
            if let Some(next) = answer(&mut connection) {
                assert_eq!(next.json()["target"], "/after");
            }
        }
    }
    assert!(!siege.seen().contains(&"/poison".to_owned()));
    siege.stands();
}

#[test]
fn row_4_methods_without_a_use_for_a_body_carry_one_whole() {
    let siege = Siege::of("");
    for method in ["GET", "DELETE", "OPTIONS"] {
        let headers = format!("content-length: {}\r\nconnection: close\r\n", POISON.len());
        assert_eq!(siege.statuses(request(&format!("{method} /body"), &headers, POISON)), [200], "{method}");
    }
    let bodies: Vec<_> = siege.origin.requests().iter().map(|request| request.text().to_owned()).collect();
    assert_eq!(bodies, [POISON; 3]);
    siege.stands_having_seen(&["/body", "/body", "/body"]);
}

#[test]
fn row_5_a_client_is_asked_to_continue_once_and_only_if_its_body_is_read() {
    let policies = "policies:\n  inbound:\n    - choose:\n        - when: request.path == \"/denied\"\n          \
                    policies: [ { return-response: { status: 403 } } ]\n";
    let siege = Siege::of(policies);
    let expects = "content-length: 5\r\nexpect: 100-continue\r\n";
    let mut connection = siege.gateway.connect();
    connection.write(request("POST /asked", expects, "").as_bytes()).unwrap();
    assert_eq!(connection.read_response_head().unwrap().status, 100);
    connection.write(b"hello").unwrap();
    let response = answer(&mut connection).unwrap();
    assert_eq!((response.status, response.json()["body"].as_str()), (200, Some("hello")));

    // The final response comes first: whatever the client sends now may be its body or the next request.
    let mut connection = siege.gateway.connect();
    connection.write(request("POST /denied", expects, "").as_bytes()).unwrap();
    let response = answer(&mut connection).unwrap();
    assert_eq!((response.status, response.headers.get("connection")), (403, Some("close")));
    let _ = connection.write(POISON.as_bytes());
    assert!(ends_within(&mut connection, PATIENCE));
    assert_eq!(siege.status(request("POST /odd", "content-length: 0\r\nexpect: 200-maybe\r\n", "")), Some(417));
    siege.stands_having_seen(&["/asked"]);
}

#[test]
fn row_5_an_origin_that_answers_before_the_body_gets_no_second_request_on_that_connection() {
    let early = || Answer::Script(vec![Step::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_vec())]);
    let siege = Siege::before("", Origin::start(move |_| early()));
    let mut client = siege.gateway.client();
    for _ in 0..3 {
        assert_eq!(client.get("/x").text(), "ok");
    }
    siege.stands();
}

#[test]
fn row_6_chunk_extensions_and_trailers_stay_on_their_hop() {
    let siege = Siege::of("");
    let chunked = "transfer-encoding: chunked\r\ntrailer: content-length, host, x-y\r\nconnection: close\r\n";
    let body =
        "5;a=b;c=\"d\"\r\nhello\r\n0;last\r\ncontent-length: 99\r\nhost: evil\r\nauthorization: x\r\nx-y: z\r\n\r\n";
    assert_eq!(siege.statuses(request("POST /x", chunked, body)), [200]);
    let seen = siege.origin.only_request();
    assert_eq!(seen.text(), "hello");
    for name in ["trailer", "authorization", "x-y"] {
        assert!(!seen.headers.has(name), "{name}");
    }
    assert_ne!(seen.headers.get("host"), Some("evil"));
    siege.stands_having_seen(&["/x"]);
}

#[test]
fn row_6_a_chunk_that_can_be_read_in_two_ways_is_refused() {
    let siege = Siege::of("");
    for chunk in [
        "0x5\r\nhello\r\n",
        "+5\r\nhello\r\n",
        " 5\r\nhello\r\n",
        "5\nhello\r\n",
        "5;a\nb\r\nhello\r\n",
        "5\r\nhelloX\r\n",
        "fffffffffffffffff\r\nhello\r\n",
        "5;\rx\r\nhello\r\n",
        "-5\r\nhello\r\n",
    ] {
        let body = format!("{chunk}0\r\n\r\n{POISON}");
        let statuses = siege.statuses(request("POST /odd", "transfer-encoding: chunked\r\n", &body));
        assert!(matches!(statuses.as_slice(), [] | [400] | [502]), "{chunk:?}: {statuses:?}");
    }
    assert!(siege.seen().iter().all(|target| target != "/poison"));
    siege.stands();
}

#[test]
fn row_8_http_1_0_with_a_coding_and_http_0_9_are_refused() {
    let siege = Siege::of("");
    let coding = "POST /x HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    let statuses = siege.statuses(format!("{coding}{POISON}"));
    assert!(matches!(statuses.as_slice(), [] | [400]), "{statuses:?}");
    for line in [
        "GET /\r\n",
        "GET /x HTTP/0.9\r\n\r\n",
        "GET /x HTTP/2.0\r\n\r\n",
        "GET /x HTTP/3\r\n\r\n",
        "GET /x http/1.1\r\n\r\n",
    ] {
        let statuses = siege.statuses(line);
        assert!(matches!(statuses.as_slice(), [] | [400] | [505]), "{line:?}: {statuses:?}");
    }
    siege.stands_having_seen(&[]);
}

#[test]
fn row_10_a_response_that_can_be_read_in_two_ways_is_a_502_and_its_connection_is_not_used_again() {
    for (name, response) in [
        ("two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok"),
        ("odd length", "HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nok"),
        ("odd coding", "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        ("unasked upgrade", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
        ("status", "HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n"),
        ("short status", "HTTP/1.1 20 OK\r\ncontent-length: 0\r\n\r\n"),
        ("no http", "ICY 200 OK\r\n\r\n"),
        ("space before colon", "HTTP/1.1 200 OK\r\ncontent-length : 2\r\n\r\nok"),
        ("control character", "HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n"),
    ] {
        let origin = Origin::start(move |_| Answer::Script(vec![Step::Send(response.into()), Step::Hang]));
        let siege = Siege::before("", origin);
        assert_eq!(siege.gateway.get("/x").status, 502, "{name}");
        assert_eq!(siege.gateway.get("/y").status, 502, "{name}");
        assert_eq!(siege.origin.connections(), 2, "{name}");
    }
}

#[test]
fn row_10_what_an_origin_sends_behind_its_response_is_nobodys_response() {
    let two = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
    for (method, response) in [
        ("GET", two),
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"),
        ("GET", "HTTP/1.1 204 No Content\r\ncontent-length: 4\r\n\r\nevil"),
        ("GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 4\r\n\r\nevil"),
        ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nevil"),
    ] {
        let origin = Origin::start(move |_| Answer::Script(vec![Step::Send(response.into())]));
        let siege = Siege::before("", origin);
        let mut client = siege.gateway.client();
        for _ in 0..3 {
            let answer = client.send(&tollgate_harness::Request::new(method, "/x"));
            // What says both a length and a coding is no response at all.
            let is_whole = answer.status != 502 && (answer.body.is_empty() || answer.text() == "ok");
            let is_malformed = answer.status == 502 && response.contains("transfer-encoding");
            assert!(is_whole || is_malformed, "{method} {response:?}: {answer:?}");
        }
    }
}

#[test]
fn row_10_interim_responses_are_skipped_and_a_flood_of_them_ends() {
    let origin = Origin::start(|request| {
        let interim = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
        let flood = if request.target == "/flood" { 200_000 } else { 3 };
        Answer::Script(vec![
            Step::Send(interim.repeat(flood).into_bytes()),
            Step::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_vec()),
        ])
    });
    let siege = Siege::before("limits: { response-header-timeout: 10 }", origin);
    assert_eq!(siege.gateway.get("/some").text(), "ok");
    let before = siege.gateway.rss_bytes();
    assert!(matches!(siege.gateway.get("/flood").status, 200 | 502 | 504));
    assert!(siege.gateway.rss_bytes() < before + (32 << 20));
}

#[test]
fn row_11_a_head_that_can_be_read_in_two_ways_is_refused() {
    let siege = Siege::of("");
    for headers in [
        "x: a\rb\r\n",
        "x: a\0b\r\n",
        "x : a\r\n",
        " x: a\r\n",
        "x: a\r\n b\r\n",
        "x\r\n",
        "x(y): a\r\n",
        ": a\r\n",
        "é: a\r\n",
        "x: a\x7fb\r\n",
    ] {
        assert_eq!(siege.statuses(request("GET /odd", headers, POISON)), [400], "{headers:?}");
    }
    for line in [
        "GET  /x HTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET\t/x HTTP/1.1",
        "GET /x\0 HTTP/1.1",
        "G@T /x HTTP/1.1",
        "GET /\u{e9} HTTP/1.1",
    ] {
        let statuses = siege.statuses(format!("{line}\r\nhost: a\r\n\r\n"));
        assert!(matches!(statuses.as_slice(), [400 | 501]), "{line:?}: {statuses:?}");
    }
    siege.stands_having_seen(&[]);
}

#[test]
fn row_12_header_names_with_underscores_are_dropped_allowed_or_refused() {
    let odd = "x_forwarded_for: 1.2.3.4\r\nx_tenant: evil\r\nx-tenant: good\r\nconnection: close\r\n";
    let siege = Siege::of("");
    assert_eq!(siege.statuses(request("GET /x", odd, "")), [200]);
    let seen = siege.origin.only_request();
    assert!(!seen.headers.has("x_tenant") && !seen.headers.has("x_forwarded_for"));
    assert_eq!(seen.headers.all("x-tenant"), ["good"]);

    let siege = Siege::of("underscores-in-headers: allow");
    assert_eq!(siege.statuses(request("GET /x", odd, "")), [200]);
    let seen = siege.origin.only_request();
    assert_eq!(seen.headers.all("x_tenant"), ["evil"]);
    assert!(!seen.headers.has("x_forwarded_for"), "it looks like one of the gateway's own");

    let siege = Siege::of("underscores-in-headers: refuse");
    assert_eq!(siege.statuses(request("GET /x", odd, "")), [400]);
    siege.stands_having_seen(&[]);
}

#[test]
fn row_13_there_is_exactly_one_valid_host_and_an_absolute_target_wins() {
    let siege = Siege::of("");
    for hosts in [
        "",
        "host: a\r\nhost: a\r\n",
        "host: a, b\r\n",
        "host: a b\r\n",
        "host: u@a\r\n",
        "host: a:b\r\n",
        "host:\r\n",
        "host: a/b\r\n",
    ] {
        assert_eq!(siege.statuses(format!("GET /x HTTP/1.1\r\n{hosts}\r\n")), [400], "{hosts:?}");
    }
    let absolute = "GET http://b.example/x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    assert_eq!(siege.statuses(absolute), [200]);
    assert_eq!(siege.origin.only_request().headers.all("x-forwarded-host"), ["b.example"]);
    siege.stands_having_seen(&["/x"]);
}

#[test]
fn row_14_targets_and_heads_have_a_size_to_the_byte() {
    let siege = Siege::of("limits: { uri-bytes: 300, headers: 10, header-bytes: 8KiB }");
    let get = |target: &str, headers: &str| siege.status(request(&format!("GET {target}"), headers, ""));
    let target = |length: usize| format!("/{}", "a".repeat(length - 1));
    let close = "connection: close\r\n";
    assert_eq!(get(&target(300), close), Some(200));
    assert_eq!(get(&target(301), close), Some(414));
    // `host` and `connection` are two.
    assert_eq!(get("/n", &format!("{close}{}", "x: y\r\n".repeat(8))), Some(200));
    assert_eq!(get("/n", &format!("{close}{}", "x: y\r\n".repeat(9))), Some(431));
    assert_eq!(get("/b", &format!("{close}x: {}\r\n", "y".repeat(7_900))), Some(200));
    assert_eq!(get("/b", &format!("{close}x: {}\r\n", "y".repeat(8_300))), Some(431));
    siege.stands_having_seen(&[&target(300), "/n", "/b"]);
}

#[test]
fn row_15_a_body_has_a_size_whether_or_not_it_is_announced() {
    let siege = Siege::of("limits: { request-body-bytes: 1000 }");
    let announced = |length: usize| {
        request("POST /x", &format!("content-length: {length}\r\nconnection: close\r\n"), &"a".repeat(length))
    };
    assert_eq!(siege.statuses(announced(1000)), [200]);
    assert_eq!(siege.statuses(announced(1001)), [413]);
    let chunked = |length: usize| {
        let body = format!("{length:x}\r\n{}\r\n0\r\n\r\n", "a".repeat(length));
        request("POST /x", "transfer-encoding: chunked\r\nconnection: close\r\n", &body)
    };
    assert_eq!(siege.statuses(chunked(1000)), [200]);
    assert_eq!(siege.statuses(chunked(1001)), [413]);
    siege.stands_having_seen(&["/x", "/x"]);
}

#[test]
fn row_18_pipelined_requests_are_answered_one_at_a_time_and_a_head_may_come_byte_by_byte() {
    let siege = Siege::of("");
    let flood: String = (0..500).map(|n| format!("GET /{n} HTTP/1.1\r\nhost: a\r\n\r\n")).collect();
    let mut connection = siege.gateway.connect();
    connection.write(flood.as_bytes()).unwrap();
    for n in 0..500 {
        assert_eq!(answer(&mut connection).unwrap().json()["target"], format!("/{n}"));
    }
    let mut connection = siege.gateway.connect();
    for byte in request("GET /slow", "connection: close\r\n", "").bytes() {
        connection.write(&[byte]).unwrap();
    }
    assert_eq!(answer(&mut connection).unwrap().status, 200);
    siege.stands();
}

#[test]
fn row_19_methods_that_nobody_has_defined_are_refused_unless_an_api_names_them() {
    let siege = Siege::of("");
    for (line, status) in [
        ("TRACE /x", 405),
        ("CONNECT a:1", 405),
        ("CONNECT /x", 405),
        ("FOO /x", 501),
        ("get /x", 501),
        ("PRI /x", 501),
    ] {
        let statuses = siege.statuses(request(line, "connection: close\r\n", ""));
        assert!(statuses == [status] || statuses == [400], "{line}: {statuses:?}");
    }
    assert_eq!(siege.status(request("GET *", "", "")), Some(400));
    assert_eq!(siege.status(request("OPTIONS *", "", "")), Some(400));
    assert_eq!(siege.status(request("PROPFIND /dav", "connection: close\r\n", "")), Some(200));
    siege.stands_having_seen(&["/dav"]);

    let origin = Origin::echo();
    let named = "apis: [ { id: a, path: '', backend: '{origin}', subscription-required: false, operations: \
                 [ { id: foo, method: FOO, url: /x }, { id: all, method: '*', url: /x } ] } ]";
    let gateway = tollgate_harness::Gateway::with(named).origin(&origin).start();
    assert_eq!(gateway.send(&tollgate_harness::Request::new("FOO", "/x")).status, 200);
    assert_eq!(gateway.send(&tollgate_harness::Request::new("BAR", "/x")).status, 501);
}

#[test]
fn what_is_no_request_at_all_is_closed_without_harm() {
    let siege = Siege::of("");
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"\r\n\r\n\r\n",
        b"\0\0\0\0",
        b"\xff\xff\xff\xff\r\n\r\n",
    ] {
        let mut connection = siege.gateway.connect();
        connection.write(bytes).unwrap();
        connection.finish_writing();
        assert!(ends_within(&mut connection, Duration::from_secs(20)), "{bytes:?}");
    }
    let response = siege.gateway.send(&super::well());
    assert_eq!(response.status, Response::new(200).status);
}
