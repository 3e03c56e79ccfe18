//! `set-header`: set, add to or remove a header of the request, the response or the answer to an error.

use super::*;

/// What the origin sees of `x` after an edit of a request with these lines of it.
#[track_caller]
fn seen(config: &str, lines: &[&str]) -> Vec<String> {
    let origin = hello();
    let gateway = serve(&open_api(&format!("inbound: [ {{ set-header: {{ name: X, {config} }} }} ]")), &origin);
    let request = lines.iter().fold(Request::get("/"), |request, line| request.header("x", line));
    assert_eq!(gateway.send(&request).status, 200);
    origin.only_request().headers.all("x").iter().map(|line| (*line).to_owned()).collect()
}

#[test]
fn each_exists_action_does_what_it_says_to_a_request() {
    for (config, before, after) in [
        ("value: new", vec!["a", "b"], vec!["new"]),
        ("value: new", vec![], vec!["new"]),
        ("value: [1st, 2nd]", vec!["a"], vec!["1st, 2nd"]),
        ("exists-action: override, value: ''", vec!["a"], vec![""]),
        ("exists-action: skip, value: new", vec!["a", "b"], vec!["a", "b"]),
        ("exists-action: skip, value: new", vec![], vec!["new"]),
        ("exists-action: append, value: [c, d]", vec!["a", "b"], vec!["a, b, c, d"]),
        ("exists-action: append, value: c", vec![], vec!["c"]),
        ("exists-action: delete", vec!["a", "b"], vec![]),
        ("exists-action: delete, value: x", vec!["a"], vec![]),
        ("value: 'grün €'", vec![], vec!["grün €"]),
    ] {
        assert_eq!(seen(config, &before), after, "{config}");
    }
}

#[test]
fn a_response_is_edited_before_the_client_sees_it() {
    let origin = Origin::start(|_| {
        Response::new(200).header("x-powered-by", "PHP").header("vary", "origin").header("vary", "accept").body("hello")
    });
    let sections = "outbound:\n\
                    \x20 - set-header: { name: X-Powered-By, exists-action: delete }\n\
                    \x20 - set-header: { name: Vary, exists-action: append, value: cookie }\n\
                    \x20 - set-header: { name: server, value: tollgate }\n";
    let response = serve(&open_api(sections), &origin).get("/");
    assert_eq!((response.status, response.text()), (200, "hello"));
    assert!(!response.headers.has("x-powered-by"));
    assert_eq!(response.headers.all("vary"), ["origin, accept, cookie"]);
    assert_eq!(response.headers.all("server"), ["tollgate"]);
}

#[test]
fn headers_whose_values_hold_commas_keep_a_line_for_each_value() {
    let origin = Origin::start(|_| Response::new(200).header("set-cookie", "a=1").header("www-authenticate", "Basic"));
    let sections = "outbound:\n\
                    \x20 - set-header: { name: Set-Cookie, exists-action: append, value: [b=2, 'c=3; Expires=Wed, 21 Oct 2026 07:28:00 GMT'] }\n\
                    \x20 - set-header: { name: WWW-Authenticate, exists-action: append, value: 'Bearer realm=\"x\"' }\n\
                    \x20 - set-header: { name: Warning, value: ['199 - a', '199 - b'] }\n";
    let response = serve(&open_api(sections), &origin).get("/");
    assert_eq!(response.headers.all("set-cookie"), ["a=1", "b=2", "c=3; Expires=Wed, 21 Oct 2026 07:28:00 GMT"]);
    assert_eq!(response.headers.all("www-authenticate"), ["Basic", "Bearer realm=\"x\""]);
    assert_eq!(response.headers.all("warning"), ["199 - a", "199 - b"]);
}

#[test]
fn values_that_are_no_text_stay_what_they_are() {
    let origin = hello();
    let append = "set-header: { name: x, exists-action: append, value: b }";
    let gateway = serve(&open_api(&format!("inbound: [ {{ {append} }} ]")), &origin);
    gateway.send(&Request::get("/").header("x", b"\xff\xfe"));
    assert_eq!(origin.only_request().headers.bytes("x"), [b"\xff\xfe, b"]);
}

