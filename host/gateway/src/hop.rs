//! What belongs to one hop, or to the gateway alone, and doesn't travel (RFC 9110 §7.6.1).
//!
//! Applied to a request when it arrives, before any policy sees it, and to a response when it comes from its origin.
//! Framing is written anew from the body on both sides. Who the client is stands in `forwarded`.

use http::Version;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use smallvec::SmallVec;

use crate::upstream::Origin;

/// Remove from a request what must not be forwarded. `is_protected` names fields that a client can't have removed by
/// naming them in `Connection`, such as the one that carries the subscription key, besides those in [`is_end_to_end`].
///
/// Origins that put fields into environment variables can't tell `x_tenant` from `x-tenant`. `drops_underscores`
/// removes all names with one; without it, those that look like the gateway's own.
pub fn clean_request(headers: &mut HeaderMap, drops_underscores: bool, is_protected: impl Fn(&HeaderName) -> bool) {
    remove_named(headers, &is_protected);
    remove(headers, |name| {
        is_hop_by_hop(name) || is_override(name) || name.contains('_') && (drops_underscores || shadows_own(name))
    });
}

/// Is there a name with an underscore?
pub fn has_underscore(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| name.as_str().contains('_'))
}

/// How the gateway names itself in `via` (RFC 9110 §7.6.3), one value for each version that a request can come in.
#[derive(Clone, Debug)]
pub struct Via {
    http_10: HeaderValue,
    http_11: HeaderValue,
    http_2: HeaderValue,
}

impl Via {
    /// With a pseudonym; none if it isn't one.
    pub fn new(pseudonym: &str) -> Option<Via> {
        let value = |version| HeaderValue::try_from(format!("{version} {pseudonym}")).ok();
        Some(Via { http_10: value("1.0")?, http_11: value("1.1")?, http_2: value("2")? })
    }

    /// Add a line to a request that came in `version`. It stands behind those of proxies before us.
    pub fn sign(&self, headers: &mut HeaderMap, version: Version) {
        let value = match version {
            Version::HTTP_2 => &self.http_2,
            Version::HTTP_10 => &self.http_10,
            _ => &self.http_11,
        };
        headers.append(header::VIA, value.clone());
    }
}

/// Remove from a response what must not be forwarded. `is_head` keeps the length that answers a HEAD request.
pub fn clean_response(headers: &mut HeaderMap, is_head: bool) {
    remove_named(headers, &|_| false);
    let length = if is_head { canonical_length(headers) } else { None };
    remove(headers, |name| is_hop_by_hop(name) || name == "x-request-id");
    if let Some(length) = length {
        headers.insert(header::CONTENT_LENGTH, length);
    }
}

/// Address a request to its origin.
pub fn set_host(headers: &mut HeaderMap, origin: &Origin) {
    headers.insert(header::HOST, origin.authority().clone());
}

/// Address a request to its origin, unless a statement has said that it is for another host. What the client addressed
/// is in no header any more.
pub fn set_missing_host(headers: &mut HeaderMap, origin: &Origin) {
    if !headers.contains_key(header::HOST) {
        set_host(headers, origin);
    }
}

/// Framing, and fields about this connection only.
fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "content-length"
            | "expect"
            | "http2-settings"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authentication-info"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Fields with which a client would have the origin act on another path or method than the one that was admitted.
fn is_override(name: &str) -> bool {
    matches!(
        name,
        "x-original-url"
            | "x-original-uri"
            | "x-override-url"
            | "x-rewrite-uri"
            | "x-rewrite-url"
            | "x-http-method"
            | "x-http-method-override"
            | "x-method-override"
    )
}

/// `x_forwarded_for` and the like, which CGI-like origins can't tell from the gateway's own fields.
fn shadows_own(name: &str) -> bool {
    let own = |own: &str| {
        own.len() == name.len() && own.bytes().zip(name.bytes()).all(|(o, n)| o == n || (o == b'-' && n == b'_'))
    };
    [
        "content-length",
        "content-type",
        "proxy-authorization",
        "transfer-encoding",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-prefix",
        "x-forwarded-proto",
        "x-forwarded-server",
        "x-original-url",
        "x-original-uri",
        "x-real-ip",
        "x-request-id",
        "x-rewrite-url",
        "x-http-method",
        "x-http-method-override",
        "x-method-override",
        "ocp-apim-subscription-key",
    ]
    .into_iter()
    .any(own)
}

/// Fields that somebody behind the sender relies on. No sender has a reason to call them hop-by-hop, and who does
/// wants them gone before they are looked at (`reliability.md` §2.4, row 40).
fn is_end_to_end(name: &str) -> bool {
    matches!(
        name,
        "authorization"
            | "cache-control"
            | "cookie"
            | "date"
            | "forwarded"
            | "host"
            | "ocp-apim-subscription-key"
            | "origin"
            | "set-cookie"
            | "vary"
            | "www-authenticate"
            | "x-real-ip"
            | "x-request-id"
    ) || name.starts_with("x-forwarded-")
        || name.starts_with("content-")
        || name.starts_with("access-control-")
}

