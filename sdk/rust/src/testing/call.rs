//! A call while it runs: the messages as the policy sees them, and what stays of it in the end.

use crate::manifest::Phase;
use crate::testing::exchange::Exchange;
use crate::testing::later::Pending;
use crate::testing::limiter::{Owned, QuotaKey};
use crate::testing::message::{Request, Response, Staged};
use crate::testing::services::Backend;
use crate::testing::world::World;
use crate::verdict::Verdict;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

thread_local! {
    static CALL: RefCell<Option<Call>> = const { RefCell::new(None) };
}

/// A running call: the exchange as the policy sees it, its own edits included.
pub(crate) struct Call {
    pub(super) world: World,
    pub(super) component: &'static str,
    pub(super) statement: String,
    pub(super) exchange: u64,
    pub(super) original_target: String,
    pub(super) request: Request,
    pub(super) request_body: bool,
    pub(super) response: Option<Response>,
    pub(super) response_body: bool,
    /// The response without this call's edits.
    pub(super) origin: Option<Response>,
    pub(super) variables: BTreeMap<String, Value>,
    pub(super) staged_headers: Staged,
    pub(super) staged: Option<Response>,
    pub(super) cache_key: Option<String>,
    pub(super) permits: Vec<Owned>,
    pub(super) quotas: Vec<(Owned, QuotaKey)>,
    pub(super) pending: Vec<Pending>,
    pub(super) expressions: Rc<[String]>,
    pub(super) backend: Option<Backend>,
    pub(super) chosen_by_id: bool,
}

impl Call {
    pub(crate) fn new(
        world: &World,
        exchange: &Exchange,
        component: &'static str,
        statement: &str,
        expressions: &Rc<[String]>,
    ) -> Self {
        Self {
            world: world.clone(),
            component,
            statement: statement.into(),
            exchange: exchange.id,
            original_target: exchange.original_target.clone(),
            request: exchange.request.clone(),
            request_body: false,
            response: exchange.response.clone(),
            response_body: false,
            origin: exchange.response.clone(),
            variables: exchange.variables.clone(),
            staged_headers: exchange.staged_headers.clone(),
            staged: None,
            cache_key: exchange.cache_key.clone(),
            permits: Vec::new(),
            quotas: exchange.quotas.clone(),
            pending: exchange.pending.clone(),
            expressions: Rc::clone(expressions),
            backend: exchange.backend.clone(),
            chosen_by_id: exchange.chosen_by_id,
        }
    }

    /// Make this the thread's call while `policy` runs.
    pub(crate) fn run(self, policy: impl FnOnce() -> Verdict) -> (Verdict, Self) {
        CALL.set(Some(self));
        let verdict = policy();
        let call = CALL.take().unwrap_or_else(|| panic!("a policy under test ran another"));
        (verdict, call)
    }

    /// What stays of the call, given its verdict.
    pub(crate) fn apply(self, exchange: &mut Exchange, phase: Phase, verdict: Verdict) -> Verdict {
        // Counting has happened, whatever the verdict.
        exchange.permits.extend(self.permits);
        exchange.quotas = self.quotas;
        exchange.pending = self.pending;
        let verdict = match verdict {
            Verdict::Respond(reply) if reply.is_staged() && self.staged.is_none() => {
                Verdict::fail("the reply is `staged`, but nothing was put ready")
            }
            Verdict::Respond(reply) => match reply.clone().into_inline() {
                Some(reply) if !(200..=599).contains(&reply.status) => {
                    Verdict::fail(format!("{} is no status of a reply", reply.status))
                }
                _ => Verdict::Respond(reply),
            },
            Verdict::Reject(failure) if !(400..=599).contains(&failure.status()) => {
                Verdict::fail(format!("{} is no status of a failure", failure.status()))
            }
            verdict => verdict,
        };
        if !matches!(verdict, Verdict::Fail(_)) {
            exchange.variables = self.variables;
            exchange.staged_headers = self.staged_headers;
            exchange.cache_key = self.cache_key;
        }
        if verdict == Verdict::Next {
            exchange.response = self.response;
            if phase == Phase::OnRequest {
                exchange.request = self.request;
                exchange.backend = self.backend;
            }
        }
        exchange.settle(&verdict, self.staged);
        verdict
    }
}

/// The body of this phase's message may be read from now on.
pub(crate) fn buffered(phase: Phase) {
    with(|call| match phase {
        Phase::OnRequest => call.request_body = true,
        Phase::OnResponse | Phase::OnError => call.response_body = true,
    });
}

/// The call that is running on this thread.
pub(super) fn with<T>(use_call: impl FnOnce(&mut Call) -> T) -> T {
    CALL.with_borrow_mut(|call| match call {
        Some(call) => use_call(call),
        None => panic!(
            "the gateway can be asked in a phase only, not from describe or configure; \
             in a test, run the policy in a testing::Gateway"
        ),
    })
}
