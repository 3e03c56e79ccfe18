//! The cache of whole APIs, by RFC 9111: what a client sees of it and what an origin does. The arithmetic has its own
//! tests, case by case, in `host/caching`.

use crate::policies::{Served, keyed_api, logged_error, number, open_api, serve};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tollgate_harness::{Answer, Gateway, Origin, PATIENCE, Request, Response, Step};

/// An API at the root with a cache and these policies.
pub(crate) fn cached_with(settings: &str, policies: &str) -> String {
    format!("{}    cache: {settings}\n", open_api(policies))
}

/// An API at the root with a cache.
pub(crate) fn cached(settings: &str) -> String {
    cached_with(settings, "inbound: []")
}

/// An origin that counts its answers from 1, which are the bodies: `answer 1`, …
pub(crate) fn counting<A: Into<Answer>>(
    make: impl Fn(&Request, usize, Response) -> A + Send + Sync + 'static,
) -> Origin {
    let count = AtomicUsize::new(0);
    Origin::start(move |request| {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        make(request, number, Response::new(200).body(format!("answer {number}")))
    })
}

/// One that says the same of all its answers.
pub(crate) fn saying(fields: &[(&'static str, &'static str)]) -> Origin {
    let fields = fields.to_vec();
    counting(move |_, _, response| fields.iter().fold(response, |response, (name, value)| response.header(name, value)))
}

/// A gateway with a cache in front of an origin that says this in `Cache-Control`.
fn serve_saying(control: &'static str) -> Served<Origin> {
    serve(&cached("{ mode: rfc9111 }"), saying(&[("cache-control", control)]))
}

fn cache_status(response: &Response) -> String {
    response.headers.all("cache-status").join(", ")
}

fn http_date(from_now: i64) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(now.saturating_add_signed(from_now)))
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_fresh_response_is_used_again_and_says_how_old_it_is() {
    let origin =
        saying(&[("cache-control", "max-age=60"), ("age", "10"), ("x-a", "1"), ("x-a", "2"), ("etag", "\"e\"")]);
    let gateway = serve(&cached("{}"), origin);
    let (miss, hit) = (gateway.get("/x"), gateway.get("/x"));
    assert_eq!((miss.text(), hit.text()), ("answer 1", "answer 1"));
    for name in ["cache-control", "x-a", "etag", "content-length", "date"] {
        assert_eq!(hit.headers.all(name), miss.headers.all(name), "{name}");
    }
    assert!((10..40).contains(&number(&hit, "age")));
    assert_eq!(hit.headers.all("age").len(), 1);
    assert_eq!(cache_status(&miss), "Tollgate; fwd=uri-miss; fwd-status=200; stored");
    assert!(cache_status(&hit).starts_with("Tollgate; hit; ttl="), "{hit:?}");
    assert_ne!(hit.headers.get("x-request-id"), miss.headers.get("x-request-id"));
    let log = gateway.wait_for_access_log(2);
    let said: Vec<_> = log.iter().map(|line| (line["cache"].as_str(), line.get("origin_us").is_some())).collect();
    assert!(said.contains(&(Some("miss"), true)) && said.contains(&(Some("hit"), false)), "{said:?}");
    let metrics = gateway.metrics();
    let count = |result: &str| metrics.sum("tollgate_cache_requests_total", &[("result", result)]);
    assert_eq!((count("hit"), count("miss")), (1.0, 1.0));
}

#[test]
fn an_api_without_the_key_caches_nothing_and_says_nothing() {
    let gateway = serve(&open_api("inbound: []"), saying(&[("cache-control", "max-age=60")]));
    assert_eq!((gateway.get("/").text(), gateway.get("/").text()), ("answer 1", "answer 2"));
    assert!(!gateway.get("/").headers.has("cache-status"));
}

