//! A template's pieces, as a tree.

use super::Fault;
use super::condition::{Comparison, Condition, condition};
use super::expression::{Chain, Operand, chain, operand};
use super::segment::Piece;
use super::token::{Token, Tokens};

/// Blocks within blocks.
const MAX_DEPTH: usize = 32;

/// A part of a template.
#[derive(Debug)]
pub(crate) enum Node {
    Text(String),
    Output(Chain),
    /// The first branch whose condition holds; the last one's always does if the template has an `else`.
    If(Vec<(Option<Condition>, Vec<Node>)>),
    For(Box<Loop>),
    Assign(String, Chain),
    Capture(String, Vec<Node>),
    /// Each time the next of these; loops with the same key go on where the last one was.
    Cycle(String, Vec<Operand>),
    /// A counter of its own: written and then counted up, or counted down and then written.
    Increment(String),
    Decrement(String),
    Break,
    Continue,
}

/// `for` and `JSONArrayFor`.
#[derive(Debug)]
pub(crate) struct Loop {
    /// Where it stands in the template.
    pub(crate) at: usize,
    pub(crate) variable: String,
    pub(crate) over: Over,
    pub(crate) offset: Option<Operand>,
    pub(crate) limit: Option<Operand>,
    pub(crate) reversed: bool,
    /// Whether it writes a JSON array: a comma between its rounds, and one round for what is no list.
    pub(crate) json: bool,
    pub(crate) body: Vec<Node>,
    /// What is written if there is no round.
    pub(crate) otherwise: Vec<Node>,
}

/// What a loop goes over.
#[derive(Debug)]
pub(crate) enum Over {
    Value(Operand),
    /// From the first to the last, both included.
    Range(Operand, Operand),
}

/// What was read.
pub(crate) struct Read {
    pub(crate) nodes: Vec<Node>,
    pub(crate) uses_body: bool,
}

/// A tag that ends the nodes before it.
struct End<'a> {
    name: &'a str,
    rest: &'a str,
    at: usize,
}

struct Parser<'p, 'a> {
    pieces: std::slice::Iter<'p, Piece<'a>>,
    depth: usize,
    uses_body: bool,
}

