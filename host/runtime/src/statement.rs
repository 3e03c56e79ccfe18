//! A unit at a place in a document: who runs, how failure is answered, and what it has cost so far.

use std::sync::Arc;

use tollgate_capabilities::exchange::Position;
use tollgate_capabilities::expression::StatementExpression;
use tollgate_capabilities::secrets::Secrets;
use tollgate_capabilities::session::Identity;
use tollgate_core::egress::Egress;
use tollgate_core::manifest::BodyNeed;
use tollgate_core::place::Phase;
use tollgate_expression::Needs;

use crate::account::Account;
use crate::aside::Pace;
use crate::concurrency::Concurrency;
use crate::engine::Runtime;
use crate::link::Unit;
use crate::quarantine::Quarantine;

/// What happens to a request when the statement fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// 500.
    #[default]
    Closed,
    /// As if the statement weren't there.
    Open,
}

/// Whether a verdict counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It does.
    #[default]
    Enforce,
    /// It is recorded, and neither verdict nor diff is applied.
    Observe,
}

/// What a document says of a statement beside its configuration.
#[derive(Clone, Debug)]
pub struct StatementSettings {
    /// Where it stands.
    pub position: Arc<Position>,
    /// How its scope begins places. Example: `apis/orders`.
    pub scope_place: String,
    /// The expressions of its configuration, by their numbers.
    pub expressions: Vec<StatementExpression>,
    /// Which origins it may call.
    pub egress: Arc<Egress>,
    /// What its lines in the log may not hold.
    pub secrets: Secrets,
    /// See [`OnFailure`].
    pub on_failure: OnFailure,
    /// See [`Mode`].
    pub mode: Mode,
}

impl StatementSettings {
    /// What tells statements of a document apart. An id is unique within its scope only, so the scope goes before it:
    /// `apis/orders#burst`; without an id the place is all there is: `apis/orders/inbound/1`.
    pub fn key(&self) -> String {
        match &self.position.id {
            Some(id) => format!("{}#{id}", self.scope_place),
            None => self.position.place.clone(),
        }
    }
}

/// A statement of a plan.
pub struct Statement {
    /// Who runs.
    pub identity: Arc<Identity>,
    /// Which bodies its expressions read.
    pub needs: Needs,
    /// What runs.
    pub unit: Arc<Unit>,
    /// See [`OnFailure`].
    pub on_failure: OnFailure,
    /// See [`Mode`].
    pub mode: Mode,
    /// What it has cost so far.
    pub account: Account,
    /// Whether it has failed too often.
    pub quarantine: Quarantine,
    /// How many of its calls are under way.
    pub(crate) concurrency: Concurrency,
    /// Where its calls begin.
    pub(crate) pace: Pace,
}

impl Statement {
    /// A unit at a place.
    pub fn new(runtime: &Runtime, unit: Arc<Unit>, settings: StatementSettings) -> Statement {
        let identity = Identity {
            key: settings.key().into(),
            statement: settings.position.id.clone().unwrap_or_else(|| settings.position.place.clone()),
            name: unit.admitted.name.clone(),
            built_in: unit.admitted.built_in,
            expressions: settings.expressions,
            egress: settings.egress,
            secrets: settings.secrets,
            position: settings.position,
        };
        let needs = identity.expressions.iter().fold(Needs::default(), |needs, one| needs | one.needs());
        Statement {
            identity: Arc::new(identity),
            needs,
            unit,
            on_failure: settings.on_failure,
            mode: settings.mode,
            account: Account::new(runtime.workers),
            quarantine: Quarantine::default(),
            concurrency: Concurrency::default(),
            pace: Pace::default(),
        }
    }

    /// How much of a body this statement needs in `phase`, in bytes; none if it needs none.
    pub fn body_need(&self, phase: Phase) -> Option<usize> {
        match self.unit.admitted.manifest.body(phase) {
            BodyNeed::None => None,
            BodyNeed::Buffer { max_bytes } => Some(max_bytes.min(self.unit.limits.body_bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_core::place::{Scope, Section};

    #[test]
    fn an_id_is_told_apart_by_its_scope_and_keeps_its_key_when_it_moves() {
        let key = |place: &str, id: Option<&str>| {
            StatementSettings {
                position: Arc::new(Position {
                    scope: Scope::Api,
                    section: Section::Inbound,
                    path: "x[1]".into(),
                    id: id.map(str::to_owned),
                    place: place.into(),
                    source: "tollgate.yaml:1:1".into(),
                }),
                scope_place: place.split("/inbound").next().unwrap().to_owned(),
                expressions: Vec::new(),
                egress: Arc::default(),
                secrets: Secrets::default(),
                on_failure: OnFailure::Closed,
                mode: Mode::Enforce,
            }
            .key()
        };
        assert_eq!(key("apis/a/inbound/1", Some("burst")), "apis/a#burst");
        assert_eq!(key("apis/a/inbound/2", Some("burst")), "apis/a#burst");
        assert_eq!(key("apis/b/inbound/1", Some("burst")), "apis/b#burst");
        assert_eq!(key("apis/a/inbound/1", None), "apis/a/inbound/1");
    }
}
