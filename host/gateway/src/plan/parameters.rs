//! Parameters of URL templates that `rewrite-uri` names: without them every request would fail. What expressions give is
//! known in traffic only.

use serde_json::Value;
use tollgate_core::place::Scope;
use tollgate_document::{Api, Diagnostics, Document, Operation, Segment, Statement, nearest};

use super::problems::one_line;

/// Report the parameters in a literal `template` that no operation has which the statement could run for: its own one at
/// the operation scope, at a broader scope any of those below.
pub(super) fn check(document: &Document, statement: &Statement, diagnostics: &mut Diagnostics) {
    const AT: &str = "/template";
    if statement.name != "rewrite-uri" {
        return;
    }
    let Some(template) = statement.config.pointer(AT).and_then(Value::as_str) else { return };
    let mut named = parameters_in(template).peekable();
    if named.peek().is_none() {
        return;
    }
    let operations = operations_below(document, statement);
    let known = || operations.iter().flat_map(|operation| parameters_of(operation));
    for name in named {
        if known().any(|known| known == name) {
            continue;
        }
        let what = match statement.is_secret_at(AT) {
            true => "unknown parameter".to_owned(),
            false => format!("unknown parameter `{}`", one_line(name)),
        };
        let whose = match (statement.placed.scope, operations.as_slice()) {
            (Scope::Operation, [operation]) => format!("the URL template `{}` doesn't have", operation.template.text),
            _ => "no operation below has in its URL template".to_owned(),
        };
        let near = nearest(name, known()).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        let message = format!("`rewrite-uri`: {what}, which {whose}{near}");
        diagnostics.push(statement.mark_at(AT), message);
    }
}

/// The names in braces. The statement has checked that braces are in pairs.
fn parameters_in(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|behind| Some(behind.split_once('}')?.0))
}

fn parameters_of(operation: &Operation) -> impl Iterator<Item = &str> {
    operation.template.segments.iter().filter_map(|segment| match segment {
        Segment::Parameter { name, .. } => Some(name.as_str()),
        Segment::Literal(_) => None,
    })
}

/// The operations of the scope that a statement stands in.
fn operations_below<'d>(document: &'d Document, statement: &Statement) -> Vec<&'d Operation> {
    let place = statement.placed.scope_place.as_str();
    let api = |id: &str| document.api(id).map(|api| api.operations.as_slice()).unwrap_or_default();
    let id = || place.split_once('/').map(|(_, id)| id).unwrap_or_default();
    match statement.placed.scope {
        Scope::Operation => {
            let Some((of, id)) = id().split_once("/operations/") else { return Vec::new() };
            api(of).iter().filter(|operation| operation.id == id).collect()
        }
        Scope::Api => api(id()).iter().collect(),
        Scope::Product => {
            let product = document.products.iter().find(|product| product.id == id());
            product.into_iter().flat_map(|product| &product.apis).flat_map(|id| api(id)).collect()
        }
        Scope::Global => document.apis.iter().flat_map(|api: &Api| &api.operations).collect(),
    }
}
