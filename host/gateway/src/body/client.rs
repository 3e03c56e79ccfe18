//! Request bodies as they come from clients: limited in size and in patience.
//!
//! One of HTTP/1 that is dropped before its end leaves the rest with its connection, which drains or closes; see
//! `serve::watch`. With HTTP/2 only the stream ends. Doesn't decide what the client is told.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::header::{self, HeaderMap};
use http::{Response, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::BodyError;
use crate::deadline::Alarm;
use crate::serve::rest;
use crate::serve::watch::Watch;

/// How slow a body may be.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The longest time in which nothing comes.
    pub idle: Duration,
    /// From `idle` on, the whole body must have come at this many bytes per second; 0 turns this off.
    pub bytes_per_second: u64,
}

pub(crate) struct ClientBody {
    /// None when it is over.
    source: Option<Source>,
    patience: Patience,
    limit: u64,
    passed: u64,
    /// When it was first asked for.
    began: Option<Instant>,
    /// The client waits for `100 Continue`, which the first poll sends.
    expects_continue: bool,
}

enum Source {
    /// The connection's task looks at the time.
    Http1 {
        incoming: Incoming,
        watch: Rc<Watch>,
    },
    Http2(Box<Inflow>),
}

/// A body that comes over a stream of its own.
struct Inflow {
    stream: RecvStream,
    /// For `100 Continue`.
    respond: Rc<RefCell<SendResponse<Bytes>>>,
    length: Option<u64>,
    waits: Option<Instant>,
    alarm: Option<Alarm>,
}

impl ClientBody {
    pub(crate) fn http1(incoming: Incoming, watch: Rc<Watch>, patience: Patience) -> ClientBody {
        watch.reads_body(Some(unread(&incoming)));
        ClientBody::new(Source::Http1 { incoming, watch }, patience)
    }

    pub(crate) fn http2(
        stream: RecvStream,
        respond: Rc<RefCell<SendResponse<Bytes>>>,
        headers: &HeaderMap,
        patience: Patience,
    ) -> ClientBody {
        // h2 holds the data against it.
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let inflow = Inflow { stream, respond, length, waits: None, alarm: None };
        ClientBody::new(Source::Http2(Box::new(inflow)), patience)
    }

    fn new(source: Source, patience: Patience) -> ClientBody {
        ClientBody { source: Some(source), patience, limit: u64::MAX, passed: 0, began: None, expects_continue: false }
    }

    pub(crate) fn limit(&mut self, bytes: u64) -> Result<(), BodyError> {
        self.limit = bytes;
        if self.passed.saturating_add(self.size_hint().lower()) > bytes {
            return Err(self.fail(BodyError::TooLarge { limit: bytes }));
        }
        Ok(())
    }

    /// The client waits for `100 Continue`, which the first poll sends. Nobody knows what it sends without that.
    pub(crate) fn expects_continue(&mut self) {
        self.expects_continue = true;
        if let Some(Source::Http1 { watch, .. }) = &self.source {
            watch.reads_body(Some(u64::MAX));
        }
    }

    /// The request wasn't one. Nothing more is read from its connection.
    pub(crate) fn refuse(&mut self) {
        if let Some(Source::Http1 { watch, .. }) = self.source.take() {
            watch.reads_body(None);
            watch.must_close();
        }
    }

