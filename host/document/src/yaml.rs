//! YAML as a tree of nodes with marks: strict, bounded, environment filled in.

mod env;

mod names;

mod origin;

mod place;

mod scalar;

mod tree;

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::diagnostics::{Diagnostics, Mark};
pub(crate) use env::is_variable;
pub(crate) use names::{PARAMETERS, is_name};
pub(crate) use scalar::{Resolved, Scalar};
pub(crate) use tree::parse;

/// What a value costs beside its text, about.
const NODE_BYTES: usize = 32;

/// A value in the file. Values under an alias are shared, and their marks are those of the anchor.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) mark: Mark,
    pub(crate) content: Content,
    /// Levels of the tree from here down; 1 for a scalar.
    height: usize,
    /// About how many bytes this stands for, aliases expanded.
    weight: usize,
    /// What may have to be looked at in this, and in all that it holds.
    marks: Marks,
}

/// What a value, or a value in it, holds.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    /// An expression, or `$${`.
    expressions: bool,
    /// `{{`, which may be the beginning of a named value.
    braces: bool,
}

impl Marks {
    fn and(self, other: Marks) -> Marks {
        Marks { expressions: self.expressions || other.expressions, braces: self.braces || other.braces }
    }
}

#[derive(Debug)]
pub(crate) enum Content {
    Scalar(Scalar),
    List(Vec<Arc<Node>>),
    /// Keys are unique.
    Mapping(Vec<(Key, Arc<Node>)>),
}

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) mark: Mark,
    pub(crate) text: Box<str>,
}

impl Node {
    pub(crate) fn scalar(&self) -> Option<&Scalar> {
        match &self.content {
            Content::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// A scalar of this place with another value.
    pub(crate) fn of_scalar(mark: Mark, scalar: Scalar) -> Node {
        let weight = NODE_BYTES + scalar.text().len();
        Node { mark, content: Content::Scalar(scalar), height: 1, weight, marks: Marks::default() }
    }

    /// This node with other values in it.
    pub(crate) fn with_content(&self, content: Content) -> Node {
        Node { mark: self.mark, content, height: self.height, weight: self.weight, marks: Marks::default() }
    }

    /// False if there surely is no `{{name}}` in it.
    pub(crate) fn may_hold_names(&self) -> bool {
        self.marks.braces
    }

    /// About how many bytes this stands for, aliases expanded.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// Where a byte of a scalar's text is, or else where the scalar begins.
    pub(crate) fn mark_in(&self, offset: usize) -> Mark {
        self.scalar().and_then(|scalar| scalar.locate(offset)).unwrap_or(self.mark)
    }

    /// True for a scalar with `${` in its text, below `policies` and the like.
    pub(crate) fn may_be_expression(&self) -> bool {
        self.scalar().is_some_and(|scalar| scalar.text().contains("${"))
    }

    /// True if its `${…}` was reported.
    pub(crate) fn is_refused(&self) -> bool {
        self.scalar().is_some_and(Scalar::is_refused)
    }

    /// True if it, or a value in it, came from where secrets come from.
    pub(crate) fn is_secret(&self) -> bool {
        match &self.content {
            Content::Scalar(scalar) => scalar.is_secret(),
            Content::List(items) => items.iter().any(|item| item.is_secret()),
            Content::Mapping(entries) => entries.iter().any(|(_, node)| node.is_secret()),
        }
    }

    /// True for `null`, and for a key with nothing behind it.
    pub(crate) fn is_null(&self) -> bool {
        self.scalar().is_some_and(|scalar| scalar.resolve() == Resolved::Null)
    }

    /// The entry of a mapping; none in anything else.
    pub(crate) fn entry(&self, key: &str) -> Option<(&Key, &Arc<Node>)> {
        match &self.content {
            Content::Mapping(entries) => entries.iter().find(|(k, _)| &*k.text == key).map(|(k, node)| (k, node)),
            _ => None,
        }
    }

    /// The node at a JSON Pointer, or the nearest above it that is there.
    pub(crate) fn at_pointer(&self, pointer: &str) -> &Node {
        let mut node = self;
        for step in pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            let next = match &node.content {
                Content::List(items) => step.parse::<usize>().ok().and_then(|at| items.get(at)),
                Content::Mapping(_) => node.entry(&step).map(|(_, node)| node),
                Content::Scalar(_) => None,
            };
            let Some(next) = next else { break };
            node = next;
        }
        node
    }

    /// As JSON, keys in order. Numbers that JSON can't hold are reported and become null.
    pub(crate) fn to_json(&self, diagnostics: &mut Diagnostics) -> Value {
        match &self.content {
            Content::List(items) => Value::Array(items.iter().map(|item| item.to_json(diagnostics)).collect()),
            Content::Mapping(entries) => {
                let mut object = Map::with_capacity(entries.len());
                for (key, node) in entries {
                    object.insert(key.text.to_string(), node.to_json(diagnostics));
                }
                Value::Object(object)
            }
            Content::Scalar(scalar) => match scalar.resolve() {
                Resolved::Null => Value::Null,
                Resolved::Bool(value) => Value::Bool(value),
                Resolved::Number(value) => Value::Number(value),
                Resolved::Text(text) => Value::String(text.to_owned()),
                Resolved::TooLarge => {
                    let message = format!(
                        "expected a number that fits 64 bits, found {self}; put it in quotes to pass it as text"
                    );
                    diagnostics.push(self.mark, message);
                    Value::Null
                }
                Resolved::NotFinite => {
                    diagnostics.push(self.mark, format!("expected a finite number, found {self}"));
                    Value::Null
                }
            },
        }
    }
}

/// How error messages speak of a value: "the text `abc`". Values from the environment are not shown.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scalar = match &self.content {
            Content::List(_) => return f.write_str("a list"),
            Content::Mapping(_) => return f.write_str("a mapping"),
            Content::Scalar(scalar) => scalar,
        };
        if let Some(written) = scalar.written() {
            return write!(f, "the value of {}", Quoted(written));
        }
        let kind = match scalar.resolve() {
            Resolved::Null => return f.write_str("nothing"),
            Resolved::Bool(_) => "",
            Resolved::Number(_) | Resolved::TooLarge | Resolved::NotFinite => "the number ",
            Resolved::Text("") => return f.write_str("an empty text"),
            Resolved::Text(_) => "the text ",
        };
        write!(f, "{kind}{}", Quoted(scalar.text()))
    }
}

/// Text of the file in an error message: in backticks, one line, not endless.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MAX_CHARS: usize = 80;
        f.write_str("`")?;
        let mut chars = self.0.chars();
        for c in chars.by_ref().take(MAX_CHARS) {
            if c.is_control() {
                write!(f, "{}", c.escape_default())?;
            } else {
                write!(f, "{c}")?;
            }
        }
        f.write_str(if chars.next().is_some() { "…`" } else { "`" })
    }
}
