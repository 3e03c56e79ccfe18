//! `find-and-replace`, `redirect-content-urls`, `set-status`: what of a response becomes another.

use super::*;

#[test]
fn every_occurrence_is_replaced_and_the_length_follows() {
    let origin = Origin::start(|_| Response::new(200).header("etag", "\"a\"").body("one two one"));
    let sections = "outbound: [ { find-and-replace: { from: one, to: \"${request.query['n']}\" } } ]";
    let response = serve(&open_api(sections), &origin).get("/?n=three");
    assert_eq!((response.text(), response.headers.get("etag")), ("three two three", Some("W/\"a\"")));
}

#[test]
fn a_backends_urls_become_the_apis_own() {
    let origin = Origin::start(|request| {
        let host = request.headers.get("host").unwrap_or_default().to_owned();
        Response::new(200)
            .header("content-type", "application/json")
            .body(format!("{{\"self\":\"http://{host}/v1/7\"}}"))
    });
    let yaml = "apis:\n  - id: orders\n    path: shop/orders\n    backend: {origin}/v1\n    subscription-required: false\n    \
                policies: { outbound: [ redirect-content-urls ] }\n";
    let gateway = serve(yaml, &origin);
    let response = gateway.send(&Request::get("/shop/orders/7").header("host", "api.example"));
    assert_eq!(response.text(), "{\"self\":\"http://api.example/shop/orders/7\"}");
}

#[test]
fn a_status_gets_its_reason() {
    let sections = "outbound: [ { set-status: { code: \"${response.status + 1}\", reason: Made } } ]";
    let response = serve(&open_api(sections), hello()).get("/");
    assert_eq!((response.status, response.text()), (201, "hello"));
}
