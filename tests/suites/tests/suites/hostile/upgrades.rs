//! Other protocols behind an upgrade (row 7).

use super::{Siege, answer, ends_within};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tollgate_harness::{Gateway, PATIENCE};

const UPGRADE: &str = "GET /chat HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                       sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                      sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// An origin that answers a head with `answer` after `pause` and then echoes in upper case; it keeps all it has read.
struct Agreeing {
    address: std::net::SocketAddr,
    read: Arc<Mutex<Vec<u8>>>,
}

impl Agreeing {
    fn start(answer: &'static str, pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let read = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&read);
        std::thread::spawn(move || {
            for stream in listener.incoming().take(64) {
                let (Ok(stream), kept) = (stream, Arc::clone(&kept)) else { continue };
                std::thread::spawn(move || serve(stream, answer, pause, &kept));
            }
        });
        Self { address, read }
    }

    fn read(&self) -> String {
        String::from_utf8_lossy(&self.read.lock().unwrap()).into_owned()
    }

    fn behind(&self, settings: &str, api: &str) -> Gateway {
        let api = format!("apis: [ {{ id: a, path: '', backend: '{{origin}}', subscription-required: false{api} }} ]");
        Gateway::with(&format!("{settings}\n{api}")).value("origin", &format!("http://{}", self.address)).start()
    }
}

fn serve(mut stream: TcpStream, answer: &str, pause: Duration, kept: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4096];
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(length @ 1..) = stream.read(&mut buffer) else { return };
        head.extend_from_slice(&buffer[..length]);
        kept.lock().unwrap().extend_from_slice(&buffer[..length]);
    }
    std::thread::sleep(pause);
    if stream.write_all(answer.as_bytes()).is_err() {
        return;
    }
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        kept.lock().unwrap().extend_from_slice(&buffer[..length]);
        if stream.write_all(&buffer[..length].to_ascii_uppercase()).is_err() {
            return;
        }
    }
}

#[test]
fn a_web_socket_passes_both_ways_and_is_counted() {
    let origin = Agreeing::start(AGREED, Duration::ZERO);
    let gateway = origin.behind("", "");
    let mut connection = gateway.connect();
    connection.write(UPGRADE.as_bytes()).unwrap();
    let response = connection.read_response_head().unwrap();
    assert_eq!((response.status, response.headers.get("upgrade")), (101, Some("websocket")));
    assert!(response.headers.has("sec-websocket-accept"));
    for _ in 0..3 {
        connection.write(b"hello").unwrap();
        assert_eq!(connection.read_exactly(5).unwrap(), b"HELLO");
    }
    connection.finish_writing();
    assert_eq!(connection.read_to_end().unwrap(), b"");
    let line = &gateway.wait_for_access_log(1)[0];
    assert_eq!(line["status"], 101, "{line}");
    assert_eq!((&line["request_bytes"], &line["response_bytes"]), (&15.into(), &15.into()), "{line}");
    assert!(origin.read().contains("sec-websocket-key"));
}

#[test]
fn row_7_what_a_client_sends_behind_an_upgrade_is_held_until_the_origin_agrees() {
    let origin = Agreeing::start(AGREED, Duration::from_millis(500));
    let gateway = origin.behind("", "");
    let mut connection = gateway.connect();
    connection.write(format!("{UPGRADE}early").as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(250));
    assert!(origin.read().ends_with("\r\n\r\n"), "{:?}", origin.read());
    assert_eq!(connection.read_response_head().unwrap().status, 101);
    assert_eq!(connection.read_exactly(5).unwrap(), b"EARLY");
}

