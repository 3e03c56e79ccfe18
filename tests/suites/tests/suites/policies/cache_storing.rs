//! `cache-store`: what is stored, and what must not be.

use super::cache::{cached, numbered, plain};
use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use tollgate_harness::Answer;

/// How many of three equal requests reach an origin whose responses `make` decorates.
#[track_caller]
fn reached(yaml: &str, make: impl Fn(Response) -> Response + Send + Sync + 'static) -> usize {
    let origin = numbered(make);
    let gateway = serve(yaml, &origin);
    for _ in 0..3 {
        gateway.get("/");
    }
    origin.requests().len()
}

fn always() -> String {
    cached("{}", "{ duration: 60, cache-response: true }")
}

#[test]
fn only_get_is_answered_from_the_cache_and_stored() {
    for method in ["POST", "PUT", "DELETE", "HEAD", "OPTIONS"] {
        let origin = plain();
        let gateway = serve(&cached("{}", "{ duration: 60 }"), &origin);
        for _ in 0..2 {
            assert_eq!(gateway.send(&Request::new(method, "/")).status, 200);
        }
        assert_eq!(origin.requests().len(), 2, "{method} isn't stored");
        gateway.get("/");
        gateway.send(&Request::new(method, "/"));
        assert_eq!(origin.requests().len(), 4, "{method} isn't answered with what GET stored");
        gateway.get("/");
        assert_eq!(origin.requests().len(), 4, "and doesn't drop it");
    }
}

#[test]
fn requests_with_authorization_are_neither_answered_from_the_cache_nor_stored() {
    let authorized = || Request::get("/").header("Authorization", "Bearer x");
    let origin = plain();
    let gateway = serve(&cached("{}", "{ duration: 60 }"), &origin);
    assert_eq!(gateway.send(&authorized()).text(), "answer 1");
    assert_eq!(gateway.get("/").text(), "answer 2");
    assert_eq!(gateway.send(&authorized()).text(), "answer 3");
    assert_eq!(gateway.get("/").text(), "answer 2");

    let gateway = serve(&cached("{ allow-private-response-caching: true }", "{ duration: 60 }"), &origin);
    assert_eq!(gateway.send(&authorized()).text(), "answer 4");
    assert_eq!(gateway.send(&authorized()).text(), "answer 4");
}

#[test]
fn what_a_shared_cache_must_not_keep_is_not_stored() {
    for (name, value) in [
        ("set-cookie", "session=1"),
        ("cache-control", "no-store"),
        ("cache-control", "max-age=60, No-Store"),
        ("cache-control", "private"),
        ("cache-control", "public, private=\"x\""),
        ("vary", "*"),
        ("vary", "accept, *"),
    ] {
        assert_eq!(reached(&always(), move |response| response.header(name, value)), 3, "{name}: {value}");
    }
    assert_eq!(reached(&always(), |response| response.header("cache-control", "public, max-age=1")), 1);
}

#[test]
fn a_cookie_that_outbound_removes_before_the_store_is_no_reason_not_to() {
    let remove = "set-header: { name: set-cookie, exists-action: delete }";
    let sections =
        format!("inbound: [ cache-lookup ]\noutbound: [ {{ {remove} }}, {{ cache-store: {{ duration: 60 }} }} ]");
    assert_eq!(reached(&open_api(&sections), |response| response.header("set-cookie", "session=1")), 1);
}

#[test]
fn only_200_is_stored_unless_told_otherwise() {
    for (store, status, expected) in [
        ("{ duration: 60 }", 200, 1),
        ("{ duration: 60 }", 404, 3),
        ("{ duration: 60 }", 301, 3),
        ("{ duration: 60, cache-response: true }", 404, 1),
        ("{ duration: 60, cache-response: true }", 500, 1),
        ("{ duration: 60, cache-response: true }", 206, 3),
        ("{ duration: 60, cache-response: true }", 304, 3),
        ("{ duration: 60, cache-response: false }", 200, 3),
    ] {
        let yaml = cached("{}", store);
        let with_status = move |response: Response| Response { status, ..response };
        assert_eq!(reached(&yaml, with_status), expected, "{store} {status}");
    }
}

