//! `send-request`: ask somebody else, and put the response into a variable.

use super::*;
use std::time::Duration;
use tollgate_harness::Answer;

/// A gateway with `{second}` in its document for whoever is asked.
fn between(sections: &str, origin: &Origin, second: &Origin) -> Gateway {
    Gateway::with(&open_api(sections)).origin(origin).value("second", &second.url()).start()
}

/// Asks with these children, and answers with an expression on `variables.answer`.
fn asking(children: &str, expression: &str) -> String {
    format!(
        "inbound:\n  - send-request: {{ response-variable-name: answer, {children} }}\n  \
         - return-response: {{ body: \"${{{expression}}}\" }}\n"
    )
}

#[track_caller]
fn answered(children: &str, expression: &str, second: &Origin) -> Response {
    between(&asking(children, expression), &hello(), second).get("/orders?x=1")
}

const URL: &str = "set-url: '{second}/ask?y=2'";

#[test]
fn the_response_is_a_map() {
    let second = Origin::start(|_| {
        Response::new(201).header("X-A", "1").header("x-a", "2").header("content-type", "text/plain").body("héllo")
    });
    for (expression, text) in [
        ("variables.answer.status + 1", "202"),
        ("variables.answer.reason", "Created"),
        ("variables.answer.headers['x-a']", "1, 2"),
        ("variables.answer.headers['content-type']", "text/plain"),
        ("'etag' in variables.answer.headers", "false"),
        ("variables.answer.body", "héllo"),
        ("has(variables.answer.body_base64)", "false"),
    ] {
        assert_eq!(answered(URL, expression, &second).text(), text, "{expression}");
    }
    assert_eq!(second.requests().len(), 7);
    let asked = second.requests().remove(0);
    assert_eq!((asked.method.as_str(), asked.target.as_str(), asked.body.len()), ("GET", "/ask?y=2", 0));
}

#[test]
fn a_body_that_is_no_text_is_in_base64() {
    let second = Origin::start(|_| Response::new(200).body(b"\xff\x00".to_vec()));
    assert_eq!(answered(URL, "variables.answer.body_base64", &second).text(), "/wA=");
}

#[test]
fn the_children_make_the_request() {
    let second = hello();
    let children = format!(
        "{URL}, set-method: POST, set-body: \"for ${{request.path}}\", \
         set-header: [ {{ name: X-A, value: \"${{request.query['x']}}\" }}, {{ name: x-b, value: [c, d] }} ], \
         authentication-basic: {{ username: a, password: \"${{'b'}}\" }}"
    );
    answered(&children, "variables.answer.status", &second);
    let asked = second.only_request();
    assert_eq!((asked.method.as_str(), asked.text()), ("POST", "for /orders"));
    assert_eq!(asked.headers.all("x-a"), ["1"]);
    assert_eq!(asked.headers.all("x-b"), ["c, d"]);
    assert_eq!(asked.headers.all("authorization"), ["Basic YTpi"]);
    assert!(!asked.headers.has("x-client"));
}

const TEMPLATE: &str = "set-method: POST, set-body: { template: liquid, value: '{{ context.Request.Method }} {{ body.id }} \
                        {{ body.message }}' }";

fn in_section(section: &str, more: &str) -> String {
    format!("{section}:\n  - send-request: {{ response-variable-name: answer, {URL}, {TEMPLATE}{more} }}\n")
}

