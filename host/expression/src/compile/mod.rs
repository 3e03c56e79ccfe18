//! From the parser's tree to the one that is evaluated: resolves names, checks kinds, works out constants.

/// Calls: functions, comprehensions, and what looks like them.
mod call;

/// Operators.
mod operation;

/// Where a part stands in the source.
mod place;

use std::sync::Arc;

use cel::common::ast::{EntryExpr, Expr, IdedEntryExpr, IdedExpr, LiteralValue, SelectExpr, SourceInfo};

use crate::budget::Budget;
use crate::context::Table;
use crate::error::{CompileError, with_article};
use crate::evaluate::{Evaluation, NoContext};
use crate::expression::Needs;
use crate::kinds::Kinds;
use crate::limits::MAX_DEPTH;
use crate::names::{KINDS, MISTAKEN, Meaning, OBJECTS, ObjectName, Side, VALUES, nearest};
use crate::node::Node;
use crate::parse::parse;
use crate::value::Value;

type Compiled = Result<Typed, CompileError>;

/// A compiled expression and what is known of it.
pub(crate) struct Code {
    pub(crate) root: Node,
    pub(crate) needs: Needs,
    pub(crate) kinds: Kinds,
}

/// A part of it, and the kinds that its value may have.
struct Typed {
    node: Node,
    kinds: Kinds,
}

impl Typed {
    fn new(node: Node, kinds: Kinds) -> Typed {
        Typed { node, kinds }
    }

    fn constant(value: Value) -> Typed {
        let kinds = Kinds::of(&value);
        Typed { node: Node::Constant(value), kinds }
    }

    fn as_constant(&self) -> Option<&Value> {
        match &self.node {
            Node::Constant(value) => Some(value),
            _ => None,
        }
    }
}

/// Compiles a source.
///
/// # Errors
/// If it isn't an expression, or can never have a value.
pub(crate) fn compile(source: &str) -> Result<Code, CompileError> {
    let (tree, info) = parse(source)?;
    let mut compiler = Compiler { source, info, locals: Vec::new(), needs: Needs::default(), depth: 0 };
    let Typed { node, kinds } = compiler.expression(&tree)?;
    Ok(Code { root: node, needs: compiler.needs, kinds })
}

struct Compiler<'a> {
    source: &'a str,
    info: SourceInfo,
    /// The variables of the comprehensions around the part that is being compiled.
    locals: Vec<String>,
    needs: Needs,
    depth: usize,
}

