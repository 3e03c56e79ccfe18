//! Places within a scalar: from an offset in its text to a line and column of the file.

use std::iter::Peekable;
use std::str::Chars;

use saphyr_parser::ScalarStyle;

use crate::diagnostics::Mark;

/// A scalar's characters in the file, quotes and indents included.
#[derive(Clone)]
pub(crate) struct Source {
    pub(super) mark: Mark,
    pub(super) style: ScalarStyle,
    pub(super) raw: Box<str>,
}

impl Source {
    /// Where the byte `offset` of `text` is, which is what YAML made of these characters.
    ///
    /// None where the two can't be matched: some folded blocks, and blocks with an anchor.
    pub(super) fn locate(&self, text: &str, offset: usize) -> Option<Mark> {
        let mut walk = Walk { chars: self.raw.chars().peekable(), mark: self.mark };
        let quote = match self.style {
            ScalarStyle::Plain => None,
            ScalarStyle::SingleQuoted => Some('\''),
            ScalarStyle::DoubleQuoted => Some('"'),
            ScalarStyle::Literal | ScalarStyle::Folded => return walk.block(text, offset),
        };
        walk.skip_properties();
        if let Some(quote) = quote {
            walk.next().filter(|c| *c == quote)?;
        }
        let mut made = 0;
        while made < text.len() {
            let at = walk.mark;
            let expected = text.get(made..)?;
            let length = walk.flow_piece(quote, expected)?;
            if offset < made + length {
                return Some(at);
            }
            made += length;
        }
        Some(walk.mark)
    }
}

struct Walk<'s> {
    chars: Peekable<Chars<'s>>,
    mark: Mark,
}

impl Walk<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.chars.next()?;
        if c == '\n' {
            self.mark = Mark { line: self.mark.line + 1, column: 1 };
        } else {
            self.mark.column += 1;
        }
        Some(c)
    }

    /// Anchors and tags before the value.
    fn skip_properties(&mut self) {
        while matches!(self.chars.peek(), Some('&' | '!')) {
            while self.chars.peek().is_some_and(|c| !c.is_whitespace()) {
                self.next();
            }
            self.skip(char::is_whitespace);
        }
    }

    fn skip(&mut self, what: impl Fn(char) -> bool) {
        while self.chars.peek().is_some_and(|c| what(*c)) {
            self.next();
        }
    }

    /// Take what makes the next characters of a plain or quoted scalar's text, which begins with `expected` from
    /// here; returns how many bytes of it. None if it doesn't.
    fn flow_piece(&mut self, quote: Option<char>, expected: &str) -> Option<usize> {
        let mut ahead = self.chars.clone().skip_while(|c| matches!(c, ' ' | '\t'));
        if matches!(ahead.next(), Some('\n' | '\r')) {
            return self.folded_line(expected);
        }
        let made = match (self.next()?, quote) {
            ('\'', Some('\'')) => self.next().filter(|c| *c == '\'')?,
            ('\\', Some('"')) => return self.escape(expected),
            (c, _) => c,
        };
        expected.starts_with(made).then(|| made.len_utf8())
    }

    /// White space with line ends in it becomes one space, or all line ends but the first.
    fn folded_line(&mut self, expected: &str) -> Option<usize> {
        let mut lines: usize = 0;
        while self.chars.peek().is_some_and(|c| c.is_whitespace()) {
            lines += usize::from(self.next() == Some('\n'));
        }
        let made = if lines == 1 { " ".to_owned() } else { "\n".repeat(lines.saturating_sub(1)) };
        expected.starts_with(&made).then_some(made.len())
    }

    /// The rest of `\x41` and the like. What it stands for is in `expected`.
    fn escape(&mut self, expected: &str) -> Option<usize> {
        let digits = match self.next()? {
            '\n' => {
                self.skip(|c| matches!(c, ' ' | '\t'));
                return Some(0);
            }
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        for _ in 0..digits {
            self.next()?;
        }
        expected.chars().next().map(char::len_utf8)
    }

    /// A block: the characters are those of the text but for the indent; folded, a line end may be a space.
    fn block(&mut self, text: &str, offset: usize) -> Option<Mark> {
        let indent = self.mark.column;
        for (at, expected) in text.char_indices() {
            if self.chars.peek() == Some(&'\r') {
                self.next();
            }
            while self.mark.column < indent && self.chars.peek() == Some(&' ') {
                self.next();
            }
            if at >= offset {
                return Some(self.mark);
            }
            match self.next()? {
                c if c == expected => {}
                '\n' if expected == ' ' => {}
                _ => return None,
            }
        }
        Some(self.mark)
    }
}

#[cfg(test)]
mod tests {
    use saphyr_parser::{Event, Parser};

    use super::*;

    /// Where the `§` of the value is by the walk, for a document `a: value`.
    fn located(text: &str) -> Option<(usize, usize)> {
        let chars: Vec<char> = text.chars().collect();
        for event in Parser::new_from_str(text) {
            let (event, span) = event.unwrap();
            if let Event::Scalar(value, style, ..) = event
                && let Some(offset) = value.find('§')
            {
                let raw: String = chars[span.start.index()..span.end.index()].iter().collect();
                let mark = Mark { line: span.start.line(), column: span.start.col() + 1 };
                let source = Source { mark, style, raw: raw.into() };
                return source.locate(&value, offset).map(|mark| (mark.line, mark.column));
            }
        }
        None
    }

    #[test]
    fn places_within_scalars_are_found() {
        for (text, expected) in [
            ("a: b§", Some((1, 5))),
            ("a: §", Some((1, 4))),
            ("a: éé§", Some((1, 6))),
            ("a: 'it''s §'", Some((1, 11))),
            (r#"a: "\"\x41\u00e9\\§""#, Some((1, 19))),
            ("a: &x \"b§\"", Some((1, 9))),
            ("a: &x b§", Some((1, 8))),
            ("a: one\n  two §", Some((2, 7))),
            ("a: \"one  \n\n   two §\"", Some((3, 8))),
            ("a: \"one \\\n   two §\"", Some((2, 8))),
            ("a: |\n  one\n\n   two §\n", Some((4, 8))),
            ("a: |-\r\n  one\r\n  §two\r\n", Some((3, 3))),
            ("a: >-\n  one\n  two §\n", Some((3, 7))),
            ("a: >-\n  one\n\n  two §\n", None),
        ] {
            assert_eq!(located(text), expected, "{text}");
        }
    }
}
