//! What `if`, `unless` and `case` ask.

use super::Fault;
use super::expression::{Operand, operand};
use super::token::{Token, Tokens};

/// Members of a chain of `and` and `or`.
const MAX_LENGTH: usize = 64;

/// Something that holds or doesn't.
#[derive(Debug)]
pub(crate) enum Condition {
    /// The value is neither missing nor false.
    Is(Operand),
    Compare(Operand, Comparison, Operand),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    /// What `unless` asks.
    Not(Box<Condition>),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// A text holds a text, or a list a value.
    Contains,
}

/// A condition, up to the end of the words. `and` and `or` bind alike and from the right, as in every Liquid.
pub(crate) fn condition(tokens: &mut Tokens) -> Result<Condition, Fault> {
    let at = tokens.at();
    let mut parts = vec![single(tokens)?];
    let mut joins = Vec::new();
    while let Some(Token::Name(name)) = tokens.peek() {
        let is_and = match name.as_str() {
            "and" => true,
            "or" => false,
            _ => break,
        };
        tokens.take();
        joins.push(is_and);
        parts.push(single(tokens)?);
    }
    tokens.expect_end()?;
    if parts.len() > MAX_LENGTH {
        return Err(Fault::new(at, format!("a condition has more than {MAX_LENGTH} parts")));
    }
    let last = parts.pop().ok_or_else(|| Fault::new(at, "a condition is missing"))?;
    let join = |right, (left, is_and)| match is_and {
        true => Condition::And(Box::new(left), Box::new(right)),
        false => Condition::Or(Box::new(left), Box::new(right)),
    };
    Ok(parts.into_iter().zip(joins).rev().fold(last, join))
}

fn single(tokens: &mut Tokens) -> Result<Condition, Fault> {
    let left = operand(tokens)?;
    let comparison = match tokens.peek() {
        Some(Token::Sign("==")) => Comparison::Equal,
        Some(Token::Sign("!=" | "<>")) => Comparison::NotEqual,
        Some(Token::Sign("<")) => Comparison::Less,
        Some(Token::Sign("<=")) => Comparison::LessOrEqual,
        Some(Token::Sign(">")) => Comparison::Greater,
        Some(Token::Sign(">=")) => Comparison::GreaterOrEqual,
        Some(Token::Name(name)) if name.eq_ignore_ascii_case("contains") => Comparison::Contains,
        _ => return Ok(Condition::Is(left)),
    };
    tokens.take();
    Ok(Condition::Compare(left, comparison, operand(tokens)?))
}
