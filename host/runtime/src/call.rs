//! One call: an exchange is lent to a store, and comes back with a verdict and what was recorded.
//!
//! Two deadlines stand behind each other: fuel, which is the same on every machine, and the epoch deadline for what
//! fuel doesn't count. Whatever ends a call badly, the exchange comes back as it was and the store is dropped.
//!
//! What is known to be short is called as a function. Everything else runs on a stack of its own, so that its worker
//! serves others while it waits or computes ([`Leases::call_waiting`]).

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use tollgate_bindings::{phases, verdict};
use tollgate_capabilities::exchange::Exchange;
use tollgate_capabilities::session::Session;
use tollgate_core::fault::{Blame, Fault, FaultKind};
use tollgate_core::place::Phase;
use tollgate_core::verdict::{Reply, Verdict};
use wasmtime::component::Resource;

use crate::account::{Ended, Used};
use crate::aside;
use crate::decisions::may_be_known;
use crate::lease::{Leases, Place};
use crate::quarantine::{Admission, Change};
use crate::statement::Statement;
use crate::store::{self, CreateError, Decision, Entries, Instance, decision, fault_of};

/// A call that ended well. What it did besides is in the exchange's effects, and nothing of it has been applied.
#[derive(Debug)]
pub struct Called {
    /// What the guest decided, checked.
    pub verdict: Verdict,
    /// Fuel that it used.
    pub fuel: u64,
}

/// What came of a call.
pub struct Outcome {
    /// Unchanged but for its effects; gone only if a host function panicked.
    pub exchange: Option<Box<Exchange>>,
    /// How it ended.
    pub called: Result<Called, Fault>,
    /// When it ended, if somebody had to know.
    pub ended: Option<Instant>,
}

/// An instance that holds an exchange, ready to be entered.
struct Armed {
    instance: Box<Instance>,
    fuel: u64,
    admission: Admission,
}

/// What a call leaves behind, wherever it was. An instance that failed is gone already, for that takes time.
struct Left<T> {
    /// Gone only if a host function panicked.
    exchange: Option<Box<Exchange>>,
    used: Used,
    answer: Result<(T, Box<Instance>), Fault>,
}

/// The exchange, and what came of the call.
type Entered<T> = (Option<Box<Exchange>>, Result<(T, Used), (Fault, Used)>);

/// An exchange that couldn't be lent to anybody, and why.
type Unarmed = (Box<Exchange>, Fault);

impl Leases {
    /// Run one phase of a statement on an exchange. What the guest did is in the exchange's effects. `now` is what time it
    /// is, if that is known.
    pub fn call(
        &self,
        statement: &Statement,
        phase: Phase,
        mut exchange: Box<Exchange>,
        now: Option<Instant>,
    ) -> Outcome {
        let unit = &statement.unit;
        let Some(admission) = statement.quarantine.admit(Instant::now) else {
            return self.turn_away(statement, phase, exchange, quarantined());
        };
        let mut learns = false;
        if may_be_known(unit, phase) {
            let known = self.decisions(unit, phase, |decisions| {
                learns = decisions.learns();
                decisions.repeat(&statement.identity, &mut exchange)
            });
            if let Some(used) = known {
                let outcome = self.conclude(statement, phase, None, admission, Some(exchange), Ok((None, used)));
                return Outcome { ended: now, ..outcome };
            }
        }
        let began = now.unwrap_or_else(Instant::now);
        let mut armed = match self.lend(statement, admission, exchange, self.take(unit)) {
            Ok(armed) => armed,
            Err((exchange, fault)) => return self.turn_away(statement, phase, exchange, fault),
        };
        // A panic in a host function is the host's fault and still only this request's.
        armed.instance.store.data_mut().note_questions(learns);
        let answered = catch_unwind(AssertUnwindSafe(|| armed.answer(phase)));
        let asked = armed.instance.store.data_mut().take_questions();
        let (exchange, entered) = self.settle(statement, armed.left(answered.ok()));
        if let (Some(asked), Some(exchange), Ok((None, used))) = (asked, &exchange, &entered) {
            self.learn(unit, phase, asked, &exchange.effects.diff, *used);
        }
        self.conclude(statement, phase, Some(began), admission, exchange, entered)
    }

