//! `send-one-way-request`: tell somebody else, and don't wait.

use super::*;
use std::time::{Duration, Instant};
use tollgate_harness::Answer;

fn between(sections: &str, origin: &Origin, second: &Origin) -> Gateway {
    Gateway::with(&open_api(sections)).origin(origin).value("second", &second.url()).start()
}

#[test]
fn the_request_is_sent_and_nobody_waits_for_it() {
    let second = Origin::start(|_| Answer::stall());
    let sections = "inbound: [ { send-one-way-request: { set-url: '{second}/told', set-method: POST, \
                    set-body: \"saw ${request.path}\", set-header: { name: X-A, value: b } } } ]";
    let origin = hello();
    let gateway = between(sections, &origin, &second);
    let began = Instant::now();
    assert_eq!(gateway.get("/orders").text(), "hello");
    assert!(began.elapsed() < Duration::from_secs(30), "it waited for {:?}", began.elapsed());
    let told = second.wait_for_requests(1).remove(0);
    assert_eq!((told.method.as_str(), told.target.as_str(), told.text()), ("POST", "/told", "saw /orders"));
    assert_eq!(told.headers.all("x-a"), ["b"]);
}

#[test]
fn a_request_can_be_mirrored() {
    let (origin, second) = (hello(), hello());
    let sections = "inbound: [ { send-one-way-request: { mode: copy, set-url: \"{second}${request.path}\" } } ]";
    let gateway = between(sections, &origin, &second);
    let response = gateway.send(&Request::new("PUT", "/orders/7").header("x-client", "1").body("the body"));
    assert_eq!(response.text(), "hello");
    let told = second.wait_for_requests(1).remove(0);
    assert_eq!((told.method.as_str(), told.target.as_str(), told.text()), ("PUT", "/orders/7", "the body"));
    assert_eq!(told.headers.all("x-client"), ["1"]);
    assert_eq!(origin.only_request().text(), "the body");
}

#[test]
fn nobody_there_fails_no_request() {
    let sections = "inbound: [ { send-one-way-request: { set-url: '{second}/told' } } ]";
    let origin = hello();
    let gateway = between(sections, &origin, &Origin::refusing());
    for _ in 0..3 {
        assert_eq!(gateway.get("/").text(), "hello");
    }
    assert!(gateway.is_running());
}

#[test]
fn a_url_that_is_none_is_a_line_in_the_log() {
    let sections = "inbound: [ { send-one-way-request: { set-url: \"${request.headers['x-url']}\" } } ]";
    let origin = hello();
    let gateway = between(sections, &origin, &hello());
    assert_eq!(gateway.send(&Request::get("/").header("x-url", "nowhere")).text(), "hello");
    gateway.wait_for_log("a request was not sent");
}

#[test]
fn alerts_are_sent_from_on_error() {
    let second = hello();
    let sections = "inbound: [ { check-header: { name: x-plan, failed-check-httpcode: 402 } } ]\n\
                    on-error: [ { send-one-way-request: { set-url: '{second}/', set-method: POST, \
                    set-body: \"${last_error.reason}\" } } ]";
    let origin = hello();
    let gateway = between(sections, &origin, &second);
    assert_error(&gateway.get("/"), 402, "Header x-plan is missing.");
    assert_eq!(second.wait_for_requests(1).remove(0).text(), "HeaderNotFound");
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    let cases = [
        ("send-one-way-request: §{ }", "`set-url` is missing"),
        ("send-one-way-request: { set-url: §ftp://a }", "an absolute URL"),
        ("send-one-way-request: { set-url: 'http://a', timeout: 1, timeout-ms: §1 }", "`timeout` says it already"),
    ];
    for section in ["inbound", "outbound", "on-error"] {
        refused(section, &cases);
    }
}
