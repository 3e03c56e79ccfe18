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

/// The operations of one API, as a tree of path segments.
///
/// Written here because no kept router has this order: matchit, for one, refuses `/{id}` beside `/*`, and knows no
/// methods, which decide here whether a literal matches at all.
#[derive(Debug, Default)]
pub(crate) struct OperationTable {
    root: Node,
}

/// What follows a path so far.
#[derive(Debug, Default)]
struct Node {
    literals: HashMap<Box<str>, Node>,
    /// The most literal text first.
    parameters: Vec<ParameterNode>,
    /// Operations whose template ends here.
    here: Vec<Target>,
    /// Operations whose template ends here with a wildcard.
    below: Vec<Target>,
}

/// A segment with a parameter, and what follows it.
#[derive(Debug)]
struct ParameterNode {
    prefix: Box<str>,
    suffix: Box<str>,
    node: Node,
}

/// One operation.
#[derive(Debug)]
struct Target {
    operation: usize,
    /// None: any.
    method: Option<Method>,
    names: Vec<Arc<str>>,
}

/// Two operations that no request could tell apart.
#[derive(Debug)]
pub(crate) struct SameOperation {
    /// The number of the one that was there before.
    pub(crate) first: usize,
}

impl OperationTable {
    /// Make the table of one API: (method or none for any, URL template), numbered in order.
    pub(crate) fn new<'o>(
        operations: impl Iterator<Item = (Option<&'o Method>, &'o Template)>,
    ) -> Result<OperationTable, (usize, SameOperation)> {
        let mut table = OperationTable::default();
        for (operation, (method, template)) in operations.enumerate() {
            table.insert(operation, method, template).map_err(|error| (operation, error))?;
        }
        Ok(table)
    }

    fn insert(&mut self, operation: usize, method: Option<&Method>, template: &Template) -> Result<(), SameOperation> {
        let mut names = Vec::new();
        let mut node = &mut self.root;
        for segment in template.segments.iter().filter(|segment| !is_slash_of_wildcard(template, segment)) {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.as_str().into()).or_default(),
                Segment::Parameter { prefix, name, suffix } => {
                    names.push(Arc::from(name.as_str()));
                    node.parameter(prefix, suffix)
                }
            };
        }
        let ends = if template.wildcard { &mut node.below } else { &mut node.here };
        if let Some(first) = ends.iter().find(|target| target.method.as_ref() == method) {
            return Err(SameOperation { first: first.operation });
        }
        ends.push(Target { operation, method: method.cloned(), names });
        Ok(())
    }

    /// The operation for a method and the rest of a path, and its parameters' values.
    ///
    /// Each node is looked at once at most, so the time is bounded by the number of templates.
    pub(crate) fn find(&self, method: &Method, rest: &str) -> Option<(usize, Parameters)> {
        let mut values = SmallVec::new();
        let target = self.root.find(method, Some(rest.strip_prefix('/').unwrap_or(rest)), &mut values)?;
        let values = values.iter().map(|value| decode_segment(value).into_owned());
        Some((target.operation, target.names.iter().cloned().zip(values).collect()))
    }
}

/// `/*` has one empty literal before its wildcard, which takes the empty rest itself.
fn is_slash_of_wildcard(template: &Template, segment: &Segment) -> bool {
    template.wildcard && template.segments.len() == 1 && matches!(segment, Segment::Literal(text) if text.is_empty())
}

impl Node {
    fn parameter(&mut self, prefix: &str, suffix: &str) -> &mut Node {
        let known = self.parameters.iter().position(|p| *p.prefix == *prefix && *p.suffix == *suffix);
        let at = known.unwrap_or_else(|| {
            let literal = prefix.len() + suffix.len();
            let at = self.parameters.partition_point(|p| p.prefix.len() + p.suffix.len() >= literal);
            self.parameters
                .insert(at, ParameterNode { prefix: prefix.into(), suffix: suffix.into(), node: Node::default() });
            at
        });
        &mut self.parameters[at].node
    }

    /// `rest` is what stands behind the last slash, or none at the path's end. Backtracks: a literal without an
    /// operation for the method doesn't hide a parameter that has one.
    fn find<'n, 'p>(
        &'n self,
        method: &Method,
        rest: Option<&'p str>,
        values: &mut SmallVec<[&'p str; 4]>,
    ) -> Option<&'n Target> {
        let Some(rest) = rest else {
            return of_method(&self.here, method).or_else(|| of_method(&self.below, method));
        };
        let (segment, behind) = match rest.split_once('/') {
            Some((segment, behind)) => (segment, Some(behind)),
            None => (rest, None),
        };
        if let Some(node) = self.literals.get(segment)
            && let Some(target) = node.find(method, behind, values)
        {
            return Some(target);
        }
        for parameter in &self.parameters {
            let Some(value) = parameter.value(segment) else { continue };
            values.push(value);
            if let Some(target) = parameter.node.find(method, behind, values) {
                return Some(target);
            }
            values.pop();
        }
        of_method(&self.below, method)
    }
}

impl ParameterNode {
    /// The parameter's value in a segment: at least one character.
    fn value<'p>(&self, segment: &'p str) -> Option<&'p str> {
        let value = segment.strip_prefix(&*self.prefix)?.strip_suffix(&*self.suffix)?;
        (!value.is_empty()).then_some(value)
    }
}

/// The operation for this method, or else the one for any.
fn of_method<'t>(targets: &'t [Target], method: &Method) -> Option<&'t Target> {
    let exact = targets.iter().find(|target| target.method.as_ref() == Some(method));
    exact.or_else(|| targets.iter().find(|target| target.method.is_none()))
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

    fn try_table(operations: &[(&str, &str)]) -> Result<OperationTable, (usize, SameOperation)> {
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
        assert_eq!(find("POST", "/list/"), None);
    }

    #[test]
    fn text_around_a_parameter_goes_before_a_bare_one() {
        let table = table(&[("GET", "/{id}"), ("GET", "/{id}.json"), ("GET", "/v-{id}"), ("GET", "/files/*")]);
        let find = |rest: &str| {
            table.find(&Method::GET, rest).map(|(operation, parameters)| {
                (operation, parameters.into_iter().map(|(_, value)| value).collect::<Vec<_>>())
            })
        };
        assert_eq!(find("/7.json"), Some((1, vec!["7".to_owned()])));
        assert_eq!(find("/v-7"), Some((2, vec!["7".to_owned()])));
        assert_eq!(find("/.json"), Some((0, vec![".json".to_owned()])));
        for rest in ["/files", "/files/", "/files/a/b"] {
            assert_eq!(find(rest).map(|(operation, _)| operation), Some(3), "{rest}");
        }
        assert_eq!(find("/"), None);
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
        let (number, same) = try_table(&[("GET", "/{a}"), ("GET", "/{b}")]).unwrap_err();
        assert_eq!((same.first, number), (0, 1));
    }
}
