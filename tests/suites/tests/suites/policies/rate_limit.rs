//! `rate-limit`: so many calls of one subscription in any interval of so many seconds.

use super::*;

fn limited(config: &str) -> String {
    keyed_api(&format!("inbound: [ {{ rate-limit: {config} }} ]"), "inbound: []")
}

fn statuses(gateway: &Gateway, key: &str, calls: usize) -> Vec<u16> {
    let mut client = gateway.client();
    (0..calls).map(|_| client.send(&with_key(key)).status).collect()
}

#[test]
fn a_call_too_many_is_429_and_told_when_to_come_back() {
    let origin = hello();
    let gateway = serve(&limited("{ calls: 2, renewal-period: 60 }"), &origin);
    assert_eq!(statuses(&gateway, "acme-1", 2), [200, 200]);
    let refused = gateway.send(&with_key("acme-1"));
    let seconds = number(&refused, "retry-after");
    assert!((30..=60).contains(&seconds), "{seconds}");
    assert_error(&refused, 429, &format!("Rate limit is exceeded. Try again in {seconds} seconds."));
    assert_eq!(refused.reason, "Too Many Requests");
    assert_eq!(origin.requests().len(), 2);
    assert_eq!(logged_error(&gateway, 3), ("rate-limit".to_owned(), "RateLimitExceeded".to_owned()));
}

#[test]
fn calls_are_admitted_again_when_the_window_has_slid() {
    let gateway = serve(&limited("{ calls: 1, renewal-period: 1 }"), hello());
    for _ in 0..3 {
        wait_for_status(&gateway, 200, || with_key("acme-1"));
        let refused = gateway.send(&with_key("acme-1"));
        // A slow machine may need more than the window between the two.
        if refused.status == 429 {
            assert_eq!(refused.headers.get("retry-after"), Some("1"));
        }
    }
}

#[test]
fn each_subscription_has_calls_of_its_own_whichever_of_its_keys_it_uses() {
    let gateway = serve(&limited("{ calls: 2, renewal-period: 60 }"), hello());
    assert_eq!(statuses(&gateway, "acme-1", 1), [200]);
    assert_eq!(statuses(&gateway, "acme-2", 1), [200]);
    assert_eq!(gateway.get("/?subscription-key=acme-1").status, 429);
    assert_eq!(statuses(&gateway, "acme-2", 1), [429]);
    assert_eq!(statuses(&gateway, "zeta-1", 3), [200, 200, 429]);
}

#[test]
fn calls_without_a_key_are_not_counted() {
    let rate = "rate-limit: { calls: 1, renewal-period: 60, remaining-calls-header-name: x-left }";
    let gateway = serve(&open_api(&format!("inbound: [ {{ {rate} }} ]")), hello());
    for _ in 0..3 {
        let response = gateway.get("/");
        assert_eq!((response.status, response.headers.has("x-left")), (200, false));
    }
}

#[test]
fn headers_of_the_operators_choice_tell_what_is_left() {
    let config = "{ calls: 2, renewal-period: 60, retry-after-header-name: X-Wait, remaining-calls-header-name: X-Left, \
                  total-calls-header-name: X-Total }";
    let gateway = serve(&limited(config), hello());
    for (status, left) in [(200, "1"), (200, "0"), (429, "0")] {
        let response = gateway.send(&with_key("acme-1"));
        assert_eq!(response.status, status);
        assert_eq!(response.headers.all("x-left"), [left]);
        assert_eq!(response.headers.all("x-total"), ["2"]);
        assert_eq!(response.headers.has("x-wait"), status == 429);
        assert!(!response.headers.has("retry-after"));
    }
}

#[test]
fn what_is_left_replaces_what_the_origin_says_of_it() {
    let origin = Origin::start(|_| Response::new(200).header("x-left", "99").header("x-left", "98"));
    let gateway = serve(&limited("{ calls: 2, renewal-period: 60, remaining-calls-header-name: x-left }"), &origin);
    assert_eq!(gateway.send(&with_key("acme-1")).headers.all("x-left"), ["1"]);
}

