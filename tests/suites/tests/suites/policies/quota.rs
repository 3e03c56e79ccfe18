//! `quota`: so many calls or bytes of one subscription in each period.

use super::*;
use std::time::Duration;

/// Ten years: the period at hand ends in 2029.
const TEN_YEARS: u64 = 315_360_000;

/// A quota in the section of the product.
fn limited(config: &str) -> String {
    keyed_api("inbound: [ base ]", &format!("inbound: [ base, {{ quota: {config} }} ]"))
}

fn call(gateway: &Gateway, key: &str) -> u16 {
    gateway.send(&with_key(key)).status
}

/// The same document, with the state of a gateway that has ended.
fn with_state_of(ended: &Gateway, yaml: &str, origin: &Origin) -> Gateway {
    let state = ended.folder().join("tollgate-state");
    let yaml = format!("state: {{ directory: '{}' }}\n{yaml}", state.display());
    Gateway::with(&yaml).origin(origin).start()
}

#[test]
fn a_call_too_many_is_403_and_told_when_the_period_ends() {
    let origin = hello();
    let gateway = serve(&limited(&format!("{{ calls: 2, renewal-period: {TEN_YEARS} }}")), &origin);
    assert_eq!([call(&gateway, "acme-1"), call(&gateway, "acme-2")], [200, 200]);
    let refused = gateway.send(&with_key("acme-1"));
    let seconds = number(&refused, "retry-after");
    assert_ends_with_period(seconds, TEN_YEARS, 0);
    let span = time_span(seconds);
    assert!(span.contains('.') && span.len() > "1.00:00:00".len(), "{span} has days");
    assert_error(&refused, 403, &format!("Out of call volume quota. Quota will be replenished in {span}."));
    assert_eq!(refused.reason, "Forbidden");
    assert_eq!(origin.requests().len(), 2);
    assert_eq!(logged_error(&gateway, 3), ("quota".to_owned(), "QuotaExceeded".to_owned()));
}

#[test]
fn within_a_day_the_rest_of_the_period_has_no_days() {
    let gateway = serve(&limited("{ calls: 1, renewal-period: 86400 }"), hello());
    assert_eq!(call(&gateway, "acme-1"), 200);
    let refused = gateway.send(&with_key("acme-1"));
    let span = time_span(number(&refused, "retry-after"));
    assert_eq!(span.len(), "23:59:59".len());
    assert_error(&refused, 403, &format!("Out of call volume quota. Quota will be replenished in {span}."));
}

#[test]
fn periods_are_counted_from_the_start_of_the_subscription() {
    let yaml = "apis: [ { id: all, path: '', backend: \"{origin}\" } ]\n\
                products: [ { id: p, apis: [all], policies: { inbound: [ { quota: { calls: 1, renewal-period: 86400 } } ] } } ]\n\
                subscriptions:\n\
                \x20 - { id: acme, product: p, primary-key: acme-1, start-date: '2026-01-01T06:30:00Z' }\n\
                \x20 - { id: zeta, product: p, primary-key: zeta-1, start-date: '2026-01-01T23:00:00+01:00' }\n";
    let gateway = serve(yaml, hello());
    for (key, anchor) in [("acme-1", 6 * 3600 + 1800), ("zeta-1", 22 * 3600)] {
        assert_eq!(call(&gateway, key), 200);
        let refused = gateway.send(&with_key(key));
        assert_ends_with_period(number(&refused, "retry-after"), 86_400, anchor);
    }
}

#[test]
fn a_period_of_zero_never_ends_and_promises_nothing() {
    let gateway = serve(&limited("{ calls: 1, renewal-period: 0 }"), hello());
    assert_eq!(call(&gateway, "acme-1"), 200);
    let refused = gateway.send(&with_key("acme-1"));
    assert_error(&refused, 403, "Out of call volume quota.");
    assert!(!refused.headers.has("retry-after"));
}

