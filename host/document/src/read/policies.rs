//! `policies`: sections, entries and statements.

use std::sync::Arc;

use tollgate_core::limits::{FIELDS, Limits};
use tollgate_core::place::Section;

use super::settings::MAX_SECONDS;
use super::{Reader, Seen};
use crate::diagnostics::Mark;
use crate::policy::{Entry, Isolation, Mode, OnFailure, PolicyDocument, Statement};
use crate::yaml::{Content, Key, Node, Quoted};

/// Splices the parent scope's section in.
pub(super) const BASE: &str = "base";

/// Sends the request to the origin.
pub(super) const FORWARD_REQUEST: &str = "forward-request";

/// The gateway's own flow that isn't there yet.
pub(super) const LATER: [&str; 6] =
    ["choose", "retry", "wait", "limit-concurrency", "include-fragment", "set-variable"];

/// The keys beside a statement's name.
const RESERVED: [&str; 6] = ["id", "when", "on-failure", "isolation", "mode", "limits"];

/// How an entry is described in messages.
const EXPECTED_ENTRY: &str = "a statement such as `rate-limit: { … }`, or `base`";

/// What an entry's name and its configuration stand in: `base`, or `{ name: configuration, id: … }`.
struct Named<'n> {
    name: &'n str,
    mark: Mark,
    config: Option<&'n Arc<Node>>,
    entries: &'n [(Key, Arc<Node>)],
}

impl Named<'_> {
    fn reserved(&self, key: &str) -> Option<(&Key, &Arc<Node>)> {
        self.entries.iter().find(|(k, _)| &*k.text == key).map(|(k, node)| (k, node))
    }
}

