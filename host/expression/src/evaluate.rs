//! Evaluates a compiled expression within its budget.

use std::cell::OnceCell;
use std::sync::Arc;

use crate::budget::Budget;
use crate::compare::equal;
use crate::context::{Context, Fact, Object, Table};
use crate::error::EvaluationError;
use crate::functions::codec::measure;
use crate::functions::{Function, regex};
use crate::json;
use crate::limits::{MAX_BODY_JSON_BYTES, MAX_RESULT_DEPTH};
use crate::map::Map;
use crate::names::Side;
use crate::node::{Each, Macro, Node};
use crate::operators::negate;
use crate::value::Value;

type Evaluated = Result<Value, EvaluationError>;

/// One evaluation, of one expression or of all in a text.
pub(crate) struct Evaluation<'a> {
    context: &'a dyn Context,
    budget: Budget,
    locals: Vec<Value>,
    /// Bodies as values and as JSON, of the request and of the response: worked out at most once.
    bodies: [OnceCell<Value>; 2],
    jsons: [OnceCell<Evaluated>; 2],
}

/// Knows nothing: what constants are worked out with.
pub(crate) struct NoContext;

impl Context for NoContext {
    fn fact(&self, _: Fact) -> Value {
        Value::Null
    }
    fn entry(&self, _: Table, _: &str) -> Option<Value> {
        None
    }
    fn table(&self, _: Table) -> Value {
        Value::from(Map::default())
    }
    fn has(&self, _: Object) -> bool {
        false
    }
}

