//! `tollgate explain`: the route of a request, and every statement that it would meet with the line it came from.

use crate::scene::place_of;
use tollgate_harness::{Gateway, Outcome, Setup};

const DOCUMENT: &str = "\
listen: 127.0.0.1:0
admin: off
named-values: [ { name: token, secret: true, env: TOKEN } ]
fragments:
  - id: mark
    policies:
      - set-method: PATCH
policies:
  inbound:
    - ip-filter: { action: forbid, addresses: [192.0.2.1] }
apis:
  - id: orders
    path: shop/orders
    backend: http://127.0.0.1:9/v1
    policies:
      inbound:
        - base
        - choose:
            - when: request.headers['x-key'] == '{{token}}'
              policies: [ { include-fragment: mark } ]
            - otherwise: [ { set-variable: { name: a, value: 1 } } ]
          id: pick
      outbound: []
    operations:
      - id: get
        method: GET
        url: /{orderId}
        policies:
          inbound:
            - set-header: { name: x-a, value: b }
              when: request.path != '/'
            - base
products:
  - id: starter
    apis: [orders]
    policies: { inbound: [ base, { quota: { calls: 5, renewal-period: 300 } } ] }
subscriptions:
  - { id: acme, product: starter, primary-key: acme-1 }
  - { id: direct, api: orders, primary-key: direct-1 }
";

fn document() -> Setup {
    Gateway::with(DOCUMENT).env("TOKEN", "hunter2hunter2")
}

fn explained(arguments: &[&str]) -> Outcome {
    let outcome = document().explain(arguments);
    assert!(!outcome.stdout.contains("hunter2") && !outcome.stderr.contains("hunter2"), "{outcome:?}");
    outcome
}

/// Where a text stands in the document.
fn place(text: &str) -> String {
    place_of(DOCUMENT, text).trim_end_matches(": ").to_owned()
}

/// The lines of a section.
fn section<'o>(outcome: &'o Outcome, name: &str) -> Vec<&'o str> {
    let after = outcome.stdout.split(&format!("\n{name}\n")).nth(1).unwrap_or_default();
    after.lines().take_while(|line| !line.is_empty()).map(str::trim).collect()
}

#[test]
fn the_route_and_the_effective_chain_are_told_with_the_line_of_each_statement() {
    let outcome = explained(&["get", "/shop/orders/7?x=1", "--key", "acme-1"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    for line in [
        "api           orders (/shop/orders)",
        "operation     get (GET /{orderId})",
        "parameter     orderId = 7",
        "product       starter",
        "subscription  acme",
        "backend       http://127.0.0.1:9/v1",
    ] {
        assert!(outcome.stdout.lines().any(|said| said == line), "no {line:?} in\n{}", outcome.stdout);
    }
    let lines = section(&outcome, "inbound");
    let at = place;
    assert_eq!(
        lines,
        [
            format!("set-header  (operation, {}) when request.path != '/'", at("set-header")),
            format!("ip-filter  (global, {})", at("ip-filter")),
            format!("quota  (product, {})", at("quota")),
            format!("choose #pick  (api, {})", at("choose")),
            "when request.headers['x-key'] == '[secret]'".to_owned(),
            format!("include-fragment  (api, {})", at("include-fragment")),
            format!("set-method  (api, {})", at("set-method")),
            "otherwise".to_owned(),
            format!("set-variable  (api, {})", at("set-variable")),
        ]
    );
    assert_eq!(section(&outcome, "backend"), ["forward-request  (global, the gateway's default)"]);
    assert_eq!(section(&outcome, "outbound"), ["nothing"]);
}

#[test]
fn a_key_outside_of_the_product_meets_no_product_statements() {
    let outcome = explained(&["GET", "/shop/orders/7", "--key", "direct-1"]);
    assert!(outcome.stdout.contains("product       none\nsubscription  direct\n"), "{outcome:?}");
    assert!(!section(&outcome, "inbound").iter().any(|line| line.starts_with("quota")), "{outcome:?}");
}

#[test]
fn a_request_without_a_way_is_told_why() {
    for (arguments, code, words) in [
        (&["GET", "/nowhere", "--key", "acme-1"][..], 1, "no API has this path; the client would get 404"),
        (&["PUT", "/shop/orders/7", "--key", "acme-1"], 1, "no operation of the API has this method and path"),
        (&["GET", "/shop/orders/7"], 1, "the client would get 401"),
        (&["GET", "/shop/orders/7", "--key", "wrong"], 1, "the client would get 401"),
        (&["GET", "nowhere"], 1, "the path is malformed"),
        (&["G(T", "/"], 2, "is no method"),
    ] {
        let outcome = explained(arguments);
        assert_eq!(outcome.code, code, "{outcome:?}");
        assert!(outcome.stderr.contains(words), "no {words:?} in {outcome:?}");
    }
}

#[test]
fn a_document_with_mistakes_is_not_explained() {
    let outcome = Gateway::with("apis: [ { id: a } ]\n").explain(&["GET", "/"]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains("missing key `path` in an API"), "{outcome:?}");
}
