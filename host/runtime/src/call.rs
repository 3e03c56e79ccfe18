//! One call: an exchange is lent to a store, and comes back with a verdict and what was recorded.
//!
//! Two deadlines stand behind each other: fuel, which is the same on every machine, and the epoch deadline for what
//! fuel doesn't count. Whatever ends a call badly, the exchange comes back as it was and the store is dropped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use tollgate_bindings::{phases, verdict};
use tollgate_capabilities::exchange::Exchange;
use tollgate_capabilities::session::Effects;
use tollgate_core::fault::{Fault, FaultKind};
use tollgate_core::place::Phase;
use tollgate_core::verdict::{Reply, Verdict};
use wasmtime::component::Resource;

use crate::account::{Ended, Used};
use crate::lease::Leases;
use crate::statement::Statement;
use crate::store::{self, CreateError, Instance, fault_of};

/// A call that ended well.
#[derive(Debug)]
pub struct Called {
    /// What the guest decided, checked.
    pub verdict: Verdict,
    /// What it recorded. Nothing of it has been applied.
    pub effects: Effects,
}

/// What one entry into a guest gives.
enum Answer {
    Verdict(tollgate_bindings::policy::verdicts::Verdict),
    Wants(bool),
}

/// What came of entering a guest: its answer and what it recorded.
type Entered = Result<(Answer, Effects), Fault>;

/// Which export is entered.
#[derive(Clone, Copy)]
enum Entry {
    Phase(Phase),
    BodyGate(Phase),
}

impl Leases {
    /// Run one phase of a statement on an exchange.
    ///
    /// The exchange comes back in every case, and is unchanged: what the guest did is in [`Called::effects`].
    pub fn call(
        &self,
        statement: &Statement,
        phase: Phase,
        exchange: Box<Exchange>,
    ) -> (Option<Box<Exchange>>, Result<Called, Fault>) {
        let began = Instant::now();
        let (exchange, entered, mut used) = self.enter(statement, Entry::Phase(phase), exchange);
        used.time = began.elapsed();
        let called = entered.and_then(|(answer, effects)| {
            let Answer::Verdict(given) = answer else {
                return Err(Fault::new(FaultKind::Host, "a phase gave no verdict"));
            };
            let limits = &statement.unit.limits;
            let verdict = verdict(given, limits.header_bytes, limits.body_bytes)
                .map_err(|bad| Fault::new(FaultKind::BadVerdict, bad.to_string()))?;
            if matches!(verdict, Verdict::Respond(Reply::Staged)) && effects.cache.hit.is_none() {
                let detail = "it answered with a staged response, and no capability had put one ready";
                return Err(Fault::new(FaultKind::BadVerdict, detail));
            }
            Ok(Called { verdict, effects })
        });
        let ended = match &called {
            Ok(called) => Ended::Verdict(&called.verdict),
            Err(fault) => Ended::Fault(fault.kind),
        };
        statement.account.record(self.worker, phase, ended, used);
        (exchange, called)
    }

    /// Ask a statement that buffers whether it needs this message's body. One without a gate always does.
    pub fn wants_body(
        &self,
        statement: &Statement,
        phase: Phase,
        exchange: Box<Exchange>,
    ) -> (Option<Box<Exchange>>, Result<bool, Fault>) {
        if phase == Phase::OnError || !statement.unit.admitted.has_body_gate() {
            return (Some(exchange), Ok(true));
        }
        let (exchange, entered, used) = self.enter(statement, Entry::BodyGate(phase), exchange);
        let wants = entered.map(|(answer, _)| matches!(answer, Answer::Wants(true)));
        if let Err(fault) = &wants {
            statement.account.record(self.worker, phase, Ended::Fault(fault.kind), used);
        }
        (exchange, wants)
    }

    /// Record a failure that happened before a statement could be entered.
    pub fn record_fault(&self, statement: &Statement, phase: Phase, kind: FaultKind) {
        statement.account.record(self.worker, phase, Ended::Fault(kind), Used::default());
    }

    fn enter(
        &self,
        statement: &Statement,
        entry: Entry,
        exchange: Box<Exchange>,
    ) -> (Option<Box<Exchange>>, Entered, Used) {
        let mut used = Used::default();
        let mut instance = match self.take(&statement.unit) {
            Ok(instance) => instance,
            Err(error) => return (Some(exchange), Err(creation_fault(error)), used),
        };
        let body_bytes = [&exchange.request_body, &exchange.response_body].into_iter().flatten().map(|b| b.len()).sum();
        let last_error = exchange.last_error.clone();
        let fuel = match store::arm(&mut instance.store, body_bytes) {
            Ok(fuel) => fuel,
            Err(error) => return (Some(exchange), Err(Fault::new(FaultKind::Host, error.to_string())), used),
        };
        instance.store.data_mut().lend(exchange, Arc::clone(&statement.identity));
        // A panic in a host function is the host's fault and still only this request's.
        let answered = catch_unwind(AssertUnwindSafe(|| answer(&mut instance, entry, last_error)));
        used.fuel = fuel.saturating_sub(instance.store.get_fuel().unwrap_or(0));
        used.host_calls = instance.store.data().host_calls();
        let (exchange, effects) = instance.store.data_mut().give_back();
        match answered {
            Ok(Ok(answer)) => {
                self.put_back(&statement.unit, instance);
                (exchange, Ok((answer, effects)), used)
            }
            Ok(Err(error)) => {
                let fault = fault_of(&error, instance.store.data());
                (exchange, Err(fault), used)
            }
            Err(_) => (exchange, Err(Fault::new(FaultKind::Host, "a host function panicked")), used),
        }
    }
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

/// Enter the guest. Handles carry nothing: there is one request and one response per call.
fn answer(
    instance: &mut Instance,
    entry: Entry,
    last_error: Option<tollgate_capabilities::exchange::LastError>,
) -> wasmtime::Result<Answer> {
    let Instance { store, on_request, on_response, on_error, body_gate, .. } = instance;
    let absent = || wasmtime::Error::msg("the component doesn't export this phase");
    let request = || Resource::new_borrow(0);
    let response = || Resource::new_borrow(0);
    Ok(match entry {
        Entry::Phase(Phase::OnRequest) => {
            let guest = on_request.as_ref().ok_or_else(absent)?;
            Answer::Verdict(guest.call_on_request(store, request())?)
        }
        Entry::Phase(Phase::OnResponse) => {
            let guest = on_response.as_ref().ok_or_else(absent)?;
            Answer::Verdict(guest.call_on_response(store, request(), response())?)
        }
        Entry::Phase(Phase::OnError) => {
            let guest = on_error.as_ref().ok_or_else(absent)?;
            let error = last_error.ok_or_else(|| wasmtime::Error::msg("there is no error to tell of"))?;
            let error = phases::on_error::LastError {
                source: error.source,
                reason: error.reason,
                message: error.message,
                statement_id: error.statement,
            };
            Answer::Verdict(guest.call_on_error(store, request(), response(), &error)?)
        }
        Entry::BodyGate(Phase::OnRequest) => {
            let gate = body_gate.as_ref().ok_or_else(absent)?;
            Answer::Wants(gate.call_wants_request_body(store, request())?)
        }
        Entry::BodyGate(_) => {
            let gate = body_gate.as_ref().ok_or_else(absent)?;
            Answer::Wants(gate.call_wants_response_body(store, request(), response())?)
        }
    })
}
