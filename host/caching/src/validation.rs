//! Conditions: those that ask the origin whether a stored response still holds (RFC 9111 §4.3.1), and those of clients
//! that a stored response answers (§4.3.2, RFC 9110 §13).

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::freshness::{date, parse_date};
use crate::storing::Stored;

/// Conditions that a stored response can answer, and that the gateway's own take the place of.
const OWN: [HeaderName; 2] = [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE];

/// A client's conditions, taken out of its request.
#[derive(Clone, Debug, Default)]
pub struct Conditions(HeaderMap);

impl Conditions {
    /// Take them out.
    pub fn take(headers: &mut HeaderMap) -> Conditions {
        let mut taken = HeaderMap::new();
        for name in OWN {
            for value in headers.get_all(&name) {
                taken.append(name.clone(), value.clone());
            }
            headers.remove(name);
        }
        Conditions(taken)
    }

    /// Put them back in place of whatever is there.
    pub fn put_back(self, headers: &mut HeaderMap) {
        for name in OWN {
            headers.remove(name);
        }
        headers.extend(self.0);
    }
}

/// Does a request hold conditions that a stored response may answer?
pub fn is_conditional(headers: &HeaderMap) -> bool {
    OWN.iter().any(|name| headers.contains_key(name))
}

/// Conditions that are for the origin alone (RFC 9111 §4.3.2).
pub fn is_for_origin(headers: &HeaderMap) -> bool {
    headers.contains_key(header::IF_MATCH) || headers.contains_key(header::IF_UNMODIFIED_SINCE)
}

/// Is there anything to ask the origin with?
pub fn has_validator(stored: &Stored) -> bool {
    let fields = &stored.head().headers;
    fields.contains_key(header::ETAG) || fields.contains_key(header::LAST_MODIFIED)
}

/// Ask whether a stored response still holds. False if it has nothing to ask with.
pub fn make_conditional(headers: &mut HeaderMap, stored: &Stored) -> bool {
    let fields = &stored.head().headers;
    let pairs = [(header::ETAG, header::IF_NONE_MATCH), (header::LAST_MODIFIED, header::IF_MODIFIED_SINCE)];
    let mut is_conditional = false;
    for (validator, condition) in pairs {
        if let Some(value) = fields.get(validator) {
            headers.insert(condition, value.clone());
            is_conditional = true;
        }
    }
    is_conditional
}

/// Does a 304 speak of this response (RFC 9111 §4.3.4)? One with another entity-tag doesn't: then it changes nothing.
pub fn confirms(stored: &Stored, fields: &HeaderMap) -> bool {
    match (fields.get(header::ETAG), stored.head().headers.get(header::ETAG)) {
        (Some(new), Some(old)) => is_same_tag(new.as_bytes(), old.as_bytes()),
        (Some(_), None) => false,
        (None, _) => true,
    }
}

/// Does a response to `HEAD` speak of the same representation (RFC 9111 §4.3.5)?
pub fn agrees(stored: &Stored, head: &HeaderMap) -> bool {
    let own = &stored.head().headers;
    let is_same = |name: HeaderName| head.get(&name).is_none_or(|value| own.get(&name) == Some(value));
    let length = head.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    is_same(header::ETAG) && is_same(header::LAST_MODIFIED) && length.is_none_or(|length| length == stored.body().len())
}

/// Has the client what is stored already (RFC 9110 §13.1.2, §13.1.3)? `If-Modified-Since` counts only without
/// `If-None-Match`, and only if it is a date.
pub fn is_not_modified(request: &HeaderMap, stored: &Stored) -> bool {
    let own = &stored.head().headers;
    if request.contains_key(header::IF_NONE_MATCH) {
        let tag = own.get(header::ETAG).map(HeaderValue::as_bytes);
        let mut tags = request.get_all(header::IF_NONE_MATCH).into_iter().flat_map(|line| tags(line.as_bytes()));
        return tags.any(|candidate| candidate == b"*" || tag.is_some_and(|tag| is_same_tag(candidate, tag)));
    }
    let Some(since) = request.get(header::IF_MODIFIED_SINCE).and_then(parse_date) else { return false };
    let modified = date(own, &header::LAST_MODIFIED).or_else(|| date(own, &header::DATE));
    modified.is_some_and(|modified| modified <= since)
}