#[test]
fn a_new_period_begins_with_nothing_used() {
    let gateway = serve(&limited("{ calls: 1, renewal-period: 2 }"), hello());
    for _ in 0..2 {
        wait_for_status(&gateway, 403, || with_key("acme-1"));
        wait_for_status(&gateway, 200, || with_key("acme-1"));
    }
}

#[test]
fn bandwidth_counts_request_and_response_bodies() {
    let origin = Origin::start(|_| Response::new(200).body(vec![b'x'; 1_000]));
    let gateway = serve(&limited("{ bandwidth: 2, renewal-period: 86400 }"), &origin);
    let post = |bytes: usize, key: &str| {
        gateway.send(&Request::post("/", vec![b'y'; bytes]).header("ocp-apim-subscription-key", key))
    };
    // 1,000 bytes each time, and 24 of the first request: one below 2 KiB lets one more through.
    assert_eq!([post(24, "acme-1").status, post(0, "acme-1").status], [200, 200]);
    assert_eq!([post(23, "acme-1").status, post(0, "acme-1").status], [200, 403]);
    let refused = post(0, "acme-1");
    let span = time_span(number(&refused, "retry-after"));
    assert_error(&refused, 403, &format!("Out of bandwidth quota. Quota will be replenished in {span}."));
    assert_eq!(post(0, "zeta-1").status, 200);
}

#[test]
fn calls_and_bandwidth_together_refuse_for_whichever_is_used_up() {
    let origin = Origin::start(|_| Response::new(200).body(vec![b'x'; 1_024]));
    let gateway = serve(&limited("{ calls: 2, bandwidth: 1, renewal-period: 0 }"), &origin);
    assert_eq!(call(&gateway, "acme-1"), 200);
    assert_error(&gateway.send(&with_key("acme-1")), 403, "Out of bandwidth quota.");
    let gateway = serve(&limited("{ calls: 1, bandwidth: 9, renewal-period: 0 }"), &origin);
    assert_eq!(call(&gateway, "acme-1"), 200);
    assert_error(&gateway.send(&with_key("acme-1")), 403, "Out of call volume quota.");
}

#[test]
fn calls_that_are_refused_cost_nothing() {
    let inbound = "inbound: [ base, { check-header: { name: x-plan, failed-check-httpcode: 400 } } ]";
    let yaml = keyed_api(inbound, "inbound: [ { quota: { calls: 2, bandwidth: 1, renewal-period: 0 } } ]");
    let gateway = serve(&yaml, hello());
    assert_eq!(call(&gateway, "none"), 401);
    // What a later statement refuses was let through by the quota.
    assert_eq!([call(&gateway, "acme-1"), call(&gateway, "acme-1"), call(&gateway, "acme-1")], [400, 400, 403]);
}

#[test]
fn only_keys_of_the_product_are_counted_each_for_itself() {
    let yaml = "apis: [ { id: all, path: '', backend: \"{origin}\", subscription-required: false } ]\n\
                products:\n\
                \x20 - { id: starter, apis: [all], policies: { inbound: [ { quota: { calls: 1, renewal-period: 0 } } ] } }\n\
                \x20 - { id: unlimited, apis: [all] }\n\
                subscriptions:\n\
                \x20 - { id: acme, product: starter, primary-key: acme-1 }\n\
                \x20 - { id: zeta, product: starter, primary-key: zeta-1 }\n\
                \x20 - { id: rich, product: unlimited, primary-key: rich-1 }\n";
    let gateway = serve(yaml, hello());
    assert_eq!([call(&gateway, "acme-1"), call(&gateway, "acme-1")], [200, 403]);
    assert_eq!([call(&gateway, "zeta-1"), call(&gateway, "zeta-1")], [200, 403]);
    assert_eq!([call(&gateway, "rich-1"), call(&gateway, "rich-1")], [200, 200]);
    assert_eq!([gateway.get("/").status, gateway.get("/").status], [200, 200]);
}

