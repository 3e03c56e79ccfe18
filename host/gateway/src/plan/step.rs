//! The steps of a chain: statements, and the gateway's own flow around them.

use std::sync::Arc;
use std::time::Duration;

use tollgate_document::{HttpVersion, WaitFor};
use tollgate_expression::{Needs, Value};
use tollgate_runtime::{Exchange, Failed, Position, Statement, StatementExpression};

/// One step. Chains share steps, so each is behind a pointer.
#[derive(Clone)]
pub(crate) enum Step {
    Statement(Arc<Call>),
    Forward(Arc<Forward>),
    SetVariable(Arc<SetVariable>),
    Choose(Arc<Choose>),
    Retry(Arc<Retry>),
    Wait(Arc<Wait>),
    LimitConcurrency(Arc<LimitConcurrency>),
    /// The entries of a fragment.
    Fragment(Arc<Group>),
}

/// What every step of the gateway's own has.
#[derive(Clone)]
pub(crate) struct Own {
    /// `choose`, `retry`, …
    pub(crate) name: &'static str,
    pub(crate) position: Arc<Position>,
    /// Passed over where this doesn't hold.
    pub(crate) when: Option<StatementExpression>,
}

/// A policy component is called.
pub(crate) struct Call {
    pub(crate) statement: Arc<Statement>,
    pub(crate) when: Option<StatementExpression>,
    /// Bodies that its `when` and its configuration's expressions read.
    pub(crate) needs: Needs,
}

/// The request goes to its origin.
pub(crate) struct Forward {
    pub(crate) own: Own,
    /// In place of the API's time-out for response headers.
    pub(crate) timeout: Option<Setting<Duration>>,
    pub(crate) follow_redirects: Setting<bool>,
    /// The body is read before it is sent, so that it can be sent again.
    pub(crate) buffer_request_body: bool,
    /// 400 and more are failures.
    pub(crate) fail_on_error_status_code: bool,
    /// What is spoken with the origin.
    pub(crate) http_version: HttpVersion,
}

pub(crate) struct SetVariable {
    pub(crate) own: Own,
    pub(crate) name: String,
    pub(crate) value: Setting<Value>,
}

pub(crate) struct Choose {
    pub(crate) own: Own,
    pub(crate) branches: Vec<Branch>,
    pub(crate) otherwise: Vec<Step>,
}

pub(crate) struct Branch {
    pub(crate) condition: StatementExpression,
    pub(crate) steps: Vec<Step>,
}

pub(crate) struct Retry {
    pub(crate) own: Own,
    pub(crate) condition: StatementExpression,
    pub(crate) count: Setting<u32>,
    pub(crate) interval: Setting<Duration>,
    pub(crate) max_interval: Option<Setting<Duration>>,
    pub(crate) delta: Option<Setting<Duration>>,
    pub(crate) first_fast_retry: Setting<bool>,
    pub(crate) steps: Vec<Step>,
}

pub(crate) struct Wait {
    pub(crate) own: Own,
    pub(crate) wait_for: Setting<WaitFor>,
    pub(crate) steps: Vec<Step>,
}

pub(crate) struct LimitConcurrency {
    pub(crate) own: Own,
    pub(crate) key: Setting<String>,
    pub(crate) max_count: u32,
    pub(crate) steps: Vec<Step>,
}

pub(crate) struct Group {
    pub(crate) own: Own,
    pub(crate) steps: Vec<Step>,
}

/// A value that is written out or computed.
pub(crate) enum Setting<T> {
    Fixed(T),
    Computed(StatementExpression),
}

impl<T: FromValue + Clone> Setting<T> {
    /// The value for an exchange.
    pub(crate) fn get(&self, exchange: &Exchange) -> Result<T, Failed> {
        match self {
            Setting::Fixed(value) => Ok(value.clone()),
            Setting::Computed(expression) => {
                let value = expression.evaluate(exchange)?;
                T::from_value(&value)
                    .ok_or_else(|| expression.failed(&format!("expected {}, found {}", T::EXPECTED, value.kind())))
            }
        }
    }

    /// Which bodies it reads.
    pub(crate) fn needs(&self) -> Needs {
        match self {
            Setting::Fixed(_) => Needs::default(),
            Setting::Computed(expression) => expression.needs(),
        }
    }
}

