//! Which API, and which of its operations: longest API path, then literal segments before parameters before
//! wildcards. Works on the normalised path only.

use std::collections::HashMap;
use std::sync::Arc;

use http::Method;
use smallvec::SmallVec;
use tollgate_core::path::decode_segment;
use tollgate_document::{Segment, Template};

/// Values of a URL template's parameters.
pub(crate) type Parameters = SmallVec<[(Arc<str>, String); 2]>;

/// API paths. Values are the caller's numbers for its APIs.
#[derive(Debug, Default)]
pub(crate) struct ApiTable {
    by_path: HashMap<String, usize>,
}

impl ApiTable {
    /// Add an API whose path has no leading and trailing slash; `""` is the root.
    pub(crate) fn insert(&mut self, path: &str, api: usize) {
        self.by_path.insert(path.to_owned(), api);
    }

    /// The API with the longest path that is a prefix of `path` by whole segments, and the rest of the path: empty
    /// or beginning with a slash.
    pub(crate) fn find<'p>(&self, path: &'p str) -> Option<(usize, &'p str)> {
        let inner = path.strip_prefix('/')?;
        let mut end = inner.len();
        loop {
            if let Some(api) = self.by_path.get(&inner[..end]) {
                return Some((*api, &path[1 + end..])).map(|(api, rest)| (api, if end == 0 { path } else { rest }));
            }
            if end == 0 {
                return None;
            }
            end = inner[..end].rfind('/').unwrap_or(0);
        }
    }
}

/// One template, as a router knows it.
#[derive(Clone, Debug)]
struct Target {
    operation: usize,
    names: Arc<[Arc<str>]>,
}

/// The operations of one API.
#[derive(Debug, Default)]
pub(crate) struct OperationTable {
    by_method: Vec<(Method, matchit::Router<Target>)>,
    any_method: matchit::Router<Target>,
}

/// A template as matchit takes it. Parameters are renamed by position, so that `/{a}` and `/{b}` don't conflict.
struct Pattern {
    text: String,
    names: Arc<[Arc<str>]>,
    /// For `/files/*`: it takes `/files/` and `/files` too.
    also: Vec<String>,
}

fn pattern(template: &Template) -> Pattern {
    let mut names: Vec<Arc<str>> = Vec::new();
    let mut text = String::with_capacity(template.text.len() + 8);
    let literal = |text: &mut String, part: &str| text.push_str(&part.replace('{', "{{").replace('}', "}}"));
    for segment in &template.segments {
        text.push('/');
        match segment {
            Segment::Literal(part) => literal(&mut text, part),
            Segment::Parameter { prefix, name, suffix } => {
                literal(&mut text, prefix);
                text.push_str(&format!("{{p{}}}", names.len()));
                literal(&mut text, suffix);
                names.push(Arc::from(name.as_str()));
            }
        }
    }
    let mut also = Vec::new();
    if template.wildcard {
        if text == "/" {
            text.clear();
        }
        also.push(format!("{text}/"));
        if !text.is_empty() {
            also.push(text.clone());
        }
        text.push_str("/{*rest}");
    }
    Pattern { text, names: names.into(), also }
}

/// Two operations that no request could tell apart, or a template that can't be matched.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct TemplateError(String);

impl OperationTable {
    /// Make the table of one API: (method or none for any, URL template), numbered in order.
    pub(crate) fn new<'o>(
        operations: impl Iterator<Item = (Option<&'o Method>, &'o Template)> + Clone,
    ) -> Result<OperationTable, (usize, TemplateError)> {
        let mut table = OperationTable::default();
        let numbered = || operations.clone().enumerate();
        for (_, (method, _)) in numbered() {
            if let Some(method) = method
                && !table.by_method.iter().any(|(known, _)| known == method)
            {
                table.by_method.push((method.clone(), matchit::Router::new()));
            }
        }
        // An operation for one method goes before one for any method, and a template that was written before
        // the shorter forms of a wildcard.
        for (number, (method, template)) in numbered() {
            let pattern = pattern(template);
            let target = || Target { operation: number, names: Arc::clone(&pattern.names) };
            if let Some(method) = method {
                insert(table.router_mut(method), &pattern.text, target()).map_err(|e| (number, e))?;
            }
        }
        for (number, (_, template)) in numbered().filter(|(_, (method, _))| method.is_none()) {
            let pattern = pattern(template);
            let target = || Target { operation: number, names: Arc::clone(&pattern.names) };
            insert(&mut table.any_method, &pattern.text, target()).map_err(|e| (number, e))?;
            for (_, router) in &mut table.by_method {
                // Taken already by an operation for this method: that one goes first.
                let _ = router.insert(pattern.text.clone(), target());
            }
        }
        for (number, (method, template)) in numbered() {
            let pattern = pattern(template);
            for text in &pattern.also {
                let target = || Target { operation: number, names: Arc::clone(&pattern.names) };
                match method {
                    Some(method) => {
                        let _ = table.router_mut(method).insert(text.clone(), target());
                    }
                    None => {
                        let _ = table.any_method.insert(text.clone(), target());
                        for (_, router) in &mut table.by_method {
                            let _ = router.insert(text.clone(), target());
                        }
                    }
                }
            }
        }
        Ok(table)
    }

    fn router_mut(&mut self, method: &Method) -> &mut matchit::Router<Target> {
        match self.by_method.iter_mut().find(|(known, _)| known == method) {
            Some((_, router)) => router,
            None => &mut self.any_method,
        }
    }

    /// The operation for a method and the rest of a path, and its parameters' values.
    pub(crate) fn find(&self, method: &Method, rest: &str) -> Option<(usize, Parameters)> {
        let router = match self.by_method.iter().find(|(known, _)| known == method) {
            Some((_, router)) => router,
            None => &self.any_method,
        };
        let found = router.at(if rest.is_empty() { "/" } else { rest }).ok()?;
        let names = &found.value.names;
        let values = found.params.iter().map(|(_, value)| decode_segment(value).into_owned());
        Some((found.value.operation, names.iter().cloned().zip(values).collect()))
    }
}

