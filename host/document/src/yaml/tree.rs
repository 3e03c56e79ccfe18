//! From parser events to a tree, with a cap on everything that a file could make us hold.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};

use super::env::fill;
use super::place::Source;
use super::{Content, Key, Marks, NODE_BYTES, Node, Quoted, Resolved, Scalar};
use crate::diagnostics::{Diagnostics, Mark};

/// The largest text that is read: a thousand APIs with ten statements each take about 1 MiB.
const MAX_BYTES: usize = 16 << 20;

/// The deepest nesting, aliases expanded. A document needs 12 levels, a statement's configuration a few more.
const MAX_DEPTH: usize = 64;

/// The most values: a document of [`MAX_BYTES`] with 16 bytes each.
const MAX_NODES: usize = 1 << 20;

/// How many bytes aliases may stand for together. A "billion laughs" file passes this after a few lines.
const MAX_ALIASED_BYTES: usize = 16 << 20;

/// The keys below which `${…}` may be an expression and `{{name}}` a named value. `configuration` is one of the files of
/// policy authors.
const DYNAMIC_KEYS: [&str; 4] = ["policies", "fragments", "named-values", "configuration"];

/// The error that ends the reading: nothing behind it can be understood.
type Fatal = (Mark, String);

/// Read `text`. Nothing is returned if it isn't one YAML document within the caps.
pub(crate) fn parse(
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
    diagnostics: &mut Diagnostics,
) -> Option<Arc<Node>> {
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes; at most {MAX_BYTES} are read", text.len());
        diagnostics.push(Mark::START, message);
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (stack, anchors) = (Vec::new(), HashMap::new());
    let mut builder = Builder { env, text, reached: (0, 0), diagnostics, stack, anchors, nodes: 0, aliased: 0 };
    match builder.build() {
        Ok(root) => Some(root),
        Err((mark, message)) => {
            diagnostics.push(mark, message);
            None
        }
    }
}

struct Builder<'a> {
    env: &'a dyn Fn(&str) -> Option<String>,
    text: &'a str,
    /// A place in the text, counted in characters and in bytes: where the last scalar was cut out.
    reached: (usize, usize),
    diagnostics: &'a mut Diagnostics,
    stack: Vec<Open>,
    anchors: HashMap<usize, Arc<Node>>,
    nodes: usize,
    aliased: usize,
}

/// A list or mapping whose end hasn't come yet.
struct Open {
    mark: Mark,
    anchor: usize,
    height: usize,
    weight: usize,
    marks: Marks,
    content: OpenContent,
}

enum OpenContent {
    List(Vec<Arc<Node>>),
    Mapping { entries: Vec<(Key, Arc<Node>)>, index: HashMap<Box<str>, Mark>, key: PendingKey },
}

/// The key whose value comes next.
enum PendingKey {
    /// The key itself comes next.
    None,
    /// It was no good, or there already, and was reported.
    Bad,
    Some(Key),
}

