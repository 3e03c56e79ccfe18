//! Is it a request? What hyper accepts and a gateway mustn't (`reliability.md` §1.1).
//!
//! Afterwards the target is a path with perhaps a query, and there is one valid `host`, or none from HTTP/1.0.

use http::header::{self, HeaderMap, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request, Uri, Version};

use super::Settings;
use crate::respond::Rejection;

/// Check a request's head. Says whether the client waits for `100 Continue`.
pub(crate) fn check<B>(request: &mut Request<B>, settings: &Settings) -> Result<bool, Rejection> {
    if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
        return Err(Rejection::MethodNotAllowed);
    }
    if request.version() == Version::HTTP_2 {
        check_http2(request, settings)?;
    } else {
        check_transfer_coding(request.headers())?;
    }
    let is_http_10 = request.version() == Version::HTTP_10;
    check_host(request.headers(), is_http_10)?;
    check_target(request, settings.uri_bytes)?;
    match request.headers().get(header::EXPECT) {
        None => Ok(false),
        // An HTTP/1.0 client doesn't know what it says (RFC 9110 §10.1.1).
        Some(_) if is_http_10 => Ok(false),
        Some(value) if value.as_bytes().eq_ignore_ascii_case(b"100-continue") => Ok(true),
        Some(_) => Err(Rejection::ExpectationFailed),
    }
}

/// Is it a method that somebody has defined (IANA's registry of HTTP methods)? What isn't has no meaning that a gateway
/// could rely on, such as whether a body is expected, so an API has to name it. `PRI` is nobody's.
pub(crate) fn is_registered(method: &Method) -> bool {
    const REGISTERED: [&str; 31] = [
        "ACL",
        "BASELINE-CONTROL",
        "BIND",
        "CHECKIN",
        "CHECKOUT",
        "COPY",
        "LABEL",
        "LINK",
        "LOCK",
        "MERGE",
        "MKACTIVITY",
        "MKCALENDAR",
        "MKCOL",
        "MKREDIRECTREF",
        "MKWORKSPACE",
        "MOVE",
        "ORDERPATCH",
        "PROPFIND",
        "PROPPATCH",
        "QUERY",
        "REBIND",
        "REPORT",
        "SEARCH",
        "UNBIND",
        "UNCHECKOUT",
        "UNLINK",
        "UNLOCK",
        "UPDATE",
        "UPDATEREDIRECTREF",
        "VERSION-CONTROL",
        "PURGE",
    ];
    matches!(
        *method,
        Method::GET | Method::POST | Method::PUT | Method::DELETE | Method::HEAD | Method::OPTIONS | Method::PATCH
    ) || REGISTERED.contains(&method.as_str())
}

/// HTTP/2 says in other places what is checked below (RFC 9113 §8.3.1); put it where HTTP/1 has it. h2 has refused
/// connection fields, lengths that don't fit and characters that no field may have.
fn check_http2<B>(request: &mut Request<B>, settings: &Settings) -> Result<(), Rejection> {
    if request.headers().len() > settings.header_lines {
        return Err(Rejection::HeadersTooLarge);
    }
    let path = request.uri().path_and_query().map_or("", PathAndQuery::as_str);
    if !path.starts_with('/') {
        return Err(Rejection::MalformedTarget);
    }
    let authority = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    let mut hosts = request.headers().get_all(header::HOST).iter();
    if let (Some(authority), Some(host)) = (authority, hosts.next())
        && (!authority.eq_ignore_ascii_case(host.as_bytes()) || hosts.next().is_some())
    {
        return Err(Rejection::MalformedHost);
    }
    if let Some(authority) = authority {
        let host = HeaderValue::from_bytes(authority).map_err(|_| Rejection::MalformedHost)?;
        request.headers_mut().insert(header::HOST, host);
    }
    join_cookies(request.headers_mut());
    Ok(())
}

/// RFC 9113 §8.2.3: a cookie in pieces is one, and nobody behind HTTP/1 knows of pieces.
fn join_cookies(headers: &mut HeaderMap) {
    let mut pieces = headers.get_all(header::COOKIE).iter();
    if pieces.next().is_none() || pieces.next().is_none() {
        return;
    }
    let pieces: Vec<&[u8]> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(cookie) = HeaderValue::from_bytes(&pieces.join(&b"; "[..])) {
        headers.insert(header::COOKIE, cookie);
    }
}

/// The only list of transfer codings that nobody reads differently is a single `chunked`.
fn check_transfer_coding(headers: &HeaderMap) -> Result<(), Rejection> {
    let mut lines = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Ok(()),
        (Some(only), None) if only.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(refuse_transfer_coding(headers)),
    }
}

