//! `policies`: sections and their entries.

use std::sync::Arc;

use tollgate_core::place::{Scope, Section};

use super::flow::{FLOW, FORWARD_REQUEST, INCLUDE_FRAGMENT, WAIT};
use super::statement::RESERVED;
use super::{Reader, Seen, original};
use crate::diagnostics::Mark;
use crate::nearest::nearest;
use crate::policy::{Entry, Placed, PolicyDocument};
use crate::yaml::{Content, Key, Node, Quoted};

/// Splices the parent scope's section in.
pub(super) const BASE: &str = "base";

/// How an entry is described in messages.
const EXPECTED_ENTRY: &str = "a statement such as `rate-limit: { … }`, or `base`";

/// What may stand directly in a `wait` (`apim.md` §1.8).
const IN_WAIT: [&str; 3] = ["send-request", "cache-lookup-value", "choose"];

/// It asks for the rest of the section it stands in, which a fragment doesn't know (`apim.md` §2).
const CACHE_LOOKUP: &str = "cache-lookup";

/// What an entry's name and its configuration stand in: `base`, or `{ name: configuration, id: … }`.
pub(super) struct Named<'n> {
    pub(super) name: &'n str,
    pub(super) mark: Mark,
    /// The whole entry.
    pub(super) node: &'n Node,
    pub(super) config: Option<&'n Arc<Node>>,
    pub(super) entries: &'n [(Key, Arc<Node>)],
}

impl<'n> Named<'n> {
    pub(super) fn reserved(&self, key: &str) -> Option<&'n Arc<Node>> {
        self.entries.iter().find(|(k, _)| &*k.text == key).map(|(_, node)| node)
    }
}

/// Where a list of entries stands.
pub(super) struct List<'p> {
    pub(super) scope: Scope,
    pub(super) scope_place: &'p str,
    /// None in the definition of a fragment, which may be included in any.
    pub(super) section: Option<Section>,
    /// How the places of its entries begin.
    pub(super) place: String,
    /// How the paths of its entries begin: nothing, or with a slash at the end.
    pub(super) path: String,
    /// What stands before ids in an included fragment.
    pub(super) id_prefix: Option<String>,
    /// The flow that it is in, from the outermost.
    pub(super) around: Vec<&'static str>,
    /// Where the fragment that it is in is included, the outermost if they are nested.
    pub(super) included: Option<Mark>,
}

impl<'p> List<'p> {
    /// A list inside of the flow statement `name`; `place` and `path` tell it from others there.
    pub(super) fn inside(&self, name: &'static str, placed: &Placed, place: &str, path: &str) -> List<'p> {
        let mut around = self.around.clone();
        around.push(name);
        List {
            scope: self.scope,
            scope_place: self.scope_place,
            section: self.section,
            place: format!("{}{place}", placed.place),
            path: format!("{}/{path}", placed.path),
            id_prefix: self.id_prefix.clone(),
            around,
            included: self.included,
        }
    }

    /// True in the flow statement `name`, however deep.
    pub(super) fn is_in(&self, name: &str) -> bool {
        self.around.contains(&name)
    }
}

impl Reader<'_> {
    /// The policies of one scope; `place` is how it begins the places of its statements.
    pub(super) fn policies(&mut self, node: &Arc<Node>, scope: Scope, place: &str) -> PolicyDocument {
        let node = self.with_names(node, None);
        let keys = Section::ALL.map(Section::name);
        let fields = self.fields(&node, "a mapping with keys such as `inbound`", &keys);
        let mut document = PolicyDocument::default();
        self.ids = Seen::default();
        for section in Section::ALL {
            let Some(node) = fields.get(section.name()) else { continue };
            let list = List {
                scope,
                scope_place: place,
                section: Some(section),
                place: format!("{place}/{section}"),
                path: String::new(),
                id_prefix: None,
                around: Vec::new(),
                included: None,
            };
            document.sections[section as usize] = self.entries(node, &list);
        }
        document
    }

