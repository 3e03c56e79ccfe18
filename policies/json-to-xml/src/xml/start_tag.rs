//! A start tag up to its `>`: the name, the declarations and the attributes, wherever in the object they stand.

use std::borrow::Cow;

use tollgate_xml::{Declaration, Fault, MAX_ATTRIBUTES, NIL, XSI_NAMESPACE};

use super::{Text, Writer};
use crate::config::EmptyValues;
use crate::name::is_ncname;
use crate::role::Role;
use crate::string::{self, Place};
use crate::tape::{Node, Value};

/// In a block of declarations, the name of the default namespace; no prefix can be that.
const DEFAULT_NAMESPACE: &str = "$default";

/// An attribute that was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute {
    name: u32,
    prefixed: bool,
    /// The namespace of its prefix, by number.
    uri: u32,
}

/// Prefix and URI.
type Declarations<'t> = Vec<(Cow<'t, str>, Cow<'t, str>)>;

impl<'t> Writer<'t> {
    /// Write a start tag without its end for the members from `first` on; true if the name has its prefix.
    pub(super) fn start_tag(&mut self, name: u32, first: u32) -> Result<bool, Fault> {
        let mut declarations = Vec::new();
        self.declare_members(first, &mut declarations)?;
        self.declare_nil(&mut declarations)?;
        // Only now is it known which prefixes are declared.
        let prefixed = self.has_prefix(name, false);
        self.output.push(b'<');
        self.write_name(name, prefixed);
        for (prefix, uri) in &declarations {
            self.write_declaration(prefix, uri);
        }
        self.attributes.clear();
        self.write_attributes(first, declarations.len())?;
        Ok(prefixed)
    }

    pub(super) fn write_name(&mut self, name: u32, prefixed: bool) {
        let named = &self.names[name as usize];
        self.output.write_str(match &named.prefixed {
            Some(with) if prefixed => &with.text,
            _ => &named.plain,
        });
    }

    pub(super) fn write_declaration(&mut self, prefix: &str, uri: &str) {
        self.output.write_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
        self.output.write_str(prefix);
        self.output.write(b"=\"");
        // What XML can't hold was refused when it was declared.
        let _ = string::write(uri, Place::Attribute, Some(""), &mut self.output);
        self.output.push(b'"');
    }

    /// True if the part of a name before the separator is a prefix here.
    fn has_prefix(&self, name: u32, is_attribute: bool) -> bool {
        let Some(with) = &self.names[name as usize].prefixed else { return false };
        // `xml` is always declared, but only for attributes such as `xml:lang`: no element is named so.
        self.scope.uri(with.prefix).is_some() && (is_attribute || with.prefix != self.xml)
    }

    /// Put in force what an object's members declare.
    fn declare_members(&mut self, first: u32, declarations: &mut Declarations<'t>) -> Result<(), Fault> {
        let mut at = first;
        while at != NIL {
            let node = self.tape.node(at);
            at = node.next;
            match self.names[node.key as usize].role.clone() {
                Role::Namespace(prefix) => self.declare(Cow::Owned(prefix), node, declarations)?,
                role @ (Role::Namespaces | Role::Attributes) => {
                    self.declare_block(node, role == Role::Namespaces, declarations)?;
                }
                Role::Element | Role::Text | Role::Attribute => {}
            }
        }
        Ok(())
    }

    fn declare_block(&mut self, block: Node, all: bool, declarations: &mut Declarations<'t>) -> Result<(), Fault> {
        let tape = self.tape;
        let Value::Object(first) = tape.value(block) else {
            return Err(tape.fault("a block of attributes or namespaces must be an object", block));
        };
        let mut at = first;
        while at != NIL {
            let node = tape.node(at);
            at = node.next;
            if all {
                let key = tape.keys.text(node.key);
                self.declare(Cow::Borrowed(if key == DEFAULT_NAMESPACE { "" } else { key }), node, declarations)?;
            } else if let Some(prefix) = self.names[node.key as usize].declares.clone() {
                self.declare(Cow::Owned(prefix), node, declarations)?;
            }
        }
        Ok(())
    }