impl<'a> Evaluation<'a> {
    pub(crate) fn new(context: &'a dyn Context, budget: Budget) -> Evaluation<'a> {
        let (bodies, jsons) = ([OnceCell::new(), OnceCell::new()], [OnceCell::new(), OnceCell::new()]);
        Evaluation { context, budget, locals: Vec::new(), bodies, jsons }
    }

    /// The value of a whole expression.
    pub(crate) fn result(&mut self, root: &Node) -> Evaluated {
        let value = self.value(root)?;
        // Only what is built can be deeper than what it is built of; what is looked up has been checked before.
        let built = !matches!(root, Node::Entry(..) | Node::Select(..) | Node::Json(_) | Node::Table(_));
        if built && matches!(value, Value::List(_) | Value::Map(_)) && !value.nests_at_most(MAX_RESULT_DEPTH) {
            return Err(EvaluationError::TooDeep);
        }
        Ok(value)
    }

    /// Puts the value of an expression into a text.
    pub(crate) fn append(&mut self, root: &Node, text: &mut String) -> Result<(), EvaluationError> {
        let value = self.result(root)?;
        if let Value::List(_) | Value::Map(_) = value {
            measure(&value, &mut 0, &mut self.budget)?;
        }
        let part = value.to_text();
        self.budget.produce(part.len())?;
        text.push_str(&part);
        Ok(())
    }

    pub(crate) fn value(&mut self, node: &Node) -> Evaluated {
        self.budget.step()?;
        match node {
            Node::Constant(value) => Ok(value.clone()),
            Node::Fact(fact) => Ok(self.context.fact(*fact)),
            Node::Entry(table, key) => Ok(self.entry(*table, key)?.unwrap_or(Value::Null)),
            Node::Local(number) => Ok(self.locals.get(*number).cloned().unwrap_or(Value::Null)),
            Node::Select(operand, field) => self.select(operand, field),
            Node::Equal { sides, negated } => {
                let (left, right) = (self.value(&sides[0])?, self.value(&sides[1])?);
                Ok(Value::Bool(equal(&left, &right, &mut self.budget)? != *negated))
            }
            Node::Operation(operator, sides) => {
                let (left, right) = (self.value(&sides[0])?, self.value(&sides[1])?);
                operator.apply(&left, &right, &mut self.budget)
            }
            Node::And(sides) => self.logical(sides, false),
            Node::Or(sides) => self.logical(sides, true),
            Node::Not(operand) => Ok(Value::Bool(!self.bool(operand, "the operand of `!`")?)),
            Node::Conditional(parts) => {
                let chosen = if self.bool(&parts[0], "what stands before `?`")? { &parts[1] } else { &parts[2] };
                self.value(chosen)
            }
            Node::Call(function, arguments) => self.call(function, arguments),
            Node::Each(each) => self.each(each),
            other => self.rarer(other),
        }
    }

    /// The rest of [`Evaluation::value`]: in a function of its own, so that the stack of the common one stays small.
    #[inline(never)]
    fn rarer(&mut self, node: &Node) -> Evaluated {
        match node {
            Node::Body(side) => Ok(self.body(*side)),
            Node::Json(side) => self.json(*side),
            Node::Table(table) => {
                self.budget.hard_work(self.context.scanned(*table))?;
                let value = self.context.table(*table);
                if let Value::Map(map) = &value {
                    self.budget.steps(map.len())?;
                }
                Ok(value)
            }
            Node::EntryOf(table, key) => Ok(self.entry_of(*table, key)?.unwrap_or(Value::Null)),
            Node::HasEntry(table, key) => Ok(Value::Bool(self.entry_of(*table, key)?.is_some())),
            Node::HasObject(object) => Ok(Value::Bool(self.context.has(*object))),
            Node::HasField(operand, field) => match self.value(operand)? {
                Value::Map(map) => Ok(Value::Bool(map.get(field).is_some())),
                Value::Null => Ok(Value::Bool(false)),
                other => Err(EvaluationError::NoField { kind: other.kind(), field: Arc::clone(field) }),
            },
            Node::Index(parts) => self.index(parts),
            Node::Negate(operand) => negate(&self.value(operand)?),
            Node::In(sides) => self.is_in(sides),
            Node::List(items) => {
                self.budget.produce_values(items.len())?;
                items.iter().map(|item| self.value(item)).collect::<Result<Arc<[Value]>, _>>().map(Value::List)
            }
            Node::Map(entries) => self.map(entries),
            Node::Search { search, pattern, text, replacement } => {
                let text = self.value(text)?;
                let replacement = replacement.as_ref().map(|replacement| self.value(replacement)).transpose()?;
                regex::search(*search, pattern, &text, replacement.as_ref(), &mut self.budget)
            }
            Node::Coalesce(parts) => self.coalesce(parts),
            Node::Get(parts) => self.get(parts),
            other => self.value(other),
        }
    }

    fn bool(&mut self, node: &Node, what: &'static str) -> Result<bool, EvaluationError> {
        match self.value(node)? {
            Value::Bool(value) => Ok(value),
            other => Err(EvaluationError::Kind { what, expected: "bool", found: other.kind() }),
        }
    }

    /// `&&` and `||`: a side that decides absorbs the other's error, wherever it stands.
    fn logical(&mut self, sides: &[Node; 2], deciding: bool) -> Evaluated {
        let what = if deciding { "each side of `||`" } else { "each side of `&&`" };
        match self.bool(&sides[0], what) {
            Ok(left) if left == deciding => Ok(Value::Bool(deciding)),
            Ok(_) => self.bool(&sides[1], what).map(Value::Bool),
            Err(error) if error.is_final() => Err(error),
            Err(error) => match self.bool(&sides[1], what) {
                Ok(right) if right == deciding => Ok(Value::Bool(deciding)),
                Err(other) if other.is_final() => Err(other),
                _ => Err(error),
            },
        }
    }

    fn select(&mut self, operand: &Node, field: &Arc<str>) -> Evaluated {
        match self.value(operand)? {
            Value::Map(map) => map.get(field).cloned().ok_or_else(|| EvaluationError::MissingKey(Arc::clone(field))),
            other => Err(EvaluationError::NoField { kind: other.kind(), field: Arc::clone(field) }),
        }
    }

    fn index(&mut self, parts: &[Node; 2]) -> Evaluated {
        let (operand, index) = (self.value(&parts[0])?, self.value(&parts[1])?);
        match (&operand, &index) {
            (Value::Map(map), Value::String(key)) => map.get(key).cloned().ok_or_else(|| match &parts[1] {
                Node::Constant(_) => EvaluationError::MissingKey(Arc::clone(key)),
                _ => EvaluationError::MissingComputedKey,
            }),
            (Value::List(items), Value::Int(_) | Value::Uint(_) | Value::Double(_)) => {
                let position = whole(&index);
                let found = position.and_then(|position| usize::try_from(position).ok());
                found
                    .and_then(|position| items.get(position).cloned())
                    .ok_or(EvaluationError::OutOfBounds { index: position.unwrap_or(i64::MAX), length: items.len() })
            }
            _ => Err(EvaluationError::Operands { operator: "[]", left: operand.kind(), right: index.kind() }),
        }
    }

    fn is_in(&mut self, sides: &[Node; 2]) -> Evaluated {
        let (wanted, whole) = (self.value(&sides[0])?, self.value(&sides[1])?);
        match (&wanted, &whole) {
            (_, Value::List(items)) => {
                for item in items.iter() {
                    self.budget.step()?;
                    if equal(&wanted, item, &mut self.budget)? {
                        return Ok(Value::Bool(true));
                    }
                }
                Ok(Value::Bool(false))
            }
            (Value::String(key), Value::Map(map)) => Ok(Value::Bool(map.get(key).is_some())),
            (_, Value::Map(_)) => Ok(Value::Bool(false)),
            (_, Value::Null) => Err(EvaluationError::NullOperand { operator: "in", side: "right" }),
            _ => Err(EvaluationError::Operands { operator: "in", left: wanted.kind(), right: whole.kind() }),
        }
    }

    fn entry_of(&mut self, table: Table, key: &Node) -> Result<Option<Value>, EvaluationError> {
        match self.value(key)? {
            Value::String(key) => self.entry(table, &key),
            other => Err(EvaluationError::Kind { what: "a key", expected: "string", found: other.kind() }),
        }
    }

    /// An entry of a table. A client chooses how long its query and its headers are, so looking costs.
    fn entry(&mut self, table: Table, key: &str) -> Result<Option<Value>, EvaluationError> {
        self.budget.hard_work(self.context.scanned(table))?;
        let found = self.context.entry(table, key);
        if table != Table::Variables
            && let Some(Value::String(text)) = &found
        {
            self.budget.work(text.len())?;
        }
        Ok(found)
    }

    fn map(&mut self, entries: &[(Node, Node)]) -> Evaluated {
        self.budget.produce_values(2 * entries.len())?;
        let mut built = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let key = match self.value(key)? {
                Value::String(key) => key,
                key @ (Value::Int(_) | Value::Uint(_) | Value::Bool(_)) => Arc::from(key.to_text()),
                other => {
                    let what = "the key of a map";
                    return Err(EvaluationError::Kind { what, expected: "string", found: other.kind() });
                }
            };
            built.push((key, self.value(value)?));
        }
        let map: Map = built.into_iter().collect();
        if map.len() < entries.len() { Err(EvaluationError::RepeatedKey) } else { Ok(Value::from(map)) }
    }

