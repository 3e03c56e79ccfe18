//! `set-body`: another body.

use super::*;

#[test]
fn a_requests_body_is_replaced_before_it_is_sent() {
    let origin = hello();
    let gateway = serve(&open_api("inbound: [ { set-body: \"was ${size(request.body)}\" } ]"), &origin);
    assert_eq!(gateway.send(&Request::post("/", "four")).status, 200);
    let seen = origin.only_request();
    assert_eq!((seen.text(), seen.headers.get("content-length")), ("was 4", Some("5")));
}

#[test]
fn a_response_can_be_made_of_the_one_that_came() {
    let origin =
        Origin::start(|_| Response::new(200).header("content-type", "application/json").body(r#"{"id":7,"b":1}"#));
    let sections = "outbound: [ { set-body: { value: \"${toJson({'id': response.json.id})}\" } } ]";
    let response = serve(&open_api(sections), &origin).get("/");
    assert_eq!((response.text(), response.headers.get("content-type")), (r#"{"id":7}"#, Some("application/json")));
}

#[test]
fn what_described_the_old_body_goes_with_it() {
    let origin = Origin::start(|_| Response::new(200).header("content-encoding", "br").body("xyz"));
    let response = serve(&open_api("outbound: [ { set-body: plain } ]"), &origin).get("/");
    assert_eq!((response.text(), response.headers.has("content-encoding")), ("plain", false));
}
