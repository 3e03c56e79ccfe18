//! Bodies that become others, from configurations to messages.

use super::*;
use tollgate_sdk::serde_json::{Value, json};
use tollgate_sdk::testing::{Exchange, Gateway, Request, Response};

fn gateway(config: Value) -> Gateway<Statement> {
    Gateway::with(config).unwrap()
}

fn liquid(template: &str) -> Gateway<Statement> {
    gateway(json!({ "value": template, "template": "liquid" }))
}

fn post(content_type: &str, body: &str) -> Request {
    Request::post("/shop/orders?a=1&b=x%20y").with_header("content-type", content_type).with_body(body)
}

fn error() -> LastError {
    LastError {
        source: "quota".into(),
        reason: "QuotaExceeded".into(),
        message: "Out of call volume quota.".into(),
        statement_id: None,
    }
}

#[test]
fn the_body_is_written_bare_or_as_a_member() {
    for config in [json!("new"), json!({ "value": "new" }), json!({ "body": "new", "template": "none" })] {
        let gateway = gateway(config);
        assert_eq!(gateway.request(post("text/plain", "old")).request.body(), b"new");
        let outcome = gateway.response(Request::get("/"), Response::new(200).with_body("old"));
        assert_eq!(outcome.response().body(), b"new");
        let outcome = gateway.error(Request::get("/"), Response::new(403), error());
        assert_eq!((outcome.response().status(), outcome.response().body()), (403, &b"new"[..]));
    }
}