#[test]
fn a_template_sees_the_body_of_the_exchanges_message() {
    let json = |body: &str| Request::post("/orders", body).header("content-type", "application/json");
    let second = hello();
    let origin = Origin::start(|_| Response::new(200).header("content-type", "text/xml").body("<id>8</id>"));
    between(&in_section("inbound", ""), &origin, &second).send(&json(r#"{"id":7}"#));
    assert_eq!(origin.only_request().text(), r#"{"id":7}"#, "the client's body still reaches the origin");
    // That of the client, and not the copy's, which it replaces.
    between(&in_section("inbound", ", mode: copy"), &origin, &second).send(&json(r#"{"id":9}"#));
    let outbound = in_section("outbound", "").replace("body.id", "body");
    assert_eq!(between(&outbound, &origin, &second).get("/").text(), "<id>8</id>");
    let refusing = format!(
        "inbound: [ {{ check-header: {{ name: x-plan, failed-check-httpcode: 401, failed-check-error-message: no plan }} }} ]\n{}",
        in_section("on-error", "")
    );
    assert_eq!(between(&refusing, &origin, &second).get("/").status, 401);
    let told: Vec<String> = second.requests().iter().map(|request| request.text().to_owned()).collect();
    assert_eq!(told, ["POST 7 ", "POST 9 ", "GET {\"id\":\"8\"} ", "GET  no plan"]);
}

#[test]
fn only_a_template_that_names_the_body_has_it_buffered() {
    let second = hello();
    let large = Request::post("/", vec![b'x'; 17 << 20]).header("content-type", "application/json");
    let origin = hello();
    let template = in_section("inbound", "");
    assert_eq!(between(&template, &origin, &second).send(&large).status, 413);
    assert!(second.requests().is_empty() && origin.requests().is_empty());
    let without = template.replace("{{ body.id }}", "").replace("{{ body.message }}", "");
    assert_eq!(between(&without, &origin, &second).send(&large).status, 200);
    assert_eq!(second.only_request().text().trim(), "POST");
    assert_eq!(origin.only_request().body.len(), 17 << 20);
}

#[test]
fn a_body_that_a_template_cannot_read_is_refused() {
    let (origin, second) = (hello(), hello());
    let gateway = between(&in_section("inbound", ", ignore-error: true"), &origin, &second);
    let post = |body: &str| Request::post("/", body).header("content-type", "application/json");
    assert_error(&gateway.send(&post("{")), 400, "The request body isn't JSON (line 1, column 1).");
    assert_eq!(gateway.send(&post("{}").header("content-encoding", "gzip")).status, 415);
    assert!(second.requests().is_empty() && origin.requests().is_empty());
    let origin = Origin::start(|_| Response::new(200).header("content-type", "application/json").body("{"));
    let gateway = between(&in_section("outbound", ""), &origin, &second);
    assert_error(&gateway.get("/"), 502, "The response of the origin can't be converted.");
}

#[test]
fn any_status_is_a_response_unless_told_otherwise() {
    let second = Origin::start(|_| Response::new(503).header("location", "/elsewhere").body("closed"));
    assert_eq!(answered(URL, "variables.answer.status", &second).text(), "503");
    let children = format!("{URL}, fail-on-error-status-code: true");
    let gateway = between(&asking(&children, "1"), &hello(), &second);
    assert_error(&gateway.get("/"), 500, "Internal server error.");
    assert_eq!(logged_error(&gateway, 1), ("send-request".into(), "ErrorStatusCode".into()));
    assert_eq!(
        answered(&format!("{children}, ignore-error: true"), "variables.answer == null", &second).text(),
        "true"
    );
}

#[test]
fn redirects_are_not_followed() {
    let second = Origin::start(|_| Response::new(302).header("location", "/elsewhere"));
    assert_eq!(answered(URL, "variables.answer.headers.location", &second).text(), "/elsewhere");
    assert_eq!(second.only_request().target, "/ask?y=2");
}

#[test]
fn a_copy_is_the_clients_request() {
    let second = hello();
    let sections = "inbound:\n\
                    \x20 - set-header: { name: x-edited, value: 'yes' }\n\
                    \x20 - send-request: { mode: copy, response-variable-name: answer, set-url: '{second}/ask', \
                    set-header: { name: x-drop, exists-action: delete } }\n";
    let origin = hello();
    let gateway = between(sections, &origin, &second);
    let request = Request::post("/orders", "the body")
        .header("x-client", "1")
        .header("x-client", "2")
        .header("x-drop", "1")
        .header("te", "trailers")
        .header("connection", "x-hop")
        .header("x-hop", "1");
    assert_eq!(gateway.send(&request).text(), "hello");
    let asked = second.only_request();
    assert_eq!((asked.method.as_str(), asked.target.as_str(), asked.text()), ("POST", "/ask", "the body"));
    assert_eq!(asked.headers.all("x-client"), ["1", "2"]);
    assert_eq!(asked.headers.all("x-edited"), ["yes"]);
    for name in ["x-drop", "x-hop", "te"] {
        assert!(!asked.headers.has(name), "{name} is in {asked:?}");
    }
    assert!(second.url().ends_with(asked.headers.get("host").unwrap()));
    assert_eq!(origin.only_request().text(), "the body", "the client's body still reaches the origin");
}

#[test]
fn a_copy_without_a_url_goes_to_the_requests_own_backend() {
    let origin = hello();
    let yaml = "apis:\n  - id: orders\n    path: shop/orders\n    backend: {origin}/v1\n    subscription-required: false\n    \
                policies:\n      inbound: [ { send-request: { mode: copy, response-variable-name: answer } } ]\n";
    let gateway = Gateway::with(yaml).origin(&origin).start();
    gateway.get("/shop/orders/7%20a?x=1&y=%2F");
    let targets: Vec<String> = origin.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(targets, ["/v1/7%20a?x=1&y=%2F", "/v1/7%20a?x=1&y=%2F"]);
}

#[test]
fn a_copy_in_outbound_has_no_body() {
    let second = hello();
    let sections =
        "outbound: [ { send-request: { mode: copy, response-variable-name: answer, set-url: '{second}/' } } ]";
    let origin = hello();
    let gateway = between(sections, &origin, &second);
    gateway.send(&Request::post("/", "the body").header("x-client", "1"));
    let asked = second.only_request();
    assert_eq!((asked.method.as_str(), asked.text(), asked.headers.get("x-client")), ("POST", "", Some("1")));
}

#[test]
fn no_connection_fails_the_request_and_tells_the_client_nothing() {
    let gateway = between(&asking(URL, "1"), &hello(), &Origin::refusing());
    assert_error(&gateway.get("/"), 500, "Internal server error.");
    assert_eq!(logged_error(&gateway, 1), ("send-request".into(), "BackendConnectionFailure".into()));
}

#[test]
fn an_answer_that_breaks_off_is_none() {
    let second = Origin::start(|_| Answer::close_in_body(Response::new(200).body("hello"), 2));
    let gateway = between(&asking(URL, "1"), &hello(), &second);
    assert_error(&gateway.get("/"), 500, "Internal server error.");
    assert_eq!(logged_error(&gateway, 1), ("send-request".into(), "BackendConnectionFailure".into()));
}

#[test]
fn a_slow_answer_is_a_time_out() {
    let second = Origin::start(|_| Answer::stall());
    for timeout in ["timeout-ms: 100", "timeout: 0.1", "timeout: \"${0.1}\""] {
        let gateway = between(&asking(&format!("{URL}, {timeout}"), "1"), &hello(), &second);
        assert_error(&gateway.get("/"), 500, "Internal server error.");
        assert_eq!(logged_error(&gateway, 1), ("send-request".into(), "Timeout".into()));
    }
}

#[test]
fn waiting_is_not_working() {
    let second = Origin::start(|_| {
        std::thread::sleep(Duration::from_millis(900));
        Response::new(200).body("late")
    });
    assert_eq!(answered(URL, "variables.answer.body", &second).text(), "late", "the statement's deadline is 500 ms");
}

#[test]
fn ignored_errors_leave_null() {
    let children = format!("{URL}, ignore-error: true");
    for second in [Origin::refusing(), Origin::start(|_| Answer::close())] {
        assert_eq!(answered(&children, "variables.answer == null", &second).text(), "true");
    }
}

#[test]
fn an_expression_that_fails_is_an_error_even_if_errors_are_ignored() {
    let second = hello();
    let children = "ignore-error: true, set-url: \"{second}/${json(request.path)}\"";
    assert_error(&answered(children, "1", &second), 500, "Internal server error.");
    assert!(second.requests().is_empty());
}

#[test]
fn every_section_can_ask() {
    let second = hello();
    let ask =
        |name: &str| format!("{{ send-request: {{ response-variable-name: answer, set-url: '{{second}}/{name}' }} }}");
    let sections = format!(
        "inbound: [ {}, {{ check-header: {{ name: x-plan, failed-check-httpcode: 402 }} }} ]\n\
         backend: [ {}, forward-request ]\noutbound: [ {} ]\non-error: [ {} ]",
        ask("inbound"),
        ask("backend"),
        ask("outbound"),
        ask("on-error")
    );
    let origin = hello();
    let gateway = between(&sections, &origin, &second);
    assert_eq!(gateway.send(&Request::get("/").header("x-plan", "gold")).text(), "hello");
    assert_error(&gateway.get("/"), 402, "Header x-plan is missing.");
    let targets: Vec<String> = second.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(targets, ["/inbound", "/backend", "/outbound", "/inbound", "/on-error"]);
}

#[test]
fn only_400_and_above_are_errors_if_statuses_are() {
    let children = format!("{URL}, fail-on-error-status-code: true");
    for (status, fails) in [(399, false), (400, true), (599, true)] {
        let second = Origin::start(move |_| Response::new(status));
        let response = answered(&children, "variables.answer.status", &second);
        assert_eq!((response.status == 500, response.text() == status.to_string()), (fails, !fails), "{status}");
    }
}

#[test]
fn the_gateways_own_headers_are_not_copied() {
    let second = hello();
    let sections = "inbound: [ { send-request: { mode: copy, response-variable-name: a, set-url: '{second}/' } } ]";
    let origin = hello();
    let gateway = between(sections, &origin, &second);
    let request = Request::new("POST", "/")
        .header("transfer-encoding", "chunked")
        .header("expect", "100-continue")
        .header("keep-alive", "timeout=5")
        .header("proxy-authorization", "Basic eA==")
        .header("connection", "keep-alive")
        .body("3\r\nabc\r\n0\r\n\r\n");
    assert_eq!(gateway.send(&request).status, 200);
    let asked = second.only_request();
    assert_eq!((asked.text(), asked.headers.all("content-length")), ("abc", vec!["3"]));
    for name in ["transfer-encoding", "expect", "keep-alive", "proxy-authorization"] {
        assert!(!asked.headers.has(name), "{name} is in {asked:?}");
    }
    assert_eq!(asked.headers.all("host"), [second.address().to_string()]);
}

#[test]
fn a_copys_body_may_have_16_mebibytes_unless_there_is_another() {
    let second = hello();
    let origin = Origin::start(|request| Response::new(200).body(request.body.len().to_string()));
    let large = || Request::post("/", vec![b'x'; (16 << 20) + 1]);
    let copy = |more: &str| {
        let sections = format!(
            "inbound: [ {{ send-request: {{ mode: copy, response-variable-name: a, set-url: '{{second}}/'{more} }} }} ]"
        );
        between(&sections, &origin, &second).send(&large())
    };
    let refused = copy("");
    assert_eq!(refused.status, 413, "{refused:?}");
    assert!(second.requests().is_empty());
    assert_eq!(copy(", set-body: small").text(), ((16 << 20) + 1).to_string());
    assert_eq!(second.only_request().text(), "small");
}

#[test]
fn a_response_that_is_too_large_for_a_variable_is_none() {
    let second = Origin::start(|_| Response::new(200).body(vec![b'x'; 270_000]));
    let gateway = between(&asking(URL, "1"), &hello(), &second);
    assert_eq!(gateway.get("/").status, 500);
    let children = format!("{URL}, ignore-error: true");
    assert_eq!(answered(&children, "variables.answer == null", &second).text(), "true");
}

#[test]
fn an_origin_that_an_expression_gives_has_to_be_granted() {
    let (origin, second) = (hello(), hello());
    let sections = asking("set-url: \"${request.headers['x-url']}\"", "variables.answer.status");
    let ask = |gateway: &Gateway| gateway.send(&Request::get("/").header("x-url", format!("{}/a", second.url())));
    let closed = between(&sections, &origin, &second);
    assert_error(&ask(&closed), 500, "Internal server error.");
    assert_eq!(logged_error(&closed, 1), ("send-request".into(), "BackendConnectionFailure".into()));
    assert!(second.requests().is_empty());
    let document = format!("egress: [ '{{second}}' ]\n{}", open_api(&sections));
    let open = Gateway::with(&document).origin(&origin).value("second", &second.url()).start();
    assert_eq!(ask(&open).text(), "200");
    for url in ["", "nowhere", "ftp://a.example/", "/relative"] {
        let response = open.send(&Request::get("/").header("x-url", url));
        assert_eq!(response.status, 500, "{url}");
    }
}

#[test]
fn a_timeout_that_an_expression_gives_is_brought_into_its_range() {
    let silent = Origin::start(|_| Answer::stall());
    for timeout in ["timeout: \"${0}\"", "timeout: \"${-5.5}\"", "timeout-ms: \"${0}\""] {
        let gateway = between(&asking(&format!("{URL}, {timeout}"), "1"), &hello(), &silent);
        assert_error(&gateway.get("/"), 500, "Internal server error.");
        assert_eq!(logged_error(&gateway, 1).1, "Timeout", "{timeout}");
    }
    let children = format!("{URL}, timeout: \"${{1000000}}\"");
    assert_eq!(answered(&children, "variables.answer.status", &hello()).text(), "200");
}

#[test]
fn what_happened_is_in_the_log() {
    let gateway = between(&asking(URL, "1"), &hello(), &Origin::refusing());
    gateway.get("/");
    gateway.wait_for_log("the connection was refused");
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    let request = |more: &str| format!("send-request: {{ response-variable-name: a, {more} }}");
    let url = "set-url: 'http://a.example'";
    let with_url = |more: &str| request(&format!("{url}, {more}"));
    let cases = [
        (format!("send-request: §{{ {url} }}"), "response-variable-name"),
        ("send-request: §{ response-variable-name: a }".into(), "`set-url` is missing"),
        (request("set-url: §/relative"), "an absolute URL"),
        (with_url("set-method: §a b"), "this is no method"),
        (with_url("mode: §move"), "copy"),
        (with_url("timeout: §0"), "at most 240 seconds"),
        (with_url("timeout: §300"), "at most 240 seconds"),
        (with_url("timeout: 1, timeout-ms: §1"), "`timeout` says it already"),
        (with_url("set-header: { name: §Host, value: x }"), "`host` belongs to the gateway"),
        (with_url("set-header: [ §{ name: x } ]"), "`value` is missing"),
        (with_url("timeout-ms: §240001"), "at most 240 seconds"),
        (with_url("ignore-error: §\"${true}\""), "an expression can't stand here"),
        (with_url("§proxy: { url: 'http://p' }"), "unknown key `proxy`"),
        (format!("send-request: {{ response-variable-name: §'', {url} }}"), "1 char"),
        (with_url("authentication-basic: { username: §'a:b', password: c }"), "can't hold a colon"),
    ];
    let cases: Vec<(&str, &str)> = cases.iter().map(|(statement, words)| (statement.as_str(), *words)).collect();
    for section in ["inbound", "outbound", "on-error"] {
        refused(section, &cases);
    }
}