#[test]
fn a_drained_gateway_has_written_every_call() {
    let (yaml, origin) = (limited("{ calls: 3, renewal-period: 0 }"), hello());
    // Nothing is written by the clock: only the end does it.
    let slow = format!("state: {{ quota-flush-ms: 60000 }}\n{yaml}");
    let first = serve(&slow, &origin);
    assert_eq!([call(&first, "acme-1"), call(&first, "acme-1")], [200, 200]);
    first.sigterm();
    assert!(first.wait().success());
    let second = with_state_of(&first, &yaml, &origin);
    assert_eq!([call(&second, "acme-1"), call(&second, "acme-1"), call(&second, "zeta-1")], [200, 403, 200]);
    second.sigterm();
    assert!(second.wait().success());
    let third = with_state_of(&first, &yaml, &origin);
    assert_eq!([call(&third, "acme-1"), call(&third, "zeta-1")], [403, 200]);
}

#[test]
fn calls_and_bytes_outlive_kill_9() {
    let yaml = limited("{ calls: 4, bandwidth: 3, renewal-period: 0 }");
    let origin = Origin::start(|_| Response::new(200).body(vec![b'x'; 1_024]));
    let first = serve(&yaml, &origin);
    assert_eq!([call(&first, "acme-1"), call(&first, "acme-1")], [200, 200]);
    assert_eq!([call(&first, "zeta-1"), call(&first, "acme-1")], [200, 200]);
    // Counts are on disk 100 ms later, on a machine that has nothing else to do.
    std::thread::sleep(Duration::from_millis(700));
    first.sigkill();
    first.wait();
    let second = with_state_of(&first, &yaml, &origin);
    assert_error(&second.send(&with_key("acme-1")), 403, "Out of bandwidth quota.");
    assert_eq!([call(&second, "zeta-1"), call(&second, "zeta-1"), call(&second, "zeta-1")], [200, 200, 403]);
}

#[test]
fn two_gateways_can_not_share_a_state_directory() {
    let (yaml, origin) = (limited("{ calls: 1, renewal-period: 0 }"), hello());
    let first = serve(&yaml, &origin);
    let state = first.folder().join("tollgate-state");
    let yaml = format!("state: {{ directory: '{}' }}\n{yaml}", state.display());
    let outcome = Gateway::with(&yaml).origin(&origin).refused();
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert!(outcome.stderr.contains("does another gateway use this state directory?"), "{outcome:#?}");
}

/// Two APIs with an operation `get` each, and this quota in the section of their product.
fn divided(config: &str) -> String {
    let operations = "[ { id: get, method: GET, url: / }, { id: create, method: POST, url: / } ]";
    let api = |id: &str| format!("  - {{ id: {id}, path: {id}, backend: \"{{origin}}\", operations: {operations} }}\n");
    format!(
        "apis:\n{}{}products:\n  - {{ id: p, apis: [orders, invoices], policies: {{ inbound: [ {{ quota: {{ {config} }} }} ] }} }}\n\
         subscriptions:\n  - {{ id: acme, product: p, primary-key: acme-1 }}\n  - {{ id: zeta, product: p, primary-key: zeta-1 }}\n",
        api("orders"),
        api("invoices")
    )
}

fn ask(gateway: &Gateway, method: &str, path: &str, key: &str) -> Response {
    gateway.send(&Request::new(method, path).header("ocp-apim-subscription-key", key))
}