    /// [`Leases::call`] for a statement whose unit [waits](crate::Unit::waits).
    pub async fn call_waiting(&self, statement: &Statement, phase: Phase, exchange: Box<Exchange>) -> Outcome {
        let began = Instant::now();
        let Some(_under_way) = statement.concurrency.begin(statement.unit.limits.concurrent_calls) else {
            return self.turn_away(statement, phase, exchange, busy());
        };
        let (armed, _place) = match self.arm_waiting(statement, exchange).await {
            Ok(armed) => armed,
            Err((exchange, fault)) => return self.turn_away(statement, phase, exchange, fault),
        };
        let admission = armed.admission;
        let (exchange, entered) = self.see_through(statement, armed.answered(phase)).await;
        self.conclude(statement, phase, Some(began), admission, exchange, entered)
    }

    /// Ask a statement that buffers whether it needs this message's body. One without a gate always does.
    pub async fn wants_body(
        &self,
        statement: &Statement,
        phase: Phase,
        exchange: Box<Exchange>,
    ) -> (Option<Box<Exchange>>, Result<bool, Fault>) {
        if !statement.unit.admitted.has_body_gate() {
            return (Some(exchange), Ok(true));
        }
        let Some(_under_way) = statement.concurrency.begin(statement.unit.limits.concurrent_calls) else {
            self.record_fault(statement, phase, FaultKind::Busy);
            return (Some(exchange), Err(busy()));
        };
        // Whoever buffers bodies waits.
        let (armed, _place) = match self.arm_waiting(statement, exchange).await {
            Ok(armed) => armed,
            Err((exchange, fault)) => {
                self.record_fault(statement, phase, fault.kind);
                return (Some(exchange), Err(fault));
            }
        };
        let admission = armed.admission;
        let (exchange, entered) = self.see_through(statement, armed.asked(phase)).await;
        let wants = entered.map(|(wants, _)| wants);
        if let Err((fault, used)) = &wants {
            statement.account.record(self.worker, phase, Ended::Fault(fault.kind), *used);
            failed(statement, admission, fault, used.computed);
        }
        (exchange, wants.map_err(|(fault, _)| fault))
    }

    /// Record a failure that happened before a statement could be entered.
    pub fn record_fault(&self, statement: &Statement, phase: Phase, kind: FaultKind) {
        statement.account.record(self.worker, phase, Ended::Fault(kind), Used::default());
    }

    /// Lend the exchange to an instance of a statement that waits, unless that is left out for now.
    async fn arm_waiting(
        &self,
        statement: &Statement,
        exchange: Box<Exchange>,
    ) -> Result<(Armed, Option<Place>), Unarmed> {
        let Some(admission) = statement.quarantine.admit(Instant::now) else { return Err((exchange, quarantined())) };
        let place = self.place(&statement.unit).await;
        let taken = self.take_waiting(&statement.unit).await;
        self.lend(statement, admission, exchange, taken).map(|armed| (armed, place))
    }

    fn lend(
        &self,
        statement: &Statement,
        admission: Admission,
        exchange: Box<Exchange>,
        taken: Result<Box<Instance>, CreateError>,
    ) -> Result<Armed, Unarmed> {
        let mut instance = match taken {
            Ok(instance) => instance,
            Err(error) => {
                let fault = creation_fault(error);
                failed(statement, admission, &fault, Duration::ZERO);
                return Err((exchange, fault));
            }
        };
        let body_bytes = [&exchange.request_body, &exchange.response_body].into_iter().flatten().map(|b| b.len()).sum();
        let fuel = match store::arm(&mut instance.store, body_bytes, statement.unit.stack) {
            Ok(fuel) => fuel,
            Err(error) => return Err((exchange, Fault::new(FaultKind::Host, error.to_string()))),
        };
        instance.store.data_mut().lend(exchange, &statement.identity);
        Ok(Armed { instance, fuel, admission })
    }

