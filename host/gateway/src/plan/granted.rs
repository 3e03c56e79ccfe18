//! What a statement may call and read: what its component is granted, or, for a built-in, what the operator wrote down.
//!
//! An origin that stands in a built-in's configuration, before any expression, or that is a backend of the document,
//! was written by the operator and is granted by that; an origin that an expression computes has to be among the document's `egress`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;
use tollgate_core::egress::{Egress, EgressRule};
use tollgate_document::{Diagnostics, Document, Statement};
use tollgate_runtime::Directories;

use super::directories::opened;

/// What statements of a document may call and read.
pub(super) struct Granted {
    /// To components of the operator's.
    components: HashMap<String, Arc<Egress>>,
    /// To every built-in.
    built_ins: Arc<[EgressRule]>,
    /// By the names of components; none for one whose directories couldn't be opened, which has been reported.
    directories: HashMap<String, Option<Arc<Directories>>>,
}

/// What a statement may read.
pub(super) enum Readable<'a> {
    /// It has no such grant.
    Nothing,
    Directories(&'a Arc<Directories>),
    /// Something that couldn't be opened, which has been reported.
    Reported,
}

impl Granted {
    pub(super) fn by(document: &Document, diagnostics: &mut Diagnostics) -> Granted {
        let components = document.components.iter();
        let components = components.map(|component| (component.name.clone(), Arc::new(component.egress.clone())));
        let backends = document.backends.iter().flat_map(|backend| &backend.members).map(|member| &member.origin);
        let backends = document.apis.iter().map(|api| &api.backend).chain(backends);
        let backends = backends.filter_map(|url| origin(&url.to_string()));
        // In the order of the document, each once.
        let mut seen = HashSet::new();
        let rules = document.egress.rules().cloned().chain(backends).filter(|rule| seen.insert(rule.clone()));
        let (components, built_ins) = (components.collect(), rules.collect());
        Granted { components, built_ins, directories: opened(document, diagnostics) }
    }

    /// The directories that a statement may read.
    pub(super) fn directories(&self, statement: &Statement) -> Readable<'_> {
        match self.directories.get(&statement.name) {
            None => Readable::Nothing,
            Some(None) => Readable::Reported,
            Some(Some(directories)) => Readable::Directories(directories),
        }
    }

    /// The origins that a statement may call.
    pub(super) fn to(&self, statement: &Statement) -> Arc<Egress> {
        if let Some(egress) = self.components.get(&statement.name) {
            return Arc::clone(egress);
        }
        let mut own = Vec::new();
        written(&statement.config, &mut own);
        for expression in &statement.expressions {
            // An expression that goes on with the host makes it another host, which isn't granted by this.
            own.extend(origin(expression.dynamic.source().split("${").next().unwrap_or_default()));
        }
        Arc::new(Egress::beside(own, Arc::clone(&self.built_ins)))
    }
}

fn written(config: &Value, rules: &mut Vec<EgressRule>) {
    match config {
        Value::String(text) => rules.extend(origin(text)),
        Value::Array(items) => items.iter().for_each(|item| written(item, rules)),
        Value::Object(members) => members.values().for_each(|member| written(member, rules)),
        _ => {}
    }
}

/// The origin of a URL, as a rule that allows private addresses: whoever wrote it knows where it leads.
fn origin(text: &str) -> Option<EgressRule> {
    let scheme_end = text.find("://")? + 3;
    if !matches!(&text[..scheme_end], "http://" | "https://") {
        return None;
    }
    let rest = &text[scheme_end..];
    let authority = rest.split(['/', '?', '#']).next()?;
    if authority.contains(['*', '@']) {
        return None;
    }
    let rule = EgressRule::parse(&text[..scheme_end + authority.len()]).ok()?;
    Some(EgressRule { private: true, ..rule })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_core::message::Scheme;

    #[test]
    fn the_origin_of_a_url_that_was_written_out_is_granted() {
        let rules: Vec<_> =
            ["https://a.example/token?x=1", "http://127.0.0.1:9000"].into_iter().filter_map(origin).collect();
        let egress = Egress::new(rules);
        assert!(egress.access(Scheme::Https, "a.example", 443).is_some_and(|access| access.private));
        assert!(egress.access(Scheme::Http, "127.0.0.1", 9000).is_some());
        assert!(egress.access(Scheme::Http, "127.0.0.1", 9001).is_none());
        for text in ["a.example", "ftp://a.example", "https://u:p@a.example/", "https://*/x", "say http://a.example"] {
            assert!(origin(text).is_none(), "{text}");
        }
    }
}