    /// Data or, at the end, trailers.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let read = match &mut self.source {
            None => return Poll::Ready(None),
            Some(Source::Http1 { incoming, .. }) => {
                Pin::new(incoming).poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(|_| BodyError::Broken)))
            }
            Some(Source::Http2(inflow)) => inflow.poll_frame(cx, self.expects_continue && self.began.is_none()),
        };
        match read {
            Poll::Pending => self.wait(cx),
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(self.take(frame))),
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(self.fail(error)))),
            Poll::Ready(None) => {
                self.end();
                Poll::Ready(None)
            }
        }
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        match &self.source {
            None => true,
            Some(Source::Http1 { incoming, .. }) => incoming.is_end_stream(),
            Some(Source::Http2(inflow)) => inflow.stream.is_end_stream(),
        }
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        match &self.source {
            None => SizeHint::with_exact(0),
            Some(Source::Http1 { incoming, .. }) => incoming.size_hint(),
            Some(Source::Http2(inflow)) => match inflow.length {
                Some(length) => SizeHint::with_exact(length.saturating_sub(self.passed)),
                None => SizeHint::default(),
            },
        }
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let now = Instant::now();
        let began = *self.began.get_or_insert(now);
        let since = match &mut self.source {
            None => now,
            Some(Source::Http1 { watch, .. }) => watch.body_waits_since(now),
            Some(Source::Http2(inflow)) => inflow.waits_since(now, self.patience.idle, cx),
        };
        if now.duration_since(since) >= self.patience.idle || self.is_slow(now.duration_since(began)) {
            return Poll::Ready(Some(Err(self.fail(BodyError::Timeout))));
        }
        Poll::Pending
    }

    fn take(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, BodyError> {
        self.came();
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        self.passed = self.passed.saturating_add(length);
        if self.passed > self.limit {
            return Err(self.fail(BodyError::TooLarge { limit: self.limit }));
        }
        if frame.is_trailers() || self.is_end_stream() {
            self.end();
        }
        Ok(frame)
    }

    fn is_slow(&self, elapsed: Duration) -> bool {
        elapsed >= self.patience.idle && self.passed < self.patience.bytes_per_second.saturating_mul(elapsed.as_secs())
    }

    /// Nobody waits any more.
    fn came(&mut self) {
        match &mut self.source {
            None => {}
            Some(Source::Http1 { incoming, watch }) => {
                watch.body_came();
                watch.reads_body(Some(unread(incoming)));
            }
            Some(Source::Http2(inflow)) => inflow.waits = None,
        }
    }

    fn end(&mut self) {
        self.came();
        if let Some(Source::Http1 { watch, .. }) = &self.source {
            watch.reads_body(None);
        }
        self.source = None;
    }

    /// After a failure the connection can't be used for another request. HTTP/2 has other streams.
    fn fail(&mut self, error: BodyError) -> BodyError {
        self.came();
        self.refuse();
        error
    }
}

/// Bytes that are still to come, as far as anybody knows.
fn unread(incoming: &Incoming) -> u64 {
    rest::length(incoming).unwrap_or(u64::MAX)
}

impl Inflow {
    fn poll_frame(&mut self, cx: &mut Context<'_>, must_ask: bool) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let data = match self.stream.poll_data(cx) {
            Poll::Pending => {
                if must_ask {
                    self.ask_for_it();
                }
                return Poll::Pending;
            }
            Poll::Ready(data) => data,
        };
        match data {
            Some(Ok(chunk)) => {
                // It is on its way now: the client may send as much again.
                let _ = self.stream.flow_control().release_capacity(chunk.len());
                Poll::Ready(Some(Ok(Frame::data(chunk))))
            }
            Some(Err(_)) => Poll::Ready(Some(Err(BodyError::Broken))),
            None => Poll::Ready(match ready!(self.stream.poll_trailers(cx)) {
                Ok(Some(trailers)) => Some(Ok(Frame::trailers(trailers))),
                Ok(None) => None,
                Err(_) => Some(Err(BodyError::Broken)),
            }),
        }
    }

    /// `100 Continue` (RFC 9110 §10.1.1).
    fn ask_for_it(&self) {
        let mut interim = Response::new(());
        *interim.status_mut() = StatusCode::CONTINUE;
        if let Ok(mut respond) = self.respond.try_borrow_mut() {
            let _ = respond.send_informational(interim);
        }
    }

    /// Since when it was waited for. The task is woken when that is too long.
    fn waits_since(&mut self, now: Instant, idle: Duration, cx: &mut Context<'_>) -> Instant {
        let since = *self.waits.get_or_insert(now);
        let deadline = since + idle;
        // If it is time already, whoever asked sees that.
        let _ = self.alarm.get_or_insert_with(|| Alarm::new(deadline)).poll(cx, deadline);
        since
    }
}

impl Drop for ClientBody {
    fn drop(&mut self) {
        if let Some(Source::Http1 { incoming, watch }) = self.source.take()
            && !incoming.is_end_stream()
        {
            watch.body_came();
            let waiting = self.expects_continue && self.began.is_none() && self.passed == 0;
            if let Some(rest) = watch.leave_rest(incoming, waiting) {
                rest::drain(rest, watch);
            }
        }
    }
}
