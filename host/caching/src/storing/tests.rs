use std::time::SystemTime;

use http::HeaderName;
use proptest::prelude::*;

use super::*;

fn headers(fields: &[(&str, &str)]) -> HeaderMap {
    let field = |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    fields.iter().map(field).collect()
}

fn head(status: u16, fields: &[(&str, &str)]) -> ResponseHead {
    ResponseHead { headers: headers(fields), ..ResponseHead::new(StatusCode::from_u16(status).unwrap()) }
}

fn timing() -> Timing {
    let now = Instant::now();
    Timing { requested: now, received: now, received_at: SystemTime::now() }
}

fn ask(method: Method, request: &[(&str, &str)], head: &ResponseHead, rules: &Rules) -> Result<Storable, Unstorable> {
    let headers = headers(request);
    let directives = RequestDirectives::of(&headers);
    let is_authorized = headers.contains_key(header::AUTHORIZATION);
    let asked = Asked { method: &method, headers: &headers, is_authorized, directives: &directives };
    Storable::of(&asked, head, &timing(), rules)
}

fn get(request: &[(&str, &str)], status: u16, response: &[(&str, &str)]) -> Result<(), Unstorable> {
    ask(Method::GET, request, &head(status, response), &Rules::default()).map(|_| ())
}

fn cache_control(value: &str) -> Result<(), Unstorable> {
    get(&[], 200, &[("cache-control", value)])
}

#[test]
fn a_response_has_to_say_that_it_may_be_stored() {
    assert_eq!(get(&[], 200, &[]), Err(Unstorable::NotExplicit));
    assert_eq!(get(&[], 200, &[("etag", "\"a\""), ("last-modified", "x")]), Err(Unstorable::NotExplicit));
    assert_eq!(get(&[], 200, &[("expires", "Thu, 18 Aug 2050 02:01:18 GMT")]), Ok(()));
    for stored in ["max-age=1", "s-maxage=1", "max-age=0, stale-if-error=9", "max-age=0, stale-while-revalidate=9"] {
        assert_eq!(cache_control(stored), Ok(()), "{stored}");
    }
    // Nothing that could be used or asked for again.
    for useless in ["max-age=0", "public", "no-cache", "max-age=x", "must-revalidate"] {
        assert_eq!(cache_control(useless), Err(Unstorable::NotExplicit), "{useless}");
    }
    for validated in ["max-age=0", "public", "no-cache", "max-age=9, no-cache"] {
        assert_eq!(get(&[], 200, &[("cache-control", validated), ("etag", "\"a\"")]), Ok(()), "{validated}");
    }
}

#[test]
fn heuristics_are_off_until_an_operator_wants_them() {
    let modified = head(200, &[("last-modified", "Thu, 18 Aug 2005 02:01:18 GMT")]);
    let ask = |rules: &Rules| ask(Method::GET, &[], &modified, rules).map(|_| ());
    assert_eq!(ask(&Rules::default()), Err(Unstorable::NotExplicit));
    assert_eq!(ask(&Rules { heuristics: true, ..Rules::default() }), Ok(()));
}

#[test]
fn what_is_forbidden_is_not_stored() {
    for value in ["no-store, max-age=9", "max-age=9, NO-STORE", "public, no-store, s-maxage=9"] {
        assert_eq!(cache_control(value), Err(Unstorable::NoStore), "{value}");
    }
    for value in ["private, max-age=9", "max-age=9, Private", "public, private, s-maxage=9"] {
        assert_eq!(cache_control(value), Err(Unstorable::Private), "{value}");
    }
    let fresh = [("cache-control", "max-age=9")];
    assert_eq!(get(&[("cache-control", "no-store")], 200, &fresh), Err(Unstorable::NoStore));
    for vary in ["*", "a, *", "a b"] {
        assert_eq!(get(&[], 200, &[fresh[0], ("vary", vary)]), Err(Unstorable::Vary), "{vary}");
    }
    let huge = "x".repeat(10_000);
    assert_eq!(get(&[("a", &huge)], 200, &[fresh[0], ("vary", "a")]), Err(Unstorable::Vary));
    for method in [Method::HEAD, Method::POST, Method::OPTIONS] {
        let stored = ask(method, &[], &head(200, &fresh), &Rules::default());
        assert_eq!(stored.map(|_| ()), Err(Unstorable::Method));
    }
}