/// Does `If-Range` let a part be sent (RFC 9110 §13.1.5)? Only a strong validator that is the same does.
pub fn allows_range(request: &HeaderMap, stored: &Stored) -> bool {
    let Some(condition) = request.get(header::IF_RANGE) else { return true };
    let own = &stored.head().headers;
    let is_strong = |tag: &[u8]| tag.starts_with(b"\"");
    if let Some(tag) = own.get(header::ETAG).map(HeaderValue::as_bytes)
        && (is_strong(condition.as_bytes()) || condition.as_bytes().starts_with(b"W/"))
    {
        return is_strong(tag) && tag == condition.as_bytes();
    }
    // A date is strong if it is a minute before that of the response (RFC 9110 §8.8.2.2).
    match (own.get(header::LAST_MODIFIED), date(own, &header::LAST_MODIFIED), date(own, &header::DATE)) {
        (Some(written), Some(modified), Some(sent)) => written == condition && modified + 60 <= sent,
        _ => false,
    }
}

/// Weak comparison (RFC 9110 §8.8.3.2).
fn is_same_tag(a: &[u8], b: &[u8]) -> bool {
    fn opaque(tag: &[u8]) -> &[u8] {
        let tag = tag.trim_ascii();
        tag.strip_prefix(b"W/").unwrap_or(tag)
    }
    opaque(a) == opaque(b)
}

/// The entity-tags of a list; commas within quotes separate nothing.
fn tags(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut is_quoted = false;
    let split = line.split(move |byte| {
        if *byte == b'"' {
            is_quoted = !is_quoted;
        }
        *byte == b',' && !is_quoted
    });
    split.map(<[u8]>::trim_ascii).filter(|tag| !tag.is_empty())
}

#[cfg(test)]
mod tests {
    use std::time::{Instant, SystemTime};

    use bytes::Bytes;
    use http::{Method, StatusCode};
    use tollgate_core::message::ResponseHead;

    use super::*;
    use crate::{Asked, RequestDirectives, Rules, Storable, Timing};

    const OLD: &str = "Thu, 18 Aug 2005 02:01:18 GMT";
    const NEW: &str = "Thu, 18 Aug 2005 02:05:18 GMT";

    fn headers(fields: &[(&str, &str)]) -> HeaderMap {
        let field = |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        fields.iter().map(field).collect()
    }

    fn stored(fields: &[(&str, &str)]) -> Stored {
        let now = Instant::now();
        let timing = Timing { requested: now, received: now, received_at: SystemTime::now() };
        let mut head = ResponseHead { headers: headers(fields), ..ResponseHead::new(StatusCode::OK) };
        head.headers.insert("cache-control", HeaderValue::from_static("max-age=60"));
        let (nothing, directives) = (HeaderMap::new(), RequestDirectives::default());
        let asked = Asked { method: &Method::GET, headers: &nothing, is_authorized: false, directives: &directives };
        let storable = Storable::of(&asked, &head, &timing, &Rules::default()).unwrap();
        storable.with_body(Bytes::from_static(b"hello"))
    }

    #[test]
    fn the_origin_is_asked_with_all_that_is_known() {
        let mut request = headers(&[("if-none-match", "\"client\""), ("x", "y")]);
        let conditions = Conditions::take(&mut request);
        assert!(!is_conditional(&request));
        assert!(make_conditional(&mut request, &stored(&[("etag", "W/\"a\""), ("last-modified", OLD)])));
        assert_eq!(
            (&request["if-none-match"], &request["if-modified-since"]),
            (&"W/\"a\"".parse().unwrap(), &OLD.parse().unwrap())
        );
        conditions.put_back(&mut request);
        assert_eq!(request, headers(&[("if-none-match", "\"client\""), ("x", "y")]));
        assert!(!make_conditional(&mut HeaderMap::new(), &stored(&[])));
    }

