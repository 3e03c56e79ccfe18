//! TLS (rows 13, 25 and 26), and HTTP within it.

use super::ends_within;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tollgate_harness::http2::Client;
use tollgate_harness::{Authority, Certificate, Connection, Gateway, Origin, PATIENCE, Request, Response, Setup};

const API: &str = "apis: [ { id: a, path: '', backend: '{origin}', subscription-required: false } ]\n";

fn yaml(more: &str) -> String {
    format!(
        "{more}\n{API}tls:\n  listen: 127.0.0.1:0\n  certificates:\n    - {{ certificate: a.pem, key: a.key }}\n    \
         - {{ certificate: b.pem, key: b.key }}\n"
    )
}

/// A gateway with certificates for `a.example` and, beside it, for `b.example` and `*.b.example`.
fn with(a: &Certificate, b: &Certificate, origin: &Origin, more: &str) -> Setup {
    Gateway::with(&yaml(more))
        .origin(origin)
        .file("a.pem", a.certificate.as_str())
        .file("a.key", a.key.as_str())
        .file("b.pem", b.certificate.as_str())
        .file("b.key", b.key.as_str())
}

struct Scene {
    authority: Authority,
    a: Certificate,
    b: Certificate,
    origin: Origin,
    gateway: Gateway,
}

fn scene(more: &str) -> Scene {
    let authority = Authority::new();
    let (a, b) = (authority.sign(&["a.example", "127.0.0.1"]), authority.sign(&["b.example", "*.b.example"]));
    let origin = Origin::echo();
    let gateway = with(&a, &b, &origin, more).start();
    Scene { authority, a, b, origin, gateway }
}

impl Scene {
    fn connect(&self, name: &str) -> Connection {
        Connection::open_tls(self.gateway.tls_address(), &self.authority.client(name)).expect("a handshake")
    }
}

#[test]
fn https_is_served_with_the_certificate_of_the_name_that_was_asked_for() {
    let scene = scene("");
    for (name, certificate) in
        [("a.example", &scene.a), ("b.example", &scene.b), ("x.b.example", &scene.b), ("127.0.0.1", &scene.a)]
    {
        let mut connection = scene.connect(name);
        assert_eq!(connection.server_certificate().unwrap(), certificate.der, "{name}");
        connection.write(format!("GET /x HTTP/1.1\r\nhost: {name}\r\nconnection: close\r\n\r\n").as_bytes()).unwrap();
        let response = connection.read_response("GET").unwrap();
        assert_eq!(response.status, 200, "{name}");
    }
    // Cleartext is served beside it.
    assert_eq!(scene.gateway.get("/plain").status, 200);
    let schemes: Vec<_> =
        scene.origin.requests().iter().map(|r| r.headers.get("x-forwarded-proto").unwrap().to_owned()).collect();
    assert_eq!(schemes, ["https", "https", "https", "https", "http"]);
}

#[test]
fn http_2_and_http_1_are_chosen_by_alpn() {
    let scene = scene("policies: { outbound: [ { set-header: { name: x-scheme, value: '${request.scheme}' } } ] }");
    let mut client = Client::open_tls(scene.gateway.tls_address(), &scene.authority.client("a.example"));
    let response = client.get("/x");
    assert_eq!((response.status, response.headers.get("x-scheme")), (200, Some("https")));
    assert_eq!(scene.origin.only_request().headers.get("x-forwarded-proto"), Some("https"));
    for (offered, agreed) in [(&["http/1.1"][..], Some("http/1.1")), (&["h2", "http/1.1"], Some("h2")), (&[], None)] {
        let tls = scene.authority.client("a.example").offering(offered);
        let connection = Connection::open_tls(scene.gateway.tls_address(), &tls).unwrap();
        assert_eq!(connection.protocol().as_deref(), agreed);
    }
    // Nothing in common is a refused handshake, not a guess.
    let tls = scene.authority.client("a.example").offering(&["imap"]);
    assert!(Connection::open_tls(scene.gateway.tls_address(), &tls).is_err());
}

#[test]
fn row_13_a_host_with_another_certificate_than_the_connections_is_a_421() {
    let scene = scene("");
    let status = |name: &str, host: &str| {
        let mut connection = scene.connect(name);
        connection.write(format!("GET /x HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").as_bytes()).unwrap();
        connection.read_response("GET").unwrap().status
    };
    assert_eq!(status("a.example", "b.example"), 421);
    assert_eq!(status("a.example", "x.b.example:8443"), 421);
    assert_eq!(status("b.example", "A.EXAMPLE"), 421);
    // The same certificate, or nobody's name: what load balancers and coalescing clients do.
    assert_eq!(status("b.example", "x.b.example"), 200);
    assert_eq!(status("a.example", "other.example"), 200);
    let mut client = Client::open_tls(scene.gateway.tls_address(), &scene.authority.client("a.example"));
    assert_eq!(client.send(&Request::get("/x").header("host", "b.example")).status, 421);
    assert_eq!(client.send(&Request::get("/x").header("host", "a.example")).status, 200);
}

