//! `json-to-xml`: JSON bodies become XML, both ways.

use super::*;
use tollgate_harness::Answer;

/// Converts requests.
fn inbound(config: &str) -> String {
    open_api(&format!("inbound: [ {{ json-to-xml: {config} }} ]"))
}

/// Converts responses.
fn outbound(config: &str) -> String {
    open_api(&format!("outbound: [ {{ json-to-xml: {config} }} ]"))
}

fn json(body: impl Into<Vec<u8>>) -> Response {
    Response::new(200).header("content-type", "application/json").body(body)
}

fn post(gateway: &Gateway, body: impl Into<Vec<u8>>) -> Response {
    gateway.send(&Request::post("/", body).header("content-type", "application/json"))
}

const BY_TYPE: &str = "{ apply: content-type-json }";

/// What the origin gets for a request with this body.
#[track_caller]
fn converted(config: &str, body: &str) -> String {
    let origin = hello();
    let gateway = serve(&inbound(config), &origin);
    let response = post(&gateway, body);
    assert_eq!(response.status, 200, "{response:?}");
    origin.only_request().text().to_owned()
}

#[test]
fn the_origin_sees_xml_with_its_length() {
    let origin = hello();
    let gateway = serve(&inbound(BY_TYPE), &origin);
    let body = r#"{"order":{"id":17,"line":["a","é"],"paid":true,"note":null}}"#;
    let chunked = Request::new("POST", "/")
        .header("content-type", "application/vnd.acme+json; charset=utf-8")
        .header("transfer-encoding", "chunked")
        .body(format!("a\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n", &body[..10], body.len() - 10, &body[10..]));
    assert_eq!([post(&gateway, body).status, gateway.send(&chunked).status], [200, 200]);
    let expected = "<order xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><id>17</id><line>a</line><line>é</line>\
                    <paid>true</paid><note xsi:nil=\"true\"/></order>";
    for seen in origin.requests() {
        assert_eq!(seen.text(), expected);
        assert_eq!(seen.headers.all("content-type"), ["application/xml; charset=utf-8"]);
        assert_eq!(seen.headers.all("content-length"), [expected.len().to_string()]);
        assert!(!seen.headers.has("transfer-encoding"));
    }
}