#[test]
fn what_may_be_used_again_is_what_says_so() {
    for (control, is_used) in [
        ("max-age=60", true),
        ("MAX-AGE=\"60\"", true),
        ("s-maxage=60", true),
        ("s-maxage=60, max-age=0", true),
        ("public, max-age=60", true),
        ("max-age=60, x=\"no-store\"", true),
        ("max-age=60, must-understand, no-store", true),
        ("", false),
        ("max-age=0", false),
        ("s-maxage=0, max-age=60", false),
        ("max-age=-60", false),
        ("max-age=60, max-age=0", false),
        ("No-Store, max-age=60", false),
        ("Private, max-age=60", false),
        ("no-cache, max-age=60", false),
        ("x=\"max-age=60\"", false),
        ("public", false),
    ] {
        let gateway = serve_saying(control);
        let again = (gateway.get("/").text().to_owned(), gateway.get("/").text().to_owned()).1;
        assert_eq!(again == "answer 1", is_used, "{control}");
    }
}

#[test]
fn expires_counts_from_date_and_age_counts_against_it() {
    for (fields, is_used) in [
        (vec![("expires", http_date(60))], true),
        (vec![("expires", http_date(60)), ("date", http_date(-10))], true),
        (vec![("expires", http_date(20)), ("date", http_date(0)), ("age", "25".into())], false),
        (vec![("expires", http_date(-60))], false),
        (vec![("expires", "0".into())], false),
        (vec![("expires", http_date(60)), ("cache-control", "max-age=0".into())], false),
        (vec![("cache-control", "max-age=60".into()), ("age", "90".into())], false),
        (vec![("cache-control", "max-age=60".into()), ("date", http_date(-90))], false),
        (vec![("cache-control", "max-age=60".into()), ("age", "x".into())], true),
        (vec![("cache-control", "no-store".into()), ("cdn-cache-control", "max-age=60".into())], true),
        (vec![("cache-control", "max-age=60".into()), ("cdn-cache-control", "no-store".into())], false),
    ] {
        let sent = fields.clone();
        let origin = counting(move |_, _, response| {
            sent.iter().fold(response, |response, (name, value)| response.header(name, value))
        });
        let gateway = serve(&cached("{}"), origin);
        let again = (gateway.get("/").text().to_owned(), gateway.get("/").text().to_owned()).1;
        assert_eq!(again == "answer 1", is_used, "{fields:?}");
    }
}

#[test]
fn nothing_is_guessed_unless_the_operator_wants_it() {
    let old = http_date(-100_000);
    let origin = move || {
        let old = old.clone();
        counting(move |_, _, response| response.header("last-modified", &old))
    };
    let gateway = serve(&cached("{}"), origin());
    assert_eq!((gateway.get("/").text(), gateway.get("/").text()), ("answer 1", "answer 2"));
    let gateway = serve(&cached("{ heuristics: true }"), origin());
    assert_eq!((gateway.get("/").text(), gateway.get("/").text()), ("answer 1", "answer 1"));
}

#[test]
fn a_stale_response_is_validated_and_a_304_renews_it() {
    for (validator, value, condition) in [
        ("etag", "\"one\"", "if-none-match"),
        ("etag", "W/\"one\"", "if-none-match"),
        ("last-modified", "Thu, 18 Aug 2005 02:01:18 GMT", "if-modified-since"),
    ] {
        let origin = counting(move |request, number, response| {
            let response =
                response.header(validator, value).header("x-kept", "1").header("x-number", number.to_string());
            match request.headers.get(condition) {
                None => response.header("cache-control", "max-age=0, public"),
                Some(asked) => {
                    assert_eq!(asked, value);
                    let fresh = Response::new(304).header(validator, value).header("cache-control", "max-age=60");
                    fresh.header("x-number", number.to_string()).header("content-length", "999").header("x-new", "1")
                }
            }
        });
        let gateway = serve(&cached("{}"), origin);
        assert_eq!(gateway.get("/").text(), "answer 1");
        let renewed = gateway.get("/");
        assert_eq!((renewed.status, renewed.text()), (200, "answer 1"));
        assert_eq!(cache_status(&renewed).split("; ttl").next(), Some("Tollgate; fwd=stale; fwd-status=304"));
        let hit = gateway.get("/");
        for response in [&renewed, &hit] {
            let of = |name: &str| response.headers.all(name);
            assert_eq!((of("x-number"), of("x-kept"), of("x-new")), (vec!["2"], vec!["1"], vec!["1"]));
            assert_eq!((of("cache-control"), of("content-length")), (vec!["max-age=60"], vec!["8"]));
        }
        assert_eq!(gateway.origin.requests().len(), 2);
    }
}

