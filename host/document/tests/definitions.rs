//! What operations take and give, and the schemas that they refer to.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly, its helpers too")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tollgate_document::{Document, Known};

/// A folder of this test's own, empty.
fn folder(test: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("tollgate-document-{}-{test}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn parse_in(folder: &Path, text: &str) -> (Document, String) {
    let known = Known { built_ins: &[] };
    let (document, diagnostics) = Document::parse(&folder.join("t.yaml"), text, &known, &|_| None);
    let errors = diagnostics.to_string().replace(&format!("{}/", folder.display()), "");
    (document.unwrap(), errors)
}

fn parse(text: &str) -> (Document, String) {
    parse_in(Path::new(""), text)
}

/// A document with one operation; `rest` is what its mapping ends with.
fn operation(url: &str, rest: &str) -> String {
    format!(
        "apis: [{{ id: a, path: a, backend: http://h, operations: [\n{{ id: o, method: GET, url: \"{url}\", {rest} }} ]}}]"
    )
}

fn definition(document: &Document) -> &Value {
    &document.apis[0].operations[0].definition
}

/// The one error of a text.
fn error(text: &str) -> String {
    let (_, errors) = parse(text);
    assert_eq!(errors.lines().count(), 1, "{text}: {errors}");
    errors.trim_end().to_owned()
}

#[test]
fn a_definition_has_what_was_written_in_the_form_of_the_contract() {
    let (document, errors) = parse(&operation(
        "/{id}/lines/{line}",
        "parameters: { query: [{ name: q, schema: { type: integer } }, { name: r, required: true }], \
         path: [{ name: line, required: true }], header: [{ name: X-Tenant }] }, \
         responses: [{ status: 200, representations: [{ content-type: \"text/plain; charset=utf-8\", example: ~ }] }]",
    ));
    assert_eq!(errors, "");
    let expected = json!({
        "id": "o", "method": "GET", "url": "/{id}/lines/{line}",
        "parameters": {
            "path": [{ "name": "line", "required": true }],
            "query": [
                { "name": "q", "required": false, "schema": { "type": "integer" } },
                { "name": "r", "required": true },
            ],
            "header": [{ "name": "X-Tenant", "required": false }],
        },
        "responses": [
            { "status": 200, "representations": [{ "content-type": "text/plain; charset=utf-8", "example": null }] },
        ],
    });
    assert_eq!(*definition(&document), expected);
}

#[test]
fn empty_lists_are_left_out() {
    let (document, errors) =
        parse(&operation("/", "parameters: { path: [], query: [] }, request: { representations: [] }, responses: []"));
    assert_eq!(errors, "");
    assert_eq!(*definition(&document), json!({ "id": "o", "method": "GET", "url": "/" }));
    let (document, _) = parse(&operation("/", "responses: [{ status: 204, headers: [], representations: [] }]"));
    assert_eq!(definition(&document)["responses"], json!([{ "status": 204 }]));
}

#[test]
fn a_path_parameter_is_one_of_the_url() {
    let wrong =
        |url: &str, name: &str| error(&operation(url, &format!("parameters: {{ path: [{{ name: {name} }}] }}")));
    assert_eq!(
        wrong("/{orderId}", "ordrId"),
        "t.yaml:2:71: unknown path parameter `ordrId` in this URL; did you mean `orderId`?"
    );
    assert!(wrong("/", "id").ends_with("unknown path parameter `id` in this URL; there are none"));
    let url_that_is_none = parse(&operation("{id}", "parameters: { path: [{ name: id }] }")).1;
    assert_eq!(url_that_is_none.lines().count(), 1, "{url_that_is_none}");
}

#[test]
fn a_schema_is_taken_as_json_or_by_its_name() {
    let text = operation(
        "/",
        "request: { representations: [{ content-type: a/b, schema: { ref: Order } }] }, parameters: { query: \
         [{ name: q, schema: { $ref: \"#/x\", pattern: \"^[0-9]+$\", enum: [1, 1.5, yes, true, ~] } }] }",
    );
    let (document, errors) = parse(&format!("{text}\nschemas: {{ Order: {{ type: object }} }}"));
    assert_eq!(errors, "");
    let definition = definition(&document);
    assert_eq!(definition["request"]["representations"][0]["schema"], json!({ "type": "object" }));
    let expected = json!({ "$ref": "#/x", "pattern": "^[0-9]+$", "enum": [1, 1.5, "yes", true, null] });
    assert_eq!(definition["parameters"]["query"][0]["schema"], expected);
}

#[test]
fn a_reference_stands_alone_and_names_a_schema() {
    let with = |schema: &str| operation("/", &format!("parameters: {{ query: [{{ name: q, schema: {schema} }}] }}"));
    let nothing = error(&with("{ ref: order }"));
    assert!(nothing.ends_with("unknown schema `order`; there are none"), "{nothing}");
    let beside = error(&format!("{}\nschemas: {{ order: {{}} }}", with("{ ref: order, type: object }")));
    assert!(beside.ends_with("unknown key `type`; expected one of `ref`"), "{beside}");
    let broken = error(&format!("{}\nschemas: {{ order: 7 }}", with("{ ref: order }")));
    assert!(broken.starts_with("t.yaml:3:19: expected a JSON Schema"), "{broken}");
}

#[test]
fn a_schema_in_a_file_is_read_from_beside_the_document() {
    let folder = folder("file");
    fs::write(folder.join("order.json"), "{ \"type\": \"object\", \"$defs\": { \"b\": 1, \"a\": 2 } }").unwrap();
    let text = "schemas: { order: { file: ./order.json } }";
    let (document, errors) = parse_in(&folder, text);
    assert_eq!(errors, "");
    assert_eq!(document.schemas["order"], json!({ "type": "object", "$defs": { "b": 1, "a": 2 } }));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_file_that_holds_no_schema_is_reported_with_the_reason() {
    let folder = folder("no-schema");
    fs::create_dir_all(folder.join("folder.json")).unwrap();
    fs::write(folder.join("text.json"), "{ type: object }").unwrap();
    fs::write(folder.join("list.json"), "[]").unwrap();
    fs::write(folder.join("large.json"), format!("{{ \"title\": \"{}\" }}", "x".repeat(4 << 20))).unwrap();
    for (file, expected) in [
        ("absent.json", "t.yaml:1:23: the schema's file can't be read: No such file"),
        ("folder.json", "t.yaml:1:23: the schema's file can't be read: it is no regular file"),
        ("text.json", "t.yaml:1:23: the schema's file isn't JSON: key must be a string at line 1 column 3"),
        ("list.json", "t.yaml:1:23: the schema's file holds JSON, but no object"),
        ("large.json", "t.yaml:1:23: the schema's file has more than 4194304 bytes"),
    ] {
        let (_, errors) = parse_in(&folder, &format!("schemas: {{ a: {{ file: {file} }} }}"));
        assert!(errors.starts_with(expected), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_schema_has_at_most_four_mebibytes() {
    let schema = format!("{{ title: {} }}", "x".repeat(4 << 20));
    let parameter = operation("/", &format!("parameters: {{ query: [{{ name: q, schema: {schema} }}] }}"));
    for text in [format!("schemas: {{ a: {schema} }}"), parameter] {
        let error = error(&text);
        assert!(error.ends_with("the schema has 4194316 bytes as JSON; at most 4194304 are read"), "{error}");
    }
}
