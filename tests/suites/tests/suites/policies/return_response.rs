//! `return-response`: stop, and answer with a response from the configuration.

use super::*;

fn answering(config: &str) -> Served<Origin> {
    serve(&open_api(&format!("inbound: [ {{ return-response: {config} }} ]")), hello())
}

#[test]
fn nothing_said_means_an_empty_200() {
    let origin = hello();
    for entry in ["return-response", "{ return-response: {} }"] {
        let response = serve(&open_api(&format!("inbound: [ {entry} ]")), &origin).get("/");
        assert_eq!((response.status, response.reason.as_str(), response.text()), (200, "OK", ""));
        assert_eq!(response.headers.all("content-length"), ["0"]);
    }
    assert!(origin.requests().is_empty());
}

#[test]
fn both_ways_to_write_it_mean_the_same() {
    let long = "{ set-status: { code: 418, reason: Teapot }, set-body: 'short and stout', set-header: [ { name: \
                Content-Type, value: text/plain }, { name: x, value: [a, b] } ] }";
    let short = "{ status: 418, headers: { content-type: text/plain, X: [a, b] }, body: 'short and stout' }";
    for config in [long, short] {
        let gateway = answering(config);
        let response = gateway.get("/");
        assert_eq!((response.status, response.text()), (418, "short and stout"));
        assert_eq!(response.headers.all("content-type"), ["text/plain"]);
        assert_eq!(response.headers.all("x"), ["a, b"]);
        assert_eq!(response.headers.all("content-length"), ["15"]);
        assert_eq!(response.reason == "Teapot", config == long);
        assert!(gateway.origin.requests().is_empty());
    }
}

#[test]
fn it_stops_the_pipeline_neither_later_inbound_nor_outbound_nor_on_error_run() {
    let sections = "inbound:\n\
                    \x20 - rate-limit-by-key: { calls: 1, renewal-period: 60, counter-key: client-ip, remaining-calls-header-name: x-left }\n\
                    \x20   mode: observe\n\
                    \x20 - return-response: { status: 503, headers: { x-said: inbound } }\n\
                    \x20 - check-header: { name: x-plan, failed-check-httpcode: 400 }\n\
                    outbound: [ { set-header: { name: x-said, value: outbound } } ]\n\
                    on-error: [ { set-header: { name: x-said, value: on-error } } ]";
    let origin = hello();
    let gateway = serve(&open_api(sections), &origin);
    for _ in 0..2 {
        let response = gateway.get("/");
        assert_eq!((response.status, response.headers.all("x-said")), (503, vec!["inbound"]));
        assert!(!response.headers.has("x-left"));
    }
    assert!(origin.requests().is_empty());
    let log = gateway.wait_for_access_log(2);
    assert!(log.iter().all(|line| line.get("error").is_none()), "an answer is no failure: {log:?}");
}

#[test]
fn headers_of_limits_before_it_come_with_the_answer() {
    let limit = "rate-limit-by-key: { calls: 9, renewal-period: 60, counter-key: client-ip, remaining-calls-header-name: x-left }";
    let sections = format!("inbound: [ {{ {limit} }}, {{ return-response: {{ status: 202 }} }} ]");
    let response = serve(&open_api(&sections), hello()).get("/");
    assert_eq!((response.status, response.headers.all("x-left")), (202, vec!["8"]));
}

