//! `authentication-basic`: tell the backend a user name and a password.

use super::*;

fn with(config: &str) -> String {
    open_api(&format!("inbound: [ {{ authentication-basic: {config} }} ]"))
}

#[test]
fn the_backend_is_told_name_and_password() {
    let origin = hello();
    let gateway = serve(&with("{ username: Aladdin, password: open sesame }"), &origin);
    assert_eq!(gateway.get("/").status, 200);
    assert_eq!(origin.only_request().headers.all("authorization"), ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]);
}

#[test]
fn names_and_passwords_are_utf_8() {
    let origin = hello();
    serve(&with("{ username: test, password: '123£' }"), &origin).get("/");
    assert_eq!(origin.only_request().headers.all("authorization"), ["Basic dGVzdDoxMjPCow=="]);
}

#[test]
fn what_the_client_sent_is_replaced_and_later_statements_see_it() {
    let origin = hello();
    let sections = "inbound:\n  - authentication-basic: { username: a, password: b }\n  \
                    - check-header: { name: Authorization, failed-check-httpcode: 401, value: Basic YTpi }\n";
    let gateway = serve(&open_api(sections), &origin);
    assert_eq!(gateway.send(&Request::get("/").header("authorization", "Bearer x")).status, 200);
    assert_eq!(origin.only_request().headers.all("authorization"), ["Basic YTpi"]);
}

#[test]
fn name_and_password_can_be_computed() {
    let origin = hello();
    let config = r#"{ username: "${request.headers['x-user']}", password: "p-${request.headers['x-user']}" }"#;
    let gateway = serve(&with(config), &origin);
    assert_eq!(gateway.send(&Request::get("/").header("x-user", "a")).status, 200);
    assert_eq!(origin.only_request().headers.all("authorization"), ["Basic YTpwLWE="]);
}

#[test]
fn a_computed_name_with_a_colon_is_not_sent() {
    let origin = hello();
    let config = r#"{ username: "${request.headers['x-user']}", password: p }"#;
    let gateway = serve(&with(config), &origin);
    let response = gateway.send(&Request::get("/").header("x-user", "a:b"));
    assert_error(&response, 500, "Internal server error");
    assert!(origin.requests().is_empty());
}

#[test]
fn of_several_lines_that_the_client_sent_none_is_left() {
    let origin = hello();
    let request = Request::get("/").header("authorization", "Bearer x").header("Authorization", "Basic eDp5");
    serve(&with("{ username: a, password: '' }"), &origin).send(&request);
    assert_eq!(origin.only_request().headers.all("authorization"), ["Basic YTo="]);
}

#[test]
fn what_checks_the_clients_own_stands_before_it() {
    let origin = hello();
    let sections = "inbound:\n  \
                    - check-header: { name: Authorization, failed-check-httpcode: 401, value: Bearer x }\n  \
                    - authentication-basic: { username: a, password: b }\n";
    let gateway = serve(&open_api(sections), &origin);
    assert_eq!(gateway.send(&Request::get("/").header("authorization", "Bearer x")).status, 200);
    assert_eq!(gateway.get("/").status, 401);
    assert_eq!(origin.only_request().headers.all("authorization"), ["Basic YTpi"]);
}

#[test]
fn an_expression_that_fails_sends_nothing() {
    let origin = hello();
    for config in
        ["{ username: a, password: \"${json(request.path)}\" }", "{ username: \"${json(request.path)}\", password: b }"]
    {
        let gateway = serve(&with(config), &origin);
        assert_error(&gateway.get("/"), 500, "Internal server error.");
        let error = ("authentication-basic".to_owned(), "ExpressionValueEvaluationFailure".to_owned());
        assert_eq!(logged_error(&gateway, 1), error);
    }
    assert!(origin.requests().is_empty());
}

#[test]
fn it_stands_once_and_in_inbound_only() {
    let statement = "authentication-basic: { username: a, password: b }";
    refused("outbound", &[(&format!("§{statement}"), "can't stand in the section `outbound`")]);
    refused("backend", &[(&format!("§{statement}"), "can't stand in the section `backend`")]);
    let twice = open_api(&format!("inbound: [ {{ {statement} }}, {{ {statement} }} ]"));
    let outcome = Gateway::with(&twice).value("origin", "http://127.0.0.1:9").check();
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    assert!(outcome.stderr.contains("once"), "{outcome:#?}");
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    refused(
        "inbound",
        &[
            ("authentication-basic: §{ username: a }", "password"),
            ("authentication-basic: { username: §'a:b', password: c }", "a user name can't hold a colon"),
        ],
    );
}
