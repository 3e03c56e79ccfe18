//! Each keyword, against another implementation of the same drafts.

use super::*;
use tollgate_sdk::serde_json::json;

/// Schemas in which each keyword occurs, alone and with its neighbours.
fn schemas() -> Vec<Value> {
    let tree = json!({ "type": "object", "properties": { "a": { "$ref": "#" }, "b": { "type": "integer" } },
                       "additionalProperties": false });
    vec![
        json!(true),
        json!(false),
        json!({}),
        json!({ "type": "integer" }),
        json!({ "type": ["string", "null"] }),
        json!({ "enum": [1, "x", null, [1], { "a": 1 }] }),
        json!({ "const": { "a": [1, 2] } }),
        json!({ "multipleOf": 0.01 }),
        json!({ "minimum": 1, "exclusiveMaximum": 3 }),
        json!({ "minLength": 1, "maxLength": 2 }),
        json!({ "pattern": "^[a-y]" }),
        json!({ "minItems": 1, "maxItems": 2, "uniqueItems": true }),
        json!({ "minProperties": 1, "maxProperties": 1 }),
        json!({ "required": ["a"] }),
        json!({ "properties": { "a": { "type": "integer" } }, "patternProperties": { "^b": false } }),
        json!({ "properties": { "a": true }, "additionalProperties": { "type": "string" } }),
        json!({ "propertyNames": { "maxLength": 1 } }),
        json!({ "contains": { "type": "integer" } }),
        json!({ "allOf": [{ "type": "object" }, { "required": ["b"] }] }),
        json!({ "anyOf": [{ "type": "integer" }, { "minLength": 2 }] }),
        json!({ "oneOf": [{ "minimum": 2 }, { "maximum": 2 }] }),
        json!({ "not": { "type": ["string", "object"] } }),
        json!({ "if": { "type": "integer" }, "then": { "minimum": 2 }, "else": { "type": "string" } }),
        json!({ "$ref": "#/definitions/word", "definitions": { "word": { "type": "string" } } }),
        json!({ "$id": "http://a.example/b", "properties": { "a": { "$ref": "c" } },
                "definitions": { "x": { "$id": "c", "type": "integer" } } }),
        tree,
    ]
}

fn values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(1.0),
        json!(2),
        json!(3),
        json!(-1.5),
        json!(0.07),
        json!(19.99),
        json!(1e300),
        json!(""),
        json!("x"),
        json!("zz"),
        json!("abc"),
        json!([]),
        json!([1]),
        json!([1, 1.0]),
        json!([1, "a", null]),
        json!({}),
        json!({ "a": 1 }),
        json!({ "a": "x" }),
        json!({ "a": [1, 2] }),
        json!({ "b": 2 }),
        json!({ "a": { "a": { "b": 5 } }, "b": 1 }),
        json!({ "a": { "a": { "c": 5 } } }),
        json!({ "long": "x", "bb": 1 }),
    ]
}

#[test]
fn it_agrees_with_another_implementation() {
    for uri in [
        "http://json-schema.org/draft-07/schema#",
        "https://json-schema.org/draft/2019-09/schema",
        "https://json-schema.org/draft/2020-12/schema",
    ] {
        for mut schema in schemas() {
            if let Some(keywords) = schema.as_object_mut() {
                keywords.insert("$schema".into(), uri.into());
            }
            let (ours, theirs) = (Schema::new(&schema).unwrap(), jsonschema::validator_for(&schema).unwrap());
            for value in values() {
                assert_eq!(ours.accepts(&value), theirs.is_valid(&value), "{schema} of {value}");
            }
        }
    }
}

