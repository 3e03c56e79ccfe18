//! Which subschemas there are, what their identifiers are, and where references between them lead.

use super::reference::{resolve, unescape};
use std::collections::BTreeMap;
use tollgate_sdk::serde_json::Value;

/// What a schema is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Draft {
    Four,
    /// 6 and 7.
    Seven,
    TwentyNineteen,
    TwentyTwenty,
    /// It doesn't say: 2020-12, with what OpenAPI 3.0 and older drafts write differently.
    Unsaid,
}

impl Draft {
    pub(crate) fn of(schema: &Value) -> Self {
        let Some(uri) = schema.get("$schema").and_then(Value::as_str) else { return Self::Unsaid };
        match () {
            () if uri.contains("draft-04") => Self::Four,
            () if uri.contains("draft-06") || uri.contains("draft-07") => Self::Seven,
            () if uri.contains("2019-09") => Self::TwentyNineteen,
            () => Self::TwentyTwenty,
        }
    }

    /// Whether `$ref` makes its neighbours mean nothing.
    pub(crate) fn ref_stands_alone(self) -> bool {
        self <= Self::Seven
    }

    fn id(self) -> &'static str {
        if self == Self::Four { "id" } else { "$id" }
    }
}

/// Keywords that hold a schema, a list of them, or a map of them.
const ONE: [&str; 12] = [
    "additionalItems",
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];
const LIST: [&str; 5] = ["allOf", "anyOf", "items", "oneOf", "prefixItems"];
const MAP: [&str; 6] = ["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"];

/// All that has an identifier.
pub(crate) struct Resources<'v> {
    draft: Draft,
    /// Identifiers and what they stand for; the first is the whole document, whose identifier is empty.
    resources: Vec<(String, &'v Value)>,
    anchors: BTreeMap<(usize, String), &'v Value>,
    /// `$dynamicAnchor`s, and `$recursiveAnchor` as one without a name.
    pub(crate) dynamic_anchors: BTreeMap<(usize, String), &'v Value>,
    /// The resource of each subschema that was seen, by its address.
    homes: BTreeMap<usize, usize>,
}

fn address(value: &Value) -> usize {
    std::ptr::from_ref(value) as usize
}

impl<'v> Resources<'v> {
    pub(crate) fn of(schema: &'v Value, draft: Draft) -> Self {
        let mut resources = Self {
            draft,
            resources: vec![(String::new(), schema)],
            anchors: BTreeMap::new(),
            dynamic_anchors: BTreeMap::new(),
            homes: BTreeMap::new(),
        };
        resources.walk(schema, 0);
        resources
    }

    /// The resource of a subschema.
    pub(crate) fn home(&self, schema: &Value) -> usize {
        self.homes.get(&address(schema)).copied().unwrap_or(0)
    }

    /// Remember the identifiers of a schema and of those in it.
    fn walk(&mut self, schema: &'v Value, resource: usize) {
        let mut waiting = vec![(schema, resource)];
        while let Some((schema, resource)) = waiting.pop() {
            let Value::Object(keywords) = schema else { continue };
            let resource = self.identify(schema, resource);
            self.homes.insert(address(schema), resource);
            for (keyword, value) in keywords {
                let keyword = keyword.as_str();
                match value {
                    Value::Object(_) if ONE.contains(&keyword) => waiting.push((value, resource)),
                    Value::Object(map) if MAP.contains(&keyword) => {
                        waiting.extend(map.values().map(|value| (value, resource)));
                    }
                    Value::Array(list) if LIST.contains(&keyword) => {
                        waiting.extend(list.iter().map(|value| (value, resource)));
                    }
                    _ => {}
                }
            }
        }
    }

    /// Take down what a schema calls itself. Gives the resource that it belongs to.
    fn identify(&mut self, schema: &'v Value, resource: usize) -> usize {
        let text = |keyword: &str| schema.get(keyword).and_then(Value::as_str);
        let mut resource = resource;
        let ignored = self.draft.ref_stands_alone() && schema.get("$ref").is_some();
        if let Some(id) = text(self.draft.id()).filter(|_| !ignored) {
            let base = self.uri(resource).to_owned();
            match id.strip_prefix('#') {
                Some(anchor) => drop(self.anchors.insert((resource, anchor.to_owned()), schema)),
                None => {
                    self.resources.push((resolve(&base, id).0, schema));
                    resource = self.resources.len() - 1;
                }
            }
        }
        if let Some(anchor) = text("$anchor") {
            self.anchors.insert((resource, anchor.to_owned()), schema);
        }
        if let Some(anchor) = text("$dynamicAnchor") {
            self.anchors.insert((resource, anchor.to_owned()), schema);
            self.dynamic_anchors.insert((resource, anchor.to_owned()), schema);
        }
        if schema.get("$recursiveAnchor") == Some(&Value::Bool(true)) {
            self.dynamic_anchors.insert((resource, String::new()), schema);
        }
        resource
    }

    fn uri(&self, resource: usize) -> &str {
        self.resources.get(resource).map_or("", |(uri, _)| uri)
    }

    /// Where a reference leads: the schema, its resource, and the fragment.
    pub(crate) fn find(&mut self, resource: usize, reference: &str) -> Result<(&'v Value, usize, String), String> {
        let lost = || format!("`{reference}` leads to nothing in this schema, and others aren't fetched");
        let (uri, fragment) = resolve(self.uri(resource), reference);
        let found = self.resources.iter().rposition(|(known, _)| *known == uri).ok_or_else(lost)?;
        let root = self.resources.get(found).ok_or_else(lost)?.1;
        if fragment.is_empty() {
            return Ok((root, found, fragment));
        }
        if !fragment.starts_with('/') {
            let target = self.anchors.get(&(found, fragment.clone())).ok_or_else(lost)?;
            return Ok((target, found, fragment));
        }
        let (mut target, mut home) = (root, found);
        for step in fragment.split('/').skip(1) {
            target = match target {
                Value::Object(map) => map.get(&unescape(step)),
                Value::Array(list) => step.parse::<usize>().ok().and_then(|index| list.get(index)),
                _ => None,
            }
            .ok_or_else(lost)?;
            home = self.homes.get(&address(target)).copied().unwrap_or(home);
        }
        // A place that no keyword holds, such as OpenAPI's `components`.
        if !self.homes.contains_key(&address(target)) {
            self.walk(target, home);
            home = self.homes.get(&address(target)).copied().unwrap_or(home);
        }
        Ok((target, home, fragment))
    }
}
