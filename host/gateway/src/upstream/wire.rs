//! One connection to an origin, and one request at a time over it.
//!
//! hyper's two halves, the sender and the connection, stay together here, so that whoever waits for something drives
//! the connection itself.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::UpstreamError;
use crate::body::{Body, BodyError, Flow};
use crate::deadline::Alarm;

pub(crate) struct Wire {
    sender: SendRequest<Body>,
    /// Nothing when it is over.
    connection: Option<Connection<TokioIo<TcpStream>, Body>>,
    alarm: Alarm,
}

/// A request without a response.
pub(super) struct Unanswered {
    pub(super) error: UpstreamError,
    /// The request, if none of it was written.
    pub(super) unsent: Option<Request<Body>>,
}

impl From<UpstreamError> for Unanswered {
    fn from(error: UpstreamError) -> Unanswered {
        Unanswered { error, unsent: None }
    }
}

impl Wire {
    pub(super) async fn new(http: &Builder, stream: TcpStream) -> hyper::Result<Box<Wire>> {
        let (sender, connection) = http.handshake(TokioIo::new(stream)).await?;
        Ok(Box::new(Wire { sender, connection: Some(connection), alarm: Alarm::new(Instant::now()) }))
    }

    /// Move bytes. What comes of it shows in the response or its body.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = &mut self.connection
            && Pin::new(connection).poll(cx).is_ready()
        {
            // Dropping it gives back a request that it hasn't begun to write.
            self.connection = None;
        }
    }

    /// Has nothing come over an idle connection, neither its end nor a response that nobody asked for?
    pub(super) fn is_alive(&mut self) -> bool {
        // Whoever takes the connection next polls it with its own waker.
        self.drive(&mut Context::from_waker(Waker::noop()));
        self.is_idle()
    }

    /// Is the exchange over in both directions, and may there be another?
    pub(super) fn is_idle(&self) -> bool {
        self.connection.is_some() && self.sender.is_ready()
    }

    /// Wait until `deadline` in the task that drives this.
    pub(super) fn poll_deadline(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        self.alarm.poll(cx, deadline)
    }

    /// Send a request and wait for the response's head for `timeout` after the last progress.
    pub(super) async fn request(
        mut self: Box<Self>,
        mut request: Request<Body>,
        timeout: Duration,
    ) -> Result<(Box<Self>, Response<Incoming>), Unanswered> {
        let progress = Progress::of(request.body_mut());
        let mut sent = pin!(self.sender.try_send_request(request));
        let mut deadline = Instant::now() + timeout;
        let mut seen = 0;
        let answer = poll_fn(|cx| {
            self.drive(cx);
            // An answer can only come of driving, so nobody need wake this task for it. (A task that has used up its
            // budget is woken by the alarm below.)
            if let Poll::Ready(answer) = sent.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return Poll::Ready(Some(answer));
            }
            while self.alarm.poll(cx, deadline).is_ready() {
                let now = progress.bytes();
                if now == seen {
                    return Poll::Ready(None);
                }
                seen = now;
                deadline = Instant::now() + timeout;
            }
            Poll::Pending
        })
        .await;
        match answer {
            Some(Ok(response)) => Ok((self, response)),
            Some(Err(error)) => Err(unanswered(error)),
            None => Err(UpstreamError::ResponseHeaderTimeout.into()),
        }
    }
}

/// How much of a request's body was sent.
struct Progress(Option<Rc<Flow>>);

impl Progress {
    fn of(body: &mut Body) -> Progress {
        Progress(body.flow_if_streaming())
    }

    fn bytes(&self) -> u64 {
        self.0.as_ref().map_or(0, |flow| flow.bytes())
    }
}

fn unanswered(mut failed: TrySendError<Request<Body>>) -> Unanswered {
    let unsent = failed.take_message();
    Unanswered { error: cause(&failed.into_error()), unsent }
}

fn cause(error: &hyper::Error) -> UpstreamError {
    let body = std::error::Error::source(error).and_then(|source| source.downcast_ref::<BodyError>());
    match body {
        Some(body) => UpstreamError::RequestBody(*body),
        None if error.is_parse_too_large() => UpstreamError::Malformed("its head is too large"),
        None if error.is_parse() => UpstreamError::Malformed("its head can't be parsed"),
        None => UpstreamError::Broken,
    }
}
