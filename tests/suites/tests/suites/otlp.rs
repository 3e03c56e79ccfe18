//! Traces and metrics for a collector, by OTLP.

use serde_json::Value;
use std::time::{Duration, Instant};
use tollgate_harness::{Answer, Gateway, Origin, PATIENCE, Request, Response, check};

use crate::scene::{greeter, hello};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

const SHOP: &str = "apis:\n  - id: shop\n    path: shop\n    backend: {origin}\n    subscription-required: false\n    operations:\n      \
                    - { id: order, method: GET, url: '/orders/{id}' }\n";

/// A collector, and the document's part that names it.
fn collector() -> (Origin, String) {
    let collector = Origin::start(|_| Response::new(200).header("content-type", "application/json").body("{}"));
    let otlp = format!(
        "otlp: {{ endpoint: '{}/in', headers: [ {{ name: X-Token, value: t1 }} ], metrics-interval: 0.2 }}\n",
        collector.url()
    );
    (collector, otlp)
}

/// What the collector has got at a path.
fn got(collector: &Origin, path: &str) -> Vec<Value> {
    let requests = collector.requests().into_iter().filter(|request| request.target == path);
    requests
        .map(|request| {
            assert_eq!(request.headers.all("content-type"), ["application/json"]);
            assert_eq!(request.headers.all("x-token"), ["t1"]);
            serde_json::from_slice(&request.body).unwrap()
        })
        .collect()
}