    /// A list of entries; none if it is no list.
    pub(super) fn entries(&mut self, node: &Node, list: &List<'_>) -> Option<Vec<Entry>> {
        let items = self.list(node, "a list of statements")?;
        let mut entries = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            let Some(entry) = self.entry(item, list, at) else { continue };
            self.check_once(&entry, &entries, item);
            entries.push(entry);
        }
        Some(entries)
    }

    /// `base` and `forward-request` stand once in a list.
    fn check_once(&mut self, entry: &Entry, before: &[Entry], node: &Node) {
        let is_once = matches!(entry, Entry::Base | Entry::ForwardRequest(_));
        if is_once && before.iter().any(|other| other.name() == entry.name()) {
            self.error(node.mark, format!("expected `{}` once in a section, found it again", entry.name()));
        }
    }

    fn entry(&mut self, node: &Node, list: &List<'_>, at: usize) -> Option<Entry> {
        let named = self.named(node)?;
        let name = named.name;
        if name == BASE {
            return self.base(&named, list);
        }
        if let Some(flow) = FLOW.into_iter().find(|flow| *flow == name) {
            let stands = self.check_wait(&named, list);
            let placed = self.placed(&named, list, at);
            return self.flow(&named, flow, placed, list).filter(|_| stands);
        }
        let is_known = self.statements.iter().any(|statement| statement == name);
        if !is_known {
            self.unknown_statement(&named);
        }
        let stands = is_known && self.check_wait(&named, list);
        if name == CACHE_LOOKUP && list.is_in(INCLUDE_FRAGMENT) {
            self.error(named.mark, format!("`{CACHE_LOOKUP}` can't stand in a fragment"));
        }
        let placed = self.placed(&named, list, at);
        let statement = self.statement(&named, placed);
        stands.then_some(Entry::Statement(statement))
    }

    fn base(&mut self, named: &Named<'_>, list: &List<'_>) -> Option<Entry> {
        self.only_reserved(named, &[]);
        if let Some(config) = named.config.filter(|config| !config.is_null()) {
            self.error(config.mark, format!("expected `{BASE}` without a configuration, found {config}"));
        }
        match list.around.last() {
            None => return Some(Entry::Base),
            Some(&INCLUDE_FRAGMENT) => self.error(named.mark, format!("`{BASE}` can't stand in a fragment")),
            Some(flow) => {
                self.error(named.mark, format!("`{BASE}` stands in a section itself, not inside of `{flow}`"));
            }
        }
        None
    }

    /// What runs at the same time must be of a kind that can.
    fn check_wait(&mut self, named: &Named<'_>, list: &List<'_>) -> bool {
        let stands = list.around.last() != Some(&WAIT) || IN_WAIT.contains(&named.name);
        if !stands {
            let taken = IN_WAIT.map(|name| format!("`{name}`")).join(", ");
            self.error(named.mark, format!("`{WAIT}` takes only {taken}, found `{}`", named.name));
        }
        stands
    }

    /// What every entry but `base` has.
    fn placed(&mut self, named: &Named<'_>, list: &List<'_>, at: usize) -> Placed {
        Placed {
            id: named.reserved("id").and_then(|node| self.entry_id(node, list)),
            place: format!("{}/{at}", list.place),
            path: format!("{}{}[{}]", list.path, named.name, at + 1),
            scope: list.scope,
            scope_place: list.scope_place.to_owned(),
            section: list.section.unwrap_or(Section::Inbound),
            when: named.reserved("when").and_then(|node| self.condition(node)),
            mark: named.mark,
            included: list.included,
        }
    }

    fn entry_id(&mut self, node: &Node, list: &List<'_>) -> Option<String> {
        let id = self.id_at(node)?;
        if let Some(prefix) = &list.id_prefix {
            // Ids given twice in a fragment were found in its definition.
            return Some(format!("{prefix}.{id}"));
        }
        let what = if list.section.is_some() { "statement id in this scope" } else { "statement id in this fragment" };
        let mut ids = std::mem::take(&mut self.ids);
        ids.check(self, what, &id, node.mark);
        self.ids = ids;
        Some(id)
    }

    /// Find the one key that names something.
    fn named<'n>(&mut self, node: &'n Node) -> Option<Named<'n>> {
        let entries = match &node.content {
            Content::Mapping(entries) => entries,
            _ => {
                let name = self.text(node, EXPECTED_ENTRY)?;
                return Some(Named { name, mark: node.mark, node, config: None, entries: &[] });
            }
        };
        let names: Vec<_> = entries.iter().filter(|(key, _)| !RESERVED.contains(&&*key.text)).collect();
        let chosen = match names.as_slice() {
            [] => {
                self.error(node.mark, format!("expected {EXPECTED_ENTRY}, found a mapping without a statement's name"));
                return None;
            }
            [one] => one,
            several => {
                let mut known = several.iter().filter(|(key, _)| self.is_name(&key.text));
                match (known.next(), known.next()) {
                    (Some(one), None) => {
                        self.unknown_reserved(one, several);
                        one
                    }
                    _ => {
                        let list: Vec<_> = several.iter().map(|(key, _)| Quoted(&key.text).to_string()).collect();
                        let message =
                            format!("expected one statement in each entry of the list, found {}", list.join(" and "));
                        self.error(several[1].0.mark, message);
                        return None;
                    }
                }
            }
        };
        let (key, config) = chosen;
        Some(Named { name: &key.text, mark: key.mark, node, config: Some(config), entries })
    }

    /// Report keys that are neither the statement's name nor reserved.
    fn unknown_reserved(&mut self, (name, config): &(Key, Arc<Node>), several: &[&(Key, Arc<Node>)]) {
        for (key, _) in several.iter().filter(|(key, _)| key.text != name.text) {
            if config.is_null() {
                let message = format!(
                    "unknown key {} beside `{}`; indent it further if it belongs to the configuration",
                    Quoted(&key.text),
                    name.text
                );
                self.error(key.mark, message);
            } else {
                let place = format!(" beside `{}`", name.text);
                self.unknown_beside(key.mark, "key", &key.text, &place, &RESERVED);
            }
        }
    }

    fn is_name(&self, name: &str) -> bool {
        is_flow(name) || self.statements.iter().any(|statement| statement == name)
    }

    /// What it may have been meant for: a name of the original, or else the nearest.
    fn unknown_statement(&mut self, named: &Named<'_>) {
        if self.diagnostics.is_full() {
            // It is only counted, so nobody need look for what is near.
            return self.error(named.mark, "");
        }
        let statements = self.statements.clone();
        let mut names: Vec<_> = statements.iter().map(String::as_str).collect();
        names.extend([BASE, FORWARD_REQUEST]);
        names.extend(FLOW.into_iter().filter(|name| *name != FORWARD_REQUEST));
        let what = format!("unknown statement {}", Quoted(named.name));
        // All of their names would be half a screenful.
        let message = match (original::said_of(named.name), nearest(named.name, names)) {
            (Some(words), _) => format!("{what}: {words}"),
            (None, Some(near)) => format!("{what}; did you mean `{near}`?"),
            (None, None) => format!("{what}; docs/policies lists the built-in ones, and `components` adds others"),
        };
        self.error(named.mark, message);
    }

    /// Report keys beside the name that this kind of entry doesn't take.
    pub(super) fn only_reserved(&mut self, named: &Named<'_>, taken: &[&str]) {
        for (key, _) in named.entries.iter().filter(|(key, _)| RESERVED.contains(&&*key.text)) {
            if !taken.contains(&&*key.text) {
                self.error(key.mark, format!("expected no `{}` beside `{}`", key.text, named.name));
            }
        }
    }
}

/// Is this the name of the gateway's own flow?
pub(super) fn is_flow(name: &str) -> bool {
    name == BASE || FLOW.contains(&name)
}
