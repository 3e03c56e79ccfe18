//! What a phase decides.

use crate::bindings::imports::tollgate::policy::messages::Field;
use crate::bindings::imports::tollgate::policy::verdicts as wit;
use serde::Serialize;

/// What happens next.
///
/// A phase may return anything that turns into a verdict: `()` is [`Next`](Verdict::Next), a [`Reply`] answers,
/// a [`Failure`] refuses. A `Result` of such things does too, so `?` works: `Result<(), Failure>` for a policy that only
/// refuses, `Result<(), Verdict>` for one that also passes on the errors of capabilities.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a verdict has to be returned from the phase"]
pub enum Verdict {
    /// Go on with the next statement. Only now are the edits made to messages applied.
    Next,
    /// Stop and answer. Later statements, the origin and the outbound section are skipped.
    Respond(Reply),
    /// Stop and refuse: the `on-error` section runs, then the client gets the failure.
    Reject(Failure),
    /// The statement can't do its work, for the reason given, which goes to the operator's log and never to
    /// the client. The statement's `on-failure` decides what happens.
    ///
    /// This is what the errors of capabilities turn into.
    Fail(String),
}

/// A whole response.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Reply(Answer);

#[derive(Clone, Debug, PartialEq)]
enum Answer {
    Inline(wit::InlineReply),
    Staged,
}

/// A refusal. The client gets `{ "statusCode": status, "message": message }` as JSON, unless an `on-error`
/// section answers differently.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Failure(wit::Failure);

impl Verdict {
    /// Go on with the next statement.
    pub fn next() -> Self {
        Self::Next
    }

    /// Stop and answer.
    pub fn respond(reply: Reply) -> Self {
        Self::Respond(reply)
    }

    /// Stop and refuse.
    pub fn reject(failure: Failure) -> Self {
        Self::Reject(failure)
    }

    /// Leave it to the statement's `on-failure`; `why` goes to the log.
    pub fn fail(why: impl Into<String>) -> Self {
        Self::Fail(why.into())
    }

    /// As the contract has it.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn into_wit(self) -> wit::Verdict {
        match self {
            Self::Next => wit::Verdict::Next,
            Self::Respond(Reply(Answer::Inline(reply))) => wit::Verdict::Respond(wit::Reply::Inline(reply)),
            Self::Respond(Reply(Answer::Staged)) => wit::Verdict::Respond(wit::Reply::Staged),
            Self::Reject(Failure(failure)) => wit::Verdict::Reject(failure),
            Self::Fail(why) => broken(why),
        }
    }
}

/// Contract 0.1 has no verdict for "I could not do it". A trap would say it too, but costs the instance; a reply
/// whose status is none is a failed statement as well.
#[cfg(target_arch = "wasm32")]
fn broken(why: String) -> wit::Verdict {
    crate::log::error(&why);
    wit::Verdict::Respond(wit::Reply::Inline(wit::InlineReply {
        status: 0,
        reason: Some(why),
        headers: Vec::new(),
        body: Vec::new(),
    }))
}

impl Reply {
    /// An empty response with this status (200–599).
    pub fn new(status: u16) -> Self {
        Self(Answer::Inline(wit::InlineReply { status, reason: None, headers: Vec::new(), body: Vec::new() }))
    }

    /// The response that a capability put ready during this call, such as a cache hit. It can't be edited here:
    /// the other methods leave it as it is.
    pub fn staged() -> Self {
        Self(Answer::Staged)
    }

    /// The reason phrase of HTTP/1.1, if it isn't the usual one.
    pub fn reason(self, reason: impl Into<String>) -> Self {
        self.edit(|reply| reply.reason = Some(reason.into()))
    }

    /// Add a header. A name may repeat; framing fields are left out by the gateway.
    pub fn header(self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.edit(|reply| reply.headers.push(Field { name: name.into(), value: value.into() }))
    }

    /// The whole body.
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        self.edit(|reply| reply.body = body.into())
    }

    /// `body` as JSON, with its `content-type`. A value that can't be written as JSON (a map with keys that
    /// are no strings) becomes `null`.
    pub fn json(self, body: &impl Serialize) -> Self {
        let text = serde_json::to_vec(body).unwrap_or_else(|_| b"null".to_vec());
        self.header("content-type", "application/json").body(text)
    }

    fn edit(mut self, edit: impl FnOnce(&mut wit::InlineReply)) -> Self {
        if let Answer::Inline(reply) = &mut self.0 {
            edit(reply);
        }
        self
    }
}

/// What tests look at.
#[cfg(not(target_arch = "wasm32"))]
impl Reply {
    /// Whether this is [`Reply::staged`].
    pub fn is_staged(&self) -> bool {
        self.0 == Answer::Staged
    }

    pub(crate) fn into_inline(self) -> Option<wit::InlineReply> {
        match self.0 {
            Answer::Inline(reply) => Some(reply),
            Answer::Staged => None,
        }
    }
}

impl Failure {
    /// A refusal with its status (400–599), a word for metrics in upper camel case (`RateLimitExceeded`), and
    /// one sentence for the client that tells nothing it has no right to know.
    pub fn new(status: u16, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self(wit::Failure { status, reason: reason.into(), message: message.into(), headers: Vec::new() })
    }

    /// Add a response header. Example: `retry-after: 57`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.0.headers.push(Field { name: name.into(), value: value.into() });
        self
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// The word for metrics.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// The sentence for the client.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The further response headers.
    pub fn headers(&self) -> &[Field] {
        &self.0.headers
    }
}

impl From<()> for Verdict {
    fn from((): ()) -> Self {
        Self::Next
    }
}

impl From<Reply> for Verdict {
    fn from(reply: Reply) -> Self {
        Self::Respond(reply)
    }
}

impl From<Failure> for Verdict {
    fn from(failure: Failure) -> Self {
        Self::Reject(failure)
    }
}

impl<T: Into<Verdict>, E: Into<Verdict>> From<Result<T, E>> for Verdict {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(verdict) => verdict.into(),
            Err(verdict) => verdict.into(),
        }
    }
}
