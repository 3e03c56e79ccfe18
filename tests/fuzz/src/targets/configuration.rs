//! `tollgate_document`: a document, or errors with their places.

use std::path::Path;

use tollgate_document::{Document, Known};

use crate::{Run, Target, outcome};

pub(super) const TARGET: Target = Target {
    name: "configuration",
    make,
    seeds: Vec::new,
    words: &[
        "apis:\n",
        "  - id: a\n",
        "    path: b\n",
        "    backend: http://127.0.0.1:9\n",
        "policies:",
        "inbound: [ base, ",
        " ]",
        "set-header: { name: a, value: b }",
        "${env:A}",
        "${",
        "}",
        "&a ",
        "*a",
        "<<: *a",
        "!!str ",
        "choose:",
        "when:",
        "condition: true",
        "limits: { ",
        "state: { ",
        "64KiB",
        "- ",
        ": ",
        "\n",
        "  ",
        "'",
        "\"",
        "|\n",
        ">\n",
        "---\n",
        "[",
        "{",
        "products:",
        "subscriptions:",
        "named-values:",
        "fragments:",
        "operations:",
        "url: /{a}/*",
        "{{a}}",
        "schemas:",
    ],
    max_bytes: 4096,
};

fn make() -> Run {
    let known = ["set-header", "rate-limit", "cache-lookup", "xml-to-json"];
    Box::new(move |input| {
        let text = String::from_utf8_lossy(input);
        let env = |name: &str| (name != "MISSING").then(|| "value".to_owned());
        let (document, errors) = Document::parse(Path::new("tollgate.yaml"), &text, &Known { built_ins: &known }, &env);
        assert!(document.is_some() || !errors.is_empty(), "no document and no word why");
        let words = |message: &str| message.split('`').step_by(2).map(str::to_owned).collect::<Vec<_>>();
        let said: Vec<_> = errors.iter().take(2).map(|error| words(&error.message)).collect();
        // Without its place, which differs for each.
        let said: Vec<_> = said.iter().flatten().map(|text| text.trim_matches(|c: char| !c.is_alphabetic())).collect();
        outcome((
            said,
            document.map(|document| (document.apis.len().min(4), document.policy_documents().count().min(6))),
        ))
    })
}
