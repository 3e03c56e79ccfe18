//! Texts with `${…}` in them.

use std::sync::Arc;

use crate::budget::Budget;
use crate::context::Context;
use crate::error::{CompileError, EvaluationError};
use crate::evaluate::Evaluation;
use crate::expression::{Expression, Needs};
use crate::kinds::Kinds;
use crate::scan::{Scanner, Token};
use crate::value::Value;

/// What a text of a document is.
#[derive(Clone, Debug)]
pub enum Parsed {
    /// There is no expression in it; `$${` has become `${`.
    Literal(String),
    /// There is.
    Dynamic(Dynamic),
}

/// A text with at least one `${…}` in it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Dynamic(Arc<Form>);

#[derive(Debug)]
enum Form {
    /// One expression and nothing else: its value keeps its kind.
    Whole { expression: Expression, source: Option<Box<str>> },
    /// Text with values in it.
    Text { source: Box<str>, pieces: Vec<Piece>, needs: Needs },
}

#[derive(Debug)]
enum Piece {
    Text(Box<str>),
    Expression(Expression),
}

impl Dynamic {
    /// Reads a text.
    ///
    /// # Errors
    /// If a `${` isn't closed or an expression isn't one. The offset is into `text`.
    pub fn parse(text: &str) -> Result<Parsed, CompileError> {
        let pieces = pieces(text)?;
        match pieces.as_slice() {
            [] => return Ok(Parsed::Literal(String::new())),
            [Piece::Text(literal)] => return Ok(Parsed::Literal(literal.to_string())),
            [Piece::Expression(expression)] => {
                let whole = Form::Whole { expression: expression.clone(), source: Some(Box::from(text)) };
                return Ok(Parsed::Dynamic(Dynamic(Arc::new(whole))));
            }
            _ => {}
        }
        let needs = pieces.iter().fold(Needs::default(), |needs, piece| match piece {
            Piece::Text(_) => needs,
            Piece::Expression(expression) => needs | expression.needs(),
        });
        Ok(Parsed::Dynamic(Dynamic(Arc::new(Form::Text { source: Box::from(text), pieces, needs }))))
    }

    /// An expression that stands by itself.
    pub fn whole(expression: Expression) -> Dynamic {
        Dynamic(Arc::new(Form::Whole { expression, source: None }))
    }

    /// The text it was read from; of [`Dynamic::whole`], the expression's.
    pub fn source(&self) -> &str {
        match &*self.0 {
            Form::Whole { source: Some(source), .. } | Form::Text { source, .. } => source,
            Form::Whole { expression, source: None } => expression.source(),
        }
    }

    /// The expression, if it is one and nothing else.
    pub fn expression(&self) -> Option<&Expression> {
        match &*self.0 {
            Form::Whole { expression, .. } => Some(expression),
            Form::Text { .. } => None,
        }
    }

    /// The kind of its value, if that is certain.
    pub fn kind(&self) -> Option<&'static str> {
        self.expression().map_or(Some("string"), Expression::kind)
    }

    /// What it is instead, if its value can be of none of these kinds.
    pub fn misses(&self, kinds: &[&str]) -> Option<&'static str> {
        self.expression().map_or(Kinds::STRING.misses(kinds), |expression| expression.misses(kinds))
    }

    /// What has to be there when it is evaluated.
    pub fn needs(&self) -> Needs {
        match &*self.0 {
            Form::Whole { expression, .. } => expression.needs(),
            Form::Text { needs, .. } => *needs,
        }
    }

    /// The value: of one expression, its value as it is, else text.
    ///
    /// # Errors
    /// If one of the expressions has no value, or all together take too much.
    pub fn evaluate(&self, context: &dyn Context) -> Result<Value, EvaluationError> {
        let pieces = match &*self.0 {
            Form::Whole { expression, .. } => return expression.evaluate(context),
            Form::Text { pieces, .. } => pieces,
        };
        let mut evaluation = Evaluation::new(context, Budget::new());
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(literal) => text.push_str(literal),
                Piece::Expression(expression) => evaluation.append(expression.root(), &mut text)?,
            }
        }
        Ok(Value::from(text))
    }
}

/// Texts and expressions in turn. No two texts follow each other.
fn pieces(text: &str) -> Result<Vec<Piece>, CompileError> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        let (before, after) = rest.split_at(dollar);
        literal.push_str(before);
        if let Some(escaped) = after.strip_prefix("$${") {
            literal.push_str("${");
            rest = escaped;
        } else if after.starts_with("${") {
            let start = text.len() - after.len() + 2;
            let end = closing_brace(text, start)?;
            let source = text.get(start..end).unwrap_or_default();
            let expression =
                Expression::compile(source).map_err(|error| CompileError { offset: start + error.offset, ..error })?;
            if !literal.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut literal).into_boxed_str()));
            }
            pieces.push(Piece::Expression(expression));
            rest = text.get(end + 1..).unwrap_or_default();
        } else {
            literal.push('$');
            rest = after.get(1..).unwrap_or_default();
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal.into_boxed_str()));
    }
    Ok(pieces)
}

/// Where the `}` stands that closes the expression that starts at `start`. Braces in strings and of maps don't.
fn closing_brace(text: &str, start: usize) -> Result<usize, CompileError> {
    let mut scanner = Scanner::new(text, start);
    let mut open = 0_usize;
    while let Some(lexeme) = scanner.next()? {
        match lexeme.token {
            Token::Open(b'{') => open += 1,
            Token::Close(b'}') if open == 0 => return Ok(lexeme.start),
            Token::Close(b'}') => open -= 1,
            _ => {}
        }
    }
    Err(CompileError::new("`${` isn't closed; a text with these signs is written `$${`", start.saturating_sub(2)))
}