fn insert(router: &mut matchit::Router<Target>, text: &str, target: Target) -> Result<(), TemplateError> {
    router.insert(text.to_owned(), target).map_err(|error| match error {
        matchit::InsertError::Conflict { .. } => {
            TemplateError("another operation has the same method and a template that matches the same paths".into())
        }
        other => TemplateError(format!("the URL template can't be matched: {other}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_api_path_wins_by_whole_segments() {
        let mut table = ApiTable::default();
        table.insert("", 0);
        table.insert("orders", 1);
        table.insert("orders/v2", 2);
        for (path, expected) in [
            ("/orders", (1, "")),
            ("/orders/", (1, "/")),
            ("/orders/7", (1, "/7")),
            ("/orders/v2/7", (2, "/7")),
            ("/orders/v22", (1, "/v22")),
            ("/ordersx", (0, "/ordersx")),
            ("/", (0, "/")),
        ] {
            assert_eq!(table.find(path), Some(expected), "{path}");
        }
        let mut rootless = ApiTable::default();
        rootless.insert("a/b", 0);
        assert_eq!(rootless.find("/a"), None);
        assert_eq!(rootless.find("/a/b"), Some((0, "")));
    }

    /// A template as the document's reader makes it.
    fn template(text: &str) -> Template {
        let (body, wildcard) = match text.strip_suffix("/*") {
            Some(body) => (body, true),
            None => (text, false),
        };
        let segments = body
            .split('/')
            .skip(1)
            .map(|part| match part.split_once('{') {
                Some((prefix, rest)) => {
                    let (name, suffix) = rest.split_once('}').unwrap();
                    Segment::Parameter { prefix: prefix.into(), name: name.into(), suffix: suffix.into() }
                }
                None => Segment::Literal(part.into()),
            })
            .collect();
        Template { text: text.into(), segments, wildcard }
    }

    fn try_table(operations: &[(&str, &str)]) -> Result<OperationTable, (usize, TemplateError)> {
        let method = |text: &str| (text != "*").then(|| Method::from_bytes(text.as_bytes()).unwrap());
        let made: Vec<_> = operations.iter().map(|(m, url)| (method(m), template(url))).collect();
        OperationTable::new(made.iter().map(|(method, template)| (method.as_ref(), template)))
    }

    fn table(operations: &[(&str, &str)]) -> OperationTable {
        try_table(operations).unwrap()
    }

    #[test]
    fn literals_go_before_parameters_before_wildcards() {
        let table = table(&[
            ("GET", "/*"),
            ("GET", "/{id}"),
            ("GET", "/list"),
            ("GET", "/{id}/items/{item}"),
            ("*", "/list"),
            ("DELETE", "/{name}"),
        ]);
        let find = |method: &str, rest: &str| {
            table.find(&Method::from_bytes(method.as_bytes()).unwrap(), rest).map(|(operation, _)| operation)
        };
        assert_eq!(find("GET", "/list"), Some(2));
        assert_eq!(find("GET", "/7"), Some(1));
        assert_eq!(find("GET", "/7/items/8"), Some(3));
        assert_eq!(find("GET", "/7/other"), Some(0));
        assert_eq!(find("GET", ""), Some(0));
        assert_eq!(find("GET", "/"), Some(0));
        assert_eq!(find("POST", "/list"), Some(4));
        assert_eq!(find("DELETE", "/list"), Some(4));
        assert_eq!(find("DELETE", "/7"), Some(5));
        assert_eq!(find("POST", "/7"), None);
    }

    #[test]
    fn parameters_are_named_and_decoded() {
        let table = table(&[("GET", "/{a}/x/{b}"), ("POST", "/{other}/x/{names}")]);
        let (_, parameters) = table.find(&Method::GET, "/1%20/x/%C3%A4").unwrap();
        let pairs: Vec<_> = parameters.iter().map(|(name, value)| (&**name, value.as_str())).collect();
        assert_eq!(pairs, [("a", "1 "), ("b", "ä")]);
    }

    #[test]
    fn operations_that_cannot_be_told_apart_are_an_error() {
        let (number, error) = try_table(&[("GET", "/{a}"), ("GET", "/{b}")]).unwrap_err();
        assert_eq!(number, 1);
        assert!(error.to_string().contains("another operation"));
    }
}