#[cold]
fn refuse_transfer_coding(headers: &HeaderMap) -> Rejection {
    let lines = headers.get_all(header::TRANSFER_ENCODING).iter();
    let known = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).all(|coding| {
        let coding = coding.trim_ascii();
        coding.is_empty() || coding.eq_ignore_ascii_case(b"chunked")
    });
    if known { Rejection::MalformedBody } else { Rejection::NotImplemented }
}

fn check_host(headers: &HeaderMap, is_http_10: bool) -> Result<(), Rejection> {
    let mut lines = headers.get_all(header::HOST).iter();
    match (lines.next(), lines.next()) {
        (None, _) if is_http_10 => Ok(()),
        (Some(only), None) if is_host(only.as_bytes()) => Ok(()),
        _ => Err(Rejection::MalformedHost),
    }
}

/// A host name or address, and perhaps a port. Of what RFC 3986 §3.2.2 allows, only what hosts are made of.
pub(crate) fn is_host(text: &[u8]) -> bool {
    let (host, port) = match text {
        [b'[', rest @ ..] => match rest.iter().position(|byte| *byte == b']') {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => return false,
        },
        _ => text.split_at(text.iter().position(|byte| *byte == b':').unwrap_or(text.len())),
    };
    let is_bracketed = text.first() == Some(&b'[');
    let host_is_valid = !host.is_empty()
        && host.iter().all(|byte| match byte {
            b':' => is_bracketed,
            b'-' | b'_' | b'~' => !is_bracketed,
            b'.' => true,
            byte if is_bracketed => byte.is_ascii_hexdigit(),
            byte => byte.is_ascii_alphanumeric(),
        });
    let port_is_valid = match port {
        [] => true,
        [b':', digits @ ..] => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    host_is_valid && port_is_valid
}

fn check_target<B>(request: &mut Request<B>, max: usize) -> Result<(), Rejection> {
    let uri = request.uri();
    let target = uri.path_and_query().map_or("", PathAndQuery::as_str);
    if target.len() > max {
        return Err(Rejection::UriTooLong);
    }
    if uri.scheme().is_none() && uri.authority().is_none() {
        // `*` is a path to the `http` crate.
        return if target.starts_with('/') { Ok(()) } else { Err(Rejection::MalformedTarget) };
    }
    let (host, path) = absolute_form(uri, max)?;
    // RFC 9112 §3.2.2: the target's authority wins.
    request.headers_mut().insert(header::HOST, host);
    *request.uri_mut() = path;
    Ok(())
}

fn absolute_form(uri: &Uri, max: usize) -> Result<(HeaderValue, Uri), Rejection> {
    let is_http = uri.scheme_str().is_some_and(|scheme| scheme == "http" || scheme == "https");
    let (Some(authority), true) = (uri.authority(), is_http) else { return Err(Rejection::MalformedTarget) };
    if authority.as_str().len() > max {
        return Err(Rejection::UriTooLong);
    }
    if !is_host(authority.as_str().as_bytes()) {
        return Err(Rejection::MalformedTarget);
    }
    let host = HeaderValue::from_str(authority.as_str()).map_err(|_| Rejection::MalformedTarget)?;
    let path = uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    // `http://host?query` has no path at all; the `http` crate shows "/" and writes "?query".
    let path = if path.as_str().starts_with('/') {
        path
    } else {
        PathAndQuery::try_from(["/", path.as_str()].concat()).map_err(|_| Rejection::MalformedTarget)?
    };
    Ok((host, Uri::from(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(method: &str, target: &str, version: Version, headers: &[(&str, &str)]) -> Result<String, Rejection> {
        let mut request = Request::builder().method(method).uri(target).version(version);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(()).unwrap();
        let waits = check(&mut request, &Settings { uri_bytes: 20, ..Settings::default() })?;
        let host = request.headers().get("host").map_or("-", |host| host.to_str().unwrap());
        Ok(format!("{host} {}{}", request.uri(), if waits { " waits" } else { "" }))
    }

    fn get(target: &str, headers: &[(&str, &str)]) -> Result<String, Rejection> {
        verdict("GET", target, Version::HTTP_11, headers)
    }

    #[test]
    fn there_is_exactly_one_valid_host() {
        assert_eq!(get("/", &[("host", "a")]), Ok("a /".into()));
        for host in ["a.b-c_d:8080", "[::1]", "[::ffff:1.2.3.4]:80", "127.0.0.1:9", "a:"] {
            assert_eq!(get("/", &[("host", host)]), Ok(format!("{host} /")), "{host}");
        }
        for host in
            ["", ":80", "a,b", "a b", "a/b", "u@a", "[::1", "[g]", "[]", "a:b", "a:123456", "a\"", "[::1]x", "a:1:2"]
        {
            assert_eq!(get("/", &[("host", host)]), Err(Rejection::MalformedHost), "{host}");
        }
        assert_eq!(get("/", &[]), Err(Rejection::MalformedHost));
        assert_eq!(get("/", &[("host", "a"), ("host", "a")]), Err(Rejection::MalformedHost));
        assert_eq!(verdict("GET", "/", Version::HTTP_10, &[]), Ok("- /".into()));
        let two = [("host", "a"), ("host", "b")];
        assert_eq!(verdict("GET", "/", Version::HTTP_10, &two), Err(Rejection::MalformedHost));
    }

    #[test]
    fn the_authority_of_an_absolute_target_wins() {
        assert_eq!(get("http://b:1/x?y", &[("host", "a")]), Ok("b:1 /x?y".into()));
        assert_eq!(get("http://b", &[("host", "a")]), Ok("b /".into()));
        assert_eq!(get("http://b?q", &[("host", "a")]), Ok("b /?q".into()));
        for target in ["ftp://b/x", "http://u:p@b/x", "b:1", "*"] {
            assert_eq!(get(target, &[("host", "a")]), Err(Rejection::MalformedTarget), "{target}");
        }
        assert_eq!(verdict("OPTIONS", "*", Version::HTTP_11, &[("host", "a")]), Err(Rejection::MalformedTarget));
    }

    fn http2(target: &str, headers: &[(&str, &str)]) -> Result<String, Rejection> {
        verdict("GET", target, Version::HTTP_2, headers)
    }

    #[test]
    fn the_authority_of_http_2_is_the_host_and_a_host_beside_it_says_the_same() {
        assert_eq!(http2("http://a:1/x?y", &[]), Ok("a:1 /x?y".into()));
        assert_eq!(http2("https://a/", &[("host", "A")]), Ok("a /".into()));
        assert_eq!(http2("/x", &[("host", "a")]), Ok("a /x".into()));
        for (target, hosts) in [
            ("http://a/", &["b"][..]),
            ("http://a/", &["a", "a"]),
            ("http://u@a/", &[]),
            ("/", &[]),
            ("/", &["a", "a"]),
        ] {
            let headers: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
            assert!(http2(target, &headers).is_err(), "{target} {hosts:?}");
        }
        assert_eq!(http2("*", &[("host", "a")]), Err(Rejection::MalformedTarget));
    }

    #[test]
    fn a_cookie_in_pieces_is_one() {
        let mut headers = HeaderMap::new();
        for piece in ["a=1", "b=2"] {
            headers.append("cookie", HeaderValue::from_static(piece));
        }
        join_cookies(&mut headers);
        assert_eq!(headers.get_all("cookie").iter().collect::<Vec<_>>(), ["a=1; b=2"]);
    }

    #[test]
    fn methods_that_no_api_has_are_refused() {
        assert_eq!(verdict("CONNECT", "a:1", Version::HTTP_11, &[("host", "a")]), Err(Rejection::MethodNotAllowed));
        assert_eq!(verdict("TRACE", "/", Version::HTTP_11, &[("host", "a")]), Err(Rejection::MethodNotAllowed));
    }

    #[test]
    fn a_target_may_be_as_long_as_the_limit() {
        assert!(get("/234567890123456789?", &[("host", "a")]).is_ok());
        assert_eq!(get("/234567890123456789?1", &[("host", "a")]), Err(Rejection::UriTooLong));
    }

    #[test]
    fn transfer_coding_is_a_single_chunked() {
        let with = |codings: &[&str]| {
            let mut headers = vec![("host", "a")];
            headers.extend(codings.iter().map(|coding| ("transfer-encoding", *coding)));
            get("/", &headers)
        };
        assert!(with(&["chunked"]).is_ok());
        assert!(with(&["Chunked"]).is_ok());
        for codings in [&["chunked, chunked"][..], &[", chunked"], &["chunked", "chunked"], &["", "chunked"]] {
            assert_eq!(with(codings), Err(Rejection::MalformedBody), "{codings:?}");
        }
        for codings in [&["gzip, chunked"][..], &["identity", "chunked"], &["chunked;a=b"], &["xchunked"]] {
            assert_eq!(with(codings), Err(Rejection::NotImplemented), "{codings:?}");
        }
    }

    #[test]
    fn only_one_expectation_can_be_met() {
        assert_eq!(get("/", &[("host", "a"), ("expect", "100-Continue")]), Ok("a / waits".into()));
        assert_eq!(get("/", &[("host", "a"), ("expect", "x")]), Err(Rejection::ExpectationFailed));
        assert_eq!(verdict("GET", "/", Version::HTTP_10, &[("expect", "x")]), Ok("- /".into()));
    }
}
