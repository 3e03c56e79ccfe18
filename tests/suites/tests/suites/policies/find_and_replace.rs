//! `find-and-replace`: replace a text by another throughout a body.

use super::*;
use tollgate_harness::Answer;

const STATEMENT: &str = "find-and-replace: { from: secret, to: '***' }";

fn outbound(response: Response) -> Served<Origin> {
    let origin = Origin::start(move |_| response.clone());
    serve(&open_api(&format!("outbound: [ {{ {STATEMENT} }} ]")), origin)
}

#[test]
fn every_occurrence_is_replaced_in_both_directions() {
    let origin = hello();
    let gateway = serve(&open_api(&format!("inbound: [ {{ {STATEMENT} }} ]")), &origin);
    gateway.send(&Request::post("/", "a secret, Secret, secretsecret."));
    assert_eq!(origin.only_request().text(), "a ***, Secret, ******.");
    let response = outbound(Response::new(200).body("a secret")).get("/");
    assert_eq!((response.status, response.text()), (200, "a ***"));
}

#[test]
fn a_body_may_be_of_any_kind() {
    let response =
        outbound(Response::new(200).header("content-type", "image/png").body(b"\xff\x00secret\xfe".to_vec()));
    assert_eq!(response.get("/").body, b"\xff\x00***\xfe");
}

#[test]
fn a_body_without_the_text_stays_and_so_does_its_head() {
    let response = outbound(Response::new(200).header("etag", "\"1\"").header("digest", "x").body("open")).get("/");
    assert_eq!((response.text(), response.headers.all("etag")), ("open", vec!["\"1\""]));
    assert!(response.headers.has("digest"));
}

#[test]
fn the_head_follows_a_body_that_has_changed() {
    let response = Response::new(200).header("etag", "\"1\"").header("digest", "x").header("accept-ranges", "bytes");
    let response = outbound(response.body("secret")).get("/");
    assert_eq!(response.headers.all("content-length"), ["3"]);
    assert_eq!(response.headers.all("etag"), ["W/\"1\""]);
    assert!(!response.headers.has("digest") && !response.headers.has("accept-ranges"));
}

#[test]
fn what_is_encoded_or_a_part_passes() {
    let gateway = outbound(Response::new(200).header("content-encoding", "gzip").body("secret"));
    assert_eq!(gateway.get("/").text(), "secret");
    gateway.wait_for_log("nothing is replaced in it");
    let part = Response::new(206).header("content-range", "bytes 0-5/9").body("secret");
    assert_eq!(outbound(part).get("/").text(), "secret");
}

#[test]
fn four_mebibytes_are_read_and_more_are_refused() {
    let origin = hello();
    let gateway = serve(&open_api(&format!("inbound: [ {{ {STATEMENT} }} ]")), &origin);
    let body = |bytes: usize| [b"secret".to_vec(), vec![b'x'; bytes - 6]].concat();
    assert_eq!(gateway.send(&Request::post("/", body(4 << 20))).status, 200);
    assert_eq!(origin.only_request().body.len(), (4 << 20) - 3);
    assert_eq!(gateway.send(&Request::post("/", body((4 << 20) + 1))).status, 413);
    let large = Origin::start(move |_| Answer::chunked(Response::new(200).body(body((4 << 20) + 1)), 9));
    let sections = format!("outbound: [ {{ {STATEMENT} }} ]");
    assert_eq!(serve(&open_api(&sections), &large).get("/").status, 502);
}

#[test]
fn in_on_error_it_edits_what_the_client_is_told() {
    let sections = "inbound: [ { check-header: { name: x-plan, failed-check-httpcode: 401 } } ]\n\
                    on-error: [ { find-and-replace: { from: x-plan, to: X-Plan } } ]";
    let response = serve(&open_api(sections), hello()).get("/");
    assert_eq!(response.status, 401);
    assert_eq!(response.json()["message"], "Header X-Plan is missing.");
    assert_eq!(response.headers.all("content-type"), ["application/json"]);
}

