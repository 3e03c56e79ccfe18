//! Responses as they come from origins: refused if they can be read in two ways, and their bodies.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap};
use http_body::{Body as _, Frame, SizeHint};
use hyper::Response;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::UpstreamError;
use super::pool::{Home, Pool};
use super::wire::Wire;
use crate::body::{Body, BodyError};

/// How a response's body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// By its length or its last chunk.
    Delimited,
    /// By the end of the connection, so that a truncated body looks whole.
    Close,
}

/// Check what hyper lets through (`reliability.md` §2.1, row 10).
pub(super) fn check<B>(response: &Response<B>) -> Result<Framing, UpstreamError> {
    // hyper has skipped all 1xx but 101, which nobody asked for: requests go out without `upgrade`.
    if !(200..=599).contains(&response.status().as_u16()) {
        return Err(UpstreamError::Malformed("its status isn't one of a final response"));
    }
    let headers = response.headers();
    match (is_chunked(headers)?, headers.contains_key(header::CONTENT_LENGTH)) {
        (true, false) | (false, true) => Ok(Framing::Delimited),
        // RFC 9112 §6.3: it may be an attempt to smuggle, and ought to be handled as an error.
        (true, true) => Err(UpstreamError::Malformed("it has both a length and a transfer coding")),
        (false, false) => Ok(Framing::Close),
    }
}

fn is_chunked(headers: &HeaderMap) -> Result<bool, UpstreamError> {
    let mut lines = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Ok(false),
        (Some(only), None) if only.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(true),
        _ => Err(UpstreamError::Malformed("its transfer coding isn't `chunked`")),
    }
}

/// A response's body together with the connection that it comes over.
pub(super) fn body(
    incoming: Incoming,
    framing: Framing,
    wire: Box<Wire>,
    pool: &Rc<Pool>,
    key: &Arc<str>,
    idle: Duration,
) -> Body {
    let home = Some(Home { pool: Rc::clone(pool), key: Arc::clone(key) });
    let wire = Some(wire);
    let mut body = OriginBody { incoming, framing, wire, home, idle, until: None, waits: None, failed: None };
    if body.incoming.is_end_stream() {
        body.end(&mut Context::from_waker(Waker::noop()));
        return Body::empty();
    }
    Body::from_origin(Box::new(body))
}

pub(crate) struct OriginBody {
    incoming: Incoming,
    framing: Framing,
    wire: Option<Box<Wire>>,
    home: Option<Home>,
    idle: Duration,
    /// When all of it must have come.
    until: Option<Instant>,
    /// Since when somebody waits.
    waits: Option<Instant>,
    failed: Option<BodyError>,
}

impl OriginBody {
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(error) = self.failed {
            return Poll::Ready(Some(Err(error)));
        }
        let mut driven = false;
        loop {
            // As with the head, what comes of driving needs no waker of its own.
            let incoming = &mut self.incoming;
            let mut read = || Pin::new(&mut *incoming).poll_frame(&mut Context::from_waker(Waker::noop()));
            // Taking a chunk wakes the connection for the next one, for which it is driven as soon as that is asked for.
            let read = match &mut self.wire {
                Some(wire) => wire.quietly(|_| read()),
                None => read(),
            };
            match read {
                Poll::Ready(Some(Ok(frame))) => {
                    self.waits = None;
                    // Nothing is behind trailers.
                    if frame.is_trailers() || self.incoming.is_end_stream() {
                        self.end(cx);
                    }
                    return Poll::Ready(Some(Ok(frame)));
                }
                Poll::Ready(Some(Err(_))) => return self.fail(cx, BodyError::Broken),
                Poll::Ready(None) => {
                    self.end(cx);
                    return Poll::Ready(None);
                }
                Poll::Pending if driven => return self.wait(cx),
                Poll::Pending => {}
            }
            driven = true;
            match &mut self.wire {
                Some(wire) => wire.drive(cx),
                None => return self.fail(cx, BodyError::Broken),
            }
        }
    }

    /// The error comes with the next poll: at once, hyper would throw away what it hasn't written yet, and the client
    /// would get less than there was.
    fn fail(&mut self, cx: &Context<'_>, error: BodyError) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.wire = None;
        self.failed = Some(error);
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let idle = *self.waits.get_or_insert_with(Instant::now) + self.idle;
        let deadline = self.until.map_or(idle, |until| until.min(idle));
        match &mut self.wire {
            None => self.fail(cx, BodyError::Broken),
            Some(wire) => match wire.poll_deadline(cx, deadline) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(()) => self.fail(cx, BodyError::Timeout),
            },
        }
    }

    /// The body is over. If the request is, too, and nothing is in doubt, the connection can be used again.
    fn end(&mut self, cx: &mut Context<'_>) {
        let (Some(mut wire), Some(home)) = (self.wire.take(), self.home.take()) else { return };
        if !wire.is_idle() {
            wire.drive(cx);
        }
        if wire.is_idle() {
            home.pool.put(&home.key, wire);
        }
    }

    /// Fail when somebody still waits for it at this time.
    pub(crate) fn end_by(&mut self, until: Instant) {
        self.until = Some(until);
    }

    pub(crate) fn is_close_delimited(&self) -> bool {
        self.framing == Framing::Close
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(status: u16, headers: &[(&str, &str)]) -> Result<Framing, UpstreamError> {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        check(&response.body(()).unwrap())
    }

    #[test]
    fn responses_that_can_be_read_in_two_ways_are_refused() {
        assert_eq!(verdict(200, &[("content-length", "1")]), Ok(Framing::Delimited));
        assert_eq!(verdict(200, &[("transfer-encoding", "Chunked")]), Ok(Framing::Delimited));
        assert_eq!(verdict(200, &[]), Ok(Framing::Close));
        let both = [("content-length", "1"), ("transfer-encoding", "chunked")];
        assert!(verdict(200, &both).is_err());
        for coding in ["gzip, chunked", "identity", "chunked, chunked", ""] {
            assert!(verdict(200, &[("transfer-encoding", coding)]).is_err(), "{coding}");
        }
        for status in [101, 600, 999] {
            assert!(verdict(status, &[]).is_err(), "{status}");
        }
    }
}
