//! One call: an exchange is lent to a store, and comes back with a verdict and what was recorded.
//!
//! Two deadlines stand behind each other: fuel, which is the same on every machine, and the epoch deadline for what
//! fuel doesn't count. Whatever ends a call badly, the exchange comes back as it was and the store is dropped.
//!
//! Most components can't wait for anything, and are called as functions. One that may call other services runs on a
//! stack of its own, so that its worker serves others while it waits ([`Leases::call_waiting`]).

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

use tollgate_bindings::{phases, verdict};
use tollgate_capabilities::exchange::Exchange;
use tollgate_capabilities::session::Session;
use tollgate_core::fault::{Fault, FaultKind};
use tollgate_core::place::Phase;
use tollgate_core::verdict::{Reply, Verdict};
use wasmtime::component::Resource;

use crate::account::{Ended, Used};
use crate::lease::Leases;
use crate::statement::Statement;
use crate::store::{self, CreateError, Entries, Given, Instance, fault_of};

/// A call that ended well. What it did besides is in the exchange's effects, and nothing of it has been applied.
#[derive(Debug)]
pub struct Called {
    /// What the guest decided, checked.
    pub verdict: Verdict,
    /// Fuel that it used.
    pub fuel: u64,
}

/// What came of a call. The exchange comes back unchanged but for its effects; it is gone only if a host function panicked.
pub type Outcome = (Option<Box<Exchange>>, Result<Called, Fault>);

/// An instance that holds an exchange, ready to be entered.
struct Armed {
    instance: Box<Instance>,
    fuel: u64,
}

impl Leases {
    /// Run one phase of a statement on an exchange. What the guest did is in the exchange's effects.
    pub fn call(&self, statement: &Statement, phase: Phase, exchange: Box<Exchange>) -> Outcome {
        let began = Instant::now();
        let mut armed = match self.arm(statement, exchange) {
            Ok(armed) => armed,
            Err((exchange, fault)) => return self.conclude(statement, phase, began, exchange, Err(fault)),
        };
        // A panic in a host function is the host's fault and still only this request's.
        let answered = catch_unwind(AssertUnwindSafe(|| armed.answer(phase)));
        let (exchange, entered) = self.disarm(statement, armed, answered.ok());
        self.conclude(statement, phase, began, exchange, entered)
    }

    /// [`Leases::call`] for a statement whose component [may wait](crate::Admitted::waits).
    pub async fn call_waiting(&self, statement: &Statement, phase: Phase, exchange: Box<Exchange>) -> Outcome {
        let began = Instant::now();
        let mut armed = match self.arm(statement, exchange) {
            Ok(armed) => armed,
            Err((exchange, fault)) => return self.conclude(statement, phase, began, exchange, Err(fault)),
        };
        let answered = {
            let mut answer = pin!(armed.answer_waiting(phase));
            poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context))) {
                Ok(Poll::Ready(answered)) => Poll::Ready(Some(answered)),
                Ok(Poll::Pending) => Poll::Pending,
                Err(_) => Poll::Ready(None),
            })
            .await
        };
        let (exchange, entered) = self.disarm(statement, armed, answered);
        self.conclude(statement, phase, began, exchange, entered)
    }

    /// Ask a statement that buffers whether it needs this message's body. One without a gate always does.
    pub fn wants_body(
        &self,
        statement: &Statement,
        phase: Phase,
        exchange: Box<Exchange>,
    ) -> (Option<Box<Exchange>>, Result<bool, Fault>) {
        if !statement.unit.admitted.has_body_gate() {
            return (Some(exchange), Ok(true));
        }
        let mut armed = match self.arm(statement, exchange) {
            Ok(armed) => armed,
            Err((exchange, fault)) => {
                self.record_fault(statement, phase, fault.kind);
                return (Some(exchange), Err(fault));
            }
        };
        let waits = statement.unit.admitted.waits();
        let answered = catch_unwind(AssertUnwindSafe(|| armed.wants_body(phase, waits)));
        let (exchange, entered) = self.disarm(statement, armed, answered.ok());
        let wants = entered.map(|(wants, _)| wants);
        if let Err((fault, used)) = &wants {
            statement.account.record(self.worker, phase, Ended::Fault(fault.kind), *used);
        }
        (exchange, wants.map_err(|(fault, _)| fault))
    }

    /// Record a failure that happened before a statement could be entered.
    pub fn record_fault(&self, statement: &Statement, phase: Phase, kind: FaultKind) {
        statement.account.record(self.worker, phase, Ended::Fault(kind), Used::default());
    }

    /// Lend the exchange to an instance of the statement.
    fn arm(&self, statement: &Statement, exchange: Box<Exchange>) -> Result<Armed, (Box<Exchange>, Fault)> {
        let mut instance = match self.take(&statement.unit) {
            Ok(instance) => instance,
            Err(error) => return Err((exchange, creation_fault(error))),
        };
        let body_bytes = [&exchange.request_body, &exchange.response_body].into_iter().flatten().map(|b| b.len()).sum();
        let fuel = match store::arm(&mut instance.store, body_bytes) {
            Ok(fuel) => fuel,
            Err(error) => return Err((exchange, Fault::new(FaultKind::Host, error.to_string()))),
        };
        instance.store.data_mut().lend(exchange, &statement.identity);
        Ok(Armed { instance, fuel })
    }

    /// Take the exchange back, and keep the instance if all is well. `None` stands for a panic of the host.
    #[expect(clippy::type_complexity, reason = "the two ends of one call, used in this file only")]
    fn disarm<T>(
        &self,
        statement: &Statement,
        mut armed: Armed,
        answered: Option<wasmtime::Result<T>>,
    ) -> (Option<Box<Exchange>>, Result<(T, Used), (Fault, Used)>) {
        let store = &mut armed.instance.store;
        let used = Used {
            fuel: armed.fuel.saturating_sub(store.get_fuel().unwrap_or(0)),
            host_calls: store.data().host_calls(),
            ..Used::default()
        };
        let exchange = store.data_mut().give_back();
        let entered = match answered {
            Some(Ok(answer)) => {
                self.put_back(&statement.unit, armed.instance);
                Ok((answer, used))
            }
            Some(Err(error)) => Err((fault_of(&error, armed.instance.store.data()), used)),
            None => Err((Fault::new(FaultKind::Host, "a host function panicked"), used)),
        };
        (exchange, entered)
    }

    /// Check the verdict, and account for the call.
    fn conclude(
        &self,
        statement: &Statement,
        phase: Phase,
        began: Instant,
        exchange: impl Into<Option<Box<Exchange>>>,
        entered: Result<(Given, Used), impl Into<Ending>>,
    ) -> Outcome {
        let exchange = exchange.into();
        let (called, mut used) = match entered {
            Ok((given, used)) => (checked(statement, given, exchange.as_deref(), used.fuel), used),
            Err(ending) => {
                let Ending { fault, used } = ending.into();
                (Err(fault), used)
            }
        };
        used.time = began.elapsed();
        let ended = match &called {
            Ok(called) => Ended::Verdict(&called.verdict),
            Err(fault) => Ended::Fault(fault.kind),
        };
        statement.account.record(self.worker, phase, ended, used);
        (exchange, called)
    }
}