#[test]
fn apis_and_operations_have_quotas_beside_the_statements_own() {
    let config = "calls: 5, renewal-period: 0, apis: [ { id: orders, calls: 3, renewal-period: 86400, operations: [ \
                  { id: create, calls: 1, renewal-period: 3600 } ] } ]";
    let gateway = serve(&divided(config), hello());
    // Which quota refuses shows in its period.
    for (step, (method, path, key, refused_by)) in [
        ("POST", "/orders", "acme-1", None),
        ("POST", "/orders", "acme-1", Some(3_600)),
        ("POST", "/orders", "acme-1", Some(3_600)),
        ("GET", "/orders", "acme-1", None),
        ("GET", "/orders", "acme-1", None),
        ("GET", "/orders", "acme-1", Some(86_400)),
        ("POST", "/invoices", "acme-1", None),
        ("GET", "/invoices", "acme-1", None),
        ("GET", "/invoices", "acme-1", Some(0)),
        ("POST", "/orders", "zeta-1", None),
    ]
    .into_iter()
    .enumerate()
    {
        let response = ask(&gateway, method, path, key);
        assert_eq!(response.status, if refused_by.is_some() { 403 } else { 200 }, "step {step}");
        match refused_by {
            None => {}
            Some(0) => assert_error(&response, 403, "Out of call volume quota."),
            Some(period) => assert_ends_with_period(number(&response, "retry-after"), period, 0),
        }
    }
}

#[test]
fn an_operation_below_the_statement_has_a_quota_for_each_api_apart() {
    let config = "calls: 9, renewal-period: 0, operations: [ { name: get, calls: 1, renewal-period: 0 } ]";
    let gateway = serve(&divided(config), hello());
    for path in ["/orders", "/invoices"] {
        let status = |method: &str| ask(&gateway, method, path, "acme-1").status;
        assert_eq!([status("GET"), status("GET"), status("POST"), status("POST")], [200, 403, 200, 200], "{path}");
    }
}

#[test]
fn an_id_beats_a_name() {
    for (entry, is_limited) in
        [("id: orders, name: invoices", true), ("id: invoices, name: orders", false), ("name: orders", true)]
    {
        let config = format!("calls: 9, renewal-period: 0, apis: [ {{ {entry}, calls: 1, renewal-period: 0 }} ]");
        let gateway = serve(&divided(&config), hello());
        assert_eq!(ask(&gateway, "GET", "/orders", "acme-1").status, 200);
        assert_eq!(ask(&gateway, "GET", "/orders", "acme-1").status == 403, is_limited, "{entry}");
    }
}

#[test]
fn apis_and_operations_may_have_quotas_of_bytes() {
    let config = "bandwidth: 3, renewal-period: 0, apis: [ { id: orders, bandwidth: 2, renewal-period: 0, operations: [ \
                  { id: create, calls: 9, bandwidth: 1, renewal-period: 0 } ] } ]";
    let origin = Origin::start(|_| Response::new(200).body(vec![b'x'; 1_024]));
    let gateway = serve(&divided(config), origin);
    for (step, (method, path, status)) in [
        ("POST", "/orders", 200),
        ("POST", "/orders", 403),
        ("GET", "/orders", 200),
        ("GET", "/orders", 403),
        ("GET", "/invoices", 200),
        ("POST", "/invoices", 403),
    ]
    .into_iter()
    .enumerate()
    {
        let response = ask(&gateway, method, path, "acme-1");
        assert_eq!(response.status, status, "step {step}");
        if status == 403 {
            assert_error(&response, 403, "Out of bandwidth quota.");
        }
    }
}

#[test]
fn a_call_that_is_under_way_when_the_bytes_are_used_up_still_finishes() {
    let origin = Origin::start(|_| Response::new(200).body(vec![b'x'; 5_000]));
    let gateway = serve(&limited("{ bandwidth: 1, renewal-period: 0 }"), origin);
    let first = gateway.send(&with_key("acme-1"));
    assert_eq!((first.status, first.body.len()), (200, 5_000));
    assert_eq!(call(&gateway, "acme-1"), 403);
}

