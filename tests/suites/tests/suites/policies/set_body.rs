//! `set-body`: another body, as it is written or as a Liquid template makes it of what is there.

use super::*;

fn inbound<'o>(statement: &str, origin: &'o Origin) -> Served<&'o Origin> {
    serve(&open_api(&format!("inbound:\n  - {statement}\n")), origin)
}

fn outbound(statement: &str, response: Response) -> Served<Origin> {
    let origin = Origin::start(move |_| response.clone());
    serve(&open_api(&format!("outbound:\n  - {statement}\n")), origin)
}

fn liquid(template: &str) -> String {
    format!("set-body: {{ template: liquid, value: '{}' }}", template.replace('\'', "''"))
}

fn json(body: &str) -> Response {
    Response::new(200).header("content-type", "application/json").body(body)
}

fn xml(body: &str) -> Response {
    Response::new(200).header("content-type", "text/xml; charset=utf-8").body(body)
}

/// What the client gets of this response through this template.
#[track_caller]
fn rendered(template: &str, response: Response) -> String {
    let response = outbound(&liquid(template), response).get("/");
    assert_eq!(response.status, 200, "{response:?}");
    response.text().to_owned()
}

#[test]
fn the_body_is_written_bare_or_as_a_member() {
    for statement in
        ["set-body: new text", "set-body: { value: new text }", "set-body: { body: new text, template: none }"]
    {
        let origin = hello();
        inbound(statement, &origin).send(&Request::post("/", "old").header("content-type", "text/csv"));
        let seen = origin.only_request();
        assert_eq!((seen.text(), seen.headers.all("content-length")), ("new text", vec!["8"]));
        assert_eq!(seen.headers.all("content-type"), ["text/csv"]);
        assert_eq!(outbound(statement, json("{}")).get("/").text(), "new text");
    }
}

#[test]
fn what_speaks_of_the_old_bytes_goes() {
    let response = json("zip").header("content-encoding", "gzip").header("digest", "x").header("etag", "\"1\"");
    let response = outbound("set-body: new", response).get("/");
    assert_eq!((response.text(), response.headers.all("etag")), ("new", vec!["W/\"1\""]));
    assert!(!response.headers.has("content-encoding") && !response.headers.has("digest"));
}

