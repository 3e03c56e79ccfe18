//! `quota-by-key`: so many calls or bytes with one key in each period.

use super::*;
use std::time::Duration;

fn limited(config: &str) -> String {
    open_api(&format!("inbound: [ {{ quota-by-key: {{ {config} }} }} ]"))
}

fn of_tenant(tenant: impl AsRef<[u8]>) -> Request {
    Request::get("/").header("x-tenant", tenant)
}

#[test]
fn of_64_clients_at_once_exactly_as_many_pass_as_may() {
    let origin = hello();
    let yaml = limited("calls: 20, renewal-period: 0, counter-key: 'header:x-tenant'");
    let gateway = serve(&format!("workers: 4\n{yaml}"), &origin);
    for round in 1..=6 {
        let statuses = gateway.burst(64, || of_tenant(round.to_string()));
        let count = |status: u16| statuses.iter().filter(|found| **found == status).count();
        assert_eq!((count(200), count(403)), (20, 44), "round {round}: {statuses:?}");
        assert_eq!(origin.requests().len(), 20 * round);
    }
}

#[test]
fn a_call_too_many_is_403_and_days_end_at_midnight() {
    let gateway = serve(&limited("calls: 1, renewal-period: 86400, counter-key: client-ip"), hello());
    assert_eq!(gateway.get("/").status, 200);
    let refused = gateway.get("/");
    let seconds = number(&refused, "retry-after");
    assert_ends_with_period(seconds, 86_400, 0);
    let span = time_span(seconds);
    assert_error(&refused, 403, &format!("Out of call volume quota. Quota will be replenished in {span}."));
    assert_eq!(logged_error(&gateway, 2), ("quota-by-key".to_owned(), "QuotaExceeded".to_owned()));
}

#[test]
fn periods_can_be_counted_from_any_moment_past_or_future() {
    for (start, anchor) in
        [("2025-12-31T06:30:00Z", 6 * 3600 + 1800), ("2045-06-01T02:00:00.5+01:30", 1800), ("0001-01-01T00:00:00Z", 0)]
    {
        let config = format!("calls: 1, renewal-period: 86400, counter-key: client-ip, first-period-start: '{start}'");
        let gateway = serve(&limited(&config), hello());
        assert_eq!(gateway.get("/").status, 200);
        assert_ends_with_period(number(&gateway.get("/"), "retry-after"), 86_400, anchor);
    }
}

#[test]
fn keys_are_counted_apart_whatever_they_hold() {
    let gateway = serve(&limited("calls: 1, renewal-period: 0, counter-key: 'header:x-tenant'"), hello());
    for tenant in [b"gold".as_slice(), b"Gold", b"gold/silver", "göld".as_bytes(), b"\"; drop", b"a=b", b"%00"] {
        assert_eq!(gateway.send(&of_tenant(tenant)).status, 200, "{tenant:?}");
        assert_error(&gateway.send(&of_tenant(tenant)), 403, "Out of call volume quota.");
    }
}

#[test]
fn a_request_counts_once_however_many_statements_name_its_key() {
    let quota = |calls: u32| {
        format!("{{ quota-by-key: {{ calls: {calls}, renewal-period: 0, counter-key: 'header:x-tenant' }} }}")
    };
    let api = open_api(&format!("inbound: [ base, {}, {} ]", quota(3), quota(3)));
    let gateway = serve(&format!("policies: {{ inbound: [ {} ] }}\n{api}", quota(3)), hello());
    let mut client = gateway.client();
    let statuses: Vec<u16> = (0..4).map(|_| client.send(&of_tenant("gold")).status).collect();
    assert_eq!(statuses, [200, 200, 200, 403]);
}

#[test]
fn one_call_can_count_for_several() {
    let gateway = serve(&limited("calls: 5, increment-count: 2, renewal-period: 0, counter-key: client-ip"), hello());
    assert_eq!([gateway.get("/").status, gateway.get("/").status, gateway.get("/").status], [200, 200, 403]);
}

#[test]
fn bandwidth_is_counted_by_key() {
    let origin = Origin::start(|_| Response::new(200).body(vec![b'x'; 1_024]));
    let gateway = serve(&limited("bandwidth: 1, renewal-period: 0, counter-key: 'header:x-tenant'"), &origin);
    assert_eq!(gateway.send(&of_tenant("gold")).status, 200);
    assert_error(&gateway.send(&of_tenant("gold")), 403, "Out of bandwidth quota.");
    assert_eq!(gateway.send(&of_tenant("silver")).status, 200);
}

