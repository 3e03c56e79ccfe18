//! A guest's verdict becomes the core's, checked on the way.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use tollgate_core::field::is_framing;
use tollgate_core::limits::HEADER_FIELDS;
use tollgate_core::message::ResponseHead;
use tollgate_core::verdict::{Failure, InlineReply, Reply, Verdict};

use crate::policy::messages::Field;
use crate::policy::verdicts as wit;

/// Why a verdict is none; detail for the operator's log.
#[derive(Debug, thiserror::Error)]
pub enum BadVerdict {
    /// Outside the range that the contract gives.
    #[error("status {0} is outside {1}")]
    Status(u16, &'static str),
    /// No header name.
    #[error("header name {0:?} is no token")]
    Name(String),
    /// No header value.
    #[error("the value of header {0:?} holds CR, LF, NUL or another byte that no value may hold")]
    Value(String),
    /// The body is over the statement's limit.
    #[error("a body of {0} bytes is over the limit `body-bytes` of {1}")]
    BodyTooLarge(usize, usize),
    /// The headers are over the statement's limit.
    #[error("headers of {0} bytes are over the limit `header-bytes` of {1}")]
    HeadersTooLarge(usize, usize),
    /// More header fields than anybody needs.
    #[error("{0} header fields; at most {HEADER_FIELDS} are taken")]
    TooManyHeaders(usize),
}

/// What a verdict may hold at most.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// Bytes of header names and values.
    header_bytes: usize,
    /// Bytes of the body.
    body_bytes: usize,
}

/// Check a guest's verdict.
pub fn verdict(verdict: wit::Verdict, header_bytes: usize, body_bytes: usize) -> Result<Verdict, BadVerdict> {
    let bounds = Bounds { header_bytes, body_bytes };
    match verdict {
        wit::Verdict::Next => Ok(Verdict::Next),
        wit::Verdict::Respond(wit::Reply::Staged) => Ok(Verdict::Respond(Reply::Staged)),
        wit::Verdict::Respond(wit::Reply::Inline(reply)) => inline(reply, bounds).map(Verdict::Respond),
        wit::Verdict::Reject(failure) => reject(failure, bounds).map(|failure| Verdict::Reject(Box::new(failure))),
    }
}

fn inline(reply: wit::InlineReply, bounds: Bounds) -> Result<Reply, BadVerdict> {
    let mut head = ResponseHead::new(status(reply.status, 200, "200–599")?);
    head.reason = reply.reason.filter(|text| is_reason(text)).map(String::into_boxed_str);
    for (name, value) in fields(reply.headers, bounds.header_bytes)? {
        head.headers.append(name, value);
    }
    if reply.body.len() > bounds.body_bytes {
        return Err(BadVerdict::BodyTooLarge(reply.body.len(), bounds.body_bytes));
    }
    Ok(Reply::Inline(Box::new(InlineReply { head, body: Bytes::from(reply.body) })))
}

fn reject(failure: wit::Failure, bounds: Bounds) -> Result<Failure, BadVerdict> {
    let text = failure.message.len() + failure.reason.len();
    if text > bounds.header_bytes {
        return Err(BadVerdict::BodyTooLarge(text, bounds.header_bytes));
    }
    Ok(Failure {
        status: status(failure.status, 400, "400–599")?,
        reason: failure.reason,
        message: failure.message,
        headers: fields(failure.headers, bounds.header_bytes)?,
    })
}

fn status(code: u16, least: u16, range: &'static str) -> Result<StatusCode, BadVerdict> {
    if !(least..600).contains(&code) {
        return Err(BadVerdict::Status(code, range));
    }
    StatusCode::from_u16(code).map_err(|_| BadVerdict::Status(code, range))
}

/// A reason phrase as RFC 9112 §4 has it; anything else is left out.
fn is_reason(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| (0x20..0x7f).contains(&b))
}

/// Check header lines; framing fields are left out, because they belong to the gateway.
pub fn fields(lines: Vec<Field>, header_bytes: usize) -> Result<Vec<(HeaderName, HeaderValue)>, BadVerdict> {
    if lines.len() > HEADER_FIELDS {
        return Err(BadVerdict::TooManyHeaders(lines.len()));
    }
    let bytes: usize = lines.iter().map(|line| line.name.len() + line.value.len()).sum();
    if bytes > header_bytes {
        return Err(BadVerdict::HeadersTooLarge(bytes, header_bytes));
    }
    let mut checked = Vec::with_capacity(lines.len());
    for line in lines {
        let Ok(name) = HeaderName::from_bytes(line.name.as_bytes()) else {
            return Err(BadVerdict::Name(line.name));
        };
        let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(line.value)) else {
            return Err(BadVerdict::Value(line.name));
        };
        if !is_framing(&name) {
            checked.push((name, value));
        }
    }
    Ok(checked)
}
