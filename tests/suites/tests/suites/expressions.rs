//! Expressions: what they see and compute, what they may cost, and what is found out about them before they run.

use crate::policies::{assert_error, hello, open_api, refused, serve};
use std::time::{Duration, Instant};
use tollgate_harness::{Gateway, Origin, Request, Response};

/// One API for each expression, which answers with its value as JSON; `id` is the API's path.
fn answering(expressions: &[(&str, &str)]) -> String {
    let api = |(number, (expression, _)): (usize, &(&str, &str))| {
        format!(
            "  - id: e{number}\n    path: e{number}\n    backend: {{origin}}\n    subscription-required: false\n    \
             policies:\n      inbound:\n        - set-variable: {{ name: number, value: 5 }}\n        \
             - set-variable: {{ name: r, value: \"${{{expression}}}\" }}\n        \
             - return-response: {{ body: \"${{toJson(variables.r)}}\" }}\n"
        )
    };
    format!("apis:\n{}", expressions.iter().enumerate().map(api).collect::<String>())
}

#[track_caller]
fn assert_values(expressions: &[(&str, &str)], request: impl Fn(&str) -> Request) {
    let gateway = serve(&answering(expressions), hello());
    for (number, (expression, value)) in expressions.iter().enumerate() {
        let response = gateway.send(&request(&format!("/e{number}")));
        assert_eq!((response.status, response.text()), (200, *value), "{expression}");
    }
}

#[test]
fn every_member_of_the_request_can_be_read() {
    let expressions = [
        ("request.method", "\"POST\""),
        ("request.scheme", "\"http\""),
        ("request.host", "\"shop.example\""),
        ("request.port", "8080"),
        ("request.path.endsWith('/a%20b')", "true"),
        ("request.query_string", "\"x=1&y=%20z&x=2\""),
        ("request.query", "{\"x\":\"1,2\",\"y\":\" z\"}"),
        ("request.query['X']", "null"),
        ("request.url.startsWith('http://shop.example:8080/e')", "true"),
        ("request.original_url == request.url", "true"),
        ("request.headers['X-Tier']", "\"gold, 2\""),
        ("'x-tier' in request.headers", "true"),
        ("request.parameters", "{}"),
        ("request.body", "\"{\\\"a\\\":[1,{\\\"b\\\":null}]}\""),
        ("request.json.a[1]", "{\"b\":null}"),
        ("request.client_ip", "\"127.0.0.1\""),
        ("api.path == api.id", "true"),
        ("operation == null && product == null && subscription == null && user == null", "true"),
        ("[operation.id, product.id, subscription.id, user.id]", "[null,null,null,null]"),
        ("response == null && last_error == null && response.status == null", "true"),
        ("variables", "{\"number\":5}"),
        ("type(now) + type(elapsed) + type(request_id)", "\"timestampdurationstring\""),
    ];
    assert_values(&expressions, |api| {
        Request::post(&format!("{api}/a%20b?x=1&y=%20z&x=2"), "{\"a\":[1,{\"b\":null}]}")
            .header("host", "shop.example:8080")
            .header("X-Tier", "gold")
            .header("x-tier", "2")
    });
}

#[test]
fn every_family_of_functions_computes() {
    let expressions = [
        ("json('[1, 2.5, true]')[1]", "2.5"),
        ("toJson({'a': [1]})", "\"{\\\"a\\\":[1]}\""),
        ("base64.encode('h\u{e4}')", "\"aMOk\""),
        ("string(base64.decode('aGk'))", "\"hi\""),
        ("base64url.encode(hex.decode('fffe'))", "\"__4\""),
        ("hex.encode(sha256('a')).substring(0, 8)", "\"ca978112\""),
        ("hex.encode(sha384('a')).substring(0, 8)", "\"54a59b9f\""),
        ("hex.encode(sha512('a')).substring(0, 8)", "\"1f40fc92\""),
        ("hex.encode(hmac.sha256('k', 'm')).substring(0, 8)", "\"b60090e3\""),
        ("hex.encode(hmac.sha512('k', 'm')).substring(0, 8)", "\"94ec9586\""),
        ("'ab12'.matches('^[a-z]+[0-9]+$')", "true"),
        ("regex.find('ab12', '[0-9]+')", "\"12\""),
        ("regex.findAll('a1b2', '[0-9]')", "[\"1\",\"2\"]"),
        ("regex.replace('a1b2', '([0-9])', '<$1>')", "\"a<1>b<2>\""),
        ("url.decode(url.encode('a b/?'))", "\"a b/?\""),
        ("url.parse('https://h:8443/p?x#f').port", "8443"),
        ("format(timestamp('2026-01-31T23:30:00Z'), '%Y-%m-%d %H', 'Europe/Zurich')", "\"2026-02-01 00\""),
        ("timestamp('2026-01-31T12:00:00Z') + duration('90m')", "\"2026-01-31T13:30:00Z\""),
        ("now - duration('1h') < now", "true"),
        ("inCidr('192.0.2.7', '192.0.2.0/24') && !inCidr('2001:db8::1', '192.0.2.0/24')", "true"),
        ("' a,b '.trim().split(',').map(x, x.upperAscii()).join('-')", "\"A-B\""),
        ("get(request.headers, 'x-none', 'd') + coalesce(request.query['n'], 'e')", "\"de\""),
        ("basic('Basic ' + base64.encode('u:p:q')).password", "\"p:q\""),
        ("jwt('no token')", "null"),
    ];
    assert_values(&expressions, Request::get);
}

