//! The sections of a chain, one after the other, and what comes of a failure on the way.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use http::Response;
use tollgate_core::fault::Blame;
use tollgate_core::message::ResponseHead;
use tollgate_core::place::Section;
use tollgate_runtime::LastError;

use crate::body::Body;
use crate::chain::{Answer, StepFailure, Stop, Walk, parts_of};
use crate::deadline::Alarms;
use crate::observe::record::Record;
use crate::plan::{Chain, Step};
use crate::respond::{self, Rejection};

/// What goes to the client, before the last touches.
pub(super) struct Outcome {
    pub(super) head: ResponseHead,
    pub(super) body: Body,
}

/// A failure on its way through the on-error section.
struct Failing {
    error: LastError,
    blame: Blame,
    outcome: Outcome,
}

/// Walk all sections in at most `limit`. Always ends with something for the client.
pub(super) async fn walk_all(
    walk: &mut Walk,
    alarms: &Alarms,
    limit: Option<Duration>,
    record: &mut Record,
) -> Outcome {
    let chain = Arc::clone(walk.chain());
    let outcome = {
        let sections = pin!(all_sections(walk, &chain, record));
        in_time(alarms, limit, sections).await
    };
    outcome.unwrap_or_else(|| timed_out(walk, record))
}

/// Walk the on-error section alone, for a request that found no way.
pub(super) async fn walk_on_error(
    walk: &mut Walk,
    alarms: &Alarms,
    limit: Option<Duration>,
    rejection: Rejection,
    record: &mut Record,
) -> Outcome {
    let chain = Arc::clone(walk.chain());
    let stop = Stop::Failed(Box::new(StepFailure::of_gateway(rejection)));
    let outcome = {
        let section = pin!(on_error(walk, &chain, stop, record));
        in_time(alarms, limit, section).await
    };
    outcome.unwrap_or_else(|| timed_out(walk, record))
}

/// Walk the inbound section of a preflight's own chain; none if nothing there answers.
pub(super) async fn walk_preflight(walk: &mut Walk) -> Option<Outcome> {
    match walk.section(Section::Inbound, 0).await {
        Err(Stop::Answered(answer)) => Some(with_staged(walk, Outcome { head: answer.head, body: answer.body })),
        _ => None,
    }
}

/// All sections, in order.
async fn all_sections(walk: &mut Walk, chain: &Chain, record: &mut Record) -> Outcome {
    let mut outcome = sections(walk, chain, record).await;
    if walk.exchange().is_some_and(|exchange| exchange.holds.has_later()) {
        // Refused, failed or answered before the end of outbound: that counts as well, if its condition says so.
        walk.answer(outcome.head, outcome.body);
        if let Err(Stop::Failed(failure)) = walk.settle_later() {
            tracing::warn!(source = failure.source, detail = failure.detail, "a call was not counted");
        }
        outcome = answered(walk);
    }
    if !walk.is_counted_for_good().await {
        tracing::warn!("a call was counted, but its count can't be written to the disk");
    }
    outcome
}

async fn sections(walk: &mut Walk, chain: &Chain, record: &mut Record) -> Outcome {
    let forwarded = match walk.section(Section::Inbound, 0).await {
        Ok(()) => walk.section(Section::Backend, 0).await,
        Err(stop) => Err(stop),
    };
    let resume = match forwarded {
        Ok(()) => {
            if !walk.is_answered() {
                walk.answer_nothing();
            }
            0
        }
        Err(Stop::Answered(answer)) => match resume_at(chain, &answer) {
            Some(at) => {
                walk.answer(answer.head, answer.body);
                at
            }
            None => return with_staged(walk, Outcome { head: answer.head, body: answer.body }),
        },
        Err(stop) => return on_error(walk, chain, stop, record).await,
    };
    let (head, body) = walk.take_answer();
    let Outcome { head, body } = with_staged(walk, Outcome { head, body });
    walk.answer(head, body);
    let ended = match walk.section(Section::Outbound, resume).await {
        Ok(()) => walk.settle_later(),
        Err(stop) => Err(stop),
    };
    match ended {
        Ok(()) => answered(walk),
        Err(Stop::Answered(answer)) => with_staged(walk, Outcome { head: answer.head, body: answer.body }),
        Err(stop) => on_error(walk, chain, stop, record).await,
    }
}

/// What comes of it in the time that it may take; none if that wasn't enough.
async fn in_time(
    alarms: &Alarms,
    limit: Option<Duration>,
    walk: Pin<&mut impl Future<Output = Outcome>>,
) -> Option<Outcome> {
    let Some(limit) = limit else { return Some(walk.await) };
    let until = tokio::time::Instant::now() + limit;
    let mut outcome = alarms.within(until, walk).await?;
    outcome.body.end_by(until);
    Some(outcome)
}

