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
fn bad_configurations_are_refused_at_their_place() {
    refused("outbound", &[("jsonp: §{ }", "callback-parameter-name")]);
    refused("outbound", &[("jsonp: { callback-parameter-name: §'' }", "the name is empty")]);
    refused("inbound", &[("§jsonp: { callback-parameter-name: cb }", "can't stand in the section `inbound`")]);
}