#[test]
fn a_validation_that_finds_something_new_replaces_what_is_stored() {
    let origin = counting(|_, number, response| {
        response.header("etag", format!("\"{number}\"")).header("cache-control", "no-cache")
    });
    let gateway = serve(&cached("{}"), origin);
    for number in 1..=3 {
        assert_eq!(gateway.get("/").text(), format!("answer {number}"));
    }
    let asked: Vec<_> =
        gateway.origin.requests().iter().map(|it| it.headers.get("if-none-match").map(str::to_owned)).collect();
    assert_eq!(asked, [None, Some("\"1\"".into()), Some("\"2\"".into())]);
}

#[test]
fn a_newer_response_that_may_not_be_stored_ends_the_older_one() {
    let origin = counting(|_, number, response| {
        response.header("cache-control", if number == 2 { "no-store" } else { "max-age=60" })
    });
    let gateway = serve(&cached("{}"), origin);
    assert_eq!(gateway.get("/").text(), "answer 1");
    let forced = Request::get("/").header("cache-control", "no-cache");
    assert_eq!(gateway.send(&forced).text(), "answer 2");
    assert_eq!(gateway.get("/").text(), "answer 3");
    assert_eq!(gateway.get("/").text(), "answer 3");
}

#[test]
fn conditions_of_clients_are_answered_from_the_cache() {
    let modified = "Thu, 18 Aug 2005 02:01:18 GMT";
    let origin = saying(&[
        ("cache-control", "max-age=60"),
        ("etag", "\"one\""),
        ("last-modified", modified),
        ("content-type", "text/plain"),
        ("x-own", "1"),
    ]);
    let gateway = serve(&cached("{}"), origin);
    gateway.get("/");
    for (name, value, status) in [
        ("if-none-match", "\"one\"", 304),
        ("if-none-match", "W/\"one\"", 304),
        ("if-none-match", "\"two\", \"one\"", 304),
        ("if-none-match", "*", 304),
        ("if-none-match", "\"two\"", 200),
        ("if-modified-since", modified, 304),
        ("if-modified-since", "Thu, 18 Aug 2005 02:01:17 GMT", 200),
    ] {
        let response = gateway.send(&Request::get("/").header(name, value));
        assert_eq!(response.status, status, "{name}: {value}");
        if status == 304 {
            assert_eq!((response.headers.get("etag"), response.headers.get("x-own")), (Some("\"one\""), Some("1")));
            assert!(
                response.headers.has("age") && response.headers.has("date") && response.headers.has("cache-control")
            );
            assert!(!response.headers.has("content-type") && response.body.is_empty());
        }
    }
    let both = Request::get("/").header("if-none-match", "\"two\"").header("if-modified-since", modified);
    assert_eq!(gateway.send(&both).status, 200);
    assert_eq!(gateway.origin.requests().len(), 1);
}

#[test]
fn conditions_that_nothing_stored_can_answer_go_to_the_origin_as_they_are() {
    let origin = counting(|request, _, response| match request.headers.get("if-none-match") {
        Some("\"mine\"") => Response::new(304).header("etag", "\"mine\""),
        _ => response.header("etag", "\"one\"").header("cache-control", "max-age=60"),
    });
    let gateway = serve(&cached("{}"), origin);
    let mine = Request::get("/").header("if-none-match", "\"mine\"");
    assert_eq!(gateway.send(&mine).status, 304);
    assert_eq!(gateway.get("/").status, 200);
    for name in ["if-match", "if-unmodified-since"] {
        let only_origin = Request::get("/").header(name, "\"one\"");
        gateway.send(&only_origin);
        assert!(gateway.origin.requests().last().unwrap().headers.has(name));
    }
}

#[test]
fn a_client_that_has_the_new_response_already_is_told_so() {
    let origin = counting(|_, number, response| {
        response.header("etag", format!("\"{number}\"")).header("cache-control", "max-age=0, public")
    });
    let gateway = serve(&cached("{}"), origin);
    gateway.get("/");
    let response = gateway.send(&Request::get("/").header("if-none-match", "\"2\""));
    assert_eq!((response.status, response.headers.get("etag")), (304, Some("\"2\"")));
    assert_eq!(gateway.origin.requests()[1].headers.all("if-none-match"), ["\"1\""]);
}