#[test]
fn newer_keywords_agree_too() {
    let schemas = [
        json!({ "prefixItems": [{ "type": "integer" }], "items": { "type": "string" } }),
        json!({ "prefixItems": [true], "contains": { "type": "string" }, "unevaluatedItems": { "type": "null" } }),
        json!({ "contains": { "type": "integer" }, "minContains": 0, "maxContains": 1 }),
        json!({ "dependentRequired": { "a": ["b"] } }),
        json!({ "dependentSchemas": { "a": { "required": ["b"] } } }),
        json!({ "properties": { "a": true }, "unevaluatedProperties": false }),
        json!({ "anyOf": [{ "properties": { "a": { "type": "integer" } }, "required": ["a"] },
                          { "properties": { "b": true } }], "unevaluatedProperties": false }),
        json!({ "if": { "properties": { "a": { "const": 1 } }, "required": ["a"] },
                "then": { "properties": { "a": true } }, "unevaluatedProperties": false }),
        json!({ "$ref": "#word", "$defs": { "x": { "$anchor": "word", "type": "string" } } }),
        json!({ "$dynamicRef": "#node", "$defs": { "x": { "$dynamicAnchor": "node", "type": "object" } } }),
    ];
    for schema in schemas {
        let (ours, theirs) = (Schema::new(&schema).unwrap(), jsonschema::validator_for(&schema).unwrap());
        for value in values() {
            assert_eq!(ours.accepts(&value), theirs.is_valid(&value), "{schema} of {value}");
        }
    }
}

#[test]
fn older_ways_to_write_it_are_understood() {
    let accepts = |schema: Value, value: Value| Schema::new(&schema).unwrap().accepts(&value);
    let exclusive = json!({ "minimum": 1, "exclusiveMinimum": true, "maximum": 5, "exclusiveMaximum": false });
    assert!(!accepts(exclusive.clone(), json!(1)));
    assert!(accepts(exclusive, json!(5)));
    assert!(accepts(json!({ "type": "string", "nullable": true }), json!(null)));
    assert!(!accepts(json!({ "type": "string" }), json!(null)));
    assert!(!accepts(json!({ "items": [{ "type": "integer" }], "additionalItems": false }), json!([1, 2])));
    let draft = "http://json-schema.org/draft-04/schema#";
    assert!(!accepts(json!({ "$schema": draft, "type": "integer" }), json!(1.0)));
    let id = json!({ "$schema": draft, "id": "http://a/b", "$ref": "#/definitions/x", "definitions": { "x": {} } });
    assert!(accepts(id, json!(1)));
    let open_api = json!({ "$ref": "#/components/schemas/Pet",
                           "components": { "schemas": { "Pet": { "type": "object", "required": ["name"] } } } });
    assert!(!accepts(open_api, json!({})));
}

#[test]
fn formats_bind() {
    for (format, fits, fails) in [
        (
            "date-time",
            vec!["2024-02-29T23:59:60Z", "1985-04-12t23:20:50.52+01:30"],
            vec!["2024-02-29", "2024-02-29T24:00:00Z", "2024-02-29T10:00:00", "2024-02-29T10:00:60Z"],
        ),
        ("date", vec!["2024-12-31"], vec!["2024-13-01", "24-12-31", "2024-02-30", "2024-1-1"]),
        ("time", vec!["10:00:00Z", "10:00:00.1-08:00"], vec!["10:00", "10:00:00", "10:00:00.Z"]),
        (
            "email",
            vec!["a.b@example.com", "ä@b.example", "a@[192.0.2.1]"],
            vec!["a", "a@", "@b", "a..b@c.d", "a b@c.d"],
        ),
        ("hostname", vec!["example.com", "a-1"], vec!["-a", "a_b", "a..b", ""]),
        ("ipv4", vec!["192.0.2.1"], vec!["192.0.2", "192.0.2.256", "192.0.2.01"]),
        ("ipv6", vec!["::1", "2001:db8::7"], vec!["1", "::1%eth0"]),
        ("uri", vec!["https://a.example/b?c#d", "urn:x:y"], vec!["/a", "a b:c", "http://a/%zz", "http://ä"]),
        ("uuid", vec!["f81d4fae-7dec-11d0-a765-00a0c91e6bf6"], vec!["f81d4fae7dec11d0a76500a0c91e6bf6", "x"]),
        ("unknown", vec!["anything"], vec![]),
    ] {
        let schema = Schema::new(&json!({ "format": format })).unwrap();
        for text in fits {
            assert!(schema.accepts(&json!(text)), "{format}: {text}");
        }
        for text in fails {
            assert!(!schema.accepts(&json!(text)), "{format}: {text}");
        }
    }
}

