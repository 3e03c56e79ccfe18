//! What built-in statements refer to by name: the document has to have it, or a slip of the pen shows only in traffic,
//! as a failed request or as a limit that limits nobody.

use serde_json::Value;
use tollgate_document::{Api, Diagnostics, Document, Operation, Statement, nearest};

use super::problems::one_line;

/// Report the names in a built-in's configuration that nothing in the document has. What expressions give is known in
/// traffic only.
pub(super) fn check(document: &Document, statement: &Statement, diagnostics: &mut Diagnostics) {
    let mut names = Names { statement, diagnostics };
    match statement.name.as_str() {
        "set-backend-service" => {
            let known = document.backends.iter().map(|backend| backend.id.as_str());
            names.expect("/backend-id", "backend", known);
        }
        "log-event" => {
            let known = document.event_logs.iter().map(|log| log.id.as_str());
            names.expect("/logger-id", "event log", known);
        }
        "rate-limit" | "quota" => names.expect_parts(document),
        _ => {}
    }
}

/// The names that one statement refers to.
struct Names<'a> {
    statement: &'a Statement,
    diagnostics: &'a mut Diagnostics,
}

impl Names<'_> {
    /// `apis` and `operations`: the limits below a statement's own.
    fn expect_parts(&mut self, document: &Document) {
        let operations = document.apis.iter().flat_map(|api| &api.operations);
        self.expect_operations("", operations);
        for at in 0..self.length("/apis") {
            let pointer = format!("/apis/{at}");
            self.expect_part(&pointer, "API", document.apis.iter().map(|api| api.id.as_str()));
            let api = self.part(&pointer).and_then(|(_, id)| document.api(id));
            self.expect_operations(&pointer, api.into_iter().flat_map(|api: &Api| &api.operations));
        }
    }

    fn expect_operations<'k>(&mut self, above: &str, known: impl Iterator<Item = &'k Operation> + Clone) {
        for at in 0..self.length(&format!("{above}/operations")) {
            let ids = known.clone().map(|operation| operation.id.as_str());
            self.expect_part(&format!("{above}/operations/{at}"), "operation", ids);
        }
    }

    fn expect_part<'k>(&mut self, pointer: &str, kind: &str, known: impl Iterator<Item = &'k str> + Clone) {
        if let Some((key, _)) = self.part(pointer) {
            self.expect(&format!("{pointer}/{key}"), kind, known);
        }
    }

    /// A part's name and the attribute that it stands in: `id` beats `name`.
    fn part(&self, pointer: &str) -> Option<(&'static str, &str)> {
        ["id", "name"].into_iter().find_map(|key| Some((key, self.text(&format!("{pointer}/{key}"))?)))
    }

    /// Report the text at `pointer`, if there is one and it is none of those that are known.
    fn expect<'k>(&mut self, pointer: &str, kind: &str, known: impl Iterator<Item = &'k str> + Clone) {
        let Some(name) = self.text(pointer).filter(|name| !known.clone().any(|known| known == *name)) else { return };
        let what = match self.statement.is_secret_at(pointer) {
            true => format!("unknown {kind}"),
            false => format!("unknown {kind} `{}`", one_line(name)),
        };
        let message = match nearest(name, known.clone()) {
            Some(near) => format!("`{}`: {what}; did you mean `{near}`?", self.statement.name),
            None if known.clone().next().is_none() => format!("`{}`: {what}; there are none", self.statement.name),
            None => format!("`{}`: {what}", self.statement.name),
        };
        self.diagnostics.push(self.statement.mark_at(pointer), message);
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.statement.config.pointer(pointer).and_then(Value::as_str)
    }

    fn length(&self, pointer: &str) -> usize {
        self.statement.config.pointer(pointer).and_then(Value::as_array).map_or(0, Vec::len)
    }
}
