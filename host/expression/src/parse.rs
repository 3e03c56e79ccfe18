//! From a source to the parser's tree.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cel::common::ast::{IdedExpr, SourceInfo};

use crate::error::CompileError;
use crate::limits::MAX_BRACKETS;
use crate::nesting;
use crate::scan::{Scanner, Token};

/// The tree of a source, macros unexpanded, and where its parts stand.
///
/// # Errors
/// If the source isn't an expression, or is one that would take too much to parse.
pub(crate) fn parse(source: &str) -> Result<(IdedExpr, SourceInfo), CompileError> {
    nesting::check(source)?;
    if Scanner::new(source, 0).next()?.is_none() {
        return Err(CompileError::new("there is no expression", 0));
    }
    let depth = u16::try_from(4 * MAX_BRACKETS).unwrap_or(u16::MAX);
    // An environment without macros: they are compiled here, and not as the loops that they'd be expanded to.
    let parser = cel::Env::default().parser().max_recursion_depth(depth).error_recovery_limit(1);
    let parser = parser.enable_ident_escape_syntax(true);
    // The source is all that it touches, so that nothing is left half done.
    match catch_unwind(AssertUnwindSafe(|| parser.parse_with_source_info(source))) {
        Ok(Ok(parsed)) => Ok(parsed),
        Ok(Err(errors)) => {
            let first = errors.errors.into_iter().next();
            Err(first.map_or_else(|| unreadable(0), |error| explain(source, error.pos, &error.msg)))
        }
        Err(_) => Err(unreadable(0)),
    }
}

fn unreadable(offset: usize) -> CompileError {
    CompileError::new("the expression can't be read", offset)
}

/// The parser's error in this crate's words. It says at most one sign of the source, and no text: that may be a secret.
fn explain(source: &str, (line, column): (isize, isize), message: &str) -> CompileError {
    let (line, column) = (usize::try_from(line - 1).unwrap_or(0), usize::try_from(column - 1).unwrap_or(0));
    let line_start: usize = source.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = source.get(line_start..).unwrap_or_default();
    let offset = line_start + rest.char_indices().nth(column).map_or(rest.len(), |(byte, _)| byte);
    if !message.starts_with("Syntax error") {
        return match message.split(':').next().unwrap_or_default() {
            problem @ ("invalid int literal" | "invalid uint literal" | "invalid double literal") => {
                CompileError::new(format!("{problem}: it doesn't fit its type"), offset)
            }
            "reserved identifier" => CompileError::new("the name is reserved", offset),
            "invalid string literal" | "invalid bytes literal" => {
                CompileError::new("the literal has a wrong escape", offset)
            }
            _ => unreadable(offset),
        };
    }
    match Scanner::new(source, offset).next() {
        Ok(None) => CompileError::new("the expression ends too early", offset),
        Ok(Some(lexeme)) if matches!(lexeme.token, Token::Text) => {
            CompileError::new("a literal can't stand here", lexeme.start)
        }
        Ok(Some(lexeme)) => {
            let sign = source.get(lexeme.start..lexeme.end).unwrap_or_default();
            CompileError::new(format!("`{sign}` can't stand here"), lexeme.start)
        }
        Err(error) => error,
    }
}