#[test]
fn the_body_may_be_an_expression_and_its_value_bytes() {
    for config in [json!("${variables.body}"), json!({ "value": "${variables.body}" })] {
        let gateway = gateway(config);
        gateway.expression("${variables.body}", json!({ "a": [1] }));
        assert_eq!(gateway.request(post("text/plain", "old")).request.body_str(), Some(r#"{"a":[1]}"#));
        gateway.world().expression_bytes("${variables.body}", b"\xff\x00");
        assert_eq!(gateway.request(post("text/plain", "old")).request.body(), b"\xff\x00");
    }
}

#[test]
fn what_speaks_of_the_old_bytes_goes() {
    let response = Response::new(200)
        .with_header("content-type", "text/css")
        .with_header("content-encoding", "gzip")
        .with_header("digest", "x")
        .with_header("etag", "\"1\"")
        .with_body("zip");
    let outcome = gateway(json!("new")).response(Request::get("/"), response);
    let response = outcome.response();
    assert_eq!((response.header("content-encoding"), response.header("digest")), (None, None));
    assert_eq!((response.header_str("etag"), response.header_str("content-type")), (Some("W/\"1\""), Some("text/css")));
}

#[test]
fn a_message_without_room_for_a_body_stays_as_it_is() {
    for (request, response) in
        [(Request::get("/"), Response::new(204)), (Request::new("HEAD", "/"), Response::new(200))]
    {
        let outcome = gateway(json!("new")).response(request, response);
        assert_eq!((outcome.verdict.clone(), outcome.response().body()), (Verdict::Next, &b""[..]));
    }
}

#[test]
fn a_template_is_filled_from_a_json_body() {
    let gateway =
        liquid(r#"{ "order": { "id": "{{body.customer.purchase.identifier}}", "n": {{ body.lines | Size }} } }"#);
    let outcome =
        gateway.request(post("application/json", r#"{"customer":{"purchase":{"identifier":7}},"lines":[1,2]}"#));
    assert_eq!(outcome.request.body_str(), Some(r#"{ "order": { "id": "7", "n": 2 } }"#));
}

#[test]
fn a_template_is_filled_from_an_xml_body() {
    let gateway = liquid(r#"{"sum": {{ body.envelope.body.AddResponse.AddResult }}}"#);
    let soap = "<soap:Envelope xmlns:soap='http://schemas.xmlsoap.org/soap/envelope/'><soap:Body><AddResponse xmlns='u'>\
                <AddResult>7</AddResult></AddResponse></soap:Body></soap:Envelope>";
    let response = Response::new(200).with_header("content-type", "text/xml; charset=utf-8").with_body(soap);
    let outcome = gateway.response(Request::get("/"), response);
    assert_eq!(outcome.response().body_str(), Some(r#"{"sum": 7}"#));
}

#[test]
fn an_element_without_a_value_is_as_configured() {
    let xml = "<a xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'><b xsi:nil='true'/></a>";
    for (xsi_nil, expected) in [(json!("blank"), "text"), (json!("null"), "nil"), (json!(null), "nil")] {
        let template = "{% if body.a.b == nil %}nil{% else %}text{% endif %}";
        let gateway = gateway(json!({ "value": template, "template": "liquid", "xsi-nil": xsi_nil }));
        assert_eq!(gateway.request(post("text/xml", xml)).request.body_str(), Some(expected));
    }
}

#[test]
fn a_template_finds_the_exchange_under_names_in_both_ways_of_writing() {
    let template = "{{ context.Request.Method }} {{ context.request.url.path }} {{ context.Request.Url.Query.b }} \
                    {{ context.Request.Url.QueryString }} {{ context.Request.Url.Host }}:{{ context.Request.Url.Port }} \
                    {{ context.Request.Headers['X-A'] }} {{ context.request.headers.x-a }} {{ context.Request.IpAddress }} \
                    {{ context.request.ip_address }} {{ context.Request.MatchedParameters.id }} \
                    {{ context.Variables.user.name }} {{ context.Api.Id }} [{{ context.Response.StatusCode }}]";
    let gateway = liquid(template);
    let request = post("text/plain", "").with_header("x-a", "1").with_header("X-A", "2").with_parameter("id", "o 7");
    let mut exchange = Exchange::new(gateway.world(), request);
    exchange.variables.insert("user".into(), json!({ "name": "Ada" }));
    assert_eq!(gateway.on_request(&mut exchange), Verdict::Next);
    assert_eq!(
        exchange.request.body_str(),
        Some("POST /shop/orders x y ?a=1&b=x%20y api.example:443 1, 2 1, 2 192.0.2.1 192.0.2.1 o 7 Ada api []")
    );
    let outcome = liquid("{{ context.Response.StatusCode }} {{ context.Response.Headers.etag }}")
        .response(Request::get("/"), Response::new(201).with_header("etag", "e"));
    assert_eq!(outcome.response().body_str(), Some("201 e"));
}

#[test]
fn in_on_error_the_body_is_what_the_client_is_told() {
    let gateway = liquid("{{ body.statusCode }} {{ body.message }} {{ context.LastError.Reason }}");
    let outcome = gateway.error(Request::get("/"), Response::failure(403, "Out of call volume quota."), error());
    assert_eq!(outcome.response().body_str(), Some("403 Out of call volume quota. QuotaExceeded"));
}

#[test]
fn a_template_that_leaves_the_body_alone_reads_none() {
    let gateway = liquid("{{ context.Request.Method }}");
    let large = post("application/json", "{").with_body(vec![b'x'; 5 << 20]);
    assert_eq!(gateway.request(large).request.body_str(), Some("POST"));
}

#[test]
fn a_body_that_can_not_be_read_is_refused() {
    let gateway = liquid("{{ body.a }}");
    for (request, status, reason) in [
        (post("application/json", "{\"secret"), 400, "JsonInvalid"),
        (post("application/xml", "<secret>"), 400, "XmlInvalid"),
        (post("application/json", "{}").with_header("content-encoding", "gzip"), 415, "ContentEncodingUnsupported"),
    ] {
        let outcome = gateway.request(request);
        let failure = outcome.failure().unwrap();
        assert_eq!((failure.status(), failure.reason()), (status, reason));
        assert!(!failure.message().contains("secret"));
    }
    let response = Response::new(200).with_header("content-type", "application/json").with_body("{\"secret");
    let outcome = gateway.response(Request::get("/"), response);
    let failure = outcome.failure().unwrap();
    assert_eq!((failure.status(), failure.message()), (502, "The response of the origin can't be converted."));
    let outcome = gateway.request(post("application/json", ""));
    assert_eq!((outcome.verdict.clone(), outcome.request.body()), (Verdict::Next, &b""[..]));
}

#[test]
fn a_template_that_goes_wrong_fails_the_statement() {
    let outcome = liquid("{{ 1 | divided_by: body.n }}").request(post("application/json", r#"{"n":0}"#));
    assert!(
        matches!(&outcome.verdict, Verdict::Fail(why) if why.contains("line 1, column 8")),
        "{:?}",
        outcome.verdict
    );
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    let refused = |config: Value| Gateway::<Statement>::with(config).unwrap_err();
    assert_eq!(refused(json!({ "value": "a", "body": "b" })).pointer, "/body");
    assert_eq!(refused(json!({ "template": "liquid" })).message, "`value` is missing");
    let broken = refused(json!({ "body": "a\n{{ x | Nope }}", "template": "liquid" }));
    assert_eq!(broken.pointer, "/body");
    assert_eq!(broken.message, "there is no filter `Nope` (line 2, column 8 of the template)");
    assert_eq!(refused(json!({ "value": "${variables.x}", "template": "liquid" })).pointer, "/value");
    for config in [json!(5), json!(null), json!({ "value": "a", "template": "razor" }), json!({ "text": "a" })] {
        assert!(Gateway::<Statement>::with(config.clone()).is_err(), "{config}");
    }
}
