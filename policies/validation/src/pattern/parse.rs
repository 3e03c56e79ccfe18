//! From a pattern's text to its tree.

use super::class::{Class, Kind, Member};

/// Groups within groups.
const MAX_DEPTH: usize = 40;

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    Class(Class),
    /// `^`
    Start,
    /// `$`
    End,
    /// `\b`, or `\B` if it is false.
    Boundary(bool),
    /// One after the other.
    Sequence(Vec<Expression>),
    /// One of these.
    Choice(Vec<Expression>),
    Repeat {
        what: Box<Expression>,
        min: u32,
        max: Option<u32>,
    },
    /// `(?=…)`, or `(?!…)` if it is negated.
    Ahead {
        what: Box<Expression>,
        negated: bool,
    },
}

/// Read a pattern. Errors go on with "the pattern `…` ".
pub(crate) fn parse(source: &str) -> Result<Expression, String> {
    let mut parser = Parser { rest: source.chars().collect::<Vec<_>>().into(), depth: 0 };
    let expression = parser.choice()?;
    match parser.next() {
        None => Ok(expression),
        Some(_) => Err("has a `)` too many".into()),
    }
}

struct Parser {
    rest: std::collections::VecDeque<char>,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.rest.front().copied()
    }

    fn next(&mut self) -> Option<char> {
        self.rest.pop_front()
    }

    fn take(&mut self, text: &str) -> bool {
        let is_next = text.chars().enumerate().all(|(index, c)| self.rest.get(index) == Some(&c));
        if is_next {
            self.rest.drain(..text.chars().count());
        }
        is_next
    }

    fn choice(&mut self) -> Result<Expression, String> {
        let mut choices = vec![self.sequence()?];
        while self.take("|") {
            choices.push(self.sequence()?);
        }
        Ok(if choices.len() == 1 { choices.remove(0) } else { Expression::Choice(choices) })
    }

    fn sequence(&mut self) -> Result<Expression, String> {
        let mut parts = Vec::new();
        while let Some(c) = self.peek().filter(|c| !matches!(c, '|' | ')')) {
            let part = match c {
                '*' | '+' | '?' => return Err(format!("has a `{c}` with nothing before it")),
                _ => self.atom()?,
            };
            parts.push(self.quantified(part)?);
        }
        Ok(Expression::Sequence(parts))
    }

    fn atom(&mut self) -> Result<Expression, String> {
        match self.next() {
            Some('^') => Ok(Expression::Start),
            Some('$') => Ok(Expression::End),
            Some('.') => Ok(Expression::Class(Class::dot())),
            Some('(') => self.group(),
            Some('[') => Ok(Expression::Class(self.class()?)),
            Some('\\') => self.escape(),
            Some(c) => Ok(Expression::Class(Class::character(c))),
            None => Err("ends too early".into()),
        }
    }

    fn group(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("is nested too deeply".into());
        }
        let ahead = match () {
            () if self.take("?:") => None,
            () if self.take("?=") => Some(false),
            () if self.take("?!") => Some(true),
            () if self.take("?<=") || self.take("?<!") => return Err("looks behind, which is not supported".into()),
            () if self.take("?<") => {
                while self.next().ok_or("has a group's name without its end")? != '>' {}
                None
            }
            () if self.peek() == Some('?') => return Err("has a group of an unknown kind".into()),
            () => None,
        };
        let inside = self.choice()?;
        self.depth -= 1;
        if self.next() != Some(')') {
            return Err("has a group without its end".into());
        }
        Ok(match ahead {
            Some(negated) => Expression::Ahead { what: Box::new(inside), negated },
            None => inside,
        })
    }

    fn quantified(&mut self, what: Expression) -> Result<Expression, String> {
        let (min, max) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => match self.counts()? {
                Some(counts) => counts,
                None => return Ok(what),
            },
            _ => return Ok(what),
        };
        // The sign, or the brace that `counts` left.
        self.next();
        // How greedy it is makes no difference to whether it fits.
        self.take("?");
        match self.peek() {
            Some(c @ ('*' | '+')) => Err(format!("has a `{c}` with nothing before it")),
            _ => Ok(Expression::Repeat { what: Box::new(what), min, max }),
        }
    }

    /// `{2}`, `{2,}` or `{2,5}`, read up to its closing brace. A brace that begins none of these is a character.
    fn counts(&mut self) -> Result<Option<(u32, Option<u32>)>, String> {
        let Some(end) = self.rest.iter().position(|&c| c == '}') else { return Ok(None) };
        let inside: String = self.rest.range(1..end).collect();
        let (min, max) = match inside.split_once(',') {
            None => (inside.as_str(), inside.as_str()),
            Some(both) => both,
        };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if min.is_empty() || !digits(min) || !digits(max) {
            return Ok(None);
        }
        let number = |text: &str| text.parse::<u32>().map_err(|_| "repeats too often".to_owned());
        let (min, max) = (number(min)?, if max.is_empty() { None } else { Some(number(max)?) });
        if max.is_some_and(|max| max < min) {
            return Err("repeats at most less often than at least".into());
        }
        self.rest.drain(..end);
        Ok(Some((min, max)))
    }

    fn escape(&mut self) -> Result<Expression, String> {
        match self.peek() {
            Some('b') => {
                self.next();
                Ok(Expression::Boundary(true))
            }
            Some('B') => {
                self.next();
                Ok(Expression::Boundary(false))
            }
            Some('1'..='9' | 'k') => Err("refers back to a group, which is not supported".into()),
            _ => Ok(Expression::Class(Class::of(self.escaped()?))),
        }
    }

    /// What follows a backslash, in or outside brackets.
    fn escaped(&mut self) -> Result<Member, String> {
        let c = self.next().ok_or("ends in a backslash")?;
        let character = match c {
            'd' | 'D' => return Ok(Member::Kind(Kind::Digit, c == 'D')),
            'w' | 'W' => return Ok(Member::Kind(Kind::Word, c == 'W')),
            's' | 'S' => return Ok(Member::Kind(Kind::Space, c == 'S')),
            'p' | 'P' => return self.property().map(|kind| Member::Kind(kind, c == 'P')),
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'v' => '\u{B}',
            'f' => '\u{C}',
            '0' => '\0',
            'c' => match self.next() {
                Some(letter) if letter.is_ascii_alphabetic() => char::from(letter as u8 & 0x1F),
                _ => return Err("has a `\\c` without a letter".into()),
            },
            'x' => self.hexadecimal(2)?,
            'u' => self.unicode()?,
            c if c.is_ascii_alphanumeric() => return Err(format!("has an unknown escape, `\\{c}`")),
            c => c,
        };
        Ok(Member::Range(character, character))
    }

    fn property(&mut self) -> Result<Kind, String> {
        if !self.take("{") {
            return Err("has a property without a name".into());
        }
        let mut name = String::new();
        loop {
            match self.next() {
                Some('}') => break,
                Some(c) => name.push(c),
                None => return Err("has a property without a name".into()),
            }
        }
        let short = name.rsplit('=').next().unwrap_or_default();
        Kind::property(short).ok_or_else(|| format!("asks for the property `{name}`, which is not supported"))
    }

    /// `\u00e9`, `\ud83d\ude00` or `\u{1f600}`.
    fn unicode(&mut self) -> Result<char, String> {
        let bad = || "has a `\\u` that is no character".to_owned();
        if self.take("{") {
            let end = self.rest.iter().position(|&c| c == '}').ok_or_else(bad)?;
            let digits: String = self.rest.drain(..=end).filter(|&c| c != '}').collect();
            return u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32).ok_or_else(bad);
        }
        let high = self.digits(4)?;
        if !(0xD800..0xDC00).contains(&high) {
            return char::from_u32(high).ok_or_else(bad);
        }
        if !self.take("\\u") {
            return Err(bad());
        }
        let low = self.digits(4)?.checked_sub(0xDC00).filter(|low| *low < 0x400).ok_or_else(bad)?;
        char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + low).ok_or_else(bad)
    }

    fn hexadecimal(&mut self, count: usize) -> Result<char, String> {
        let value = self.digits(count)?;
        char::from_u32(value).ok_or_else(|| "has an escape that is no character".to_owned())
    }

    fn digits(&mut self, count: usize) -> Result<u32, String> {
        let text: String = self.rest.drain(..count.min(self.rest.len())).collect();
        let digits = text.len() == count && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let value = if digits { u32::from_str_radix(&text, 16).ok() } else { None };
        value.ok_or_else(|| "has an escape with too few hexadecimal digits".to_owned())
    }

    /// What stands in brackets, behind the opening one.
    fn class(&mut self) -> Result<Class, String> {
        let mut class = Class { members: Vec::new(), negated: self.take("^") };
        loop {
            let from = match self.class_member()? {
                None => return Ok(class),
                Some(member) => member,
            };
            let is_range = self.peek() == Some('-') && self.rest.get(1).is_some_and(|&c| c != ']');
            let Member::Range(start, _) = from else {
                class.members.push(from);
                continue;
            };
            if !is_range {
                class.members.push(from);
                continue;
            }
            self.next();
            match self.class_member()? {
                Some(Member::Range(end, _)) if start <= end => class.members.push(Member::Range(start, end)),
                Some(Member::Range(..)) => return Err("has a range that ends before it begins".into()),
                // `[a-\d]`: the hyphen is one.
                Some(kind) => class.members.extend([from, Member::Range('-', '-'), kind]),
                None => return Err("has a class without its end".into()),
            }
        }
    }

    /// None at the closing bracket.
    fn class_member(&mut self) -> Result<Option<Member>, String> {
        match self.next() {
            None => Err("has a class without its end".into()),
            Some(']') => Ok(None),
            Some('\\') if self.take("b") => Ok(Some(Member::Range('\u{8}', '\u{8}'))),
            Some('\\') => self.escaped().map(Some),
            Some(c) => Ok(Some(Member::Range(c, c))),
        }
    }
}