    /// See a call through that may be long.
    async fn see_through<T: Send + 'static>(
        &self,
        statement: &Statement,
        call: impl Future<Output = Left<T>> + Send + 'static,
    ) -> Entered<T> {
        match aside::see_through(self.aside.as_deref(), &statement.pace, Box::pin(call)).await {
            Some(left) => self.settle(statement, left),
            None => (None, Err((Fault::new(FaultKind::Host, "the thread of long calls has ended"), Used::default()))),
        }
    }

    /// Keep the instance if all is well.
    fn settle<T>(&self, statement: &Statement, left: Left<T>) -> Entered<T> {
        let Left { exchange, used, answer } = left;
        let entered = match answer {
            Ok((answer, instance)) => {
                self.put_back(&statement.unit, instance);
                Ok((answer, used))
            }
            Err(fault) => Err((fault, used)),
        };
        (exchange, entered)
    }

    /// A call that never came to an instance.
    fn turn_away(&self, statement: &Statement, phase: Phase, exchange: Box<Exchange>, fault: Fault) -> Outcome {
        self.record_fault(statement, phase, fault.kind);
        Outcome { exchange: Some(exchange), called: Err(fault), ended: None }
    }

    /// Check the verdict, and account for the call. Nobody asks how long it took if it is not known when it began.
    fn conclude(
        &self,
        statement: &Statement,
        phase: Phase,
        began: Option<Instant>,
        admission: Admission,
        exchange: Option<Box<Exchange>>,
        entered: Result<(Decision, Used), (Fault, Used)>,
    ) -> Outcome {
        let (called, mut used) = match entered {
            Ok((decision, used)) => (checked(statement, decision, exchange.as_deref(), used.fuel), used),
            Err((fault, used)) => (Err(fault), used),
        };
        let timed = began.map(|began| (began, Instant::now()));
        used.time = timed.map_or(Duration::ZERO, |(began, ended)| ended.saturating_duration_since(began));
        let ended = match &called {
            Ok(called) => Ended::Verdict(&called.verdict),
            Err(fault) => Ended::Fault(fault.kind),
        };
        statement.account.record(self.worker, phase, ended, used);
        match &called {
            Ok(_) => succeeded(statement, admission),
            Err(fault) => failed(statement, admission, fault, used.computed),
        }
        Outcome { exchange, called, ended: timed.map(|(_, ended)| ended) }
    }
}

fn checked(statement: &Statement, decision: Decision, exchange: Option<&Exchange>, fuel: u64) -> Result<Called, Fault> {
    let Some(given) = decision else { return Ok(Called { verdict: Verdict::Next, fuel }) };
    let limits = &statement.unit.limits;
    let verdict = verdict(*given, limits.header_bytes, limits.body_bytes)
        .map_err(|bad| Fault::new(FaultKind::BadVerdict, bad.to_string()))?;
    let is_staged = exchange.is_some_and(|exchange| exchange.effects.cache.hit.is_some());
    if matches!(verdict, Verdict::Respond(Reply::Staged)) && !is_staged {
        let detail = "it answered with a staged response, and no capability had put one ready";
        return Err(Fault::new(FaultKind::BadVerdict, detail));
    }
    Ok(Called { verdict, fuel })
}

fn quarantined() -> Fault {
    Fault::new(FaultKind::Quarantined, "it has failed too often and is left out for now")
}

fn busy() -> Fault {
    Fault::new(FaultKind::Busy, "as many of its calls are under way as its limit `concurrent-calls` allows")
}

fn succeeded(statement: &Statement, admission: Admission) {
    if statement.quarantine.succeeded(admission) == Change::Opened {
        let identity = &statement.identity;
        tracing::info!(statement = identity.statement, policy = identity.name, "a policy works again");
    }
}

fn failed(statement: &Statement, admission: Admission, fault: &Fault, computed: Duration) {
    if fault.kind.blame() != Blame::Guest {
        return;
    }
    if let Change::Shut(pause) = statement.quarantine.failed(admission, computed, &statement.unit.limits, Instant::now)
    {
        let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        let identity = &statement.identity;
        tracing::error!(
            statement = identity.statement,
            policy = identity.name,
            "error.type" = fault.kind.name(),
            on_failure = ?statement.on_failure,
            pause_ms,
            "a policy has failed too often: it is in quarantine and not called until it is tried again"
        );
    }
}

/// The result of a guest's future; none if a host function panicked, which is the host's fault and still only this
/// request's.
async fn caught<T>(future: impl Future<Output = wasmtime::Result<T>>) -> Option<wasmtime::Result<T>> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Ready(answered)) => Poll::Ready(Some(answered)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(_) => Poll::Ready(None),
    })
    .await
}

fn creation_fault(error: CreateError) -> Fault {
    match error {
        CreateError::Fault(fault) => fault,
        // It took the same configuration when the plan was built.
        CreateError::Refused { pointer, message } => {
            Fault::new(FaultKind::Trap, format!("the configuration was refused at {pointer:?}: {message}"))
        }
    }
}

