//! Trailer fields: which pass, and how they are announced (RFC 9110 §6.5).
//!
//! No policy sees them and nobody merges them into a head here, so only those pass that the operator has named; the
//! document's reader refuses names that somebody behind could mistake for framing, routing or credentials.

use std::collections::HashSet;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// The names that may pass, in both directions.
#[derive(Debug, Default)]
pub(crate) struct TrailerNames(HashSet<HeaderName>);

impl TrailerNames {
    /// Names that are no header names are left away.
    pub(crate) fn new(names: &[String]) -> TrailerNames {
        TrailerNames(names.iter().filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok()).collect())
    }

    /// What of these trailers may pass; none if nothing is left.
    pub(crate) fn admit(&self, trailers: HeaderMap) -> Option<HeaderMap> {
        let mut admitted = HeaderMap::new();
        for name in trailers.keys().filter(|name| self.0.contains(*name)) {
            for value in trailers.get_all(name) {
                admitted.append(name, value.clone());
            }
        }
        (!admitted.is_empty()).then_some(admitted)
    }

    /// What of an announcement (`trailer`) stays true.
    pub(crate) fn announced(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let mut left: Vec<u8> = Vec::new();
        for line in headers.get_all(header::TRAILER) {
            for name in line.as_bytes().split(|byte| *byte == b',') {
                let Ok(name) = HeaderName::from_bytes(name.trim_ascii()) else { continue };
                if self.0.contains(&name) {
                    if !left.is_empty() {
                        left.extend_from_slice(b", ");
                    }
                    left.extend_from_slice(name.as_str().as_bytes());
                }
            }
        }
        if left.is_empty() { None } else { HeaderValue::from_bytes(&left).ok() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_trailers_pass_and_only_those_are_announced() {
        let names = TrailerNames::new(&["grpc-status".into(), "server-timing".into()]);
        let mut trailers = HeaderMap::new();
        for (name, value) in [("grpc-status", "0"), ("content-length", "5"), ("host", "evil"), ("grpc-status", "1")] {
            trailers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let admitted = names.admit(trailers).unwrap();
        assert_eq!(admitted.get_all("grpc-status").iter().collect::<Vec<_>>(), ["0", "1"]);
        assert_eq!(admitted.len(), 2);
        let mut other = HeaderMap::new();
        other.insert("authorization", HeaderValue::from_static("x"));
        assert!(names.admit(other).is_none());

        let mut head = HeaderMap::new();
        assert!(names.announced(&head).is_none());
        head.append("trailer", HeaderValue::from_static("Grpc-Status, X, host"));
        head.append("trailer", HeaderValue::from_static("server-timing"));
        assert_eq!(names.announced(&head).unwrap(), "grpc-status, server-timing");
    }
}
