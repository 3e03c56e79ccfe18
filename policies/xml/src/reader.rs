//! A pull reader that passes only documents that are well-formed with regard to namespaces.
//!
//! Written out instead of laid over quick-xml: that is lax about what is inside markup (of 117 malformed documents of
//! the W3C suite it refuses 46), so every piece would have to be read a second time, for twice the fuel.

use crate::cursor::Cursor;
use crate::decode::Document;
use crate::fault::Fault;
use crate::names::Names;
use crate::reference::reference;
use crate::scan::find;
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
    /// Raw text inside the root element, up to the next markup.
    Text(Span),
    /// The inside of a CDATA section.
    CData(Span),
    /// The document was well-formed.
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
    /// What was read so far.
    at: usize,
    tags: Tags<'a>,
    open: Vec<Open>,
    /// Whether the last start tag was an end tag too.
    end_is_due: bool,
    root_seen: bool,
}

impl<'a> Reader<'a> {
    /// Read a document from its beginning.
    pub fn new(document: &'a Document<'_>) -> Result<Reader<'a>, Fault> {
        let (source, at) = (document.as_str(), document.start());
        Ok(Reader { source, at, tags: Tags::new()?, open: Vec::new(), end_is_due: false, root_seen: false })
    }

    /// The next event. After an error, the document is not read any further.
    pub fn read(&mut self) -> Result<Event, Fault> {
        if self.end_is_due {
            self.end_is_due = false;
            return Ok(self.close());
        }
        loop {
            match self.source.as_bytes()[self.at..] {
                [] => return self.check_end(),
                [b'<', b'/', ..] => return self.end_tag(),
                [b'<', b'?', ..] => self.instruction()?,
                [b'<', b'!', b'-', ..] => self.comment()?,
                [b'<', b'!', b'[', ..] => return self.section(),
                [b'<', b'!', ..] => return Err(self.fault("a document type declaration is not accepted", self.at)),
                [b'<', ..] => return self.start_tag(),
                _ if self.open.is_empty() => self.space()?,
                _ => return self.text(),
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

    fn start_tag(&mut self) -> Result<Event, Fault> {
        let start = self.at;
        if self.open.is_empty() && self.root_seen {
            return Err(self.fault("a document must have one root element", start));
        }
        if self.open.len() + 1 == MAX_DEPTH {
            return Err(self.fault("elements are nested 128 deep", start));
        }
        let mark = self.tags.scope.mark();
        let tag = self.tags.read(self.source, start)?;
        self.at = tag.end;
        self.root_seen = true;
        self.open.push(Open { name: tag.name, mark });
        self.end_is_due = tag.empty;
        Ok(Event::Start { name: tag.name })
    }

    fn end_tag(&mut self) -> Result<Event, Fault> {
        let start = self.at;
        let mismatch = || self.fault("an end tag must repeat the name of the start tag", start);
        let open = self.open.last().ok_or_else(mismatch)?;
        let name = self.tags.names.text(open.name);
        let mut cursor = Cursor { source: self.source, at: start + "</".len() + name.len() };
        if !self.source[start + "</".len()..].starts_with(name) {
            return Err(mismatch());
        }
        cursor.skip_space();
        if !cursor.eat(b'>') {
            return Err(mismatch());
        }
        self.at = cursor.at;
        Ok(self.close())
    }

    fn close(&mut self) -> Event {
        if let Some(open) = self.open.pop() {
            self.tags.scope.close(open.mark);
        }
        Event::End
    }

    /// Text up to the next markup, references and all (production 14).
    fn text(&mut self) -> Result<Event, Fault> {
        let (bytes, start) = (self.source.as_bytes(), self.at);
        let mut at = start;
        loop {
            at = find(bytes, at, [b'<', b'&', b'>']);
            match bytes.get(at) {
                Some(b'&') => at = reference(self.source, at)?.1,
                Some(b'>') if bytes[start..at].ends_with(b"]]") => {
                    return Err(self.fault("`]]>` must be escaped in text", at - 2));
                }
                Some(b'>') => at += 1,
                _ => break,
            }
        }
        self.at = at;
        Ok(Event::Text(Span::new(start, at)))
    }

    /// White space beside the root element.
    fn space(&mut self) -> Result<(), Fault> {
        let mut cursor = Cursor { source: self.source, at: self.at };
        if !cursor.skip_space() {
            return Err(self.fault(OUTSIDE, self.at));
        }
        self.at = cursor.at;
        Ok(())
    }

    /// `<![CDATA[…]]>` (productions 18–21).
    fn section(&mut self) -> Result<Event, Fault> {
        let start = self.at + "<![CDATA[".len();
        if self.open.is_empty() {
            return Err(self.fault(OUTSIDE, self.at));
        }
        if !self.source[self.at..].starts_with("<![CDATA[") {
            return Err(self.fault("`<!` must begin a comment or a CDATA section", self.at));
        }
        let end = self.find_end(start, b"]]>")?;
        self.at = end + "]]>".len();
        Ok(Event::CData(Span::new(start, end)))
    }

    /// `<!--…-->` (production 15).
    fn comment(&mut self) -> Result<(), Fault> {
        if !self.source[self.at..].starts_with("<!--") {
            return Err(self.fault("`<!` must begin a comment or a CDATA section", self.at));
        }
        let hyphens = self.find_end(self.at + "<!--".len(), b"--")?;
        if self.source.as_bytes().get(hyphens + 2) != Some(&b'>') {
            return Err(self.fault("`--` must not stand in a comment", hyphens));
        }
        self.at = hyphens + "-->".len();
        Ok(())
    }

    /// `<?target …?>` (productions 16, 17). A colon in the target is against the namespaces specification.
    fn instruction(&mut self) -> Result<(), Fault> {
        let mut cursor = Cursor { source: self.source, at: self.at + "<?".len() };
        let target = cursor.qualified_name()?;
        if target.text.eq_ignore_ascii_case("xml") {
            return Err(self.fault("an XML declaration must stand at the very beginning", self.at));
        }
        if target.colon.is_some() {
            return Err(self.fault("a processing instruction's name must not have a colon", self.at));
        }
        let end = self.find_end(cursor.at, b"?>")?;
        if end > cursor.at && !cursor.skip_space() {
            return Err(cursor.fault("a processing instruction's name must be followed by white space"));
        }
        self.at = end + "?>".len();
        Ok(())
    }

    /// Where markup ends, by the characters that end it.
    fn find_end<const N: usize>(&self, from: usize, end: &[u8; N]) -> Result<usize, Fault> {
        let bytes = self.source.as_bytes();
        let mut at = find(bytes, from, [end[0]]);
        while at < bytes.len() {
            if bytes[at..].starts_with(end) {
                return Ok(at);
            }
            at = find(bytes, at + 1, [end[0]]);
        }
        Err(self.fault("markup has no end", self.at))
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
