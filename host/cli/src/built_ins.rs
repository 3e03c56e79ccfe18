//! The built-in components, embedded by `build.rs`.

use tollgate_gateway::BuiltIn;

/// Every built-in statement, by name.
pub(crate) const BUILT_INS: &[BuiltIn] = include!(concat!(env!("OUT_DIR"), "/built_ins.rs"));
