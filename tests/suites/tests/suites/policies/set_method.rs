//! `set-method`: forward the request with another method.

use super::*;

#[test]
fn the_origin_sees_the_method_and_all_else_as_it_was() {
    for statement in ["set-method: PUT", "set-method: { method: PUT }"] {
        let origin = hello();
        let gateway = serve(&open_api(&format!("inbound: [ {{ {statement} }} ]")), &origin);
        gateway.send(&Request::post("/a?b=c", "body").header("x-a", "1"));
        let seen = origin.only_request();
        assert_eq!((seen.method.as_str(), seen.target.as_str(), seen.text()), ("PUT", "/a?b=c", "body"));
        assert_eq!(seen.headers.all("x-a"), ["1"]);
    }
}

#[test]
fn the_route_stays_as_it_was_matched() {
    let origin = hello();
    let yaml = "apis:\n  - id: a\n    path: ''\n    backend: {origin}\n    subscription-required: false\n    \
                operations: [ { id: put, method: PUT, url: /x } ]\n    policies:\n      inbound: [ { set-method: PATCH } ]\n";
    let gateway = serve(yaml, &origin);
    assert_eq!(gateway.send(&Request::new("PUT", "/x")).status, 200);
    assert_eq!(gateway.send(&Request::new("PATCH", "/x")).status, 404);
    assert_eq!(origin.only_request().method, "PATCH");
}

#[test]
fn later_statements_see_it() {
    let origin = hello();
    let sections =
        "inbound: [ { set-method: PURGE }, { set-header: { name: x-method, value: \"${request.method}\" } } ]";
    serve(&open_api(sections), &origin).get("/");
    assert_eq!(origin.only_request().headers.all("x-method"), ["PURGE"]);
}

#[test]
fn an_expression_may_give_it() {
    for config in ["\"${request.headers['x-method']}\"", "{ method: \"${request.headers['x-method']}\" }"] {
        let origin = hello();
        let sections = format!("backend: [ {{ set-method: {config} }}, forward-request ]");
        let gateway = serve(&open_api(&sections), &origin);
        assert_eq!(gateway.send(&Request::get("/").header("x-method", "DELETE")).status, 200);
        assert_eq!(origin.only_request().method, "DELETE");
        assert_error(&gateway.send(&Request::get("/").header("x-method", "a b")), 500, "Internal server error");
        assert_error(&gateway.get("/"), 500, "Internal server error");
        assert_eq!(origin.requests().len(), 1);
    }
}

#[test]
fn a_method_that_changes_whether_there_is_a_body_disturbs_no_connection() {
    for (method, client, body) in [("HEAD", "GET", ""), ("GET", "HEAD", "")] {
        let origin = hello();
        let gateway = serve(&open_api(&format!("inbound: [ {{ set-method: {method} }} ]")), &origin);
        let mut connection = gateway.client();
        for round in 1..=3 {
            let response = connection.send(&Request::new(client, "/"));
            assert_eq!((response.status, response.text()), (200, body), "{client} as {method}");
            assert_eq!(origin.requests().len(), round);
        }
        assert_eq!(connection.connections_opened(), 1, "{client} as {method}");
        assert!(origin.requests().iter().all(|seen| seen.method == method));
    }
}

#[test]
fn any_token_is_a_method_in_its_own_case() {
    for method in ["patch", "M-SEARCH", "X_!~"] {
        let origin = hello();
        serve(&open_api(&format!("inbound: [ {{ set-method: '{method}' }} ]")), &origin).get("/");
        assert_eq!(origin.only_request().method, method);
    }
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    refused(
        "inbound",
        &[
            ("set-method: §'a b'", "`a b` is no method"),
            ("set-method: { method: §'' }", "`` is no method"),
            ("set-method: §5", ""),
            ("set-method: §{ methods: GET }", ""),
        ],
    );
    refused("outbound", &[("§set-method: GET", "can't stand in the section `outbound`")]);
}
