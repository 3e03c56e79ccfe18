//! `redirect-content-urls`: links in bodies lead through the gateway instead of around it.

use super::*;

/// An API below `shop/orders` whose backend has the path `/v2`.
fn shop(sections: &str) -> String {
    format!(
        "apis:\n  - id: a\n    path: shop/orders\n    backend: '{{origin}}/v2'\n    subscription-required: false\n    policies:\n{}",
        indented(sections)
    )
}

/// An origin whose body is this, with its own authority where `{}` stands.
fn linking(content_type: &'static str, body: &'static str) -> Origin {
    Origin::start(move |request| {
        let body = body.replace("{}", request.headers.get("host").unwrap_or_default());
        Response::new(200).header("content-type", content_type).header("etag", "\"1\"").body(body)
    })
}

/// What the client gets of such a body if it addresses the gateway as `api.example`.
fn received(content_type: &'static str, body: &'static str) -> Response {
    let gateway = serve(&shop("outbound: [ redirect-content-urls ]"), linking(content_type, body));
    gateway.send(&Request::get("/shop/orders/1").header("host", "api.example"))
}

#[test]
fn a_response_leads_through_the_gateway() {
    let response = received("application/json", r#"{"next":"http://{}/v2/2?x","all":"HTTP://{}/v2"}"#);
    assert_eq!(
        response.text(),
        r#"{"next":"http://api.example/shop/orders/2?x","all":"http://api.example/shop/orders"}"#
    );
}

#[test]
fn a_request_leads_to_the_backend() {
    let origin = hello();
    let gateway = serve(&shop("inbound: [ redirect-content-urls ]"), &origin);
    let request = Request::post("/shop/orders", "see http://api.example/shop/orders/1.").header("host", "api.example");
    gateway.send(&request.header("content-type", "text/plain; charset=utf-8"));
    assert_eq!(origin.only_request().text(), format!("see {}/v2/1.", origin.url()));
}

#[test]
fn urls_that_only_begin_alike_stay() {
    for body in ["http://{}/v21", "http://{}", "https://{}/v2", "//{}/v2", "xhttp://{}/v2"] {
        let text = received("text/plain", body).text().to_owned();
        assert!(!text.contains("api.example"), "{body}: {text}");
    }
}

#[test]
fn escaped_slashes_stay_escaped() {
    let response = received("application/problem+json", r#"["http:\/\/{}\/v2\/1"]"#);
    assert_eq!(response.text(), r#"["http:\/\/api.example\/shop\/orders\/1"]"#);
}

#[test]
fn only_bodies_of_text_are_looked_at() {
    for (content_type, redirected) in [
        ("text/html", true),
        ("application/xml", true),
        ("application/atom+xml", true),
        ("application/javascript", true),
        ("application/octet-stream", false),
        ("image/png", false),
        ("application/jsonp", false),
    ] {
        let text = received(content_type, "http://{}/v2/1").text().to_owned();
        assert_eq!(text == "http://api.example/shop/orders/1", redirected, "{content_type}: {text}");
    }
}

#[test]
fn headers_stay_as_they_are_but_for_those_of_the_bytes() {
    let origin = Origin::start(|request| {
        let link = format!("http://{}/v2/1", request.headers.get("host").unwrap_or_default());
        let response = Response::new(200).header("content-type", "text/plain").header("etag", "\"1\"");
        response.header("digest", "x").header("location", &link).body(link)
    });
    let gateway = serve(&shop("outbound: [ redirect-content-urls ]"), &origin);
    let response = gateway.send(&Request::get("/shop/orders").header("host", "api.example"));
    assert_eq!(response.headers.all("location"), [format!("{}/v2/1", origin.url()).as_str()]);
    assert_eq!(response.headers.all("etag"), ["W/\"1\""]);
    assert!(!response.headers.has("digest"));
}

#[test]
fn what_is_encoded_passes_and_is_told() {
    let origin = Origin::start(|request| {
        let body = format!("http://{}/v2/1", request.headers.get("host").unwrap_or_default());
        Response::new(200).header("content-type", "text/plain").header("content-encoding", "br").body(body)
    });
    let gateway = serve(&shop("outbound: [ redirect-content-urls ]"), &origin);
    assert_eq!(gateway.get("/shop/orders").text(), format!("{}/v2/1", origin.url()));
    gateway.wait_for_log("links in it stay as they are");
}

#[test]
fn a_url_ends_where_the_base_url_does() {
    for (body, redirected) in [
        ("http://{}/v2", true),
        ("http://{}/v2/", true),
        ("http://{}/v2?x", true),
        ("http://{}/v2#x", true),
        ("<a href='http://{}/v2'>", true),
        ("(http://{}/v2), http://{}/v2/1", true),
        ("hTTp://{}/v2/A", true),
        ("http://{}1/v2", false),
        ("http://{}/V2", false),
        ("http://{}/v2-1", false),
    ] {
        let text = received("text/plain", body).text().to_owned();
        assert_eq!(text.contains("http://api.example/shop/orders"), redirected, "{body}: {text}");
        assert_eq!(text.contains("127.0.0.1"), !redirected, "{body}: {text}");
    }
}

#[test]
fn the_length_follows_both_ways() {
    let response = received("text/plain", "http://{}/v2/1");
    assert_eq!(response.headers.all("content-length"), [response.body.len().to_string()]);
    let origin = hello();
    let gateway = serve(&shop("inbound: [ redirect-content-urls ]"), &origin);
    let request = Request::post("/shop/orders", "http://api.example/shop/orders").header("host", "api.example");
    gateway.send(&request.header("content-type", "text/plain"));
    let seen = origin.only_request();
    assert_eq!(seen.text(), format!("{}/v2", origin.url()));
    assert_eq!(seen.headers.all("content-length"), [seen.body.len().to_string()]);
}

#[test]
fn a_body_without_links_stays_as_it_is() {
    let response = received("text/plain", "nothing to see");
    assert_eq!((response.text(), response.headers.all("etag")), ("nothing to see", vec!["\"1\""]));
}

#[test]
fn parts_of_bodies_pass_and_a_head_has_none() {
    let origin = Origin::start(|request| {
        let link = format!("http://{}/v2/1", request.headers.get("host").unwrap_or_default());
        Response::new(206).header("content-type", "text/plain").header("content-range", "bytes 0-9/99").body(link)
    });
    let gateway = serve(&shop("outbound: [ redirect-content-urls ]"), &origin);
    assert_eq!(gateway.get("/shop/orders").text(), format!("{}/v2/1", origin.url()));
    let mut client = gateway.client();
    assert_eq!(client.send(&Request::new("HEAD", "/shop/orders")).status, 206);
    assert_eq!(client.get("/shop/orders").status, 206);
}

#[test]
fn only_what_is_looked_at_has_to_be_small() {
    for (content_type, status) in [("text/plain", 502), ("application/octet-stream", 200)] {
        let origin = Origin::start(move |_| {
            Response::new(200).header("content-type", content_type).body(vec![b'x'; (4 << 20) + 1])
        });
        let response = serve(&shop("outbound: [ redirect-content-urls ]"), origin).get("/shop/orders");
        assert_eq!(response.status, status, "{content_type}");
        assert_eq!(response.body.len() > 4 << 20, status == 200);
    }
}

#[test]
fn a_body_over_four_mebibytes_is_refused() {
    let gateway = serve(&shop("inbound: [ redirect-content-urls ]"), hello());
    let request = Request::post("/shop/orders", vec![b'x'; (4 << 20) + 1]).header("content-type", "text/plain");
    assert_eq!(gateway.send(&request).status, 413);
}

#[test]
fn it_stands_once_in_a_section_and_takes_nothing() {
    refused("outbound", &[("redirect-content-urls: { §host: a }", "unknown key `host`")]);
    refused("backend", &[("§redirect-content-urls", "can't stand in the section `backend`")]);
    let twice = format!(
        "listen: 127.0.0.1:0\nadmin: off\n{}",
        open_api("outbound: [ redirect-content-urls, redirect-content-urls ]")
    );
    let outcome = Gateway::with(&twice).value("origin", "http://127.0.0.1:9").check();
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    assert!(outcome.stderr.contains("redirect-content-urls"), "{}", outcome.stderr);
}
