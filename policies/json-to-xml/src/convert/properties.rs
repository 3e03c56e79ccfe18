//! What holds for all documents, and the way there and back through `xml-to-json`.

use policy_xml_to_json::XmlToJson;
use proptest::prelude::*;
use tollgate_sdk::serde_json::{Map, Value, from_slice, json};
use tollgate_sdk::testing::{Gateway, Request};

use super::tests::{check, config, direct, soap};
use super::*;
use crate::config::EmptyValues;

fn to_xml(json: &Value) -> Vec<u8> {
    convert(json.to_string().as_bytes(), &direct()).unwrap_or_else(|fault| panic!("{json}: {fault}"))
}

fn to_json(xml: &[u8]) -> Value {
    let config = json!({ "kind": "direct", "apply": "always", "preserve-whitespace-nodes": true });
    let outcome = Gateway::<XmlToJson>::with(config).unwrap().request(Request::post("/").with_body(xml));
    from_slice(outcome.request.body())
        .unwrap_or_else(|error| panic!("{}: {error}: {:?}", String::from_utf8_lossy(xml), outcome.verdict))
}

/// Any text that XML can hold, with a liking for what needs care.
fn text() -> impl Strategy<Value = String> {
    let c = prop_oneof![
        proptest::sample::select(vec![
            '<', '>', '&', '"', '\'', ']', ' ', '\n', '\r', '\t', ';', '#', 'x', '\\', '/', '\u{85}', '\u{2028}', '😀'
        ]),
        any::<char>().prop_filter("XML allows it", |c| tollgate_xml::is_xml_char(*c)),
    ];
    proptest::collection::vec(c, 0..8).prop_map(String::from_iter)
}

fn name() -> impl Strategy<Value = String> {
    proptest::sample::select(vec!["a", "b", "c", "first_name", "é", "a-b.c", "日本", "_", "x1"]).prop_map(str::to_owned)
}

/// What `direct` makes of an element: a string, or an object of attributes, text and elements.
fn element() -> impl Strategy<Value = Value> {
    text().prop_map(Value::String).prop_recursive(5, 40, 5, |inner| {
        let attributes = proptest::collection::btree_map(name(), text(), 0..3);
        let member = prop_oneof![
            3 => inner.clone(),
            1 => proptest::collection::vec(inner, 2..4).prop_map(Value::Array),
        ];
        let own_text = proptest::option::of(text().prop_filter("text is there", |text| !text.is_empty()));
        let members = proptest::collection::btree_map(name(), member, 0..4);
        (attributes, own_text, members).prop_map(|(attributes, own_text, members)| {
            let mut object = Map::new();
            object.extend(attributes.into_iter().map(|(name, text)| (format!("@{name}"), Value::String(text))));
            let is_leaf = object.is_empty() && members.is_empty();
            match own_text {
                Some(text) if is_leaf => return Value::String(text),
                None if is_leaf => return json!(""),
                Some(text) => drop(object.insert("#text".to_owned(), Value::String(text))),
                None => {}
            }
            object.extend(members);
            Value::Object(object)
        })
    })
}

/// Any JSON text whatever, with names that mean something to a configuration.
fn any_json() -> impl Strategy<Value = String> {
    let name = proptest::sample::select(vec![
        "a",
        "b c",
        "@id",
        "@xmlns",
        "@xmlns:p",
        "xmlns:p",
        "xmlns",
        "p:a",
        "q:b",
        "@p:x",
        "#text",
        "$text",
        "#attrs",
        "1",
        "",
        "xml:lang",
        "@xml:lang",
        "\u{0}",
        "_x0041_",
        "p:",
        ":",
        "😀",
        "@",
        "xmlns:",
        "xsi:nil",
        "@xmlns:xsi",
    ]);
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::String),
        text().prop_map(Value::String),
        Just(json!("urn:u")),
        Just(json!("")),
    ];
    let value = scalar.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::vec((name.clone(), inner), 0..5).prop_map(|members| Value::Object(
                members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            )),
        ]
    });
    value.prop_map(|value| value.to_string())
}

fn configurations() -> impl Strategy<Value = Config> {
    (0..3_usize, any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(base, replace, null, empty, trim)| Config {
            invalid_character_replacement: replace.then(|| "_".to_owned()),
            null_values: null.then(|| "nil".to_owned()),
            empty_values: if empty { EmptyValues::AsNull } else { EmptyValues::Preserve },
            trim_values: trim,
            ..[config(), direct(), soap()][base].clone()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_direct_can_say_survives_the_way_there_and_back(root in name(), element in element()) {
        let document = json!({ root: element });
        let xml = to_xml(&document);
        prop_assert_eq!(to_json(&xml), document, "{}", String::from_utf8_lossy(&xml));
    }

    #[test]
    fn every_result_is_well_formed(json in any_json(), config in configurations()) {
        if let Ok(xml) = convert(json.as_bytes(), &config) {
            let checked = check(&xml);
            prop_assert!(checked.is_ok(), "{}: {}: {:?}", json, String::from_utf8_lossy(&xml), checked);
        }
    }

    #[test]
    fn every_well_formed_result_is_stable_after_one_way_back(json in any_json()) {
        if let Ok(xml) = convert(json.as_bytes(), &direct()) {
            // An escaped name is escaped once more each time: xml-to-json takes names as they are.
            prop_assume!(!xml.windows(2).any(|pair| pair == b"_x"));
            let there = to_json(&xml);
            let again = to_json(&to_xml(&there));
            prop_assert_eq!(to_json(&to_xml(&again)), again);
        }
    }

    #[test]
    fn broken_json_is_judged_as_serde_json_does(json in any_json(), at in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        let mut body = json.into_bytes();
        let at = at.index(body.len());
        body[at] = byte;
        let serde = from_slice::<Value>(&body);
        let tape = Tape::read(&body);
        // Numbers that no f64 holds are JSON all the same, and names alone may hold half a surrogate pair here.
        let differs = serde.is_ok() && tape.is_err();
        prop_assert!(!differs, "{}", String::from_utf8_lossy(&body));
        if let Err(error) = serde {
            prop_assert!(tape.is_err() || error.to_string().contains("out of range") || body.contains(&b'\\'), "{}", String::from_utf8_lossy(&body));
        }
    }
}