    fn call(&mut self, function: &'static Function, arguments: &[Node]) -> Evaluated {
        match arguments {
            [one] => {
                let values = [self.value(one)?];
                function.call(&values, &mut self.budget)
            }
            [one, two] => {
                let values = [self.value(one)?, self.value(two)?];
                function.call(&values, &mut self.budget)
            }
            more => {
                let values = more.iter().map(|argument| self.value(argument)).collect::<Result<Vec<_>, _>>()?;
                function.call(&values, &mut self.budget)
            }
        }
    }

    fn each(&mut self, each: &Each) -> Evaluated {
        let items: Arc<[Value]> = match self.value(&each.range)? {
            Value::List(items) => items,
            Value::Map(map) => {
                self.budget.produce_values(map.len())?;
                map.names().map(|name| Value::String(Arc::clone(name))).collect()
            }
            other => {
                return Err(EvaluationError::Kind {
                    what: "what a comprehension goes through",
                    expected: "list",
                    found: other.kind(),
                });
            }
        };
        let depth = self.locals.len();
        let result = self.each_of(each, &items);
        self.locals.truncate(depth);
        result
    }

    fn each_of(&mut self, each: &Each, items: &[Value]) -> Evaluated {
        let depth = self.locals.len();
        let mut found = Vec::new();
        let mut count = 0_usize;
        let mut absorbed = None;
        for item in items {
            self.budget.step()?;
            self.locals.truncate(depth);
            self.locals.push(item.clone());
            if let Some(filter) = &each.filter
                && !self.bool(filter, "the condition of `map`")?
            {
                continue;
            }
            match each.macro_ {
                Macro::Map => found.push(self.value(&each.body)?),
                Macro::Filter if self.bool(&each.body, "the condition of `filter`")? => found.push(item.clone()),
                Macro::Filter => {}
                Macro::ExistsOne => count += usize::from(self.bool(&each.body, "the condition of `exists_one`")?),
                Macro::All | Macro::Exists => {
                    let deciding = each.macro_ == Macro::Exists;
                    match self.bool(&each.body, "the condition of a comprehension") {
                        Ok(value) if value == deciding => return Ok(Value::Bool(deciding)),
                        Ok(_) => {}
                        Err(error) if error.is_final() => return Err(error),
                        Err(error) => absorbed = absorbed.or(Some(error)),
                    }
                }
            }
        }
        match (each.macro_, absorbed) {
            (_, Some(error)) => Err(error),
            (Macro::All, None) => Ok(Value::Bool(true)),
            (Macro::Exists, None) => Ok(Value::Bool(false)),
            (Macro::ExistsOne, None) => Ok(Value::Bool(count == 1)),
            (Macro::Map | Macro::Filter, None) => {
                self.budget.produce_values(found.len())?;
                Ok(Value::from(found))
            }
        }
    }