#[test]
fn row_7_without_agreement_what_follows_is_the_next_request_and_is_checked_as_one() {
    const REFUSED: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno";
    let origin = Agreeing::start(REFUSED, Duration::ZERO);
    let gateway =
        origin.behind("policies: { inbound: [ { check-header: { name: x-pass, failed-check-httpcode: 418 } } ] }", "");
    let mut connection = gateway.connect();
    let upgrade = UPGRADE.replacen("host: a", "host: a\r\nx-pass: 1", 1);
    connection.write(format!("{upgrade}GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes()).unwrap();
    assert_eq!(answer(&mut connection).unwrap().text(), "no");
    assert_eq!(answer(&mut connection).unwrap().status, 418);
    assert!(!origin.read().contains("smuggled"));
}

#[test]
fn row_7_h2c_is_never_passed_on() {
    let siege = Siege::of("");
    for connection in ["Upgrade, HTTP2-Settings", "Upgrade", "HTTP2-Settings"] {
        let head = format!(
            "GET /x HTTP/1.1\r\nhost: a\r\nconnection: {connection}\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n\
             PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        );
        let statuses = siege.statuses(head);
        assert_eq!(statuses[0], 200, "{connection}");
        assert!(statuses[1..].iter().all(|status| *status >= 400), "{statuses:?}");
    }
    for request in siege.origin.requests() {
        assert!(!request.headers.has("upgrade") && !request.headers.has("http2-settings"), "{request:?}");
        assert!(!request.headers.has("connection"), "{request:?}");
    }
    siege.stands_having_seen(&["/x", "/x", "/x"]);
}

#[test]
fn an_upgrade_is_only_one_where_the_api_allows_its_protocol() {
    let origin = Agreeing::start(AGREED, Duration::ZERO);
    let gateway = origin.behind("", ", upgrades: []");
    let mut connection = gateway.connect();
    connection.write(UPGRADE.as_bytes()).unwrap();
    // The origin agrees to what it wasn't asked.
    assert_eq!(answer(&mut connection).unwrap().status, 502);
    assert!(!origin.read().contains("upgrade: websocket"));

    let gateway = origin.behind("", ", upgrades: [ Other/1 ]");
    let mut connection = gateway.connect();
    connection.write(UPGRADE.replace("websocket\r\nsec", "other/1\r\nsec").as_bytes()).unwrap();
    assert_eq!(answer(&mut connection).unwrap().status, 502, "the origin agrees to another protocol");
    let checked = tollgate_harness::check("apis: [ { id: a, path: '', backend: 'http://a', upgrades: [ h2c ] } ]");
    assert!(checked.stderr.contains("tollgate.yaml:") && checked.stderr.contains("`h2c`"), "{}", checked.stderr);
}

#[test]
fn policies_run_before_an_upgrade() {
    let origin = Agreeing::start(AGREED, Duration::ZERO);
    let gateway =
        origin.behind("policies: { inbound: [ { check-header: { name: x-pass, failed-check-httpcode: 418 } } ] }", "");
    let mut connection = gateway.connect();
    connection.write(UPGRADE.as_bytes()).unwrap();
    assert_eq!(answer(&mut connection).unwrap().status, 418);
    assert_eq!(origin.read(), "");
}

#[test]
fn tunnels_are_limited_in_number_and_in_silence() {
    let origin = Agreeing::start(AGREED, Duration::ZERO);
    let gateway = origin.behind("workers: 1\nlimits: { upgrades: 2, upgrade-idle-timeout: 4 }", "");
    let mut tunnels: Vec<_> = (0..2).map(|_| gateway.connect()).collect();
    for tunnel in &mut tunnels {
        tunnel.write(UPGRADE.as_bytes()).unwrap();
        assert_eq!(tunnel.read_response_head().unwrap().status, 101);
    }
    let mut third = gateway.connect();
    third.write(UPGRADE.as_bytes()).unwrap();
    assert_eq!(answer(&mut third).unwrap().status, 503);
    for tunnel in &mut tunnels {
        assert!(ends_within(tunnel, PATIENCE));
    }
    let mut fourth = gateway.connect();
    fourth.write(UPGRADE.as_bytes()).unwrap();
    assert_eq!(fourth.read_response_head().unwrap().status, 101);
}
