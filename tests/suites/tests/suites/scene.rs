//! The scene that most suites begin with: an origin, and a gateway with one guest where it can do harm.

use std::sync::{Mutex, OnceLock, mpsc};
use tollgate_harness::{Gateway, Headers, Origin, PATIENCE, Request, Response, Setup};

/// What a client gets when a policy fails closed: nothing of the guest's.
pub(crate) const FAILED_CLOSED: &str = r#"{ "statusCode": 500, "message": "Internal server error" }"#;

/// One API at the root that anybody may call.
pub(crate) const OPEN_API: &str = "apis: [ { id: all, path: '', backend: {origin}, subscription-required: false } ]\n";

/// An origin that answers `hello` to everything.
pub(crate) fn hello() -> Origin {
    Origin::start(|_| Response::new(200).header("content-type", "text/plain").body("hello"))
}

/// One such origin for all tests that don't ask what it saw.
pub(crate) fn greeter() -> &'static Origin {
    static GREETER: OnceLock<Origin> = OnceLock::new();
    GREETER.get_or_init(hello)
}

/// The same API three times: `plain` has no policies, in `closed` and `open` a guest stands in a section.
///
/// A request without `x-needed` is refused with 418 if the section is `on-error`, so that there is an error.
fn suspect(guest: &str, section: &str, limits: &str) -> Setup {
    let needed = match section {
        "on-error" => "inbound: [ { check-header: { name: x-needed, failed-check-httpcode: 418 } } ]",
        _ => "inbound: []",
    };
    let api = |id: &str, policies: &str| {
        let head = format!("  - id: {id}\n    path: {id}\n    backend: {{origin}}\n    subscription-required: false\n");
        format!("{head}{policies}")
    };
    let with_guest = |id: &str| {
        let statement = format!("{{ guest: {{}}, id: {id}, on-failure: {id}, limits: {{ {limits} }} }}");
        let inbound_first = if section == "inbound" { String::new() } else { format!("      {needed}\n") };
        api(id, &format!("    policies:\n{inbound_first}      {section}: [ {statement} ]\n"))
    };
    let yaml = format!(
        "workers: 1\napis:\n{}{}{}components:\n  guest: {{ file: ./guest.wasm }}\n",
        api("plain", ""),
        with_guest("closed"),
        with_guest("open")
    );
    Gateway::with(&yaml).file("guest.wasm", tollgate_guests::component(guest))
}

/// A guest fails: closed, its request gets 500 and nothing of the guest's; open, it is as if it weren't there. Either
/// way the failure has its kind, and the gateway serves on.
pub(crate) fn fails(guest: &str, section: &str, kind: &str) {
    fails_under(guest, section, kind, "");
}

/// The same under other limits than the defaults.
pub(crate) fn fails_under(guest: &str, section: &str, kind: &str, limits: &str) {
    let origin = hello();
    let gateway = suspect(guest, section, limits).origin(&origin).start();
    let call = |api: &str| gateway.send(&Request::post(&format!("/{api}/x"), "a body"));

    let closed = call("closed");
    assert_eq!((closed.status, closed.text()), (500, FAILED_CLOSED), "{guest} fails closed");
    assert_eq!(closed.headers.get("content-type"), Some("application/json"));
    assert!(closed.headers.has("x-request-id"));
    assert_eq!(call("plain").text(), "hello", "the next request is served");

    let open = call("open");
    match section {
        "on-error" => assert_eq!(open.status, 418, "{guest} fails open, so the error stands"),
        _ => assert_eq!((open.status, open.text()), (200, "hello"), "{guest} fails open"),
    }
    let seen = origin.requests();
    let reached: &[&str] = match section {
        "inbound" => &["/x", "/x"],
        "outbound" => &["/x", "/x", "/x"],
        _ => &["/x"],
    };
    assert_eq!(seen.iter().map(|request| request.target.as_str()).collect::<Vec<_>>(), reached);
    assert!(seen.iter().all(|request| !request.headers.has("x-edited")), "no edit outlives a failure: {seen:?}");

    let metrics = gateway.metrics();
    for statement in ["closed", "open"] {
        let failures = |labels: &[(&str, &str)]| {
            let labels = [&[("statement", statement), ("policy", "guest")], labels].concat();
            metrics.sum("tollgate_policy_failures_total", &labels)
        };
        assert_eq!(failures(&[("kind", kind)]), 1.0, "{guest} has a failure of kind {kind}:\n{}", metrics.text);
        assert_eq!(failures(&[]), 1.0, "{guest} has no other failure:\n{}", metrics.text);
    }
    let log = gateway.wait_for_access_log(3);
    let entry = log.iter().find(|entry| entry["api"] == "closed").expect("the closed request is in the log");
    let blame = if section == "on-error" { "client" } else { "guest" };
    assert_eq!(entry["error"]["blame"], blame, "{entry}");
    let line = gateway.wait_for_log("a policy failed");
    assert!(line.contains(&format!("\"error.type\":\"{kind}\"")), "{line}");
    assert!(gateway.is_running());
}

/// An origin whose requests wait until they are let go.
pub(crate) struct Held {
    pub(crate) origin: Origin,
    release: mpsc::Sender<()>,
}

impl Held {
    pub(crate) fn start() -> Held {
        let (release, gate) = mpsc::channel();
        let gate = Mutex::new(gate);
        let origin = Origin::start(move |_| {
            let waited = gate.lock().unwrap().recv_timeout(PATIENCE);
            Response::new(if waited.is_ok() { 200 } else { 503 }).body("late")
        });
        Held { origin, release }
    }

    /// Let one request go.
    pub(crate) fn let_one_go(&self) {
        self.release.send(()).unwrap();
    }
}

/// All values of a header, joined.
pub(crate) fn joined(headers: &Headers, name: &str) -> String {
    headers.all(name).join(", ")
}

/// Where `text` stands in a document, as errors write it.
pub(crate) fn place_of(yaml: &str, text: &str) -> String {
    let at = yaml.find(text).unwrap_or_else(|| panic!("`{text}` isn't in the document"));
    let before = &yaml[..at];
    let line = before.matches('\n').count() + 1;
    let column = at - before.rfind('\n').map_or(0, |end| end + 1) + 1;
    format!("tollgate.yaml:{line}:{column}: ")
}
