//! Two requests through the real binary with a cache: what the second one gets is what its origin would say, never what
//! was said to another.

use crate::targets::served::{answer, gateway};
use crate::{Run, Target, outcome};

pub(super) const TARGET: Target = Target {
    name: "cache-key",
    make,
    seeds: Vec::new,
    words: &[
        "/", "//", "/./", "/../", "%2e", "%41", "%2F", "?", "&", "=", "a", "b", "A", "\n", "a:80", "http://b", ";",
        "%00", "gzip", "*/*",
    ],
    max_bytes: 512,
};

/// The same origin with a cache and without.
const YAML: &str = "apis:\n  - id: cached\n    path: cached\n    backend: '{origin}'\n    subscription-required: false\n    policies:\n      \
                    inbound: [ { cache-lookup: {} } ]\n      outbound: [ { cache-store: { duration: 60 } } ]\n  \
                    - { id: plain, path: plain, backend: '{origin}', subscription-required: false }\n";

/// One request in three lines: path and query, host, accept.
fn request(api: &str, lines: &str) -> Option<String> {
    let mut lines = lines.split('\n');
    let mut line = || lines.next().filter(|line| line.bytes().all(|byte| byte.is_ascii_graphic()));
    let (target, host, accept) = (line()?, line()?, line()?);
    Some(format!("GET /{api}/{target} HTTP/1.1\r\nHost: {host}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"))
}

/// Status and body.
fn parts(answer: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
    (head.chars().skip(9).take(3).collect(), body.to_owned())
}

/// The origin's view with parameters in order, and the host in lower case without the usual port: none of it tells
/// responses apart (`cache-lookup`; RFC 9110 §4.2.3).
fn canonical(body: &str) -> String {
    let (target, rest) = body.split_once('\n').unwrap_or((body, ""));
    let (host, rest) = rest.split_once('\n').unwrap_or((rest, ""));
    let host = host.to_ascii_lowercase();
    let rest = format!("{}\n{rest}", host.strip_suffix(":80").unwrap_or(&host));
    let Some((path, query)) = target.split_once('?') else { return format!("{target}\n{rest}") };
    let mut parameters: Vec<&str> = query.split('&').collect();
    parameters.sort_unstable();
    format!("{path}?{}\n{rest}", parameters.join("&"))
}

fn make() -> Run {
    let gateway = gateway(YAML);
    let ask = move |request: &str| parts(&answer(gateway.address(), request.as_bytes()));
    Box::new(move |input| {
        let text = String::from_utf8_lossy(input);
        let Some((first, second)) = text.split_once("\n\n") else { return 0 };
        let Some([first, cached, plain]) =
            (|| Some([request("cached", first)?, request("cached", second)?, request("plain", second)?]))()
        else {
            return 1;
        };
        let stored = ask(&first);
        let (got, expected) = (ask(&cached), ask(&plain));
        assert_eq!(got.0, expected.0, "the same status for {second:?}");
        if got.0 == "200" {
            assert_eq!(
                canonical(&got.1),
                canonical(&expected.1),
                "after {first:?}, {second:?} gets another's response"
            );
        }
        outcome((stored.0, got.0, stored.1 == got.1, second.contains('?'), second.contains('%')))
    })
}
