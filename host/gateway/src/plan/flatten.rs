//! Scopes become chains: the narrowest document runs, and `base` is where the parent scope's section stands
//! (`apim.md` §2).

use std::sync::Arc;

use tollgate_core::place::{Scope, Section};
use tollgate_document::{Entry, HttpVersion, PolicyDocument};
use tollgate_runtime::Position;

use super::build::Steps;
use super::step::{Forward, Own, Setting, Step};

/// The effective section of `scopes`, which go from narrow to broad.
pub(super) fn effective(scopes: &[&PolicyDocument], section: Section, steps: &Steps) -> Vec<Step> {
    let Some((narrowest, broader)) = scopes.split_first() else {
        return default_of(section);
    };
    let Some(entries) = narrowest.section(section) else {
        // A section that isn't written is `[ base ]`.
        return effective(broader, section, steps);
    };
    let mut flat = Vec::new();
    for entry in entries {
        match entry {
            Entry::Base => flat.extend(effective(broader, section, steps)),
            own => flat.extend(own.placed().and_then(|placed| steps.get(&placed.place))),
        }
    }
    flat
}

/// What the global scope inherits: the backend section forwards, the others are empty.
fn default_of(section: Section) -> Vec<Step> {
    match section {
        Section::Backend => vec![Step::Forward(Arc::new(default_forward()))],
        Section::Inbound | Section::Outbound | Section::OnError => Vec::new(),
    }
}

fn default_forward() -> Forward {
    let position = Position {
        scope: Scope::Global,
        section: Section::Backend,
        path: "forward-request[1]".into(),
        id: None,
        place: "default/backend/0".into(),
        source: "the gateway's default".into(),
    };
    Forward {
        own: Own { name: "forward-request", position: Arc::new(position), when: None },
        timeout: None,
        follow_redirects: Setting::Fixed(false),
        buffer_request_body: false,
        fail_on_error_status_code: false,
        http_version: HttpVersion::Http1,
    }
}