    #[test]
    fn entity_tags_are_compared_weakly_wherever_they_stand() {
        for (own, asked, expected) in [
            ("\"a\"", "\"a\"", true),
            ("\"a\"", "W/\"a\"", true),
            ("W/\"a\"", "\"a\"", true),
            ("W/\"a\"", "W/\"a\"", true),
            ("\"a\"", "\"b\", \"a\"", true),
            ("\"a\"", "\"a\",\"b\"", true),
            ("\"a\"", "*", true),
            ("\"a,b\"", "\"x\", \"a,b\"", true),
            ("a", "a", true),
            ("\"a\"", "\"b\"", false),
            ("\"a\"", "\"A\"", false),
            ("\"a\"", "", false),
            ("\"a\"", "\"x, \"a\"\"", false),
        ] {
            let request = headers(&[("if-none-match", asked)]);
            assert_eq!(is_not_modified(&request, &stored(&[("etag", own)])), expected, "{own} / {asked}");
        }
        assert!(!is_not_modified(&headers(&[("if-none-match", "\"a\"")]), &stored(&[])));
        assert!(is_not_modified(
            &headers(&[("if-none-match", "\"x\""), ("if-none-match", "\"a\"")]),
            &stored(&[("etag", "\"a\"")])
        ));
    }

    #[test]
    fn dates_count_only_without_entity_tags() {
        let not_modified =
            |request: &[(&str, &str)], own: &[(&str, &str)]| is_not_modified(&headers(request), &stored(own));
        assert!(not_modified(&[("if-modified-since", OLD)], &[("last-modified", OLD)]));
        assert!(not_modified(&[("if-modified-since", NEW)], &[("last-modified", OLD)]));
        assert!(!not_modified(&[("if-modified-since", OLD)], &[("last-modified", NEW)]));
        assert!(!not_modified(&[("if-modified-since", "yesterday")], &[("last-modified", OLD)]));
        assert!(not_modified(&[("if-modified-since", "Thursday, 18-Aug-05 02:01:18 GMT")], &[("last-modified", OLD)]));
        // Without `Last-Modified` it is the date of the response.
        assert!(not_modified(&[("if-modified-since", NEW)], &[("date", OLD)]));
        assert!(!not_modified(&[("if-modified-since", OLD)], &[("date", NEW)]));
        let both = [("if-none-match", "\"b\""), ("if-modified-since", NEW)];
        assert!(!not_modified(&both, &[("etag", "\"a\""), ("last-modified", OLD)]));
    }

    #[test]
    fn a_304_about_something_else_confirms_nothing() {
        let confirms = |own: &[(&str, &str)], fields: &[(&str, &str)]| super::confirms(&stored(own), &headers(fields));
        assert!(confirms(&[("etag", "\"a\"")], &[("etag", "\"a\"")]));
        assert!(confirms(&[("etag", "\"a\"")], &[("etag", "W/\"a\"")]));
        assert!(confirms(&[("etag", "\"a\"")], &[]));
        assert!(!confirms(&[("etag", "\"a\"")], &[("etag", "\"b\"")]));
        assert!(!confirms(&[("last-modified", OLD)], &[("etag", "\"b\"")]));
    }

    #[test]
    fn a_head_agrees_if_nothing_of_it_differs() {
        let own = [("etag", "\"a\""), ("last-modified", OLD)];
        let agrees = |fields: &[(&str, &str)]| super::agrees(&stored(&own), &headers(fields));
        assert!(agrees(&[]) && agrees(&[("etag", "\"a\""), ("last-modified", OLD), ("content-length", "5")]));
        for other in [("etag", "\"b\""), ("last-modified", NEW), ("content-length", "6")] {
            assert!(!agrees(&[other]), "{other:?}");
        }
    }

    #[test]
    fn if_range_takes_strong_validators_only() {
        let allows =
            |condition: &str, own: &[(&str, &str)]| allows_range(&headers(&[("if-range", condition)]), &stored(own));
        assert!(allows_range(&HeaderMap::new(), &stored(&[])));
        assert!(allows("\"a\"", &[("etag", "\"a\"")]));
        assert!(!allows("\"b\"", &[("etag", "\"a\"")]));
        assert!(!allows("W/\"a\"", &[("etag", "W/\"a\"")]));
        assert!(!allows("W/\"a\"", &[("etag", "\"a\"")]));
        assert!(allows(OLD, &[("last-modified", OLD), ("date", NEW)]));
        assert!(!allows(OLD, &[("last-modified", OLD), ("date", OLD)]));
        assert!(!allows(NEW, &[("last-modified", OLD), ("date", NEW)]));
        assert!(!allows("\"a\"", &[]));
    }
}
