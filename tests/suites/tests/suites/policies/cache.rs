//! `cache-lookup` and `cache-store`: what a hit is, and what runs on one.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tollgate_harness::Answer;

/// A lookup at the end of inbound and a store at the beginning of outbound, with these configurations.
pub(super) fn cached(lookup: &str, store: &str) -> String {
    open_api(&format!("inbound: [ {{ cache-lookup: {lookup} }} ]\noutbound: [ {{ cache-store: {store} }} ]"))
}

/// An origin whose answers are numbered from 1: `answer 1`, …
pub(super) fn numbered(make: impl Fn(Response) -> Response + Send + Sync + 'static) -> Origin {
    let count = AtomicUsize::new(0);
    Origin::start(move |_| {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        make(Response::new(200).header("content-type", "text/plain").body(format!("answer {number}")))
    })
}

pub(super) fn plain() -> Origin {
    numbered(|response| response)
}

#[test]
fn a_hit_is_the_stored_response_and_does_not_reach_the_origin() {
    let origin = numbered(|response| response.header("x-a", "1").header("x-a", "2").header("etag", "\"e\""));
    let gateway = serve(&cached("{}", "{ duration: 60 }"), &origin);
    let (miss, hit) = (gateway.get("/orders?x=1"), gateway.get("/orders?x=1"));
    assert_eq!((miss.status, miss.text()), (200, "answer 1"));
    assert_eq!((hit.status, hit.text()), (200, "answer 1"));
    assert_eq!(origin.requests().len(), 1);
    for name in ["content-type", "x-a", "etag", "content-length"] {
        assert_eq!(hit.headers.all(name), miss.headers.all(name), "{name}");
    }
    assert!(!miss.headers.has("age"));
    assert!(number(&hit, "age") <= 30);
    assert_ne!(hit.headers.get("x-request-id"), miss.headers.get("x-request-id"));
    let log = gateway.wait_for_access_log(2);
    let said: Vec<_> = log.iter().map(|line| (line["cache"].as_str(), line.get("origin_us").is_some())).collect();
    assert!(said.contains(&(Some("miss"), true)) && said.contains(&(Some("hit"), false)), "{said:?}");
}

