//! A statement's attributes: its configuration's JSON Schema as rows of a table.

use serde_json::Value;

/// A row: an attribute, or a member of one.
#[derive(Debug, PartialEq)]
pub(crate) struct Attribute {
    /// Members behind a dot, those of a list's items behind `[]`: `content[].type`.
    pub(crate) name: String,
    pub(crate) required: bool,
    /// Whether an expression may stand here.
    pub(crate) dynamic: bool,
    /// What may stand here, in words.
    pub(crate) kind: String,
    pub(crate) description: String,
}

/// Every attribute that a configuration's schema names, in its order.
pub(crate) fn of(schema: &Value) -> Vec<Attribute> {
    let mut rows = Vec::new();
    members(schema, "", &mut rows);
    rows
}

/// What the whole configuration may be, if it need not be a mapping.
pub(crate) fn short_form(schema: &Value) -> Option<String> {
    let choices = schema["anyOf"].as_array()?;
    let choices = choices.iter().map(literal);
    let others: Vec<String> = choices.filter(|choice| choice["properties"].is_null()).map(kind).collect();
    (!others.is_empty()).then(|| others.join(" or "))
}

fn members(schema: &Value, prefix: &str, rows: &mut Vec<Attribute>) {
    let choices = schema["anyOf"].as_array().map(Vec::as_slice).unwrap_or_default();
    for choice in choices.iter().map(literal) {
        // One or a list of the same: the rows of one tell all.
        if !choices.iter().any(|other| *literal(other) == choice["items"]) {
            members(choice, prefix, rows);
        }
    }
    if schema["items"].is_object() {
        members(literal(&schema["items"]), &format!("{}[].", prefix.trim_end_matches('.')), rows);
    }
    let required = schema["required"].as_array();
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        let value = literal(member);
        rows.push(Attribute {
            name: format!("{prefix}{name}"),
            required: required.is_some_and(|required| required.iter().any(|known| known == name)),
            dynamic: !std::ptr::eq(member, value),
            kind: kind(value),
            description: value["description"].as_str().unwrap_or_default().replace('\n', " "),
        });
        members(value, &format!("{prefix}{name}."), rows);
    }
}

/// What a value has to be if it is no expression: those that may be are written as a condition.
fn literal(schema: &Value) -> &Value {
    match &schema["else"] {
        Value::Null => schema,
        literal => literal,
    }
}

fn kind(schema: &Value) -> String {
    if let Some(choices) = schema["anyOf"].as_array() {
        let mut kinds: Vec<String> = choices.iter().map(|choice| kind(literal(choice))).collect();
        kinds.dedup();
        return kinds.join(" or ");
    }
    if let Some(values) = schema["enum"].as_array() {
        let mut values: Vec<String> = values.iter().map(|value| format!("`{}`", plain(value))).collect();
        // YAML's null and the word: both are written the same way.
        values.dedup();
        return values.join(", ");
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return "anything".to_owned(),
    };
    let kinds: Vec<String> = types.iter().filter(|kind| **kind != "null").map(|kind| of_type(kind, schema)).collect();
    kinds.join(" or ")
}

fn of_type(name: &str, schema: &Value) -> String {
    match name {
        "string" => "text".to_owned(),
        "boolean" => "`true`, `false`".to_owned(),
        "integer" | "number" => match (&schema["minimum"], &schema["maximum"]) {
            (Value::Null, Value::Null) => name.to_owned(),
            (low, Value::Null) => format!("{name}, at least {low}"),
            (Value::Null, high) => format!("{name}, at most {high}"),
            (low, high) => format!("{name}, {low} to {high}"),
        },
        "array" => format!("list of {}", kind(literal(&schema["items"]))),
        "object" => match &schema["additionalProperties"] {
            Value::Object(_) => format!("mapping to {}", kind(literal(&schema["additionalProperties"]))),
            _ => "mapping".to_owned(),
        },
        other => other.to_owned(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_of_lists_and_mappings_have_rows_of_their_own() {
        let schema = json!({ "type": "object", "required": ["rules"], "properties": { "rules": {
            "description": "The rules.", "type": "array", "items": { "type": "object", "properties": {
                "action": { "if": {}, "else": { "enum": ["detect", "prevent"] } } } } } } });
        let rows = of(&schema);
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["rules", "rules[].action"]);
        assert_eq!((rows[0].required, rows[0].dynamic, rows[0].kind.as_str()), (true, false, "list of mapping"));
        assert_eq!((rows[1].required, rows[1].dynamic, rows[1].kind.as_str()), (false, true, "`detect`, `prevent`"));
    }

    #[test]
    fn numbers_say_their_bounds() {
        assert_eq!(kind(&json!({ "type": "integer", "minimum": 1 })), "integer, at least 1");
        assert_eq!(kind(&json!({ "type": "integer", "minimum": 1, "maximum": 9 })), "integer, 1 to 9");
        assert_eq!(kind(&json!({})), "anything");
    }

    #[test]
    fn a_short_form_is_what_stands_beside_the_mapping() {
        let schema = json!({ "anyOf": [{ "type": "object", "properties": { "a": {} } }, { "type": "string" }] });
        assert_eq!(short_form(&schema).as_deref(), Some("text"));
        assert_eq!(short_form(&json!({ "type": "object" })), None);
    }
}
