//! One connection to an origin, and one request at a time over it.
//!
//! hyper's two halves, the sender and the connection, stay together here, so that whoever waits for something drives
//! the connection itself. A relay stands between hyper's wakers and that task: most of what hyper would wake it for is
//! the work of the very poll that is under way, and would cost a second one for nothing.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use hyper::Response;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::socket::{Account, OriginStream};
use super::{Unsent, UpstreamError};
use crate::body::{Body, BodyError, Flow};
use crate::deadline::Alarm;

pub(crate) struct Wire {
    sender: SendRequest<Body>,
    /// Nothing when it is over.
    connection: Option<Connection<TokioIo<OriginStream>, Body>>,
    /// What is kept of it then, if it may be upgraded.
    upgraded: Upgraded,
    alarm: Alarm,
    /// What became of the connection's bytes.
    account: Rc<Account>,
    /// The most that may be read before the head of a response is complete.
    head_bytes: u64,
    relay: Arc<Relay>,
    /// The relay as hyper knows it.
    relay_waker: Waker,
}

/// What becomes of a connection that is over for HTTP.
enum Upgraded {
    Never,
    Perhaps,
    Kept(Box<Connection<TokioIo<OriginStream>, Body>>),
}

/// Wakes the task that drives a connection, or doesn't.
struct Relay {
    mode: AtomicU8,
    task: Mutex<Waker>,
}

/// Nobody drives: whoever wakes means the task.
const FORWARD: u8 = 0;
/// Somebody drives: remember that there is more to do.
const DRIVING: u8 = 1;
/// There is more to do.
const WOKEN: u8 = 2;
/// Somebody is about to drive, or nobody is interested.
const MUTE: u8 = 3;

impl Relay {
    fn enter(&self, mode: u8) -> u8 {
        self.mode.swap(mode, Ordering::AcqRel)
    }

    /// From now on, wake this task.
    fn serve(&self, task: &Waker) {
        let mut known = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone_from(task);
    }

    fn wake_task(&self) {
        self.task.lock().unwrap_or_else(PoisonError::into_inner).wake_by_ref();
    }
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // All modes but the first are entered and left within one poll, on one thread.
        let seen = self.mode.compare_exchange(DRIVING, WOKEN, Ordering::AcqRel, Ordering::Acquire);
        if seen == Err(FORWARD) {
            self.wake_task();
        }
    }
}

impl Wire {
    /// `head_bytes` are those of a response's head; interim responses before it may have as many again.
    pub(super) async fn new(http: &Builder, stream: OriginStream, head_bytes: usize) -> hyper::Result<Box<Wire>> {
        let account = Rc::clone(stream.socket().account());
        let (sender, connection) = http.handshake(TokioIo::new(stream)).await?;
        let relay = Arc::new(Relay { mode: AtomicU8::new(MUTE), task: Mutex::new(Waker::noop().clone()) });
        let relay_waker = Waker::from(Arc::clone(&relay));
        let alarm = Alarm::new(Instant::now());
        Ok(Box::new(Wire {
            sender,
            connection: Some(connection),
            upgraded: Upgraded::Never,
            alarm,
            account,
            head_bytes: (head_bytes as u64).saturating_mul(2),
            relay,
            relay_waker,
        }))
    }

