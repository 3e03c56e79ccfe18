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
    for address in ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1"] {
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

/// A gateway in front of an origin that answers with the status and the headers that the request's query asks for.
fn answering(config: &str) -> Served<Origin> {
    let origin = Origin::start(|request| {
        let asked = |name: &str| {
            let (_, query) = request.target.split_once('?')?;
            query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        };
        let response = Response::new(asked("status").and_then(|status| status.parse().ok()).unwrap_or(200));
        match asked("cost") {
            Some(cost) => response.header("x-cost", cost),
            None => response,
        }
    });
    serve(&limited(config), origin)
}

#[track_caller]
fn assert_statuses(gateway: &Gateway, calls: &[(&str, u16)]) {
    for (step, (target, status)) in calls.iter().enumerate() {
        assert_eq!(gateway.get(target).status, *status, "step {step}, {target}");
    }
}

#[test]
fn the_key_may_be_an_expression() {
    let gateway =
        serve(&limited("calls: 1, counter-key: \"${request.headers['x-tenant']}/${request.method}\""), hello());
    for tenant in ["gold", "silver", "Gold", ""] {
        let status = |method: &str| gateway.send(&Request::new(method, "/").header("x-tenant", tenant)).status;
        assert_eq!([status("GET"), status("POST"), status("GET"), status("POST")], [200, 200, 429, 429], "{tenant}");
    }
}

#[test]
fn requests_whose_expression_gives_null_are_limited_together() {
    let gateway = serve(&limited("calls: 1, counter-key: \"${request.headers['x-tenant']}\""), hello());
    assert_eq!(gateway.send(&of_tenant("gold")).status, 200);
    assert_eq!(gateway.send(&from("192.0.2.1")).status, 200);
    assert_eq!(gateway.send(&from("192.0.2.2")).status, 429);
}

