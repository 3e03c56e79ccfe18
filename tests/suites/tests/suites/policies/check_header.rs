//! `check-header`: refuse requests that lack a header, or whose value isn't one of those allowed.

use super::*;

fn checking(config: &str) -> Served<Origin> {
    let config = format!("{{ name: X-Plan, failed-check-httpcode: 401, {config} }}");
    serve(&open_api(&format!("inbound: [ {{ check-header: {config} }} ]")), hello())
}

fn plan(value: impl AsRef<[u8]>) -> Request {
    Request::get("/").header("x-plan", value)
}

#[test]
fn a_missing_header_is_refused_with_the_configured_code_and_message() {
    let gateway = checking("failed-check-error-message: 'No \"plan\", no service.'");
    assert_error(&gateway.get("/"), 401, "No \"plan\", no service.");
    assert_eq!(logged_error(&gateway, 1), ("check-header".to_owned(), "HeaderNotFound".to_owned()));
    assert!(gateway.origin.requests().is_empty());
}

#[test]
fn without_a_message_the_refusal_names_the_header() {
    let gateway = checking("value: gold");
    assert_error(&gateway.get("/"), 401, "Header x-plan is missing.");
    assert_error(&gateway.send(&plan("silver")), 401, "The value of header x-plan is not allowed.");
}

#[test]
fn without_values_presence_is_enough() {
    let gateway = checking("ignore-case: true");
    for value in [b"".as_slice(), b"anything", b"\xff"] {
        assert_eq!(gateway.send(&plan(value)).status, 200, "{value:?}");
    }
    assert_eq!(gateway.send(&plan("a").header("X-PLAN", "b")).status, 200);
    assert_eq!(gateway.origin.requests().len(), 4);
}

#[test]
fn any_of_the_values_passes_and_nothing_else() {
    let gateway = checking("value: [gold, silver]");
    for (value, status) in [
        ("gold", 200),
        ("silver", 200),
        (" gold ", 200),
        ("Gold", 401),
        ("gold, silver", 401),
        ("goldsilver", 401),
        ("", 401),
    ] {
        assert_eq!(gateway.send(&plan(value)).status, status, "{value:?}");
    }
    assert_eq!(gateway.send(&plan("bronze")).status, 401);
    assert_eq!(logged_error(&gateway, 8).1, "HeaderValueNotAllowed");
}

#[test]
fn case_is_ignored_if_told() {
    let gateway = checking("value: [Gold, 'GRÜN'], ignore-case: true");
    for (value, status) in [("gOLD", 200), ("grÜn", 200), ("grün", 401)] {
        assert_eq!(gateway.send(&plan(value)).status, status, "{value}");
    }
}

#[test]
fn a_second_line_smuggles_nothing_past_the_check() {
    let gateway = checking("value: gold");
    for (first, second) in [("gold", "evil"), ("evil", "gold"), ("gold", "gold")] {
        assert_eq!(gateway.send(&plan(first).header("x-plan", second)).status, 401, "{first}, {second}");
    }
    assert!(gateway.origin.requests().is_empty());
}

#[test]
fn connection_can_not_remove_a_header_between_the_check_and_the_origin() {
    let gateway = checking("value: gold");
    let response = gateway.send(&plan("gold").header("connection", "x-plan"));
    // Named as hop-by-hop it is gone before it is looked at, for both.
    let checked = (response.status, gateway.origin.requests().len());
    assert!(checked == (401, 0) || gateway.origin.only_request().headers.all("x-plan") == ["gold"], "{checked:?}");
}

#[test]
fn all_of_it_may_be_expressions() {
    let config = "{ name: \"${request.query['name']}\", failed-check-httpcode: \"${int(request.query['code'])}\", \
                  failed-check-error-message: \"No ${request.query['name']}.\", ignore-case: \"${request.query['lax'] == '1'}\", \
                  value: [ gold, \"${request.query['plan']}\" ] }";
    let gateway = serve(&open_api(&format!("inbound: [ {{ check-header: {config} }} ]")), hello());
    let ask = |query: &str, plan: &str| {
        gateway.send(&Request::get(&format!("/?name=X-Plan&plan=silver&{query}")).header("x-plan", plan))
    };
    assert_eq!(ask("code=402&lax=1", "SILVER").status, 200);
    assert_error(&ask("code=402&lax=0", "SILVER"), 402, "No X-Plan.");
    assert_error(&ask("code=200&lax=0", "SILVER"), 500, "Internal server error.");
    assert_error(&gateway.get("/?name=a%20b&code=402&lax=0&plan=a"), 500, "Internal server error.");
}

#[test]
fn what_an_expression_gives_has_to_be_usable() {
    for (config, query) in [
        ("name: \"${request.query['v']}\", failed-check-httpcode: 401", "a%20b"),
        ("name: \"${request.query['v']}\", failed-check-httpcode: 401", ""),
        ("name: x-none, failed-check-httpcode: \"${int(request.query['v'])}\"", "399"),
        ("name: x-none, failed-check-httpcode: \"${int(request.query['v'])}\"", "600"),
        ("name: x-none, failed-check-httpcode: \"${request.query['v']}\"", "many"),
        ("name: x-none, failed-check-httpcode: 401, failed-check-error-message: \"${json(request.query['v'])}\"", "x"),
        ("name: x-plan, failed-check-httpcode: 401, value: lead, ignore-case: \"${request.query['v']}\"", "maybe"),
        ("name: x-plan, failed-check-httpcode: 401, value: [ lead, \"${json(request.query['v'])}\" ]", "x"),
    ] {
        let gateway = serve(&open_api(&format!("inbound: [ {{ check-header: {{ {config} }} }} ]")), hello());
        let response = gateway.send(&Request::get(&format!("/?v={query}")).header("x-plan", "gold"));
        assert_error(&response, 500, "Internal server error.");
        let error = ("check-header".to_owned(), "ExpressionValueEvaluationFailure".to_owned());
        assert_eq!(logged_error(&gateway, 1), error, "{config}");
        assert!(gateway.origin.requests().is_empty(), "{config}");
    }
}

#[test]
fn host_is_what_the_client_addressed() {
    let sections =
        "inbound: [ { check-header: { name: Host, failed-check-httpcode: 421, value: [ 'api.example:81' ] } } ]";
    let gateway = serve(&open_api(sections), hello());
    assert_eq!(gateway.send(&Request::get("/").header("host", "api.example:81")).status, 200);
    let refused = gateway.send(&Request::get("/").header("host", "other.example"));
    assert_error(&refused, 421, "The value of header host is not allowed.");
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    refused(
        "inbound",
        &[
            ("check-header: §{ failed-check-httpcode: 400 }", "name"),
            ("check-header: §{ name: x }", "failed-check-httpcode"),
            ("check-header: { name: x, failed-check-httpcode: §200 }", "minimum of 400"),
            ("check-header: { name: x, failed-check-httpcode: §600 }", "maximum of 599"),
            ("check-header: { name: §'a b', failed-check-httpcode: 400 }", "value does not match"),
            ("check-header: { name: x, failed-check-httpcode: 400, ignore-case: §'yes' }", "boolean"),
            ("check-header: { name: x, failed-check-httpcode: 400, value: §[] }", "1 item"),
            ("check-header: { name: x, failed-check-httpcode: 400, §values: a }", "did you mean `value`?"),
        ],
    );
    let statement = "§check-header: { name: x, failed-check-httpcode: 400 }";
    refused("outbound", &[(statement, "can't stand in the section `outbound`")]);
}