impl Builder<'_> {
    fn build(&mut self) -> Result<Arc<Node>, Fatal> {
        let mut root = None;
        for event in Parser::new_from_str(self.text) {
            let (event, span) = event.map_err(|error| match error.info() {
                // The parser has a limit of its own on brackets and may reach it before we see the first of them.
                "recursion limit exceeded" => too_deep(mark(error.marker())),
                info if info.contains("flow ") => {
                    let hint = "inside `{ }` and `[ ]`, put values with `{`, `}`, `[`, `]` or `,` in quotes";
                    (mark(error.marker()), format!("this isn't YAML: {info}; {hint}"))
                }
                info => (mark(error.marker()), format!("this isn't YAML: {info}")),
            })?;
            let at = mark(&span.start);
            if let Event::DocumentStart(_) = event
                && root.is_some()
            {
                self.diagnostics.push(at, "expected one YAML document in the file, found another one here");
                break;
            }
            if let Some(node) = self.event(event, at, span)?
                && let Some(node) = self.attach(node)?
            {
                root = Some(node);
            }
        }
        root.ok_or((Mark::START, "expected a document, found an empty file".into()))
    }

    /// Take one event; returns a node that is complete by it.
    fn event(&mut self, event: Event<'_>, at: Mark, span: Span) -> Result<Option<Finished>, Fatal> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.check_tag(tag.as_deref(), at);
                let node = self.scalar(&text, style, at, span);
                Ok(Some(self.finish(node, anchor, at)?))
            }
            Event::SequenceStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), at);
                self.open(at, anchor, OpenContent::List(Vec::new()))?;
                Ok(None)
            }
            Event::MappingStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), at);
                let content =
                    OpenContent::Mapping { entries: Vec::new(), index: HashMap::new(), key: PendingKey::None };
                self.open(at, anchor, content)?;
                Ok(None)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => Ok(Some(self.alias(anchor, at)?)),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(None)
            }
        }
    }

    fn check_tag(&mut self, tag: Option<&Tag>, at: Mark) {
        if let Some(tag) = tag {
            let message = format!("YAML tags aren't supported, found one that ends with {}", Quoted(&tag.suffix));
            self.diagnostics.push(at, message);
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, at: Mark, span: Span) -> Node {
        let is_key =
            matches!(self.stack.last(), Some(Open { content: OpenContent::Mapping { key: PendingKey::None, .. }, .. }));
        let plain = style == ScalarStyle::Plain;
        let is_special = !is_key && (text.contains("${") || text.contains("{{"));
        let is_dynamic = is_special && self.is_dynamic();
        let filled = if is_key && text.contains("${") {
            Err(format!("expected a plain key, found {}; `${{…}}` is replaced in values only", Quoted(text)))
        } else {
            fill(text, self.env, is_dynamic)
        };
        let mut scalar = match filled {
            Ok(None) => Scalar::new(text, plain),
            Ok(Some((filled, origin))) => Scalar::filled(filled, origin, plain),
            Err(message) => {
                self.diagnostics.push(at, message);
                Scalar::refused(text)
            }
        };
        let mut marks = Marks::default();
        if is_dynamic && !scalar.is_refused() {
            marks = Marks { expressions: scalar.text().contains("${"), braces: scalar.text().contains("{{") };
            let raw = self.cut(span);
            scalar = scalar.placed(text, raw.map(|raw| Source { mark: at, style, raw: raw.into() }));
        }
        Node { marks, ..Node::of_scalar(at, scalar) }
    }

    /// Are we where expressions and named values may stand?
    fn is_dynamic(&self) -> bool {
        self.stack.iter().any(|open| match &open.content {
            OpenContent::Mapping { key: PendingKey::Some(key), .. } => DYNAMIC_KEYS.contains(&&*key.text),
            _ => false,
        })
    }

    /// The characters of a scalar. The parser counts characters, so we count on from the scalar before.
    fn cut(&mut self, span: Span) -> Option<&str> {
        let (chars, bytes) = self.reached;
        let rest = self.text.get(bytes..)?;
        let skip = span.start.index().checked_sub(chars)?;
        let start = rest.char_indices().nth(skip)?.0;
        let length: usize = rest[start..].chars().take(span.len()).map(char::len_utf8).sum();
        self.reached = (span.start.index(), bytes + start);
        self.text.get(bytes + start..bytes + start + length)
    }

    fn alias(&mut self, anchor: usize, at: Mark) -> Result<Finished, Fatal> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            return Err((at, "expected an alias of an earlier value, found one of a value that it stands in".into()));
        };
        self.aliased = self.aliased.saturating_add(node.weight);
        if self.aliased > MAX_ALIASED_BYTES {
            return Err((at, format!("the aliases up to here stand for more than {MAX_ALIASED_BYTES} bytes")));
        }
        if self.stack.len() + node.height > MAX_DEPTH {
            return Err(too_deep(at));
        }
        if node.marks.expressions && !self.is_dynamic() {
            self.diagnostics.push(at, "expected a value without expressions, found an alias of one that has some");
        }
        Ok(Finished { node, at })
    }

    fn open(&mut self, at: Mark, anchor: usize, content: OpenContent) -> Result<(), Fatal> {
        if self.stack.len() + 1 > MAX_DEPTH {
            return Err(too_deep(at));
        }
        self.stack.push(Open { mark: at, anchor, height: 0, weight: NODE_BYTES, marks: Marks::default(), content });
        Ok(())
    }

    fn close(&mut self) -> Result<Option<Finished>, Fatal> {
        let Some(open) = self.stack.pop() else {
            return Ok(None);
        };
        let content = match open.content {
            OpenContent::List(items) => Content::List(items),
            OpenContent::Mapping { entries, .. } => Content::Mapping(entries),
        };
        let node = Node { mark: open.mark, content, height: open.height + 1, weight: open.weight, marks: open.marks };
        self.finish(node, open.anchor, open.mark).map(Some)
    }

    fn finish(&mut self, node: Node, anchor: usize, at: Mark) -> Result<Finished, Fatal> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err((at, format!("the file has more than {MAX_NODES} values")));
        }
        let node = Arc::new(node);
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(Finished { node, at })
    }

    /// Put a node where it belongs; returned if it is the root.
    fn attach(&mut self, Finished { node, at }: Finished) -> Result<Option<Arc<Node>>, Fatal> {
        let Some(parent) = self.stack.last_mut() else {
            return Ok(Some(node));
        };
        parent.height = parent.height.max(node.height);
        parent.weight = parent.weight.saturating_add(node.weight);
        parent.marks = parent.marks.and(node.marks);
        match &mut parent.content {
            OpenContent::List(items) => items.push(node),
            OpenContent::Mapping { entries, index, key } => match std::mem::replace(key, PendingKey::None) {
                PendingKey::Some(key) => entries.push((key, node)),
                PendingKey::Bad => {}
                PendingKey::None => {
                    *key = match check_key(&node, entries, index) {
                        Ok(text) => PendingKey::Some(Key { mark: at, text }),
                        Err(_) if node.is_refused() => PendingKey::Bad,
                        Err(message) => {
                            self.diagnostics.push(at, message);
                            PendingKey::Bad
                        }
                    };
                }
            },
        }
        Ok(None)
    }
}

