//! Writes a tape as XML: elements one after the other, without recursion.

use std::borrow::Cow;

use tollgate_xml::{Fault, NIL, Output, Scope, XSI_NAMESPACE};

use crate::config::{Config, EmptyValues};
use crate::role::{Named, Role};
use crate::string::{self, Place};
use crate::tape::{Node, Tape, Value};

mod start_tag;

/// The root element, where the document doesn't name one.
const DOCUMENT: &str = "Document";

/// The items of an array that has no name.
const ITEM: &str = "item";

/// An element, or the values of one member beside each other, of which some is still to be written.
#[derive(Debug)]
struct Open {
    /// The member or item to write next.
    next: u32,
    /// Of an array, the name of its items.
    items: Option<u32>,
    /// The name to close at the end, and whether it has its prefix.
    element: Option<(u32, bool)>,
    /// The declarations in force around it.
    mark: usize,
}

/// What a scalar comes to.
enum Text<'t> {
    Null,
    Literal(&'t str),
    String(Cow<'t, str>),
}

struct Writer<'t> {
    config: &'t Config,
    tape: &'t Tape<'t>,
    scope: Scope<'t>,
    /// What is known of each name: those of the document, then `DOCUMENT` and `ITEM`.
    names: Vec<Named>,
    open: Vec<Open>,
    /// The attributes of the tag that is being written.
    attributes: Vec<start_tag::Attribute>,
    /// The prefixes `xsi` and `xml`.
    xsi: u32,
    xml: u32,
    output: Output,
}

/// Write a document.
pub(crate) fn write<'t>(tape: &'t Tape<'t>, config: &'t Config, output: Output) -> Result<Output, Fault> {
    let mut scope = Scope::new()?;
    let mut names = Vec::with_capacity(tape.keys.len() + 2);
    for key in 0..tape.keys.len() {
        names.push(Named::of(tape.keys.text(key as u32), config, &mut scope)?);
    }
    names.extend([Named::element(DOCUMENT), Named::element(ITEM)]);
    let (xsi, xml) = (scope.prefix("xsi".into())?, scope.prefix("xml".into())?);
    let (open, attributes) = (Vec::new(), Vec::new());
    let mut writer = Writer { config, tape, scope, names, open, attributes, xsi, xml, output };
    writer.root()?;
    while !writer.open.is_empty() && !writer.output.is_full() {
        writer.step()?;
    }
    Ok(writer.output)
}

impl<'t> Writer<'t> {
    /// Begin the root element: the only member of an object, if it is one element, else `Document`.
    fn root(&mut self) -> Result<(), Fault> {
        let root = self.tape.node(self.tape.root);
        let (document, item) = (self.tape.keys.len() as u32, self.tape.keys.len() as u32 + 1);
        match self.tape.value(root) {
            Value::Object(first) if self.is_one_element(first) => {
                let member = self.tape.node(first);
                match self.tape.value(member) {
                    Value::Array(only) if only != NIL => self.item(member.key, self.tape.node(only)),
                    _ => self.member(member.key, member),
                }
            }
            Value::Array(first) => self.array_element(document, item, first),
            _ => self.member(document, root),
        }
    }

    fn is_one_element(&self, first: u32) -> bool {
        if first == NIL || self.tape.node(first).next != NIL {
            return false;
        }
        let member = self.tape.node(first);
        let is_one = match self.tape.value(member) {
            Value::Array(item) => item == NIL || self.tape.node(item).next == NIL,
            _ => true,
        };
        is_one && self.names[member.key as usize].role == Role::Element
    }

    /// Write the next member or item of what is open, or its end.
    fn step(&mut self) -> Result<(), Fault> {
        let Some(open) = self.open.last_mut() else { return Ok(()) };
        let (id, items) = (open.next, open.items);
        if id == NIL {
            self.end();
            return Ok(());
        }
        let node = self.tape.node(id);
        open.next = node.next;
        match items {
            Some(name) => self.item(name, node),
            None => match self.names[node.key as usize].role {
                Role::Element => self.member(node.key, node),
                Role::Text => self.text_member(node),
                // These went into the start tag.
                Role::Attribute | Role::Attributes | Role::Namespace(_) | Role::Namespaces => Ok(()),
            },
        }
    }

    fn end(&mut self) {
        let Some(open) = self.open.pop() else { return };
        if let Some((name, prefixed)) = open.element {
            self.end_tag(name, prefixed);
        }
        self.scope.close(open.mark);
    }

    /// Write a member: one element, or one for each item.
    fn member(&mut self, name: u32, node: Node) -> Result<(), Fault> {
        match self.tape.value(node) {
            Value::Array(first) if first != NIL => {
                let mark = self.scope.mark();
                self.open.push(Open { next: first, items: Some(name), element: None, mark });
                Ok(())
            }
            // An empty array is one empty element, as in API Management.
            Value::Array(_) => self.array_element(name, name, NIL),
            Value::Object(first) => self.object_element(name, first),
            _ => self.scalar_element(name, node),
        }
    }

