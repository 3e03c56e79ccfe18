//! A store's data: the lent exchange, what the call recorded, and what it may still use up.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cpu_time::ThreadTime;
use tollgate_core::edits::Diff;
use tollgate_core::egress::Egress;
use tollgate_core::limits::Limits;
use wasmtime::ResourceLimiter;

use crate::cache::{CacheEffects, CacheStore};
use crate::events::EventStore;
use crate::exchange::{Exchange, LastError, Position};
use crate::expression::{Failed, StatementExpression};
use crate::http_client::HttpClient;
use crate::limiter::{LimiterStore, QuotaStore};
use crate::metrics::MetricStore;
use crate::question::{Answer, Question};
use crate::secrets::Secrets;
use crate::wasi::{Directories, GuestOutput, OpenFiles};

/// The state that all workers share.
#[derive(Debug)]
pub struct Services {
    /// Rate limits and permits.
    pub limiter: LimiterStore,
    /// Quotas.
    pub quotas: QuotaStore,
    /// Responses and values.
    pub cache: CacheStore,
    /// Series that policies own.
    pub metrics: MetricStore,
    /// Records for machines.
    pub events: EventStore,
}

/// Who is running: tells statements apart where they share state.
#[derive(Debug)]
pub struct Identity {
    /// The statement's `id` or its place: what people call it.
    pub statement: String,
    /// Unique in the document, and the same after a reload that moves the statement, if it has an `id`.
    pub key: Arc<str>,
    /// The statement's name: a built-in's or a component's.
    pub name: String,
    /// Built-in statements share cached values with one another.
    pub built_in: bool,
    /// The expressions of its configuration, by their numbers.
    pub expressions: Vec<StatementExpression>,
    /// Which origins it may call.
    pub egress: Arc<Egress>,
    /// What its lines in the log may not hold.
    pub secrets: Secrets,
    /// Where it stands.
    pub position: Arc<Position>,
}

impl Identity {
    /// Whose cached values the statement sees.
    pub fn value_namespace(&self) -> &str {
        if self.built_in { "" } else { &self.name }
    }
}

/// A call made the host do more than the statement's limits allow.
#[derive(Debug, thiserror::Error)]
#[error("{what} is over the limit `{limit}`")]
pub struct OverLimit {
    what: &'static str,
    limit: &'static str,
}

/// A capability was called outside of a phase.
#[derive(Debug, thiserror::Error)]
#[error("capabilities can't be called from `describe` and `configure`")]
pub struct NoExchange;

/// A call that asks more than this is not known again.
const MOST_QUESTIONS: usize = 4;

/// What a call did besides its verdict.
#[derive(Debug, Default)]
pub struct Effects {
    /// Edits, applied after `next`.
    pub diff: Diff,
    /// What the cache was asked to do.
    pub cache: CacheEffects,
    /// The last expression that failed.
    pub failed_expression: Option<Failed>,
}

impl Effects {
    /// Forget what the last call did.
    pub fn clear(&mut self) {
        let Effects { diff, cache, failed_expression } = self;
        diff.clear();
        (cache.hit, cache.fill, *failed_expression) = (None, None, None);
    }
}

/// Ready when everybody else who is served by the same worker has had a turn.
pub type Turn = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How a guest that computes for long gives way: one turn of the others.
pub type Turns = fn() -> Turn;

/// Since when the guest has been running without a pause, in processor time of the thread where it runs: what else a busy
/// machine does isn't the guest's.
enum RunsSince {
    /// For less than a tick.
    Unknown,
    Moment(Duration),
    /// Since this turn of the others ended, perhaps on another thread.
    TurnEnded(Arc<OnceLock<Duration>>),
}

/// Processor time of this thread.
fn processor_time() -> Duration {
    ThreadTime::try_now().map(|time| time.as_duration()).unwrap_or_default()
}

