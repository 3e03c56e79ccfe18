//! Values, paths to them and filters on them, as a template writes them.

use super::Fault;
use super::filters::{self, Filter};
use super::token::{Token, Tokens};
use tollgate_sdk::serde_json::Value;

/// Indexes within indexes.
const MAX_DEPTH: usize = 16;

/// A value, before it is looked up.
#[derive(Clone, Debug)]
pub(crate) enum Operand {
    Literal(Value),
    /// `empty` and `blank`: equal to what is empty.
    Empty,
    Path(Path),
}

/// Where a value is to be found.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    pub(crate) root: String,
    pub(crate) steps: Vec<Step>,
}

/// From a value to one inside it.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Name(String),
    Index(Operand),
}

/// A value and the filters it goes through.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) operand: Operand,
    pub(crate) calls: Vec<Call>,
}

/// A filter with its arguments.
#[derive(Debug)]
pub(crate) struct Call {
    /// Where it stands in the template.
    pub(crate) at: usize,
    pub(crate) filter: &'static Filter,
    pub(crate) arguments: Vec<Operand>,
}

/// A value and its filters, up to the end of the words.
pub(crate) fn chain(tokens: &mut Tokens) -> Result<Chain, Fault> {
    let operand = operand(tokens)?;
    let mut calls = Vec::new();
    while tokens.take_sign("|") {
        calls.push(call(tokens)?);
    }
    tokens.expect_end()?;
    Ok(Chain { operand, calls })
}

fn call(tokens: &mut Tokens) -> Result<Call, Fault> {
    let at = tokens.at();
    let name = tokens.expect_any_name("a filter's name")?;
    let filter = filters::named(&name).ok_or_else(|| Fault::new(at, format!("there is no filter `{name}`")))?;
    let mut arguments = Vec::new();
    if tokens.take_sign(":") {
        loop {
            arguments.push(operand(tokens)?);
            if !tokens.take_sign(",") {
                break;
            }
        }
    }
    if !filter.arguments.contains(&arguments.len()) {
        let (least, most) = (filter.arguments.start(), filter.arguments.end());
        let wanted = if least == most { least.to_string() } else { format!("{least} to {most}") };
        let message = format!("the filter `{name}` takes {wanted} arguments, not {}", arguments.len());
        return Err(Fault::new(at, message));
    }
    Ok(Call { at, filter, arguments })
}

/// One value.
pub(crate) fn operand(tokens: &mut Tokens) -> Result<Operand, Fault> {
    operand_within(tokens, 0)
}

fn operand_within(tokens: &mut Tokens, depth: usize) -> Result<Operand, Fault> {
    let at = tokens.at();
    if depth == MAX_DEPTH {
        return Err(Fault::new(at, "indexes are nested too deep"));
    }
    Ok(match tokens.take() {
        Some(Token::Text(text)) => Operand::Literal(Value::from(text)),
        Some(Token::Integer(number)) => Operand::Literal(Value::from(number)),
        Some(Token::Float(number)) => Operand::Literal(Value::from(number)),
        Some(Token::Name(name)) => match name.as_str() {
            "true" => Operand::Literal(Value::Bool(true)),
            "false" => Operand::Literal(Value::Bool(false)),
            "nil" | "null" => Operand::Literal(Value::Null),
            "empty" | "blank" => Operand::Empty,
            _ => Operand::Path(Path { root: name, steps: steps(tokens, depth)? }),
        },
        _ => return Err(Fault::new(at, "a value is missing")),
    })
}

fn steps(tokens: &mut Tokens, depth: usize) -> Result<Vec<Step>, Fault> {
    let mut steps = Vec::new();
    loop {
        if tokens.take_sign(".") {
            steps.push(Step::Name(tokens.expect_any_name("a name after `.`")?));
        } else if tokens.take_sign("[") {
            steps.push(Step::Index(operand_within(tokens, depth + 1)?));
            tokens.expect_sign("]")?;
        } else {
            return Ok(steps);
        }
    }
}
