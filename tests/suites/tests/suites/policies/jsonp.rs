//! `jsonp`: JSON responses become scripts that call a function of the page.

use super::*;

const JSONP: &str = "outbound: [ { jsonp: { callback-parameter-name: cb } } ]";

fn json_origin(body: &'static str) -> Origin {
    Origin::start(move |_| {
        Response::new(200).header("content-type", "application/json").header("etag", "\"1\"").body(body)
    })
}

#[test]
fn json_becomes_a_script() {
    let response = serve(&open_api(JSONP), json_origin(r#"{"id": 7}"#)).get("/orders?cb=app.done%5B0%5D");
    assert_eq!((response.status, response.text()), (200, r#"/**/app.done[0]({"id": 7});"#));
    assert_eq!(response.headers.all("content-type"), ["application/javascript; charset=utf-8"]);
    assert_eq!(response.headers.all("x-content-type-options"), ["nosniff"]);
    assert_eq!(response.headers.all("content-length"), [response.body.len().to_string()]);
    assert!(!response.headers.has("etag"));
}

#[test]
fn what_nobody_calls_back_and_what_is_not_json_stays_as_it_is() {
    let response = serve(&open_api(JSONP), json_origin("{}")).get("/");
    assert_eq!((response.text(), response.headers.all("etag")), ("{}", vec!["\"1\""]));
    assert_eq!(serve(&open_api(JSONP), hello()).get("/?cb=x").text(), "hello");
    let response = serve(&open_api(JSONP), json_origin("alert(1)")).get("/?cb=x");
    assert_eq!((response.text(), response.headers.all("content-type")), ("alert(1)", vec!["application/json"]));
}

#[test]
fn a_function_that_has_no_name_is_refused() {
    let gateway = serve(&open_api(JSONP), json_origin("{}"));
    for target in ["/?cb=", "/?cb=alert%281%29", "/?cb=x&cb=y", "/?cb=new"] {
        assert_error(&gateway.get(target), 400, "The callback parameter is not the name of a function.");
    }
    assert_eq!(logged_error(&gateway, 4), ("jsonp".to_owned(), "CallbackParameterInvalid".to_owned()));
}

#[test]
fn line_ends_of_scripts_are_escaped() {
    let response = serve(&open_api(JSONP), json_origin("\"a\u{2028}b\u{2029}\"")).get("/?cb=f");
    assert_eq!(response.text(), "/**/f(\"a\\u2028b\\u2029\");");
}

#[test]
fn the_parameters_name_may_be_an_expression() {
    let yaml = "outbound: [ { jsonp: { callback-parameter-name: \"${request.headers['x-callback']}\" } } ]";
    let gateway = serve(&open_api(yaml), json_origin("1"));
    let response = gateway.send(&Request::get("/?done=f").header("x-callback", "done"));
    assert_eq!(response.text(), "/**/f(1);");
}

#[test]
fn every_kind_of_json_is_wrapped_and_the_status_stays() {
    for (content_type, status) in [
        ("application/json", 200),
        ("Application/JSON; charset=utf-8", 404),
        ("text/json", 503),
        ("application/problem+json", 400),
    ] {
        let origin = Origin::start(move |_| Response::new(status).header("content-type", content_type).body("[1]"));
        let response = serve(&open_api(JSONP), origin).get("/?cb=f");
        assert_eq!((response.status, response.text()), (status, "/**/f([1]);"), "{content_type}");
    }
}

#[test]
fn what_is_encoded_partial_or_without_a_body_stays_as_it_is() {
    for (status, name, value) in [
        (200, "content-encoding", "gzip"),
        (206, "content-range", "bytes 0-1/9"),
        (200, "content-type", "application/xml"),
        (200, "content-type", "application/jsonp"),
    ] {
        let origin = Origin::start(move |_| {
            let response = Response::new(status).header(name, value).body("{}");
            if name == "content-type" { response } else { response.header("content-type", "application/json") }
        });
        let response = serve(&open_api(JSONP), origin).get("/?cb=f");
        assert_eq!((response.status, response.text()), (status, "{}"), "{name}: {value}");
        assert!(!response.headers.has("x-content-type-options"));
    }
    for status in [204, 304] {
        let origin = Origin::start(move |_| Response::new(status).header("content-type", "application/json"));
        let response = serve(&open_api(JSONP), origin).get("/?cb=f");
        assert_eq!((response.status, response.text()), (status, ""));
    }
    for body in ["", "{} {}", "[1,]", "{}//", "{}\n;alert(1)"] {
        assert_eq!(serve(&open_api(JSONP), json_origin(body)).get("/?cb=f").text(), body);
    }
    let head = Request::new("HEAD", "/?cb=f");
    assert_eq!(
        serve(&open_api(JSONP), json_origin("{}")).send(&head).headers.get("content-type"),
        Some("application/json")
    );
}

#[test]
fn a_name_is_made_of_identifiers_with_dots_and_indexes() {
    let gateway = serve(&open_api(JSONP), json_origin("1"));
    let longest = "f".repeat(128);
    for name in ["f", "$", "_9", "a.b.c", "a[0]", "a[0][12].b[1]", "jQuery123_456", "news", "If", longest.as_str()] {
        assert_eq!(gateway.get(&format!("/?cb={name}")).text(), format!("/**/{name}(1);"), "{name}");
    }
    let too_long = "f".repeat(129);
    for name in [
        "9",
        "a.",
        ".a",
        "a..b",
        "a[]",
        "a[x]",
        "a[0",
        "a[-1]",
        "[0]",
        "a%20b",
        "a%0Ab",
        "a-b",
        "a%27",
        "a;b",
        "%C3%A4",
        "%2F%2F",
        "if",
        "a.new",
        "return",
        "true",
        "null",
        too_long.as_str(),
    ] {
        assert_eq!(gateway.get(&format!("/?cb={name}")).status, 400, "{name}");
    }
}

#[test]
fn what_speaks_of_the_bytes_is_removed_and_the_rest_stays() {
    let origin = Origin::start(|_| {
        let names = ["etag", "digest", "content-md5", "accept-ranges", "repr-digest", "content-digest", "x-kept"];
        let response = Response::new(200).header("content-type", "application/json").body("1");
        names.into_iter().fold(response, |response, name| response.header(name, "x"))
    });
    let response = serve(&open_api(JSONP), origin).get("/?cb=f");
    for name in ["etag", "digest", "content-md5", "accept-ranges", "repr-digest", "content-digest"] {
        assert!(!response.headers.has(name), "{name}");
    }
    assert_eq!(response.headers.get("x-kept"), Some("x"));
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    refused("outbound", &[("jsonp: §{ }", "callback-parameter-name")]);
    refused("outbound", &[("jsonp: { callback-parameter-name: §'' }", "the name is empty")]);
    let twice =
        open_api("outbound: [ { jsonp: { callback-parameter-name: a } }, { jsonp: { callback-parameter-name: b } } ]");
    let outcome = Gateway::with(&twice).value("origin", "http://127.0.0.1:9").check();
    assert!(outcome.code == 2 && outcome.stderr.contains("once"), "{outcome:#?}");
    refused("inbound", &[("§jsonp: { callback-parameter-name: cb }", "can't stand in the section `inbound`")]);
}
