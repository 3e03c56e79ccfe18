//! Operators.

use cel::common::ast::{Expr, IdedExpr, LiteralValue};

use super::{Compiled, Compiler, Typed, entry, entry_kinds, folded, presence};
use crate::error::{CompileError, with_article};
use crate::kinds::Kinds;
use crate::node::Node;
use crate::operators::Operator;
use crate::value::Value;

impl Compiler<'_> {
    /// The operator that the parser calls `name`, if it is one.
    pub(super) fn operator(&mut self, name: &str, operands: &[IdedExpr], id: u64) -> Option<Compiled> {
        match (name, operands) {
            ("!_", [operand]) => Some(self.not(operand)),
            ("-_", [operand]) => Some(self.negate(operand)),
            ("_?_:_", [condition, yes, no]) => Some(self.conditional(condition, yes, no)),
            ("_&&_" | "_||_", [left, right]) => Some(self.logical(name == "_||_", left, right)),
            ("_==_" | "_!=_", [left, right]) => Some(self.equal(left, right, name == "_!=_")),
            ("@in", [left, right]) => Some(self.is_in(left, right, id)),
            ("_[_]", [operand, index]) => Some(self.index(operand, index, id)),
            (_, [left, right]) => {
                let operator = Operator::named(name)?;
                Some(self.operation(operator, left, right, id))
            }
            _ => None,
        }
    }

    fn operation(&mut self, operator: Operator, left: &IdedExpr, right: &IdedExpr, id: u64) -> Compiled {
        let (left, right) = (self.expression(left)?, self.expression(right)?);
        let kinds = operator.gives(left.kinds, right.kinds);
        if kinds == Kinds::NOTHING {
            return Err(self.refused(operator.text(), &left, &right, id));
        }
        Ok(folded(Typed::new(Node::Operation(operator, Box::new([left.node, right.node])), kinds)))
    }

    fn refused(&self, operator: &str, left: &Typed, right: &Typed, id: u64) -> CompileError {
        let (left, right) = (with_article(left.kinds.for_message()), with_article(right.kinds.for_message()));
        CompileError::new(format!("`{operator}` doesn't take {left} and {right}"), self.place(id))
    }

    /// A part that has to be a boolean.
    pub(super) fn condition(&mut self, tree: &IdedExpr, what: &str) -> Result<Node, CompileError> {
        let typed = self.expression(tree)?;
        if typed.kinds.meets(Kinds::BOOL) {
            return Ok(typed.node);
        }
        let found = with_article(typed.kinds.for_message());
        Err(CompileError::new(format!("{what} has to be a bool, and is {found}"), self.start(tree)))
    }

    fn not(&mut self, operand: &IdedExpr) -> Compiled {
        let operand = self.condition(operand, "the operand of `!`")?;
        Ok(folded(Typed::new(Node::Not(Box::new(operand)), Kinds::BOOL)))
    }

    fn negate(&mut self, operand: &IdedExpr) -> Compiled {
        let compiled = self.expression(operand)?;
        let signed = Kinds::INT | Kinds::DOUBLE | Kinds::DURATION;
        if !compiled.kinds.meets(signed) {
            let found = with_article(compiled.kinds.for_message());
            let message = format!("the operand of `-` has to be a number, and is {found}");
            return Err(CompileError::new(message, self.start(operand)));
        }
        let kinds = signed.each().filter(|kind| kind.meets(compiled.kinds)).fold(Kinds::NOTHING, Kinds::or);
        Ok(folded(Typed::new(Node::Negate(Box::new(compiled.node)), kinds)))
    }

    fn conditional(&mut self, condition: &IdedExpr, yes: &IdedExpr, no: &IdedExpr) -> Compiled {
        let condition = self.condition(condition, "what stands before `?`")?;
        let (yes, no) = (self.expression(yes)?, self.expression(no)?);
        match condition {
            Node::Constant(Value::Bool(true)) => Ok(yes),
            Node::Constant(Value::Bool(false)) => Ok(no),
            _ => {
                let kinds = yes.kinds | no.kinds;
                Ok(Typed::new(Node::Conditional(Box::new([condition, yes.node, no.node])), kinds))
            }
        }
    }

    fn logical(&mut self, or: bool, left: &IdedExpr, right: &IdedExpr) -> Compiled {
        let what = if or { "each side of `||`" } else { "each side of `&&`" };
        let sides = Box::new([self.condition(left, what)?, self.condition(right, what)?]);
        let node = if or { Node::Or(sides) } else { Node::And(sides) };
        Ok(folded(Typed::new(node, Kinds::BOOL)))
    }

    fn equal(&mut self, left: &IdedExpr, right: &IdedExpr, negated: bool) -> Compiled {
        let object = match (self.object(left), self.object(right)) {
            (Some(object), None) if is_null(right) => Some(object),
            (None, Some(object)) if is_null(left) => Some(object),
            _ => None,
        };
        if let Some(object) = object {
            let there = presence(object);
            let node = if negated { there.node } else { Node::Not(Box::new(there.node)) };
            return Ok(folded(Typed::new(node, Kinds::BOOL)));
        }
        let sides = Box::new([self.expression(left)?.node, self.expression(right)?.node]);
        Ok(folded(Typed::new(Node::Equal { sides, negated }, Kinds::BOOL)))
    }

    fn is_in(&mut self, wanted: &IdedExpr, whole: &IdedExpr, id: u64) -> Compiled {
        let (wanted, whole) = (self.expression(wanted)?, self.expression(whole)?);
        if let Node::Table(table) = whole.node {
            return match wanted.kinds.meets(Kinds::STRING) {
                true => Ok(Typed::new(Node::HasEntry(table, Box::new(wanted.node)), Kinds::BOOL)),
                false => Err(self.refused("in", &wanted, &whole, id)),
            };
        }
        if !whole.kinds.meets(Kinds::LIST | Kinds::MAP) {
            return Err(self.refused("in", &wanted, &whole, id));
        }
        Ok(folded(Typed::new(Node::In(Box::new([wanted.node, whole.node])), Kinds::BOOL)))
    }

    fn index(&mut self, operand: &IdedExpr, index: &IdedExpr, id: u64) -> Compiled {
        let (operand, index) = (self.expression(operand)?, self.expression(index)?);
        let of_map = operand.kinds.meets(Kinds::MAP) && index.kinds.meets(Kinds::STRING);
        let of_list = operand.kinds.meets(Kinds::LIST) && index.kinds.meets(Kinds::NUMBER);
        if !of_map && !of_list {
            return Err(self.refused("[]", &operand, &index, id));
        }
        match (operand.node, index.node) {
            (Node::Table(table), Node::Constant(Value::String(key))) => Ok(entry(table, key)),
            (Node::Table(table), key) => Ok(Typed::new(Node::EntryOf(table, Box::new(key)), entry_kinds(table))),
            (operand, index) => Ok(folded(Typed::new(Node::Index(Box::new([operand, index])), Kinds::ANY))),
        }
    }
}

fn is_null(tree: &IdedExpr) -> bool {
    matches!(tree.expr, Expr::Literal(LiteralValue::Null))
}