#[test]
fn clients_say_how_old_and_how_fresh_a_response_may_be() {
    for (control, asked, reaches_origin) in [
        ("max-age=600", "no-cache", true),
        ("max-age=600", "no-store", true),
        ("max-age=600", "max-age=0", true),
        ("max-age=600", "max-age=60", false),
        ("max-age=600", "min-fresh=500", false),
        ("max-age=600", "min-fresh=700", true),
        ("max-age=600", "only-if-cached", false),
        ("max-age=0, stale-if-error=9", "max-stale", false),
        ("max-age=0, stale-if-error=9", "max-stale=100", false),
        ("max-age=0, stale-if-error=9", "", true),
        ("max-age=600", "", false),
    ] {
        let gateway = serve_saying(control);
        gateway.get("/");
        let response = gateway.send(&Request::get("/").header("cache-control", asked));
        assert_eq!(response.text() != "answer 1", reaches_origin, "{control} / {asked}");
    }
    let gateway = serve_saying("max-age=600");
    gateway.get("/");
    assert_eq!(gateway.send(&Request::get("/").header("pragma", "no-cache")).text(), "answer 2");
}

#[test]
fn what_clients_say_counts_for_nothing_if_the_operator_wants_that() {
    let origin = saying(&[("cache-control", "max-age=600")]);
    let gateway = serve(&cached("{ request-directives: false }"), origin);
    gateway.get("/");
    for asked in ["no-cache", "no-store", "max-age=0", "min-fresh=700", "only-if-cached"] {
        assert_eq!(gateway.send(&Request::get("/").header("cache-control", asked)).text(), "answer 1", "{asked}");
    }
}

#[test]
fn only_if_cached_gets_504_if_nothing_is() {
    let gateway = serve_saying("max-age=60");
    let asked = Request::get("/").header("cache-control", "only-if-cached");
    let refused = gateway.send(&asked);
    assert_eq!((refused.status, refused.text()), (504, "{ \"statusCode\": 504, \"message\": \"Gateway timeout\" }"));
    assert_eq!(logged_error(&gateway, 1), ("forward-request".into(), "NotCached".into()));
    assert!(gateway.origin.requests().is_empty());
    gateway.get("/");
    assert_eq!(gateway.send(&asked).text(), "answer 1");
}

#[test]
fn a_clients_no_store_leaves_nothing_behind() {
    let gateway = serve_saying("max-age=60");
    gateway.send(&Request::get("/").header("cache-control", "no-store"));
    assert_eq!(gateway.get("/").text(), "answer 2");
    assert_eq!(gateway.get("/").text(), "answer 2");
}

#[test]
fn head_is_answered_from_what_get_has_left_and_the_other_way_round_not() {
    let gateway = serve(&cached("{}"), saying(&[("cache-control", "max-age=60"), ("x-own", "1")]));
    let head = Request::new("HEAD", "/");
    assert_eq!(gateway.send(&head).status, 200);
    assert_eq!(gateway.get("/").text(), "answer 2", "a response to HEAD has no body to store");
    let hit = gateway.send(&head);
    assert_eq!((hit.status, hit.headers.get("content-length"), hit.headers.get("x-own")), (200, Some("8"), Some("1")));
    assert!(hit.headers.has("age"));
    assert_eq!(gateway.origin.requests().len(), 2);
}

#[test]
fn a_response_to_head_renews_or_ends_what_is_stored() {
    for (second, expected) in [("\"one\"", "answer 1"), ("\"two\"", "answer 3")] {
        let origin = counting(move |_, number, response| match number {
            1 => response.header("etag", "\"one\"").header("cache-control", "max-age=0, public"),
            _ => response.header("etag", second).header("cache-control", "max-age=60"),
        });
        let gateway = serve(&cached("{}"), origin);
        gateway.get("/");
        gateway.send(&Request::new("HEAD", "/"));
        assert_eq!(gateway.get("/").text(), expected, "{second}");
    }
}