/// The end of an exchange whose time is over. There is none left for statements, those of on-error included.
fn timed_out(walk: &mut Walk, record: &mut Record) -> Outcome {
    let Failing { error, blame, outcome } = Failing::of_step(StepFailure::of_gateway(Rejection::TotalTimeout), walk);
    record.fail(&error.source, &error.reason, blame);
    if let Some(exchange) = walk.exchange_mut() {
        exchange.last_error = Some(error);
    }
    outcome
}

fn answered(walk: &mut Walk) -> Outcome {
    let (head, body) = walk.take_answer();
    Outcome { head, body }
}

/// Where outbound goes on after a stored response: behind the statement that stored it. None for every other answer,
/// which ends the pipeline.
fn resume_at(chain: &Chain, answer: &Answer) -> Option<usize> {
    let stored_by = answer.resume_after.as_ref()?;
    let outbound = chain.section(Section::Outbound);
    let at = outbound.iter().rposition(|step| holds_statement(step, stored_by));
    // The plan has changed since, and the statement is gone: nothing of outbound would fit.
    Some(at.map_or(outbound.len(), |at| at + 1))
}

/// Headers that statements staged for whatever response comes.
fn with_staged(walk: &mut Walk, mut outcome: Outcome) -> Outcome {
    walk.place_staged(&mut outcome.head.headers);
    outcome
}

/// Is a statement this step, or within it?
fn holds_statement(step: &Step, key: &str) -> bool {
    match step {
        Step::Statement(call) => call.statement.identity.key.as_ref() == key,
        other => other.lists().into_iter().flatten().any(|step| holds_statement(step, key)),
    }
}

pub(super) fn outcome_of(response: Response<Body>) -> Outcome {
    let (head, body) = parts_of(response);
    Outcome { head, body }
}

impl Failing {
    /// A failure that a step raised. `None` for an answer, which is none.
    fn of(stop: Stop, walk: &mut Walk) -> Failing {
        match stop {
            Stop::Refused(refusal) => {
                let error = LastError {
                    source: refusal.source,
                    reason: refusal.failure.reason.clone(),
                    message: refusal.detail.unwrap_or_else(|| refusal.failure.message.clone()),
                    statement: Some(refusal.statement),
                    at: Some(refusal.at),
                    status: refusal.failure.status.as_u16(),
                };
                Failing { error, blame: Blame::Client, outcome: outcome_of(respond::refused(refusal.failure)) }
            }
            Stop::Failed(failure) => Failing::of_step(*failure, walk),
            Stop::Answered(answer) => Failing {
                error: LastError { source: "gateway".into(), ..LastError::default() },
                blame: Blame::Host,
                outcome: Outcome { head: answer.head, body: answer.body },
            },
        }
    }

    fn of_step(failure: StepFailure, walk: &mut Walk) -> Failing {
        let StepFailure { source, statement, at, rejection, detail } = failure;
        let (reason, message, blame, outcome) = match &rejection {
            Some(it) => (it.reason(), it.message(), it.blame(), outcome_of(it.response())),
            // The origin's own response is what failed.
            None => ("ErrorStatusCode", "The backend answered with an error.", Blame::Origin, answered(walk)),
        };
        let error = LastError {
            source,
            reason: reason.into(),
            message: detail.unwrap_or_else(|| message.into()),
            statement,
            at,
            status: outcome.head.status.as_u16(),
        };
        Failing { error, blame, outcome }
    }
}

/// The on-error section: sees the failure's response, and may edit it, replace it or refuse differently.
async fn on_error(walk: &mut Walk, chain: &Chain, stop: Stop, record: &mut Record) -> Outcome {
    let outcome = failed(walk, stop, record);
    if chain.section(Section::OnError).is_empty() {
        return outcome;
    }
    walk.answer(outcome.head, outcome.body);
    // Boxed, as few exchanges come here.
    match Box::pin(walk.section(Section::OnError, 0)).await {
        Ok(()) => answered(walk),
        Err(Stop::Answered(answer)) => with_staged(walk, Outcome { head: answer.head, body: answer.body }),
        Err(stop) => {
            let again = Failing::of(stop, walk);
            record.fail(&again.error.source, &again.error.reason, again.blame);
            with_staged(walk, again.outcome)
        }
    }
}

/// Note a failure for the log and for statements; what its client gets unless they say otherwise.
fn failed(walk: &mut Walk, stop: Stop, record: &mut Record) -> Outcome {
    let Failing { error, blame, outcome } = Failing::of(stop, walk);
    record.fail(&error.source, &error.reason, blame);
    let outcome = with_staged(walk, outcome);
    if let Some(exchange) = walk.exchange_mut() {
        exchange.last_error = Some(error);
    }
    outcome
}
