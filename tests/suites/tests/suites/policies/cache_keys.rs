//! `cache-lookup`: which requests get the same response.

use super::cache::{cached, numbered, plain};
use super::*;

/// One gateway, asked in turn: each request with the number of the origin's answer that it gets.
#[track_caller]
fn assert_answers(lookup: &str, asked: Vec<(Request, usize)>) {
    let gateway = serve(&cached(lookup, "{ duration: 60 }"), plain());
    for (request, answer) in asked {
        assert_eq!(gateway.send(&request).text(), format!("answer {answer}"), "{lookup}: {request:?}");
    }
}

fn get(target: &str, headers: &[(&str, &str)]) -> Request {
    headers.iter().fold(Request::get(target), |request, (name, value)| request.header(name, value))
}

#[test]
fn the_path_and_the_whole_query_tell_responses_apart() {
    assert_answers(
        "{}",
        vec![
            (get("/a?x=1&y=2", &[]), 1),
            (get("/a?y=2&x=1", &[]), 1),
            (get("/a?x=1", &[]), 2),
            (get("/a", &[]), 3),
            (get("/a?x=1&y=3", &[]), 4),
            (get("/b?x=1&y=2", &[]), 5),
            (get("/A?x=1&y=2", &[]), 6),
            // The same path, written otherwise.
            (get("/c/../a?x=1", &[]), 2),
            (get("/%61?x=1", &[]), 2),
        ],
    );
}

#[test]
fn vary_by_query_makes_only_these_parameters_count() {
    for lookup in ["{ vary-by-query: [page, size] }", "{ vary-by-query-parameter: 'size;page' }"] {
        assert_answers(
            lookup,
            vec![
                (get("/?page=1&size=10&trace=a", &[]), 1),
                (get("/?size=10&page=1&trace=b", &[]), 1),
                (get("/?page=2&size=10", &[]), 2),
                (get("/?page=1", &[]), 3),
                (get("/?page=1&size=", &[]), 4),
                (get("/?page=1&page=2&size=10", &[]), 5),
                (get("/?page=%31&size=10", &[]), 1),
            ],
        );
    }
}

#[test]
fn vary_by_header_makes_these_headers_count() {
    assert_answers(
        "{ vary-by-header: [Accept, X-Tenant] }",
        vec![
            (get("/", &[("accept", "a/b"), ("x-tenant", "gold")]), 1),
            (get("/", &[("x-tenant", "gold"), ("ACCEPT", "a/b"), ("x-other", "1")]), 1),
            (get("/", &[("accept", "a/b"), ("x-tenant", "silver")]), 2),
            (get("/", &[("accept", "a/b")]), 3),
            (get("/", &[("accept", "a/b"), ("x-tenant", "")]), 4),
            (get("/", &[("x-tenant", "gold")]), 5),
        ],
    );
}

#[test]
fn headers_that_are_not_named_do_not_count() {
    assert_answers("{}", vec![(get("/", &[("x-tenant", "gold")]), 1), (get("/", &[("x-tenant", "silver")]), 1)]);
}

#[test]
fn one_name_or_value_can_not_be_taken_for_another() {
    assert_answers(
        "{ vary-by-query: [a, b] }",
        vec![(get("/?a=1%26b=2", &[]), 1), (get("/?a=1&b=2", &[]), 2), (get("/?b=1%26a=2", &[]), 3)],
    );
    assert_answers(
        "{ vary-by-header: [x-a, x-b] }",
        vec![(get("/", &[("x-a", "1")]), 1), (get("/", &[("x-b", "1")]), 2)],
    );
}

#[test]
fn hosts_have_responses_of_their_own() {
    assert_answers(
        "{}",
        vec![
            (get("/", &[("host", "one.example")]), 1),
            (get("/", &[("host", "two.example")]), 2),
            (get("/", &[("host", "one.example")]), 1),
        ],
    );
}

#[test]
fn the_origins_own_vary_counts_even_if_the_operator_does_not_know_of_it() {
    let origin = numbered(|response| response.header("vary", "accept-language, X-Mood"));
    let gateway = serve(&cached("{}", "{ duration: 60 }"), &origin);
    let ask = |language: &str| gateway.send(&get("/", &[("accept-language", language)])).text().to_owned();
    assert_eq!([ask("de"), ask("de"), ask("fr")], ["answer 1", "answer 1", "answer 2"]);
}

#[test]
fn subscriptions_have_responses_of_their_own_if_told() {
    for (lookup, zeta) in [
        ("{}", "answer 1"),
        ("{ vary-by-developer: true }", "answer 2"),
        ("{ vary-by-developer-groups: true }", "answer 2"),
    ] {
        let sections =
            format!("inbound: [ {{ cache-lookup: {lookup} }} ]\noutbound: [ {{ cache-store: {{ duration: 60 }} }} ]");
        let gateway = serve(&keyed_api(&sections, "inbound: []"), plain());
        let ask = |key: &str| gateway.send(&with_key(key)).text().to_owned();
        assert_eq!([ask("acme-1"), ask("zeta-1"), ask("acme-2")], ["answer 1", zeta, "answer 1"], "{lookup}");
    }
}