#[test]
fn parts_come_out_of_what_is_stored_whole() {
    let origin = saying(&[("cache-control", "max-age=60"), ("etag", "\"one\"")]);
    let gateway = serve(&cached("{}"), origin);
    gateway.get("/");
    let ask = |range: &str, if_range: Option<&str>| {
        let request = Request::get("/").header("range", range);
        let request = if_range.iter().fold(request, |request, value| request.header("if-range", value));
        gateway.send(&request)
    };
    for (range, part, content_range) in [
        ("bytes=0-1", "an", "bytes 0-1/8"),
        ("bytes=7-", "1", "bytes 7-7/8"),
        ("bytes=-3", "r 1", "bytes 5-7/8"),
        ("bytes=2-100", "swer 1", "bytes 2-7/8"),
    ] {
        let response = ask(range, None);
        assert_eq!((response.status, response.text()), (206, part), "{range}");
        assert_eq!(response.headers.get("content-range"), Some(content_range));
        assert_eq!(ask(range, Some("\"one\"")).status, 206);
        assert_eq!(ask(range, Some("\"two\"")).text(), "answer 1");
    }
    let refused = ask("bytes=8-", None);
    assert_eq!((refused.status, refused.headers.get("content-range")), (416, Some("bytes */8")));
    for ignored in ["bytes=0-1,3-4", "items=0-1", "bytes=2-1"] {
        assert_eq!((ask(ignored, None).status, ask(ignored, None).text()), (200, "answer 1"), "{ignored}");
    }
    assert_eq!(gateway.origin.requests().len(), 1);
}

#[test]
fn a_range_of_what_is_not_stored_is_the_origins_and_its_answer_is_not_stored() {
    let origin = counting(|request, _, response| match request.headers.get("range") {
        Some(_) => {
            Response::new(206).header("content-range", "bytes 0-1/8").header("cache-control", "max-age=60").body("an")
        }
        None => response.header("cache-control", "max-age=60"),
    });
    let gateway = serve(&cached("{}"), origin);
    let part = Request::get("/").header("range", "bytes=0-1");
    assert_eq!((gateway.send(&part).status, gateway.send(&part).text()), (206, "an"));
    assert_eq!(gateway.get("/").text(), "answer 3");
}

#[test]
fn variants_are_told_apart_by_what_the_origin_varies_by() {
    let origin = counting(|request, number, _| {
        let language = request.headers.get("accept-language").unwrap_or("none").to_lowercase();
        let response = Response::new(200).header("cache-control", "max-age=60").header("vary", "Accept-Language");
        response.body(format!("{language} {number}"))
    });
    let gateway = serve(&cached("{}"), origin);
    let ask = |language: &str| gateway.send(&Request::get("/").header("accept-language", language));
    assert_eq!((ask("en").text(), ask("de").text(), gateway.get("/").text()), ("en 1", "de 2", "none 3"));
    assert_eq!((ask("EN").text(), ask(" de ").text(), gateway.get("/").text()), ("en 1", "de 2", "none 3"));
    assert!(cache_status(&ask("fr")).contains("fwd=vary-miss"));
    assert_eq!(gateway.origin.requests().len(), 4);
}

#[test]
fn a_stale_response_is_used_while_the_origin_is_asked_behind_the_clients_back() {
    let origin = counting(|_, number, response| {
        let response = response.header("cache-control", "max-age=1, stale-while-revalidate=600");
        match number {
            1 => Answer::from(response),
            _ => Answer::drip(response, 1000, Duration::from_millis(300)),
        }
    });
    let gateway = serve(&cached("{}"), origin);
    gateway.get("/");
    std::thread::sleep(Duration::from_millis(1_100));
    let stale = gateway.get("/");
    assert_eq!(stale.text(), "answer 1");
    assert!(number(&stale, "age") >= 1 && cache_status(&stale).starts_with("Tollgate; hit; ttl="), "{stale:?}");
    wait_until("the origin is asked", || gateway.origin.requests().len() == 2);
    wait_until("the new response is used", || gateway.get("/").text() == "answer 2");
}

