//! `fragments`, and `include-fragment`, which puts their entries in.

use std::rc::Rc;
use std::sync::Arc;

use tollgate_core::place::{Scope, Section};

use super::flow::INCLUDE_FRAGMENT;
use super::names::Values;
use super::policies::{List, Named};
use super::value::ID_FORM;
use super::{Reader, Seen};
use crate::diagnostics::Mark;
use crate::document::PLACEHOLDER_ID;
use crate::fragment::{FragmentDefinition, Parameter};
use crate::policy::{Entry, Fragment, Placed, PolicyDocument};
use crate::yaml::{Content, Node, Quoted, Scalar};

/// The most entries that included fragments may come to in a document.
const MAX_ENTRIES: usize = 10_000;

/// What is known of fragments while policies are read.
#[derive(Default)]
pub(super) struct Fragments {
    sources: Rc<Vec<Source>>,
    /// The fragment whose definition is being read, and which ones it includes.
    includes: Option<Vec<(usize, Mark)>>,
    /// The entries of each definition, until a scope includes it.
    unused: Vec<Option<Vec<Entry>>>,
    /// How many entries were included so far.
    entries: usize,
}

/// A fragment as it is written.
struct Source {
    id: String,
    /// Names and defaults.
    parameters: Vec<(String, Option<Scalar>)>,
    policies: Option<Arc<Node>>,
    /// True if it includes itself, which was reported.
    is_cyclic: bool,
}

