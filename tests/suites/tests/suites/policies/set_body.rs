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
    let head = gateway.send(&Request::new("HEAD", "/"));
    // It would be GET's, and that is another one than the origin says.
    assert_eq!((head.status, head.text(), head.headers.has("content-length")), (200, "", false));
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
fn every_tag_does_what_it_says() {
    let body = r#"{"l":[1,2,3,4],"n":2,"t":"a","e":[]}"#;
    for (template, expected) in [
        ("{% if body.n == 1 %}one{% elsif body.n == 2 %}two{% else %}many{% endif %}", "two"),
        ("{% unless body.n == 1 %}not one{% endunless %}", "not one"),
        ("{% case body.t %}{% when 'b', 'a' %}found{% else %}not{% endcase %}", "found"),
        ("{% for i in body.l limit:2 offset:1 %}{{ i }}{% endfor %}", "23"),
        ("{% for i in body.l reversed %}{{ i }}{% endfor %}", "4321"),
        ("{% for i in (1..3) %}{{ i }}{% unless forloop.last %},{% endunless %}{% endfor %}", "1,2,3"),
        ("{% for i in body.l %}{{ forloop.index }}/{{ forloop.length }} {% endfor %}", "1/4 2/4 3/4 4/4 "),
        ("{% for i in body.e %}x{% else %}empty{% endfor %}", "empty"),
        (
            "{% for i in body.l %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}",
            "13",
        ),
        ("{% assign x = body.n | Plus: 1 %}{{ x }}", "3"),
        ("{% capture x %}<{{ body.t }}>{% endcapture %}{{ x }}{{ x }}", "<a><a>"),
        ("{% for i in body.l %}{% cycle 'odd', 'even' %} {% endfor %}", "odd even odd even "),
        ("{% increment c %}{% increment c %}{% decrement d %}", "01-1"),
        ("a{% comment %}{{ body.n }}{% endcomment %}b", "ab"),
        ("{% raw %}{{ body.n }}{% endraw %}", "{{ body.n }}"),
        ("a {%- if true -%} b {%- endif -%} c", "abc"),
    ] {
        assert_eq!(rendered(template, json(body)), expected, "{template}");
    }
}

#[test]
fn comparisons_bind_from_the_right() {
    let body = r#"{"n":2,"t":"abc","l":["a","b"],"no":null}"#;
    for (condition, holds) in [
        ("body.n == 2", true),
        ("body.n != 2", false),
        ("body.n <> 3", true),
        ("body.n < 3", true),
        ("body.n <= 2", true),
        ("body.n > 2", false),
        ("body.n >= 2", true),
        ("body.t contains 'bc'", true),
        ("body.l contains 'b'", true),
        ("body.l contains 'c'", false),
        ("body.no == nil", true),
        ("body.missing", false),
        ("body.t", true),
        // As in `true or (false and false)` and `false and (false or true)`.
        ("true or false and false", true),
        ("false and false or true", false),
    ] {
        let template = format!("{{% if {condition} %}}yes{{% else %}}no{{% endif %}}");
        assert_eq!(rendered(&template, json(body)), if holds { "yes" } else { "no" }, "{condition}");
    }
}

