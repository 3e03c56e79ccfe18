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
