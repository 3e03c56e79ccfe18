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
fn a_template_sees_the_body_of_the_exchanges_message() {
    let (origin, second) = (hello(), hello());
    let sections = "inbound: [ { send-one-way-request: { set-url: '{second}/', set-method: POST, \
                    set-body: { template: liquid, value: 'saw {{ body.id }}' } } } ]";
    let request = Request::post("/", r#"{"id":7}"#).header("content-type", "application/json");
    between(sections, &origin, &second).send(&request);
    assert_eq!(second.wait_for_requests(1).remove(0).text(), "saw 7");
    assert_eq!(origin.only_request().text(), r#"{"id":7}"#);
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
fn a_copy_without_a_url_goes_to_the_requests_own_backend() {
    let origin = hello();
    let gateway = between("inbound: [ { send-one-way-request: { mode: copy } } ]", &origin, &hello());
    assert_eq!(gateway.send(&Request::post("/orders?x=1", "the body")).text(), "hello");
    let requests = origin.wait_for_requests(2);
    let told: Vec<_> = requests.iter().map(|request| (request.target.as_str(), request.text())).collect();
    assert_eq!(told, [("/orders?x=1", "the body"), ("/orders?x=1", "the body")]);
}

#[test]
fn the_children_change_the_copy() {
    let second = hello();
    let sections = "inbound: [ { send-one-way-request: { mode: \"${'copy'}\", set-url: '{second}/', set-method: PATCH, \
                    set-body: other, set-header: [ { name: x-client, exists-action: append, value: b }, \
                    { name: authorization, value: none } ], authentication-basic: { username: a, password: b } } } ]";
    let origin = hello();
    let gateway = between(sections, &origin, &second);
    gateway.send(&Request::post("/orders", "the body").header("x-client", "a"));
    let told = second.wait_for_requests(1).remove(0);
    assert_eq!((told.method.as_str(), told.text()), ("PATCH", "other"));
    assert_eq!(told.headers.all("x-client"), ["a, b"]);
    assert_eq!(told.headers.all("authorization"), ["Basic YTpi"]);
    assert_eq!(origin.only_request().headers.all("x-client"), ["a"]);
}

#[test]
fn what_goes_wrong_later_is_a_line_in_the_log_and_nothing_else() {
    let origin = hello();
    let silent = Origin::start(|_| Answer::stall());
    for (second, more) in [(&Origin::refusing(), ""), (&silent, ", timeout-ms: 100"), (&silent, ", timeout: 0.1")] {
        let sections = format!("inbound: [ {{ send-one-way-request: {{ set-url: '{{second}}/told'{more} }} }} ]");
        let gateway = between(&sections, &origin, second);
        assert_eq!(gateway.get("/").text(), "hello");
        gateway.wait_for_log("a one-way request failed");
    }
    // The second one gave up: nobody waits for it any more.
    silent.wait_for_abandoned(2);
}

#[test]
fn every_section_can_tell() {
    let second = hello();
    let tell = |name: &str| format!("{{ send-one-way-request: {{ set-url: '{{second}}/{name}' }} }}");
    let sections = format!(
        "inbound: [ {} ]\nbackend: [ {}, forward-request ]\noutbound: [ {} ]",
        tell("inbound"),
        tell("backend"),
        tell("outbound")
    );
    let origin = hello();
    let gateway = between(&sections, &origin, &second);
    assert_eq!(gateway.get("/").text(), "hello");
    let mut targets: Vec<String> = second.wait_for_requests(3).into_iter().map(|request| request.target).collect();
    targets.sort();
    assert_eq!(targets, ["/backend", "/inbound", "/outbound"]);
}

#[test]
fn an_expression_that_fails_ends_the_request() {
    let second = hello();
    let sections =
        "inbound: [ { send-one-way-request: { set-url: '{second}/', set-body: \"${json(request.path)}\" } } ]";
    let origin = hello();
    let gateway = between(sections, &origin, &second);
    assert_error(&gateway.get("/"), 500, "Internal server error.");
    assert_eq!(logged_error(&gateway, 1).1, "ExpressionValueEvaluationFailure");
    assert!(origin.requests().is_empty());
}

#[test]
fn an_origin_that_an_expression_gives_has_to_be_granted() {
    let (origin, second) = (hello(), hello());
    let sections = "inbound: [ { send-one-way-request: { set-url: \"${request.headers['x-url']}\" } } ]";
    let ask = |gateway: &Gateway| gateway.send(&Request::get("/").header("x-url", second.url()));
    let closed = between(sections, &origin, &second);
    assert_eq!(ask(&closed).text(), "hello");
    closed.wait_for_log("a request was not sent");
    assert!(second.requests().is_empty());
    let document = format!("egress: [ '{{second}}' ]\n{}", open_api(sections));
    let open = Gateway::with(&document).origin(&origin).value("second", &second.url()).start();
    assert_eq!(ask(&open).text(), "hello");
    second.wait_for_requests(1);
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    let cases = [
        ("send-one-way-request: §{ }", "`set-url` is missing"),
        ("send-one-way-request: { set-url: §ftp://a }", "an absolute URL"),
        ("send-one-way-request: { mode: copy, set-method: §'a b' }", "this is no method"),
        (
            "send-one-way-request: { mode: copy, set-header: { name: §Host, value: a } }",
            "`host` belongs to the gateway",
        ),
        ("send-one-way-request: { mode: copy, timeout: §241 }", "at most 240 seconds"),
        (
            "send-one-way-request: { mode: copy, authentication-basic: { username: §'a:b', password: c } }",
            "can't hold a colon",
        ),
        ("send-one-way-request: { mode: copy, §response-variable-name: a }", "unknown key `response-variable-name`"),
        ("send-one-way-request: { set-url: 'http://a', timeout: 1, timeout-ms: §1 }", "`timeout` says it already"),
    ];
    for section in ["inbound", "outbound", "on-error"] {
        refused(section, &cases);
    }
}