#[test]
fn every_filter_does_what_it_says() {
    let body = r#"{"t":" Ab cd ","h":"<b>1 & 2</b>","l":[3,1,2,1,null],"w":["b","C","a"],"n":-4.5,
                   "o":[{"k":"x","v":1},{"k":"y","v":2}],"lines":"a\nb"}"#;
    let cases = [
        ("'a' | Append: 'b'", "ab"),
        ("'ab cd' | Capitalize", "Ab Cd"),
        ("body.t | Downcase", " ab cd "),
        ("body.h | Escape", "&lt;b&gt;1 &amp; 2&lt;/b&gt;"),
        ("'&lt; &' | EscapeOnce", "&lt; &amp;"),
        ("'<' | H", "&lt;"),
        ("body.t | Lstrip", "Ab cd "),
        ("body.lines | NewlineToBr", "a<br />\nb"),
        ("'a' | Prepend: 'b'", "ba"),
        ("'abab' | Remove: 'a'", "bb"),
        ("'abab' | RemoveFirst: 'a'", "bab"),
        ("'a.a' | Replace: '.', '-'", "a-a"),
        ("'aa' | ReplaceFirst: 'a', 'b'", "ba"),
        ("body.t | Rstrip", " Ab cd"),
        ("'a,b' | Split: ',' | Join: '+'", "a+b"),
        ("body.t | Strip", "Ab cd"),
        ("body.h | StripHtml", "1 & 2"),
        ("body.lines | StripNewlines", "ab"),
        ("'abcdefgh' | Truncate: 5", "ab..."),
        ("'a b c' | TruncateWords: 2, '!'", "a b!"),
        ("'a' | Upcase", "A"),
        ("'a%20b+c' | UrlDecode", "a b c"),
        ("'a b&c' | UrlEncode", "a+b%26c"),
        ("body.l | Compact | Size", "4"),
        ("body.w | Concat: body.w | Size", "6"),
        ("body.w | First", "b"),
        ("body.w | Last", "a"),
        ("body.o | Map: 'k' | Join: ','", "x,y"),
        ("body.w | Reverse | Join", "a C b"),
        ("'abc' | Size", "3"),
        ("'abcdef' | Slice: 1, 3", "bcd"),
        ("body.w | Sort | Join", "C a b"),
        ("body.w | SortNatural | Join", "a b C"),
        ("body.l | Compact | Uniq | Join: ','", "3,1,2"),
        ("body.o | Where: 'v', 2 | Map: 'k' | First", "y"),
        ("body.n | Abs", "4.5"),
        ("3 | AtLeast: 5", "5"),
        ("9 | AtMost: 5", "5"),
        ("1.2 | Ceil", "2"),
        ("1234.5 | Currency", "$1,234.50"),
        ("7 | DividedBy: 2", "3"),
        ("7 | DividedBy: 2.0", "3.5"),
        ("1.8 | Floor", "1"),
        ("5 | Minus: 3", "2"),
        ("7 | Modulo: 4", "3"),
        ("5 | Plus: '3'", "8"),
        ("2.567 | Round: 2", "2.57"),
        ("4 | Times: 2.5", "10.0"),
        ("'2016-02-16T10:05:00Z' | Date: 'yyyy-MM-dd HH:mm'", "2016-02-16 10:05"),
        ("'no date' | Date: 'yyyy'", "no date"),
        ("body.none | Default: 'd'", "d"),
        ("body.o | json", r#"[{"k":"x","v":1},{"k":"y","v":2}]"#),
    ];
    let template: Vec<String> = cases.iter().map(|(expression, _)| format!("{{{{ {expression} }}}}")).collect();
    let written = rendered(&template.join("\u{1e}"), json(body));
    let written: Vec<&str> = written.split('\u{1e}').collect();
    assert_eq!(written.len(), cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .zip(written)
        .filter(|((_, expected), found)| expected != found)
        .map(|((expression, expected), found)| format!("{expression} is {found:?}, not {expected:?}"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_context_has_what_a_request_is() {
    let origin = hello();
    let template = "{{ context.Request.Url.Scheme }} {{ context.Request.Url.Host }} {{ context.Request.Url.QueryString }} \
                    {{ context.Request.IpAddress }} {{ context.request.ip_address }} {{ context.Request.MatchedParameters.id }} \
                    {{ context.Api.Id }}/{{ context.Api.Path }}/{{ context.Operation.Id }}/{{ context.Product.Id }}/\
                    {{ context.Subscription.Id }} {{ context.RequestId | Size }} [{{ context.Response.StatusCode }}]\
                    [{{ context.LastError.Reason }}][{{ context.Nothing.At.All }}]";
    let yaml = format!(
        "apis:\n  - id: orders\n    path: shop\n    backend: {{origin}}\n    operations: [ {{ id: get, method: GET, url: '/{{id}}' }} ]\n    \
         policies:\n      inbound:\n        - base\n        - {}\nproducts: [ {{ id: starter, apis: [orders] }} ]\n\
         subscriptions: [ {{ id: acme, product: starter, primary-key: acme-1 }} ]\n",
        liquid(template)
    );
    let gateway = serve(&yaml, &origin);
    let request =
        Request::get("/shop/7?a=1").header("host", "api.example").header("ocp-apim-subscription-key", "acme-1");
    assert_eq!(gateway.send(&request).status, 200);
    assert_eq!(
        origin.only_request().text(),
        "http api.example ?a=1 127.0.0.1 127.0.0.1 7 orders/shop/get/starter/acme 32 [][][]"
    );
}

#[test]
fn the_original_url_is_what_the_client_asked_for() {
    let origin = hello();
    let template = "{{ context.Request.OriginalUrl }} {{ context.Request.OriginalUrl.Path }} \
                    {{ context.Request.OriginalUrl.Query.a }}{{ context.request.original_url.query_string }} \
                    {{ context.Request.Url.Path }} {{ context.Request.Url.Query.a }}{{ context.Request.Url.Query.b }}";
    let sections = format!(
        "inbound:\n  - rewrite-uri: {{ template: '/new?b=2', copy-unmatched-params: false }}\n  - {}\n",
        liquid(template)
    );
    let request = Request::get("/old?a=1&a=%2B").header("host", "api.example:81");
    assert_eq!(serve(&open_api(&sections), &origin).send(&request).status, 200);
    let seen = origin.only_request();
    assert_eq!(seen.target, "/new?b=2");
    assert_eq!(seen.text(), "http://api.example:81/old?a=1&a=%2B /old 1,+?a=1&a=%2B /new 2");
}

#[test]
fn on_error_finds_the_body_of_an_earlier_statement_and_the_error() {
    let sections = format!(
        "inbound: [ {{ check-header: {{ name: x-plan, failed-check-httpcode: 401 }}, id: plan }} ]\n\
         on-error:\n  - set-body: '{{ \"a\": 1 }}'\n  - {}\n",
        liquid(
            "{{ body.a }} {{ context.LastError.Source }} {{ context.LastError.Message }} {{ context.LastError.PolicyId }} \
             {{ context.Response.StatusCode }}"
        )
    );
    let response = serve(&open_api(&sections), hello()).get("/");
    assert_eq!((response.status, response.text()), (401, "1 check-header Header x-plan is missing. plan 401"));
}

#[test]
fn named_values_are_filled_in_before_the_template_is_read() {
    let yaml = format!(
        "named-values: [ {{ name: greeting, value: Hello }} ]\n{}",
        open_api(&format!("inbound:\n  - {}\n", liquid("{{greeting}} {{ context.Request.Method }} $${x}")))
    );
    let origin = hello();
    serve(&yaml, &origin).get("/");
    assert_eq!(origin.only_request().text(), "Hello GET ${x}");
}

#[test]
fn nothing_is_escaped_by_itself() {
    let body = r#"{"name":"\"<&\n"}"#;
    assert_eq!(rendered("{{ body.name }}", json(body)), "\"<&\n");
    assert_eq!(rendered("{{ body.name | json }}", json(body)), r#""\"<&\n""#);
}

#[test]
fn types_of_json_and_xml_are_read_as_such_and_no_others() {
    for (content_type, body, expected) in [
        ("application/problem+json", r#"{"a":1}"#, "1"),
        ("application/json; charset=utf-8", r#"{"a":1}"#, "1"),
        ("application/atom+xml", "<a>1</a>", "1"),
        ("TEXT/XML", "<a>1</a>", "1"),
        ("text/plain", r#"{"a":1}"#, ""),
        ("application/octet-stream", r#"{"a":1}"#, ""),
    ] {
        let response = Response::new(200).header("content-type", content_type).body(body);
        assert_eq!(rendered("{{ body.a }}", response), expected, "{content_type}");
    }
}

#[test]
fn a_response_over_four_mebibytes_is_502_if_it_is_read() {
    let large = || json(&format!("\"{}\"", "x".repeat(4 << 20)));
    assert_eq!(outbound(&liquid("{{ body.a }}"), large()).get("/").status, 502);
    assert_eq!(rendered("{{ context.Response.StatusCode }}", large()), "200");
}

#[test]
fn what_the_head_says_of_the_former_bytes_goes_both_ways() {
    let old = ["content-encoding", "content-md5", "digest", "content-digest", "repr-digest"];
    let origin = hello();
    let gateway = inbound("set-body: new", &origin);
    let request = Request::post("/", "old").header("etag", "W/\"1\"");
    gateway.send(&old.iter().fold(request, |request, name| request.header(name, "x")));
    let seen = origin.only_request();
    let response = old.iter().fold(json("{}"), |response, name| response.header(name, "x"));
    let received =
        outbound("set-body: new", response.header("accept-ranges", "bytes").header("etag", "W/\"1\"")).get("/");
    for name in old {
        assert!(!seen.headers.has(name) && !received.headers.has(name), "{name}");
    }
    assert!(!received.headers.has("accept-ranges"));
    assert_eq!(received.headers.all("etag"), ["W/\"1\""]);
}

#[test]
fn it_stands_in_backend_and_bodies_without_a_body_get_one() {
    let origin = hello();
    let sections = "backend: [ { set-body: \"${request.method}\" }, forward-request ]";
    let gateway = serve(&open_api(sections), &origin);
    assert_eq!(gateway.get("/").status, 200);
    let seen = origin.only_request();
    assert_eq!((seen.text(), seen.headers.all("content-length")), ("GET", vec!["3"]));
}

#[test]
fn a_response_with_status_304_gets_no_body() {
    let gateway = outbound("set-body: new", Response::new(304).header("etag", "\"1\""));
    let mut client = gateway.client();
    for _ in 0..2 {
        let response = client.get("/");
        assert_eq!((response.status, response.text(), response.headers.all("etag")), (304, "", vec!["\"1\""]));
    }
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
                ("set-body: { template: liquid, value: §'{% nope %}' }", "nope"),
                ("set-body: { template: liquid, value: §'{{ body.a | Plus }}' }", "Plus"),
                ("set-body: §{ template: razor, value: a }", ""),
                ("set-body: §{ value: a, xsi-nil: empty }", ""),
                ("set-body: §{ value: a, templates: liquid }", ""),
                (
                    "set-body: { template: liquid, value: §\"${request.path}\" }",
                    "an expression can't stand in a template",
                ),
            ],
        );
    }
}
