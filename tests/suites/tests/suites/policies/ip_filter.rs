//! `ip-filter`: let only some client addresses through, or keep some out.

use super::*;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use tollgate_harness::Client;

const TRUSTING: &str = "trusted-proxies: [127.0.0.0/8, 10.0.0.0/8]\n";

/// A gateway behind trusted proxies, with this filter.
fn filtering(config: &str) -> Served<Origin> {
    serve(&format!("{TRUSTING}{}", open_api(&format!("inbound: [ {{ ip-filter: {config} }} ]"))), hello())
}

#[track_caller]
fn assert_statuses(gateway: &Gateway, expected: &[(&str, u16)]) {
    let mut client = gateway.client();
    for (address, status) in expected {
        assert_eq!(client.send(&from(address)).status, *status, "{address}");
    }
}

#[test]
fn allow_is_the_default_and_refuses_the_rest() {
    let gateway = filtering("{ addresses: [192.0.2.0/24, '2001:db8::/33', 198.51.100.7] }");
    assert_statuses(
        &gateway,
        &[
            ("192.0.2.0", 200),
            ("192.0.2.255", 200),
            ("192.0.3.0", 403),
            ("192.0.1.255", 403),
            ("198.51.100.7", 200),
            ("198.51.100.8", 403),
            ("2001:db8::", 200),
            ("2001:db8:7fff:ffff:ffff:ffff:ffff:ffff", 200),
            ("2001:db8:8000::", 403),
            ("::1", 403),
        ],
    );
    assert_eq!(gateway.origin.requests().len(), 5);
}

#[test]
fn forbid_refuses_only_these() {
    let config = "{ action: forbid, addresses: [192.0.2.10-192.0.2.20], \
                  address-ranges: [ { from: '2001:db8::5', to: '2001:db8::a' } ] }";
    let gateway = filtering(config);
    assert_statuses(
        &gateway,
        &[
            ("192.0.2.9", 200),
            ("192.0.2.10", 403),
            ("192.0.2.20", 403),
            ("192.0.2.21", 200),
            ("2001:db8::4", 200),
            ("2001:db8::5", 403),
            ("2001:0DB8:0:0:0:0:0:A", 403),
            ("2001:db8::b", 200),
        ],
    );
}

#[test]
fn an_ipv4_address_in_ipv6_clothes_is_the_ipv4_address() {
    let gateway = filtering("{ action: forbid, addresses: [192.0.2.7] }");
    assert_statuses(&gateway, &[("::ffff:192.0.2.7", 403), ("::FFFF:c000:207", 403), ("::ffff:192.0.2.8", 200)]);
    let gateway = filtering("{ action: forbid, addresses: ['::ffff:192.0.2.0/120'] }");
    assert_statuses(&gateway, &[("192.0.2.7", 403), ("192.0.3.7", 200)]);
}

#[test]
fn a_refused_client_learns_nothing_but_forbidden_and_the_log_why() {
    for (action, reason) in [("allow", "CallerIpNotAllowed"), ("forbid", "CallerIpBlocked")] {
        let gateway = filtering(&format!("{{ action: {action}, addresses: [192.0.2.7] }}"));
        let address = if action == "allow" { "192.0.2.8" } else { "192.0.2.7" };
        assert_error(&gateway.send(&from(address)), 403, "Forbidden");
        assert_eq!(logged_error(&gateway, 1), ("ip-filter".to_owned(), reason.to_owned()));
        assert_eq!(gateway.access_log()[0]["client_ip"], address);
        assert!(gateway.origin.requests().is_empty());
    }
}

#[test]
fn the_client_is_the_last_hop_that_is_no_trusted_proxy() {
    let gateway = filtering("{ action: forbid, addresses: [192.0.2.7] }");
    assert_statuses(
        &gateway,
        &[
            ("192.0.2.7, 10.0.0.1", 403),
            ("192.0.2.7, 10.0.0.1, 10.9.9.9", 403),
            // Somebody before the client wrote this.
            ("192.0.2.7, 203.0.113.9", 200),
            ("203.0.113.9, 192.0.2.7", 403),
            ("192.0.2.7, 203.0.113.9, 10.0.0.1", 200),
            ("192.0.2.7:4711", 403),
            // What stands before something unreadable wasn't written by somebody known.
            ("192.0.2.7, unknown", 200),
        ],
    );
    let two_lines = from("203.0.113.9").header("x-forwarded-for", "192.0.2.7");
    assert_eq!(gateway.send(&two_lines).status, 403);
}