#[test]
fn on_error_edits_what_the_client_is_told() {
    let sections = "inbound: [ { check-header: { name: x-plan, failed-check-httpcode: 402 } } ]\n\
                    outbound: [ { set-header: { name: x-outbound, value: ran } } ]\n\
                    on-error: [ { set-header: { name: x-help, value: 'https://help.example' } } ]";
    let gateway = serve(&open_api(sections), hello());
    let refused = gateway.get("/");
    assert_error(&refused, 402, "Header x-plan is missing.");
    assert_eq!(refused.headers.all("x-help"), ["https://help.example"]);
    assert!(!refused.headers.has("x-outbound"));
    let fine = gateway.send(&Request::get("/").header("x-plan", "gold"));
    assert_eq!((fine.headers.has("x-help"), fine.headers.has("x-outbound")), (false, true));
}

#[test]
fn on_error_edits_the_answer_to_an_origin_that_is_gone() {
    let gateway =
        serve(&open_api("on-error: [ { set-header: { name: Retry-After, value: '5' } } ]"), Origin::refusing());
    let response = gateway.get("/");
    assert_error(&response, 502, "Bad gateway");
    assert_eq!(response.headers.all("retry-after"), ["5"]);
}

#[test]
fn statements_run_in_their_order_through_the_scopes() {
    let append = |value: &str| format!("set-header: {{ name: x-path, exists-action: append, value: {value} }}");
    let entries = |before: &str, after: &str| format!("[ {{ {} }}, base, {{ {} }} ]", append(before), append(after));
    let yaml = format!(
        "policies: {{ inbound: {}, outbound: {} }}\n{}",
        entries("global-1", "global-2"),
        entries("global-3", "global-4"),
        open_api(&format!("inbound: {}\noutbound: {}", entries("api-1", "api-2"), entries("api-3", "api-4")))
    );
    let origin = hello();
    let response = serve(&yaml, &origin).get("/");
    assert_eq!(origin.only_request().headers.all("x-path"), ["api-1, global-1, global-2, api-2"]);
    assert_eq!(response.headers.all("x-path"), ["api-3, global-3, global-4, api-4"]);
}

#[test]
fn what_a_later_statement_sees_is_what_an_earlier_one_wrote() {
    let sections = "inbound:\n\
                    \x20 - set-header: { name: x-plan, value: gold }\n\
                    \x20 - check-header: { name: x-plan, failed-check-httpcode: 403, value: gold }\n";
    let gateway = serve(&open_api(sections), hello());
    assert_eq!(gateway.send(&Request::get("/").header("x-plan", "none")).status, 200);
}

