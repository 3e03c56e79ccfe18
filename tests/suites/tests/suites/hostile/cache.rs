//! Rows 54–59: nobody gets another one's response, nobody poisons what others get, and nothing grows without bound.

use crate::policies::{keyed_api, open_api, serve};
use crate::rfc9111::{cached, cached_with, counting, saying};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tollgate_harness::{Answer, Origin, PATIENCE, Request, Response, Step};

/// The same API with a cache by RFC 9111, and with the pair of statements.
fn both_caches() -> [(&'static str, String); 2] {
    let statements =
        "inbound: [ cache-lookup ]\noutbound: [ { cache-store: { duration: 600, cache-response: true } } ]";
    [("rfc9111", cached("{}")), ("statements", open_api(statements))]
}

/// An origin that answers with what it was asked, so that every answer belongs to one request only.
fn mirror(control: &'static str) -> Origin {
    counting(move |request, number, _| {
        let text = |name: &str| request.headers.get(name).unwrap_or("-").to_owned();
        let parts = [
            request.method.clone(),
            request.target.clone(),
            text("x-forwarded-host"),
            text("x-forwarded-proto"),
            String::from_utf8_lossy(&request.body).into_owned(),
            number.to_string(),
        ];
        Response::new(200).header("cache-control", control).body(parts.join(" "))
    })
}

fn without_number(response: &Response) -> String {
    response.text().rsplit_once(' ').unwrap().0.to_owned()
}

// === row 54 ===

#[test]
fn row_54_host_scheme_path_query_and_method_are_told_apart() {
    for (name, yaml) in both_caches() {
        let yaml = format!("trusted-proxies: [ 127.0.0.1 ]\n{yaml}");
        let gateway = serve(&yaml, mirror("public, max-age=600"));
        let requests = [
            Request::get("/a?x=1").header("host", "one.example"),
            Request::get("/a?x=1").header("host", "two.example"),
            Request::get("/a?x=1").header("host", "one.example:8080"),
            Request::get("/a?x=1").header("host", "one.example").header("x-forwarded-proto", "https"),
            Request::get("/a?x=1").header("host", "one.example").header("x-forwarded-host", "three.example"),
            Request::get("/b?x=1").header("host", "one.example"),
            Request::get("/a/?x=1").header("host", "one.example"),
            Request::get("/A?x=1").header("host", "one.example"),
            Request::get("/a?x=2").header("host", "one.example"),
            Request::get("/a?x=1&y").header("host", "one.example"),
            Request::get("/a").header("host", "one.example"),
        ];
        let first: Vec<String> = requests.iter().map(|request| gateway.send(request).text().to_owned()).collect();
        let again: Vec<String> = requests.iter().map(|request| gateway.send(request).text().to_owned()).collect();
        assert_eq!(first, again, "{name}: each has its own");
        assert_eq!(gateway.origin.requests().len(), requests.len(), "{name}");
        let post = gateway.send(&Request::post("/a?x=1", "").header("host", "one.example"));
        assert!(post.text().starts_with("POST "), "{name}: {post:?}");
    }
}

#[test]
fn row_54_one_resource_written_in_several_ways_is_one() {
    for (name, yaml) in both_caches() {
        let gateway = serve(&yaml, mirror("public, max-age=600"));
        let host =
            |target: &str, host: &str| gateway.send(&Request::get(target).header("host", host)).text().to_owned();
        let first = host("/a/c?x=1&y=2", "one.example");
        for (target, authority) in [
            ("/a/c?y=2&x=1", "one.example"),
            ("/a/./c?x=1&y=2", "one.example"),
            ("/b/../a/%63?x=1&y=2", "one.example"),
            ("/a/c?x=1&y=2", "ONE.example"),
            ("/a/c?x=1&y=2", "one.example:80"),
        ] {
            assert_eq!(host(target, authority), first, "{name}: {target} {authority}");
        }
    }
}

#[test]
fn row_54_a_get_with_a_body_is_neither_answered_from_the_cache_nor_stored() {
    for (name, yaml) in both_caches() {
        let gateway = serve(&yaml, mirror("public, max-age=600"));
        let fat = |body: &str| Request::get("/a").body(body.as_bytes());
        for body in ["one", "two"] {
            let response = gateway.send(&fat(body));
            assert!(without_number(&response).ends_with(body), "{name}: {response:?}");
        }
        let plain = gateway.get("/a");
        assert!(without_number(&plain).ends_with(' '), "{name}: {plain:?}");
        assert!(without_number(&gateway.send(&fat("three"))).ends_with("three"), "{name}");
    }
}

#[test]
fn row_54_two_tenants_never_read_each_others_responses() {
    let origin = counting(|request, _, _| {
        // What an origin does that knows its tenants by a field that the gateway sets, and says nothing of it.
        let tenant = request.headers.get("x-tenant").unwrap_or("none");
        Response::new(200).header("cache-control", "public, max-age=600").body(format!("{tenant} {}", request.target))
    });
    let yaml =
        keyed_api("inbound:\n  - set-header: { name: x-tenant, value: \"${subscription.id}\" }", "inbound: [ base ]");
    let yaml = yaml.replace("    backend: {origin}\n", "    backend: {origin}\n    cache: {}\n");
    let gateway = serve(&format!("workers: 2\n{yaml}"), origin);
    let address = gateway.address();
    let wrong = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for (key, tenant) in [("acme-1", "acme"), ("zeta-1", "zeta"), ("acme-2", "acme"), ("zeta-1", "zeta")] {
            let wrong = &wrong;
            scope.spawn(move || {
                let mut client = tollgate_harness::Client::new(address);
                for number in 0..2_500 {
                    let target = format!("/{}", number % 50);
                    let request = Request::get(&target).header("ocp-apim-subscription-key", key);
                    if client.send(&request).text() != format!("{tenant} {target}") {
                        wrong.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(wrong.into_inner(), 0);
    assert!(gateway.origin.requests().len() <= 200, "most of it came from the cache");
}

#[test]
fn row_54_subscriptions_share_only_where_the_operator_says_so() {
    for (settings, expected) in [("{}", 2), ("{ shared: true }", 1)] {
        let yaml = keyed_api("inbound: []", "inbound: [ base ]");
        let yaml =
            yaml.replace("    backend: {origin}\n", &format!("    backend: {{origin}}\n    cache: {settings}\n"));
        let gateway = serve(&yaml, saying(&[("cache-control", "max-age=600")]));
        for key in ["acme-1", "acme-2", "zeta-1"] {
            assert_eq!(gateway.send(&Request::get("/").header("ocp-apim-subscription-key", key)).status, 200);
        }
        assert_eq!(gateway.origin.requests().len(), expected, "{settings}");
        assert_eq!(gateway.get("/").status, 401, "a stored response opens no door");
    }
}

// === row 55 ===

#[test]
fn row_55_what_is_for_one_user_is_never_another_ones() {
    for (fields, is_stored) in [
        (vec![("cache-control", "max-age=600")], true),
        (vec![("cache-control", "max-age=600, private")], false),
        (vec![("cache-control", "max-age=600, PRIVATE")], false),
        (vec![("cache-control", "max-age=600"), ("cache-control", "private")], false),
        (vec![("cache-control", "no-store, max-age=600")], false),
        (vec![("cache-control", "max-age=600,,No-Store")], false),
        (vec![("cache-control", "max-age=600"), ("set-cookie", "session=1")], false),
    ] {
        for (name, yaml) in both_caches() {
            let gateway = serve(&yaml, saying(&fields));
            gateway.get("/me");
            assert_eq!(gateway.get("/me").text() == "answer 1", is_stored, "{name}: {fields:?}");
        }
    }
}

#[test]
fn row_55_credentials_keep_a_response_from_others_unless_it_says_otherwise() {
    for (control, is_stored) in [
        ("max-age=600", false),
        ("max-age=600, public", true),
        ("max-age=600, must-revalidate", true),
        ("s-maxage=600", true),
    ] {
        let gateway = serve(&cached("{}"), saying(&[("cache-control", control)]));
        gateway.send(&Request::get("/me").header("authorization", "Bearer one"));
        let other = gateway.send(&Request::get("/me").header("authorization", "Bearer two"));
        assert_eq!(other.text() == "answer 1", is_stored, "{control}");
    }
    let (_, statements) = &both_caches()[1];
    let gateway = serve(statements, saying(&[("cache-control", "public, max-age=600")]));
    gateway.send(&Request::get("/me").header("authorization", "Bearer one"));
    assert_eq!(gateway.get("/me").text(), "answer 2");
}

#[test]
fn row_55_credentials_count_though_a_statement_takes_them_away() {
    let policies = "inbound:\n  - set-header: { name: authorization, exists-action: delete }";
    let gateway = serve(&cached_with("{}", policies), saying(&[("cache-control", "max-age=600")]));
    gateway.send(&Request::get("/me").header("authorization", "Bearer one"));
    assert_eq!(gateway.get("/me").text(), "answer 2");
    assert!(!gateway.origin.requests()[0].headers.has("authorization"));
}

// === row 56 ===

#[test]
fn row_56_a_response_that_varies_by_everything_is_never_used_again() {
    for vary in ["*", "accept, *", ", *", "a b"] {
        for (name, yaml) in both_caches() {
            let origin =
                counting(move |_, _, response| response.header("cache-control", "max-age=600").header("vary", vary));
            let gateway = serve(&yaml, origin);
            gateway.get("/");
            assert_eq!(gateway.get("/").text(), "answer 2", "{name}: {vary}");
        }
    }
}

#[test]
fn row_56_a_flood_of_variants_keeps_the_newest_64_and_pushes_nothing_else_out() {
    let origin = saying(&[("cache-control", "max-age=600"), ("vary", "x-any")]);
    let gateway = serve(&cached("{}"), origin);
    let mut client = gateway.client();
    let mut ask = |target: &str, any: &str| client.send(&Request::get(target).header("x-any", any)).text().to_owned();
    let other = ask("/other", "0");
    let first = ask("/", "0");
    for number in 1..=300 {
        ask("/", &number.to_string());
    }
    let before = gateway.origin.requests().len();
    for number in 300 - 63..=300 {
        ask("/", &number.to_string());
    }
    assert_eq!(gateway.origin.requests().len(), before, "the newest 64 are there");
    assert_ne!(ask("/", "0"), first, "the oldest is gone");
    assert_eq!(ask("/other", "0"), other);
    let huge = "x".repeat(20_000);
    assert_ne!(ask("/", &huge), ask("/", &huge), "what is too large to compare is not stored");
}

// === row 57 ===

/// What an attacker sends, and what it must not change for the next one.
#[test]
fn row_57_nothing_that_is_not_in_the_key_reaches_what_others_get() {
    let attacks: [(&str, &str); 25] = [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-scheme", "nothttps"),
        ("x-forwarded-proto", "evil"),
        ("x-forwarded-port", "1"),
        ("x-forwarded-prefix", "//evil.example"),
        ("x-forwarded-server", "evil.example"),
        ("x-forwarded-for", "evil"),
        ("forwarded", "host=evil.example"),
        ("x-host", "evil.example"),
        ("x-http-host-override", "evil.example"),
        ("x-original-host", "evil.example"),
        ("x-original-url", "/evil"),
        ("x-original-uri", "/evil"),
        ("x-rewrite-url", "/evil"),
        ("x-http-method-override", "DELETE"),
        ("x-http-method", "DELETE"),
        ("x-method-override", "DELETE"),
        ("x_forwarded_host", "evil.example"),
        ("x-forwarded_host", "evil.example"),
        ("x-real-ip", "6.6.6.6"),
        ("true-client-ip", "6.6.6.6"),
        ("x-client-ip", "6.6.6.6"),
        ("connection", "x-forwarded-host, vary, cache-control"),
        ("te", "trailers"),
        ("upgrade", "h2c"),
    ];
    // An origin that believes everything it is told, and says that all of it may be stored.
    let origin = Origin::start(|request: &Request| {
        let named = request.headers.0.iter().filter(|(name, _)| {
            let name = name.to_ascii_lowercase();
            name != "x-forwarded-for"
                && (name.starts_with("x-") || name.starts_with("x_") || name == "forwarded" || name == "true-client-ip")
        });
        let body: Vec<u8> = named.flat_map(|(name, value)| [name.as_bytes(), b"=", value, b";"].concat()).collect();
        Response::new(200).header("cache-control", "public, max-age=600").body(body)
    });
    let gateway = serve(&cached("{}"), origin);
    let host = |request: Request| request.header("host", "shop.example");
    for (number, (name, value)) in attacks.iter().enumerate() {
        let target = format!("/{number}");
        let clean = gateway.send(&host(Request::get(&format!("/clean-{number}"))));
        gateway.send(&host(Request::get(&target).header(name, value)));
        let victim = gateway.send(&host(Request::get(&target)));
        assert_eq!((victim.status, victim.text()), (200, clean.text()), "{name}: {value}");
        assert!(!victim.text().contains("evil") && !victim.text().contains("6.6.6.6"), "{name}: {}", victim.text());
    }
}

#[test]
fn row_57_an_error_that_somebody_provokes_is_nobody_elses() {
    let origin = counting(|request, _, response| {
        let is_odd = request.headers.has("x-oversize") || request.headers.has("x-meta") || request.headers.has("range");
        if is_odd { Response::new(400).body("bad") } else { response.header("cache-control", "max-age=600") }
    });
    let gateway = serve(&cached("{ heuristics: true }"), origin);
    let huge = "x".repeat(20_000);
    for (number, (name, value)) in
        [("x-oversize", huge.as_str()), ("x-meta", "\x07\\"), ("range", "bytes=x")].into_iter().enumerate()
    {
        let target = format!("/{number}");
        gateway.send(&Request::get(&target).header(name, value));
        let victim = gateway.get(&target);
        assert_eq!((victim.status, victim.text() == "bad"), (200, false), "{name}");
    }
}

#[test]
fn row_57_a_path_that_looks_like_a_file_makes_nothing_storable() {
    // What the origin says of /me it says of /me/x.css too: nothing, or that it is private.
    for control in ["", "private, max-age=600", "no-cache"] {
        let gateway = serve(&cached("{}"), counting(move |_, _, response| response.header("cache-control", control)));
        for target in ["/me/x.css", "/me;x.css", "/me%3Fx.css", "/me/.%2e/me/logo.png", "/me/%23.js"] {
            let first = gateway.send(&Request::get(target).header("cookie", "session=victim"));
            let second = gateway.get(target);
            assert_ne!(first.text(), second.text(), "{control}: {target}");
        }
    }
}

#[test]
fn row_57_a_part_is_never_taken_for_the_whole() {
    for (name, yaml) in both_caches() {
        let origin = counting(|request, _, response| match request.headers.get("range") {
            // Some origins send a part with 200, and some say whatever they like of how long it may be kept.
            Some("bytes=0-1") => Response::new(200)
                .header("content-range", "bytes 0-1/8")
                .header("cache-control", "max-age=600")
                .body("an"),
            Some(_) => Response::new(206)
                .header("content-range", "bytes 2-3/8")
                .header("cache-control", "max-age=600")
                .body("sw"),
            None => response.header("cache-control", "max-age=600"),
        });
        let gateway = serve(&yaml, origin);
        for range in ["bytes=0-1", "bytes=2-3", "bytes=-1"] {
            gateway.send(&Request::get("/").header("range", range));
        }
        assert!(gateway.get("/").text().starts_with("answer "), "{name}");
    }
}

// === row 58 ===

#[test]
fn row_58_a_thousand_clients_who_want_the_same_are_one_for_the_origin() {
    let origin = counting(|_, _, response| {
        Answer::Script(vec![
            Step::Wait(Duration::from_millis(1_500)),
            Step::Send(b"HTTP/1.1 200 OK\r\ncache-control: max-age=600\r\ncontent-length: 8\r\n\r\n".to_vec()),
            Step::Send(response.body),
        ])
    });
    let gateway = serve(&format!("workers: 2\n{}", cached("{}")), origin);
    let statuses = gateway.burst(1_000, || Request::get("/popular"));
    assert_eq!(statuses, [200; 1_000]);
    assert_eq!(gateway.origin.requests().len(), 1);
}

#[test]
fn row_58_those_who_wait_get_each_their_own_variant() {
    let origin = counting(|request, _, _| {
        let language = request.headers.get("accept-language").unwrap_or("-").to_owned();
        let response = Response::new(200).header("cache-control", "max-age=600").header("vary", "accept-language");
        Answer::drip(response.body(language), 1_000, Duration::from_millis(200))
    });
    let gateway = serve(&cached("{}"), origin);
    let address = gateway.address();
    let seen = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for number in 0..60 {
            let seen = &seen;
            scope.spawn(move || {
                let language = ["de", "en", "fr"][number % 3];
                let request = Request::get("/").header("accept-language", language);
                let response = tollgate_harness::Client::new(address).send(&request);
                *seen.lock().unwrap().entry((language, response.text().to_owned())).or_insert(0) += 1;
            });
        }
    });
    let expected = [("de", "de"), ("en", "en"), ("fr", "fr")].map(|(asked, got)| ((asked, got.to_owned()), 20));
    assert_eq!(seen.into_inner().unwrap(), BTreeMap::from(expected));
    assert!(gateway.origin.requests().len() <= 6, "{}", gateway.origin.requests().len());
}

#[test]
fn row_58_what_is_for_nobody_else_makes_no_queue() {
    // Each answer takes 300 ms and may not be stored: one behind the other, 40 of them would take 12 s.
    let origin = Origin::start(|_: &Request| {
        let response = Response::new(200).header("cache-control", "no-store").body("own");
        Answer::Script(vec![Step::Wait(Duration::from_millis(300)), Step::Send(plain(&response))])
    });
    let gateway = serve(&cached("{}"), origin);
    for _ in 0..2 {
        let began = Instant::now();
        assert_eq!(gateway.burst(40, || Request::get("/")), [200; 40]);
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
    assert_eq!(gateway.origin.requests().len(), 80);
}

/// A response on the wire.
fn plain(response: &Response) -> Vec<u8> {
    let mut bytes =
        format!("HTTP/1.1 {} X\r\ncontent-length: {}\r\n", response.status, response.body.len()).into_bytes();
    for (name, value) in &response.headers.0 {
        bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    bytes.extend(b"\r\n");
    bytes.extend(&response.body);
    bytes
}

#[test]
fn row_58_who_waits_for_a_slow_origin_waits_for_a_limited_time() {
    let origin = Origin::start(move |request: &Request| match request.headers.has("x-stuck") {
        true => Answer::stall(),
        false => Answer::from(Response::new(200).header("cache-control", "max-age=600").body("fine")),
    });
    let gateway = serve(&cached("{ collapse-timeout: 0.5 }"), origin);
    let mut stuck = gateway.connect();
    let host = gateway.address().to_string();
    stuck.write(&Request::get("/").header("x-stuck", "1").to_bytes(&host)).unwrap();
    gateway.origin.wait_for_requests(1);
    let began = Instant::now();
    let response = gateway.get("/");
    assert_eq!((response.status, response.text()), (200, "fine"));
    assert!((Duration::from_millis(400)..Duration::from_secs(10)).contains(&began.elapsed()), "{:?}", began.elapsed());
    assert_eq!(gateway.get("/").text(), "fine");
    assert_eq!(gateway.origin.requests().len(), 2, "what went alone was stored all the same");
}

#[test]
fn row_58_a_client_that_goes_away_takes_nothing_from_those_who_wait() {
    let origin = counting(|_, number, response| {
        let response = response.header("cache-control", "max-age=600");
        match number {
            1 => Answer::stall(),
            _ => Answer::from(response),
        }
    });
    let gateway = serve(&cached("{}"), origin);
    let mut first = gateway.connect();
    first.write(&Request::get("/").to_bytes("h")).unwrap();
    gateway.origin.wait_for_requests(1);
    let address = gateway.address();
    let waiting =
        std::thread::spawn(move || tollgate_harness::Client::new(address).send(&Request::get("/").header("host", "h")));
    std::thread::sleep(Duration::from_millis(200));
    first.reset();
    let response = waiting.join().unwrap();
    assert_eq!((response.status, response.text()), (200, "answer 2"));
}

#[test]
fn row_58_a_client_that_reads_slowly_holds_up_nobody_else() {
    let body = "x".repeat(1 << 20);
    let origin = counting(move |_, _, _| Response::new(200).header("cache-control", "max-age=600").body(body.clone()));
    let gateway = serve(&cached("{}"), origin);
    // It asks and reads nothing.
    let mut slow = TcpStream::connect(gateway.address()).unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").unwrap();
    gateway.origin.wait_for_requests(1);
    let began = Instant::now();
    let response = gateway.send(&Request::get("/").header("host", "h"));
    assert_eq!((response.status, response.body.len()), (200, 1 << 20));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(gateway.origin.requests().len(), 1);
}

#[test]
fn row_58_a_body_that_breaks_off_is_never_stored() {
    for (name, yaml) in both_caches() {
        for kind in ["length", "chunks", "close"] {
            let origin = counting(move |_, number, response| {
                let response = response.header("cache-control", "max-age=600");
                match (number, kind) {
                    (1, "length") => Answer::close_in_body(response, 4),
                    (1, "chunks") => Answer::raw(
                        "HTTP/1.1 200 OK\r\ncache-control: max-age=600\r\ntransfer-encoding: chunked\r\n\r\n4\r\nansw\r\n",
                    ),
                    // The end of a connection says nothing of the end of a body.
                    (1, _) => Answer::raw("HTTP/1.1 200 OK\r\ncache-control: max-age=600\r\n\r\nansw"),
                    _ => Answer::from(response),
                }
            });
            let gateway = serve(&yaml, origin);
            let first = gateway.client().try_send(&Request::get("/"));
            assert_eq!(first.is_ok(), kind == "close", "{name} {kind}: the client sees that it broke off");
            assert_eq!(gateway.get("/").text(), "answer 2", "{name} {kind}");
            assert_eq!(gateway.get("/").text(), "answer 2", "{name} {kind}");
        }
    }
}

#[test]
fn row_58_a_failing_origin_is_not_asked_by_all_who_hold_a_stale_response() {
    let down = Arc::new(AtomicBool::new(false));
    let origin = counting({
        let down = Arc::clone(&down);
        move |_, _, response| match down.load(Ordering::SeqCst) {
            false => Answer::from(response.header("cache-control", "max-age=1, stale-if-error=600")),
            true => Answer::Script(vec![Step::Wait(Duration::from_millis(800)), Step::Close]),
        }
    });
    let gateway = serve(&cached("{}"), origin);
    gateway.get("/");
    std::thread::sleep(Duration::from_millis(1_100));
    down.store(true, Ordering::SeqCst);
    assert_eq!(gateway.burst(100, || Request::get("/")), [200; 100]);
    // One of them asked, and once more over a new connection.
    assert!(gateway.origin.requests().len() <= 12, "{}", gateway.origin.requests().len());
}

// === row 59 ===

#[test]
fn row_59_a_flood_of_resources_and_slow_readers_stays_within_its_memory() {
    let body = "x".repeat(64 << 10);
    let origin =
        Origin::start(move |_: &Request| Response::new(200).header("cache-control", "max-age=600").body(body.clone()));
    let yaml = format!("state: {{ cache-bytes: 16MiB, cache-entry-bytes: 1MiB }}\n{}", cached("{}"));
    let gateway = serve(&yaml, origin);
    let mut client = gateway.client();
    client.get("/warm");
    let before = resident(gateway.pid());
    // 100 MiB of different resources.
    for number in 0..1_600 {
        assert_eq!(client.get(&format!("/{number}")).status, 200);
    }
    // And 300 clients who ask for others and read nothing.
    let slow: Vec<TcpStream> = (0..300)
        .map(|number| {
            let mut stream = TcpStream::connect(gateway.address()).unwrap();
            write!(stream, "GET /slow-{number} HTTP/1.1\r\nhost: h\r\n\r\n").unwrap();
            stream
        })
        .collect();
    gateway.origin.wait_for_requests(1_601 + slow.len());
    assert_eq!(client.get("/last").status, 200);
    let grown = resident(gateway.pid()).saturating_sub(before);
    assert!(grown < 80 << 20, "{} MiB more", grown >> 20);
    assert_eq!(client.get("/last").body.len(), 64 << 10);
}

/// Bytes of memory that a process holds.
fn resident(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

#[test]
fn row_59_a_cache_of_no_bytes_passes_everything_on() {
    let gateway =
        serve(&format!("state: {{ cache-bytes: 0 }}\n{}", cached("{}")), saying(&[("cache-control", "max-age=600")]));
    let began = Instant::now();
    assert_eq!(gateway.get("/").status, 200);
    assert_eq!(gateway.burst(20, || Request::get("/")), [200; 20]);
    assert!(began.elapsed() < PATIENCE);
}
