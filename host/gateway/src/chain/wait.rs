//! `wait`: steps that run beside each other, each on a copy of the exchange (`apim.md` §1.8).
//!
//! What they set counts afterwards in the order of the document: variables, and headers for the response to come.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use serde_json::json;
use tollgate_core::place::Phase;
use tollgate_document::WaitFor;
use tollgate_expression::Needs;
use tollgate_runtime::{Exchange, Statement};

use super::{Failing, Stop, Walk};
use crate::body::Body;
use crate::plan::{Step, Wait};
use crate::respond::Rejection;

/// A step under way, with the walk that it is on.
type Running = Pin<Box<dyn Future<Output = (Walk, Result<(), Stop>)>>>;

/// What is known of a step.
enum Branch {
    Running(Running),
    Ended(Box<Walk>, Result<(), Stop>),
    Abandoned,
}

/// Statements that may need a body in this phase, those in fragments and branches too.
fn find_buffering<'s>(steps: &'s [Step], phase: Phase, found: &mut Vec<&'s Statement>) {
    for step in steps {
        match step {
            Step::Statement(call) if call.statement.body_need(phase).is_some() => found.push(&call.statement),
            Step::Statement(_) => {}
            other => other.lists().into_iter().for_each(|list| find_buffering(list, phase, found)),
        }
    }
}

impl Walk {
    pub(super) async fn wait(&mut self, wait: &Wait) -> Result<(), Stop> {
        let wait_for = self.compute(wait.wait_for.needs(), |exchange| wait.wait_for.get(exchange)).await;
        let any = wait_for.map_err(|failing| self.failed(&wait.own, failing))? == WaitFor::Any;
        let needs = wait.steps.iter().fold(Needs::default(), |needs, step| needs | step.needs());
        let needs = needs | self.needs_of_statements(&wait.steps).await;
        self.show(needs).await.map_err(|failing| self.failed(&wait.own, failing))?;
        self.hide();
        let before = self.exchange().map(Exchange::branch);
        let Some(before) = before else {
            return Err(self.failed(&wait.own, Failing::Rejected(Rejection::PolicyFault)));
        };
        let mut branches: Vec<Branch> = wait.steps.iter().map(|step| self.branch(&before, step)).collect();
        ended(&mut branches, any).await;
        let count = branches.iter().filter(|branch| matches!(branch, Branch::Ended(..))).count();
        self.trace_own(&wait.own, || json!({ "for": if any { "any" } else { "all" }, "ended": count }));
        self.join(&before, branches)
    }

    /// The body that statements in these steps are going to see: each step has a copy of what is in memory, and a body
    /// that streams is there once.
    async fn needs_of_statements(&mut self, steps: &[Step]) -> Needs {
        let phase = self.phase();
        let mut buffering = Vec::new();
        find_buffering(steps, phase, &mut buffering);
        for statement in buffering {
            if self.wants_body(statement, phase).await {
                return match phase {
                    Phase::OnRequest => Needs { request_body: true, ..Needs::default() },
                    Phase::OnResponse | Phase::OnError => Needs { response_body: true, ..Needs::default() },
                };
            }
        }
        Needs::default()
    }

    /// Asks a statement that needs bodies only sometimes. One that can't say will fail when it is called.
    async fn wants_body(&mut self, statement: &Statement, phase: Phase) -> bool {
        let Some(exchange) = self.exchange.take() else { return false };
        let (exchange, wants) = self.leases.wants_body(statement, phase, exchange).await;
        self.exchange = exchange;
        wants.unwrap_or(false)
    }

    /// A step on a copy of the exchange.
    fn branch(&self, before: &Exchange, step: &Step) -> Branch {
        let copy = |body: &Body| body.in_memory().map_or_else(Body::empty, Body::full);
        let mut walk = self.beside(before.branch(), copy(&self.request_body), copy(&self.response_body));
        let step = step.clone();
        Branch::Running(Box::pin(async move {
            let ended = walk.run(std::slice::from_ref(&step)).await;
            (walk, ended)
        }))
    }

    /// Take over what the steps have set, and the first stop of them.
    fn join(&mut self, before: &Exchange, branches: Vec<Branch>) -> Result<(), Stop> {
        let mut stopped = Ok(());
        for branch in branches {
            let Branch::Ended(mut walk, ended) = branch else { continue };
            let (Some(theirs), Some(ours)) = (walk.exchange.take(), self.exchange_mut()) else { continue };
            for (name, value) in theirs.variables.iter() {
                if before.variables.get(name).is_none_or(|known| known.to_json() != value.to_json()) {
                    // Over the limit it stays as it was, which a later expression will find out.
                    let _ = ours.variables.set(name, value.clone());
                }
            }
            for staged in theirs.staged_headers {
                if let Some(response) = &mut ours.response {
                    staged.clone().place(&mut response.headers);
                }
                ours.staged_headers.push(staged);
            }
            ours.holds.absorb(theirs.holds);
            if let (Some(trace), Some(more)) = (&mut ours.trace, theirs.trace) {
                trace.append(*more);
            }
            if stopped.is_ok() {
                stopped = ended;
            }
        }
        stopped
    }
}

/// Poll all branches until all of them have ended, or one of them if that is enough; the rest is abandoned.
async fn ended(branches: &mut [Branch], any: bool) {
    poll_fn(|context| {
        let mut running = 0;
        let mut is_enough = false;
        for branch in branches.iter_mut() {
            if let Branch::Running(step) = branch {
                match step.as_mut().poll(context) {
                    Poll::Ready((walk, ended)) => *branch = Branch::Ended(Box::new(walk), ended),
                    Poll::Pending => running += 1,
                }
            }
            is_enough |= any && matches!(branch, Branch::Ended(..));
        }
        if running == 0 || is_enough { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    for branch in branches {
        if matches!(branch, Branch::Running(_)) {
            *branch = Branch::Abandoned;
        }
    }
}
