//! What an operation takes and gives: `parameters`, `request` and `responses`, as one JSON object.
//!
//! ```text
//! { "id", "method", "url",
//!   "parameters": { "path": [P], "query": [P], "header": [P] },
//!   "request": { "representations": [R] },
//!   "responses": [ { "status": 200, "headers": [P], "representations": [R] } ] }
//! P = { "name", "required", "schema"? }    R = { "content-type", "schema"?, "example"? }
//! ```

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::apis::is_token;
use super::fields::Fields;
use super::{Reader, Seen};
use crate::document::{Segment, Template};
use crate::yaml::Node;

/// Where a parameter stands.
#[derive(Clone, Copy)]
enum Place<'t> {
    /// In the path of this template, if it could be read.
    Path(Option<&'t Template>),
    Query,
    Header,
}

impl Place<'_> {
    /// How a list of them is described in messages.
    fn plural(self) -> &'static str {
        match self {
            Place::Path(_) => "path parameters",
            Place::Query => "query parameters",
            Place::Header => "headers",
        }
    }
}

impl Reader<'_> {
    /// The definition of an operation; `method` is none for every method.
    pub(super) fn definition(
        &mut self,
        fields: &Fields<'_>,
        id: &str,
        method: Option<&str>,
        template: Option<&Template>,
    ) -> Value {
        let url = template.map_or("/", |template| &template.text);
        let mut definition = Map::new();
        definition.insert("id".into(), id.into());
        definition.insert("method".into(), method.unwrap_or("*").into());
        definition.insert("url".into(), url.into());
        if let Some(node) = fields.get("parameters") {
            let parameters = self.operation_parameters(node, template);
            insert_unless_empty(&mut definition, "parameters", parameters.into());
        }
        if let Some(node) = fields.get("request") {
            let request = self.fields(node, "a mapping with the key `representations`", &["representations"]);
            let representations = self.representations(&request);
            if !representations.is_empty() {
                definition.insert("request".into(), json!({ "representations": representations }));
            }
        }
        let responses = self.responses(fields.get("responses"));
        insert_unless_empty(&mut definition, "responses", responses.into());
        Value::Object(definition)
    }

    fn operation_parameters(&mut self, node: &Node, template: Option<&Template>) -> Map<String, Value> {
        const KEYS: [&str; 3] = ["path", "query", "header"];
        let fields = self.fields(node, "a mapping with keys such as `query`", &KEYS);
        let mut parameters = Map::new();
        for (key, place) in KEYS.into_iter().zip([Place::Path(template), Place::Query, Place::Header]) {
            let list = self.parameters_of(fields.get(key), place);
            insert_unless_empty(&mut parameters, key, list.into());
        }
        parameters
    }

    fn parameters_of(&mut self, node: Option<&Arc<Node>>, place: Place<'_>) -> Vec<Value> {
        let mut names = Seen::default();
        let mut parameters = Vec::new();
        for fields in self.each(node, place.plural(), &["name", "required", "schema"]) {
            let name = self.required(&fields, "name", "a parameter").and_then(|node| self.parameter_name(node, place));
            let required = self.is_required(&fields, place);
            let schema = fields.get("schema").and_then(|node| self.schema(node));
            let Some(name) = name else { continue };
            // The names of headers are the same in any case; all others aren't.
            let key = if matches!(place, Place::Header) { name.to_ascii_lowercase() } else { name.to_owned() };
            names.check(self, "name of a parameter", &key, fields.mark_of("name"));
            let mut parameter = Map::new();
            parameter.insert("name".into(), name.into());
            parameter.insert("required".into(), required.into());
            parameter.extend(schema.map(|schema| ("schema".to_owned(), schema)));
            parameters.push(parameter.into());
        }
        parameters
    }

    fn parameter_name<'n>(&mut self, node: &'n Node, place: Place<'_>) -> Option<&'n str> {
        let expected = match place {
            Place::Header => "the name of a header",
            Place::Path(_) | Place::Query => "the name of a parameter",
        };
        let name = self.text(node, expected)?;
        let is_name = match place {
            Place::Path(Some(template)) => {
                let names: Vec<&str> = template.segments.iter().filter_map(name_of).collect();
                if !names.contains(&name) {
                    self.unknown_beside(node.mark, "path parameter", name, " in this URL", &names);
                    return None;
                }
                true
            }
            Place::Path(None) | Place::Query => !name.is_empty(),
            Place::Header => is_token(name),
        };
        if !is_name {
            self.expected(expected, node);
        }
        is_name.then_some(name)
    }

    /// A URL doesn't match without the parameters in its path, so these are required.
    fn is_required(&mut self, fields: &Fields<'_>, place: Place<'_>) -> bool {
        let is_path = matches!(place, Place::Path(_));
        if let Some(node) = fields.get("required").filter(|node| is_path && node.is_false()) {
            self.expected("`true`, for a URL doesn't match without the parameters in its path", node);
            return true;
        }
        self.flag(fields, "required", is_path)
    }

    /// The key `representations` of a request or a response.
    fn representations(&mut self, fields: &Fields<'_>) -> Vec<Value> {
        let mut types = Seen::default();
        let mut representations = Vec::new();
        let node = fields.get("representations");
        for fields in self.each(node, "representations", &["content-type", "schema", "example"]) {
            let content_type =
                self.required(&fields, "content-type", "a representation").and_then(|node| self.content_type(node));
            let schema = fields.get("schema").and_then(|node| self.schema(node));
            let example = fields.get("example").map(|node| node.to_json(self.diagnostics));
            let Some(content_type) = content_type else { continue };
            types.check(self, "content type", &content_type.to_ascii_lowercase(), fields.mark_of("content-type"));
            let mut representation = Map::new();
            representation.insert("content-type".into(), content_type.into());
            representation.extend(schema.map(|schema| ("schema".to_owned(), schema)));
            representation.extend(example.map(|example| ("example".to_owned(), example)));
            representations.push(representation.into());
        }
        representations
    }

    fn content_type<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        const EXPECTED: &str = "a content type such as `application/json`";
        let text = self.text(node, EXPECTED)?;
        let essence = text.split(';').next().unwrap_or(text).trim_end();
        let is_type = essence.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
        if !is_type {
            self.expected(EXPECTED, node);
        }
        is_type.then_some(text)
    }

    fn responses(&mut self, node: Option<&Arc<Node>>) -> Vec<Value> {
        let mut statuses = Seen::default();
        let mut responses = Vec::new();
        for fields in self.each(node, "responses", &["status", "headers", "representations"]) {
            let status = self.required(&fields, "status", "a response").and_then(|node| self.integer(node, 100, 599));
            let headers = self.parameters_of(fields.get("headers"), Place::Header);
            let representations = self.representations(&fields);
            let Some(status) = status else { continue };
            statuses.check(self, "status", &status.to_string(), fields.mark_of("status"));
            let mut response = Map::new();
            response.insert("status".into(), status.into());
            insert_unless_empty(&mut response, "headers", headers.into());
            insert_unless_empty(&mut response, "representations", representations.into());
            responses.push(response.into());
        }
        responses
    }
}

fn name_of(segment: &Segment) -> Option<&str> {
    match segment {
        Segment::Literal(_) => None,
        Segment::Parameter { name, .. } => Some(name),
    }
}

/// What wasn't written, or is an empty list, is left out.
fn insert_unless_empty(object: &mut Map<String, Value>, key: &str, value: Value) {
    let is_empty = match &value {
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    if !is_empty {
        object.insert(key.to_owned(), value);
    }
}