#[test]
fn counts_outlive_sigterm_and_kill_9() {
    let yaml = limited("calls: 3, renewal-period: 0, counter-key: 'header:x-tenant'");
    let origin = hello();
    let first = serve(&yaml, &origin);
    let state = first.folder().join("tollgate-state");
    let again = format!("state: {{ directory: '{}' }}\n{yaml}", state.display());
    let tenants = [b"gold".as_slice(), "gö/ld=\u{1F600}".as_bytes(), b"\xff\x80"];
    let call = |gateway: &Gateway, expected: u16| {
        for tenant in tenants {
            assert_eq!(gateway.send(&of_tenant(tenant)).status, expected, "{tenant:?}");
        }
    };
    call(&first, 200);
    first.sigterm();
    assert!(first.wait().success());

    let second = serve(&again, &origin);
    call(&second, 200);
    // Counts are on disk 100 ms later, on a machine that has nothing else to do.
    std::thread::sleep(Duration::from_millis(700));
    second.sigkill();
    second.wait();

    let third = serve(&again, &origin);
    call(&third, 200);
    call(&third, 403);
}

/// A gateway in front of an origin that answers with a kibibyte and the status and cost that the request asks for.
fn answering(config: &str) -> Served<Origin> {
    let origin = Origin::start(|request| {
        let asked = |name: &str| request.headers.get(name).map(str::to_owned);
        let status = asked("x-status").and_then(|status| status.parse().ok()).unwrap_or(200);
        let response = Response::new(status).body(vec![b'x'; 1_024]);
        asked("x-cost").into_iter().fold(response, |response, cost| response.header("x-cost", cost))
    });
    serve(&limited(config), origin)
}

fn with_status(status: u16) -> Request {
    Request::get("/").header("x-status", status.to_string())
}

#[test]
fn the_key_may_be_an_expression_and_meets_no_other_kind() {
    let quota = |key: &str| format!("{{ quota-by-key: {{ calls: 1, renewal-period: 0, counter-key: {key} }} }}");
    let api = |id: &str, key: &str| {
        format!(
            "  - {{ id: {id}, path: {id}, backend: \"{{origin}}\", subscription-required: false, \
             policies: {{ inbound: [ {} ] }} }}\n",
            quota(key)
        )
    };
    let yaml = format!(
        "trusted-proxies: [127.0.0.0/8]\napis:\n{}{}{}{}",
        api("computed", "\"${request.query['a']}\""),
        api("otherwise", "\"${request.headers['x-tenant']}\""),
        api("address", "client-ip"),
        api("header", "header:x-tenant")
    );
    let gateway = serve(&yaml, hello());
    let ask = |path: &str, value: &str| {
        let request = Request::get(&format!("{path}?a={value}")).header("x-tenant", value);
        gateway.send(&request.header("x-forwarded-for", value)).status
    };
    for value in ["192.0.2.1", "192.0.2.2"] {
        // Two expressions that come to the same text count together.
        assert_eq!([ask("/computed", value), ask("/otherwise", value)], [200, 403]);
        assert_eq!([ask("/address", value), ask("/address", value)], [200, 403]);
        assert_eq!([ask("/header", value), ask("/header", value)], [200, 403]);
    }
}

#[test]
fn requests_without_the_key_share_one_counter() {
    for key in ["header:x-tenant", "subscription", "\"${request.headers['x-tenant']}\""] {
        let yaml = limited(&format!("calls: 1, renewal-period: 0, counter-key: {key}"));
        let gateway = serve(&format!("trusted-proxies: [127.0.0.0/8]\n{yaml}"), hello());
        assert_eq!(gateway.send(&from("192.0.2.1")).status, 200);
        assert_eq!(gateway.send(&from("192.0.2.2")).status, 403, "{key}");
    }
}

#[test]
fn a_subscription_is_a_key() {
    let quota = "quota-by-key: { calls: 1, renewal-period: 0, counter-key: subscription }";
    let gateway = serve(&keyed_api(&format!("inbound: [ {{ {quota} }} ]"), "inbound: []"), hello());
    let status = |key: &str| gateway.send(&with_key(key)).status;
    assert_eq!([status("acme-1"), status("acme-2"), status("zeta-1")], [200, 403, 200]);
}