impl Compiler<'_> {
    fn expression(&mut self, tree: &IdedExpr) -> Compiled {
        // The source's depth has been checked; this holds whatever the parser makes of it.
        if self.depth > 2 * MAX_DEPTH {
            return Err(CompileError::new("the expression is nested too deeply", self.place(tree.id)));
        }
        self.depth += 1;
        let compiled = self.one(tree);
        self.depth -= 1;
        compiled
    }

    fn one(&mut self, tree: &IdedExpr) -> Compiled {
        match &tree.expr {
            Expr::Literal(literal) => Ok(Typed::constant(literal_value(literal))),
            Expr::Ident(name) => self.name(name, self.place(tree.id)),
            Expr::Select(select) => self.select(select, tree.id),
            Expr::Call(call) => self.call(call, tree.id),
            Expr::List(list) => {
                let items = list.elements.iter().map(|item| self.expression(item).map(|typed| typed.node));
                let items = items.collect::<Result<Box<[Node]>, _>>()?;
                Ok(folded(Typed::new(Node::List(items), Kinds::LIST)))
            }
            Expr::Map(map) => self.map(&map.entries),
            Expr::Struct(_) => Err(CompileError::new(
                "there are no messages; a map is written `{\"key\": value}`",
                self.place(tree.id),
            )),
            Expr::Comprehension(_) | Expr::Unspecified => {
                Err(CompileError::new("the expression can't be read", self.place(tree.id)))
            }
        }
    }

    fn map(&mut self, entries: &[IdedEntryExpr]) -> Compiled {
        let mut compiled = Vec::with_capacity(entries.len());
        for entry in entries {
            let EntryExpr::MapEntry(entry) = &entry.expr else { continue };
            let key = self.expression(&entry.key)?;
            if !key.kinds.meets(Kinds::STRING | Kinds::INTEGER | Kinds::BOOL) {
                let found = with_article(key.kinds.for_message());
                return Err(CompileError::new(
                    format!("the key of a map has to be a string, and is {found}"),
                    self.start(&entry.key),
                ));
            }
            compiled.push((key.node, self.expression(&entry.value)?.node));
        }
        Ok(folded(Typed::new(Node::Map(compiled.into_boxed_slice()), Kinds::MAP)))
    }

    /// A name by itself.
    fn name(&mut self, name: &str, offset: usize) -> Compiled {
        let name = name.trim_start_matches('.');
        if let Some(number) = self.local(name) {
            return Ok(Typed::new(Node::Local(number), Kinds::ANY));
        }
        if let Some((_, meaning)) = VALUES.iter().find(|(value, _)| *value == name) {
            return Ok(self.meaning(*meaning));
        }
        if let Some(object) = OBJECTS.iter().find(|object| object.name == name) {
            let members: Vec<String> = object.members.iter().map(|(member, _)| format!("`{name}.{member}`")).collect();
            let only = if object.object.is_some() { "only be compared with null" } else { "not be used as a value" };
            return Err(CompileError::new(
                format!("`{name}` as a whole can {only}; its members are {}", members.join(", ")),
                offset,
            ));
        }
        if KINDS.contains(&name) {
            return Ok(Typed::constant(Value::from(name)));
        }
        Err(self.unknown_name(name, offset))
    }

    fn unknown_name(&self, name: &str, offset: usize) -> CompileError {
        let hint = if let Some((_, hint)) = MISTAKEN.iter().find(|(mistaken, _)| *mistaken == name) {
            format!("; {hint}")
        } else {
            let names = OBJECTS.iter().map(|object| object.name).chain(VALUES.iter().map(|(name, _)| *name));
            let names = names.chain(self.locals.iter().map(String::as_str));
            did_you_mean(nearest(name, names).map(str::to_owned))
        };
        CompileError::new(format!("there is no name `{name}`{hint}"), offset)
    }

    fn local(&self, name: &str) -> Option<usize> {
        self.locals.iter().rposition(|local| local == name)
    }

    /// The object of the context that a part names, if it does.
    fn object(&self, tree: &IdedExpr) -> Option<&'static ObjectName> {
        let Expr::Ident(name) = &tree.expr else { return None };
        let name = name.trim_start_matches('.');
        if self.local(name).is_some() {
            return None;
        }
        OBJECTS.iter().find(|object| object.name == name)
    }

    fn member(&self, object: &ObjectName, field: &str, offset: usize) -> Result<Meaning, CompileError> {
        object.member(field).ok_or_else(|| {
            let members = object.members.iter().map(|(member, _)| *member);
            let name = object.name;
            let hint = match nearest(field, members) {
                Some(near) => did_you_mean(Some(format!("{name}.{near}"))),
                None => {
                    let members: Vec<&str> = object.members.iter().map(|(member, _)| *member).collect();
                    format!("; it has {}", members.join(", "))
                }
            };
            CompileError::new(format!("there is no `{name}.{field}`{hint}"), offset)
        })
    }

    fn meaning(&mut self, meaning: Meaning) -> Typed {
        match meaning {
            Meaning::Fact(fact, kinds) => Typed::new(Node::Fact(fact), kinds),
            Meaning::Table(table) => Typed::new(Node::Table(table), Kinds::MAP),
            Meaning::Body(side) => {
                self.need(side);
                Typed::new(Node::Body(side), Kinds::TEXT | Kinds::NULL)
            }
            Meaning::Json(side) => {
                self.need(side);
                Typed::new(Node::Json(side), Kinds::ANY)
            }
        }
    }

    fn need(&mut self, side: Side) {
        match side {
            Side::Request => self.needs.request_body = true,
            Side::Response => self.needs.response_body = true,
        }
    }

    /// `operand.field`.
    fn select(&mut self, select: &SelectExpr, id: u64) -> Compiled {
        if let Some(object) = self.object(&select.operand) {
            let meaning = self.member(object, &select.field, self.field_place(id))?;
            return Ok(self.meaning(meaning));
        }
        let field: Arc<str> = Arc::from(select.field.as_str());
        let operand = self.expression(&select.operand)?;
        if let Node::Table(table) = operand.node {
            return Ok(entry(table, field));
        }
        self.has_fields(&operand, &field, Kinds::MAP, id)?;
        Ok(folded(Typed::new(Node::Select(Box::new(operand.node), field), Kinds::ANY)))
    }

    fn has_fields(&self, operand: &Typed, field: &str, kinds: Kinds, id: u64) -> Result<(), CompileError> {
        if operand.kinds.meets(kinds) {
            return Ok(());
        }
        let kind = with_article(operand.kinds.for_message());
        Err(CompileError::new(format!("{kind} has no field `{field}`"), self.field_place(id)))
    }

    /// `has(operand.field)`.
    fn has(&mut self, select: &SelectExpr, id: u64) -> Compiled {
        if let Some(object) = self.object(&select.operand) {
            let meaning = self.member(object, &select.field, self.field_place(id))?;
            let value = match meaning {
                Meaning::Table(_) => return Ok(presence(object)),
                Meaning::Json(side) => self.meaning(Meaning::Body(side)),
                other => self.meaning(other),
            };
            let sides = Box::new([value.node, Node::Constant(Value::Null)]);
            return Ok(Typed::new(Node::Equal { sides, negated: true }, Kinds::BOOL));
        }
        let field: Arc<str> = Arc::from(select.field.as_str());
        let operand = self.expression(&select.operand)?;
        if let Node::Table(table) = operand.node {
            let key = Box::new(Node::Constant(Value::String(field)));
            return Ok(Typed::new(Node::HasEntry(table, key), Kinds::BOOL));
        }
        self.has_fields(&operand, &field, Kinds::MAP | Kinds::NULL, id)?;
        Ok(folded(Typed::new(Node::HasField(Box::new(operand.node), field), Kinds::BOOL)))
    }
}

