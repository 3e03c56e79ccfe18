//! `validate-content`: bodies are held against what the operation has.

use super::*;

const OPERATIONS: &str = "[ { id: any, method: '*', url: '/*', \
    request: { representations: [ { content-type: application/json, schema: { ref: order } }, \
                                  { content-type: application/xml } ] }, \
    responses: [ { status: 200, representations: [ { content-type: application/json, schema: { ref: order } } ] } ] } ]";

const SCHEMAS: &str = "schemas:\n  order: { type: object, required: [ id ], properties: { id: { type: integer } } }\n";

const CONTENT: &str = "content: [ { type: application/json, validate-as: json, action: prevent }, \
                       { type: application/xml, validate-as: xml, action: prevent } ]";

const STRICT: &str = "unspecified-content-type-action: prevent, max-size: 100, size-exceeded-action: prevent";

/// The document, in which `section` validates and responses tell in `x-errors` what was recorded.
fn document(section: &str, config: &str) -> String {
    let statement = format!("validate-content: {{ errors-variable-name: errors, {config} }}");
    let tell = "set-header: { name: x-errors, value: \"${variables.errors}\" }";
    let sections = match section {
        "inbound" => format!("inbound: [ {{ {statement} }} ]\noutbound: [ {{ {tell} }} ]\non-error: [ {{ {tell} }} ]"),
        _ => format!("outbound: [ {{ {statement} }}, {{ {tell} }} ]\non-error: [ {{ {tell} }} ]"),
    };
    format!("{}{SCHEMAS}", api_with_operations(&sections, OPERATIONS))
}

fn validating(config: &str) -> Served<Origin> {
    serve(&document("inbound", config), hello())
}

fn post(content_type: &str, body: &str) -> Request {
    let request = Request::post("/orders", body);
    if content_type.is_empty() { request } else { request.header("content-type", content_type) }
}

/// Type, name, rule and action of each error.
#[track_caller]
fn errors(response: &Response) -> Vec<String> {
    let text = response.headers.get("x-errors").unwrap_or_default();
    let errors: Vec<Value> = if text.is_empty() { Vec::new() } else { serde_json::from_str(text).unwrap() };
    let told =
        |error: &Value| ["Type", "Name", "ValidationRule", "Action"].map(|key| error[key].as_str().unwrap().to_owned());
    errors.iter().map(|error| told(error).join(" ")).collect()
}

