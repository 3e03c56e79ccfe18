//! Whether a stored response answers a request without the origin (RFC 9111 §4, RFC 5861).

use std::time::{Duration, Instant};

use crate::directives::RequestDirectives;
use crate::storing::Stored;

/// What a stored response that fits is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// It is fresh, and fresh enough.
    Fresh,
    /// It is stale, and the client takes it (`max-stale`).
    Stale,
    /// It is stale, and may be used while somebody asks the origin (`stale-while-revalidate`).
    Revalidate,
    /// The origin has to be asked first, because it is stale.
    Validate,
    /// The origin has to be asked first, because the client wants that.
    Refused,
}

/// What a stored response is good for now.
pub fn reuse(stored: &Stored, asked: &RequestDirectives, now: Instant) -> Reuse {
    let age = stored.freshness().age(now);
    let left = stored.freshness().left(now);
    // `no-store` forbids storing only, but who says it doesn't want what others have left either.
    let is_refused = asked.no_cache
        || asked.no_store
        || asked.max_age.is_some_and(|most| age > Duration::from_secs(most) || most == 0)
        || asked.min_fresh.is_some_and(|least| left < Duration::from_secs(least));
    let is_fresh = !left.is_zero();
    let takes_stale = stored.directives().allows_stale()
        && asked.max_stale.is_some_and(|most| stored.freshness().staleness(now) <= Duration::from_secs(most));
    match (is_fresh, is_refused) {
        (true, false) => Reuse::Fresh,
        // A client that takes stale responses asks for nothing newer than its own `max-age`.
        (false, false) if takes_stale => Reuse::Stale,
        (false, false) if stored.freshness().staleness(now) < stored.stale_while_revalidate() => Reuse::Revalidate,
        (false, false) => Reuse::Validate,
        (_, true) => Reuse::Refused,
    }
}

/// May a stored response stand in for an origin that has failed (RFC 5861 §4)? What the client says counts too, unless
/// the response forbids it.
pub fn covers_error(stored: &Stored, asked: &RequestDirectives, now: Instant) -> bool {
    if !stored.directives().allows_stale() || asked.no_cache || asked.no_store {
        return false;
    }
    let staleness = stored.freshness().staleness(now);
    let limit = stored.stale_if_error().max(Duration::from_secs(asked.stale_if_error.unwrap_or(0)));
    !limit.is_zero() && staleness <= limit
}

/// Statuses that `stale-if-error` is about.
pub fn is_error(status: http::StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, Method, StatusCode};
    use tollgate_core::message::ResponseHead;

    use super::*;
    use crate::{Asked, Rules, Storable, Timing};

    fn stored(control: &str) -> (Stored, Instant) {
        let now = Instant::now();
        let timing = Timing { requested: now, received: now, received_at: SystemTime::now() };
        let mut head = ResponseHead::new(StatusCode::OK);
        head.headers.insert("cache-control", HeaderValue::try_from(control).unwrap());
        head.headers.insert("etag", HeaderValue::from_static("\"a\""));
        let (headers, directives) = (HeaderMap::new(), RequestDirectives::default());
        let asked = Asked { method: &Method::GET, headers: &headers, is_authorized: false, directives: &directives };
        (Storable::of(&asked, &head, &timing, &Rules::default()).unwrap().with_body(Bytes::new()), now)
    }

    fn request(control: &str) -> RequestDirectives {
        let value = HeaderValue::try_from(control).unwrap();
        RequestDirectives::of(&HeaderMap::from_iter([(http::header::CACHE_CONTROL, value)]))
    }

    #[test]
    fn a_response_is_used_as_it_and_the_client_allow() {
        use Reuse::{Fresh, Refused, Revalidate, Stale, Validate};
        for (response, asked, after, expected) in [
            ("max-age=10", "", 9, Fresh),
            ("max-age=10", "", 10, Validate),
            ("max-age=10, no-cache", "", 0, Validate),
            ("max-age=0", "", 0, Validate),
            ("max-age=10", "no-cache", 1, Refused),
            ("max-age=10", "no-store", 1, Refused),
            ("max-age=10", "max-age=0", 0, Refused),
            ("max-age=10", "max-age=5", 5, Fresh),
            ("max-age=10", "max-age=5", 6, Refused),
            ("max-age=10", "min-fresh=5", 5, Fresh),
            ("max-age=10", "min-fresh=5", 6, Refused),
            ("max-age=10", "max-stale", 100_000, Stale),
            ("max-age=10", "max-stale=5", 15, Stale),
            ("max-age=10", "max-stale=5", 16, Validate),
            ("max-age=10", "max-stale=5, max-age=3", 12, Refused),
            ("max-age=10, must-revalidate", "max-stale", 11, Validate),
            ("max-age=10, proxy-revalidate", "max-stale", 11, Validate),
            ("s-maxage=10", "max-stale", 11, Validate),
            ("max-age=10, no-cache", "max-stale", 1, Validate),
            ("max-age=10, stale-while-revalidate=5", "", 14, Revalidate),
            ("max-age=10, stale-while-revalidate=5", "", 15, Validate),
            ("max-age=10, stale-while-revalidate=5", "no-cache", 14, Refused),
            ("max-age=10, stale-while-revalidate=5, must-revalidate", "", 14, Validate),
        ] {
            let (stored, now) = stored(response);
            let found = reuse(&stored, &request(asked), now + Duration::from_secs(after));
            assert_eq!(found, expected, "{response} / {asked} / {after}");
        }
    }

    #[test]
    fn a_stale_response_stands_in_for_a_failed_origin_only_as_far_as_it_says() {
        for (response, asked, after, expected) in [
            ("max-age=10", "", 11, false),
            ("max-age=10, stale-if-error=5", "", 15, true),
            ("max-age=10, stale-if-error=5", "", 16, false),
            ("max-age=10", "stale-if-error=5", 15, true),
            ("max-age=10, stale-if-error=5", "no-cache", 12, false),
            ("max-age=10, stale-if-error=5, must-revalidate", "stale-if-error=9", 12, false),
            ("max-age=10, stale-if-error=5, proxy-revalidate", "", 12, false),
            ("s-maxage=10, stale-if-error=5", "", 12, false),
            ("no-cache, stale-if-error=5", "", 0, false),
        ] {
            let (stored, now) = stored(response);
            let found = covers_error(&stored, &request(asked), now + Duration::from_secs(after));
            assert_eq!(found, expected, "{response} / {asked} / {after}");
        }
    }
}
