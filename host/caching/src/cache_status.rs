//! `Cache-Status` (RFC 9211): what the cache did, for whoever reads the response.

use std::fmt::Write as _;
use std::time::Instant;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::storing::Stored;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// Why a request went to the origin (RFC 9211 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It isn't for the cache.
    Bypass,
    /// Its method isn't.
    Method,
    /// Nothing is stored for its URI.
    UriMiss,
    /// What is stored was for other requests.
    VaryMiss,
    /// What is stored is stale.
    Stale,
    /// The client wanted it to.
    Request,
}

impl Why {
    fn token(self) -> &'static str {
        match self {
            Why::Bypass => "bypass",
            Why::Method => "method",
            Why::UriMiss => "uri-miss",
            Why::VaryMiss => "vary-miss",
            Why::Stale => "stale",
            Why::Request => "request",
        }
    }
}

/// What the cache did with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheStatus {
    /// A stored response was used, without the origin.
    Hit,
    /// It went to the origin.
    Forwarded {
        /// Why.
        why: Why,
        /// What the origin said; none if it said nothing.
        status: Option<StatusCode>,
        /// The response is being stored.
        stored: bool,
        /// Another request went, and this one has its response.
        collapsed: bool,
    },
}

impl CacheStatus {
    /// Add it to a response behind what other caches said. `stored` is the response that was used, if one was.
    pub fn write(self, headers: &mut HeaderMap, stored: Option<&Stored>, now: Instant) {
        let mut text = String::with_capacity(64);
        text.push_str("Tollgate");
        match self {
            CacheStatus::Hit => text.push_str("; hit"),
            CacheStatus::Forwarded { why, status, stored, collapsed } => {
                // Writing to a string can't fail.
                let _ = write!(text, "; fwd={}", why.token());
                if let Some(status) = status {
                    let _ = write!(text, "; fwd-status={}", status.as_u16());
                }
                if stored {
                    text.push_str("; stored");
                }
                if collapsed {
                    text.push_str("; collapsed");
                }
            }
        }
        if let Some(stored) = stored {
            let (left, staleness) =
                (stored.freshness().left(now).as_secs(), stored.freshness().staleness(now).as_secs());
            let _ = if staleness > 0 { write!(text, "; ttl=-{staleness}") } else { write!(text, "; ttl={left}") };
        }
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.append(CACHE_STATUS, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(status: CacheStatus) -> String {
        let mut headers = HeaderMap::new();
        headers.insert("cache-status", HeaderValue::from_static("Origin; hit"));
        status.write(&mut headers, None, Instant::now());
        let all: Vec<_> = headers.get_all("cache-status").iter().map(|value| value.to_str().unwrap()).collect();
        assert_eq!(all[0], "Origin; hit");
        all[1].to_owned()
    }

    #[test]
    fn it_says_what_happened_behind_what_others_said() {
        assert_eq!(written(CacheStatus::Hit), "Tollgate; hit");
        let forwarded = |why, status: Option<u16>, stored, collapsed| {
            let status = status.map(|status| StatusCode::from_u16(status).unwrap());
            written(CacheStatus::Forwarded { why, status, stored, collapsed })
        };
        assert_eq!(forwarded(Why::UriMiss, Some(200), true, false), "Tollgate; fwd=uri-miss; fwd-status=200; stored");
        assert_eq!(forwarded(Why::Stale, Some(304), false, false), "Tollgate; fwd=stale; fwd-status=304");
        assert_eq!(forwarded(Why::VaryMiss, None, false, true), "Tollgate; fwd=vary-miss; collapsed");
    }
}
