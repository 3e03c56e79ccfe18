//! What is known about the kind of a value before it is there.

use std::ops::BitOr;

use crate::value::Value;

/// The kinds that a value may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kinds(u16);

const NAMES: [&str; 11] =
    ["null", "bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration", "list", "map"];

impl Kinds {
    pub(crate) const NOTHING: Kinds = Kinds(0);
    pub(crate) const NULL: Kinds = Kinds(1);
    pub(crate) const BOOL: Kinds = Kinds(1 << 1);
    pub(crate) const INT: Kinds = Kinds(1 << 2);
    pub(crate) const UINT: Kinds = Kinds(1 << 3);
    pub(crate) const DOUBLE: Kinds = Kinds(1 << 4);
    pub(crate) const STRING: Kinds = Kinds(1 << 5);
    pub(crate) const BYTES: Kinds = Kinds(1 << 6);
    pub(crate) const TIMESTAMP: Kinds = Kinds(1 << 7);
    pub(crate) const DURATION: Kinds = Kinds(1 << 8);
    pub(crate) const LIST: Kinds = Kinds(1 << 9);
    pub(crate) const MAP: Kinds = Kinds(1 << 10);
    pub(crate) const NUMBER: Kinds = Kinds(0b11100);
    pub(crate) const INTEGER: Kinds = Kinds(0b1100);
    pub(crate) const TEXT: Kinds = Kinds(0b110_0000);
    pub(crate) const ANY: Kinds = Kinds(0x7ff);

    pub(crate) fn of(value: &Value) -> Kinds {
        match value {
            Value::Null => Kinds::NULL,
            Value::Bool(_) => Kinds::BOOL,
            Value::Int(_) => Kinds::INT,
            Value::Uint(_) => Kinds::UINT,
            Value::Double(_) => Kinds::DOUBLE,
            Value::String(_) => Kinds::STRING,
            Value::Bytes(_) => Kinds::BYTES,
            Value::Timestamp(_) => Kinds::TIMESTAMP,
            Value::Duration(_) => Kinds::DURATION,
            Value::List(_) => Kinds::LIST,
            Value::Map(_) => Kinds::MAP,
        }
    }

    /// Both in one.
    pub(crate) const fn or(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }

    /// Whether a kind is in both.
    pub(crate) fn meets(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }

    /// The name of the kind, if there is one only.
    pub(crate) fn only(self) -> Option<&'static str> {
        if self.0.count_ones() == 1 { self.first() } else { None }
    }

    /// The name of one of these kinds, if none of them is among the named ones.
    pub(crate) fn misses(self, names: &[&str]) -> Option<&'static str> {
        let meets = self.each().any(|kind| kind.first().is_some_and(|name| names.contains(&name)));
        if meets { None } else { Some(self.for_message()) }
    }

    /// Every kind by itself.
    pub(crate) fn each(self) -> impl Iterator<Item = Kinds> {
        (0..NAMES.len()).map(|bit| Kinds(1 << bit)).filter(move |kind| kind.meets(self))
    }

    /// The name of one kind that isn't null if there is one: what a message about any of them says.
    pub(crate) fn for_message(self) -> &'static str {
        Kinds(self.0 & !1).first().unwrap_or("null")
    }

    fn first(self) -> Option<&'static str> {
        NAMES.get(self.0.trailing_zeros() as usize).copied()
    }
}

impl BitOr for Kinds {
    type Output = Kinds;
    fn bitor(self, other: Kinds) -> Kinds {
        self.or(other)
    }
}
