//! `rewrite-uri`: forward the request to another path than the one it came for.

use super::*;

/// An API below `shop` whose operation has the parameter `id`, with this statement.
fn shop(config: &str) -> String {
    format!(
        "apis:\n  - id: shop\n    path: shop\n    backend: '{{origin}}/base'\n    subscription-required: false\n    operations:\n      \
         - {{ id: get, method: GET, url: '/orders/{{id}}' }}\n      - {{ id: part, method: GET, url: '/parts/p{{id}}' }}\n    policies:\n      inbound: [ {{ rewrite-uri: {config} }} ]\n"
    )
}

/// The target that the origin sees.
#[track_caller]
fn seen(config: &str, target: &str) -> String {
    let origin = hello();
    assert_eq!(serve(&shop(config), &origin).get(target).status, 200, "{config}");
    origin.only_request().target
}

#[test]
fn the_template_follows_the_backends_base_url() {
    assert_eq!(seen("{ template: /v2/order }", "/shop/orders/7"), "/base/v2/order");
}

#[test]
fn parameters_of_the_url_template_are_put_in_and_encoded() {
    let template = "{ template: '/v2/{id}/x-{id}' }";
    assert_eq!(seen(template, "/shop/orders/7"), "/base/v2/7/x-7");
    assert_eq!(seen(template, "/shop/orders/a%20b%3Fc"), "/base/v2/a%20b%3Fc/x-a%20b%3Fc");
}

#[test]
fn parameters_in_the_query_are_encoded_too() {
    let template = "{ template: '/order?number={id}&v=2' }";
    assert_eq!(seen(template, "/shop/orders/a%26b%3Dc+d"), "/base/order?number=a%26b%3Dc%2Bd&v=2");
}

#[test]
fn the_requests_other_query_parameters_are_kept_unless_told() {
    let template = "template: '/order?number={id}'";
    let target = "/shop/orders/7?x=%2f+&number=8&&y";
    assert_eq!(seen(&format!("{{ {template} }}"), target), "/base/order?number=7&x=%2f+&y");
    assert_eq!(seen(&format!("{{ {template}, copy-unmatched-params: false }}"), target), "/base/order?number=7");
    assert_eq!(seen("{ template: /order }", "/shop/orders/7?a=1"), "/base/order?a=1");
}

#[test]
fn a_parameter_that_the_operation_does_not_have_fails_the_statement() {
    let origin = hello();
    // Another operation has it, so that only a request tells.
    let yaml = shop("{ template: '/{nr}' }").replace("/parts/p{id}", "/parts/p{nr}");
    let gateway = serve(&yaml, &origin);
    assert_error(&gateway.get("/shop/orders/7"), 500, "Internal server error");
    gateway.wait_for_log("no parameter `nr`");
    assert!(origin.requests().is_empty());
}

#[test]
fn a_value_does_not_lead_elsewhere() {
    let origin = hello();
    let gateway = serve(&shop("{ template: '/a/.{id}/b' }"), &origin);
    assert_error(&gateway.get("/shop/parts/p."), 500, "Internal server error");
    assert_eq!(gateway.get("/shop/orders/x").status, 200);
    assert_eq!(origin.only_request().target, "/base/a/.x/b");
}

#[test]
fn the_template_may_be_an_expression() {
    let origin = hello();
    let config = "{ template: \"/v2/${request.headers['x-part']}/{id}\", copy-unmatched-params: \"${request.method != 'GET'}\" }";
    let gateway = serve(&shop(config), &origin);
    let ask = |part: &str| gateway.send(&Request::get("/shop/orders/7?a=1").header("x-part", part));
    assert_eq!(ask("p").status, 200);
    assert_eq!(origin.only_request().target, "/base/v2/p/7");
    assert_error(&ask("#"), 500, "Internal server error");
    assert_error(&ask("{"), 500, "Internal server error");
}

