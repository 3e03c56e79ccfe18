//! Schemas of configuration types, held against what serde takes.

use super::*;
use crate::dynamic::Text;
use crate::{Dynamic, Expression, configuration};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn document<T: Schema>() -> Value {
    let text = T::SCHEMA.document();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Whether the schema takes what serde takes: it must, for what the schema refuses never reaches serde.
fn takes<T: Schema + serde::de::DeserializeOwned>(config: Value) -> bool {
    let schema = jsonschema::validator_for(&document::<T>()).unwrap().is_valid(&config);
    let read = serde_json::from_value::<T>(config.clone());
    assert!(!schema || read.is_ok(), "only the schema takes {config}: {:?}", read.err().unwrap());
    schema
}

/// Everything at once.
#[configuration]
#[allow(dead_code, reason = "only read by serde")]
struct Config {
    /// How "many"
    /// there are.
    #[schema(range(min = 1, max = 300))]
    how_many: u64,
    #[serde(default)]
    #[schema(length(min = 1), pattern = "^[a-z]+$")]
    name: Option<String>,
    #[serde(default)]
    action: Action,
    #[serde(default, rename = "type")]
    kind: Vec<Kind>,
    #[serde(default)]
    labels: BTreeMap<String, u8>,
    #[serde(flatten)]
    more: More,
    #[serde(skip)]
    hidden: Option<String>,
}

#[configuration]
#[allow(dead_code, reason = "only read by serde")]
struct More {
    /// More of it.
    #[serde(default)]
    any_thing: Value,
    needed: bool,
}

/// What to do.
#[configuration]
#[derive(Default)]
enum Action {
    /// Let it pass.
    #[default]
    LetPass,
    Stop,
}

#[configuration]
#[allow(dead_code, reason = "only read by serde")]
enum Kind {
    Plain,
    OneOf(Vec<u32>),
    WithName { first_name: String },
}

#[configuration]
#[serde(untagged)]
#[allow(dead_code, reason = "only read by serde")]
enum Loose {
    Text(String),
    Number(f64),
}

#[configuration]
#[allow(dead_code, reason = "only read by serde")]
struct Wrapped(Loose);

#[test]
fn a_schema_says_what_serde_reads() {
    let expected = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "description": "Everything at once.",
        "type": "object",
        "properties": {
            "how-many": { "description": "How \"many\" there are.", "type": "integer", "minimum": 1, "maximum": 300 },
            "name": { "type": "string", "minLength": 1, "pattern": "^[a-z]+$" },
            "action": {
                "description": "What to do.\n- let-pass: Let it pass.",
                "type": "string",
                "enum": ["let-pass", "stop"],
            },
            "type": { "type": "array", "items": { "anyOf": [
                { "type": "string", "enum": ["plain"] },
                {
                    "type": "object",
                    "properties": { "one-of": {
                        "type": "array",
                        "items": { "type": "integer", "minimum": 0, "maximum": 4294967295u32 },
                    } },
                    "required": ["one-of"],
                    "additionalProperties": false,
                },
                {
                    "type": "object",
                    "properties": { "with-name": {
                        "type": "object",
                        "properties": { "first_name": { "type": "string" } },
                        "required": ["first_name"],
                    } },
                    "required": ["with-name"],
                    "additionalProperties": false,
                },
            ] } },
            "labels": {
                "type": "object",
                "additionalProperties": { "type": "integer", "minimum": 0, "maximum": 255 },
            },
            "any-thing": { "description": "More of it." },
            "needed": { "type": "boolean" },
        },
        "required": ["how-many", "needed"],
        "additionalProperties": false,
    });
    assert_eq!(document::<Config>(), expected);
}