#[test]
fn long_values_are_counted_too() {
    let gateway = serve(&limited("calls: 1, renewal-period: 0, counter-key: 'header:x-tenant'"), hello());
    for end in ["a", "b"] {
        let long = || of_tenant(format!("{}{end}", "t".repeat(5_000)));
        assert_eq!([gateway.send(&long()).status, gateway.send(&long()).status], [200, 403], "{end}");
    }
}

#[test]
fn a_condition_sees_the_response_and_decides_whether_a_call_counts() {
    let gateway = answering(
        "calls: 2, renewal-period: 0, counter-key: client-ip, increment-condition: \"${response.status < 400}\"",
    );
    for (step, (status, expected)) in
        [(500, 500), (404, 404), (200, 200), (400, 400), (399, 399), (200, 403), (500, 403)].into_iter().enumerate()
    {
        assert_eq!(gateway.send(&with_status(status)).status, expected, "step {step}");
    }
}

#[test]
fn a_count_that_only_the_response_tells_counts_even_past_the_limit() {
    let gateway = answering(
        "calls: 5, renewal-period: 0, counter-key: 'header:x-tenant', increment-count: \"${int(response.headers['x-cost'])}\"",
    );
    let call = |cost: &str| gateway.send(&of_tenant("gold").header("x-cost", cost)).status;
    assert_eq!([call("4"), call("0"), call("9"), call("0")], [200, 200, 200, 403]);
    assert_eq!(gateway.send(&of_tenant("silver").header("x-cost", "1")).status, 200);
}

#[test]
fn a_count_that_is_written_is_checked_before_the_condition_counts_it() {
    let gateway = answering(
        "calls: 3, renewal-period: 0, counter-key: client-ip, increment-count: 2, \
         increment-condition: \"${response.status < 400}\"",
    );
    let call = |status: u16| gateway.send(&with_status(status)).status;
    assert_eq!([call(500), call(200), call(200), call(500)], [500, 200, 403, 403]);
}

#[test]
fn a_condition_that_is_true_changes_nothing() {
    let gateway = answering("calls: 1, renewal-period: 0, counter-key: client-ip, increment-condition: true");
    assert_eq!([gateway.send(&with_status(500)).status, gateway.get("/").status], [500, 403]);
}

#[test]
fn a_call_that_counts_in_the_end_has_bytes() {
    let gateway = answering(
        "bandwidth: 2, renewal-period: 0, counter-key: client-ip, increment-condition: \"${response.status < 400}\"",
    );
    let call = |status: u16| gateway.send(&with_status(status));
    assert_eq!([call(200).status, call(200).status], [200, 200]);
    assert_error(&call(200), 403, "Out of bandwidth quota.");
}

#[test]
fn a_call_that_does_not_count_has_no_bytes_either() {
    let gateway = answering(
        "bandwidth: 1, renewal-period: 0, counter-key: client-ip, increment-condition: \"${response.status < 400}\"",
    );
    let call = |status: u16| gateway.send(&with_status(status)).status;
    assert_eq!([call(500), call(500), call(200), call(200)], [500, 500, 200, 403]);
}

#[test]
fn bodies_both_ways_are_counted() {
    let gateway = answering("bandwidth: 2, renewal-period: 0, counter-key: client-ip");
    let post = |bytes: usize| gateway.send(&Request::post("/", vec![b'y'; bytes])).status;
    assert_eq!([post(1_024), post(0)], [200, 403]);
    let gateway = answering("bandwidth: 2, renewal-period: 0, counter-key: client-ip");
    let post = |bytes: usize| gateway.send(&Request::post("/", vec![b'y'; bytes])).status;
    assert_eq!([post(1_023), post(0), post(0)], [200, 200, 403]);
}

#[test]
fn statements_of_one_key_with_other_periods_count_apart() {
    let quota = |calls: u32, period: u32| {
        format!("{{ quota-by-key: {{ calls: {calls}, renewal-period: {period}, counter-key: 'header:x-tenant' }} }}")
    };
    for sections in [[quota(2, 86_400), quota(9, 300)], [quota(9, 300), quota(2, 86_400)]] {
        let gateway = serve(&open_api(&format!("inbound: [ {} ]", sections.join(", "))), hello());
        let mut client = gateway.client();
        let statuses: Vec<u16> = (0..3).map(|_| client.send(&of_tenant("gold")).status).collect();
        assert_eq!(statuses, [200, 200, 403], "{sections:?}");
    }
}