/// Core instances of a component: one module and a few adapters, or an interpreter, its libraries and theirs.
pub const MAX_CORE_INSTANCES: u32 = 64;

/// A store's data.
pub struct Session {
    /// The lent exchange; none outside of a call.
    pub(crate) exchange: Option<Box<Exchange>>,
    /// Who is running, or ran last.
    identity: Option<Arc<Identity>>,
    pub(crate) services: Arc<Services>,
    pub(crate) limits: Arc<Limits>,
    /// What the call recorded so far. It belongs to the exchange, and is here for the length of the call.
    pub(crate) effects: Box<Effects>,
    /// The worker's way out.
    pub(crate) client: Option<Arc<dyn HttpClient>>,
    pub(crate) callouts_left: u32,
    /// How long the guest might run, and still may.
    time: Duration,
    time_left: Duration,
    runs_since: RunsSince,
    turns: Option<Turns>,
    host_calls_left: u32,
    host_bytes_left: usize,
    /// What the guest has asked so far, if somebody wants to know.
    questions: Option<Vec<(Question, Answer)>>,
    /// The guest has asked for more than that, or has touched what others share.
    has_asked_more: bool,
    has_edited: bool,
    pub(crate) log_lines_left: u32,
    pub(crate) log_bytes_left: usize,
    pub(crate) log_dropped: u32,
    memory_refused: bool,
    memory_bytes: usize,
    /// What a component that imports WASI has written.
    pub(crate) output: Option<Box<GuestOutput>>,
    /// Handles of WASI's resources that the guest holds.
    pub(crate) handles: u32,
    /// What it may read, and what it has open; none without a grant.
    pub(crate) files: Option<Box<OpenFiles>>,
}

impl Session {
    /// A store's data before any call.
    pub fn new(services: Arc<Services>, limits: Arc<Limits>) -> Session {
        let (host_calls_left, host_bytes_left) = (limits.host_calls, limits.host_bytes);
        Session {
            exchange: None,
            identity: None,
            services,
            limits,
            effects: Box::default(),
            client: None,
            callouts_left: 0,
            time: Duration::ZERO,
            time_left: Duration::ZERO,
            runs_since: RunsSince::Unknown,
            turns: None,
            host_calls_left,
            host_bytes_left,
            questions: None,
            has_asked_more: false,
            has_edited: false,
            log_lines_left: 0,
            log_bytes_left: 0,
            log_dropped: 0,
            memory_refused: false,
            memory_bytes: 0,
            output: None,
            handles: 0,
            files: None,
        }
    }

    /// The guest may read these.
    pub fn may_read(&mut self, directories: Option<&Arc<Directories>>) {
        self.files = directories.map(|directories| Box::new(OpenFiles::of(directories)));
    }

    /// Give the statement a way to call others.
    pub fn connect(&mut self, client: Option<Arc<dyn HttpClient>>) {
        self.client = client;
    }

    /// Lend an exchange for one call of the statement `identity`.
    pub fn lend(&mut self, mut exchange: Box<Exchange>, identity: &Arc<Identity>) {
        exchange.effects.clear();
        std::mem::swap(&mut self.effects, &mut exchange.effects);
        self.exchange = Some(exchange);
        // Mostly the same statement's as before: counting references is felt where a call takes a microsecond.
        if !self.identity.as_ref().is_some_and(|known| Arc::ptr_eq(known, identity)) {
            self.identity = Some(Arc::clone(identity));
        }
        self.callouts_left = self.limits.callouts;
        self.host_calls_left = self.limits.host_calls;
        self.host_bytes_left = self.limits.host_bytes;
        (self.has_asked_more, self.has_edited) = (false, false);
        self.log_lines_left = self.limits.log_lines;
        self.log_bytes_left = self.limits.log_bytes;
        self.log_dropped = 0;
        if let Some(output) = &mut self.output {
            output.begin();
        }
    }

