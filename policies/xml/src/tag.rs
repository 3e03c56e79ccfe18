//! A start tag: its name, its attributes and what they declare, checked in one pass.

use std::borrow::Cow;

use crate::cursor::{Cursor, QName};
use crate::fault::Fault;
use crate::names::Names;
use crate::reader::{Attribute, MAX_ATTRIBUTES, Span};
use crate::reference::{Content, reference, unescape};
use crate::scan::find;
use crate::scope::{Declaration, Scope};

/// What is known of a name since it was first seen.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// The number of its prefix, 0 for none.
    prefix: u32,
    /// Where its local part begins.
    local: u32,
    /// The last tag that had an attribute of this name.
    attribute_of: u32,
}

/// Reads start tags. Outlives them all, so that nothing is looked up or allocated twice.
#[derive(Debug)]
pub(crate) struct Tags<'a> {
    pub(crate) names: Names<'a>,
    pub(crate) scope: Scope<'a>,
    pub(crate) attributes: Vec<Attribute>,
    known: Vec<Known>,
    tags: u32,
    /// URI and name of this tag's attributes with a prefix.
    expanded: Vec<(u32, u32)>,
}

/// A start tag that was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag {
    pub(crate) name: u32,
    /// Whether it is the end tag as well.
    pub(crate) empty: bool,
    /// Past its `>`.
    pub(crate) end: usize,
}

impl<'a> Tags<'a> {
    pub(crate) fn new() -> Result<Tags<'a>, Fault> {
        Ok(Tags {
            names: Names::default(),
            scope: Scope::new()?,
            attributes: Vec::new(),
            known: Vec::new(),
            tags: 0,
            expanded: Vec::new(),
        })
    }

    /// Read the start tag that begins at `start`.
    pub(crate) fn read(&mut self, source: &'a str, start: usize) -> Result<Tag, Fault> {
        let mut cursor = Cursor { source, at: start + 1 };
        self.tags = self.tags.wrapping_add(1);
        self.attributes.clear();
        let name = self.number(cursor.qualified_name()?)?;
        let empty = loop {
            let spaced = cursor.skip_space();
            match cursor.peek() {
                b'>' => break false,
                b'/' => {
                    cursor.at += 1;
                    break true;
                }
                _ if !spaced => return Err(cursor.fault("a tag holds something that is no attribute")),
                _ => self.attribute(&mut cursor)?,
            }
        };
        cursor.expect(b'>', "a tag must end with `>`")?;
        self.resolve(name, source, start)?;
        Ok(Tag { name, empty, end: cursor.at })
    }

    /// True if both names are the same outside of any document's choice of prefix: `{uri}local`.
    pub(crate) fn means(&self, name: u32, uri: &str, local: &str) -> bool {
        let known = self.known[name as usize];
        known.prefix != 0
            && &self.names.text(name)[known.local as usize..] == local
            && self.scope.uri(known.prefix).is_some_and(|number| self.scope.uri_text(number) == uri)
    }

    /// Where the local part of a name begins.
    pub(crate) fn local(&self, name: u32) -> usize {
        self.known[name as usize].local as usize
    }

    fn number(&mut self, name: QName<'a>) -> Result<u32, Fault> {
        let number = self.names.number(Cow::Borrowed(name.text))?;
        if self.known.len() < self.names.len() {
            let (prefix, local) = match name.colon {
                Some(colon) => (self.scope.prefix(Cow::Borrowed(&name.text[..colon]))?, colon as u32 + 1),
                None => (0, 0),
            };
            self.known.push(Known { prefix, local, attribute_of: 0 });
        }
        Ok(number)
    }

    fn attribute(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        let start = *cursor;
        if self.attributes.len() == MAX_ATTRIBUTES {
            return Err(start.fault("an element has more than 256 attributes"));
        }
        let qualified = cursor.qualified_name()?;
        let name = self.number(qualified)?;
        let known = &mut self.known[name as usize];
        if known.attribute_of == self.tags {
            return Err(start.fault("an element has two attributes of the same name"));
        }
        known.attribute_of = self.tags;
        cursor.skip_space();
        cursor.expect(b'=', "an attribute must have a value")?;
        cursor.skip_space();
        let value = value(cursor)?;
        let declares = qualified.text == "xmlns" || qualified.text.starts_with("xmlns:");
        if declares {
            let prefix = if qualified.colon.is_some() { &qualified.text["xmlns:".len()..] } else { "" };
            let mut uri = String::new();
            unescape(&start.source[value.start()..value.end()], Content::Attribute, |piece| uri.push_str(piece));
            self.scope.declare(Cow::Borrowed(prefix), Cow::Owned(uri)).map_err(|wrong| match wrong {
                Declaration::Wrong(what) => start.fault(what),
                Declaration::TooMany(fault) => fault,
            })?;
        }
        self.attributes.push(Attribute { name, value, declares });
        Ok(())
    }

    /// Check the tag's prefixes, now that all its declarations are known.
    fn resolve(&mut self, name: u32, source: &str, start: usize) -> Result<(), Fault> {
        let undeclared = || Fault::malformed("a namespace prefix is not declared", source, start);
        self.scope.uri(self.known[name as usize].prefix).ok_or_else(undeclared)?;
        self.expanded.clear();
        for attribute in self.attributes.iter().filter(|attribute| !attribute.declares) {
            let prefix = self.known[attribute.name as usize].prefix;
            if prefix != 0 {
                self.expanded.push((self.scope.uri(prefix).ok_or_else(undeclared)?, attribute.name));
            }
        }
        if self.expanded.len() > 1 && self.has_twins() {
            return Err(Fault::malformed(
                "an element has two attributes of the same name and namespace",
                source,
                start,
            ));
        }
        Ok(())
    }

    /// True if two attributes differ only in which prefix stands for their namespace.
    fn has_twins(&mut self) -> bool {
        let (names, known) = (&self.names, &self.known);
        let local = |name: u32| &names.text(name)[known[name as usize].local as usize..];
        self.expanded.sort_unstable_by(|a, b| (a.0, local(a.1)).cmp(&(b.0, local(b.1))));
        self.expanded.windows(2).any(|pair| pair[0].0 == pair[1].0 && local(pair[0].1) == local(pair[1].1))
    }
}

/// Pass an attribute's quoted value (production 10).
fn value(cursor: &mut Cursor<'_>) -> Result<Span, Fault> {
    let quote = cursor.peek();
    if quote != b'"' && quote != b'\'' {
        return Err(cursor.fault("an attribute's value must be in quotes"));
    }
    let bytes = cursor.source.as_bytes();
    let start = cursor.at + 1;
    cursor.at = start;
    loop {
        cursor.at = find(bytes, cursor.at, [quote, b'<', b'&']);
        match bytes.get(cursor.at) {
            None => return Err(cursor.fault("an attribute's closing quote is missing")),
            Some(b'<') => return Err(cursor.fault("`<` must be escaped in an attribute's value")),
            Some(b'&') => cursor.at = reference(cursor.source, cursor.at)?.1,
            Some(_) => break,
        }
    }
    cursor.at += 1;
    Ok(Span::new(start, cursor.at - 1))
}