#[test]
fn one_statement_may_limit_calls_and_another_the_bytes_of_the_same_key() {
    let quota =
        |what: &str| format!("{{ quota-by-key: {{ {what}, renewal-period: 0, counter-key: 'header:x-tenant' }} }}");
    for (calls, kilobytes, message) in [(9, 2, "Out of bandwidth quota."), (2, 9, "Out of call volume quota.")] {
        let both = [quota(&format!("calls: {calls}")), quota(&format!("bandwidth: {kilobytes}"))];
        for order in [[0, 1], [1, 0]] {
            let sections = format!("inbound: [ {} ]", order.map(|index| both[index].clone()).join(", "));
            let origin = Origin::start(|_| Response::new(200).body(vec![b'x'; 1_024]));
            let gateway = serve(&open_api(&sections), origin);
            for _ in 0..2 {
                assert_eq!(gateway.send(&of_tenant("gold")).status, 200);
            }
            assert_error(&gateway.send(&of_tenant("gold")), 403, message);
        }
    }
}

#[test]
fn statements_of_all_scopes_share_the_counters_of_a_key() {
    let quota = "{ quota-by-key: { calls: 2, renewal-period: 0, counter-key: 'header:x-tenant' } }";
    let api = |id: &str| {
        format!(
            "  - {{ id: {id}, path: {id}, backend: \"{{origin}}\", subscription-required: false, \
             policies: {{ inbound: [ {quota} ] }} }}\n"
        )
    };
    let gateway = serve(&format!("apis:\n{}{}", api("orders"), api("invoices")), hello());
    let call = |path: &str| gateway.send(&Request::get(path).header("x-tenant", "gold")).status;
    assert_eq!([call("/orders"), call("/invoices"), call("/orders"), call("/invoices")], [200, 200, 403, 403]);
}

#[test]
fn a_period_without_end_promises_nothing() {
    let gateway = serve(&limited("calls: 1, renewal-period: 0, counter-key: client-ip"), hello());
    assert_eq!(gateway.get("/").status, 200);
    let refused = gateway.get("/");
    assert_error(&refused, 403, "Out of call volume quota.");
    assert!(!refused.headers.has("retry-after"));
}

#[test]
fn a_condition_or_count_that_fails_ends_the_call_with_500() {
    for attribute in [
        "increment-condition: \"${int(response.headers['x-cost']) > 1}\"",
        "increment-count: \"${int(response.headers['x-cost'])}\"",
    ] {
        let gateway = answering(&format!("calls: 9, renewal-period: 0, counter-key: client-ip, {attribute}"));
        let call = |cost: &str| gateway.send(&Request::get("/").header("x-cost", cost)).status;
        assert_eq!([call("2"), call("x")], [200, 500], "{attribute}");
        assert_eq!(logged_error(&gateway, 2).1, "ExpressionValueEvaluationFailure");
    }
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    let by_key = |rest: &str| format!("quota-by-key: {{ calls: 1, counter-key: client-ip, {rest} }}");
    refused(
        "inbound",
        &[
            ("quota-by-key: §{ calls: 1, renewal-period: 300 }", "counter-key"),
            ("quota-by-key: §{ renewal-period: 300, counter-key: client-ip }", "`calls` or `bandwidth` is needed"),
            (&by_key("renewal-period: §299"), "at least 300 seconds, or 0"),
            (&by_key("renewal-period: 300, first-period-start: §yesterday"), "2026-01-31T00:00:00Z"),
            (&by_key("renewal-period: 300, first-period-start: §'2026-02-29T00:00:00Z'"), "2026-01-31T00:00:00Z"),
            (&by_key("renewal-period: 300, increment-count: §2"), "no call could pass"),
            (&by_key("renewal-period: 300, increment-count: §0"), "minimum of 1"),
            (&by_key("renewal-period: 300, increment-condition: §false"), "no call would ever count"),
            (&by_key("renewal-period: 300, increment-condition: §'yes'"), "not of type"),
            (&by_key("renewal-period: §\"${300}\""), "an expression can't stand here"),
            (&by_key("renewal-period: 300, bandwidth: §0"), "minimum of 1"),
            (&by_key("renewal-period: 300, §increment-conditon: x"), "unknown key `increment-conditon`"),
            (
                "quota-by-key: { calls: 1, renewal-period: 300, counter-key: §cookie }",
                "value does not match \"^(client-ip|subscription|header:",
            ),
        ],
    );
    let statement = by_key("renewal-period: 300");
    refused("on-error", &[(&format!("§{statement}"), "can't stand in the section `on-error`")]);
}