    /// Take the exchange back, with what the call did.
    pub fn give_back(&mut self) -> Option<Box<Exchange>> {
        if self.output.is_some() {
            self.flush_output();
        }
        if self.log_dropped > 0 {
            self.report_dropped_lines();
        }
        let mut exchange = self.exchange.take()?;
        std::mem::swap(&mut self.effects, &mut exchange.effects);
        Some(exchange)
    }

    /// What the lent exchange's on-error section is told.
    pub fn last_error(&self) -> Option<&LastError> {
        self.exchange.as_deref()?.last_error.as_ref()
    }

    /// What comes next may run for so long; for less than a tick more, because the clock isn't asked when it begins.
    pub fn give_time(&mut self, time: Duration) {
        (self.time, self.time_left) = (time, time);
        self.runs_since = RunsSince::Unknown;
    }

    /// A tick has ended while the guest ran, or several in a host function that it called. False if no time is left.
    pub fn take_time(&mut self) -> bool {
        let now = processor_time();
        let ran = match &self.runs_since {
            RunsSince::Unknown => Duration::ZERO,
            RunsSince::Moment(moment) => now.saturating_sub(*moment),
            RunsSince::TurnEnded(ended) => ended.get().map_or(Duration::ZERO, |at| now.saturating_sub(*at)),
        };
        self.runs_since = RunsSince::Moment(now);
        self.time_left = self.time_left.saturating_sub(ran);
        !self.time_left.is_zero()
    }

    /// How long the guest has run, from the first tick to the last; nothing if it was done before there were two.
    pub fn computed(&self) -> Duration {
        self.time.saturating_sub(self.time_left)
    }

    /// The guest goes on after it has waited for somebody else.
    pub(crate) fn has_waited(&mut self) {
        self.runs_since = RunsSince::Moment(processor_time());
    }

    /// Give way like this from now on. Without it, there is nobody to give way to.
    pub fn take_turns(&mut self, turns: Option<Turns>) {
        self.turns = turns;
    }

    /// One turn of the others, if there are any.
    pub fn others_turn(&mut self) -> Option<Turn> {
        let turn = self.turns.map(|turns| turns())?;
        let ended = Arc::new(OnceLock::new());
        self.runs_since = RunsSince::TurnEnded(Arc::clone(&ended));
        Some(Box::pin(async move {
            turn.await;
            ended.get_or_init(processor_time);
        }))
    }

    /// True if the guest was refused memory or a table since the store began.
    pub fn memory_was_refused(&self) -> bool {
        self.memory_refused
    }

    /// The largest linear memory so far, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// What a call may use up.
    pub fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    /// How many host calls the last call made.
    pub fn host_calls(&self) -> u32 {
        self.limits.host_calls.saturating_sub(self.host_calls_left)
    }

    /// What counts against `host-bytes` so far in this call.
    pub fn host_bytes(&self) -> usize {
        self.limits.host_bytes.saturating_sub(self.host_bytes_left)
    }

    /// Note what the next call asks, if `wanted`.
    pub fn note_questions(&mut self, wanted: bool) {
        self.questions = wanted.then(Vec::new);
    }

    /// What the last call asked, in order, if its configuration and the answers alone have decided what it did, which is
    /// nothing but edits.
    pub fn take_questions(&mut self) -> Option<Vec<(Question, Answer)>> {
        self.questions.take().filter(|_| !self.has_asked_more)
    }

    /// Every host function begins here: counts the call, and ends a guest that floods the host.
    pub(crate) fn enter(&mut self) -> wasmtime::Result<()> {
        self.has_asked_more = true;
        self.count()
    }

    /// [`Session::enter`] for what records an edit, and whose answer depends on the call's own edits and limits only.
    pub(crate) fn enter_edit(&mut self) -> wasmtime::Result<()> {
        self.has_edited = true;
        self.count()
    }

