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

#[test]
fn variables_tell_later_statements_what_is_left_and_how_long_to_wait() {
    let tell = |name: &str| format!("{{ set-header: {{ name: x-{name}, value: \"${{variables.{name}}}\" }} }}");
    let sections = format!(
        "inbound:\n  - rate-limit: {{ calls: 2, renewal-period: 60, remaining-calls-variable-name: left, \
         retry-after-variable-name: wait }}\noutbound: [ {0}, {1} ]\non-error: [ {0}, {1} ]",
        tell("left"),
        tell("wait")
    );
    let gateway = serve(&keyed_api(&sections, "inbound: []"), hello());
    for (status, left) in [(200, 1), (200, 0), (429, 0)] {
        let response = gateway.send(&with_key("acme-1"));
        assert_eq!((response.status, number(&response, "x-left")), (status, left));
        match status {
            429 => assert_eq!(response.headers.get("x-wait"), response.headers.get("retry-after")),
            _ => assert_eq!(response.headers.get("x-wait"), Some(""), "nobody has to wait"),
        }
    }
}

#[test]
fn headers_are_written_whoever_makes_the_response() {
    let rate = "rate-limit: { calls: 9, renewal-period: 60, remaining-calls-header-name: x-left }";
    for (sections, origin, status) in [
        (format!("inbound: [ {{ {rate} }}, {{ return-response: {{ status: 202 }} }} ]"), hello(), 202),
        (
            format!("inbound: [ {{ {rate} }}, {{ check-header: {{ name: x, failed-check-httpcode: 400 }} }} ]"),
            hello(),
            400,
        ),
        (format!("inbound: [ {{ {rate} }} ]"), Origin::refusing(), 502),
    ] {
        let response = serve(&keyed_api(&sections, "inbound: []"), origin).send(&with_key("acme-1"));
        assert_eq!((response.status, response.headers.all("x-left")), (status, vec!["8"]), "{sections}");
    }
}

#[test]
fn headers_are_written_on_answers_that_replace_others_too() {
    let rate = "rate-limit: { calls: 9, renewal-period: 60, remaining-calls-header-name: x-left }";
    for (section, origin) in [("outbound", hello()), ("on-error", Origin::refusing())] {
        let sections = format!("inbound: [ {{ {rate} }} ]\n{section}: [ {{ return-response: {{ status: 503 }} }} ]");
        let response = serve(&keyed_api(&sections, "inbound: []"), origin).send(&with_key("acme-1"));
        assert_eq!((response.status, response.headers.all("x-left")), (503, vec!["8"]), "{section}");
    }
}

#[test]
fn of_64_clients_at_once_exactly_as_many_pass_as_may() {
    let origin = hello();
    let gateway = serve(&format!("workers: 4\n{}", limited("{ calls: 20, renewal-period: 60 }")), &origin);
    let statuses = gateway.burst(64, || with_key("acme-1"));
    let count = |status: u16| statuses.iter().filter(|found| **found == status).count();
    assert_eq!((count(200), count(429)), (20, 44), "{statuses:?}");
    assert_eq!(origin.requests().len(), 20);
}

/// Two APIs with an operation `get` each, and this limit in the section of their product.
fn divided(config: &str) -> String {
    let operations = "[ { id: get, method: GET, url: / }, { id: create, method: POST, url: / } ]";
    let api = |id: &str| format!("  - {{ id: {id}, path: {id}, backend: \"{{origin}}\", operations: {operations} }}\n");
    format!(
        "apis:\n{}{}products:\n  - id: starter\n    apis: [orders, invoices]\n    policies:\n      inbound:\n        \
         - rate-limit: {{ renewal-period: 60, remaining-calls-header-name: x-left, total-calls-header-name: x-total, {config} }}\n\
         subscriptions:\n  - {{ id: acme, product: starter, primary-key: acme-1 }}\n  \
         - {{ id: zeta, product: starter, primary-key: zeta-1 }}\n",
        api("orders"),
        api("invoices")
    )
}

fn call(gateway: &Gateway, method: &str, path: &str, key: &str) -> Response {
    gateway.send(&Request::new(method, path).header("ocp-apim-subscription-key", key))
}

