//! `named-values`, and the texts that they, and parameters of fragments, are put into.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use super::fields::Fields;
use super::{Reader, Seen};
use crate::fragment::{NamedText, NamedValue};
use crate::settings::Secret;
use crate::yaml::{Content, Node, PARAMETERS, Quoted, Scalar, is_name, is_variable};

/// The largest file of a named value: a chain of certificates, or any key.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// How many bytes are put in for names, and read again for fragments, in one document. Otherwise a few lines could
/// stand for more than our memory.
pub(super) const MAX_EXPANDED_BYTES: usize = 16 << 20;

/// Values by name.
pub(super) type Values = HashMap<String, Scalar>;

/// What names stand for, wherever policies are.
#[derive(Default)]
pub(super) struct Names {
    values: Rc<Values>,
    /// How many bytes were put in so far.
    pub(super) expanded: usize,
    /// True if that was too much, which was reported.
    pub(super) is_exhausted: bool,
}

impl Reader<'_> {
    /// `env` gives the environment, the document's folder the files.
    pub(super) fn named_values(
        &mut self,
        node: Option<&Arc<Node>>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Vec<NamedValue> {
        const KEYS: [&str; 5] = ["name", "value", "secret", "env", "file"];
        let mut seen = Seen::default();
        let mut values = Values::new();
        let mut listed = Vec::new();
        for fields in self.each(node, "named values", &KEYS) {
            let name = self.required(&fields, "name", "a named value").and_then(|node| self.name(node));
            let value = self.named_value(&fields, env);
            let value = value.unwrap_or_else(|| Scalar::refused(""));
            let Some(name) = name else { continue };
            seen.check(self, "named value", &name, fields.mark_of("name"));
            let text = value.text().to_owned();
            let text = if value.is_secret() { NamedText::Secret(Secret::new(text)) } else { NamedText::Plain(text) };
            listed.push(NamedValue { name: name.clone(), value: text, mark: fields.mark });
            values.insert(name, value);
        }
        self.names.values = Rc::new(values);
        listed
    }

    /// The name of a named value or a parameter.
    pub(super) fn name(&mut self, node: &Node) -> Option<String> {
        const EXPECTED: &str = "a name of 1 to 256 letters, digits, hyphens and underscores";
        let text = self.text(node, EXPECTED)?;
        if is_name(text) {
            return Some(text.to_owned());
        }
        self.expected(EXPECTED, node);
        None
    }

    pub(super) fn named_value(&mut self, fields: &Fields<'_>, env: &dyn Fn(&str) -> Option<String>) -> Option<Scalar> {
        let is_secret = self.flag(fields, "secret", false);
        let given: Vec<_> =
            ["value", "env", "file"].into_iter().filter_map(|key| Some((key, fields.entry(key)?))).collect();
        let value = match given.as_slice() {
            [] => {
                self.error(fields.mark, "missing key `value`, `env` or `file` in a named value");
                return None;
            }
            [(key, (_, node))] => match *key {
                "value" => self.value_of(node),
                "env" => self.value_of_variable(node, env),
                _ => self.value_of_file(node),
            },
            [(first, _), (second, (key, _)), ..] => {
                let message = format!("expected one source in a named value, found `{first}` and `{second}`");
                self.error(key.mark, message);
                return None;
            }
        };
        value.map(|value| if is_secret { value.into_secret() } else { value })
    }

    /// A scalar that can be put into a text.
    pub(super) fn value_of(&mut self, node: &Node) -> Option<Scalar> {
        match node.scalar() {
            Some(scalar) if !node.is_null() => Some(scalar.clone()),
            _ => {
                self.expected("a text, a number or a boolean", node);
                None
            }
        }
    }

    fn value_of_variable(&mut self, node: &Node, env: &dyn Fn(&str) -> Option<String>) -> Option<Scalar> {
        const EXPECTED: &str = "the name of an environment variable (letters, digits and `_`)";
        let name = self.text(node, EXPECTED)?;
        if !is_variable(name) {
            self.expected(EXPECTED, node);
            return None;
        }
        match env(name) {
            Some(value) => Some(Scalar::opaque(&value).into_secret()),
            None => {
                self.error(node.mark, format!("the environment variable `{name}` isn't set"));
                None
            }
        }
    }

    fn value_of_file(&mut self, node: &Node) -> Option<Scalar> {
        const EXPECTED: &str = "the path of a file";
        let path = self.text(node, EXPECTED)?;
        if path.is_empty() || node.may_be_expression() {
            self.expected(EXPECTED, node);
            return None;
        }
        match read_text(&self.folder.join(path)) {
            Ok(text) => {
                let line = text.strip_suffix('\n').unwrap_or(&text);
                Some(Scalar::opaque(line.strip_suffix('\r').unwrap_or(line)))
            }
            Err(error) => {
                self.error(node.mark, format!("can't read {node}: {error}"));
                None
            }
        }
    }

    /// The same values with every `{{name}}` replaced, and with every `{{parameters.name}}` in a fragment.
    pub(super) fn with_names(&mut self, node: &Arc<Node>, parameters: Option<&Values>) -> Arc<Node> {
        if !node.may_hold_names() {
            return node.clone();
        }
        match &node.content {
            Content::Scalar(scalar) => match self.scalar_with_names(node, scalar, parameters) {
                Some(scalar) => Arc::new(Node::of_scalar(node.mark, scalar)),
                None => node.clone(),
            },
            Content::List(items) => {
                let items = items.iter().map(|item| self.with_names(item, parameters)).collect();
                Arc::new(node.with_content(Content::List(items)))
            }
            Content::Mapping(entries) => {
                let entries = entries.iter().map(|(key, node)| (key.clone(), self.with_names(node, parameters)));
                let entries = entries.collect();
                Arc::new(node.with_content(Content::Mapping(entries)))
            }
        }
    }

    /// None if there is no name in it.
    fn scalar_with_names(&mut self, node: &Node, scalar: &Scalar, parameters: Option<&Values>) -> Option<Scalar> {
        let values = Rc::clone(&self.names.values);
        let references = scalar.references();
        if references.is_empty() {
            return None;
        }
        let mut found: Vec<(Range<usize>, &Scalar)> = Vec::with_capacity(references.len());
        for reference in &references {
            let value = match (reference.name.strip_prefix(PARAMETERS), parameters) {
                (Some(name), Some(parameters)) => parameters.get(name),
                (Some(_), None) => None,
                (None, _) => values.get(reference.name),
            };
            match value {
                Some(value) => found.push((reference.range.clone(), value)),
                None => self.unknown_name(node, reference.range.start, reference.name, parameters),
            }
        }
        let bytes: usize = found.iter().map(|(_, value)| value.text().len()).sum();
        if found.len() < references.len() || !self.expand(bytes, node) {
            return Some(Scalar::refused(scalar.text()));
        }
        Some(scalar.with(&found))
    }

    fn unknown_name(&mut self, node: &Node, offset: usize, name: &str, parameters: Option<&Values>) {
        let mark = node.mark_in(offset);
        let (kind, name, known) = match (name.strip_prefix(PARAMETERS), parameters) {
            (Some(name), Some(parameters)) => ("parameter of the fragment", name, parameters),
            (Some(_), None) => {
                return self.error(mark, format!("{} stands in fragments only", Quoted(&format!("{{{{{name}}}}}"))));
            }
            (None, _) => ("named value", name, &*Rc::clone(&self.names.values)),
        };
        let mut known: Vec<_> = known.keys().map(String::as_str).collect();
        known.sort_unstable();
        self.unknown(mark, kind, name, &known);
    }

    /// Count bytes that a document stands for beside what is written; false if they are too many.
    pub(super) fn expand(&mut self, bytes: usize, node: &Node) -> bool {
        self.names.expanded = self.names.expanded.saturating_add(bytes);
        if self.names.expanded > MAX_EXPANDED_BYTES && !self.names.is_exhausted {
            self.names.is_exhausted = true;
            let message =
                format!("the named values and fragments up to here stand for more than {MAX_EXPANDED_BYTES} bytes");
            self.error(node.mark, message);
        }
        !self.names.is_exhausted
    }
}

/// Read a small regular file.
fn read_text(path: &std::path::Path) -> Result<String, String> {
    // Opening a pipe would wait for its writer, so look first.
    let found = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !found.is_file() {
        return Err("this isn't a file".to_owned());
    }
    let mut text = String::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("it has more than {MAX_FILE_BYTES} bytes"));
    }
    Ok(text)
}