#[test]
fn counts_of_apis_and_operations_outlive_the_process_too() {
    let yaml = divided("calls: 9, renewal-period: 0, apis: [ { id: orders, calls: 2, renewal-period: 0 } ]");
    let origin = hello();
    let first = serve(&yaml, &origin);
    assert_eq!(ask(&first, "GET", "/orders", "acme-1").status, 200);
    first.sigterm();
    assert!(first.wait().success());
    let second = with_state_of(&first, &yaml, &origin);
    let status = |path: &str| ask(&second, "GET", path, "acme-1").status;
    assert_eq!([status("/orders"), status("/orders"), status("/invoices")], [200, 403, 200]);
}

#[test]
fn with_an_id_the_counts_stay_when_the_document_is_rearranged() {
    let document = |before: &str, id: &str| {
        let inbound = format!("inbound: [ base, {before} {{ quota: {{ calls: 2, renewal-period: 0 }}{id} }} ]");
        keyed_api("inbound: [ base ]", &inbound)
    };
    let other = "{ set-header: { name: x, value: a } },";
    for (id, expected) in [(", id: monthly", [200, 403]), ("", [200, 200])] {
        let gateway = serve(&document("", id), hello());
        assert_eq!(call(&gateway, "acme-1"), 200);
        assert_eq!(gateway.reload(&document(other, id)), tollgate_harness::Reload::Applied);
        assert_eq!([call(&gateway, "acme-1"), call(&gateway, "acme-1")], expected, "{id}");
    }
}

#[test]
fn it_stands_in_products_only_and_once() {
    let quota = "{ quota: { calls: 1, renewal-period: 0 } }";
    for yaml in [
        open_api(&format!("inbound: [ {quota} ]")),
        format!("policies: {{ inbound: [ {quota} ] }}\n{}", open_api("inbound: [ base ]")),
        keyed_api("inbound: [ base ]", &format!("inbound: [ {quota}, {quota} ]")),
    ] {
        let outcome = Gateway::with(&yaml).value("origin", "http://127.0.0.1:9").check();
        assert_eq!((outcome.code, outcome.stderr.lines().count()), (2, 1), "{outcome:#?}");
        assert!(outcome.stderr.contains("quota"), "{}", outcome.stderr);
    }
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    refused(
        "inbound",
        &[
            ("quota: §{ renewal-period: 60 }", "`calls` or `bandwidth` is needed"),
            ("quota: §{ calls: 1 }", "renewal-period"),
            ("quota: { calls: §0, renewal-period: 60 }", "minimum of 1"),
            ("quota: { bandwidth: §0, renewal-period: 60 }", "minimum of 1"),
            ("quota: { calls: 1, renewal-period: §-1 }", "minimum of 0"),
            ("quota: { calls: 1, renewal-period: 60, §increment-count: 2 }", "unknown key `increment-count`"),
            ("quota: { bandwidth: §18446744073709551615, renewal-period: 60 }", "more kilobytes than can be counted"),
            ("quota: { calls: §\"${1}\", renewal-period: 60 }", "an expression can't stand here"),
            (
                "quota: { calls: 1, renewal-period: 0, apis: [ §{ id: a, renewal-period: 0 } ] }",
                "`calls` or `bandwidth` is needed",
            ),
            ("quota: { calls: 1, renewal-period: 0, apis: [ §{ id: a, calls: 1 } ] }", "renewal-period"),
            (
                "quota: { calls: 1, renewal-period: 0, operations: [ §{ calls: 1, renewal-period: 0 } ] }",
                "`id` or `name` is needed",
            ),
            (
                "quota: { calls: 1, renewal-period: 0, apis: [ { id: a, calls: 1, renewal-period: 0, operations: [ { id: b, bandwidth: §0, renewal-period: 0 } ] } ] }",
                "minimum of 1",
            ),
            (
                "quota: { calls: 1, renewal-period: 0, apis: [ { id: a, calls: 1, renewal-period: 0 }, §{ id: a, calls: 2, renewal-period: 0 } ] }",
                "`a` is listed twice",
            ),
        ],
    );
    refused("outbound", &[("§quota: { calls: 1, renewal-period: 60 }", "can't stand in the section `outbound`")]);
}
