//! JSON Schemas: the named ones of `schemas`, and those that stand in operations. Whether a value is a good schema is
//! seen where it is compiled.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::Reader;
use crate::yaml::{Content, Key, Node, Quoted};

/// The largest schema, as JSON: what API management takes (`apim.md` §1.3).
const MAX_SCHEMA_BYTES: usize = 4 << 20;

/// How much the named schemas may have together, and those that are put in elsewhere for their names: each takes
/// about ten times its text in memory.
const MAX_ALL_BYTES: usize = 32 << 20;

/// How a schema in an operation is described in messages.
const EXPECTED: &str = "a JSON Schema as a mapping, or `{ ref: name }`";

/// How a named schema is described in messages.
const EXPECTED_NAMED: &str = "a JSON Schema as a mapping, or `{ file: … }`";

/// Schemas by name.
#[derive(Default)]
pub(super) struct Schemas {
    by_name: BTreeMap<String, Schema>,
    /// See [`MAX_ALL_BYTES`].
    all_bytes: usize,
}

struct Schema {
    value: Value,
    /// About, as JSON.
    bytes: usize,
}

impl Schemas {
    pub(super) fn into_values(self) -> BTreeMap<String, Value> {
        self.by_name.into_iter().map(|(name, schema)| (name, schema.value)).collect()
    }
}

impl Schema {
    /// Stands for a schema that couldn't be read, so that references to it aren't reported too. Allows everything.
    fn placeholder() -> Schema {
        Schema { value: Value::Object(Map::new()), bytes: 0 }
    }
}

impl Reader<'_> {
    /// Read `schemas`.
    pub(super) fn named_schemas(&mut self, node: Option<&Arc<Node>>) {
        let Some(node) = node else {
            return;
        };
        let Content::Mapping(entries) = &node.content else {
            return self.expected("a mapping of names to JSON Schemas", node);
        };
        for (key, node) in entries {
            self.check_schema_name(key);
            let schema = self.named_schema(node).filter(|schema| self.has_room_for(schema.bytes, node));
            self.schemas.by_name.insert(key.text.to_string(), schema.unwrap_or_else(Schema::placeholder));
        }
    }

    fn check_schema_name(&mut self, key: &Key) {
        const MAX_CHARS: usize = 80;
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if !(1..=MAX_CHARS).contains(&key.text.len()) || !key.text.chars().all(is_name) {
            let message = format!(
                "expected 1 to {MAX_CHARS} letters, digits, `_`, `-` and `.` as a schema's name, found {}",
                Quoted(&key.text)
            );
            self.error(key.mark, message);
        }
    }

    fn named_schema(&mut self, node: &Node) -> Option<Schema> {
        if node.entry("file").is_none() {
            return self.written_schema(node, EXPECTED_NAMED);
        }
        const FILE: &str = "the path of a schema's file";
        let node = self.fields(node, EXPECTED_NAMED, &["file"]).get("file")?;
        let path = self.file(node, FILE)?;
        let schema = read_schema(&path);
        if let Err(error) = &schema {
            self.error(node.mark, format!("the schema's file {error}"));
        }
        schema.ok()
    }

    /// A schema in an operation: one that is written there, or the name of one.
    pub(super) fn schema(&mut self, node: &Node) -> Option<Value> {
        if node.entry("ref").is_none() {
            return self.written_schema(node, EXPECTED).map(|schema| schema.value);
        }
        let node = self.fields(node, EXPECTED, &["ref"]).get("ref")?;
        self.schema_of_name(node)
    }

    /// The named schema whose name stands here.
    pub(super) fn schema_of_name(&mut self, node: &Node) -> Option<Value> {
        let name = self.text(node, "the name of a schema")?;
        let Some(bytes) = self.schemas.by_name.get(name).map(|schema| schema.bytes) else {
            self.unknown_schema(node, name);
            return None;
        };
        let has_room = self.has_room_for(bytes, node);
        self.schemas.by_name.get(name).filter(|_| has_room).map(|schema| schema.value.clone())
    }

    fn unknown_schema(&mut self, node: &Node, name: &str) {
        // Of a full list, errors are only counted, and nobody reads the names.
        let listed = if self.diagnostics.is_full() { 0 } else { self.schemas.by_name.len() };
        let names: Vec<String> = self.schemas.by_name.keys().take(listed).cloned().collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.unknown(node.mark, "schema", name, &names);
    }

    fn written_schema(&mut self, node: &Node, expected: &str) -> Option<Schema> {
        if !matches!(node.content, Content::Mapping(_)) {
            self.expected(expected, node);
            return None;
        }
        let value = node.to_json(self.diagnostics);
        let bytes = serde_json::to_vec(&value).map_or(usize::MAX, |json| json.len());
        if bytes > MAX_SCHEMA_BYTES {
            self.error(node.mark, format!("the schema has {bytes} bytes as JSON; at most {MAX_SCHEMA_BYTES} are read"));
            return None;
        }
        Some(Schema { value, bytes })
    }

    fn has_room_for(&mut self, bytes: usize, node: &Node) -> bool {
        let all_bytes = self.schemas.all_bytes.saturating_add(bytes);
        if all_bytes > MAX_ALL_BYTES {
            let message = format!(
                "the named schemas, and those that others refer to, have more than {MAX_ALL_BYTES} bytes together"
            );
            self.error(node.mark, message);
            return false;
        }
        self.schemas.all_bytes = all_bytes;
        true
    }
}

/// Read a file, or say what is the matter with it.
fn read_schema(path: &Path) -> Result<Schema, String> {
    let unreadable = |error: std::io::Error| format!("can't be read: {error}");
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err("can't be read: it is no regular file".into());
    }
    let mut text = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_SCHEMA_BYTES as u64 + 1).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() > MAX_SCHEMA_BYTES {
        return Err(format!("has more than {MAX_SCHEMA_BYTES} bytes"));
    }
    let value: Value = serde_json::from_slice(&text).map_err(|error| format!("isn't JSON: {error}"))?;
    if !value.is_object() {
        return Err("holds JSON, but no object".into());
    }
    Ok(Schema { value, bytes: text.len() })
}