#[test]
fn credentials_need_a_word_that_others_may_have_the_response() {
    let authorized = |value: &str| get(&[("authorization", "x")], 200, &[("cache-control", value)]);
    for allowed in ["public, max-age=9", "must-revalidate, max-age=9", "s-maxage=9"] {
        assert_eq!(authorized(allowed), Ok(()), "{allowed}");
    }
    for refused in ["max-age=9", "proxy-revalidate, max-age=9", "max-age=9, x=\"public\"", "immutable, max-age=9"] {
        assert_eq!(authorized(refused), Err(Unstorable::Authorization), "{refused}");
    }
}

#[test]
fn statuses_are_stored_if_they_say_so_and_none_forbids_it() {
    let fresh = [("cache-control", "max-age=9")];
    for status in [200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504, 599] {
        assert_eq!(get(&[], status, &fresh), Ok(()), "{status}");
        assert_eq!(get(&[], status, &[]), Err(Unstorable::NotExplicit), "{status}");
    }
    for status in [206, 304, 428, 429, 431, 511] {
        assert_eq!(get(&[], status, &fresh), Err(Unstorable::Status), "{status}");
    }
    assert_eq!(get(&[], 200, &[fresh[0], ("content-range", "bytes 0-1/5")]), Err(Unstorable::Status));
    let understood = [("cache-control", "max-age=9, must-understand, no-store")];
    assert_eq!(get(&[], 200, &understood), Ok(()));
    assert_eq!(get(&[], 599, &understood), Err(Unstorable::Status));
}

fn stored(response: &[(&str, &str)]) -> Stored {
    ask(Method::GET, &[], &head(200, response), &Rules::default()).unwrap().with_body(Bytes::from_static(b"x"))
}

#[test]
fn cookies_are_stored_with_nobody() {
    assert_eq!(get(&[], 200, &[("cache-control", "max-age=9"), ("set-cookie", "a=b")]), Err(Unstorable::SetCookie));
    for word in ["private", "no-cache"] {
        let control = format!("max-age=9, {word}=\"Set-Cookie, x-user\"");
        let stored = stored(&[("cache-control", &control), ("set-cookie", "a=b"), ("x-user", "7"), ("x-other", "8")]);
        let names: Vec<_> = stored.head().headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["cache-control", "x-other", "date"], "{word}");
        assert!(stored.freshness().is_fresh(Instant::now()));
    }
}

#[test]
fn a_stored_response_has_the_date_of_its_origin_or_of_its_arrival_and_no_age() {
    let old = "Thu, 18 Aug 2005 02:01:18 GMT";
    let of = stored(&[("cache-control", "max-age=9"), ("etag", "a"), ("date", old), ("age", "3")]);
    assert_eq!(of.head().headers["date"], old);
    assert!(!of.head().headers.contains_key("age") && of.freshness().age(Instant::now()) > Duration::from_secs(9));
    assert!(stored(&[("cache-control", "max-age=9")]).head().headers.contains_key("date"));
}

#[test]
fn who_must_be_validated_is_never_used_stale() {
    let rules = Rules {
        stale_while_revalidate: Duration::from_secs(5),
        stale_if_error: Duration::from_secs(6),
        ..Rules::default()
    };
    let times = |control: &str| {
        let head = head(200, &[("cache-control", control), ("etag", "a")]);
        let stored = ask(Method::GET, &[], &head, &rules).unwrap().with_body(Bytes::new());
        (stored.stale_while_revalidate().as_secs(), stored.stale_if_error().as_secs())
    };
    assert_eq!(times("max-age=1"), (5, 6));
    assert_eq!(times("max-age=1, stale-while-revalidate=7, stale-if-error=8"), (7, 8));
    assert_eq!(times("max-age=1, stale-while-revalidate=0, stale-if-error=0"), (0, 0));
    for control in ["must-revalidate", "proxy-revalidate", "s-maxage=1", "no-cache"] {
        assert_eq!(times(&format!("max-age=1, {control}, stale-while-revalidate=7, stale-if-error=8")), (0, 0));
    }
}

