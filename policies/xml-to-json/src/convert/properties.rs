//! What holds for every body, well-formed or not.

use proptest::prelude::*;
use tollgate_sdk::serde_json::{Value, from_slice};

use super::*;
use crate::config::{Apply, EmptyValues, Kind};

/// Pieces that documents are made of, and pieces that break them.
const PIECES: [&str; 48] = [
    "<a>",
    "</a>",
    "<a/>",
    "<b>",
    "</b>",
    "<b c='1'>",
    "<p:b xmlns:p='u'>",
    "</p:b>",
    "<p:c/>",
    "<a p:d='2'/>",
    "x",
    " ",
    "\n",
    "\r\n",
    "&amp;",
    "&#65;",
    "&#x1F600;",
    "&b;",
    "&",
    "<!-- c -->",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<![CDATA[<z>]]>",
    "<?p q?>",
    "<?",
    "?>",
    "<?xml version='1.0'?>",
    "<!DOCTYPE a>",
    "\"",
    "'",
    "<",
    ">",
    "/",
    "=",
    "é",
    "日本",
    "😀",
    "\u{0}",
    "\u{FFFE}",
    "\u{FEFF}",
    "<a b='<'/>",
    "<a b='1' b='2'/>",
    "<e f='&quot;'>",
    "</e>",
    "xml:space='preserve'",
    "<g xml:space='preserve'> </g>",
];

fn soup() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(PIECES.to_vec()), 0..30).prop_map(|pieces| pieces.concat())
}

/// A document that is well-formed but for what a stroke changes.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let inside = proptest::collection::vec(
        proptest::sample::select(vec![
            "<b>1</b>",
            "<b/>",
            "t",
            "<c d='1' e=\"&lt;\">x<f/>y</c>",
            "<n:g xmlns:n='u' n:h='2'/>",
            "<![CDATA[z]]>",
            "<!--c-->",
            " ",
            "\\\"\t",
        ]),
        0..8,
    );
    (inside, any::<prop::sample::Index>(), any::<u8>(), any::<bool>()).prop_map(|(inside, at, byte, change)| {
        let mut body = format!("<a>{}</a>", inside.concat()).into_bytes();
        let at = at.index(body.len());
        if change {
            body[at] = byte;
        }
        body
    })
}

fn configurations() -> impl Strategy<Value = Config> {
    any::<[bool; 5]>().prop_map(|[direct, array, preserve, null, trim]| Config {
        kind: if direct { Kind::Direct } else { Kind::JavascriptFriendly },
        apply: Apply::Always,
        consider_accept_header: true,
        always_array_child_elements: array,
        preserve_whitespace_nodes: preserve,
        empty_values: if null { EmptyValues::AsNull } else { EmptyValues::Preserve },
        trim_values: trim,
    })
}

/// No member of an object may come twice: readers differ in which one they take.
fn assert_json(json: &[u8]) {
    let value: Value = from_slice(json).unwrap_or_else(|error| panic!("{}: {error}", String::from_utf8_lossy(json)));
    // Written again it is as long only if no member was lost.
    assert_eq!(value.to_string().len(), json.len(), "{}", String::from_utf8_lossy(json));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn soup_is_refused_or_becomes_json(soup in soup(), config in configurations()) {
        let result = convert(soup.as_bytes(), &config);
        if let Ok(json) = &result {
            assert_json(json);
        }
    }

    #[test]
    fn what_is_nearly_well_formed_is_refused_or_becomes_json(body in nearly(), config in configurations()) {
        if let Ok(json) = convert(&body, &config) {
            assert_json(&json);
        }
    }

    #[test]
    fn any_bytes_are_refused_or_become_json(body in any::<Vec<u8>>(), config in configurations()) {
        if let Ok(json) = convert(&body, &config) {
            assert_json(&json);
        }
    }
}