/// What an expression's value has to be.
pub(crate) trait FromValue: Sized {
    const EXPECTED: &'static str;

    fn from_value(value: &Value) -> Option<Self>;
}

impl FromValue for Value {
    const EXPECTED: &'static str = "a value";

    fn from_value(value: &Value) -> Option<Value> {
        Some(value.clone())
    }
}

impl FromValue for bool {
    const EXPECTED: &'static str = "true or false";

    fn from_value(value: &Value) -> Option<bool> {
        match value {
            Value::Bool(it) => Some(*it),
            _ => None,
        }
    }
}

impl FromValue for WaitFor {
    const EXPECTED: &'static str = "`all` or `any`";

    fn from_value(value: &Value) -> Option<WaitFor> {
        match value.as_str()? {
            "all" => Some(WaitFor::All),
            "any" => Some(WaitFor::Any),
            _ => None,
        }
    }
}

impl FromValue for u32 {
    const EXPECTED: &'static str = "a whole number";

    fn from_value(value: &Value) -> Option<u32> {
        match value {
            Value::Int(it) => u32::try_from(*it).ok(),
            Value::Uint(it) => u32::try_from(*it).ok(),
            Value::Double(it) if it.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(it) => Some(*it as u32),
            _ => None,
        }
    }
}

impl FromValue for String {
    const EXPECTED: &'static str = "a text";

    fn from_value(value: &Value) -> Option<String> {
        Some(value.to_text().into_owned())
    }
}

/// The longest time that a document may ask for: a day.
const MAX_SECONDS: f64 = 86_400.0;

impl FromValue for Duration {
    const EXPECTED: &'static str = "a duration or a number of seconds";

    fn from_value(value: &Value) -> Option<Duration> {
        let seconds = match value {
            Value::Int(it) => *it as f64,
            Value::Uint(it) => *it as f64,
            Value::Double(it) => *it,
            Value::Duration(it) => it.as_secs_f64(),
            _ => return None,
        };
        (0.0..=MAX_SECONDS).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
    }
}

impl Step {
    /// The gateway's own part of a step; none for a statement.
    pub(crate) fn own(&self) -> Option<&Own> {
        match self {
            Step::Statement(_) => None,
            Step::Forward(step) => Some(&step.own),
            Step::SetVariable(step) => Some(&step.own),
            Step::Choose(step) => Some(&step.own),
            Step::Retry(step) => Some(&step.own),
            Step::Wait(step) => Some(&step.own),
            Step::LimitConcurrency(step) => Some(&step.own),
            Step::Fragment(step) => Some(&step.own),
        }
    }

    /// The lists of steps that it holds.
    pub(crate) fn lists(&self) -> Vec<&[Step]> {
        match self {
            Step::Statement(_) | Step::Forward(_) | Step::SetVariable(_) => Vec::new(),
            Step::Choose(step) => {
                let branches = step.branches.iter().map(|branch| branch.steps.as_slice());
                branches.chain([step.otherwise.as_slice()]).collect()
            }
            Step::Retry(step) => vec![&step.steps],
            Step::Wait(step) => vec![&step.steps],
            Step::LimitConcurrency(step) => vec![&step.steps],
            Step::Fragment(step) => vec![&step.steps],
        }
    }

    /// Which bodies it reads, with all that it holds.
    pub(crate) fn needs(&self) -> Needs {
        let of = |expression: &StatementExpression| expression.needs();
        let own = match self {
            Step::Statement(call) => call.needs,
            Step::SetVariable(step) => step.value.needs(),
            Step::Choose(step) => {
                step.branches.iter().fold(Needs::default(), |needs, branch| needs | of(&branch.condition))
            }
            Step::Retry(step) => of(&step.condition),
            Step::LimitConcurrency(step) => step.key.needs(),
            Step::Forward(_) | Step::Wait(_) | Step::Fragment(_) => Needs::default(),
        };
        let when = self.own().and_then(|own| own.when.as_ref()).map(of).unwrap_or_default();
        let within = self.lists().into_iter().flatten().fold(Needs::default(), |needs, step| needs | step.needs());
        own | when | within
    }
}
