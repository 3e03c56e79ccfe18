//! Schemas of types that aren't ours.

use super::{Node, Schema};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

macro_rules! plain {
    ($($type:ty => $node:expr;)*) => {
        $(impl Schema for $type {
            const SCHEMA: Node = $node;
        })*
    };
}

plain! {
    bool => Node::boolean();
    u8 => Node::integer().at_least(0).at_most(u8::MAX as i64);
    u16 => Node::integer().at_least(0).at_most(u16::MAX as i64);
    u32 => Node::integer().at_least(0).at_most(u32::MAX as i64);
    u64 => Node::integer().at_least(0);
    i8 => Node::integer().at_least(i8::MIN as i64).at_most(i8::MAX as i64);
    i16 => Node::integer().at_least(i16::MIN as i64).at_most(i16::MAX as i64);
    i32 => Node::integer().at_least(i32::MIN as i64).at_most(i32::MAX as i64);
    i64 => Node::integer().at_least(i64::MIN).at_most(i64::MAX);
    f32 => Node::number();
    f64 => Node::number();
    String => Node::text();
    char => Node::text().at_least(1).at_most(1);
    Value => Node::any();
}

/// What is optional is left out, not `null`.
impl<T: Schema> Schema for Option<T> {
    const SCHEMA: Node = T::SCHEMA;
}

impl<T: Schema> Schema for Box<T> {
    const SCHEMA: Node = T::SCHEMA;
}

impl<T: Schema> Schema for Vec<T> {
    const SCHEMA: Node = Node::list(&T::SCHEMA);
}

impl<T: Schema> Schema for BTreeMap<String, T> {
    const SCHEMA: Node = Node::map(&T::SCHEMA);
}

impl<T: Schema, S> Schema for HashMap<String, T, S> {
    const SCHEMA: Node = Node::map(&T::SCHEMA);
}
