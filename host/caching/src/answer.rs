//! A stored response becomes the answer to a request (RFC 9111 §4): whole, a part of it, its head, or the word that the
//! client has it already.

use std::time::Instant;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use tollgate_core::message::ResponseHead;

use crate::range::{Wanted, wanted};
use crate::storing::Stored;
use crate::validation::{allows_range, is_not_modified};

/// Fields about a body that a 304 doesn't have (RFC 9110 §15.4.5).
const OF_BODY: [header::HeaderName; 5] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_RANGE,
];

/// What a client gets for a request with these fields, now. `method` is `GET` or `HEAD`.
pub fn answer(stored: &Stored, method: &Method, request: &HeaderMap, now: Instant) -> (ResponseHead, Bytes) {
    let mut head = stored.head().clone();
    head.headers.insert(header::AGE, HeaderValue::from(stored.freshness().age(now).as_secs()));
    let is_success = head.status.is_success();
    if is_success && is_not_modified(request, stored) {
        return (not_modified(head), Bytes::new());
    }
    if *method == Method::HEAD {
        head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(stored.body().len()));
        return (head, Bytes::new());
    }
    match request.get(header::RANGE) {
        Some(range) if head.status == StatusCode::OK && allows_range(request, stored) => {
            part(head, stored.body(), wanted(range, stored.body().len()))
        }
        _ => (head, stored.body().clone()),
    }
}

fn not_modified(mut head: ResponseHead) -> ResponseHead {
    (head.status, head.reason) = (StatusCode::NOT_MODIFIED, None);
    for name in OF_BODY {
        head.headers.remove(name);
    }
    if head.headers.contains_key(header::ETAG) {
        head.headers.remove(header::LAST_MODIFIED);
    }
    head
}

fn part(mut head: ResponseHead, body: &Bytes, wanted: Wanted) -> (ResponseHead, Bytes) {
    let length = body.len();
    match wanted {
        Wanted::Whole => (head, body.clone()),
        Wanted::Part { first, last } => {
            (head.status, head.reason) = (StatusCode::PARTIAL_CONTENT, None);
            set_content_range(&mut head, format!("bytes {first}-{last}/{length}"));
            (head, body.slice(first..=last))
        }
        Wanted::Unsatisfiable => {
            let mut refused = ResponseHead::new(StatusCode::RANGE_NOT_SATISFIABLE);
            set_content_range(&mut refused, format!("bytes */{length}"));
            (refused, Bytes::new())
        }
    }
}

fn set_content_range(head: &mut ResponseHead, text: String) {
    if let Ok(value) = HeaderValue::try_from(text) {
        head.headers.insert(header::CONTENT_RANGE, value);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use http::HeaderName;

    use super::*;
    use crate::{Asked, RequestDirectives, Rules, Storable, Timing};

    fn headers(fields: &[(&str, &str)]) -> HeaderMap {
        let field = |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        fields.iter().map(field).collect()
    }

    fn stored(status: u16) -> Stored {
        let now = Instant::now();
        let timing = Timing { requested: now, received: now, received_at: SystemTime::now() };
        let fields = [
            ("cache-control", "max-age=60"),
            ("etag", "\"a\""),
            ("last-modified", "Thu, 18 Aug 2005 02:01:18 GMT"),
            ("content-type", "text/plain"),
            ("x-own", "1"),
            ("age", "5"),
        ];
        let head = ResponseHead {
            headers: headers(&fields),
            reason: Some("Fine".into()),
            ..ResponseHead::new(StatusCode::from_u16(status).unwrap())
        };
        let (nothing, directives) = (HeaderMap::new(), RequestDirectives::default());
        let asked = Asked { method: &Method::GET, headers: &nothing, is_authorized: false, directives: &directives };
        let storable = Storable::of(&asked, &head, &timing, &Rules::default()).unwrap();
        storable.with_body(Bytes::from_static(b"0123456789"))
    }

    fn ask(status: u16, method: Method, request: &[(&str, &str)]) -> (ResponseHead, Bytes) {
        let stored = stored(status);
        let later = stored.freshness().received + Duration::from_millis(2_900);
        answer(&stored, &method, &headers(request), later)
    }

    #[test]
    fn the_whole_response_has_its_age_in_whole_seconds() {
        let (head, body) = ask(200, Method::GET, &[]);
        assert_eq!(
            (head.status, head.reason.as_deref(), &body[..]),
            (StatusCode::OK, Some("Fine"), &b"0123456789"[..])
        );
        assert_eq!((&head.headers["age"], &head.headers["x-own"]), (&HeaderValue::from(7), &HeaderValue::from(1)));
    }

    #[test]
    fn head_gets_the_length_and_no_body() {
        let (head, body) = ask(200, Method::HEAD, &[("range", "bytes=0-1")]);
        assert_eq!((head.status, &head.headers["content-length"]), (StatusCode::OK, &HeaderValue::from(10)));
        assert!(body.is_empty());
    }

    #[test]
    fn who_has_it_already_is_told_so_without_fields_of_the_body() {
        for method in [Method::GET, Method::HEAD] {
            let (head, body) = ask(200, method, &[("if-none-match", "\"a\""), ("range", "bytes=0-1")]);
            assert_eq!((head.status, head.reason), (StatusCode::NOT_MODIFIED, None));
            let mut names: Vec<_> = head.headers.keys().map(HeaderName::as_str).collect();
            names.sort_unstable();
            assert_eq!(names, ["age", "cache-control", "date", "etag", "x-own"]);
            assert!(body.is_empty());
        }
        assert_eq!(ask(404, Method::GET, &[("if-none-match", "\"a\"")]).0.status, StatusCode::NOT_FOUND);
    }

    #[test]
    fn parts_are_of_successes_only() {
        let (head, body) = ask(200, Method::GET, &[("range", "bytes=-3"), ("if-range", "\"a\"")]);
        assert_eq!((head.status, head.reason, &body[..]), (StatusCode::PARTIAL_CONTENT, None, &b"789"[..]));
        assert_eq!(head.headers["content-range"], "bytes 7-9/10");
        let (head, body) = ask(200, Method::GET, &[("range", "bytes=10-")]);
        assert_eq!(
            (head.status, &head.headers["content-range"]),
            (StatusCode::RANGE_NOT_SATISFIABLE, &"bytes */10".parse().unwrap())
        );
        assert!(body.is_empty());
        for (status, request) in [
            (404, &[("range", "bytes=0-1")][..]),
            (200, &[("range", "bytes=0-1"), ("if-range", "\"b\"")]),
            (200, &[("range", "bytes=0-1,2-3")]),
        ] {
            let (head, body) = ask(status, Method::GET, request);
            assert_eq!((head.status.as_u16(), body.len()), (status, 10), "{request:?}");
        }
    }
}