#[test]
fn what_a_schema_takes_serde_takes() {
    let with = |name: &str, value: Value| {
        let mut config = json!({ "how-many": 1, "needed": true });
        config[name] = value;
        takes::<Config>(config)
    };
    for (name, value) in [
        ("how-many", json!(300)),
        ("name", json!("a")),
        ("action", json!("stop")),
        ("type", json!(["plain", { "one-of": [1] }, { "with-name": { "first_name": "a" } }])),
        ("labels", json!({ "a": 255 })),
        ("any-thing", json!([null])),
    ] {
        assert!(with(name, value.clone()), "{name}: {value}");
    }
    for (name, value) in [
        ("how-many", json!(301)),
        ("how-many", json!(-1)),
        ("how-many", json!(1.5)),
        ("name", json!("A")),
        ("name", json!(null)),
        ("action", json!("LetPass")),
        ("type", json!("plain")),
        ("type", json!([{ "plain": null }])),
        ("type", json!([{ "one-of": [-1] }])),
        ("labels", json!({ "a": 256 })),
        ("hidden", json!("a")),
        ("how_many", json!(1)),
    ] {
        assert!(!with(name, value.clone()), "{name}: {value}");
    }
    assert!(!takes::<Config>(json!({ "how-many": 1 })));
    assert!(!takes::<Config>(json!(null)));
}

#[test]
fn wrapped_and_untagged_types_are_what_they_hold() {
    assert!(takes::<Wrapped>(json!("a")) && takes::<Wrapped>(json!(1.5)));
    assert!(!takes::<Wrapped>(json!(true)) && !takes::<Wrapped>(json!(["a"])));
}

#[test]
fn a_configuration_without_required_members_may_be_left_out() {
    assert_eq!(document::<crate::NoConfig>()["type"], json!(["object", "null"]));
    assert_eq!(document::<crate::NoConfig>()["additionalProperties"], json!(false));
    assert_eq!(document::<More>()["type"], "object");
}

/// Values that may be expressions.
#[configuration]
#[allow(dead_code, reason = "only read by serde")]
struct Changing {
    /// How many.
    #[schema(range(min = 1, max = 9))]
    many: Dynamic<u64>,
    #[serde(default)]
    #[schema(length(min = 2), pattern = "^a")]
    name: Option<Dynamic<Text>>,
    #[serde(default)]
    bodies: Vec<Dynamic<Vec<u8>>>,
    #[serde(default)]
    any: Dynamic<Value>,
    #[serde(default)]
    always: Option<Expression>,
}

#[test]
fn what_is_said_of_a_dynamic_value_is_said_of_its_literal() {
    let either = |literal: Value| json!({ "if": { "type": "object", "required": ["$expression"] }, "else": literal });
    let expected = json!({
        "many": either(json!({ "description": "How many.", "type": "integer", "minimum": 1, "maximum": 9 })),
        "name": either(json!({ "type": ["string", "number", "boolean"], "minLength": 2, "pattern": "^a" })),
        "bodies": { "type": "array", "items": either(json!({ "type": "string" })) },
        "any": either(json!({})),
        "always": { "type": "object", "required": ["$expression"] },
    });
    assert_eq!(document::<Changing>()["properties"], expected);
    assert_eq!(document::<Changing>()["required"], json!(["many"]));
}

#[test]
fn the_schema_takes_expressions_and_still_says_what_is_wrong_with_a_literal() {
    let expression = json!({ "$expression": 0 });
    assert!(takes::<Changing>(json!({
        "many": expression, "name": expression, "bodies": [expression, "b"], "any": expression, "always": expression,
    })));
    assert!(takes::<Changing>(json!({ "many": 9, "name": 55, "any": { "a": [1], "b": null } })));
    assert!(takes::<Changing>(json!({ "many": 1, "name": true, "any": null })));
    for (name, value) in [
        ("many", json!(10)),
        ("many", json!("1")),
        ("many", json!({ "expression": 0 })),
        ("name", json!("b")),
        ("name", json!("a")),
        ("bodies", json!([[1]])),
        ("always", json!(true)),
    ] {
        let mut config = json!({ "many": 1 });
        config[name] = value.clone();
        assert!(!takes::<Changing>(config), "{name}: {value}");
    }
    let validator = jsonschema::validator_for(&document::<Changing>()).unwrap();
    let error = validator.validate(&json!({ "many": 10 })).unwrap_err().to_string();
    assert_eq!(error, "10 is greater than the maximum of 9");
}