impl Reader<'_> {
    /// The policies of one scope; `place` is how it begins the places of its statements.
    pub(super) fn policies(&mut self, node: &Node, place: &str) -> PolicyDocument {
        let keys = Section::ALL.map(Section::name);
        let fields = self.fields(node, "a mapping with keys such as `inbound`", &keys);
        let mut document = PolicyDocument::default();
        let mut ids = Seen::default();
        for section in Section::ALL {
            let Some(node) = fields.get(section.name()) else { continue };
            let Some(items) = self.list(node, "a list of statements") else { continue };
            let mut entries = Vec::with_capacity(items.len());
            for (at, item) in items.iter().enumerate() {
                let place = format!("{place}/{section}/{at}");
                let Some(entry) = self.entry(item, section, place, &mut ids) else { continue };
                self.check_once(&entry, &entries, item);
                entries.push(entry);
            }
            document.sections[section as usize] = Some(entries);
        }
        document
    }

    /// `base` and `forward-request` stand once in a section.
    fn check_once(&mut self, entry: &Entry, before: &[Entry], node: &Node) {
        let (name, is_there) = match entry {
            Entry::Base => (BASE, before.iter().any(|entry| matches!(entry, Entry::Base))),
            Entry::ForwardRequest { .. } => {
                (FORWARD_REQUEST, before.iter().any(|entry| matches!(entry, Entry::ForwardRequest { .. })))
            }
            Entry::Statement(_) => return,
        };
        if is_there {
            self.error(node.mark, format!("expected `{name}` once in a section, found it again"));
        }
    }

    fn entry(&mut self, node: &Node, section: Section, place: String, ids: &mut Seen) -> Option<Entry> {
        let named = self.named(node)?;
        let in_backend = section == Section::Backend;
        match named.name {
            BASE => {
                self.no_reserved(&named);
                if let Some(config) = named.config.filter(|config| !config.is_null()) {
                    self.error(config.mark, format!("expected `base` without a configuration, found {config}"));
                }
                Some(Entry::Base)
            }
            FORWARD_REQUEST if in_backend => {
                self.no_reserved(&named);
                Some(self.forward_request(&named))
            }
            FORWARD_REQUEST => {
                self.error(
                    named.mark,
                    format!("`{FORWARD_REQUEST}` stands in the section `backend`, not in `{section}`"),
                );
                None
            }
            name if LATER.contains(&name) => {
                self.error(named.mark, format!("`{name}` comes with a later version"));
                None
            }
            name if !self.statements.iter().any(|statement| statement == name) => {
                self.unknown_statement(&named);
                self.statement(&named, place, ids);
                None
            }
            name if in_backend => {
                let message = format!(
                    "the section `backend` takes `{BASE}` and `{FORWARD_REQUEST}` only, found `{name}`; \
                     put it in `inbound` or `outbound`"
                );
                self.error(named.mark, message);
                self.statement(&named, place, ids);
                None
            }
            _ => Some(Entry::Statement(self.statement(&named, place, ids))),
        }
    }

    /// Find the one key that names something.
    fn named<'n>(&mut self, node: &'n Node) -> Option<Named<'n>> {
        let entries = match &node.content {
            Content::Mapping(entries) => entries,
            _ => {
                let name = self.text(node, EXPECTED_ENTRY)?;
                return Some(Named { name, mark: node.mark, config: None, entries: &[] });
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
        Some(Named { name: &key.text, mark: key.mark, config: Some(config), entries })
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
        [BASE, FORWARD_REQUEST].contains(&name)
            || LATER.contains(&name)
            || self.statements.iter().any(|statement| statement == name)
    }

    fn unknown_statement(&mut self, named: &Named<'_>) {
        let statements = self.statements.clone();
        let mut names: Vec<_> = statements.iter().map(String::as_str).collect();
        names.extend([BASE, FORWARD_REQUEST]);
        names.extend(LATER);
        self.unknown(named.mark, "statement", named.name, &names);
    }

    fn no_reserved(&mut self, named: &Named<'_>) {
        for (key, _) in named.entries.iter().filter(|(key, _)| RESERVED.contains(&&*key.text)) {
            self.error(key.mark, format!("expected no `{}` beside `{}`", key.text, named.name));
        }
    }

    fn forward_request(&mut self, named: &Named<'_>) -> Entry {
        let Some(config) = named.config.filter(|config| !config.is_null()) else {
            return Entry::ForwardRequest { timeout: None };
        };
        let fields = self.fields(config, "a mapping with the key `timeout`", &["timeout"]);
        let timeout = fields.get("timeout").and_then(|node| self.seconds(node, false, MAX_SECONDS));
        Entry::ForwardRequest { timeout }
    }

    fn statement(&mut self, named: &Named<'_>, place: String, ids: &mut Seen) -> Statement {
        let config = named.config.map(|node| node.to_json(self.diagnostics)).unwrap_or_default();
        let id = named.reserved("id").and_then(|(_, node)| {
            let id = self.id_at(node)?;
            ids.check(self, "statement id in this scope", &id, node.mark);
            Some(id)
        });
        if let Some((key, _)) = named.reserved("when") {
            self.error(key.mark, "`when` needs expressions, which come with a later version");
        }
        Statement {
            name: named.name.to_owned(),
            config,
            id,
            place,
            on_failure: self.beside(named, "on-failure", &[("closed", OnFailure::Closed), ("open", OnFailure::Open)]),
            isolation: self.beside(named, "isolation", &[("warm", Isolation::Warm), ("fresh", Isolation::Fresh)]),
            mode: self.beside(named, "mode", &[("enforce", Mode::Enforce), ("observe", Mode::Observe)]),
            limits: self.statement_limits(named),
            mark: named.mark,
            source: named.config.cloned(),
        }
    }

    fn beside<T: Copy + Default>(&mut self, named: &Named<'_>, key: &str, words: &[(&str, T)]) -> T {
        named.reserved(key).and_then(|(_, node)| self.choice(node, words)).unwrap_or_default()
    }

    fn statement_limits(&mut self, named: &Named<'_>) -> Limits {
        let mut limits = Limits::default();
        let Some((_, node)) = named.reserved("limits") else {
            return limits;
        };
        let fields = self.fields(node, "a mapping with keys such as `fuel`", &FIELDS.map(|field| field.key));
        for field in FIELDS {
            let Some(node) = fields.get(field.key) else { continue };
            let value = if field.key.ends_with("-bytes") {
                self.bytes(node, 1, field.max)
            } else {
                self.integer(node, 1, field.max)
            };
            if let Some(value) = value {
                (field.set)(&mut limits, value);
            }
        }
        limits
    }
}
