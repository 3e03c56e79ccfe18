//! A pull reader that passes only documents that are well-formed with regard to namespaces.
//!
//! quick-xml finds where each piece of markup ends, in linear time and without copying. It is lax about what is
//! inside: of 117 malformed documents of the W3C suite it refuses 46. So every piece is checked here, from the
//! source, and nothing that quick-xml says of its contents is used.

use quick_xml::events::Event as Token;

use crate::chars::is_space;
use crate::cursor::Cursor;
use crate::decode::Document;
use crate::fault::Fault;
use crate::names::Names;
use crate::reference::reference;
use crate::tag::Tags;

/// A document nested this deep is refused; serde_json draws the line at the same depth.
pub(crate) const MAX_DEPTH: usize = 128;

/// Attributes and namespace declarations of one element.
pub const MAX_ATTRIBUTES: usize = 256;

/// A piece of the source, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// From `start` up to `end`. A body has far less than 4 GiB.
    pub fn new(start: usize, end: usize) -> Span {
        Span { start: start as u32, end: end as u32 }
    }

    /// Its first byte.
    pub fn start(self) -> usize {
        self.start as usize
    }

    /// Past its last byte.
    pub fn end(self) -> usize {
        self.end as usize
    }

    /// The text there.
    pub fn of(self, source: &str) -> &str {
        &source[self.start()..self.end()]
    }
}

/// An attribute of the element that has just been started.
#[derive(Clone, Copy, Debug)]
pub struct Attribute {
    /// The number of its name, prefix and all.
    pub name: u32,
    /// Its raw value, between the quotes.
    pub value: Span,
    /// Whether it is a namespace declaration.
    pub declares: bool,
}

/// What comes next in a document. Comments and processing instructions are checked and passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An element begins; its attributes are in `Reader::attributes`.
    Start {
        /// The number of its name, prefix and all.
        name: u32,
    },
    /// The innermost element ends.
    End,
    /// Raw text inside the root element. Text that touches the one before belongs to it.
    Text(Span),
    /// The inside of a CDATA section.
    CData(Span),
    /// The document was well-formed.
    Eof,
}

/// What a piece of markup is, by quick-xml's word.
enum Kind {
    Start,
    End,
    Text,
    Reference,
    CData,
    Comment,
    Instruction,
    Declaration,
    DocType,
    Eof,
}

#[derive(Debug)]
struct Open {
    name: u32,
    /// The declarations in force around it.
    mark: usize,
}

/// Reads a document.
#[derive(Debug)]
pub struct Reader<'a> {
    source: &'a str,
    tokens: quick_xml::Reader<&'a [u8]>,
    tags: Tags<'a>,
    open: Vec<Open>,
    /// Whether the last start tag was an end tag too.
    end_is_due: bool,
    root_seen: bool,
}

