//! Mistakes in policy documents: each is found by `check`, at its place, in words that help, and without secrets.

use crate::policies::{open_api, refused};
use tollgate_harness::{Gateway, Outcome};

fn checked(yaml: &str) -> Outcome {
    let yaml = format!("listen: 127.0.0.1:0\nadmin: off\n{yaml}");
    let setup = Gateway::with(&yaml).value("origin", "http://127.0.0.1:9");
    setup.env("TOKEN", "hunter2hunter2").check()
}

#[test]
fn keys_inside_of_a_configuration_are_compared_with_those_that_could_be_there() {
    refused(
        "inbound",
        &[
            (
                "validate-jwt: { header-name: a, openid-config: [ { url: 'http://a.example', §ulr: x } ] }",
                "unknown key `ulr`; did you mean `url`?",
            ),
            (
                "cors: { allowed-origins: ['*'], allowed-methods: §{ methods: [GET], preflight-max-age: 5 } }",
                "unknown key `preflight-max-age` (it takes methods, preflight-result-max-age)",
            ),
            (
                "cors: { allowed-origins: ['*'], allowed-methods: §{ methods: [GET, 'a b'] } }",
                "in the nearest, `methods/1`: value does not match",
            ),
            ("§set-header", "`set-header`: expected a configuration, found nothing"),
            ("set-variable: §x", "expected a mapping with the keys `name` and `value`, found the text `x`"),
            ("limit-concurrency: §[]", "expected a mapping with keys such as `key`, found a list"),
        ],
    );
}

#[test]
fn references_to_nothing_are_found() {
    refused(
        "inbound",
        &[
            ("set-backend-service: { backend-id: §v2 }", "`set-backend-service`: unknown backend `v2`; there are none"),
            ("include-fragment: §nothing", "unknown fragment `nothing`; there are none"),
            ("set-method: \"§{{nothing}}\"", "unknown named value `nothing`; there are none"),
        ],
    );
    let yaml = format!(
        "backends: [ {{ id: orders-v1, url: 'http://a.example' }} ]\n{}",
        open_api("inbound:\n  - set-backend-service: { backend-id: order-v1 }\n")
    );
    let outcome = checked(&yaml);
    assert!(outcome.stderr.contains("unknown backend `order-v1`; did you mean `orders-v1`?"), "{outcome:?}");
}

#[test]
fn an_unknown_statement_is_answered_in_one_sentence() {
    refused(
        "inbound",
        &[
            ("§log-to-eventhub: {}", "unknown statement `log-to-eventhub`: here it is `log-event`"),
            ("§logToEventhub: {}", "here it is `log-event`"),
            ("§SetHeader: {}", "unknown statement `SetHeader`; did you mean `set-header`?"),
            ("§rate-limt: {}", "did you mean `rate-limit`?"),
            ("§publish-to-dapr: {}", "there is none for Dapr"),
            ("§authentication-managed-identity: {}", "there is none, for the identities are Azure's"),
            ("§llm-content-safety: {}", "there is none for language models"),
            ("§frobnicate: {}", "unknown statement `frobnicate`; docs/policies lists the built-in ones"),
        ],
    );
}

#[test]
fn a_rewrite_to_a_parameter_that_no_operation_has_is_found() {
    let rewrite = |template: &str| format!("{{ inbound: [ {{ rewrite-uri: {{ template: '{template}' }} }} ] }}");
    let document = |global: &str, product: &str, api: &str, operation: &str| {
        format!(
            "policies: {}\nproducts: [ {{ id: gold, apis: [ shop ], policies: {} }} ]\napis:\n  - id: shop\n    path: shop\n    \
             backend: http://127.0.0.1:9\n    policies: {}\n    operations:\n      \
             - {{ id: get, method: GET, url: '/orders/{{orderId}}', policies: {} }}\n      \
             - {{ id: part, method: GET, url: '/parts/p{{part}}.json' }}\n  - {{ id: all, path: all, backend: 'http://127.0.0.1:9' }}\n",
            rewrite(global),
            rewrite(product),
            rewrite(api),
            rewrite(operation)
        )
    };
    let fine = checked(&document("/{part}", "/{orderId}?a={part}", "/{orderId}", "/{orderId}?a={orderId}"));
    assert_eq!(fine.code, 0, "{fine:?}");
    for (yaml, said) in [
        (
            document("/", "/", "/", "/v2?number={orderid}"),
            "`rewrite-uri`: unknown parameter `orderid`, which the URL template `/orders/{orderId}` doesn't have; did you mean \
             `orderId`?",
        ),
        (
            document("/", "/", "/", "/{part}"),
            "unknown parameter `part`, which the URL template `/orders/{orderId}` doesn't have",
        ),
        (
            document("/", "/", "/{Part}", "/"),
            "unknown parameter `Part`, which no operation below has in its URL template; did you mean `part`?",
        ),
        (document("/", "/{x}", "/", "/"), "unknown parameter `x`, which no operation below has in its URL template"),
        (document("/{x}", "/", "/", "/"), "unknown parameter `x`, which no operation below has in its URL template"),
    ] {
        let outcome = checked(&yaml);
        assert_eq!((outcome.code, outcome.stderr.lines().count()), (2, 1), "{outcome:?}");
        assert!(outcome.stderr.contains(said), "{outcome:?}");
    }
}

