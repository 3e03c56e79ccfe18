//! Where a statement may stand: its component's phases, and what its manifest says of sections and scopes.

use tollgate_core::place::{Phase, Section};
use tollgate_document::{Diagnostics, Statement};
use tollgate_runtime::Admitted;

/// A statement of one policy document that may stand once in a section.
pub(super) type Seen = (Section, String);

/// Report a statement that may not stand where it does.
pub(super) fn check(statement: &Statement, admitted: &Admitted, seen: &mut Vec<Seen>, diagnostics: &mut Diagnostics) {
    let included =
        statement.placed.included.map(|mark| format!("; its fragment is included at {}:{}", mark.line, mark.column));
    let included = included.unwrap_or_default();
    let (name, section, scope) = (&statement.name, statement.placed.section, statement.placed.scope);
    let manifest = &admitted.manifest;
    if !admitted.has(section.phase()) {
        let phases: Vec<&str> = admitted.phases().iter().map(|phase| phase.name()).collect();
        let message = format!(
            "`{name}` can't stand in the section `{section}`: it has no {}, only {}{included}",
            section.phase(),
            phases.join(", ")
        );
        diagnostics.push(statement.mark(), message);
    } else if let Some(sections) = manifest.sections.as_deref().filter(|sections| !sections.contains(&section)) {
        let allowed: Vec<&str> = sections.iter().map(|section| section.name()).collect();
        let message =
            format!("`{name}` can't stand in the section `{section}`, only in {}{included}", allowed.join(", "));
        diagnostics.push(statement.mark(), message);
    } else if let Some(scopes) = manifest.scopes.as_deref().filter(|scopes| !scopes.contains(&scope)) {
        let allowed: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
        let message =
            format!("`{name}` can't stand in the {} scope, only in {}{included}", scope.name(), allowed.join(", "));
        diagnostics.push(statement.mark(), message);
    }
    if name == "set-header" && section.phase() != Phase::OnRequest && is_host(statement) {
        let message =
            format!("`{name}`: `host` is a header of requests, so it can't be set in the section `{section}`");
        diagnostics.push(statement.mark_at("/name"), message);
    }
    if manifest.once {
        let this = (section, name.clone());
        if seen.contains(&this) {
            diagnostics.push(
                statement.mark(),
                format!("`{name}` may stand once in a section, and stands here again{included}"),
            );
        } else {
            seen.push(this);
        }
    }
}

/// Whether `set-header` is about `Host`, which no response has.
fn is_host(statement: &Statement) -> bool {
    let name = statement.config.get("name").and_then(|name| name.as_str());
    name.is_some_and(|name| name.eq_ignore_ascii_case("host"))
}
