//! A guest's file, read: its directives, and which parts of the contract it supplies itself.

/// What a file is when it is no component on purpose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verbatim {
    /// A whole core module.
    Module,
    /// Anything.
    Bytes,
    /// A component's first half.
    Truncated,
}

/// The phases that a guest can export, as the contract writes them.
pub(crate) const PHASES: [&str; 4] = ["on-request", "on-response", "on-error", "body-gate"];

/// The version of the contract under `wit/`.
pub(crate) const VERSION: &str = "0.1.0";

#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) text: String,
    pub(crate) manifest: String,
    pub(crate) phases: Vec<&'static str>,
    pub(crate) version: String,
    pub(crate) import: Option<String>,
    pub(crate) export: Option<String>,
    /// How it writes text, as the component model calls it; UTF-8 unless it says otherwise.
    pub(crate) is_utf16: bool,
    pub(crate) verbatim: Option<Verbatim>,
}

impl Source {
    pub(crate) fn parse(name: &str, text: &str) -> Self {
        let directive = |key: &str| {
            text.lines()
                .filter_map(|line| line.strip_prefix(";;! ")?.split_once(": "))
                .find(|(found, _)| *found == key)
                .map(|(_, value)| value.to_owned())
        };
        for line in text.lines().filter_map(|line| line.strip_prefix(";;! ")) {
            let known = ["phases", "manifest", "contract", "import", "export", "encoding", "verbatim"];
            let key = line.split_once(": ").map(|(key, _)| key);
            assert!(key.is_some_and(|key| known.contains(&key)), "guest `{name}`: unknown directive `{line}`");
        }
        let summary = text.lines().find_map(|line| line.strip_prefix(";; ")).unwrap_or_default();
        Self {
            manifest: directive("manifest").unwrap_or_else(|| manifest(name, summary)),
            phases: phases(name, text, directive("phases").as_deref()),
            version: directive("contract").unwrap_or_else(|| VERSION.to_owned()),
            import: directive("import"),
            export: directive("export"),
            is_utf16: directive("encoding").is_some_and(|encoding| match encoding.as_str() {
                "latin1+utf16" => true,
                other => panic!("guest `{name}`: the encoding can't be `{other}`"),
            }),
            verbatim: directive("verbatim").map(|word| match word.as_str() {
                "module" => Verbatim::Module,
                "bytes" => Verbatim::Bytes,
                "truncated" => Verbatim::Truncated,
                other => panic!("guest `{name}`: it can't be `{other}`"),
            }),
            text: text.to_owned(),
        }
    }

    /// Does the guest export this itself? Then the prelude leaves it out.
    pub(crate) fn exports(&self, name: &str) -> bool {
        exports(&self.text, name)
    }
}

fn exports(text: &str, name: &str) -> bool {
    text.contains(&format!("(export \"{name}\")"))
}

/// An id may hold no underscore, so the guest's name gets hyphens.
fn manifest(name: &str, summary: &str) -> String {
    let id = name.replace('_', "-");
    let summary = summary.replace('\\', "\\\\").replace('"', "\\\"");
    format!(r#"{{"id":"{id}","version":"0.1.0","summary":"{summary}","configuration":{{}}}}"#)
}

fn phases(name: &str, text: &str, directive: Option<&str>) -> Vec<&'static str> {
    let is_exported = |phase: &str| match phase {
        "body-gate" => exports(text, "@wants-request-body"),
        phase => exports(text, &format!("@{phase}")),
    };
    let named = |word: &str| match PHASES.iter().find(|phase| **phase == word) {
        Some(phase) => *phase,
        None => panic!("guest `{name}`: there is no phase `{word}`"),
    };
    match directive {
        Some("none") => Vec::new(),
        Some(words) => words.split_whitespace().map(named).collect(),
        None => {
            let exported: Vec<&str> = PHASES.into_iter().filter(|phase| is_exported(phase)).collect();
            match exported.is_empty() {
                true => vec!["on-request"],
                false => exported,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_said_or_seen_or_on_request() {
        let phases = |text| Source::parse("a", text).phases;
        assert_eq!(phases("(func)"), ["on-request"]);
        assert_eq!(phases(r#"(func (export "@on-error"))"#), ["on-error"]);
        assert_eq!(phases(";;! phases: on-request on-error\n"), ["on-request", "on-error"]);
        assert!(phases(";;! phases: none\n").is_empty());
    }

    #[test]
    fn the_manifest_has_the_name_with_hyphens() {
        let source = Source::parse("limits_loop", ";; Loops \"for ever\".\n");
        assert_eq!(
            source.manifest,
            r#"{"id":"limits-loop","version":"0.1.0","summary":"Loops \"for ever\".","configuration":{}}"#
        );
    }
}