impl Reader<'_> {
    /// Read the definitions, and the entries of each once, included or not.
    pub(super) fn fragments(&mut self, node: Option<&Arc<Node>>) -> Vec<FragmentDefinition> {
        const KEYS: [&str; 3] = ["id", "parameters", "policies"];
        let mut ids = Seen::default();
        let (mut sources, mut definitions) = (Vec::new(), Vec::new());
        for fields in self.each(node, "fragments", &KEYS) {
            let id = self.id(&fields, "a fragment");
            ids.check(self, "fragment id", &id, fields.mark_of("id"));
            let parameters = self.parameters(fields.get("parameters"));
            let policies = self.required(&fields, "policies", "a fragment").cloned();
            definitions.push(definition(&id, &parameters, policies.as_deref(), fields.mark));
            sources.push(Source { id, parameters, policies, is_cyclic: false });
        }
        self.fragments.sources = Rc::new(sources);
        let sources = Rc::clone(&self.fragments.sources);
        let graph: Vec<_> = sources.iter().map(|source| self.check_definition(source)).collect();
        drop(sources);
        self.check_cycles(&graph);
        definitions
    }

    /// What no scope includes, when all have been read.
    pub(super) fn unused_fragments(&mut self) -> PolicyDocument {
        let entries: Vec<Entry> = std::mem::take(&mut self.fragments.unused).into_iter().flatten().flatten().collect();
        let mut document = PolicyDocument::default();
        document.sections[Section::Inbound as usize] = Some(entries);
        document
    }

    fn parameters(&mut self, node: Option<&Arc<Node>>) -> Vec<(String, Option<Scalar>)> {
        const EXPECTED: &str = "a list of parameters, each a name or `{ name: …, default: … }`";
        let items = node.and_then(|node| self.list(node, EXPECTED)).unwrap_or_default();
        let mut seen = Seen::default();
        let mut parameters = Vec::with_capacity(items.len());
        for item in items {
            let (name, default) = match &item.content {
                Content::Mapping(_) => {
                    let fields = self.fields(item, "a mapping", &["name", "default"]);
                    let Some(name) = self.required(&fields, "name", "a parameter") else { continue };
                    (name, fields.get("default"))
                }
                _ => (item, None),
            };
            let default = default.map(|node| {
                let node = self.with_names(node, None);
                self.value_of(&node).unwrap_or_else(|| Scalar::refused(""))
            });
            let Some(text) = self.name(name) else { continue };
            seen.check(self, "parameter in this fragment", &text, name.mark);
            parameters.push((text, default));
        }
        parameters
    }

    /// Read a fragment's entries to find errors, with defaults for its parameters, and nothing said of values that
    /// hold one without a default. Returns what it includes.
    fn check_definition(&mut self, source: &Source) -> Vec<(usize, Mark)> {
        let Some(policies) = &source.policies else {
            self.fragments.unused.push(None);
            return Vec::new();
        };
        let unknown = |(name, default): &(String, Option<Scalar>)| {
            (name.clone(), default.clone().unwrap_or_else(|| Scalar::refused("")))
        };
        let parameters: Values = source.parameters.iter().map(unknown).collect();
        let policies = self.with_names(policies, Some(&parameters));
        let place = format!("fragments/{}", source.id);
        let list = List {
            scope: Scope::Global,
            scope_place: &place,
            section: None,
            place: place.clone(),
            path: String::new(),
            id_prefix: None,
            around: vec![INCLUDE_FRAGMENT],
            included: None,
        };
        self.fragments.includes = Some(Vec::new());
        self.ids = Seen::default();
        let entries = self.entries(&policies, &list);
        self.fragments.unused.push(entries);
        self.fragments.includes.take().unwrap_or_default()
    }

    fn check_cycles(&mut self, graph: &[Vec<(usize, Mark)>]) {
        let found = cycles(graph);
        for (mark, cycle) in &found {
            let id = |at: &usize| self.fragments.sources.get(*at).map_or(PLACEHOLDER_ID, |source| source.id.as_str());
            let way: Vec<_> = cycle.iter().chain(cycle.first()).map(id).collect();
            let message = format!("a fragment includes itself: {}", Quoted(&way.join(" → ")));
            self.error(*mark, message);
        }
        if let Some(sources) = Rc::get_mut(&mut self.fragments.sources) {
            for at in found.iter().flat_map(|(_, cycle)| cycle) {
                sources[*at].is_cyclic = true;
            }
        }
    }

    /// `include-fragment`.
    pub(super) fn include(&mut self, named: &Named<'_>, placed: Placed, list: &List<'_>) -> Option<Entry> {
        let config = self.config(named)?;
        let (id_node, with) = match &config.content {
            Content::Mapping(_) => {
                let fields = self.fields(config, "a mapping", &["fragment-id", "with"]);
                (self.required(&fields, "fragment-id", "`include-fragment`")?, fields.get("with"))
            }
            _ => (config, None),
        };
        let fragment_id = self.literal_text(id_node, ID_FORM)?;
        let sources = Rc::clone(&self.fragments.sources);
        let Some(at) = sources.iter().position(|source| source.id == fragment_id) else {
            let known: Vec<_> = sources.iter().map(|source| source.id.as_str()).collect();
            self.unknown(id_node.mark, "fragment", &fragment_id, &known);
            return None;
        };
        let parameters = self.given(&sources[at], with, named.mark);
        let mut entries = Vec::new();
        if self.fragments.includes.is_none()
            && let Some(unused) = self.fragments.unused.get_mut(at)
        {
            *unused = None;
        }
        if let Some(includes) = &mut self.fragments.includes {
            includes.push((at, named.mark));
        } else if let Some(parameters) = parameters
            && !sources[at].is_cyclic
        {
            entries = self.included(&sources[at], &parameters, named, &placed, list);
        }
        Some(Entry::Fragment(Fragment { placed, fragment_id, entries }))
    }

    /// The values of all parameters of an include.
    fn given(&mut self, source: &Source, with: Option<&Arc<Node>>, mark: Mark) -> Option<Values> {
        let known: Vec<_> = source.parameters.iter().map(|(name, _)| name.as_str()).collect();
        let fields = with.map(|node| match &node.content {
            Content::Mapping(entries) => entries.as_slice(),
            _ => {
                self.expected("a mapping of parameters to values", node);
                &[]
            }
        });
        let given = fields.unwrap_or_default();
        for (key, _) in given.iter().filter(|(key, _)| !known.contains(&&*key.text)) {
            let kind = format!("parameter of the fragment `{}`", source.id);
            self.unknown(key.mark, &kind, &key.text, &known);
        }
        let mut values = Values::with_capacity(known.len());
        for (name, default) in &source.parameters {
            let value = match given.iter().find(|(key, _)| *key.text == **name) {
                Some((_, node)) => Some(self.value_of(node).unwrap_or_else(|| Scalar::refused(""))),
                None => default.clone(),
            };
            match value {
                Some(value) => _ = values.insert(name.clone(), value),
                None => self.error(mark, format!("missing parameter `{name}` of the fragment `{}`", source.id)),
            }
        }
        (values.len() == known.len()).then_some(values)
    }

    fn included(
        &mut self,
        source: &Source,
        parameters: &Values,
        named: &Named<'_>,
        placed: &Placed,
        list: &List<'_>,
    ) -> Vec<Entry> {
        let Some(policies) = &source.policies else { return Vec::new() };
        let count = match &policies.content {
            Content::List(items) => items.len(),
            _ => 0,
        };
        if !self.expand(policies.weight(), named.node) {
            return Vec::new();
        }
        self.fragments.entries += count;
        if self.fragments.entries > MAX_ENTRIES {
            self.names.is_exhausted = true;
            let message = format!("the fragments included up to here have more than {MAX_ENTRIES} entries");
            self.error(named.mark, message);
            return Vec::new();
        }
        let policies = self.with_names(policies, Some(parameters));
        let mut inner = list.inside(INCLUDE_FRAGMENT, placed, "", "");
        let position = placed.place.strip_prefix(list.scope_place).unwrap_or(&placed.place);
        let prefix = placed.id.as_deref().unwrap_or(position.trim_start_matches('/'));
        inner.id_prefix = Some(prefix.to_owned());
        inner.included = list.included.or(Some(named.mark));
        self.entries(&policies, &inner).unwrap_or_default()
    }
}