#[test]
fn a_body_larger_than_an_entry_may_be_passes_whole_and_is_not_stored() {
    for (bytes, chunked, expected) in [(1_024, false, 1), (1_025, false, 2), (1_024, true, 1), (1_025, true, 2)] {
        let origin = Origin::start(move |_| {
            let response = Response::new(200).body(vec![b'x'; bytes]);
            if chunked { Answer::chunked(response, 5) } else { response.into() }
        });
        let yaml = format!("state: {{ cache-entry-bytes: 1KiB }}\n{}", cached("{}", "{ duration: 60 }"));
        let gateway = serve(&yaml, &origin);
        for _ in 0..2 {
            assert_eq!(gateway.get("/").body.len(), bytes);
        }
        assert_eq!(origin.requests().len(), expected, "{bytes} bytes, chunked: {chunked}");
    }
}

#[test]
fn two_mebibytes_are_stored_by_default_and_not_a_byte_more() {
    for (bytes, expected) in [(2 << 20, 1), ((2 << 20) + 1, 2)] {
        let origin = Origin::start(move |_| Response::new(200).body(vec![b'x'; bytes]));
        let gateway = serve(&cached("{}", "{ duration: 60 }"), &origin);
        for _ in 0..2 {
            assert_eq!(gateway.get("/").body.len(), bytes);
        }
        assert_eq!(origin.requests().len(), expected, "{bytes} bytes");
    }
}

#[test]
fn a_cache_of_no_bytes_stores_nothing() {
    let yaml = format!("state: {{ cache-bytes: 0 }}\n{}", cached("{}", "{ duration: 60 }"));
    assert_eq!(reached(&yaml, |response| response), 3);
}