/// All of a template.
pub(crate) fn parse(pieces: &[Piece<'_>]) -> Result<Read, Fault> {
    let mut parser = Parser { pieces: pieces.iter(), depth: 0, uses_body: false };
    let (nodes, end) = parser.nodes(&[])?;
    match end {
        None => Ok(Read { nodes, uses_body: parser.uses_body }),
        Some(end) => Err(Fault::new(end.at, format!("the tag `{}` can't stand here", end.name))),
    }
}

impl<'a> Parser<'_, 'a> {
    /// Nodes up to one of these tags, or to the end.
    fn nodes(&mut self, until: &[&str]) -> Result<(Vec<Node>, Option<End<'a>>), Fault> {
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            match *piece {
                Piece::Text(text) => nodes.push(Node::Text(text.to_owned())),
                Piece::Output { inner, at } => nodes.push(Node::Output(chain(&mut self.tokens(inner, at)?)?)),
                Piece::Tag { name, rest, at } if until.contains(&name) => {
                    return Ok((nodes, Some(End { name, rest, at })));
                }
                Piece::Tag { name, rest, at } => nodes.push(self.tag(name, rest, at)?),
            }
        }
        Ok((nodes, None))
    }

    /// Nodes up to one of these tags, which has to come.
    fn block(&mut self, tag: &str, at: usize, until: &[&str]) -> Result<(Vec<Node>, End<'a>), Fault> {
        if self.depth == MAX_DEPTH {
            return Err(Fault::new(at, format!("more than {MAX_DEPTH} blocks are nested")));
        }
        self.depth += 1;
        let (nodes, end) = self.nodes(until)?;
        self.depth -= 1;
        let end = end.ok_or_else(|| Fault::new(at, format!("the tag `{tag}` has no `end{tag}`")))?;
        Ok((nodes, end))
    }

    fn tokens(&mut self, text: &str, at: usize) -> Result<Tokens, Fault> {
        let tokens = Tokens::read(text, at)?;
        self.uses_body |= tokens.hold_name("body");
        Ok(tokens)
    }

    fn tag(&mut self, name: &str, rest: &str, at: usize) -> Result<Node, Fault> {
        match name {
            "if" | "unless" => self.conditional(name, rest, at),
            "case" => self.case(rest, at),
            "for" | "JSONArrayFor" => self.repeated(name, rest, at),
            "assign" => {
                let mut tokens = self.tokens(rest, at)?;
                let variable = tokens.expect_any_name("a variable's name")?;
                tokens.expect_sign("=")?;
                Ok(Node::Assign(variable, chain(&mut tokens)?))
            }
            "capture" => {
                let variable = self.one_name(rest, at)?;
                let (nodes, _) = self.block(name, at, &["endcapture"])?;
                Ok(Node::Capture(variable, nodes))
            }
            "increment" => Ok(Node::Increment(self.one_name(rest, at)?)),
            "decrement" => Ok(Node::Decrement(self.one_name(rest, at)?)),
            "cycle" => self.cycle(rest, at),
            "break" => Ok(Node::Break),
            "continue" => Ok(Node::Continue),
            _ => Err(Fault::new(at, format!("the tag `{name}` can't stand here"))),
        }
    }

    fn one_name(&mut self, rest: &str, at: usize) -> Result<String, Fault> {
        let mut tokens = self.tokens(rest, at)?;
        let name = match tokens.take() {
            Some(Token::Name(name) | Token::Text(name)) => name,
            _ => return Err(Fault::new(at, "a variable's name is missing")),
        };
        tokens.expect_end()?;
        Ok(name)
    }

    fn conditional(&mut self, tag: &str, rest: &str, at: usize) -> Result<Node, Fault> {
        let close = format!("end{tag}");
        let first = condition(&mut self.tokens(rest, at)?)?;
        let mut asked = Some(if tag == "unless" { Condition::Not(Box::new(first)) } else { first });
        let mut branches = Vec::new();
        loop {
            let until = ["elsif", "else", close.as_str()];
            let (nodes, end) = self.block(tag, at, if asked.is_some() { &until } else { &until[2..] })?;
            branches.push((asked, nodes));
            asked = match end.name {
                "elsif" => Some(condition(&mut self.tokens(end.rest, end.at)?)?),
                "else" => None,
                _ => return Ok(Node::If(branches)),
            };
        }
    }

    fn case(&mut self, rest: &str, at: usize) -> Result<Node, Fault> {
        let mut tokens = self.tokens(rest, at)?;
        let subject = operand(&mut tokens)?;
        tokens.expect_end()?;
        // What stands before the first `when` is nothing.
        let (_, mut end) = self.block("case", at, &["when", "else", "endcase"])?;
        let mut branches = Vec::new();
        loop {
            let asked = match end.name {
                "when" => Some(self.alternatives(&subject, end.rest, end.at)?),
                "else" => None,
                _ => return Ok(Node::If(branches)),
            };
            let (nodes, next) = self.block("case", at, &["when", "else", "endcase"])?;
            branches.push((asked, nodes));
            end = next;
        }
    }

    /// `a, b or c`: the subject is one of these.
    fn alternatives(&mut self, subject: &Operand, rest: &str, at: usize) -> Result<Condition, Fault> {
        let mut tokens = self.tokens(rest, at)?;
        let mut asked: Option<Condition> = None;
        let mut count = 0;
        loop {
            let next = Condition::Compare(subject.clone(), Comparison::Equal, operand(&mut tokens)?);
            asked = Some(match asked {
                Some(asked) => Condition::Or(Box::new(asked), Box::new(next)),
                None => next,
            });
            count += 1;
            if count > MAX_DEPTH {
                return Err(Fault::new(at, format!("more than {MAX_DEPTH} values are compared")));
            }
            if !tokens.take_sign(",") && !tokens.take_name("or") {
                tokens.expect_end()?;
                return asked.ok_or_else(|| Fault::new(at, "a value is missing"));
            }
        }
    }

    fn repeated(&mut self, tag: &str, rest: &str, at: usize) -> Result<Node, Fault> {
        let mut tokens = self.tokens(rest, at)?;
        let variable = tokens.expect_any_name("a variable's name")?;
        if !tokens.take_name("in") {
            return Err(Fault::new(tokens.at(), "`in` is missing"));
        }
        let over = if tokens.take_sign("(") {
            let first = operand(&mut tokens)?;
            tokens.expect_sign("..")?;
            let last = operand(&mut tokens)?;
            tokens.expect_sign(")")?;
            Over::Range(first, last)
        } else {
            Over::Value(operand(&mut tokens)?)
        };
        let (mut offset, mut limit, mut reversed) = (None, None, false);
        while tokens.peek().is_some() {
            if tokens.take_name("reversed") {
                reversed = true;
            } else if tokens.take_name("limit") {
                tokens.expect_sign(":")?;
                limit = Some(operand(&mut tokens)?);
            } else if tokens.take_name("offset") {
                tokens.expect_sign(":")?;
                offset = Some(operand(&mut tokens)?);
            } else if !tokens.take_sign(",") {
                return Err(Fault::new(tokens.at(), "a loop takes `limit`, `offset` and `reversed`"));
            }
        }
        let close = format!("end{tag}");
        let (body, end) = self.block(tag, at, &["else", close.as_str()])?;
        let otherwise = if end.name == "else" { self.block(tag, at, &[close.as_str()])?.0 } else { Vec::new() };
        let json = tag == "JSONArrayFor";
        Ok(Node::For(Box::new(Loop { at, variable, over, offset, limit, reversed, json, body, otherwise })))
    }

    fn cycle(&mut self, rest: &str, at: usize) -> Result<Node, Fault> {
        let mut tokens = self.tokens(rest, at)?;
        let mut key = rest.trim().to_owned();
        let mut values = vec![operand(&mut tokens)?];
        if tokens.take_sign(":") {
            key = rest.split(':').next().unwrap_or_default().trim().to_owned();
            values = vec![operand(&mut tokens)?];
        }
        while tokens.take_sign(",") {
            values.push(operand(&mut tokens)?);
        }
        tokens.expect_end()?;
        Ok(Node::Cycle(key, values))
    }
}
