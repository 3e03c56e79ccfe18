//! A value that a schema might accept: an illustration, not a proof.

use tollgate_sdk::serde_json::{Map, Value, json};

/// Objects and lists within each other.
const MAX_DEPTH: usize = 10;

/// References and combinations that lead from one schema to another without going deeper into the value.
const MAX_HOPS: usize = 16;

/// Values in one sample.
const MAX_VALUES: usize = 500;

/// Characters of a text, and items of a list, that a minimum asks for.
const MAX_LENGTH: u64 = 100;
const MAX_ITEMS: u64 = 10;

/// Make a value: what the schema gives as an example or default, else the first of its alternatives, else what its
/// type suggests. The same schema always gives the same value.
pub(crate) fn sample(schema: &Value) -> Value {
    Sampler { document: schema, values: 0 }.value(schema, 0, 0)
}

struct Sampler<'v> {
    document: &'v Value,
    values: usize,
}

impl<'v> Sampler<'v> {
    fn value(&mut self, schema: &'v Value, depth: usize, hops: usize) -> Value {
        self.values += 1;
        if depth > MAX_DEPTH || hops > MAX_HOPS || self.values > MAX_VALUES {
            return Value::Null;
        }
        if let Some(given) = given(schema) {
            return given.clone();
        }
        if let Some(target) = self.target(schema) {
            return self.value(target, depth, hops + 1);
        }
        let list = |keyword: &str| schema.get(keyword).and_then(Value::as_array).into_iter().flatten();
        let parts = list("allOf").chain(list("oneOf").take(1)).chain(list("anyOf").take(1));
        let own = self.typed(schema, depth);
        parts.fold(own, |all, part| merged(all, self.value(part, depth, hops + 1)))
    }

    /// Where a reference within the document leads.
    fn target(&self, schema: &Value) -> Option<&'v Value> {
        self.document.pointer(schema.get("$ref")?.as_str()?.strip_prefix('#')?)
    }

    fn typed(&mut self, schema: &'v Value, depth: usize) -> Value {
        let name = match schema.get("type") {
            Some(Value::String(one)) => one.as_str(),
            Some(Value::Array(several)) => {
                several.iter().filter_map(Value::as_str).find(|name| *name != "null").unwrap_or("null")
            }
            _ if schema.get("properties").is_some() => "object",
            _ if schema.get("items").is_some() => "array",
            _ => return Value::Null,
        };
        match name {
            "object" => self.object(schema, depth),
            "array" => self.list(schema, depth),
            "string" => Value::from(text(schema)),
            "integer" => number(schema, true),
            "number" => number(schema, false),
            "boolean" => Value::Bool(true),
            _ => Value::Null,
        }
    }

    fn object(&mut self, schema: &'v Value, depth: usize) -> Value {
        let mut members = Map::new();
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            // What only the client may write is in no answer.
            if property.get("writeOnly") != Some(&Value::Bool(true)) {
                members.insert(name.clone(), self.value(property, depth + 1, 0));
            }
        }
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        for name in required.filter_map(Value::as_str) {
            if schema.get("properties").and_then(|properties| properties.get(name)).is_none() {
                members.insert(name.to_owned(), Value::Null);
            }
        }
        let rest = schema.get("additionalProperties").filter(|rest| rest.is_object());
        if let Some(rest) = rest.filter(|_| members.is_empty()) {
            members.insert("property".into(), self.value(rest, depth + 1, 0));
        }
        Value::Object(members)
    }

    fn list(&mut self, schema: &'v Value, depth: usize) -> Value {
        let prefix = schema.get("prefixItems").and_then(Value::as_array).into_iter().flatten();
        let mut items: Vec<Value> = prefix.map(|item| self.value(item, depth + 1, 0)).collect();
        let limit = |keyword: &str| schema.get(keyword).and_then(Value::as_u64);
        let wanted = limit("minItems").unwrap_or(1).clamp(1, MAX_ITEMS).min(limit("maxItems").unwrap_or(MAX_ITEMS));
        if let Some(item) = schema.get("items").filter(|item| item.is_object()) {
            while (items.len() as u64) < wanted && depth < MAX_DEPTH {
                items.push(self.value(item, depth + 1, 0));
            }
        }
        Value::Array(items)
    }
}

/// What the schema says a value is.
fn given(schema: &Value) -> Option<&Value> {
    let first = |keyword: &str| schema.get(keyword).and_then(|list| list.get(0));
    let plain = |keyword: &str| schema.get(keyword);
    plain("example")
        .or_else(|| first("examples"))
        .or_else(|| plain("default"))
        .or_else(|| plain("const"))
        .or_else(|| first("enum"))
}

/// Two parts of one value: objects have the members of both.
fn merged(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Object(mut one), Value::Object(other)) => {
            one.extend(other);
            Value::Object(one)
        }
        (one, Value::Null) => one,
        (_, other) => other,
    }
}

fn text(schema: &Value) -> String {
    let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
    let text = match format {
        "date-time" => "2024-01-01T00:00:00Z",
        "date" => "2024-01-01",
        "time" => "00:00:00Z",
        "duration" => "P1D",
        "email" | "idn-email" => "user@example.com",
        "hostname" | "idn-hostname" => "example.com",
        "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "uri" | "url" | "iri" => "https://example.com/",
        "uri-reference" | "iri-reference" => "/",
        "uuid" => "00000000-0000-4000-8000-000000000000",
        "byte" => "c3RyaW5n",
        _ => "string",
    };
    let limit = |keyword: &str| schema.get(keyword).and_then(Value::as_u64);
    let length = text.chars().count() as u64;
    let wanted =
        length.max(limit("minLength").unwrap_or(0).min(MAX_LENGTH)).min(limit("maxLength").unwrap_or(u64::MAX));
    text.chars().cycle().take(usize::try_from(wanted).unwrap_or_default()).collect()
}

