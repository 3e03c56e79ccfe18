//! The gateway's own flow: `choose`, `retry`, `limit-concurrency`, `set-variable`, fragments (`apim.md` §1.8).

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use serde_json::json;
use tollgate_runtime::{Acquired, Exchange, LastError};

use super::{Failing, StepFailure, Stop, Walk};
use crate::plan::{Choose, LimitConcurrency, Own, Retry, SetVariable, Step};
use crate::respond::Rejection;

/// What the step is called that sends a request to its origin.
const FORWARD_REQUEST: &str = "forward-request";

/// The most that `retry` repeats, whatever an expression says (`apim.md` §1.8).
const MAX_RETRIES: u32 = 50;

impl Walk {
    /// Run a step that is the gateway's own.
    pub(super) async fn own_step(&mut self, step: &Step) -> Result<(), Stop> {
        let Some(own) = step.own() else { return Ok(()) };
        if !self.is_wanted(own).await? {
            return Ok(());
        }
        match step {
            Step::Statement(call) => self.call(call).await,
            Step::SetVariable(set) => self.set_variable(set).await,
            // Boxed, so that a step which is soon done holds no room for these.
            Step::Forward(forward) => Box::pin(self.forward(forward)).await,
            Step::Choose(_) => Box::pin(self.run(std::slice::from_ref(step))).await,
            Step::Retry(retry) => Box::pin(self.retry(retry)).await,
            Step::Wait(wait) => Box::pin(self.wait(wait)).await,
            Step::LimitConcurrency(limit) => Box::pin(self.limit_concurrency(limit)).await,
            Step::Fragment(group) => {
                self.trace_own(&group.own, || json!({}));
                Box::pin(self.run(&group.steps)).await
            }
        }
    }

    /// Does the step's own condition hold?
    async fn is_wanted(&mut self, own: &Own) -> Result<bool, Stop> {
        let held = self.holds(own.when.as_ref()).await;
        self.hide();
        let held = held.map_err(|failing| self.failed(own, failing))?;
        if !held {
            self.trace_own(own, || json!({ "skipped": "when" }));
        }
        Ok(held)
    }

    /// The failure of one of the gateway's own steps.
    pub(super) fn failed(&mut self, own: &Own, failing: Failing) -> Stop {
        let request_id = self.exchange().map(|exchange| &*exchange.facts.request_id).unwrap_or_default();
        let failure = failing.failure(own.name, None, &own.position, request_id);
        self.stopped(failure)
    }

    /// Compute something while the bodies are there that it reads.
    pub(super) async fn compute<T>(
        &mut self,
        needs: tollgate_expression::Needs,
        compute: impl FnOnce(&Exchange) -> Result<T, tollgate_runtime::Failed>,
    ) -> Result<T, Failing> {
        self.show(needs).await?;
        let exchange = self.exchange().ok_or(Failing::Rejected(Rejection::PolicyFault))?;
        let computed = compute(exchange);
        self.hide();
        Ok(computed?)
    }

    async fn set_variable(&mut self, set: &SetVariable) -> Result<(), Stop> {
        let value = self.compute(set.value.needs(), |exchange| set.value.get(exchange)).await;
        let value = value.map_err(|failing| self.failed(&set.own, failing))?;
        self.trace_own(&set.own, || json!({ "variable": set.name, "value": value.to_json() }));
        let Some(exchange) = self.exchange_mut() else { return Ok(()) };
        if let Err(problem) = exchange.variables.set(&set.name, value) {
            tracing::warn!(place = set.own.position.place, variable = set.name, %problem, "a variable was not set");
            let detail = Some(format!("the variable `{}` was not set: {problem}", set.name));
            return Err(
                self.stopped(StepFailure { detail, ..StepFailure::of_step(&set.own, Rejection::ExpressionFailed) })
            );
        }
        Ok(())
    }