/// Variables show only to custom statements; that one is written shows when there is no room for it.
#[test]
fn variables_are_written_for_what_is_left_and_for_the_wait() {
    let with = |variable: &str| {
        let entry =
            format!("{{ rate-limit: {{ calls: 1, renewal-period: 60{variable} }}, limits: {{ variable-bytes: 1 }} }}");
        let gateway = serve(&keyed_api(&format!("inbound: [ {entry} ]"), "inbound: []"), hello());
        statuses(&gateway, "acme-1", 2)
    };
    assert_eq!(with(""), [200, 429]);
    assert_eq!(with(", remaining-calls-variable-name: left"), [500, 500]);
    assert_eq!(with(", retry-after-variable-name: wait"), [200, 500]);
}

#[test]
fn a_product_and_an_api_count_independently() {
    let rate = |calls: u32| format!("inbound: [ base, {{ rate-limit: {{ calls: {calls}, renewal-period: 60 }} }} ]");
    let gateway = serve(&keyed_api(&rate(2), &rate(3)), hello());
    assert_eq!(statuses(&gateway, "acme-1", 3), [200, 200, 429]);
    // The product's limit has counted three, the API's two.
    assert_eq!(statuses(&gateway, "acme-1", 1), [429]);
}

#[test]
fn statements_of_two_apis_count_apart_even_if_they_have_the_same_id() {
    let api = |id: &str| {
        format!(
            "  - id: {id}\n    path: {id}\n    backend: {{origin}}\n    policies:\n      inbound:\n        \
             - rate-limit: {{ calls: 1, renewal-period: 60 }}\n          id: burst\n"
        )
    };
    let subscription = "subscriptions: [ { id: acme, all-apis: true, primary-key: acme-1 } ]\n";
    let gateway = serve(&format!("apis:\n{}{}{subscription}", api("orders"), api("invoices")), hello());
    let status = |path: &str| gateway.send(&Request::get(path).header("ocp-apim-subscription-key", "acme-1")).status;
    assert_eq!((status("/orders"), status("/orders")), (200, 429));
    assert_eq!((status("/invoices"), status("/invoices")), (200, 429));
}

#[test]
fn a_reload_keeps_the_counts() {
    let yaml = limited("{ calls: 2, renewal-period: 60 }");
    let gateway = serve(&yaml, hello());
    assert_eq!(statuses(&gateway, "acme-1", 1), [200]);
    assert_eq!(gateway.reload(&format!("{yaml}# changed\n")), tollgate_harness::Reload::Applied);
    assert_eq!(statuses(&gateway, "acme-1", 2), [200, 429]);
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    refused(
        "inbound",
        &[
            ("rate-limit: §{ calls: 1 }", "renewal-period"),
            ("rate-limit: §{ renewal-period: 1 }", "calls"),
            ("rate-limit: { calls: §0, renewal-period: 60 }", "minimum of 1"),
            ("rate-limit: { calls: §\"1\", renewal-period: 60 }", "integer"),
            ("rate-limit: { calls: 1, renewal-period: §301 }", "maximum of 300"),
            ("rate-limit: { calls: 1, renewal-period: §0 }", "minimum of 1"),
            ("rate-limit: { §call: 1, calls: 1, renewal-period: 60 }", "unknown key `call`; did you mean `calls`?"),
            ("rate-limit: { calls: 1, renewal-period: 60, §counter-key: client-ip }", "unknown key `counter-key`"),
            (
                "rate-limit: { calls: 1, renewal-period: 60, remaining-calls-header-name: §connection }",
                "belongs to the gateway",
            ),
            ("rate-limit: { calls: 1, renewal-period: 60, total-calls-header-name: §\"a b\" }", "value does not match"),
        ],
    );
    refused("outbound", &[("§rate-limit: { calls: 1, renewal-period: 60 }", "can't stand in the section `outbound`")]);
    refused("on-error", &[("§rate-limit: { calls: 1, renewal-period: 60 }", "can't stand in the section `on-error`")]);
}
