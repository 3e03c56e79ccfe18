//! What passes between client and origin, and what stays on its hop.

use crate::scene::{OPEN_API, hello, joined};
use tollgate_harness::{Answer, Gateway, Origin, Request, Response};

const MIB: usize = 1 << 20;

fn open(settings: &str, origin: &Origin) -> Gateway {
    Gateway::with(&format!("{settings}\n{OPEN_API}")).origin(origin).start()
}

#[test]
fn hop_by_hop_headers_of_a_request_stay_on_their_hop() {
    let origin = hello();
    let request = Request::get("/x")
        .header("connection", "keep-alive, X-Hop")
        .header("x-hop", "1")
        .header("keep-alive", "timeout=5")
        .header("proxy-connection", "keep-alive")
        .header("proxy-authorization", "Basic x")
        .header("te", "trailers")
        .header("upgrade", "h2c")
        .header("x-original-url", "/admin")
        .header("x-http-method-override", "DELETE")
        .header("x_forwarded_for", "1.2.3.4")
        .header("authorization", "Bearer y")
        .header("cookie", "a=b")
        .header("x-kept", "2");
    assert_eq!(open("", &origin).send(&request).status, 200);
    let seen = origin.only_request();
    let mut names: Vec<_> = seen.headers.0.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    let passed = [
        "authorization",
        "cookie",
        "host",
        "traceparent",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-kept",
    ];
    assert_eq!(names, passed);
}

#[test]
fn hop_by_hop_headers_of_a_response_stay_on_their_hop() {
    let origin = Origin::start(|_| {
        Response::new(200)
            .header("connection", "x-hop")
            .header("x-hop", "1")
            .header("keep-alive", "timeout=5")
            .header("proxy-authenticate", "Basic")
            .header("set-cookie", "a=b")
            .header("set-cookie", "c=d")
            .header("x-kept", "2")
            .body("hello")
    });
    let response = open("", &origin).get("/x");
    for gone in ["x-hop", "keep-alive", "proxy-authenticate"] {
        assert!(!response.headers.has(gone), "{gone}");
    }
    assert_eq!(response.headers.all("set-cookie"), ["a=b", "c=d"]);
    assert_eq!((response.headers.get("x-kept"), response.text()), (Some("2"), "hello"));
}