#[test]
fn a_body_that_fits_the_operation_reaches_the_origin() {
    let gateway = validating(&format!("{STRICT}, {CONTENT}"));
    for (content_type, body) in
        [("application/json; charset=utf-8", r#"{"id": 1}"#), ("APPLICATION/XML", "<a b='c'>d</a>")]
    {
        let response = gateway.send(&post(content_type, body));
        assert_eq!((response.status, errors(&response)), (200, Vec::new()), "{body}");
    }
    let bodies: Vec<_> = gateway.origin.requests().into_iter().map(|request| request.body).collect();
    assert_eq!(bodies, [br#"{"id": 1}"#.to_vec(), b"<a b='c'>d</a>".to_vec()]);
}

#[test]
fn a_body_that_does_not_is_refused_with_its_place() {
    let gateway = validating(&format!("{STRICT}, {CONTENT}"));
    let message = "Body of the request does not conform to the definition: `/id`: expected an integer, found text.";
    assert_error(&gateway.send(&post("application/json", r#"{"id": "secret"}"#)), 400, message);
    for (content_type, body) in [
        ("application/json", "{}"),
        ("application/json", "{"),
        ("application/json", ""),
        ("application/xml", "<a></b>"),
    ] {
        let response = gateway.send(&post(content_type, body));
        let error = format!("RequestBody {content_type} IncorrectMessage prevent");
        assert_eq!((response.status, errors(&response)), (400, vec![error]), "{body}");
    }
    assert_eq!(logged_error(&gateway, 5), ("validate-content".to_owned(), "BadRequest".to_owned()));
    assert!(gateway.origin.requests().is_empty());
}

#[test]
fn a_response_is_refused_in_words_that_tell_nothing() {
    let answering = |body: &'static str| {
        Origin::start(move |_| Response::new(200).header("content-type", "application/json").body(body))
    };
    let yaml = document("outbound", &format!("{STRICT}, {CONTENT}"));
    assert_eq!(serve(&yaml, answering(r#"{"id": 1}"#)).get("/orders").text(), r#"{"id": 1}"#);
    let response = serve(&yaml, answering(r#"{"id": "secret"}"#)).get("/orders");
    let message = "The request could not be processed due to an internal error. Contact the API owner.";
    assert_error(&response, 502, message);
    assert_eq!(errors(&response), ["ResponseBody application/json IncorrectMessage prevent"]);
}

#[test]
fn a_media_type_that_the_operation_has_not_is_an_error() {
    let gateway = validating(&format!("{STRICT}, {CONTENT}"));
    let message = "Unspecified content type text/plain is not allowed.";
    assert_error(&gateway.send(&post("text/plain", "x")), 400, message);
    assert_error(&gateway.send(&post("", "x")), 400, "A missing content type is not allowed.");
    assert_eq!(gateway.get("/orders").status, 200);
}

#[test]
fn media_types_are_taken_for_others() {
    let map = "content-type-map: { missing-content-type-value: application/json, types: [ \
               { from: application/hal+json, to: application/json }, \
               { when: \"${request.headers['x-xml'] != null}\", to: application/xml } ] }";
    let gateway = validating(&format!("{STRICT}, {CONTENT}, {map}"));
    for request in [post("application/hal+json", "{}"), post("", "{}")] {
        assert_eq!(errors(&gateway.send(&request)), ["RequestBody application/json IncorrectMessage prevent"]);
    }
    assert_eq!(gateway.send(&post("text/plain", "<a/>").header("x-xml", "1")).status, 200);
}

#[test]
fn a_body_that_is_too_large_is_an_error() {
    let large = format!(r#"{{"id": 1, "x": "{}"}}"#, "a".repeat(200));
    let message = format!("Body of the request is {} bytes long, and it exceeds the limit of 100 bytes.", large.len());
    let gateway = validating(&format!("{STRICT}, {CONTENT}"));
    assert_error(&gateway.send(&post("application/json", &large)), 400, &message);
    let detecting = validating(&format!(
        "unspecified-content-type-action: ignore, max-size: 100, size-exceeded-action: detect, {CONTENT}"
    ));
    let response = detecting.send(&post("application/json", &large));
    assert_eq!((response.status, errors(&response)), (200, vec!["RequestBody  SizeLimit detect".to_owned()]));
}

#[test]
fn a_compressed_body_can_not_be_looked_at() {
    let request = post("application/json", "x").header("content-encoding", "gzip");
    let response = validating(&format!("{STRICT}, {CONTENT}")).send(&request);
    let expected = vec!["RequestBody application/json ValidationException prevent".to_owned()];
    assert_eq!((response.status, errors(&response)), (400, expected));
}

#[test]
fn a_schema_of_ones_own_wins_and_may_be_read_otherwise() {
    let own = "content: [ { type: application/json, validate-as: json, action: prevent, \
               schema: { components: { schemas: { order: { required: [ no ] } } } }, \
               schema-ref: '#/components/schemas/order' } ]";
    let gateway = validating(&format!("{STRICT}, {own}"));
    assert_eq!(gateway.send(&post("application/json", r#"{"no": 1}"#)).status, 200);
    assert_eq!(gateway.send(&post("application/json", r#"{"id": 1}"#)).status, 400);
    let otherwise = "content: [ { type: application/json, validate-as: json, action: prevent, \
                     allow-additional-properties: false, case-insensitive-property-names: true } ]";
    let gateway = validating(&format!("{STRICT}, {otherwise}"));
    assert_eq!(gateway.send(&post("application/json", r#"{"ID": 1}"#)).status, 200);
    assert_eq!(gateway.send(&post("application/json", r#"{"id": 1, "x": 2}"#)).status, 400);
}

#[test]
fn detect_records_every_error_and_lets_pass() {
    let content = "content: [ { type: application/json, validate-as: json, action: detect } ]";
    let response = validating(&format!("{STRICT}, {content}")).send(&post("application/json", "{}"));
    assert_eq!((response.status, response.text()), (200, "hello"));
    assert_eq!(errors(&response), ["RequestBody application/json IncorrectMessage detect"]);
}

#[test]
fn deep_and_large_bodies_are_looked_at_within_bounds() {
    let content = "unspecified-content-type-action: ignore, max-size: 4194304, size-exceeded-action: prevent, \
                   content: [ { type: application/json, validate-as: json, action: prevent, schema: { \
                   properties: { a: { $ref: '#' } }, items: { type: object, required: [ id ], properties: { \
                   id: { type: integer }, name: { type: string, pattern: '^[a-z]+( [a-z]+)*$' } } } } } ]";
    let gateway = validating(content);
    let deep = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    for (depth, status) in [(60, 200), (120, 400), (10_000, 400)] {
        assert_eq!(gateway.send(&post("application/json", &deep(depth))).status, status, "{depth}");
    }
    let items = |last: &str| {
        let items: Vec<String> = (0..20_000).map(|id| format!(r#"{{"id":{id},"name":"some plain words"}}"#)).collect();
        format!("[{},{last}]", items.join(","))
    };
    assert_eq!(gateway.send(&post("application/json", &items(r#"{"id":1}"#))).status, 200);
    assert_eq!(gateway.send(&post("application/json", &items(r#"{"id":"x"}"#))).status, 400);
}

#[test]
fn a_message_without_a_body_is_fine_but_a_named_type_makes_an_empty_one() {
    let gateway = validating(&format!("{STRICT}, {CONTENT}"));
    for (request, status) in [
        (Request::get("/orders"), 200),
        (Request::new("DELETE", "/orders"), 200),
        (Request::post("/orders", ""), 200),
        (Request::post("/orders", "").header("content-type", "application/json"), 400),
        (Request::new("PUT", "/orders").header("content-type", "application/json"), 400),
        (Request::get("/orders").header("content-type", "application/json"), 200),
    ] {
        assert_eq!(gateway.send(&request).status, status, "{request:?}");
    }
    let yaml = document("outbound", &format!("{STRICT}, {CONTENT}"));
    for (status, expected) in [(204, 204), (304, 304), (200, 502)] {
        let origin = Origin::start(move |_| Response::new(status).header("content-type", "application/json"));
        assert_eq!(serve(&yaml, origin).get("/orders").status, expected, "{status}");
    }
    let origin = Origin::start(|_| Response::new(200).header("content-type", "application/json").body("{}"));
    assert_eq!(serve(&yaml, origin).send(&Request::new("HEAD", "/orders")).status, 200);
}

#[test]
fn xml_must_be_well_formed_and_declare_no_document_type() {
    let gateway = validating(&format!("{STRICT}, {CONTENT}"));
    for (body, status) in [
        ("<?xml version='1.0'?><a xmlns='u'><b/></a>", 200),
        ("<!DOCTYPE a><a/>", 400),
        ("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", 400),
        ("<a/><b/>", 400),
        ("<p:a/>", 400),
        ("{}", 400),
    ] {
        assert_eq!(gateway.send(&post("application/xml", body)).status, status, "{body}");
    }
}

#[test]
fn a_body_that_can_not_be_read_fails_the_statement() {
    let gateway = validating(&format!("{STRICT}, {CONTENT}"));
    assert_eq!(gateway.send(&post("application/json", &"x".repeat((4 << 20) + 1))).status, 413);
    assert!(gateway.origin.requests().is_empty());
}

#[test]
fn a_body_that_announces_no_size_is_counted() {
    let chunked = Request::post("/orders", format!("65\r\n{}\r\n0\r\n\r\n", "x".repeat(101)))
        .header("content-type", "application/json")
        .header("transfer-encoding", "chunked");
    let response = validating(&format!("{STRICT}, {CONTENT}")).send(&chunked);
    assert_error(&response, 400, "Body of the request is 101 bytes long, and it exceeds the limit of 100 bytes.");
}

#[test]
fn a_body_over_four_mebibytes_fails_the_statement_if_it_has_to_be_read() {
    let config = "unspecified-content-type-action: ignore, max-size: 4194304, size-exceeded-action: detect, \
                  content: [ { validate-as: json, action: prevent } ]";
    let json = |bytes: usize| format!("{{\"id\": 1{}}}", " ".repeat(bytes - 9));
    let gateway = validating(config);
    assert_eq!(gateway.send(&post("application/json", &json(4 << 20))).status, 200);
    assert_eq!(gateway.send(&post("application/json", &json((4 << 20) + 1))).status, 413);
    let yaml = document("outbound", config);
    let origin =
        Origin::start(move |_| Response::new(200).header("content-type", "application/json").body(json((4 << 20) + 1)));
    assert_eq!(serve(&yaml, origin).get("/orders").status, 502);
}

#[test]
fn a_part_of_a_response_can_not_be_looked_at() {
    let operations = OPERATIONS.replace("status: 200", "status: 206");
    let sections = format!("outbound: [ {{ validate-content: {{ {STRICT}, {CONTENT} }} }} ]");
    let yaml = format!("{}{SCHEMAS}", api_with_operations(&sections, &operations));
    let origin = Origin::start(|_| {
        let response = Response::new(206).header("content-type", "application/json");
        response.header("content-range", "bytes 0-7/99").body(r#"{"id": 1"#)
    });
    assert_eq!(serve(&yaml, origin).get("/orders").status, 502);
}

#[test]
fn a_response_is_held_against_what_its_status_has() {
    let yaml = document("outbound", &format!("{STRICT}, {CONTENT}"));
    let origin = Origin::start(|_| Response::new(201).header("content-type", "application/json").body(r#"{"id": 1}"#));
    let response = serve(&yaml, origin).get("/orders");
    assert_eq!(
        (response.status, errors(&response)),
        (502, vec!["ResponseBody application/json Unspecified prevent".into()])
    );
}

#[test]
fn without_operations_no_media_type_is_specified_unless_a_rule_has_a_schema() {
    let own = "content: [ { type: application/json, validate-as: json, action: prevent, schema: { type: object } } ]";
    let gateway = serve(&open_api(&format!("inbound: [ {{ validate-content: {{ {STRICT}, {own} }} }} ]")), hello());
    for (content_type, body, status) in
        [("application/json", "{}", 200), ("application/json", "[]", 400), ("application/xml", "<a/>", 400)]
    {
        assert_eq!(gateway.send(&post(content_type, body)).status, status, "{content_type} {body}");
    }
}

#[test]
fn additional_properties_are_as_the_rule_says() {
    let rule = |more: &str, schema: &str| {
        format!(
            "{STRICT}, content: [ {{ type: application/json, validate-as: json, action: prevent, schema: {schema}{more} }} ]"
        )
    };
    let closed = "{ properties: { a: { } }, additionalProperties: false }";
    let open = "{ properties: { a: { properties: { b: { } } } } }";
    let map = "{ type: object }";
    for (more, schema, body, status) in [
        ("", closed, r#"{"x":1}"#, 400),
        (", allow-additional-properties: true", closed, r#"{"x":1}"#, 200),
        ("", open, r#"{"x":1}"#, 200),
        (", allow-additional-properties: false", open, r#"{"x":1}"#, 400),
        (", allow-additional-properties: false", open, r#"{"a":{"x":1}}"#, 400),
        (", allow-additional-properties: false", open, r#"{"a":{"b":1}}"#, 200),
        (", allow-additional-properties: false", map, r#"{"x":1}"#, 200),
    ] {
        let gateway = validating(&rule(more, schema));
        assert_eq!(gateway.send(&post("application/json", body)).status, status, "{body} for {schema}{more}");
    }
}

#[test]
fn any_content_type_value_takes_every_body_for_that() {
    let map = "content-type-map: { any-content-type-value: application/json }";
    let gateway = validating(&format!("{STRICT}, {CONTENT}, {map}"));
    for content_type in ["text/plain", "application/xml", ""] {
        assert_eq!(gateway.send(&post(content_type, r#"{"id": 1}"#)).status, 200, "{content_type}");
        assert_eq!(gateway.send(&post(content_type, "{}")).status, 400, "{content_type}");
    }
}

#[test]
fn the_first_rule_that_fits_counts_and_one_without_a_type_fits_those_of_the_operation() {
    let rules = "content: [ { type: application/json, validate-as: json, action: ignore }, { validate-as: json, action: prevent } ]";
    let gateway = validating(&format!("{STRICT}, {rules}"));
    assert_eq!(gateway.send(&post("application/json", "no json")).status, 200);
    assert_eq!(gateway.send(&post("application/xml", "<a/>")).status, 400);
}

#[test]
fn in_on_error_it_looks_at_the_answer_to_the_error() {
    let sections = format!(
        "inbound: [ {{ check-header: {{ name: x-plan, failed-check-httpcode: 403 }} }} ]\n\
         on-error:\n  - set-body: 'secret'\n    when: request.path == \"/secret\"\n  \
         - validate-content: {{ {STRICT}, content: [ {{ validate-as: json, action: prevent }} ] }}\n"
    );
    let operations = "[ { id: any, method: '*', url: '/*', responses: [ { status: 403, \
                      representations: [ { content-type: application/json } ] } ] } ]";
    let gateway = serve(&api_with_operations(&sections, operations), hello());
    assert_error(&gateway.get("/"), 403, "Header x-plan is missing.");
    let refused = gateway.get("/secret");
    assert_eq!(refused.status, 502);
    assert!(!refused.text().contains("secret"), "{refused:?}");
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    let base = "unspecified-content-type-action: ignore, size-exceeded-action: ignore";
    let with = |more: &str| format!("validate-content: {{ {base}, max-size: 1, {more} }}");
    let cases = [
        (format!("validate-content: {{ {base}, max-size: §4194305 }}"), "4194304"),
        (with("content: [ { validate-as: §soap, action: ignore } ]"), "json"),
        (with("content: [ { validate-as: §xml, action: ignore, schema: { } } ]"), "well-formed"),
        (with("content: [ { validate-as: json, action: ignore, schema: §{ type: int } } ]"), "`int` is no type"),
        (with("content: [ { validate-as: json, action: ignore, schema-ref: §'#/a' } ]"), "`schema`, which is missing"),
        (with("content-type-map: { types: [ §{ to: a/b } ] }"), "expected `from` or `when`"),
    ];
    let cases: Vec<(&str, &str)> = cases.iter().map(|(statement, words)| (statement.as_str(), *words)).collect();
    refused("inbound", &cases);
    let statement = format!("§validate-content: {{ {base}, max-size: 1 }}");
    refused("backend", &[(&statement, "can't stand in the section `backend`")]);
}
