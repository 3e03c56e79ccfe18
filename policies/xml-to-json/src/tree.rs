//! The document as members: what will stand in one JSON object stands together, in the order of first appearance.
//!
//! XML repeats siblings wherever it likes and JSON needs them side by side, so a document can't be written while it
//! is read. The tree holds places in the source and numbers for names; no text is copied.

use std::borrow::Cow;

use tollgate_xml::{Arena, Document, Event, Fault, NIL, Names, Reader, Span, XSI_NAMESPACE, is_space};

use crate::config::{Config, Kind};

/// The key of an element's own text. No XML name can equal its member's name.
pub(crate) const TEXT: u32 = 0;

/// A member of its parent's object, or one value of an array there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    /// The number of the member's name.
    pub(crate) key: u32,
    /// The next sibling; those with the same key follow one another.
    pub(crate) next: u32,
    pub(crate) value: Value,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    /// An attribute: its raw value.
    Attribute(Span),
    /// A piece of text, and whether it begins a new run of it.
    Text(Span, bool),
    /// The same from a CDATA section.
    CData(Span, bool),
    /// An element with text only: its first piece, if any.
    Leaf(u32),
    /// An element with attributes or elements: its first member.
    Parent(u32),
    /// An element that says that it has no value.
    Null,
}

/// A document that was read.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Arena<Node>,
    /// Member names by key.
    keys: Names<'static>,
    pub(crate) root: u32,
}

impl Tree {
    pub(crate) fn read(document: &Document<'_>, config: &Config) -> Result<Tree, Fault> {
        let mut builder = Builder::new(document, config)?;
        while builder.step()? {}
        Ok(Tree { nodes: builder.nodes, keys: builder.keys.names, root: builder.root })
    }

    pub(crate) fn node(&self, id: u32) -> Node {
        self.nodes.get(id)
    }

    pub(crate) fn member_name(&self, key: u32) -> &str {
        self.keys.text(key)
    }
}

/// An element that has begun and not ended.
#[derive(Debug)]
struct Open {
    node: u32,
    first: u32,
    last: u32,
    /// Whether it has members beside its text.
    is_parent: bool,
    /// Whether it says `xsi:nil="true"`.
    nil: bool,
    /// Whether `xml:space` keeps white space between its elements.
    preserve: bool,
}

struct Builder<'a> {
    config: &'a Config,
    source: &'a str,
    reader: Reader<'a>,
    nodes: Arena<Node>,
    keys: Keys,
    open: Vec<Open>,
    /// The pieces of text since the last tag, and whether each is a CDATA section.
    run: Vec<(Span, bool)>,
    /// By key: the last parent that had it, and the last of its nodes there.
    seen: Vec<(u32, u32)>,
    root: u32,
}

