//! `rate-limit-by-key`: so many calls with one key in any interval of so many seconds.

use super::*;

fn limited(config: &str) -> String {
    let inbound = format!("inbound: [ {{ rate-limit-by-key: {{ renewal-period: 60, {config} }} }} ]");
    format!("trusted-proxies: [127.0.0.0/8]\n{}", open_api(&inbound))
}

fn of_tenant(tenant: &str) -> Request {
    Request::get("/").header("x-tenant", tenant)
}

#[test]
fn of_64_clients_at_once_exactly_as_many_pass_as_may() {
    let origin = hello();
    let yaml = format!("workers: 4\n{}", limited("calls: 20, counter-key: 'header:x-tenant'"));
    let gateway = serve(&yaml, &origin);
    for round in 1..=6 {
        let statuses = gateway.burst(64, || of_tenant(&round.to_string()));
        let count = |status: u16| statuses.iter().filter(|found| **found == status).count();
        assert_eq!((count(200), count(429)), (20, 44), "round {round}: {statuses:?}");
        assert_eq!(origin.requests().len(), 20 * round);
    }
}

#[test]
fn a_call_too_many_is_429_and_told_when_to_come_back() {
    let gateway = serve(&limited("calls: 1, counter-key: client-ip"), hello());
    assert_eq!(gateway.get("/").status, 200);
    let refused = gateway.get("/");
    let seconds = number(&refused, "retry-after");
    assert!((30..=60).contains(&seconds), "{seconds}");
    assert_error(&refused, 429, &format!("Rate limit is exceeded. Try again in {seconds} seconds."));
    assert_eq!(logged_error(&gateway, 2), ("rate-limit-by-key".to_owned(), "RateLimitExceeded".to_owned()));
}

#[test]
fn each_address_has_calls_of_its_own() {
    let gateway = serve(&limited("calls: 1, counter-key: client-ip"), hello());
    for address in ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"] {
        assert_eq!(gateway.send(&from(address)).status, 200, "{address}");
        assert_eq!(gateway.send(&from(address)).status, 429, "{address}");
    }
}

#[test]
fn the_same_address_written_otherwise_has_no_calls_more() {
    let gateway = serve(&limited("calls: 2, counter-key: client-ip"), hello());
    for (address, status) in [
        ("192.0.2.1", 200),
        ("::ffff:192.0.2.1", 200),
        ("::ffff:c000:201", 429),
        ("2001:db8::1", 200),
        ("2001:DB8:0:0:0:0:0:1", 200),
        ("[2001:db8::1]", 429),
    ] {
        assert_eq!(gateway.send(&from(address)).status, status, "{address}");
    }
}

#[test]
fn who_is_no_trusted_proxy_can_not_choose_its_address() {
    let yaml = open_api("inbound: [ { rate-limit-by-key: { calls: 1, renewal-period: 60, counter-key: client-ip } } ]");
    let gateway = serve(&yaml, hello());
    assert_eq!(gateway.send(&from("192.0.2.1")).status, 200);
    assert_eq!(gateway.send(&from("192.0.2.2")).status, 429);
}

#[test]
fn requests_without_the_header_are_limited_together() {
    let gateway = serve(&limited("calls: 1, counter-key: 'header:X-Tenant'"), hello());
    assert_eq!(gateway.send(&of_tenant("gold")).status, 200);
    assert_eq!(gateway.send(&from("192.0.2.1")).status, 200);
    assert_eq!(gateway.send(&from("192.0.2.2")).status, 429);
    assert_eq!(gateway.send(&of_tenant("silver")).status, 200);
}

#[test]
fn a_subscription_is_a_key() {
    let rate = "rate-limit-by-key: { calls: 1, renewal-period: 60, counter-key: subscription }";
    let gateway = serve(&keyed_api(&format!("inbound: [ {{ {rate} }} ]"), "inbound: []"), hello());
    let status = |key: &str| gateway.send(&with_key(key)).status;
    assert_eq!([status("acme-1"), status("acme-2"), status("zeta-1")], [200, 429, 200]);
}