#[test]
fn faults_have_their_place_and_no_values() {
    let schema = json!({
        "type": "object",
        "required": ["id", "price"],
        "properties": {
            "id": { "type": "integer" },
            "tags": { "items": { "type": "string", "maxLength": 3 } },
        },
        "additionalProperties": false,
    });
    let faults = Schema::new(&schema).unwrap().faults(&json!({ "id": "secret", "tags": ["a", "secret"], "x/y": 1 }));
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "lacks the property `price`",
            "`/id`: expected an integer, found text",
            "`/tags/1`: is longer than 3 characters",
            "`/x~1y`: is not allowed",
        ]
    );
}

#[test]
fn additional_properties_can_be_allowed_or_not_whatever_the_schema_says() {
    let adjusted = |allowed, schema: &Value, value: Value| {
        let adjustment = Adjustment { additional_properties: Some(allowed), ignores_case: false };
        Schema::adjusted(schema, adjustment).unwrap().accepts(&value)
    };
    let closed = json!({ "properties": { "a": {} }, "additionalProperties": false });
    assert!(adjusted(true, &closed, json!({ "b": 1 })));
    for open in [
        json!({ "properties": { "a": { "properties": { "b": {} } } } }),
        json!({ "properties": { "a": { "properties": { "b": {} } } }, "additionalProperties": true }),
        json!({ "allOf": [{ "properties": { "a": { "$ref": "#/$defs/b" } } }], "$defs": { "b": { "properties": { "b": {} } } } }),
    ] {
        assert!(adjusted(false, &open, json!({ "a": { "b": 1 } })), "{open}");
        assert!(!adjusted(false, &open, json!({ "a": { "c": 1 } })), "{open}");
        assert!(!adjusted(false, &open, json!({ "c": 1 })), "{open}");
    }
    // What lists no properties is a map, and stays one.
    let map = json!({ "type": "object", "additionalProperties": { "type": "integer" } });
    assert!(adjusted(false, &map, json!({ "x": 1 })));
    assert!(!adjusted(true, &map, json!({ "x": "y" })));
}

#[test]
fn the_case_of_names_can_be_ignored() {
    let schema =
        json!({ "required": ["Id"], "properties": { "iD": { "type": "integer" } }, "additionalProperties": false });
    let adjustment = Adjustment { additional_properties: None, ignores_case: true };
    let schema = Schema::adjusted(&schema, adjustment).unwrap();
    assert!(schema.accepts(&json!({ "ID": 1 })));
    assert!(!schema.accepts(&json!({ "ID": "x" })));
    assert!(!schema.accepts(&json!({ "id": 1, "b": 1 })));
}

#[test]
fn what_is_no_schema_is_refused_with_its_place() {
    for (schema, said) in [
        (json!(5), "expected a schema"),
        (json!({ "properties": { "a": [] } }), "`/properties/a`: expected a schema"),
        (json!({ "type": "int" }), "`/type`: `int` is no type"),
        (json!({ "items": { "pattern": "(" } }), "`/items/pattern`: the pattern `(`"),
        (json!({ "minLength": -1 }), "`/minLength`: expected a whole number"),
        (json!({ "multipleOf": 0 }), "more than 0"),
        (json!({ "$ref": "#/$defs/none" }), "leads to nothing"),
        (json!({ "$ref": "https://a.example/b.json" }), "aren't fetched"),
        (json!({ "required": "a" }), "expected a list of names"),
        (json!({ "allOf": {} }), "expected a list of schemas"),
    ] {
        let refused = Schema::new(&schema).unwrap_err();
        assert!(refused.contains(said), "{refused}");
    }
}

#[test]
fn a_schema_that_refers_to_itself_ends() {
    let schema = Schema::new(&json!({ "$ref": "#/$defs/a", "$defs": { "a": { "$ref": "#/$defs/a" } } })).unwrap();
    assert!(schema.faults(&json!(1))[0].message.contains("refers to itself"));
}