impl<'a> Builder<'a> {
    fn new(document: &'a Document<'_>, config: &'a Config) -> Result<Builder<'a>, Fault> {
        Ok(Builder {
            config,
            source: document.as_str(),
            reader: Reader::new(document)?,
            nodes: Arena::default(),
            keys: Keys::new(config.kind)?,
            open: Vec::new(),
            run: Vec::new(),
            seen: Vec::new(),
            root: NIL,
        })
    }

    /// Take the next event; false after the last one.
    fn step(&mut self) -> Result<bool, Fault> {
        match self.reader.read()? {
            Event::Start { name } => {
                self.end_run()?;
                self.start(name)?;
            }
            Event::End => {
                self.end_run()?;
                self.end();
            }
            Event::Text(span) => self.run.push((span, false)),
            Event::CData(span) => self.run.push((span, true)),
            Event::Eof => return Ok(false),
        }
        Ok(true)
    }

    fn start(&mut self, name: u32) -> Result<(), Fault> {
        let key = self.keys.element(&self.reader, name)?;
        let node = self.nodes.push(Node { key, next: NIL, value: Value::Leaf(NIL) })?;
        let mut preserve = self.config.preserve_whitespace_nodes;
        match self.open.last_mut() {
            Some(parent) => {
                preserve = parent.preserve;
                parent.is_parent = true;
                self.append(node);
            }
            None => self.root = node,
        }
        self.open.push(Open { node, first: NIL, last: NIL, is_parent: false, nil: false, preserve });
        for i in 0..self.reader.attributes().len() {
            self.attribute(i)?;
        }
        Ok(())
    }

    fn attribute(&mut self, i: usize) -> Result<(), Fault> {
        let attribute = self.reader.attributes()[i];
        let friendly = self.config.kind == Kind::JavascriptFriendly;
        if attribute.declares && friendly {
            return Ok(());
        }
        let raw = attribute.value.of(self.source);
        let is_space_rule = self.reader.names().text(attribute.name) == "xml:space";
        let nil = friendly && matches!(raw, "true" | "1") && self.reader.means(attribute.name, XSI_NAMESPACE, "nil");
        if let Some(open) = self.open.last_mut() {
            open.is_parent = true;
            open.nil |= nil;
            if is_space_rule {
                open.preserve = raw == "preserve" || (raw != "default" && open.preserve);
            }
        }
        let span =
            if self.config.trim_values { trim(self.source, attribute.value, true, true) } else { attribute.value };
        let key = self.keys.attribute(&self.reader, attribute.name)?;
        let node = self.nodes.push(Node { key, next: NIL, value: Value::Attribute(span) })?;
        self.append(node);
        Ok(())
    }

    /// Make members of the text since the last tag, unless it only indents.
    fn end_run(&mut self) -> Result<(), Fault> {
        let preserve = self.open.last().is_some_and(|open| open.preserve);
        let source = self.source;
        let indents = |&(span, cdata): &(Span, bool)| !cdata && span.of(source).bytes().all(is_space);
        if self.run.is_empty() || (!preserve && self.run.iter().all(indents)) {
            self.run.clear();
            return Ok(());
        }
        if self.config.trim_values {
            self.trim_run();
        }
        let mut begins = true;
        for i in 0..self.run.len() {
            let (span, cdata) = self.run[i];
            if span.start() == span.end() {
                continue;
            }
            let value = if cdata { Value::CData(span, begins) } else { Value::Text(span, begins) };
            let node = self.nodes.push(Node { key: TEXT, next: NIL, value })?;
            self.append(node);
            begins = false;
        }
        self.run.clear();
        Ok(())
    }

    /// Take white space off both ends of a run, which may be spread over pieces.
    fn trim_run(&mut self) {
        for (span, _) in &mut self.run {
            *span = trim(self.source, *span, true, false);
            if span.start() < span.end() {
                break;
            }
        }
        for (span, _) in self.run.iter_mut().rev() {
            *span = trim(self.source, *span, false, true);
            if span.start() < span.end() {
                break;
            }
        }
    }

    fn end(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let only_nil = open.nil && open.first == open.last;
        self.nodes.get_mut(open.node).value = match open.is_parent {
            true if only_nil => Value::Null,
            true => Value::Parent(open.first),
            false => Value::Leaf(open.first),
        };
        if open.is_parent {
            self.group(open.node, open.first);
        }
    }

    /// Add a member to the innermost element.
    fn append(&mut self, node: u32) {
        let Some(open) = self.open.last_mut() else { return };
        if open.first == NIL {
            open.first = node;
        } else {
            self.nodes.get_mut(open.last).next = node;
        }
        open.last = node;
    }

    /// Move members behind the earlier ones of the same key. One pass: each key remembers where its last one is.
    fn group(&mut self, parent: u32, first: u32) {
        self.seen.resize(self.keys.names.len(), (NIL, NIL));
        let (mut before, mut at) = (NIL, first);
        while at != NIL {
            let Node { key, next, .. } = self.nodes.get(at);
            let (owner, tail) = self.seen[key as usize];
            if owner == parent && tail != before {
                self.nodes.get_mut(before).next = next;
                self.nodes.get_mut(at).next = self.nodes.get(tail).next;
                self.nodes.get_mut(tail).next = at;
            } else {
                before = at;
            }
            self.seen[key as usize] = (parent, at);
            at = next;
        }
    }
}

fn trim(source: &str, span: Span, start: bool, end: bool) -> Span {
    let bytes = &source.as_bytes()[span.start()..span.end()];
    let lead = if start { bytes.iter().take_while(|&&b| is_space(b)).count() } else { 0 };
    let trail = if end { bytes[lead..].iter().rev().take_while(|&&b| is_space(b)).count() } else { 0 };
    Span::new(span.start() + lead, span.end() - trail)
}

/// Member names, by number.
#[derive(Debug)]
struct Keys {
    kind: Kind,
    names: Names<'static>,
    /// By name: the key of an element of that name, and of an attribute; `NIL` until one is seen.
    of: Vec<[u32; 2]>,
}

impl Keys {
    fn new(kind: Kind) -> Result<Keys, Fault> {
        let mut names = Names::default();
        names.number(Cow::Borrowed(if kind == Kind::Direct { "#text" } else { "$text" }))?;
        Ok(Keys { kind, names, of: Vec::new() })
    }

    fn element(&mut self, reader: &Reader<'_>, name: u32) -> Result<u32, Fault> {
        self.key(reader, name, false)
    }

    fn attribute(&mut self, reader: &Reader<'_>, name: u32) -> Result<u32, Fault> {
        self.key(reader, name, true)
    }

    fn key(&mut self, reader: &Reader<'_>, name: u32, is_attribute: bool) -> Result<u32, Fault> {
        let (index, slot) = (name as usize, usize::from(is_attribute));
        if self.of.len() <= index {
            self.of.resize(index + 1, [NIL; 2]);
        }
        if self.of[index][slot] == NIL {
            let text = reader.names().text(name);
            let member = match self.kind {
                Kind::Direct if is_attribute => format!("@{text}"),
                Kind::Direct => text.to_owned(),
                // Identifiers have no hyphens and dots; everything else that XML allows in a name, they have too.
                Kind::JavascriptFriendly => text[reader.local(name)..].replace(['-', '.'], "_"),
            };
            self.of[index][slot] = self.names.number(Cow::Owned(member))?;
        }
        Ok(self.of[index][slot])
    }
}