fn remove(headers: &mut HeaderMap, is_removed: impl Fn(&str) -> bool) {
    let names: SmallVec<[HeaderName; 8]> = headers.keys().filter(|name| is_removed(name.as_str())).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

/// Remove the fields that `Connection` names.
fn remove_named(headers: &mut HeaderMap, is_protected: &dyn Fn(&HeaderName) -> bool) {
    let mut named: SmallVec<[HeaderName; 4]> = SmallVec::new();
    for line in headers.get_all(header::CONNECTION) {
        for option in line.as_bytes().split(|byte| *byte == b',') {
            let option = option.trim_ascii();
            // The two usual options name no field that isn't removed anyway.
            if option.eq_ignore_ascii_case(b"close") || option.eq_ignore_ascii_case(b"keep-alive") {
                continue;
            }
            if let Ok(name) = HeaderName::from_bytes(option)
                && !is_end_to_end(name.as_str())
                && !is_protected(&name)
            {
                named.push(name);
            }
        }
    }
    for name in named {
        headers.remove(name);
    }
}

/// The length as a plain number, whatever its zeros and repetitions were.
fn canonical_length(headers: &HeaderMap) -> Option<HeaderValue> {
    let text = headers.get(header::CONTENT_LENGTH)?.to_str().ok()?;
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let length: u64 = if is_number { text.parse().ok()? } else { return None };
    Some(HeaderValue::from(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| (HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap()))
            .collect()
    }

    fn left(headers: &HeaderMap) -> Vec<&str> {
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        left
    }

    #[test]
    fn what_belongs_to_the_hop_stays_on_it() {
        let mut headers = map(&[
            ("host", "a"),
            ("accept", "*/*"),
            ("connection", "keep-alive, X-Hop, upgrade"),
            ("connection", "http2-settings,x-other"),
            ("x-hop", "1"),
            ("x-other", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("te", "trailers"),
            ("trailer", "x"),
            ("transfer-encoding", "chunked"),
            ("content-length", "005"),
            ("upgrade", "h2c"),
            ("http2-settings", "x"),
            ("proxy-authorization", "x"),
            ("expect", "100-continue"),
        ]);
        clean_request(&mut headers, false, |_| false);
        assert_eq!(left(&headers), ["accept", "host"]);
    }

    #[test]
    fn a_client_cannot_have_security_fields_removed() {
        let mut headers = map(&[
            ("connection", "Authorization, Cookie, Host, X-Forwarded-For, content-type, api-key, x-gone, bad name"),
            ("authorization", "x"),
            ("cookie", "x"),
            ("host", "x"),
            ("x-forwarded-for", "x"),
            ("content-type", "x"),
            ("api-key", "x"),
            ("x-gone", "x"),
        ]);
        clean_request(&mut headers, false, |name| name == "api-key");
        assert_eq!(left(&headers), ["api-key", "authorization", "content-type", "cookie", "host", "x-forwarded-for"]);
    }

    #[test]
    fn overrides_and_shadows_are_dropped_and_other_underscores_are_not() {
        let mut headers = map(&[
            ("x-original-url", "/admin"),
            ("x-rewrite-url", "/admin"),
            ("x-http-method-override", "DELETE"),
            ("x_forwarded_for", "1.2.3.4"),
            ("x-forwarded_for", "1.2.3.4"),
            ("content_length", "3"),
            ("my_header", "kept"),
        ]);
        clean_request(&mut headers, false, |_| false);
        assert_eq!(left(&headers), ["my_header"]);
        assert!(has_underscore(&headers));
        clean_request(&mut headers, true, |_| false);
        assert!(headers.is_empty());
    }

    #[test]
    fn the_gateway_signs_behind_those_before_it() {
        let via = Via::new("edge-1").unwrap();
        for (version, expected) in [(Version::HTTP_10, "1.0"), (Version::HTTP_11, "1.1"), (Version::HTTP_2, "2")] {
            let mut headers = map(&[("via", "1.1 cdn")]);
            via.sign(&mut headers, version);
            assert_eq!(headers.get_all("via").iter().collect::<Vec<_>>(), ["1.1 cdn", &format!("{expected} edge-1")]);
        }
        assert!(Via::new("a\nb").is_none());
    }

    #[test]
    fn a_response_keeps_its_length_only_for_head() {
        let fields =
            [("content-length", "005"), ("connection", "x-a"), ("x-a", "1"), ("x-request-id", "1"), ("date", "d")];
        let mut headers = map(&fields);
        clean_response(&mut headers, false);
        assert_eq!(left(&headers), ["date"]);
        let mut headers = map(&fields);
        clean_response(&mut headers, true);
        assert_eq!(headers["content-length"], "5");
        for odd in ["+5", "5,5", "", "99999999999999999999"] {
            let mut headers = map(&[("content-length", odd)]);
            clean_response(&mut headers, true);
            assert!(headers.is_empty(), "{odd}");
        }
    }

    #[test]
    fn the_origin_is_addressed_by_its_own_name() {
        let mut headers = map(&[("host", "public.example"), ("host", "twice")]);
        set_host(&mut headers, &Origin::new("10.0.0.1", 9000).unwrap());
        assert_eq!(headers.get_all("host").iter().collect::<Vec<_>>(), ["10.0.0.1:9000"]);
    }
}
