//! From a template and values to text.

use super::Fault;
use super::block::{Loop, Node, Over};
use super::condition::{Comparison, Condition};
use super::expression::{Chain, Operand, Path, Step};
use super::filters::Problem;
use super::value::{NIL, Number, compare, contains, equal, is_empty, is_true, member, number, text};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use tollgate_sdk::serde_json::{Value, json};

/// What a template finds beside what it makes itself.
pub(crate) trait Globals {
    /// The body of the message.
    fn body(&self) -> &Value;
    /// Whether the body was XML: an element that stands alone is then a list of one.
    fn body_is_xml(&self) -> bool;
    /// What stands below `context` at this path; nil if nothing does.
    fn context(&self, path: &[Cow<'_, Value>]) -> Value;
    /// Now, in milliseconds since 1970-01-01T00:00:00Z.
    fn now_unix_ms(&self) -> i64;
}

/// How the nodes before were left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

struct Renderer<'a> {
    globals: &'a dyn Globals,
    /// Loop variables, the innermost last.
    scopes: Vec<(&'a str, Cow<'a, Value>)>,
    /// Rounds done and rounds in all, of each loop around.
    loops: Vec<(usize, usize)>,
    assigned: BTreeMap<&'a str, Cow<'a, Value>>,
    cycles: BTreeMap<&'a str, usize>,
    counters: BTreeMap<&'a str, i64>,
    written: String,
}

pub(crate) fn render<'a>(nodes: &'a [Node], globals: &'a dyn Globals) -> Result<String, Fault> {
    let mut renderer = Renderer {
        globals,
        scopes: Vec::new(),
        loops: Vec::new(),
        assigned: BTreeMap::new(),
        cycles: BTreeMap::new(),
        counters: BTreeMap::new(),
        written: String::new(),
    };
    renderer.nodes(nodes)?;
    Ok(renderer.written)
}

impl<'a> Renderer<'a> {
    fn nodes(&mut self, nodes: &'a [Node]) -> Result<Flow, Fault> {
        for node in nodes {
            match self.node(node)? {
                Flow::On => {}
                flow => return Ok(flow),
            }
        }
        Ok(Flow::On)
    }

