//! `emit-metric`: add to a counter on the metrics page.

use super::*;

fn emit(config: &str) -> String {
    open_api(&format!("inbound: [ {{ emit-metric: {config} }} ]"))
}

#[test]
fn the_counter_grows_by_the_value() {
    let gateway =
        serve(&emit("{ namespace: Orders, name: Items sold, value: \"${double(request.query['n'])}\" }"), hello());
    for n in ["2", "0.5"] {
        assert_eq!(gateway.get(&format!("/?n={n}")).status, 200);
    }
    let metrics = gateway.metrics();
    assert_eq!(metrics.sum("tollgate_policy_orders_items_sold_total", &[("component", "emit-metric")]), 2.5);
}

#[test]
fn the_value_is_one_if_nothing_is_said() {
    let gateway = serve(&emit("{ name: 5xx seen }"), hello());
    for _ in 0..3 {
        gateway.get("/");
    }
    assert_eq!(gateway.metrics().sum("tollgate_policy__5xx_seen_total", &[]), 3.0);
}

#[test]
fn dimensions_that_the_gateway_knows_need_no_value() {
    let all = "dimensions: [ { name: API ID }, { name: Operation ID }, { name: Product ID }, { name: User ID }, \
               { name: Subscription ID }, { name: Location }, { name: Gateway ID } ]";
    let yaml = keyed_api(&format!("inbound: [ {{ emit-metric: {{ name: orders, {all} }} }} ]"), "inbound: []");
    let gateway = serve(&yaml, hello());
    assert_eq!(gateway.send(&with_key("acme-1")).status, 200);
    let known = [("api_id", "all"), ("product_id", "starter"), ("subscription_id", "acme")];
    let empty = [("operation_id", ""), ("user_id", ""), ("location", ""), ("gateway_id", "")];
    assert_eq!(gateway.metrics().sum("tollgate_policy_orders_total", &[&known[..], &empty[..]].concat()), 1.0);
}

#[test]
fn dimensions_are_computed_cut_and_tell_series_apart() {
    let gateway = serve(&emit("{ name: orders, dimensions: { Region: \"${request.headers['x-region']}\" } }"), hello());
    for region in ["eu", "us", "eu"] {
        gateway.send(&Request::get("/").header("x-region", region));
    }
    gateway.send(&Request::get("/").header("x-region", "é".repeat(100)));
    let metrics = gateway.metrics();
    let count = |region: &str| metrics.sum("tollgate_policy_orders_total", &[("region", region)]);
    assert_eq!((count("eu"), count("us")), (2.0, 1.0));
    assert_eq!(count(&"é".repeat(64)), 1.0);
}

#[test]
fn what_can_not_be_counted_fails_no_request() {
    let gateway = serve(&emit("{ name: orders, value: \"${double(request.headers['x-value'])}\" }"), hello());
    assert_eq!(gateway.send(&Request::get("/").header("x-value", "-1")).text(), "hello");
    gateway.wait_for_log("was not counted");
    assert_eq!(gateway.metrics().sum("tollgate_policy_orders_total", &[]), 0.0);
}

#[test]
fn more_series_than_the_page_takes_fail_no_request() {
    let gateway = serve(&emit("{ name: orders, dimensions: { who: \"${request.headers['x-who']}\" } }"), hello());
    let mut client = gateway.client();
    for who in 0..=100 {
        let response = client.send(&Request::get("/").header("x-who", who.to_string()));
        assert_eq!(response.status, 200);
    }
    gateway.wait_for_log("was not counted");
    assert_eq!(gateway.metrics().sum("tollgate_policy_orders_total", &[]), 100.0);
}

#[test]
fn names_are_written_as_the_page_takes_them() {
    let long = "n".repeat(64);
    for (config, name) in [
        ("name: Orders", "orders"),
        ("name: \"  Items -- SOLD! \"", "items_sold"),
        ("name: ÄpfelBirnen2", "pfelbirnen2"),
        ("namespace: My.Shop, name: a/b", "my_shop_a_b"),
        ("namespace: 2nd, name: 3rd", "_2nd_3rd"),
        (&format!("name: {long}"), &long),
    ] {
        let gateway = serve(&emit(&format!("{{ {config} }}")), hello());
        assert_eq!(gateway.get("/").status, 200);
        assert_eq!(gateway.metrics().sum(&format!("tollgate_policy_{name}_total"), &[]), 1.0, "{config}");
    }
}

#[test]
fn every_section_counts() {
    let emit = |name: &str| format!("{{ emit-metric: {{ name: seen, dimensions: {{ section: {name} }} }} }}");
    let sections = format!(
        "inbound: [ {}, {{ check-header: {{ name: x-plan, failed-check-httpcode: 402 }} }} ]\n\
         backend: [ {}, forward-request ]\noutbound: [ {} ]\non-error: [ {} ]",
        emit("inbound"),
        emit("backend"),
        emit("outbound"),
        emit("on-error")
    );
    let gateway = serve(&open_api(&sections), hello());
    assert_eq!(gateway.send(&Request::get("/").header("x-plan", "gold")).status, 200);
    assert_eq!(gateway.get("/").status, 402);
    let metrics = gateway.metrics();
    let counts = ["inbound", "backend", "outbound", "on-error"]
        .map(|section| metrics.sum("tollgate_policy_seen_total", &[("section", section)]));
    assert_eq!(counts, [2.0, 1.0, 1.0, 1.0]);
}

#[test]
fn an_expression_that_fails_is_an_error() {
    for config in
        ["{ name: n, value: \"${json(request.path)}\" }", "{ name: n, dimensions: { d: \"${json(request.path)}\" } }"]
    {
        let gateway = serve(&emit(config), hello());
        assert_error(&gateway.get("/"), 500, "Internal server error.");
        let error = ("emit-metric".to_owned(), "ExpressionValueEvaluationFailure".to_owned());
        assert_eq!(logged_error(&gateway, 1), error);
    }
}

#[test]
fn what_is_negative_is_not_counted_and_what_is_no_finite_number_fails() {
    let gateway = serve(&emit("{ name: orders, value: \"${double(request.headers['x-value'])}\" }"), hello());
    for (value, status) in [("-0.5", 200), ("2", 200), ("NaN", 500), ("Infinity", 500)] {
        assert_eq!(gateway.send(&Request::get("/").header("x-value", value)).status, status, "{value}");
    }
    assert_eq!(gateway.metrics().sum("tollgate_policy_orders_total", &[]), 2.0);
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    let eleven: String = (0..11).map(|n| format!("d{n}: x, ")).collect();
    let eleven = format!("emit-metric: {{ name: n, dimensions: §{{ {eleven} }} }}");
    let long = format!("emit-metric: {{ namespace: {}, name: §{} }}", "a".repeat(32), "b".repeat(32));
    let cases = [
        ("emit-metric: §{ }", "name"),
        ("emit-metric: { name: §'-' }", "holds no letter"),
        ("emit-metric: { name: n, value: §-1 }", "no negative value"),
        ("emit-metric: { name: n, dimensions: [ §{ name: tier } ] }", "needs a value"),
        ("emit-metric: { name: n, dimensions: { component: §x } }", "belongs to the gateway"),
        ("emit-metric: { name: n, dimensions: { a b: x, a-b: §y } }", "called `a_b` already"),
        (
            "emit-metric: { name: n, dimensions: [ { name: a b, value: x }, §{ name: A-B, value: y } ] }",
            "`a_b` already",
        ),
        (long.as_str(), "64"),
        (eleven.as_str(), "at most 10"),
    ];
    for section in ["inbound", "outbound", "on-error"] {
        refused(section, &cases);
    }
}