#[test]
fn the_origin_is_told_who_the_client_is_and_not_what_the_client_says() {
    let origin = hello();
    let gateway = open("", &origin);
    let request = Request::get("/x")
        .header("host", "public.example")
        .header("x-forwarded-for", "203.0.113.9")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", "evil.example")
        .header("x-real-ip", "203.0.113.9")
        .header("forwarded", "for=203.0.113.9");
    gateway.send(&request);
    let headers = origin.only_request().headers;
    assert_eq!(headers.all("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(headers.all("x-forwarded-proto"), ["http"]);
    assert_eq!(headers.all("x-forwarded-host"), ["public.example"]);
    assert_eq!(headers.get("host"), Some(origin.address().to_string().as_str()));
    assert!(!headers.has("x-real-ip") && !headers.has("forwarded"));
    assert_eq!(gateway.wait_for_access_log(1)[0]["client_ip"], "127.0.0.1");
}

#[test]
fn a_trusted_proxy_is_believed() {
    let origin = hello();
    let gateway = open("trusted-proxies: [127.0.0.0/8]", &origin);
    let request = Request::get("/x")
        .header("x-forwarded-for", "198.51.100.1, 203.0.113.9")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", "public.example");
    gateway.send(&request);
    let headers = origin.only_request().headers;
    assert_eq!(headers.all("x-forwarded-for"), ["198.51.100.1, 203.0.113.9, 127.0.0.1"]);
    assert_eq!(headers.all("x-forwarded-proto"), ["https"]);
    assert_eq!(headers.all("x-forwarded-host"), ["public.example"]);
    assert_eq!(gateway.wait_for_access_log(1)[0]["client_ip"], "203.0.113.9");
}

#[test]
fn the_origin_sees_the_path_that_was_matched() {
    let origin = hello();
    let yaml = "apis: [ { id: all, path: '', backend: '{origin}/v1', subscription-required: false } ]";
    let gateway = Gateway::with(yaml).origin(&origin).start();
    for (sent, seen) in [
        ("/", "/v1/"),
        ("/a/b", "/v1/a/b"),
        ("/a/./b/../c", "/v1/a/c"),
        ("/a/%2e%2e/c", "/v1/c"),
        ("/../../c", "/v1/c"),
        ("/%7Euser/%41", "/v1/~user/A"),
        ("/%c3%a4", "/v1/%C3%A4"),
        ("/a//b/", "/v1/a//b/"),
        ("/a?x=%2F..%2f&y=/../z", "/v1/a?x=%2F..%2f&y=/../z"),
        ("/a?", "/v1/a?"),
    ] {
        assert_eq!(gateway.get(sent).status, 200, "{sent}");
        assert_eq!(origin.requests().last().unwrap().target, seen, "{sent}");
    }
}

#[test]
fn the_public_path_gives_way_to_the_origins_base() {
    let origin = hello();
    let yaml = "apis:\n  - { id: based, path: shop/orders, backend: '{origin}/v1', subscription-required: false }\n  \
                - { id: bare, path: bare, backend: '{origin}', subscription-required: false }\n";
    let gateway = Gateway::with(yaml).origin(&origin).start();
    for (sent, seen) in [
        ("/shop/orders/7?x=1", "/v1/7?x=1"),
        ("/shop/orders/", "/v1/"),
        ("/shop/orders", "/v1"),
        ("/shop/orders?x=1", "/v1?x=1"),
        ("/bare/7", "/7"),
        ("/bare", "/"),
        ("/bare?x=1", "/?x=1"),
        ("/bare/bare", "/bare"),
    ] {
        assert_eq!(gateway.get(sent).status, 200, "{sent}");
        assert_eq!(origin.requests().last().unwrap().target, seen, "{sent}");
    }
}

#[test]
fn no_spelling_of_a_path_slips_past_the_api_that_guards_it() {
    let origin = hello();
    let yaml = "apis:\n  - { id: public, path: public, backend: {origin}, subscription-required: false }\n  \
                - { id: secret, path: secret, backend: {origin} }\n";
    let gateway = Gateway::with(yaml).origin(&origin).start();
    for path in ["/secret/x", "/public/../secret/x", "/public/%2e%2e/secret/x", "/%73ecret/x", "/./secret/x"] {
        assert_eq!(gateway.get(path).status, 401, "{path}");
    }
    for path in ["/public/..%2fsecret/x", "/public/..\\secret/x"] {
        assert_eq!(gateway.get(path).status, 400, "{path}");
    }
    assert_eq!(gateway.get("//secret/x").status, 404);
    assert_eq!(gateway.get("/SECRET/x").status, 404);
    assert!(origin.requests().is_empty());
}

#[test]
fn literals_go_before_parameters_before_wildcards() {
    let origin = hello();
    let operations = [
        ("list", "GET", "/"),
        ("top", "GET", "/top"),
        ("get", "GET", "/{id}"),
        ("line", "GET", "/{id}/lines/{line}"),
        ("image", "GET", "/img-{name}.png"),
        ("files", "GET", "/files/*"),
        ("any", "'*'", "/any"),
        ("rest", "PUT", "/*"),
    ];
    let operations: String = operations
        .iter()
        .map(|(id, method, url)| format!("      - {{ id: {id}, method: {method}, url: '{url}' }}\n"))
        .collect();
    let yaml = format!(
        "apis:\n  - id: a\n    path: a\n    backend: {{origin}}\n    subscription-required: false\n    operations:\n{operations}"
    );
    let gateway = Gateway::with(&yaml).origin(&origin).start();
    let cases = [
        ("GET", "/a", "list"),
        ("GET", "/a/", "list"),
        ("GET", "/a/top", "top"),
        ("GET", "/a/7", "get"),
        ("GET", "/a/top%2B", "get"),
        ("GET", "/a/7/lines/8", "line"),
        ("GET", "/a/img-7.png", "image"),
        ("GET", "/a/files/x/y", "files"),
        ("GET", "/a/files/", "files"),
        ("DELETE", "/a/any", "any"),
        ("PUT", "/a/x/y/z", "rest"),
        ("GET", "/a/7/", ""),
        ("GET", "/a/7/8", ""),
        ("POST", "/a/7", ""),
        ("GET", "/b", ""),
    ];
    let mut client = gateway.client();
    for (method, path, operation) in cases {
        let status = client.send(&Request::new(method, path)).status;
        assert_eq!(status, if operation.is_empty() { 404 } else { 200 }, "{method} {path}");
    }
    let log = gateway.wait_for_access_log(cases.len());
    for (entry, (method, path, operation)) in log.iter().zip(cases) {
        assert_eq!(entry["operation"].as_str().unwrap_or_default(), operation, "{method} {path}");
    }
}

#[test]
fn large_bodies_stream_both_ways_in_little_memory() {
    let large = vec![b'a'; 32 * MIB];
    let answer = large.clone();
    let origin = Origin::start(move |request| match request.method.as_str() {
        "POST" => Response::new(200).body(request.body.len().to_string()),
        _ => Response::new(200).body(answer.clone()),
    });
    let gateway = open("workers: 1", &origin);
    let mut client = gateway.client();
    let _ = client.send(&Request::post("/up", vec![b'a'; 1000]));
    let before = gateway.peak_rss_bytes();
    assert_eq!(client.send(&Request::post("/up", large.clone())).text(), large.len().to_string());
    assert!(client.get("/down").body == large);
    let chunked = format!("{:x}\r\n{}\r\n0\r\n\r\n", 8 * MIB, "b".repeat(8 * MIB));
    let chunked = Request::new("POST", "/up").header("transfer-encoding", "chunked").body(chunked);
    assert_eq!(client.send(&chunked).text(), (8 * MIB).to_string());
    let grown = gateway.peak_rss_bytes() - before;
    assert!(grown < 8 << 20, "resident memory grew by {grown} bytes");
    assert_eq!(client.connections_opened(), 1);
}

#[test]
fn the_beginning_of_a_response_does_not_wait_for_its_end() {
    let origin = Origin::start(|_| Answer::stall_in_body(Response::new(200).body("first, and last"), 5));
    let gateway = open("", &origin);
    let mut client = gateway.connect();
    client.write(b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    let head = client.read_response_head().unwrap();
    assert_eq!(head.headers.get("content-length"), Some("15"));
    assert_eq!(client.read_some(100).unwrap(), b"first");
}

#[test]
fn a_chunked_response_arrives_whole() {
    let text = "0123456789".repeat(10_000);
    let body = text.clone();
    let origin = Origin::start(move |_| Answer::chunked(Response::new(200).body(body.clone()), 7));
    let response = open("", &origin).get("/x");
    assert!(response.text() == text);
    assert!(response.headers.has("transfer-encoding") ^ response.headers.has("content-length"));
}

#[test]
fn a_response_that_ends_with_its_connection_arrives_whole() {
    let origin = Origin::start(|_| Answer::raw("HTTP/1.0 200 OK\r\n\r\nuntil the end"));
    assert_eq!(open("", &origin).get("/x").text(), "until the end");
}

#[test]
fn the_method_and_the_body_arrive_as_they_were_sent() {
    let origin = Origin::echo();
    let gateway = open("", &origin);
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        let echo = gateway.send(&Request::new(method, "/x?y=1").header("x-a", "b").body("text")).json();
        assert_eq!(
            (&echo["method"], &echo["target"], &echo["body"]),
            (&method.into(), &"/x?y=1".into(), &"text".into())
        );
    }
    let seen = origin.requests();
    assert!(seen.iter().all(|request| joined(&request.headers, "content-length") == "4"), "{seen:?}");
}
