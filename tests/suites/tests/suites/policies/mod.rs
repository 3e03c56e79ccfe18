//! Every built-in statement through the real gateway, a module for each.

mod authentication_basic;
mod cache;
mod cache_keys;
mod cache_storing;
mod cache_values;
mod check_header;
mod cors;
mod emit_metric;
mod find_and_replace;
mod ip_filter;
mod json_to_xml;
mod jsonp;
mod log_event;
mod mock_response;
mod quota;
mod quota_by_key;
mod rate_limit;
mod rate_limit_by_key;
mod redirect_content_urls;
mod return_response;
mod rewrite_uri;
mod send_one_way_request;
mod send_request;
mod set_backend_service;
mod set_body;
mod set_header;
mod set_method;
mod set_query_parameter;
mod set_status;
mod trace;
mod validate_content;
mod validate_headers;
mod validate_jwt;
mod validate_parameters;
mod validate_status_code;
mod xml_to_json;

use serde_json::Value;
use std::borrow::Borrow;
use std::ops::Deref;
use std::time::{SystemTime, UNIX_EPOCH};
use tollgate_harness::{Gateway, Origin, PATIENCE, Request, Response};

/// An API at the root that needs no key. `policies` is YAML: a section in each line, or indented below it.
pub(crate) fn open_api(policies: &str) -> String {
    format!(
        "apis:\n  - id: all\n    path: ''\n    backend: {{origin}}\n    subscription-required: false\n    policies:\n{}",
        indented(policies)
    )
}

/// The same with these operations, a flow sequence of YAML.
pub(crate) fn api_with_operations(policies: &str, operations: &str) -> String {
    format!("{}    operations: {operations}\n", open_api(policies))
}

/// An API at the root that needs a key, and its policies; the subscriptions `acme` and `zeta` have one each. The
/// product's policies come from `product`.
pub(crate) fn keyed_api(policies: &str, product: &str) -> String {
    let api = "apis:\n  - id: all\n    path: ''\n    backend: {origin}\n    policies:\n";
    let rest = "products:\n  - id: starter\n    apis: [all]\n    policies:\n";
    let subscriptions = "subscriptions:\n  - { id: acme, product: starter, primary-key: acme-1, secondary-key: acme-2 }\n  \
                         - { id: zeta, product: starter, primary-key: zeta-1 }\n";
    format!("{api}{}{rest}{}{subscriptions}", indented(policies), indented(product))
}

fn indented(policies: &str) -> String {
    policies.lines().map(|line| format!("      {line}\n")).collect()
}

/// An origin that answers 200 with `hello`.
pub(crate) fn hello() -> Origin {
    Origin::start(|_| Response::new(200).header("content-type", "text/plain").body("hello"))
}

/// A gateway, and the origin behind it as long as it is needed.
pub(crate) struct Served<O> {
    gateway: Gateway,
    pub(crate) origin: O,
}

/// A gateway with this document in front of `origin`, which the test may keep to itself.
pub(crate) fn serve<O: Borrow<Origin>>(yaml: &str, origin: O) -> Served<O> {
    Served { gateway: Gateway::with(yaml).origin(origin.borrow()).start(), origin }
}

impl<O> Deref for Served<O> {
    type Target = Gateway;

    fn deref(&self) -> &Gateway {
        &self.gateway
    }
}

/// A request with a subscription's key.
pub(crate) fn with_key(key: &str) -> Request {
    Request::get("/").header("ocp-apim-subscription-key", key)
}

/// A request that a trusted proxy passes on for `address`.
pub(crate) fn from(address: &str) -> Request {
    Request::get("/").header("x-forwarded-for", address)
}

/// The gateway's own error, byte for byte.
#[track_caller]
pub(crate) fn assert_error(response: &Response, status: u16, message: &str) {
    assert_eq!(response.status, status, "{response:?}");
    let body = format!("{{ \"statusCode\": {status}, \"message\": {} }}", Value::from(message));
    assert_eq!(response.text(), body);
    assert_eq!(response.headers.all("content-type"), ["application/json"]);
    assert!(response.headers.has("x-request-id"), "{response:?}");
}

/// What the access log tells of the request that failed, of `count` so far: source and reason. Workers write their
/// lines when they like, so the order tells nothing.
#[track_caller]
pub(crate) fn logged_error(gateway: &Gateway, count: usize) -> (String, String) {
    let log = gateway.wait_for_access_log(count);
    let error = log.iter().find_map(|line| line.get("error")).unwrap_or_else(|| panic!("no error in {log:?}"));
    let text = |key: &str| error[key].as_str().unwrap_or_else(|| panic!("no `{key}` in {error}")).to_owned();
    (text("source"), text("reason"))
}

/// `tollgate check` refuses each of these statements of a section, all at once, each at the place of its `§` and in
/// words that hold the second text.
#[track_caller]
pub(crate) fn refused(section: &str, cases: &[(&str, &str)]) {
    let entries: String = cases.iter().map(|(statement, _)| format!("  - {statement}\n")).collect();
    let marked = format!("listen: 127.0.0.1:0\nadmin: off\n{}", open_api(&format!("{section}:\n{entries}")));
    let place = |(line, text): (usize, &str)| Some((line + 1, text.chars().position(|c| c == '§')? + 1));
    let places: Vec<(usize, usize)> = marked.lines().enumerate().filter_map(place).collect();
    assert_eq!(places.len(), cases.len(), "each case has one `§`");

    let outcome = Gateway::with(&marked.replace('§', "")).value("origin", "http://127.0.0.1:9").check();
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    for ((line, column), (statement, words)) in places.into_iter().zip(cases) {
        let prefix = format!("tollgate.yaml:{line}:{column}: ");
        let said = outcome
            .stderr
            .lines()
            .any(|text| text.split_once(&prefix).is_some_and(|(_, message)| message.contains(words)));
        assert!(said, "no `{prefix}…{words}…` for `{statement}` in\n{}", outcome.stderr);
    }
    assert_eq!(outcome.stderr.lines().count(), cases.len(), "{}", outcome.stderr);
}

/// Ask again until the answer has this status.
#[track_caller]
pub(crate) fn wait_for_status(gateway: &Gateway, status: u16, request: impl Fn() -> Request) -> Response {
    let start = SystemTime::now();
    loop {
        let response = gateway.send(&request());
        if response.status == status {
            return response;
        }
        assert!(start.elapsed().unwrap_or_default() < PATIENCE, "never {status}, but {response:?}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs()
}

/// Seconds until a period ends that is counted from `anchor`, give or take the time that the test took.
#[track_caller]
pub(crate) fn assert_ends_with_period(seconds: u64, period: u64, anchor: i64) {
    let now = i64::try_from(unix_seconds()).expect("a sane clock");
    let left = i64::try_from(period).expect("a sane period") - (now - anchor).rem_euclid(period as i64);
    let found = i64::try_from(seconds).expect("a sane wait");
    assert!((0..=30).contains(&(found - left).rem_euclid(period as i64)), "{found} s, and the period ends in {left} s");
}

/// As .NET writes a `TimeSpan`: `9.00:54:23`, or `00:54:23` within a day.
pub(crate) fn time_span(seconds: u64) -> String {
    let days = if seconds >= 86_400 { format!("{}.", seconds / 86_400) } else { String::new() };
    format!("{days}{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
}

/// The number in a header.
#[track_caller]
pub(crate) fn number(response: &Response, name: &str) -> u64 {
    let value = response.headers.get(name).unwrap_or_else(|| panic!("no `{name}` in {response:?}"));
    value.parse().unwrap_or_else(|_| panic!("`{name}: {value}` is no number"))
}