impl<'a> Reader<'a> {
    /// Read a document from its beginning.
    pub fn new(document: &'a Document<'_>) -> Result<Reader<'a>, Fault> {
        let source = document.as_str();
        let mut tokens = quick_xml::Reader::from_str(source);
        let config = tokens.config_mut();
        // Ours is the check that knows the place; this one would only allocate the names it compares.
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        let reader =
            Reader { source, tokens, tags: Tags::new()?, open: Vec::new(), end_is_due: false, root_seen: false };
        // quick-xml would pass over a second byte order mark, which is text outside the root element.
        if source.starts_with('\u{FEFF}') { Err(reader.fault(OUTSIDE, 0)) } else { Ok(reader) }
    }

    /// The next event. After an error, the document is not read any further.
    pub fn read(&mut self) -> Result<Event, Fault> {
        if self.end_is_due {
            self.end_is_due = false;
            return Ok(self.close());
        }
        loop {
            let (kind, start, end) = self.token()?;
            let raw = &self.source[start..end];
            match kind {
                Kind::Start => return self.start_tag(start, end),
                Kind::End => return self.end_tag(start, end),
                Kind::Text => {
                    self.check_text(raw, start)?;
                    if !self.open.is_empty() {
                        return Ok(Event::Text(Span::new(start, end)));
                    }
                }
                Kind::Reference => {
                    self.check_inside(start)?;
                    reference(self.source, start)?;
                    return Ok(Event::Text(Span::new(start, end)));
                }
                Kind::CData => {
                    self.check_inside(start)?;
                    return Ok(Event::CData(Span::new(start + "<![CDATA[".len(), end - "]]>".len())));
                }
                Kind::Comment => self.check_comment(raw, start)?,
                Kind::Instruction => self.check_instruction(start, end)?,
                // Its inside was checked when the document was decoded.
                Kind::Declaration if start == 0 => {}
                Kind::Declaration => {
                    return Err(self.fault("an XML declaration must stand at the very beginning", start));
                }
                Kind::DocType => return Err(self.fault("a document type declaration is not accepted", start)),
                Kind::Eof => return self.check_end(),
            }
        }
    }

    /// The attributes of the element that has just been started, in order.
    pub fn attributes(&self) -> &[Attribute] {
        &self.tags.attributes
    }

    /// The names by their numbers.
    pub fn names(&self) -> &Names<'a> {
        &self.tags.names
    }

    /// Where the local part of a name begins, past its prefix and colon.
    pub fn local(&self, name: u32) -> usize {
        self.tags.local(name)
    }

    /// True if a name with a prefix stands for `local` in the namespace `uri`.
    pub fn means(&self, name: u32, uri: &str, local: &str) -> bool {
        self.tags.means(name, uri, local)
    }

    /// The next token and where it stands.
    fn token(&mut self) -> Result<(Kind, usize, usize), Fault> {
        let start = self.position();
        // Refused before its end is looked for: that search would be the attacker's.
        if self.source.as_bytes()[start..].starts_with(b"<!D") {
            return Ok((Kind::DocType, start, start));
        }
        let kind = match self.tokens.read_event() {
            Ok(Token::Start(_) | Token::Empty(_)) => Kind::Start,
            Ok(Token::End(_)) => Kind::End,
            Ok(Token::Text(_)) => Kind::Text,
            Ok(Token::GeneralRef(_)) => Kind::Reference,
            Ok(Token::CData(_)) => Kind::CData,
            Ok(Token::Comment(_)) => Kind::Comment,
            Ok(Token::PI(_)) => Kind::Instruction,
            Ok(Token::Decl(_)) => Kind::Declaration,
            Ok(Token::DocType(_)) => Kind::DocType,
            Ok(Token::Eof) => Kind::Eof,
            Err(_) => {
                let at = self.tokens.error_position() as usize;
                return Err(self.fault("markup or a reference is wrong or has no end", at));
            }
        };
        Ok((kind, start, self.position()))
    }

    fn position(&self) -> usize {
        self.tokens.buffer_position() as usize
    }

    fn start_tag(&mut self, start: usize, end: usize) -> Result<Event, Fault> {
        if self.open.is_empty() && self.root_seen {
            return Err(self.fault("a document must have one root element", start));
        }
        if self.open.len() + 1 == MAX_DEPTH {
            return Err(self.fault("elements are nested 128 deep", start));
        }
        let mark = self.tags.scope.mark();
        let tag = self.tags.read(&self.source[..end], start)?;
        self.root_seen = true;
        self.open.push(Open { name: tag.name, mark });
        self.end_is_due = tag.empty;
        Ok(Event::Start { name: tag.name })
    }

    fn end_tag(&mut self, start: usize, end: usize) -> Result<Event, Fault> {
        let expected = self.open.last().map(|open| self.tags.names.text(open.name));
        let name = self.source[start..end].strip_prefix("</").and_then(|rest| rest.strip_suffix('>')).unwrap_or("");
        let name = name.trim_end_matches([' ', '\t', '\r', '\n']);
        if expected != Some(name) {
            return Err(self.fault("an end tag must repeat the name of the start tag", start));
        }
        Ok(self.close())
    }

    fn close(&mut self) -> Event {
        if let Some(open) = self.open.pop() {
            self.tags.scope.close(open.mark);
        }
        Event::End
    }

    fn check_text(&self, raw: &str, start: usize) -> Result<(), Fault> {
        let bytes = raw.as_bytes();
        if self.open.is_empty() {
            return match bytes.iter().position(|&b| !is_space(b)) {
                Some(at) => Err(self.fault(OUTSIDE, start + at)),
                None => Ok(()),
            };
        }
        let end = bytes.iter().enumerate().position(|(i, &b)| b == b'>' && bytes[..i].ends_with(b"]]"));
        match end {
            Some(at) => Err(self.fault("`]]>` must be escaped in text", start + at - 2)),
            None => Ok(()),
        }
    }

    fn check_inside(&self, start: usize) -> Result<(), Fault> {
        if self.open.is_empty() { Err(self.fault(OUTSIDE, start)) } else { Ok(()) }
    }

    fn check_comment(&self, raw: &str, start: usize) -> Result<(), Fault> {
        let inside = &raw["<!--".len()..raw.len() - "-->".len()];
        if inside.contains("--") || inside.ends_with('-') {
            return Err(self.fault("`--` must not stand in a comment", start));
        }
        Ok(())
    }

    /// `<?target …?>` (productions 16, 17). A colon in the target is against the namespaces specification.
    fn check_instruction(&self, start: usize, end: usize) -> Result<(), Fault> {
        let mut cursor = Cursor { source: &self.source[..end - "?>".len()], at: start + "<?".len() };
        let target = cursor.qualified_name()?;
        if target.colon.is_some() || target.text.eq_ignore_ascii_case("xml") {
            return Err(self.fault("a processing instruction has a name that it may not have", start));
        }
        let ends = cursor.peek() == 0 || cursor.skip_space();
        if ends { Ok(()) } else { Err(cursor.fault("a processing instruction's name must be followed by white space")) }
    }

    fn check_end(&self) -> Result<Event, Fault> {
        if !self.open.is_empty() {
            return Err(self.fault("the document ends inside an element", self.source.len()));
        }
        if !self.root_seen {
            return Err(self.fault("a document must have one root element", self.source.len()));
        }
        Ok(Event::Eof)
    }

    fn fault(&self, what: &'static str, offset: usize) -> Fault {
        Fault::malformed(what, self.source, offset)
    }
}

const OUTSIDE: &str = "text must not stand outside of the root element";

#[cfg(test)]
mod tests;
