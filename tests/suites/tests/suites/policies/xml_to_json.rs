//! `xml-to-json`: XML bodies become JSON, both ways.

use super::*;
use std::time::Duration;
use tollgate_harness::Answer;

const ORDER: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<o:order xmlns:o="urn:orders" xmlns="urn:default" o:id="0017">
  <!-- two lines -->
  <line sku="a&amp;b">12.50</line>
  <line sku="c"><![CDATA[<7>]]></line>
  <total>100000000000000000000000001.10</total>
  <note/>
</o:order>"#;

/// Converts responses.
fn outbound(config: &str) -> String {
    open_api(&format!("outbound: [ {{ xml-to-json: {config} }} ]"))
}

/// Converts requests.
fn inbound(config: &str) -> String {
    open_api(&format!("inbound: [ {{ xml-to-json: {config} }} ]"))
}

fn xml(body: impl Into<Vec<u8>>) -> Response {
    Response::new(200).header("content-type", "application/xml; charset=utf-8").body(body)
}

fn origin(response: Response) -> Origin {
    Origin::start(move |_| response.clone())
}

const DIRECT: &str = "{ kind: direct, apply: content-type-xml }";

#[test]
fn direct_keeps_names_namespaces_attributes_and_texts_as_they_are() {
    let gateway = serve(&outbound(DIRECT), origin(xml(ORDER)));
    let response = gateway.get("/");
    let expected = concat!(
        r##"{"o:order":{"@xmlns:o":"urn:orders","@xmlns":"urn:default","@o:id":"0017","##,
        r##""line":[{"@sku":"a&b","#text":"12.50"},{"@sku":"c","#text":"<7>"}],"##,
        r##""total":"100000000000000000000000001.10","note":""}}"##,
    );
    assert_eq!((response.status, response.text()), (200, expected));
    assert_eq!(response.headers.all("content-type"), ["application/json"]);
    assert_eq!(response.headers.all("content-length"), [expected.len().to_string()]);
}

#[test]
fn javascript_friendly_leaves_prefixes_out_and_has_attributes_as_members() {
    let gateway = serve(&outbound("{ kind: javascript-friendly, apply: content-type-xml }"), origin(xml(ORDER)));
    let expected = concat!(
        r#"{"order":{"id":"0017","line":[{"sku":"a&b","$text":"12.50"},{"sku":"c","$text":"<7>"}],"#,
        r#""total":"100000000000000000000000001.10","note":""}}"#,
    );
    assert_eq!(gateway.get("/").text(), expected);
}

