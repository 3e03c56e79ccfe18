//! `set-backend-service`: forward the request to another backend.

use super::*;

/// A gateway whose API has a backend of its own, and `{second}` in its document.
fn between(document: &str, origin: &Origin, second: &Origin) -> Gateway {
    Gateway::with(document).origin(origin).value("second", &second.url()).start()
}

const BACKENDS: &str = "backends: [ { id: second, url: '{second}/v2' } ]\n";

#[test]
fn the_request_goes_to_the_base_url() {
    let (origin, second) = (hello(), hello());
    let sections = "inbound: [ { set-backend-service: { base-url: '{second}/v2' } } ]";
    assert_eq!(between(&open_api(sections), &origin, &second).get("/a/b?c").status, 200);
    assert_eq!(second.only_request().target, "/v2/a/b?c");
    assert!(origin.requests().is_empty());
}

#[test]
fn the_request_goes_to_the_backend_of_the_id() {
    let (origin, second) = (hello(), hello());
    let sections = "backend: [ { set-backend-service: { backend-id: second } }, forward-request ]";
    between(&format!("{BACKENDS}{}", open_api(sections)), &origin, &second).get("/a");
    assert_eq!(second.only_request().target, "/v2/a");
    assert!(origin.requests().is_empty());
}

#[test]
fn a_rewritten_path_follows_the_new_base_url() {
    let (origin, second) = (hello(), hello());
    let sections = "inbound:\n\
                    \x20 - rewrite-uri: { template: /x }\n\
                    \x20 - set-backend-service: { base-url: '{second}/v2' }\n";
    between(&open_api(sections), &origin, &second).get("/a");
    assert_eq!(second.only_request().target, "/v2/x");
}

#[test]
fn the_last_one_decides() {
    let (origin, second) = (hello(), hello());
    let sections = "inbound:\n\
                    \x20 - set-backend-service: { base-url: 'http://127.0.0.1:9' }\n\
                    \x20 - set-backend-service: { base-url: '{second}' }\n";
    between(&open_api(sections), &origin, &second).get("/a");
    assert_eq!(second.only_request().target, "/a");
}

#[test]
fn an_id_of_a_broader_scope_is_replaced_by_ids_only() {
    for (own, status) in [("base-url: '{origin}'", 500), ("backend-id: first", 200)] {
        let (origin, second) = (hello(), hello());
        let document = format!(
            "backends: [ {{ id: first, url: '{{origin}}' }}, {{ id: second, url: '{{second}}' }} ]\n\
             policies: {{ inbound: [ {{ set-backend-service: {{ backend-id: second }} }} ] }}\n{}",
            open_api(&format!("inbound: [ base, {{ set-backend-service: {{ {own} }} }} ]"))
        );
        assert_eq!(between(&document, &origin, &second).get("/").status, status, "{own}");
        assert!(second.requests().is_empty());
        assert_eq!(origin.requests().len(), usize::from(status == 200));
    }
}

#[test]
fn either_may_be_an_expression() {
    let (origin, second) = (hello(), hello());
    let sections = "inbound: [ { set-backend-service: { base-url: \"${request.headers['x-to']}\" } } ]";
    let gateway = between(&open_api(sections), &origin, &second);
    let ask = |to: &str| gateway.send(&Request::get("/a").header("x-to", to));
    assert_eq!(ask(&second.url()).status, 200);
    for to in ["", "nowhere", "ftp://a", "http://a/?b"] {
        assert_error(&ask(to), 500, "Internal server error");
    }

    let sections = "inbound: [ { set-backend-service: { backend-id: \"${request.headers['x-to']}\" } } ]";
    let gateway = between(&format!("{BACKENDS}{}", open_api(sections)), &origin, &second);
    let ask = |to: &str| gateway.send(&Request::get("/a").header("x-to", to));
    assert_eq!(ask("second").status, 200);
    assert_error(&ask("third"), 500, "Internal server error");
    assert_eq!(second.requests().len(), 2);
    assert!(origin.requests().is_empty());
}

