//! Refuses sources that would take the parser more stack than there is, before it sees them.

use crate::error::CompileError;
use crate::limits::{MAX_BRACKETS, MAX_DEPTH, MAX_SOURCE};
use crate::scan::{Lexeme, Scanner, Token};

/// What stands between two brackets, and how deep its tree is going to be at most.
struct Level {
    /// The bracket that opened it, and where; none for the whole source.
    opened: Option<(u8, usize)>,
    /// Selections, calls and operators with one side of the operand that is being read.
    operand: usize,
    /// The deepest of the brackets in that operand.
    inner: usize,
    /// The deepest operand between two logical operators, and how many operators joined them.
    deepest: usize,
    joints: usize,
    /// The deepest part between two logical operators.
    part: usize,
    /// How many logical operators, of which the parser makes a balanced tree, and how many `?`, which nest.
    logical: usize,
    conditions: usize,
    /// The deepest part between two commas.
    item: usize,
    /// Whether an operand stands before the next token.
    after_operand: bool,
}

impl Level {
    fn new(opened: Option<(u8, usize)>) -> Level {
        Level {
            opened,
            operand: 0,
            inner: 0,
            deepest: 0,
            joints: 0,
            part: 0,
            logical: 0,
            conditions: 0,
            item: 0,
            after_operand: false,
        }
    }

    fn end_operand(&mut self) {
        self.deepest = self.deepest.max(1 + self.operand + self.inner);
        (self.operand, self.inner, self.after_operand) = (0, 0, false);
    }

    fn end_part(&mut self) {
        self.end_operand();
        self.part = self.part.max(self.deepest + self.joints);
        (self.deepest, self.joints) = (0, 0);
    }

    fn end_item(&mut self) {
        self.end_part();
        self.item = self.item.max(self.depth());
        (self.part, self.logical, self.conditions) = (0, 0, 0);
    }

    /// As far as it has been read.
    fn depth(&self) -> usize {
        let part = self.part.max(self.deepest.max(1 + self.operand + self.inner) + self.joints);
        let logical = (self.logical + 1).next_power_of_two().trailing_zeros() as usize;
        self.item.max(part + logical + self.conditions)
    }
}

/// Checks length, depth, and that brackets and strings are closed.
///
/// # Errors
/// If they aren't, with the place.
pub(crate) fn check(source: &str) -> Result<(), CompileError> {
    if source.len() > MAX_SOURCE {
        return Err(CompileError::new(format!("an expression has at most {MAX_SOURCE} bytes"), MAX_SOURCE));
    }
    let mut levels = vec![Level::new(None)];
    let mut scanner = Scanner::new(source, 0);
    while let Some(lexeme) = scanner.next()? {
        take(&mut levels, lexeme)?;
        let depth: usize = levels.iter().map(Level::depth).sum();
        if depth > MAX_DEPTH || levels.len() > MAX_BRACKETS + 1 {
            return Err(CompileError::new(
                format!(
                    "the expression is nested too deeply: at most {MAX_DEPTH} operators and {MAX_BRACKETS} brackets \
                     in one another"
                ),
                lexeme.start,
            ));
        }
    }
    match levels.last().and_then(|level| level.opened) {
        Some((bracket, at)) => Err(CompileError::new(format!("`{}` isn't closed", char::from(bracket)), at)),
        None => Ok(()),
    }
}

fn take(levels: &mut Vec<Level>, lexeme: Lexeme) -> Result<(), CompileError> {
    if let Token::Close(bracket) = lexeme.token {
        return close(levels, bracket, lexeme.start);
    }
    let Some(level) = levels.last_mut() else { return Ok(()) };
    match lexeme.token {
        Token::Word | Token::Number | Token::Text => level.after_operand = true,
        Token::Dot | Token::Not => level.operand += 1,
        Token::Open(bracket) => {
            level.operand += usize::from(level.after_operand);
            levels.push(Level::new(Some((bracket, lexeme.start))));
        }
        Token::Operator if level.after_operand => {
            level.end_operand();
            level.joints += 1;
        }
        // A sign.
        Token::Operator => level.operand += 1,
        Token::Logical => {
            level.end_part();
            level.logical += 1;
        }
        Token::Question => {
            level.end_part();
            level.conditions += 1;
        }
        Token::Colon => level.end_part(),
        Token::Comma => level.end_item(),
        Token::Close(_) => {}
    }
    Ok(())
}

fn close(levels: &mut Vec<Level>, bracket: u8, at: usize) -> Result<(), CompileError> {
    let unopened = || CompileError::new(format!("`{}` closes nothing", char::from(bracket)), at);
    let mut level = levels.pop().ok_or_else(unopened)?;
    let closes = match level.opened.ok_or_else(unopened)?.0 {
        b'(' => b')',
        b'[' => b']',
        _ => b'}',
    };
    if closes != bracket {
        return Err(CompileError::new(
            format!("`{}` stands where `{}` is due", char::from(bracket), char::from(closes)),
            at,
        ));
    }
    level.end_item();
    if let Some(outer) = levels.last_mut() {
        outer.inner = outer.inner.max(1 + level.item);
        outer.after_operand = true;
    }
    Ok(())
}