#[test]
fn claims_of_a_token_are_read_as_validate_jwt_gives_them() {
    // { "alg": "none", "typ": "JWT" } and { "sub": "ada", "aud": "orders", "exp": 9, "scp": ["r"] }
    let token = "Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.\
                 eyJzdWIiOiJhZGEiLCJhdWQiOiJvcmRlcnMiLCJleHAiOjksInNjcCI6WyJyIl19.c2ln";
    let expressions = [
        ("jwt(request.headers.authorization).claims.scp", "[\"r\"]"),
        ("jwt(request.headers.authorization).subject", "\"ada\""),
        ("jwt(request.headers.authorization).audiences", "[\"orders\"]"),
        ("jwt(request.headers.authorization).expiration_time", "9"),
        ("jwt(request.headers.authorization).header.typ", "\"JWT\""),
        ("jwt(request.headers.authorization).issuer", "null"),
    ];
    assert_values(&expressions, |api| Request::get(api).header("authorization", token));
}

#[test]
fn a_value_that_is_one_expression_keeps_its_type_and_text_takes_values_in() {
    let sections = "inbound:\n  - set-variable: { name: a, value: \"${1 + 1}\" }\n  \
                    - set-variable: { name: b, value: \"${1 + 1}.\" }\n  \
                    - set-variable: { name: c, value: \"${null}$${x}${[1]}\" }\n  \
                    - set-variable: { name: d, value: { e: [2.5, true, text] } }\n  \
                    - return-response: { body: \"${toJson([variables.a, variables.b, variables.c, variables.d])}\" }\n";
    let response = serve(&open_api(sections), hello()).get("/");
    assert_eq!(response.text(), r#"[2,"2.","${x}[1]",{"e":[2.5,true,"text"]}]"#);
}

#[test]
fn an_expression_that_can_never_give_what_is_asked_for_is_found_by_check() {
    refused(
        "inbound",
        &[
            (
                "{ set-method: PUT, when: §\"request.headers['x-a']\" }",
                "a condition is true or false, and this gives a value of type string",
            ),
            ("{ set-method: PUT, when: §\"${1 + 1}\" }", "of type int"),
            ("choose: [ { when: §request.query_string, policies: [] } ]", "compare it with something"),
            (
                "retry: { condition: 'true', count: §\"${'3'}\", interval: 0, policies: [] }",
                "expected a whole number, and the expression gives a value of type string",
            ),
            (
                "retry: { condition: 'true', count: 1, interval: §\"${request.path}\", policies: [] }",
                "expected a duration or a number of seconds",
            ),
            (
                "retry: { condition: 'true', count: 1, interval: 0, first-fast-retry: §\"${1}\", policies: [] }",
                "expected true or false",
            ),
            ("wait: { for: §\"${1}\", policies: [] }", "expected a text"),
            (
                "rate-limit-by-key: { calls: §\"${now}\", renewal-period: 10, counter-key: client-ip }",
                "`rate-limit-by-key`: expected an integer, and the expression gives a value of type timestamp",
            ),
            (
                "rate-limit-by-key: { calls: §\"${'many'}\", renewal-period: 10, counter-key: client-ip }",
                "expected an integer, and the expression gives a text",
            ),
            (
                "cors: { allowed-origins: ['https://a.example'], allow-credentials: §\"${[1]}\" }",
                "`cors`: expected true or false",
            ),
            ("set-variable: { name: a, value: \"${format(now, §'%~')}\" }", "isn't one of strftime"),
        ],
    );
}

#[test]
fn an_expression_that_may_give_what_is_asked_for_is_left_alone() {
    let sections = "inbound:\n  - { set-method: PUT, when: 'variables.a' }\n  \
                    - rate-limit-by-key: { calls: \"${request.headers['x-a']}\", renewal-period: 10, counter-key: client-ip }\n  \
                    - retry: { condition: 'variables.a == 1', count: \"${variables.n}\", interval: \"${duration('1s')}\", policies: [] }\n  \
                    - cors: { allowed-origins: ['https://a.example'], allow-credentials: \"${'true'}\" }\n";
    let yaml = format!("listen: 127.0.0.1:0\nadmin: off\n{}", open_api(sections));
    let outcome = Gateway::with(&yaml).value("origin", "http://127.0.0.1:9").check();
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
}

#[test]
fn a_long_query_costs_an_expression_no_more_than_reading_it() {
    let expressions = [("size(request.query)", "1"), ("size(request.query)", "9000")];
    let yaml = format!("limits: {{ uri-bytes: 65534, header-bytes: 128KiB }}\n{}", answering(&expressions));
    let gateway = serve(&yaml, hello());
    let same = "a&".repeat(32_000);
    let different: String = (0..9_000).map(|n| format!("a{n}&")).collect();
    for (api, query, names) in [("e0", same, "1"), ("e1", different, "9000")] {
        let began = Instant::now();
        let response = gateway.get(&format!("/{api}?{query}"));
        assert_eq!((response.status, response.text()), (200, names));
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
    // Looking up each of many names in a query of many names is more than an expression may do.
    let sections = "inbound:\n  - set-variable: { name: a, value: \"${request.query.map(k, request.query[k])}\" }\n";
    let gateway =
        serve(&format!("limits: {{ uri-bytes: 65534, header-bytes: 128KiB }}\n{}", open_api(sections)), hello());
    let began = Instant::now();
    let query: String = (0..9_000).map(|n| format!("a{n}&")).collect();
    assert_error(&gateway.get(&format!("/?{query}")), 500, "Internal server error");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    gateway.wait_for_log("the expression takes more than 100000 steps");
}

#[test]
fn a_body_of_many_small_values_takes_bounded_memory() {
    let sections = "inbound:\n  - set-variable: { name: n, value: \"${size(request.json)}\" }\n  \
                    - return-response: { body: \"${variables.n}\" }\n";
    let gateway = serve(&open_api(sections), hello());
    let list = |count: usize| Request::post("/", format!("[{}1]", "1,".repeat(count - 1)));
    assert_eq!(gateway.send(&list(500_000)).text(), "500000");
    let before = gateway.peak_rss_bytes();
    assert_error(&gateway.send(&list(7_000_000)), 500, "Internal server error");
    let grown = gateway.peak_rss_bytes().saturating_sub(before);
    assert!(grown < 150 << 20, "{} MiB for 14 MB of JSON", grown >> 20);
    gateway.wait_for_log("the request's body takes more than 33554432 bytes as JSON values");
}

#[test]
fn a_body_is_read_only_if_an_expression_that_runs_reads_it() {
    let sections = "inbound:\n  - choose:\n      - when: request.headers['x-read'] == 'yes'\n        \
                    policies: [ { set-header: { name: x-name, value: \"${request.json.name}\" } } ]\n";
    let origin = Origin::echo();
    let gateway = serve(&open_api(sections), &origin);
    // Far more than an expression may read.
    let large = vec![b'x'; 20 << 20];
    assert_eq!(gateway.send(&Request::post("/", large.clone())).status, 200);
    let read = gateway.send(&Request::post("/", large).header("x-read", "yes"));
    assert_error(&read, 413, "Request body too large");
}

#[test]
fn an_error_of_an_expression_over_several_lines_fits_into_a_header() {
    let sections = "inbound:\n  - set-variable:\n      name: a\n      value: |\n        ${json(request.path\n        + 'x')}\n\
                    on-error:\n  - set-header: { name: x-error, value: \"${last_error.message}\" }\n";
    let response = serve(&open_api(sections), hello()).get("/");
    let told = response.headers.get("x-error").unwrap_or_else(|| panic!("{response:?}"));
    assert!(told.starts_with("the expression `${json(request.path + 'x')}` at tollgate.yaml:"), "{told}");
}

#[test]
fn a_variable_that_is_too_large_is_told_of() {
    let sections = "inbound:\n  - set-variable: { name: a, value: \"${request.body}\" }\n\
                    on-error:\n  - return-response: { body: \"${last_error.message}\" }\n";
    let gateway = serve(&open_api(sections), Origin::start(|_| Response::new(200)));
    let response = gateway.send(&Request::post("/", vec![b'x'; 5 << 20]));
    assert_eq!(response.text(), "the variable `a` was not set: the variables of one exchange may take 4194304 bytes");
}