#[test]
fn an_operator_may_say_it_for_responses_that_do_not() {
    let origin = saying(&[("cache-control", "max-age=1")]);
    let gateway = serve(&cached("{ stale-while-revalidate: 600 }"), origin);
    gateway.get("/");
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(gateway.get("/").text(), "answer 1");
}

#[test]
fn a_stale_response_stands_in_for_an_origin_that_fails() {
    for (control, asked, expected) in [
        ("max-age=1, stale-if-error=600", "", 200),
        ("max-age=1", "stale-if-error=600", 200),
        ("max-age=1", "", 503),
        ("max-age=1, stale-if-error=600, must-revalidate", "", 503),
        ("max-age=1, stale-if-error=600, proxy-revalidate", "", 503),
        ("s-maxage=1, stale-if-error=600", "", 503),
    ] {
        let origin = counting(move |_, number, response| match number {
            1 => Answer::from(response.header("cache-control", control)),
            2 => Answer::from(Response::new(503).body("down")),
            _ => Answer::close(),
        });
        let gateway = serve(&cached("{}"), origin);
        gateway.get("/");
        std::thread::sleep(Duration::from_millis(1_100));
        let request = Request::get("/").header("cache-control", asked);
        let response = gateway.send(&request);
        assert_eq!(response.status, expected, "{control} / {asked}");
        let closed = gateway.send(&request);
        if expected == 200 {
            assert_eq!((response.text(), closed.text()), ("answer 1", "answer 1"), "{control} / {asked}");
            assert!(cache_status(&response).contains("fwd=stale; fwd-status=503"), "{response:?}");
        } else {
            assert_eq!(closed.status, 502, "{control} / {asked}");
        }
    }
}

#[test]
fn what_changes_a_resource_ends_what_is_stored_of_it() {
    for (method, status, is_used) in [
        ("POST", 201, false),
        ("PUT", 204, false),
        ("PATCH", 200, false),
        ("DELETE", 303, false),
        ("POST", 404, true),
        ("DELETE", 500, true),
        ("OPTIONS", 200, true),
    ] {
        let origin = counting(move |request, _, response| match request.method == "GET" {
            true => response.header("cache-control", "max-age=60"),
            false => Response::new(status),
        });
        let gateway = serve(&cached("{}"), origin);
        gateway.get("/a?x=1");
        gateway.send(&Request::new(method, "/a?x=1").header("content-length", "0"));
        assert_eq!(gateway.get("/a?x=1").text() == "answer 1", is_used, "{method} {status}");
    }
}

#[test]
fn what_a_change_names_ends_too_if_it_is_of_the_same_origin() {
    for (field, named, is_used) in [
        ("location", "/b", false),
        ("location", "b", false),
        ("content-location", "/b", false),
        ("location", "http://{host}/b", false),
        ("location", "{origin}/b", false),
        ("location", "http://elsewhere.example/b", true),
        ("location", "/c", true),
    ] {
        let origin = counting(move |request, _, response| match request.method == "GET" {
            true => response.header("cache-control", "max-age=60"),
            false => {
                let text = |name: &str| request.headers.get(name).unwrap_or_default().to_owned();
                let origin = format!("http://{}", text("host"));
                Response::new(201)
                    .header(field, named.replace("{host}", &text("x-forwarded-host")).replace("{origin}", &origin))
            }
        });
        let gateway = serve(&cached("{}"), origin);
        gateway.get("/b");
        gateway.send(&Request::post("/a", "x"));
        assert_eq!(gateway.get("/b").text() == "answer 1", is_used, "{field}: {named}");
    }
}

#[test]
fn a_change_ends_the_copies_of_all_subscriptions_and_variants() {
    let origin = counting(|request, _, response| match request.method == "GET" {
        true => response.header("cache-control", "max-age=60").header("vary", "accept"),
        false => Response::new(204),
    });
    let yaml = keyed_api("inbound: []", "inbound: [ base ]")
        .replace("    policies:\n      inbound: []", "    cache: {}\n    policies:\n      inbound: []");
    let gateway = serve(&yaml, origin);
    let ask = |key: &str, accept: &str| {
        let request = Request::get("/").header("ocp-apim-subscription-key", key).header("accept", accept);
        gateway.send(&request).text().to_owned()
    };
    let before = [ask("acme-1", "a"), ask("acme-1", "b"), ask("zeta-1", "a")];
    assert_eq!([ask("acme-2", "a"), ask("acme-1", "b"), ask("zeta-1", "a")], before);
    gateway.send(&Request::post("/", "x").header("ocp-apim-subscription-key", "acme-1"));
    let after = [ask("acme-1", "a"), ask("acme-1", "b"), ask("zeta-1", "a")];
    assert!(before.iter().zip(&after).all(|(before, after)| before != after), "{before:?} {after:?}");
}

