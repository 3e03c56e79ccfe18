//! The cache: whole responses by key, and values.

use crate::testing::message::{Request, Response};
use std::collections::HashMap;

#[derive(Debug, Default)]
pub(crate) struct Cache {
    responses: HashMap<String, Stored>,
    values: HashMap<(String, String), (Vec<u8>, u64)>,
}

#[derive(Debug)]
struct Stored {
    response: Response,
    expires_ms: u64,
    /// The request headers that the response's `vary` names, as they were.
    vary: Vec<(String, Vec<String>)>,
}

pub(crate) fn key(request: &Request, vary: &[String]) -> String {
    let fixed = [&request.api_id, &request.scheme, &request.authority, &request.method, &request.path];
    format!("{fixed:?}{vary:?}")
}

/// RFC 9111 §3, as far as a shared cache that is told to store has to look.
pub(crate) fn storable(response: &Response) -> bool {
    let forbids = |value: String| {
        value.split(',').any(|directive| {
            let name = directive.split('=').next().unwrap_or_default().trim().to_ascii_lowercase();
            matches!(name.as_str(), "no-store" | "private")
        })
    };
    response.status != 206
        && response.header("set-cookie").is_none()
        && !response.header_values("vary").iter().any(|value| value.contains('*'))
        && !response.header_values("cache-control").into_iter().any(forbids)
}

impl Cache {
    pub(crate) fn responses(&self) -> usize {
        self.responses.len()
    }

    pub(crate) fn lookup(&self, key: &str, request: &Request, now: u64) -> Option<Response> {
        let stored = self.responses.get(key).filter(|stored| now < stored.expires_ms)?;
        let same = stored.vary.iter().all(|(name, values)| request.header_values(name) == *values);
        same.then(|| stored.response.clone())
    }

    pub(crate) fn store(&mut self, key: String, request: &Request, response: Response, expires_ms: u64) {
        let names = response.header_values("vary").join(",");
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        let vary = names.map(|name| (name.to_owned(), request.header_values(name))).collect();
        self.responses.insert(key, Stored { response, expires_ms, vary });
    }

    pub(crate) fn get(&self, component: &str, key: &str, now: u64) -> Option<Vec<u8>> {
        let (value, expires_ms) = self.values.get(&(component.to_owned(), key.to_owned()))?;
        (now < *expires_ms).then(|| value.clone())
    }

    pub(crate) fn put(&mut self, component: &str, key: &str, value: &[u8], expires_ms: u64) {
        self.values.insert((component.into(), key.into()), (value.to_vec(), expires_ms));
    }

    pub(crate) fn remove(&mut self, component: &str, key: &str) {
        self.values.remove(&(component.to_owned(), key.to_owned()));
    }
}