#[test]
fn an_expression_gives_text_bytes_or_json() {
    for (expression, body) in [
        ("${request.path}", &b"/a"[..]),
        ("at ${request.path}", b"at /a"),
        ("${[request.method, 1]}", br#"["POST",1]"#),
        ("${request.body}", b"\xff\x00"),
    ] {
        let origin = hello();
        inbound(&format!("set-body: \"{expression}\""), &origin).send(&Request::post("/a", b"\xff\x00".to_vec()));
        assert_eq!(origin.only_request().body, body, "{expression}");
    }
}

#[test]
fn a_response_without_room_for_a_body_gets_none() {
    let gateway = outbound("set-body: new", Response::new(204));
    assert_eq!((gateway.get("/").status, gateway.get("/").text()), (204, ""));
    let gateway = outbound("set-body: new", json("{}"));
    assert_eq!(gateway.send(&Request::new("HEAD", "/")).headers.all("content-length"), ["2"]);
}

#[test]
fn a_template_without_the_body_buffers_none() {
    let origin = hello();
    let gateway = inbound(&liquid("{{ context.Request.Method }}"), &origin);
    let large = Request::post("/", vec![b'x'; 5 << 20]).header("content-type", "application/json");
    assert_eq!(gateway.send(&large).status, 200);
    assert_eq!(origin.only_request().text(), "POST");
    let gateway = inbound(&liquid("{{ body.a }}"), &origin);
    assert_eq!(gateway.send(&large).status, 413);
}

#[test]
fn a_template_reads_json_xml_and_text() {
    let template = r#"{ "id": "{{body.order.id}}" }"#;
    assert_eq!(rendered(template, json(r#"{"order":{"id":7}}"#)), r#"{ "id": "7" }"#);
    assert_eq!(rendered(template, xml("<o:order xmlns:o='u'><o:id>7</o:id></o:order>")), r#"{ "id": "7" }"#);
    assert_eq!(rendered("[{{ body | Upcase }}]", Response::new(200).body("plain")), "[PLAIN]");
    assert_eq!(rendered("[{{ body }}]", json("")), "[]");
    let lines = "{% for l in body.order.line %}{{ l['@n'] }}={{ l }};{% endfor %}";
    assert_eq!(rendered(lines, xml("<order><line n='1'>a</line><line n='2'>b</line></order>")), "1=a;2=b;");
    assert_eq!(rendered(lines, xml("<order><line n='1'>a</line></order>")), "1=a;");
}

#[test]
fn an_element_without_a_value_and_old_dates_are_as_configured() {
    let nil = "<a xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'><b xsi:nil='true'/></a>";
    for (more, expected) in
        [("", "text"), (", xsi-nil: blank", "text"), (", xsi-nil: null", "nil"), (", xsi-nil: 'null'", "nil")]
    {
        let statement = format!(
            "set-body: {{ template: liquid{more}, value: '{{% if body.a.b == nil %}}nil{{% else %}}text{{% endif %}}' }}"
        );
        assert_eq!(outbound(&statement, xml(nil)).get("/").text(), expected);
    }
    for (more, expected) in [("", "1970-01-01T00:00:00Z"), (", parse-date: false", "/Date(0)/")] {
        let statement = format!("set-body: {{ template: liquid{more}, value: '{{{{ body.at }}}}' }}");
        assert_eq!(outbound(&statement, json(r#"{"at":"/Date(0)/"}"#)).get("/").text(), expected);
    }
}

#[test]
fn members_are_found_in_any_case_and_missing_ones_are_nothing() {
    let body = r#"{"Envelope":{"Body":1}}"#;
    assert_eq!(rendered("{{body.envelope.body}}[{{ body.none.at.all }}]", json(body)), "1[]");
}

#[test]
fn the_exchange_is_found_under_names_in_both_ways_of_writing() {
    let origin = hello();
    let template = "{{ context.Request.Method }} {{ context.request.url.path }} {{ context.Request.Url.Query.b }} \
                    {{ context.Request.Headers['X-A'] }} {{ context.request.headers.x-a }} {{ context.Variables.who }}";
    let sections = format!("inbound:\n  - set-variable: {{ name: who, value: Ada }}\n  - {}\n", liquid(template));
    let gateway = serve(&open_api(&sections), &origin);
    gateway.send(&Request::post("/a?b=x%20y", "").header("x-a", "1"));
    assert_eq!(origin.only_request().text(), "POST /a x y 1 1 Ada");
    assert_eq!(
        rendered(
            "{{ context.Response.StatusCode }} {{ context.Response.Headers.Etag }}",
            json("{}").header("etag", "e")
        ),
        "200 e"
    );
}

#[test]
fn filters_have_both_names() {
    let template = "{{ body.t | TruncateWords: 1 }} {{ body.t | truncate_words: 1 }} {{ body.at | Date: 'dd.MM.yyyy' }} \
                    {{ body.at | date: '%Y' }} {{ body.t | json }}";
    let body = r#"{"t":"one \"two\"","at":"2016-02-16T10:00:00Z"}"#;
    assert_eq!(rendered(template, json(body)), r#"one... one... 16.02.2016 2016 "one \"two\"""#);
    let lines = "[{% JSONArrayFor l in body.l %}{{ l }}{% endJSONArrayFor %}]";
    assert_eq!(rendered(lines, json(r#"{"l":[1,2,3]}"#)), "[1,2,3]");
}

#[test]
fn in_on_error_it_replaces_what_the_client_is_told() {
    let needed = "inbound: [ { check-header: { name: x-plan, failed-check-httpcode: 401 } } ]\n";
    for (statement, text) in [
        ("set-body: Sorry.".to_owned(), "Sorry."),
        (
            liquid("{{ body.statusCode }}: {{ body.message }} ({{ context.LastError.Reason }})"),
            "401: Header x-plan is missing. (HeaderNotFound)",
        ),
    ] {
        let gateway = serve(&open_api(&format!("{needed}on-error:\n  - {statement}\n")), hello());
        let response = gateway.get("/");
        assert_eq!((response.status, response.text()), (401, text));
    }
}

#[test]
fn a_template_that_goes_wrong_fails_the_statement() {
    let gateway = outbound(&liquid("{{ 1 | DividedBy: body.n }}"), json(r#"{"n":0}"#));
    assert_error(&gateway.get("/"), 500, "Internal server error");
    gateway.wait_for_log("nothing can be divided by zero (line 1, column 8 of the template)");
    let endless = outbound(&liquid("{% for i in (1..2147483647) %}x{% endfor %}"), json("{}"));
    assert_error(&endless.get("/"), 500, "Internal server error");
}

#[test]
fn a_body_that_can_not_be_read_is_refused() {
    let origin = hello();
    let gateway = inbound(&liquid("{{ body.a }}"), &origin);
    let post =
        |content_type: &str, body: &str| gateway.send(&Request::post("/", body).header("content-type", content_type));
    assert_error(&post("application/json", "{\"secret"), 400, "The request body isn't JSON (line 1, column 8).");
    assert_eq!(post("application/xml", "<secret>").status, 400);
    let encoded =
        Request::post("/", "{}").header("content-type", "application/json").header("content-encoding", "gzip");
    assert_error(&gateway.send(&encoded), 415, "The request body must not be encoded.");
    assert!(origin.requests().is_empty());
    let gateway = outbound(&liquid("{{ body.a }}"), json("{\"secret"));
    assert_error(&gateway.get("/"), 502, "The response of the origin can't be converted.");
    assert_eq!(logged_error(&gateway, 1), ("set-body".to_owned(), "JsonInvalid".to_owned()));
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    for section in ["inbound", "outbound", "on-error"] {
        refused(
            section,
            &[
                ("set-body: { value: a, body: §b }", "`value` says it already"),
                ("set-body: §{ template: liquid }", "`value` is missing"),
                (
                    "set-body: { template: liquid, value: §'{{ a | Nope }}' }",
                    "there is no filter `Nope` (line 1, column 8 of the template)",
                ),
                ("set-body: { template: liquid, value: §'{% if a %}' }", "the tag `if` has no `endif`"),
                (
                    "set-body: { template: liquid, value: §\"${request.path}\" }",
                    "an expression can't stand in a template",
                ),
            ],
        );
    }
}
