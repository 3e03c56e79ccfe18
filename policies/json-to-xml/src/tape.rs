//! A JSON document as nodes: what stands in it where. No string is copied.
//!
//! serde_json judges whether the text is JSON, without recursion; what is walked here is certainly well-formed.

use std::borrow::Cow;

use serde_json::value::RawValue;
use tollgate_xml::{Arena, Fault, NIL, Names, find};

use crate::string;

/// A document nested this deep is refused; serde_json draws the line at the same depth when it builds values.
const MAX_DEPTH: usize = 128;

/// A value: a member of an object or an item of an array.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    /// The number of the member's name, `NIL` for items.
    pub(crate) key: u32,
    /// The next member or item.
    pub(crate) next: u32,
    /// Where the value begins in the document.
    start: u32,
    /// Where it ends; of objects and arrays, their first member or item.
    link: u32,
}

/// What a node stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Null,
    /// A number, `true` or `false`, as written.
    Literal(&'a str),
    /// A string, as written between its quotes.
    String(&'a str),
    /// The first item.
    Array(u32),
    /// The first member.
    Object(u32),
}

/// A document that was read.
#[derive(Debug)]
pub(crate) struct Tape<'a> {
    pub(crate) text: &'a str,
    nodes: Arena<Node>,
    pub(crate) keys: Names<'a>,
    pub(crate) root: u32,
    /// Whether `null` stands anywhere.
    pub(crate) has_null: bool,
}

impl<'a> Tape<'a> {
    pub(crate) fn read(body: &'a [u8]) -> Result<Tape<'a>, Fault> {
        let text = text(body)?;
        serde_json::from_str::<&RawValue>(text).map_err(|error| {
            let what = if error.is_eof() { "the text ends before its JSON value does" } else { "the text is no JSON" };
            Fault::malformed_at(what, Some((error.line(), error.column())))
        })?;
        let tape = Tape { text, nodes: Arena::default(), keys: Names::default(), root: NIL, has_null: false };
        let mut walk = Walk { tape, open: Vec::new(), key: NIL, seen: Vec::new() };
        walk.run()?;
        Ok(walk.tape)
    }

    pub(crate) fn node(&self, id: u32) -> Node {
        self.nodes.get(id)
    }

    pub(crate) fn value(&self, node: Node) -> Value<'a> {
        let (start, end) = (node.start as usize, node.link as usize);
        match self.text.as_bytes()[start] {
            b'{' => Value::Object(node.link),
            b'[' => Value::Array(node.link),
            b'"' => Value::String(&self.text[start + 1..end - 1]),
            b'n' => Value::Null,
            _ => Value::Literal(&self.text[start..end]),
        }
    }

    /// The document can't be converted because of this node.
    pub(crate) fn fault(&self, what: &'static str, node: Node) -> Fault {
        Fault::malformed(what, self.text, node.start as usize)
    }

    /// What a string says.
    pub(crate) fn decode(&self, raw: &'a str, node: Node) -> Result<Cow<'a, str>, Fault> {
        string::decode(raw, self.text, node.start as usize)
    }
}

fn text(body: &[u8]) -> Result<&str, Fault> {
    // RFC 8259 §8.1 lets a reader pass over it; those of bodies all do.
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    std::str::from_utf8(body).map_err(|error| {
        let valid = std::str::from_utf8(&body[..error.valid_up_to()]).unwrap_or("");
        Fault::malformed("bytes that are no UTF-8", valid, valid.len())
    })
}

/// An object or array that has begun and not ended.
struct Open {
    node: u32,
    last: u32,
    is_object: bool,
}

struct Walk<'a> {
    tape: Tape<'a>,
    open: Vec<Open>,
    /// The member name that waits for its value.
    key: u32,
    /// By key: the last object that had it, and its member there.
    seen: Vec<(u32, u32)>,
}

impl<'a> Walk<'a> {
    fn run(&mut self) -> Result<(), Fault> {
        let bytes = self.tape.text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            at = match bytes[at] {
                b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' => at + 1,
                byte @ (b'{' | b'[') => {
                    self.begin(at, byte == b'{')?;
                    at + 1
                }
                b'}' | b']' => {
                    self.end();
                    at + 1
                }
                b'"' => {
                    let end = string_end(bytes, at);
                    let names = self.key == NIL && self.open.last().is_some_and(|open| open.is_object);
                    if names {
                        self.name(at, end)?
                    } else {
                        self.scalar(at, end)?
                    }
                    end
                }
                byte => {
                    let end = literal_end(bytes, at);
                    self.tape.has_null |= byte == b'n';
                    self.scalar(at, end)?;
                    end
                }
            };
        }
        Ok(())
    }

    fn name(&mut self, start: usize, end: usize) -> Result<(), Fault> {
        let name = string::decode(&self.tape.text[start + 1..end - 1], self.tape.text, start)?;
        self.key = self.tape.keys.number(name)?;
        Ok(())
    }

    fn begin(&mut self, start: usize, is_object: bool) -> Result<(), Fault> {
        if self.open.len() + 1 == MAX_DEPTH {
            return Err(Fault::malformed("values are nested 128 deep", self.tape.text, start));
        }
        let node = self.add(start, NIL)?;
        self.open.push(Open { node, last: NIL, is_object });
        Ok(())
    }

    fn scalar(&mut self, start: usize, end: usize) -> Result<(), Fault> {
        self.add(start, end as u32)?;
        Ok(())
    }

    fn end(&mut self) {
        if let Some(open) = self.open.pop()
            && open.is_object
        {
            self.keep_last(open.node);
        }
    }

    fn add(&mut self, start: usize, link: u32) -> Result<u32, Fault> {
        let node = self.tape.nodes.push(Node { key: self.key, next: NIL, start: start as u32, link })?;
        self.key = NIL;
        match self.open.last_mut() {
            None => self.tape.root = node,
            Some(open) => {
                if open.last == NIL {
                    self.tape.nodes.get_mut(open.node).link = node;
                } else {
                    self.tape.nodes.get_mut(open.last).next = node;
                }
                open.last = node;
            }
        }
        Ok(node)
    }

    /// Of members with the same name the last one counts, at the place of the first; serde_json says so too.
    fn keep_last(&mut self, object: u32) {
        self.seen.resize(self.tape.keys.len(), (NIL, NIL));
        let nodes = &mut self.tape.nodes;
        let (mut before, mut at) = (NIL, nodes.get(object).link);
        while at != NIL {
            let node = nodes.get(at);
            let (owner, first) = self.seen[node.key as usize];
            if owner == object {
                let kept = nodes.get_mut(first);
                (kept.start, kept.link) = (node.start, node.link);
                nodes.get_mut(before).next = node.next;
            } else {
                self.seen[node.key as usize] = (object, at);
                before = at;
            }
            at = node.next;
        }
    }
}

