//! Statements: a component's name, its configuration, and what stands beside it.

use tollgate_core::limits::{FIELDS, WrittenLimits};

use super::Reader;
use super::dynamic::Found;
use super::policies::Named;
use crate::policy::{Isolation, Mode, OnFailure, Placed, Statement};

/// The keys beside a statement's name. Flow takes the first two only.
pub(super) const RESERVED: [&str; 6] = ["id", "when", "on-failure", "isolation", "mode", "limits"];

/// The built-in whose configuration refers to the document's `schemas`.
const NAMES_SCHEMAS: &str = "validate-content";

impl Reader<'_> {
    pub(super) fn statement(&mut self, named: &Named<'_>, placed: Placed) -> Statement {
        let mut found = Found { names_schemas: named.name == NAMES_SCHEMAS, ..Found::default() };
        let config = named.config.map(|node| self.json(node, &mut String::new(), &mut found));
        Statement {
            placed,
            name: named.name.to_owned(),
            config: config.unwrap_or_default(),
            expressions: found.expressions,
            refused: found.refused,
            on_failure: self.beside(named, "on-failure", &[("closed", OnFailure::Closed), ("open", OnFailure::Open)]),
            isolation: self.beside(named, "isolation", &[("warm", Isolation::Warm), ("fresh", Isolation::Fresh)]),
            mode: self.beside(named, "mode", &[("enforce", Mode::Enforce), ("observe", Mode::Observe)]),
            limits: self.statement_limits(named),
            source: named.config.cloned(),
        }
    }

    fn beside<T: Copy + Default>(&mut self, named: &Named<'_>, key: &str, words: &[(&str, T)]) -> T {
        named.reserved(key).and_then(|node| self.choice(node, words)).unwrap_or_default()
    }

    fn statement_limits(&mut self, named: &Named<'_>) -> WrittenLimits {
        let mut limits = WrittenLimits::default();
        let Some(node) = named.reserved("limits") else {
            return limits;
        };
        let fields = self.fields(node, "a mapping with keys such as `fuel`", &FIELDS.map(|field| field.key));
        for field in FIELDS {
            let Some(node) = fields.get(field.key) else { continue };
            let value = if field.key.ends_with("-bytes") {
                self.bytes(node, 1, field.max)
            } else {
                self.integer(node, 1, field.max)
            };
            if let Some(value) = value {
                limits.write(&field, value);
            }
        }
        limits
    }
}