#[test]
fn later_statements_see_the_new_target() {
    let origin = hello();
    let sections = "inbound:\n\
                    \x20 - rewrite-uri: { template: '/new?x=1' }\n\
                    \x20 - set-header: { name: x-path, value: \"${request.path}\" }\n\
                    \x20 - set-header: { name: x-query, value: \"${request.query['x']}\" }\n\
                    \x20 - set-header: { name: x-url, value: \"${request.original_url}\" }\n";
    serve(&open_api(sections), &origin).get("/old?y=2");
    let seen = origin.only_request();
    assert_eq!(seen.headers.all("x-path"), ["/new"]);
    assert_eq!(seen.headers.all("x-query"), ["1"]);
    assert!(seen.headers.get("x-url").unwrap_or_default().ends_with("/old?y=2"), "{seen:?}");
}

#[test]
fn a_templates_own_text_stays_but_for_what_no_url_can_hold() {
    for (template, target) in [
        ("/a%20b/c+d", "/base/a%20b/c+d"),
        ("/a b/é", "/base/a%20b/%C3%A9"),
        ("/a;v=1/(b)", "/base/a;v=1/(b)"),
        ("/a?x=%41&y=1+1&z", "/base/a?x=%41&y=1+1&z"),
        ("/", "/base/"),
    ] {
        assert_eq!(seen(&format!("{{ template: '{template}' }}"), "/shop/orders/7"), target, "{template}");
    }
}

#[test]
fn a_value_that_would_lead_up_fails_the_statement() {
    let origin = hello();
    let gateway = serve(&shop("{ template: '/a/{id}/b' }"), &origin);
    for target in ["/shop/parts/p.", "/shop/parts/p.."] {
        assert_error(&gateway.get(target), 500, "Internal server error");
    }
    assert!(origin.requests().is_empty());
    assert_eq!(gateway.get("/shop/parts/p...").status, 200);
    assert_eq!(origin.only_request().target, "/base/a/.../b");
}

#[test]
fn the_route_stays_as_it_was_matched() {
    let origin = hello();
    let sections = "inbound:\n  - rewrite-uri: { template: /b }\n  \
                    - set-header: { name: x-operation, value: \"${operation.id} ${request.parameters['id']}\" }\n";
    let operations = "[ { id: get, method: GET, url: '/a/{id}' }, { id: other, method: GET, url: /b } ]";
    assert_eq!(serve(&api_with_operations(sections, operations), &origin).get("/a/7").status, 200);
    let seen = origin.only_request();
    assert_eq!((seen.target.as_str(), seen.headers.all("x-operation")), ("/b", vec!["get 7"]));
}

#[test]
fn an_expression_that_gives_nothing_useful_is_a_failure() {
    let origin = hello();
    let yaml = shop("{ template: /new, copy-unmatched-params: \"${request.query['copy']}\" }");
    let gateway = serve(&yaml, &origin);
    assert_error(&gateway.get("/shop/orders/7?copy=maybe"), 500, "Internal server error.");
    assert_error(&gateway.get("/shop/orders/7"), 500, "Internal server error.");
    let gateway = serve(&shop("{ template: \"${request.query['to']}\" }"), &origin);
    for query in ["", "?to=relative", "?to=/%7Bno", "?to=/%7Bnr%7D", "?to=//evil.example/%23a"] {
        assert_eq!(gateway.get(&format!("/shop/orders/7{query}")).status, 500, "{query}");
    }
    assert!(origin.requests().is_empty());
    assert_eq!(gateway.get("/shop/orders/7?to=/x/%7Bid%7D").status, 200);
    assert_eq!(origin.only_request().target, "/base/x/7?to=/x/%7Bid%7D");
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    refused(
        "inbound",
        &[
            ("rewrite-uri: §{}", "template"),
            ("rewrite-uri: { template: /a, §copy-unmatched-param: true }", "did you mean `copy-unmatched-params`?"),
            ("rewrite-uri: { template: §v2 }", "begins with `/`"),
            ("rewrite-uri: { template: §'/a#b' }", "fragment"),
            ("rewrite-uri: { template: §'/{a' }", "a `{` has no `}`"),
            ("rewrite-uri: { template: /a, copy-unmatched-params: §'yes' }", "boolean"),
        ],
    );
    refused("backend", &[("§rewrite-uri: { template: /a }", "can't stand in the section `backend`")]);
}
