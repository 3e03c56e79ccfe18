//! `cache-lookup-value`, `cache-store-value` and `cache-remove-value`.

use super::*;
use std::time::Duration;

/// Stores on `POST`, forgets on `DELETE`, looks up on `GET`, and says what it has found.
fn values(store: &str, lookup: &str) -> String {
    open_api(&format!(
        "inbound:\n\
         \x20 - cache-store-value: {store}\n\
         \x20   when: request.method == 'POST'\n\
         \x20 - cache-remove-value: {{ key: k }}\n\
         \x20   when: request.method == 'DELETE'\n\
         \x20 - cache-lookup-value: {lookup}\n\
         \x20   when: request.method == 'GET'\n\
         \x20 - return-response: {{ body: \"${{variables.found == null ? 'nothing' : variables.found}}\" }}\n"
    ))
}

const LOOKUP: &str = "{ key: k, variable-name: found }";

/// What is found until it is what is expected: a stored value may be seen a moment later.
#[track_caller]
fn wait_for(gateway: &Gateway, text: &str) {
    let start = std::time::Instant::now();
    loop {
        let found = gateway.get("/");
        if found.text() == text {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "never `{text}`, but {found:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn post() -> Request {
    Request::post("/", "")
}

#[test]
fn a_stored_value_is_found_until_it_is_removed() {
    let gateway = serve(&values("{ key: k, value: gold, duration: 60 }", LOOKUP), hello());
    assert_eq!(gateway.get("/").text(), "nothing");
    gateway.send(&post());
    wait_for(&gateway, "gold");
    gateway.send(&Request::new("DELETE", "/"));
    wait_for(&gateway, "nothing");
    assert_eq!(gateway.send(&Request::new("DELETE", "/")).status, 200, "a key without a value is fine");
}

#[test]
fn values_keep_their_types() {
    for (value, expression, text) in [
        ("7", "variables.found + 1", "8"),
        ("true", "variables.found ? 'yes' : 'no'", "yes"),
        ("{ a: [1, x] }", "variables.found.a[1]", "x"),
        ("'7'", "variables.found + '1'", "71"),
        ("\"${{'n': size(request.path)}}\"", "variables.found.n + 1", "2"),
    ] {
        let yaml = open_api(&format!(
            "inbound:\n\
             \x20 - cache-store-value: {{ key: k, value: {value}, duration: 60 }}\n\
             \x20   when: request.method == 'POST'\n\
             \x20 - cache-lookup-value: {LOOKUP}\n\
             \x20 - return-response: {{ body: \"x${{variables.found == null ? '' : string({expression})}}\" }}\n"
        ));
        let gateway = serve(&yaml, hello());
        gateway.send(&post());
        wait_for(&gateway, &format!("x{text}"));
    }
}

#[test]
fn a_value_expires() {
    let gateway = serve(&values("{ key: k, value: gold, duration: 1 }", LOOKUP), hello());
    gateway.send(&post());
    std::thread::sleep(Duration::from_millis(1_200));
    wait_for(&gateway, "nothing");
}

#[test]
fn a_later_value_replaces_an_earlier_one() {
    let store = "{ key: k, value: \"${request.headers['x-value']}\", duration: 60 }";
    let gateway = serve(&values(store, LOOKUP), hello());
    for value in ["one", "two"] {
        gateway.send(&post().header("x-value", value));
        wait_for(&gateway, value);
    }
}

#[test]
fn a_computed_duration_of_nothing_forgets_what_was_there() {
    let store = "{ key: k, value: gold, duration: \"${int(request.headers['x-seconds'])}\" }";
    let gateway = serve(&values(store, LOOKUP), hello());
    gateway.send(&post().header("x-seconds", "60"));
    wait_for(&gateway, "gold");
    assert_eq!(gateway.send(&post().header("x-seconds", "0")).status, 200);
    wait_for(&gateway, "nothing");
}

#[test]
fn a_miss_gives_the_default_value_if_there_is_one() {
    let lookup = "{ key: k, variable-name: found, default-value: \"none of ${request.path}\" }";
    let gateway = serve(&values("{ key: k, value: gold, duration: 60 }", lookup), hello());
    assert_eq!(gateway.get("/a").text(), "none of /a");
}

#[test]
fn a_miss_without_a_default_leaves_the_variable_as_it_was() {
    let yaml = open_api(
        "inbound:\n\
         \x20 - set-variable: { name: found, value: before }\n\
         \x20 - cache-lookup-value: { key: k, variable-name: found }\n\
         \x20 - return-response: { body: \"${variables.found}\" }\n",
    );
    assert_eq!(serve(&yaml, hello()).get("/").text(), "before");
}

#[test]
fn keys_are_computed_and_told_apart() {
    let key = "key: \"user-${request.headers['x-user']}\"";
    let yaml = open_api(&format!(
        "inbound:\n\
         \x20 - cache-store-value: {{ {key}, value: \"${{request.headers['x-user']}}\", duration: 60 }}\n\
         \x20   when: request.method == 'POST'\n\
         \x20 - cache-lookup-value: {{ {key}, variable-name: found }}\n\
         \x20 - return-response: {{ body: \"${{variables.found == null ? 'nothing' : variables.found}}\" }}\n"
    ));
    let gateway = serve(&yaml, hello());
    gateway.send(&post().header("x-user", "a"));
    let start = std::time::Instant::now();
    while gateway.send(&Request::get("/").header("x-user", "a")).text() != "a" {
        assert!(start.elapsed() < PATIENCE, "the value is never found");
    }
    assert_eq!(gateway.send(&Request::get("/").header("x-user", "b")).text(), "nothing");
}

#[test]
fn what_the_cache_does_not_take_fails_no_request() {
    let yaml = open_api(
        "inbound:\n\
         \x20 - cache-store-value: { key: \"${request.headers['x-key']}\", value: gold, duration: 60 }\n\
         \x20 - cache-lookup-value: { key: \"${request.headers['x-key']}\", variable-name: found }\n\
         \x20 - cache-remove-value: { key: \"${request.headers['x-key']}\" }\n",
    );
    let gateway = serve(&yaml, hello());
    let response = gateway.send(&Request::get("/").header("x-key", "k".repeat(2_000)));
    assert_eq!((response.status, response.text()), (200, "hello"));
    gateway.wait_for_log("was not kept");
}

#[test]
fn values_are_there_in_every_section() {
    let yaml = open_api(
        "inbound: [ { cache-store-value: { key: k, value: gold, duration: 60 } } ]\n\
         outbound:\n\
         \x20 - cache-lookup-value: { key: k, variable-name: found, default-value: none }\n\
         \x20 - set-header: { name: x-found, value: \"${variables.found}\" }\n",
    );
    let gateway = serve(&yaml, hello());
    let start = std::time::Instant::now();
    while gateway.get("/").headers.get("x-found") != Some("gold") {
        assert!(start.elapsed() < PATIENCE, "the value is never found");
    }
}

#[test]
fn a_default_value_is_computed_on_a_miss_only() {
    let lookup = "{ key: k, variable-name: found, default-value: { a: [ \"${json(request.headers['x-json'])}\" ] } }";
    let yaml = open_api(&format!(
        "inbound:\n\
         \x20 - cache-store-value: {{ key: k, value: gold, duration: 60 }}\n\
         \x20   when: request.method == 'POST'\n\
         \x20 - cache-lookup-value: {lookup}\n\
         \x20 - return-response: {{ body: \"${{toJson(variables.found)}}\" }}\n"
    ));
    let gateway = serve(&yaml, hello());
    let ask = |json: &str| gateway.send(&Request::get("/").header("x-json", json));
    assert_eq!(ask("[1]").text(), "{\"a\":[[1]]}");
    assert_error(&ask("x"), 500, "Internal server error.");
    assert_eq!(logged_error(&gateway, 2), ("cache-lookup-value".into(), "ExpressionValueEvaluationFailure".into()));
    gateway.send(&post().header("x-json", "1"));
    let stored = wait_for_status(&gateway, 200, || Request::get("/").header("x-json", "x"));
    assert_eq!(stored.text(), "\"gold\"");
}

#[test]
fn all_apis_and_statements_share_one_set_of_keys() {
    let api = |id: &str| {
        format!(
            "  - id: {id}\n    path: {id}\n    backend: '{{origin}}'\n    subscription-required: false\n    policies:\n      \
             inbound:\n        - cache-store-value: {{ key: k, value: 'of {id}', duration: 60 }}\n          \
             when: request.method == 'POST'\n        - cache-lookup-value: {LOOKUP}\n        \
             - return-response: {{ body: \"${{variables.found == null ? 'nothing' : variables.found}}\" }}\n"
        )
    };
    let gateway = serve(&format!("workers: 4\napis:\n{}{}", api("orders"), api("invoices")), hello());
    assert_eq!(gateway.get("/invoices").text(), "nothing");
    gateway.send(&Request::post("/orders", ""));
    let start = std::time::Instant::now();
    while gateway.get("/invoices").text() != "of orders" {
        assert!(start.elapsed() < PATIENCE, "the value is never found");
    }
    for _ in 0..16 {
        assert_eq!(gateway.get("/invoices").text(), "of orders", "whichever worker it is");
    }
}

#[test]
fn a_value_that_is_too_large_is_not_kept_and_one_too_large_for_a_variable_is_a_miss() {
    let yaml = |limits: &str| {
        open_api(&format!(
            "inbound:\n\
             \x20 - cache-store-value: {{ key: k, value: \"${{request.body}}\", duration: 60 }}\n\
             \x20   when: request.method == 'POST'\n\
             \x20 - cache-lookup-value: {{ key: k, variable-name: found, default-value: none }}\n\
             {limits}\
             \x20 - return-response: {{ body: \"${{string(size(variables.found))}}\" }}\n"
        ))
    };
    let quotes = 2;
    for (bytes, stored) in [(64 * 1024 - quotes, true), (64 * 1024 - quotes + 1, false)] {
        let gateway = serve(&yaml("\x20   limits: { variable-bytes: 1MiB }\n"), hello());
        assert_eq!(gateway.send(&Request::post("/", "x".repeat(bytes))).status, 200);
        if stored {
            wait_for(&gateway, &bytes.to_string());
        } else {
            gateway.wait_for_log("was not kept");
            assert_eq!(gateway.get("/").text(), "4", "`none`");
        }
    }
    let gateway = serve(&yaml("\x20   limits: { variable-bytes: 1000 }\n"), hello());
    assert_eq!(gateway.send(&Request::post("/", "x".repeat(2_000))).status, 200);
    gateway.wait_for_log("can't be put into");
    assert_eq!(gateway.get("/").text(), "4", "`none`");
}

#[test]
fn a_duration_or_a_key_that_is_none_is_an_error() {
    for (statement, config) in [
        ("cache-store-value", "value: v, duration: \"${-1}\", key: k"),
        ("cache-store-value", "value: v, duration: \"${1.5}\", key: k"),
        ("cache-store-value", "value: v, duration: \"${request.path}\", key: k"),
        ("cache-store-value", "value: \"${json(request.path)}\", duration: 1, key: k"),
        ("cache-store-value", "value: { a: \"${json(request.path)}\" }, duration: 1, key: k"),
        ("cache-store-value", "value: v, duration: 1, key: \"${json(request.path)}\""),
        ("cache-lookup-value", "variable-name: v, key: \"${json(request.path)}\""),
        ("cache-remove-value", "key: \"${json(request.path)}\""),
    ] {
        let gateway = serve(&open_api(&format!("inbound: [ {{ {statement}: {{ {config} }} }} ]")), hello());
        assert_error(&gateway.get("/"), 500, "Internal server error.");
        let error = (statement.to_owned(), "ExpressionValueEvaluationFailure".to_owned());
        assert_eq!(logged_error(&gateway, 1), error, "{config}");
    }
}

#[test]
fn internal_is_the_gateways_own_cache() {
    let gateway = serve(
        &values(
            "{ key: k, value: gold, duration: 60, caching-type: internal }",
            "{ key: k, variable-name: found, caching-type: prefer-external }",
        ),
        hello(),
    );
    gateway.send(&post());
    wait_for(&gateway, "gold");
}

#[test]
fn a_value_is_forgotten_at_a_restart_and_kept_over_a_reload() {
    let yaml = values("{ key: k, value: gold, duration: 60 }", LOOKUP);
    let gateway = serve(&yaml, hello());
    gateway.send(&post());
    wait_for(&gateway, "gold");
    assert_eq!(gateway.reload(&format!("{yaml}# changed\n")), tollgate_harness::Reload::Applied);
    assert_eq!(gateway.get("/").text(), "gold");
    assert_eq!(serve(&yaml, hello()).get("/").text(), "nothing");
}

#[test]
fn a_cache_of_no_bytes_fails_no_request() {
    let yaml = format!("state: {{ cache-bytes: 0 }}\n{}", values("{ key: k, value: gold, duration: 60 }", LOOKUP));
    let gateway = serve(&yaml, hello());
    assert_eq!(gateway.send(&post()).status, 200);
    assert_eq!(gateway.send(&Request::new("DELETE", "/")).status, 200);
    assert_eq!((gateway.get("/").status, gateway.get("/").text()), (200, "nothing"));
}

#[test]
fn bad_configurations_are_refused_at_their_place() {
    let cases = [
        ("cache-lookup-value: §{ key: k }", "variable-name"),
        ("cache-lookup-value: { key: §'', variable-name: v }", "a key can't be empty"),
        ("cache-lookup-value: { key: k, variable-name: v, caching-type: §external }", "no external cache"),
        ("cache-store-value: §{ key: k, duration: 1 }", "value"),
        ("cache-store-value: { key: k, value: v, duration: §0 }", "0 seconds keep nothing"),
        ("cache-store-value: { key: k, value: v, duration: 1, caching-type: §external }", "no external cache"),
        ("cache-remove-value: §{ }", "key"),
        ("cache-remove-value: { key: k, caching-type: §external }", "no external cache"),
    ];
    for section in ["inbound", "outbound", "on-error"] {
        refused(section, &cases);
    }
}