#[test]
fn what_a_component_says_of_a_secret_is_not_repeated() {
    for sections in [
        "inbound: [ { set-method: '{{token}} x' } ]",
        "inbound: [ { set-method: '${env:TOKEN} x' } ]",
        "inbound: [ { set-backend-service: { backend-id: '{{token}}' } } ]",
        "inbound: [ { send-request: { response-variable-name: a, set-url: '{{token}}' } } ]",
        "inbound: [ { rate-limit-by-key: { calls: '{{token}}', renewal-period: 10, counter-key: '{{token}}' } } ]",
        "inbound: [ { retry: { condition: '{{token}}', count: '{{token}}', interval: '{{token}}', policies: [] } } ]",
    ] {
        let outcome =
            checked(&format!("named-values: [ {{ name: token, secret: true, env: TOKEN }} ]\n{}", open_api(sections)));
        assert_eq!(outcome.code, 2, "{sections}: {outcome:?}");
        assert!(!outcome.stderr.contains("hunter2"), "{sections}: {outcome:?}");
        assert!(outcome.stderr.lines().all(|line| line.contains("tollgate.yaml:")), "{sections}: {outcome:?}");
    }
}

#[test]
fn every_error_is_one_line() {
    let yaml = format!(
        "named-values: [ {{ name: lines, value: \"a\\nb\" }} ]\n{}",
        open_api("inbound: [ { set-method: '{{lines}}' } ]")
    );
    let outcome = checked(&yaml);
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
}

#[test]
fn a_fragment_that_cannot_stand_where_it_is_included_is_told_with_both_places() {
    let yaml = format!(
        "fragments:\n  - id: a\n    policies: [ {{ include-fragment: b }} ]\n  - id: b\n    policies: [ {{ cors: {{ allowed-origins: ['*'] }} }} ]\n{}",
        open_api("inbound: [ { include-fragment: a } ]\noutbound: [ { include-fragment: a } ]")
    );
    let outcome = checked(&yaml);
    let place = |text: &str, after: &str| {
        let start = yaml.find(after).unwrap();
        let at = start + yaml[start..].find(text).unwrap();
        let line = yaml[..at].matches('\n').count() + 3;
        format!("{line}:{}", at - yaml[..at].rfind('\n').unwrap())
    };
    let expected = format!(
        "{}: `cors` can't stand in the section `outbound`: it has no on-response, only on-request; its fragment is included at {}",
        place("cors", "fragments"),
        place("include-fragment", "outbound")
    );
    assert!(outcome.stderr.contains(&expected), "no {expected:?} in {outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
}

#[test]
fn a_fragment_that_nothing_includes_is_checked_too() {
    let yaml = format!(
        "fragments:\n  - id: a\n    parameters: [ name ]\n    policies: [ {{ set-header: {{ name: '{{{{parameters.name}}}}', valu: x }} }} ]\n{}",
        open_api("inbound: []")
    );
    let outcome = checked(&yaml);
    assert!(outcome.stderr.contains("`set-header`: unknown key `valu`; did you mean `value`?"), "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    let good = checked(&yaml.replace("valu:", "value:"));
    assert_eq!((good.code, good.stderr.as_str()), (0, ""));
}

#[test]
fn a_schema_may_be_named_in_every_scope_and_in_fragments() {
    let named = "[ { validate-content: { unspecified-content-type-action: ignore, max-size: 10, size-exceeded-action: ignore, \
                 content: [ { validate-as: json, action: prevent, schema-id: order } ] } } ]";
    let yaml = format!(
        "schemas: {{ order: {{ type: object }} }}\nfragments: [ {{ id: f, policies: {named} }} ]\npolicies: {{ inbound: {named} }}\n{}",
        open_api(&format!("inbound: [ {{ include-fragment: f }} ]\noutbound: {named}"))
    );
    let outcome = checked(&yaml);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
}