/// The number nearest to 0 that is within the limits, or a bit away from one that is excluded.
fn number(schema: &Value, is_integer: bool) -> Value {
    let limit = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
    let is_excluded = |keyword: &str| schema.get(keyword) == Some(&Value::Bool(true));
    let step = limit("multipleOf").filter(|step| *step > 0.0).unwrap_or(1.0);
    let (mut low, mut high) = (limit("minimum"), limit("maximum"));
    if is_excluded("exclusiveMinimum") {
        low = low.map(|low| low + step);
    }
    if is_excluded("exclusiveMaximum") {
        high = high.map(|high| high - step);
    }
    low = low.or(limit("exclusiveMinimum").map(|low| low + step));
    high = high.or(limit("exclusiveMaximum").map(|high| high - step));
    let mut found = 0.0_f64;
    if let Some(high) = high.filter(|high| found > *high) {
        found = (high / step).floor() * step;
    }
    if let Some(low) = low.filter(|low| found < *low) {
        found = (low / step).ceil() * step;
    }
    // Every limit that is no integer leaves room for one within a step, if for any.
    match is_integer || found.fract() == 0.0 {
        true => json!(found.ceil() as i64),
        false => json!(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_schema_gives_comes_first() {
        for (schema, expected) in [
            (json!({ "type": "integer", "example": 7, "default": 1 }), json!(7)),
            (json!({ "examples": ["a", "b"] }), json!("a")),
            (json!({ "default": false, "enum": [true] }), json!(false)),
            (json!({ "enum": ["gold", "silver"] }), json!("gold")),
            (json!({ "const": null }), json!(null)),
        ] {
            assert_eq!(sample(&schema), expected, "{schema}");
        }
    }

    #[test]
    fn otherwise_its_type_does() {
        for (schema, expected) in [
            (json!(true), json!(null)),
            (json!({}), json!(null)),
            (json!({ "type": "string" }), json!("string")),
            (json!({ "type": "string", "minLength": 8 }), json!("stringst")),
            (json!({ "type": "string", "maxLength": 3 }), json!("str")),
            (json!({ "type": "string", "format": "date" }), json!("2024-01-01")),
            (json!({ "type": "string", "format": "uuid" }), json!("00000000-0000-4000-8000-000000000000")),
            (json!({ "type": "boolean" }), json!(true)),
            (json!({ "type": ["null", "integer"] }), json!(0)),
            (json!({ "type": "integer", "minimum": 3 }), json!(3)),
            (json!({ "type": "integer", "exclusiveMinimum": 3 }), json!(4)),
            (json!({ "type": "integer", "minimum": 3, "exclusiveMinimum": true, "multipleOf": 5 }), json!(10)),
            (json!({ "type": "number", "maximum": -1.5 }), json!(-2)),
            (json!({ "type": "number", "minimum": 0.3, "multipleOf": 0.5 }), json!(0.5)),
            (json!({ "type": "array", "items": { "type": "boolean" } }), json!([true])),
            (json!({ "items": { "type": "integer" }, "minItems": 2 }), json!([0, 0])),
            (json!({ "type": "array", "items": { "type": "integer" }, "maxItems": 0 }), json!([])),
            (json!({ "type": "array" }), json!([])),
            (
                json!({ "type": "object", "required": ["b"], "properties": { "a": { "type": "integer" } } }),
                json!({ "a": 0, "b": null }),
            ),
            (
                json!({ "properties": { "a": { "writeOnly": true }, "b": { "type": "string" } } }),
                json!({ "b": "string" }),
            ),
            (json!({ "type": "object", "additionalProperties": { "type": "integer" } }), json!({ "property": 0 })),
        ] {
            assert_eq!(sample(&schema), expected, "{schema}");
        }
    }

    #[test]
    fn combinations_and_references_are_followed() {
        let schema = json!({
            "type": "object",
            "properties": { "id": { "$ref": "#/$defs/id" } },
            "allOf": [{ "$ref": "#/$defs/named" }],
            "oneOf": [{ "properties": { "kind": { "const": "x" } } }, { "type": "string" }],
            "$defs": { "id": { "type": "integer" }, "named": { "properties": { "name": { "type": "string" } } } },
        });
        assert_eq!(sample(&schema), json!({ "id": 0, "name": "string", "kind": "x" }));
        let all =
            json!({ "allOf": [{ "properties": { "a": { "const": 1 } } }, { "properties": { "b": { "const": 2 } } }] });
        assert_eq!(sample(&all), json!({ "a": 1, "b": 2 }));
    }

    #[test]
    fn what_holds_itself_ends() {
        let tree = json!({ "type": "object", "properties": { "left": { "$ref": "#" }, "right": { "$ref": "#" } } });
        assert!(sample(&tree).to_string().len() < 20_000);
        assert_eq!(sample(&json!({ "$ref": "#" })), json!(null));
        let nested = json!({ "allOf": [{ "$ref": "#" }, { "$ref": "#" }] });
        assert_eq!(sample(&nested), json!(null));
    }
}