#[test]
fn both_texts_may_be_expressions() {
    let origin = hello();
    let config = "{ from: \"${request.headers['x-from']}\", to: \"<${request.headers['x-to']}>\" }";
    let gateway = serve(&open_api(&format!("backend: [ {{ find-and-replace: {config} }}, forward-request ]")), &origin);
    let ask = |from: &str| gateway.send(&Request::post("/", "banana").header("x-from", from).header("x-to", "A"));
    assert_eq!(ask("an").status, 200);
    assert_eq!(origin.only_request().text(), "b<A><A>a");
    assert_error(&ask(""), 500, "Internal server error");
}

#[test]
fn the_text_is_plain_and_what_was_put_in_is_not_searched_again() {
    for (from, to, body, expected) in [
        ("aa", "b", "aaaaa", "bba"),
        ("a", "aa", "a-a", "aa-aa"),
        (".*", "$0", "a.*b \\1", "a$0b \\1"),
        ("Ä", "", "ÄäÄ", "ä"),
        ("ab", "", "aabb", "ab"),
        ("\\n", "n", "a\\nb", "anb"),
    ] {
        let origin = hello();
        let config = format!("{{ from: '{from}', to: '{to}' }}");
        let gateway = serve(&open_api(&format!("inbound: [ {{ find-and-replace: {config} }} ]")), &origin);
        gateway.send(&Request::post("/", body));
        assert_eq!(origin.only_request().text(), expected, "{config}");
    }
}

#[test]
fn a_request_without_a_body_or_without_the_text_goes_on_as_it_is() {
    let origin = hello();
    let gateway = serve(&open_api(&format!("inbound: [ {{ {STATEMENT} }} ]")), &origin);
    gateway.get("/");
    gateway.send(&Request::post("/", "open").header("content-md5", "x"));
    let seen = origin.requests();
    assert!(seen[0].body.is_empty() && !seen[0].headers.has("content-length"), "{seen:?}");
    assert_eq!((seen[1].text(), seen[1].headers.get("content-md5")), ("open", Some("x")));
}

#[test]
fn an_expression_that_fails_is_an_error() {
    for config in ["{ from: \"${json(request.path)}\", to: b }", "{ from: hello, to: \"${json(request.path)}\" }"] {
        let gateway = serve(&open_api(&format!("outbound: [ {{ find-and-replace: {config} }} ]")), hello());
        assert_error(&gateway.get("/"), 500, "Internal server error.");
        let error = ("find-and-replace".to_owned(), "ExpressionValueEvaluationFailure".to_owned());
        assert_eq!(logged_error(&gateway, 1), error);
    }
}

#[test]
fn an_earlier_statements_body_is_edited_in_on_error() {
    let answer = |statements: &str| {
        let refuse = "inbound: [ { check-header: { name: x-plan, failed-check-httpcode: 401 } } ]";
        serve(&open_api(&format!("{refuse}\non-error: [ {statements} ]")), hello()).get("/").text().to_owned()
    };
    let replace = |from: &str, to: &str| format!("{{ find-and-replace: {{ from: '{from}', to: '{to}' }} }}");
    let first = "{ set-body: 'Header secret' }";
    assert_eq!(answer(&format!("{first}, {}", replace("secret", "***"))), "Header ***");
    assert_eq!(answer(&format!("{first}, {}", replace("Header", "***"))), "*** secret");
    let twice = answer(&format!("{}, {}", replace("x-plan", "X-Plan"), replace("X-Plan", "plan")));
    assert!(twice.contains("Header plan is missing."), "{twice}");
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    for section in ["inbound", "outbound", "on-error"] {
        refused(
            section,
            &[
                ("find-and-replace: §{ from: a }", "to"),
                ("find-and-replace: { from: §'', to: a }", "is empty"),
                ("find-and-replace: { from: §5, to: a }", "string"),
                ("find-and-replace: { from: a, to: b, §all: true }", "unknown key `all`"),
            ],
        );
    }
}