#[test]
fn who_is_no_trusted_proxy_can_not_choose_its_address() {
    let allowed = |addresses: &str| {
        let yaml = open_api(&format!("inbound: [ {{ ip-filter: {{ addresses: [{addresses}] }} }} ]"));
        serve(&yaml, hello()).send(&from("192.0.2.7")).status
    };
    assert_eq!(allowed("192.0.2.7"), 403);
    assert_eq!(allowed("127.0.0.0/8"), 200);
}

#[test]
fn a_gateway_that_listens_on_ipv6_knows_ipv4_clients() {
    if TcpListener::bind("[::]:0").is_err() {
        return;
    }
    let yaml = open_api("inbound: [ { ip-filter: { addresses: [127.0.0.1] } } ]");
    let origin = hello();
    let gateway = serve(&format!("listen: '[::]:0'\n{yaml}"), &origin);
    let port = gateway.address().port();
    let mut mapped = Client::new(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    // Only if the socket takes both.
    if let Ok(response) = mapped.try_send(&Request::get("/")) {
        assert_eq!(response.status, 200);
    }
    let mut own = Client::new(SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, port)));
    assert_eq!(own.get("/").status, 403);
}

#[test]
fn thousands_of_ranges_are_searched() {
    let blocks: Vec<String> = (0..4_000).map(|n| format!("10.{}.{}.0/25", n / 256, n % 256)).collect();
    let yaml = open_api(&format!("inbound: [ {{ ip-filter: {{ addresses: [{}] }} }} ]", blocks.join(", ")));
    let gateway = serve(&format!("trusted-proxies: [127.0.0.0/8]\n{yaml}"), hello());
    assert_statuses(
        &gateway,
        &[
            ("10.0.0.127", 200),
            ("10.0.0.128", 403),
            ("10.15.159.127", 200),
            ("10.15.160.1", 403),
            ("9.255.255.255", 403),
        ],
    );
}

#[test]
fn what_on_error_adds_comes_with_the_refusal() {
    let sections = "inbound: [ { ip-filter: { addresses: [192.0.2.7] } } ]\n\
                    on-error: [ { set-header: { name: x-help, value: 'ask us' } } ]";
    let gateway = serve(&open_api(sections), hello());
    let refused = gateway.get("/");
    assert_error(&refused, 403, "Forbidden");
    assert_eq!(refused.headers.get("x-help"), Some("ask us"));
}

#[test]
fn expressions_are_asked_at_each_call() {
    let gateway = filtering(
        "{ action: \"${request.headers['x-action']}\", addresses: [ 192.0.2.1, \"${request.headers['x-block']}\" ], \
         address-ranges: [ { from: 198.51.100.1, to: \"${request.headers['x-last']}\" } ] }",
    );
    let call = |address: &str, action: &str, block: &str| {
        let request =
            from(address).header("x-action", action).header("x-block", block).header("x-last", "198.51.100.9");
        gateway.send(&request).status
    };
    assert_eq!(call("203.0.113.7", "allow", "203.0.113.0/24"), 200);
    assert_eq!(call("198.51.100.9", "allow", ""), 200);
    assert_eq!(call("198.51.100.10", "allow", ""), 403);
    assert_eq!(call("192.0.2.1", "forbid", "somewhere"), 403);
    assert_eq!(call("192.0.2.2", "forbid", ""), 200);
    // No address, no action: the statement fails, and fails closed.
    assert_eq!(call("192.0.2.2", "forbid", "somewhere"), 500);
    assert_eq!(call("192.0.2.2", "perhaps", ""), 500);
}

