//! Files made to hurt: they are refused in a moment, with a place, and never with a panic.

use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tollgate_document::{Document, Known};

fn parse(text: &str) -> (Option<Document>, String) {
    let known = Known { built_ins: &["ip-filter", "rate-limit"] };
    let (document, diagnostics) = Document::parse(Path::new("t.yaml"), text, &known, &|_| Some("1".to_owned()));
    (document, diagnostics.to_string())
}

/// The file is refused with one error that holds `expected`.
fn refused(text: &str, expected: &str) {
    let begin = Instant::now();
    let (document, errors) = parse(text);
    assert!(document.is_none(), "{expected}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.contains(expected), "{errors}");
    assert!(begin.elapsed() < Duration::from_secs(20), "{expected}: {:?}", begin.elapsed());
}

#[test]
fn billion_laughs_are_refused() {
    let mut text = String::from("a0: &a0 ha\n");
    for level in 1..30 {
        let alias = format!("*a{}", level - 1);
        writeln!(text, "a{level}: &a{level} [{}]", vec![alias; 10].join(", ")).unwrap();
    }
    refused(&text, "the aliases up to here stand for more than");
    let long = format!("a: &a {}\nb: [{}]", "x".repeat(1 << 20), vec!["*a"; 1_000].join(","));
    refused(&long, "the aliases up to here stand for more than");
}

#[test]
fn deep_files_are_refused_whether_deep_by_brackets_indents_or_aliases() {
    refused(&"[".repeat(1 << 20), "deeper than 64");
    refused(&"- ".repeat(1 << 20), "deeper than 64");
    refused(&"? ".repeat(1 << 20), "deeper than 64");
    let mut chain = String::from("a0: &a0 [x]\n");
    for level in 1..100_000 {
        writeln!(chain, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    refused(&chain, "deeper than 64");
}

#[test]
fn large_files_are_refused() {
    refused(&" ".repeat((16 << 20) + 1), "at most 16777216 are read");
    refused(&format!("[{}]", "1,".repeat(3 << 20)), "more than 1048576 values");
}

#[test]
fn recursive_and_unknown_aliases_are_refused() {
    refused("a: &a [*a]", "t.yaml:1:8: expected an alias of an earlier value");
    refused("a: *b", "t.yaml:1:4: this isn't YAML: while parsing node, found unknown anchor");
}

#[test]
fn what_is_no_yaml_is_refused_with_its_place() {
    refused("apis:\n\t- id: a\n", "t.yaml:2:");
    refused("a: 'x", "t.yaml:");
    refused("a: b: c", "t.yaml:1:5");
    refused("", "t.yaml:1:1: expected a document, found an empty file");
    refused("# only a comment\n", "t.yaml:1:1: expected a document");
}

#[test]
fn duplicate_keys_are_found_in_large_mappings_too() {
    for keys in [2, 16, 17, 18, 1_000] {
        let mut text = String::from("components:\n");
        for key in (0..keys).chain([keys / 2]) {
            writeln!(text, "  k{key}: {{ file: x }}").unwrap();
        }
        let (_, errors) = parse(&text);
        let (last, first) = (keys + 2, keys / 2 + 2);
        let half = keys / 2;
        assert_eq!(errors, format!("t.yaml:{last}:3: duplicate key `k{half}`; it is there on line {first} already\n"));
    }
}

#[test]
fn a_second_document_is_refused() {
    let (document, errors) = parse("apis: []\n---\napis: []\n");
    assert!(document.is_some());
    assert_eq!(errors, "t.yaml:2:1: expected one YAML document in the file, found another one here\n");
}

#[test]
fn keys_that_are_no_texts_are_refused() {
    let (_, errors) = parse("? [a]\n: 1\n~: 2\n\"${env:A}\": 3\n<<: {}\n404: 1\n? &k workers\n: 2\n");
    let expected = "\
t.yaml:1:3: expected a key, found a list
t.yaml:3:1: expected a key, found nothing
t.yaml:4:1: expected a plain key, found `${env:A}`; `${…}` is replaced in values only
t.yaml:5:1: merge keys (`<<`) aren't supported; repeat the keys, or use an alias for the whole value
t.yaml:6:1: unknown key `404`; expected one of `listen`, `admin`, `workers`, `trusted-proxies`, `underscores-in-headers`, `trailers`, `via`, `access-log`, `trace-context`, `limits`, `state`, `named-values`, `fragments`, `policies`, `apis`, `products`, `subscriptions`, `components`, `backends`, `egress`, `event-logs`, `schemas`, `tls`
";
    assert_eq!(errors, expected);
}

#[test]
fn a_flood_of_errors_is_counted() {
    let mut text = String::from("products:\n");
    for product in 0..100_000 {
        writeln!(text, "  - {{ id: p{product}, apis: [nothing-like-it] }}").unwrap();
    }
    let (_, errors) = parse(&text);
    assert_eq!(errors.lines().count(), 1_001);
    assert!(errors.ends_with("t.yaml: and 99000 more errors\n"));
}

#[test]
fn schemas_that_are_referred_to_often_are_not_copied_without_end() {
    let title = "x".repeat(1 << 20);
    let mut text = format!(
        "schemas: {{ large: {{ title: {title} }} }}\napis:\n  - id: a\n    path: a\n    backend: http://h\n    operations:\n"
    );
    for operation in 0..2_000 {
        let schema = "request: { representations: [{ content-type: a/b, schema: { ref: large } }] }";
        writeln!(text, "      - {{ id: o{operation}, method: GET, url: /{operation}, {schema} }}").unwrap();
    }
    let (document, errors) = parse(&text);
    let expected = "the named schemas, and those that others refer to, have more than 33554432 bytes together\n";
    assert!(errors.lines().next().is_some_and(|line| line.ends_with(expected.trim_end())), "{errors:.200}");
    let operations = &document.unwrap().apis[0].operations;
    let held = operations.iter().filter(|operation| operation.definition.to_string().len() > 1 << 20).count();
    assert_eq!(held, 30);
}

#[test]
fn a_byte_order_mark_and_line_ends_of_windows_are_read() {
    let (document, errors) = parse("\u{feff}workers: 3\r\napis: []\r\n");
    assert_eq!(errors, "");
    assert_eq!(document.unwrap().workers, Some(3));
}

/// Pieces that documents are made of, so that arbitrary text gets past the parser more often.
const PIECES: [&str; 64] = [
    "listen",
    "admin",
    "workers",
    "limits",
    "state",
    "policies",
    "apis",
    "products",
    "subscriptions",
    "components",
    "id",
    "path",
    "backend",
    "operations",
    "method",
    "url",
    "inbound",
    "rate-limit",
    "base",
    "forward-request",
    "primary-key",
    "grants",
    "digest",
    "file",
    "product",
    "api",
    "timeouts",
    "tls",
    "backends",
    "pool",
    "circuit-breaker",
    "rules",
    "failure-condition",
    "egress",
    "http",
    "schemas",
    "schema",
    "ref",
    "parameters",
    "name",
    "responses",
    "representations",
    "content-type",
    ":",
    ": ",
    "- ",
    "\n",
    "\n  ",
    "\n    ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "\"",
    "'",
    "&a ",
    "*a",
    "${env:A}",
    "!!str ",
    "|",
    "0x1F",
    "1e999",
    "http://h",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        parse(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn arbitrary_pieces_never_panic(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..60)) {
        parse(&pieces.concat());
    }

    #[test]
    fn a_good_document_with_one_damage_never_panics(at in 0_usize..3_000, length in 0_usize..20, piece in ".{0,6}") {
        let good = include_str!("documents/rich.yaml");
        let boundary = |at: usize| (0..=at.min(good.len())).rev().find(|&at| good.is_char_boundary(at)).unwrap_or(0);
        parse(&format!("{}{piece}{}", &good[..boundary(at)], &good[boundary(at + length)..]));
    }

    #[test]
    fn arbitrary_values_anywhere_never_panic(value in "\\PC{0,30}", place in 0_usize..22) {
        let quoted = format!("'{}'", value.replace('\'', "''"));
        let text = [
            "listen: @", "trusted-proxies: @", "limits: { uri-bytes: @ }", "limits: { idle-timeout: @ }",
            "apis: [{ id: a, path: @, backend: http://h }]", "apis: [{ id: a, path: b, backend: @ }]",
            "apis: [{ id: a, path: b, backend: 'http://@' }]",
            "apis: [{ id: a, path: b, backend: http://h, operations: [{ id: o, method: GET, url: @ }] }]",
            "subscriptions: [{ id: s, all-apis: true, primary-key: @ }]",
            "subscriptions: [{ id: s, all-apis: true, primary-key: k, start-date: @ }]",
            "components: { c: { file: @, digest: @ } }", "policies: { inbound: [ { rate-limit: @ } ] }",
            "egress: [@, 'https://@', { origin: @, private: @ }]", "schemas: { a: @, @: { file: @ } }",
            "backends: [{ id: @, url: @, tls: { ca-file: @, verify: @ } }]",
            "backends: [{ id: a, pool: [{ url: @, weight: @ }, { backend: @ }], ejection: @, circuit-breaker: { rules: [{ name: @, \
             trip-duration: @, failure-condition: { count: @, interval: @, status-code-ranges: [@], error-reasons: [@] } }] } }]",
            "event-logs: [{ file: @, max-bytes: @ }]",
            "apis: [{ id: a, path: b, backend: { id: @ }, operations: [{ id: o, method: GET, url: '/{p}', parameters: \
             { path: [{ name: @, schema: { ref: @ } }], header: [{ name: @ }] } }] }]",
            "apis: [{ id: a, path: b, backend: http://h, operations: [{ id: o, method: GET, url: '/', responses: \
             [{ status: @, representations: [{ content-type: @, schema: @, example: @ }] }] }] }]",
            "tls: { listen: @, certificates: [{ certificate: @, key: @ }], min-version: @ }",
            "underscores-in-headers: @\ntrailers: [@]\nvia: @",
            "apis: [{ id: a, path: b, backend: http://h, upgrades: [@] }]",
        ][place].replace('@', &quoted);
        parse(&text);
    }
}
