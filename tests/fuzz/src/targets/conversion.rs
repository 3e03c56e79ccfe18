//! `xml-to-json` and `json-to-xml`: what comes out is well-formed, and can go back.

use policy_json_to_xml::JsonToXml;
use policy_xml_to_json::XmlToJson;
use serde_json::json;
use tollgate_sdk::Verdict;
use tollgate_sdk::testing::{Gateway, Outcome, Request};

use crate::{Run, Target, outcome};

pub(super) const TARGET: Target = Target {
    name: "conversion",
    make,
    seeds: Vec::new,
    words: &[
        "<a>",
        "</a>",
        "<a/>",
        "<a b='c'>",
        " xmlns:p='u'",
        "<p:a>",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<?xml version=\"1.0\"?>",
        "<!DOCTYPE a>",
        "&lt;",
        "&#x41;",
        "&#0;",
        "&e;",
        "{\"a\":",
        "[",
        "]",
        "}",
        "{",
        "null",
        "1e999",
        "-0.0",
        "\"\\u0000\"",
        "\"@a\"",
        "\"#text\"",
        "\"\\ud800\"",
        ",",
        ":",
        "json:Array='true'",
        "\u{feff}",
    ],
    max_bytes: 2048,
};

fn convert(ask: impl Fn(Request) -> Outcome, media: &str, body: &[u8]) -> Result<Vec<u8>, String> {
    let outcome = ask(Request::post("/").with_header("content-type", media).with_body(body));
    match &outcome.verdict {
        Verdict::Next => Ok(outcome.request.body().to_vec()),
        _ => Err(outcome.failure().map_or_else(|| "?".to_owned(), |failure| failure.reason().to_owned())),
    }
}

fn make() -> Run {
    let to_json = ["direct", "javascript-friendly"]
        .map(|kind| Gateway::<XmlToJson>::with(json!({ "kind": kind, "apply": "always" })).unwrap());
    let to_xml = Gateway::<JsonToXml>::with(json!({ "apply": "always" })).unwrap();
    Box::new(move |input| {
        let Some((&first, body)) = input.split_first() else { return 0 };
        let to_json = |request| to_json[usize::from(first & 1)].request(request);
        let to_xml = |request| to_xml.request(request);
        let is_json = body.trim_ascii_start().first().is_some_and(|byte| *byte != b'<');
        let json = match is_json {
            true => body.to_vec(),
            false => match convert(&to_json, "application/xml", body) {
                Ok(json) => json,
                Err(reason) => return outcome(("xml", reason)),
            },
        };
        if !is_json && !body.is_empty() {
            serde_json::from_slice::<serde_json::Value>(&json).expect("what comes of XML is JSON");
        }
        let xml = match convert(to_xml, "application/json", &json) {
            Ok(xml) => xml,
            Err(reason) => {
                return outcome(("json", is_json, reason));
            }
        };
        if !xml.is_empty() {
            convert(&to_json, "application/xml", &xml).expect("what comes of JSON is XML");
        }
        let shape = |bytes: &[u8], byte: u8| bytes.iter().filter(|found| **found == byte).count().min(6);
        outcome((
            is_json,
            shape(&xml, b'<'),
            shape(&xml, b'='),
            shape(&json, b'['),
            shape(&json, b'{'),
            shape(&json, b'\\'),
        ))
    })
}
