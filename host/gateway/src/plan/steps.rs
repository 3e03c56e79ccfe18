//! Entries of documents become steps of chains, each once, whatever chains it is in.

use std::path::Path;
use std::sync::Arc;

use tollgate_document::{Condition, Entry, Located, Mark, Placed};
use tollgate_expression::{Dynamic, Needs, Value};
use tollgate_runtime::{Position, Secrets, Statement, StatementExpression};

use super::step::{
    Branch, Call, Choose, Forward, Group, LimitConcurrency, Own, Retry, SetVariable, Setting, Step, Wait,
};

/// What steps are made with.
pub(super) struct Maker<'a> {
    /// The document's file, for places.
    pub(super) file: &'a Path,
    /// What nobody may see.
    pub(super) secrets: &'a Secrets,
    /// The statement at a place; none if it couldn't be made, which has been reported.
    pub(super) statement: &'a dyn Fn(&str) -> Option<Arc<Statement>>,
}

/// `tollgate.yaml:12:5`
pub(super) fn source(file: &Path, mark: Mark) -> String {
    format!("{}:{}:{}", file.file_name().unwrap_or(file.as_os_str()).to_string_lossy(), mark.line, mark.column)
}

/// Where an entry stands.
pub(super) fn position(file: &Path, placed: &Placed) -> Arc<Position> {
    Arc::new(Position {
        scope: placed.scope,
        section: placed.section,
        path: placed.path.clone(),
        id: placed.id.clone(),
        place: placed.place.clone(),
        source: source(file, placed.mark),
    })
}

/// An expression over several lines as one: it goes into logs, and with `last_error.message` into headers.
fn one_line(source: &str) -> String {
    match source.contains(|c: char| c.is_control()) {
        true => source.split_whitespace().collect::<Vec<_>>().join(" "),
        false => source.to_owned(),
    }
}

impl Maker<'_> {
    /// The step of an entry; none for `base`, and for what couldn't be made. Within a `retry`, what is sent to the
    /// origin may be sent again, so its body is kept.
    pub(super) fn step(&self, entry: &Entry, is_repeated: bool) -> Option<Step> {
        let within = |entries: &[Entry]| -> Vec<Step> {
            entries.iter().filter_map(|entry| self.step(entry, is_repeated)).collect()
        };
        Some(match entry {
            Entry::Base => return None,
            Entry::Statement(statement) => {
                let when = statement.placed.when.as_ref().map(|when| self.condition(when));
                let statement = (self.statement)(statement.place())?;
                let needs = when.as_ref().map_or(Needs::default(), StatementExpression::needs) | statement.needs;
                Step::Statement(Arc::new(Call { statement, when, needs }))
            }
            Entry::ForwardRequest(forward) => Step::Forward(Arc::new(Forward {
                own: self.own("forward-request", &forward.placed),
                timeout: forward.timeout.as_ref().map(|timeout| self.setting(timeout)),
                follow_redirects: self.setting(&forward.follow_redirects),
                buffer_request_body: forward.buffer_request_body || is_repeated,
                fail_on_error_status_code: forward.fail_on_error_status_code,
                http_version: forward.http_version,
            })),
            Entry::SetVariable(set) => Step::SetVariable(Arc::new(SetVariable {
                own: self.own("set-variable", &set.placed),
                name: set.name.clone(),
                value: match &set.value {
                    tollgate_document::Setting::Literal(json) => Setting::Fixed(Value::from_json(json)),
                    tollgate_document::Setting::Dynamic(located) => Setting::Computed(self.expression(located)),
                },
            })),
            Entry::Choose(choose) => Step::Choose(Arc::new(Choose {
                own: self.own("choose", &choose.placed),
                branches: choose
                    .branches
                    .iter()
                    .map(|branch| Branch {
                        condition: self.condition(&branch.condition),
                        steps: within(&branch.entries),
                    })
                    .collect(),
                otherwise: within(&choose.otherwise),
            })),
            Entry::Retry(retry) => Step::Retry(Arc::new(Retry {
                own: self.own("retry", &retry.placed),
                condition: self.condition(&retry.condition),
                count: self.setting(&retry.count),
                interval: self.setting(&retry.interval),
                max_interval: retry.max_interval.as_ref().map(|longest| self.setting(longest)),
                delta: retry.delta.as_ref().map(|delta| self.setting(delta)),
                first_fast_retry: self.setting(&retry.first_fast_retry),
                steps: retry.entries.iter().filter_map(|entry| self.step(entry, true)).collect(),
            })),
            Entry::Wait(wait) => Step::Wait(Arc::new(Wait {
                own: self.own("wait", &wait.placed),
                wait_for: self.setting(&wait.wait_for),
                steps: within(&wait.entries),
            })),
            Entry::LimitConcurrency(limit) => Step::LimitConcurrency(Arc::new(LimitConcurrency {
                own: self.own("limit-concurrency", &limit.placed),
                key: self.setting(&limit.key),
                max_count: limit.max_count,
                steps: within(&limit.entries),
            })),
            Entry::Fragment(fragment) => Step::Fragment(Arc::new(Group {
                own: self.own("include-fragment", &fragment.placed),
                steps: within(&fragment.entries),
            })),
        })
    }

    fn own(&self, name: &'static str, placed: &Placed) -> Own {
        let when = placed.when.as_ref().map(|when| self.condition(when));
        Own { name, position: position(self.file, placed), when }
    }

    fn condition(&self, condition: &Condition) -> StatementExpression {
        self.shown(Dynamic::whole(condition.expression.clone()), condition.mark)
    }

    pub(super) fn expression(&self, located: &Located) -> StatementExpression {
        self.shown(located.dynamic.clone(), located.mark)
    }

    fn shown(&self, dynamic: Dynamic, mark: Mark) -> StatementExpression {
        let shown = one_line(&self.secrets.hidden(dynamic.source().to_owned()));
        StatementExpression::new(dynamic, shown, source(self.file, mark))
    }

    fn setting<T: Clone>(&self, setting: &tollgate_document::Setting<T>) -> Setting<T> {
        match setting {
            tollgate_document::Setting::Literal(value) => Setting::Fixed(value.clone()),
            tollgate_document::Setting::Dynamic(located) => Setting::Computed(self.expression(located)),
        }
    }
}
