//! Everything that is wrong is reported at once, each at its place.

use std::path::Path;

use tollgate_document::{Document, Known};

fn errors(text: &str) -> (Option<Document>, String) {
    let known = Known { built_ins: &["ip-filter", "quota", "rate-limit"] };
    let env = |name: &str| (name == "SECRET").then(|| "hunter2".to_owned());
    let (document, diagnostics) = Document::parse(Path::new("t.yaml"), text, &known, &env);
    (document, diagnostics.to_string())
}

#[test]
fn every_error_is_reported_at_once() {
    let (document, found) = errors(include_str!("documents/wrong.yaml"));
    let expected = include_str!("documents/wrong.txt");
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(found, expected, "the first difference");
    }
    assert_eq!(found, expected);
    assert!(!found.contains("hunter2"), "a key is shown");
    let document = document.unwrap();
    assert_eq!(document.apis.len(), 7, "what could be read is there for others to find errors in");
    assert_eq!(document.policies.statements().count(), 4);
}

/// The one error of a text.
fn error(text: &str) -> String {
    let (_, found) = errors(text);
    assert_eq!(found.lines().count(), 1, "{text}: {found}");
    found.trim_end().to_owned()
}

#[test]
fn values_from_the_environment_are_not_shown() {
    for text in [
        "listen: ${env:SECRET}",
        "workers: ${env:SECRET}",
        "trusted-proxies: ${env:SECRET}",
        "limits: { uri-bytes: \"${env:SECRET}\" }",
        "policies: { inbound: \"${env:SECRET}\" }",
        "apis: [{ id: a, path: a, backend: \"${env:SECRET}\" }]",
        "components: { c: { file: a, digest: \"${env:SECRET}\" } }",
        "components: { c: { file: a, grants: { http: [\"${env:SECRET}\"] } } }",
        "egress: [\"${env:SECRET}\"]",
        "egress: \"${env:SECRET}\"",
        "backends: [{ id: a, url: \"${env:SECRET}\" }]",
        "event-logs: [{ id: a, file: f, max-bytes: \"${env:SECRET}\" }]",
        "schemas: { a: \"${env:SECRET}\" }",
    ] {
        let found = error(text);
        assert!(found.contains("the value of `${env:SECRET}`"), "{found}");
        assert!(!found.contains("hunter2"), "{found}");
    }
}

#[test]
fn a_value_whose_variable_is_not_set_is_reported_once() {
    for text in [
        "listen: ${env:UNSET}",
        "workers: ${env:UNSET}",
        "access-log: ${env:UNSET}",
        "state: { directory: \"${env:UNSET}\" }",
        "limits: { idle-timeout: \"${env:UNSET}\" }",
        "apis: [{ id: \"${env:UNSET}\", path: a, backend: http://h }]",
        "apis: [{ id: a, path: \"${env:UNSET}\", backend: http://h }]",
        "apis: \"${env:UNSET}\"",
        "policies: \"${env:UNSET}\"",
        "policies: { inbound: [ \"${env:UNSET}\" ] }",
        "policies: { inbound: [ { rate-limit: \"${env:UNSET}\", mode: \"${env:UNSET}\" } ] }",
        "subscriptions: [{ id: a, all-apis: true, primary-key: \"${env:UNSET}\" }]",
        "components: \"${env:UNSET}\"",
        "components: { c: { file: a, grants: { http: \"${env:UNSET}\" } } }",
        "egress: [\"${env:UNSET}\"]",
        "backends: [{ id: a, url: \"${env:UNSET}\", tls: { ca-file: \"${env:UNSET}\" } }]",
        "apis: [{ id: a, path: a, backend: { id: \"${env:UNSET}\" } }]",
        "event-logs: [{ id: a, file: \"${env:UNSET}\" }]",
        "schemas: { a: { file: \"${env:UNSET}\" } }",
    ] {
        let (_, found) = errors(text);
        assert!(found.lines().all(|line| line.ends_with("the environment variable `UNSET` isn't set")), "{found}");
    }
}

#[test]
fn neither_a_password_in_a_url_nor_a_file_from_the_environment_is_shown() {
    for text in [
        "backends: [{ id: a, url: \"https://u:hunter2@h\" }]",
        "egress: [\"https://u:hunter2@h\"]",
        "event-logs: [{ id: a, file: \"${env:SECRET}\" }, { id: b, file: \"${env:SECRET}\" }]",
        "schemas: { a: { file: \"${env:SECRET}\" } }",
    ] {
        let found = error(text);
        assert!(!found.contains("hunter2"), "{found}");
    }
}

#[test]
fn a_component_is_granted_origins_and_not_the_whole_network() {
    let grants = |grants: &str| format!("components: {{ c: {{ file: a, grants: {{ {grants} }} }} }}");
    assert!(error(&grants("http: true")).contains("expected a list of the origins that may be called"));
    assert_eq!(errors(&grants("http: false")).1, "");
    assert_eq!(errors(&grants("http: [], expression: true, crypto: true")).1, "");
    assert!(error(&grants("crypto: false")).ends_with("`crypto` is granted always and can't be taken away"));
    assert!(error(&grants("htpt: []")).ends_with("unknown grant `htpt`; did you mean `http`?"));
}

#[test]
fn an_open_product_is_told_of_an_api_that_is_in_another() {
    let apis = "apis: [{ id: a, path: a, backend: http://h }]\n";
    let closed =
        format!("{apis}products: [{{ id: p, apis: [a], subscription-required: false }}, {{ id: q, apis: [a] }}]");
    assert_eq!(errors(&closed).1, "");
}

#[test]
fn every_scope_may_give_the_same_id_to_a_statement_and_one_scope_may_not() {
    let statement = "{ rate-limit: {}, id: x }";
    let two = format!("policies: {{ inbound: [{statement}], outbound: [{statement}] }}");
    assert!(error(&two).ends_with("duplicate statement id in this scope `x`; it is there on line 1 already"));
    let apart = format!(
        "policies: {{ inbound: [{statement}] }}\n\
         apis: [{{ id: a, path: a, backend: http://h, policies: {{ inbound: [{statement}] }} }}]"
    );
    assert_eq!(errors(&apart).1, "");
}

#[test]
fn names_that_are_not_near_anything_are_answered_with_all() {
    assert_eq!(
        error("state: { teapot: 1 }"),
        "t.yaml:1:10: unknown key `teapot`; expected one of `directory`, `limiter-bytes`, `cache-bytes`, \
         `cache-entry-bytes`, `quota-flush-ms`, `durable`"
    );
    assert_eq!(error("products: [{ id: p, apis: [a] }]"), "t.yaml:1:28: unknown API `a`; there are none");
}
