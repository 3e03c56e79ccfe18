//! `docs/configuration.md` doesn't lie: its examples are good documents, and no key is missing in it.

use std::path::Path;

use tollgate_document::{Document, Known};

const PAGE: &str = include_str!("../../../docs/configuration.md");

fn errors(text: &str) -> String {
    let known = Known { built_ins: &["ip-filter", "rate-limit", "set-header"] };
    let (_, diagnostics) = Document::parse(Path::new("t.yaml"), text, &known, &|_| Some("x".to_owned()));
    diagnostics.to_string()
}

/// All names in backticks after "expected one of".
fn listed(errors: &str) -> Vec<&str> {
    let lists = errors.lines().filter_map(|line| line.split_once("; expected one of "));
    lists.flat_map(|(_, list)| list.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn examples_are_good_documents() {
    let examples: Vec<_> = PAGE.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 9, "{}", examples.len());
    for example in examples {
        assert_eq!(errors(example), "", "{example}");
    }
}

#[test]
fn every_key_is_on_the_page() {
    let statement =
        "policies: { inbound: [ { ip-filter: 1, zzzzzzzzz: 1 }, { ip-filter: 1, limits: { zzzzzzzzz: 1 } } ] }";
    let errors = errors(&format!(
        "zzzzzzzzz: 1\ntls: {{ zzzzzzzzz: 1, certificates: [{{ zzzzzzzzz: 1 }}] }}\nlimits: {{ zzzzzzzzz: 1 }}\ntrace-context: {{ zzzzzzzzz: 1 }}\nstate: {{ zzzzzzzzz: 1 }}\n{statement}\n\
         apis: [{{ zzzzzzzzz: 1, timeouts: {{ zzzzzzzzz: 1 }}, cache: {{ zzzzzzzzz: 1 }}, operations: [{{ zzzzzzzzz: 1 }}] }}]\n\
         backends: [{{ zzzzzzzzz: 1, tls: {{ zzzzzzzzz: 1 }} }}, {{ pool: [{{ zzzzzzzzz: 1 }}], ejection: {{ zzzzzzzzz: 1 }} }}, \
         {{ circuit-breaker: {{ rules: [{{ zzzzzzzzz: 1, failure-condition: {{ zzzzzzzzz: 1 }} }}] }} }}]\nevent-logs: [{{ zzzzzzzzz: 1 }}]\n\
         egress: [{{ zzzzzzzzz: 1 }}]\n\
         products: [{{ zzzzzzzzz: 1 }}]\nsubscriptions: [{{ zzzzzzzzz: 1 }}]\n\
         components: {{ c: {{ zzzzzzzzz: 1, grants: {{ zzzzzzzzz: true }} }} }}"
    ));
    let definitions = self::errors(
        "apis: [{ operations: [{ parameters: { zzzzzzzzz: 1, query: [{ zzzzzzzzz: 1 }] }, \
         request: { zzzzzzzzz: 1, representations: [{ zzzzzzzzz: 1 }] }, responses: [{ zzzzzzzzz: 1 }] }] }]",
    );
    let keys: Vec<_> = listed(&errors).into_iter().chain(listed(&definitions)).collect();
    assert!(keys.len() > 110, "{} {errors}{definitions}", keys.len());
    for key in keys {
        assert!(PAGE.contains(&format!("`{key}`")), "`{key}` is missing in docs/configuration.md");
    }
}