#[test]
fn attributes_of_the_statement_change_the_mapping() {
    for (config, expected) in [
        ("always-array-child-elements: true", r#"{"a":{"b":[" 1 "],"c":[""]}}"#),
        ("preserve-whitespace-nodes: true", r##"{"a":{"#text":["\n "," "],"b":" 1 ","c":""}}"##),
        ("empty-values: as-null", r#"{"a":{"b":" 1 ","c":null}}"#),
        ("trim-values: true", r#"{"a":{"b":"1","c":""}}"#),
    ] {
        let yaml = outbound(&format!("{{ kind: direct, apply: always, {config} }}"));
        let gateway = serve(&yaml, origin(xml("<a>\n <b> 1 </b> <c/></a>")));
        assert_eq!(gateway.get("/").text(), expected, "{config}");
    }
}

#[test]
fn a_request_is_converted_and_the_origin_sees_json_with_its_length() {
    let origin = hello();
    let gateway = serve(&inbound(DIRECT), &origin);
    let request = || Request::post("/", "<a><b>1</b><b>é</b></a>").header("content-type", "text/xml");
    assert_eq!(gateway.send(&request()).status, 200);
    let chunked = Request::new("POST", "/")
        .header("content-type", "text/xml")
        .header("transfer-encoding", "chunked")
        .body("5\r\n<a><b\r\n13\r\n>1</b><b>é</b></a>\r\n0\r\n\r\n");
    assert_eq!(gateway.send(&chunked).status, 200);
    let expected = r#"{"a":{"b":["1","é"]}}"#;
    for seen in origin.requests() {
        assert_eq!(seen.text(), expected);
        assert_eq!(seen.headers.all("content-type"), ["application/json"]);
        assert_eq!(seen.headers.all("content-length"), [expected.len().to_string()]);
        assert!(!seen.headers.has("transfer-encoding"));
    }
}

#[test]
fn other_media_types_pass_untouched_unless_all_are_converted() {
    for content_type in ["text/plain", "text/html", "application/json", "application/xml-dtd"] {
        let response =
            || Response::new(200).header("content-type", content_type).header("etag", "\"e\"").body("<a>1</a>");
        let passed = serve(&outbound(DIRECT), origin(response())).get("/");
        assert_eq!((passed.text(), passed.headers.get("content-type")), ("<a>1</a>", Some(content_type)));
        assert_eq!(passed.headers.get("etag"), Some("\"e\""));
        let converted = serve(&outbound("{ kind: direct, apply: always }"), origin(response())).get("/");
        assert_eq!(converted.text(), r#"{"a":"1"}"#, "{content_type}");
        assert_eq!(converted.headers.get("etag"), Some("W/\"e\""));
    }
}

#[test]
fn what_is_not_converted_streams_past() {
    let whole = Response::new(200).header("content-type", "text/plain").body("first and the rest");
    let origin = Origin::start(move |_| Answer::stall_in_body(whole.clone(), 5));
    let gateway = serve(&outbound(DIRECT), &origin);
    let mut connection = gateway.connect();
    connection.write(&Request::get("/").to_bytes("tollgate.example")).unwrap();
    assert_eq!(connection.read_response_head().unwrap().status, 200);
    // The origin hasn't sent more than this, and never will.
    assert_eq!(connection.read_some(100).unwrap(), b"first");
}

#[test]
fn a_body_that_is_not_converted_may_be_of_any_size() {
    let large = vec![b'<'; 9 << 20];
    let response = Response::new(200).header("content-type", "application/octet-stream").body(large.clone());
    assert_eq!(serve(&outbound(DIRECT), origin(response)).get("/").body, large);
    let origin = hello();
    let gateway = serve(&inbound(DIRECT), &origin);
    assert_eq!(gateway.send(&Request::post("/", large.clone()).header("content-type", "text/plain")).status, 200);
    assert_eq!(origin.only_request().body, large);
}

#[test]
fn a_client_that_wants_xml_gets_it_unless_its_wish_is_no_matter() {
    let ask = |config: &str, accept: &str| {
        let gateway = serve(&outbound(config), origin(xml("<a/>")));
        let response = gateway.send(&Request::get("/").header("accept", accept));
        assert_eq!(response.headers.has("vary"), !config.contains("consider"));
        response.text().to_owned()
    };
    for accept in ["application/xml", "text/html", "application/xml, application/json;q=0.5"] {
        assert_eq!(ask(DIRECT, accept), "<a/>", "{accept}");
    }
    for accept in ["application/json", "*/*", "application/xml;q=0.5, application/json"] {
        assert_eq!(ask(DIRECT, accept), r#"{"a":""}"#, "{accept}");
    }
    let deaf = "{ kind: direct, apply: content-type-xml, consider-accept-header: false }";
    assert_eq!(ask(deaf, "application/xml"), r#"{"a":""}"#);
}

#[test]
fn a_document_type_is_refused_before_it_can_declare_anything() {
    let bomb = "<!DOCTYPE a [<!ENTITY x \"xx\"><!ENTITY y \"&x;&x;\">]><a>&y;</a>";
    let outside = "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>";
    for body in [bomb, outside, "<!DOCTYPE a><a/>"] {
        let gateway = serve(&inbound(DIRECT), hello());
        let response = gateway.send(&Request::post("/", body).header("content-type", "application/xml"));
        assert_eq!(response.status, 400, "{body}");
        assert!(response.text().contains("(line 1, column 1)"), "{}", response.text());
        let gateway = serve(&outbound(DIRECT), origin(xml(body)));
        assert_error(&gateway.get("/"), 502, "The response of the origin can't be converted.");
    }
}

#[test]
fn a_malformed_request_is_told_where_and_never_reaches_the_origin() {
    let origin = hello();
    let gateway = serve(&inbound(DIRECT), &origin);
    let post = |body: &str| gateway.send(&Request::post("/", body).header("content-type", "application/xml"));
    let told = "The request body can't be converted to JSON: an end tag must repeat the name of the start tag (line 2, column 11).";
    assert_error(&post("<a>\n  <secret></a>"), 400, told);
    assert_eq!(logged_error(&gateway, 1), ("xml-to-json".to_owned(), "XmlInvalid".to_owned()));
    for body in ["x", "<a>", "<a/><b/>", "<a b=1/>", "<a>&nbsp;</a>", "<a>\u{1}</a>", "<p:a/>"] {
        assert_eq!(post(body).status, 400, "{body:?}");
    }
    assert!(origin.requests().is_empty());
}

#[test]
fn a_malformed_response_is_502_and_told_to_the_operator_only() {
    let gateway = serve(&outbound(DIRECT), origin(xml("<a><secret></a>")));
    assert_error(&gateway.get("/"), 502, "The response of the origin can't be converted.");
    assert_eq!(logged_error(&gateway, 1), ("xml-to-json".to_owned(), "XmlInvalid".to_owned()));
    let line = gateway.wait_for_log("can't be converted to JSON");
    assert!(line.contains("end tag") && !line.contains("secret"), "{line}");
}

#[test]
fn elements_may_be_nested_127_deep() {
    let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    let gateway = serve(&inbound(DIRECT), hello());
    let post = |depth| gateway.send(&Request::post("/", nested(depth)).header("content-type", "application/xml"));
    assert_eq!(post(127).status, 200);
    let told = "The request body can't be converted to JSON: elements are nested 128 deep (line 1, column 382).";
    assert_error(&post(128), 400, told);
    assert_eq!(post(100_000).status, 400);
}

#[test]
fn four_mebibytes_are_converted_and_more_are_refused() {
    let line =
        "<order id=\"17\">\n  <customer>Jane &amp; Joe</customer>\n  <total currency=\"EUR\">12.50</total>\n</order>\n";
    let body = |bytes: usize| {
        let lines = line.repeat((bytes - "<a></a>".len()) / line.len());
        let body = format!("<a>{lines}</a>");
        let padding = " ".repeat(bytes - body.len());
        body + &padding
    };
    let origin = hello();
    let gateway = serve(&inbound(DIRECT), &origin);
    let post = |bytes| gateway.send(&Request::post("/", body(bytes)).header("content-type", "application/xml")).status;
    assert_eq!(post(4 << 20), 200);
    let seen = origin.only_request();
    let orders = serde_json::from_slice::<Value>(&seen.body).unwrap()["a"]["order"].as_array().unwrap().len();
    assert_eq!(orders, ((4 << 20) - 7) / line.len());
    assert_eq!(post((4 << 20) + 1), 413);

    let large = Origin::start(move |_| Answer::chunked(xml(body((4 << 20) + 1)), 9));
    assert_eq!(serve(&outbound(DIRECT), &large).get("/").status, 502);
}

#[test]
fn what_is_compressed_passes_unless_all_is_converted() {
    let coded = || xml("<a/>").header("content-encoding", "gzip");
    assert_eq!(serve(&outbound(DIRECT), origin(coded())).get("/").text(), "<a/>");
    let gateway = serve(&outbound("{ kind: direct, apply: always }"), origin(coded()));
    assert_error(&gateway.get("/"), 502, "The response of the origin can't be converted.");
    assert_eq!(logged_error(&gateway, 1).1, "ContentEncodingUnsupported");
    let gateway = serve(&inbound("{ kind: direct, apply: always }"), hello());
    let refused = gateway.send(&Request::post("/", "<a/>").header("content-encoding", "br"));
    assert_error(&refused, 415, "The request body must not be encoded.");
    assert_eq!(refused.headers.get("accept-encoding"), Some("identity"));
}

#[test]
fn messages_without_a_body_pass() {
    let always = "{ kind: direct, apply: always }";
    let origin = Origin::start(|_| Response::new(204));
    let gateway = serve(
        &open_api(&format!("inbound: [ {{ xml-to-json: {always} }} ]\noutbound: [ {{ xml-to-json: {always} }} ]")),
        &origin,
    );
    for request in [Request::get("/"), Request::post("/", ""), Request::new("HEAD", "/")] {
        assert_eq!(gateway.send(&request).status, 204);
    }
}

#[test]
fn a_truncated_response_is_502_and_no_half_document() {
    for answer in
        [Answer::close_in_body(xml("<a>1</a>"), 8 - 1), Answer::drip(xml("<a>1</a>"), 9, Duration::from_millis(1))]
    {
        let is_whole = !matches!(&answer, Answer::Script(steps) if steps.contains(&tollgate_harness::Step::Close));
        let origin = Origin::start(move |_| answer.clone());
        let response = serve(&outbound(DIRECT), &origin).get("/");
        assert_eq!(response.status, if is_whole { 200 } else { 502 });
    }
}

/// What the client gets of this document.
#[track_caller]
fn converted(config: &str, body: impl Into<Vec<u8>>) -> String {
    let yaml = outbound(&format!("{{ apply: always, {config} }}"));
    let response = serve(&yaml, origin(xml(body))).get("/");
    assert_eq!(response.status, 200, "{response:?}");
    response.text().to_owned()
}

#[test]
fn the_mapping_is_as_the_table_has_it() {
    for (body, direct, friendly) in [
        ("<a><b>1</b><b>2</b></a>", r#"{"a":{"b":["1","2"]}}"#, r#"{"a":{"b":["1","2"]}}"#),
        ("<a id=\"7\">x</a>", r##"{"a":{"@id":"7","#text":"x"}}"##, r#"{"a":{"id":"7","$text":"x"}}"#),
        (
            "<p>Hello <b>big</b> world</p>",
            r##"{"p":{"#text":["Hello "," world"],"b":"big"}}"##,
            r#"{"p":{"$text":"Hello  world","b":"big"}}"#,
        ),
        ("<n:a xmlns:n=\"u\"><n:c-d/></n:a>", r#"{"n:a":{"@xmlns:n":"u","n:c-d":""}}"#, r#"{"a":{"c_d":""}}"#),
        // Siblings stand at the place of the first; nothing is guessed.
        (
            "<a><b>007</b><c/><b>true</b></a>",
            r#"{"a":{"b":["007","true"],"c":""}}"#,
            r#"{"a":{"b":["007","true"],"c":""}}"#,
        ),
        ("<a b='1'><b>2</b></a>", r#"{"a":{"@b":"1","b":"2"}}"#, r#"{"a":{"b":["1","2"]}}"#),
        ("<a><!-- x --><?p x?><![CDATA[<&]]></a>", r#"{"a":"<&"}"#, r#"{"a":"<&"}"#),
        (
            "<a xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'><b xsi:nil='true'/></a>",
            r#"{"a":{"@xmlns:xsi":"http://www.w3.org/2001/XMLSchema-instance","b":{"@xsi:nil":"true"}}}"#,
            r#"{"a":{"b":null}}"#,
        ),
    ] {
        assert_eq!(converted("kind: direct", body), direct, "{body}");
        assert_eq!(converted("kind: javascript-friendly", body), friendly, "{body}");
    }
}

#[test]
fn white_space_is_kept_where_somebody_asks_for_it() {
    for (config, body, expected) in [
        ("kind: direct", "<a> <b/> </a>", r#"{"a":{"b":""}}"#),
        ("kind: direct", "<a xml:space='preserve'> </a>", r##"{"a":{"@xml:space":"preserve","#text":" "}}"##),
        ("kind: direct", "<a><![CDATA[ ]]></a>", r#"{"a":" "}"#),
        ("kind: direct", "<a>&#32;</a>", r#"{"a":" "}"#),
        ("kind: direct, trim-values: true", "<a b=' x '> y&#32; </a>", r##"{"a":{"@b":"x","#text":"y "}}"##),
        ("kind: direct, empty-values: as-null", "<a b=''><c/></a>", r#"{"a":{"@b":null,"c":null}}"#),
        (
            "kind: direct, always-array-child-elements: true",
            "<a b='1'>x<c/></a>",
            r##"{"a":{"@b":"1","#text":"x","c":[""]}}"##,
        ),
    ] {
        assert_eq!(converted(config, body), expected, "{config} {body}");
    }
}

#[test]
fn utf_8_and_utf_16_with_a_mark_are_read_and_others_refused() {
    let utf_16 = |text: &str, big: bool| -> Vec<u8> {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    };
    let answer = |content_type: &'static str, body: Vec<u8>| {
        let response = Response::new(200).header("content-type", content_type).body(body);
        serve(&outbound(DIRECT), origin(response)).get("/")
    };
    for body in [b"\xef\xbb\xbf<a>\xc3\xa9</a>".to_vec(), utf_16("<a>é</a>", true), utf_16("<a>é</a>", false)] {
        assert_eq!(answer("text/xml", body).text(), r#"{"a":"é"}"#);
    }
    for (content_type, body) in [
        ("text/xml", &b"<?xml version='1.0' encoding='iso-8859-1'?><a>\xe9</a>"[..]),
        ("text/xml; charset=iso-8859-1", b"<a/>"),
        ("text/xml", b"<a>\xe9</a>"),
        ("text/xml", b"<?xml version='1.1'?><a/>"),
    ] {
        assert_eq!(answer(content_type, body.to_vec()).status, 502, "{content_type} {}", body.escape_ascii());
    }
}

#[test]
fn what_is_told_of_the_former_bytes_goes_and_vary_tells_of_accept() {
    let response = || {
        let response = xml("<a/>").header("content-md5", "x").header("digest", "x").header("content-digest", "x");
        response.header("repr-digest", "x").header("accept-ranges", "bytes").header("etag", "\"1\"")
    };
    let received = serve(&outbound(DIRECT), origin(response().header("content-encoding", "identity"))).get("/");
    assert_eq!(received.text(), r#"{"a":""}"#);
    for name in ["content-md5", "digest", "content-digest", "repr-digest", "accept-ranges", "content-encoding"] {
        assert!(!received.headers.has(name), "{name} in {received:?}");
    }
    assert_eq!(received.headers.all("etag"), ["W/\"1\""]);
    assert!(received.headers.all("vary").concat().eq_ignore_ascii_case("accept"), "{received:?}");
}

#[test]
fn a_part_of_a_response_passes_unless_all_is_converted() {
    let part =
        || Response::new(206).header("content-type", "text/xml").header("content-range", "bytes 0-3/9").body("<a/>");
    assert_eq!(serve(&outbound(DIRECT), origin(part())).get("/").text(), "<a/>");
    let all = outbound("{ kind: direct, apply: always }");
    assert_eq!(serve(&all, origin(part())).get("/").status, 502);
}

#[test]
fn in_on_error_a_body_that_can_not_be_converted_stays() {
    let sections = |body: &str| {
        format!(
            "inbound: [ {{ check-header: {{ name: x-plan, failed-check-httpcode: 402 }} }} ]\n\
             on-error:\n  - set-header: {{ name: content-type, value: text/xml }}\n  - set-body: '{body}'\n  \
             - xml-to-json: {{ kind: direct, apply: always }}\n"
        )
    };
    let answer = |body: &str| serve(&open_api(&sections(body)), hello()).get("/");
    let broken = answer("<a><b></a>");
    assert_eq!((broken.status, broken.text()), (402, "<a><b></a>"));
}

#[test]
fn too_much_on_one_element_is_malformed_and_too_much_of_a_result_is_too_large() {
    let limits = "limits: { fuel: 100000000000, deadline-ms: 60000 }";
    let sections = format!("inbound: [ {{ xml-to-json: {DIRECT}, {limits} }} ]");
    let gateway = serve(&open_api(&sections), hello());
    let post = |body: String| gateway.send(&Request::post("/", body).header("content-type", "application/xml"));
    let attributes = |count: usize| {
        let attributes: String = (0..count).map(|number| format!(" a{number}=''")).collect();
        format!("<a{attributes}/>")
    };
    assert_eq!([post(attributes(256)).status, post(attributes(257)).status], [200, 400]);
    let namespaces = |count: usize| {
        let declarations: String = (0..count).map(|number| format!(" xmlns:a{number}='u'")).collect();
        format!("<a{declarations}/>")
    };
    assert_eq!([post(namespaces(64)).status, post(namespaces(65)).status], [200, 400]);
    let names: String = (0..65_600).map(|number| format!("<a{number}/>")).collect();
    let refused = post(format!("<a>{names}</a>"));
    assert_eq!(refused.status, 413, "{refused:?}");
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    let cases = [
        ("xml-to-json: §{ apply: always }", "kind"),
        ("xml-to-json: §{ kind: direct }", "apply"),
        ("xml-to-json: { kind: §fancy, apply: always }", "javascript-friendly"),
        ("xml-to-json: { kind: direct, apply: §content-type-json }", "content-type-xml"),
        ("xml-to-json: { kind: direct, apply: always, trim-values: §'yes' }", "boolean"),
        (
            "xml-to-json: { kind: direct, apply: always, §always-array-children: true }",
            "unknown key `always-array-children`; it takes kind, apply, ",
        ),
    ];
    for section in ["inbound", "outbound", "on-error"] {
        refused(section, &cases);
    }
}
