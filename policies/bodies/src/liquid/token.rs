//! The words of what stands between delimiters.

use super::Fault;

/// A word.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// A name; hyphens may stand in it.
    Name(String),
    /// What stood between quotes.
    Text(String),
    Integer(i64),
    Float(f64),
    /// `|`, `:`, `,`, `.`, `..`, `[`, `]`, `(`, `)`, `=` or a comparison.
    Sign(&'static str),
}

/// Longer ones first.
const SIGNS: [&str; 16] = ["..", "==", "!=", "<>", "<=", ">=", "<", ">", "=", "|", ":", ",", ".", "[", "]", "("];

/// Words that are taken one by one.
#[derive(Debug)]
pub(crate) struct Tokens {
    tokens: Vec<(usize, Token)>,
    next: usize,
    /// Where the text ends.
    end: usize,
}

impl Tokens {
    /// The words of a text that begins at `at` in the template.
    pub(crate) fn read(text: &str, at: usize) -> Result<Self, Fault> {
        let mut tokens = Vec::new();
        let mut offset = 0;
        while let Some(c) = text[offset..].chars().next() {
            if c.is_whitespace() {
                offset += c.len_utf8();
                continue;
            }
            let (token, length) = word(&text[offset..]).map_err(|message| Fault::new(at + offset, message))?;
            tokens.push((at + offset, token));
            offset += length;
        }
        Ok(Self { tokens, next: 0, end: at + text.len() })
    }

    /// Whether a name is among them, in any case.
    pub(crate) fn hold_name(&self, name: &str) -> bool {
        self.tokens.iter().any(|(_, token)| matches!(token, Token::Name(text) if text.eq_ignore_ascii_case(name)))
    }

    pub(crate) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    /// Where the next word stands in the template.
    pub(crate) fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |(at, _)| *at)
    }

    /// The next word, taken.
    pub(crate) fn take(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.next += 1;
        token
    }

    /// Take a sign if it is next.
    pub(crate) fn take_sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(next)) if *next == sign);
        self.next += usize::from(found);
        found
    }

    /// Take a name if it is next.
    pub(crate) fn take_name(&mut self, name: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Name(next)) if next == name);
        self.next += usize::from(found);
        found
    }

    /// Any name.
    pub(crate) fn expect_any_name(&mut self, what: &str) -> Result<String, Fault> {
        let at = self.at();
        match self.take() {
            Some(Token::Name(name)) => Ok(name),
            _ => Err(Fault::new(at, format!("{what} is missing"))),
        }
    }

    pub(crate) fn expect_sign(&mut self, sign: &str) -> Result<(), Fault> {
        match self.take_sign(sign) {
            true => Ok(()),
            false => Err(Fault::new(self.at(), format!("`{sign}` is missing"))),
        }
    }

    /// Nothing may be left.
    pub(crate) fn expect_end(&self) -> Result<(), Fault> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(Fault::new(self.at(), "nothing more can stand here")),
        }
    }
}

/// The first word and its length in bytes.
fn word(text: &str) -> Result<(Token, usize), String> {
    let first = text.chars().next().unwrap_or_default();
    if first == '"' || first == '\'' {
        let length = text[1..].find(first).ok_or("a text has no closing quote")?;
        return Ok((Token::Text(text[1..=length].to_owned()), length + 2));
    }
    let signed = text.strip_prefix('-').unwrap_or(text);
    if signed.starts_with(|c: char| c.is_ascii_digit()) {
        return number(text, text.len() - signed.len());
    }
    if first.is_alphabetic() || first == '_' || first == '@' || first == '$' {
        let end = text.find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-' | '@' | '$'));
        // `a-` at the end of a name is not a part of it, but `a-b` is.
        let name = text[..end.unwrap_or(text.len())].trim_end_matches('-');
        let asks = usize::from(text[name.len()..].starts_with('?'));
        return Ok((Token::Name(name.to_owned()), name.len() + asks));
    }
    let sign = SIGNS.iter().copied().chain([")"]).find(|sign| text.starts_with(sign));
    sign.map(|sign| (Token::Sign(sign), sign.len())).ok_or_else(|| format!("`{first}` can't stand here"))
}

fn number(text: &str, sign: usize) -> Result<(Token, usize), String> {
    let digits = |from: usize| text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let whole = sign + digits(sign);
    // `1..5` is a range, not `1.` and `.5`.
    let fraction = if text[whole..].starts_with('.') { digits(whole + 1) } else { 0 };
    if fraction == 0 {
        let value = text[..whole].parse().map_err(|_| "a number is too large".to_owned())?;
        return Ok((Token::Integer(value), whole));
    }
    let length = whole + 1 + fraction;
    let value = text[..length].parse().map_err(|_| "a number can't be read".to_owned())?;
    Ok((Token::Float(value), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Token> {
        let mut tokens = Tokens::read(text, 0).unwrap();
        std::iter::from_fn(|| tokens.take()).collect()
    }

    #[test]
    fn words_are_told_apart() {
        let name = |text: &str| Token::Name(text.into());
        assert_eq!(
            words("a.b-c['x'] | Plus: -1, 2.5"),
            [
                name("a"),
                Token::Sign("."),
                name("b-c"),
                Token::Sign("["),
                Token::Text("x".into()),
                Token::Sign("]"),
                Token::Sign("|"),
                name("Plus"),
                Token::Sign(":"),
                Token::Integer(-1),
                Token::Sign(","),
                Token::Float(2.5),
            ]
        );
        assert_eq!(
            words("(1..n)"),
            [Token::Sign("("), Token::Integer(1), Token::Sign(".."), name("n"), Token::Sign(")")]
        );
        assert_eq!(words("a<>b>=c"), [name("a"), Token::Sign("<>"), name("b"), Token::Sign(">="), name("c")]);
    }

    #[test]
    fn what_is_no_word_is_told_with_its_place() {
        assert_eq!(Tokens::read("a & b", 10).unwrap_err(), Fault::new(12, "`&` can't stand here"));
        assert_eq!(Tokens::read("'a", 0).unwrap_err(), Fault::new(0, "a text has no closing quote"));
        assert_eq!(Tokens::read("99999999999999999999", 0).unwrap_err().message, "a number is too large");
    }
}