fn spans(collector: &Origin) -> Vec<Value> {
    let requests = got(collector, "/in/v1/traces").into_iter();
    requests.flat_map(|it| it["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone()).collect()
}

#[track_caller]
fn wait_for_spans(collector: &Origin, count: usize) -> Vec<Value> {
    let begin = Instant::now();
    loop {
        let spans = spans(collector);
        if spans.len() >= count {
            return spans;
        }
        assert!(begin.elapsed() < PATIENCE, "{} spans came", spans.len());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn attribute<'s>(span: &'s Value, key: &str) -> Option<&'s str> {
    let attribute = span["attributes"].as_array().unwrap().iter().find(|attribute| attribute["key"] == key)?;
    let value = &attribute["value"];
    value["stringValue"].as_str().or_else(|| value["intValue"].as_str())
}

#[test]
fn each_sampled_request_is_a_span_of_its_trace() {
    let (collector, otlp) = collector();
    let gateway = Gateway::with(&format!("workers: 1\n{otlp}{SHOP}")).origin(greeter()).start();
    let request = Request::get("/shop/orders/7?secret=1").header("traceparent", PARENT).header("user-agent", "curl/8");
    let response = gateway.send(&request);
    assert_eq!(response.status, 200);
    let not_sampled = Request::get("/shop/orders/8").header("traceparent", PARENT.replace("-01", "-00"));
    gateway.send(&not_sampled);
    assert_eq!(gateway.get("/shop/none").status, 404);
    let spans = wait_for_spans(&collector, 2);
    assert_eq!(spans.len(), 2, "{spans:?}");
    let [span, lost] = &spans[..] else { unreachable!() };
    assert_eq!(span["traceId"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(span["parentSpanId"], "b7ad6b7169203331");
    assert_eq!(span["name"], "GET /shop/orders/{id}");
    assert_eq!(span["kind"], 2);
    assert!(span.get("status").is_none());
    for (key, value) in [
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("http.route", "/shop/orders/{id}"),
        ("url.path", "/shop/orders/7"),
        ("url.scheme", "http"),
        ("client.address", "127.0.0.1"),
        ("user_agent.original", "curl/8"),
        ("http.response.body.size", "5"),
        ("tollgate.api", "shop"),
        ("tollgate.operation", "order"),
        ("tollgate.request_id", response.headers.get("x-request-id").unwrap()),
    ] {
        assert_eq!(attribute(span, key), Some(value), "{key}");
    }
    assert!(!span.to_string().contains("secret"), "the query stays here");
    let time = |key: &str| span[key].as_str().unwrap().parse::<u128>().unwrap();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    assert!(time("startTimeUnixNano") < time("endTimeUnixNano") && time("endTimeUnixNano") < now);
    assert!(now - time("startTimeUnixNano") < 60_000_000_000);
    // The span is the one that the origin and the log were told of.
    let log = gateway.wait_for_access_log(3);
    assert!(log.iter().any(|line| line["span_id"] == span["spanId"] && line["trace_id"] == span["traceId"]));
    assert_eq!(attribute(lost, "http.response.status_code"), Some("404"));
    assert_eq!(attribute(lost, "error.type"), Some("OperationNotFound"));
    assert!(lost.get("parentSpanId").is_none() && lost.get("status").is_none());
}

#[test]
fn what_fails_here_or_behind_is_a_span_with_an_error() {
    let (collector, otlp) = collector();
    let gateway = Gateway::with(&format!("{otlp}{SHOP}")).origin(&Origin::refusing()).start();
    assert_eq!(gateway.get("/shop/orders/7").status, 502);
    let spans = wait_for_spans(&collector, 1);
    assert_eq!(spans[0]["status"]["code"], 2);
    assert_eq!(attribute(&spans[0], "tollgate.error_blame"), Some("origin"));
}

#[test]
fn metrics_are_those_of_the_page() {
    let (collector, otlp) = collector();
    let gateway = Gateway::with(&format!("{otlp}{SHOP}")).origin(greeter()).start();
    gateway.get("/shop/orders/7");
    let begin = Instant::now();
    let point = loop {
        let requests = got(&collector, "/in/v1/metrics");
        let metrics = requests.last().map(|it| it["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].clone());
        let metrics = metrics.and_then(|metrics| metrics.as_array().cloned()).unwrap_or_default();
        let requests = metrics.into_iter().find(|metric| metric["name"] == "tollgate_requests_total");
        let points = requests.map(|metric| metric["sum"]["dataPoints"].as_array().unwrap().clone()).unwrap_or_default();
        let ok = points.into_iter().find(|point| point["attributes"][0]["value"]["stringValue"] == "2xx");
        if let Some(point) = ok.filter(|point| point["asDouble"] == 1.0) {
            break point;
        }
        assert!(begin.elapsed() < PATIENCE, "no metrics");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(point["startTimeUnixNano"].as_str().unwrap() < point["timeUnixNano"].as_str().unwrap());
    let resource = &got(&collector, "/in/v1/metrics")[0]["resourceMetrics"][0]["resource"]["attributes"];
    assert_eq!(resource[0]["value"]["stringValue"], "tollgate");
}

#[test]
fn what_is_left_is_sent_when_the_gateway_ends() {
    let (collector, otlp) = collector();
    let gateway = Gateway::with(&format!("{otlp}{SHOP}")).origin(greeter()).start();
    for _ in 0..100 {
        gateway.get("/shop/orders/7");
    }
    gateway.sigterm();
    assert!(gateway.wait().success());
    assert_eq!(spans(&collector).len(), 100);
}

#[test]
fn a_collector_that_is_away_or_slow_costs_nobody_anything() {
    for collector in [Origin::refusing(), Origin::start(|_| Answer::stall()), Origin::start(|_| Response::new(503))] {
        let otlp = format!("otlp: {{ endpoint: '{}', timeout: 0.2, metrics: false }}\n", collector.url());
        let gateway = Gateway::with(&format!("{otlp}{SHOP}")).origin(greeter()).start();
        assert_eq!(gateway.get("/shop/orders/7").status, 200);
        gateway.wait_for_log("what was sent by OTLP was not taken");
        let begin = Instant::now();
        for _ in 0..50 {
            assert_eq!(gateway.get("/shop/orders/7").status, 200);
        }
        assert!(begin.elapsed() < PATIENCE / 2);
        assert!(gateway.metrics().sum("tollgate_otlp_failed_requests_total", &[]) >= 1.0);
    }
}

#[test]
fn mistakes_are_found_by_check() {
    let yaml = |otlp: &str| format!("otlp: {otlp}\n{}", SHOP.replace("{origin}", &hello().url()));
    for (otlp, expected) in [
        ("{}", ":3:7: missing key `endpoint`"),
        ("{ endpoint: ftp://a }", ":3:19: expected"),
        ("{ endpoint: 'http://a', headers: [ { name: Host, value: x } ] }", "expected a header's name"),
        ("{ endpoint: 'http://a', metrics-interval: 0 }", "a number of seconds"),
        ("{ endpoint: 'https://a', tls: { ca-file: nowhere.pem } }", "`ca-file`"),
        ("{ endpoint: 'http://a', protocol: grpc }", "unknown key `protocol`"),
    ] {
        let outcome = check(&yaml(otlp));
        assert_eq!(outcome.code, 2, "{otlp}");
        assert!(outcome.stderr.contains(expected), "{otlp}: {}", outcome.stderr);
    }
}
