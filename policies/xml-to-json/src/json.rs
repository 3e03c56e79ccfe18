//! Writes a tree as JSON.

use tollgate_xml::{Content, Document, NIL, Output, find_or_control, unescape};

use crate::config::{Config, EmptyValues, Kind};
use crate::tree::{TEXT, Tree, Value};

/// An object that has been begun.
struct Open {
    /// The member to write next.
    next: u32,
    /// The key of the array that has been begun for a member, or `NIL`.
    array: u32,
    first: bool,
}

struct Writer<'a> {
    config: &'a Config,
    source: &'a str,
    tree: &'a Tree,
    output: Output,
    open: Vec<Open>,
}

/// Write `{ "root": … }`.
pub(crate) fn write(tree: &Tree, document: &Document<'_>, config: &Config, output: Output) -> Output {
    let mut writer = Writer { config, source: document.as_str(), tree, output, open: Vec::new() };
    let root = tree.node(tree.root);
    writer.output.push(b'{');
    writer.member_name(root.key);
    writer.value(root.value);
    while !writer.open.is_empty() && !writer.output.is_full() {
        writer.step();
    }
    writer.output.push(b'}');
    writer.output
}

impl Writer<'_> {
    /// Write one value of the innermost object, or its end.
    fn step(&mut self) {
        let Some(open) = self.open.last_mut() else { return };
        let id = open.next;
        if id == NIL {
            if open.array != NIL {
                self.output.push(b']');
            }
            self.output.push(b'}');
            self.open.pop();
            return;
        }
        let node = self.tree.node(id);
        open.next = node.next;
        if open.array == node.key {
            self.output.push(b',');
            self.value(node.value);
            return;
        }
        if open.array != NIL {
            self.output.push(b']');
        }
        if !open.first {
            self.output.push(b',');
        }
        open.first = false;
        let repeats = node.next != NIL && self.tree.node(node.next).key == node.key;
        let is_element = !matches!(node.value, Value::Attribute(_));
        let array = node.key != TEXT && (repeats || (self.config.always_array_child_elements && is_element));
        open.array = if array { node.key } else { NIL };
        self.member_name(node.key);
        if array {
            self.output.push(b'[');
        }
        if node.key == TEXT { self.text_member(id) } else { self.value(node.value) }
    }

    /// Write a member's value; what has members itself is only begun.
    fn value(&mut self, value: Value) {
        match value {
            Value::Parent(first) => {
                self.output.push(b'{');
                self.open.push(Open { next: first, array: NIL, first: true });
            }
            Value::Attribute(span) if span.start() < span.end() => {
                self.output.push(b'"');
                self.characters(span.of(self.source), Content::Attribute);
                self.output.push(b'"');
            }
            Value::Leaf(first) if first != NIL => {
                self.run(first);
            }
            Value::Null => self.output.write(b"null"),
            _ if self.config.empty_values == EmptyValues::AsNull => self.output.write(b"null"),
            _ => self.output.write(b"\"\""),
        }
    }

    /// Write the text beside an element's attributes and elements.
    fn text_member(&mut self, first: u32) {
        let friendly = self.config.kind == Kind::JavascriptFriendly;
        let mut rest = first;
        if friendly || !self.has_more_runs(first) {
            self.output.push(b'"');
            while self.piece(rest) {
                rest = self.tree.node(rest).next;
            }
            self.output.push(b'"');
        } else {
            self.output.push(b'[');
            while self.is_text(rest) {
                if rest != first {
                    self.output.push(b',');
                }
                rest = self.run(rest);
            }
            self.output.push(b']');
        }
        if let Some(open) = self.open.last_mut() {
            open.next = rest;
        }
    }

    /// Write the run of text that `first` begins; the node behind it.
    fn run(&mut self, first: u32) -> u32 {
        self.output.push(b'"');
        let mut at = first;
        while self.piece(at) {
            at = self.tree.node(at).next;
            if self.begins_run(at) {
                break;
            }
        }
        self.output.push(b'"');
        at
    }

    /// Write a piece of text; false if the node is none.
    fn piece(&mut self, id: u32) -> bool {
        if id == NIL {
            return false;
        }
        match self.tree.node(id).value {
            Value::Text(span, _) => self.characters(span.of(self.source), Content::Text),
            Value::CData(span, _) => self.characters(span.of(self.source), Content::CData),
            _ => return false,
        }
        true
    }

    fn is_text(&self, id: u32) -> bool {
        id != NIL && self.tree.node(id).key == TEXT
    }

    fn begins_run(&self, id: u32) -> bool {
        id != NIL && matches!(self.tree.node(id).value, Value::Text(_, true) | Value::CData(_, true))
    }

    fn has_more_runs(&self, first: u32) -> bool {
        let mut at = self.tree.node(first).next;
        while self.is_text(at) && !self.begins_run(at) {
            at = self.tree.node(at).next;
        }
        self.is_text(at)
    }

    fn member_name(&mut self, key: u32) {
        // Names hold nothing that JSON would escape.
        self.output.push(b'"');
        self.output.write_str(self.tree.member_name(key));
        self.output.write(b"\":");
    }

    /// Write what raw text says, inside a string.
    fn characters(&mut self, raw: &str, content: Content) {
        let output = &mut self.output;
        unescape(raw, content, |piece| escape(piece, output));
    }
}

/// Write text inside a string (RFC 8259 §7).
fn escape(text: &str, output: &mut Output) {
    let bytes = text.as_bytes();
    let mut kept = 0;
    loop {
        let at = find_or_control(bytes, kept, [b'"', b'\\']);
        output.write(&bytes[kept..at]);
        let Some(&byte) = bytes.get(at) else { return };
        output.write(&[
            b'\\',
            match byte {
                b'\n' => b'n',
                b'\r' => b'r',
                b'\t' => b't',
                // XML allows no other control character.
                itself => itself,
            },
        ]);
        kept = at + 1;
    }
}