#[test]
fn a_header_spends_nobody_elses_calls() {
    let rate = |key: &str| format!("{{ rate-limit-by-key: {{ calls: 1, renewal-period: 60, counter-key: '{key}' }} }}");
    let yaml = open_api(&format!("inbound: [ {}, {} ]", rate("header:x-tenant"), rate("client-ip")));
    let gateway = serve(&format!("trusted-proxies: [127.0.0.0/8]\n{yaml}"), hello());
    let call = |tenant: &str, address: &str| gateway.send(&of_tenant(tenant).header("x-forwarded-for", address)).status;
    assert_eq!(call("192.0.2.1", "192.0.2.9"), 200);
    assert_eq!(call("gold", "192.0.2.1"), 200);
    assert_eq!(call("silver", "192.0.2.1"), 429);
}

#[test]
fn all_scopes_of_the_gateway_share_the_counter_of_a_key() {
    let rate = "{ rate-limit-by-key: { calls: 2, renewal-period: 60, counter-key: client-ip } }";
    let api = |id: &str| {
        format!(
            "  - {{ id: {id}, path: {id}, backend: \"{{origin}}\", subscription-required: false, \
             policies: {{ inbound: [ {rate} ] }} }}\n"
        )
    };
    let gateway = serve(&format!("apis:\n{}{}", api("orders"), api("invoices")), hello());
    assert_eq!([gateway.get("/orders").status, gateway.get("/invoices").status], [200, 200]);
    assert_eq!([gateway.get("/orders").status, gateway.get("/invoices").status], [429, 429]);
}

#[test]
fn one_call_can_count_for_several() {
    let config = "calls: 5, increment-count: 2, counter-key: client-ip, remaining-calls-header-name: x-left, \
                  total-calls-header-name: x-total";
    let gateway = serve(&limited(config), hello());
    for (status, left) in [(200, "3"), (200, "1"), (429, "1")] {
        let response = gateway.get("/");
        assert_eq!((response.status, response.headers.get("x-left")), (status, Some(left)));
        assert_eq!(response.headers.get("x-total"), Some("5"));
    }
}

#[test]
fn long_values_and_values_that_are_no_text_are_counted_too() {
    let gateway = serve(&limited("calls: 1, counter-key: 'header:x-tenant'"), hello());
    let long = |end: &str| of_tenant(&format!("{}{end}", "t".repeat(5_000)));
    assert_eq!(gateway.send(&long("a")).status, 200);
    assert_eq!(gateway.send(&long("b")).status, 200);
    assert_eq!(gateway.send(&long("a")).status, 429);
    let bytes = || Request::get("/").header("x-tenant", b"\xff\xfe");
    assert_eq!([gateway.send(&bytes()).status, gateway.send(&bytes()).status], [200, 429]);
}

#[test]
fn a_broad_scope_limits_every_api_and_on_failure_open_changes_nothing_of_a_refusal() {
    let rate = "{ rate-limit-by-key: { calls: 1, renewal-period: 60, counter-key: client-ip }, on-failure: open }";
    let api =
        |id: &str| format!("  - {{ id: {id}, path: {id}, backend: \"{{origin}}\", subscription-required: false }}\n");
    let yaml = format!("policies: {{ inbound: [ {rate} ] }}\napis:\n{}{}", api("orders"), api("invoices"));
    let gateway = serve(&yaml, hello());
    assert_eq!([gateway.get("/orders").status, gateway.get("/invoices").status], [200, 429]);
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    let by_key = |rest: &str| format!("rate-limit-by-key: {{ calls: 1, renewal-period: 60, {rest} }}");
    refused(
        "inbound",
        &[
            ("rate-limit-by-key: §{ calls: 1, renewal-period: 60 }", "counter-key"),
            (&by_key("counter-key: §ip"), "value does not match \"^(client-ip|subscription|header:"),
            (&by_key("counter-key: §'header:a b'"), "value does not match"),
            (&by_key("counter-key: client-ip, increment-count: §0"), "minimum of 1"),
            (&by_key("counter-key: client-ip, increment-count: §2"), "no call could pass"),
            (&by_key("counter-key: client-ip, increment-condition: §'true'"), "not of type"),
            (&by_key("counter-key: client-ip, retry-after-header-name: §Transfer-Encoding"), "belongs to the gateway"),
            ("rate-limit-by-key: { calls: 1, renewal-period: §301, counter-key: client-ip }", "maximum of 300"),
        ],
    );
    let statement = by_key("counter-key: client-ip");
    refused("outbound", &[(&format!("§{statement}"), "can't stand in the section `outbound`")]);
}