#[test]
fn a_truncated_body_is_never_stored() {
    let whole = || Response::new(200).body("the whole body");
    let truncated: [(&str, Answer); 4] = [
        ("by length", Answer::close_in_body(whole(), 5)),
        ("by chunks", Answer::raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nthe w\r\n")),
        ("within a chunk", Answer::raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nthe w")),
        // Nobody can tell whether this was all.
        ("by the close", Answer::raw("HTTP/1.1 200 OK\r\n\r\nthe w")),
    ];
    for (how, first) in truncated {
        let count = AtomicUsize::new(0);
        let origin = Origin::start(move |_| match count.fetch_add(1, Ordering::SeqCst) {
            0 => first.clone(),
            _ => whole().into(),
        });
        let gateway = serve(&cached("{}", "{ duration: 60 }"), &origin);
        // How the client notices depends on the framing; that it does is another suite's business.
        drop(gateway.client().try_send(&Request::get("/")));
        assert_eq!(gateway.get("/").text(), "the whole body", "{how}");
        assert_eq!(gateway.get("/").text(), "the whole body", "{how}");
        assert_eq!(origin.requests().len(), 2, "{how}");
    }
}

#[test]
fn a_body_that_a_client_abandons_is_not_stored() {
    let count = AtomicUsize::new(0);
    let origin = Origin::start(move |_| {
        let response = Response::new(200).body("the whole body");
        match count.fetch_add(1, Ordering::SeqCst) {
            0 => Answer::stall_in_body(response, 5),
            _ => response.into(),
        }
    });
    let gateway = serve(&cached("{}", "{ duration: 60 }"), &origin);
    let mut connection = gateway.connect();
    connection.write(&Request::get("/").to_bytes(&gateway.address().to_string())).unwrap();
    assert_eq!(connection.read_response_head().unwrap().status, 200);
    connection.reset();
    origin.wait_for_abandoned(1);
    assert_eq!(gateway.get("/").text(), "the whole body");
    assert_eq!(gateway.get("/").text(), "the whole body");
    assert_eq!(origin.requests().len(), 2);
}

#[test]
fn a_failing_origin_is_not_stored_and_a_stored_response_outlives_it() {
    let origin = plain();
    let gateway = Gateway::with(&always()).origin(&origin).start();
    assert_eq!(gateway.get("/stored").text(), "answer 1");
    drop(origin);
    assert_eq!(gateway.get("/other").status, 502);
    assert_eq!(gateway.get("/other").status, 502);
    assert_eq!(gateway.get("/stored").text(), "answer 1");
}

#[test]
fn without_a_lookup_nothing_is_stored() {
    assert_eq!(reached(&open_api("outbound: [ { cache-store: { duration: 60 } } ]"), |response| response), 3);
}

#[test]
fn without_a_store_nothing_is_found() {
    assert_eq!(reached(&open_api("inbound: [ cache-lookup ]"), |response| response), 3);
}

#[test]
fn a_reload_keeps_what_is_stored() {
    let origin = plain();
    let yaml = cached("{}", "{ duration: 60 }");
    let gateway = serve(&yaml, &origin);
    assert_eq!(gateway.get("/").text(), "answer 1");
    assert_eq!(gateway.reload(&format!("{yaml}# changed\n")), tollgate_harness::Reload::Applied);
    assert_eq!(gateway.get("/").text(), "answer 1");
}

#[test]
fn which_responses_are_kept_and_how_long_may_be_expressions() {
    let store =
        "{ duration: \"${response.status == 404 ? 60 : 0}\", cache-response: \"${response.status in [200, 404]}\" }";
    for (status, expected) in [(404, 1), (200, 3), (500, 3)] {
        let with_status = move |response: Response| Response { status, ..response };
        assert_eq!(reached(&cached("{}", store), with_status), expected, "{status}");
    }
}

#[test]
fn a_duration_that_is_none_fails_the_call_unless_nothing_is_kept_anyway() {
    for duration in ["json(request.path)", "1.5", "-1", "'soon'"] {
        let store = format!("{{ duration: \"${{request.method == 'GET' ? dyn({duration}) : dyn(1)}}\" }}");
        for (status, expected) in [(200, 500), (404, 404)] {
            let origin = numbered(move |response| Response { status, ..response });
            let gateway = serve(&cached("{}", &store), origin);
            let response = gateway.get("/");
            assert_eq!(response.status, expected, "{duration}");
            if expected == 500 {
                let error = ("cache-store".to_owned(), "ExpressionValueEvaluationFailure".to_owned());
                assert_eq!(logged_error(&gateway, 1), error, "{duration}");
            }
        }
    }
}

#[test]
fn a_response_that_is_not_kept_stays_as_the_origin_made_it() {
    for (name, value, told) in [
        ("cache-control", "private", "private"),
        ("cache-control", "no-store, max-age=9", "no-store, max-age=9"),
        ("x-plain", "1", "public, max-age=60, must-revalidate"),
    ] {
        let origin = numbered(move |response| response.header(name, value));
        let gateway = serve(&cached("{ downstream-caching-type: public }", "{ duration: 60 }"), origin);
        assert_eq!(gateway.get("/").headers.all("cache-control"), [told], "{name}: {value}");
    }
    let origin = numbered(|response| Response { status: 404, ..response.header("cache-control", "max-age=9") });
    let gateway = serve(&cached("{ downstream-caching-type: public }", "{ duration: 60 }"), origin);
    assert_eq!(gateway.get("/").headers.all("cache-control"), ["max-age=9"]);
}

#[test]
fn the_log_tells_why_a_response_was_not_kept() {
    let origin = numbered(|response| response.header("set-cookie", "a=1"));
    let setup = Gateway::with(&cached("{}", "{ duration: 60 }")).origin(&origin).env("TOLLGATE_LOG", "debug");
    let gateway = setup.start();
    assert_eq!(gateway.get("/").status, 200);
    let line = gateway.wait_for_log("not kept: ");
    assert!(line.contains("DEBUG"), "{line}");
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    refused(
        "outbound",
        &[
            ("cache-store: §{}", "duration"),
            ("cache-store: { duration: §0 }", "minimum of 1"),
            ("cache-store: { duration: §1.5 }", "integer"),
            ("cache-store: { duration: 1, cache-response: §'yes' }", "boolean"),
            ("cache-store: { §durations: 1, duration: 1 }", "unknown key `durations`; did you mean `duration`?"),
        ],
    );
    refused("inbound", &[("§cache-store: { duration: 1 }", "can't stand in the section `inbound`")]);
}
