//! What a phase decides, checked: statuses are statuses, headers are headers.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};

use crate::message::ResponseHead;

/// What happens next. Small, because it is mostly `next` and is handed on several times for each statement.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Go on with the next statement.
    Next,
    /// Stop and answer.
    Respond(Reply),
    /// Stop and refuse.
    Reject(Box<Failure>),
}

impl Verdict {
    /// All labels of [`Verdict::label`], in the order of [`Verdict::index`].
    pub const LABELS: [&'static str; 3] = ["next", "respond", "reject"];

    /// The label in metrics and logs.
    pub fn label(&self) -> &'static str {
        match self {
            Verdict::Next => "next",
            Verdict::Respond(_) => "respond",
            Verdict::Reject(_) => "reject",
        }
    }

    /// A dense number for tables.
    pub fn index(&self) -> usize {
        match self {
            Verdict::Next => 0,
            Verdict::Respond(_) => 1,
            Verdict::Reject(_) => 2,
        }
    }
}

/// Where the answer comes from.
#[derive(Clone, Debug)]
pub enum Reply {
    /// From the policy itself.
    Inline(Box<InlineReply>),
    /// From a capability that put a response ready during the call.
    Staged,
}

/// A response that a policy made.
#[derive(Clone, Debug)]
pub struct InlineReply {
    /// Status and headers.
    pub head: ResponseHead,
    /// The whole body.
    pub body: Bytes,
}

/// A refusal: the client gets `{ "statusCode", "message" }`.
#[derive(Clone, Debug)]
pub struct Failure {
    /// 400–599.
    pub status: StatusCode,
    /// A word for `last-error` and metrics. Example: `RateLimitExceeded`.
    pub reason: String,
    /// One sentence for the client.
    pub message: String,
    /// Further response headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}