/// The entry of a table whose key stands in the source.
fn entry(table: Table, key: Arc<str>) -> Typed {
    Typed::new(Node::Entry(table, key), entry_kinds(table))
}

/// What an entry of a table may be: variables anything, all others text.
fn entry_kinds(table: Table) -> Kinds {
    if table == Table::Variables { Kinds::ANY } else { Kinds::STRING | Kinds::NULL }
}

/// Whether an object is there. The request always is.
fn presence(object: &ObjectName) -> Typed {
    match object.object {
        Some(object) => Typed::new(Node::HasObject(object), Kinds::BOOL),
        None => Typed::constant(Value::Bool(true)),
    }
}

fn did_you_mean(near: Option<String>) -> String {
    near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

fn literal_value(literal: &LiteralValue) -> Value {
    match literal {
        LiteralValue::Boolean(value) => Value::Bool(*value.inner()),
        LiteralValue::Bytes(value) => Value::Bytes(bytes::Bytes::copy_from_slice(value.inner())),
        LiteralValue::Double(value) => Value::Double(*value.inner()),
        LiteralValue::Int(value) => Value::Int(*value.inner()),
        LiteralValue::Null => Value::Null,
        LiteralValue::String(value) => Value::from(value.inner()),
        LiteralValue::UInt(value) => Value::Uint(*value.inner()),
    }
}

/// The constant that it is, if all that it is made of is constant and it has a value.
fn folded(typed: Typed) -> Typed {
    match constant_value(&typed.node) {
        Some(Ok(value)) => Typed::constant(value),
        _ => typed,
    }
}

/// The value of a part that is made of constants only; none if it isn't.
fn constant_value(node: &Node) -> Option<Result<Value, crate::error::EvaluationError>> {
    let is_constant = |node: &Node| matches!(node, Node::Constant(_));
    let foldable = match node {
        Node::Select(operand, _) | Node::HasField(operand, _) | Node::Not(operand) | Node::Negate(operand) => {
            is_constant(operand)
        }
        Node::Index(sides) | Node::In(sides) | Node::And(sides) | Node::Or(sides) | Node::Operation(_, sides) => {
            sides.iter().all(is_constant)
        }
        Node::Equal { sides, .. } => sides.iter().all(is_constant),
        Node::List(items) | Node::Call(_, items) => items.iter().all(is_constant),
        Node::Map(entries) => entries.iter().all(|(key, value)| is_constant(key) && is_constant(value)),
        Node::Search { text, replacement, .. } => {
            is_constant(text) && replacement.as_ref().is_none_or(|replacement| is_constant(replacement))
        }
        _ => false,
    };
    foldable.then(|| Evaluation::new(&NoContext, Budget::of_a_constant()).value(node))
}