#[test]
fn links_are_redirected_by_the_new_base_url() {
    let origin = hello();
    let second = Origin::start(|request| {
        let host = request.headers.get("host").unwrap_or_default();
        Response::new(200).header("content-type", "text/plain").body(format!("http://{host}/v2/next"))
    });
    let sections =
        "inbound: [ { set-backend-service: { base-url: '{second}/v2' } } ]\noutbound: [ redirect-content-urls ]";
    let gateway = between(&open_api(sections), &origin, &second);
    let text = gateway.get("/a").text().to_owned();
    assert!(text.starts_with("http://") && text.ends_with("/next"), "{text}");
    assert!(!text.contains("/v2"), "{text}");
}

#[test]
fn what_stands_behind_the_apis_path_follows_the_base_url() {
    let (origin, second) = (hello(), hello());
    for (base, target) in
        [("{second}", "/7%20a?b=%2F"), ("{second}/", "/7%20a?b=%2F"), ("{second}/v2/", "/v2/7%20a?b=%2F")]
    {
        let document = format!(
            "apis:\n  - id: orders\n    path: shop/orders\n    backend: '{{origin}}/v1'\n    subscription-required: false\n    \
             policies:\n      inbound: [ {{ set-backend-service: {{ base-url: '{base}' }} }} ]\n"
        );
        assert_eq!(between(&document, &origin, &second).get("/shop/orders/7%20a?b=%2F").status, 200);
        assert_eq!(second.requests().pop().unwrap().target, target, "{base}");
    }
    assert!(origin.requests().is_empty());
}

#[test]
fn a_later_section_decides_after_an_earlier_one() {
    let (origin, second) = (hello(), hello());
    let sections = "inbound: [ { set-backend-service: { base-url: '{origin}' } } ]\n\
                    backend: [ { set-backend-service: { backend-id: second } }, forward-request ]";
    between(&format!("{BACKENDS}{}", open_api(sections)), &origin, &second).get("/a");
    assert_eq!(second.only_request().target, "/v2/a");
    assert!(origin.requests().is_empty());
}

#[test]
fn within_one_scope_a_base_url_may_replace_an_id() {
    let (origin, second) = (hello(), hello());
    let sections = "inbound:\n\
                    \x20 - set-backend-service: { backend-id: second }\n\
                    \x20 - set-backend-service: { base-url: '{origin}/own' }\n";
    let gateway = between(&format!("{BACKENDS}{}", open_api(sections)), &origin, &second);
    assert_eq!(gateway.get("/a").status, 200);
    assert_eq!(origin.only_request().target, "/own/a");
    assert!(second.requests().is_empty());
}

#[test]
fn the_host_is_that_of_the_new_backend() {
    let (origin, second) = (hello(), hello());
    let sections = "inbound: [ { set-backend-service: { base-url: '{second}' } } ]";
    between(&open_api(sections), &origin, &second).send(&Request::get("/").header("host", "api.example"));
    assert_eq!(second.only_request().headers.all("host"), [second.address().to_string()]);
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    refused(
        "inbound",
        &[
            ("set-backend-service: §{}", "`base-url` or `backend-id` is missing"),
            ("set-backend-service: { base-url: 'http://a', backend-id: §b }", "`base-url` says it already"),
            ("set-backend-service: { base-url: §a.example }", "`http://` or `https://`"),
            ("set-backend-service: { base-url: §'http://a?b' }", "without query"),
            ("set-backend-service: { backend-id: §'' }", "the id is empty"),
            ("set-backend-service: { backend-id: §secnod }", "unknown backend `secnod`; there are none"),
            ("set-backend-service: { base-url: 'http://a', §sf-partition-key: b }", "unknown key `sf-partition-key`"),
            ("set-backend-service: { base-url: 'http://a', §dapr-app-id: b }", "unknown key `dapr-app-id`"),
        ],
    );
    let statement = "§set-backend-service: { base-url: 'http://a' }";
    refused("outbound", &[(statement, "can't stand in the section `outbound`")]);
}