fn update(stored: &Stored, fields: &[(&str, &str)]) -> (Stored, Result<(), Unstorable>) {
    let nothing = HeaderMap::new();
    let directives = RequestDirectives::default();
    let asked = Asked { method: &Method::GET, headers: &nothing, is_authorized: false, directives: &directives };
    stored.updated(&asked, &headers(fields), &timing(), &Rules::default())
}

#[test]
fn a_304_replaces_and_adds_fields_but_not_those_of_the_body() {
    let before = stored(&[
        ("cache-control", "max-age=0"),
        ("etag", "\"a\""),
        ("content-encoding", "gzip"),
        ("x-two", "1"),
        ("x-two", "2"),
        ("x-kept", "1"),
    ]);
    assert!(!before.freshness().is_fresh(Instant::now()));
    let fields = [
        ("cache-control", "max-age=60"),
        ("content-encoding", "br"),
        ("content-length", "7"),
        ("content-range", "bytes 0-1/2"),
        ("etag", "\"b\""),
        ("x-two", "3"),
        ("x-new", "4"),
        ("content-type", "text/plain"),
    ];
    let (after, may_be_stored) = update(&before, &fields);
    assert_eq!(may_be_stored, Ok(()));
    let of = |name: &str| after.head().headers.get_all(name).iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>();
    assert_eq!((of("x-two"), of("x-kept"), of("x-new")), (vec!["3"], vec!["1"], vec!["4"]));
    assert_eq!(
        (of("content-encoding"), of("etag"), of("content-type")),
        (vec!["gzip"], vec!["\"a\""], vec!["text/plain"])
    );
    assert!(of("content-length").is_empty() && of("content-range").is_empty());
    assert!(after.freshness().is_fresh(Instant::now()));
    assert_eq!(after.body(), before.body());
    assert!(after.replaces(&before));
}

#[test]
fn a_304_may_end_the_storing() {
    let before = stored(&[("cache-control", "max-age=9"), ("etag", "\"a\"")]);
    let (after, may_be_stored) = update(&before, &[("cache-control", "no-store")]);
    assert_eq!(may_be_stored, Err(Unstorable::NoStore));
    assert_eq!(
        (&after.head().headers["etag"], &after.head().headers["cache-control"]),
        (&"\"a\"".parse().unwrap(), &"no-store".parse().unwrap())
    );
    assert_eq!(after.body(), before.body());
}

#[test]
fn variants_are_chosen_by_what_their_requests_held() {
    let head = head(200, &[("cache-control", "max-age=9"), ("vary", "accept")]);
    let variant = |accept: &str| {
        ask(Method::GET, &[("accept", accept)], &head, &Rules::default()).unwrap().with_body(Bytes::new())
    };
    let (a, b) = (variant("a"), variant("b"));
    assert!(a.fits(&headers(&[("accept", "a"), ("x", "y")])) && !a.fits(&headers(&[("accept", "b")])));
    assert!(!a.fits(&HeaderMap::new()) && !a.replaces(&b) && a.replaces(&variant("a")));
}

proptest! {
    /// Whatever else a response says: without a word for others, nothing of a request with credentials is stored, and
    /// nothing that is forbidden.
    #[test]
    fn nothing_forbidden_is_ever_stored(
        words in proptest::collection::vec("(max-age=[0-9]{1,3}|public|s-maxage=5|immutable|must-revalidate|no-cache|x=\"no-store\")", 0..5),
        at in 0_usize..5,
        forbidden in "(no-store|private|NO-STORE|Private|no-store=1)",
        status in 200_u16..600,
    ) {
        let mut all = words.clone();
        all.insert(at.min(words.len()), forbidden);
        let control = all.join(", ");
        prop_assert!(get(&[], status, &[("cache-control", &control), ("etag", "a")]).is_err());
        let control = words.join(", ");
        let allows = words.iter().any(|word| matches!(word.as_str(), "public" | "s-maxage=5" | "must-revalidate"));
        if !allows {
            prop_assert!(get(&[("authorization", "x")], status, &[("cache-control", &control), ("etag", "a")]).is_err());
        }
        prop_assert!(get(&[], status, &[("cache-control", &control), ("etag", "a"), ("set-cookie", "a=b")]).is_err());
    }
}