#[test]
fn a_block_may_be_written_with_any_of_its_addresses() {
    let gateway = filtering("{ addresses: [192.0.2.7/24, '2001:db8::7/64'] }");
    assert_statuses(
        &gateway,
        &[
            ("192.0.2.0", 200),
            ("192.0.2.255", 200),
            ("192.0.3.0", 403),
            ("2001:db8::ffff:0:0:1", 200),
            ("2001:db8:0:1::", 403),
        ],
    );
}

#[test]
fn all_of_ipv6_is_nothing_of_ipv4_and_the_other_way_round() {
    let gateway = filtering("{ addresses: ['::/0'] }");
    assert_statuses(&gateway, &[("::1", 200), ("2001:db8::1", 200), ("192.0.2.7", 403), ("::ffff:192.0.2.7", 403)]);
    let gateway = filtering("{ addresses: [0.0.0.0/0] }");
    assert_statuses(&gateway, &[("192.0.2.7", 200), ("::ffff:192.0.2.7", 200), ("::1", 403)]);
}

#[test]
fn nothing_is_no_entry_and_anything_else_fails_as_the_operator_says() {
    let yaml = |failure: &str| {
        let entries = "addresses: [ 192.0.2.1, \"${request.headers['x-block']}\" ]";
        let statement = format!("{{ ip-filter: {{ action: forbid, {entries} }}, on-failure: {failure} }}");
        format!("{TRUSTING}{}", open_api(&format!("inbound: [ {statement} ]")))
    };
    for (failure, failed) in [("closed", 500), ("open", 200)] {
        let gateway = serve(&yaml(failure), hello());
        let ask = |block: Option<&str>| {
            let request = from("192.0.2.7");
            gateway.send(&block.into_iter().fold(request, |request, block| request.header("x-block", block))).status
        };
        assert_eq!([ask(None), ask(Some("")), ask(Some("192.0.2.0/29"))], [200, 200, 403], "{failure}");
        for block in ["somewhere", "192.0.2.0/33", "192.0.2.9-192.0.2.1", "192.0.2.7, 192.0.2.8", "::1-192.0.2.1"] {
            assert_eq!(ask(Some(block)), failed, "{block}, {failure}");
        }
    }
}

#[test]
fn an_action_that_is_none_refuses_whatever_becomes_of_failures() {
    let statement = "{ ip-filter: { action: \"${request.query['do']}\", addresses: [192.0.2.7] }, on-failure: open }";
    let gateway = serve(&format!("{TRUSTING}{}", open_api(&format!("inbound: [ {statement} ]"))), hello());
    let response = gateway.send(&Request { target: "/?do=perhaps".into(), ..from("192.0.2.8") });
    assert_error(&response, 500, "Internal server error.");
    assert_eq!(logged_error(&gateway, 1), ("ip-filter".to_owned(), "ExpressionValueEvaluationFailure".to_owned()));
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    refused(
        "inbound",
        &[
            ("ip-filter: §{ action: allow }", "`addresses` or `address-ranges` needs at least one entry"),
            ("ip-filter: §{ addresses: [] }", "at least one entry"),
            ("ip-filter: { addresses: ['::1', 192.0.2.1, §192.0.2.256] }", "`192.0.2.256` is no IP address"),
            ("ip-filter: { addresses: [§192.0.2.0/33] }", "at most 32 bits"),
            ("ip-filter: { addresses: [§'::/129'] }", "at most 128 bits"),
            ("ip-filter: { addresses: [§192.0.2.9-192.0.2.1] }", "before it begins"),
            ("ip-filter: { addresses: [§example.com] }", "`example.com` is no IP address"),
            ("ip-filter: { address-ranges: [ { from: §x, to: '::1' } ] }", "`x` is no IP address"),
            ("ip-filter: { address-ranges: [ §{ from: '::1', to: 192.0.2.1 } ] }", "mixes IPv4 and IPv6"),
            ("ip-filter: { address-ranges: [ §{ from: '::1' } ] }", "to"),
            ("ip-filter: { action: §deny, addresses: ['::1'] }", "forbid"),
            ("ip-filter: { §address: ['::1'], addresses: ['::1'] }", "did you mean `addresses`?"),
        ],
    );
    refused("outbound", &[("§ip-filter: { addresses: ['::1'] }", "can't stand in the section `outbound`")]);
}
