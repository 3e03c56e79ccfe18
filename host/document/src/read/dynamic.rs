//! Conditions, and values that may hold `${…}`.

use std::borrow::Cow;

use serde_json::{Value, json};
use tollgate_expression::{Dynamic, Expression, Parsed};

use super::Reader;
use crate::policy::{Condition, Located, Setting};
use crate::yaml::{Content, Node, Resolved, Scalar};

/// What stands in a configuration in place of a text with expressions, with the number of it.
const EXPRESSION: &str = "$expression";

/// Stands for `schema` where a statement may name one of the document's (`apim.md` §1.3).
const SCHEMA_ID: &str = "schema-id";

/// How a condition is described in messages.
const EXPECTED_CONDITION: &str = "a condition such as `request.method == \"GET\"`, bare or whole in one `${…}`";

/// What an attribute of the gateway's own flow takes from an expression.
pub(super) struct Takes {
    /// Types of values; none for every type.
    kinds: &'static [&'static str],
    /// As messages say it.
    what: &'static str,
}

impl Takes {
    pub(super) const FLAG: Takes = Takes { kinds: &["bool"], what: "true or false" };
    pub(super) const COUNT: Takes = Takes { kinds: &["int", "uint", "double"], what: "a whole number" };
    pub(super) const SECONDS: Takes =
        Takes { kinds: &["int", "uint", "double", "duration"], what: "a duration or a number of seconds" };
    pub(super) const WORD: Takes = Takes { kinds: &["string"], what: "a text" };
    pub(super) const ANYTHING: Takes = Takes { kinds: &[], what: "a value" };

    /// Why an expression can never give it, if that is certain.
    fn refuses(&self, dynamic: &Dynamic) -> Option<String> {
        let found = dynamic.misses(self.kinds).filter(|_| !self.kinds.is_empty())?;
        Some(format!("expected {}, and the expression gives a value of type {found}", self.what))
    }
}

/// What was found in a configuration on the way.
#[derive(Default)]
pub(super) struct Found {
    /// The texts with expressions; each stands for its number.
    pub(super) expressions: Vec<Located>,
    /// Whether `schema-id` is the name of one of the document's schemas, which takes its place as `schema`.
    pub(super) names_schemas: bool,
    /// Where values stand that can't be used and were reported.
    pub(super) refused: Vec<String>,
}

/// What a text is.
enum Looked {
    /// Just what it is, and of any type.
    Plain,
    /// A text in which `$${` was replaced.
    Text(String),
    Dynamic(Dynamic),
    /// Nothing that can be used, which was reported.
    Wrong,
}

