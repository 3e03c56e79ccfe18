//! `set-status`: answer with another status.

use super::*;

fn outbound(config: &str) -> Served<Origin> {
    let origin = Origin::start(|_| Response::new(500).header("x-a", "1").body("hello"));
    serve(&open_api(&format!("outbound: [ {{ set-status: {config} }} ]")), origin)
}

#[test]
fn the_client_gets_the_status_and_all_else_as_it_was() {
    let response = outbound("{ code: 203 }").get("/");
    assert_eq!((response.status, response.text()), (203, "hello"));
    assert_eq!(response.headers.all("x-a"), ["1"]);
}

#[test]
fn the_reason_phrase_may_be_ones_own() {
    for (config, reason) in [
        ("{ code: 404 }", "Not Found"),
        ("{ code: 404, reason: '' }", "Not Found"),
        ("{ code: 404, reason: Nothing Here }", "Nothing Here"),
    ] {
        assert_eq!(outbound(config).get("/").reason, reason, "{config}");
    }
}

#[test]
fn later_statements_see_it() {
    let sections = "outbound:\n\
                    \x20 - set-status: { code: 202 }\n\
                    \x20 - set-header: { name: x-status, value: \"${response.status}\" }\n";
    let response = serve(&open_api(sections), hello()).get("/");
    assert_eq!((response.status, response.headers.all("x-status")), (202, vec!["202"]));
}

#[test]
fn in_on_error_it_changes_what_the_client_is_told() {
    let sections = "inbound: [ { check-header: { name: x-plan, failed-check-httpcode: 401 } } ]\n\
                    on-error: [ { set-status: { code: 404 } } ]";
    let gateway = serve(&open_api(sections), hello());
    assert_eq!(gateway.get("/").status, 404);
    assert_eq!(logged_error(&gateway, 1), ("check-header".to_owned(), "HeaderNotFound".to_owned()));
}

#[test]
fn both_may_be_expressions() {
    let config = "{ code: \"${request.headers['x-code']}\", reason: \"${request.headers['x-reason']}\" }";
    let gateway = outbound(config);
    let ask = |code: &str| gateway.send(&Request::get("/").header("x-code", code).header("x-reason", "Mine"));
    let response = ask("299");
    assert_eq!((response.status, response.reason.as_str()), (299, "Mine"));
    for code in ["199", "600", "many", ""] {
        assert_error(&ask(code), 500, "Internal server error.");
    }
    let gateway = outbound("{ code: 200, reason: \"${'a\\\\nb'}\" }");
    assert_error(&gateway.get("/"), 500, "Internal server error");
}

#[test]
fn a_status_without_a_body_disturbs_no_connection() {
    for status in [204, 304] {
        let gateway = outbound(&format!("{{ code: {status} }}"));
        let mut client = gateway.client();
        for _ in 0..3 {
            let response = client.get("/");
            assert_eq!((response.status, response.text()), (status, ""), "{response:?}");
            assert_eq!(response.headers.all("x-a"), ["1"]);
        }
    }
}

#[test]
fn in_on_error_the_body_stays_what_it_was() {
    let sections = "inbound: [ { check-header: { name: x-plan, failed-check-httpcode: 401 } } ]\n\
                    on-error: [ { set-status: { code: 418, reason: Teapot } } ]";
    let response = serve(&open_api(sections), hello()).get("/");
    assert_eq!((response.status, response.reason.as_str()), (418, "Teapot"));
    assert_eq!(response.text(), "{ \"statusCode\": 401, \"message\": \"Header x-plan is missing.\" }");
}

#[test]
fn a_status_without_a_body_has_none() {
    for code in [204, 205, 304] {
        let gateway = serve(&open_api(&format!("outbound: [ {{ set-status: {{ code: {code} }} }} ]")), hello());
        for _ in 0..2 {
            let response = gateway.get("/");
            assert_eq!((response.status, response.text()), (code, ""));
        }
    }
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    for section in ["outbound", "on-error"] {
        refused(
            section,
            &[
                ("set-status: §{ reason: x }", "code"),
                ("set-status: { code: §199 }", "minimum of 200"),
                ("set-status: { code: §600 }", "maximum of 599"),
                ("set-status: { code: §'200' }", "integer"),
                ("set-status: { code: 200, reason: §\"a\\nb\" }", "control characters"),
                ("set-status: { code: 200, §phrase: x }", "unknown key `phrase`"),
            ],
        );
    }
    refused("inbound", &[("§set-status: { code: 200 }", "can't stand in the section `inbound`")]);
}
