//! The messages of a phase, and how the body of the one that it is about is read or refused.

use crate::NewBody;
use crate::body::{Body, Malformed, Reading};
use policy_headers::is_encoded;
use tollgate_sdk::{Failure, Headers, LastError, Request, Response, Verdict, log};

/// A phase, with the messages that there are in it.
#[derive(Clone, Copy)]
pub enum Phase<'x> {
    /// `on-request`, which is about the request.
    Request(&'x Request<'x>),
    /// `on-response`, which is about the response.
    Response(&'x Request<'x>, &'x Response<'x>),
    /// `on-error`, which is about the response that the client would get.
    Error(&'x Request<'x>, &'x Response<'x>, &'x LastError),
}

impl<'x> Phase<'x> {
    /// The client's request.
    pub fn request(self) -> &'x Request<'x> {
        match self {
            Self::Request(request) | Self::Response(request, _) | Self::Error(request, ..) => request,
        }
    }

    /// The response, if there is one by now.
    pub fn response(self) -> Option<&'x Response<'x>> {
        match self {
            Self::Request(_) => None,
            Self::Response(_, response) | Self::Error(_, response, _) => Some(response),
        }
    }

    /// What went wrong, in `on-error`.
    pub fn error(self) -> Option<&'x LastError> {
        match self {
            Self::Request(_) | Self::Response(..) => None,
            Self::Error(.., error) => Some(error),
        }
    }
}

/// Whether a response may have a body: not with these statuses, and not if it is for HEAD (RFC 9110 §6.4.1).
pub fn may_have_body(request: &Request, response: &Response) -> bool {
    !matches!(response.status(), 204 | 205 | 304) && request.method() != "HEAD"
}

/// The body of the message that the phase is about, for a template that looks at it.
pub(crate) fn body(phase: Phase<'_>, new: &NewBody, reading: Reading) -> Result<Body, Verdict> {
    match phase {
        Phase::Request(request) => IN_REQUEST.body_of(request, new.reads(request), reading, || Ok(request.body()?)),
        Phase::Response(request, response) | Phase::Error(request, response, _)
            if !may_have_body(request, response) =>
        {
            Ok(Body::none())
        }
        Phase::Response(_, response) => {
            IN_RESPONSE.body_of(response, new.reads(response), reading, || Ok(response.body()?))
        }
        // The gateway's own, or an earlier statement's: nobody else is to blame.
        Phase::Error(_, response, _) if new.reads(response) => {
            Body::read(&response.body()?, &content_type(response), reading)
                .map_err(|malformed| Verdict::fail(malformed.what))
        }
        Phase::Error(..) => Ok(Body::none()),
    }
}

fn content_type(message: &impl Headers) -> Vec<u8> {
    message.header("content-type").unwrap_or_default()
}

/// How a body that a template can't read is refused.
struct Refusal {
    malformed: u16,
    encoded: u16,
    /// Whether the client wrote the body and may know what is wrong with it.
    tells: bool,
}

const IN_REQUEST: Refusal = Refusal { malformed: 400, encoded: 415, tells: true };
const IN_RESPONSE: Refusal = Refusal { malformed: 502, encoded: 502, tells: false };

impl Refusal {
    fn body_of(
        &self,
        message: &impl Headers,
        is_read: bool,
        reading: Reading,
        bytes: impl FnOnce() -> Result<Vec<u8>, Verdict>,
    ) -> Result<Body, Verdict> {
        if is_read {
            return Body::read(&bytes()?, &content_type(message), reading)
                .map_err(|malformed| self.malformed(&malformed));
        }
        if is_encoded(message) { Err(self.encoded()) } else { Ok(Body::none()) }
    }

    fn malformed(&self, malformed: &Malformed) -> Verdict {
        let message = match self.tells {
            true => format!("The request body {}.", malformed.what),
            false => {
                log::warn!("the response {}, so the template can't be used", malformed.what);
                "The response of the origin can't be converted.".to_owned()
            }
        };
        Failure::new(self.malformed, malformed.reason, message).into()
    }

    fn encoded(&self) -> Verdict {
        let failure = |message: &str| Failure::new(self.encoded, "ContentEncodingUnsupported", message);
        match self.tells {
            true => failure("The request body must not be encoded.").header("accept-encoding", "identity").into(),
            false => {
                log::warn!("the response is encoded, so the template can't be used");
                failure("The response of the origin can't be converted.").into()
            }
        }
    }
}