#[test]
fn row_25_a_handshake_that_stalls_is_ended_and_garbage_is_no_harm() {
    let scene = scene("limits: { tls-handshake-timeout: 1 }");
    let address = scene.gateway.tls_address();
    let hello_begins = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    // Records of one byte, a hello of 16 MiB, no TLS at all, and silence.
    let tiny = b"\x16\x03\x01\x00\x01\x01";
    let huge = b"\x16\x03\x01\x40\x00\x01\xff\xff\xff";
    for bytes in [&hello_begins[..], tiny, huge, b"GET / HTTP/1.1\r\n\r\n", b"", b"\x80\x2e\x01\x00\x02"] {
        let mut connection = Connection::open(address).unwrap();
        connection.write(bytes).unwrap();
        let begin = Instant::now();
        assert!(ends_within(&mut connection, Duration::from_secs(10)), "{bytes:?}");
        assert!(begin.elapsed() < Duration::from_secs(10));
    }
    let mut connection = scene.connect("a.example");
    connection.write(b"GET /x HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n").unwrap();
    assert_eq!(connection.read_response("GET").unwrap().status, 200);
}

#[test]
fn row_26_certificates_are_replaced_without_a_restart_and_without_a_failed_handshake() {
    let scene = scene("");
    let address = scene.gateway.tls_address();
    let stop = AtomicBool::new(false);
    let first = scene.a.der.clone();
    let (mut last, mut rounds) = (scene.a.clone(), 0);
    std::thread::scope(|scope| {
        let client = scope.spawn(|| {
            let (mut handshakes, mut others) = (0, 0);
            let begin = Instant::now();
            while !stop.load(Ordering::Relaxed) && begin.elapsed() < 2 * PATIENCE {
                let connection =
                    Connection::open_tls(address, &scene.authority.client("a.example")).expect("a handshake");
                others += usize::from(connection.server_certificate().unwrap() != first);
                handshakes += 1;
            }
            (handshakes, others)
        });
        while rounds < 20 {
            last = scene.authority.sign(&["a.example"]);
            scene.gateway.write_file("a.key", last.key.as_bytes());
            scene.gateway.write_file("a.pem", last.certificate.as_bytes());
            scene.gateway.sighup();
            std::thread::sleep(Duration::from_millis(50));
            rounds += 1;
        }
        let begin = Instant::now();
        while scene.connect("a.example").server_certificate().unwrap() != last.der {
            assert!(begin.elapsed() < PATIENCE, "the last certificate is never served");
            std::thread::sleep(Duration::from_millis(20));
        }
        stop.store(true, Ordering::Relaxed);
        let (handshakes, others) = client.join().unwrap();
        assert!(handshakes > 10 && others > 0, "{handshakes} {others}");
    });
}

#[test]
fn row_26_a_changed_certificate_is_noticed_without_a_signal_and_a_bad_pair_keeps_the_old() {
    let scene = scene("");
    let served = || scene.connect("a.example").server_certificate().unwrap();
    // The key of another certificate: half of a change.
    let next = scene.authority.sign(&["a.example"]);
    scene.gateway.write_file("a.pem", next.certificate.as_bytes());
    scene.gateway.wait_for_log("isn't the certificate of this key");
    assert_eq!(served(), scene.a.der);
    scene.gateway.write_file("a.key", next.key.as_bytes());
    let begin = Instant::now();
    while served() != next.der {
        assert!(begin.elapsed() < PATIENCE, "the new certificate is never served");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_is_wrong_with_certificates_is_said_with_its_place() {
    let authority = Authority::new();
    let (a, b) = (authority.sign(&["a.example"]), authority.sign(&["b.example"]));
    let origin = Origin::start(|_| Response::new(200));
    let checked = with(&a, &b, &origin, "").check();
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    let swapped = with(&a, &b, &origin, "").file("a.key", b.key.as_str()).file("b.pem", "no certificate").check();
    assert_eq!(swapped.code, 2);
    for (place, text) in [("8:22:", "a.pem isn't the certificate of this key"), ("9:22:", "b.pem holds no certificate")]
    {
        let line =
            swapped.stderr.lines().find(|line| line.contains(text)).unwrap_or_else(|| panic!("{}", swapped.stderr));
        assert!(line.contains(&format!("tollgate.yaml:{place}")), "{line}");
    }
    let wrong = [
        ("tls: { listen: 127.0.0.1:0 }", "missing key `certificates`"),
        ("tls: { certificates: [] }", "at least one certificate"),
        ("tls: { certificates: [ { certificate: a.pem } ] }", "missing key `key`"),
        ("tls: { certificates: [ { certificate: a.pem, key: none.key } ] }", "none.key can't be read"),
        ("tls: { certificates: [ { certificate: a.pem, key: a.pem } ] }", "a.pem holds no private key"),
        ("tls: { min-version: 1.1, certificates: [ { certificate: a.pem, key: a.key } ] }", "one of `1.2`, `1.3`"),
        ("listen: off", "`off` without `tls`"),
    ];
    for (tls, text) in wrong {
        let setup = Gateway::with(&format!("{API}{tls}\n")).origin(&origin);
        let setup = setup.file("a.pem", a.certificate.as_str()).file("a.key", a.key.as_str());
        let checked = setup.check();
        assert!(checked.code == 2 && checked.stderr.contains(text), "{tls}: {}", checked.stderr);
    }
}

#[test]
fn a_gateway_may_speak_tls_alone() {
    let authority = Authority::new();
    let a = authority.sign(&["a.example"]);
    let yaml = format!(
        "listen: off\n{API}tls: {{ listen: '127.0.0.1:0', min-version: 1.3, certificates: [ {{ certificate: a.pem, key: a.key }} ] }}\n"
    );
    let setup = Gateway::with(&yaml).origin(&Origin::echo());
    let gateway = setup.file("a.pem", a.certificate.as_str()).file("a.key", a.key.as_str()).start();
    let mut client = Client::open_tls(gateway.tls_address(), &authority.client("a.example"));
    assert_eq!(client.get("/x").status, 502, "the origin is gone, the gateway is there");
}