    /// The steps that `choose` decides for.
    pub(super) async fn chosen<'c>(&mut self, choose: &'c Choose) -> Result<&'c [Step], Stop> {
        if !self.is_wanted(&choose.own).await? {
            return Ok(&[]);
        }
        for (at, branch) in choose.branches.iter().enumerate() {
            let held = self.holds(Some(&branch.condition)).await;
            self.hide();
            if held.map_err(|failing| self.failed(&choose.own, failing))? {
                self.trace_own(&choose.own, || json!({ "branch": at + 1, "when": branch.condition.source() }));
                return Ok(&branch.steps);
            }
        }
        self.trace_own(&choose.own, || json!({ "branch": "otherwise" }));
        Ok(&choose.otherwise)
    }

    /// Once, and again while the condition holds and the gateway's budget for retries allows it. An origin that failed
    /// counts as a response with the status that the client would get, so that a condition on the status sees it. What its
    /// steps answered is forgotten before the next try; a response or an error that was there before stays.
    async fn retry(&mut self, retry: &Retry) -> Result<(), Stop> {
        let count = self.compute(retry.count.needs(), |exchange| retry.count.get(exchange)).await;
        let count = count.map_err(|failing| self.failed(&retry.own, failing))?.min(MAX_RETRIES);
        let was_answered = self.is_answered();
        let error_before = self.exchange().and_then(|exchange| exchange.last_error.clone());
        let mut done = 0;
        loop {
            let ended = self.run(&retry.steps).await;
            let failure = match ended {
                Ok(()) => None,
                Err(Stop::Failed(failure)) if is_of_origin(&failure) => Some(failure),
                Err(stop) => return Err(stop),
            };
            if done >= count {
                return failure.map_or(Ok(()), |failure| Err(Stop::Failed(failure)));
            }
            if let Some(failure) = &failure {
                self.show_failure(failure);
            }
            let again = self.holds(Some(&retry.condition)).await;
            self.hide();
            let again = again.map_err(|failing| self.failed(&retry.own, failing))?;
            if !again || !self.upstream.may_retry() {
                return failure.map_or(Ok(()), |failure| Err(Stop::Failed(failure)));
            }
            done += 1;
            let pause = self.pause(retry, done).map_err(|failed| self.failed(&retry.own, Failing::from(failed)))?;
            let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            self.trace_own(&retry.own, || json!({ "retry": done, "pauseMs": pause_ms }));
            if !was_answered {
                self.drop_answer();
            }
            if let Some(exchange) = self.exchange_mut() {
                exchange.last_error.clone_from(&error_before);
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// The response that a failure would become, for a condition to look at.
    fn show_failure(&mut self, failure: &StepFailure) {
        let Some(rejection) = &failure.rejection else { return };
        let (parts, body) = rejection.response().into_parts();
        self.answer(
            tollgate_core::message::ResponseHead { status: parts.status, reason: None, headers: parts.headers },
            body,
        );
        let last_error = LastError {
            source: failure.source.clone(),
            reason: rejection.reason().into(),
            message: rejection.message().into(),
            statement: failure.statement.clone(),
            at: failure.at.clone(),
            status: rejection.status().as_u16(),
        };
        if let Some(exchange) = self.exchange_mut() {
            exchange.last_error = Some(last_error);
        }
    }

    /// What was answered is forgotten before the next try.
    fn drop_answer(&mut self) {
        drop(std::mem::take(&mut self.response_body));
        if let Some(exchange) = self.exchange_mut() {
            exchange.response = None;
        }
    }

    /// How long to wait before repetition `n`, which counts from 1 (`apim.md` §1.8): `interval`; with `delta`
    /// `interval + (n-1)·delta`; with `delta` and `max-interval` `interval + 2^(n-1)·rand(0.8·delta..1.2·delta)`, capped.
    fn pause(&self, retry: &Retry, n: u32) -> Result<Duration, tollgate_runtime::Failed> {
        let Some(exchange) = self.exchange() else { return Ok(Duration::ZERO) };
        if n == 1 && retry.first_fast_retry.get(exchange)? {
            return Ok(Duration::ZERO);
        }
        let interval = retry.interval.get(exchange)?;
        let delta = retry.delta.as_ref().map(|delta| delta.get(exchange)).transpose()?;
        let longest = retry.max_interval.as_ref().map(|longest| longest.get(exchange)).transpose()?;
        let Some(delta) = delta else { return Ok(longest.map_or(interval, |longest| interval.min(longest))) };
        Ok(match longest {
            None => interval.saturating_add(delta.saturating_mul(n - 1)),
            Some(longest) => {
                let spread = delta.mul_f64(0.8 + 0.4 * chance());
                let grown = spread.saturating_mul(2_u32.saturating_pow(n - 1));
                interval.saturating_add(grown).min(longest)
            }
        })
    }

    async fn limit_concurrency(&mut self, limit: &LimitConcurrency) -> Result<(), Stop> {
        let key = self.compute(limit.key.needs(), |exchange| limit.key.get(exchange)).await;
        let key = key.map_err(|failing| self.failed(&limit.own, failing))?;
        let services = self.leases.services();
        let parts = [b"limit-concurrency".as_slice(), key.as_bytes()];
        match services.limiter.acquire(&parts, limit.max_count) {
            Acquired::Permit(permit) => {
                self.trace_own(&limit.own, || json!({ "key": key, "admitted": true }));
                let ended = self.run(&limit.steps).await;
                drop(permit);
                ended
            }
            Acquired::Taken => Err(self.stopped(StepFailure::of_step(&limit.own, Rejection::ConcurrencyExceeded))),
            Acquired::Full => Err(self.stopped(StepFailure::of_step(&limit.own, Rejection::Overloaded))),
        }
    }
}

/// Did the origin not answer, or answer with an error, so that another try may help?
fn is_of_origin(failure: &StepFailure) -> bool {
    failure.source == FORWARD_REQUEST
        && matches!(failure.rejection, None | Some(Rejection::OriginFailed(_) | Rejection::OriginTimeout(_)))
}

/// A number from 0 to 1. Spreads retries; nothing depends on its quality.
fn chance() -> f64 {
    let bits = RandomState::new().build_hasher().finish();
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::chance;

    #[test]
    fn chance_is_a_share() {
        assert!((0..1000).map(|_| chance()).all(|it| (0.0..1.0).contains(&it)));
    }
}
