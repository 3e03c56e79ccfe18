//! One request and its response, and what statements leave for each other.

use crate::testing::later::Pending;
use crate::testing::limiter::{Owned, QuotaKey};
use crate::testing::message::{Lines, Request, Response, Staged};
use crate::testing::services::Backend;
use crate::testing::world::World;
use crate::verdict::{Failure, Verdict};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::Deref;

/// One request on its way through several policies. It ends when it is dropped: then permits are given back
/// and the bytes of its bodies are counted.
#[derive(Debug)]
pub struct Exchange {
    /// The request, with the edits so far.
    pub request: Request,
    /// Variables set so far.
    pub variables: BTreeMap<String, Value>,
    pub(crate) id: u64,
    pub(crate) original_target: String,
    pub(crate) response: Option<Response>,
    pub(crate) staged_headers: Staged,
    pub(crate) cache_key: Option<String>,
    pub(crate) permits: Vec<Owned>,
    pub(crate) quotas: Vec<(Owned, QuotaKey)>,
    pub(crate) pending: Vec<Pending>,
    pub(crate) backend: Option<Backend>,
    pub(crate) chosen_by_id: bool,
    world: World,
}

/// What became of one call.
#[derive(Debug)]
pub struct Outcome {
    /// What the policy decided.
    pub verdict: Verdict,
    pub(crate) exchange: Exchange,
}

impl Exchange {
    /// The beginning of an exchange.
    pub fn new(world: &World, request: Request) -> Self {
        let mut state = world.state();
        state.requests += 1;
        Self {
            original_target: request.target(),
            request,
            variables: BTreeMap::new(),
            id: state.requests,
            response: None,
            staged_headers: Staged::default(),
            cache_key: None,
            permits: Vec::new(),
            quotas: Vec::new(),
            pending: Vec::new(),
            backend: None,
            chosen_by_id: false,
            world: world.clone(),
        }
    }

    /// The origin answers.
    pub fn answer(&mut self, response: Response) {
        self.response = Some(response);
        self.apply_staged_headers();
    }

    /// The response that the client would get now.
    ///
    /// # Panics
    /// If there is none yet: no policy has answered, and [`answer`](Self::answer) wasn't called.
    pub fn response(&self) -> &Response {
        self.response.as_ref().unwrap_or_else(|| panic!("nobody has answered yet"))
    }

    /// The values of a staged response header, whoever will make the response.
    pub fn staged_header(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.staged_headers.value(name)?).ok()
    }

    /// Where a statement sends the request; none for the API's own backend.
    pub fn backend(&self) -> Option<&Backend> {
        self.backend.as_ref()
    }

    /// A statement of a broader scope has chosen this backend.
    pub fn choose_backend(&mut self, backend: Backend) {
        self.chosen_by_id = matches!(backend, Backend::Id(_));
        self.backend = Some(backend);
    }

    /// The outbound section ends: what `admit_later` and `admit_quota_later` have promised is counted, as their expressions
    /// say now. An exchange that is dropped before counts what waits for no expression.
    pub fn finish(&mut self) {
        for pending in std::mem::take(&mut self.pending) {
            self.quotas.extend(pending.charge(&self.world));
        }
    }

    /// The answer that a verdict makes, if it makes one.
    pub(crate) fn settle(&mut self, verdict: &Verdict, staged: Option<Response>) {
        match verdict {
            Verdict::Next | Verdict::Fail(_) => return,
            Verdict::Respond(reply) => {
                self.response = reply.clone().into_inline().map(inline).or(staged);
            }
            Verdict::Reject(failure) => self.response = Some(failed(failure)),
        }
        self.apply_staged_headers();
    }

    fn apply_staged_headers(&mut self) {
        if let Some(response) = &mut self.response {
            self.staged_headers.apply(&mut response.headers);
        }
    }
}

fn inline(reply: crate::bindings::imports::tollgate::policy::verdicts::InlineReply) -> Response {
    let headers = reply.headers.into_iter().map(|field| (field.name.to_ascii_lowercase(), field.value)).collect();
    Response { status: reply.status, reason: reply.reason, headers: Lines(headers), body: reply.body }
}

fn failed(failure: &Failure) -> Response {
    let body = json!({ "statusCode": failure.status(), "message": failure.message() });
    let mut response =
        Response::new(failure.status()).with_header("content-type", "application/json").with_body(body.to_string());
    for field in failure.headers() {
        response.headers.append(&field.name, &field.value);
    }
    response
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.pending.retain(Pending::is_certain);
        self.finish();
        let mut state = self.world.state();
        for permit in &self.permits {
            state.limiter.release(permit);
        }
        let bytes = self.request.body.len() + self.response.as_ref().map_or(0, |response| response.body.len());
        for (_, quota) in &self.quotas {
            state.limiter.add_bytes(quota, bytes as u64);
        }
    }
}

impl Deref for Outcome {
    type Target = Exchange;

    fn deref(&self) -> &Exchange {
        &self.exchange
    }
}

impl Outcome {
    /// The failure, if that is the verdict.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.verdict {
            Verdict::Reject(failure) => Some(failure),
            _ => None,
        }
    }

    /// Go on with this exchange through further policies.
    pub fn into_exchange(self) -> Exchange {
        self.exchange
    }
}
