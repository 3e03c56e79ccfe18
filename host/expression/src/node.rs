//! An expression as it is evaluated: names resolved, constants worked out, patterns compiled.

use std::sync::Arc;

use regex::Regex;

use crate::context::{Fact, Object, Table};
use crate::functions::Function;
use crate::functions::regex::Search;
use crate::names::Side;
use crate::operators::Operator;
use crate::value::Value;

/// A part of an expression.
#[derive(Debug)]
pub(crate) enum Node {
    Constant(Value),
    Fact(Fact),
    Body(Side),
    Json(Side),
    /// A table as a value.
    Table(Table),
    /// An entry whose key stands in the source.
    Entry(Table, Arc<str>),
    /// An entry whose key is computed.
    EntryOf(Table, Box<Node>),
    HasEntry(Table, Box<Node>),
    HasObject(Object),
    /// The variable of a comprehension, counted from the outermost.
    Local(usize),
    Select(Box<Node>, Arc<str>),
    HasField(Box<Node>, Arc<str>),
    Index(Box<[Node; 2]>),
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Box<[Node; 2]>),
    Or(Box<[Node; 2]>),
    Conditional(Box<[Node; 3]>),
    Operation(Operator, Box<[Node; 2]>),
    /// `==`, or `!=` if negated.
    Equal {
        sides: Box<[Node; 2]>,
        negated: bool,
    },
    In(Box<[Node; 2]>),
    List(Box<[Node]>),
    Map(Box<[(Node, Node)]>),
    Each(Box<Each>),
    Call(&'static Function, Box<[Node]>),
    /// A search for a pattern that stands in the source.
    Search {
        search: Search,
        pattern: Arc<Regex>,
        text: Box<Node>,
        replacement: Option<Box<Node>>,
    },
    Coalesce(Box<[Node]>),
    /// `map.get(key, default)`.
    Get(Box<[Node; 3]>),
}

/// A comprehension: what is evaluated for each item of a list, or each key of a map.
#[derive(Debug)]
pub(crate) struct Each {
    pub(crate) macro_: Macro,
    pub(crate) range: Node,
    /// Of `map` with three arguments: which items count.
    pub(crate) filter: Option<Node>,
    pub(crate) body: Node,
}

/// Which comprehension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Macro {
    All,
    Exists,
    ExistsOne,
    Map,
    Filter,
}

impl Macro {
    pub(crate) fn named(name: &str) -> Option<Macro> {
        Some(match name {
            "all" => Macro::All,
            "exists" => Macro::Exists,
            "exists_one" | "existsOne" => Macro::ExistsOne,
            "map" => Macro::Map,
            "filter" => Macro::Filter,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Macro::All => "all",
            Macro::Exists => "exists",
            Macro::ExistsOne => "exists_one",
            Macro::Map => "map",
            Macro::Filter => "filter",
        }
    }
}
