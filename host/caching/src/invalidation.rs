//! What a request changes for others (RFC 9111 §4.4).

use http::header::{self, HeaderMap};
use http::{Method, StatusCode};
use tollgate_core::message::Scheme;
use tollgate_core::path;

/// May a request of this method change something? Unknown methods may.
pub fn is_unsafe(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

/// Has it, as far as the response's status tells?
pub fn has_changed(status: StatusCode) -> bool {
    status.is_success() || status.is_redirection()
}

/// A URI that a response names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Scheme and authority, if it names them.
    pub origin: Option<(Scheme, String)>,
    /// The normalised path and the query.
    pub target: String,
}

/// What `Location` and `Content-Location` name, seen from a resource at `path`.
pub fn named(headers: &HeaderMap, path: &str) -> impl Iterator<Item = Named> {
    [header::LOCATION, header::CONTENT_LOCATION]
        .into_iter()
        .filter_map(move |name| resolve(headers.get(name)?.to_str().ok()?.trim(), path))
}

/// A reference becomes a target (RFC 3986 §5.2).
fn resolve(reference: &str, path: &str) -> Option<Named> {
    let reference = reference.split('#').next()?;
    let (origin, rest) = match Scheme::split(reference) {
        Some((scheme, rest)) => {
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            (Some((scheme, rest[..end].to_owned())), &rest[end..])
        }
        // A scheme that isn't ours, or an authority without a scheme.
        None if reference.contains("://") || reference.starts_with("//") => return None,
        None => (None, reference),
    };
    let (to, query) = match rest.split_once('?') {
        Some((to, query)) => (to, Some(query)),
        None => (rest, None),
    };
    let to = match to {
        "" if origin.is_some() => "/".to_owned(),
        "" => path.to_owned(),
        _ if to.starts_with('/') => to.to_owned(),
        _ => format!("{}/{to}", path.rsplit_once('/').map_or("", |(folder, _)| folder)),
    };
    let mut target = path::normalise(&to).ok()?.into_owned();
    if let Some(query) = query {
        target.push('?');
        target.push_str(query);
    }
    Some(Named { origin, target })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_not_known_to_be_safe_may_change_something() {
        for name in ["POST", "PUT", "PATCH", "DELETE", "M-SEARCH", "get"] {
            assert!(is_unsafe(&Method::from_bytes(name.as_bytes()).unwrap()), "{name}");
        }
        for name in ["GET", "HEAD", "OPTIONS", "TRACE"] {
            assert!(!is_unsafe(&Method::from_bytes(name.as_bytes()).unwrap()), "{name}");
        }
        assert!(has_changed(StatusCode::NO_CONTENT) && has_changed(StatusCode::SEE_OTHER));
        assert!(!has_changed(StatusCode::NOT_FOUND) && !has_changed(StatusCode::BAD_GATEWAY));
    }

    #[test]
    fn named_resources_are_seen_from_the_one_that_was_asked_for() {
        for (reference, origin, target) in [
            ("/b?c=d#e", None, "/b?c=d"),
            ("b", None, "/x/b"),
            ("../b", None, "/b"),
            ("?q", None, "/x/a?q"),
            ("", None, "/x/a"),
            ("http://H:1/b/./c", Some((Scheme::Http, "H:1")), "/b/c"),
            ("HTTPS://h", Some((Scheme::Https, "h")), "/"),
            ("https://h?q", Some((Scheme::Https, "h")), "/?q"),
        ] {
            let origin = origin.map(|(scheme, host)| (scheme, host.to_owned()));
            assert_eq!(resolve(reference, "/x/a"), Some(Named { origin, target: target.to_owned() }), "{reference}");
        }
        for none in ["//h/b", "ftp://h/b", "/a%2fb", "/a\\b"] {
            assert_eq!(resolve(none, "/x/a"), None, "{none}");
        }
    }
}