    fn declare(&mut self, prefix: Cow<'t, str>, node: Node, to: &mut Declarations<'t>) -> Result<(), Fault> {
        let Value::String(raw) = self.tape.value(node) else {
            return Err(self.tape.fault("a namespace must be a string", node));
        };
        let uri = self.tape.decode(raw, node)?;
        if tollgate_xml::first_illegal(&uri).is_some() {
            return Err(self.tape.fault("a string holds a character that XML doesn't allow", node));
        }
        if !prefix.is_empty() && !is_ncname(&prefix) {
            return Err(self.tape.fault("a namespace prefix is no XML name", node));
        }
        if to.iter().any(|(other, _)| *other == prefix) {
            return Err(self.tape.fault("a namespace prefix is declared twice", node));
        }
        self.scope.declare(prefix.clone(), uri.clone()).map_err(|wrong| match wrong {
            Declaration::Wrong(what) => self.tape.fault(what, node),
            Declaration::TooMany(fault) => fault,
        })?;
        to.push((prefix, uri));
        Ok(())
    }

    /// Declare `xsi` at the root if a null may follow: once is smaller than once for each null.
    fn declare_nil(&mut self, declarations: &mut Declarations<'t>) -> Result<(), Fault> {
        let nulls = self.tape.has_null || self.config.empty_values == EmptyValues::AsNull;
        let is_root = self.open.iter().all(|open| open.element.is_none());
        if is_root && nulls && self.config.null_values.is_none() && self.scope.uri(self.xsi).is_none() {
            let declared = self.scope.declare("xsi".into(), XSI_NAMESPACE.into());
            if declared.is_ok() {
                declarations.push(("xsi".into(), XSI_NAMESPACE.into()));
            }
        }
        Ok(())
    }

    fn write_attributes(&mut self, first: u32, declarations: usize) -> Result<(), Fault> {
        let tape = self.tape;
        let mut at = first;
        while at != NIL {
            let node = tape.node(at);
            at = node.next;
            match self.names[node.key as usize].role {
                Role::Attribute => self.write_attribute(node, declarations)?,
                Role::Attributes => {
                    // That it is an object was checked with its declarations.
                    let mut inside = if let Value::Object(first) = tape.value(node) { first } else { NIL };
                    while inside != NIL {
                        let node = tape.node(inside);
                        inside = node.next;
                        if self.names[node.key as usize].declares.is_none() {
                            self.write_attribute(node, declarations)?;
                        }
                    }
                }
                _ => {}
            }
        }
        if self.attributes.len() > 1 && self.has_twins() {
            return Err(tape.fault("an element has two attributes of the same name", tape.node(first)));
        }
        Ok(())
    }

    fn write_attribute(&mut self, node: Node, declarations: usize) -> Result<(), Fault> {
        let text = self.text(node)?;
        if matches!(text, Text::Null) {
            // XML has no null for attributes: one that has no value is not there.
            return Ok(());
        }
        if self.attributes.len() + declarations == MAX_ATTRIBUTES {
            return Err(self.tape.fault("an element has more than 256 attributes", node));
        }
        let prefixed = self.has_prefix(node.key, true);
        let named = &self.names[node.key as usize];
        let prefix = named.prefixed.as_ref().filter(|_| prefixed).map_or(0, |with| with.prefix);
        let uri = if prefixed { self.scope.uri(prefix).unwrap_or(0) } else { 0 };
        self.attributes.push(Attribute { name: node.key, prefixed, uri });
        self.output.push(b' ');
        self.write_name(node.key, prefixed);
        self.output.write(b"=\"");
        self.characters(&text, Place::Attribute, node)?;
        self.output.push(b'"');
        Ok(())
    }

    /// True if two attributes have the same name, or would once their prefixes are resolved.
    fn has_twins(&mut self) -> bool {
        let names = &self.names;
        let local = |attribute: &Attribute| {
            let named = &names[attribute.name as usize];
            match &named.prefixed {
                Some(with) if attribute.prefixed => &with.text[with.local..],
                _ => named.plain.as_str(),
            }
        };
        self.attributes.sort_unstable_by(|a, b| (a.uri, local(a)).cmp(&(b.uri, local(b))));
        self.attributes.windows(2).any(|pair| pair[0].uri == pair[1].uri && local(&pair[0]) == local(&pair[1]))
    }
}
