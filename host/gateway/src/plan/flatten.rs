//! Scopes become chains: the narrowest document runs, and `base` is where the parent scope's section stands
//! (`apim.md` §2).

use std::sync::Arc;

use tollgate_core::place::Section;
use tollgate_document::{Entry, PolicyDocument};
use tollgate_runtime::Statement;

use super::Forward;
use super::build::Statements;

/// One entry of an effective section.
#[derive(Clone)]
pub(super) enum Step {
    Statement(Arc<Statement>),
    Forward(Forward),
}

/// The effective section of `scopes`, which go from narrow to broad.
pub(super) fn effective(scopes: &[&PolicyDocument], section: Section, statements: &Statements) -> Vec<Step> {
    let Some((narrowest, broader)) = scopes.split_first() else {
        return default_of(section);
    };
    let Some(entries) = narrowest.section(section) else {
        // A section that isn't written is `[ base ]`.
        return effective(broader, section, statements);
    };
    let mut steps = Vec::new();
    for entry in entries {
        match entry {
            Entry::Base => steps.extend(effective(broader, section, statements)),
            Entry::ForwardRequest { timeout } => steps.push(Step::Forward(Forward { timeout: *timeout })),
            Entry::Statement(statement) => steps.extend(statements.get(&statement.place).map(Step::Statement)),
        }
    }
    steps
}

/// What the global scope inherits: the backend section forwards, the others are empty.
fn default_of(section: Section) -> Vec<Step> {
    match section {
        Section::Backend => vec![Step::Forward(Forward::default())],
        Section::Inbound | Section::Outbound | Section::OnError => Vec::new(),
    }
}

/// The statements among steps.
pub(super) fn statements_of(steps: Vec<Step>) -> Vec<Arc<Statement>> {
    steps
        .into_iter()
        .filter_map(|step| match step {
            Step::Statement(statement) => Some(statement),
            Step::Forward(_) => None,
        })
        .collect()
}

/// Whether steps forward the request, and how.
pub(super) fn forward_of(steps: &[Step]) -> Option<Forward> {
    steps.iter().find_map(|step| match step {
        Step::Forward(forward) => Some(*forward),
        Step::Statement(_) => None,
    })
}
