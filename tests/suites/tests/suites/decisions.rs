//! Built-ins whose decisions are known from before decide as if they had been called.

use crate::scene::hello;
use tollgate_harness::{Gateway, Origin, Request, Setup};

fn inbound(statements: &str) -> Setup {
    let yaml = format!(
        "workers: 1\npolicies:\n  inbound:\n{statements}\
         apis:\n  - {{ id: a, path: a, backend: {{origin}}, subscription-required: false }}\n"
    );
    Gateway::with(&yaml)
}

fn seen(origin: &Origin, name: &str) -> Vec<String> {
    origin.requests().iter().map(|request| request.headers.get(name).unwrap_or("none").to_owned()).collect()
}

#[test]
fn every_request_gets_what_its_own_headers_lead_to() {
    let origin = hello();
    let gateway = inbound(
        "    - set-header: { name: x-copy, value: \"${request.headers['x-tenant']}\" }\n\
         \x20   - set-header: { name: x-given, exists-action: skip, value: ours }\n\
         \x20   - set-header: { name: x-lines, exists-action: append, value: more }\n\
         \x20   - set-query-parameter: { name: from, value: \"${request.method}\" }\n",
    )
    .origin(&origin)
    .start();
    // Few tenants, then more than anybody keeps, then the few again.
    let tenants: Vec<usize> = (0..90).map(|n| n % 3).chain(0..1100).chain((0..30).map(|n| n % 3)).collect();
    for (number, tenant) in tenants.iter().enumerate() {
        let mut request = Request::get(&format!("/a/{}?q={tenant}", number % 2)).header("x-tenant", tenant.to_string());
        if number % 2 == 0 {
            request = request.header("x-given", "theirs").header("x-lines", format!("line-{tenant}"));
        }
        assert_eq!(gateway.send(&request).status, 200);
    }
    let requests = origin.requests();
    assert_eq!(requests.len(), tenants.len());
    for (number, (request, tenant)) in requests.iter().zip(&tenants).enumerate() {
        let header = |name| request.headers.get(name).unwrap_or("none").to_owned();
        let (given, lines) = match number % 2 {
            0 => ("theirs", format!("line-{tenant}, more")),
            _ => ("ours", "more".to_owned()),
        };
        assert_eq!((header("x-copy"), header("x-given"), header("x-lines")), (tenant.to_string(), given.into(), lines));
        assert_eq!(request.target, format!("/{}?q={tenant}&from=GET", number % 2));
    }
}

#[test]
fn what_differs_each_time_is_asked_each_time() {
    let origin = hello();
    let gateway = inbound("    - set-header: { name: x-id, value: \"${request_id}\" }\n").origin(&origin).start();
    let ids: Vec<String> =
        (0..150).map(|_| gateway.get("/a").headers.get("x-request-id").unwrap_or_default().to_owned()).collect();
    assert_eq!(seen(&origin, "x-id"), ids);
}

#[test]
fn who_gives_another_answer_is_decided_anew() {
    let origin = hello();
    let gateway = inbound(
        "    - check-header: { name: x-key, failed-check-httpcode: 403, ignore-case: false, value: [ good ] }\n\
         \x20   - ip-filter: { action: allow, addresses: [ 127.0.0.1 ] }\n",
    )
    .origin(&origin)
    .start();
    let status = |key: &str| gateway.send(&Request::get("/a").header("x-key", key)).status;
    for _ in 0..20 {
        assert_eq!((status("good"), status("bad"), status("good"), status("Good")), (200, 403, 200, 403));
        assert_eq!(gateway.get("/a").status, 403);
    }
}

#[test]
fn a_changed_expression_counts_from_the_reload_on() {
    let origin = hello();
    let yaml = "workers: 1\npolicies:\n  inbound: [ set-header: { name: x-v, value: \"${VALUE}\" } ]\n\
                apis:\n  - { id: a, path: a, backend: {origin}, subscription-required: false }\n";
    let gateway = Gateway::with(&yaml.replace("VALUE", "'one'")).origin(&origin).start();
    gateway.get("/a");
    gateway.get("/a");
    gateway.reload(&yaml.replace("VALUE", "'two'"));
    gateway.get("/a");
    assert_eq!(seen(&origin, "x-v"), ["one", "one", "two"]);
}

#[test]
fn a_call_that_is_known_counts_as_one() {
    let origin = hello();
    let gateway = inbound("    - { set-header: { name: x-a, value: b }, id: literal }\n").origin(&origin).start();
    let fuel = || gateway.metrics().sum("tollgate_policy_fuel_total", &[("statement", "literal")]);
    gateway.get("/a");
    let once = fuel();
    for _ in 0..9 {
        gateway.get("/a");
    }
    assert!(once > 0.0);
    assert_eq!(fuel(), 10.0 * once);
    assert_eq!(gateway.metrics().sum("tollgate_policy_calls_total", &[("statement", "literal")]), 10.0);
}