    /// Move bytes. What comes of it shows in the response or its body.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        let Some(connection) = &mut self.connection else { return };
        self.relay.serve(cx.waker());
        self.relay.enter(DRIVING);
        let is_over = Pin::new(connection).poll(&mut Context::from_waker(&self.relay_waker)).is_ready();
        if self.relay.enter(FORWARD) == WOKEN {
            cx.waker().wake_by_ref();
        }
        if is_over {
            // Dropping it gives back a request that it hasn't begun to write.
            let over = self.connection.take();
            if let (Upgraded::Perhaps, Some(over)) = (&self.upgraded, over) {
                self.upgraded = Upgraded::Kept(Box::new(over));
            }
        }
    }

    /// The next request asks for another protocol.
    pub(super) fn may_be_upgraded(&mut self) {
        self.upgraded = Upgraded::Perhaps;
    }

    /// The connection's bytes and what was read of them already, once it is over for HTTP.
    pub(super) fn take_upgraded(&mut self) -> Option<(OriginStream, Bytes)> {
        match std::mem::replace(&mut self.upgraded, Upgraded::Never) {
            Upgraded::Kept(connection) => {
                let parts = connection.into_parts();
                Some((parts.io.into_inner(), parts.read_buf))
            }
            other => {
                self.upgraded = other;
                None
            }
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.connection.is_none()
    }

    /// Do something that hyper wakes the driver for, and that is followed by driving anyway.
    pub(super) fn quietly<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> T {
        let mode = self.relay.enter(MUTE);
        let done = act(self);
        self.relay.enter(mode);
        done
    }

    /// Nobody is interested for now.
    pub(super) fn rest(&self) {
        self.relay.enter(MUTE);
    }

    /// Has nothing come over an idle connection, neither its end nor a response that nobody asked for?
    pub(super) fn is_alive(&mut self) -> bool {
        // Whoever takes the connection next polls it with its own waker.
        self.drive(&mut Context::from_waker(Waker::noop()));
        self.rest();
        self.is_idle()
    }

    /// Is the exchange over in both directions, and may there be another?
    pub(super) fn is_idle(&self) -> bool {
        self.connection.is_some() && self.sender.is_ready() && !self.account.is_broken()
    }

    /// Wait until `deadline` in the task that drives this.
    pub(super) fn poll_deadline(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        self.alarm.poll(cx, deadline)
    }

    /// Send a request and wait for the response's head for `timeout` after the last progress.
    pub(super) async fn request(
        mut self: Box<Self>,
        request: &mut Unsent,
        timeout: Duration,
    ) -> Result<(Box<Self>, Response<Incoming>), UpstreamError> {
        let progress = Progress(request.as_mut().and_then(|request| request.body_mut().flow_if_streaming()));
        let sending = {
            let Some(request) = request.take() else { return Err(UpstreamError::Broken) };
            // It wakes the connection, which is driven below.
            self.quietly(|wire| wire.sender.try_send_request(request))
        };
        let mut sent = pin!(sending);
        let mut deadline = Instant::now() + timeout;
        let mut seen = 0;
        let before = self.account.read();
        let answer = poll_fn(|cx| {
            self.drive(cx);
            // An answer can only come of driving, so nobody need wake this task for it. (A task that has used up its
            // budget is woken by the alarm below.)
            if let Poll::Ready(answer) = sent.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return Poll::Ready(answer.map_err(|mut failed| {
                    *request = failed.take_message();
                    cause(&failed.into_error(), self.account.read() != before)
                }));
            }
            // hyper skips interim responses however many there are (`reliability.md` §2.1, row 10).
            if self.account.read().wrapping_sub(before) > self.head_bytes {
                return Poll::Ready(Err(UpstreamError::HeadTooLarge));
            }
            while self.alarm.poll(cx, deadline).is_ready() {
                let now = progress.bytes();
                if now == seen {
                    return Poll::Ready(Err(UpstreamError::ResponseHeaderTimeout));
                }
                seen = now;
                deadline = Instant::now() + timeout;
            }
            Poll::Pending
        })
        .await;
        answer.map(|response| (self, response))
    }
}

/// How much of a request's body was sent.
struct Progress(Option<Rc<Flow>>);

impl Progress {
    fn bytes(&self) -> u64 {
        self.0.as_ref().map_or(0, |flow| flow.bytes())
    }
}

/// `has_begun`: a part of a response had come.
fn cause(error: &hyper::Error, has_begun: bool) -> UpstreamError {
    let body = std::error::Error::source(error).and_then(|source| source.downcast_ref::<BodyError>());
    match body {
        Some(body) => UpstreamError::RequestBody(*body),
        None if error.is_parse_too_large() => UpstreamError::HeadTooLarge,
        None if error.is_parse() => UpstreamError::Malformed("its head can't be parsed"),
        None if has_begun => UpstreamError::Incomplete,
        None => UpstreamError::Broken,
    }
}
