//! The tokens of a source, as far as it takes to find brackets, operators and ends of strings.

use crate::error::CompileError;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A name, a keyword.
    Word,
    /// A number.
    Number,
    /// A literal of a string or of bytes, or a name in backticks.
    Text,
    /// `(`, `[` or `{`.
    Open(u8),
    /// `)`, `]` or `}`.
    Close(u8),
    /// `,`.
    Comma,
    /// `:`.
    Colon,
    /// `?`.
    Question,
    /// `.`.
    Dot,
    /// `!`.
    Not,
    /// `&&` or `||`.
    Logical,
    /// Any other operator, and what is none.
    Operator,
}

/// A token and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexeme {
    pub(crate) token: Token,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Goes through the tokens of a source. Blanks and comments are none.
pub(crate) struct Scanner<'a> {
    source: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    /// Starts at byte `at`.
    pub(crate) fn new(source: &'a str, at: usize) -> Scanner<'a> {
        Scanner { source, at }
    }

    fn rest(&self) -> &'a [u8] {
        self.source.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        self.at += self.rest().iter().take_while(|byte| wanted(**byte)).count();
    }

    fn skip_blanks(&mut self) {
        loop {
            self.skip_while(|byte| byte.is_ascii_whitespace());
            if !self.rest().starts_with(b"//") {
                return;
            }
            self.skip_while(|byte| byte != b'\n');
        }
    }

    /// The next token; none at the end.
    ///
    /// # Errors
    /// If a string isn't closed.
    pub(crate) fn next(&mut self) -> Result<Option<Lexeme>, CompileError> {
        self.skip_blanks();
        let start = self.at;
        let Some(first) = self.rest().first().copied() else { return Ok(None) };
        let token = match first {
            b'(' | b'[' | b'{' => self.take(1, Token::Open(first)),
            b')' | b']' | b'}' => self.take(1, Token::Close(first)),
            b',' => self.take(1, Token::Comma),
            b':' => self.take(1, Token::Colon),
            b'?' => self.take(1, Token::Question),
            b'.' => self.take(1, Token::Dot),
            b'"' | b'\'' => self.text(false)?,
            b'`' => {
                self.at += 1;
                self.skip_while(|byte| byte != b'`' && byte != b'\n');
                self.take(1.min(self.rest().len()), Token::Text)
            }
            b'&' | b'|' => self.take(if self.rest().get(1) == Some(&first) { 2 } else { 1 }, Token::Logical),
            b'!' | b'=' | b'<' | b'>' if self.rest().get(1) == Some(&b'=') => self.take(2, Token::Operator),
            b'!' => self.take(1, Token::Not),
            b'0'..=b'9' => {
                self.skip_while(|byte| byte.is_ascii_alphanumeric());
                Token::Number
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word()?,
            _ => {
                let width = self.source.get(start..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
                self.take(width, Token::Operator)
            }
        };
        Ok(Some(Lexeme { token, start, end: self.at }))
    }

    fn take(&mut self, bytes: usize, token: Token) -> Token {
        self.at += bytes;
        token
    }

    fn word(&mut self) -> Result<Token, CompileError> {
        let start = self.at;
        self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let word = self.source.get(start..self.at).unwrap_or_default();
        let quoted = matches!(self.rest().first(), Some(b'"' | b'\''));
        match word.to_ascii_lowercase().as_str() {
            "r" | "br" if quoted => self.text(true),
            "b" if quoted => self.text(false),
            "in" if word == "in" => Ok(Token::Operator),
            _ => Ok(Token::Word),
        }
    }

    /// A literal from its opening quote. `raw` ones know no escapes.
    fn text(&mut self, raw: bool) -> Result<Token, CompileError> {
        let start = self.at;
        let unclosed = || CompileError::new("the string isn't closed", start);
        let rest = self.rest();
        let triple = rest.len() >= 3 && (rest.starts_with(b"\"\"\"") || rest.starts_with(b"'''"));
        let quotes = rest.get(..if triple { 3 } else { 1 }).ok_or_else(unclosed)?;
        self.at += quotes.len();
        loop {
            let rest = self.rest();
            match rest.first() {
                None => return Err(unclosed()),
                Some(b'\\') if !raw => self.at += 2,
                Some(b'\n' | b'\r') if !triple => return Err(unclosed()),
                _ if rest.starts_with(quotes) => return Ok(self.take(quotes.len(), Token::Text)),
                _ => self.at += 1,
            }
        }
    }
}
