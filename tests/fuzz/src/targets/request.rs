//! A connection to the real binary: whatever bytes come, it answers or closes, never with a fault of its own, and serves on.

use crate::targets::served::{exchange, gateway};
use crate::{Run, Target, outcome};

pub(super) const TARGET: Target = Target {
    name: "request",
    make,
    seeds: Vec::new,
    words: &[
        "GET / HTTP/1.1\r\n",
        "POST /a HTTP/1.1\r\n",
        "Host: a\r\n",
        "\r\n\r\n",
        "\r\n",
        "\n",
        "Content-Length: ",
        "0",
        "5",
        "Transfer-Encoding: chunked\r\n",
        "0\r\n\r\n",
        "5\r\nhello\r\n",
        "Expect: 100-continue\r\n",
        "Connection: close\r\n",
        "Connection: upgrade\r\n",
        "Upgrade: websocket\r\n",
        "Upgrade: h2c\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "HTTP/1.0",
        "OPTIONS * ",
        "CONNECT a:1 ",
        "http://b/",
        "/%2e%2e/",
        "?subscription-key=k",
        "Ocp-Apim-Subscription-Key: key-1\r\n",
        "X-Forwarded-For: ::1\r\n",
        "Cookie: a=b\r\n",
        " ",
        "\t",
        "\0",
        "Trailer: a\r\n",
        "TE: trailers\r\n",
        "/keyed/a",
        "Origin: http://o\r\n",
    ],
    max_bytes: 8192,
};

const YAML: &str = "apis:\n  - { id: all, path: '', backend: '{origin}', subscription-required: false }\n  \
                    - id: keyed\n    path: keyed\n    backend: '{origin}'\n    operations: [ { id: get, method: GET, url: '/{id}' } ]\n\
                    subscriptions: [ { id: s, all-apis: true, primary-key: key-1 } ]\n";

fn make() -> Run {
    let gateway = gateway(YAML);
    let mut asked = 0u64;
    Box::new(move |input| {
        let answer = exchange(gateway.address(), input);
        asked += 1;
        if asked % 64 == 0 {
            assert_eq!(gateway.get("/").status, 200, "it serves on");
        }
        let text = String::from_utf8_lossy(&answer);
        if input.starts_with(b"PRI ") {
            return outcome(("h2", answer.len().min(64)));
        }
        assert!(answer.is_empty() || text.starts_with("HTTP/1."), "no answer that anybody could read: {text}");
        let statuses: Vec<u16> =
            text.split("HTTP/1.1 ").skip(1).filter_map(|head| head.get(..3)?.parse().ok()).collect();
        assert!(!statuses.contains(&500), "a fault of the gateway's own: {text}");
        outcome((statuses.iter().take(4).collect::<Vec<_>>(), text.contains("connection: close")))
    })
}