#[test]
fn apis_and_operations_have_limits_beside_the_statements_own() {
    let config = "calls: 5, apis: [ { id: orders, calls: 3, renewal-period: 60, operations: [ { id: create, calls: 1, \
                  renewal-period: 60 } ] } ]";
    let gateway = serve(&divided(config), hello());
    for (step, (method, path, key, status, left, total)) in [
        // The operation's is used up, and refuses before the API and the product count.
        ("POST", "/orders", "acme-1", 200, "0", "1"),
        ("POST", "/orders", "acme-1", 429, "0", "1"),
        ("POST", "/orders", "acme-1", 429, "0", "1"),
        // The API has two left, the product four.
        ("GET", "/orders", "acme-1", 200, "1", "3"),
        ("GET", "/orders", "acme-1", 200, "0", "3"),
        ("GET", "/orders", "acme-1", 429, "0", "3"),
        // The other API and its operations have no limit of their own: what is left is the product's.
        ("POST", "/invoices", "acme-1", 200, "1", "5"),
        ("POST", "/invoices", "acme-1", 200, "0", "5"),
        ("GET", "/invoices", "acme-1", 429, "0", "5"),
        // Each subscription for itself.
        ("POST", "/orders", "zeta-1", 200, "0", "1"),
    ]
    .into_iter()
    .enumerate()
    {
        let response = call(&gateway, method, path, key);
        let told = (response.status, response.headers.get("x-left"), response.headers.get("x-total"));
        assert_eq!(told, (status, Some(left), Some(total)), "step {step}");
    }
}

#[test]
fn an_operation_below_the_statement_is_limited_for_each_api_apart() {
    let gateway = serve(&divided("calls: 9, operations: [ { id: get, calls: 1, renewal-period: 60 } ]"), hello());
    for path in ["/orders", "/invoices"] {
        let status = |method: &str| call(&gateway, method, path, "acme-1").status;
        assert_eq!([status("GET"), status("GET"), status("POST"), status("POST")], [200, 429, 200, 200], "{path}");
    }
}

#[test]
fn an_id_beats_a_name_and_both_are_compared_with_the_id() {
    for (entry, is_limited) in [
        ("id: orders", true),
        ("name: orders", true),
        ("id: orders, name: invoices", true),
        ("id: invoices, name: orders", false),
    ] {
        let config = format!("calls: 9, apis: [ {{ {entry}, calls: 1, renewal-period: 60 }} ]");
        let gateway = serve(&divided(&config), hello());
        assert_eq!(call(&gateway, "GET", "/orders", "acme-1").status, 200);
        assert_eq!(call(&gateway, "GET", "/orders", "acme-1").status == 429, is_limited, "{entry}");
    }
}