/// A call that ended badly, and what it used up.
struct Ending {
    fault: Fault,
    used: Used,
}

impl From<Fault> for Ending {
    fn from(fault: Fault) -> Ending {
        Ending { fault, used: Used::default() }
    }
}

impl From<(Fault, Used)> for Ending {
    fn from((fault, used): (Fault, Used)) -> Ending {
        Ending { fault, used }
    }
}

fn checked(statement: &Statement, (given,): Given, exchange: Option<&Exchange>, fuel: u64) -> Result<Called, Fault> {
    let limits = &statement.unit.limits;
    let verdict = verdict(given, limits.header_bytes, limits.body_bytes)
        .map_err(|bad| Fault::new(FaultKind::BadVerdict, bad.to_string()))?;
    let is_staged = exchange.is_some_and(|exchange| exchange.effects.cache.hit.is_some());
    if matches!(verdict, Verdict::Respond(Reply::Staged)) && !is_staged {
        let detail = "it answered with a staged response, and no capability had put one ready";
        return Err(Fault::new(FaultKind::BadVerdict, detail));
    }
    Ok(Called { verdict, fuel })
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
    fn answer(&mut self, phase: Phase) -> wasmtime::Result<Given> {
        let Instance { store, entries, .. } = &mut *self.instance;
        let Entries { on_request, on_response, on_error, .. } = entries;
        let (request, response) = (Resource::new_borrow(0), Resource::new_borrow(0));
        match phase {
            Phase::OnRequest => on_request.ok_or_else(absent)?.call(store, (request,)),
            Phase::OnResponse => on_response.ok_or_else(absent)?.call(store, (request, response)),
            Phase::OnError => {
                let error = last_error(store.data())?;
                on_error.ok_or_else(absent)?.call(store, (request, response, error))
            }
        }
    }

    async fn answer_waiting(&mut self, phase: Phase) -> wasmtime::Result<Given> {
        let Instance { store, entries, .. } = &mut *self.instance;
        let Entries { on_request, on_response, on_error, .. } = entries;
        let (request, response) = (Resource::new_borrow(0), Resource::new_borrow(0));
        match phase {
            Phase::OnRequest => on_request.ok_or_else(absent)?.call_async(store, (request,)).await,
            Phase::OnResponse => on_response.ok_or_else(absent)?.call_async(store, (request, response)).await,
            Phase::OnError => {
                let error = last_error(store.data())?;
                on_error.ok_or_else(absent)?.call_async(store, (request, response, error)).await
            }
        }
    }

    fn wants_body(&mut self, phase: Phase, waits: bool) -> wasmtime::Result<bool> {
        let Instance { store, entries, .. } = &mut *self.instance;
        let (request, response) = (Resource::new_borrow(0), Resource::new_borrow(0));
        let (wants,) = match phase {
            Phase::OnRequest => {
                store::enter(&entries.wants_request_body.ok_or_else(absent)?, store, (request,), waits)?
            }
            Phase::OnResponse | Phase::OnError => {
                store::enter(&entries.wants_response_body.ok_or_else(absent)?, store, (request, response), waits)?
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
