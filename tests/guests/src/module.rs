//! The text of a guest's core module: the prelude's imports, the guest, and what it left to the prelude.

use crate::source::Source;

/// Parts with a name each, so that a guest can replace one.
const PRELUDE: &str = include_str!("prelude.wat");

pub(crate) fn assemble(source: &Source) -> String {
    let on_response = ["on-response", "on-error", "body-gate"];
    let mut parts = Vec::new();
    if !source.phases.is_empty() {
        parts.push(part("import request"));
    }
    if source.phases.iter().any(|phase| on_response.contains(phase)) {
        parts.push(part("import response"));
    }
    parts.push(&source.text);
    parts.push(part("always"));
    for (export, name) in
        [("memory", "memory"), ("cabi_realloc", "realloc"), ("@describe", "describe"), ("@configure", "configure")]
    {
        if !source.exports(export) {
            parts.push(part(name));
        }
    }
    for phase in &source.phases {
        let export = match *phase {
            "body-gate" => "@wants-request-body".to_owned(),
            phase => format!("@{phase}"),
        };
        if !source.exports(&export) {
            parts.push(part(phase));
        }
    }
    let text = expand(&parts.join("\n"), &source.version)
        .replace("{manifest}", &escape(&source.manifest))
        .replace("{manifest-length}", &source.manifest.len().to_string());
    format!("(module\n{text}\n)")
}

/// The lines of the prelude after `;;; name`, up to the next part.
fn part(name: &str) -> &'static str {
    PRELUDE
        .split("\n;;; ")
        .skip(1)
        .find_map(|part| part.strip_prefix(name)?.strip_prefix('\n'))
        .unwrap_or_else(|| panic!("the prelude has no part `{name}`"))
}

/// Write short names long.
fn expand(text: &str, version: &str) -> String {
    let mut text = text.to_owned();
    for (short, interface, function) in [
        ("@describe", "lifecycle", "describe"),
        ("@configure", "lifecycle", "configure"),
        ("@on-request", "on-request", "on-request"),
        ("@on-response", "on-response", "on-response"),
        ("@on-error", "on-error", "on-error"),
        ("@wants-request-body", "body-gate", "wants-request-body"),
        ("@wants-response-body", "body-gate", "wants-response-body"),
    ] {
        let long = format!("\"tollgate:policy/{interface}@{version}#{function}\"");
        text = text.replace(&format!("\"{short}\""), &long);
    }
    for interface in ["messages", "context", "variables"] {
        let long = format!("\"tollgate:policy/{interface}@{version}\"");
        text = text.replace(&format!("\"@{interface}\""), &long);
    }
    for capability in ["cache", "clock", "crypto", "limiter", "log", "metrics"] {
        let long = format!("\"tollgate:{capability}/{capability}@0.1.0\"");
        text = text.replace(&format!("\"@{capability}\""), &long);
    }
    text
}

/// A string for a data segment.
fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'"' | b'\\' => format!("\\{}", char::from(byte)),
            b' '..=b'~' => char::from(byte).to_string(),
            _ => format!("\\{byte:02x}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_the_guest_has_is_left_out() {
        let own = r#"(func (export "@describe") (result i32) unreachable)"#;
        let text = assemble(&Source::parse("a", own));
        assert_eq!(text.matches("lifecycle@0.1.0#describe").count(), 1);
        assert_eq!(text.matches("lifecycle@0.1.0#configure").count(), 1);
        assert_eq!(text.matches("on-request@0.1.0#on-request").count(), 1);
        assert!(!text.contains("on-response"));
    }

    #[test]
    fn a_data_segment_takes_any_text() {
        assert_eq!(escape("a\"b\\ü"), "a\\\"b\\\\\\c3\\bc");
    }
}