#[test]
fn a_response_is_converted_too() {
    let origin = Origin::start(|_| json(r#"{"a":"<é>"}"#).header("etag", "\"e\"").header("content-md5", "x"));
    let response = serve(&outbound(BY_TYPE), &origin).get("/");
    assert_eq!(response.text(), "<a>&lt;é&gt;</a>");
    assert_eq!(response.headers.all("content-type"), ["application/xml; charset=utf-8"]);
    assert_eq!(response.headers.all("content-length"), [response.body.len().to_string()]);
    assert_eq!((response.headers.get("etag"), response.headers.has("content-md5")), (Some("W/\"e\""), false));
    assert_eq!(response.headers.get("vary"), Some("accept"));
}

#[test]
fn numbers_are_kept_to_the_digit() {
    let numbers = ["1.10", "12345678901234567890.12345678901", "1E400", "-0", "0.1e-7", "100000000000000000000000001"];
    let body = format!("{{\"n\":[{}]}}", numbers.join(","));
    let expected: String = numbers.iter().map(|number| format!("<n>{number}</n>")).collect();
    assert_eq!(converted(BY_TYPE, &body), format!("<Document>{expected}</Document>"));
}

#[test]
fn there_is_always_one_root() {
    for (body, expected) in [
        ("{}", "<Document/>"),
        ("42", "<Document>42</Document>"),
        (r#"{"a":1,"b":2}"#, "<Document><a>1</a><b>2</b></Document>"),
        (r#"[1,{"a":[]}]"#, "<Document><item>1</item><item><a/></item></Document>"),
        (r#"{"a b":{"1c":"x"}}"#, "<a_x0020_b><_x0031_c>x</_x0031_c></a_x0020_b>"),
    ] {
        assert_eq!(converted(BY_TYPE, body), expected, "{body}");
    }
}

#[test]
fn namespaces_and_attributes_come_from_the_names_that_the_operator_chose() {
    let soap = "{ apply: always, namespace-separator: ':', namespace-prefix: xmlns, attribute-block-name: '#attrs' }";
    let body = r##"{"s:Envelope":{"xmlns:s":"http://schemas.xmlsoap.org/soap/envelope/","s:Body":{"q":{"#attrs":{"n":"t"},"i":"x"}}}}"##;
    let expected = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><q n=\"t\"><i>x</i></q></s:Body></s:Envelope>";
    assert_eq!(converted(soap, body), expected);
    let prefix = "{ apply: always, attribute-prefix: '@' }";
    assert_eq!(converted(prefix, r##"{"a":{"@b":"1","#text":"x"}}"##), "<a b=\"1\">x</a>");
}

#[test]
fn attributes_of_the_statement_change_the_mapping() {
    for (config, body, expected) in [
        ("parse-date: true", r#"{"a":"\/Date(1198908717056)\/"}"#, "<a>2007-12-29T06:11:57.056Z</a>"),
        ("parse-date: false", r#"{"a":"\/Date(1198908717056)\/"}"#, "<a>/Date(1198908717056)/</a>"),
        ("null-values: 'NULL'", r#"{"a":null}"#, "<a>NULL</a>"),
        ("null-values: '', empty-values: as-null", r#"{"a":""}"#, "<a/>"),
        ("trim-values: true", r#"{"a":" x "}"#, "<a>x</a>"),
        ("invalid-character-replacement: _", r#"{"a b":"x\u0000"}"#, "<a_b>x_</a_b>"),
    ] {
        assert_eq!(converted(&format!("{{ apply: always, {config} }}"), body), expected, "{config}");
    }
}

#[test]
fn what_xml_to_json_made_comes_back_as_it_was() {
    let origin = Origin::start(|request| {
        Response::new(200).header("content-type", "application/xml").body(request.body.clone())
    });
    let sections = "inbound: [ { json-to-xml: { apply: always, attribute-prefix: '@', namespace-separator: ':' } } ]\n\
                    outbound: [ { xml-to-json: { kind: direct, apply: always } } ]";
    let gateway = serve(&open_api(sections), &origin);
    let body = r##"{"p:a":{"@xmlns:p":"u","@id":"1","p:b":["x","y"],"c":{"@d":"<&\">","#text":" é\n"}}}"##;
    let response = post(&gateway, body);
    assert_eq!(response.text(), body);
    let xml = "<p:a xmlns:p=\"u\" id=\"1\"><p:b>x</p:b><p:b>y</p:b><c d=\"&lt;&amp;&quot;&gt;\"> é\n</c></p:a>";
    assert_eq!(origin.only_request().text().replace("d=\"&lt;&amp;&quot;>\"", "d=\"&lt;&amp;&quot;&gt;\""), xml);
}

#[test]
fn other_media_types_pass_untouched_unless_all_are_converted() {
    let send = |config: &str, content_type: &str| {
        let origin = hello();
        serve(&inbound(config), &origin).send(&Request::post("/", "[1]").header("content-type", content_type));
        let seen = origin.only_request();
        (seen.text().to_owned(), seen.headers.get("content-type").map(str::to_owned))
    };
    for content_type in ["text/plain", "application/jsonp", "application/xml"] {
        assert_eq!(send(BY_TYPE, content_type), ("[1]".to_owned(), Some(content_type.to_owned())));
        let all = send("{ apply: always }", content_type);
        assert_eq!(all.0, "<Document><item>1</item></Document>", "{content_type}");
    }
}

#[test]
fn what_is_not_converted_streams_past() {
    let whole = Response::new(200).header("content-type", "text/event-stream").body("first and the rest");
    let origin = Origin::start(move |_| Answer::stall_in_body(whole.clone(), 5));
    let gateway = serve(&outbound(BY_TYPE), &origin);
    let mut connection = gateway.connect();
    connection.write(&Request::get("/").to_bytes("tollgate.example")).unwrap();
    assert_eq!(connection.read_response_head().unwrap().status, 200);
    // The origin hasn't sent more than this, and never will.
    assert_eq!(connection.read_some(100).unwrap(), b"first");
}

#[test]
fn a_client_that_wants_json_gets_it() {
    let gateway = serve(&outbound(BY_TYPE), Origin::start(|_| json(r#"{"a":1}"#)));
    let ask = |accept: &str| gateway.send(&Request::get("/").header("accept", accept)).text().to_owned();
    for accept in ["application/json", "text/html", "application/json, */*;q=0.1"] {
        assert_eq!(ask(accept), r#"{"a":1}"#, "{accept}");
    }
    for accept in ["application/xml", "text/xml", "*/*", "application/soap+xml, application/json;q=0.9"] {
        assert_eq!(ask(accept), "<a>1</a>", "{accept}");
    }
}

#[test]
fn malformed_json_is_told_where_and_never_reaches_the_origin() {
    let origin = hello();
    let gateway = serve(&inbound(BY_TYPE), &origin);
    let told = |what: &str| format!("The request body can't be converted to XML: {what}.");
    assert_error(&post(&gateway, "{\"secret\": x}"), 400, &told("the text is no JSON (line 1, column 12)"));
    let zero = "{\"a\":\n\"\\u0000\"}";
    assert_error(
        &post(&gateway, zero),
        400,
        &told("a string holds a character that XML doesn't allow (line 2, column 1)"),
    );
    for body in [b"{".as_slice(), b"{}{}", b"[1,]", b"{a:1}", b"NaN", b"\"\xff\"", b"{\"a\":\"\\ud800\"}"] {
        assert_eq!(post(&gateway, body).status, 400, "{}", body.escape_ascii());
    }
    assert!(origin.requests().is_empty());
    assert_eq!(logged_error(&gateway, 1), ("json-to-xml".to_owned(), "JsonInvalid".to_owned()));
    let gateway = serve(&outbound(BY_TYPE), Origin::start(|_| json("{\"secret\":")));
    assert_error(&gateway.get("/"), 502, "The response of the origin can't be converted.");
}

#[test]
fn values_may_be_nested_127_deep() {
    let gateway = serve(&inbound(BY_TYPE), hello());
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(post(&gateway, nested(127)).status, 200);
    assert_eq!(post(&gateway, nested(128)).status, 400);
    assert_eq!(post(&gateway, "{\"a\":".repeat(100_000)).status, 400);
}

#[test]
fn four_mebibytes_are_converted_and_more_are_refused() {
    let item = r#"{"id":17,"customer":"Jane & Joe","total":12.50,"currency":"EUR"},"#;
    let body = |bytes: usize| {
        let body = format!("[{}0]", item.repeat((bytes - "[0]".len()) / item.len()));
        let padding = " ".repeat(bytes - body.len());
        body + &padding
    };
    let origin = hello();
    let gateway = serve(&inbound(BY_TYPE), &origin);
    assert_eq!(post(&gateway, body(4 << 20)).status, 200);
    let items = origin.only_request().text().matches("<customer>Jane &amp; Joe</customer>").count();
    assert_eq!(items, ((4 << 20) - 3) / item.len());
    assert_eq!(post(&gateway, body((4 << 20) + 1)).status, 413);
}

#[test]
fn a_conversion_that_grows_too_much_is_refused() {
    let body = format!("{{\"{}\":[1{}]}}", "n".repeat(60), ",1".repeat(9_999));
    let gateway = serve(&inbound(BY_TYPE), hello());
    assert_error(&post(&gateway, body), 413, "The request body is too large to be converted to XML.");
    assert_eq!(logged_error(&gateway, 1).1, "ConversionTooLarge");
}

#[test]
fn the_gateways_own_errors_become_xml_for_who_wants_it() {
    let sections = "inbound: [ { ip-filter: { addresses: [192.0.2.7] } } ]\n\
                    on-error: [ { json-to-xml: { apply: content-type-json } } ]";
    let gateway = serve(&open_api(sections), hello());
    let ask = |accept: &str| gateway.send(&Request::get("/").header("accept", accept));
    let refused = ask("application/xml");
    let expected = "<Document><statusCode>403</statusCode><message>Forbidden</message></Document>";
    assert_eq!((refused.status, refused.text()), (403, expected));
    assert_eq!(refused.headers.all("content-type"), ["application/xml; charset=utf-8"]);
    assert_error(&ask("application/json"), 403, "Forbidden");
}

/// Each document with what the origin gets for it.
#[track_caller]
fn assert_converted(config: &str, cases: &[(&str, &str)]) {
    for (body, expected) in cases {
        assert_eq!(converted(&format!("{{ apply: always, {config} }}"), body), *expected, "{body} with {config}");
    }
}

const XSI: &str = "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";

#[test]
fn members_become_elements_and_arrays_one_for_each_item() {
    assert_converted(
        "consider-accept-header: false",
        &[
            (r#"{"z":{"b":1,"a":2}}"#, "<z><b>1</b><a>2</a></z>"),
            (r#"{"a":[1,2]}"#, "<Document><a>1</a><a>2</a></Document>"),
            (r#"{"a":[1]}"#, "<a>1</a>"),
            (r#"{"a":[]}"#, "<a/>"),
            (r#"{"a":{"b":[[1,2],3,[]]}}"#, "<a><b><b>1</b><b>2</b></b><b>3</b><b/></a>"),
            ("[]", "<Document/>"),
            (r#""x""#, "<Document>x</Document>"),
            ("true", "<Document>true</Document>"),
            (r#"{"a":true,"b":false}"#, "<Document><a>true</a><b>false</b></Document>"),
            (r#"{"a":"","b":{}}"#, "<Document><a/><b/></Document>"),
            // The last one counts, at the place of the first.
            (r#"{"a":1,"b":2,"a":3}"#, "<Document><a>3</a><b>2</b></Document>"),
            (r#"{"a":{"b":1},"a":"x"}"#, "<a>x</a>"),
            (r#"{"a":"\ud83d\ude00 <&>\" \u00e9"}"#, "<a>😀 &lt;&amp;&gt;\" é</a>"),
        ],
    );
}

#[test]
fn nulls_and_empty_texts_are_what_the_operator_says() {
    let nil = |name: &str| format!("<{name} {XSI} xsi:nil=\"true\"/>");
    assert_converted("trim-values: false", &[(r#"{"a":null}"#, &nil("a")), ("null", &nil("Document"))]);
    assert_converted("empty-values: as-null", &[(r#"{"a":""}"#, &nil("a"))]);
    assert_converted("empty-values: as-null, trim-values: true", &[(r#"{"a":" "}"#, &nil("a"))]);
    assert_converted(
        "null-values: '-', empty-values: as-null",
        &[(r#"{"a":["",null,"x"]}"#, "<Document><a>-</a><a>-</a><a>x</a></Document>")],
    );
    assert_converted("attribute-prefix: '@'", &[(r#"{"a":{"@b":null,"@c":""}}"#, &format!("<a {XSI} c=\"\"/>"))]);
}

#[test]
fn text_members_are_text_of_the_element_around_them() {
    assert_converted(
        "attribute-prefix: '@'",
        &[
            (r##"{"a":{"#text":"x"}}"##, "<a>x</a>"),
            (r#"{"a":{"$text":7}}"#, "<a>7</a>"),
            (r##"{"a":{"#text":["x",1],"b":"y"}}"##, "<a>x1<b>y</b></a>"),
            (r##"{"a":{"b":"y","#text":"x"}}"##, "<a><b>y</b>x</a>"),
            (r##"{"a":{"@b":true,"$text":"x"}}"##, "<a b=\"true\">x</a>"),
        ],
    );
}

#[test]
fn dates_of_old_serializers_are_rewritten_and_others_are_not() {
    assert_converted(
        "parse-date: true",
        &[
            (r#"{"a":"/Date(1198908717056+0100)/"}"#, "<a>2007-12-29T06:11:57.056Z</a>"),
            (r#"{"a":"\/Date(0)\/"}"#, "<a>1970-01-01T00:00:00Z</a>"),
            (r#"{"a":"/Date(-1)/"}"#, "<a>1969-12-31T23:59:59.999Z</a>"),
            (r#"{"a":"/Date(951782400000-0800)/"}"#, "<a>2000-02-29T00:00:00Z</a>"),
            (r#"{"a":"2007-12-29T06:11:57+01:00"}"#, "<a>2007-12-29T06:11:57+01:00</a>"),
            (r#"{"a":" /Date(0)/"}"#, "<a> /Date(0)/</a>"),
            (r#"{"a":"/Date(x)/"}"#, "<a>/Date(x)/</a>"),
        ],
    );
}

#[test]
fn attributes_may_stand_anywhere_in_their_object_and_hold_scalars_only() {
    let config = "attribute-block-name: '#attrs', attribute-prefix: '@'";
    assert_converted(
        config,
        &[
            (
                r##"{"a":{"b":1,"#attrs":{"c":"<\">&\n","d":2.50},"@e":false}}"##,
                "<a c=\"&lt;&quot;&gt;&amp;&#10;\" d=\"2.50\" e=\"false\"><b>1</b></a>",
            ),
            (r#"{"a":{"@":1}}"#, "<a><_x0040_>1</_x0040_></a>"),
        ],
    );
    let gateway = serve(&inbound(&format!("{{ apply: always, {config} }}")), hello());
    for body in
        [r#"{"a":{"@b":{}}}"#, r#"{"a":{"@b":[1]}}"#, r##"{"a":{"#attrs":{"b":[]}}}"##, r##"{"a":{"#attrs":1}}"##]
    {
        let response = post(&gateway, body);
        assert_eq!(response.status, 400, "{body}: {response:?}");
    }
    assert_eq!(logged_error(&gateway, 1).1, "JsonInvalid");
    assert!(gateway.origin.requests().is_empty());
}

#[test]
fn a_name_is_parted_only_where_a_prefix_is_declared() {
    assert_converted(
        "namespace-prefix: xmlns, namespace-block-name: '#ns', attribute-prefix: '@'",
        &[
            (r#"{"first_name":1}"#, "<first_name>1</first_name>"),
            (r#"{"p_a":{"xmlns_p":"u","p_b":1,"q_c":2}}"#, "<p:a xmlns:p=\"u\"><p:b>1</p:b><q_c>2</q_c></p:a>"),
            (r#"{"a":{"xmlns":"u","b":1}}"#, "<a xmlns=\"u\"><b>1</b></a>"),
            (
                r##"{"p_a":{"#ns":{"$default":"d","p":"u"},"p_b_c":1}}"##,
                "<p:a xmlns=\"d\" xmlns:p=\"u\"><p:b_c>1</p:b_c></p:a>",
            ),
            (r#"{"p_a":{"@xmlns_p":"u","@p_b":1}}"#, "<p:a xmlns:p=\"u\" p:b=\"1\"/>"),
            // It isn't declared any more here.
            (r#"{"a":{"p_b":{"xmlns_p":"u"},"p_c":1}}"#, "<a><p:b xmlns:p=\"u\"/><p_c>1</p_c></a>"),
        ],
    );
}

#[test]
fn what_xml_does_not_allow_in_names_is_escaped_or_replaced() {
    assert_converted(
        "trim-values: false",
        &[
            (r#"{"a b":1}"#, "<a_x0020_b>1</a_x0020_b>"),
            (r#"{"1":1}"#, "<_x0031_>1</_x0031_>"),
            (r#"{"":1}"#, "<_>1</_>"),
            (r#"{"a:b":1}"#, "<a_x003A_b>1</a_x003A_b>"),
            (r#"{"_x0020_":1}"#, "<_x005F_x0020_>1</_x005F_x0020_>"),
            (r#"{"größe":1}"#, "<größe>1</größe>"),
            (r#"{"<x>":1}"#, "<_x003C_x_x003E_>1</_x003C_x_x003E_>"),
        ],
    );
    assert_converted(
        "invalid-character-replacement: '-'",
        &[
            (r#"{"a b":"x\u0001y\uffff"}"#, "<a-b>x-y-</a-b>"),
            (r#"{"1a":1}"#, "<_1a>1</_1a>"),
            (r#"{" a":1}"#, "<_-a>1</_-a>"),
        ],
    );
}

#[test]
fn half_a_surrogate_pair_is_always_refused_and_control_characters_unless_replaced() {
    for (config, control) in [("trim-values: false", 400), ("invalid-character-replacement: _", 200)] {
        let gateway = serve(&inbound(&format!("{{ apply: always, {config} }}")), hello());
        for body in [r#"{"a":"\ud800"}"#, r#"{"a":"\udc00"}"#, r#"{"a":"\ud800\u0041"}"#, r#"{"\ud800":1}"#] {
            assert_eq!(post(&gateway, body).status, 400, "{body} with {config}");
        }
        for body in [r#"{"a":"\u0000"}"#, r#"{"a":"\u000b"}"#, r#"{"a":"\ufffe"}"#, r#"{"a":"\uffff"}"#] {
            assert_eq!(post(&gateway, body).status, control, "{body} with {config}");
        }
        assert_eq!(post(&gateway, r#"{"a":"\t\r\n\u007f"}"#).status, 200);
    }
}

#[test]
fn what_is_encoded_or_a_part_passes_or_is_refused_if_all_has_to_be_converted() {
    let gzip =
        || Request::post("/", "{}").header("content-type", "application/json").header("content-encoding", "gzip");
    let origin = hello();
    assert_eq!(serve(&inbound(BY_TYPE), &origin).send(&gzip()).status, 200);
    assert_eq!(origin.only_request().text(), "{}");
    assert_eq!(serve(&inbound("{ apply: always }"), hello()).send(&gzip()).status, 415);
    for (name, value, status) in [("content-encoding", "gzip", 200), ("content-range", "bytes 0-1/9", 206)] {
        let origin = || Origin::start(move |_| Response { status, ..json("{}").header(name, value) });
        let passed = serve(&outbound(BY_TYPE), origin()).get("/");
        assert_eq!((passed.status, passed.text()), (status, "{}"), "{name}");
        assert_eq!(serve(&outbound("{ apply: always }"), origin()).get("/").status, 502, "{name}");
    }
}

#[test]
fn what_has_no_body_passes_whatever_is_converted() {
    let origin = hello();
    let gateway = serve(&inbound("{ apply: always }"), &origin);
    assert_eq!(gateway.get("/").status, 200);
    assert_eq!(post(&gateway, "").status, 200);
    assert!(origin.requests().iter().all(|request| request.body.is_empty()));
    let gateway = serve(&outbound("{ apply: always }"), Origin::start(|_| Response::new(204)));
    assert_eq!(gateway.get("/").status, 204);
    let gateway = serve(&outbound("{ apply: always }"), Origin::start(|_| json("{}")));
    assert_eq!((gateway.send(&Request::new("HEAD", "/")).status, gateway.get("/").text()), (200, "<Document/>"));
}

#[test]
fn the_accept_header_counts_for_responses_only_and_only_if_told() {
    let config = "{ apply: content-type-json, consider-accept-header: false }";
    let gateway = serve(&outbound(config), Origin::start(|_| json(r#"{"a":1}"#)));
    for accept in ["application/json", "text/html", "application/xml"] {
        let response = gateway.send(&Request::get("/").header("accept", accept));
        assert_eq!((response.text(), response.headers.has("vary")), ("<a>1</a>", false), "{accept}");
    }
    let origin = hello();
    let request = Request::post("/", "{}").header("content-type", "text/json").header("accept", "application/json");
    serve(&inbound(BY_TYPE), &origin).send(&request);
    assert_eq!(origin.only_request().text(), "<Document/>");
}

#[test]
fn more_different_names_than_65536_are_refused() {
    let names = |count: usize| {
        let members: Vec<String> = (0..count).map(|n| format!("\"n{n:x}\":1")).collect();
        format!("{{{}}}", members.join(","))
    };
    let config = "{ json-to-xml: { apply: always }, limits: { fuel-per-body-byte: 10000, deadline-ms: 10000 } }";
    let gateway = serve(&open_api(&format!("inbound: [ {config} ]")), hello());
    assert_eq!(post(&gateway, names(65_536)).status, 200);
    assert_eq!(post(&gateway, names(65_537)).status, 413);
    assert_eq!(logged_error(&gateway, 2).1, "ConversionTooLarge");
}

#[test]
fn the_body_of_an_earlier_statement_is_converted_in_on_error() {
    let sections = "inbound: [ { ip-filter: { addresses: [192.0.2.7] } } ]\n\
                    on-error:\n\
                    \x20 - set-body: '{\"told\":1}'\n\
                    \x20 - set-header: { name: content-type, value: application/json }\n\
                    \x20 - json-to-xml: { apply: content-type-json }\n";
    assert_eq!(serve(&open_api(sections), hello()).get("/").text(), "<told>1</told>");
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    let cases = [
        ("json-to-xml: §{}", "apply"),
        ("json-to-xml: { apply: §content-type-xml }", "content-type-json"),
        ("json-to-xml: { apply: always, namespace-separator: §'' }", "shorter than 1"),
        ("json-to-xml: { apply: always, invalid-character-replacement: §'<' }", "characters that XML allows in names"),
        ("json-to-xml: { apply: always, attribute-block-name: a, namespace-block-name: §a }", "must differ"),
        ("json-to-xml: { apply: always, empty-values: §drop }", "as-null"),
        ("json-to-xml: { apply: always, §parse-dates: true }", "did you mean `parse-date`?"),
    ];
    for section in ["inbound", "outbound", "on-error"] {
        refused(section, &cases);
    }
}