#[test]
fn a_change_whose_client_goes_away_counts_as_one() {
    let origin = counting(|request, _, response| match request.method == "GET" {
        true => Answer::from(response.header("cache-control", "max-age=60")),
        false => Answer::stall(),
    });
    let gateway = serve(&cached("{}"), origin);
    let get = Request::get("/").header("host", "h");
    assert_eq!(gateway.send(&get).text(), "answer 1");
    let mut gone = gateway.connect();
    gone.write(&Request::post("/", "x").to_bytes("h")).unwrap();
    gateway.origin.wait_for_requests(2);
    assert_eq!(gateway.send(&get).text(), "answer 1", "nothing is known yet");
    gone.reset();
    wait_until("it is asked for again", || gateway.send(&get).text() != "answer 1");
}

#[test]
fn what_was_asked_for_before_a_change_is_for_nobody_who_asks_behind_it() {
    let origin = counting(|request, number, response| match request.method == "GET" {
        // Its head comes after a second.
        true if number == 1 => {
            let head = "HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ncontent-length: 8\r\n\r\nanswer 1";
            Answer::Script(vec![Step::Wait(Duration::from_secs(1)), Step::Send(head.into())])
        }
        true => Answer::from(response.header("cache-control", "max-age=60")),
        false => Answer::from(Response::new(204)),
    });
    let gateway = serve(&cached("{}"), origin);
    let address = gateway.address();
    let early = std::thread::spawn(move || tollgate_harness::Client::new(address).get("/"));
    gateway.origin.wait_for_requests(1);
    // The origin counts a request just after it can be seen.
    std::thread::sleep(Duration::from_millis(100));
    gateway.send(&Request::new("DELETE", "/"));
    // It waits for the first one, and doesn't take what that one gets.
    assert_eq!(gateway.get("/").text(), "answer 3");
    assert_eq!(early.join().unwrap().text(), "answer 1");
    assert_eq!(gateway.get("/").text(), "answer 3");
}

#[test]
fn inbound_runs_before_a_stored_response_is_used_and_outbound_behind_it() {
    let policies = "inbound:\n  - rate-limit-by-key: { calls: 2, renewal-period: 60, counter-key: client-ip }\n\
                    outbound:\n  - set-header: { name: x-out, exists-action: append, value: \"${response.headers['x-n']}\" }";
    let gateway = serve(&cached_with("{}", policies), saying(&[("cache-control", "max-age=60"), ("x-n", "7")]));
    for _ in 0..2 {
        let response = gateway.get("/");
        assert_eq!((response.text(), response.headers.all("x-out")), ("answer 1", vec!["7"]));
    }
    assert_eq!(gateway.get("/").status, 429);
    assert_eq!(gateway.origin.requests().len(), 1);
}

#[test]
fn what_statements_make_of_a_request_is_what_is_told_apart() {
    let policies = "inbound:\n  - rewrite-uri: { template: \"/v2/${request.headers['x-tenant']}\" }";
    let gateway = serve(&cached_with("{}", policies), saying(&[("cache-control", "max-age=60")]));
    let ask = |tenant: &str| gateway.send(&Request::get("/").header("x-tenant", tenant)).text().to_owned();
    assert_eq!([ask("a"), ask("b"), ask("a"), ask("b")], ["answer 1", "answer 2", "answer 1", "answer 2"]);
}