#[test]
fn a_response_ages_and_expires() {
    let origin = plain();
    let gateway = serve(&cached("{}", "{ duration: 3 }"), &origin);
    let began = std::time::Instant::now();
    assert_eq!(gateway.get("/").text(), "answer 1");
    std::thread::sleep(Duration::from_millis(1_100));
    let hit = gateway.get("/");
    if began.elapsed() < Duration::from_secs(3) {
        assert_eq!(hit.text(), "answer 1");
        assert!((1..=2).contains(&number(&hit, "age")), "{hit:?}");
    }
    while gateway.get("/").text() == "answer 1" {
        assert!(began.elapsed() < PATIENCE, "it never expires");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(began.elapsed() >= Duration::from_secs(3), "it expired after {:?}", began.elapsed());
}

#[test]
fn the_age_that_a_response_came_with_counts() {
    let origin = numbered(|response| response.header("age", "100"));
    let gateway = serve(&cached("{}", "{ duration: 60 }"), &origin);
    gateway.get("/");
    let hit = gateway.get("/");
    assert_eq!(hit.headers.all("age").len(), 1);
    assert!((100..=130).contains(&number(&hit, "age")));
}

#[test]
fn all_workers_share_what_one_has_stored() {
    let origin = plain();
    let gateway = serve(&format!("workers: 4\n{}", cached("{}", "{ duration: 60 }")), &origin);
    gateway.get("/");
    assert_eq!(gateway.burst(64, || Request::get("/")), [200; 64]);
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn outbound_before_cache_store_does_not_run_again_and_what_is_behind_does() {
    let append = |name: &str| format!("set-header: {{ name: {name}, exists-action: append, value: a }}");
    let sections = format!(
        "inbound: [ cache-lookup ]\noutbound:\n  - {}\n  - cache-store: {{ duration: 60 }}\n    id: keep\n  - {}\n",
        append("x-before"),
        append("x-behind"),
    );
    let origin = plain();
    let gateway = serve(&open_api(&sections), &origin);
    for _ in 0..3 {
        let response = gateway.get("/");
        assert_eq!(response.headers.all("x-before"), ["a"]);
        assert_eq!(response.headers.all("x-behind"), ["a"]);
    }
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn outbound_goes_on_behind_the_statement_that_stored_wherever_it_stands() {
    let append = |value: &str| format!("set-header: {{ name: x-path, exists-action: append, value: {value} }}");
    let api = open_api(&format!(
        "inbound: [ cache-lookup ]\noutbound:\n  - {}\n  - base\n  - {}\n",
        append("before"),
        append("behind")
    ));
    let global = format!(
        "policies:\n  outbound:\n    - {}\n    - cache-store: {{ duration: 60 }}\n    - {}\n",
        append("global"),
        append("stored")
    );
    let gateway = serve(&format!("{global}{api}"), plain());
    for _ in 0..2 {
        assert_eq!(gateway.get("/").headers.get("x-path"), Some("before, global, stored, behind"));
    }
}

#[test]
fn a_body_that_was_converted_before_it_was_stored_is_not_converted_again() {
    let origin = numbered(|_| Response::new(200).header("content-type", "text/xml").body("<a>1</a>"));
    let convert = "xml-to-json: { kind: direct, apply: always, consider-accept-header: false }";
    let sections =
        format!("inbound: [ cache-lookup ]\noutbound: [ {{ {convert} }}, {{ cache-store: {{ duration: 60 }} }} ]");
    let gateway = serve(&open_api(&sections), &origin);
    for _ in 0..3 {
        let response = gateway.get("/");
        assert_eq!((response.text(), response.headers.get("content-type")), (r#"{"a":"1"}"#, Some("application/json")));
    }
    assert_eq!(origin.requests().len(), 1);

    let sections =
        format!("inbound: [ cache-lookup ]\noutbound: [ {{ cache-store: {{ duration: 60 }} }}, {{ {convert} }} ]");
    let gateway = serve(&open_api(&sections), &origin);
    for _ in 0..2 {
        assert_eq!(gateway.get("/").text(), r#"{"a":"1"}"#);
    }
    assert_eq!(origin.requests().len(), 2);
}

#[test]
fn inbound_before_the_lookup_runs_on_hits_and_what_is_behind_does_not() {
    let limit = "rate-limit-by-key: { calls: 2, renewal-period: 60, counter-key: client-ip }";
    let store = "outbound: [ { cache-store: { duration: 60 } } ]";
    let gateway = serve(&open_api(&format!("inbound: [ {{ {limit} }}, cache-lookup ]\n{store}")), plain());
    assert_eq!([gateway.get("/").status, gateway.get("/").status, gateway.get("/").status], [200, 200, 429]);

    let gateway = serve(&open_api(&format!("inbound: [ cache-lookup, {{ {limit} }} ]\n{store}")), plain());
    for _ in 0..4 {
        assert_eq!((gateway.get("/").status, gateway.get("/").text()), (200, "answer 1"));
    }
    assert_eq!([gateway.get("/other").status, gateway.get("/third").status], [200, 429]);
}

#[test]
fn a_hit_needs_a_key_like_every_other_answer() {
    let yaml = keyed_api("inbound: [ cache-lookup ]\noutbound: [ { cache-store: { duration: 60 } } ]", "inbound: []");
    let origin = plain();
    let gateway = serve(&yaml, &origin);
    assert_eq!(gateway.send(&with_key("acme-1")).status, 200);
    assert_eq!(gateway.get("/").status, 401);
    assert_eq!(gateway.get("/?subscription-key=zeta-1").text(), "answer 1");
    assert_eq!(origin.requests().len(), 1);
}

/// `x-left` is about the client that filled the cache.
#[test]
fn what_a_limit_told_one_client_is_not_told_to_the_next() {
    let limit = "rate-limit: { calls: 9, renewal-period: 60, remaining-calls-header-name: x-left }";
    let sections =
        format!("inbound: [ cache-lookup, {{ {limit} }} ]\noutbound: [ {{ cache-store: {{ duration: 60 }} }} ]");
    let gateway = serve(&keyed_api(&sections, "inbound: []"), plain());
    assert_eq!(gateway.send(&with_key("acme-1")).headers.get("x-left"), Some("8"));
    let hit = gateway.send(&with_key("zeta-1"));
    assert_eq!((hit.text(), hit.headers.get("x-left")), ("answer 1", None));
}

#[test]
fn what_a_limit_tells_on_a_hit_is_what_it_counted_for_the_hit() {
    let limit = "rate-limit: { calls: 9, renewal-period: 60, remaining-calls-header-name: x-left }";
    let sections =
        format!("inbound: [ {{ {limit} }}, cache-lookup ]\noutbound: [ {{ cache-store: {{ duration: 60 }} }} ]");
    let gateway = serve(&keyed_api(&sections, "inbound: []"), plain());
    for left in ["8", "7", "6"] {
        let response = gateway.send(&with_key("acme-1"));
        assert_eq!((response.text(), response.headers.all("x-left")), ("answer 1", vec![left]));
    }
}

#[test]
fn a_response_without_a_body_is_stored_too() {
    let origin = Origin::start(|_| Response::new(204).header("x-a", "1"));
    let gateway = serve(&cached("{}", "{ duration: 60, cache-response: true }"), &origin);
    for _ in 0..2 {
        let response = gateway.get("/");
        assert_eq!((response.status, response.headers.get("x-a")), (204, Some("1")));
    }
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn a_chunked_response_is_stored_and_comes_with_its_length() {
    let origin = Origin::start(|_| Answer::chunked(Response::new(200).body("in several pieces"), 4));
    let gateway = serve(&cached("{}", "{ duration: 60 }"), &origin);
    assert_eq!(gateway.get("/").text(), "in several pieces");
    let hit = gateway.get("/");
    assert_eq!((hit.text(), hit.headers.get("content-length")), ("in several pieces", Some("17")));
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn what_clients_may_keep_is_told_on_misses_and_hits_alike() {
    for (lookup, told) in [
        ("{}", "max-age=5"),
        ("{ downstream-caching-type: private }", "private, max-age=60, must-revalidate"),
        ("{ downstream-caching-type: public, must-revalidate: false }", "public, max-age=60"),
        ("{ downstream-caching-type: none }", "no-store"),
    ] {
        let origin = numbered(|response| response.header("cache-control", "max-age=5"));
        let gateway = serve(&cached(lookup, "{ duration: 60 }"), &origin);
        for _ in 0..2 {
            assert_eq!(gateway.get("/").headers.all("cache-control"), [told], "{lookup}");
        }
        assert_eq!(origin.requests().len(), 1, "{lookup}");
    }
}