#[test]
fn apis_with_the_same_rest_of_a_path_have_responses_of_their_own() {
    let api = |id: &str| {
        format!(
            "  - {{ id: {id}, path: {id}, backend: \"{{origin}}\", subscription-required: false, policies: {{ \
             inbound: [ cache-lookup ], outbound: [ {{ cache-store: {{ duration: 60 }} }} ] }} }}\n"
        )
    };
    let gateway = serve(&format!("apis:\n{}{}", api("orders"), api("invoices")), plain());
    let ask = |path: &str| gateway.get(path).text().to_owned();
    assert_eq!([ask("/orders/1"), ask("/invoices/1"), ask("/orders/1")], ["answer 1", "answer 2", "answer 1"]);
}

#[test]
fn several_headers_may_stand_in_one_text() {
    for lookup in ["{ vary-by-header: 'Accept; X-Tenant' }", "{ vary-by-header: X-Tenant;Accept }"] {
        assert_answers(
            lookup,
            vec![
                (get("/", &[("accept", "a/b"), ("x-tenant", "gold")]), 1),
                (get("/", &[("accept", "a/b"), ("x-tenant", "silver")]), 2),
                (get("/", &[("accept", "c/d"), ("x-tenant", "gold")]), 3),
                (get("/", &[("accept", "a/b"), ("x-tenant", "gold"), ("x-other", "1")]), 1),
            ],
        );
    }
}

#[test]
fn requests_without_a_key_share_what_is_kept_for_them() {
    let sections =
        "inbound: [ { cache-lookup: { vary-by-developer: true } } ]\noutbound: [ { cache-store: { duration: 60 } } ]";
    let yaml =
        keyed_api(sections, "inbound: []").replace("apis: [all]", "apis: [all]\n    subscription-required: false");
    let gateway = serve(&yaml, plain());
    let ask = |request: &Request| gateway.send(request).text().to_owned();
    assert_eq!([ask(&Request::get("/")), ask(&Request::get("/"))], ["answer 1", "answer 1"]);
    assert_eq!([ask(&with_key("acme-1")), ask(&Request::get("/"))], ["answer 2", "answer 1"]);
}

#[test]
fn expressions_are_asked_only_where_they_matter_and_one_that_fails_is_an_error() {
    let failing = "\"${json(request.headers['x-json']) == 1}\"";
    let ask = |gateway: &Gateway, json: &str, authorization: Option<&str>| {
        let request = get("/", &[("x-json", json)]);
        let request = authorization.into_iter().fold(request, |request, value| request.header("authorization", value));
        gateway.send(&request).status
    };
    let gateway =
        serve(&cached(&format!("{{ allow-private-response-caching: {failing} }}"), "{ duration: 60 }"), plain());
    assert_eq!(ask(&gateway, "x", None), 200, "it matters to requests with `Authorization` only");
    assert_eq!(ask(&gateway, "1", Some("Bearer x")), 200);
    assert_eq!(ask(&gateway, "x", Some("Bearer x")), 500);

    let gateway = serve(&cached(&format!("{{ vary-by-developer: {failing} }}"), "{ duration: 60 }"), plain());
    assert_eq!([ask(&gateway, "1", None), ask(&gateway, "x", None)], [200, 500]);

    let lookup = "{ downstream-caching-type: \"${json(request.headers['x-json']) == 1 ? 'none' : 'shared'}\" }";
    let gateway = serve(&cached(lookup, "{ duration: 60 }"), plain());
    assert_eq!([ask(&gateway, "x", None), ask(&gateway, "2", None), ask(&gateway, "1", None)], [500, 500, 200]);
    assert_eq!(ask(&gateway, "x", None), 200, "a hit needs no word for clients");
}

#[test]
fn each_kind_of_cache_is_the_one_that_there_is() {
    for kind in ["prefer-external", "external", "internal"] {
        assert_answers(&format!("{{ caching-type: {kind} }}"), vec![(get("/", &[]), 1), (get("/", &[]), 1)]);
    }
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    refused(
        "inbound",
        &[
            ("cache-lookup: { vary-by-header: §'a b' }", "`a b` is no header name"),
            ("cache-lookup: { vary-by-header: §';' }", "names nothing"),
            ("cache-lookup: { vary-by-query: §'a=b' }", "`a=b` is no name of a query parameter"),
            ("cache-lookup: { vary-by-query-parameter: a, vary-by-query: §a }", "says it already"),
            ("cache-lookup: { vary-by-developer: §'yes' }", "boolean"),
            ("cache-lookup: { downstream-caching-type: §shared }", "public"),
            ("cache-lookup: { caching-type: §redis }", "internal"),
            ("cache-lookup: { §vary-by-headers: a }", "unknown key `vary-by-headers`; did you mean `vary-by-header`?"),
        ],
    );
    refused("outbound", &[("§cache-lookup: {}", "can't stand in the section `outbound`")]);
}
