//! `set-query-parameter`: set, add to or remove a parameter of the request's query.

use super::*;

/// The target that the origin sees after an edit of the parameter `a`.
#[track_caller]
fn seen(config: &str, target: &str) -> String {
    let origin = hello();
    let statement = format!("set-query-parameter: {{ name: a, {config} }}");
    let gateway = serve(&open_api(&format!("inbound: [ {{ {statement} }} ]")), &origin);
    assert_eq!(gateway.get(target).status, 200);
    origin.only_request().target
}

#[test]
fn each_exists_action_does_what_it_says() {
    for (config, before, after) in [
        ("value: new", "/x?a=1&b=2&a=3", "/x?a=new&b=2"),
        ("value: new", "/x?b=2", "/x?b=2&a=new"),
        ("value: new", "/x", "/x?a=new"),
        ("exists-action: skip, value: new", "/x?a", "/x?a"),
        ("exists-action: skip, value: new", "/x?b", "/x?b&a=new"),
        ("exists-action: append, value: new", "/x?a=1&b=2", "/x?a=1&b=2&a=new"),
        ("exists-action: append, value: new", "/x", "/x?a=new"),
        ("exists-action: delete", "/x?a=1&b=2&a", "/x?b=2"),
        ("exists-action: delete", "/x?b=2", "/x?b=2"),
    ] {
        assert_eq!(seen(config, before), after, "{config} {before}");
    }
}

#[test]
fn several_values_are_several_parameters() {
    assert_eq!(seen("value: [x, y]", "/?b&a=1&c"), "/?b&a=x&a=y&c");
    assert_eq!(seen("exists-action: append, value: [x, y]", "/?a=1"), "/?a=1&a=x&a=y");
}

#[test]
fn values_are_percent_encoded() {
    assert_eq!(seen("value: 'a b&c=d/é~'", "/"), "/?a=a%20b%26c%3Dd%2F%C3%A9~");
}

#[test]
fn path_and_other_parameters_keep_their_bytes() {
    assert_eq!(seen("value: new", "/x%20y/z?b=%2f+&&A=1&%61=2"), "/x%20y/z?b=%2f+&&A=1&a=new");
}

#[test]
fn nothing_left_of_the_query_is_no_query() {
    assert_eq!(seen("exists-action: delete", "/x?a=1&a=2"), "/x");
}

#[test]
fn the_path_stays_relative_to_the_origin_and_to_a_rewrite() {
    let origin = hello();
    let yaml = "apis:\n  - id: a\n    path: shop/orders\n    backend: '{origin}/v1'\n    subscription-required: false\n    policies:\n      \
                inbound:\n        - { set-query-parameter: { name: a, value: '1' }, when: \"request.query['r'] == null\" }\n        \
                - { rewrite-uri: { template: /new }, when: \"request.query['r'] != null\" }\n        \
                - { set-query-parameter: { name: a, value: '2' }, when: \"request.query['r'] != null\" }\n";
    let gateway = serve(yaml, &origin);
    gateway.get("/shop/orders/7");
    gateway.get("/shop/orders/7?r=1");
    let targets: Vec<String> = origin.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(targets, ["/v1/7?a=1", "/v1/new?r=1&a=2"]);
}

#[test]
fn all_of_it_may_be_expressions() {
    let origin = hello();
    let header = |name: &str| format!("\"${{request.headers['{name}']}}\"");
    let statement = format!(
        "set-query-parameter: {{ name: {}, exists-action: {}, value: [ {}, fixed ] }}",
        header("x-name"),
        header("x-action"),
        header("x-value")
    );
    let gateway = serve(&open_api(&format!("inbound: [ {{ {statement} }} ]")), &origin);
    let ask = |name: &str, action: &str| {
        let request = Request::get("/?q=0").header("x-name", name).header("x-action", action);
        gateway.send(&request.header("x-value", "v w"))
    };
    assert_eq!(ask("q", "append").status, 200);
    assert_eq!(origin.only_request().target, "/?q=0&q=v%20w&q=fixed");
    assert_error(&ask("q", "frobnicate"), 500, "Internal server error.");
    assert_error(&ask("", "append"), 500, "Internal server error");
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn it_stands_in_backend_too() {
    let origin = hello();
    let sections = "backend: [ { set-query-parameter: { name: a, value: x } }, forward-request ]";
    serve(&open_api(sections), &origin).get("/y");
    assert_eq!(origin.only_request().target, "/y?a=x");
}

#[test]
fn a_parameter_is_found_by_its_decoded_name_and_case_matters() {
    let origin = hello();
    let sections = "inbound: [ { set-query-parameter: { name: 'a b', value: 'c+d' } } ]";
    let gateway = serve(&open_api(sections), &origin);
    for target in ["/?a%20b=1&x", "/?a+b=1&x", "/?a%20b&a+b=2&x", "/?%61+%62=1&x", "/?A+b=1&x"] {
        gateway.get(target);
    }
    let targets: Vec<String> = origin.requests().into_iter().map(|request| request.target).collect();
    let found = "/?a%20b=c%2Bd&x";
    assert_eq!(targets, [found, found, found, found, "/?A+b=1&x&a%20b=c%2Bd"]);
}

#[test]
fn the_name_is_percent_encoded_too() {
    let origin = hello();
    let sections = "inbound: [ { set-query-parameter: { name: 'filter[é]&', value: '' } } ]";
    serve(&open_api(sections), &origin).get("/");
    assert_eq!(origin.only_request().target, "/?filter%5B%C3%A9%5D%26=");
}

#[test]
fn an_action_that_asks_for_a_value_where_there_is_none_fails_the_statement() {
    let origin = hello();
    let config = "{ name: a, exists-action: \"${request.headers['x-action']}\" }";
    let gateway = serve(&open_api(&format!("inbound: [ {{ set-query-parameter: {config} }} ]")), &origin);
    let ask = |target: &str, action: &str| gateway.send(&Request::get(target).header("x-action", action));
    for (target, action) in [("/?a=1", "override"), ("/?a=1", "append"), ("/", "skip")] {
        assert_error(&ask(target, action), 500, "Internal server error");
    }
    assert_eq!([ask("/?a=1", "delete").status, ask("/?a=1", "skip").status], [200, 200]);
    let targets: Vec<String> = origin.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(targets, ["/", "/?a=1"]);
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    refused(
        "inbound",
        &[
            ("set-query-parameter: §{ value: x }", "name"),
            ("set-query-parameter: { name: §'', value: x }", "the name is empty"),
            ("set-query-parameter: §{ name: a }", "`value` is missing"),
            ("set-query-parameter: { name: a, value: §[] }", "1 item"),
            ("set-query-parameter: { name: a, value: x, exists-action: §replace }", "override"),
            ("set-query-parameter: { name: a, §values: x }", "did you mean `value`?"),
        ],
    );
    let statement = "§set-query-parameter: { name: a, value: x }";
    refused("outbound", &[(statement, "can't stand in the section `outbound`")]);
}