#[test]
fn in_outbound_it_replaces_the_response_and_stops_what_is_behind() {
    let origin = Origin::start(|_| Response::new(500).header("x-secret", "stack").body("at line 1"));
    let sections = "outbound:\n\
                    \x20 - return-response: { status: 502, headers: { content-type: text/plain }, body: sorry }\n\
                    \x20 - set-header: { name: x-behind, value: ran }\n";
    let response = serve(&open_api(sections), &origin).get("/");
    assert_eq!((response.status, response.text()), (502, "sorry"));
    assert!(!response.headers.has("x-secret") && !response.headers.has("x-behind"));
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn in_on_error_it_replaces_what_the_client_is_told() {
    let sections = "inbound: [ { check-header: { name: x-plan, failed-check-httpcode: 401 } } ]\n\
                    on-error:\n\
                    \x20 - return-response: { status: 302, headers: { location: /plans } }\n\
                    \x20 - set-header: { name: x-behind, value: ran }\n";
    let gateway = serve(&open_api(sections), hello());
    let response = gateway.get("/");
    assert_eq!((response.status, response.text(), response.headers.get("location")), (302, "", Some("/plans")));
    assert!(!response.headers.has("x-behind") && !response.headers.has("content-type"));
    // The log tells what happened, not what the client was told.
    assert_eq!(logged_error(&gateway, 1), ("check-header".to_owned(), "HeaderNotFound".to_owned()));
}

#[test]
fn a_body_that_nobody_reads_does_not_disturb_the_connection() {
    let gateway = answering("{ status: 200, body: enough }");
    let mut client = gateway.client();
    for _ in 0..3 {
        assert_eq!(client.send(&Request::post("/", vec![b'x'; 100_000])).text(), "enough");
        assert_eq!(client.get("/").text(), "enough");
    }
}

#[test]
fn a_head_request_gets_the_head_only() {
    let gateway = answering("{ body: hello }");
    let mut client = gateway.client();
    let response = client.send(&Request::new("HEAD", "/"));
    assert_eq!((response.status, response.headers.get("content-length")), (200, Some("5")));
    assert_eq!(client.get("/").text(), "hello");
}

#[test]
fn a_status_without_a_body_has_none() {
    for (status, length) in [(204, None), (304, None)] {
        let gateway = answering(&format!("{{ status: {status}, headers: {{ etag: '\"e\"' }} }}"));
        let response = gateway.get("/");
        assert_eq!((response.status, response.headers.get("content-length")), (status, length));
        assert_eq!(response.headers.all("etag"), ["\"e\""]);
    }
}

#[test]
fn several_cookies_are_several_lines() {
    let gateway = answering("{ set-header: { name: Set-Cookie, value: [a=1, b=2] }, set-body: 'grün' }");
    let response = gateway.get("/");
    assert_eq!(response.headers.all("set-cookie"), ["a=1", "b=2"]);
    assert_eq!(response.text(), "grün");
}

#[test]
fn status_headers_and_body_may_be_expressions() {
    let gateway = answering(
        "{ set-status: { code: \"${int(request.query['code'])}\", reason: \"${request.query['why']}\" }, \
         set-header: { name: x, value: \"${request.method}\" }, set-body: \"Dear ${request.query['who']}\" }",
    );
    let response = gateway.get("/?code=418&why=Teapot&who=Ada");
    assert_eq!((response.status, response.reason.as_str(), response.text()), (418, "Teapot", "Dear Ada"));
    assert_eq!(response.headers.all("x"), ["GET"]);
    assert_eq!(gateway.get("/?code=204&why=&who=Ada").text(), "");
    assert_error(&gateway.get("/?code=99&why=&who=Ada"), 500, "Internal server error.");
    assert_error(&gateway.get("/?code=200&why=a%0Ab&who=Ada"), 500, "Internal server error");
}

#[test]
fn a_body_may_be_bytes() {
    let gateway = answering("{ body: \"${request.body}\" }");
    assert_eq!(gateway.send(&Request::post("/", b"\xff\x00".to_vec())).body, b"\xff\x00");
}

#[test]
fn a_template_makes_the_body_of_the_exchange_and_finds_no_body_there() {
    let template = "{{ context.Request.Method }} {{ context.Request.Url.Query.a }} [{{ body }}{{ body.a }}]";
    for config in [
        format!("{{ set-body: {{ template: liquid, value: '{template}' }} }}"),
        format!(
            "{{ set-status: {{ code: 200 }}, set-body: {{ template: liquid, body: '{template}', xsi-nil: null }} }}"
        ),
    ] {
        let gateway = answering(&config);
        // Neither JSON nor small: nobody looks at it.
        let large = Request::post("/?a=1", vec![b'x'; 5 << 20]).header("content-type", "application/json");
        assert_eq!(gateway.send(&large).text(), "POST 1 []");
    }
    let sections = "inbound:\n\
                    \x20 - set-variable: { name: order, value: \"${json(request.body)}\" }\n\
                    \x20 - return-response: { set-body: { template: liquid, value: '{% for l in context.Variables.order.lines %}{{ l | Upcase }};{% endfor %}' } }\n";
    let gateway = serve(&open_api(sections), hello());
    assert_eq!(gateway.send(&Request::post("/", r#"{"lines":["a","b"]}"#)).text(), "A;B;");
    let sections = "outbound: [ { return-response: { set-body: { template: liquid, value: '{{ context.Response.StatusCode }} {{ body }}' } } } ]";
    let origin = Origin::start(|_| Response::new(404).body("gone"));
    assert_eq!(serve(&open_api(sections), &origin).get("/").text(), "404 ");
}

#[test]
fn the_body_may_be_a_member_of_set_body() {
    for set_body in ["{ value: new }", "{ body: new, template: none }", "{ value: \"${'n' + 'ew'}\" }"] {
        assert_eq!(answering(&format!("{{ set-body: {set_body} }}")).get("/").text(), "new", "{set_body}");
    }
}

/// A response in the variable `answer`, and this statement.
fn giving(answer: &str, config: &str) -> Served<Origin> {
    let sections =
        format!("inbound:\n  - set-variable: {{ name: answer, value: {answer} }}\n  - return-response: {config}\n");
    serve(&open_api(&sections), hello())
}

const ANSWER: &str = "{ status: 201, reason: Made, headers: { content-type: text/plain, x-a: '1', content-encoding: br }, body: stored }";

#[test]
fn a_stored_response_is_given_with_the_children_applied() {
    let response = giving(ANSWER, "{ response-variable-name: answer }").get("/");
    assert_eq!((response.status, response.reason.as_str(), response.text()), (201, "Made", "stored"));
    assert_eq!((response.headers.get("x-a"), response.headers.get("content-encoding")), (Some("1"), Some("br")));
    let children =
        "{ response-variable-name: answer, set-status: { code: 202 }, headers: { x-a: '2' }, set-body: new }";
    let response = giving(ANSWER, children).get("/");
    assert_eq!((response.status, response.reason.as_str(), response.text()), (202, "Accepted", "new"));
    assert_eq!((response.headers.all("x-a"), response.headers.get("content-type")), (vec!["2"], Some("text/plain")));
    assert!(!response.headers.has("content-encoding"));
    let bytes = giving("{ status: 200, headers: {}, body_base64: /wA= }", "{ response-variable-name: answer }");
    assert_eq!(bytes.get("/").body, b"\xff\x00");
}

#[test]
fn a_variable_without_a_response_fails_the_statement() {
    for answer in ["null", "text", "{ status: 99 }", "{ body: a }"] {
        let gateway = giving(answer, "{ response-variable-name: answer }");
        assert_error(&gateway.get("/"), 500, "Internal server error");
        gateway.wait_for_log("there is no response in the variable `answer`");
    }
    assert_error(&answering("{ response-variable-name: never }").get("/"), 500, "Internal server error");
}

#[test]
fn in_backend_it_answers_instead_of_the_origin_and_outbound_is_skipped() {
    let origin = hello();
    let sections = "backend: [ { return-response: { status: 202, body: queued } }, forward-request ]\n\
                    outbound: [ { set-header: { name: x-behind, value: ran } } ]";
    let response = serve(&open_api(sections), &origin).get("/");
    assert_eq!((response.status, response.text(), response.headers.has("x-behind")), (202, "queued", false));
    assert!(origin.requests().is_empty());
}

#[test]
fn both_ways_to_write_it_may_be_mixed_for_different_things() {
    let gateway = answering(
        "{ set-status: { code: 201, reason: Made }, body: new, headers: { x-a: short, x-b: short }, \
         set-header: [ { name: x-a, value: long }, { name: x-c, value: long } ] }",
    );
    let response = gateway.get("/");
    assert_eq!((response.status, response.reason.as_str(), response.text()), (201, "Made", "new"));
    for (name, value) in [("x-a", "short"), ("x-b", "short"), ("x-c", "long")] {
        assert_eq!(response.headers.all(name), [value], "{name}");
    }
}

#[test]
fn set_header_edits_what_is_being_made_in_order() {
    let edits = |actions: &[(&str, &str)]| {
        let entries: Vec<String> = actions
            .iter()
            .map(|(action, value)| format!("{{ name: x, exists-action: {action}, value: {value} }}"))
            .collect();
        let response = answering(&format!("{{ set-header: [ {} ] }}", entries.join(", "))).get("/");
        response.headers.all("x").join(" | ")
    };
    assert_eq!(edits(&[("override", "a"), ("append", "b")]), "a, b");
    assert_eq!(edits(&[("append", "a"), ("skip", "b")]), "a");
    assert_eq!(edits(&[("skip", "a"), ("override", "b")]), "b");
    assert_eq!(edits(&[("override", "a"), ("delete", "b")]), "");
}

#[test]
fn names_and_actions_of_headers_may_be_expressions() {
    let gateway = answering(
        "{ set-header: [ { name: x-a, value: old }, { name: \"${request.query['name']}\", \
         exists-action: \"${request.query['action']}\", value: new } ] }",
    );
    let ask = |name: &str, action: &str| gateway.get(&format!("/?name={name}&action={action}"));
    assert_eq!(ask("X-A", "append").headers.all("x-a"), ["old, new"]);
    assert_eq!(ask("X-A", "skip").headers.all("x-a"), ["old"]);
    for (name, action) in [("a%20b", "append"), ("content-length", "override"), ("x-a", "frobnicate")] {
        assert_error(&ask(name, action), 500, "Internal server error.");
    }
}

#[test]
fn the_response_that_send_request_fetched_is_given() {
    let second = Origin::start(|_| {
        let response = Response::new(203).header("content-type", "image/gif").header("x-a", "1").header("x-a", "2");
        let response =
            response.header("set-cookie", "a=1; Expires=Wed, 01 Jan 2031 00:00:00 GMT").header("set-cookie", "b=2");
        response.header("connection", "close").body(b"GIF\xff\x00".to_vec())
    });
    let sections = "inbound:\n\
                    \x20 - send-request: { response-variable-name: answer, set-url: '{second}/', ignore-error: true }\n\
                    \x20 - return-response: { response-variable-name: answer, set-header: { name: x-b, value: '3' } }\n";
    let give = |second: &Origin| {
        let origin = hello();
        let gateway = Gateway::with(&open_api(sections)).origin(&origin).value("second", &second.url()).start();
        let response = gateway.get("/");
        assert!(origin.requests().is_empty());
        response
    };
    let response = give(&second);
    assert_eq!((response.status, response.body.as_slice()), (203, b"GIF\xff\x00".as_slice()));
    assert_eq!(response.headers.all("content-type"), ["image/gif"]);
    assert_eq!((response.headers.all("x-a"), response.headers.all("x-b")), (vec!["1, 2"], vec!["3"]));
    let cookies = ["a=1; Expires=Wed, 01 Jan 2031 00:00:00 GMT", "b=2"];
    assert_eq!(response.headers.all("set-cookie"), cookies);
    // Nothing came: there is null in the variable.
    assert_error(&give(&Origin::refusing()), 500, "Internal server error");
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    let cases = [
        ("return-response: { status: §99 }", "minimum of 200"),
        ("return-response: { set-status: { code: §600 } }", "maximum of 599"),
        ("return-response: { set-status: §{ reason: x } }", "code"),
        ("return-response: { set-status: { code: 200, reason: §\"a\\nb\" } }", "control characters"),
        ("return-response: { set-status: { code: 200 }, status: §200 }", "`set-status` says it already"),
        ("return-response: { set-body: a, body: §b }", "`set-body` says it already"),
        ("return-response: { status: 204, body: §a }", "a response with status 204 has no body"),
        ("return-response: { set-status: { code: 205 }, set-body: §a }", "a response with status 205 has no body"),
        ("return-response: { status: 304, body: §a }", "a response with status 304 has no body"),
        ("return-response: { set-header: { name: §Content-Length, value: '1' } }", "belongs to the gateway"),
        ("return-response: { set-header: §{ name: a, value: '1', exists-action: replace } }", ""),
        ("return-response: { headers: { a: '1', content-length: §'1' } }", "belongs to the gateway"),
        ("return-response: { headers: { a: §\"\\n\" } }", "control characters"),
        ("return-response: { set-header: [ { name: a, value: '1' }, §{ name: b } ] }", "`value` is missing"),
        ("return-response: { set-header: { name: a, value: §\"\\n\" } }", "control characters"),
        ("return-response: { §bodyy: a }", "did you mean `body`?"),
        ("return-response: { response-variable-name: §'' }", "the name is empty"),
        ("return-response: { set-body: { value: §'{{ x | Nope }}', template: liquid } }", "there is no filter `Nope`"),
        (
            "return-response: { set-body: { value: §\"${request.path}\", template: liquid } }",
            "can't stand in a template",
        ),
        ("return-response: { set-body: { value: a, body: §b } }", "`value` says it already"),
        ("return-response: { set-body: §{ template: liquid } }", "`value` is missing"),
        (
            "return-response: { set-status: { code: 204 }, set-body: §{ value: a, template: liquid } }",
            "a response with status 204 has no body",
        ),
        ("return-response: §7", "object"),
    ];
    for section in ["inbound", "outbound", "on-error"] {
        refused(section, &cases);
    }
}