    fn node(&mut self, node: &'a Node) -> Result<Flow, Fault> {
        match node {
            Node::Text(text) => self.written.push_str(text),
            Node::Output(chain) => {
                let value = self.chain(chain)?;
                self.written.push_str(&text(&value));
            }
            Node::If(branches) => {
                let holds = |condition: &Option<Condition>| condition.as_ref().is_none_or(|asked| self.holds(asked));
                if let Some((_, nodes)) = branches.iter().find(|(condition, _)| holds(condition)) {
                    return self.nodes(nodes);
                }
            }
            Node::For(repeated) => self.repeat(repeated)?,
            Node::Assign(name, chain) => {
                let value = self.chain(chain)?;
                self.assigned.insert(name, value);
            }
            Node::Capture(name, nodes) => {
                let outside = std::mem::take(&mut self.written);
                let flow = self.nodes(nodes)?;
                let captured = std::mem::replace(&mut self.written, outside);
                self.assigned.insert(name, Cow::Owned(Value::from(captured)));
                return Ok(flow);
            }
            Node::Cycle(key, values) => {
                let turn = self.cycles.entry(key).or_default();
                let value = &values[*turn % values.len()];
                *turn += 1;
                let value = self.operand(value);
                self.written.push_str(&text(&value));
            }
            Node::Increment(name) => {
                let counter = self.counters.entry(name).or_default();
                self.written.push_str(&counter.to_string());
                *counter = counter.saturating_add(1);
            }
            Node::Decrement(name) => {
                let counter = self.counters.entry(name).or_default();
                *counter = counter.saturating_sub(1);
                self.written.push_str(&counter.to_string());
            }
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    fn repeat(&mut self, repeated: &'a Loop) -> Result<(), Fault> {
        let count = |operand: &Option<Operand>| match operand.as_ref().map(|operand| number(&self.operand(operand))) {
            None => Ok(None),
            Some(Some(Number::Integer(count))) => Ok(Some(usize::try_from(count).unwrap_or(0))),
            Some(_) => Err(Fault::new(repeated.at, "`limit` and `offset` must be whole numbers")),
        };
        let offset = count(&repeated.offset)?.unwrap_or(0);
        let limit = count(&repeated.limit)?.unwrap_or(usize::MAX);
        match &repeated.over {
            Over::Value(operand) => {
                let items: Vec<Cow<'a, Value>> = self.items(operand, repeated.json);
                let items = items.into_iter().skip(offset).take(limit);
                if repeated.reversed { self.rounds(repeated, items.rev()) } else { self.rounds(repeated, items) }
            }
            Over::Range(first, last) => {
                let bound = |operand| match number(&self.operand(operand)) {
                    Some(Number::Integer(bound)) => i32::try_from(bound).ok(),
                    _ => None,
                };
                let (Some(first), Some(last)) = (bound(first), bound(last)) else {
                    return Err(Fault::new(repeated.at, "a range needs two whole numbers below 2147483648"));
                };
                let end = i64::from(last).saturating_add(1).max(i64::from(first));
                let number = |at: usize| Cow::Owned(Value::from(i64::from(first) + at as i64));
                let length = usize::try_from(end - i64::from(first)).unwrap_or(usize::MAX);
                let items = (offset.min(length)..length.min(offset.saturating_add(limit))).map(number);
                if repeated.reversed { self.rounds(repeated, items.rev()) } else { self.rounds(repeated, items) }
            }
        }
    }

    fn rounds(
        &mut self,
        repeated: &'a Loop,
        items: impl ExactSizeIterator<Item = Cow<'a, Value>>,
    ) -> Result<(), Fault> {
        let length = items.len();
        if length == 0 {
            // A `break` here would be one without a loop.
            return self.nodes(&repeated.otherwise).map(|_| ());
        }
        for (index, item) in items.enumerate() {
            if repeated.json && index > 0 {
                self.written.push(',');
            }
            self.scopes.push((&repeated.variable, item));
            self.loops.push((index, length));
            let flow = self.nodes(&repeated.body);
            self.loops.pop();
            self.scopes.pop();
            if flow? == Flow::Break {
                break;
            }
        }
        Ok(())
    }

    /// What a loop goes over: a list's elements, or an object's members as lists of name and value.
    fn items(&self, operand: &'a Operand, json: bool) -> Vec<Cow<'a, Value>> {
        let alone = json || self.globals.body_is_xml();
        match self.operand(operand) {
            Cow::Borrowed(Value::Array(items)) => items.iter().map(Cow::Borrowed).collect(),
            Cow::Owned(Value::Array(items)) => items.into_iter().map(Cow::Owned).collect(),
            value if value.is_null() => Vec::new(),
            value if alone => vec![value],
            value => match &*value {
                Value::Object(members) => {
                    members.iter().map(|(name, value)| Cow::Owned(json!([name, value]))).collect()
                }
                Value::String(text) if text.is_empty() => Vec::new(),
                _ => vec![value],
            },
        }
    }

    fn holds(&self, condition: &Condition) -> bool {
        match condition {
            Condition::Is(operand) => match operand {
                Operand::Empty => true,
                operand => is_true(&self.operand_here(operand)),
            },
            Condition::Not(condition) => !self.holds(condition),
            Condition::And(left, right) => self.holds(left) && self.holds(right),
            Condition::Or(left, right) => self.holds(left) || self.holds(right),
            Condition::Compare(left, comparison, right) => self.compares(left, *comparison, right),
        }
    }

    fn compares(&self, left: &Operand, comparison: Comparison, right: &Operand) -> bool {
        let is_equal = || match (left, right) {
            (Operand::Empty, Operand::Empty) => true,
            (Operand::Empty, other) | (other, Operand::Empty) => is_empty(&self.operand_here(other)),
            (left, right) => equal(&self.operand_here(left), &self.operand_here(right)),
        };
        let order = || compare(&self.operand_here(left), &self.operand_here(right));
        match comparison {
            Comparison::Equal => is_equal(),
            Comparison::NotEqual => !is_equal(),
            Comparison::Less => order() == Some(Ordering::Less),
            Comparison::LessOrEqual => matches!(order(), Some(Ordering::Less | Ordering::Equal)),
            Comparison::Greater => order() == Some(Ordering::Greater),
            Comparison::GreaterOrEqual => matches!(order(), Some(Ordering::Greater | Ordering::Equal)),
            Comparison::Contains => contains(&self.operand_here(left), &self.operand_here(right)),
        }
    }

    fn chain(&self, chain: &'a Chain) -> Result<Cow<'a, Value>, Fault> {
        let mut value = self.operand(&chain.operand);
        for call in &chain.calls {
            let arguments: Vec<Cow<'_, Value>> = call.arguments.iter().map(|operand| self.operand(operand)).collect();
            let result = (call.filter.apply)(&value, &arguments, self.globals);
            let fault = |Problem(message)| Fault::new(call.at, format!("{}: {message}", call.filter.name));
            value = Cow::Owned(result.map_err(fault)?);
        }
        Ok(value)
    }

    fn operand(&self, operand: &'a Operand) -> Cow<'a, Value> {
        match operand {
            Operand::Literal(value) => Cow::Borrowed(value),
            Operand::Empty => Cow::Owned(Value::from("")),
            Operand::Path(path) => self.path(path),
        }
    }

    /// The same for an operand that doesn't live as long.
    fn operand_here<'s>(&'s self, operand: &'s Operand) -> Cow<'s, Value> {
        match operand {
            Operand::Literal(value) => Cow::Borrowed(value),
            Operand::Empty => Cow::Owned(Value::from("")),
            Operand::Path(path) => self.path(path),
        }
    }

    fn path(&self, path: &Path) -> Cow<'a, Value> {
        let keys: Vec<Cow<'_, Value>> = path.steps.iter().map(|step| self.key(step)).collect();
        let scoped = self.scopes.iter().rev().find(|(name, _)| *name == path.root).map(|(_, value)| value);
        if let Some(value) = scoped.or_else(|| self.assigned.get(path.root.as_str())) {
            return match value {
                Cow::Borrowed(value) => inside(value, &keys),
                Cow::Owned(value) => Cow::Owned(inside(value, &keys).into_owned()),
            };
        }
        match path.root.to_ascii_lowercase().as_str() {
            "body" => inside(self.globals.body(), &keys),
            "context" => Cow::Owned(self.globals.context(&keys)),
            "forloop" => Cow::Owned(self.forloop(&keys)),
            _ => match self.counters.get(path.root.as_str()) {
                Some(counter) if keys.is_empty() => Cow::Owned(Value::from(*counter)),
                _ => Cow::Owned(NIL),
            },
        }
    }

    fn key<'s>(&'s self, step: &'s Step) -> Cow<'s, Value> {
        match step {
            Step::Name(name) => Cow::Owned(Value::from(name.as_str())),
            Step::Index(operand) => self.operand_here(operand),
        }
    }

    fn forloop(&self, keys: &[Cow<'_, Value>]) -> Value {
        let Some((&(index, length), outside)) = self.loops.split_last() else { return NIL };
        let [Cow::Owned(Value::String(name)) | Cow::Borrowed(Value::String(name)), rest @ ..] = keys else {
            return NIL;
        };
        let number = |value: usize| Value::from(value);
        match (name.to_ascii_lowercase().as_str(), rest) {
            ("index", []) => number(index + 1),
            ("index0", []) => number(index),
            ("rindex", []) => number(length - index),
            ("rindex0", []) => number(length - index - 1),
            ("length", []) => number(length),
            ("first", []) => Value::Bool(index == 0),
            ("last", []) => Value::Bool(index + 1 == length),
            ("parentloop", [Cow::Owned(Value::String(name)) | Cow::Borrowed(Value::String(name))]) => {
                match (outside.last(), name.to_ascii_lowercase().as_str()) {
                    (Some((index, _)), "index") => number(index + 1),
                    (Some((index, _)), "index0") => number(*index),
                    _ => NIL,
                }
            }
            _ => NIL,
        }
    }
}

/// What lies at a path inside a value; nil as soon as a step leads nowhere.
fn inside<'v>(value: &'v Value, keys: &[Cow<'_, Value>]) -> Cow<'v, Value> {
    let mut found = Cow::Borrowed(value);
    for key in keys {
        found = match found {
            Cow::Borrowed(value) => match member(value, key) {
                Some(next) => next,
                None => return Cow::Owned(NIL),
            },
            // A size has no members.
            Cow::Owned(_) => return Cow::Owned(NIL),
        };
    }
    found
}