    /// Write an item: one element. An array in an array is one too, around items of the same name.
    fn item(&mut self, name: u32, node: Node) -> Result<(), Fault> {
        match self.tape.value(node) {
            Value::Array(first) => self.array_element(name, name, first),
            _ => self.member(name, node),
        }
    }

    fn array_element(&mut self, name: u32, items: u32, first: u32) -> Result<(), Fault> {
        let mark = self.scope.mark();
        let prefixed = self.start_tag(name, NIL)?;
        self.begin(Open { next: first, items: Some(items), element: Some((name, prefixed)), mark }, first != NIL);
        Ok(())
    }

    fn object_element(&mut self, name: u32, first: u32) -> Result<(), Fault> {
        let mark = self.scope.mark();
        let prefixed = self.start_tag(name, first)?;
        let has_content = self.has_content(first);
        self.begin(Open { next: first, items: None, element: Some((name, prefixed)), mark }, has_content);
        Ok(())
    }

    /// End a start tag; an element without content ends with it.
    fn begin(&mut self, open: Open, has_content: bool) {
        if has_content {
            self.output.push(b'>');
            self.open.push(open);
        } else {
            self.output.write(b"/>");
            self.scope.close(open.mark);
        }
    }

    fn has_content(&self, first: u32) -> bool {
        let mut at = first;
        while at != NIL {
            let node = self.tape.node(at);
            if matches!(self.names[node.key as usize].role, Role::Element | Role::Text) {
                return true;
            }
            at = node.next;
        }
        false
    }

    fn scalar_element(&mut self, name: u32, node: Node) -> Result<(), Fault> {
        let text = self.text(node)?;
        let mark = self.scope.mark();
        let prefixed = self.start_tag(name, NIL)?;
        match text {
            Text::Null => {
                if self.scope.uri(self.xsi).is_none_or(|uri| self.scope.uri_text(uri) != XSI_NAMESPACE) {
                    self.write_declaration("xsi", XSI_NAMESPACE);
                }
                self.output.write(b" xsi:nil=\"true\"/>");
            }
            Text::String(text) if text.is_empty() => self.output.write(b"/>"),
            text => {
                self.output.push(b'>');
                self.characters(&text, Place::Text, node)?;
                self.end_tag(name, prefixed);
            }
        }
        self.scope.close(mark);
        Ok(())
    }

    /// Write a `#text` member: a scalar, or several one after the other.
    fn text_member(&mut self, node: Node) -> Result<(), Fault> {
        let mut at = match self.tape.value(node) {
            Value::Array(first) => first,
            Value::Object(_) => return Err(self.tape.fault("an element's text can't be an object", node)),
            _ => {
                let text = self.text(node)?;
                return self.characters(&text, Place::Text, node);
            }
        };
        while at != NIL {
            let item = self.tape.node(at);
            let text = self.text(item)?;
            self.characters(&text, Place::Text, item)?;
            at = item.next;
        }
        Ok(())
    }

    /// What a scalar comes to under the configuration.
    fn text(&self, node: Node) -> Result<Text<'t>, Fault> {
        let null = || self.config.null_values.as_deref().map_or(Text::Null, |text| Text::String(text.into()));
        let raw = match self.tape.value(node) {
            Value::Null => return Ok(null()),
            Value::Literal(literal) => return Ok(Text::Literal(literal)),
            Value::String(raw) => raw,
            Value::Array(_) | Value::Object(_) => {
                return Err(self.tape.fault("an attribute or text can't hold an object or array", node));
            }
        };
        let mut text = self.tape.decode(raw, node)?;
        if self.config.trim_values {
            text = trim(text);
        }
        if self.config.parse_date
            && let Some(date) = policy_dates::rewrite(&text)
        {
            text = Cow::Owned(date);
        }
        let is_null = text.is_empty() && self.config.empty_values == EmptyValues::AsNull;
        Ok(if is_null { null() } else { Text::String(text) })
    }

    fn characters(&mut self, text: &Text<'_>, place: Place, node: Node) -> Result<(), Fault> {
        match text {
            Text::Null => Ok(()),
            Text::Literal(literal) => {
                self.output.write_str(literal);
                Ok(())
            }
            Text::String(text) => {
                let replacement = self.config.invalid_character_replacement.as_deref();
                if string::write(text, place, replacement, &mut self.output) {
                    return Ok(());
                }
                Err(self.tape.fault("a string holds a character that XML doesn't allow", node))
            }
        }
    }

    fn end_tag(&mut self, name: u32, prefixed: bool) {
        self.output.write(b"</");
        self.write_name(name, prefixed);
        self.output.push(b'>');
    }
}

fn trim(text: Cow<'_, str>) -> Cow<'_, str> {
    let space = [' ', '\t', '\n', '\r'];
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_matches(space)),
        Cow::Owned(text) => Cow::Owned(text.trim_matches(space).to_owned()),
    }
}