#[test]
fn name_action_and_values_may_be_expressions() {
    let origin = hello();
    let config = "{ name: \"${request.headers['x-name']}\", exists-action: \"${request.headers['x-action']}\", \
                  value: [ fixed, \"${request.method} by ${request.headers['x-who']}\" ] }";
    let gateway = serve(&open_api(&format!("inbound: [ {{ set-header: {config} }} ]")), &origin);
    let ask = |name: &str, action: &str, who: &[u8]| {
        let request = Request::get("/").header("x-name", name).header("x-action", action).header("x-who", who);
        gateway.send(&request.header("x-tenant", "old"))
    };
    assert_eq!(ask("X-Tenant", "append", b"Ada").status, 200);
    assert_eq!(origin.only_request().headers.all("x-tenant"), ["old, fixed, GET by Ada"]);
    for (name, action) in [("Content-Length", "append"), ("a b", "append"), ("x", "frobnicate")] {
        assert_error(&ask(name, action, b"Ada"), 500, "Internal server error.");
    }
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn an_expression_makes_no_second_line() {
    let origin = hello();
    let config = "{ name: x, value: \"${request.query['v']}\" }";
    let gateway = serve(&open_api(&format!("inbound: [ {{ set-header: {config} }} ]")), &origin);
    assert_error(&gateway.get("/?v=a%0D%0Ab:%20c"), 500, "Internal server error");
    assert_eq!(gateway.get("/?v=a%20b").status, 200);
    assert_eq!(origin.only_request().headers.all("x"), ["a b"]);
}

#[test]
fn it_stands_in_backend_too() {
    let origin = hello();
    let sections = "backend: [ { set-header: { name: x, value: a } }, forward-request ]";
    serve(&open_api(sections), &origin).get("/");
    assert_eq!(origin.only_request().headers.all("x"), ["a"]);
}

#[test]
fn each_header_of_the_list_keeps_a_line_for_each_value() {
    // What requests have, and what responses have.
    for name in ["Cookie", "Date", "If-Modified-Since", "If-Unmodified-Since", "User-Agent", "Warning"] {
        let origin = hello();
        let statement = format!("set-header: {{ name: {name}, exists-action: append, value: [b, c] }}");
        serve(&open_api(&format!("inbound: [ {{ {statement} }} ]")), &origin)
            .send(&Request::get("/").header(name, "a"));
        let seen = origin.only_request();
        assert_eq!(seen.headers.all(name), ["a", "b", "c"], "{name}");
    }
    for name in
        ["Expires", "Last-Modified", "Proxy-Authenticate", "Retry-After", "Set-Cookie", "Warning", "WWW-Authenticate"]
    {
        let origin = Origin::start(move |_| Response::new(200).header(name, "a"));
        let statement = format!("set-header: {{ name: {name}, exists-action: append, value: [b, c] }}");
        let response = serve(&open_api(&format!("outbound: [ {{ {statement} }} ]")), origin).get("/");
        // What an origin says of proxies concerns the gateway alone.
        let expected = if name == "Proxy-Authenticate" { vec!["b", "c"] } else { vec!["a", "b", "c"] };
        assert_eq!(response.headers.all(name), expected, "{name}");
    }
}

#[test]
fn what_an_expression_asks_for_is_held_to_the_same_rules() {
    let origin = Origin::start(|_| Response::new(200).header("server", "nginx"));
    let config = "{ name: \"${request.query['name']}\", exists-action: \"${request.query['action']}\" }";
    let gateway = serve(&open_api(&format!("outbound: [ {{ set-header: {config} }} ]")), origin);
    assert!(!gateway.get("/?name=x&action=delete").headers.has("x"));
    // Server can't be removed, no header of the framing can be touched, and the other actions need a value.
    for (name, action) in [
        ("server", "delete"),
        ("Content-Length", "delete"),
        ("Transfer-Encoding", "delete"),
        ("Connection", "delete"),
        ("x", "override"),
        ("x", "append"),
        ("", "delete"),
    ] {
        let response = gateway.get(&format!("/?name={name}&action={action}"));
        assert_eq!(response.status, 500, "{name} {action}: {response:?}");
    }
}

/// Which host each of these requests is for, in the origin's eyes.
fn hosts(origin: &Origin) -> Vec<String> {
    origin.requests().iter().flat_map(|request| request.headers.all("host").into_iter().map(str::to_owned)).collect()
}

#[test]
fn host_says_whom_the_request_is_for_wherever_it_goes() {
    let (origin, second) = (hello(), hello());
    let sections = "inbound:\n\
                    \x20 - set-header: { name: Host, value: 'shop.example:8443' }\n\
                    \x20 - set-header: { name: X-Host, value: \"${request.headers['host']} ${request.host}\" }\n\
                    \x20 - set-backend-service: { base-url: '{second}' }\n\
                    \x20   when: request.path == '/second'\n\
                    backend:\n\
                    \x20 - set-header: { name: host, value: \"${request.query['h']}\" }\n\
                    \x20   when: request.query['h'] != null\n\
                    \x20 - retry: { condition: response.status == 200, count: 1, interval: 0, policies: [ forward-request ] }\n";
    let gateway = Gateway::with(&open_api(sections)).origin(&origin).value("second", &second.url()).start();
    for target in ["/", "/second", "/?h=%5B::1%5D:80"] {
        assert_eq!(gateway.send(&Request::get(target).header("host", "api.example")).status, 200, "{target}");
    }
    assert_eq!(hosts(&origin), ["shop.example:8443", "shop.example:8443", "[::1]:80", "[::1]:80"]);
    assert_eq!(hosts(&second), ["shop.example:8443", "shop.example:8443"]);
    let seen = origin.requests();
    assert_eq!(seen[0].headers.get("x-host"), Some("shop.example:8443 api.example"));
    assert_eq!(seen[0].headers.get("x-forwarded-host"), Some("api.example"));
}

#[test]
fn a_redirect_to_another_origin_leaves_the_host_behind() {
    let second = hello();
    let to = format!("{}/there", second.url());
    let origin = Origin::start(move |request| match request.target.as_str() {
        "/near" => Response::new(200),
        "/far" => Response::new(302).header("location", &to),
        _ => Response::new(302).header("location", "/near"),
    });
    let sections = "inbound: [ { set-header: { name: Host, value: shop.example } } ]\n\
                    backend: [ { forward-request: { follow-redirects: true } } ]";
    let gateway = serve(&open_api(sections), &origin);
    assert_eq!(gateway.get("/").status, 200);
    assert_eq!(hosts(&origin), ["shop.example", "shop.example"]);
    // Loopback is private, so nobody is sent there; and were it public, it would be called by its own name.
    gateway.get("/far");
    assert!(!hosts(&second).contains(&"shop.example".to_owned()));
}

#[test]
fn a_host_that_is_none_goes_nowhere() {
    let origin = hello();
    let sections = "inbound: [ { set-header: { name: Host, value: \"${request.query['h']}\" } } ]";
    let gateway = serve(&open_api(sections), &origin);
    for host in ["", "a%20b", "a/b", "a@b", "https://a", "a:99999", "a%0d%0ax:1", "%C3%BC.example"] {
        assert_error(&gateway.get(&format!("/?h={host}")), 500, "Internal server error");
    }
    assert!(origin.requests().is_empty());
    let named = "inbound: [ { set-header: { name: \"${request.query['n']}\", value: a } } ]";
    assert_error(&serve(&open_api(named), &origin).get("/?n=Host"), 500, "Internal server error.");
    assert!(origin.requests().is_empty());
}

#[test]
fn a_host_is_one_and_belongs_to_requests() {
    refused(
        "inbound",
        &[
            ("set-header: { name: Host, value: §'a b' }", "a host, perhaps with a port"),
            ("set-header: { name: Host, value: §[a, b] }", "one value"),
            ("set-header: { name: Host, exists-action: §append, value: a }", "only be overridden"),
            ("set-header: { name: Host, exists-action: §delete }", "only be overridden"),
            ("set-header: §{ name: Host }", "`value` is missing"),
            ("return-response: { set-header: { name: §Host, value: a } }", "`host` belongs to the gateway"),
        ],
    );
    for section in ["outbound", "on-error"] {
        refused(section, &[("set-header: { name: §Host, value: a }", "`host` is a header of requests")]);
    }
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    let cases = [
        ("set-header: §{ value: x }", "name"),
        ("set-header: §{ name: x }", "`value` is missing; only `exists-action: delete` needs none"),
        ("set-header: { name: §'a b', value: x }", "value does not match"),
        ("set-header: { name: §Content-Length, value: '1' }", "`content-length` belongs to the gateway"),
        ("set-header: { name: §Connection, exists-action: delete }", "`connection` belongs to the gateway"),
        ("set-header: { name: §Keep-Alive, value: x }", "`keep-alive` belongs to the gateway"),
        ("set-header: { name: §proxy-connection, value: x }", "`proxy-connection` belongs to the gateway"),
        ("set-header: { name: §TE, value: x }", "`te` belongs to the gateway"),
        ("set-header: { name: §Trailer, value: x }", "`trailer` belongs to the gateway"),
        ("set-header: { name: §Transfer-Encoding, value: x }", "`transfer-encoding` belongs to the gateway"),
        ("set-header: { name: §Upgrade, value: x }", "`upgrade` belongs to the gateway"),
        ("set-header: { name: §Server, exists-action: delete }", "`server` can't be removed, only replaced"),
        ("set-header: { name: x, value: §\"a\\r\\nb: c\" }", "control characters"),
        ("set-header: { name: x, value: [ok, §\"a\\0\"] }", "control characters"),
        ("set-header: { name: x, value: §1 }", "string"),
        ("set-header: { name: x, value: §[] }", "1 item"),
        ("set-header: { name: x, value: a, exists-action: §replace }", "override"),
        ("set-header: { name: x, value: a, §exist-action: skip }", "did you mean `exists-action`?"),
    ];
    for section in ["inbound", "outbound", "on-error"] {
        refused(section, &cases);
    }
}
