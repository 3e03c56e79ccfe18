//! The statement `emit-metric` on the SDK's test gateway.

use super::*;
use tollgate_sdk::serde_json::{Value, json};
use tollgate_sdk::testing::{self, Gateway};

fn get() -> testing::Request {
    testing::Request::get("/")
}

#[test]
fn the_counter_has_the_namespace_before_its_name() {
    let gateway = Gateway::<Statement>::with(json!({ "namespace": "My Shop", "name": "Items sold" })).unwrap();
    assert_eq!(gateway.request(get()).verdict, Verdict::Next);
    gateway.request(get());
    assert_eq!(gateway.world().count("my_shop_items_sold", &[]), 2.0);
}

#[test]
fn the_value_can_be_computed() {
    let gateway = Gateway::<Statement>::with(json!({ "name": "n", "value": "${size}" })).unwrap();
    for (value, count) in [(json!(2), 2.0), (json!("0.5"), 2.5), (json!(0), 2.5)] {
        gateway.expression("${size}", value);
        gateway.request(get());
        assert_eq!(gateway.world().count("n", &[]), count);
    }
}

#[test]
fn dimensions_are_labels() {
    let gateway = Gateway::<Statement>::with(json!({
        "name": "n",
        "dimensions": [{ "name": "Tier", "value": "${tier}" }, { "name": "Version", "value": 2 }],
    }))
    .unwrap();
    gateway.expression("${tier}", "gold");
    gateway.request(get());
    assert_eq!(gateway.world().count("n", &[("tier", "gold"), ("version", "2")]), 1.0);
}

#[test]
fn the_gateway_knows_some_dimensions_itself() {
    let names = ["API ID", "Operation ID", "Product ID", "User ID", "Subscription ID", "Location", "Gateway ID"];
    let listed: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
    let gateway = Gateway::<Statement>::with(json!({ "name": "n", "dimensions": listed })).unwrap();
    let known = |operation, product, subscription| {
        [
            ("api_id", "orders"),
            ("operation_id", operation),
            ("product_id", product),
            ("user_id", ""),
            ("subscription_id", subscription),
            ("location", ""),
            ("gateway_id", ""),
        ]
    };
    gateway.request(get().matched("orders", Some("list"), Some("starter")).with_subscription("acme"));
    assert_eq!(gateway.world().count("n", &known("list", "starter", "acme")), 1.0);
    gateway.request(get().matched("orders", None, None));
    assert_eq!(gateway.world().count("n", &known("", "", "")), 1.0);
}

#[test]
fn a_value_of_its_own_is_stronger_than_what_the_gateway_knows() {
    let config = json!({ "name": "n", "dimensions": { "API ID": "mine" } });
    let gateway = Gateway::<Statement>::with(config).unwrap();
    gateway.request(get());
    assert_eq!(gateway.world().count("n", &[("api_id", "mine")]), 1.0);
}

#[test]
fn long_values_are_cut_at_a_characters_border() {
    let gateway = Gateway::<Statement>::with(json!({ "name": "n", "dimensions": { "d": "${long}" } })).unwrap();
    gateway.expression("${long}", format!("x{}", "é".repeat(100)));
    gateway.request(get());
    assert_eq!(gateway.world().count("n", &[("d", &*format!("x{}", "é".repeat(63)))]), 1.0);
}

#[test]
fn what_can_not_be_counted_is_a_line_in_the_log() {
    let gateway = Gateway::<Statement>::with(json!({ "name": "n", "value": "${value}" })).unwrap();
    gateway.expression("${value}", -1);
    assert_eq!(gateway.request(get()).verdict, Verdict::Next);
    assert_eq!(gateway.world().count("n", &[]), 0.0);
    assert!(gateway.world().log()[0].1.contains("was not counted"));
}

#[test]
fn an_expression_that_fails_refuses_the_request() {
    for config in
        [json!({ "name": "n", "value": "${fails}" }), json!({ "name": "n", "dimensions": { "d": "${fails}" } })]
    {
        let outcome = Gateway::<Statement>::with(config).unwrap().request(get());
        assert_eq!(outcome.failure().unwrap().reason(), "ExpressionValueEvaluationFailure");
    }
}

#[test]
fn every_section_can_count() {
    let gateway = Gateway::<Statement>::with(json!({ "name": "n" })).unwrap();
    gateway.response(get(), testing::Response::new(200));
    let error = LastError {
        source: "quota".into(),
        reason: "QuotaExceeded".into(),
        message: String::new(),
        statement_id: None,
    };
    gateway.error(get(), testing::Response::new(403), error);
    assert_eq!(gateway.world().count("n", &[]), 2.0);
}

#[test]
fn what_is_missing_or_wrong_is_refused_with_its_place() {
    let pointer = |config: Value| Gateway::<Statement>::with(config).unwrap_err().pointer;
    assert_eq!(pointer(json!({})), "");
    assert_eq!(pointer(json!({ "name": "--" })), "/name");
    assert_eq!(pointer(json!({ "name": "n", "namespace": "--" })), "/namespace");
    assert_eq!(pointer(json!({ "name": "n", "value": -1 })), "/value");
    assert_eq!(pointer(json!({ "name": "n", "dimensions": [{ "name": "tier" }] })), "/dimensions/0");
    assert_eq!(pointer(json!({ "name": "n", "dimensions": { "a/b": "1", "a b": "2" } })), "/dimensions/a b");
    assert_eq!(pointer(json!({ "name": "n", "dimensions": { "component": "1" } })), "/dimensions/component");
    let eleven: Vec<Value> = (0..11).map(|n| json!({ "name": format!("d{n}"), "value": "x" })).collect();
    assert_eq!(pointer(json!({ "name": "n", "dimensions": eleven })), "/dimensions");
}