#[test]
fn all_expressions_are_of_one_kind_and_meet_no_other() {
    let rate = |key: &str| format!("{{ rate-limit-by-key: {{ calls: 1, renewal-period: 60, counter-key: {key} }} }}");
    let api = |id: &str, key: &str| {
        format!(
            "  - {{ id: {id}, path: {id}, backend: \"{{origin}}\", subscription-required: false, \
             policies: {{ inbound: [ {} ] }} }}\n",
            rate(key)
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
    let ask = |path: &str| {
        let request = Request::get(&format!("{path}?a=192.0.2.1")).header("x-tenant", "192.0.2.1");
        gateway.send(&request.header("x-forwarded-for", "192.0.2.1")).status
    };
    assert_eq!([ask("/computed"), ask("/otherwise")], [200, 429]);
    assert_eq!([ask("/address"), ask("/address")], [200, 429]);
    assert_eq!([ask("/header"), ask("/header")], [200, 429]);
}

#[test]
fn calls_and_period_may_be_expressions_and_each_value_is_counted_apart() {
    let config = "{ counter-key: client-ip, calls: \"${int(request.headers['x-calls'])}\", \
                  renewal-period: \"${int(request.headers['x-period'])}\", total-calls-header-name: x-total }";
    let gateway = serve(&open_api(&format!("inbound: [ {{ rate-limit-by-key: {config} }} ]")), hello());
    let call = |calls: &str, period: &str| {
        gateway.send(&Request::get("/").header("x-calls", calls).header("x-period", period))
    };
    for (calls, period) in [("1", "60"), ("2", "60"), ("2", "300")] {
        let allowed = calls.parse().unwrap();
        for _ in 0..allowed {
            let response = call(calls, period);
            assert_eq!((response.status, response.headers.get("x-total")), (200, Some(calls)));
        }
        let refused = call(calls, period);
        assert_eq!(refused.status, 429);
        let seconds = number(&refused, "retry-after");
        let period: u64 = period.parse().unwrap();
        assert!((period.saturating_sub(30)..=period).contains(&seconds), "{seconds} of {period}");
    }
}

#[test]
fn a_value_out_of_range_is_an_expression_that_failed() {
    let config = "{ counter-key: client-ip, calls: \"${int(request.query['calls'])}\", \
                  renewal-period: \"${int(request.query['period'])}\" }";
    let sections = format!(
        "inbound: [ {{ rate-limit-by-key: {config} }} ]\n\
         on-error: [ {{ set-header: {{ name: x-reason, value: \"${{last_error.reason}}\" }} }} ]"
    );
    let gateway = serve(&open_api(&sections), hello());
    for query in ["calls=0&period=1", "calls=-1&period=1", "calls=1&period=0", "calls=1&period=301", "calls=x&period=1"]
    {
        let response = gateway.get(&format!("/?{query}"));
        assert_error(&response, 500, "Internal server error.");
        assert_eq!(response.headers.all("x-reason"), ["ExpressionValueEvaluationFailure"], "{query}");
    }
    assert!(gateway.origin.requests().is_empty());
    assert_eq!(gateway.get("/?calls=1&period=1").status, 200);
}

#[test]
fn a_condition_sees_the_response_and_decides_whether_a_call_counts() {
    let config = "calls: 2, counter-key: client-ip, increment-condition: \"${response.status == 401}\"";
    let fine = ("/?status=200", 200);
    let wrong = ("/?status=401", 401);
    let refused = ("/?status=200", 429);
    assert_statuses(&answering(config), &[fine, wrong, fine, fine, wrong, refused, ("/?status=401", 429)]);
}

#[test]
fn a_condition_sees_what_the_outbound_section_made_of_the_response() {
    let rate = "rate-limit-by-key: { calls: 1, renewal-period: 60, counter-key: client-ip, \
                increment-condition: \"${response.status == 418}\" }";
    let sections = format!(
        "inbound: [ {{ {rate} }} ]\noutbound: [ {{ set-status: {{ code: 418 }}, when: request.path == \"/tea\" }} ]"
    );
    assert_statuses(&serve(&open_api(&sections), hello()), &[("/", 200), ("/", 200), ("/tea", 418), ("/", 429)]);
}

#[test]
fn a_count_that_only_the_response_tells_counts_even_past_the_limit() {
    let config = "calls: 5, counter-key: client-ip, remaining-calls-header-name: x-left, \
                  increment-count: \"${int(response.headers['x-cost'])}\"";
    let gateway = answering(config);
    for (cost, status, left) in [("2", 200, "5"), ("0", 200, "3"), ("2", 200, "3"), ("9", 200, "1"), ("1", 429, "0")] {
        let response = gateway.get(&format!("/?cost={cost}"));
        // What is left is told as it was at the check, where one was asked for.
        assert_eq!((response.status, response.headers.get("x-left")), (status, Some(left)), "cost {cost}");
    }
}

#[test]
fn a_count_that_is_written_is_checked_before_the_condition_counts_it() {
    let config =
        "calls: 3, counter-key: client-ip, increment-count: 2, increment-condition: \"${response.status < 400}\"";
    assert_statuses(&answering(config), &[("/?status=404", 404), ("/", 200), ("/", 429), ("/?status=404", 429)]);
}

#[test]
fn a_condition_that_is_true_changes_nothing() {
    let config = "calls: 1, counter-key: client-ip, remaining-calls-header-name: x-left, increment-condition: true";
    let gateway = answering(config);
    let response = gateway.get("/?status=404");
    assert_eq!((response.status, response.headers.get("x-left")), (404, Some("0")));
    assert_eq!(gateway.get("/").status, 429);
}

#[test]
fn a_condition_or_count_that_fails_ends_the_call_with_500() {
    for attribute in [
        "increment-condition: \"${int(response.headers['x-cost']) > 1}\"",
        "increment-count: \"${int(response.headers['x-cost'])}\"",
    ] {
        let gateway = answering(&format!("calls: 9, counter-key: client-ip, {attribute}"));
        assert_statuses(&gateway, &[("/?cost=2", 200), ("/", 500), ("/?cost=x", 500)]);
        assert_eq!(logged_error(&gateway, 3).1, "ExpressionValueEvaluationFailure");
    }
    // Less than nothing can't be counted.
    let gateway =
        answering("calls: 9, counter-key: client-ip, increment-count: \"${int(response.headers['x-cost'])}\"");
    assert_eq!(gateway.get("/?cost=-1").status, 500);
}

#[test]
fn headers_and_variables_tell_of_the_limit() {
    let config = "calls: 2, counter-key: client-ip, retry-after-header-name: X-Wait, retry-after-variable-name: wait, \
                  remaining-calls-header-name: X-Left, remaining-calls-variable-name: left, \
                  total-calls-header-name: X-Total, ratelimit-headers: true";
    let tell = "set-header: { name: x-variables, value: \"${variables.left} ${variables.wait}\" }";
    let sections = format!(
        "inbound: [ {{ rate-limit-by-key: {{ renewal-period: 60, {config} }} }} ]\noutbound: [ {{ {tell} }} ]\non-error: [ {{ {tell} }} ]"
    );
    let gateway = serve(&open_api(&sections), hello());
    for (status, left) in [(200, "1"), (200, "0"), (429, "0")] {
        let response = gateway.get("/");
        let wait = response.headers.get("x-wait").unwrap_or_default();
        assert_eq!((response.status, wait.is_empty()), (status, status == 200));
        for (name, value) in [
            ("x-left", left.to_owned()),
            ("x-total", "2".to_owned()),
            ("x-variables", format!("{left} {wait}").trim_end().to_owned()),
            ("ratelimit-policy", r#""default";q=2;w=60"#.to_owned()),
            ("ratelimit", format!(r#""default";r={left};t={}"#, if wait.is_empty() { "60" } else { wait })),
        ] {
            assert_eq!(response.headers.all(name), [value], "{name}, {status}");
        }
        assert!(!response.headers.has("retry-after"));
    }
}

#[test]
fn statements_of_one_key_with_other_numbers_count_apart() {
    let rate = |calls: u32, period: u32| {
        format!("{{ rate-limit-by-key: {{ calls: {calls}, renewal-period: {period}, counter-key: client-ip }} }}")
    };
    let sections = format!("inbound: [ {}, {} ]", rate(3, 60), rate(2, 1));
    let gateway = serve(&open_api(&sections), hello());
    let mut passed = 0;
    // The narrow one ends again and again, until the wide one ends it all.
    let refused = loop {
        let response = gateway.get("/");
        match response.status {
            200 => passed += 1,
            _ if number(&response, "retry-after") > 1 => break response,
            _ => assert!(passed < 3, "{response:?}"),
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert!(passed <= 3, "{passed} of 3 passed, then {refused:?}");
}

#[test]
fn where_there_is_no_room_to_count_on_failure_decides_and_nobodys_count_is_lost() {
    let limit = "rate-limit-by-key: { calls: 1, renewal-period: 300, counter-key: header:x-key }";
    for (on_failure, status) in [("closed", 500), ("open", 200)] {
        let sections = format!("inbound: [ {{ {limit}, on-failure: {on_failure} }} ]");
        let gateway = serve(&format!("state: {{ limiter-bytes: 1MiB }}\n{}", open_api(&sections)), hello());
        let mut client = gateway.client();
        let mut ask = |number: u32| client.send(&Request::get("/").header("x-key", format!("{number:0200}"))).status;
        assert_eq!((ask(0), ask(0)), (200, 429));
        let mut keys = 1..20_000;
        if on_failure == "closed" {
            let refused = keys.find(|number| ask(*number) != 200).expect("1 MiB holds no 20,000 keys of 200 bytes");
            assert_eq!(ask(refused), status);
        } else {
            // Once there is no room, a key isn't counted: it passes twice.
            assert!(keys.any(|number| (ask(number), ask(number)) == (200, status)), "1 MiB holds no 20,000 keys");
        }
        assert_eq!(ask(0), 429, "{on_failure}");
    }
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
            (&by_key("counter-key: client-ip, increment-condition: §false"), "no call would ever count"),
            (&by_key("counter-key: client-ip, ratelimit-headers: §1"), "boolean"),
            (
                &by_key("counter-key: client-ip, remaining-calls-header-name: §\"${'x'}\""),
                "an expression can't stand here",
            ),
            (
                &by_key("counter-key: client-ip, §increment-after-response: true"),
                "unknown key `increment-after-response`",
            ),
            (&by_key("counter-key: client-ip, §flexible-retry-window: true"), "unknown key `flexible-retry-window`"),
            (&by_key("counter-key: client-ip, retry-after-header-name: §Transfer-Encoding"), "belongs to the gateway"),
            ("rate-limit-by-key: { calls: 1, renewal-period: §301, counter-key: client-ip }", "maximum of 300"),
        ],
    );
    let statement = by_key("counter-key: client-ip");
    refused("outbound", &[(&format!("§{statement}"), "can't stand in the section `outbound`")]);
}

#[test]
fn what_is_refused_before_outbound_counts_if_the_condition_says_so() {
    let limit = "rate-limit-by-key: { calls: 2, renewal-period: 60, counter-key: client-ip, \
                 increment-condition: \"${response.status == 401}\" }";
    let check = "check-header: { name: x-password, value: right, failed-check-httpcode: 401 }";
    for on_error in ["", "on-error: [ set-header: { name: x-told, value: 'yes' } ]"] {
        let gateway = serve(&open_api(&format!("inbound: [ {limit}, {check} ]\n{on_error}")), hello());
        let guess = |password: &str| gateway.send(&Request::get("/").header("x-password", password)).status;
        assert_eq!(["a", "right", "b", "right"].map(guess), [401, 200, 401, 429], "{on_error}");
    }
}
