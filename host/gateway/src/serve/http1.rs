//! HTTP/1 connections: one request at a time, over hyper.

/// The socket as hyper sees it.
mod io;

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;

use super::handshake::Connected;
use super::rest;
use super::watch::{Overdue, Rest, Watch};
use super::{Arrival, Handler, Server, Settings, Worker};
use crate::body::Body;
use crate::body::client::ClientBody;
use crate::deadline::Alarm;
use crate::respond::{Rejection, X_REQUEST_ID};
use crate::stream::Stream;
use crate::tunnel::Agreed;
use io::ClientIo;

pub(super) fn builder(settings: &Settings) -> http1::Builder {
    let mut http = http1::Builder::new();
    // Time limits are the watch's: hyper's own costs an allocation and a timer for each request, and can't tell
    // an idle connection from a slow head.
    http.header_read_timeout(None)
        .max_header_size(settings.header_bytes)
        .max_buf_size(settings.buffer_bytes.max(settings.header_bytes).max(8 << 10));
    if settings.header_lines != 100 {
        http.max_headers(settings.header_lines);
    }
    http
}

/// How a connection came to its end.
enum Ended {
    /// hyper is done with it.
    Done,
    /// It broke, or hyper refused to go on.
    Broken,
    /// The client took too long.
    Overdue,
}

/// Serve a connection to its end. `first` was read from it already.
pub(super) async fn serve<H: Handler>(
    server: &Server<H>,
    stream: Stream,
    first: Bytes,
    connected: Connected,
    watch: Rc<Watch>,
) {
    let worker = &*server.worker;
    let service = service_fn(|request| exchange(worker, request, &connected, &watch));
    let mut connection = server.http1.serve_connection(ClientIo::new(stream, first, Rc::clone(&watch)), service);
    let mut alarm = Alarm::new(watch.deadline().unwrap_or_else(tokio::time::Instant::now));
    let mut told_to_drain = false;
    let ended = poll_fn(|cx| {
        if worker.connections.is_draining() && !told_to_drain {
            told_to_drain = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        drive(&mut connection, &watch, &mut alarm, cx)
    })
    .await;
    let mut io = match ended {
        Ended::Broken => return,
        Ended::Done => {
            let parts = connection.into_parts();
            if let Some(agreed) = watch.take_agreed() {
                agreed.run(TokioIo::new(parts.io), parts.read_buf, worker.settings.upgrade_idle_timeout).await;
                return;
            }
            parts.io
        }
        Ended::Overdue if watch.is_in_head() => {
            let mut io = connection.into_parts().io;
            io.last_words(&Rejection::HeaderTimeout.early_response(&worker.ids.next()));
            io
        }
        Ended::Overdue => return,
    };
    close(&mut io, &watch, &mut alarm).await;
}

/// Let hyper work, and look at the time.
fn drive<F: Future<Output = hyper::Result<()>> + Unpin>(
    connection: &mut F,
    watch: &Watch,
    alarm: &mut Alarm,
    cx: &mut Context<'_>,
) -> Poll<Ended> {
    let mut body_was_told = false;
    loop {
        match Pin::new(&mut *connection).poll(cx) {
            Poll::Ready(Ok(())) => return Poll::Ready(Ended::Done),
            Poll::Ready(Err(_)) => return Poll::Ready(Ended::Broken),
            Poll::Pending => {}
        }
        let Some(deadline) = watch.deadline() else { return Poll::Pending };
        if alarm.poll(cx, deadline).is_pending() {
            return Poll::Pending;
        }
        match watch.overdue() {
            Some(Overdue::Connection) => return Poll::Ready(Ended::Overdue),
            // The body says so itself to whoever reads it, which happens in the next poll. If nobody does,
            // nothing is overdue.
            Some(Overdue::Body) if body_was_told => watch.body_came(),
            Some(Overdue::Body) => body_was_told = true,
            None => {}
        }
    }
}

/// Shut down so that the client can read to the end; at once if that was done already.
async fn close(io: &mut ClientIo, watch: &Watch, alarm: &mut Alarm) {
    poll_fn(|cx| {
        loop {
            if io.poll_close(cx).is_ready() {
                return Poll::Ready(());
            }
            let Some(deadline) = watch.deadline() else { return Poll::Ready(()) };
            if alarm.poll(cx, deadline).is_pending() {
                return Poll::Pending;
            }
            if watch.overdue().is_some() {
                return Poll::Ready(());
            }
        }
    })
    .await;
}

/// Not an `async fn`, because hyper moves what this gives for each request: such a function has room for its arguments
/// twice.
fn exchange<'c, H: Handler>(
    worker: &'c Worker<H>,
    request: Request<Incoming>,
    connected: &'c Connected,
    watch: &'c Rc<Watch>,
) -> impl Future<Output = Result<Response<Body>, Infallible>> + use<'c, H> {
    let at = watch.begin(request.version() == Version::HTTP_10);
    let arrival = connected.arrival(at, worker.ids.next());
    let is_head = request.method() == Method::HEAD;
    let patience = worker.settings.body_patience;
    let mut request = request.map(|incoming| match incoming.is_end_stream() {
        true => Body::empty(),
        false => Body::from_client(ClientBody::http1(incoming, Rc::clone(watch), patience)),
    });
    async move {
        let response = {
            let answer = pin!(worker.answer(&mut request, connected, &arrival));
            worker.unless_panicked(&arrival, answer).await
        };
        if response.headers().contains_key(header::CONNECTION) {
            // Whoever answered is in doubt about the connection.
            watch.must_close();
        }
        let is_kept = match watch.handled() {
            Rest::None => true,
            Rest::Close => false,
            // Boxed: it is rarely needed.
            Rest::Unread(incoming) => Box::pin(rest::can_be_passed_over(incoming, watch)).await,
        };
        Ok(completed(worker, watch, response, is_head, is_kept, &arrival))
    }
}

/// The last touches, which are this protocol's.
fn completed<H: Handler>(
    worker: &Worker<H>,
    watch: &Rc<Watch>,
    mut response: Response<Body>,
    is_head: bool,
    is_kept: bool,
    arrival: &Arrival,
) -> Response<Body> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return upgraded(response, watch);
    }
    let headers = response.headers_mut();
    // Framing follows from the body alone; hyper would believe what stands here. The answer to HEAD has no other
    // way to tell a length.
    headers.remove(header::TRANSFER_ENCODING);
    if !is_head {
        headers.remove(header::CONTENT_LENGTH);
    }
    if !is_kept {
        watch.must_linger();
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if worker.connections.is_leaving() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if !headers.contains_key(X_REQUEST_ID) {
        headers.insert(X_REQUEST_ID, arrival.request_id.header());
    }
    response.body_mut().answering(Rc::clone(watch));
    response
}

/// The answer to an upgrade: from its end on, the connection belongs to the tunnel.
fn upgraded(mut response: Response<Body>, watch: &Watch) -> Response<Body> {
    let mut body = std::mem::take(response.body_mut());
    let Some(tunnel) = body.take_tunnel() else {
        // A policy has put something else in its place: nobody is there to speak with.
        return Rejection::PolicyFault.response();
    };
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, tunnel.wanted.protocol.clone());
    watch.agree(Agreed { tunnel, body });
    response
}
