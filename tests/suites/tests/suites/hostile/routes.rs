//! Documents and route tables of any size (row 39).

use crate::scene::hello;
use std::fmt::Write;
use std::time::{Duration, Instant};
use tollgate_harness::{Gateway, check};

#[test]
fn row_39_ten_thousands_of_operations_are_told_apart_and_cost_a_request_nothing() {
    let origin = hello();
    let mut yaml = "workers: 1\napis:\n  - id: all\n    path: ''\n    backend: {origin}\n    \
                    subscription-required: false\n    policies:\n      outbound:\n        \
                    - set-header: { name: x-operation, value: '${operation.id}' }\n    operations:\n"
        .to_owned();
    for at in 0..20_000 {
        writeln!(yaml, "      - {{ id: o{at}, method: GET, url: '/o{at}/{{id}}/x' }}").unwrap();
    }
    // Overlapping wildcards and long parameters beside them.
    for at in 0..200 {
        let parameters: String = (0..=at % 20).map(|number| format!("/{{a{number}}}")).collect();
        writeln!(yaml, "      - {{ id: w{at}, method: GET, url: '{parameters}/w{at}/*' }}").unwrap();
    }
    let gateway = Gateway::with(&yaml).origin(&origin).start();
    let mut client = gateway.client();
    for at in [0, 1, 9_999, 19_999] {
        let response = client.get(&format!("/o{at}/{}/x", "7".repeat(4_000)));
        assert_eq!(response.headers.get("x-operation"), Some(format!("o{at}").as_str()));
    }
    assert_eq!(client.get("/a/w0/b").headers.get("x-operation"), Some("w0"));
    // Many ways into the table, and no way out of it.
    let before = gateway.cpu_ticks();
    for _ in 0..200 {
        assert_eq!(client.get(&format!("/{}", "o1/".repeat(1_000))).status, 404);
    }
    let ticks = gateway.cpu_ticks() - before;
    assert!(ticks < 50, "{ticks} ticks for 200 requests");
}

#[test]
fn row_39_operations_that_cannot_be_told_apart_are_an_error_of_the_document() {
    let yaml = "apis:\n  - id: all\n    path: ''\n    backend: http://127.0.0.1:9\n    operations:\n      \
                - { id: a, method: GET, url: '/x/{a}' }\n      - { id: b, method: GET, url: '/x/{b}' }\n";
    let outcome = check(yaml);
    assert_eq!(outcome.code, 2);
    let said =
        ":9:36: the operation `b` has the same method and URL as `a` at 8:36, so no request could tell them apart";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
    // One path in two ways of writing.
    let outcome = check(&yaml.replace("/x/{a}", "/*").replace("/x/{b}", "//*"));
    assert!(outcome.stderr.contains("takes the same paths as `a` at 8:9"), "{}", outcome.stderr);
    assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
}

#[test]
fn row_39_a_thousand_apis_of_ten_statements_are_read_in_a_moment() {
    let mut yaml = "apis:\n".to_owned();
    for api in 0..1_000 {
        let head = format!("  - id: a{api}\n    path: a{api}\n    backend: http://127.0.0.1:{}\n", 1_000 + api);
        write!(yaml, "{head}    subscription-required: false\n    policies:\n      inbound:\n").unwrap();
        for statement in 0..10 {
            writeln!(yaml, "        - set-header: {{ name: x-{statement}, value: v{api} }}").unwrap();
        }
    }
    let began = Instant::now();
    let outcome = check(&yaml);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    // A quarter of a second of computing. What grew with the square of the APIs took five.
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}
