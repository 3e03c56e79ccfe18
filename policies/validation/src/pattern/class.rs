//! Sets of characters.

/// A set of characters, as a class in brackets or an escape names it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Class {
    pub(crate) members: Vec<Member>,
    pub(crate) negated: bool,
}

/// Some of a set's characters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Member {
    /// From one to another, both included.
    Range(char, char),
    /// `\d`, `\w`, `\s` or a property of Unicode; or all characters but these.
    Kind(Kind, bool),
}

/// What characters can be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Digit,
    Word,
    Space,
    Letter,
    Lower,
    Upper,
    Number,
}

impl Class {
    pub(crate) fn of(member: Member) -> Self {
        Self { members: vec![member], negated: false }
    }

    pub(crate) fn character(c: char) -> Self {
        Self::of(Member::Range(c, c))
    }

    /// `.`: all but line ends.
    pub(crate) fn dot() -> Self {
        let ends = ['\n', '\r', '\u{2028}', '\u{2029}'];
        Self { members: ends.into_iter().map(|c| Member::Range(c, c)).collect(), negated: true }
    }

    pub(crate) fn contains(&self, c: char) -> bool {
        let member = self.members.iter().any(|member| match *member {
            Member::Range(from, to) => (from..=to).contains(&c),
            Member::Kind(kind, negated) => kind.contains(c) != negated,
        });
        member != self.negated
    }
}

impl Kind {
    /// The property of Unicode with this name, of those that the standard library knows.
    pub(crate) fn property(name: &str) -> Option<Self> {
        match name {
            "L" | "Letter" | "Alphabetic" | "Alpha" => Some(Self::Letter),
            "Ll" | "Lowercase_Letter" | "Lowercase" | "Lower" => Some(Self::Lower),
            "Lu" | "Uppercase_Letter" | "Uppercase" | "Upper" => Some(Self::Upper),
            "N" | "Number" | "Nd" | "Decimal_Number" => Some(Self::Number),
            "White_Space" | "Z" | "Separator" | "Zs" | "Space_Separator" => Some(Self::Space),
            _ => None,
        }
    }

    pub(crate) fn contains(self, c: char) -> bool {
        match self {
            Self::Digit => c.is_ascii_digit(),
            Self::Word => c.is_ascii_alphanumeric() || c == '_',
            // ECMA-262 counts the byte order mark as space, and U+0085 not.
            Self::Space => (c.is_whitespace() && c != '\u{85}') || c == '\u{FEFF}',
            Self::Letter => c.is_alphabetic(),
            Self::Lower => c.is_lowercase(),
            Self::Upper => c.is_uppercase(),
            Self::Number => c.is_numeric(),
        }
    }
}