#[test]
fn fail_on_error_status_code_counts_for_stored_errors_too() {
    let policies = "backend:\n  - forward-request: { fail-on-error-status-code: true }\non-error:\n  - set-header: { name: x-failed, value: \"1\" }";
    let origin =
        counting(|_, number, _| Response::new(404).header("cache-control", "max-age=60").body(number.to_string()));
    let gateway = serve(&cached_with("{}", policies), origin);
    for _ in 0..2 {
        let response = gateway.get("/");
        assert_eq!((response.status, response.text(), response.headers.get("x-failed")), (404, "1", Some("1")));
    }
}

#[test]
fn fields_that_are_not_for_others_are_left_out() {
    let origin = saying(&[
        ("cache-control", "max-age=60, private=\"set-cookie\", no-cache=\"x-user\""),
        ("set-cookie", "a=b"),
        ("x-user", "7"),
        ("x-other", "8"),
    ]);
    let gateway = serve(&cached("{}"), origin);
    let (first, second) = (gateway.get("/"), gateway.get("/"));
    assert!(first.headers.has("set-cookie") && first.headers.has("x-user"));
    assert_eq!(second.text(), "answer 1");
    assert!(!second.headers.has("set-cookie") && !second.headers.has("x-user") && second.headers.has("x-other"));
}

#[test]
fn errors_are_stored_only_if_they_say_so() {
    for (status, control, is_used) in [
        (404, "max-age=60", true),
        (500, "max-age=60", true),
        (404, "", false),
        (410, "", false),
        (301, "", false),
        (429, "max-age=60", false),
        (431, "max-age=60", false),
    ] {
        let origin = counting(move |_, number, _| {
            Response::new(status).header("cache-control", control).body(number.to_string())
        });
        let gateway = serve(&cached("{ heuristics: true }"), origin);
        gateway.get("/");
        assert_eq!(gateway.get("/").text() == "1", is_used, "{status} {control}");
    }
}

#[test]
fn an_operation_says_what_is_other_for_it() {
    let operations = "[ { id: plain, method: GET, url: /plain }, { id: off, method: GET, url: /off, cache: { mode: off } }, \
                      { id: quiet, method: GET, url: /quiet, cache: { cache-status: false } } ]";
    let yaml = format!(
        "{}    cache: {{ request-directives: false }}\n    operations: {operations}\n",
        open_api("inbound: []")
    );
    let gateway = serve(&yaml, saying(&[("cache-control", "max-age=60")]));
    let twice = |target: &str| {
        let request = Request::get(target).header("cache-control", "no-cache");
        (gateway.send(&request), gateway.send(&request))
    };
    let (first, second) = twice("/plain");
    assert_eq!((first.body == second.body, second.headers.has("cache-status")), (true, true));
    let (first, second) = twice("/off");
    assert_eq!((first.body == second.body, second.headers.has("cache-status")), (false, false));
    let (first, second) = twice("/quiet");
    assert_eq!((first.body == second.body, second.headers.has("cache-status")), (true, false));
}

#[test]
fn what_is_stored_outlives_a_reload_but_not_a_change_of_the_origin() {
    let (first, second) =
        (saying(&[("cache-control", "max-age=60")]), saying(&[("cache-control", "max-age=60"), ("x-second", "1")]));
    let yaml = cached("{}");
    let gateway = Gateway::with(&yaml).origin(&first).start();
    gateway.get("/");
    gateway.reload(&format!("{yaml}# again\n"));
    assert_eq!(gateway.get("/").text(), "answer 1");
    assert_eq!(first.requests().len(), 1);
    gateway.reload(&yaml.replace("{origin}", &second.url()));
    assert!(gateway.get("/").headers.has("x-second"));
}

#[test]
fn a_document_that_asks_for_what_is_not_there_is_refused() {
    for (settings, words) in [
        ("{ mode: rfc7234 }", "expected one of `rfc9111`, `off`"),
        ("{ share: true }", "did you mean `shared`?"),
        ("{ shared: maybe }", "expected `true` or `false`"),
        ("{ collapse-timeout: -1 }", "expected a number of seconds"),
        ("rfc9111", "expected a mapping with keys such as `mode`"),
    ] {
        let outcome = Gateway::with(&cached(settings)).value("origin", "http://127.0.0.1:9").check();
        assert_eq!(outcome.code, 2, "{settings}");
        assert!(outcome.stderr.contains(words), "{settings}: {}", outcome.stderr);
    }
}