    /// [`Session::enter`] for a question whose answer depends on the exchange and on the call's own edits.
    pub(crate) fn enter_question(&mut self, question: impl FnOnce() -> Question) -> wasmtime::Result<()> {
        self.count()?;
        let answer = |session: &Session, question: &Question| {
            question.given(session.exchange.as_deref()?, session.identity.as_deref()?)?.kept()
        };
        self.note(question, answer);
        Ok(())
    }

    /// Note a question and its answer. One that can't be noted makes the call one that nobody knows again; so does one
    /// behind an edit, which could be what it is about.
    pub(crate) fn note(
        &mut self,
        question: impl FnOnce() -> Question,
        answer: impl FnOnce(&Session, &Question) -> Option<Answer>,
    ) {
        let has_room = self.questions.as_ref().is_some_and(|questions| questions.len() < MOST_QUESTIONS);
        let noted = if has_room && !self.has_edited && !self.has_asked_more {
            let question = question();
            answer(self, &question).map(|answer| (question, answer))
        } else {
            None
        };
        match (noted, &mut self.questions) {
            (Some(noted), Some(questions)) => questions.push(noted),
            _ => self.has_asked_more = true,
        }
    }

    /// The call is one that nobody knows again.
    pub(crate) fn asks_more(&mut self) {
        self.has_asked_more = true;
    }

    /// The call has recorded an edit.
    pub(crate) fn has_edited(&mut self) {
        self.has_edited = true;
    }

    /// Count a host call.
    pub(crate) fn count(&mut self) -> wasmtime::Result<()> {
        if self.exchange.is_none() {
            return Err(wasmtime::Error::new(NoExchange));
        }
        self.count_call()
    }

    /// Counts a call, for functions that may be called outside of a phase, too.
    pub(crate) fn count_call(&mut self) -> wasmtime::Result<()> {
        match self.host_calls_left.checked_sub(1) {
            Some(left) => {
                self.host_calls_left = left;
                Ok(())
            }
            None => Err(wasmtime::Error::new(OverLimit { what: "the number of host calls", limit: "host-calls" })),
        }
    }

    /// A host function is about to work on so many bytes: ends a guest that makes the host do far more than it does itself.
    pub(crate) fn spend(&mut self, bytes: usize) -> wasmtime::Result<()> {
        match self.host_bytes_left.checked_sub(bytes) {
            Some(left) => {
                self.host_bytes_left = left;
                Ok(())
            }
            None => Err(wasmtime::Error::new(OverLimit { what: "the work of host functions", limit: "host-bytes" })),
        }
    }

    pub(crate) fn exchange(&self) -> wasmtime::Result<&Exchange> {
        self.exchange.as_deref().ok_or_else(|| wasmtime::Error::new(NoExchange))
    }

    pub(crate) fn exchange_mut(&mut self) -> wasmtime::Result<&mut Exchange> {
        self.exchange.as_deref_mut().ok_or_else(|| wasmtime::Error::new(NoExchange))
    }

    pub(crate) fn identity(&self) -> wasmtime::Result<&Arc<Identity>> {
        self.identity.as_ref().ok_or_else(|| wasmtime::Error::new(NoExchange))
    }
}

impl ResourceLimiter for Session {
    fn memory_growing(&mut self, _now: usize, desired: usize, _max: Option<usize>) -> wasmtime::Result<bool> {
        let fits = desired <= self.limits.memory_bytes;
        self.memory_refused |= !fits;
        if fits {
            self.memory_bytes = self.memory_bytes.max(desired);
        }
        Ok(fits)
    }

    fn table_growing(&mut self, _now: usize, desired: usize, _max: Option<usize>) -> wasmtime::Result<bool> {
        let fits = desired <= self.limits.table_elements;
        self.memory_refused |= !fits;
        Ok(fits)
    }

    fn instances(&self) -> usize {
        MAX_CORE_INSTANCES as usize
    }

    fn tables(&self) -> usize {
        8
    }

    fn memories(&self) -> usize {
        2
    }
}