impl Reader<'_> {
    /// A condition: bare, in `${…}`, or a boolean.
    pub(super) fn condition(&mut self, node: &Node) -> Option<Condition> {
        let compiled = match node.scalar().map(Scalar::resolve) {
            Some(Resolved::Bool(value)) => Expression::compile(if value { "true" } else { "false" }).ok(),
            _ => self.bare_or_whole(node),
        };
        let expression = compiled?;
        if let Some(found) = expression.misses(&["bool"]) {
            let message = format!(
                "a condition is true or false, and this gives a value of type {found}; \
                 compare it with something, as in `… != null`"
            );
            self.error(node.mark, message);
            return None;
        }
        Some(Condition { expression, mark: node.mark })
    }

    /// What stands for a condition that was reported, so that what depends on it is looked at too.
    pub(super) fn no_condition(node: &Node) -> Option<Condition> {
        Expression::compile("false").ok().map(|expression| Condition { expression, mark: node.mark })
    }

    fn bare_or_whole(&mut self, node: &Node) -> Option<Expression> {
        let text = self.text(node, EXPECTED_CONDITION)?;
        let trimmed = text.trim();
        let before = text.len() - text.trim_start().len();
        let (source, begin) = match trimmed.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
            Some(inside) => (inside, before + 2),
            None => (trimmed, before),
        };
        match Expression::compile(source) {
            Ok(expression) if begin > before || !source.contains("${") => Some(expression),
            Err(error) if !source.contains("${") => {
                self.not_an_expression(node, begin + error.offset, &error.message);
                None
            }
            Ok(_) | Err(_) => {
                self.expected(EXPECTED_CONDITION, node);
                None
            }
        }
    }

    /// A value that may be an expression; `literal` reads it if it isn't.
    pub(super) fn setting<T>(
        &mut self,
        node: &Node,
        pointer: &str,
        takes: &Takes,
        literal: impl FnOnce(&mut Self, &Node) -> Option<T>,
    ) -> Option<Setting<T>> {
        match self.looked(node) {
            Looked::Dynamic(dynamic) => {
                if let Some(message) = takes.refuses(&dynamic) {
                    self.error(node.mark, message);
                    return None;
                }
                Some(Setting::Dynamic(Located { dynamic, pointer: pointer.to_owned(), mark: node.mark }))
            }
            Looked::Wrong => None,
            Looked::Plain | Looked::Text(_) => literal(self, node).map(Setting::Literal),
        }
    }

    /// A text that can't be an expression, `$${` replaced.
    pub(super) fn literal_text(&mut self, node: &Node, expected: &str) -> Option<String> {
        match self.looked(node) {
            Looked::Text(text) => Some(text),
            Looked::Plain => match self.text(node, expected)? {
                "" => {
                    self.expected(expected, node);
                    None
                }
                text => Some(text.to_owned()),
            },
            Looked::Dynamic(_) => {
                self.expected(expected, node);
                None
            }
            Looked::Wrong => None,
        }
    }

    /// A configuration as JSON; each text with expressions becomes its number in `found`.
    pub(super) fn json(&mut self, node: &Node, pointer: &mut String, found: &mut Found) -> Value {
        let length = pointer.len();
        match &node.content {
            Content::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                for (at, item) in items.iter().enumerate() {
                    pointer.push_str(&format!("/{at}"));
                    list.push(self.json(item, pointer, found));
                    pointer.truncate(length);
                }
                Value::Array(list)
            }
            Content::Mapping(entries) => {
                let mut object = serde_json::Map::with_capacity(entries.len());
                for (key, node) in entries {
                    if &*key.text == EXPRESSION {
                        self.error(key.mark, format!("the key `{EXPRESSION}` is the gateway's own"));
                        continue;
                    }
                    if found.names_schemas && &*key.text == SCHEMA_ID {
                        if entries.iter().any(|(key, _)| &*key.text == "schema") {
                            self.error(key.mark, "expected `schema` or `schema-id`, found both");
                        }
                        object.insert("schema".to_owned(), self.schema_of_name(node).unwrap_or_else(|| json!({})));
                        continue;
                    }
                    pointer.push('/');
                    pointer.push_str(&key.text.replace('~', "~0").replace('/', "~1"));
                    object.insert(key.text.to_string(), self.json(node, pointer, found));
                    pointer.truncate(length);
                }
                Value::Object(object)
            }
            Content::Scalar(_) => match self.looked(node) {
                Looked::Plain => node.to_json(self.diagnostics),
                Looked::Text(text) => Value::String(text),
                Looked::Wrong => {
                    // Not null: a component would find fault with its type as well, and with nothing else.
                    found.refused.push(pointer.clone());
                    json!({ EXPRESSION: u32::MAX })
                }
                Looked::Dynamic(dynamic) => {
                    let expressions = &mut found.expressions;
                    expressions.push(Located { dynamic, pointer: pointer.clone(), mark: node.mark });
                    json!({ EXPRESSION: expressions.len() - 1 })
                }
            },
        }
    }

    fn looked(&mut self, node: &Node) -> Looked {
        let Some(scalar) = node.scalar() else { return Looked::Plain };
        if scalar.is_refused() {
            return Looked::Wrong;
        }
        if !node.may_be_expression() {
            return Looked::Plain;
        }
        let (text, put_in) = escaped(scalar);
        match Dynamic::parse(&text) {
            Ok(Parsed::Literal(text)) => Looked::Text(text),
            Ok(Parsed::Dynamic(dynamic)) => Looked::Dynamic(dynamic),
            Err(error) => {
                let offset = error.offset - put_in.iter().filter(|at| **at < error.offset).count();
                self.not_an_expression(node, offset, &error.message);
                Looked::Wrong
            }
        }
    }

    /// Report an expression that doesn't compile. The compiler's words may repeat the text, so they aren't shown
    /// where something secret was put in.
    fn not_an_expression(&mut self, node: &Node, offset: usize, message: &str) {
        let message = match node.scalar().and_then(Scalar::written) {
            Some(_) => format!("{node} isn't an expression"),
            None => format!("this isn't an expression: {message}"),
        };
        self.error(node.mark_in(offset), message);
    }
}

/// The text with `$${` for each `${` that came from the environment or a file, outside of expressions; and where in
/// it a `$` was put in.
fn escaped(scalar: &Scalar) -> (Cow<'_, str>, Vec<usize>) {
    let text = scalar.text();
    let opaque = scalar.opaque_ranges();
    if !opaque.iter().any(|range| text[range.clone()].contains("${")) {
        return (Cow::Borrowed(text), Vec::new());
    }
    let mut result = String::with_capacity(text.len() + 1);
    let mut put_in = Vec::new();
    let mut at = 0;
    while let Some(found) = text[at..].find("${").map(|found| at + found) {
        result.push_str(&text[at..found]);
        at = found + 2;
        if opaque.iter().any(|range| range.contains(&found)) {
            put_in.push(result.len());
            result.push('$');
        } else if !text[..found].ends_with('$') {
            at += end_of_expression(&text[at..]);
        }
        result.push_str(&text[found..at]);
    }
    result.push_str(&text[at..]);
    (Cow::Owned(result), put_in)
}

/// How many bytes of `text` belong to the expression that it begins in: up to its closing brace.
fn end_of_expression(text: &str) -> usize {
    let (mut depth, mut quote, mut is_escape) = (0_usize, None, false);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            _ if is_escape => is_escape = false,
            (Some(_), '\\') => is_escape = true,
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '{') => depth += 1,
            (None, '}') if depth == 0 => return at,
            (None, '}') => depth -= 1,
            (None, _) => {}
        }
    }
    text.len()
}
