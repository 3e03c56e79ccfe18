//! Request bodies as they come from clients: limited in size and in patience.
//!
//! One that is dropped before its end leaves the rest with its connection, which drains or closes; see
//! `serve::watch`. Doesn't decide what the client is told.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as _, SizeHint};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::BodyError;
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
    incoming: Option<Incoming>,
    watch: Rc<Watch>,
    patience: Patience,
    limit: u64,
    passed: u64,
    /// When it was first asked for.
    began: Option<Instant>,
    /// The client waits for `100 Continue`, which the first poll sends.
    expects_continue: bool,
}

impl ClientBody {
    pub(crate) fn new(incoming: Incoming, watch: Rc<Watch>, patience: Patience, expects_continue: bool) -> ClientBody {
        ClientBody {
            incoming: Some(incoming),
            watch,
            patience,
            limit: u64::MAX,
            passed: 0,
            began: None,
            expects_continue,
        }
    }

    pub(crate) fn limit(&mut self, bytes: u64) -> Result<(), BodyError> {
        self.limit = bytes;
        if self.passed.saturating_add(self.size_hint().lower()) > bytes {
            return Err(self.fail(BodyError::TooLarge { limit: bytes }));
        }
        Ok(())
    }

    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let Some(incoming) = &mut self.incoming else { return Poll::Ready(None) };
        loop {
            match Pin::new(&mut *incoming).poll_frame(cx) {
                Poll::Pending => return self.wait(),
                Poll::Ready(Some(Ok(frame))) => {
                    let Ok(chunk) = frame.into_data() else { continue };
                    return Poll::Ready(Some(self.take(chunk)));
                }
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Some(Err(self.fail(BodyError::Broken)))),
                Poll::Ready(None) => {
                    self.end();
                    return Poll::Ready(None);
                }
            }
        }
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Incoming::is_end_stream)
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(|| SizeHint::with_exact(0), Incoming::size_hint)
    }

    fn wait(&mut self) -> Poll<Option<Result<Bytes, BodyError>>> {
        let now = Instant::now();
        let began = *self.began.get_or_insert(now);
        let since = self.watch.body_waits_since(now);
        if now.duration_since(since) >= self.patience.idle || self.is_slow(now.duration_since(began)) {
            return Poll::Ready(Some(Err(self.fail(BodyError::Timeout))));
        }
        Poll::Pending
    }

    fn take(&mut self, chunk: Bytes) -> Result<Bytes, BodyError> {
        self.watch.body_came();
        self.passed = self.passed.saturating_add(chunk.len() as u64);
        if self.passed > self.limit {
            return Err(self.fail(BodyError::TooLarge { limit: self.limit }));
        }
        if self.is_end_stream() {
            self.end();
        }
        Ok(chunk)
    }

    fn is_slow(&self, elapsed: Duration) -> bool {
        elapsed >= self.patience.idle && self.passed < self.patience.bytes_per_second.saturating_mul(elapsed.as_secs())
    }

    fn end(&mut self) {
        self.watch.body_came();
        self.incoming = None;
    }

    /// After a failure the connection can't be used for another request.
    fn fail(&mut self, error: BodyError) -> BodyError {
        self.watch.body_came();
        self.watch.must_close();
        self.incoming = None;
        error
    }
}

impl Drop for ClientBody {
    fn drop(&mut self) {
        if let Some(rest) = self.incoming.take()
            && !rest.is_end_stream()
        {
            self.watch.body_came();
            self.watch.leave_rest(rest, self.expects_continue && self.began.is_none() && self.passed == 0);
        }
    }
}