/// Past the closing quote of the string at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = find(bytes, start + 1, [b'"', b'\\']);
    while bytes[at] == b'\\' {
        at = find(bytes, at + 2, [b'"', b'\\']);
    }
    at + 1
}

fn literal_end(bytes: &[u8], start: usize) -> usize {
    let ends = |b: &u8| matches!(b, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r');
    bytes[start..].iter().position(ends).map_or(bytes.len(), |length| start + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A document, written again.
    fn again(tape: &Tape<'_>, id: u32) -> String {
        let children = |first: u32| {
            let mut written = Vec::new();
            let mut at = first;
            while at != NIL {
                let node = tape.node(at);
                let name = if node.key == NIL { String::new() } else { format!("{:?}:", tape.keys.text(node.key)) };
                written.push(name + &again(tape, at));
                at = node.next;
            }
            written.join(",")
        };
        match tape.value(tape.node(id)) {
            Value::Null => "null".to_owned(),
            Value::Literal(literal) => literal.to_owned(),
            Value::String(raw) => format!("\"{raw}\""),
            Value::Array(first) => format!("[{}]", children(first)),
            Value::Object(first) => format!("{{{}}}", children(first)),
        }
    }

    fn read(json: &str) -> Result<String, Fault> {
        let tape = Tape::read(json.as_bytes())?;
        Ok(again(&tape, tape.root))
    }

    #[test]
    fn documents_are_read_as_they_are() {
        for (json, expected) in [
            (" 1.10 ", "1.10"),
            ("[]", "[]"),
            ("{}", "{}"),
            (r#"[1,"a",null,true,[],{},-0,1E400]"#, r#"[1,"a",null,true,[],{},-0,1E400]"#),
            ("{\"a\" : {\"b\": [ {\"c\":1} , 2 ]}\n,\"d\":\"\\\"}\"}", r#"{"a":{"b":[{"c":1},2]},"d":"\"}"}"#),
            (r#"{"z":1,"a":2,"":3}"#, r#"{"z":1,"a":2,"":3}"#),
        ] {
            assert_eq!(read(json).unwrap(), expected, "{json}");
        }
    }

    #[test]
    fn the_last_of_equal_names_counts_at_the_place_of_the_first() {
        for (json, expected) in [
            (r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#),
            (r#"{"a":{"x":1},"\u0061":[2],"a":null,"b":4}"#, r#"{"a":null,"b":4}"#),
            (r#"{"a":{"a":1,"a":2},"a":{"a":3,"a":4}}"#, r#"{"a":{"a":4}}"#),
        ] {
            assert_eq!(read(json).unwrap(), expected, "{json}");
            let serde: serde_json::Value = serde_json::from_str(json).unwrap();
            assert_eq!(serde.to_string(), expected, "{json}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for json in [
            "",
            " ",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "[1 2]",
            "01",
            "1.",
            ".5",
            "+1",
            "NaN",
            "'a'",
            "\"\\x\"",
            "\"\t\"",
            "nul",
            "[1]x",
            "{\"a\"}",
            "\u{FEFF}{}",
            "[1]]",
            "{\"a\":1}}",
            "\"\\ud800\u{0}\"",
            "// c\n1",
            "1e",
            "-",
            "tru",
            "[\"a",
            "{\"a\":",
            "\u{A0}1",
            "1\u{0}",
        ] {
            assert!(read(json).is_err(), "{json:?}");
        }
        for body in [&b"\"\xFF\""[..], b"\xFE\xFF\x00\x31", b"{\"\xC0\x80\":1}", b"\"\xED\xA0\x80\""] {
            assert!(Tape::read(body).is_err(), "{body:?}");
        }
        assert_eq!(read("[1,\n 2 3]").unwrap_err().to_string(), "the text is no JSON (line 2, column 4)");
    }

    #[test]
    fn depth_is_bounded_as_serde_json_bounds_it() {
        for (depth, fits) in [(127, true), (128, false), (2_000_000, false)] {
            let json = "[".repeat(depth) + &"]".repeat(depth);
            assert_eq!(Tape::read(json.as_bytes()).is_ok(), fits, "{depth}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), fits, "{depth}");
        }
    }
}
