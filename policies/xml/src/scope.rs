//! The namespace declarations in force (Namespaces in XML 1.0).

use std::borrow::Cow;

use crate::fault::Fault;
use crate::names::Names;

/// Namespace declarations in force at a time. SOAP with every extension uses under 20.
pub(crate) const MAX_BINDINGS: usize = 64;

/// The URI number of "no namespace".
pub(crate) const NO_URI: u32 = 0;

/// What the prefix `xml` always stands for.
pub(crate) const XML_URI: &str = "http://www.w3.org/XML/1998/namespace";

/// What the prefix `xmlns` stands for, which no declaration may name.
pub(crate) const XMLNS_URI: &str = "http://www.w3.org/2000/xmlns/";

/// Where `nil` comes from.
pub const XSI_NAMESPACE: &str = "http://www.w3.org/2001/XMLSchema-instance";

const UNBOUND: u32 = u32::MAX;

/// Which prefix stands for which URI, at a place in the document. Prefixes and URIs are numbers.
#[derive(Debug)]
pub struct Scope<'a> {
    prefixes: Names<'a>,
    uris: Names<'a>,
    /// By prefix: its URI here, or `UNBOUND`.
    bound: Vec<u32>,
    /// Prefix and former URI of each declaration in force, in order.
    declared: Vec<(u32, u32)>,
}

impl<'a> Scope<'a> {
    /// What is in force around the root element: no default namespace, and `xml`.
    pub fn new() -> Result<Scope<'a>, Fault> {
        let mut scope =
            Scope { prefixes: Names::default(), uris: Names::default(), bound: Vec::new(), declared: Vec::new() };
        scope.uris.number(Cow::Borrowed(""))?;
        let (default, xml) = (scope.prefix("".into())?, scope.prefix("xml".into())?);
        scope.bound[default as usize] = NO_URI;
        scope.bound[xml as usize] = scope.uris.number(XML_URI.into())?;
        Ok(scope)
    }

    /// The number of a prefix; the empty one is the default namespace's.
    pub fn prefix(&mut self, prefix: Cow<'a, str>) -> Result<u32, Fault> {
        let number = self.prefixes.number(prefix)?;
        if self.bound.len() < self.prefixes.len() {
            self.bound.resize(self.prefixes.len(), UNBOUND);
        }
        Ok(number)
    }

    /// The number of the URI that a prefix stands for here.
    pub fn uri(&self, prefix: u32) -> Option<u32> {
        Some(self.bound[prefix as usize]).filter(|&uri| uri != UNBOUND)
    }

    /// The URI of a number.
    pub fn uri_text(&self, uri: u32) -> &str {
        self.uris.text(uri)
    }

    /// How many declarations are in force: what `close` takes to forget the later ones.
    pub fn mark(&self) -> usize {
        self.declared.len()
    }

    /// Put a declaration in force until `close`. An error says what is wrong with it.
    pub fn declare(&mut self, prefix: Cow<'a, str>, uri: Cow<'a, str>) -> Result<(), Declaration> {
        let reserved = uri == XMLNS_URI || (uri == XML_URI) != (prefix == "xml") || prefix == "xmlns";
        if reserved {
            return Err(Declaration::Wrong("the prefixes and namespaces `xml` and `xmlns` are reserved"));
        }
        if uri.is_empty() && !prefix.is_empty() {
            return Err(Declaration::Wrong("a namespace prefix can't be undeclared"));
        }
        if self.declared.len() == MAX_BINDINGS {
            return Err(Declaration::Wrong("more than 64 namespace declarations are in force"));
        }
        let prefix = self.prefix(prefix).map_err(Declaration::TooMany)?;
        let uri = self.uris.number(uri).map_err(Declaration::TooMany)?;
        self.declared.push((prefix, self.bound[prefix as usize]));
        self.bound[prefix as usize] = uri;
        Ok(())
    }

    /// Forget the declarations made since `mark`.
    pub fn close(&mut self, mark: usize) {
        while self.declared.len() > mark {
            if let Some((prefix, former)) = self.declared.pop() {
                self.bound[prefix as usize] = former;
            }
        }
    }
}

/// Why a declaration was not put in force.
#[derive(Debug)]
pub enum Declaration {
    /// It breaks a rule; the caller knows where.
    Wrong(&'static str),
    /// There are too many names altogether.
    TooMany(Fault),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_declaration_counts_until_it_is_closed() {
        let mut scope = Scope::new().unwrap();
        let p = scope.prefix("p".into()).unwrap();
        assert_eq!(scope.uri(p), None);
        scope.declare("p".into(), "u1".into()).unwrap();
        let mark = scope.mark();
        scope.declare("p".into(), "u2".into()).unwrap();
        assert_eq!(scope.uri(p).map(|uri| scope.uri_text(uri)), Some("u2"));
        scope.close(mark);
        assert_eq!(scope.uri(p).map(|uri| scope.uri_text(uri)), Some("u1"));
        scope.close(0);
        assert_eq!(scope.uri(p), None);
    }

    #[test]
    fn reserved_declarations_are_wrong() {
        let mut scope = Scope::new().unwrap();
        for (prefix, uri) in
            [("xmlns", "u"), ("xml", "u"), ("p", XML_URI), ("", XML_URI), ("p", XMLNS_URI), ("", XMLNS_URI), ("p", "")]
        {
            assert!(scope.declare(prefix.into(), uri.into()).is_err(), "{prefix} {uri}");
        }
        scope.declare("xml".into(), XML_URI.into()).unwrap();
        scope.declare("".into(), "".into()).unwrap();
        scope.declare("xmlfoo".into(), "u".into()).unwrap();
    }

    #[test]
    fn sixty_four_declarations_fit() {
        let mut scope = Scope::new().unwrap();
        for i in 0..MAX_BINDINGS {
            scope.declare(format!("p{i}").into(), "u".into()).unwrap();
        }
        assert!(scope.declare("q".into(), "u".into()).is_err());
        scope.close(63);
        scope.declare("q".into(), "u".into()).unwrap();
    }
}
