//! Reads the inside of markup, one token at a time.

use crate::chars::{is_name_char, is_name_start, is_space};
use crate::fault::Fault;

/// Bytes of an element's, attribute's or instruction's name.
const MAX_NAME: usize = 64 << 10;

/// A place in a document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    pub(crate) source: &'a str,
    pub(crate) at: usize,
}

/// A name with at most one colon in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QName<'a> {
    pub(crate) text: &'a str,
    /// Offset of the colon in `text`.
    pub(crate) colon: Option<usize>,
}

impl<'a> Cursor<'a> {
    /// The byte here; NUL, which no document holds, at the end.
    pub(crate) fn peek(&self) -> u8 {
        self.source.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    /// Pass one byte if it is `byte`.
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == byte;
        self.at += usize::from(found);
        found
    }

    /// Pass one byte that has to be `byte`.
    pub(crate) fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), Fault> {
        if self.eat(byte) { Ok(()) } else { Err(self.fault(what)) }
    }

    /// Pass white space; true if there was some.
    pub(crate) fn skip_space(&mut self) -> bool {
        let start = self.at;
        while is_space(self.peek()) {
            self.at += 1;
        }
        self.at > start
    }

    /// Pass a `NCName`, or two of them joined by a colon.
    pub(crate) fn qualified_name(&mut self) -> Result<QName<'a>, Fault> {
        let start = self.at;
        self.name()?;
        let colon = (self.peek() == b':').then_some(self.at - start);
        if colon.is_some() {
            self.at += 1;
            self.name()?;
        }
        if self.at - start > MAX_NAME {
            return Err(Fault::malformed("a name is longer than 64 KiB", self.source, start));
        }
        Ok(QName { text: &self.source[start..self.at], colon })
    }

    /// Pass a quoted value; the text between its quotes. It may hold anything but its quote.
    pub(crate) fn quoted(&mut self) -> Result<&'a str, Fault> {
        let quote = self.peek();
        if quote != b'"' && quote != b'\'' {
            return Err(self.fault("a value must be in quotes"));
        }
        let start = self.at + 1;
        match self.source.as_bytes()[start..].iter().position(|&b| b == quote) {
            Some(length) => {
                self.at = start + length + 1;
                Ok(&self.source[start..start + length])
            }
            None => Err(self.fault("a value's closing quote is missing")),
        }
    }

    /// The document breaks a rule here.
    pub(crate) fn fault(&self, what: &'static str) -> Fault {
        Fault::malformed(what, self.source, self.at)
    }

    /// Pass a `NCName`.
    fn name(&mut self) -> Result<(), Fault> {
        let bytes = self.source.as_bytes();
        let start = self.at;
        loop {
            let byte = bytes.get(self.at).copied().unwrap_or(0);
            // Names are nearly always ASCII; only the rest needs decoding.
            let length = match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'_' => 1,
                b'0'..=b'9' | b'-' | b'.' if self.at > start => 1,
                0x80.. => match self.source[self.at..].chars().next() {
                    Some(c) if is_name_start(c) || (self.at > start && is_name_char(c)) => c.len_utf8(),
                    _ => break,
                },
                _ => break,
            };
            self.at += length;
        }
        if self.at == start {
            Err(self.fault("a name is missing or begins with a character that can't"))
        } else {
            Ok(())
        }
    }
}