fn definition(
    id: &str,
    parameters: &[(String, Option<Scalar>)],
    policies: Option<&Node>,
    mark: Mark,
) -> FragmentDefinition {
    let parameters =
        parameters.iter().map(|(name, default)| Parameter { name: name.clone(), has_default: default.is_some() });
    let entries = match policies.map(|node| &node.content) {
        Some(Content::List(items)) => items.len(),
        _ => 0,
    };
    FragmentDefinition { id: id.to_owned(), parameters: parameters.collect(), entries, mark }
}

/// Cycles of a graph that together hold an edge of every cycle that there is: each with the place of the edge that
/// closes it. A walk without recursion, since a file may hold a chain of any length.
fn cycles(graph: &[Vec<(usize, Mark)>]) -> Vec<(Mark, Vec<usize>)> {
    #[derive(Clone, Copy, PartialEq)]
    enum Visit {
        Not,
        OnTheWay,
        Done,
    }
    let mut visits = vec![Visit::Not; graph.len()];
    let mut found = Vec::new();
    for root in 0..graph.len() {
        if visits[root] != Visit::Not {
            continue;
        }
        visits[root] = Visit::OnTheWay;
        let mut way = vec![(root, graph[root].iter())];
        while let Some((at, edges)) = way.last_mut() {
            let Some((to, mark)) = edges.next() else {
                visits[*at] = Visit::Done;
                way.pop();
                continue;
            };
            match visits[*to] {
                Visit::Done => {}
                Visit::Not => {
                    visits[*to] = Visit::OnTheWay;
                    way.push((*to, graph[*to].iter()));
                }
                Visit::OnTheWay => {
                    let cycle = way.iter().map(|(at, _)| *at).skip_while(|at| at != to).collect();
                    found.push((*mark, cycle));
                }
            }
        }
    }
    found
}