#[test]
fn limits_may_have_intervals_of_their_own() {
    let gateway = serve(&divided("calls: 3, apis: [ { id: orders, calls: 1, renewal-period: 1 } ]"), hello());
    let mut passed = 0;
    // The API's limit ends again and again; the product's ends it all.
    let refused = loop {
        let response = call(&gateway, "GET", "/orders", "acme-1");
        match (response.status, response.headers.get("x-total")) {
            (200, _) => passed += 1,
            (429, Some("1")) => assert_eq!(number(&response, "retry-after"), 1),
            _ => break response,
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert_eq!((passed, refused.status, refused.headers.get("x-total")), (3, 429, Some("3")));
    assert!(number(&refused, "retry-after") > 1);
}

#[test]
fn the_drafted_fields_list_every_limit_from_the_broadest() {
    let config = "calls: 5, ratelimit-headers: true, apis: [ { id: orders, calls: 3, renewal-period: 30, operations: [ \
                  { id: create, calls: 1, renewal-period: 10 } ] } ], operations: [ { id: create, calls: 2, renewal-period: 20 } ]";
    let gateway = serve(&divided(config), hello());
    let told = |method: &str, path: &str| {
        let response = call(&gateway, method, path, "acme-1");
        let field = |name: &str| response.headers.all(name).join(" and ");
        (response.status, field("ratelimit-policy"), field("ratelimit"))
    };
    let expected = |status: u16, policy: &str, left: &str| (status, policy.to_owned(), left.to_owned());
    assert_eq!(
        told("POST", "/orders"),
        expected(
            200,
            r#""default";q=5;w=60, "api";q=3;w=30, "operation";q=2;w=20, "api-operation";q=1;w=10"#,
            r#""default";r=4;t=60, "api";r=2;t=30, "operation";r=1;t=20, "api-operation";r=0;t=10"#
        )
    );
    assert_eq!(
        told("GET", "/orders"),
        expected(200, r#""default";q=5;w=60, "api";q=3;w=30"#, r#""default";r=3;t=60, "api";r=1;t=30"#)
    );
    assert_eq!(told("GET", "/invoices"), expected(200, r#""default";q=5;w=60"#, r#""default";r=2;t=60"#));
    let (status, policy, left) = told("POST", "/orders");
    assert_eq!((status, policy.as_str()), (429, r#""api-operation";q=1;w=10"#));
    assert!(left.starts_with(r#""api-operation";r=0;t="#), "{left}");
}

#[test]
fn a_refusal_tells_the_wait_in_the_drafted_fields_too() {
    let origin = Origin::start(|_| Response::new(200).header("ratelimit", "\"origin\";r=7"));
    let gateway = serve(&limited("{ calls: 1, renewal-period: 60, ratelimit-headers: true }"), &origin);
    let fine = gateway.send(&with_key("acme-1"));
    assert_eq!(fine.headers.all("ratelimit-policy"), [r#""default";q=1;w=60"#]);
    assert_eq!(fine.headers.all("ratelimit"), [r#""default";r=0;t=60"#]);
    let refused = gateway.send(&with_key("acme-1"));
    assert_eq!(refused.headers.all("ratelimit-policy"), [r#""default";q=1;w=60"#]);
    let left = format!(r#""default";r=0;t={}"#, number(&refused, "retry-after"));
    assert_eq!((refused.status, refused.headers.all("ratelimit")), (429, vec![left.as_str()]));
    let quiet = serve(&limited("{ calls: 1, renewal-period: 60 }"), hello()).send(&with_key("acme-1"));
    assert!(!quiet.headers.has("ratelimit") && !quiet.headers.has("ratelimit-policy"));
}

#[test]
fn several_statements_share_the_drafted_fields_each_under_its_name() {
    let rate = |calls: u32| format!("rate-limit: {{ calls: {calls}, renewal-period: 60, ratelimit-headers: true }}");
    let by_key = "rate-limit-by-key: { calls: 9, renewal-period: 1, counter-key: client-ip, ratelimit-headers: true }";
    let product = format!("inbound: [ base, {{ {} }} ]", rate(3));
    let api = format!("inbound: [ base, {{ {by_key}, id: burst }}, {{ {} }} ]", rate(1));
    let origin = Origin::start(|_| Response::new(200).header("ratelimit-policy", "\"origin\";q=7;w=7"));
    let gateway = serve(&keyed_api(&api, &product), origin);
    let fine = gateway.send(&with_key("acme-1"));
    let policies = r#""default";q=3;w=60, "burst";q=9;w=1, "default-2";q=1;w=60"#;
    assert_eq!(fine.headers.all("ratelimit-policy"), [policies]);
    assert_eq!(fine.headers.all("ratelimit"), [r#""default";r=2;t=60, "burst";r=8;t=1, "default-2";r=0;t=60"#]);
    let refused = gateway.send(&with_key("acme-1"));
    assert_eq!((refused.status, refused.headers.all("ratelimit-policy")), (429, vec![policies]));
}

#[test]
fn the_limits_below_a_statement_are_called_by_its_id_too() {
    let limit = "rate-limit: { calls: 3, renewal-period: 60, ratelimit-headers: true, \
                 apis: [ { id: all, calls: 2, renewal-period: 30 } ] }";
    let gateway = serve(&keyed_api("inbound: [ base ]", &format!("inbound: [ {{ {limit}, id: day }} ]")), hello());
    let fields = gateway.send(&with_key("acme-1"));
    assert_eq!(fields.headers.all("ratelimit-policy"), [r#""day";q=3;w=60, "day-api";q=2;w=30"#]);
}

#[test]
fn a_limit_of_what_the_document_does_not_have_is_refused() {
    let below = "apis: [ { id: all, calls: 1, renewal-period: 1, operations: [ { id: gte, calls: 1, renewal-period: 1 } ] }, \
                 { name: al, calls: 1, renewal-period: 1 } ], operations: [ { id: put, calls: 1, renewal-period: 1 } ]";
    let limit = format!("inbound: [ {{ rate-limit: {{ calls: 3, renewal-period: 60, {below} }} }} ]");
    let yaml = keyed_api("inbound: [ base ]\noperations: [ { id: get, method: GET, url: / } ]", &limit)
        .replace("      operations:", "    operations:");
    let outcome = Gateway::with(&yaml).value("origin", "http://127.0.0.1:9").check();
    assert_eq!((outcome.code, outcome.stderr.lines().count()), (2, 3), "{outcome:#?}");
    for words in [
        "unknown operation `gte`; did you mean `get`?",
        "unknown API `al`; did you mean `all`?",
        "unknown operation `put`",
    ] {
        assert!(outcome.stderr.contains(&format!("`rate-limit`: {words}")), "{}", outcome.stderr);
    }
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
    let below = |children: &str| format!("rate-limit: {{ calls: 9, renewal-period: 60, {children} }}");
    let cases = [
        (below("apis: [ §{ calls: 1, renewal-period: 60 } ]"), "`id` or `name` is needed"),
        (below("operations: [ §{ calls: 1, renewal-period: 60 } ]"), "`id` or `name` is needed"),
        (below("apis: [ §{ id: a, calls: 1 } ]"), "renewal-period"),
        (below("apis: [ { id: a, calls: §0, renewal-period: 60 } ]"), "minimum of 1"),
        (below("operations: [ { id: a, calls: 1, renewal-period: §301 } ]"), "maximum of 300"),
        (below("operations: [ { id: a, calls: 1, renewal-period: 1, §operations: [] } ]"), "unknown key `operations`"),
        (
            below("operations: [ { id: a, calls: 1, renewal-period: 1 }, §{ name: a, calls: 2, renewal-period: 1 } ]"),
            "`a` is listed twice",
        ),
        (
            below(
                "apis: [ { id: a, calls: 1, renewal-period: 1 }, { id: b, calls: 1, renewal-period: 1, operations: [ \
                 { id: c, calls: 1, renewal-period: 1 }, §{ id: c, calls: 1, renewal-period: 1 } ] } ]",
            ),
            "`c` is listed twice",
        ),
        (below("ratelimit-headers: §'yes'"), "boolean"),
        (below("remaining-calls-variable-name: §''"), "1 char"),
        (below("retry-after-header-name: §\"${request.path}\""), "an expression can't stand here"),
        ("rate-limit: { calls: §\"${1}\", renewal-period: 60 }".to_owned(), "an expression can't stand here"),
    ];
    let cases: Vec<(&str, &str)> = cases.iter().map(|(statement, words)| (statement.as_str(), *words)).collect();
    refused("inbound", &cases);
    refused("outbound", &[("§rate-limit: { calls: 1, renewal-period: 60 }", "can't stand in the section `outbound`")]);
    refused("on-error", &[("§rate-limit: { calls: 1, renewal-period: 60 }", "can't stand in the section `on-error`")]);
}

#[test]
fn it_stands_once_in_a_section_and_not_for_all_apis() {
    let rate = "{ rate-limit: { calls: 1, renewal-period: 60 } }";
    for (yaml, words) in [
        (keyed_api(&format!("inbound: [ {rate}, {rate} ]"), "inbound: []"), "rate-limit"),
        (
            format!("policies: {{ inbound: [ {rate} ] }}\n{}", keyed_api("inbound: [ base ]", "inbound: [ base ]")),
            "global",
        ),
    ] {
        let outcome = Gateway::with(&yaml).value("origin", "http://127.0.0.1:9").check();
        assert_eq!((outcome.code, outcome.stderr.lines().count()), (2, 1), "{outcome:#?}");
        assert!(outcome.stderr.contains("rate-limit") && outcome.stderr.contains(words), "{}", outcome.stderr);
    }
}
