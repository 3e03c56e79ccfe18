//! What `mode: copy` takes from the client's request.

use tollgate_sdk::{Field, Request, backend, context};

/// These are about one connection (RFC 9110 §7.6.1) or about the message's way to one host.
const NOT_COPIED: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The request's own URL at its backend: the base URL, what stands behind the API's path, and the query.
pub(crate) fn url(request: &Request) -> String {
    at_backend(&backend::base_url(), &context::api_path(), &request.path(), request.query().as_deref())
}

fn at_backend(base: &str, api: &str, path: &str, query: Option<&str>) -> String {
    let rest = match api {
        "" => path,
        // A path that a statement has rewritten is relative to the API already.
        _ => {
            path.strip_prefix('/').and_then(|path| path.strip_prefix(api)).filter(|rest| is_rest(rest)).unwrap_or(path)
        }
    };
    let slash = if rest.is_empty() || rest.starts_with('/') { "" } else { "/" };
    let mut url = format!("{}{slash}{rest}", base.trim_end_matches('/'));
    if let Some(query) = query {
        url.push('?');
        url.push_str(query);
    }
    url
}

/// Whether a path has been cut between two of its segments.
fn is_rest(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

/// The request's header lines, but for those that end with the connection they came on.
pub(crate) fn headers(request: &Request) -> Vec<Field> {
    let mut fields = request.headers();
    let named: Vec<String> = fields
        .iter()
        .filter(|field| field.name == "connection")
        .flat_map(|field| {
            String::from_utf8_lossy(&field.value)
                .split(',')
                .map(|name| name.trim().to_ascii_lowercase())
                .collect::<Vec<_>>()
        })
        .collect();
    fields.retain(|field| !NOT_COPIED.contains(&field.name.as_str()) && !named.contains(&field.name));
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_the_one_that_the_origin_would_get() {
        for (base, api, path, query, url) in [
            ("http://o", "", "/a", None, "http://o/a"),
            ("http://o/v1", "shop", "/shop/a%20b", Some("x=1"), "http://o/v1/a%20b?x=1"),
            ("http://o/v1/", "shop", "/shop", Some(""), "http://o/v1?"),
            ("http://o", "shop/orders", "/shop/orders/", None, "http://o/"),
            ("http://o/v1", "shop", "/shopping", None, "http://o/v1/shopping"),
            ("http://o/v1", "shop", "/rewritten", None, "http://o/v1/rewritten"),
        ] {
            assert_eq!(at_backend(base, api, path, query), url);
        }
    }
}