fn absent() -> wasmtime::Error {
    wasmtime::Error::msg("the component doesn't export this phase")
}

impl Armed {
    fn answer(&mut self, phase: Phase) -> wasmtime::Result<Decision> {
        let Instance { store, entries, .. } = &mut *self.instance;
        let Entries { on_request, on_response, on_error, .. } = entries;
        let (request, response) = (Resource::new_borrow(0), Resource::new_borrow(0));
        let given = match phase {
            Phase::OnRequest => on_request.ok_or_else(absent)?.call(store, (request,)),
            Phase::OnResponse => on_response.ok_or_else(absent)?.call(store, (request, response)),
            Phase::OnError => {
                let error = last_error(store.data())?;
                on_error.ok_or_else(absent)?.call(store, (request, response, error))
            }
        };
        given.map(decision)
    }

    async fn answer_waiting(&mut self, phase: Phase) -> wasmtime::Result<Decision> {
        let Instance { store, entries, .. } = &mut *self.instance;
        let Entries { on_request, on_response, on_error, .. } = entries;
        let (request, response) = (Resource::new_borrow(0), Resource::new_borrow(0));
        let given = match phase {
            Phase::OnRequest => on_request.ok_or_else(absent)?.call_async(store, (request,)).await,
            Phase::OnResponse => on_response.ok_or_else(absent)?.call_async(store, (request, response)).await,
            Phase::OnError => {
                let error = last_error(store.data())?;
                on_error.ok_or_else(absent)?.call_async(store, (request, response, error)).await
            }
        };
        given.map(decision)
    }

    async fn answered(mut self, phase: Phase) -> Left<Decision> {
        let answered = caught(self.answer_waiting(phase)).await;
        self.left(answered)
    }

    async fn asked(mut self, phase: Phase) -> Left<bool> {
        let asked = caught(self.wants_body(phase)).await;
        self.left(asked)
    }

    /// Take the exchange back. `None` stands for a panic of the host.
    fn left<T>(mut self, answered: Option<wasmtime::Result<T>>) -> Left<T> {
        let store = &mut self.instance.store;
        let used = Used {
            fuel: self.fuel.saturating_sub(store.get_fuel().unwrap_or(0)),
            host_calls: store.data().host_calls(),
            computed: store.data().computed(),
            host_bytes: store.data().host_bytes() as u64,
            ..Used::default()
        };
        let exchange = store.data_mut().give_back();
        let answer = match answered {
            Some(Ok(answer)) => Ok((answer, self.instance)),
            Some(Err(error)) => Err(fault_of(&error, self.instance.store.data())),
            None => Err(Fault::new(FaultKind::Host, "a host function panicked")),
        };
        Left { exchange, used, answer }
    }

    async fn wants_body(&mut self, phase: Phase) -> wasmtime::Result<bool> {
        let Instance { store, entries, .. } = &mut *self.instance;
        let (request, response) = (Resource::new_borrow(0), Resource::new_borrow(0));
        let (wants,) = match phase {
            Phase::OnRequest => entries.wants_request_body.ok_or_else(absent)?.call_async(store, (request,)).await?,
            Phase::OnResponse | Phase::OnError => {
                entries.wants_response_body.ok_or_else(absent)?.call_async(store, (request, response)).await?
            }
        };
        Ok(wants)
    }
}

/// What an on-error phase is told.
fn last_error(session: &Session) -> wasmtime::Result<phases::on_error::LastError> {
    let error = session.last_error().ok_or_else(|| wasmtime::Error::msg("there is no error to tell of"))?.clone();
    Ok(phases::on_error::LastError {
        source: error.source,
        reason: error.reason,
        message: error.message,
        statement_id: error.statement,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Waker};

    #[test]
    fn a_panic_of_the_host_is_caught_where_the_guest_is_called() {
        let mut panics =
            Box::pin(caught(async { if true { panic!("a bug of the host") } else { Ok::<u8, wasmtime::Error>(0) } }));
        let mut context = Context::from_waker(Waker::noop());
        assert!(matches!(panics.as_mut().poll(&mut context), Poll::Ready(None)));
        let mut ends = Box::pin(caught(async { Ok::<u8, wasmtime::Error>(7) }));
        assert!(matches!(ends.as_mut().poll(&mut context), Poll::Ready(Some(Ok(7)))));
    }
}