    /// The first that isn't null; what names a key or a field that isn't there counts as null.
    fn coalesce(&mut self, parts: &[Node]) -> Evaluated {
        for part in parts {
            match self.value(part) {
                Ok(Value::Null) => {}
                Err(error) if error.is_missing() => {}
                other => return other,
            }
        }
        Ok(Value::Null)
    }

    fn get(&mut self, parts: &[Node; 3]) -> Evaluated {
        let key = match self.value(&parts[1])? {
            Value::String(key) => key,
            other => return Err(EvaluationError::Kind { what: "a key", expected: "string", found: other.kind() }),
        };
        let found = match &parts[0] {
            Node::Table(table) => self.entry(*table, &key)?,
            operand => match self.value(operand)? {
                Value::Map(map) => map.get(&key).cloned(),
                Value::Null => None,
                other => {
                    let what = "what `get` looks into";
                    return Err(EvaluationError::Kind { what, expected: "map", found: other.kind() });
                }
            },
        };
        found.map_or_else(|| self.value(&parts[2]), Ok)
    }

    /// Text if it is UTF-8, bytes if not, null without one.
    fn body(&self, side: Side) -> Value {
        let text = || match self.context.fact(side.body()) {
            Value::Bytes(bytes) => match std::str::from_utf8(&bytes) {
                Ok(text) => Value::from(text),
                Err(_) => Value::Bytes(bytes),
            },
            other => other,
        };
        self.bodies[side as usize].get_or_init(text).clone()
    }

    fn json(&self, side: Side) -> Evaluated {
        let parse = || {
            let body = self.context.fact(side.body());
            let text = match &body {
                Value::Bytes(bytes) => bytes,
                Value::String(text) => text.as_bytes(),
                _ => return Ok(Value::Null),
            };
            match json::parse(text, MAX_BODY_JSON_BYTES) {
                Ok((value, _)) => Ok(value),
                Err(json::Unparsed::TooLarge) => Err(EvaluationError::BodyTooLarge(side.name())),
                Err(json::Unparsed::NotJson) => Err(EvaluationError::BodyNotJson(side.name())),
            }
        };
        self.jsons[side as usize].get_or_init(parse).clone()
    }
}

/// The number as an int, if it is a whole one that fits.
fn whole(number: &Value) -> Option<i64> {
    match number {
        Value::Int(value) => Some(*value),
        Value::Uint(value) => i64::try_from(*value).ok(),
        Value::Double(value) if value.fract() == 0.0 && value.abs() < 9e15 => Some(*value as i64),
        _ => None,
    }
}