struct Finished {
    node: Arc<Node>,
    /// Where it stands; for an alias, not where its value is.
    at: Mark,
}

fn check_key(
    node: &Node,
    entries: &[(Key, Arc<Node>)],
    index: &mut HashMap<Box<str>, Mark>,
) -> Result<Box<str>, Cow<'static, str>> {
    let Content::Scalar(scalar) = &node.content else {
        return Err(format!("expected a key, found {node}").into());
    };
    if scalar.is_refused() || scalar.resolve() == Resolved::Null {
        return Err("expected a key, found nothing".into());
    }
    let text = scalar.text();
    if text == "<<" {
        return Err("merge keys (`<<`) aren't supported; repeat the keys, or use an alias for the whole value".into());
    }
    match mark_of_key(text, entries, index) {
        Some(first) => {
            Err(format!("duplicate key {}; it is there on line {} already", Quoted(text), first.line).into())
        }
        None => Ok(text.into()),
    }
}

/// Where a key is among the entries before. Large mappings get an index; nearly all are small.
fn mark_of_key(text: &str, entries: &[(Key, Arc<Node>)], index: &mut HashMap<Box<str>, Mark>) -> Option<Mark> {
    const SMALL: usize = 16;
    if entries.len() <= SMALL {
        return entries.iter().find(|(key, _)| &*key.text == text).map(|(key, _)| key.mark);
    }
    for (key, _) in &entries[index.len()..] {
        index.insert(key.text.clone(), key.mark);
    }
    index.get(text).copied()
}

fn too_deep(at: Mark) -> Fatal {
    (at, format!("values are nested deeper than {MAX_DEPTH} levels"))
}

fn mark(marker: &Marker) -> Mark {
    Mark { line: marker.line(), column: marker.col() + 1 }
}
